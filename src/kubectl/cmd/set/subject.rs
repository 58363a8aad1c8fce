//! `kubectl set subject`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/set/set_subject.go.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ALL, LOCAL, SELECTOR, Told, change, check, objects};
use crate::kubectl::builder::FILE_FLAGS;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::array;
use crate::kubectl::print::{PRINT_FLAGS, str_at};
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;
use crate::kubectl::writing::{DRY_RUN, field_manager};

/// The command.
pub static COMMAND: Command = Command {
    name: "subject",
    short: "Add who has a role",
    long: "Adds users, groups and service accounts to a RoleBinding or ClusterRoleBinding.",
    examples: &[
        ("One more service account", "kubectl set subject rolebinding viewers --serviceaccount=default:bot"),
        (
            "Add a group before the binding is created",
            "kubectl create rolebinding admins --role=admin -o yaml --dry-run=client | kubectl set subject --local -f - --group=team -o yaml",
        ),
    ],
    usage: "(-f FILENAME | TYPE NAME) [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none] [options]",
    flags: &[
        &[
            ALL,
            LOCAL,
            SELECTOR,
            field_manager("kubectl-set"),
            array("group", "Groups to add."),
            array("serviceaccount", "Service accounts to add, as namespace:name."),
            array("user", "Users to add."),
        ],
        FILE_FLAGS,
        PRINT_FLAGS,
        DRY_RUN,
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let targets = objects(cx, flags.args.clone())?;
    check(cx)?;
    let (users, groups, accounts) = (flags.list("user"), flags.list("group"), flags.list("serviceaccount"));
    if users.is_empty() && groups.is_empty() && accounts.is_empty() {
        return Err(Failure::msg("you must specify at least one value of user, group or serviceaccount"));
    }
    let mut subjects = Vec::new();
    for (list, kind) in [(users, "User"), (groups, "Group")] {
        for name in list.into_iter().collect::<BTreeSet<_>>() {
            subjects.push(json!({"kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": name}));
        }
    }
    let namespace = cx.namespace()?;
    for account in accounts.into_iter().collect::<BTreeSet<_>>() {
        let parts = account.split_once(':').filter(|(_, name)| !name.is_empty() && !name.contains(':'));
        let Some((own, name)) = parts else {
            return Err(Failure::msg("serviceaccount must be <namespace>:<name>"));
        };
        if own.is_empty() && targets.iter().any(|target| target.resource.kind == "ClusterRoleBinding") {
            return Err(Failure::msg("serviceaccount must be <namespace>:<name>, namespace must be specified"));
        }
        let own = if own.is_empty() { &namespace } else { own };
        subjects.push(json!({"kind": "ServiceAccount", "name": name, "namespace": own}));
    }
    let told = Told { done: "subjects updated", refused: "failed to patch subjects to rolebinding:", always: false };
    change(cx, &targets, &told, |_, object| {
        if !["RoleBinding", "ClusterRoleBinding"].contains(&str_at(object, "/kind")) {
            return Err("setting subjects is only supported for RoleBinding/ClusterRoleBinding".to_owned());
        }
        let Some(fields) = object.as_object_mut() else { return Ok(()) };
        let list = fields.entry("subjects").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            let new: Vec<Value> = subjects.iter().filter(|new| !list.contains(new)).cloned().collect();
            list.extend(new);
        }
        Ok(())
    })
}
