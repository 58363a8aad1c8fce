//! `test`, `[` and the inside of `[[`.

use super::After;
use crate::shell::applets::driver::Out;
use crate::shell::expand::{Expander, Halt};
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::program::System;
use crate::shell::shell::Shell;
use crate::shell::syntax::Condition;
use crate::shell::vfs::{Inode, Kind};

/// Why a test has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// This is no number.
    Number(String),
    /// Something should follow this operator.
    Argument(String),
    /// One word too many, or an operator that is none.
    Extra(String),
    /// An operator that takes one operand was expected in a test of two words.
    Unary(String),
    /// An operator that takes two operands was expected in a test of three words.
    Binary(String),
    /// `]` is missing.
    Bracket,
}

pub(in crate::shell) fn run(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let name = words.first().map_or("test", String::as_str);
    match evaluate(kernel, words) {
        Ok(truth) => After::Status(i32::from(!truth)),
        Err(problem) => {
            let text = describe(&problem, shell.dialect);
            out.err(&match shell.dialect {
                Dialect::Ash => shell.complaint(&text),
                _ => shell.builtin_complaint(name, &text),
            });
            After::Status(2)
        }
    }
}

/// The problem in the words of a shell.
pub fn describe(problem: &Problem, dialect: Dialect) -> String {
    match (problem, dialect) {
        (Problem::Number(word), Dialect::Bash) => format!("{word}: integer expression expected"),
        (Problem::Number(word), Dialect::Dash) => format!("Illegal number: {word}"),
        (Problem::Number(word), Dialect::Ash) => format!("{word}: bad number"),
        (Problem::Argument(word), Dialect::Bash) => format!("{word}: unary operator expected"),
        (Problem::Argument(word), _) => format!("{word}: argument expected"),
        (Problem::Unary(word), Dialect::Bash) => format!("{word}: unary operator expected"),
        (Problem::Binary(word), Dialect::Bash) => format!("{word}: binary operator expected"),
        (Problem::Extra(_), Dialect::Bash) => "too many arguments".into(),
        (Problem::Unary(word) | Problem::Binary(word) | Problem::Extra(word), Dialect::Ash) => {
            format!("{word}: unknown operand")
        }
        (Problem::Unary(word) | Problem::Binary(word) | Problem::Extra(word), Dialect::Dash) => {
            format!("{word}: unexpected operator")
        }
        (Problem::Bracket, Dialect::Bash) => "missing `]'".into(),
        (Problem::Bracket, Dialect::Dash) => "missing ]".into(),
        (Problem::Bracket, Dialect::Ash) => "missing ]".into(),
    }
}

/// The answer of `test words` or `[ words ]`, the name being the first word.
pub fn evaluate(kernel: &Kernel, words: &[String]) -> Result<bool, Problem> {
    let bracket = words.first().is_some_and(|name| name.rsplit('/').next() == Some("["));
    let mut rest: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    if bracket && rest.pop() != Some("]") {
        return Err(Problem::Bracket);
    }
    decide(kernel, &rest)
}

fn decide(kernel: &Kernel, words: &[&str]) -> Result<bool, Problem> {
    match words {
        [] => Ok(false),
        [word] => Ok(!word.is_empty()),
        ["!", rest @ ..] if rest.len() < 4 => decide(kernel, rest).map(|truth| !truth),
        [operator, operand] => match unary(kernel, operator, operand) {
            Some(truth) => Ok(truth),
            None if is_binary(operand) => Err(Problem::Argument((*operator).to_owned())),
            None => Err(Problem::Unary((*operator).to_owned())),
        },
        [left, operator, right] if is_binary(operator) => binary(kernel, left, operator, right),
        [left, "-a", right] => Ok(!left.is_empty() && !right.is_empty()),
        [left, "-o", right] => Ok(!left.is_empty() || !right.is_empty()),
        ["(", inner, ")"] => Ok(!inner.is_empty()),
        [_, operator, _] => Err(Problem::Binary((*operator).to_owned())),
        _ => {
            let mut parser = Long { kernel, words, at: 0, depth: 0 };
            let truth = parser.or()?;
            match words.get(parser.at) {
                None => Ok(truth),
                // dash names the word before the one that is too many.
                Some(word) => {
                    let named = if kernel.dialect() == Dialect::Dash {
                        words.get(parser.at.saturating_sub(1)).copied().unwrap_or(word)
                    } else {
                        word
                    };
                    Err(Problem::Extra(named.to_owned()))
                }
            }
        }
    }
}

struct Long<'a, 'k> {
    kernel: &'a Kernel<'k>,
    words: &'a [&'a str],
    at: usize,
    depth: u32,
}

impl Long<'_, '_> {
    fn word(&self, ahead: usize) -> Option<&str> {
        self.words.get(self.at + ahead).copied()
    }
    fn or(&mut self) -> Result<bool, Problem> {
        let mut truth = self.and()?;
        while self.word(0) == Some("-o") {
            self.at += 1;
            truth |= self.and()?;
        }
        Ok(truth)
    }
    fn and(&mut self) -> Result<bool, Problem> {
        let mut truth = self.one()?;
        while self.word(0) == Some("-a") {
            self.at += 1;
            truth &= self.one()?;
        }
        Ok(truth)
    }
    fn one(&mut self) -> Result<bool, Problem> {
        self.depth += 1;
        if self.depth > 100 {
            return Err(Problem::Extra("(".into()));
        }
        let result = self.primary();
        self.depth -= 1;
        result
    }
    fn primary(&mut self) -> Result<bool, Problem> {
        let Some(first) = self.word(0).map(str::to_owned) else { return Err(Problem::Argument("-a".into())) };
        if first == "!" {
            self.at += 1;
            return self.one().map(|truth| !truth);
        }
        if let (Some(operator), Some(right)) = (self.word(1), self.word(2))
            && is_binary(operator)
        {
            let truth = binary(self.kernel, &first, operator, right)?;
            self.at += 3;
            return Ok(truth);
        }
        if first == "(" {
            self.at += 1;
            let truth = self.or()?;
            if self.word(0) != Some(")") {
                return Err(Problem::Argument(")".into()));
            }
            self.at += 1;
            return Ok(truth);
        }
        if let Some(truth) = self.word(1).and_then(|operand| unary(self.kernel, &first, operand)) {
            self.at += 2;
            return Ok(truth);
        }
        self.at += 1;
        Ok(!first.is_empty())
    }
}

fn is_binary(word: &str) -> bool {
    matches!(
        word,
        "=" | "==" | "!=" | "<" | ">" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-nt" | "-ot" | "-ef"
    )
}

fn binary(kernel: &Kernel, left: &str, operator: &str, right: &str) -> Result<bool, Problem> {
    let number = |word: &str| word.trim().parse::<i64>().map_err(|_| Problem::Number(word.to_owned()));
    let modified = |path: &str| kernel.file_info(path).ok().map(|info| info.modified);
    Ok(match operator {
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "-eq" => number(left)? == number(right)?,
        "-ne" => number(left)? != number(right)?,
        "-lt" => number(left)? < number(right)?,
        "-le" => number(left)? <= number(right)?,
        "-gt" => number(left)? > number(right)?,
        "-ge" => number(left)? >= number(right)?,
        "-nt" => modified(left) > modified(right),
        "-ot" => modified(left) < modified(right),
        _ => {
            let node = |path: &str| kernel.vfs().find(&kernel.cwd(), path, true).ok().map(|found| found.node);
            node(left).is_some() && node(left) == node(right)
        }
    })
}

/// A test of one operand; `None` when the operator is none.
fn unary(kernel: &Kernel, operator: &str, operand: &str) -> Option<bool> {
    let find = |follow: bool| kernel.vfs().find(&kernel.cwd(), operand, follow).ok();
    let inode = |follow: bool| find(follow).and_then(|found| kernel.vfs().inode(found.node));
    let kind = |wanted: fn(&Inode) -> bool| inode(true).is_some_and(wanted);
    let may = |bits: u32| find(true).is_some_and(|found| kernel.vfs().allows(found.node, kernel.caller(), bits));
    Some(match operator {
        "-n" => !operand.is_empty(),
        "-z" => operand.is_empty(),
        "-e" | "-a" => inode(true).is_some() || kernel.read_file(operand).is_ok(),
        "-f" => kind(|inode| matches!(inode.kind, Kind::File(_) | Kind::Program(_))),
        "-d" => kind(Inode::is_dir),
        "-s" => kind(|inode| inode.size() > 0),
        "-L" | "-h" => inode(false).is_some_and(|inode| matches!(inode.kind, Kind::Symlink(_))),
        "-p" => kind(|inode| inode.kind == Kind::Fifo),
        "-c" => kind(|inode| matches!(inode.kind, Kind::Device(_))),
        "-b" | "-S" | "-g" | "-u" | "-k" => false,
        "-r" => may(4),
        "-w" => may(2) && find(true).is_some_and(|found| !kernel.vfs().is_read_only(found.node)),
        "-x" => may(1),
        "-O" | "-G" => inode(true).is_some(),
        "-t" => operand.parse().is_ok_and(|fd| kernel.is_terminal(fd)),
        _ => return None,
    })
}

/// The answer of `[[ ... ]]`.
pub fn condition(expander: &mut Expander, condition: &Condition) -> Result<bool, Halt> {
    Ok(match condition {
        Condition::Not(inner) => !self::condition(expander, inner)?,
        Condition::And(left, right) => self::condition(expander, left)? && self::condition(expander, right)?,
        Condition::Or(left, right) => self::condition(expander, left)? || self::condition(expander, right)?,
        Condition::Unary(operator, word) => {
            let operand = expander.text(word)?;
            if operator == "-v" {
                return Ok(expander.shell.get(&operand).is_some());
            }
            unary(expander.kernel, operator, &operand)
                .ok_or_else(|| Halt::Failed(format!("{operator}: conditional unary operator expected"), 2))?
        }
        Condition::Binary(left, operator, right) => {
            let text = expander.text(left)?;
            match operator.as_str() {
                "=" | "==" => expander.pattern(right)?.matches_str(&text),
                "!=" => !expander.pattern(right)?.matches_str(&text),
                "=~" => {
                    let pattern: String = expander
                        .chars(right, false)?
                        .into_iter()
                        .map(
                            |(c, quoted)| if quoted && !c.is_alphanumeric() { format!("\\{c}") } else { c.to_string() },
                        )
                        .collect();
                    let regex = crate::shell::regex::compile(&pattern, true, false)
                        .map_err(|_| Halt::Failed("invalid regular expression".into(), 2))?;
                    let found = regex.find(&text).map(|found| found.as_str().to_owned());
                    if let Some(found) = &found {
                        expander.assign("BASH_REMATCH", found)?;
                    }
                    found.is_some()
                }
                "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => {
                    let other = expander.text(right)?;
                    let (a, b) = (expander.number(&text)?, expander.number(&other)?);
                    match operator.as_str() {
                        "-eq" => a == b,
                        "-ne" => a != b,
                        "-lt" => a < b,
                        "-le" => a <= b,
                        "-gt" => a > b,
                        _ => a >= b,
                    }
                }
                _ => {
                    let other = expander.text(right)?;
                    binary(expander.kernel, &text, operator, &other).unwrap_or(false)
                }
            }
        }
    })
}
