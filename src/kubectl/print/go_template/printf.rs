//! `printf`: Go's verbs, flags, widths, and what it says of those that do not fit.
//!
//! Models Go fmt (`Sprintf`).

use serde_json::Value;

use super::value::Val;
use crate::text::go_number::quote;

/// The widest that a verb may pad, as Go limits it.
const WIDEST: usize = 1_000_000;

#[derive(Default)]
struct Verb {
    minus: bool,
    plus: bool,
    zero: bool,
    space: bool,
    sharp: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// The text of a format and its arguments.
pub fn sprintf(format: &str, args: &[Val]) -> String {
    let mut out = String::new();
    let mut rest = args.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut verb = Verb::default();
        while let Some(flag) = chars.next_if(|c| "-+0 #".contains(*c)) {
            match flag {
                '-' => verb.minus = true,
                '+' => verb.plus = true,
                '0' => verb.zero = true,
                ' ' => verb.space = true,
                _ => verb.sharp = true,
            }
        }
        let mut number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            if chars.next_if_eq(&'*').is_some() {
                return rest.next().and_then(Val::int).and_then(|number| usize::try_from(number).ok());
            }
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits.parse::<usize>().ok().filter(|number| *number <= WIDEST)
        };
        verb.width = number(&mut chars);
        if chars.next_if_eq(&'.').is_some() {
            verb.precision = Some(number(&mut chars).unwrap_or(0));
        }
        match (chars.next(), rest.as_slice().is_empty()) {
            (None, _) => out.push_str("%!(NOVERB)"),
            (Some('%'), _) => out.push('%'),
            (Some(letter), true) => out.push_str(&format!("%!{letter}(MISSING)")),
            (Some(letter), false) => {
                let value = rest.next().unwrap_or(&Val::Missing);
                out.push_str(&verb.pad(letter, value));
            }
        }
    }
    let extra: Vec<String> = rest
        .map(|value| match value.go_type() {
            "<nil>" => "<nil>".to_owned(),
            kind => format!("{kind}={}", value.printed()),
        })
        .collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

impl Verb {
    fn pad(&self, letter: char, value: &Val) -> String {
        let text = self.text(letter, value);
        let width = self.width.unwrap_or(0);
        let lacks = width.saturating_sub(text.chars().count());
        if lacks == 0 {
            text
        } else if self.minus {
            text + &" ".repeat(lacks)
        } else if self.zero && !text.starts_with('%') {
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) if value.as_text().is_none() => text.split_at(text.len() - digits.len()),
                _ => ("", text.as_str()),
            };
            format!("{sign}{}{digits}", "0".repeat(lacks))
        } else {
            " ".repeat(lacks) + &text
        }
    }

    fn text(&self, letter: char, value: &Val) -> String {
        let nested = |item: &Value| self.text(letter, &Val::Json(item.clone()));
        match (letter, value) {
            ('T', value) => value.go_type().to_owned(),
            ('v', value) => self.signed(value, value.printed()),
            (_, Val::Json(Value::Array(items))) => {
                format!("[{}]", items.iter().map(nested).collect::<Vec<_>>().join(" "))
            }
            (_, Val::Json(Value::Object(fields))) => {
                let key = |key: &String| self.text(letter, &Val::text(key.clone()));
                let parts: Vec<String> = fields.iter().map(|(k, v)| format!("{}:{}", key(k), nested(v))).collect();
                format!("map[{}]", parts.join(" "))
            }
            ('t', Val::Json(Value::Bool(on))) => on.to_string(),
            (_, Val::Json(Value::String(text))) => self.string(letter, text).unwrap_or_else(|| bad(letter, value)),
            (_, Val::Json(Value::Number(number))) if number.is_f64() => {
                self.float(letter, number.as_f64().unwrap_or(0.0)).unwrap_or_else(|| bad(letter, value))
            }
            (_, value) => match value.int().and_then(|number| self.int(letter, number)) {
                Some(text) => text,
                None => bad(letter, value),
            },
        }
    }

    fn signed(&self, value: &Val, text: String) -> String {
        let number = matches!(value, Val::Int(_) | Val::Json(Value::Number(_)));
        match (number && !text.starts_with('-'), self.plus, self.space) {
            (true, true, _) => format!("+{text}"),
            (true, false, true) => format!(" {text}"),
            _ => text,
        }
    }

    fn string(&self, letter: char, text: &str) -> Option<String> {
        let cut: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        let hex = |upper: bool| {
            let byte = |byte: &u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
            cut.as_bytes().iter().map(byte).collect::<String>()
        };
        Some(match letter {
            's' => cut,
            'q' => quote(&cut),
            'x' => hex(false),
            'X' => hex(true),
            _ => return None,
        })
    }

    fn int(&self, letter: char, number: i64) -> Option<String> {
        let sharp = |prefix: &str| if self.sharp { prefix.to_owned() } else { String::new() };
        let sign = if number < 0 {
            "-"
        } else if self.plus {
            "+"
        } else if self.space {
            " "
        } else {
            ""
        };
        let size = number.unsigned_abs();
        let mut digits = match letter {
            'd' => size.to_string(),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'o' => format!("{size:o}"),
            'b' => format!("{size:b}"),
            'c' => return u32::try_from(number).ok().and_then(char::from_u32).map(String::from),
            'q' => return u32::try_from(number).ok().and_then(char::from_u32).map(|c| format!("'{c}'")),
            'U' => return Some(format!("U+{size:04X}")),
            _ => return None,
        };
        if let Some(precision) = self.precision {
            digits = format!("{digits:0>width$}", width = precision.min(WIDEST));
        }
        let prefix = match letter {
            'x' => sharp("0x"),
            'X' => sharp("0X"),
            'o' => sharp("0"),
            _ => String::new(),
        };
        Some(format!("{sign}{prefix}{digits}"))
    }

    fn float(&self, letter: char, number: f64) -> Option<String> {
        let precision = self.precision.unwrap_or(6).min(1000);
        let text = match letter {
            'f' | 'F' => format!("{number:.precision$}"),
            'e' | 'E' => {
                let text = format!("{number:.precision$e}");
                let (digits, power) = text.split_once('e')?;
                let power: i32 = power.parse().ok()?;
                let sign = if power < 0 { '-' } else { '+' };
                let text = format!("{digits}e{sign}{:02}", power.abs());
                if letter == 'E' { text.to_uppercase() } else { text }
            }
            'g' | 'G' => Val::Json(number.into()).printed(),
            _ => return None,
        };
        Some(self.signed(&Val::Json(number.into()), text))
    }
}

/// `%!d(string=a)`: a verb that the value does not know.
fn bad(letter: char, value: &Val) -> String {
    match value.go_type() {
        "<nil>" => format!("%!{letter}(<nil>)"),
        kind => format!("%!{letter}({kind}={})", value.printed()),
    }
}
