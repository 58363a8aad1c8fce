//! Pods that name a runtime class need one, and have the overhead and the nodes that it says.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/runtimeclass/admission.go.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;

use super::Attributes;
use crate::api::pod_resources::amounts;
use crate::apimachinery::{Object, Status, decode};

/// Takes over what the class says.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    let Some(spec) = object.as_any().downcast_ref::<Pod>().and_then(|pod| pod.spec.as_ref()) else { return Ok(()) };
    if attributes.old.is_some() || (spec.runtime_class_name.is_none() && spec.overhead.is_none()) {
        return Ok(());
    }
    let mut class = Value::Null;
    if let Some(name) = spec.runtime_class_name.clone() {
        let Some(found) = attributes.store.get("runtimeclasses.node.k8s.io", "", &name) else {
            let why = format!("pod rejected: RuntimeClass {name:?} not found");
            return Err(attributes.forbidden(object, &why));
        };
        class = found.to_json();
    }
    let overhead: Option<BTreeMap<String, Quantity>> =
        class.pointer("/overhead/podFixed").cloned().and_then(|value| decode(value).ok());
    let given = amounts(spec.overhead.as_ref());
    if overhead.is_none() && !given.is_empty() {
        let why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
        return Err(attributes.forbidden(object, why));
    }
    if overhead.is_some() && !given.is_empty() && amounts(overhead.as_ref()) != given {
        let why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
        return Err(attributes.forbidden(object, why));
    }
    let mut selector = spec.node_selector.clone();
    let wanted = class.pointer("/scheduling/nodeSelector").and_then(Value::as_object);
    for (key, value) in wanted.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default().to_owned();
        if let Some(held) = selector.as_ref().and_then(|held| held.get(key)).filter(|held| **held != value) {
            let why = format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; pod.spec.nodeSelector[{key}] = {held}"
            );
            return Err(attributes.forbidden(object, &why));
        }
        selector.get_or_insert_default().insert(key.clone(), value);
    }
    let tolerations: Vec<Toleration> =
        class.pointer("/scheduling/tolerations").cloned().and_then(|value| decode(value).ok()).unwrap_or_default();
    let Some(spec) = object.as_any_mut().downcast_mut::<Pod>().and_then(|pod| pod.spec.as_mut()) else { return Ok(()) };
    spec.overhead = overhead;
    spec.node_selector = selector;
    for toleration in tolerations {
        let held = spec.tolerations.get_or_insert_default();
        if !held.contains(&toleration) {
            held.push(toleration);
        }
    }
    if spec.tolerations.as_ref().is_some_and(Vec::is_empty) {
        spec.tolerations = None;
    }
    Ok(())
}
