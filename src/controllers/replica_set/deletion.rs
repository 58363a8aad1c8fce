//! Which Pods a set gives up when it has too many.
//!
//! Models Kubernetes 1.36 pkg/controller/replicaset/replica_set.go (getPodsToDelete) and pkg/controller/controller_utils.go
//! (ActivePodsWithRanks).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::kinds::Replicated;
use crate::apimachinery::meta;
use crate::client::{Caches, node_of};
use crate::controllers::pod_control::{by_life, is_pod_active, is_pod_ready, ready_since, recent_first, restarts};
use crate::sim::Time;

/// The Pods to give up: in [`order`], unless all of them go.
pub(super) fn pods_to_delete<T: Replicated>(
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
    pods.sort_by(|one, two| order((one, crowd(one)), (two, crowd(two)), now));
    pods.truncate(count);
    pods
}

/// Which of two Pods goes first, where so many of the set's Pods are on its node: the one that does less, costs less, is
/// less alone, and is younger by an order of magnitude. Among Pods of a like age chance decides, as their uids tell it.
pub(super) fn order((one, crowd): (&Pod, usize), (two, other_crowd): (&Pod, usize), now: Time) -> Ordering {
    let created = |pod: &Pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let ready = || match is_pod_ready(one) && is_pod_ready(two) {
        true => roughly_recent_first(one, two, ready_since, now),
        false => Ordering::Equal,
    };
    by_life(one, two)
        .then_with(|| deletion_cost(one).cmp(&deletion_cost(two)))
        .then_with(|| other_crowd.cmp(&crowd))
        .then_with(ready)
        .then_with(|| restarts(two).cmp(&restarts(one)))
        .then_with(|| roughly_recent_first(one, two, created, now))
}

fn roughly_recent_first(
    one: &Pod,
    two: &Pod,
    instant: impl Fn(&Pod) -> Option<jiff::Timestamp>,
    now: Time,
) -> Ordering {
    match (instant(one), instant(two)) {
        (Some(first), Some(second)) if first != second => {
            magnitude(first, now).cmp(&magnitude(second, now)).then_with(|| one.metadata.uid.cmp(&two.metadata.uid))
        }
        (first, second) => recent_first(first, second),
    }
}

/// How many digits, of two, an age has in nanoseconds.
fn magnitude(since: jiff::Timestamp, now: Time) -> Option<u32> {
    now.since(Time::from(since)).as_nanos().checked_ilog2()
}

fn deletion_cost(pod: &Pod) -> i32 {
    let annotations = pod.metadata.annotations.as_ref();
    annotations
        .and_then(|held| held.get("controller.kubernetes.io/pod-deletion-cost"))
        .and_then(|cost| cost.parse().ok())
        .unwrap_or(0)
}
