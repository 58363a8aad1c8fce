//! `set`.

use super::After;
use crate::shell::applets::driver::Out;
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::shell::{Options, Shell};

/// Switches the option of a letter; false when there is none.
pub fn set_letter(options: &mut Options, letter: char, on: bool) -> bool {
    let option = match letter {
        'e' => &mut options.errexit,
        'u' => &mut options.nounset,
        'x' => &mut options.xtrace,
        'f' => &mut options.noglob,
        'n' => &mut options.noexec,
        'v' => &mut options.verbose,
        'a' => &mut options.allexport,
        'C' => &mut options.noclobber,
        'm' => &mut options.monitor,
        'b' | 'h' | 'B' | 'H' | 'E' | 'T' => return true,
        _ => return false,
    };
    *option = on;
    true
}

const NAMES: [(&str, char); 9] = [
    ("errexit", 'e'),
    ("nounset", 'u'),
    ("xtrace", 'x'),
    ("noglob", 'f'),
    ("noexec", 'n'),
    ("verbose", 'v'),
    ("allexport", 'a'),
    ("noclobber", 'C'),
    ("monitor", 'm'),
];

/// Switches the option of a name; false when there is none.
pub fn set_named(options: &mut Options, name: &str, on: bool) -> bool {
    if name == "pipefail" {
        options.pipefail = on;
        return true;
    }
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, letter)) => set_letter(options, *letter, on),
        None => matches!(
            name,
            "emacs"
                | "vi"
                | "posix"
                | "history"
                | "braceexpand"
                | "hashall"
                | "ignoreeof"
                | "notify"
                | "errtrace"
                | "functrace"
        ),
    }
}

pub(in crate::shell) fn run(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    if words.len() == 1 {
        for (name, variable) in shell.vars.iter() {
            if let Some(value) = &variable.value {
                let value = if shell.dialect == Dialect::Bash {
                    super::quote(value)
                } else {
                    format!("'{}'", value.replace('\'', r"'\''"))
                };
                out.out(&format!("{name}={value}\n"));
            }
        }
        return After::Status(0);
    }
    let mut rest = words.iter().skip(1).peekable();
    while let Some(word) = rest.peek().map(|word| word.as_str()) {
        if word == "--" || word == "-" {
            rest.next();
            shell.params = rest.cloned().collect();
            return After::Status(0);
        }
        let (on, letters) = match (word.strip_prefix('-'), word.strip_prefix('+')) {
            (Some(letters), _) => (true, letters.to_owned()),
            (_, Some(letters)) => (false, letters.to_owned()),
            _ => {
                shell.params = rest.cloned().collect();
                return After::Status(0);
            }
        };
        rest.next();
        for letter in letters.chars() {
            if letter == 'o' {
                let Some(name) = rest.next() else {
                    list(shell, out);
                    return After::Status(0);
                };
                let known =
                    set_named(&mut shell.options, name, on) && !(name == "pipefail" && shell.dialect == Dialect::Dash);
                if !known {
                    let text = match shell.dialect {
                        Dialect::Bash => format!("{name}: invalid option name"),
                        Dialect::Dash => format!("Illegal option -o {name}"),
                        Dialect::Ash => format!("illegal option -o {name}"),
                    };
                    out.err(&shell.builtin_complaint("set", &text));
                    return if shell.dialect == Dialect::Ash { After::Fatal(1) } else { After::Fatal(2) };
                }
            } else if !set_letter(&mut shell.options, letter, on) {
                let text = match shell.dialect {
                    Dialect::Bash => format!("-{letter}: invalid option"),
                    Dialect::Dash => format!("Illegal option -{letter}"),
                    Dialect::Ash => format!("illegal option -{letter}"),
                };
                out.err(&shell.builtin_complaint("set", &text));
                return if shell.dialect == Dialect::Bash { After::Status(2) } else { After::Fatal(2) };
            }
        }
    }
    After::Status(0)
}

fn list(shell: &Shell, out: &mut Out) {
    let letters = shell.options.letters();
    for (name, letter) in NAMES {
        out.out(&format!("{name:<15}\t{}\n", if letters.contains(letter) { "on" } else { "off" }));
    }
    out.out(&format!("{:<15}\t{}\n", "pipefail", if shell.options.pipefail { "on" } else { "off" }));
}
