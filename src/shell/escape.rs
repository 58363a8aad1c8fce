//! Backslash escapes of `echo -e`, `printf` and `$'...'`.

/// Whose escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `echo` and `%b`: octal is `\0nnn`, `\c` ends the output.
    Echo,
    /// The format of `printf`: octal is `\nnn`.
    Printf,
    /// `$'...'`: quotes too.
    Ansi,
}

/// Replaces escapes; true when `\c` was met.
pub fn unescape(text: &str, style: Style) -> (String, bool) {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(next) = chars.next() else {
            out.push('\\');
            break;
        };
        let mut number = |radix: u32, most: usize, first: Option<u32>| {
            let mut value = first;
            for _ in 0..most {
                let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)) else { break };
                value = Some(value.unwrap_or(0) * radix + digit);
                chars.next();
            }
            value
        };
        match next {
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'c' if style != Style::Ansi => return (out, true),
            'e' | 'E' => out.push('\x1b'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            '\\' => out.push('\\'),
            '\'' | '"' | '?' if style == Style::Ansi => out.push(next),
            '"' if style == Style::Printf => out.push('"'),
            '0' if style == Style::Echo => out.push(byte(number(8, 3, Some(0)))),
            '0'..='7' if style != Style::Echo => out.push(byte(number(8, 2, next.to_digit(8)))),
            'x' => match number(16, 2, None) {
                Some(value) => out.push(byte(Some(value))),
                None => out.push_str("\\x"),
            },
            'u' | 'U' => match number(16, if next == 'u' { 4 } else { 8 }, None).and_then(char::from_u32) {
                Some(c) => out.push(c),
                None => out.extend(['\\', next]),
            },
            other => out.extend(['\\', other]),
        }
    }
    (out, false)
}

fn byte(value: Option<u32>) -> char {
    char::from(u8::try_from(value.unwrap_or(0) & 0xff).unwrap_or(b'?'))
}
