//! The ReplicaSet controller, and the ReplicationController's, which is the same with an older kind: keep so many Pods
//! of a template running.
//!
//! Models Kubernetes 1.36 pkg/controller/replicaset/{replica_set,replica_set_utils}.go and pkg/controller/replication.

mod deletion;
mod kinds;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec, ReplicationController};

use super::consistency::Consistency;
use super::pod_control::{self, ignore_not_found, is_pod_active, is_pod_terminating};
use super::{Context, Controller};
use crate::apimachinery::{Kind, ObjectKey, Status, meta};
use crate::client::{Caches, Delta, WorkQueue};
use crate::sim::{Seed, Time};
use deletion::pods_to_delete;
use kinds::Replicated;

/// How many Pods one sync creates or deletes at most.
const BURST_REPLICAS: usize = 500;

/// See the module.
#[derive(Clone, Debug)]
pub struct ReplicaController<T> {
    consistency: Consistency,
    kind: PhantomData<T>,
}

/// A new ReplicaSet controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(ReplicaController::<ReplicaSet> { consistency: Consistency::default(), kind: PhantomData })
}

/// A new ReplicationController controller.
pub fn new_replication_controller(_: Seed) -> Box<dyn Controller> {
    Box::new(ReplicaController::<ReplicationController> { consistency: Consistency::default(), kind: PhantomData })
}

impl<T: Replicated> Controller for ReplicaController<T> {
    fn name(&self) -> &'static str {
        T::CONTROLLER
    }

    fn user(&self) -> &'static str {
        T::USER
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![T::RESOURCE, Pod::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        if &*delta.resource == Pod::RESOURCE {
            pod_control::queue_owners::<T>(delta, caches, queue, now, T::selector);
        } else if let Some(object) = delta.object() {
            queue.add_at(ObjectKey::of(&**object), now);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        self.consistency.ensure_ready(key, context)?;
        let Some(set) = context.caches.get::<T>(&key.namespace, &key.name) else { return Ok(()) };
        let result = sync(key, &set, context);
        self.consistency.wrote(key, context);
        result
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self { consistency: self.consistency.clone(), kind: PhantomData })
    }
}

fn sync<T: Replicated>(key: &ObjectKey, set: &Arc<T>, context: &mut Context<'_>) -> Result<(), Status> {
    let selector = set.selector();
    let pods = pod_control::claim::<T, Pod>(context, &**set, selector.as_ref(), "")?;
    let terminating = pods.iter().filter(|pod| is_pod_terminating(pod)).count();
    let active: Vec<Arc<Pod>> = pods.into_iter().filter(|pod| is_pod_active(pod)).collect();
    let failure = if meta::is_deleting(set.meta()) { None } else { manage_replicas(set, &active, context) };
    let now = context.now;
    let status = status_of(&**set, &active, terminating, failure.as_ref(), now);
    let mut changed = T::clone(set);
    changed.set_status(status);
    if changed != **set {
        context.client.update_status(changed)?;
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    let wait_of = |pod: &Arc<Pod>| pod_control::available_in(pod, set.min_ready_seconds(), now);
    let soonest = active.iter().filter_map(wait_of).filter(|wait| !wait.is_zero()).min();
    if let Some(wait) = soonest {
        // Instants are stored in whole seconds: a little later is late enough.
        context.queue.add_at(key.clone(), now + wait + Duration::from_millis(1));
    }
    Ok(())
}

fn manage_replicas<T: Replicated>(set: &Arc<T>, active: &[Arc<Pod>], context: &mut Context<'_>) -> Option<Status> {
    let wanted = usize::try_from(set.replicas()).unwrap_or(0);
    if active.len() < wanted {
        let none = PodTemplateSpec::default();
        let template = set.template().unwrap_or(&none);
        let missing = (wanted - active.len()).min(BURST_REPLICAS);
        return pod_control::create_pods(context, &**set, missing, |_| {
            pod_control::pod_from_template(&**set, template, "")
        })
        .1;
    }
    let surplus = (active.len() - wanted).min(BURST_REPLICAS);
    let mut failure = None;
    for pod in pods_to_delete(&**set, active, surplus, context.caches, context.now) {
        let deleted = pod_control::delete_pod(context, &**set, &pod).or_else(ignore_not_found);
        failure = failure.or(deleted.err());
    }
    failure
}

fn status_of<T: Replicated>(
    set: &T,
    active: &[Arc<Pod>],
    terminating: usize,
    failure: Option<&Status>,
    now: Time,
) -> ReplicaSetStatus {
    let mut conditions = set.conditions();
    let labels = set.template().and_then(|template| template.metadata.as_ref()?.labels.as_ref());
    let has_labels = |pod: &&Arc<Pod>| {
        let held = pod.metadata.labels.as_ref();
        labels.into_iter().flatten().all(|(key, value)| held.and_then(|held| held.get(key)) == Some(value))
    };
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let some = |number: usize| Some(count(number)).filter(|number| *number != 0);
    let held = conditions.iter().any(|condition| condition.type_ == "ReplicaFailure");
    match failure {
        Some(failure) if !held => {
            let wanted = usize::try_from(set.replicas()).unwrap_or(0);
            let reason = if active.len() < wanted { "FailedCreate" } else { "FailedDelete" };
            conditions.push(ReplicaSetCondition {
                type_: "ReplicaFailure".to_owned(),
                status: "True".to_owned(),
                last_transition_time: Some(meta::time(now)),
                reason: Some(reason.to_owned()),
                message: Some(failure.to_string()),
            });
        }
        None if held => conditions.retain(|condition| condition.type_ != "ReplicaFailure"),
        _ => {}
    }
    ReplicaSetStatus {
        replicas: count(active.len()),
        fully_labeled_replicas: some(active.iter().filter(has_labels).count()),
        ready_replicas: some(active.iter().filter(|pod| pod_control::is_pod_ready(pod)).count()),
        available_replicas: some(
            active.iter().filter(|pod| pod_control::is_pod_available(pod, set.min_ready_seconds(), now)).count(),
        ),
        terminating_replicas: Some(count(terminating)),
        observed_generation: set.meta().generation,
        conditions: Some(conditions).filter(|conditions| !conditions.is_empty()),
    }
}
