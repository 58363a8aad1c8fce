//! Whether a pod spec or a template of Pods is acceptable, with the server's sentences in the server's order.
//!
//! Models Kubernetes 1.36 pkg/apis/core/v1 and pkg/apis/core/validation/validation.go (`ValidatePodTemplateSpec`,
//! `ValidatePodSpec`).

mod container;
mod env;
mod handler;
mod resources;
mod scheduling;
mod volume;

pub use env::data_key;

use k8s_openapi::api::core::v1::{PodSecurityContext, PodSpec, PodTemplateSpec};

use crate::api::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

/// A template (`ValidatePodTemplateSpec`).
pub fn template(errors: &mut Errors, path: &Path, template: &PodTemplateSpec) {
    if let Some(meta) = &template.metadata {
        validate::labels(errors, &path.child("labels"), meta.labels.as_ref());
        validate::annotations(errors, &path.child("annotations"), meta.annotations.as_ref());
    }
    let Some(spec) = &template.spec else { return };
    pod_spec(errors, &path.child("spec"), spec);
    if spec.ephemeral_containers.iter().flatten().next().is_some() {
        let path = path.child("spec").child("ephemeralContainers");
        errors.push(Error::forbidden(&path, "ephemeral containers not allowed in pod template"));
    }
}

/// A pod spec (`ValidatePodSpec`).
pub fn pod_spec(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    let volumes = volume::volumes(errors, &path.child("volumes"), spec.volumes.as_deref().unwrap_or_default());
    container::containers(errors, &path.child("containers"), spec, &volumes);
    container::init_containers(errors, &path.child("initContainers"), spec, &volumes);
    if let Some(resources) = &spec.resources {
        resources::pod_level(errors, &path.child("resources"), resources);
    }
    choice(errors, &path.child("restartPolicy"), spec.restart_policy.as_deref(), &["Always", "OnFailure", "Never"]);
    let dns = &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    choice(errors, &path.child("dnsPolicy"), spec.dns_policy.as_deref(), dns);
    validate::labels(errors, &path.child("nodeSelector"), spec.node_selector.as_ref());
    host_network(errors, path, spec);
    if let Some(context) = &spec.security_context {
        security_context(errors, &path.child("securityContext"), context);
    }
    for (index, secret) in spec.image_pull_secrets.iter().flatten().enumerate() {
        if secret.name.is_empty() {
            let path = path.child("imagePullSecrets").index(index).child("name");
            errors.push(Error::required(&path, ""));
        }
    }
    if let Some(affinity) = &spec.affinity {
        scheduling::affinity(errors, &path.child("affinity"), affinity);
    }
    if spec.dns_policy.as_deref() == Some("None")
        && spec.dns_config.as_ref().is_none_or(|config| config.nameservers.iter().flatten().next().is_none())
    {
        let path = path.child("dnsConfig").child("nameservers");
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        errors.push(Error::required(&path, why));
    }
    for (index, gate) in spec.readiness_gates.iter().flatten().enumerate() {
        let path = path.child("readinessGates").index(index).child("conditionType");
        validate::each(errors, &path, &gate.condition_type, content::label_key(&gate.condition_type));
    }
    scheduling::gates(errors, &path.child("schedulingGates"), spec.scheduling_gates.as_deref().unwrap_or_default());
    let spread = spec.topology_spread_constraints.as_deref().unwrap_or_default();
    scheduling::spread(errors, &path.child("topologySpreadConstraints"), spread);
    names(errors, path, spec);
    if let Some(seconds) = spec.active_deadline_seconds.filter(|seconds| !(1..=i64::from(i32::MAX)).contains(seconds)) {
        let why = format!("must be between 1 and {}, inclusive", i32::MAX);
        errors.push(Error::invalid(&path.child("activeDeadlineSeconds"), seconds, why));
    }
    for (field, text) in [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)] {
        if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
            validate::each(errors, &path.child(field), text, content::dns1123_label(text));
        }
    }
    scheduling::tolerations(errors, &path.child("tolerations"), spec.tolerations.as_deref().unwrap_or_default());
    if let Some(name) = spec.priority_class_name.as_deref().filter(|name| !name.is_empty()) {
        let path = path.child("priorityClassName");
        validate::each(errors, &path, name, content::dns1123_subdomain(name));
    }
    if let Some(name) = &spec.runtime_class_name {
        let path = path.child("runtimeClassName");
        validate::each(errors, &path, name, content::dns1123_subdomain(name));
    }
    if let Some(policy) = spec.preemption_policy.as_deref() {
        let known = &["PreemptLowerPriority", "Never"];
        choice(errors, &path.child("preemptionPolicy"), Some(policy), known);
    }
}

/// What only Pods must heed, and templates may break (`ValidatePodCreate` and `validatePodMetadataAndSpec`).
pub fn only_pods(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    let groups = [("containers", Some(&spec.containers)), ("initContainers", spec.init_containers.as_ref())];
    for (field, containers) in groups {
        for (index, container) in containers.into_iter().flatten().enumerate() {
            let image = container.image.as_deref().unwrap_or_default();
            if image.trim() != image {
                let path = path.child(field).index(index).child("image");
                errors.push(Error::invalid(&path, image, "must not have leading or trailing whitespace"));
            }
        }
    }
}

/// One of a few words; `None` and empty are refused as missing.
pub(super) fn choice(errors: &mut Errors, path: &Path, value: Option<&str>, known: &[&str]) {
    match value.unwrap_or_default() {
        "" => errors.push(Error::required(path, "")),
        value if known.contains(&value) => {}
        value => errors.push(Error::not_supported(path, value, known)),
    }
}

fn names(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    for (field, name) in [("serviceAccountName", &spec.service_account_name), ("nodeName", &spec.node_name)] {
        if let Some(name) = name.as_deref().filter(|name| !name.is_empty()) {
            validate::each(errors, &path.child(field), name, content::dns1123_subdomain(name));
        }
    }
}

/// On the node's network, a container's port is the node's port (`validateHostNetwork`).
fn host_network(errors: &mut Errors, path: &Path, spec: &PodSpec) {
    if spec.host_network != Some(true) {
        return;
    }
    for (index, container) in spec.containers.iter().enumerate() {
        for (at, port) in container.ports.iter().flatten().enumerate() {
            if port.host_port.unwrap_or(0) != port.container_port {
                let path = path.child("containers").index(index).child("ports").index(at).child("containerPort");
                let why = "must match `hostPort` when `hostNetwork` is true";
                errors.push(Error::invalid(&path, port.container_port, why));
            }
        }
    }
}

/// Users and groups are numbers of 31 bits (`ValidatePodSecurityContext`).
fn security_context(errors: &mut Errors, path: &Path, context: &PodSecurityContext) {
    for (field, id) in
        [("fsGroup", context.fs_group), ("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group)]
    {
        user_or_group(errors, &path.child(field), id);
    }
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        user_or_group(errors, &path.child("supplementalGroups").index(index), Some(*group));
    }
}

/// See [`security_context`].
fn user_or_group(errors: &mut Errors, path: &Path, id: Option<i64>) {
    if let Some(id) = id.filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
        let why = format!("must be between 0 and {}, inclusive", i32::MAX);
        errors.push(Error::invalid(path, id, why));
    }
}
