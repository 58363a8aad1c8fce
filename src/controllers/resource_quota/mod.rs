//! The resource quota controller: keeps the status of quotas, what is used of what, after objects have gone.
//!
//! Refuses to let anything in or keep it out: that is admission's, which also charges what it lets in.
//! Models Kubernetes 1.36 pkg/controller/resourcequota/resource_quota_controller.go.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, ResourceQuota, ResourceQuotaStatus};

use super::pod_control::ignore_not_found;
use super::{Context, Controller};
use crate::api::{self, pod_resources, quota};
use crate::apimachinery::{ObjectKey, Status, downcast, meta};
use crate::client::{Caches, Delta, WorkQueue};
use crate::sim::{Seed, Time};

/// Changes within this time are taken in at once: a count goes over all objects of the namespace.
const BATCH: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Clone, Debug)]
pub struct ResourceQuotaController;

/// A new resource quota controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(ResourceQuotaController)
}

/// What can be counted: everything in namespaces but Events.
fn counted() -> impl Iterator<Item = &'static str> {
    let infos = api::KINDS.iter().map(|kind| kind.info());
    infos.filter(|info| info.namespaced && info.kind != "Event").map(|info| info.resource)
}

impl Controller for ResourceQuotaController {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:resourcequota-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        counted().collect()
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        let Some(object) = delta.object() else { return };
        let namespace = meta::namespace(object.meta());
        if let Some(held) = delta.new.as_ref().and_then(downcast::<ResourceQuota>) {
            let old = delta.old.as_ref().and_then(downcast::<ResourceQuota>);
            if old.is_none_or(|old| old.spec != held.spec) {
                queue.add_at(ObjectKey::of(&*held), now);
            }
        }
        if caches.in_namespace::<ResourceQuota>(namespace).next().is_none() || !matters(delta, now) {
            return;
        }
        let tracks = |held: &ResourceQuota| {
            let hard = held.spec.as_ref().and_then(|spec| spec.hard.as_ref());
            hard.into_iter().flatten().any(|(name, _)| quota::is_about(&delta.resource, name))
        };
        for held in caches.in_namespace::<ResourceQuota>(namespace).filter(|held| tracks(held)) {
            queue.add_at(ObjectKey::of(&*held), now + BATCH);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Some(held) = context.caches.get::<ResourceQuota>(&key.namespace, &key.name) else { return Ok(()) };
        let objects = |resource| context.caches.objects_in(resource, &key.namespace).map(|object| &**object);
        let used = quota::total(&held, counted(), objects, context.now);
        let old = held.status.clone().unwrap_or_default();
        let hard = held.spec.as_ref().and_then(|spec| spec.hard.clone()).unwrap_or_default();
        let mut kept = pod_resources::amounts(old.used.as_ref());
        kept.retain(|name, _| hard.contains_key(name));
        kept.extend(used);
        let same = old.used.is_some() && pod_resources::amounts(old.used.as_ref()) == kept;
        if same && old.hard.as_ref() == Some(&hard) {
            return Ok(());
        }
        let mut changed = ResourceQuota::clone(&held);
        changed.status = Some(ResourceQuotaStatus { hard: Some(hard), used: Some(pod_resources::texts(&kept)) });
        context.client.update_status(changed).map(|_| ()).or_else(ignore_not_found)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

/// Whether a change may have changed what is used. What admission charges is counted again, which changes nothing.
fn matters(delta: &Delta, now: Time) -> bool {
    let (Some(old), Some(new)) = (&delta.old, &delta.new) else { return true };
    match (downcast::<Pod>(old), downcast::<Pod>(new)) {
        (Some(old), Some(new)) => {
            quota::is_terminating(&old) != quota::is_terminating(&new)
                || (quota::is_charged(&old, now) && !quota::is_charged(&new, now))
                || old.spec.as_ref().map(|spec| &spec.containers) != new.spec.as_ref().map(|spec| &spec.containers)
        }
        _ => matches!(&*delta.resource, "services" | "persistentvolumeclaims"),
    }
}
