//! Claims grow only when they are bound, and of a class that lets them.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/storage/persistentvolume/resize/admission.go.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;

use super::Attributes;
use crate::api::pod_resources::amounts;
use crate::apimachinery::quantity::Quantity;
use crate::apimachinery::{Object, Status};

/// Refuses to grow other claims.
pub(super) fn validate(attributes: &mut Attributes<'_>, object: &dyn Object) -> Result<(), Status> {
    let claim = |object: &dyn Object| object.as_any().downcast_ref::<PersistentVolumeClaim>().cloned();
    let Some((new, old)) = claim(object).zip(attributes.old.and_then(claim)) else { return Ok(()) };
    let size = |claim: &PersistentVolumeClaim| {
        let given = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
        amounts(given.and_then(|given| given.requests.as_ref())).get("storage").copied().unwrap_or_else(Quantity::zero)
    };
    if size(&new) <= size(&old) {
        return Ok(());
    }
    if old.status.as_ref().and_then(|status| status.phase.as_deref()) != Some("Bound") {
        return Err(attributes.forbidden(object, "Only bound persistent volume claims can be expanded"));
    }
    let class = |claim: &PersistentVolumeClaim| claim.spec.as_ref().and_then(|spec| spec.storage_class_name.clone());
    let name = class(&new).filter(|name| !name.is_empty() && class(&old).as_ref() == Some(name));
    let held = name.and_then(|name| attributes.store.get("storageclasses.storage.k8s.io", "", &name));
    let grows = held.and_then(|held| held.as_any().downcast_ref::<StorageClass>()?.allow_volume_expansion);
    if grows != Some(true) {
        let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must \
                   support resize";
        return Err(attributes.forbidden(object, why));
    }
    Ok(())
}
