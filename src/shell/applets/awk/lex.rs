//! The words of an awk program.

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Number(f64),
    Text(String),
    Regex(String),
    /// A name; `true` when `(` follows at once, as at a call.
    Name(String, bool),
    Word(&'static str),
    Newline,
    End,
}

/// Keywords and builtin functions.
pub const WORDS: &[&str] = &[
    "BEGIN", "END", "function", "func", "if", "else", "while", "for", "do", "break", "continue", "next", "exit",
    "return", "delete", "in", "getline", "print", "printf",
];

/// Signs, longest first.
const SIGNS: &[&str] = &[
    "**=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "**", "==", "<=", ">=", "!=", "!~", ">>", "{",
    "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", ">", "<", "|", "?", ":", "~", "$", "=",
];

/// The words of a text.
///
/// # Errors
/// What is wrong, in a few words.
pub fn words(text: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        match c {
            ' ' | '\t' | '\r' => at += 1,
            '\\' if chars.get(at + 1) == Some(&'\n') => at += 2,
            '\n' => {
                tokens.push(Token::Newline);
                at += 1;
            }
            '#' => {
                while chars.get(at).is_some_and(|c| *c != '\n') {
                    at += 1;
                }
            }
            '"' => {
                let (text, end) = quoted(&chars, at + 1, '"')?;
                tokens.push(Token::Text(text));
                at = end;
            }
            '/' if !divides(tokens.last()) => {
                let (text, end) = regex(&chars, at + 1)?;
                tokens.push(Token::Regex(text));
                at = end;
            }
            _ if c.is_ascii_digit() || (c == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit)) => {
                let (number, end) = number(&chars, at);
                tokens.push(Token::Number(number));
                at = end;
            }
            _ if c.is_alphabetic() || c == '_' => {
                let start = at;
                while chars.get(at).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
                    at += 1;
                }
                let name: String = chars.get(start..at).unwrap_or_default().iter().collect();
                tokens.push(match WORDS.iter().find(|word| **word == name) {
                    Some(word) => Token::Word(word),
                    None => Token::Name(name, chars.get(at) == Some(&'(')),
                });
            }
            _ => {
                let rest: String = chars.iter().skip(at).take(3).collect();
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign)).ok_or("Unexpected token")?;
                tokens.push(Token::Word(sign));
                at += sign.len();
            }
        }
    }
    tokens.push(Token::End);
    Ok(tokens)
}

/// Whether a slash after this word divides.
fn divides(last: Option<&Token>) -> bool {
    match last {
        Some(Token::Number(_) | Token::Text(_) | Token::Name(..) | Token::Regex(_)) => true,
        Some(Token::Word(word)) => matches!(*word, ")" | "]" | "$" | "++" | "--"),
        _ => false,
    }
}

/// A number as far as it goes, and where it ends.
fn number(chars: &[char], start: usize) -> (f64, usize) {
    let text: String = chars.iter().skip(start).take(40).collect();
    let length = prefix(&text);
    (text.get(..length).and_then(|text| text.parse().ok()).unwrap_or(0.0), start + length.max(1))
}

/// How many bytes at the beginning of a text are a decimal number.
pub fn prefix(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let signed = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = digits(signed);
    let mut end = whole;
    if bytes.get(whole) == Some(&b'.') {
        end = digits(whole + 1);
    }
    if end == signed || (end == signed + 1 && whole == signed) {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let from = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(from);
        if exponent > from {
            end = exponent;
        }
    }
    end
}

/// A text up to its closing sign, with escapes replaced.
fn quoted(chars: &[char], mut at: usize, close: char) -> Result<(String, usize), String> {
    let mut raw = String::new();
    loop {
        match chars.get(at).copied() {
            None | Some('\n') => return Err("Unterminated string".to_owned()),
            Some(c) if c == close => return Ok((escapes(&raw), at + 1)),
            Some('\\') => {
                raw.push('\\');
                raw.extend(chars.get(at + 1));
                at += 2;
            }
            Some(c) => {
                raw.push(c);
                at += 1;
            }
        }
    }
}

/// An expression up to its closing slash; escapes are left to the expression.
fn regex(chars: &[char], mut at: usize) -> Result<(String, usize), String> {
    let mut text = String::new();
    let mut bracket = false;
    loop {
        match chars.get(at).copied() {
            None | Some('\n') => return Err("Unterminated regex".to_owned()),
            Some('/') if !bracket => return Ok((text, at + 1)),
            Some('\\') => {
                match chars.get(at + 1) {
                    Some('/') => text.push('/'),
                    Some(next) => text.extend(['\\', *next]),
                    None => {}
                }
                at += 2;
            }
            Some(c) => {
                bracket = if bracket { c != ']' } else { c == '[' };
                text.push(c);
                at += 1;
            }
        }
    }
}

/// Replaces the escapes of a text in quotes.
pub fn escapes(raw: &str) -> String {
    let mut out = String::new();
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some(c @ ('"' | '\\' | '/')) => out.push(c),
            Some(c @ '0'..='7') => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    chars.next();
                }
                out.extend(char::from_u32(code));
            }
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}
