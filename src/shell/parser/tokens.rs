//! The words and signs that shell text is read as, and what is skipped between them.

use super::words::{Stop, plain};
use super::{Open, ParseError, Parser, Result};
use crate::shell::process::Dialect;
use crate::shell::syntax::Word;

impl<'a> Parser<'a> {
    pub(super) fn is_closer(&self, word: &WordToken) -> bool {
        word.0.literal().is_some_and(|text| CLOSERS.contains(&text) && text != "in")
    }

    pub(super) fn operator(&self) -> Option<&'static str> {
        let bash = self.dialect == Dialect::Bash;
        OPERATORS.iter().copied().find(|operator| {
            let bash_only = matches!(*operator, "&>>" | "<<<" | "&>" | "|&" | ";;&" | "((") && !bash;
            // busybox ash knows `&>` too.
            let known = !bash_only || (matches!(*operator, "&>" | "&>>") && self.dialect == Dialect::Ash);
            known && *operator != "((" && self.starts(operator)
        })
    }

    pub(super) fn peek(&mut self) -> Result<Token> {
        let (at, line) = (self.at, self.line);
        if let Some(seen) = &self.seen
            && seen.at == at
        {
            return Ok(seen.token.clone());
        }
        let token = self.token()?;
        self.seen = Some(Seen { at, token: token.clone(), end: (self.at, self.line) });
        (self.at, self.line) = (at, line);
        Ok(token)
    }

    pub(super) fn token(&mut self) -> Result<Token> {
        if let Some(seen) = self.seen.take()
            && seen.at == self.at
        {
            (self.at, self.line) = seen.end;
            return Ok(seen.token);
        }
        self.blanks();
        let Some(c) = self.ch(0) else { return Ok(Token::End) };
        if c == '\n' {
            self.bump();
            return Ok(Token::Newline);
        }
        if let Some(operator) = self.operator() {
            self.at += operator.len();
            return Ok(Token::Operator(operator));
        }
        if c.is_ascii_digit() {
            let digits = (0..).take_while(|index| self.ch(*index).is_some_and(|c| c.is_ascii_digit())).count();
            if matches!(self.ch(digits), Some('<' | '>')) && digits < 4 {
                let text: String = self.chars.get(self.at..self.at + digits).unwrap_or_default().iter().collect();
                self.at += digits;
                return Ok(Token::Number(text.parse().unwrap_or(0)));
            }
        }
        let word = self.word(Stop::Word)?;
        Ok(Token::Word(WordToken(word)))
    }

    pub(super) fn take_newline(&mut self) -> Result<()> {
        self.blanks();
        self.bump();
        self.read_documents()
    }

    pub(super) fn skip_newlines(&mut self) -> Result<()> {
        while self.peek()? == Token::Newline {
            self.take_newline()?;
        }
        Ok(())
    }

    pub(super) fn accept(&mut self, sign: &str) -> Result<bool> {
        if self.peek()? == Token::Operator(OPERATORS.iter().find(|known| **known == sign).copied().unwrap_or_default())
        {
            self.token()?;
            return Ok(true);
        }
        Ok(false)
    }

    pub(super) fn keyword(&mut self) -> Result<Option<String>> {
        match self.peek()? {
            Token::Word(word) => Ok(word.0.literal().map(str::to_owned)),
            _ => Ok(None),
        }
    }

    pub(super) fn expect_keyword(&mut self, keyword: &'static str) -> Result<()> {
        match self.peek()? {
            Token::Word(word) if word.0.literal() == Some(keyword) => {
                self.token()?;
                Ok(())
            }
            Token::End => Err(ParseError::Incomplete(Open::Keyword(keyword))),
            token => Err(ParseError::Unexpected(text_of(&token), Some(keyword))),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: usize,
    pub(super) token: Token,
    pub(super) end: (usize, u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(WordToken),
    Operator(&'static str),
    Number(i32),
    Newline,
    End,
}

#[derive(Clone, Debug)]
pub(super) struct WordToken(pub(super) Word);

impl PartialEq for WordToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.literal().is_some() && self.0.literal() == other.0.literal()
    }
}

impl Eq for WordToken {}

pub(super) const OPERATORS: [&str; 24] = [
    "&>>", "<<<", "<<-", ";;&", "&&", "||", ";;", ";&", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "|&", "&", "|", ";",
    "<", ">", "(", ")", "((",
];

pub(super) const CLOSERS: [&str; 9] = ["then", "else", "elif", "fi", "do", "done", "esac", "}", "in"];

pub(super) fn unexpected(token: &str) -> ParseError {
    ParseError::Unexpected(token.to_owned(), None)
}

pub(super) fn text_of(token: &Token) -> String {
    match token {
        Token::Word(word) => plain(&word.0),
        Token::Operator(sign) => (*sign).to_owned(),
        Token::Number(number) => number.to_string(),
        Token::Newline => "newline".to_owned(),
        Token::End => "end of file".to_owned(),
    }
}
