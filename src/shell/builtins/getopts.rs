//! `getopts`.

use super::After;
use crate::shell::applets::driver::Out;
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::shell::Shell;

pub(in crate::shell) fn run(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let [_, options, name, rest @ ..] = words else {
        out.err(&shell.builtin_complaint("getopts", "usage: getopts optstring name [arg ...]"));
        return After::Status(2);
    };
    let arguments = if rest.is_empty() { shell.params.clone() } else { rest.to_vec() };
    let (index, at) = shell.getopts;
    let silent = options.starts_with(':');
    let word = arguments.get(index.saturating_sub(1)).cloned().unwrap_or_default();
    let letters: Vec<char> = word.chars().collect();
    let finished = at == 0 && (!word.starts_with('-') || word == "-" || word == "--");
    if finished {
        let next = if word == "--" { index + 1 } else { index };
        shell.set(name, "?");
        shell.set("OPTIND", &next.to_string());
        return After::Status(1);
    }
    let at = at.max(1);
    let letter = letters.get(at).copied().unwrap_or('?');
    let mut next = if at + 1 < letters.len() { (index, at + 1) } else { (index + 1, 0) };
    let place = options.find(letter).filter(|_| letter != ':');
    let takes =
        place.is_some_and(|place| options.get(place + letter.len_utf8()..).is_some_and(|tail| tail.starts_with(':')));
    let (mut found, mut argument) = (letter.to_string(), None);
    if place.is_none() {
        found = "?".into();
        argument = silent.then(|| letter.to_string());
        if !silent {
            out.err(&match shell.dialect {
                Dialect::Bash => format!("{}: illegal option -- {letter}\n", shell.name),
                _ => format!("Illegal option -{letter}\n"),
            });
        }
    } else if takes {
        let attached: String = letters.iter().skip(at + 1).collect();
        if !attached.is_empty() {
            argument = Some(attached);
            next = (index + 1, 0);
        } else if let Some(word) = arguments.get(index) {
            argument = Some(word.clone());
            next = (index + 2, 0);
        } else {
            next = (index + 1, 0);
            found = if silent { ":".into() } else { "?".into() };
            argument = silent.then(|| letter.to_string());
            if !silent {
                out.err(&match shell.dialect {
                    Dialect::Bash => format!("{}: option requires an argument -- {letter}\n", shell.name),
                    _ => format!("No arg for -{letter} option\n"),
                });
            }
        }
    }
    shell.set(name, &found);
    match argument {
        Some(argument) => shell.set("OPTARG", &argument),
        None => shell.restore("OPTARG", None),
    }
    shell.set("OPTIND", &next.0.to_string());
    shell.getopts = next;
    After::Status(0)
}
