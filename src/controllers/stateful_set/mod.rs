//! The StatefulSet controller: Pods with a lasting name and number, made and removed in order.
//!
//! Models Kubernetes 1.36 pkg/controller/statefulset/{stateful_set,stateful_set_control,stateful_pod_control}.go.

mod claims;
mod identity;
mod revision;
mod sync;

use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use super::consistency::Consistency;
use super::pod_control;
use super::{Context, Controller};
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Kind, ObjectKey, Status, meta};
use crate::client::{Caches, Delta, WorkQueue};
use crate::sim::{Seed, Time};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct StatefulSetController {
    consistency: Consistency,
}

/// A new StatefulSet controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(StatefulSetController::default())
}

impl Controller for StatefulSetController {
    fn name(&self) -> &'static str {
        "statefulset-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:statefulset-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![StatefulSet::RESOURCE, ControllerRevision::RESOURCE, Pod::RESOURCE, PersistentVolumeClaim::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        match &*delta.resource {
            StatefulSet::RESOURCE => {
                if let Some(object) = delta.object() {
                    queue.add_at(ObjectKey::of(&**object), now);
                }
            }
            // Claims are read and change nothing.
            PersistentVolumeClaim::RESOURCE => {}
            _ => pod_control::queue_owners::<StatefulSet>(delta, caches, queue, now, selector_of),
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        self.consistency.ensure_ready(key, context)?;
        let Some(set) = context.caches.get::<StatefulSet>(&key.namespace, &key.name) else { return Ok(()) };
        let selector = selector_of(&set);
        let result = sync::sync(&set, selector.as_ref(), context);
        self.consistency.wrote(key, context);
        if let Ok(Some(wait)) = &result {
            context.queue.add_at(key.clone(), context.now + *wait + Duration::from_millis(1));
        }
        result.map(|_| ())
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

fn selector_of(set: &StatefulSet) -> Option<Selector> {
    Selector::from_label_selector(set.spec.as_ref().map(|spec| &spec.selector))
}

fn spec_of(set: &StatefulSet) -> &StatefulSetSpec {
    static NONE: std::sync::LazyLock<StatefulSetSpec> = std::sync::LazyLock::new(StatefulSetSpec::default);
    set.spec.as_ref().unwrap_or(&NONE)
}

/// How many Pods the set wants.
fn wanted(set: &StatefulSet) -> usize {
    usize::try_from(spec_of(set).replicas.unwrap_or(1)).unwrap_or(0)
}

/// The number of its first Pod.
fn first_ordinal(set: &StatefulSet) -> usize {
    let start = spec_of(set).ordinals.as_ref().and_then(|ordinals| ordinals.start);
    start.and_then(|start| usize::try_from(start).ok()).unwrap_or(0)
}

fn is_deleting(set: &StatefulSet) -> bool {
    meta::is_deleting(&set.metadata)
}
