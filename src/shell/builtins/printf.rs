//! `printf`.

use super::After;
use crate::shell::applets::driver::Out;
use crate::shell::escape::{Style, unescape};
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::parser::is_name;
use crate::shell::shell::Shell;

/// Widest field.
const WIDTH: usize = 10_000;

pub(in crate::shell) fn run(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let mut rest = words.get(1..).unwrap_or_default();
    let mut variable = None;
    if let [flag, name, more @ ..] = rest
        && flag == "-v"
        && shell.dialect == Dialect::Bash
        && is_name(name)
    {
        variable = Some(name.clone());
        rest = more;
    }
    if rest.first().is_some_and(|word| word == "--") {
        rest = rest.get(1..).unwrap_or_default();
    }
    let Some((format, arguments)) = rest.split_first() else {
        let text = match shell.dialect {
            Dialect::Bash => "usage: printf [-v var] format [arguments]",
            Dialect::Dash => "usage: printf format [arg ...]",
            Dialect::Ash => "usage: printf FORMAT [ARG]...",
        };
        out.err(&shell.builtin_complaint("printf", text));
        return After::Status(2);
    };
    let (text, problems) = format_text(format, arguments);
    for problem in &problems {
        let words = match shell.dialect {
            Dialect::Bash => shell.builtin_complaint("printf", &format!("{problem}: invalid number")),
            Dialect::Dash => shell.builtin_complaint("printf", &format!("{problem}: expected numeric value")),
            Dialect::Ash => shell.complaint(&format!("invalid number '{problem}'")),
        };
        out.err(&words);
    }
    match variable {
        Some(name) => shell.set(&name, &text),
        None => out.out(&text),
    }
    After::Status(i32::from(!problems.is_empty()))
}

/// The text of a format and its arguments, and the arguments that should have been numbers.
pub fn format_text(format: &str, arguments: &[String]) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut problems = Vec::new();
    let mut arguments = arguments.iter();
    loop {
        let left = arguments.len();
        let ended = pass(format, &mut arguments, &mut text, &mut problems);
        // The format is used again while it takes arguments and some are left.
        if ended || arguments.len() == 0 || arguments.len() == left || text.len() > 4 << 20 {
            return (text, problems);
        }
    }
}

fn pass(format: &str, arguments: &mut std::slice::Iter<String>, text: &mut String, problems: &mut Vec<String>) -> bool {
    let mut chars = format.chars().peekable();
    let mut literal = String::new();
    while let Some(c) = chars.next() {
        if c != '%' {
            literal.push(c);
            if c == '\\' {
                literal.extend(chars.next());
            }
            continue;
        }
        let (plain, ended) = unescape(&std::mem::take(&mut literal), Style::Printf);
        text.push_str(&plain);
        if ended {
            return true;
        }
        let mut flags = String::new();
        while let Some(flag) = chars.next_if(|c| "-+ #0".contains(*c)) {
            flags.push(flag);
        }
        let mut number = |arguments: &mut std::slice::Iter<String>| -> Option<i64> {
            if chars.next_if_eq(&'*').is_some() {
                return arguments.next().and_then(|word| word.parse().ok());
            }
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits.parse().ok()
        };
        let mut width = number(arguments).unwrap_or(0);
        if width < 0 {
            flags.push('-');
            width = -width;
        }
        let precision = if chars.next_if_eq(&'.').is_some() {
            Some(usize::try_from(chars.peek().map_or(0, |_| 0)).unwrap_or(0)).map(|_| {
                let mut digits = String::new();
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    digits.push(digit);
                }
                digits.parse::<usize>().unwrap_or(0).min(WIDTH)
            })
        } else {
            None
        };
        let width = usize::try_from(width).unwrap_or(0).min(WIDTH);
        let Some(kind) = chars.next() else {
            text.push('%');
            break;
        };
        if kind == '%' {
            text.push('%');
            continue;
        }
        let argument = arguments.next();
        let word = argument.map_or("", String::as_str);
        let (body, ended) = convert(kind, word, argument.is_some(), &flags, precision, problems);
        text.push_str(&pad(&body, width, &flags, !matches!(kind, 's' | 'c' | 'b' | 'q')));
        if ended {
            return true;
        }
    }
    let (plain, ended) = unescape(&literal, Style::Printf);
    text.push_str(&plain);
    ended
}

/// One conversion: its text, and whether the output ends here.
pub fn convert(
    kind: char,
    word: &str,
    given: bool,
    flags: &str,
    precision: Option<usize>,
    problems: &mut Vec<String>,
) -> (String, bool) {
    let cut = |text: &str| match precision {
        Some(most) => text.chars().take(most).collect(),
        None => text.to_owned(),
    };
    let body = match kind {
        's' => cut(word),
        'b' => {
            let (text, ended) = unescape(word, Style::Echo);
            return (cut(&text), ended);
        }
        'q' => super::quote(word),
        'c' => word.chars().take(1).collect(),
        'd' | 'i' => {
            let value = integer(word, given, problems);
            signed(&with_precision(&value.unsigned_abs().to_string(), precision), value < 0, flags)
        }
        'u' => with_precision(&(integer(word, given, problems) as u64).to_string(), precision),
        'o' => with_precision(&format!("{:o}", integer(word, given, problems)), precision),
        'x' => format!(
            "{}{}",
            if flags.contains('#') { "0x" } else { "" },
            with_precision(&format!("{:x}", integer(word, given, problems)), precision)
        ),
        'X' => format!(
            "{}{}",
            if flags.contains('#') { "0X" } else { "" },
            with_precision(&format!("{:X}", integer(word, given, problems)), precision)
        ),
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
            let value: f64 = if given && !word.is_empty() {
                word.trim().parse().unwrap_or_else(|_| {
                    problems.push(word.to_owned());
                    0.0
                })
            } else {
                0.0
            };
            signed(&float(value.abs(), kind, precision), value.is_sign_negative(), flags)
        }
        other => format!("%{other}"),
    };
    (body, false)
}

fn with_precision(digits: &str, precision: Option<usize>) -> String {
    format!("{digits:0>width$}", width = precision.unwrap_or(0))
}

fn signed(digits: &str, negative: bool, flags: &str) -> String {
    let sign = if negative {
        "-"
    } else if flags.contains('+') {
        "+"
    } else if flags.contains(' ') {
        " "
    } else {
        ""
    };
    format!("{sign}{digits}")
}

/// A number as `%f`, `%e` or `%g` prints it, without its sign.
pub fn float(value: f64, kind: char, precision: Option<usize>) -> String {
    let digits = precision.unwrap_or(6);
    match kind {
        'f' | 'F' => format!("{value:.digits$}"),
        'e' | 'E' => exponent(value, digits, kind),
        _ => {
            let digits = digits.max(1);
            if value == 0.0 {
                return "0".into();
            }
            let scientific = exponent(value, digits - 1, if kind == 'g' { 'e' } else { 'E' });
            let power: i32 = scientific.rsplit(['e', 'E']).next().and_then(|power| power.parse().ok()).unwrap_or(0);
            let text = if power < -4 || power >= digits as i32 {
                scientific
            } else {
                format!("{value:.places$}", places = usize::try_from(digits as i32 - 1 - power).unwrap_or(0))
            };
            let (mantissa, tail) = match text.find(['e', 'E']) {
                Some(at) => text.split_at(at),
                None => (text.as_str(), ""),
            };
            let mantissa =
                if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
            format!("{mantissa}{tail}")
        }
    }
}

fn exponent(value: f64, digits: usize, sign: char) -> String {
    let text = format!("{value:.digits$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    format!("{mantissa}{sign}{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

/// Fills a field.
pub fn pad(body: &str, width: usize, flags: &str, number: bool) -> String {
    let missing = width.saturating_sub(body.chars().count());
    if missing == 0 {
        return body.to_owned();
    }
    if flags.contains('-') {
        return format!("{body}{}", " ".repeat(missing));
    }
    if flags.contains('0') && number {
        let digits = body.trim_start_matches(['-', '+', ' ']);
        let sign = body.strip_suffix(digits).unwrap_or_default();
        return format!("{sign}{}{digits}", "0".repeat(missing));
    }
    format!("{}{body}", " ".repeat(missing))
}

fn integer(word: &str, given: bool, problems: &mut Vec<String>) -> i64 {
    if !given || word.is_empty() {
        return 0;
    }
    if let Some(quoted) = word.strip_prefix(['\'', '"']) {
        return quoted.chars().next().map_or(0, |c| i64::from(u32::from(c)));
    }
    let (digits, negative) = match word.trim_start().strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (word.trim_start().trim_start_matches('+'), false),
    };
    let (digits, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    let valid = digits.chars().take_while(|c| c.is_digit(radix)).collect::<String>();
    if valid.len() != digits.len() || digits.is_empty() {
        problems.push(word.to_owned());
    }
    let value = i64::from_str_radix(&valid, radix).unwrap_or(if valid.is_empty() { 0 } else { i64::MAX });
    if negative { value.wrapping_neg() } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_print_as_in_c() {
        let print = |format: &str, words: &[&str]| {
            format_text(format, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).0
        };
        assert_eq!(print("%s-%d\\n", &["a", "5", "b", "6"]), "a-5\nb-6\n");
        assert_eq!(
            print("%05.1f|%-4s|%4s|%x|%o|%e", &["3.14159", "a", "b", "255", "8", "12345.678"]),
            "003.1|a   |   b|ff|10|1.234568e+04"
        );
        assert_eq!(print("%g %g", &["0.0001", "1000000"]), "0.0001 1e+06");
        assert_eq!(print("%b%%", &["a\\tb"]), "a\tb%");
        assert_eq!(print("%03d %+d", &["7", "7"]), "007 +7");
        assert_eq!(print("hi", &["x", "y"]), "hi");
    }
}
