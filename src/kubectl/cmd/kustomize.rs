//! `kubectl kustomize`: prints what a kustomization makes.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/kustomize.

use crate::kubectl::failure::Failure;
use crate::kubectl::flags::text;
use crate::kubectl::kustomize;
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::text::yaml::to_yaml;

/// The command.
pub static COMMAND: Command = Command {
    name: "kustomize",
    group: Group::Advanced,
    short: "Print what a kustomization makes",
    long: "Prints the objects that a directory with a kustomization makes.",
    usage: "DIR [flags] [options]",
    flags: &[&[text("output", "", "Where to write them.").short('o')]],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let directory = match cx.session.flags.args.as_slice() {
        [] => ".".to_owned(),
        [directory] => directory.clone(),
        _ => return Err(Failure::msg("specify one path to kustomization.yaml")),
    };
    let documents: Vec<String> = kustomize::build(cx, &directory)?.iter().map(to_yaml).collect();
    cx.out.out(&documents.join("---\n"));
    DONE
}
