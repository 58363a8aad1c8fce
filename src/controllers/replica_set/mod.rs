//! The ReplicaSet controller, and the ReplicationController's, which is the same with an older kind: keep so many Pods
//! of a template running.
//!
//! Models Kubernetes 1.36 pkg/controller/replicaset/{replica_set,replica_set_utils}.go and pkg/controller/replication.

mod kinds;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec, ReplicationController};

use super::consistency::Consistency;
use super::pod_control::{self, active_order, ignore_not_found, is_pod_active, is_pod_terminating, phase};
use super::{Context, Controller};
use crate::apimachinery::{Kind, ObjectKey, Status, meta};
use crate::client::{Caches, Delta, WorkQueue, node_of};
use crate::sim::{Seed, Time};
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

/// The Pods to give up: as [`active_order`], but crowded nodes lose theirs first and ages are compared roughly.
fn pods_to_delete<T: Replicated>(
    set: &T,
    active: &[Arc<Pod>],
    count: usize,
    caches: &Caches,
    now: Time,
) -> Vec<Arc<Pod>> {
    if count == 0 || count >= active.len() {
        return active.iter().take(count).cloned().collect();
    }
    let mut on_node: BTreeMap<String, usize> = BTreeMap::new();
    // The Pods of every ReplicaSet of the same owner share the nodes.
    let owner = meta::controller_of(set.meta()).map(|owner| owner.uid.clone());
    let siblings: Vec<Arc<T>> = match &owner {
        Some(uid) => caches.controlled_by::<T>(uid).collect(),
        None => Vec::new(),
    };
    let uids = siblings.iter().map(|set| meta::uid(set.meta()));
    let own = owner.is_none().then(|| meta::uid(set.meta()));
    for uid in uids.chain(own) {
        for pod in caches.controlled_by::<Pod>(uid).filter(|pod| is_pod_active(pod)) {
            *on_node.entry(node_of(&pod).to_owned()).or_default() += 1;
        }
    }
    let crowd = |pod: &Pod| on_node.get(node_of(pod)).copied().unwrap_or(0);
    let mut pods = active.to_vec();
    pods.sort_by(|one, two| {
        let coarse = |pod: &Pod| (!node_of(pod).is_empty(), life(pod), pod_control::is_pod_ready(pod));
        coarse(one)
            .cmp(&coarse(two))
            .then_with(|| deletion_cost(one).cmp(&deletion_cost(two)))
            .then_with(|| crowd(two).cmp(&crowd(one)))
            .then_with(|| age_rank(one, now).cmp(&age_rank(two, now)))
            .then_with(|| active_order(one, two))
            .then_with(|| one.metadata.uid.cmp(&two.metadata.uid))
    });
    pods.truncate(count);
    pods
}

fn life(pod: &Pod) -> u8 {
    match phase(pod) {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    }
}

fn deletion_cost(pod: &Pod) -> i32 {
    let annotations = pod.metadata.annotations.as_ref();
    annotations
        .and_then(|held| held.get("controller.kubernetes.io/pod-deletion-cost"))
        .and_then(|cost| cost.parse().ok())
        .unwrap_or(0)
}

/// The order of magnitude of how long a Pod has been ready: among Pods of a like age none is preferred.
fn age_rank(pod: &Pod, now: Time) -> u32 {
    let ready = pod_control::condition(pod, "Ready").filter(|ready| ready.status == "True");
    let since = ready.and_then(|ready| ready.last_transition_time.as_ref()).map_or(now, |time| Time::from(time.0));
    now.since(since).as_nanos().checked_ilog2().map_or(0, |log| log + 1)
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
