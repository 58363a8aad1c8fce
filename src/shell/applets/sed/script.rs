//! The script of `sed`, read: addresses, commands and their arguments.

use regex_lite::Regex;

use super::{Action, Address, End, Order, Piece};
use crate::shell::regex::compile;

pub(super) struct Script {
    chars: Vec<char>,
    at: usize,
    extended: bool,
    last: Option<Regex>,
}

impl Script {
    /// The commands of a script, or what is wrong and after how many characters.
    pub fn read(text: &str, extended: bool) -> Result<Vec<Order>, (String, usize)> {
        let mut script = Self { chars: text.chars().collect(), at: 0, extended, last: None };
        script.orders().map_err(|problem| (problem, script.at))
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }
    fn blanks(&mut self, also: &str) {
        while self.peek().is_some_and(|c| c.is_whitespace() && c != '\n' || also.contains(c)) {
            self.at += 1;
        }
    }
    fn number(&mut self) -> Option<u64> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.chars.get(start..self.at)?.iter().collect::<String>().parse().ok()
    }

    /// Text up to `end`, in which `\end` is `end`.
    fn until(&mut self, end: char, missing: &str, regex: bool) -> Parsed<String> {
        let mut text = String::new();
        let mut bracket = false;
        loop {
            match self.peek() {
                None => return Err(missing.to_owned()),
                Some(c) if c == end && !bracket => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') if !bracket => {
                    self.at += 1;
                    match self.peek() {
                        Some(c) if c == end => text.push(c),
                        Some('n') if regex => text.push_str("\\n"),
                        Some(c) => text.extend(['\\', c]),
                        None => return Err(missing.to_owned()),
                    }
                    self.at += 1;
                }
                Some(c) => {
                    if regex && c == '[' && !bracket {
                        bracket = true;
                        text.push(c);
                        self.at += 1;
                        for sign in ['^', ']'] {
                            if self.peek() == Some(sign) {
                                text.push(sign);
                                self.at += 1;
                            }
                        }
                        continue;
                    }
                    if c == ']' {
                        bracket = false;
                    }
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn regex(&mut self, text: &str, ignore_case: bool) -> Parsed<Regex> {
        if text.is_empty() {
            return self.last.clone().ok_or_else(|| "no previous regular expression".to_owned());
        }
        let regex = compile(text, self.extended, ignore_case).map_err(|_| "Invalid regular expression".to_owned())?;
        self.last = Some(regex.clone());
        Ok(regex)
    }

    fn address(&mut self) -> Parsed<Option<Address>> {
        match self.peek() {
            Some('$') => {
                self.at += 1;
                Ok(Some(Address::Last))
            }
            Some(c) if c.is_ascii_digit() => {
                let first = self.number().unwrap_or(0);
                if self.peek() == Some('~') {
                    self.at += 1;
                    return Ok(Some(Address::Step(first, self.number().unwrap_or(0))));
                }
                Ok(Some(Address::Line(first)))
            }
            Some(c @ ('/' | '\\')) => {
                self.at += 1;
                let mut end = c;
                if c == '\\' {
                    end = self.peek().unwrap_or('/');
                    self.at += 1;
                }
                let text = self.until(end, "unterminated address regex", true)?;
                let ignore = self.peek() == Some('I');
                if ignore {
                    self.at += 1;
                }
                Ok(Some(Address::Match(self.regex(&text, ignore)?)))
            }
            _ => Ok(None),
        }
    }

    fn orders(&mut self) -> Parsed<Vec<Order>> {
        let mut orders: Vec<Order> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        loop {
            self.blanks(";\n");
            let Some(_) = self.peek() else { break };
            if self.peek() == Some('#') {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
                continue;
            }
            let from = self.address()?;
            let mut to = None;
            self.blanks("");
            if from.is_some() && self.peek() == Some(',') {
                self.at += 1;
                self.blanks("");
                to = Some(match self.peek() {
                    Some(sign @ ('+' | '~')) => {
                        self.at += 1;
                        let count = self.number().unwrap_or(0);
                        if sign == '+' { End::Plus(count) } else { End::Multiple(count) }
                    }
                    _ => End::Address(self.address()?.ok_or("unexpected `,'")?),
                });
            }
            self.blanks("");
            let mut negated = false;
            while self.peek() == Some('!') {
                negated = true;
                self.at += 1;
                self.blanks("");
            }
            let Some(letter) = self.peek() else { return Err("missing command".into()) };
            self.at += 1;
            let action = self.action(letter)?;
            match &action {
                Action::Open(_) => open.push(orders.len()),
                Action::Close => {
                    let start = open.pop().ok_or("unexpected `}'")?;
                    let end = orders.len();
                    if let Some(order) = orders.get_mut(start) {
                        order.action = Action::Open(end);
                    }
                }
                _ => {}
            }
            orders.push(Order { from, to, negated, action });
        }
        if open.is_empty() { Ok(orders) } else { Err("unmatched `{'".into()) }
    }

    fn action(&mut self, letter: char) -> Parsed<Action> {
        Ok(match letter {
            '{' => Action::Open(0),
            '}' => Action::Close,
            's' => return self.substitution(),
            'y' => {
                let end = self.peek().ok_or("unterminated `y' command")?;
                self.at += 1;
                let from = self.until(end, "unterminated `y' command", false)?;
                let to = self.until(end, "unterminated `y' command", false)?;
                let plain =
                    |text: String| text.replace("\\n", "\n").replace("\\\\", "\\").chars().collect::<Vec<char>>();
                let (from, to) = (plain(from), plain(to));
                if from.len() != to.len() {
                    return Err("strings for `y' command are different lengths".into());
                }
                Action::Translate(from.into_iter().zip(to).collect())
            }
            'a' | 'i' | 'c' => {
                self.blanks("");
                if self.peek() == Some('\\') {
                    self.at += 1;
                    self.blanks("\n");
                }
                let mut text = String::new();
                while let Some(c) = self.peek() {
                    self.at += 1;
                    match c {
                        '\n' => break,
                        '\\' => {
                            text.extend(self.peek());
                            self.at += 1;
                        }
                        c => text.push(c),
                    }
                }
                if text.is_empty() {
                    return Err("expected \\ after `a', `c' or `i'".into());
                }
                Action::Text(letter, text)
            }
            'q' | 'Q' => {
                self.blanks("");
                let code = self.number().unwrap_or(0);
                Action::Quit(letter == 'q', (code & 0xff) as i32)
            }
            'b' | 't' | 'T' | ':' => {
                self.blanks("");
                let mut label = String::new();
                while let Some(c) = self.peek().filter(|c| !c.is_whitespace() && *c != ';' && *c != '}') {
                    label.push(c);
                    self.at += 1;
                }
                if letter == ':' { Action::Label(label) } else { Action::Branch(letter, label) }
            }
            'd' | 'D' | 'p' | 'P' | '=' | 'l' | 'g' | 'G' | 'h' | 'H' | 'x' | 'n' | 'N' => {
                self.blanks("");
                match self.peek() {
                    None | Some(';' | '\n' | '}' | '#') => Action::Simple(letter),
                    Some(_) => return Err("extra characters after command".into()),
                }
            }
            other => return Err(format!("unknown command: `{other}'")),
        })
    }

    fn substitution(&mut self) -> Parsed<Action> {
        const OPEN: &str = "unterminated `s' command";
        let end = self.peek().ok_or(OPEN)?;
        self.at += 1;
        let pattern = self.until(end, OPEN, true)?;
        let with = self.until(end, OPEN, false)?;
        let (mut nth, mut all, mut print, mut ignore) = (1, false, false, false);
        loop {
            match self.peek() {
                Some('g') => all = true,
                Some('p') => print = true,
                Some('i' | 'I') => ignore = true,
                Some('m' | 'M' | 'e') => {}
                Some(c) if c.is_ascii_digit() => {
                    nth = usize::try_from(self.number().unwrap_or(1)).unwrap_or(1);
                    if nth == 0 {
                        return Err("number option to `s' command may not be zero".into());
                    }
                    continue;
                }
                None | Some(';' | '\n' | '}' | '#') => break,
                Some(c) if c.is_whitespace() => {}
                Some(_) => return Err("unknown option to `s'".into()),
            }
            self.at += 1;
        }
        let pattern = self.regex(&pattern, ignore)?;
        let with = pieces(&with);
        let most = with
            .iter()
            .filter_map(|piece| if let Piece::Group(index) = piece { Some(*index) } else { None })
            .max()
            .unwrap_or(0);
        if most >= pattern.captures_len() {
            return Err(format!("invalid reference \\{most} on `s' command's RHS"));
        }
        Ok(Action::Substitute { pattern, with, nth, all, print, write: false })
    }
}

pub(super) type Parsed<T> = Result<T, String>;

pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let piece = match c {
            '&' => Piece::Group(0),
            '\\' => match chars.next() {
                Some(digit @ '0'..='9') => Piece::Group(digit.to_digit(10).unwrap_or(0) as usize),
                Some(kind @ ('U' | 'L' | 'E' | 'u' | 'l')) => Piece::Case(kind),
                Some('n') => {
                    literal.push('\n');
                    continue;
                }
                Some('t') => {
                    literal.push('\t');
                    continue;
                }
                Some(other) => {
                    literal.push(other);
                    continue;
                }
                None => continue,
            },
            c => {
                literal.push(c);
                continue;
            }
        };
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(piece);
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    pieces
}
