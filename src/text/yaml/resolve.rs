//! Which type a YAML 1.1 scalar has. Reads one scalar; knows no documents.
//!
//! Models go.yaml.in/yaml/v2 resolve.go.

use crate::text::go_number::parse_integer;

pub(super) const STR: &str = "tag:yaml.org,2002:str";
pub(super) const BOOL: &str = "tag:yaml.org,2002:bool";
pub(super) const INT: &str = "tag:yaml.org,2002:int";
pub(super) const FLOAT: &str = "tag:yaml.org,2002:float";
pub(super) const NULL: &str = "tag:yaml.org,2002:null";
pub(super) const TIMESTAMP: &str = "tag:yaml.org,2002:timestamp";
pub(super) const BINARY: &str = "tag:yaml.org,2002:binary";
pub(super) const MERGE: &str = "tag:yaml.org,2002:merge";

/// A resolved scalar.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    /// Fits `i64` or `u64`.
    Int(i128),
    Float(f64),
    /// A string, a timestamp (which stays a string), or base64 text of a `!!binary`.
    Text,
}

/// The tag and value of a scalar. An empty `tag` lets the text decide.
///
/// # Errors
/// The text of go-yaml when an explicit tag does not hold the value.
pub(super) fn resolve(tag: &str, text: &str) -> Result<(String, Scalar), String> {
    if !matches!(tag, "" | STR | BOOL | INT | FLOAT | NULL | TIMESTAMP) {
        return Ok((tag.to_owned(), Scalar::Text));
    }
    let (found, value) = if tag == STR { (STR, Scalar::Text) } else { guess(tag, text) };
    match tag {
        "" | STR => Ok((found.to_owned(), value)),
        _ if tag == found => Ok((found.to_owned(), value)),
        FLOAT if found == INT => match value {
            Scalar::Int(number) => Ok((FLOAT.to_owned(), Scalar::Float(number as f64))),
            other => Ok((found.to_owned(), other)),
        },
        _ => Err(format!("cannot decode {} `{text}` as a {}", short_tag(found), short_tag(tag))),
    }
}

/// Whether a plain scalar of this text reads back as the same string.
pub(super) fn is_plain_string(text: &str) -> bool {
    // `<<` is a string that merges when it is a key.
    guess("", text).0 == STR && !is_base_60(text) && text != "<<"
}

fn guess(tag: &str, text: &str) -> (&'static str, Scalar) {
    let first = text.bytes().next();
    if let Some(found) = from_map(text) {
        return found;
    }
    match first {
        Some(b'.') => match style_float(text) {
            Some(value) => (FLOAT, Scalar::Float(value)),
            None => (STR, Scalar::Text),
        },
        Some(b'+' | b'-' | b'0'..=b'9') => guess_number(tag, text),
        _ => (STR, Scalar::Text),
    }
}

fn from_map(text: &str) -> Option<(&'static str, Scalar)> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => (BOOL, Scalar::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            (BOOL, Scalar::Bool(false))
        }
        "" | "~" | "null" | "Null" | "NULL" => (NULL, Scalar::Null),
        ".nan" | ".NaN" | ".NAN" => (FLOAT, Scalar::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => (FLOAT, Scalar::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => (FLOAT, Scalar::Float(f64::NEG_INFINITY)),
        _ => return None,
    })
}

fn guess_number(tag: &str, text: &str) -> (&'static str, Scalar) {
    if (tag.is_empty() || tag == TIMESTAMP) && is_timestamp(text) {
        return (TIMESTAMP, Scalar::Text);
    }
    let plain = text.replace('_', "");
    if let Some(number) = parse_integer(&plain) {
        return (INT, Scalar::Int(number));
    }
    match style_float(&plain) {
        Some(value) => (FLOAT, Scalar::Float(value)),
        None => (STR, Scalar::Text),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, in range.
fn style_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let mantissa_ok = all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_ok = exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits));
    if !mantissa_ok || !exponent_ok || (whole.is_empty() && !mantissa.contains('.')) {
        return None;
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`: not read as a number, but quoted for readers that would.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (unsigned, ""),
    };
    let mut parts = whole.split(':');
    let head = parts.next().unwrap_or_default();
    let head_ok = head.starts_with(|c: char| c.is_ascii_digit()) && head.bytes().all(digit_or_underscore);
    let mut groups = 0;
    let groups_ok = parts.all(|part| {
        groups += 1;
        matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'])
    });
    head_ok && groups_ok && groups > 0 && fraction.bytes().all(digit_or_underscore)
}

fn digit_or_underscore(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// The four forms go-yaml takes: RFC 3339 with short fields (`T` or `t`), a space and no zone, a date alone.
fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = text
        .find(['T', 't', ' '])
        .map_or(Some((text, None)), |at| Some((text.get(..at)?, Some((text.get(at..at + 1)?, text.get(at + 1..)?)))))
    else {
        return false;
    };
    let mut fields = date.split('-');
    let (Some(year), Some(month), Some(day), None) = (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return false;
    };
    if year.len() != 4 || !digits_in(year, 0, 9999) || !digits_in(month, 1, 12) {
        return false;
    }
    let (year, month) = (year.parse::<u32>().unwrap_or(0), month.parse::<u32>().unwrap_or(0));
    if month == 0 || !digits_in(day, 1, days_of(year, month)) || day.len() > 2 {
        return false;
    }
    match time {
        None => true,
        Some((" ", clock)) => is_clock(clock),
        Some((_, rest)) => match rest.strip_suffix('Z') {
            Some(clock) => is_clock(clock),
            None => rest.rfind(['+', '-']).is_some_and(|at| {
                let (clock, zone) = rest.split_at(at);
                is_clock(clock) && is_zone(zone)
            }),
        },
    }
}

fn is_clock(text: &str) -> bool {
    let mut fields = text.split(':');
    let (Some(hour), Some(minute), Some(second), None) = (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return false;
    };
    let (second, fraction) = match second.split_once('.') {
        Some((second, fraction)) => (second, Some(fraction)),
        None => (second, None),
    };
    digits_in(hour, 0, 23)
        && digits_in(minute, 0, 59)
        && digits_in(second, 0, 59)
        && fraction.is_none_or(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()))
}

fn is_zone(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 6
        && bytes.get(3) == Some(&b':')
        && text.get(1..3).is_some_and(|h| digits_in(h, 0, 24))
        && text.get(4..6).is_some_and(|m| digits_in(m, 0, 60))
}

fn digits_in(text: &str, low: u32, high: u32) -> bool {
    !text.is_empty()
        && text.len() <= 4
        && text.bytes().all(|b| b.is_ascii_digit())
        && (high > 99 || text.len() <= 2)
        && text.parse::<u32>().is_ok_and(|n| n >= low && n <= high)
}

fn days_of(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400) => 29,
        2 => 28,
        _ => 31,
    }
}

fn short_tag(tag: &str) -> String {
    match tag.strip_prefix("tag:yaml.org,2002:") {
        Some(rest) => format!("!!{rest}"),
        None => tag.to_owned(),
    }
}
