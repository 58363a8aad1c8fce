//! What the shell runs itself: one file each (the shortest together in `small.rs`), one list.

pub mod cd;
pub mod echo;
pub mod export;
pub mod getopts;
pub mod help;
pub mod jobs;
pub mod printf;
pub mod read;
pub mod set;
pub mod small;
pub mod test;
pub mod trap;

use super::applets::driver::Out;
use super::kernel::Kernel;
use super::machine::Dialect;
use super::shell::{Frame, Shell};

/// What a builtin asks the shell to do after it has run.
#[derive(Clone, Debug)]
pub(super) enum After {
    /// Set `$?`.
    Status(i32),
    /// End a shell that is not interactive.
    Fatal(i32),
    /// Nothing: it changed the shell itself.
    Done,
    /// Go on with this.
    Frame(Frame),
}

pub(super) type Run = fn(&mut Shell, &mut Kernel, &[String], &mut Out) -> After;

/// A builtin.
#[derive(Clone, Copy)]
pub(super) struct Builtin {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether it is special: assignments in front of it stay, and its errors end a script.
    pub(super) special: bool,
    /// Which shells have it.
    pub(super) only: Option<Dialect>,
    /// What it does, for `help`.
    pub(super) summary: &'static str,
    pub(super) run: Run,
}

const fn builtin(name: &'static str, special: bool, run: Run, summary: &'static str) -> Builtin {
    Builtin { name, special, only: None, summary, run }
}
const fn bash(name: &'static str, run: Run, summary: &'static str) -> Builtin {
    Builtin { name, special: false, only: Some(Dialect::Bash), summary, run }
}

/// Every builtin.
pub(super) const BUILTINS: &[Builtin] = &[
    builtin(":", true, small::colon, "do nothing"),
    builtin(".", true, small::dot, "run the commands of a file in this shell"),
    bash("source", small::dot, "run the commands of a file in this shell"),
    builtin("[", false, test::run, "test a condition"),
    builtin("test", false, test::run, "test a condition"),
    builtin("alias", false, small::alias, "show or define an alias"),
    builtin("unalias", false, small::unalias, "remove an alias"),
    builtin("break", true, small::break_, "leave a loop"),
    builtin("continue", true, small::continue_, "begin the next round of a loop"),
    builtin("cd", false, cd::run, "change the working directory"),
    builtin("pwd", false, cd::pwd, "print the working directory"),
    builtin("command", false, small::command, "run a command, not a function; -v: what a name is"),
    builtin("type", false, small::type_, "say what a name is"),
    builtin("echo", false, echo::run, "print words"),
    builtin("printf", false, printf::run, "print by a format"),
    builtin("eval", true, small::eval, "run words as a command"),
    builtin("exec", true, small::colon, "replace the shell by a command, or change its descriptors"),
    builtin("exit", true, small::exit, "end the shell"),
    builtin("return", true, small::return_, "return from a function"),
    builtin("export", true, export::export, "give variables to commands"),
    builtin("readonly", true, export::readonly, "make variables unchangeable"),
    builtin("unset", true, export::unset, "remove variables or functions"),
    builtin("local", false, export::local, "variables of a function"),
    bash("declare", export::declare, "set variables and their attributes"),
    bash("typeset", export::declare, "set variables and their attributes"),
    builtin("set", true, set::run, "set options and positional parameters"),
    builtin("shift", true, small::shift, "drop positional parameters"),
    builtin("getopts", false, getopts::run, "parse options"),
    builtin("read", false, read::run, "read a line into variables"),
    builtin("trap", true, trap::run, "run commands on signals"),
    builtin("kill", false, jobs::kill, "send a signal"),
    builtin("jobs", false, jobs::run, "list background jobs"),
    builtin("wait", false, jobs::wait, "wait for background jobs"),
    builtin("fg", false, jobs::fg, "bring a job to the foreground"),
    builtin("bg", false, jobs::bg, "let a job go on in the background"),
    bash("disown", jobs::disown, "forget a job"),
    builtin("true", false, small::true_, "succeed"),
    builtin("false", false, small::false_, "fail"),
    builtin("umask", false, small::umask, "mask of permission bits for new files"),
    builtin("ulimit", false, small::ulimit, "limits"),
    builtin("times", true, small::times, "processor time used"),
    builtin("hash", false, small::true_, "remembered places of commands"),
    Builtin { name: "let", special: false, only: None, summary: "arithmetic", run: small::let_ },
    bash("shopt", small::true_, "shell options"),
    bash("complete", small::true_, "completion (built in here)"),
    builtin("history", false, help::history, "lines entered so far"),
    bash("help", help::run, "what there is"),
];

/// The builtin of that name in this shell.
pub(super) fn find(name: &str, dialect: Dialect) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| {
        builtin.name == name
            && builtin.only.is_none_or(|only| only == dialect)
            && !(dialect == Dialect::Dash && matches!(name, "let" | "history"))
    })
}

/// The words after `command` and its options, unless it only asks (`-v`, `-V`).
pub(super) fn command_words(words: &[String]) -> Option<(usize, &[String])> {
    let mut at = 1;
    while let Some(word) = words.get(at) {
        match word.as_str() {
            "-p" => at += 1,
            "--" => {
                at += 1;
                break;
            }
            "-v" | "-V" => return None,
            _ => break,
        }
    }
    let rest = words.get(at..)?;
    (!rest.is_empty()).then_some((at, rest))
}

/// A word as it could be typed.
pub fn quote(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:=,+@%^".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
