//! Times as Go reads them, in the form of RFC 3339. Refuses what Go's `time.Parse` refuses, in its words.

/// The form of a time of the API.
pub const RFC3339: &str = "2006-01-02T15:04:05Z07:00";

/// The same with microseconds.
pub const RFC3339_MICRO: &str = "2006-01-02T15:04:05.000000Z07:00";

/// The parts of the form before the zone, with their widths.
const PARTS: [(&str, usize); 11] = [
    ("2006", 4),
    ("-", 1),
    ("01", 2),
    ("-", 1),
    ("02", 2),
    ("T", 1),
    ("15", 2),
    (":", 1),
    ("04", 2),
    (":", 1),
    ("05", 2),
];

/// Reads a time; `layout` is the form that is told.
///
/// # Errors
/// The first part of the form that the rest of the text does not begin with.
pub fn parse(text: &str, layout: &str) -> Result<jiff::Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let wrong =
        |rest: &str, part: &str| format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {part:?}");
    let mut rest = text;
    for (part, width) in PARTS {
        let head = rest.get(..width).unwrap_or_default();
        let fits = if part.starts_with(|c: char| c.is_ascii_digit()) {
            head.len() == width && head.bytes().all(|byte| byte.is_ascii_digit())
        } else {
            head == part
        };
        if !fits {
            return Err(wrong(rest, part));
        }
        rest = rest.get(width..).unwrap_or_default();
    }
    Err(wrong(rest, "Z07:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_that_is_missing_is_told() {
        let why = |text: &str| parse(text, RFC3339).unwrap_err();
        assert!(why("yesterday").ends_with("cannot parse \"yesterday\" as \"2006\""));
        assert!(why("2020-01-01").ends_with("cannot parse \"\" as \"T\""));
        assert!(why("2020-01-01T00:00:00").ends_with("cannot parse \"\" as \"Z07:00\""));
        assert!(parse("2020-01-01T00:00:00+01:00", RFC3339).is_ok());
    }
}
