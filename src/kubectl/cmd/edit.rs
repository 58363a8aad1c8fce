//! `kubectl edit`: objects in an editor.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/edit.

use crate::kubectl::builder::{self, FILE_FLAGS, Query};
use crate::kubectl::editing::{self, Mode};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, switch, text};
use crate::kubectl::print::PRINT_FLAGS;
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{VALIDATE, field_manager};

const FLAGS: &[Flag] = &[
    switch("output-patch", "Show the patch that was sent."),
    switch("save-config", "Remember the configuration in an annotation."),
    text("subresource", "", "Edit a subresource."),
    switch("windows-line-endings", "Edit with the line endings of Windows."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "edit",
    group: Group::Intermediate,
    short: "Edit an object in an editor",
    long: "Opens an object as YAML in the editor that KUBE_EDITOR or EDITOR names (nano otherwise) and sends what was changed when it is saved.",
    examples: &[
        ("Edit a service", "kubectl edit service kubernetes"),
        ("With another editor", "KUBE_EDITOR='sed -i s/replicas:.*/replicas:\\ 3/' kubectl edit deployment/web"),
        ("As JSON", "KUBE_EDITOR=true kubectl edit deployment/web -o json"),
        ("See what is sent", "KUBE_EDITOR='sed -i s/blue/green/' kubectl edit configmap settings --output-patch"),
    ],
    usage: "(RESOURCE/NAME | -f FILENAME) [options]",
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, VALIDATE, &[field_manager("kubectl-edit")]],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.args.is_empty() && flags.list("filename").is_empty() && flags.text("kustomize").is_empty() {
        return Err(Failure::msg(builder::MISSING));
    }
    let mut query = Query::of(&flags);
    query.list_without_name = true;
    let mut built = builder::build(cx, &query)?;
    let subresource = flags.text("subresource");
    if !subresource.is_empty() && built.targets.iter().any(|target| target.name.is_empty()) {
        return Err(Failure::msg("subresource cannot be used when bulk resources are specified"));
    }
    let (found, mut failures) = match subresource {
        "" => builder::fetch(cx, &built),
        name => {
            let mut found = Vec::new();
            for target in std::mem::take(&mut built.targets) {
                match cx.get(&format!("{}/{name}", target.path())) {
                    Ok(object) => found.push(builder::Target { object: Some(object), ..target }),
                    Err(failure) => built.failures.push(failure),
                }
            }
            (found, built.failures)
        }
    };
    if !failures.is_empty() {
        return Err(if failures.len() == 1 { failures.remove(0) } else { Failure::Many(failures) });
    }
    if found.is_empty() {
        return Err(Failure::msg("edit cancelled, no objects found"));
    }
    editing::start(cx, vec![found], Mode::Normal)
}
