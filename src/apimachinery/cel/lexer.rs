//! The words of an expression.
//!
//! Models google/cel-go parser/gen/CEL.g4 (its lexer rules) and parser/unescape.go.

use super::Fault;

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// `12`, `0x1f`
    Int,
    /// `12u`
    Uint,
    /// `1.5`
    Float,
    /// Text, its escapes undone.
    Str(String),
    /// Bytes, their escapes undone.
    Bytes(Vec<u8>),
    /// A name.
    Name,
    /// A name of a field in backquotes.
    Quoted,
    /// An operator, a bracket, `in`, `true`, `false`, `null`.
    Sign,
    /// The end.
    End,
}

/// A word and where it stands, in characters from the start.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) word: Word,
    pub(super) text: String,
    pub(super) at: usize,
}

const SIGNS: [&str; 29] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":", "+", "*",
    "/", "%", "in", "true", "false", "null", "",
];

/// The words of a text, and what in it is none.
pub(super) fn tokens(text: &str) -> (Vec<Token>, Vec<Fault>) {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { chars: &chars, at: 0, faults: Vec::new() };
    let mut all = Vec::new();
    while lexer.at < chars.len() {
        let start = lexer.at;
        if let Some(word) = lexer.next() {
            let text: String = chars.get(start..lexer.at).unwrap_or_default().iter().collect();
            all.push(Token { word, text, at: start });
        }
        // Whatever was read, something was.
        lexer.at = lexer.at.max(start + 1);
    }
    all.push(Token { word: Word::End, text: "<EOF>".to_owned(), at: chars.len() });
    (all, lexer.faults)
}

struct Lexer<'a> {
    chars: &'a [char],
    at: usize,
    faults: Vec<Fault>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn skip_while(&mut self, fits: impl Fn(char) -> bool) {
        while self.at < self.chars.len() && fits(self.peek(0)) {
            self.at += 1;
        }
    }

    fn unknown(&mut self, start: usize) -> Option<Word> {
        let text: String = self.chars.get(start..self.at).unwrap_or_default().iter().collect();
        self.faults.push(Fault::new(start, format!("Syntax error: token recognition error at: '{text}'")));
        None
    }

    fn next(&mut self) -> Option<Word> {
        let start = self.at;
        let (first, second) = (self.peek(0), self.peek(1));
        match first {
            ' ' | '\t' | '\r' | '\n' | '\u{c}' => {
                self.at += 1;
                return None;
            }
            '/' if second == '/' => {
                self.skip_while(|c| c != '\n');
                return None;
            }
            '0'..='9' => return Some(self.number()),
            '.' if second.is_ascii_digit() => return Some(self.number()),
            '`' => {
                self.at += 1;
                self.skip_while(|c| c.is_ascii_alphanumeric() || "_.-/ ".contains(c));
                let closed = self.peek(0) == '`';
                self.at += usize::from(closed);
                return if closed { Some(Word::Quoted) } else { self.unknown(start) };
            }
            _ => {}
        }
        if let Some(prefix) = self.text_prefix() {
            return self.text(prefix);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            self.skip_while(|c| c.is_ascii_alphanumeric() || c == '_');
            let text: String = self.chars.get(start..self.at).unwrap_or_default().iter().collect();
            return Some(if SIGNS.contains(&text.as_str()) { Word::Sign } else { Word::Name });
        }
        let two: String = [first, second].iter().collect();
        let one = first.to_string();
        for sign in [two, one] {
            if SIGNS.contains(&sign.as_str()) {
                self.at += sign.chars().count();
                return Some(Word::Sign);
            }
        }
        // A beginning of a longer sign is told with what spoils it.
        self.at += if matches!(first, '=' | '&' | '|') && second != '\0' { 2 } else { 1 };
        self.unknown(start)
    }

    fn number(&mut self) -> Word {
        if self.peek(0) == '0' && self.peek(1) == 'x' && self.peek(2).is_ascii_hexdigit() {
            self.at += 2;
            self.skip_while(|c| c.is_ascii_hexdigit());
        } else {
            self.skip_while(|c| c.is_ascii_digit());
            let mut float = false;
            if self.peek(0) == '.' && self.peek(1).is_ascii_digit() {
                self.at += 1;
                self.skip_while(|c| c.is_ascii_digit());
                float = true;
            }
            let signed = usize::from(matches!(self.peek(1), '+' | '-'));
            if matches!(self.peek(0), 'e' | 'E') && self.peek(1 + signed).is_ascii_digit() {
                self.at += 1 + signed;
                self.skip_while(|c| c.is_ascii_digit());
                float = true;
            }
            if float {
                return Word::Float;
            }
        }
        if matches!(self.peek(0), 'u' | 'U') {
            self.at += 1;
            return Word::Uint;
        }
        Word::Int
    }

    /// How many letters stand before a quote, when a text begins here.
    fn text_prefix(&self) -> Option<usize> {
        let letters = (0..2).take_while(|ahead| self.peek(*ahead).is_ascii_alphabetic()).count();
        let prefix: String = (0..letters).map(|ahead| self.peek(ahead).to_ascii_lowercase()).collect();
        let known = matches!(prefix.as_str(), "" | "r" | "b" | "br");
        (known && matches!(self.peek(letters), '"' | '\'')).then_some(letters)
    }

    fn text(&mut self, prefix: usize) -> Option<Word> {
        let start = self.at;
        let letter = |wanted: char| (0..prefix).any(|ahead| self.peek(ahead).eq_ignore_ascii_case(&wanted));
        let (bytes, raw) = (letter('b'), letter('r'));
        self.at += prefix;
        let quote = self.peek(0);
        let triple = self.peek(1) == quote && self.peek(2) == quote;
        let marks = if triple { 3 } else { 1 };
        self.at += marks;
        let mut held = Vec::new();
        loop {
            let next = self.peek(0);
            if self.at >= self.chars.len() || (!triple && matches!(next, '\n' | '\r')) {
                return self.unknown(start);
            }
            if (0..marks).all(|ahead| self.peek(ahead) == quote) {
                self.at += marks;
                break;
            }
            self.at += 1;
            if next != '\\' || raw {
                held.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
            } else if !self.escape(&mut held, bytes) {
                self.at += 1;
                return self.unknown(start);
            }
        }
        Some(if bytes { Word::Bytes(held) } else { Word::Str(String::from_utf8_lossy(&held).into_owned()) })
    }

    /// What follows a backslash; `false` when it is none of the known.
    fn escape(&mut self, held: &mut Vec<u8>, bytes: bool) -> bool {
        let letter = self.peek(0);
        let plain = match letter {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '"' | '\'' | '\\' | '?' | '`' => letter as u8,
            _ => 0,
        };
        if plain != 0 {
            self.at += 1;
            held.push(plain);
            return true;
        }
        let (skip, digits, radix) = match letter {
            'x' | 'X' => (1, 2, 16),
            'u' => (1, 4, 16),
            'U' => (1, 8, 16),
            '0'..='3' => (0, 3, 8),
            _ => return false,
        };
        let code: String = (skip..skip + digits).map(|ahead| self.peek(ahead)).collect();
        let Ok(number) = u32::from_str_radix(&code, radix) else { return false };
        self.at += skip + digits;
        match (bytes, digits, char::from_u32(number)) {
            (true, 2 | 3, _) => held.push(u8::try_from(number).unwrap_or(0)),
            (_, _, Some(letter)) => held.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            (_, _, None) => return false,
        }
        true
    }
}
