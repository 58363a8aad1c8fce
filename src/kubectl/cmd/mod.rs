//! The commands of kubectl, a file each. `COMMANDS` is the one list; its order is that of the overview.

mod absent;
mod apply;
mod auth;
mod config;
mod create;
mod delete;
mod describe;
mod diff;
mod discovery;
mod edit;
mod events;
mod exec;
mod explain;
mod expose;
mod get;
mod labels;
mod logs;
mod nodes;
mod patch;
mod replace;
mod rollout;
mod run;
mod scale;
mod set;
mod wait;
mod words;

use super::tree::Command;

/// Every command.
pub static COMMANDS: &[&Command] = &[
    &create::COMMAND,
    &expose::EXPOSE,
    &run::COMMAND,
    &set::COMMAND,
    &explain::COMMAND,
    &get::COMMAND,
    &edit::COMMAND,
    &delete::COMMAND,
    &rollout::COMMAND,
    &scale::COMMAND,
    &expose::AUTOSCALE,
    &absent::CERTIFICATE,
    &discovery::CLUSTER_INFO,
    &absent::TOP,
    &nodes::CORDON,
    &nodes::UNCORDON,
    &nodes::DRAIN,
    &nodes::TAINT,
    &describe::COMMAND,
    &logs::COMMAND,
    &exec::ATTACH,
    &exec::EXEC,
    &absent::PORT_FORWARD,
    &absent::PROXY,
    &absent::CP,
    &auth::COMMAND,
    &absent::DEBUG,
    &events::COMMAND,
    &diff::COMMAND,
    &apply::COMMAND,
    &patch::COMMAND,
    &replace::COMMAND,
    &wait::COMMAND,
    &absent::KUSTOMIZE,
    &labels::LABEL,
    &labels::ANNOTATE,
    &absent::COMPLETION,
    &discovery::API_RESOURCES,
    &discovery::API_VERSIONS,
    &config::COMMAND,
    &absent::PLUGIN,
    &discovery::VERSION_COMMAND,
    &absent::ALPHA,
    &words::HELP,
    &words::OPTIONS,
];
