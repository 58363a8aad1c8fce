//! `kubectl apply --prune`: deletes what apply made before and the files no longer hold.
//!
//! Sets with a parent object are `applyset`'s. Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/apply/prune.go and pkg/util/prune.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kubectl::discovery::Resource;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::kubectl::program::Context;
use crate::kubectl::writing::{DryRun, LAST_APPLIED, klog};
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

/// Deletes every object that apply made, that is of one of the kinds, and that was not applied now.
///
/// # Errors
/// The server's.
pub fn prune(
    cx: &mut Context<'_>,
    allowed: &[Resource],
    applied: &BTreeSet<String>,
    namespaces: &BTreeSet<String>,
    dry_run: DryRun,
) -> Result<Vec<(Resource, Value)>, Failure> {
    let mut kinds = allowed.to_vec();
    if kinds.is_empty() {
        for (group, version, kind) in KINDS {
            kinds.push(named(cx, group, version, kind)?);
        }
        let now = cx.system.now();
        cx.out.err_line(&klog('W', now, "prune.go:71", "Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace flag in a future release. To preserve the current behaviour, list the resources you want to target explicitly in the --prune-allowlist flag."));
    }
    let mut gone = Vec::new();
    let (inside, outside): (Vec<Resource>, Vec<Resource>) = kinds.into_iter().partition(|kind| kind.namespaced);
    for namespace in namespaces {
        for kind in &inside {
            one_kind(cx, kind, namespace, applied, dry_run, &mut gone)
                .map_err(|failure| blamed("namespaced", kind, &failure))?;
        }
    }
    for kind in &outside {
        one_kind(cx, kind, "", applied, dry_run, &mut gone)
            .map_err(|failure| blamed("nonNamespaced", kind, &failure))?;
    }
    Ok(gone)
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
    dry_run: DryRun,
    gone: &mut Vec<(Resource, Value)>,
) -> Result<(), Failure> {
    let flags = cx.session.flags.clone();
    let mut request = Request::new(Method::Get, kind.path(namespace)).with_header("Accept", "application/json");
    if !flags.text("selector").is_empty() {
        request = request.with_query("labelSelector", flags.text("selector"));
    }
    let answer = cx.json(request)?;
    for object in list_at(&answer, "/items") {
        let by_apply =
            map_at(object, "/metadata/annotations").is_some_and(|annotations| annotations.contains_key(LAST_APPLIED));
        if !by_apply || applied.contains(str_at(object, "/metadata/uid")) {
            continue;
        }
        delete(cx, kind, namespace, str_at(object, "/metadata/name"), dry_run)?;
        let object = with_kind(kind, object);
        gone.push((kind.clone(), object));
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

/// Deletes an object as the flags of `apply` say.
///
/// # Errors
/// The server's.
pub fn delete(
    cx: &mut Context<'_>,
    kind: &Resource,
    namespace: &str,
    name: &str,
    dry_run: DryRun,
) -> Result<(), Failure> {
    if dry_run == DryRun::Client {
        return Ok(());
    }
    let flags = cx.session.flags.clone();
    let policy = match flags.text("cascade") {
        "orphan" | "false" => "Orphan",
        "foreground" => "Foreground",
        _ => "Background",
    };
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
    if let Some(fields) = options.as_object_mut() {
        if flags.number("grace-period") >= 0 {
            fields.insert("gracePeriodSeconds".to_owned(), json!(flags.number("grace-period")));
        }
        if dry_run == DryRun::Server {
            fields.insert("dryRun".to_owned(), json!(["All"]));
        }
    }
    let request = Request::new(Method::Delete, kind.item(namespace, name))
        .with_header("Accept", "application/json")
        .with_header("Content-Type", "application/json")
        .with_body(options.to_string());
    cx.json(request).map(|_| ())
}
