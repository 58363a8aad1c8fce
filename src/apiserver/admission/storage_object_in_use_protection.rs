//! StorageObjectInUseProtection: claims and volumes are kept until nobody uses them.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/storage/storageobjectinuseprotection.

use super::Attributes;
use crate::apimachinery::{Object, Status, meta};

/// Puts the finalizer on what is new.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    let finalizer = match attributes.info.resource {
        "persistentvolumeclaims" => "kubernetes.io/pvc-protection",
        "persistentvolumes" => "kubernetes.io/pv-protection",
        _ => return Ok(()),
    };
    if attributes.old.is_none() && !meta::has_finalizer(object.meta(), finalizer) {
        object.meta_mut().finalizers.get_or_insert_default().push(finalizer.to_owned());
    }
    Ok(())
}
