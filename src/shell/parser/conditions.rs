//! Conditions between `[[` and `]]`.

use std::sync::Arc;

use super::tokens::{Token, text_of, unexpected};
use super::words::Stop;
use super::{Open, ParseError, Parser, Result};
use crate::shell::syntax::{Command, Condition, Part, Word};

impl<'a> Parser<'a> {
    pub(super) fn condition_command(&mut self) -> Result<Command> {
        self.token()?;
        let condition = self.condition_or()?;
        self.skip_newlines()?;
        self.expect_keyword("]]")?;
        Ok(Command::Condition(Arc::new(condition)))
    }

    pub(super) fn condition_or(&mut self) -> Result<Condition> {
        let mut left = self.condition_and()?;
        while self.accept("||")? {
            left = Condition::Or(Box::new(left), Box::new(self.condition_and()?));
        }
        Ok(left)
    }

    pub(super) fn condition_and(&mut self) -> Result<Condition> {
        let mut left = self.condition_one()?;
        while self.accept("&&")? {
            left = Condition::And(Box::new(left), Box::new(self.condition_one()?));
        }
        Ok(left)
    }

    pub(super) fn condition_one(&mut self) -> Result<Condition> {
        self.enter()?;
        self.skip_newlines()?;
        let result = self.condition_primary();
        self.depth -= 1;
        result
    }

    pub(super) fn condition_primary(&mut self) -> Result<Condition> {
        if self.accept("(")? {
            let inner = self.condition_or()?;
            if !self.accept(")")? {
                return Err(ParseError::Incomplete(Open::Keyword(")")));
            }
            return Ok(inner);
        }
        let word = self.condition_word()?;
        match word.literal() {
            Some("!") => return Ok(Condition::Not(Box::new(self.condition_one()?))),
            Some(sign) if sign.len() == 2 && sign.starts_with('-') && self.keyword()?.as_deref() != Some("]]") => {
                let sign = sign.to_owned();
                return Ok(Condition::Unary(sign, self.condition_word()?));
            }
            _ => {}
        }
        let sign = match self.peek()? {
            Token::Operator(sign @ ("<" | ">")) => {
                self.token()?;
                sign.to_owned()
            }
            Token::Word(next)
                if matches!(
                    next.0.literal(),
                    Some(
                        "=" | "=="
                            | "!="
                            | "=~"
                            | "-eq"
                            | "-ne"
                            | "-lt"
                            | "-le"
                            | "-gt"
                            | "-ge"
                            | "-nt"
                            | "-ot"
                            | "-ef"
                    )
                ) =>
            {
                self.token()?;
                next.0.literal().unwrap_or_default().to_owned()
            }
            _ => return Ok(Condition::Unary("-n".into(), word)),
        };
        let right = if sign == "=~" { self.regex_word()? } else { self.condition_word()? };
        Ok(Condition::Binary(word, sign, right))
    }

    pub(super) fn regex_word(&mut self) -> Result<Word> {
        self.blanks();
        self.word(Stop::Regex)
    }

    pub(super) fn condition_word(&mut self) -> Result<Word> {
        match self.token()? {
            Token::Word(word) => Ok(word.0),
            Token::Number(number) => Ok(Word(vec![Part::Literal(number.to_string())])),
            Token::End | Token::Newline => Err(ParseError::Incomplete(Open::Keyword("]]"))),
            token => Err(unexpected(&text_of(&token))),
        }
    }
}
