//! The builtins of a few lines.

use std::sync::Arc;

use super::After;
use crate::shell::applets::driver::Out;
use crate::shell::expand::{Expander, Halt};
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::program::System;
use crate::shell::shell::{Frame, Shell};

pub(in crate::shell) fn colon(_: &mut Shell, _: &mut Kernel, _: &[String], _: &mut Out) -> After {
    After::Status(0)
}
pub(in crate::shell) fn true_(_: &mut Shell, _: &mut Kernel, _: &[String], _: &mut Out) -> After {
    After::Status(0)
}
pub(in crate::shell) fn false_(_: &mut Shell, _: &mut Kernel, _: &[String], _: &mut Out) -> After {
    After::Status(1)
}

pub(in crate::shell) fn dot(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let Some(file) = words.get(1) else {
        out.err(&shell.builtin_complaint(".", "filename argument required"));
        return After::Fatal(2);
    };
    let path = if file.contains('/')
        || kernel.file_info(file).is_ok_and(|info| !info.is_dir && shell.dialect == Dialect::Bash)
    {
        Some(file.clone())
    } else {
        shell.get("PATH").and_then(|path| {
            path.split(':')
                .map(|dir| format!("{dir}/{file}"))
                .find(|path| kernel.file_info(path).is_ok_and(|info| !info.is_dir))
        })
    };
    match path.map(|path| kernel.read_file(&path)) {
        Some(Ok(content)) => {
            shell.frames.push(Frame::Dot);
            shell.push_source(&String::from_utf8_lossy(&content));
            shell.status = 0;
            After::Done
        }
        Some(Err(errno)) => {
            let text = match shell.dialect {
                Dialect::Bash => shell.complaint(&format!("{file}: {}", errno.message())),
                Dialect::Dash => shell.builtin_complaint(
                    ".",
                    &format!("cannot open {file}: {}", crate::shell::redirect::short(errno, false)),
                ),
                Dialect::Ash => shell.builtin_complaint(".", &format!("can't open '{file}': {}", errno.message())),
            };
            out.err(&text);
            if shell.dialect == Dialect::Bash { After::Status(1) } else { After::Fatal(2) }
        }
        None if shell.dialect == Dialect::Bash => {
            out.err(&shell.complaint(&format!("{file}: No such file or directory")));
            After::Status(1)
        }
        None => {
            out.err(&shell.builtin_complaint(".", &format!("{file}: not found")));
            After::Fatal(2)
        }
    }
}

pub(in crate::shell) fn eval(shell: &mut Shell, _: &mut Kernel, words: &[String], _: &mut Out) -> After {
    shell.status = 0;
    shell.push_source(&words.get(1..).unwrap_or_default().join(" "));
    After::Done
}

pub(in crate::shell) fn alias(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let bash = shell.dialect == Dialect::Bash;
    let show = |name: &str, value: &str| {
        format!("{}{name}='{}'\n", if bash { "alias " } else { "" }, value.replace('\'', r"'\''"))
    };
    if words.len() == 1 {
        for (name, value) in shell.aliases.iter() {
            out.out(&show(name, value));
        }
    }
    let mut status = 0;
    for word in words.iter().skip(1).filter(|word| word.as_str() != "-p") {
        match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => shell.set_alias(name, value),
            _ => match shell.aliases.get(word) {
                Some(value) => out.out(&show(word, value)),
                None => {
                    status = 1;
                    out.err(&if bash {
                        shell.builtin_complaint("alias", &format!("{word}: not found"))
                    } else {
                        format!("alias: {word} not found\n")
                    });
                }
            },
        }
    }
    After::Status(status)
}

pub(in crate::shell) fn unalias(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let mut status = 0;
    for word in words.iter().skip(1) {
        if word == "-a" {
            shell.aliases = Arc::default();
        } else if Arc::make_mut(&mut shell.aliases).remove(word).is_none() {
            status = 1;
            out.err(&if shell.dialect == Dialect::Bash {
                shell.builtin_complaint("unalias", &format!("{word}: not found"))
            } else {
                format!("unalias: {word} not found\n")
            });
        }
    }
    After::Status(status)
}

fn number(shell: &Shell, builtin: &str, word: Option<&String>, default: i64, out: &mut Out) -> Result<i64, After> {
    let Some(word) = word else { return Ok(default) };
    word.parse().map_err(|_| {
        let text = if shell.dialect == Dialect::Bash {
            format!("{word}: numeric argument required")
        } else {
            format!("Illegal number: {word}")
        };
        out.err(&shell.builtin_complaint(builtin, &text));
        After::Fatal(2)
    })
}

pub(in crate::shell) fn break_(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    leave(shell, words, out, true)
}
pub(in crate::shell) fn continue_(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    leave(shell, words, out, false)
}

fn leave(shell: &mut Shell, words: &[String], out: &mut Out, really: bool) -> After {
    let name = if really { "break" } else { "continue" };
    let levels = match number(shell, name, words.get(1), 1, out) {
        Ok(levels) => levels,
        Err(after) => return after,
    };
    if levels < 1 {
        out.err(&shell.builtin_complaint(name, &format!("{levels}: loop count out of range")));
        return After::Status(1);
    }
    shell.jump(really, usize::try_from(levels).unwrap_or(1));
    After::Done
}

pub(in crate::shell) fn return_(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let status = match number(shell, "return", words.get(1), i64::from(shell.status), out) {
        Ok(status) => (status & 0xff) as i32,
        Err(after) => return after,
    };
    if shell.return_from(status) {
        // A function that fails under `set -e` ends the shell as any command does.
        shell.finish(status);
        return After::Done;
    }
    if shell.dialect == Dialect::Bash {
        out.err(&shell.builtin_complaint("return", "can only `return' from a function or sourced script"));
        return After::Status(1);
    }
    shell.exit(status);
    After::Done
}

pub(in crate::shell) fn exit(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    match number(shell, "exit", words.get(1), i64::from(shell.status), out) {
        Ok(status) => {
            shell.exit((status & 0xff) as i32);
            After::Done
        }
        Err(after) => after,
    }
}

pub(in crate::shell) fn shift(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let count = match number(shell, "shift", words.get(1), 1, out) {
        Ok(count) => usize::try_from(count).unwrap_or(usize::MAX),
        Err(after) => return after,
    };
    if count > shell.params.len() {
        if shell.dialect == Dialect::Dash {
            out.err(&shell.builtin_complaint("shift", "can't shift that many"));
            return After::Fatal(2);
        }
        return After::Status(1);
    }
    shell.params.drain(..count);
    After::Status(0)
}

/// What a name is, in words, and what would be run.
fn what(shell: &Shell, kernel: &Kernel, name: &str) -> Option<(String, String)> {
    const KEYWORDS: [&str; 16] = [
        "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "{", "}", "!", "in",
    ];
    if let Some(value) = shell.aliases.get(name) {
        let words = if shell.dialect == Dialect::Bash {
            format!("{name} is aliased to `{value}'")
        } else {
            format!("{name} is an alias for {value}")
        };
        return Some((words, format!("alias {name}='{value}'")));
    }
    if KEYWORDS.contains(&name) {
        return Some((format!("{name} is a shell keyword"), name.to_owned()));
    }
    if shell.functions.contains_key(name) {
        let words = if shell.dialect == Dialect::Bash {
            format!("{name} is a function")
        } else {
            format!("{name} is a shell function")
        };
        return Some((words, name.to_owned()));
    }
    if let Some(builtin) = super::find(name, shell.dialect) {
        let special = if builtin.special && shell.dialect == Dialect::Dash { "special " } else { "" };
        return Some((format!("{name} is a {special}shell builtin"), name.to_owned()));
    }
    let path = kernel.which(name, shell.get("PATH").as_deref()).ok()?;
    Some((format!("{name} is {path}"), path))
}

pub(in crate::shell) fn type_(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let mut status = 0;
    let bash = shell.dialect == Dialect::Bash;
    for name in words.iter().skip(1).filter(|word| !(bash && word.starts_with('-'))) {
        match what(shell, kernel, name) {
            Some((words, _)) => out.out(&format!("{words}\n")),
            None => {
                status = if bash { 1 } else { 127 };
                if bash {
                    out.err(&shell.builtin_complaint("type", &format!("{name}: not found")));
                } else {
                    out.out(&format!("{name}: not found\n"));
                }
            }
        }
    }
    After::Status(status)
}

pub(in crate::shell) fn command(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let verbose = words.iter().any(|word| word == "-V");
    let mut status = 0;
    let names = words.iter().skip(1).filter(|word| !word.starts_with('-'));
    let names: Vec<&String> = if shell.dialect == Dialect::Bash { names.collect() } else { names.take(1).collect() };
    for name in names {
        match what(shell, kernel, name) {
            Some((words, path)) => out.out(&format!("{}\n", if verbose { words } else { path })),
            None => {
                status = if shell.dialect == Dialect::Bash { 1 } else { 127 };
                if verbose {
                    out.err(&shell.builtin_complaint("command", &format!("{name}: not found")));
                }
            }
        }
    }
    After::Status(status)
}

pub(in crate::shell) fn umask(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    match words.get(1).map(String::as_str) {
        None => out.out(&format!("{:04o}\n", kernel.umask())),
        Some("-S") => {
            let mask = kernel.umask();
            let part = |shift: u32| -> String {
                [(4, 'r'), (2, 'w'), (1, 'x')]
                    .iter()
                    .filter(|(bit, _)| (mask >> shift) & bit == 0)
                    .map(|(_, letter)| *letter)
                    .collect()
            };
            out.out(&format!("u={},g={},o={}\n", part(6), part(3), part(0)));
        }
        Some(text) => match u32::from_str_radix(text, 8) {
            Ok(mask) if mask <= 0o777 => kernel.set_umask(mask),
            _ => {
                out.err(&shell.builtin_complaint("umask", &format!("{text}: octal number out of range")));
                return After::Status(1);
            }
        },
    }
    After::Status(0)
}

pub(in crate::shell) fn ulimit(_: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    if words.len() <= 2 {
        let text = match words.get(1).map(String::as_str) {
            Some("-n") => "256\n",
            Some("-u") => "400\n",
            _ => "unlimited\n",
        };
        out.out(text);
    }
    After::Status(0)
}

pub(in crate::shell) fn times(_: &mut Shell, kernel: &mut Kernel, _: &[String], out: &mut Out) -> After {
    let seconds = kernel.steps_used() as f64 / 100_000.0;
    out.out(&format!("0m{seconds:.3}s 0m0.000s\n0m0.000s 0m0.000s\n"));
    After::Status(0)
}

pub(in crate::shell) fn let_(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let mut value = 0;
    for word in words.iter().skip(1) {
        let mut expander = Expander::new(shell, kernel, &[]);
        let result = expander.number(word);
        drop(expander.take_undo());
        match result {
            Ok(number) => value = number,
            Err(Halt::Failed(text, _)) => {
                out.err(&shell.builtin_complaint("let", &text));
                return After::Status(1);
            }
            Err(Halt::Needs(_)) => return After::Status(1),
        }
    }
    After::Status(i32::from(value == 0))
}
