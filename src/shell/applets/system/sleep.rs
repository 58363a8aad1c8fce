//! `sleep`, and durations as it reads them.

use std::time::Duration;

use crate::shell::applets::driver::once;
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::{Step, System, Wait};
use crate::shell::task::Task;
use crate::sim::Time;

/// A duration as sleep and timeout read it.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, scale) = match text.char_indices().last() {
        Some((at, 's')) => (text.get(..at)?, 1.0),
        Some((at, 'm')) => (text.get(..at)?, 60.0),
        Some((at, 'h')) => (text.get(..at)?, 3_600.0),
        Some((at, 'd')) => (text.get(..at)?, 86_400.0),
        _ => (text, 1.0),
    };
    if matches!(number, "inf" | "infinity") {
        return Some(Duration::from_secs(1 << 33));
    }
    if !number.chars().all(|c| c.is_ascii_digit() || c == '.') || number.is_empty() {
        return None;
    }
    let seconds: f64 = number.parse().ok()?;
    Some(Duration::from_secs_f64((seconds * scale).clamp(0.0, 1e10)))
}

#[derive(Clone, Debug)]
pub(super) struct Sleep {
    lasts: Duration,
    until: Option<Time>,
}

impl Task for Sleep {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        let until = *self.until.get_or_insert(kernel.now() + self.lasts);
        if kernel.now() >= until { Step::Exit(0) } else { Step::Wait(Wait { until: Some(until), ..Wait::default() }) }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

pub fn sleep(args: &[String]) -> Box<dyn Task> {
    let mut lasts = Duration::ZERO;
    for arg in args.iter().skip(1) {
        match duration(arg) {
            Some(more) => lasts += more,
            None => {
                return once(std::slice::from_ref(arg), |args, kernel, out| {
                    let word = args.first().map_or("", String::as_str);
                    out.err(&match kernel.flavour() {
                        Flavour::Gnu => {
                            format!("sleep: invalid time interval ‘{word}’\nTry 'sleep --help' for more information.\n")
                        }
                        Flavour::Busybox => format!("sleep: invalid number '{word}'\n"),
                    });
                    1
                });
            }
        }
    }
    if args.len() < 2 {
        return once(args, |_, kernel, out| {
            out.err(match kernel.flavour() {
                Flavour::Gnu => "sleep: missing operand\nTry 'sleep --help' for more information.\n",
                Flavour::Busybox => "BusyBox v1.36.1 multi-call binary.\n\nUsage: sleep [N]...\n",
            });
            1
        });
    }
    Box::new(Sleep { lasts, until: None })
}
