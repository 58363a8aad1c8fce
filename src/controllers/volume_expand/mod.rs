//! The expand controller: tells of a claim that has grown that somebody else has to make its volume larger.
//!
//! Refuses to grow volumes: no volume here is of a kind that upstream's own plugins can expand.
//! Models Kubernetes 1.36 pkg/controller/volume/expand/expand_controller.go.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};

use super::{Context, Controller};
use crate::api::pod_resources::amounts;
use crate::api::volumes;
use crate::apimachinery::quantity::Quantity;
use crate::apimachinery::{Kind, ObjectKey, Reason, Status, downcast};
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::sim::{Seed, Time};

/// See the module.
#[derive(Clone, Debug)]
pub struct VolumeExpandController;

/// A new expand controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(VolumeExpandController)
}

impl Controller for VolumeExpandController {
    fn name(&self) -> &'static str {
        "volume_expand"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:expand-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![PersistentVolumeClaim::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        let claim = |object: &Option<_>| object.as_ref().and_then(downcast::<PersistentVolumeClaim>);
        let Some(new) = claim(&delta.new) else { return };
        let grown = claim(&delta.old).is_none_or(|old| {
            volumes::requested_storage(&new) > volumes::requested_storage(&old) || capacity(&new) > capacity(&old)
        });
        if grown && new.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound") {
            queue.add_at(ObjectKey::of(&*new), now);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Some(claim) = context.caches.get::<PersistentVolumeClaim>(&key.namespace, &key.name) else {
            return Ok(());
        };
        let volume = context.client.get::<PersistentVolume>("", volumes::volume_of(&claim))?;
        if !volumes::is_bound_to(&volume, &claim) {
            let why = format!("persistent Volume is not bound to PVC being updated : {}/{}", key.namespace, key.name);
            return Err(Status::other(Reason::Conflict, why));
        }
        if volumes::requested_storage(&claim) > capacity(&claim) {
            let message = "waiting for an external controller to expand this PVC";
            context.events.event(&mut context.client, &*claim, EventType::Normal, "ExternalExpanding", message);
        }
        Ok(())
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

/// What the claim's status says that it has.
fn capacity(claim: &PersistentVolumeClaim) -> Quantity {
    let held = claim.status.as_ref().and_then(|status| status.capacity.as_ref());
    amounts(held).get("storage").copied().unwrap_or_else(Quantity::zero)
}
