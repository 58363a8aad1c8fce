//! `echo`, whose escapes depend on the shell.

use super::After;
use crate::shell::applets::driver::Out;
use crate::shell::escape::{Style, unescape};
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::shell::Shell;

pub(in crate::shell) fn run(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    out.out(&text(words.get(1..).unwrap_or_default(), shell.dialect));
    After::Status(0)
}

/// What echo prints.
pub fn text(words: &[String], dialect: Dialect) -> String {
    let (mut newline, mut escapes, mut at) = (true, dialect == Dialect::Dash, 0);
    while let Some(flags) = words.get(at).and_then(|word| word.strip_prefix('-')) {
        let known = if dialect == Dialect::Dash { "n" } else { "neE" };
        if flags.is_empty() || !flags.chars().all(|c| known.contains(c)) {
            break;
        }
        for flag in flags.chars() {
            match flag {
                'n' => newline = false,
                'e' => escapes = true,
                _ => escapes = false,
            }
        }
        at += 1;
    }
    let mut text = words.get(at..).unwrap_or_default().join(" ");
    if escapes {
        let (plain, ended) = unescape(&text, Style::Echo);
        text = plain;
        newline &= !ended;
    }
    if newline {
        text.push('\n');
    }
    text
}
