//! Words to fields: parameters, arithmetic, splitting, patterns on file names.
//!
//! A command substitution cannot run here, for that takes time. The expansion stops and names what it needs; when the
//! output is there, it starts again from the beginning with the outputs known so far. What it had set meanwhile is
//! undone, so that nothing happens twice.

mod parameters;
mod paths;

use std::sync::Arc;

use self::paths::tilde;
use super::arithmetic::{self, Problem};
use super::kernel::Kernel;
use super::pattern::Pattern;
use super::process::Dialect;
use super::shell::{Shell, Variable};
use super::syntax::{Action, Command, Part, Word};

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
