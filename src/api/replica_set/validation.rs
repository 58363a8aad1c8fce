//! Whether a replica set is acceptable.
//!
//! Models Kubernetes 1.36 pkg/apis/apps/validation/validation.go (`ValidateReplicaSetSpec`).

use k8s_openapi::api::apps::v1::ReplicaSet;

use crate::api::replicas;
use crate::api::validate::{self, Errors};
use crate::apimachinery::field::Path;

/// `ValidateReplicaSet`
pub fn validate(set: &ReplicaSet) -> Errors {
    let mut errors = Errors::new();
    let Some(spec) = &set.spec else { return errors };
    let path = Path::new("spec");
    validate::nonnegative_if_set(&mut errors, &path.child("replicas"), spec.replicas);
    validate::nonnegative_if_set(&mut errors, &path.child("minReadySeconds"), spec.min_ready_seconds);
    replicas::selector(&mut errors, &path.child("selector"), &spec.selector, "deployment");
    let selector = (!replicas::is_absent(&spec.selector)).then_some(&spec.selector);
    replicas::template(&mut errors, &path.child("template"), selector, spec.template.as_ref(), "ReplicaSet");
    errors
}

/// `ValidateReplicaSetUpdate`, and the selector that must stay.
pub fn validate_update(set: &ReplicaSet, old: &ReplicaSet) -> Errors {
    let mut errors = validate(set);
    if let (Some(new), Some(old)) = (&set.spec, &old.spec) {
        replicas::immutable_selector(&mut errors, &new.selector, &old.selector);
    }
    errors
}
