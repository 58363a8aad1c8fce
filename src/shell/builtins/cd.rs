//! `cd` and `pwd`.

use super::After;
use crate::shell::applets::driver::Out;
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::program::System;
use crate::shell::shell::Shell;

pub(in crate::shell) fn run(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let rest: Vec<&String> = words.iter().skip(1).filter(|word| !matches!(word.as_str(), "-L" | "-P" | "--")).collect();
    if rest.len() > 1 && shell.dialect == Dialect::Bash {
        out.err(&shell.builtin_complaint("cd", "too many arguments"));
        return After::Status(1);
    }
    let mut print = false;
    let target = match rest.first().map(|word| word.as_str()) {
        None => match shell.get("HOME") {
            Some(home) => home,
            None => {
                out.err(&shell.builtin_complaint("cd", "HOME not set"));
                return After::Status(1);
            }
        },
        Some("-") => match shell.get("OLDPWD") {
            Some(old) => {
                print = true;
                old
            }
            None => {
                out.err(&shell.builtin_complaint("cd", "OLDPWD not set"));
                return After::Status(1);
            }
        },
        Some(target) => target.to_owned(),
    };
    let old = kernel.cwd();
    match kernel.chdir(if target.is_empty() { "." } else { &target }) {
        Ok(()) => {
            let new = kernel.cwd();
            shell.set("OLDPWD", &old);
            shell.set("PWD", &new);
            if print {
                out.out(&format!("{new}\n"));
            }
            After::Status(0)
        }
        Err(errno) => {
            let text = match shell.dialect {
                Dialect::Bash => format!("{target}: {}", errno.message()),
                Dialect::Dash => format!("can't cd to {target}"),
                Dialect::Ash => format!("can't cd to {target}: {}", errno.message()),
            };
            out.err(&shell.builtin_complaint("cd", &text));
            After::Status(if shell.dialect == Dialect::Bash { 1 } else { 2 })
        }
    }
}

pub(in crate::shell) fn pwd(_: &mut Shell, kernel: &mut Kernel, _: &[String], out: &mut Out) -> After {
    out.out(&format!("{}\n", kernel.cwd()));
    After::Status(0)
}
