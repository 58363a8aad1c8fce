//! Parameters: `$name`, `${name…}`, what is done with the value, and the positional ones.

use super::paths::tilde;
use super::{Expander, Fields, Halt, Result};
use crate::shell::parser::is_name;
use crate::shell::pattern::Pattern;
use crate::shell::process::Dialect;
use crate::shell::program::System;
use crate::shell::syntax::{Action, Parameter, Word};

impl<'a, 'k> Expander<'a, 'k> {
    pub(super) fn parameter(&mut self, parameter: &Parameter, quoted: bool, fields: &mut Fields) -> Result<()> {
        let name = parameter.name.as_str();
        if matches!(name, "@" | "*") && matches!(parameter.action, Action::Plain) {
            return self.all_parameters(name, quoted, fields);
        }
        let value = if name == "@" || name == "*" { self.joined(name) } else { self.lookup(name) };
        match &parameter.action {
            Action::Plain => {
                let value = self.set_value(name, value)?;
                self.emit(&value, quoted, fields)
            }
            Action::Length => {
                let length = match name {
                    "@" | "*" => self.shell.params.len(),
                    _ => self.set_value(name, value)?.chars().count(),
                };
                self.emit(&length.to_string(), quoted, fields)
            }
            Action::Default(empty_too, sign, word) => {
                let unset = value.is_none() || (*empty_too && value.as_deref() == Some(""));
                let unset = if matches!(name, "@" | "*") {
                    self.shell.params.is_empty() || (unset && *empty_too)
                } else {
                    unset
                };
                self.default(parameter, value, unset, *sign, word, quoted, fields)
            }
            Action::Trim(end, longest, word) => {
                let value = self.set_value(name, value)?;
                let pattern = Pattern::new(&self.chars(word, false)?);
                let trimmed = trim(&value, &pattern, *end, *longest);
                self.kernel.tick(value.len() as u64 / 16);
                self.emit(&trimmed, quoted, fields)
            }
            Action::Slice(offset, length) => {
                let offset = self.arithmetic(offset)?;
                let length = length.as_ref().map(|length| self.arithmetic(length)).transpose()?;
                if matches!(name, "@" | "*") {
                    return self.slice_parameters(offset, length, quoted, fields);
                }
                let value = self.set_value(name, value)?;
                let chars: Vec<char> = value.chars().collect();
                let Some((from, to)) = bounds(chars.len(), offset, length) else {
                    return Err(Halt::Failed(format!("{}: substring expression < 0", length.unwrap_or(0)), 1));
                };
                let text: String = chars.get(from..to).unwrap_or_default().iter().collect();
                self.emit(&text, quoted, fields)
            }
            Action::Replace(sign, pattern, with) => {
                let value = self.set_value(name, value)?;
                let pattern = Pattern::new(&self.chars(pattern, false)?);
                let with: String = self.chars(with, true)?.into_iter().map(|(c, _)| c).collect();
                self.kernel.tick(value.len() as u64);
                let text = replace(&value, &pattern, &with, *sign);
                self.emit(&text, quoted, fields)
            }
            Action::Case(sign, all) => {
                let value = self.set_value(name, value)?;
                let change = |text: &str| if *sign == '^' { text.to_uppercase() } else { text.to_lowercase() };
                let text = if *all {
                    change(&value)
                } else {
                    let split = value.chars().next().map_or(0, char::len_utf8);
                    let (first, rest) = value.split_at(split);
                    format!("{}{rest}", change(first))
                };
                self.emit(&text, quoted, fields)
            }
            Action::Indirect => {
                let target = self.set_value(name, value)?;
                let value = self.lookup(&target).unwrap_or_default();
                self.emit(&value, quoted, fields)
            }
            Action::Bad(text) => {
                let message = match self.shell.dialect {
                    Dialect::Bash => format!("{text}: bad substitution"),
                    Dialect::Dash => "Bad substitution".into(),
                    Dialect::Ash => "syntax error: bad substitution".into(),
                };
                Err(Halt::Failed(message, if self.shell.dialect == Dialect::Bash { 1 } else { 2 }))
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one `${name:-word}`")]
    pub(super) fn default(
        &mut self,
        parameter: &Parameter,
        value: Option<String>,
        unset: bool,
        sign: char,
        word: &Word,
        quoted: bool,
        fields: &mut Fields,
    ) -> Result<()> {
        let name = parameter.name.as_str();
        match (sign, unset) {
            ('-', true) | ('+', false) => {
                let word = if quoted { word.clone() } else { tilde(word, false, self.shell) };
                self.parts(&word.0, quoted, fields)
            }
            ('+', true) => Ok(()),
            ('=', true) => {
                let text: String = self.chars(word, quoted)?.into_iter().map(|(c, _)| c).collect();
                if !is_name(name) {
                    return Err(Halt::Failed(format!("${name}: cannot assign in this way"), 1));
                }
                self.assign(name, &text)?;
                self.emit(&text, quoted, fields)
            }
            ('?', true) => {
                let text: String = self.chars(word, quoted)?.into_iter().map(|(c, _)| c).collect();
                let null = matches!(&parameter.action, Action::Default(true, ..));
                let text = match (text.is_empty(), self.shell.dialect) {
                    (false, _) => text,
                    (true, Dialect::Bash) if null => "parameter null or not set".into(),
                    (true, Dialect::Bash) => "parameter not set".into(),
                    (true, _) if null => "parameter not set or null".into(),
                    (true, _) => "parameter not set".into(),
                };
                Err(Halt::Failed(format!("{name}: {text}"), if self.shell.dialect == Dialect::Bash { 127 } else { 2 }))
            }
            _ if matches!(name, "@" | "*") => self.all_parameters(name, quoted, fields),
            _ => self.emit(&value.unwrap_or_default(), quoted, fields),
        }
    }

    /// The value, or the error of `set -u`.
    pub(super) fn set_value(&mut self, name: &str, value: Option<String>) -> Result<String> {
        match value {
            Some(value) => Ok(value),
            None if self.shell.options.nounset && !matches!(name, "@" | "*" | "!") => {
                let (words, status) = match self.shell.dialect {
                    Dialect::Bash => ("unbound variable", 127),
                    _ => ("parameter not set", 2),
                };
                let name = if self.shell.dialect == Dialect::Bash && name.chars().all(|c| c.is_ascii_digit()) {
                    format!("${name}")
                } else {
                    name.to_owned()
                };
                Err(Halt::Failed(format!("{name}: {words}"), status))
            }
            None => Ok(String::new()),
        }
    }

    pub(super) fn lookup(&mut self, name: &str) -> Option<String> {
        if let Ok(index) = name.parse::<usize>() {
            return match index.checked_sub(1) {
                None => Some(self.shell.name.clone()),
                Some(index) => self.shell.params.get(index).cloned(),
            };
        }
        match name {
            "#" => Some(self.shell.params.len().to_string()),
            "?" => Some(self.shell.last_status().to_string()),
            "$" => Some(self.shell.shell_pid.to_string()),
            "!" => self.shell.last_background.map(|pid| pid.to_string()),
            "-" => Some(self.shell.options.letters()),
            "RANDOM" if self.shell.dialect != Dialect::Dash => Some((self.kernel.random() % 32_768).to_string()),
            "SECONDS" if self.shell.dialect == Dialect::Bash => {
                Some(self.kernel.now().since(self.shell.started).as_secs().to_string())
            }
            "EPOCHSECONDS" if self.shell.dialect != Dialect::Dash => Some(self.kernel.now().as_seconds().to_string()),
            "LINENO" => Some(self.shell.line.to_string()),
            "PPID" => Some(self.kernel.parent_pid().to_string()),
            "UID" | "EUID" if self.shell.dialect == Dialect::Bash => Some(self.kernel.user().0.to_string()),
            "COLUMNS" if self.shell.interactive => Some(self.kernel.window().0.to_string()),
            "LINES" if self.shell.interactive => Some(self.kernel.window().1.to_string()),
            _ => self.shell.get(name),
        }
    }

    pub(super) fn joined(&self, name: &str) -> Option<String> {
        let separator = match (name, self.shell.get("IFS")) {
            ("@", _) | (_, None) => " ".to_owned(),
            (_, Some(ifs)) => ifs.chars().next().map(String::from).unwrap_or_default(),
        };
        (!self.shell.params.is_empty()).then(|| self.shell.params.join(&separator))
    }

    pub(super) fn all_parameters(&mut self, name: &str, quoted: bool, fields: &mut Fields) -> Result<()> {
        let params = self.shell.params.clone();
        self.each(&params, name, quoted, fields)
    }

    pub(super) fn each(&mut self, params: &[String], name: &str, quoted: bool, fields: &mut Fields) -> Result<()> {
        if name == "*" && quoted || !fields.split {
            let separator = match self.shell.get("IFS") {
                Some(ifs) if name == "*" => ifs.chars().next().map(String::from).unwrap_or_default(),
                _ => " ".to_owned(),
            };
            return self.emit(&params.join(&separator), quoted, fields);
        }
        for (index, param) in params.iter().enumerate() {
            if index > 0 {
                fields.cut();
            }
            if quoted {
                fields.current.get_or_insert_with(Vec::new);
            }
            self.emit(param, quoted, fields)?;
        }
        Ok(())
    }

    pub(super) fn slice_parameters(
        &mut self,
        offset: i64,
        length: Option<i64>,
        quoted: bool,
        fields: &mut Fields,
    ) -> Result<()> {
        let mut all = vec![self.shell.name.clone()];
        all.extend(self.shell.params.iter().cloned());
        let from = if offset == 0 { 0 } else { offset };
        let Some((from, to)) = bounds(all.len(), from, length) else { return Ok(()) };
        let chosen = all.get(from..to).unwrap_or_default().to_vec();
        self.each(&chosen, "@", quoted, fields)
    }
}

pub(super) fn bounds(len: usize, offset: i64, length: Option<i64>) -> Option<(usize, usize)> {
    let size = len as i64;
    let from = if offset < 0 { size + offset } else { offset.min(size) };
    if from < 0 {
        return Some((0, 0));
    }
    let to = match length {
        None => size,
        Some(length) if length < 0 => size + length,
        Some(length) => from.saturating_add(length).min(size),
    };
    (to >= from).then_some((from as usize, to as usize))
}

pub(super) fn trim(value: &str, pattern: &Pattern, end: bool, longest: bool) -> String {
    let chars: Vec<char> = value.chars().collect();
    let count = chars.len();
    let mut sizes: Vec<usize> = (0..=count).collect();
    if longest {
        sizes.reverse();
    }
    // Bounded: a pattern against every prefix of a huge value would cost its square.
    for size in sizes.into_iter().take(20_000) {
        let (part, rest) = if end {
            (chars.get(count - size..), chars.get(..count - size))
        } else {
            (chars.get(..size), chars.get(size..))
        };
        if pattern.matches(part.unwrap_or_default()) {
            return rest.unwrap_or_default().iter().collect();
        }
    }
    value.to_owned()
}

pub(super) fn replace(value: &str, pattern: &Pattern, with: &str, sign: char) -> String {
    let chars: Vec<char> = value.chars().collect();
    let longest_at = |from: usize| {
        let most = chars.len().min(from + 4_000);
        (from..=most).rev().find(|to| *to > from && pattern.matches(chars.get(from..*to).unwrap_or_default()))
    };
    match sign {
        '#' => match (0..=chars.len()).rev().find(|to| pattern.matches(chars.get(..*to).unwrap_or_default())) {
            Some(to) => format!("{with}{}", chars.iter().skip(to).collect::<String>()),
            None => value.to_owned(),
        },
        '%' => match (0..=chars.len()).find(|from| pattern.matches(chars.get(*from..).unwrap_or_default())) {
            Some(from) => format!("{}{with}", chars.iter().take(from).collect::<String>()),
            None => value.to_owned(),
        },
        _ => {
            let mut out = String::new();
            let mut at = 0;
            while let Some(c) = chars.get(at) {
                match longest_at(at) {
                    Some(to) => {
                        out.push_str(with);
                        at = to;
                        if sign != '/' {
                            out.extend(chars.iter().skip(at));
                            return out;
                        }
                    }
                    None => {
                        out.push(*c);
                        at += 1;
                    }
                }
            }
            out
        }
    }
}
