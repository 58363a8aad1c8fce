//! What the server warns of in a pod spec that it takes.
//!
//! Models Kubernetes 1.36 pkg/api/pod/warnings.go.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};

use crate::apimachinery::content;
use crate::apimachinery::field::Path;
use crate::apimachinery::quantity::Quantity;

/// Labels of nodes that have newer names.
const OLD_NODE_LABELS: [(&str, &str, &str); 4] = [
    ("beta.kubernetes.io/arch", "kubernetes.io/arch", "v1.14"),
    ("beta.kubernetes.io/os", "kubernetes.io/os", "v1.14"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region", "v1.17"),
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone", "v1.17"),
];

/// That the name of an object whose Pods are named after it is no DNS label.
pub fn of_name(name: &str, used_in: &str) -> Option<String> {
    let wrong = content::dns1123_label(name);
    // Go prints a list of texts in brackets, with spaces between.
    (!wrong.is_empty()).then(|| {
        format!(
            "metadata.name: this is used in {used_in}, which can result in surprising behavior; a DNS label is \
             recommended: [{}]",
            wrong.join(" ")
        )
    })
}

/// Of a template, and nothing when it is the one that was there before.
pub fn of_template(path: &Path, template: &PodTemplateSpec, old: Option<&PodTemplateSpec>) -> Vec<String> {
    if old == Some(template) {
        return Vec::new();
    }
    template.spec.as_ref().map(|spec| of_spec(&path.child("spec"), spec)).unwrap_or_default()
}

/// Of a pod spec.
pub fn of_spec(path: &Path, spec: &PodSpec) -> Vec<String> {
    let mut warnings = Vec::new();
    for key in spec.node_selector.iter().flatten().map(|(key, _)| key) {
        if let Some((_, new, since)) = OLD_NODE_LABELS.iter().find(|(old, ..)| old == key) {
            warnings.push(format!(
                "{}: deprecated since {since}; use \"{new}\" instead",
                path.child("nodeSelector").key(key)
            ));
        }
    }
    for (index, secret) in spec.image_pull_secrets.iter().flatten().enumerate() {
        if secret.name.is_empty() {
            let path = path.child("imagePullSecrets").index(index);
            warnings.push(format!("{path}: invalid empty name \"\""));
        }
    }
    if spec.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0) {
        let path = path.child("terminationGracePeriodSeconds");
        warnings.push(format!("{path}: must be >= 0; negative values are invalid and will be treated as 1"));
    }
    for (field, containers) in
        [("initContainers", spec.init_containers.as_ref()), ("containers", Some(&spec.containers))]
    {
        for (index, container) in containers.into_iter().flatten().enumerate() {
            of_container(&mut warnings, &path.child(field).index(index), container);
        }
    }
    warnings
}

fn of_container(warnings: &mut Vec<String>, path: &Path, container: &Container) {
    let resources = container.resources.as_ref();
    for (field, list) in [
        ("limits", resources.and_then(|resources| resources.limits.as_ref())),
        ("requests", resources.and_then(|resources| resources.requests.as_ref())),
    ] {
        for (name, quantity) in list.into_iter().flatten() {
            let in_bytes = name == "memory" || name == "ephemeral-storage" || name.starts_with("hugepages-");
            let fraction = Quantity::parse(&quantity.0).is_ok_and(|amount| amount.milli_value() % 1000 != 0);
            if in_bytes && fraction {
                let path = path.child("resources").child(field).key(name);
                warnings.push(format!("{path}: fractional byte value {:?} is invalid, must be an integer", quantity.0));
            }
        }
    }
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    for (index, variable) in container.env.iter().flatten().enumerate() {
        let value = variable.value.clone().unwrap_or_default();
        if let Some(earlier) = values.insert(&variable.name, value.clone()) {
            // A value that builds on the earlier one is meant.
            if !value.contains(&format!("$({})", variable.name)) && earlier != value || variable.value_from.is_some() {
                let path = path.child("env").index(index);
                warnings.push(format!(
                    "{path}: hides previous definition of {:?}, which may be dropped when using apply",
                    variable.name
                ));
            }
        }
    }
    of_ports(warnings, path, container);
}

fn of_ports(warnings: &mut Vec<String>, path: &Path, container: &Container) {
    let ports = container.ports.as_deref().unwrap_or_default();
    for (index, port) in ports.iter().enumerate() {
        let earlier = ports.iter().take(index).position(|held| {
            held.container_port == port.container_port
                && held.protocol == port.protocol
                && held.host_port == port.host_port
                && held.host_ip == port.host_ip
        });
        if let Some(earlier) = earlier {
            let (here, there) = (path.child("ports").index(index), path.child("ports").index(earlier));
            warnings.push(format!("{here}: duplicate port definition with {there}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_dots_is_warned_of() {
        assert_eq!(
            of_name("hello.world", "Pod names and hostnames").unwrap(),
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS \
             label is recommended: [must not contain dots]"
        );
        assert_eq!(of_name("hello", "Pod names and hostnames"), None);
    }
}
