//! How each dialect words its errors. Decides nothing.

use super::Shell;
use crate::shell::machine::Dialect;
use crate::shell::parser::{Open, ParseError};

impl Shell {
    /// `bash: line 1: text` and its kind.
    pub(in crate::shell) fn complaint(&self, text: &str) -> String {
        match self.dialect {
            Dialect::Bash if self.interactive => format!("bash: {text}\n"),
            Dialect::Bash => format!("{}: line {}: {text}\n", self.name, self.line),
            Dialect::Dash if !self.interactive => format!("{}: {}: {text}\n", self.name, self.line),
            Dialect::Dash => format!("{}: {text}\n", self.name),
            Dialect::Ash => format!("{}: {text}\n", self.name.trim_start_matches('-')),
        }
    }

    /// The same for a builtin.
    pub(in crate::shell) fn builtin_complaint(&self, builtin: &str, text: &str) -> String {
        match self.dialect {
            Dialect::Ash if !self.interactive => {
                format!("{}: {builtin}: line {}: {text}\n", self.name, self.line.saturating_sub(1))
            }
            _ => self.complaint(&format!("{builtin}: {text}")),
        }
    }

    pub(in crate::shell) fn words_readonly(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Bash => format!("{name}: readonly variable"),
            _ => format!("{name}: is read only"),
        }
    }

    pub(super) fn syntax_error(&self, error: &ParseError, line: u32, text: &str) -> String {
        let bash = self.dialect == Dialect::Bash;
        let words = match error {
            ParseError::Incomplete(Open::Quote('`')) if !bash => "EOF in backquote substitution".into(),
            ParseError::Incomplete(Open::Quote('}')) if !bash => {
                if self.dialect == Dialect::Dash {
                    "Missing '}'".into()
                } else {
                    "missing '}'".into()
                }
            }
            ParseError::Incomplete(Open::Quote(')')) if !bash => "end of file unexpected (expecting \")\")".into(),
            ParseError::Incomplete(Open::Quote(_)) if !bash => {
                if self.dialect == Dialect::Dash {
                    "Unterminated quoted string".into()
                } else {
                    "unterminated quoted string".into()
                }
            }
            ParseError::Incomplete(Open::Quote(quote)) => {
                format!("unexpected EOF while looking for matching `{quote}'")
            }
            ParseError::Incomplete(Open::Keyword(keyword)) if !bash => {
                format!("end of file unexpected (expecting \"{keyword}\")")
            }
            ParseError::Incomplete(_) if !bash => "end of file unexpected".into(),
            ParseError::Incomplete(_) => "syntax error: unexpected end of file".into(),
            ParseError::Unexpected(token, _) if bash => format!("syntax error near unexpected token `{token}'"),
            ParseError::Unexpected(token, expected) => {
                let token = if token == "newline" || token == "end of file" {
                    token.clone()
                } else if token.starts_with(['<', '>']) {
                    "redirection".into()
                } else {
                    format!("\"{token}\"")
                };
                let expecting = expected
                    .filter(|_| token != "\"then\"")
                    .map(|word| format!(" (expecting \"{word}\")"))
                    .unwrap_or_default();
                format!("{token} unexpected{expecting}")
            }
            ParseError::TooDeep => "too many levels of nesting".into(),
            ParseError::Other(words) => words.clone(),
        };
        match self.dialect {
            Dialect::Bash => {
                let place = if self.interactive {
                    "bash".to_owned()
                } else if self.options.command {
                    format!("{}: -c: line {line}", self.name)
                } else {
                    format!("{}: line {line}", self.name)
                };
                let shown = text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
                match error {
                    ParseError::Unexpected(..) if !self.interactive => {
                        format!("{place}: {words}\n{place}: `{shown}'\n")
                    }
                    _ => format!("{place}: {words}\n"),
                }
            }
            Dialect::Dash => format!("{}: {line}: Syntax error: {words}\n", self.name),
            Dialect::Ash => {
                // ash names the token after the word "unexpected".
                let words = match words.split_once(" unexpected") {
                    Some((token, rest)) => format!("unexpected {token}{rest}"),
                    None => words,
                };
                let place =
                    if self.options.command || self.interactive { String::new() } else { format!("line {line}: ") };
                format!("{}: {place}syntax error: {words}\n", self.name)
            }
        }
    }
}
