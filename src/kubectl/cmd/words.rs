//! Commands that only say something: help, options, alpha.

use crate::kubectl::help;
use crate::kubectl::program::{Context, Next, Outcome};
use crate::kubectl::tree::{Command, Group};

/// `kubectl help`.
pub static HELP: Command = Command {
    name: "help",
    group: Group::Sub,
    short: "Help about any command",
    long: "Shows the help of a command.",
    examples: &[("The help of get", "kubectl help get")],
    usage: "[command] [options]",
    run: Some(help::help),
    ..Command::EMPTY
};

/// `kubectl options`.
pub static OPTIONS: Command = Command {
    name: "options",
    group: Group::Sub,
    short: "The flags that every command takes",
    long: "Lists the flags that every command takes.",
    examples: &[("The flags that every command takes", "kubectl options")],
    usage: "[flags] [options]",
    run: Some(help::options),
    ..Command::EMPTY
};

/// `kubectl alpha`.
pub static ALPHA: Command = Command {
    name: "alpha",
    group: Group::Sub,
    short: "Commands for features in alpha",
    long: "There are none in this version.",
    usage: "[flags] [options]",
    run: Some(alpha),
    ..Command::EMPTY
};

fn alpha(cx: &mut Context<'_>) -> Outcome {
    cx.out.err_line("No alpha commands are available in this version of kubectl");
    Ok(Next::Exit(0))
}
