//! The formats that a schema may ask of a text.
//!
//! Models Kubernetes 1.36 vendor/k8s.io/kube-openapi/pkg/validation/strfmt. Dashes in the names of formats do not count.

use core::net::{IpAddr, Ipv6Addr};

use regex_lite::Regex;

use crate::apimachinery::content;

/// Formats that are a pattern, letters in any case.
const PATTERNS: &[(&str, &str)] = &[
    ("bsonobjectid", "^[0-9a-f]{24}$"),
    (
        "creditcard",
        "^(4[0-9]{12}([0-9]{3})?|5[1-5][0-9]{14}|6(011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(0[0-5]|[68][0-9])[0-9]{11}|(2131|1800|35[0-9]{3})[0-9]{11})$",
    ),
    ("hexcolor", "^#?([0-9a-f]{3}|[0-9a-f]{6})$"),
    ("isbn10", "^([0-9]{9}X|[0-9]{10})$"),
    ("isbn13", "^([0-9]{13})$"),
    ("mac", "^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$|^([0-9a-f]{4}\\.){2}[0-9a-f]{4}$|^([0-9a-f]{2}[:-]){7}[0-9a-f]{2}$"),
    (
        "rgbcolor",
        "^rgb\\( ?(0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]) ?, ?(0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]) ?, ?(0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]) ?\\)$",
    ),
    ("ssn", "^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$"),
    ("uuid", "^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"),
    ("uuid3", "^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$"),
    ("uuid4", "^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$"),
    ("uuid5", "^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$"),
    ("byte", "^([a-z0-9+/]{4})*([a-z0-9+/]{2}==|[a-z0-9+/]{3}=|[a-z0-9+/]{4})$"),
    ("email", "^([^@<>\"(),:;\\[\\]\\\\ ]+@[^@<>\"(),:;\\[\\]\\\\ ]+|.*<[^@<> ]+@[^@<> ]+>)$"),
    ("uri", "^([a-z][a-z0-9+.-]*:(/.*|[^/].*)|/.*)$"),
    ("duration", "^[+-]?(0|([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$"),
];

/// Whether the format asks for anything.
pub fn is_known(format: &str) -> bool {
    !matches!(format, "int32" | "int64" | "float" | "double" | "password")
}

/// Whether a text has the format.
pub fn fits(format: &str, text: &str) -> bool {
    let plain = format.replace('-', "");
    match plain.as_str() {
        "datetime" => date_time(text),
        "date" => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        "ipv4" => text.contains('.') && address(text),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => text.split_once('/').is_some_and(|(of, bits)| {
            let most = if of.contains(':') { 128 } else { 32 };
            address(of) && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
        }),
        "hostname" => hostname(text),
        "k8sshortname" => content::dns1123_label(text).is_empty(),
        "k8slongname" => content::dns1123_subdomain(text).is_empty(),
        "isbn" => pattern("isbn10", text) || pattern("isbn13", text),
        "duration" => pattern("duration", text) || long_duration(text),
        "uri" => !text.contains(|c: char| c.is_ascii_control() || c == ' ') && pattern("uri", text),
        other => pattern(other, text),
    }
}

fn pattern(format: &str, text: &str) -> bool {
    let found = PATTERNS.iter().find(|(name, _)| *name == format);
    found.is_none_or(|(_, pattern)| Regex::new(&format!("(?i){pattern}")).is_ok_and(|regex| regex.is_match(text)))
}

/// Go reads addresses with zeros before their numbers, too.
fn address(text: &str) -> bool {
    let bare = |part: &str| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0".to_owned(),
        rest => rest.to_owned(),
    };
    let parts: Vec<String> = text.split('.').map(bare).collect();
    text.parse::<IpAddr>().is_ok() || (!text.contains(':') && parts.join(".").parse::<IpAddr>().is_ok())
}

/// A day, `T`, a time with seconds and perhaps parts of them, and an offset.
fn date_time(text: &str) -> bool {
    let Some((day, time)) = text.split_once(['T', 't']) else { return false };
    let zoned = time.ends_with(['Z', 'z']) || time.get(8..).is_some_and(|rest| rest.contains(['+', '-']));
    let seconds = time.get(..8).is_some_and(|time| time.split(':').count() == 3);
    day.len() == 10 && seconds && zoned && text.to_uppercase().parse::<jiff::Timestamp>().is_ok()
}

fn hostname(text: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric();
    let parts: Vec<&str> = text.split('.').collect();
    let part = |part: &&str| {
        part.len() <= 63
            && part.starts_with(letter)
            && part.ends_with(letter)
            && part.chars().all(|c| letter(c) || c == '-')
    };
    let last = parts.last().copied().unwrap_or_default();
    let top = parts.len() == 1 || (last.chars().all(char::is_alphabetic) && (2..=63).contains(&last.chars().count()));
    text.len() <= 255 && parts.iter().all(part) && top
}

/// Numbers with the names of units, as `1 day` or `2weeks`.
fn long_duration(text: &str) -> bool {
    const UNITS: &[&str] = &[
        "ns", "nano", "us", "µs", "micro", "ms", "milli", "s", "sec", "m", "min", "h", "hr", "hour", "d", "day", "w",
        "week", "wk",
    ];
    let text = text.to_lowercase();
    let unit = |rest: &str| {
        let word: String = rest.trim_start().chars().take_while(|c| c.is_alphabetic()).collect();
        UNITS.iter().any(|unit| word == *unit || (unit.len() > 2 && word.starts_with(unit)))
    };
    let starts = text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at + 1);
    starts.filter_map(|at| text.get(at..)).any(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_a_format_or_not() {
        for (format, text, expected) in [
            ("date-time", "2026-01-01T00:00:00Z", true),
            ("date-time", "2026-01-01T00:00:00.5+02:00", true),
            ("date-time", "2026-01-01", false),
            ("date", "2026-13-01", false),
            ("ipv4", "1.2.3.4", true),
            ("ipv4", "::1", false),
            ("cidr", "10.0.0.0/8", true),
            ("cidr", "10.0.0.0", false),
            ("mac", "00:00:5e:00:53:01", true),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", true),
            ("uuid4", "123e4567-e89b-12d3-a456-426614174000", false),
            ("byte", "YQ==", true),
            ("byte", "ABC", false),
            ("email", "a@b.c", true),
            ("email", "a", false),
            ("uri", "http://a.b/c", true),
            ("uri", "a b", false),
            ("hostname", "example.com", true),
            ("hostname", "a.b", false),
            ("hostname", "-a", false),
            ("duration", "1h30m", true),
            ("duration", "1 day", true),
            ("duration", "x", false),
            ("password", "", true),
        ] {
            assert_eq!(fits(format, text), expected, "{format} {text}");
        }
    }
}
