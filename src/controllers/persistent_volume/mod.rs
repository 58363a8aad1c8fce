//! The persistent volume controller: finds volumes for claims, and says what becomes of volumes without one.
//!
//! Refuses to make storage: a provisioner does, beside it in this folder and known by name alone.
//! Models Kubernetes 1.36 pkg/controller/volume/persistentvolume/pv_controller.go.

mod claims;
mod provisioner;
#[cfg(test)]
mod tests;
mod volumes;

use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;

use super::{Context, Controller};
use crate::api::volumes as rules;
use crate::apimachinery::{Kind, ObjectKey, Status, downcast};
use crate::client::{Caches, Delta, WorkQueue};
use crate::sim::{Seed, Time};

pub use provisioner::new as new_provisioner;

/// Claims without a volume are looked at once in so long: nothing else tells them of a new one.
const RESYNC: Duration = Duration::from_secs(15);
/// Claims come after volumes, so that one that is applied together with its volume finds it free.
const AFTER_VOLUMES: Duration = Duration::from_millis(1);
/// On a volume: who has made it.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// See the module.
#[derive(Clone, Debug)]
pub struct PersistentVolumeController;

/// A new persistent volume controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(PersistentVolumeController)
}

impl Controller for PersistentVolumeController {
    fn name(&self) -> &'static str {
        "persistentvolume-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:persistent-volume-binder"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![PersistentVolume::RESOURCE, PersistentVolumeClaim::RESOURCE, StorageClass::RESOURCE, Pod::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        let Some(object) = delta.object() else { return };
        match &*delta.resource {
            PersistentVolume::RESOURCE => {
                queue.add_at(ObjectKey::of(&**object), now);
                if let Some(claim) = downcast::<PersistentVolume>(object).as_deref().and_then(claim_key) {
                    queue.add_at(claim, now);
                }
            }
            PersistentVolumeClaim::RESOURCE => {
                queue.add_at(ObjectKey::of(&**object), now + AFTER_VOLUMES);
                let volume = downcast::<PersistentVolumeClaim>(object).map(|claim| rules::volume_of(&claim).to_owned());
                if let Some(volume) = volume.filter(|name| !name.is_empty()) {
                    queue.add_at(ObjectKey::new(PersistentVolume::RESOURCE, "", &volume), now);
                }
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        // What was written a moment ago may not be in the caches yet, and acting twice would tell twice.
        if &*key.resource == PersistentVolume::RESOURCE {
            let Ok(volume) = context.client.get::<PersistentVolume>("", &key.name) else { return Ok(()) };
            return volumes::sync(&volume, context);
        }
        let Ok(claim) = context.client.get::<PersistentVolumeClaim>(&key.namespace, &key.name) else { return Ok(()) };
        claims::sync(&claim, context)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

/// The claim that a volume is kept for.
fn claim_key(volume: &PersistentVolume) -> Option<ObjectKey> {
    let held = volume.spec.as_ref()?.claim_ref.as_ref()?;
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    Some(ObjectKey::new(PersistentVolumeClaim::RESOURCE, &text(&held.namespace), &text(&held.name)))
}

/// Sets an annotation and says whether it was another before.
fn annotate<T: Kind>(object: &mut T, key: &str, value: &str) -> bool {
    let annotations = object.meta_mut().annotations.get_or_insert_default();
    annotations.insert(key.to_owned(), value.to_owned()).as_deref() != Some(value)
}
