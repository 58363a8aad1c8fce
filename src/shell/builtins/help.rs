//! `help` and `history` of the learner's shell.

use super::{After, BUILTINS};
use crate::shell::applets::{self, APPLETS, driver::Out};
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::shell::Shell;

pub(in crate::shell) fn run(_: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    if let Some(name) = words.get(1) {
        let builtin = super::find(name, Dialect::Bash).map(|builtin| builtin.summary);
        return match builtin.or_else(|| applets::find(name).map(|applet| applet.summary)) {
            Some(summary) => {
                out.out(&format!("{name}: {summary}\n"));
                After::Status(0)
            }
            None => {
                out.err(&format!("bash: help: no help topics match `{name}'.  Try `help' alone.\n"));
                After::Status(1)
            }
        };
    }
    let mut names: Vec<&str> = APPLETS.iter().map(|applet| applet.name).collect();
    names.extend(kernel.program_names());
    names.sort_unstable();
    names.dedup();
    let builtins: Vec<&str> = BUILTINS.iter().map(|builtin| builtin.name).collect();
    out.out("This terminal is a small Linux machine with a cluster behind it.\n\n");
    out.out(&format!("Part of the shell:\n{}\nPrograms:\n{}\n", columns(&builtins), columns(&names)));
    out.out("`help NAME` says what one of them does; `kubectl --help` is the way into the cluster.\n");
    After::Status(0)
}

fn columns(names: &[&str]) -> String {
    let mut text = String::new();
    let mut width = 0;
    for name in names {
        if width + name.len() + 1 > 76 {
            text.push('\n');
            width = 0;
        }
        text.push_str(if width == 0 { "  " } else { " " });
        text.push_str(name);
        width += name.len() + 1;
    }
    text.push('\n');
    text
}

pub(in crate::shell) fn history(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    if words.get(1).is_some_and(|word| word == "-c") {
        shell.set_history(Vec::new());
        return After::Status(0);
    }
    let most = words.get(1).and_then(|word| word.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let all = shell.history();
    for (index, line) in all.iter().enumerate().skip(all.len().saturating_sub(most)) {
        out.out(&format!("{:5}  {line}\n", index + 1));
    }
    After::Status(0)
}
