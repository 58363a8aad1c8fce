//! A small POSIX machine: processes, files, a shell and its applets. Knows no Kubernetes.

pub mod applets;
pub mod arithmetic;
mod braces;
mod builtins;
pub mod connections;
pub mod escape;
mod execute;
mod expand;
pub mod kernel;
pub mod keys;
pub mod line_editor;
pub mod machine;
pub mod nano;
pub mod parser;
pub mod pattern;
pub mod process;
pub mod program;
mod redirect;
pub mod regex;
#[expect(clippy::module_inception, reason = "a shell is one program of the machine that the module is about")]
pub mod shell;
pub mod syntax;
pub mod task;
pub mod vfs;

pub use machine::{
    Dialect, Machine, MachineConfig, OutputChunk, Programs, RunOutcome, SpawnOptions, StartError, Stdio, Stream, TtyId,
};
pub use process::{ExitStatus, Flavour};
pub use shell::{LineState, Shell};
pub use vfs::{Tree, Vfs};
