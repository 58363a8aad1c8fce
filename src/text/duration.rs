//! Lengths of time as Kubernetes and Go print and read them. Reads no clock.
//!
//! Models k8s.io/apimachinery pkg/util/duration and Go's `time.Duration`. All durations are nanoseconds.

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Two or three significant figures, as in kubectl's AGE columns: `5s`, `119s`, `2m30s`, `3h`, `2d1h`, `1y20d`.
pub fn human_duration(nanoseconds: i64) -> String {
    let seconds = nanoseconds / SECOND;
    // A second is forgiven: clocks of two machines differ.
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    if seconds < 0 {
        return "0s".to_owned();
    }
    if seconds < 120 {
        return format!("{seconds}s");
    }
    let (minutes, hours) = (nanoseconds / MINUTE, nanoseconds / HOUR);
    let days = hours / 24;
    let pair = |large: i64, unit: &str, small: i64, rest: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{rest}"),
    };
    if minutes < 10 {
        pair(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        pair(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if hours < 24 * 8 {
        pair(days, "d", hours % 24, "h")
    } else if hours < 24 * 365 * 2 {
        format!("{days}d")
    } else if hours < 24 * 365 * 8 {
        pair(days / 365, "y", days % 365, "d")
    } else {
        format!("{}y", days / 365)
    }
}

/// One figure: `5s`, `2m`, `3h`, `4d`, `1y`.
pub fn short_human_duration(nanoseconds: i64) -> String {
    let seconds = nanoseconds / SECOND;
    let hours = nanoseconds / HOUR;
    match seconds {
        i64::MIN..=-2 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m", seconds / 60),
        _ if hours < 24 => format!("{hours}h"),
        _ if hours < 24 * 365 => format!("{}d", hours / 24),
        _ => format!("{}y", hours / 24 / 365),
    }
}

/// Go's `Duration.String`: `0s`, `1.5s`, `300ms`, `1h2m3s`.
pub fn go_duration(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    match magnitude {
        0 => return "0s".to_owned(),
        1..=999 => return format!("{sign}{magnitude}ns"),
        1_000..=999_999 => return format!("{sign}{}µs", decimal(magnitude, 1_000)),
        1_000_000..=999_999_999 => return format!("{sign}{}ms", decimal(magnitude, 1_000_000)),
        _ => {}
    }
    let second = SECOND.unsigned_abs();
    let minutes = magnitude / second / 60;
    let seconds = decimal(magnitude - minutes * 60 * second, second);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// Go's `time.ParseDuration`: `300ms`, `-1.5h`, `2h45m`, `0`.
///
/// # Errors
/// Go's words: `time: invalid duration "x"`, `time: missing unit in duration "3"`,
/// `time: unknown unit "d" in duration "3d"`.
pub fn parse_go_duration(text: &str) -> Result<i64, String> {
    const LIMIT: u64 = 1 << 63;
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = split_digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let unit_end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let Some(scale) = unit_length(unit) else {
            return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(text)));
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let mut value = whole.checked_mul(scale).filter(|&value| value <= LIMIT).ok_or_else(invalid)?;
        let fraction: f64 = format!("0.{fraction}0").parse().unwrap_or(0.0);
        value += (fraction * scale as f64) as u64;
        total = total.checked_add(value).filter(|&total| total <= LIMIT).ok_or_else(invalid)?;
        rest = after;
    }
    match (negative, i64::try_from(total)) {
        (false, Ok(total)) => Ok(total),
        (false, Err(_)) => Err(invalid()),
        (true, Ok(total)) => Ok(-total),
        (true, Err(_)) => Ok(i64::MIN),
    }
}

fn unit_length(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn decimal(value: u64, unit: u64) -> String {
    let digits = unit.ilog10() as usize;
    let fraction = format!("{:0digits$}", value % unit);
    match fraction.trim_end_matches('0') {
        "" => (value / unit).to_string(),
        fraction => format!("{}.{fraction}", value / unit),
    }
}

/// Go's time package quotes on its own: everything outside printable ASCII becomes `\xNN`.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' | 0x7f => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_or_three_figures() {
        for (seconds, long, short) in [
            (-2, "<invalid>", "<invalid>"),
            (-1, "0s", "0s"),
            (0, "0s", "0s"),
            (119, "119s", "1m"),
            (120, "2m", "2m"),
            (150, "2m30s", "2m"),
            (600, "10m", "10m"),
            (3 * 3600, "3h", "3h"),
            (3 * 3600 + 60, "3h1m", "3h"),
            (9 * 3600, "9h", "9h"),
            (47 * 3600, "47h", "1d"),
            (49 * 3600, "2d1h", "2d"),
            (8 * 86400, "8d", "8d"),
            (800 * 86400, "2y70d", "2y"),
            (9 * 365 * 86400, "9y", "9y"),
        ] {
            assert_eq!(human_duration(seconds * SECOND), long);
            assert_eq!(short_human_duration(seconds * SECOND), short);
        }
    }

    #[test]
    fn go_durations_print_and_read_back() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1_500 * 1_000_000, "1.5s"),
            (300 * 1_000_000, "300ms"),
            (1_500, "1.5µs"),
            (HOUR + 2 * MINUTE, "1h2m0s"),
            (-90 * SECOND, "-1m30s"),
        ] {
            assert_eq!(go_duration(nanoseconds), text);
            assert_eq!(parse_go_duration(text), Ok(nanoseconds));
        }
        assert_eq!(parse_go_duration(".5h1.s"), Ok(HOUR / 2 + SECOND));
    }

    #[test]
    fn wrong_durations_are_refused_in_gos_words() {
        for (text, problem) in [
            ("", "time: invalid duration \"\""),
            ("x", "time: invalid duration \"x\""),
            ("3", "time: missing unit in duration \"3\""),
            ("3d", "time: unknown unit \"d\" in duration \"3d\""),
            ("9999999999999h", "time: invalid duration \"9999999999999h\""),
        ] {
            assert_eq!(parse_go_duration(text), Err(problem.to_owned()));
        }
    }
}
