//! Numbers as Go prints and reads them. Knows no JSON and no YAML.
//!
//! Models Go strconv (`FormatFloat` with the shortest digits, `ParseInt` with base 0) and fmt's `%q`.

/// A float in Go's `%v` form: the shortest digits that read back equal, with an exponent below 1e-4 and from 1e+06
/// on, which is `strconv.FormatFloat(v, 'g', -1, 64)`.
pub fn format_general(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let (negative, digits, point) = shortest(value);
    let exponent = point - 1;
    if !(-4..6).contains(&exponent) {
        return scientific(negative, &digits, exponent, 2);
    }
    positional(negative, &digits, point)
}

/// A float as Go's encoding/json writes it: plain digits between 1e-6 and 1e21, else an exponent without a leading zero.
pub fn format_json(value: f64) -> String {
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let (negative, digits, point) = shortest(value);
    let magnitude = value.abs();
    if (1e-6..1e21).contains(&magnitude) {
        return positional(negative, &digits, point);
    }
    scientific(negative, &digits, point - 1, if magnitude < 1e-6 { 1 } else { 2 })
}

/// Reads an integer literal as Go's `ParseInt(text, 0, 64)` does: `0x`, `0o`, `0b` and a leading `0` choose the base.
/// Values above `i64::MAX` are read too, as `ParseUint` would.
pub fn parse_integer(text: &str) -> Option<i128> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = magnitude.to_ascii_lowercase();
    let (digits, base) = match lower.as_str() {
        "0" => ("0", 10),
        _ if lower.starts_with("0x") => (lower.get(2..)?, 16),
        _ if lower.starts_with("0o") => (lower.get(2..)?, 8),
        _ if lower.starts_with("0b") => (lower.get(2..)?, 2),
        _ if lower.starts_with('0') => (lower.get(1..)?, 8),
        _ => (lower.as_str(), 10),
    };
    if digits.is_empty() || digits.len() > 70 || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, base).ok()?);
    let value = if negative { -value } else { value };
    // ParseUint takes no sign, so a signed literal has to fit int64.
    let fits_signed = value >= i128::from(i64::MIN) && value <= i128::from(i64::MAX);
    let signed = magnitude.len() != text.len();
    (fits_signed || !signed).then_some(value)
}

/// A string in Go's `%q` form.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if c.is_control() || (c != ' ' && c.is_whitespace()) => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Sign, shortest decimal digits and the position of the point relative to their start.
fn shortest(value: f64) -> (bool, String, i32) {
    let text = format!("{:e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    (value.is_sign_negative(), digits.to_owned(), exponent.parse::<i32>().unwrap_or(0) + 1)
}

fn positional(negative: bool, digits: &str, point: i32) -> String {
    let mut out = String::from(if negative { "-" } else { "" });
    let length = digits.len() as i32;
    if point <= 0 {
        out.push_str("0.");
        out.push_str(&"0".repeat(point.unsigned_abs() as usize));
        out.push_str(digits);
    } else if point >= length {
        out.push_str(digits);
        out.push_str(&"0".repeat((point - length) as usize));
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    }
    out
}

fn scientific(negative: bool, digits: &str, exponent: i32, width: usize) -> String {
    let (first, rest) = digits.split_at(1.min(digits.len()));
    let sign = if exponent < 0 { '-' } else { '+' };
    let point = if rest.is_empty() { "" } else { "." };
    let minus = if negative { "-" } else { "" };
    format!("{minus}{first}{point}{rest}e{sign}{:0width$}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        for (value, text) in
            [(1.5, "1.5"), (0.00001, "1e-05"), (1e21, "1e+21"), (123456789.5, "1.234567895e+08"), (-0.25, "-0.25")]
        {
            assert_eq!(format_general(value), text);
        }
        assert_eq!(format_json(1e-7), "1e-7");
        assert_eq!(format_json(1e21), "1e+21");
        assert_eq!(format_json(123456789.5), "123456789.5");
    }

    #[test]
    fn integers_choose_their_base_by_prefix() {
        assert_eq!(parse_integer("0777"), Some(511));
        assert_eq!(parse_integer("0x1F"), Some(31));
        assert_eq!(parse_integer("-12"), Some(-12));
        assert_eq!(parse_integer("08"), None);
        assert_eq!(parse_integer("18446744073709551615"), Some(u64::MAX.into()));
        assert_eq!(parse_integer("-9223372036854775809"), None);
        assert_eq!(parse_integer(""), None);
    }
}
