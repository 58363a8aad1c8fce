//! Nothing new in a namespace that is missing or ending, and no end for the namespaces of the system.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go.

use super::Attributes;
use crate::api::KindInfo;
use crate::apimachinery::{Cause, Object, Status, meta};

/// Refuses new objects in missing and ending namespaces.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    if !attributes.info.namespaced || attributes.old.is_some() {
        return Ok(());
    }
    let name = meta::namespace(object.meta());
    let Some(namespace) = attributes.store.get("namespaces", "", name) else {
        return Err(Status::not_found("namespaces", name));
    };
    if meta::is_deleting(namespace.meta()) {
        let why = format!("unable to create new content in namespace {name} because it is being terminated");
        let mut status = Status::forbidden(attributes.info.resource, meta::name(object.meta()), &why);
        status.causes.push(Cause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {name} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
        return Err(status);
    }
    Ok(())
}

/// Refuses to delete the namespaces that every cluster has.
pub(in crate::apiserver) fn may_delete(info: &KindInfo, name: &str) -> Result<(), Status> {
    if info.resource == "namespaces" && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(Status::forbidden("namespaces", name, "this namespace may not be deleted"));
    }
    Ok(())
}
