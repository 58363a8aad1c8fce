//! The ephemeral volume controller: makes the claims that a Pod's `ephemeral` volumes ask for. They go with the Pod.
//!
//! Models Kubernetes 1.36 pkg/controller/volume/ephemeral/controller.go.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Context, Controller};
use crate::apimachinery::{Kind, ObjectKey, Reason, Status, downcast, meta};
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::sim::{Seed, Time};

/// See the module.
#[derive(Clone, Debug)]
pub struct EphemeralVolumeController;

/// A new ephemeral volume controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(EphemeralVolumeController)
}

impl Controller for EphemeralVolumeController {
    fn name(&self) -> &'static str {
        "ephemeral_volume"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:ephemeral-volume-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Pod::RESOURCE, PersistentVolumeClaim::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        if let Some(pod) = delta.new.as_ref().and_then(downcast::<Pod>) {
            if delta.old.is_none() {
                enqueue(&pod, queue, now);
            }
            return;
        }
        // A claim that was deleted under a Pod is made anew.
        if delta.new.is_none()
            && let Some(claim) = delta.object()
        {
            let (namespace, name) = (meta::namespace(claim.meta()), meta::name(claim.meta()));
            for pod in caches.in_namespace::<Pod>(namespace) {
                if ephemeral_volumes(&pod).any(|volume| claim_name(&pod, volume) == name) {
                    enqueue(&pod, queue, now);
                }
            }
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Some(pod) = context.caches.get::<Pod>(&key.namespace, &key.name) else { return Ok(()) };
        if meta::is_deleting(&pod.metadata) {
            return Ok(());
        }
        for volume in ephemeral_volumes(&pod) {
            if let Err(why) = make_claim(&pod, volume, context) {
                let message = format!("ephemeral volume {}: {}", volume.name, why.message);
                context.events.event(&mut context.client, &*pod, EventType::Warning, "FailedBinding", &message);
                return Err(why);
            }
        }
        Ok(())
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

fn enqueue(pod: &Arc<Pod>, queue: &mut WorkQueue, now: Time) {
    if !meta::is_deleting(&pod.metadata) && ephemeral_volumes(pod).next().is_some() {
        queue.add_at(ObjectKey::of(&**pod), now);
    }
}

fn ephemeral_volumes(pod: &Pod) -> impl Iterator<Item = &Volume> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.filter(|volume| volume.ephemeral.is_some())
}

fn claim_name(pod: &Pod, volume: &Volume) -> String {
    format!("{}-{}", meta::name(&pod.metadata), volume.name)
}

fn make_claim(pod: &Pod, volume: &Volume, context: &mut Context<'_>) -> Result<(), Status> {
    let source = volume.ephemeral.as_ref().and_then(|source| source.volume_claim_template.as_ref());
    let Some(template) = source else { return Ok(()) };
    let (namespace, pod_name) = (meta::namespace(&pod.metadata), meta::name(&pod.metadata));
    let name = claim_name(pod, volume);
    if let Some(claim) = context.caches.get::<PersistentVolumeClaim>(namespace, &name) {
        if meta::is_controlled_by(&claim.metadata, meta::uid(&pod.metadata)) {
            return Ok(());
        }
        let why = format!("PVC {namespace}/{name} was not created for pod {namespace}/{pod_name} (pod is not owner)");
        return Err(Status::other(Reason::Conflict, why));
    }
    let from = template.metadata.clone().unwrap_or_default();
    let claim = PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(namespace.to_owned()),
            owner_references: Some(vec![meta::new_controller_ref(pod)]),
            annotations: from.annotations,
            labels: from.labels,
            ..ObjectMeta::default()
        },
        spec: Some(template.spec.clone()),
        ..PersistentVolumeClaim::default()
    };
    let made = context.client.create(claim).map(|_| ());
    made.map_err(|why| Status::other(why.reason, format!("create PVC {name}: {}", why.message)))
}
