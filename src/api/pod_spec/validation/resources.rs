//! Requests and limits.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`validateContainerResourceRequirements`).

use k8s_openapi::api::core::v1::ResourceRequirements;

use crate::api::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::quantity::Quantity;

/// The resources of a container that need no prefix.
const CONTAINER_RESOURCES: &[&str] = &["cpu", "ephemeral-storage", "memory"];
/// All resources that need no prefix anywhere.
const STANDARD_RESOURCES: &[&str] = &[
    "configmaps",
    "count/pods",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "storage",
];

/// `validateContainerResourceRequirements`
pub fn requirements(errors: &mut Errors, path: &Path, given: &ResourceRequirements) {
    let (limits, requests) = (path.child("limits"), path.child("requests"));
    for (name, quantity) in given.limits.iter().flatten() {
        let path = limits.key(name);
        resource_name(errors, &path, name);
        amount(errors, &path, name, &quantity.0);
    }
    for (name, quantity) in given.requests.iter().flatten() {
        let path = requests.key(name);
        resource_name(errors, &path, name);
        amount(errors, &path, name, &quantity.0);
        compare(errors, &limits, &requests, name, &quantity.0, given);
    }
}

/// Requests and limits of the Pod as a whole: cpu, memory and huge pages alone.
pub fn pod_level(errors: &mut Errors, path: &Path, given: &ResourceRequirements) {
    requirements(errors, path, given);
}

/// Overcommit is possible for what the node's kernel hands out bit by bit.
fn may_overcommit(name: &str) -> bool {
    let native = !name.contains('/') || name.contains("kubernetes.io/");
    native && !name.starts_with("hugepages-")
}

fn compare(errors: &mut Errors, limits: &Path, requests: &Path, name: &str, text: &str, given: &ResourceRequirements) {
    let limit = given.limits.as_ref().and_then(|list| list.get(name));
    let Some(limit) = limit else {
        if !may_overcommit(name) {
            errors.push(Error::required(limits, "Limit must be set for non overcommitable resources"));
        }
        return;
    };
    let (Ok(request), Ok(limit)) = (Quantity::parse(text), Quantity::parse(&limit.0)) else { return };
    if request != limit && !may_overcommit(name) {
        let why = format!("must be equal to {name} limit of {limit}");
        errors.push(Error::invalid(requests, request.to_string(), why));
    } else if request > limit {
        let why = format!("must be less than or equal to {name} limit of {limit}");
        errors.push(Error::invalid(requests, request.to_string(), why));
    }
}

fn resource_name(errors: &mut Errors, path: &Path, name: &str) {
    let wrong = content::label_key(name);
    if !wrong.is_empty() {
        validate::each(errors, path, name, wrong);
        return;
    }
    if !name.contains('/') {
        let pages = name.starts_with("hugepages-");
        if !pages && !STANDARD_RESOURCES.contains(&name) {
            errors.push(Error::invalid(path, name, "must be a standard resource type or fully qualified"));
        }
        if !pages && !CONTAINER_RESOURCES.contains(&name) {
            errors.push(Error::invalid(path, name, "must be a standard resource for containers"));
        }
    } else if name.starts_with("requests.") {
        errors.push(Error::invalid(path, name, "doesn't follow extended resource name standard"));
    }
}

fn amount(errors: &mut Errors, path: &Path, name: &str, text: &str) {
    let Ok(quantity) = Quantity::parse(text) else { return };
    if quantity < Quantity::zero() {
        errors.push(Error::invalid(path, quantity.to_string(), "must be greater than or equal to 0"));
    }
    // What is counted in pieces cannot be cut.
    let in_pieces = name.contains('/') && !name.contains("kubernetes.io/");
    if in_pieces && quantity.milli_value() % 1000 != 0 {
        errors.push(Error::invalid(path, quantity.to_string(), "must be an integer"));
    }
}
