//! A rolling update of daemons: old Pods go first, as many as may be missing, or new ones come first, as many as there
//! may be beside old ones.
//!
//! Pure. Models Kubernetes 1.36 pkg/controller/daemon/update.go (rollingUpdate) and daemon_controller.go
//! (podsShouldBeOnNode).

#[cfg(test)]
mod tests;

use std::sync::Arc;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};

use super::{Changes, OnNodes, is_updated, min_ready, node_fit, spec_of};
use crate::apimachinery::meta;
use crate::controllers::pod_control::{is_pod_available, is_pod_ready};
use crate::controllers::pod_template::scaled;
use crate::sim::Time;

/// How many nodes may have a new Pod beside the old one.
fn max_surge(set: &DaemonSet, total: i32) -> usize {
    let rolling = spec_of(set).update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let surge = rolling.and_then(|rolling| rolling.max_surge.as_ref());
    usize::try_from(scaled(surge, total, true)).unwrap_or(0)
}

fn max_unavailable(set: &DaemonSet, total: i32) -> usize {
    let rolling = spec_of(set).update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let most = rolling.and_then(|rolling| rolling.max_unavailable.as_ref());
    usize::try_from(scaled(most, total, true)).unwrap_or(0)
}

/// What a rollout does now.
pub fn changes(
    set: &DaemonSet,
    spec: &PodSpec,
    nodes: &[Arc<Node>],
    on_nodes: &OnNodes,
    hash: &str,
    now: Time,
) -> Changes {
    let wanted: Vec<&str> =
        nodes.iter().filter(|node| node_fit::should_run(spec, node).0).map(|node| meta::name(&node.metadata)).collect();
    let total = i32::try_from(wanted.len()).unwrap_or(i32::MAX);
    let surge = max_surge(set, total);
    if surge > 0 {
        return surging(set, &wanted, on_nodes, hash, surge, now);
    }
    let most = max_unavailable(set, total).max(1);
    Changes { delete: outdated(set, &wanted, on_nodes, hash, most, now), ..Changes::default() }
}

/// New Pods beside old ones, and the old ones whose successor is available. Old ones on nodes that want none any more go
/// at once when they do not work, else as soon as there are more that do than are wanted.
fn surging(set: &DaemonSet, wanted: &[&str], on_nodes: &OnNodes, hash: &str, most: usize, now: Time) -> Changes {
    let (mut changes, mut candidates, mut unwanted) = (Changes::default(), Vec::new(), Vec::new());
    let (mut surging, mut working) = (0, 0);
    let available = |pod: &Pod| is_pod_available(pod, min_ready(set), now);
    for (name, pods) in on_nodes {
        let live = pods.iter().filter(|pod| !meta::is_deleting(&pod.metadata));
        let (new, old): (Vec<&Arc<Pod>>, Vec<&Arc<Pod>>) = live.partition(|pod| is_updated(pod, hash));
        if let ([one], []) | ([], [one]) | ([_], [one]) = (new.as_slice(), old.as_slice()) {
            working += usize::from(available(one));
        }
        let is_wanted = wanted.contains(&name.as_str());
        match (new.as_slice(), old.as_slice()) {
            ([], []) | ([_], []) => {}
            ([], [old]) if available(old) && is_wanted => candidates.push(name.clone()),
            ([], [old]) if available(old) => unwanted.push(Arc::clone(old)),
            ([], [_]) if is_wanted => changes.create_on.push(name.clone()),
            ([], [old]) => changes.delete.push(Arc::clone(old)),
            ([new], [old]) if available(new) => changes.delete.push(Arc::clone(old)),
            _ => surging += 1,
        }
    }
    unwanted.truncate(working.saturating_sub(wanted.len()));
    changes.delete.append(&mut unwanted);
    candidates.truncate(most.saturating_sub(surging));
    changes.create_on.append(&mut candidates);
    changes
}

/// The Pods of an old template that may go now: those that do not work, and as many others as may be missing.
fn outdated(set: &DaemonSet, wanted: &[&str], on_nodes: &OnNodes, hash: &str, most: usize, now: Time) -> Vec<Arc<Pod>> {
    let (mut broken, mut working, mut unavailable) = (Vec::new(), Vec::new(), 0);
    let empty = Vec::new();
    let others = on_nodes.keys().map(String::as_str).filter(|name| !wanted.contains(name));
    for name in wanted.iter().copied().chain(others) {
        let live = on_nodes.get(name).unwrap_or(&empty).iter().filter(|pod| !meta::is_deleting(&pod.metadata));
        let (new, old): (Vec<&Arc<Pod>>, Vec<&Arc<Pod>>) = live.partition(|pod| is_updated(pod, hash));
        match (new.as_slice(), old.as_slice()) {
            ([new], []) => unavailable += usize::from(!is_pod_available(new, min_ready(set), now)),
            ([], [old]) if is_pod_available(old, min_ready(set), now) => working.push(Arc::clone(old)),
            ([], [old]) => {
                broken.push(Arc::clone(old));
                unavailable += 1;
            }
            _ => unavailable += 1,
        }
    }
    working.truncate(most.saturating_sub(unavailable));
    broken.append(&mut working);
    broken
}

/// The running Pods of one node (the oldest first) that are too many: all but one, or, where new ones come first, all
/// but a new one that is not available yet beside an old one that works.
pub fn superfluous(set: &DaemonSet, running: &[Arc<Pod>], hash: &str, now: Time) -> Vec<Arc<Pod>> {
    if running.len() <= 1 {
        return Vec::new();
    }
    if max_surge(set, 1) == 0 {
        return running.iter().skip(1).cloned().collect();
    }
    let (new, old): (Vec<&Arc<Pod>>, Vec<&Arc<Pod>>) = running.iter().partition(|pod| is_updated(pod, hash));
    let mut surplus: Vec<Arc<Pod>> = new.iter().skip(1).chain(old.iter().skip(1)).map(|pod| Arc::clone(pod)).collect();
    if let (Some(new), Some(old)) = (new.first(), old.first())
        && (!is_pod_ready(old) || is_pod_available(new, min_ready(set), now))
    {
        surplus.push(Arc::clone(old));
    }
    surplus
}
