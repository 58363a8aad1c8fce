//! `kubectl create role`, `clusterrole`, `rolebinding` and `clusterrolebinding`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create/create_role.go and its neighbours.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Told, create, generator, one_name};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{array, slice, text};
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;

/// `create role`.
pub static ROLE: Command = Command {
    name: "role",
    short: "Create a Role",
    long: "Creates a Role: what may be done with which resources of a namespace.",
    examples: &[(
        "May read Jobs",
        "kubectl create role reader --verb=get,list --resource=jobs --dry-run=client -o yaml",
    )],
    usage: "NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename] [--dry-run=server|client|none] [options]",
    flags: generator![
        slice("resource", "Resources, such as jobs or deployments.apps/scale."),
        array("resource-name", "Names that the rule is limited to."),
        slice("verb", "Verbs, such as get or list."),
    ],
    run: Some(|cx| role(cx, false)),
    ..Command::EMPTY
};

/// `create clusterrole`.
pub static CLUSTER_ROLE: Command = Command {
    name: "clusterrole",
    short: "Create a ClusterRole",
    long: "Creates a ClusterRole: what may be done with which resources of the whole cluster.",
    usage: "NAME --verb=verb --resource=resource.group [--resource-name=resourcename] [--dry-run=server|client|none] [options]",
    flags: generator![
        slice("resource", "Resources, such as nodes or deployments.apps/scale."),
        array("resource-name", "Names that the rule is limited to."),
        slice("non-resource-url", "Paths of the server that are no resources."),
        slice("verb", "Verbs, such as get or list."),
    ],
    run: Some(|cx| role(cx, true)),
    ..Command::EMPTY
};

/// `create rolebinding`.
pub static ROLE_BINDING: Command = Command {
    name: "rolebinding",
    short: "Create a RoleBinding",
    long: "Creates a RoleBinding: who has a Role or ClusterRole in a namespace.",
    usage: "NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none] [options]",
    flags: generator![
        text("clusterrole", "", "The ClusterRole."),
        array("group", "Groups that get it."),
        text("role", "", "The Role."),
        array("serviceaccount", "Service accounts that get it, as namespace:name."),
        array("user", "Users that get it."),
    ],
    run: Some(|cx| binding(cx, false)),
    ..Command::EMPTY
};

/// `create clusterrolebinding`.
pub static CLUSTER_ROLE_BINDING: Command = Command {
    name: "clusterrolebinding",
    short: "Create a ClusterRoleBinding",
    long: "Creates a ClusterRoleBinding: who has a ClusterRole in the whole cluster.",
    usage: "NAME --clusterrole=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none] [options]",
    flags: generator![
        text("clusterrole", "", "The ClusterRole.").required(),
        array("group", "Groups that get it."),
        array("serviceaccount", "Service accounts that get it, as namespace:name."),
        array("user", "Users that get it."),
    ],
    run: Some(|cx| binding(cx, true)),
    ..Command::EMPTY
};

fn role(cx: &mut Context<'_>, cluster: bool) -> Outcome {
    let name = one_name(cx)?;
    let flags = cx.session.flags.clone();
    let verbs = flags.list("verb");
    let urls = flags.list("non-resource-url");
    if verbs.is_empty() {
        return Err(Failure::msg("at least one verb must be specified"));
    }
    if flags.list("resource").is_empty() && urls.is_empty() {
        return Err(Failure::msg("at least one resource must be specified"));
    }
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for word in flags.list("resource") {
        let (resource, sub) = word.split_once('/').map_or((word.as_str(), None), |(a, b)| (a, Some(b)));
        let (group, plural) = if resource == "*" {
            ("*".to_owned(), "*".to_owned())
        } else {
            let found = cx.discovery()?.resolve(resource)?.clone();
            (found.group, found.plural)
        };
        groups.entry(group).or_default().push(match sub {
            Some(sub) => format!("{plural}/{sub}"),
            None => plural,
        });
    }
    let mut rules: Vec<Value> = Vec::new();
    for (group, resources) in groups {
        let mut rule = json!({"verbs": verbs, "apiGroups": [group], "resources": resources});
        if let (false, Some(fields)) = (flags.list("resource-name").is_empty(), rule.as_object_mut()) {
            fields.insert("resourceNames".to_owned(), json!(flags.list("resource-name")));
        }
        rules.push(rule);
    }
    if !urls.is_empty() {
        rules.push(json!({"verbs": verbs, "nonResourceURLs": urls}));
    }
    let kind = if cluster { "ClusterRole" } else { "Role" };
    let object =
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "rules": rules});
    create(cx, object, Told::Plain)
}

fn binding(cx: &mut Context<'_>, cluster: bool) -> Outcome {
    let name = one_name(cx)?;
    let flags = cx.session.flags.clone();
    if flags.text("clusterrole").is_empty() == flags.text("role").is_empty() {
        return Err(Failure::msg("exactly one of clusterrole or role must be specified"));
    }
    let (kind, role) = if flags.text("role").is_empty() {
        ("ClusterRole", flags.text("clusterrole"))
    } else {
        ("Role", flags.text("role"))
    };
    let mut subjects = Vec::new();
    for (flag, kind) in [("user", "User"), ("group", "Group")] {
        for who in flags.list(flag) {
            subjects.push(json!({"kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": who}));
        }
    }
    for account in flags.list("serviceaccount") {
        let parts = account.split_once(':').filter(|(a, b)| !a.is_empty() && !b.is_empty());
        let Some((namespace, account)) = parts else {
            return Err(Failure::msg("serviceaccount must be <namespace>:<name>"));
        };
        subjects.push(json!({"kind": "ServiceAccount", "name": account, "namespace": namespace}));
    }
    let object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": if cluster { "ClusterRoleBinding" } else { "RoleBinding" },
        "metadata": {"name": name},
        "subjects": subjects,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
    });
    create(cx, object, Told::Failed(if cluster { "clusterrolebinding" } else { "rolebinding" }))
}
