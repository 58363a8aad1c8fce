//! The names of resources: which are known, where each may stand.
//!
//! Models Kubernetes 1.36 pkg/apis/core/helper/helpers.go and pkg/apis/core/validation/validation.go
//! (`validateResourceName` and its kin).

use super::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

/// Says what is wrong with the name of a resource in some place.
pub type Rule = fn(&mut Errors, &Path, &str);

/// What a container may ask for without a prefix.
const OF_CONTAINERS: &[&str] = &["cpu", "ephemeral-storage", "memory"];
/// What a quota may count without a prefix.
const OF_QUOTAS: &[&str] = &[
    "configmaps",
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
];
/// What is counted in pieces.
const COUNTED: &[&str] = &[
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// Whether Kubernetes itself knows what the resource is (`IsNativeResource`).
pub fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether the resource comes in pieces (`IsIntegerResourceName`).
pub fn is_counted(name: &str) -> bool {
    COUNTED.contains(&name) || is_extended(name)
}

/// Whether the resource is somebody's own (`IsExtendedResourceName`).
pub fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && content::label_key(&format!("requests.{name}")).is_empty()
}

/// Anywhere (`validateResourceName`); tells whether the name is in order.
pub fn anywhere(errors: &mut Errors, path: &Path, name: &str) -> bool {
    let wrong = content::label_key(name);
    let known = name.contains('/') || name == "storage" || is_of_quotas(name);
    if wrong.is_empty() && !known {
        errors.push(Error::invalid(path, name, "must be a standard resource type or fully qualified"));
        return false;
    }
    let fine = wrong.is_empty();
    validate::each(errors, path, name, wrong);
    fine
}

/// In a container (`validateContainerResourceName`).
pub fn of_container(errors: &mut Errors, path: &Path, name: &str) {
    anywhere(errors, path, name);
    if !name.contains('/') {
        if !OF_CONTAINERS.contains(&name) && !name.starts_with("hugepages-") {
            errors.push(Error::invalid(path, name, "must be a standard resource for containers"));
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.push(Error::invalid(path, name, "doesn't follow extended resource name standard"));
    }
}

/// In a Pod as a whole (`validatePodResourceName`).
pub fn of_pod(errors: &mut Errors, path: &Path, name: &str) {
    if anywhere(errors, path, name) && !super::pod_resources::is_pod_level(name) {
        errors.push(Error::not_supported(path, name, &["cpu", "hugepages-", "memory"]));
    }
}

/// Whether a quota knows the resource by this name (`IsStandardQuotaResourceName`).
pub fn is_of_quotas(name: &str) -> bool {
    OF_QUOTAS.contains(&name) || name.starts_with("hugepages-") || name.starts_with("requests.hugepages-")
}

/// In a quota (`ValidateResourceQuotaResourceName`).
pub fn of_quota(errors: &mut Errors, path: &Path, name: &str) {
    anywhere(errors, path, name);
    if !name.contains('/') && !is_of_quotas(name) {
        errors.push(Error::invalid(path, name, "must be a standard resource for quota"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_prefix_is_one_of_a_few() {
        let wrong = |rule: Rule, name: &str| {
            let mut errors = Errors::new();
            rule(&mut errors, &Path::new("r"), name);
            errors.len()
        };
        assert_eq!(wrong(of_container, "cpu") + wrong(of_container, "example.com/gpu"), 0);
        assert_eq!((wrong(of_container, "gpu"), wrong(of_container, "pods")), (2, 1));
        assert_eq!((wrong(of_pod, "memory"), wrong(of_pod, "ephemeral-storage")), (0, 1));
        assert_eq!((wrong(of_quota, "pods"), wrong(of_quota, "count/jobs.batch"), wrong(of_quota, "pod")), (0, 0, 2));
    }
}
