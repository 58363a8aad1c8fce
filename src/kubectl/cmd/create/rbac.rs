//! `kubectl create role`, `clusterrole`, `rolebinding` and `clusterrolebinding`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create/create_role.go and its neighbours.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Told, create, generator, one_name, some_name};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{array, pairs, slice, text};
use crate::kubectl::program::{Context, Outcome};
use crate::kubectl::tree::Command;
use crate::text::go_number::quote;

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
    examples: &[
        (
            "May read nodes",
            "kubectl create clusterrole node-reader --verb=get,list,watch --resource=nodes --dry-run=client -o yaml",
        ),
        (
            "May ask for paths of the server",
            "kubectl create clusterrole health --verb=get --non-resource-url='/healthz/*' --dry-run=client -o yaml",
        ),
        (
            "Gathers the rules of others",
            "kubectl create clusterrole monitoring --aggregation-rule=monitoring=true --dry-run=client -o yaml",
        ),
    ],
    usage: "NAME --verb=verb --resource=resource.group [--resource-name=resourcename] [--dry-run=server|client|none] [options]",
    flags: generator![
        pairs("aggregation-rule", "Labels of the ClusterRoles whose rules this one gathers, as key=value."),
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
    examples: &[
        (
            "A service account may view",
            "kubectl create rolebinding bot-view --clusterrole=view --serviceaccount=default:bot --dry-run=client -o yaml",
        ),
        (
            "A group has a Role",
            "kubectl create rolebinding readers --role=reader --group=team --dry-run=client -o yaml",
        ),
    ],
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
    examples: &[(
        "A group may view everything",
        "kubectl create clusterrolebinding viewers --clusterrole=view --group=team --dry-run=client -o yaml",
    )],
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

const VERBS: [&str; 14] = [
    "*",
    "get",
    "delete",
    "list",
    "create",
    "update",
    "patch",
    "watch",
    "proxy",
    "deletecollection",
    "use",
    "bind",
    "escalate",
    "impersonate",
];
const URL_VERBS: [&str; 8] = ["*", "get", "post", "put", "delete", "patch", "head", "options"];

/// Verbs that are for these `resource group` pairs alone.
const SPECIAL: &[(&str, &[(&str, &str)])] = &[
    ("use", &[("podsecuritypolicies", "policy"), ("podsecuritypolicies", "extensions")]),
    ("bind", &[("roles", "rbac.authorization.k8s.io"), ("clusterroles", "rbac.authorization.k8s.io")]),
    ("escalate", &[("roles", "rbac.authorization.k8s.io"), ("clusterroles", "rbac.authorization.k8s.io")]),
    ("impersonate", &[("users", ""), ("serviceaccounts", ""), ("groups", ""), ("userextras", "authentication.k8s.io")]),
];

fn unique(list: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for one in list {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

/// A resource of the command line: group, name as the server knows it, subresource.
type Named = (String, String, String);

fn named(cx: &mut Context<'_>, words: &[String], verbs: &[String]) -> Result<Vec<Named>, Failure> {
    let mut all = Vec::new();
    for word in words {
        let (resource, sub) = word.split_once('/').unwrap_or((word, ""));
        let (name, group) = resource.split_once('.').unwrap_or((resource, ""));
        if word == "*" {
            return Ok(vec![(String::new(), "*".to_owned(), String::new())]);
        }
        if name.is_empty() {
            return Err(Failure::msg("resource must be specified if apiGroup/subresource specified"));
        }
        if name == "*" {
            all.push((group.to_owned(), "*".to_owned(), sub.to_owned()));
            continue;
        }
        let found = match cx.resource(resource) {
            // What stands behind the first dot is a group, never a version.
            Ok(found) if group.is_empty() || found.group == group => Ok(found),
            Ok(_) => Err(unknown(name, group)),
            Err(failure) if group.is_empty() => Err(failure),
            Err(_) => Err(unknown(name, group)),
        };
        let (group, plural) = match &found {
            Ok(found) => (found.group.clone(), found.plural.clone()),
            Err(_) => (group.to_owned(), name.to_owned()),
        };
        let mut special = false;
        for (verb, resources) in SPECIAL.iter().filter(|(verb, _)| verbs.iter().any(|one| one == verb)) {
            if !resources.contains(&(plural.as_str(), group.as_str())) {
                return Err(Failure::msg(format!("can not perform '{verb}' on '{plural}' in group '{group}'")));
            }
            special = true;
        }
        if let (Err(failure), false) = (found, special) {
            return Err(failure.bare());
        }
        all.push((group, plural, sub.to_owned()));
    }
    Ok(all)
}

fn unknown(name: &str, group: &str) -> Failure {
    let (name, group) = (quote(name), quote(group));
    Failure::msg(format!("the server doesn't have a resource type {name} in group {group}"))
}

fn check_urls(urls: &[String], verbs: &[String]) -> Result<(), Failure> {
    if let Some(verb) = verbs.iter().find(|verb| !URL_VERBS.contains(&verb.as_str())) {
        return Err(Failure::msg(format!("invalid verb: '{verb}' for nonResourceURL")));
    }
    for url in urls.iter().filter(|url| *url != "*") {
        if !url.starts_with('/') {
            return Err(Failure::msg("nonResourceURL should start with /"));
        }
        if url.strip_suffix('*').unwrap_or(url).contains('*') {
            return Err(Failure::msg("nonResourceURL only supports wildcard matches when '*' is at the end"));
        }
    }
    Ok(())
}

fn role(cx: &mut Context<'_>, cluster: bool) -> Outcome {
    let name = some_name(cx)?;
    let flags = cx.session.flags.clone();
    let mut verbs = unique(flags.list("verb"));
    if verbs.iter().any(|verb| verb == "*") {
        verbs = vec!["*".to_owned()];
    }
    let (urls, names) = (unique(flags.list("non-resource-url")), unique(flags.list("resource-name")));
    let words = flags.list("resource");
    let kind = if cluster { "ClusterRole" } else { "Role" };
    let mut object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}});
    let aggregated: Vec<String> = flags.list("aggregation-rule").into_iter().filter(|part| !part.is_empty()).collect();
    if !aggregated.is_empty() {
        if !urls.is_empty() || !verbs.is_empty() || !words.is_empty() || !names.is_empty() {
            return Err(Failure::msg(
                "aggregation rule must be specified without nonResourceURLs, verbs, resources or resourceNames",
            ));
        }
        let mut labels = serde_json::Map::new();
        for part in aggregated {
            let Some((key, value)) = part.split_once('=') else {
                return Err(Failure::msg(format!("malformed pair, expect string=string: {part}")));
            };
            labels.insert(key.trim().to_owned(), json!(value.trim()));
        }
        if let Some(fields) = object.as_object_mut() {
            fields.insert("aggregationRule".to_owned(), json!({"clusterRoleSelectors": [{"matchLabels": labels}]}));
            fields.insert("rules".to_owned(), Value::Null);
        }
        return create(cx, object, Told::Plain);
    }
    if verbs.is_empty() {
        return Err(Failure::msg("at least one verb must be specified"));
    }
    if words.is_empty() && urls.is_empty() {
        return Err(Failure::msg(if cluster {
            "one of resource or nonResourceURL must be specified"
        } else {
            "at least one resource must be specified"
        }));
    }
    for verb in verbs.iter().filter(|verb| !words.is_empty() && !VERBS.contains(&verb.as_str())) {
        cx.out.err_line(&format!("Warning: '{verb}' is not a standard resource verb"));
    }
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (group, plural, sub) in named(cx, &words, &verbs)? {
        let resource = if sub.is_empty() { plural } else { format!("{plural}/{sub}") };
        let list = groups.entry(group).or_default();
        if !list.contains(&resource) {
            list.push(resource);
        }
    }
    if !urls.is_empty() {
        check_urls(&urls, &verbs)?;
    }
    let mut rules: Vec<Value> = Vec::new();
    for (group, resources) in groups {
        let mut rule = json!({"verbs": verbs, "apiGroups": [group], "resources": resources});
        if let (false, Some(fields)) = (names.is_empty(), rule.as_object_mut()) {
            fields.insert("resourceNames".to_owned(), json!(names));
        }
        rules.push(rule);
    }
    if !urls.is_empty() {
        rules.push(json!({"verbs": verbs, "nonResourceURLs": urls}));
    }
    if let Some(fields) = object.as_object_mut() {
        fields.insert("rules".to_owned(), json!(rules));
    }
    create(cx, object, Told::Plain)
}

fn binding(cx: &mut Context<'_>, cluster: bool) -> Outcome {
    let name = if cluster { one_name(cx)? } else { some_name(cx)? };
    let flags = cx.session.flags.clone();
    if !cluster && flags.text("clusterrole").is_empty() == flags.text("role").is_empty() {
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
        let parts = account
            .split_once(':')
            .filter(|(space, name)| !space.is_empty() && !name.is_empty() && !name.contains(':'));
        let Some((namespace, account)) = parts else {
            return Err(Failure::msg("serviceaccount must be <namespace>:<name>"));
        };
        subjects.push(json!({"kind": "ServiceAccount", "name": account, "namespace": namespace}));
    }
    let mut object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": if cluster { "ClusterRoleBinding" } else { "RoleBinding" },
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
    });
    if let (false, Some(fields)) = (subjects.is_empty(), object.as_object_mut()) {
        fields.insert("subjects".to_owned(), json!(subjects));
    }
    create(cx, object, Told::Failed(if cluster { "clusterrolebinding" } else { "rolebinding" }))
}
