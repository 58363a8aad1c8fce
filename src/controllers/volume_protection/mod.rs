//! Keeps claims that a Pod uses, and volumes that a claim has, until they are free: deletion waits for that.
//!
//! Models Kubernetes 1.36 pkg/controller/volume/{pvcprotection,pvprotection}.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};

use super::pod_control::{ignore_not_found, is_pod_terminal, patch_meta};
use super::{Context, Controller};
use crate::apimachinery::{Kind, ObjectKey, Status, downcast, meta};
use crate::client::{Caches, Delta, WorkQueue, node_of};
use crate::sim::{Seed, Time};

/// What keeps a claim.
const CLAIM: &str = "kubernetes.io/pvc-protection";
/// What keeps a volume.
const VOLUME: &str = "kubernetes.io/pv-protection";

/// See the module.
#[derive(Clone, Debug)]
pub struct VolumeProtectionController;

/// A new protection controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(VolumeProtectionController)
}

/// The names of the claims that a Pod uses.
fn claims_of(pod: &Pod) -> impl Iterator<Item = String> + '_ {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.filter_map(|volume| {
        let own = || format!("{}-{}", meta::name(&pod.metadata), volume.name);
        let named = volume.persistent_volume_claim.as_ref().map(|source| source.claim_name.clone());
        named.or_else(|| volume.ephemeral.as_ref().map(|_| own()))
    })
}

impl Controller for VolumeProtectionController {
    fn name(&self) -> &'static str {
        "persistentvolumeclaim-protection-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:pvc-protection-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![PersistentVolume::RESOURCE, PersistentVolumeClaim::RESOURCE, Pod::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        let Some(object) = delta.object() else { return };
        match downcast::<Pod>(object) {
            // A Pod that has gone or ended sets its claims free.
            Some(pod) if delta.new.is_none() || is_pod_terminal(&pod) => {
                for name in claims_of(&pod) {
                    let namespace = meta::namespace(&pod.metadata);
                    queue.add_at(ObjectKey::new(PersistentVolumeClaim::RESOURCE, namespace, &name), now);
                }
            }
            Some(_) => {}
            None if meta::is_deleting(object.meta()) && delta.new.is_some() => {
                queue.add_at(ObjectKey::of(&**object), now);
            }
            None => {}
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        if &*key.resource == PersistentVolume::RESOURCE {
            let Some(volume) = context.caches.get::<PersistentVolume>("", &key.name) else { return Ok(()) };
            let bound = volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound");
            return if bound { Ok(()) } else { let_go(&*volume, VOLUME, context) };
        }
        let Some(claim) = context.caches.get::<PersistentVolumeClaim>(&key.namespace, &key.name) else { return Ok(()) };
        let uses = |pod: &Pod| {
            !node_of(pod).is_empty() && !is_pod_terminal(pod) && claims_of(pod).any(|name| *name == *key.name)
        };
        let used = context.client.list::<Pod>(Some(&key.namespace)).iter().any(|pod| uses(pod));
        if used { Ok(()) } else { let_go(&*claim, CLAIM, context) }
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

fn let_go<T: Kind>(object: &T, finalizer: &str, context: &mut Context<'_>) -> Result<(), Status> {
    if !meta::is_deleting(object.meta()) || !meta::has_finalizer(object.meta(), finalizer) {
        return Ok(());
    }
    let changed = patch_meta(context, object, |meta| {
        meta::remove_finalizer(meta, finalizer);
    });
    changed.map(|_| ()).or_else(ignore_not_found)
}
