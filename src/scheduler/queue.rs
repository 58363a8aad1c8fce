//! Pods that wait for a node: ready by priority and age, on their way back, or put aside until the cluster changes in
//! a way that may help them.
//!
//! A Pod that has fitted nowhere is not kept waiting for its back-off when nobody else is ready; the back-off orders
//! those on their way back. Of the Pods of one ReplicaSet or Job, which fit in the same places, one is tried, and the
//! next when that one has found a node.
//! Models Kubernetes 1.36 pkg/scheduler/backend/queue (SchedulerPopFromBackoffQ and queueing hints on).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::hints::{self, Event};
use super::reasons::Plugin;
use crate::apimachinery::{ObjectKey, meta};
use crate::sim::Time;

/// The wait after a first failure; it doubles up to [`MAX_BACKOFF`].
const INITIAL_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait.
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// A Pod is tried again after so long even when nothing has changed.
const FLUSH_UNSCHEDULABLE: Duration = Duration::from_secs(5 * 60);

/// Pods that fit in the same places: the uid of their controller, or the Pod's own.
type Group = Arc<str>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// To be tried, the most important first, then the oldest.
    Ready,
    /// To be tried when nobody is ready.
    Returning(Time),
    /// Fits nowhere; tried again at this instant at the latest.
    Aside(Time),
    /// Being tried.
    Trying,
}

#[derive(Clone, Debug)]
struct Waiting {
    pod: Arc<Pod>,
    priority: i64,
    sequence: u64,
    failures: u32,
    failed_at: Time,
    refused_by: BTreeSet<Plugin>,
    place: Place,
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub struct SchedulingQueue {
    pods: BTreeMap<ObjectKey, Waiting>,
    ready: BTreeSet<(i64, u64, ObjectKey)>,
    returning: BTreeSet<(Time, i64, u64, ObjectKey)>,
    aside: BTreeMap<Group, BTreeSet<(u64, ObjectKey)>>,
    flush: BTreeSet<(Time, ObjectKey)>,
    /// Groups of which one Pod is tried because of a change: its success lets the next one try.
    hopeful: BTreeSet<Group>,
    sequence: u64,
}

impl SchedulingQueue {
    /// Takes a Pod in, or looks at one again that has changed.
    pub fn add(&mut self, key: ObjectKey, pod: Arc<Pod>) {
        let priority = i64::from(priority(&pod));
        if let Some(known) = self.pods.get_mut(&key) {
            // A status of the scheduler's own making must not bring a Pod back.
            let changed = known.pod.spec != pod.spec || known.pod.metadata.labels != pod.metadata.labels;
            known.pod = pod;
            if changed && matches!(known.place, Place::Aside(_)) {
                self.bring_back(&key);
            }
            return;
        }
        let waiting = Waiting {
            pod,
            priority,
            sequence: 0,
            failures: 0,
            failed_at: Time::default(),
            refused_by: BTreeSet::new(),
            place: Place::Trying,
        };
        self.pods.insert(key.clone(), waiting);
        self.stamp(&key);
        self.put(&key, Place::Ready);
    }

    /// Drops a Pod that needs no node any more.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.put(key, Place::Trying);
        self.pods.remove(key);
    }

    /// A Pod has found its node: others like it may fit as well.
    pub fn placed(&mut self, key: &ObjectKey) {
        let group = self.pods.get(key).map(|waiting| group_of(&waiting.pod));
        self.forget(key);
        if let Some(group) = group.filter(|group| self.hopeful.contains(group)) {
            self.try_one_of(&group);
        }
    }

    /// Puts a Pod aside that was refused by these plugins.
    pub fn failed(&mut self, key: &ObjectKey, refused_by: BTreeSet<Plugin>, now: Time) {
        let Some(waiting) = self.pods.get_mut(key) else { return };
        waiting.failures += 1;
        waiting.failed_at = now;
        waiting.refused_by = refused_by;
        let group = group_of(&waiting.pod);
        self.hopeful.remove(&group);
        self.stamp(key);
        self.put(key, Place::Aside(now + FLUSH_UNSCHEDULABLE));
    }

    /// Something has changed: brings back whom it may help.
    pub fn changed(&mut self, event: &Event) {
        let helped: Vec<Group> = self
            .aside
            .iter()
            .filter(|(_, members)| {
                let first = members.first().and_then(|(_, key)| self.pods.get(key));
                first.is_some_and(|waiting| hints::may_help(&waiting.refused_by, &waiting.pod, event))
            })
            .map(|(group, _)| Arc::clone(group))
            .collect();
        for group in helped {
            self.hopeful.insert(Arc::clone(&group));
            self.try_one_of(&group);
        }
    }

    fn try_one_of(&mut self, group: &Group) {
        match self.aside.get(group).and_then(|members| members.first()).map(|(_, key)| key.clone()) {
            Some(key) => self.bring_back(&key),
            None => {
                self.hopeful.remove(group);
            }
        }
    }

    fn bring_back(&mut self, key: &ObjectKey) {
        let Some(waiting) = self.pods.get(key) else { return };
        let wait = INITIAL_BACKOFF.saturating_mul(1 << waiting.failures.saturating_sub(1).min(10)).min(MAX_BACKOFF);
        let until = waiting.failed_at + wait;
        self.put(key, Place::Returning(until));
    }

    /// Takes the Pod whose turn it is. It stays known until it is forgotten or fails.
    pub fn pop(&mut self, now: Time) -> Option<(ObjectKey, Arc<Pod>)> {
        while let Some((_, key)) = self.flush.first().filter(|(at, _)| *at <= now).cloned() {
            self.bring_back(&key);
        }
        let next = self.ready.first().map(|(_, _, key)| key.clone());
        let key = next.or_else(|| self.returning.first().map(|(_, _, _, key)| key.clone()))?;
        self.put(&key, Place::Trying);
        let pod = Arc::clone(&self.pods.get(&key)?.pod);
        Some((key, pod))
    }

    /// When a Pod is next to be tried, when that is later than now.
    pub fn next_flush(&self) -> Option<Time> {
        self.flush.first().map(|(at, _)| *at)
    }

    /// Whether a Pod is in the queue, wherever it waits.
    pub fn holds(&self, key: &ObjectKey) -> bool {
        self.pods.contains_key(key)
    }

    /// How many Pods wait.
    pub fn len(&self) -> usize {
        self.pods.len()
    }

    fn stamp(&mut self, key: &ObjectKey) {
        self.sequence += 1;
        if let Some(waiting) = self.pods.get_mut(key) {
            waiting.sequence = self.sequence;
        }
    }

    /// Moves a Pod from wherever it is.
    fn put(&mut self, key: &ObjectKey, place: Place) {
        let Some(waiting) = self.pods.get_mut(key) else { return };
        let (order, sequence, from) = (-waiting.priority, waiting.sequence, waiting.place);
        waiting.place = place;
        let group = group_of(&waiting.pod);
        match from {
            Place::Ready => drop(self.ready.remove(&(order, sequence, key.clone()))),
            Place::Returning(until) => drop(self.returning.remove(&(until, order, sequence, key.clone()))),
            Place::Aside(at) => {
                self.flush.remove(&(at, key.clone()));
                if let Some(members) = self.aside.get_mut(&group) {
                    members.remove(&(sequence, key.clone()));
                    if members.is_empty() {
                        self.aside.remove(&group);
                    }
                }
            }
            Place::Trying => {}
        }
        match place {
            Place::Ready => drop(self.ready.insert((order, sequence, key.clone()))),
            Place::Returning(until) => drop(self.returning.insert((until, order, sequence, key.clone()))),
            Place::Aside(at) => {
                self.flush.insert((at, key.clone()));
                self.aside.entry(group).or_default().insert((sequence, key.clone()));
            }
            Place::Trying => {}
        }
    }
}

/// The Pods that a ReplicaSet or a Job makes are all alike; those of a StatefulSet or DaemonSet differ in their claims
/// and nodes.
fn group_of(pod: &Pod) -> Group {
    let alike = |kind: &str| matches!(kind, "ReplicaSet" | "Job" | "ReplicationController");
    let owner = meta::controller_of(&pod.metadata).filter(|owner| alike(&owner.kind));
    owner.map_or(meta::uid(&pod.metadata), |owner| &owner.uid).into()
}

/// The Pod's priority.
pub fn priority(pod: &Pod) -> i32 {
    pod.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, priority: i32) -> (ObjectKey, Arc<Pod>) {
        let mut pod = Pod::default();
        pod.metadata.name = Some(name.to_owned());
        pod.metadata.uid = Some(name.to_owned());
        pod.spec.get_or_insert_default().priority = Some(priority);
        (ObjectKey::new("pods", "default", name), Arc::new(pod))
    }

    fn add(queue: &mut SchedulingQueue, name: &str, priority: i32) {
        let (key, pod) = pod(name, priority);
        queue.add(key, pod);
    }

    #[test]
    fn the_more_important_pod_goes_first_then_the_older() {
        let mut queue = SchedulingQueue::default();
        add(&mut queue, "old", 0);
        add(&mut queue, "young", 0);
        add(&mut queue, "important", 10);
        let now = Time::from_seconds(1);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(now)).map(|(key, _)| key.name.to_string()).collect();
        assert_eq!(order, ["important", "old", "young"]);
    }

    #[test]
    fn a_pod_that_fits_nowhere_waits_for_a_change_that_helps_it_or_five_minutes() {
        let mut queue = SchedulingQueue::default();
        add(&mut queue, "a", 0);
        let at = Time::from_seconds;
        let (key, _) = queue.pop(at(1)).unwrap();
        queue.failed(&key, [Plugin::NodeResourcesFit].into(), at(1));
        assert_eq!(queue.next_flush(), Some(at(301)));
        queue.changed(&Event::Storage);
        assert!(queue.pop(at(2)).is_none(), "a volume does not make room");
        queue.changed(&Event::PodGone(pod("gone", 0).1));
        assert_eq!(queue.pop(at(2)).unwrap().0, key);
        queue.failed(&key, [Plugin::NodeResourcesFit].into(), at(2));
        assert!(queue.pop(at(301)).is_none());
        assert_eq!(queue.pop(at(302)).unwrap().0, key);
    }

    #[test]
    fn of_pods_that_are_alike_one_is_tried_and_the_next_when_it_was_placed() {
        let mut queue = SchedulingQueue::default();
        let owner =
            serde_json::json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "j", "controller": true}]);
        let now = Time::from_seconds(1);
        for name in ["a", "b", "c"] {
            let (key, pod) = pod(name, 0);
            let mut pod = Pod::clone(&pod);
            pod.metadata.owner_references = serde_json::from_value(owner.clone()).ok();
            queue.add(key.clone(), Arc::new(pod));
            queue.pop(now);
            queue.failed(&key, [Plugin::NodeResourcesFit].into(), now);
        }
        queue.changed(&Event::PodGone(pod("gone", 0).1));
        let (first, _) = queue.pop(now).unwrap();
        assert_eq!(&*first.name, "a");
        assert!(queue.pop(now).is_none());
        queue.placed(&first);
        let (second, _) = queue.pop(now).unwrap();
        queue.failed(&second, [Plugin::NodeResourcesFit].into(), now);
        assert!(queue.pop(now).is_none(), "where b does not fit c does not either");
    }
}
