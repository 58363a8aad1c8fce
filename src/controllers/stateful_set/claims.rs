//! Who owns a set's claims: nobody, unless `persistentVolumeClaimRetentionPolicy` says that they go with the set or
//! with a Pod that is scaled away.
//!
//! Models Kubernetes 1.36 pkg/controller/statefulset/stateful_set_utils.go (updateClaimOwnerRefForSetAndPod).

use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::{identity, spec_of};
use crate::apimachinery::{Status, meta};
use crate::controllers::Context;
use crate::controllers::pod_control::{ignore_not_found, patch_meta};

/// Whether claims go: with the set, with a Pod that is scaled away.
fn policy(set: &StatefulSet) -> (bool, bool) {
    let policy = spec_of(set).persistent_volume_claim_retention_policy.clone().unwrap_or_default();
    let deletes = |text: Option<String>| text.as_deref() == Some("Delete");
    (deletes(policy.when_deleted), deletes(policy.when_scaled))
}

/// The owner that a claim of this Pod is to have.
fn wanted_owner(set: &StatefulSet, pod: &Pod, stays: bool) -> Option<OwnerReference> {
    let (with_set, with_pod) = policy(set);
    if with_pod && !stays {
        return Some(meta::new_controller_ref(pod));
    }
    with_set.then(|| meta::new_controller_ref(set))
}

/// The owner of a claim of this set that has no Pod yet.
pub fn owner_of_new(set: &StatefulSet) -> Option<OwnerReference> {
    policy(set).0.then(|| meta::new_controller_ref(set))
}

/// Brings the owners of a Pod's claims up to date; `stays` says whether its number is one that the set wants.
///
/// # Errors
/// The server's answer to a write.
pub fn sync(set: &StatefulSet, pod: &Pod, number: usize, stays: bool, context: &mut Context<'_>) -> Result<(), Status> {
    for (_, claim) in identity::claims(set, number) {
        let (namespace, name) = (meta::namespace(&claim.metadata), meta::name(&claim.metadata));
        let Some(held) = context.caches.get::<PersistentVolumeClaim>(namespace, name) else { continue };
        let ours = |owner: &OwnerReference| {
            let same = |kind: &str, name: &str| owner.kind == kind && owner.name == name;
            same(StatefulSet::KIND, meta::name(&set.metadata)) || same(Pod::KIND, meta::name(&pod.metadata))
        };
        let others = held.metadata.owner_references.iter().flatten().filter(|owner| !ours(owner));
        let mut owners: Vec<OwnerReference> = others.cloned().collect();
        // What somebody else controls is left to them.
        if !owners.iter().any(|owner| owner.controller == Some(true)) {
            owners.extend(wanted_owner(set, pod, stays));
        }
        let owners = Some(owners).filter(|owners| !owners.is_empty());
        if held.metadata.owner_references.clone().filter(|held| !held.is_empty()) == owners {
            continue;
        }
        let changed = patch_meta(context, &*held, |meta| meta.owner_references = owners);
        changed.map(|_| ()).or_else(ignore_not_found)?;
    }
    Ok(())
}
