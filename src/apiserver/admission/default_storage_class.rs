//! Claims that name no storage class get the default one.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/storage/storageclass/setdefault/admission.go.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;

use super::Attributes;
use crate::apimachinery::{Object, Status, meta};

/// Marks the default class; the second is the mark of old.
const MARKS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// Names the newest of the default classes.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    let Some(claim) = object.as_any_mut().downcast_mut::<PersistentVolumeClaim>() else { return Ok(()) };
    let spec = claim.spec.get_or_insert_default();
    let old = meta::annotation(&claim.metadata, "volume.beta.kubernetes.io/storage-class");
    if spec.storage_class_name.is_some() || old.is_some() {
        return Ok(());
    }
    let classes = attributes.store.list("storageclasses.storage.k8s.io", None);
    let marked = classes
        .filter_map(|object| object.as_any().downcast_ref::<StorageClass>())
        .filter(|class| MARKS.iter().any(|mark| meta::annotation(&class.metadata, mark) == Some("true")));
    let age = |class: &&StorageClass| class.metadata.creation_timestamp.as_ref().map(|time| time.0);
    // Of two as old as each other the first by name.
    let newest = marked.reduce(|best, class| if age(&class) > age(&best) { class } else { best });
    spec.storage_class_name = newest.and_then(|class| class.metadata.name.clone());
    Ok(())
}
