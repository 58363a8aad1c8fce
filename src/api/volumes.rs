//! Which volume a claim may have: class, size, access modes, selector, node.
//!
//! Pure; the volume binder and the scheduler choose by the same rule.
//! Models Kubernetes 1.36 staging/src/k8s.io/component-helpers/storage/volume/pv_helpers.go.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};

use super::node_fit;
use super::pod_resources::amounts;
use crate::apimachinery::labels::Selector;
use crate::apimachinery::meta;
use crate::apimachinery::quantity::Quantity;

/// The older place of a claim's or volume's class.
pub const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// On a claim: its binding is done.
pub const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// On a claim or volume: a controller has made the binding, not a person.
pub const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// On a claim: the node that the scheduler has chosen for its first Pod.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// The provisioner of classes whose volumes are made by hand.
pub const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// The class of a claim, empty when it wants none.
pub fn class_of(claim: &PersistentVolumeClaim) -> &str {
    let named = || claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref());
    meta::annotation(&claim.metadata, BETA_CLASS).or_else(named).unwrap_or_default()
}

/// The class of a volume, empty when it has none.
pub fn class_of_volume(volume: &PersistentVolume) -> &str {
    let named = || volume.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref());
    meta::annotation(&volume.metadata, BETA_CLASS).or_else(named).unwrap_or_default()
}

/// The name of the volume that a claim has or is to have.
pub fn volume_of(claim: &PersistentVolumeClaim) -> &str {
    claim.spec.as_ref().and_then(|spec| spec.volume_name.as_deref()).unwrap_or_default()
}

/// Whether the claim's binding is done.
pub fn is_fully_bound(claim: &PersistentVolumeClaim) -> bool {
    !volume_of(claim).is_empty() && meta::annotation(&claim.metadata, BIND_COMPLETED).is_some()
}

/// Whether the volume is kept for this claim.
pub fn is_bound_to(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let Some(held) = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref()) else { return false };
    held.name == claim.metadata.name
        && held.namespace == claim.metadata.namespace
        && held.uid.as_deref().is_none_or(|uid| uid.is_empty() || uid == meta::uid(&claim.metadata))
}

/// Whether the volume can be used on the node.
pub fn is_on_node(volume: &PersistentVolume, node: &Node) -> bool {
    let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| affinity.required.as_ref());
    required.is_none_or(|required| node_fit::matches_any(&required.node_selector_terms, node))
}

/// Whether the volume offers all the ways of access that the claim wants.
pub fn offers_access(claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> bool {
    let offered = volume.spec.as_ref().and_then(|spec| spec.access_modes.as_deref()).unwrap_or_default();
    claim.spec.iter().flat_map(|spec| spec.access_modes.iter().flatten()).all(|mode| offered.contains(mode))
}

/// How much storage the claim wants.
pub fn requested_storage(claim: &PersistentVolumeClaim) -> Quantity {
    let resources = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
    let asked = amounts(resources.and_then(|resources| resources.requests.as_ref()));
    asked.get("storage").copied().unwrap_or_else(Quantity::zero)
}

/// How much storage the volume has.
pub fn capacity(volume: &PersistentVolume) -> Quantity {
    let held = amounts(volume.spec.as_ref().and_then(|spec| spec.capacity.as_ref()));
    held.get("storage").copied().unwrap_or_else(Quantity::zero)
}

/// The smallest volume that the claim may have: the one that is kept for it already, or a free one. The scheduler
/// gives the node; without one, a claim that waits for its first Pod (`delayed`) gets no free volume.
pub fn find_matching<'a>(
    claim: &PersistentVolumeClaim,
    volumes: impl IntoIterator<Item = &'a Arc<PersistentVolume>>,
    node: Option<&Node>,
    delayed: bool,
) -> Option<Arc<PersistentVolume>> {
    let spec = claim.spec.clone().unwrap_or_default();
    let selector = spec.selector.as_ref().map(|selector| Selector::from_label_selector(Some(selector)));
    let mode = |mode: Option<&str>| mode.unwrap_or("Filesystem") == spec.volume_mode.as_deref().unwrap_or("Filesystem");
    let mut best: Option<&Arc<PersistentVolume>> = None;
    for volume in volumes {
        let Some(of) = volume.spec.as_ref() else { continue };
        let kept = is_bound_to(volume, claim);
        if (of.claim_ref.is_some() && !kept)
            || capacity(volume) < requested_storage(claim)
            || !mode(of.volume_mode.as_deref())
            || of.volume_attributes_class_name != spec.volume_attributes_class_name
            || meta::is_deleting(&volume.metadata)
        {
            continue;
        }
        let here = node.is_none_or(|node| is_on_node(volume, node));
        if kept {
            return here.then(|| Arc::clone(volume));
        }
        let free = volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Available");
        let selected = selector.as_ref().is_none_or(|selector| {
            selector.as_ref().is_some_and(|selector| selector.matches(volume.metadata.labels.as_ref()))
        });
        let wanted = class_of_volume(volume) == class_of(claim) && (node.is_none() || offers_access(claim, volume));
        if (node.is_none() && delayed) || !free || !selected || !wanted || !here {
            continue;
        }
        if best.is_none_or(|best| capacity(volume) < capacity(best)) {
            best = Some(volume);
        }
    }
    best.cloned()
}
