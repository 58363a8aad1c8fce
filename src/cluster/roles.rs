//! The roles that every cluster has from the start, and whom they are granted to: a table of text and its reader.
//!
//! Each line of `roles.txt` that is not indented names a role (`namespace/name` for one in a namespace). `>view` says
//! that it is part of `view`, `<view` that it is made of those parts, `=Kind/name` to whom it is granted (`=` alone to
//! the controller of its name), `as:name` that the grant has a name of its own, `!` that the installer made it and not
//! the server. Indented lines are rules: groups, resources, verbs, names; or paths and verbs.
//!
//! `system:discovery` lets every user read `/.well-known` too, as the recorded cluster does.
//!
//! Models Kubernetes 1.36 plugin/pkg/auth/authorizer/rbac/bootstrappolicy and cmd/kubeadm/app/phases.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{
    AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::apimachinery::Status;
use crate::apiserver::{ApiServer, Caller};

static TABLE: &str = include_str!("roles.txt");

const GROUP: &str = "rbac.authorization.k8s.io";
const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 5] = ["create", "delete", "deletecollection", "patch", "update"];

/// What a line that names a role says.
#[derive(Default)]
struct Head<'a> {
    namespace: Option<&'a str>,
    name: &'a str,
    part_of: Vec<&'a str>,
    made_of: Option<&'a str>,
    grant: Option<&'a str>,
    to: Vec<Subject>,
    granted: bool,
    by_installer: bool,
}

/// Makes all of them.
///
/// # Errors
/// The first refusal, which none of the table's lines should meet.
pub fn make(server: &mut ApiServer, caller: &Caller) -> Result<(), Status> {
    let mut lines = TABLE.lines().peekable();
    while let Some(line) = lines.next() {
        let head = read_head(line);
        let mut rules = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
            rules.push(read_rule(line));
        }
        make_one(server, caller, head, rules)?;
    }
    Ok(())
}

/// The accounts of the controllers, by the names that the table grants roles to.
///
/// # Errors
/// The first refusal.
pub fn make_accounts(server: &mut ApiServer, caller: &Caller) -> Result<(), Status> {
    let named = TABLE.lines().filter_map(|line| line.strip_prefix("system:controller:")?.split(' ').next());
    for name in named.chain(["bootstrap-signer", "token-cleaner"]) {
        let metadata = metadata(Some("kube-system"), name, BTreeMap::new(), BTreeMap::new());
        server.create(caller, ServiceAccount { metadata, ..ServiceAccount::default() })?;
    }
    Ok(())
}

fn read_head(line: &str) -> Head<'_> {
    let mut words = line.split(' ');
    let mut head = Head::default();
    let full = words.next().unwrap_or_default();
    (head.namespace, head.name) = match full.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, full),
    };
    for word in words {
        let (mark, rest) = word.split_at(1);
        match mark {
            "!" => head.by_installer = true,
            ">" => head.part_of.push(rest),
            "<" => head.made_of = Some(rest),
            "=" => {
                head.granted = true;
                head.to.extend(read_subject(rest, head.name));
            }
            _ => head.grant = word.strip_prefix("as:"),
        }
    }
    head
}

/// `Kind/name`, or `ServiceAccount/namespace/name`.
fn read_subject(text: &str, role: &str) -> Option<Subject> {
    let account = |namespace: &str, name: &str| Subject {
        kind: "ServiceAccount".to_owned(),
        name: name.to_owned(),
        namespace: Some(namespace.to_owned()),
        api_group: None,
    };
    if let Some((kind, name)) = text.split_once('/') {
        if kind == "ServiceAccount" {
            return name.split_once('/').map(|(namespace, name)| account(namespace, name));
        }
        let group = Some(GROUP.to_owned());
        return Some(Subject { kind: kind.to_owned(), name: name.to_owned(), namespace: None, api_group: group });
    }
    role.strip_prefix("system:controller:").map(|controller| account("kube-system", controller))
}

fn read_rule(line: &str) -> PolicyRule {
    let words: Vec<&str> = line.split_whitespace().collect();
    let list = |index: usize| -> Option<Vec<String>> {
        let word = words.get(index)?;
        Some(word.split(',').map(|part| if part == "core" { "" } else { part }.to_owned()).collect())
    };
    let verbs = |index: usize| {
        let mut all: Vec<String> = Vec::new();
        for verb in words.get(index).iter().flat_map(|word| word.split(',')) {
            match verb {
                "READ" => all.extend(READ.map(str::to_owned)),
                "WRITE" => all.extend(WRITE.map(str::to_owned)),
                verb => all.push(verb.to_owned()),
            }
        }
        all.sort_unstable();
        all
    };
    if words.len() == 2 {
        return PolicyRule { non_resource_urls: list(0), verbs: verbs(1), ..PolicyRule::default() };
    }
    PolicyRule {
        api_groups: list(0),
        resources: list(1),
        verbs: verbs(2),
        resource_names: list(3),
        non_resource_urls: None,
    }
}

fn metadata(
    namespace: Option<&str>,
    name: &str,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespace.map(str::to_owned),
        labels: Some(labels).filter(|held| !held.is_empty()),
        annotations: Some(annotations).filter(|held| !held.is_empty()),
        ..ObjectMeta::default()
    }
}

fn make_one(server: &mut ApiServer, caller: &Caller, head: Head<'_>, rules: Vec<PolicyRule>) -> Result<(), Status> {
    let (mut labels, mut annotations) = (BTreeMap::new(), BTreeMap::new());
    if !head.by_installer {
        labels.insert("kubernetes.io/bootstrapping".to_owned(), "rbac-defaults".to_owned());
        annotations.insert("rbac.authorization.kubernetes.io/autoupdate".to_owned(), "true".to_owned());
    }
    let part = |of: &str| format!("{GROUP}/aggregate-to-{of}");
    if head.granted {
        let metadata = metadata(head.namespace, head.grant.unwrap_or(head.name), labels.clone(), annotations.clone());
        let kind = if head.namespace.is_some() { "Role" } else { "ClusterRole" };
        let role_ref = RoleRef { api_group: Some(GROUP.to_owned()), kind: kind.to_owned(), name: head.name.to_owned() };
        let subjects = Some(head.to).filter(|held| !held.is_empty());
        match head.namespace {
            Some(_) => server.create(caller, RoleBinding { metadata, role_ref, subjects }).map(|_| ())?,
            None => server.create(caller, ClusterRoleBinding { metadata, role_ref, subjects }).map(|_| ())?,
        }
    }
    if rules.is_empty() && head.made_of.is_none() {
        return Ok(());
    }
    labels.extend(head.part_of.iter().map(|of| (part(of), "true".to_owned())));
    let metadata = metadata(head.namespace, head.name, labels, annotations);
    if head.namespace.is_some() {
        return server.create(caller, Role { metadata, rules: Some(rules) }).map(|_| ());
    }
    let aggregation_rule = head.made_of.map(|of| AggregationRule {
        cluster_role_selectors: Some(vec![LabelSelector {
            match_labels: Some([(part(of), "true".to_owned())].into()),
            match_expressions: None,
        }]),
    });
    let rules = Some(rules).filter(|_| aggregation_rule.is_none());
    server.create(caller, ClusterRole { metadata, aggregation_rule, rules }).map(|_| ())
}
