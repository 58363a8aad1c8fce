//! Words and what stands in them: quotes, `$name`, `$(command)`, `$((sum))`.

use std::sync::Arc;

use super::lists::list;
use super::tokens::{Token, unexpected};
use super::{Open, ParseError, Parser, Result};
use crate::shell::escape::{Style, unescape};
use crate::shell::process::Dialect;
use crate::shell::syntax::{Action, Parameter, Part, Word};

impl<'a> Parser<'a> {
    pub(super) fn word(&mut self, stop: Stop) -> Result<Word> {
        let mut parts: Vec<Part> = Vec::new();
        let mut literal = String::new();
        let mut nesting = 0_u32;
        macro_rules! push {
            ($part:expr) => {{
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push($part);
            }};
        }
        loop {
            let Some(c) = self.ch(0) else {
                if let Stop::Brace = stop {
                    return Err(ParseError::Incomplete(Open::Quote('}')));
                }
                break;
            };
            match stop {
                Stop::Word if c.is_whitespace() || "|&;<>()".contains(c) => break,
                Stop::Regex if c.is_whitespace() && nesting == 0 => break,
                Stop::Regex if c == '(' => nesting += 1,
                Stop::Regex if c == ')' => nesting = nesting.saturating_sub(1),
                Stop::Brace if c == '}' => break,
                Stop::Slash if c == '}' || c == '/' => break,
                Stop::Colon if c == '}' || c == ':' => break,
                _ => {}
            }
            match c {
                '\\' => {
                    self.at += 1;
                    match self.bump() {
                        Some('\n') => {}
                        Some(next) => push!(Part::Quoted(next.to_string())),
                        None if self.dialect == Dialect::Bash || parts.is_empty() => literal.push('\\'),
                        None => literal.push('\\'),
                    }
                }
                '\'' => {
                    let text = self.single()?;
                    push!(Part::Quoted(text));
                }
                '"' => {
                    self.at += 1;
                    let inner = self.double(Some('"'))?;
                    push!(Part::Double(inner));
                }
                '$' | '`' => match self.dollar()? {
                    Some(part) => push!(part),
                    None => literal.push(c),
                },
                _ => {
                    self.bump();
                    literal.push(c);
                }
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Word(parts))
    }

    pub(super) fn single(&mut self) -> Result<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.bump() {
                Some('\'') => return Ok(text),
                Some(c) => text.push(c),
                None => return Err(ParseError::Incomplete(Open::Quote('\''))),
            }
        }
    }

    /// The inside of double quotes up to `end` (or, for a here-document, the end of the text).
    pub(super) fn double(&mut self, end: Option<char>) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            let Some(c) = self.ch(0) else {
                if let Some(end) = end {
                    return Err(ParseError::Incomplete(Open::Quote(end)));
                }
                break;
            };
            if Some(c) == end {
                self.at += 1;
                break;
            }
            match c {
                '\\' => {
                    self.at += 1;
                    match self.ch(0) {
                        Some('\n') => drop(self.bump()),
                        Some(next) if "$`\\".contains(next) || Some(next) == end => {
                            text.push(next);
                            self.at += 1;
                        }
                        _ => text.push('\\'),
                    }
                }
                '$' | '`' => match self.dollar()? {
                    Some(part) => {
                        if !text.is_empty() {
                            parts.push(Part::Quoted(std::mem::take(&mut text)));
                        }
                        parts.push(part);
                    }
                    None => text.push(c),
                },
                _ => {
                    self.bump();
                    text.push(c);
                }
            }
        }
        if !text.is_empty() {
            parts.push(Part::Quoted(text));
        }
        Ok(parts)
    }

    /// What begins with `$` or a backquote; `None` (one character taken) when the sign is just itself.
    pub(super) fn dollar(&mut self) -> Result<Option<Part>> {
        self.enter()?;
        let result = self.dollar_inner();
        self.depth -= 1;
        result
    }

    pub(super) fn dollar_inner(&mut self) -> Result<Option<Part>> {
        if self.ch(0) == Some('`') {
            return self.backquote().map(Some);
        }
        self.at += 1;
        match self.ch(0) {
            Some('(') if self.ch(1) == Some('(') => {
                let (at, line) = (self.at, self.line);
                self.at += 2;
                match self.arithmetic_text() {
                    Ok(word) => Ok(Some(Part::Arithmetic(word))),
                    Err(ParseError::Incomplete(open)) => Err(ParseError::Incomplete(open)),
                    Err(_) => {
                        (self.at, self.line) = (at, line);
                        self.substitution().map(Some)
                    }
                }
            }
            Some('(') => self.substitution().map(Some),
            Some('{') => {
                self.at += 1;
                self.braced().map(|parameter| Some(Part::Parameter(Box::new(parameter))))
            }
            Some('\'') if self.dialect != Dialect::Dash => {
                let text = self.ansi_quote()?;
                Ok(Some(Part::Quoted(text)))
            }
            Some(c) if c == '_' || c.is_ascii_alphabetic() => {
                let name = self.name();
                Ok(Some(Part::Parameter(Box::new(Parameter { name, action: Action::Plain }))))
            }
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                self.at += 1;
                Ok(Some(Part::Parameter(Box::new(Parameter { name: c.to_string(), action: Action::Plain }))))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn ansi_quote(&mut self) -> Result<String> {
        self.at += 1;
        let mut raw = String::new();
        loop {
            match self.bump() {
                Some('\'') => break,
                Some('\\') => {
                    raw.push('\\');
                    raw.extend(self.bump());
                }
                Some(c) => raw.push(c),
                None => return Err(ParseError::Incomplete(Open::Quote('\''))),
            }
        }
        Ok(unescape(&raw, Style::Ansi).0)
    }

    pub(super) fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.ch(0).filter(|c| *c == '_' || c.is_ascii_alphanumeric()) {
            name.push(c);
            self.at += 1;
        }
        name
    }

    pub(super) fn substitution(&mut self) -> Result<Part> {
        self.at += 1;
        let documents = std::mem::take(&mut self.documents);
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            match self.peek()? {
                Token::Operator(")") => break,
                Token::End => return Err(ParseError::Incomplete(Open::Quote(')'))),
                _ => {}
            }
            items.push(self.item()?);
            match self.peek()? {
                Token::Operator(")") | Token::Newline | Token::End | Token::Word(_) | Token::Number(_) => {}
                Token::Operator(sign) if sign == "(" || sign.starts_with(['<', '>']) => {}
                Token::Operator(sign) => return Err(unexpected(sign)),
            }
        }
        self.token()?;
        self.documents = documents;
        let mut command = list(items);
        self.fill(&mut command);
        Ok(Part::Substitution(Arc::new(command)))
    }

    pub(super) fn backquote(&mut self) -> Result<Part> {
        self.at += 1;
        let mut text: Vec<char> = Vec::new();
        loop {
            match self.bump() {
                Some('`') => break,
                Some('\\') => match self.bump() {
                    Some(c @ ('`' | '\\' | '$')) => text.push(c),
                    Some(c) => text.extend(['\\', c]),
                    None => return Err(ParseError::Incomplete(Open::Quote('`'))),
                },
                Some(c) => text.push(c),
                None => return Err(ParseError::Incomplete(Open::Quote('`'))),
            }
        }
        let mut inner = Parser::new(&text, 0, self.line, self.dialect, self.aliases);
        inner.depth = self.depth;
        let mut items = Vec::new();
        while let Some(command) = inner.next_command()? {
            items.push(command);
        }
        Ok(Part::Substitution(Arc::new(list(items))))
    }

    /// Text up to the `))` that ends an arithmetic expression.
    pub(super) fn arithmetic_text(&mut self) -> Result<Word> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut depth = 0;
        loop {
            match self.ch(0) {
                None => return Err(ParseError::Incomplete(Open::Quote(')'))),
                Some(')') if depth == 0 => {
                    if self.ch(1) != Some(')') {
                        return Err(unexpected(")"));
                    }
                    self.at += 2;
                    break;
                }
                Some('$' | '`') => match self.dollar()? {
                    Some(part) => {
                        if !text.is_empty() {
                            parts.push(Part::Quoted(std::mem::take(&mut text)));
                        }
                        parts.push(part);
                    }
                    None => text.push('$'),
                },
                Some(c) => {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    self.bump();
                    if c != '"' {
                        text.push(c);
                    }
                }
            }
        }
        if !text.is_empty() {
            parts.push(Part::Quoted(text));
        }
        Ok(Word(parts))
    }

    pub(super) fn until_char(&mut self, end: char) -> Result<Word> {
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            match self.ch(0) {
                None => return Err(ParseError::Incomplete(Open::Quote(')'))),
                Some(c) if c == end => {
                    self.at += 1;
                    break;
                }
                Some('$' | '`') => {
                    if let Some(part) = self.dollar()? {
                        parts.push(Part::Quoted(std::mem::take(&mut text)));
                        parts.push(part);
                    }
                }
                Some(c) => {
                    self.bump();
                    text.push(c);
                }
            }
        }
        parts.push(Part::Quoted(text));
        Ok(Word(parts))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Word,
    Brace,
    Slash,
    Colon,
    Regex,
}

/// The text of a word without its quotes; what would expand is left out.
pub fn plain(word: &Word) -> String {
    fn parts(list: &[Part], text: &mut String) {
        for part in list {
            match part {
                Part::Literal(piece) | Part::Quoted(piece) => text.push_str(piece),
                Part::Double(inner) => parts(inner, text),
                Part::Parameter(parameter) => {
                    text.push('$');
                    text.push_str(&parameter.name);
                }
                Part::Substitution(_) | Part::Arithmetic(_) => {}
            }
        }
    }
    let mut text = String::new();
    parts(&word.0, &mut text);
    text
}

/// Whether a text can name a variable.
pub fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic())
        && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
}
