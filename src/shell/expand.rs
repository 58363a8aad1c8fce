//! Words to fields: parameters, arithmetic, splitting, patterns on file names.
//!
//! A command substitution cannot run here, for that takes time. The expansion stops and names what it needs; when the
//! output is there, it starts again from the beginning with the outputs known so far. What it had set meanwhile is
//! undone, so that nothing happens twice.

use std::sync::Arc;

use super::arithmetic::{self, Problem};
use super::kernel::Kernel;
use super::parser::is_name;
use super::pattern::Pattern;
use super::process::Dialect;
use super::program::System;
use super::shell::{Shell, Variable};
use super::syntax::{Action, Command, Parameter, Part, Word};

/// Why an expansion stopped.
#[derive(Clone, Debug)]
pub enum Halt {
    /// The output of this command is needed first.
    Needs(Arc<Command>),
    /// A mistake: the message without the shell's name, and the exit status.
    Failed(String, i32),
}

type Result<T> = std::result::Result<T, Halt>;

/// Most characters that one expansion may give.
const CHARS: usize = 4 << 20;
/// Most fields that one expansion may give.
const FIELDS: usize = 200_000;

/// One attempt to expand.
pub struct Expander<'a, 'k> {
    pub(super) shell: &'a mut Shell,
    pub(super) kernel: &'a mut Kernel<'k>,
    outputs: &'a [String],
    used: usize,
    undo: Vec<(String, Option<Variable>)>,
    size: usize,
}

type Chars = Vec<(char, bool)>;

#[derive(Default)]
struct Fields {
    done: Vec<Chars>,
    current: Option<Chars>,
    split: bool,
}

impl Fields {
    fn push(&mut self, c: char, quoted: bool) {
        self.current.get_or_insert_with(Vec::new).push((c, quoted));
    }
    fn text(&mut self, text: &str, quoted: bool) {
        self.current.get_or_insert_with(Vec::new).extend(text.chars().map(|c| (c, quoted)));
    }
    fn cut(&mut self) {
        self.done.extend(self.current.take());
    }
}

impl<'a, 'k> Expander<'a, 'k> {
    /// An attempt with the outputs that are known.
    pub fn new(shell: &'a mut Shell, kernel: &'a mut Kernel<'k>, outputs: &'a [String]) -> Self {
        Self { shell, kernel, outputs, used: 0, undo: Vec::new(), size: 0 }
    }

    /// Takes back every assignment that this attempt made.
    pub fn roll_back(&mut self) {
        for (name, old) in std::mem::take(&mut self.undo).into_iter().rev() {
            self.shell.restore(&name, old);
        }
    }

    /// The assignments this attempt made, with the values before, to be taken back later.
    pub fn take_undo(&mut self) -> Vec<(String, Option<Variable>)> {
        std::mem::take(&mut self.undo)
    }

    /// Sets a variable so that it can be taken back.
    pub fn assign(&mut self, name: &str, value: &str) -> Result<()> {
        let old = self.shell.variable(name).cloned();
        if old.as_ref().is_some_and(|old| old.readonly) {
            let text = self.shell.words_readonly(name);
            return Err(Halt::Failed(text, if self.shell.dialect == Dialect::Bash { 1 } else { 2 }));
        }
        self.undo.push((name.to_owned(), old));
        self.shell.set(name, value);
        Ok(())
    }

    /// Words to fields, with splitting and file names.
    pub fn fields(&mut self, words: &[Word]) -> Result<Vec<String>> {
        let mut result = Vec::new();
        for word in words {
            if let Some(text) = word.literal()
                && !text.contains(['*', '?', '[', '~', '{'])
            {
                result.push(text.to_owned());
                continue;
            }
            for word in self.braces(word) {
                let mut fields = Fields { split: true, ..Fields::default() };
                self.parts(&tilde(&word, false, self.shell), false, &mut fields)?;
                fields.cut();
                for chars in fields.done {
                    self.file_names(chars, &mut result);
                }
            }
            if result.len() > FIELDS {
                return Err(Halt::Failed("Argument list too long".into(), 1));
            }
        }
        Ok(result)
    }

    /// A word to one text, without splitting and file names.
    pub fn text(&mut self, word: &Word) -> Result<String> {
        Ok(self.chars(word, false)?.into_iter().map(|(c, _)| c).collect())
    }

    /// The value of an assignment: as `text`, with tildes after each colon.
    pub fn value(&mut self, word: &Word) -> Result<String> {
        Ok(self.chars(&tilde(word, true, self.shell), false)?.into_iter().map(|(c, _)| c).collect())
    }

    /// A word as a pattern.
    pub fn pattern(&mut self, word: &Word) -> Result<Pattern> {
        Ok(Pattern::new(&self.chars(word, false)?))
    }

    /// A word as characters that say whether they were quoted.
    pub fn chars(&mut self, word: &Word, quoted: bool) -> Result<Chars> {
        let mut fields = Fields::default();
        self.parts(&tilde(word, false, self.shell).0, quoted, &mut fields)?;
        Ok(fields.current.unwrap_or_default())
    }

    /// The value of an arithmetic text.
    pub fn arithmetic(&mut self, word: &Word) -> Result<i64> {
        let text: String = {
            let mut fields = Fields::default();
            self.parts(&word.0, true, &mut fields)?;
            fields.current.unwrap_or_default().into_iter().map(|(c, _)| c).collect()
        };
        self.number(&text)
    }

    /// The value of an arithmetic text that is expanded already.
    pub fn number(&mut self, text: &str) -> Result<i64> {
        arithmetic::evaluate(text, self).map_err(|problem| {
            let text = text.trim();
            let (dialect, status) = (self.shell.dialect, if self.shell.dialect == Dialect::Bash { 1 } else { 2 });
            let message = match (problem, dialect) {
                (Problem::Other(words), _) => words,
                (Problem::DivisionByZero, Dialect::Bash) => {
                    let token = text.rsplit(['/', '%']).next().unwrap_or_default().trim_start();
                    format!("{text}: division by 0 (error token is \"{token}\")")
                }
                (Problem::DivisionByZero, Dialect::Dash) => {
                    format!("arithmetic expression: division by zero: \"{text}\"")
                }
                (Problem::DivisionByZero, Dialect::Ash) => "divide by zero".into(),
                (Problem::TooDeep, Dialect::Bash) => {
                    format!("{text}: expression recursion level exceeded (error token is \"{text}\")")
                }
                (Problem::Syntax, Dialect::Bash) => {
                    let token: String = text.chars().last().map(String::from).unwrap_or_default();
                    format!("{text}: syntax error: operand expected (error token is \"{token}\")")
                }
                (_, Dialect::Dash) => format!("arithmetic expression: expecting primary: \"{text}\""),
                (_, Dialect::Ash) => "arithmetic syntax error".into(),
            };
            Halt::Failed(message, status)
        })
    }

    fn grow(&mut self, chars: usize) -> Result<()> {
        self.size += chars;
        self.kernel.tick(chars as u64 / 64);
        if self.size <= CHARS {
            return Ok(());
        }
        self.kernel.exhaust();
        Err(Halt::Failed("out of memory".into(), 2))
    }

    fn parts(&mut self, parts: &impl AsParts, quoted: bool, fields: &mut Fields) -> Result<()> {
        for part in parts.parts() {
            match part {
                Part::Literal(text) => {
                    self.grow(text.len())?;
                    fields.text(text, quoted);
                }
                Part::Quoted(text) => {
                    self.grow(text.len())?;
                    fields.text(text, true);
                }
                Part::Double(inner) => {
                    let only_at = matches!(inner.as_slice(), [Part::Parameter(parameter)] if parameter.name == "@" && matches!(parameter.action, Action::Plain));
                    // `"$@"` without parameters is no field at all; every other quoted text is at least an empty one.
                    if !(only_at && self.shell.params.is_empty()) {
                        fields.current.get_or_insert_with(Vec::new);
                    }
                    self.parts(inner, true, fields)?;
                }
                Part::Parameter(parameter) => self.parameter(parameter, quoted, fields)?,
                Part::Substitution(command) => {
                    let Some(output) = self.outputs.get(self.used) else { return Err(Halt::Needs(command.clone())) };
                    self.used += 1;
                    let output = output.clone();
                    self.emit(&output, quoted, fields)?;
                }
                Part::Arithmetic(word) => {
                    let value = self.arithmetic(word)?.to_string();
                    self.emit(&value, quoted, fields)?;
                }
            }
        }
        Ok(())
    }

    /// Adds the result of an expansion, split at `$IFS` unless quoted.
    fn emit(&mut self, text: &str, quoted: bool, fields: &mut Fields) -> Result<()> {
        self.grow(text.len())?;
        if quoted || !fields.split {
            fields.text(text, quoted);
            return Ok(());
        }
        let ifs = self.shell.get("IFS").unwrap_or_else(|| " \t\n".to_owned());
        let mut after_white = false;
        for c in text.chars() {
            if !ifs.contains(c) {
                after_white = false;
                fields.push(c, false);
            } else if c == ' ' || c == '\t' || c == '\n' {
                if fields.current.is_some() {
                    fields.cut();
                    after_white = true;
                }
            } else {
                // Another separator ends a field even when that is empty; white space before it belongs to it.
                if !after_white {
                    fields.current.get_or_insert_with(Vec::new);
                }
                after_white = false;
                fields.cut();
            }
        }
        Ok(())
    }

    fn parameter(&mut self, parameter: &Parameter, quoted: bool, fields: &mut Fields) -> Result<()> {
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
    fn default(
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
    fn set_value(&mut self, name: &str, value: Option<String>) -> Result<String> {
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

    fn lookup(&mut self, name: &str) -> Option<String> {
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

    fn joined(&self, name: &str) -> Option<String> {
        let separator = match (name, self.shell.get("IFS")) {
            ("@", _) | (_, None) => " ".to_owned(),
            (_, Some(ifs)) => ifs.chars().next().map(String::from).unwrap_or_default(),
        };
        (!self.shell.params.is_empty()).then(|| self.shell.params.join(&separator))
    }

    fn all_parameters(&mut self, name: &str, quoted: bool, fields: &mut Fields) -> Result<()> {
        let params = self.shell.params.clone();
        self.each(&params, name, quoted, fields)
    }

    fn each(&mut self, params: &[String], name: &str, quoted: bool, fields: &mut Fields) -> Result<()> {
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

    fn slice_parameters(&mut self, offset: i64, length: Option<i64>, quoted: bool, fields: &mut Fields) -> Result<()> {
        let mut all = vec![self.shell.name.clone()];
        all.extend(self.shell.params.iter().cloned());
        let from = if offset == 0 { 0 } else { offset };
        let Some((from, to)) = bounds(all.len(), from, length) else { return Ok(()) };
        let chosen = all.get(from..to).unwrap_or_default().to_vec();
        self.each(&chosen, "@", quoted, fields)
    }

    /// `{a,b}` and `{1..3}`, where the shell has them.
    fn braces(&mut self, word: &Word) -> Vec<Word> {
        let has_brace = word.0.iter().any(|part| matches!(part, Part::Literal(text) if text.contains('{')));
        if self.shell.dialect != Dialect::Bash || !has_brace {
            return vec![word.clone()];
        }
        super::braces::expand(word)
    }

    fn file_names(&mut self, chars: Chars, result: &mut Vec<String>) {
        let plain: String = chars.iter().map(|(c, _)| *c).collect();
        let special = chars.iter().any(|(c, quoted)| !quoted && matches!(c, '*' | '?' | '['));
        if !special || self.shell.options.noglob {
            result.push(plain);
            return;
        }
        let mut found = glob(&chars, self.kernel);
        if found.is_empty() {
            result.push(plain);
        } else {
            found.sort();
            result.extend(found);
        }
    }
}

impl arithmetic::Variables for Expander<'_, '_> {
    fn get(&mut self, name: &str) -> std::result::Result<Option<String>, Problem> {
        let value = self.lookup(name);
        if value.is_none() && self.shell.options.nounset {
            let words = if self.shell.dialect == Dialect::Bash { "unbound variable" } else { "parameter not set" };
            return Err(Problem::Other(format!("{name}: {words}")));
        }
        Ok(value)
    }
    fn set(&mut self, name: &str, value: i64) -> std::result::Result<(), Problem> {
        self.assign(name, &value.to_string()).map_err(|halt| match halt {
            Halt::Failed(text, _) => Problem::Other(text),
            Halt::Needs(_) => Problem::Syntax,
        })
    }
}

/// What has parts: a word or the inside of quotes.
pub trait AsParts {
    /// The parts.
    fn parts(&self) -> &[Part];
}

impl AsParts for Word {
    fn parts(&self) -> &[Part] {
        &self.0
    }
}

impl AsParts for Vec<Part> {
    fn parts(&self) -> &[Part] {
        self
    }
}

fn bounds(len: usize, offset: i64, length: Option<i64>) -> Option<(usize, usize)> {
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

fn trim(value: &str, pattern: &Pattern, end: bool, longest: bool) -> String {
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

fn replace(value: &str, pattern: &Pattern, with: &str, sign: char) -> String {
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

/// `~` and `~user` at the start (and, in an assignment, after each colon).
fn tilde(word: &Word, colons: bool, shell: &Shell) -> Word {
    let Some(Part::Literal(first)) = word.0.first() else { return word.clone() };
    if !first.contains('~') {
        return word.clone();
    }
    let alone = word.0.len() == 1;
    let home = |piece: &str, ends: bool| -> Option<(String, String)> {
        let rest = piece.strip_prefix('~')?;
        let (user, tail) = match rest.split_once('/') {
            Some((user, tail)) => (user, format!("/{tail}")),
            None if ends => (rest, String::new()),
            None => return None,
        };
        let dir = match user {
            "" => shell.get("HOME")?,
            "+" => shell.get("PWD")?,
            "-" => shell.get("OLDPWD")?,
            "root" => "/root".into(),
            "learner" => "/home/learner".into(),
            _ => return None,
        };
        Some((dir, tail))
    };
    let mut parts = Vec::new();
    let pieces: Vec<&str> = if colons { first.split(':').collect() } else { vec![first.as_str()] };
    let last = pieces.len().saturating_sub(1);
    for (index, piece) in pieces.into_iter().enumerate() {
        if index > 0 {
            parts.push(Part::Literal(":".into()));
        }
        match home(piece, alone || index < last) {
            Some((dir, tail)) => parts.extend([Part::Quoted(dir), Part::Literal(tail)]),
            None => parts.push(Part::Literal(piece.to_owned())),
        }
    }
    parts.extend(word.0.iter().skip(1).cloned());
    Word(parts)
}

/// The paths that a pattern matches.
fn glob(chars: &[(char, bool)], kernel: &mut Kernel) -> Vec<String> {
    let mut found = vec![String::new()];
    let absolute = chars.first().map(|c| c.0) == Some('/');
    if absolute {
        found = vec!["/".to_owned()];
    }
    let segments: Vec<Vec<(char, bool)>> = chars.split(|(c, _)| *c == '/').map(<[_]>::to_vec).collect();
    let segments: Vec<_> =
        segments.into_iter().enumerate().filter(|(index, segment)| !segment.is_empty() || *index > 0).collect();
    let count = segments.len();
    for (position, (_, segment)) in segments.into_iter().enumerate() {
        let last = position + 1 == count;
        let pattern = Pattern::new(&segment);
        let mut next = Vec::new();
        for base in &found {
            let join = |name: &str| {
                if base.is_empty() || base.ends_with('/') { format!("{base}{name}") } else { format!("{base}/{name}") }
            };
            if segment.is_empty() {
                if last && !base.ends_with('/') && kernel.file_info(base).is_ok_and(|info| info.is_dir) {
                    next.push(format!("{base}/"));
                } else if !last {
                    next.push(base.clone());
                }
                continue;
            }
            if !pattern.is_special() {
                let path = join(&segment.iter().map(|(c, _)| *c).collect::<String>());
                if kernel.vfs().find(&kernel.cwd(), &path, false).is_ok() {
                    next.push(path);
                }
                continue;
            }
            let dir = if base.is_empty() { "." } else { base.as_str() };
            let entries = kernel.vfs().list(&kernel.cwd(), dir).unwrap_or_default();
            kernel.tick(entries.len() as u64 / 8);
            for (name, _) in entries {
                let hidden = name.starts_with('.') && !pattern.starts_with_dot();
                if !hidden && pattern.matches_str(&name) {
                    next.push(join(&name));
                }
            }
        }
        next.truncate(FIELDS);
        found = next;
    }
    found
}
