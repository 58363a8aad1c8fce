//! The Pods behind an object (the Pods of a Job, of a Deployment) and the containers of a Pod.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/polymorphichelpers and pkg/util/podutils.

use serde_json::Value;

use super::builder::Target;
use super::failure::Failure;
use super::print::{list_at, map_at, str_at};
use super::program::Context;
use crate::text::http::{Method, Request};

/// The label selector of the Pods that an object makes or leads to; `None` when it has none.
pub fn selector_of(object: &Value) -> Option<String> {
    let kind = str_at(object, "/kind");
    let labels = match kind {
        "Service" | "ReplicationController" => map_at(object, "/spec/selector")?,
        _ => {
            let selector = object.pointer("/spec/selector")?;
            let mut parts: Vec<String> = map_at(selector, "/matchLabels")
                .into_iter()
                .flatten()
                .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
                .collect();
            for one in list_at(selector, "/matchExpressions") {
                let values: Vec<&str> = list_at(one, "/values").iter().filter_map(Value::as_str).collect();
                let key = str_at(one, "/key");
                parts.push(match str_at(one, "/operator") {
                    "In" => format!("{key} in ({})", values.join(",")),
                    "NotIn" => format!("{key} notin ({})", values.join(",")),
                    "Exists" => key.to_owned(),
                    _ => format!("!{key}"),
                });
            }
            return Some(parts.join(","));
        }
    };
    let parts: Vec<String> =
        labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or(""))).collect();
    Some(parts.join(","))
}

/// The Pods with these labels.
///
/// # Errors
/// The server's.
pub fn list(cx: &mut Context<'_>, namespace: &str, selector: &str) -> Result<Vec<Value>, Failure> {
    let request = Request::new(Method::Get, format!("/api/v1/namespaces/{namespace}/pods"))
        .with_header("Accept", "application/json")
        .with_query("labelSelector", selector);
    Ok(list_at(&cx.json(request)?, "/items").to_vec())
}

/// What a Pod is worth to somebody who wants a log: running before pending, ready before not, often restarted before
/// seldom, old before new.
fn rank(pod: &Value) -> (bool, u8, bool, String, i64, String) {
    let phase = match str_at(pod, "/status/phase") {
        "Pending" => 2,
        "Unknown" => 1,
        _ => 0,
    };
    let ready = list_at(pod, "/status/conditions").iter().find(|one| str_at(one, "/type") == "Ready");
    let is_ready = ready.is_some_and(|one| str_at(one, "/status") == "True");
    let since = ready.filter(|_| is_ready).map_or("", |one| str_at(one, "/lastTransitionTime"));
    let restarts = list_at(pod, "/status/containerStatuses")
        .iter()
        .filter_map(|status| status.get("restartCount").and_then(Value::as_i64))
        .max()
        .unwrap_or(0);
    let created = str_at(pod, "/metadata/creationTimestamp").to_owned();
    (str_at(pod, "/spec/nodeName").is_empty(), phase, !is_ready, since.to_owned(), -restarts, created)
}

/// Sorts Pods by what they are worth to somebody who wants to run something in them: running ones first.
pub fn sort_for_exec(pods: &mut [Value]) {
    pods.sort_by_key(|pod| (str_at(pod, "/status/phase") != "Running", rank(pod)));
}

/// Sorts Pods by what they are worth to a reader of logs.
pub fn sort_for_logs(pods: &mut [Value]) {
    pods.sort_by_key(rank);
}

/// The Pod behind an object: itself, or the best of those it selects. `Ok(None)` when there is none yet.
///
/// # Errors
/// A kind without Pods; the server's.
pub fn pod_of(cx: &mut Context<'_>, target: &Target, object: &Value) -> Result<Option<Value>, Failure> {
    let pods = pods_of(cx, target, object, "get the logs from")?;
    if pods.len() > 1
        && let Some(first) = pods.first()
    {
        cx.out.err_line(&format!("Found {} pods, using pod/{}", pods.len(), str_at(first, "/metadata/name")));
    }
    Ok(pods.into_iter().next())
}

/// The Pods behind an object, the best for a log first; `aim` is what they are wanted for, such as `attach to`.
///
/// # Errors
/// A kind without Pods; the server's.
pub fn pods_of(cx: &mut Context<'_>, target: &Target, object: &Value, aim: &str) -> Result<Vec<Value>, Failure> {
    if target.resource.kind == "Pod" {
        return Ok(vec![object.clone()]);
    }
    let kinds = ["Job", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Service"];
    if !kinds.contains(&target.resource.kind.as_str()) {
        return Err(Failure::msg(format!(
            "cannot {aim} *{}.{}: selector for *{0}.{1} not implemented",
            target.resource.version, target.resource.kind
        )));
    }
    let Some(selector) = selector_of(object).filter(|selector| !selector.is_empty()) else {
        return Err(Failure::msg(format!(
            "cannot {aim} *{}.{}: invalid service '{}': Service is defined without a selector",
            target.resource.version, target.resource.kind, target.name
        )));
    };
    let mut pods = list(cx, &target.namespace, &selector)?;
    sort_for_logs(&mut pods);
    Ok(pods)
}

/// The names of a Pod's containers: init containers, containers, ephemeral ones.
pub fn container_names(pod: &Value) -> Vec<String> {
    ["/spec/initContainers", "/spec/containers", "/spec/ephemeralContainers"]
        .iter()
        .flat_map(|path| list_at(pod, path))
        .map(|container| str_at(container, "/name").to_owned())
        .collect()
}

/// The names as kubectl lists them: containers, then init containers and ephemeral ones with a mark.
fn listed_names(pod: &Value) -> String {
    let mut all = Vec::new();
    for (path, mark) in
        [("/spec/containers", ""), ("/spec/ephemeralContainers", " (ephem)"), ("/spec/initContainers", " (init)")]
    {
        all.extend(list_at(pod, path).iter().map(|one| format!("{}{mark}", str_at(one, "/name"))));
    }
    all.join(", ")
}

/// The container meant: the named one, the one an annotation names, or the first.
///
/// # Errors
/// A name that the Pod does not have.
pub fn container(cx: &mut Context<'_>, pod: &Value, named: &str, quiet: bool) -> Result<String, Failure> {
    let (name, hints) = chosen(pod, named, quiet)?;
    for hint in hints {
        cx.out.err_line(&hint);
    }
    Ok(name)
}

/// The same, with what is to be said of the choice.
///
/// # Errors
/// A name that the Pod does not have.
pub fn chosen(pod: &Value, named: &str, quiet: bool) -> Result<(String, Vec<String>), Failure> {
    let mut hints = Vec::new();
    let pod_name = str_at(pod, "/metadata/name");
    if !named.is_empty() {
        if container_names(pod).iter().any(|name| name == named) {
            return Ok((named.to_owned(), hints));
        }
        return Err(Failure::msg(format!(
            "container {named} is not valid for pod {pod_name} out of: {}",
            listed_names(pod)
        )));
    }
    let annotation =
        map_at(pod, "/metadata/annotations").and_then(|all| all.get("kubectl.kubernetes.io/default-container"));
    if let Some(name) = annotation.and_then(Value::as_str).filter(|name| !name.is_empty()) {
        if container_names(pod).iter().any(|known| known == name) {
            return Ok((name.to_owned(), hints));
        }
        hints.push(format!("Default container name {name:?} not found in pod {pod_name}"));
    }
    let first = list_at(pod, "/spec/containers").first().map_or("", |one| str_at(one, "/name")).to_owned();
    if container_names(pod).len() > 1 && !quiet {
        hints.push(format!("Defaulted container \"{first}\" out of: {}", listed_names(pod)));
    }
    Ok((first, hints))
}
