//! Simple commands: assignments, words, redirections; an alias is put into the text in place of its name.

use std::sync::Arc;

use super::documents::PendingDocument;
use super::tokens::{Token, text_of, unexpected};
use super::words::{is_name, plain};
use super::{Open, ParseError, Parser, Result};
use crate::shell::process::Dialect;
use crate::shell::syntax::{Command, Part, Redirect, RedirectKind, Simple, Word};

impl<'a> Parser<'a> {
    pub(super) fn simple(&mut self) -> Result<Command> {
        let mut simple = Simple { line: self.line, ..Simple::default() };
        loop {
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
                continue;
            }
            if self.alias_next {
                self.expand_alias()?;
            }
            match self.peek()? {
                Token::Word(word) => {
                    self.token()?;
                    if simple.words.is_empty()
                        && let Some((name, append, value)) = self.assignment(&word.0)?
                    {
                        simple.assignments.push((name, append, value));
                        self.expand_alias()?;
                        continue;
                    }
                    simple.words.push(word.0);
                }
                Token::Operator("(") => {
                    let name = simple.words.first().and_then(Word::literal).map(str::to_owned);
                    let alone = simple.words.len() == 1 && simple.assignments.is_empty() && simple.redirects.is_empty();
                    match name {
                        Some(name) if alone && !name.is_empty() => {
                            self.token()?;
                            match self.token()? {
                                Token::Operator(")") => return self.function_body(&name),
                                Token::End => return Err(ParseError::Incomplete(Open::Keyword(")"))),
                                token => return Err(unexpected(&text_of(&token))),
                            }
                        }
                        _ => return Err(unexpected("(")),
                    }
                }
                Token::Number(number) => {
                    self.token()?;
                    simple.words.push(Word(vec![Part::Literal(number.to_string())]));
                }
                _ => break,
            }
        }
        Ok(Command::Simple(Arc::new(simple)))
    }

    pub(super) fn assignment(&mut self, word: &Word) -> Result<Option<(String, bool, Word)>> {
        let Some(Part::Literal(first)) = word.0.first() else { return Ok(None) };
        let Some((name, value)) = first.split_once('=') else { return Ok(None) };
        let (name, append) = match name.strip_suffix('+') {
            Some(name) if self.dialect == Dialect::Bash => (name, true),
            _ => (name, false),
        };
        if !is_name(name) {
            return Ok(None);
        }
        if value.is_empty() && word.0.len() == 1 && self.ch(0) == Some('(') {
            if self.dialect == Dialect::Bash {
                return Err(ParseError::Other("this shell has no arrays; use words and a for loop".into()));
            }
            return Err(unexpected("("));
        }
        let mut parts = word.0.clone();
        if let Some(first) = parts.first_mut() {
            *first = Part::Literal(value.to_owned());
        }
        if value.is_empty() {
            parts.remove(0);
        }
        Ok(Some((name.to_owned(), append, Word(parts))))
    }

    pub(super) fn redirect(&mut self) -> Result<Option<Redirect>> {
        let (at, line) = (self.at, self.line);
        let mut fd = None;
        let mut token = self.peek()?;
        if let Token::Number(number) = token {
            fd = Some(number);
            self.token()?;
            token = self.peek()?;
        }
        let Token::Operator(sign) = token else {
            (self.at, self.line) = (at, line);
            return Ok(None);
        };
        let kind = match sign {
            "<" => RedirectKind::Read,
            ">" => RedirectKind::Write,
            ">|" => RedirectKind::Clobber,
            ">>" => RedirectKind::Append,
            "<>" => RedirectKind::ReadWrite,
            "<&" => RedirectKind::DupIn,
            ">&" => RedirectKind::DupOut,
            "&>" => RedirectKind::Both,
            "&>>" => RedirectKind::BothAppend,
            "<<" | "<<-" => RedirectKind::Document,
            "<<<" => RedirectKind::Text,
            _ => return Ok(None),
        };
        self.token()?;
        let target = match self.token()? {
            Token::Word(word) => word.0,
            Token::Number(number) => Word(vec![Part::Literal(number.to_string())]),
            Token::End => return Err(ParseError::Unexpected("newline".into(), None)),
            token => return Err(unexpected(&text_of(&token))),
        };
        if kind == RedirectKind::Document {
            let id = self.documents.len() + self.texts.len() * 1000 + self.at;
            let quoted = !matches!(target.0.as_slice(), [Part::Literal(_)] | []);
            self.documents.push(PendingDocument { id, end: plain(&target), strip: sign == "<<-", quoted });
            return Ok(Some(Redirect { fd, kind, target: Word(vec![Part::Literal(format!("\0{id}"))]) }));
        }
        Ok(Some(Redirect { fd, kind, target }))
    }

    pub(super) fn expand_alias(&mut self) -> Result<()> {
        self.alias_next = false;
        for _ in 0..32 {
            if self.aliases.is_empty() {
                return Ok(());
            }
            self.blanks();
            let left = self.chars.len().saturating_sub(self.at);
            self.blocked.retain(|(_, until)| left > *until);
            let length = (0..)
                .take_while(|index| {
                    self.ch(*index).is_some_and(|c| !c.is_whitespace() && !"|&;<>()$`\\\"'".contains(c))
                })
                .count();
            if self.ch(length).is_some_and(|c| "$`\\\"'(".contains(c)) || length == 0 {
                return Ok(());
            }
            let name: String = self.chars.get(self.at..self.at + length).unwrap_or_default().iter().collect();
            let Some(value) = self.aliases.get(&name) else { return Ok(()) };
            if self.blocked.iter().any(|(blocked, _)| *blocked == name) {
                return Ok(());
            }
            self.blocked.push((name, left - length));
            self.alias_next = value.ends_with([' ', '\t']);
            let text: Vec<char> = value.chars().collect();
            self.chars.splice(self.at..self.at + length, text);
            self.seen = None;
        }
        Ok(())
    }
}
