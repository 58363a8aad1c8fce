//! Commands one after another: lists, `&&` and `||`, pipelines, and which kind of command begins here.

use std::sync::Arc;

use super::tokens::{CLOSERS, Token, text_of, unexpected};
use super::{Open, ParseError, Parser, Result};
use crate::shell::process::Dialect;
use crate::shell::syntax::{Command, Redirect, RedirectKind, Word};

impl<'a> Parser<'a> {
    pub(super) fn list_until(&mut self, closers: &[&'static str], closing: &'static str) -> Result<Command> {
        self.enter()?;
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            match self.peek()? {
                Token::End => return Err(ParseError::Incomplete(Open::Keyword(closing))),
                Token::Operator(sign) if closers.contains(&sign) => break,
                Token::Word(word) if word.0.literal().is_some_and(|text| closers.contains(&text)) => break,
                Token::Word(word) if self.is_closer(&word) => {
                    return Err(ParseError::Unexpected(word.0.literal().unwrap_or_default().to_owned(), Some(closing)));
                }
                _ => {}
            }
            items.push(self.item()?);
            match self.peek()? {
                Token::Newline | Token::End | Token::Word(_) => {}
                Token::Operator(sign) if closers.contains(&sign) => {}
                Token::Operator(sign) if sign != "(" => {
                    return Err(ParseError::Unexpected(sign.to_owned(), Some(closing)));
                }
                _ => {}
            }
        }
        self.depth -= 1;
        if items.is_empty() {
            return match self.peek()? {
                Token::Operator(";;" | ";&" | ";;&") => Ok(list(items)),
                Token::Word(word) if word.0.literal() == Some("esac") => Ok(list(items)),
                token => Err(ParseError::Unexpected(text_of(&token), None)),
            };
        }
        Ok(list(items))
    }

    /// An and-or list with the `;` or `&` after it.
    pub(super) fn item(&mut self) -> Result<Command> {
        let from = self.at;
        let command = self.and_or()?;
        let to = self.at;
        match self.peek()? {
            Token::Operator("&") => {
                let text: String = self.chars.get(from..to).unwrap_or_default().iter().collect();
                self.token()?;
                Ok(Command::Background(Arc::new(command), Arc::from(text.trim())))
            }
            Token::Operator(";") => {
                self.token()?;
                Ok(command)
            }
            _ => Ok(command),
        }
    }

    pub(super) fn and_or(&mut self) -> Result<Command> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let and = match self.peek()? {
                Token::Operator("&&") => true,
                Token::Operator("||") => false,
                _ => break,
            };
            self.token()?;
            self.skip_newlines()?;
            if self.peek()? == Token::End {
                return Err(ParseError::Incomplete(Open::Operator));
            }
            rest.push((and, self.pipeline()?));
        }
        Ok(if rest.is_empty() { first } else { Command::AndOr(Arc::new(first), Arc::new(rest)) })
    }

    pub(super) fn pipeline(&mut self) -> Result<Command> {
        let mut not = false;
        let mut timed = None;
        loop {
            match self.keyword()?.as_deref() {
                Some("!") => {
                    self.token()?;
                    not = !not;
                }
                Some("time") if timed.is_none() && self.dialect == Dialect::Bash => {
                    self.token()?;
                    timed = Some(false);
                    if self.keyword()?.as_deref() == Some("-p") {
                        self.token()?;
                        timed = Some(true);
                    }
                }
                _ => break,
            }
        }
        if timed.is_some() && matches!(self.peek()?, Token::Newline | Token::End | Token::Operator(";")) {
            return Ok(Command::Time(Arc::new(list(Vec::new())), timed == Some(true)));
        }
        let mut commands = vec![self.command()?];
        loop {
            let both = match self.peek()? {
                Token::Operator("|") => false,
                Token::Operator("|&") => true,
                _ => break,
            };
            self.token()?;
            self.skip_newlines()?;
            if self.peek()? == Token::End {
                return Err(ParseError::Incomplete(Open::Operator));
            }
            if both && let Some(last) = commands.pop() {
                let redirect = Redirect { fd: Some(2), kind: RedirectKind::DupOut, target: Word::quoted("1") };
                commands.push(Command::Redirected(Arc::new(last), Arc::new(vec![redirect])));
            }
            commands.push(self.command()?);
        }
        let mut command = match commands.pop() {
            Some(only) if commands.is_empty() => only,
            Some(last) => {
                commands.push(last);
                Command::Pipeline(Arc::new(commands))
            }
            None => list(Vec::new()),
        };
        if not {
            command = Command::Not(Arc::new(command));
        }
        if let Some(posix) = timed {
            command = Command::Time(Arc::new(command), posix);
        }
        Ok(command)
    }

    pub(super) fn command(&mut self) -> Result<Command> {
        self.enter()?;
        self.expand_alias()?;
        let command = match self.peek()? {
            Token::Operator("(") => self.parenthesis()?,
            Token::Operator(
                sign @ ("<" | ">" | ">>" | "<<" | "<<-" | "<<<" | "<&" | ">&" | "<>" | ">|" | "&>" | "&>>"),
            ) => {
                let _ = sign;
                self.simple()?
            }
            Token::Operator(sign) => return Err(unexpected(sign)),
            Token::Newline => return Err(unexpected("newline")),
            Token::End => return Err(ParseError::Incomplete(Open::Operator)),
            Token::Number(_) => self.simple()?,
            Token::Word(word) => match word.0.literal().unwrap_or_default() {
                "if" => self.if_command()?,
                "while" => self.loop_command(false)?,
                "until" => self.loop_command(true)?,
                "for" => self.for_command()?,
                "case" => self.case_command()?,
                "{" => {
                    self.token()?;
                    let body = self.list_until(&["}"], "}")?;
                    self.expect_keyword("}")?;
                    body
                }
                "function" if self.dialect != Dialect::Dash => self.function_keyword()?,
                "[[" if self.dialect != Dialect::Dash => self.condition_command()?,
                text if CLOSERS.contains(&text) && text != "in" => return Err(unexpected(text)),
                _ => {
                    let command = self.simple()?;
                    self.depth -= 1;
                    return Ok(command);
                }
            },
        };
        self.depth -= 1;
        if matches!(command, Command::Simple(_) | Command::Function(..)) {
            return Ok(command);
        }
        self.trailing_redirects(command)
    }

    pub(super) fn trailing_redirects(&mut self, command: Command) -> Result<Command> {
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        if let Token::Word(word) = self.peek()?
            && !self.is_closer(&word)
        {
            return Err(ParseError::Unexpected(text_of(&Token::Word(word)), None));
        }
        Ok(if redirects.is_empty() { command } else { Command::Redirected(Arc::new(command), Arc::new(redirects)) })
    }
}

pub(super) fn list(mut items: Vec<Command>) -> Command {
    match items.pop() {
        Some(only) if items.is_empty() => only,
        Some(last) => {
            items.push(last);
            Command::List(Arc::new(items))
        }
        None => Command::List(Arc::default()),
    }
}
