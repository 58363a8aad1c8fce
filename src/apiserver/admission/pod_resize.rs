//! A resize stays within what its node has for Pods at all.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/podresize/admission.go.

use k8s_openapi::api::core::v1::{Node, Pod};

use super::Attributes;
use crate::api::pod_resources::{Amounts, amounts, requests};
use crate::apimachinery::quantity::Quantity;
use crate::apimachinery::{Cause, Object, Status, downcast};

const OS: &str = "kubernetes.io/os";

/// Refuses a resize that no waiting could ever make fit.
pub(super) fn validate(attributes: &mut Attributes<'_>, object: &dyn Object) -> Result<(), Status> {
    let pod = |object: &dyn Object| object.as_any().downcast_ref::<Pod>().cloned();
    let Some((new, old)) = pod(object).zip(attributes.old.and_then(pod)) else { return Ok(()) };
    let bound = new.spec.as_ref().and_then(|spec| spec.node_name.clone()).filter(|name| !name.is_empty());
    let Some(name) = bound.filter(|_| new.metadata.generation != old.metadata.generation) else { return Ok(()) };
    let Some(node) = attributes.store.get("nodes", "", &name).and_then(downcast::<Node>) else {
        return Err(attributes.forbidden(object, &format!("node {name:?} not found")));
    };
    let refused = |why: &str, reason: &str| {
        let mut status = attributes.forbidden(object, why);
        status.causes.push(Cause { reason: reason.to_owned(), message: String::new(), field: String::new() });
        Err(status)
    };
    if let Some(os) = node.metadata.labels.as_ref().and_then(|labels| labels.get(OS)).filter(|os| *os != "linux") {
        let why = format!("pod resize is only supported on linux nodes, node {name:?} is {os:?}");
        return refused(&why, "UnsupportedPlatform");
    }
    let asked = requests(&Pod { status: None, ..new });
    let there = amounts(node.status.as_ref().and_then(|status| status.allocatable.as_ref()));
    let of = |amounts: &Amounts, name: &str| amounts.get(name).copied().unwrap_or_else(Quantity::zero);
    let shown = |name: &str, number: fn(&Quantity) -> i64| {
        let (asked, there) = (of(&asked, name), of(&there, name));
        (asked > there).then(|| format!("{name}, requested: {}, allocatable: {}", number(&asked), number(&there)))
    };
    let more = [shown("cpu", Quantity::milli_value), shown("memory", Quantity::value)];
    let more: Vec<String> = more.into_iter().flatten().collect();
    if more.is_empty() {
        return Ok(());
    }
    refused(&format!("node didn't have enough allocatable resources: {}", more.join("; ")), "NodeCapacity")
}
