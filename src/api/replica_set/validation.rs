//! Whether a replica set is acceptable.
//!
//! Models Kubernetes 1.36 pkg/apis/apps/validation/validation.go (`ValidateReplicaSetSpec`).

use k8s_openapi::api::apps::v1::ReplicaSet;

use crate::api::replicas::{self, Words};
use crate::api::validate::{self, Errors};
use crate::apimachinery::field::Path;

const WORDS: Words = Words { empty: "deployment", unreadable: "invalid label selector", kind: "ReplicaSet" };

/// `ValidateReplicaSet`
pub fn validate(set: &ReplicaSet) -> Errors {
    let mut errors = Errors::new();
    let Some(spec) = &set.spec else { return errors };
    let path = Path::new("spec");
    validate::nonnegative_if_set(&mut errors, &path.child("replicas"), spec.replicas);
    validate::nonnegative_if_set(&mut errors, &path.child("minReadySeconds"), spec.min_ready_seconds);
    let none = Default::default();
    let template = spec.template.as_ref().unwrap_or(&none);
    replicas::pods(&mut errors, &path, &spec.selector, template, WORDS);
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
