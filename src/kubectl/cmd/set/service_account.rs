//! `kubectl set serviceaccount`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/set/set_serviceaccount.go.

use serde_json::json;

use super::{ALL, LOCAL, Told, change, check, objects, pod_spec, unless_local};
use crate::kubectl::builder::FILE_FLAGS;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::PRINT_FLAGS;
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::record::RECORD;
use crate::kubectl::tree::Command;
use crate::kubectl::writing::{DRY_RUN, field_manager};

/// The command.
pub static COMMAND: Command = Command {
    name: "serviceaccount",
    aliases: &["sa"],
    short: "Set the service account of Pods",
    long: "Sets the service account of the Pods that an object makes.",
    examples: &[
        ("The default account", "kubectl set serviceaccount deployment/web default"),
        ("See what would come of a file", "kubectl set sa -f web.yaml bot --local -o yaml"),
    ],
    usage: "(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT [options]",
    flags: &[&[ALL, LOCAL, field_manager("kubectl-set")], FILE_FLAGS, PRINT_FLAGS, DRY_RUN, RECORD],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    check(cx)?;
    let args = cx.session.flags.args.clone();
    let Some((account, names)) = args.split_last() else { return Err(Failure::msg("serviceaccount is required")) };
    let names = unless_local(cx, names.to_vec());
    let targets = objects(cx, names)?;
    let told = Told { done: "serviceaccount updated", refused: "failed to patch ServiceAccountName", always: true };
    change(cx, &targets, &told, |_, object| {
        if let Some(spec) = pod_spec(object)?.as_object_mut() {
            spec.insert("serviceAccountName".to_owned(), json!(account));
        }
        Ok(())
    })
}
