//! Whether a replication controller is acceptable.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidateReplicationControllerSpec`).

use k8s_openapi::api::core::v1::ReplicationController;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::api::replicas;
use crate::api::validate::{self, Errors};
use crate::apimachinery::field::{Error, Path};

/// `ValidateReplicationController`
pub fn validate(controller: &ReplicationController) -> Errors {
    let mut errors = Errors::new();
    let Some(spec) = &controller.spec else { return errors };
    let path = Path::new("spec");
    validate::nonnegative_if_set(&mut errors, &path.child("minReadySeconds"), spec.min_ready_seconds);
    if spec.selector.iter().flatten().next().is_none() {
        errors.push(Error::required(&path.child("selector"), ""));
    }
    validate::nonnegative_if_set(&mut errors, &path.child("replicas"), spec.replicas);
    let selector = LabelSelector { match_labels: spec.selector.clone(), match_expressions: None };
    let at = path.child("template");
    match &spec.template {
        None => errors.push(Error::required(&at, "")),
        Some(template) => {
            let labels = template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
            let wanted = spec.selector.iter().flatten();
            // Its labels are taken as they are, even when they could not be labels.
            if !validate::is_selector(&selector)
                && !wanted.into_iter().all(|(key, value)| labels.and_then(|held| held.get(key)) == Some(value))
            {
                let why = "`selector` does not match template `labels`";
                errors.push(Error::invalid(&at.child("metadata").child("labels"), labels, why));
            }
            replicas::template(&mut errors, &at, Some(&selector), template, "ReplicationController");
        }
    }
    errors
}
