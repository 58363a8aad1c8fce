//! The constants of Go: numbers, characters and quoted text.
//!
//! Models Go strconv (`Unquote`) and text/template/parse/node.go (`newNumber`).

use serde_json::Value;

use super::value::Val;
use crate::text::go_number::quote;

/// A number, or the number of a character.
///
/// # Errors
/// What is none.
pub fn number(text: &str) -> Result<Val, String> {
    let bad = || format!("bad number syntax: {}", quote(text));
    if text.starts_with('\'') {
        let inner = unquote(&format!("\"{}\"", text.trim_matches('\'').replace("\\'", "'").replace('"', "\\\"")))?;
        let mut chars = inner.chars();
        return match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(Val::Int(u32::from(c).into())),
            _ => Err(format!("malformed character constant: {text}")),
        };
    }
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (-1, body),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let plain = body.replace('_', "");
    let lower = plain.to_lowercase();
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| lower.strip_prefix(prefix).map(|digits| i64::from_str_radix(digits, radix)));
    if let Some(number) = radix {
        return number.map(|number| Val::Int(sign * number)).map_err(|_| bad());
    }
    if let Ok(number) = plain.parse::<i64>() {
        return Ok(Val::Int(sign * number));
    }
    let float = plain.parse::<f64>().map_err(|_| bad())?;
    serde_json::Number::from_f64(float * sign as f64).map(|number| Val::Json(Value::Number(number))).ok_or_else(bad)
}

/// The content of a quoted constant, with Go's escapes.
///
/// # Errors
/// An escape that Go does not know.
pub fn unquote(text: &str) -> Result<String, String> {
    if let Some(raw) = text.strip_prefix('`') {
        return Ok(raw.trim_end_matches('`').to_owned());
    }
    let bad = || "invalid syntax".to_owned();
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(bad)?;
    let (mut out, mut chars) = (String::new(), inner.chars());
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escape = chars.next().ok_or_else(bad)?;
        let length = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            '0'..='7' => 0,
            _ => {
                out.push(match escape {
                    'a' => '\x07',
                    'b' => '\x08',
                    'f' => '\x0c',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\x0b',
                    '\\' | '"' => escape,
                    _ => return Err(bad()),
                });
                continue;
            }
        };
        let digits: String = match length {
            0 => std::iter::once(escape).chain(chars.by_ref().take(2)).collect(),
            length => chars.by_ref().take(length).collect(),
        };
        let code = u32::from_str_radix(&digits, if length == 0 { 8 } else { 16 }).map_err(|_| bad())?;
        out.push(char::from_u32(code).ok_or_else(bad)?);
    }
    Ok(out)
}
