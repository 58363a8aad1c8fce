//! What a terminal asks of its shell: whether it waits for a line, its history, aliases and prompt. Draws nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Frame, HISTORY, LineState, Shell};
use crate::shell::builtins;
use crate::shell::machine::Dialect;
use crate::shell::parser::{ParseError, Parser};

impl Shell {
    /// Whether it waits for a line.
    pub fn wants_line(&self) -> bool {
        self.args.is_none() && matches!(self.frames.as_slice(), [Frame::Prompt]) && !self.input_ready
    }

    /// Takes a line without its newline.
    pub fn enter_line(&mut self, line: &str) -> LineState {
        if !self.input.is_empty() || !line.trim().is_empty() {
            if self.history.len() >= HISTORY {
                self.history.remove(0);
            }
            if self.input.is_empty() && self.history.last().map(String::as_str) != Some(line) {
                self.history.push(line.to_owned());
            } else if let Some(last) = self.history.last_mut().filter(|_| !self.input.is_empty()) {
                last.push('\n');
                last.push_str(line);
            }
        }
        self.input.push_str(line);
        self.input.push('\n');
        if self.is_unfinished() {
            return LineState::More;
        }
        self.input_ready = true;
        LineState::Running
    }

    pub(super) fn is_unfinished(&self) -> bool {
        self.is_incomplete(&self.input)
    }

    /// Whether a text needs more lines to be commands.
    pub(in crate::shell) fn is_incomplete(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        if text.ends_with("\\\n") && !text.ends_with("\\\\\n") {
            return true;
        }
        let mut parser = Parser::new(&chars, 0, 1, self.dialect, &self.aliases);
        loop {
            match parser.next_command() {
                Ok(Some(_)) => {}
                Err(ParseError::Incomplete(_)) => return true,
                Ok(None) | Err(_) => return false,
            }
        }
    }

    /// Forgets unfinished lines.
    pub fn abandon_line(&mut self) {
        self.input.clear();
        self.input_ready = false;
        self.status = 130;
    }

    /// Lines entered so far, oldest first.
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// Replaces the history, as after a reload.
    pub fn set_history(&mut self, lines: Vec<String>) {
        self.history = lines;
    }

    /// The aliases.
    pub fn aliases(&self) -> &BTreeMap<String, String> {
        &self.aliases
    }

    /// Defines an alias.
    pub fn set_alias(&mut self, name: &str, value: &str) {
        Arc::make_mut(&mut self.aliases).insert(name.to_owned(), value.to_owned());
    }

    /// Names of functions and builtins, for completion.
    pub fn command_names(&self) -> Vec<String> {
        let builtins = builtins::BUILTINS.iter().map(|builtin| builtin.name.to_owned());
        self.functions.keys().cloned().chain(self.aliases.keys().cloned()).chain(builtins).collect()
    }

    /// The prompt: `$PS1` or, within an unfinished command, `$PS2`.
    pub fn prompt(&self, hostname: &str, cwd: &str, uid: u32) -> String {
        if !self.input.is_empty() && !self.input_ready {
            return self.get("PS2").unwrap_or_else(|| "> ".into());
        }
        let template = self.get("PS1").unwrap_or_else(|| match self.dialect {
            Dialect::Bash => r"\u@\h:\w\$ ".into(),
            Dialect::Dash => {
                if uid == 0 {
                    "# ".into()
                } else {
                    "$ ".into()
                }
            }
            Dialect::Ash => r"\w \$ ".into(),
        });
        let short = match self.get("HOME") {
            Some(home) if cwd == home => "~".to_owned(),
            Some(home) if home != "/" && cwd.starts_with(&format!("{home}/")) => {
                format!("~{}", cwd.strip_prefix(&home).unwrap_or_default())
            }
            _ => cwd.to_owned(),
        };
        let mut text = String::new();
        let mut chars = template.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some('u') => text.push_str(
                    &self.get("USER").unwrap_or_else(|| if uid == 0 { "root".into() } else { "learner".into() }),
                ),
                Some('h') => text.push_str(hostname.split('.').next().unwrap_or_default()),
                Some('H') => text.push_str(hostname),
                Some('w') => text.push_str(&short),
                Some('W') => text.push_str(short.rsplit('/').next().filter(|part| !part.is_empty()).unwrap_or(&short)),
                Some('$') => text.push(if uid == 0 { '#' } else { '$' }),
                Some('n') => text.push('\n'),
                Some('e') => text.push('\x1b'),
                Some('[' | ']') => {}
                Some(other) => text.extend(['\\', other]),
                None => text.push('\\'),
            }
        }
        text
    }
}
