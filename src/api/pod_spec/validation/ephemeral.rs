//! Containers for looking around: what they may have, which is less than others.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`validateEphemeralContainers`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, EphemeralContainer};
use serde_json::json;

use super::container::{self, Pod};
use crate::api::validate::Errors;
use crate::apimachinery::decode;
use crate::apimachinery::field::{Error, Path};

const WHY: &str = "cannot be set for an Ephemeral Container";

/// `validateEphemeralContainers`
pub fn containers(errors: &mut Errors, path: &Path, given: &[EphemeralContainer], pod: &Pod<'_>) {
    let others = pod.spec.containers.iter().chain(pod.spec.init_containers.iter().flatten());
    let others: BTreeSet<&str> = others.map(|container| container.name.as_str()).collect();
    let mut names = others.clone();
    for (index, held) in given.iter().enumerate() {
        let path = path.index(index);
        // They have the fields of every container, and one more.
        let Ok(container) = decode::<Container>(json!(held)) else { continue };
        container::common(errors, &path, &container, pod);
        let image = container.image.as_deref().unwrap_or_default();
        if image.trim() != image {
            errors.push(Error::invalid(&path.child("image"), image, "must not have leading or trailing whitespace"));
        }
        if !names.insert(&held.name) {
            errors.push(Error::duplicate(&path.child("name"), &held.name));
        }
        let target = held.target_container_name.as_deref().unwrap_or_default();
        if !target.is_empty() && !others.contains(target) {
            errors.push(Error::not_found(&path.child("targetContainerName"), target));
        }
        let asks = container.resources.as_ref().is_some_and(|given| *given != Default::default());
        let refused = [
            ("ports", container.ports.is_some()),
            ("resources", asks),
            ("resizePolicy", container.resize_policy.is_some()),
            ("restartPolicy", container.restart_policy.is_some()),
            ("restartPolicyRules", container.restart_policy_rules.is_some()),
            ("livenessProbe", container.liveness_probe.is_some()),
            ("readinessProbe", container.readiness_probe.is_some()),
            ("startupProbe", container.startup_probe.is_some()),
            ("lifecycle", container.lifecycle.is_some()),
        ];
        for (field, _) in refused.into_iter().filter(|(_, given)| *given) {
            errors.push(Error::forbidden(&path.child(field), WHY));
        }
        for (at, mount) in container.volume_mounts.iter().flatten().enumerate() {
            for (field, text) in [("subPath", &mount.sub_path), ("subPathExpr", &mount.sub_path_expr)] {
                if text.as_ref().is_some_and(|text| !text.is_empty()) {
                    errors.push(Error::forbidden(&path.child("volumeMounts").index(at).child(field), WHY));
                }
            }
        }
    }
}
