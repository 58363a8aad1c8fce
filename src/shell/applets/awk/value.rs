//! Values of awk: numbers, texts, and texts from the input that look like numbers.

use super::lex::prefix;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// Never set: empty, and zero.
    Unset,
    Number(f64),
    Text(String),
    /// From the input: a number where it looks like one.
    Input(String),
    /// An array handed to a function, by its number.
    Array(usize),
    /// A variable that may become an array in a function.
    Open(usize),
    /// An expression, as an argument.
    Pattern(usize),
}

impl Value {
    /// As a number: the number that the text begins with.
    pub fn number(&self) -> f64 {
        match self {
            Value::Number(number) => *number,
            Value::Text(text) | Value::Input(text) => leading(text),
            _ => 0.0,
        }
    }

    /// As a text; numbers that are not whole in this format.
    pub fn text(&self, format: &str) -> String {
        match self {
            Value::Number(number) => number_text(*number, format),
            Value::Text(text) | Value::Input(text) => text.clone(),
            _ => String::new(),
        }
    }

    /// Whether it counts as true.
    pub fn truth(&self) -> bool {
        match self {
            Value::Number(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Input(text) => match self.numeric() {
                Some(number) => number != 0.0,
                None => !text.is_empty(),
            },
            _ => false,
        }
    }

    /// The number that it is compared as, when it is one.
    pub fn numeric(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Unset => Some(0.0),
            Value::Input(text) => {
                let text = text.trim();
                (!text.is_empty() && prefix(text) == text.len()).then(|| leading(text))
            }
            _ => None,
        }
    }
}

/// The number that a text begins with.
fn leading(text: &str) -> f64 {
    let text = text.trim_start();
    text.get(..prefix(text)).and_then(|digits| digits.parse().ok()).unwrap_or(0.0)
}

/// A number as a text: whole ones as they are, others in the format.
pub fn number_text(number: f64, format: &str) -> String {
    if number.fract() == 0.0 && number.abs() < 1e16 {
        return format!("{}", number as i64);
    }
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    sprintf(format, &[Value::Number(number)], format)
}

/// `printf` of awk.
pub fn sprintf(format: &str, arguments: &[Value], convert: &str) -> String {
    let mut out = String::new();
    let mut next = arguments.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = chars.next_if(|c| "-+ #0".contains(*c)) {
            flags.push(flag);
        }
        let mut size = |next: &mut std::slice::Iter<Value>| -> Option<i64> {
            if chars.next_if_eq(&'*').is_some() {
                return Some(next.next().map_or(0, |value| value.number() as i64));
            }
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits.parse().ok()
        };
        let mut width = size(&mut next).unwrap_or(0);
        let precision = if chars.next_if_eq(&'.').is_some() {
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            Some(digits.parse::<usize>().unwrap_or(0).min(1_000))
        } else {
            None
        };
        if width < 0 {
            flags.push('-');
            width = -width;
        }
        while chars.next_if(|c| "hlLq".contains(*c)).is_some() {}
        let Some(kind) = chars.next() else {
            out.push('%');
            break;
        };
        let value = next.next().cloned().unwrap_or(Value::Unset);
        let body = conversion(kind, &value, &flags, precision, convert);
        out.push_str(&pad(&body, usize::try_from(width).unwrap_or(0).min(10_000), &flags, kind));
    }
    out
}

fn conversion(kind: char, value: &Value, flags: &str, precision: Option<usize>, convert: &str) -> String {
    match kind {
        'c' => match value {
            Value::Number(number) => char::from_u32(*number as u32).map(String::from).unwrap_or_default(),
            other => other.text(convert).chars().next().map(String::from).unwrap_or_default(),
        },
        's' => {
            let text = value.text(convert);
            match precision {
                Some(most) => text.chars().take(most).collect(),
                None => text,
            }
        }
        'd' | 'i' | 'u' => {
            let number = value.number();
            let digits = format!("{}", number.abs() as u64);
            let digits = format!("{digits:0>width$}", width = precision.unwrap_or(0));
            signed(number < 0.0 && number.trunc() != 0.0, &digits, flags)
        }
        'o' => format!("{:o}", value.number() as i64),
        'x' => format!("{:x}", value.number() as i64),
        'X' => format!("{:X}", value.number() as i64),
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
            let number = value.number();
            signed(number.is_sign_negative() && !number.is_nan(), &float(kind, number.abs(), precision, flags), flags)
        }
        other => format!("%{other}"),
    }
}

fn signed(negative: bool, digits: &str, flags: &str) -> String {
    let sign = match (negative, flags.contains('+'), flags.contains(' ')) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (.., true) => " ",
        _ => "",
    };
    format!("{sign}{digits}")
}

fn float(kind: char, number: f64, precision: Option<usize>, flags: &str) -> String {
    if !number.is_finite() {
        return if number.is_nan() { "nan".to_owned() } else { "inf".to_owned() };
    }
    let digits = precision.unwrap_or(6);
    match kind.to_ascii_lowercase() {
        'f' => format!("{number:.digits$}"),
        'e' => exponent(number, digits, kind),
        _ => {
            let digits = digits.max(1);
            let shown = format!("{number:.*e}", digits - 1);
            let power: i32 = shown.rsplit_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
            let whole = i32::try_from(digits).unwrap_or(i32::MAX);
            let text = if power < -4 || power >= whole {
                exponent(number, digits - 1, if kind == 'g' { 'e' } else { 'E' })
            } else {
                format!("{number:.*}", usize::try_from(whole - 1 - power).unwrap_or(0))
            };
            if flags.contains('#') { text } else { trimmed(&text) }
        }
    }
}

/// Without zeros at the end of its fraction.
fn trimmed(text: &str) -> String {
    let (number, power) = text.find(['e', 'E']).map_or((text, ""), |at| text.split_at(at));
    if !number.contains('.') {
        return text.to_owned();
    }
    format!("{}{power}", number.trim_end_matches('0').trim_end_matches('.'))
}

fn exponent(number: f64, digits: usize, kind: char) -> String {
    let text = format!("{number:.digits$e}");
    let (mantissa, power) = text.rsplit_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    format!("{mantissa}{kind}{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

fn pad(body: &str, width: usize, flags: &str, kind: char) -> String {
    let length = body.chars().count();
    if length >= width {
        return body.to_owned();
    }
    let fill = width - length;
    if flags.contains('-') {
        return format!("{body}{}", " ".repeat(fill));
    }
    if flags.contains('0') && !matches!(kind, 's' | 'c') {
        let signs = body.len() - body.trim_start_matches(['-', '+', ' ']).len();
        let (sign, digits) = body.split_at(signs);
        return format!("{sign}{}{digits}", "0".repeat(fill));
    }
    format!("{}{body}", " ".repeat(fill))
}
