//! Whether an update is meant for the object that is there: its version and its uid.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go
//! (`AllowUnconditionalUpdate`) and pkg/storage/etcd3/store.go (preconditions).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Write;
use crate::api::KindInfo;
use crate::apimachinery::{Reason, Status, field, meta};

/// The groups of whose kinds an update must say from which version it was made (`AllowUnconditionalUpdate`).
const CONDITIONAL: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "policy",
];

/// Kinds of other groups of which the same is true.
const CONDITIONAL_KINDS: &[&str] = &["CSIDriver", "CSINode", "CSIStorageCapacity", "VolumeAttachment"];

/// The conflict of an update made from an old version or of another object of the same name.
pub(super) fn check(info: &KindInfo, new: &ObjectMeta, old: &ObjectMeta, write: &Write<'_>) -> Result<(), Status> {
    let (resource, name) = (info.resource, meta::name(old));
    let given = new.resource_version.as_deref().unwrap_or_default();
    if given.is_empty() && write.document.is_some() && !write.patched {
        let known = crate::api::by_resource(resource).is_some();
        if !known || CONDITIONAL.contains(&info.group) || CONDITIONAL_KINDS.contains(&info.kind) {
            let path = field::Path::new("metadata").child("resourceVersion");
            let error = field::Error::invalid(&path, 0, "must be specified for an update");
            return Err(Status::invalid(resource, name, &[error]));
        }
    }
    if !given.is_empty() && Some(given) != old.resource_version.as_deref() {
        if given.parse::<u64>().is_err() {
            let why = format!("strconv.ParseUint: parsing {given:?}: invalid syntax");
            return Err(Status::other(Reason::Unknown, why));
        }
        return Err(Status::modified(resource, name));
    }
    let (given, held) = (meta::uid(new), meta::uid(old));
    if !given.is_empty() && given != held && !write.patched {
        let key = format!("/registry/{}", stored_at(info, meta::namespace(old), name));
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
             failed: UID in precondition: {given}, UID in object meta: {held}"
        );
        return Err(Status::conflict(resource, name, &why));
    }
    Ok(())
}

/// Where etcd keeps an object, below the prefix of all.
fn stored_at(info: &KindInfo, namespace: &str, name: &str) -> String {
    let folder = match info.resource {
        "nodes" => "minions".to_owned(),
        "services" => "services/specs".to_owned(),
        "endpoints" => "services/endpoints".to_owned(),
        "ingresses.networking.k8s.io" => "ingress".to_owned(),
        _ if matches!(info.group, "apiextensions.k8s.io" | "apiregistration.k8s.io")
            || crate::api::by_resource(info.resource).is_none() =>
        {
            format!("{}/{}", info.group, info.plural())
        }
        _ => info.plural().to_owned(),
    };
    if namespace.is_empty() { format!("{folder}/{name}") } else { format!("{folder}/{namespace}/{name}") }
}
