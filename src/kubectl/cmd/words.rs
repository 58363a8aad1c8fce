//! Commands that only say something: help and options.

use crate::kubectl::help;
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
