//! Compound commands: `(`, `if`, `while`, `until`, `for`, `case`, and functions.

use std::sync::Arc;

use super::tokens::{Token, text_of, unexpected};
use super::words::{is_name, plain};
use super::{Open, ParseError, Parser, Result};
use crate::shell::process::Dialect;
use crate::shell::syntax::{CaseArm, CaseEnd, Command, Part, Word};

impl<'a> Parser<'a> {
    pub(super) fn parenthesis(&mut self) -> Result<Command> {
        self.blanks();
        if self.dialect != Dialect::Dash && self.starts("((") {
            let (at, line) = (self.at, self.line);
            self.at += 2;
            if let Ok(word) = self.arithmetic_text() {
                return Ok(Command::Arithmetic(Arc::new(word)));
            }
            (self.at, self.line) = (at, line);
        }
        self.token()?;
        let body = self.list_until(&[")"], ")")?;
        self.token()?;
        Ok(Command::Subshell(Arc::new(body)))
    }

    pub(super) fn if_command(&mut self) -> Result<Command> {
        self.token()?;
        let mut arms = Vec::new();
        let mut last = None;
        loop {
            let condition = self.list_until(&["then"], "then")?;
            self.expect_keyword("then")?;
            let body = self.list_until(&["elif", "else", "fi"], "fi")?;
            arms.push((condition, body));
            match self.keyword()?.as_deref() {
                Some("elif") => drop(self.token()?),
                Some("else") => {
                    self.token()?;
                    last = Some(Arc::new(self.list_until(&["fi"], "fi")?));
                    self.expect_keyword("fi")?;
                    break;
                }
                _ => {
                    self.expect_keyword("fi")?;
                    break;
                }
            }
        }
        Ok(Command::If(Arc::new(arms), last))
    }

    pub(super) fn loop_command(&mut self, until: bool) -> Result<Command> {
        self.token()?;
        let condition = self.list_until(&["do"], "do")?;
        let body = self.do_group()?;
        Ok(Command::Loop(until, Arc::new(condition), Arc::new(body)))
    }

    pub(super) fn do_group(&mut self) -> Result<Command> {
        self.expect_keyword("do")?;
        let body = self.list_until(&["done"], "done")?;
        self.expect_keyword("done")?;
        Ok(body)
    }

    pub(super) fn for_command(&mut self) -> Result<Command> {
        self.token()?;
        self.blanks();
        if self.starts("((") && self.dialect == Dialect::Bash {
            self.at += 2;
            let init = self.until_char(';')?;
            let test = self.until_char(';')?;
            let step = self.arithmetic_text()?;
            self.accept(";")?;
            self.skip_newlines()?;
            let body = self.do_group()?;
            return Ok(Command::ForArithmetic(Arc::new([init, test, step]), Arc::new(body)));
        }
        let name = match self.token()? {
            Token::Word(word) => match word.0.literal() {
                Some(name) if is_name(name) => name.to_owned(),
                _ if self.dialect == Dialect::Bash => {
                    return Err(ParseError::Other(format!("`{}': not a valid identifier", plain(&word.0))));
                }
                _ => return Err(ParseError::Other("Bad for loop variable".into())),
            },
            Token::End => return Err(ParseError::Incomplete(Open::Operator)),
            token => return Err(unexpected(&text_of(&token))),
        };
        self.skip_newlines()?;
        let mut words = None;
        if self.keyword()?.as_deref() == Some("in") {
            self.token()?;
            let mut list = Vec::new();
            loop {
                match self.token()? {
                    Token::Word(word) => list.push(word.0),
                    Token::Number(number) => list.push(Word(vec![Part::Literal(number.to_string())])),
                    Token::Newline => {
                        self.read_documents()?;
                        break;
                    }
                    Token::Operator(";") => break,
                    Token::End => return Err(ParseError::Incomplete(Open::Keyword("do"))),
                    token => return Err(unexpected(&text_of(&token))),
                }
            }
            words = Some(Arc::new(list));
        } else {
            self.accept(";")?;
        }
        self.skip_newlines()?;
        let body = self.do_group()?;
        Ok(Command::For(Arc::from(name), words, Arc::new(body)))
    }

    pub(super) fn case_command(&mut self) -> Result<Command> {
        self.token()?;
        let subject = match self.token()? {
            Token::Word(word) => word.0,
            Token::End => return Err(ParseError::Incomplete(Open::Keyword("in"))),
            token => return Err(unexpected(&text_of(&token))),
        };
        self.skip_newlines()?;
        self.expect_keyword("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.keyword()?.as_deref() == Some("esac") {
                self.token()?;
                break;
            }
            self.accept("(")?;
            let mut patterns = Vec::new();
            loop {
                match self.token()? {
                    Token::Word(word) => patterns.push(word.0),
                    Token::End => return Err(ParseError::Incomplete(Open::Keyword("esac"))),
                    token => return Err(unexpected(&text_of(&token))),
                }
                match self.token()? {
                    Token::Operator("|") => {}
                    Token::Operator(")") => break,
                    Token::End => return Err(ParseError::Incomplete(Open::Keyword("esac"))),
                    token => return Err(unexpected(&text_of(&token))),
                }
            }
            let body = self.list_until(&[";;", ";&", ";;&", "esac"], "esac")?;
            let end = match self.peek()? {
                Token::Operator(";&") => CaseEnd::Fall,
                Token::Operator(";;&") => CaseEnd::Test,
                _ => CaseEnd::Break,
            };
            if matches!(self.peek()?, Token::Operator(_)) {
                self.token()?;
            }
            arms.push(CaseArm { patterns, body, end });
        }
        Ok(Command::Case(Arc::new(subject), Arc::new(arms)))
    }

    pub(super) fn function_keyword(&mut self) -> Result<Command> {
        self.token()?;
        let name = match self.token()? {
            Token::Word(word) => plain(&word.0),
            token => return Err(unexpected(&text_of(&token))),
        };
        if self.accept("(")? {
            self.accept(")")?;
        }
        self.function_body(&name)
    }

    pub(super) fn function_body(&mut self, name: &str) -> Result<Command> {
        self.skip_newlines()?;
        if self.peek()? == Token::End {
            return Err(ParseError::Incomplete(Open::Operator));
        }
        let body = self.command()?;
        Ok(Command::Function(Arc::from(name), Arc::new(body)))
    }
}
