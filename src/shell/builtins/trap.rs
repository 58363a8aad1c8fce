//! `trap`, and the names of signals.

use super::After;
use crate::shell::applets::driver::Out;
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::process::Disposition;
use crate::shell::program::Signal;
use crate::shell::shell::Shell;

const SIGNALS: [(Signal, &str); 12] = [
    (Signal::Hup, "HUP"),
    (Signal::Int, "INT"),
    (Signal::Quit, "QUIT"),
    (Signal::Kill, "KILL"),
    (Signal::Usr1, "USR1"),
    (Signal::Usr2, "USR2"),
    (Signal::Pipe, "PIPE"),
    (Signal::Alrm, "ALRM"),
    (Signal::Term, "TERM"),
    (Signal::Chld, "CHLD"),
    (Signal::Tstp, "TSTP"),
    (Signal::Winch, "WINCH"),
];

/// The name of a signal without `SIG`.
pub fn name(signal: Signal) -> &'static str {
    SIGNALS.iter().find(|(known, _)| *known == signal).map_or("?", |(_, name)| name)
}

/// The signal of a name or number.
pub fn signal(text: &str) -> Option<Signal> {
    let upper = text.to_ascii_uppercase();
    let plain = upper.strip_prefix("SIG").unwrap_or(&upper);
    let number: Option<i32> = text.parse().ok();
    SIGNALS.iter().find(|(signal, name)| *name == plain || number == Some(*signal as i32)).map(|(signal, _)| *signal)
}

/// The list that `kill -l` prints.
pub fn list() -> impl Iterator<Item = (i32, &'static str)> {
    let mut all: Vec<(i32, &str)> = SIGNALS.iter().map(|(signal, name)| (*signal as i32, *name)).collect();
    all.sort_unstable();
    all.into_iter()
}

pub(in crate::shell) fn run(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let rest: Vec<&String> = words.iter().skip(1).filter(|word| word.as_str() != "--").collect();
    let Some((first, names)) = rest.split_first() else {
        print(shell, out);
        return After::Status(0);
    };
    if first.as_str() == "-l" {
        for (number, name) in list() {
            out.out(&format!("{number:2}) SIG{name}\n"));
        }
        return After::Status(0);
    }
    if first.as_str() == "-p" {
        print(shell, out);
        return After::Status(0);
    }
    let resets = first.as_str() == "-" || (names.is_empty()) || first.parse::<u32>().is_ok();
    let names: Vec<&String> = if resets && first.as_str() != "-" { rest.clone() } else { names.to_vec() };
    let mut status = 0;
    for name in names {
        if name == "EXIT" || name == "0" {
            if resets {
                shell.traps.remove("EXIT");
            } else {
                shell.traps.insert("EXIT".into(), (*first).clone());
            }
            continue;
        }
        if matches!(name.as_str(), "ERR" | "DEBUG" | "RETURN") && shell.dialect == Dialect::Bash {
            shell.traps.insert(name.clone(), (*first).clone());
            continue;
        }
        let Some(signal) = signal(name) else {
            let text = match shell.dialect {
                Dialect::Bash => format!("{name}: invalid signal specification"),
                Dialect::Dash => format!("{name}: bad trap"),
                Dialect::Ash => format!("{name}: invalid signal specification"),
            };
            out.err(&shell.builtin_complaint("trap", &text));
            status = 1;
            continue;
        };
        let key = self::name(signal).to_owned();
        if resets {
            shell.traps.remove(&key);
            let keep = shell.interactive && matches!(signal, Signal::Int | Signal::Quit | Signal::Term | Signal::Tstp);
            kernel.set_disposition(signal, keep.then_some(Disposition::Catch));
        } else {
            let disposition = if first.is_empty() { Disposition::Ignore } else { Disposition::Catch };
            shell.traps.insert(key, (*first).clone());
            kernel.set_disposition(signal, Some(disposition));
        }
    }
    After::Status(status)
}

fn print(shell: &Shell, out: &mut Out) {
    for (name, text) in &shell.traps {
        let prefix = if shell.dialect == Dialect::Bash && name != "EXIT" { "SIG" } else { "" };
        out.out(&format!("trap -- '{}' {prefix}{name}\n", text.replace('\'', r"'\''")));
    }
}
