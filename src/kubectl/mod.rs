//! kubectl 1.36 as a program of the shell: it speaks HTTP and JSON with the server that its kubeconfig file names.
//!
//! It knows only what a remote client would: resources, short names, kinds and columns come from the server's answers.
//! It keeps nothing between two calls.

pub mod apply;
mod builder;
mod client;
mod cmd;
mod complete;
mod config;
mod confirm;
mod content_hash;
mod describe;
mod discovery;
mod editing;
mod failure;
mod flags;
mod gone;
mod help;
mod kubeconfig;
mod kuberc;
mod kustomize;
mod output;
mod patching;
mod pods;
mod print;
mod profile;
mod program;
mod raw;
mod record;
mod request_log;
mod rules;
mod selector;
mod session;
#[cfg(test)]
mod tests;
mod tree;
mod typed;
mod watch;
mod writing;

pub use complete::{Server, complete};
pub use kubeconfig::Kubeconfig;

use crate::shell::program::Program;

/// kubectl with these arguments (without its own name).
pub fn new(args: &[String]) -> Box<dyn Program> {
    Box::new(program::Kubectl::new(args))
}
