//! What `--prune` is about: objects that apply made and that files no longer hold. Deletes nothing.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/util/prune.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kubectl::discovery::Resource;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::kubectl::program::Context;
use crate::kubectl::writing::{LAST_APPLIED, klog};
use crate::text::http::{Method, Request};

/// The kinds that are pruned when the flags name none; the last two have no namespace.
const KINDS: &[(&str, &str, &str)] = &[
    ("", "v1", "ConfigMap"),
    ("", "v1", "Endpoints"),
    ("", "v1", "PersistentVolumeClaim"),
    ("", "v1", "Pod"),
    ("", "v1", "ReplicationController"),
    ("", "v1", "Secret"),
    ("", "v1", "Service"),
    ("batch", "v1", "Job"),
    ("batch", "v1", "CronJob"),
    ("networking.k8s.io", "v1", "Ingress"),
    ("apps", "v1", "DaemonSet"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "ReplicaSet"),
    ("apps", "v1", "StatefulSet"),
    ("", "v1", "Namespace"),
    ("", "v1", "PersistentVolume"),
];

/// The kinds of `--prune-allowlist`.
///
/// # Errors
/// A word of another form, or a kind that the server does not have.
pub fn allowed(cx: &mut Context<'_>) -> Result<Vec<Resource>, Failure> {
    let mut found = Vec::new();
    for word in cx.session.flags.list("prune-allowlist") {
        let parts: Vec<&str> = word.split('/').collect();
        let [group, version, kind] = parts.as_slice() else {
            return Err(Failure::msg(format!(
                "invalid GroupVersionKind format: {word}, please follow <group/version/kind>"
            )));
        };
        let group = if *group == "core" { "" } else { group };
        found.push(named(cx, group, version, kind)?);
    }
    Ok(found)
}

fn named(cx: &mut Context<'_>, group: &str, version: &str, kind: &str) -> Result<Resource, Failure> {
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    cx.discovery()?
        .of_kind(&api_version, kind)
        .cloned()
        .ok_or_else(|| Failure::msg(format!("no matches for kind \"{kind}\" in version \"{api_version}\"")))
}

/// What is done with an object: its kind, its namespace, itself.
pub type Visit<'a> = dyn FnMut(&mut Context<'_>, &Resource, &str, Value) -> Result<(), Failure> + 'a;

/// Shows `visit` every object that apply made, that is of one of the kinds, and that is not among those applied now.
///
/// # Errors
/// The server's, and those of `visit`.
pub fn prunable(
    cx: &mut Context<'_>,
    allowed: &[Resource],
    applied: &BTreeSet<String>,
    namespaces: &BTreeSet<String>,
    visit: &mut Visit<'_>,
) -> Result<(), Failure> {
    let mut kinds = allowed.to_vec();
    if kinds.is_empty() {
        for (group, version, kind) in KINDS {
            kinds.push(named(cx, group, version, kind)?);
        }
        let now = cx.system.now();
        cx.out.err_line(&klog('W', now, "prune.go:71", "Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace flag in a future release. To preserve the current behaviour, list the resources you want to target explicitly in the --prune-allowlist flag."));
    }
    let (inside, outside): (Vec<Resource>, Vec<Resource>) = kinds.into_iter().partition(|kind| kind.namespaced);
    for namespace in namespaces {
        for kind in &inside {
            one_kind(cx, kind, namespace, applied, visit).map_err(|failure| blamed("namespaced", kind, &failure))?;
        }
    }
    for kind in &outside {
        one_kind(cx, kind, "", applied, visit).map_err(|failure| blamed("nonNamespaced", kind, &failure))?;
    }
    Ok(())
}

fn blamed(scope: &str, kind: &Resource, failure: &Failure) -> Failure {
    let version = if kind.group.is_empty() { format!("/{}", kind.version) } else { kind.api_version() };
    Failure::msg(format!("error pruning {scope} object {version}, Kind={}: {}", kind.kind, failure.text()))
}

fn one_kind(
    cx: &mut Context<'_>,
    kind: &Resource,
    namespace: &str,
    applied: &BTreeSet<String>,
    visit: &mut Visit<'_>,
) -> Result<(), Failure> {
    let mut request = Request::new(Method::Get, kind.path(namespace)).with_header("Accept", "application/json");
    let selector = cx.session.flags.text("selector").to_owned();
    if !selector.is_empty() {
        request = request.with_query("labelSelector", &selector);
    }
    let answer = cx.json(request)?;
    for object in list_at(&answer, "/items") {
        let by_apply =
            map_at(object, "/metadata/annotations").is_some_and(|annotations| annotations.contains_key(LAST_APPLIED));
        if by_apply && !applied.contains(str_at(object, "/metadata/uid")) {
            visit(cx, kind, namespace, with_kind(kind, object))?;
        }
    }
    Ok(())
}

/// An object of a list with the kind that lists leave out.
pub fn with_kind(kind: &Resource, object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.entry("apiVersion").or_insert_with(|| json!(kind.api_version()));
        fields.entry("kind").or_insert_with(|| json!(kind.kind));
    }
    object
}
