//! `date` and `uptime`.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::shell::applets::files::options;
use crate::shell::process::Flavour;
use crate::shell::program::System;
use crate::sim::Time;

/// An instant in a format of strftime, in UTC. `None` when the format is none.
pub(in crate::shell::applets) fn strftime(format: &str, time: Time) -> Option<String> {
    let format = format.replace("%N", "%9f").replace("%3N", "%3f");
    strtime::format(format, &time.timestamp().to_zoned(TimeZone::UTC)).ok()
}

applet!(date, |args, kernel, out| {
    let Some(options) = options(args, "uRI", "dDrs\u{2}", kernel, out) else { return 1 };
    let mut time = kernel.now();
    if let Some(text) = options.value('d') {
        let parsed = text.strip_prefix('@').and_then(|seconds| seconds.parse().ok()).map(Time::from_seconds);
        let parsed = parsed.or_else(|| {
            text.replace(' ', "T")
                .parse::<jiff::civil::DateTime>()
                .ok()
                .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
                .map(|zoned| Time::from(zoned.timestamp()))
        });
        let parsed =
            parsed.or_else(|| text.parse::<jiff::Timestamp>().ok().map(Time::from)).or((text == "now").then_some(time));
        match parsed {
            Some(parsed) => time = parsed,
            None => {
                out.err(&if kernel.flavour() == Flavour::Gnu {
                    format!("date: invalid date ‘{text}’\n")
                } else {
                    format!("date: invalid date '{text}'\n")
                });
                return 1;
            }
        }
    }
    let format = match options.words.first() {
        Some(word) => match word.strip_prefix('+') {
            Some(format) => format.to_owned(),
            None => {
                out.err(&format!("date: invalid date '{word}'\n"));
                return 1;
            }
        },
        None if options.has('R') => "%a, %d %b %Y %H:%M:%S +0000".into(),
        None if options.has('I') => "%Y-%m-%d".into(),
        None => "%a %b %e %H:%M:%S UTC %Y".into(),
    };
    out.out(&format!("{}\n", strftime(&format, time).unwrap_or(format)));
    0
});

applet!(uptime, |_, kernel, out| {
    let up = kernel.now().since(kernel.boot_time()).as_secs();
    out.out(&format!(
        " {} up {} min,  load average: 0.00, 0.00, 0.00\n",
        strftime("%H:%M:%S", kernel.now()).unwrap_or_default(),
        up / 60
    ));
    0
});
