//! The commands of kubectl, a file each. `COMMANDS` is the one list; its order is that of the overview.

mod apply;
mod create;
mod delete;
mod describe;
mod events;
mod get;
mod labels;
mod logs;
mod patch;
mod replace;
mod rollout;
mod scale;
mod wait;
mod words;

use super::tree::Command;

/// Every command.
pub static COMMANDS: &[&Command] = &[
    &create::COMMAND,
    &get::COMMAND,
    &delete::COMMAND,
    &rollout::COMMAND,
    &scale::COMMAND,
    &describe::COMMAND,
    &logs::COMMAND,
    &events::COMMAND,
    &apply::COMMAND,
    &patch::COMMAND,
    &replace::COMMAND,
    &wait::COMMAND,
    &labels::LABEL,
    &labels::ANNOTATE,
    &words::HELP,
    &words::OPTIONS,
];
