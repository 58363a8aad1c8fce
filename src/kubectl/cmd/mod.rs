//! The commands of kubectl, a file each. `COMMANDS` is the one list; its order is that of the overview.

mod apply;
mod create;
mod delete;
mod describe;
mod get;
mod words;

use super::tree::Command;

/// Every command.
pub static COMMANDS: &[&Command] = &[
    &create::COMMAND,
    &get::COMMAND,
    &delete::COMMAND,
    &describe::COMMAND,
    &apply::COMMAND,
    &words::HELP,
    &words::OPTIONS,
];
