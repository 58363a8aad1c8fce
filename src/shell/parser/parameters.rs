//! Parameters in braces: `${name}` and what may be done with the value on the way.

use super::words::Stop;
use super::{Open, ParseError, Parser, Result};
use crate::shell::process::Dialect;
use crate::shell::syntax::{Action, Parameter, Word};

impl<'a> Parser<'a> {
    /// The inside of `${...}`, after the brace.
    pub(super) fn braced(&mut self) -> Result<Parameter> {
        let from = self.at;
        if self.ch(0) == Some('#')
            && !matches!(self.ch(1), Some('}'))
            && !(self.ch(1).is_some_and(|c| "-=?+%:#".contains(c)) && self.ch(2) != Some('}'))
        {
            self.at += 1;
            let name = self.parameter_name();
            if self.ch(0) == Some('}') && !name.is_empty() {
                self.at += 1;
                return Ok(Parameter { name, action: Action::Length });
            }
            return self.bad_braces(from);
        }
        if self.ch(0) == Some('!')
            && self.dialect == Dialect::Bash
            && self.ch(1).is_some_and(|c| c == '_' || c.is_ascii_alphanumeric())
        {
            self.at += 1;
            let name = self.parameter_name();
            if self.ch(0) == Some('}') {
                self.at += 1;
                return Ok(Parameter { name, action: Action::Indirect });
            }
            return self.bad_braces(from);
        }
        let name = self.parameter_name();
        if name.is_empty() {
            return self.bad_braces(from);
        }
        let action = self.braced_action()?;
        match (action, self.ch(0)) {
            (_, None) => Err(ParseError::Incomplete(Open::Quote('}'))),
            (Some(action), Some('}')) => {
                self.at += 1;
                Ok(Parameter { name, action })
            }
            _ => self.bad_braces(from),
        }
    }

    pub(super) fn braced_action(&mut self) -> Result<Option<Action>> {
        let Some(c) = self.ch(0) else { return Err(ParseError::Incomplete(Open::Quote('}'))) };
        let extended = self.dialect != Dialect::Dash;
        Ok(Some(match c {
            '}' => Action::Plain,
            '-' | '=' | '?' | '+' => {
                self.at += 1;
                Action::Default(false, c, self.word(Stop::Brace)?)
            }
            ':' => match self.ch(1) {
                Some(sign @ ('-' | '=' | '?' | '+')) => {
                    self.at += 2;
                    Action::Default(true, sign, self.word(Stop::Brace)?)
                }
                _ if extended => {
                    self.at += 1;
                    let offset = self.word(Stop::Colon)?;
                    let length = if self.ch(0) == Some(':') {
                        self.at += 1;
                        Some(self.word(Stop::Brace)?)
                    } else {
                        None
                    };
                    Action::Slice(offset, length)
                }
                _ => return Ok(None),
            },
            '#' | '%' => {
                self.at += 1;
                let longest = self.ch(0) == Some(c);
                if longest {
                    self.at += 1;
                }
                Action::Trim(c == '%', longest, self.word(Stop::Brace)?)
            }
            '/' if extended => {
                self.at += 1;
                let sign = match self.ch(0) {
                    Some(sign @ ('/' | '#' | '%')) => {
                        self.at += 1;
                        sign
                    }
                    _ => ' ',
                };
                let pattern = self.word(Stop::Slash)?;
                let with = if self.ch(0) == Some('/') {
                    self.at += 1;
                    self.word(Stop::Brace)?
                } else {
                    Word::default()
                };
                Action::Replace(sign, pattern, with)
            }
            '^' | ',' if self.dialect == Dialect::Bash => {
                self.at += 1;
                let all = self.ch(0) == Some(c);
                if all {
                    self.at += 1;
                }
                Action::Case(c, all)
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn parameter_name(&mut self) -> String {
        match self.ch(0) {
            Some(c) if c == '_' || c.is_ascii_alphabetic() => self.name(),
            Some(c) if c.is_ascii_digit() => {
                let mut digits = String::new();
                while let Some(c) = self.ch(0).filter(char::is_ascii_digit) {
                    digits.push(c);
                    self.at += 1;
                }
                digits
            }
            Some(c) if "@*#?-$!".contains(c) => {
                self.at += 1;
                c.to_string()
            }
            _ => String::new(),
        }
    }

    pub(super) fn bad_braces(&mut self, from: usize) -> Result<Parameter> {
        loop {
            match self.bump() {
                Some('}') => break,
                Some(_) => {}
                None => return Err(ParseError::Incomplete(Open::Quote('}'))),
            }
        }
        let text: String = self.chars.get(from..self.at).unwrap_or_default().iter().collect();
        Ok(Parameter { name: String::new(), action: Action::Bad(format!("${{{text}")) })
    }
}
