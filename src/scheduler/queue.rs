//! Pods that wait for a node: ready by priority and age, backing off, or unschedulable until the cluster changes.
//!
//! Models Kubernetes 1.36 pkg/scheduler/backend/queue/scheduling_queue.go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::apimachinery::ObjectKey;
use crate::sim::Time;

/// The wait after a first failure; it doubles up to [`MAX_BACKOFF`].
const INITIAL_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait while something in the cluster changes.
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// A Pod is tried again after so long even when nothing has changed.
const FLUSH_UNSCHEDULABLE: Duration = Duration::from_secs(5 * 60);

#[derive(Clone, Debug)]
struct Waiting {
    priority: i32,
    due: Time,
    sequence: u64,
    failures: u32,
    failed_at: Time,
    unschedulable: bool,
    ready: bool,
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub struct SchedulingQueue {
    pods: BTreeMap<ObjectKey, Waiting>,
    /// Due now: by priority (highest first) and arrival.
    ready: BTreeSet<(i64, u64, ObjectKey)>,
    /// Due later.
    later: BTreeSet<(Time, u64, ObjectKey)>,
    sequence: u64,
}

impl SchedulingQueue {
    /// Takes a Pod in, or looks at one again whose spec has changed.
    pub fn add(&mut self, key: ObjectKey, priority: i32, now: Time, spec_changed: bool) {
        let known = self.pods.get(&key).cloned();
        if known.is_some() && !spec_changed {
            return;
        }
        self.sequence += 1;
        let fresh = Waiting {
            priority,
            due: now,
            sequence: self.sequence,
            failures: 0,
            failed_at: now,
            unschedulable: false,
            ready: false,
        };
        let waiting =
            known.map_or(fresh.clone(), |known| Waiting { priority, due: now, unschedulable: false, ..known });
        self.place(key, waiting, now);
    }

    /// Drops a Pod that needs no node any more.
    pub fn forget(&mut self, key: &ObjectKey) {
        if let Some(waiting) = self.pods.remove(key) {
            self.unplace(key, &waiting);
        }
    }

    /// Puts a Pod aside until the cluster changes.
    pub fn failed(&mut self, key: &ObjectKey, now: Time) {
        let Some(waiting) = self.pods.get(key).cloned() else { return };
        let changed = Waiting {
            failures: waiting.failures + 1,
            failed_at: now,
            unschedulable: true,
            due: now + FLUSH_UNSCHEDULABLE,
            ..waiting
        };
        self.place(key.clone(), changed, now);
    }

    /// The cluster has changed in a way that may help: unschedulable Pods are due after their back-off.
    pub fn retry_unschedulable(&mut self, now: Time) {
        let aside: Vec<ObjectKey> =
            self.pods.iter().filter(|(_, waiting)| waiting.unschedulable).map(|(key, _)| key.clone()).collect();
        for key in aside {
            let Some(waiting) = self.pods.get(&key).cloned() else { continue };
            let doubled = INITIAL_BACKOFF.saturating_mul(1 << waiting.failures.saturating_sub(1).min(10));
            let due = (waiting.failed_at + doubled.min(MAX_BACKOFF)).max(now);
            self.place(key, Waiting { due, unschedulable: false, ..waiting }, now);
        }
    }

    /// Takes the most important Pod that is due. It stays known until it is forgotten or fails.
    pub fn pop_due(&mut self, now: Time) -> Option<ObjectKey> {
        while let Some((due, _, key)) = self.later.first().cloned() {
            if due > now {
                break;
            }
            let waiting = self.pods.get(&key).cloned()?;
            self.place(key, Waiting { unschedulable: false, ..waiting }, now);
        }
        let (_, _, key) = self.ready.pop_first()?;
        if let Some(waiting) = self.pods.get_mut(&key) {
            waiting.ready = false;
        }
        Some(key)
    }

    /// When the next Pod is due.
    pub fn next_due(&self) -> Option<Time> {
        let ready = self.ready.first().and_then(|(_, _, key)| self.pods.get(key)).map(|waiting| waiting.due);
        ready.or_else(|| self.later.first().map(|(due, _, _)| *due))
    }

    /// How many Pods wait.
    pub fn len(&self) -> usize {
        self.pods.len()
    }

    fn place(&mut self, key: ObjectKey, mut waiting: Waiting, now: Time) {
        if let Some(before) = self.pods.get(&key).cloned() {
            self.unplace(&key, &before);
        }
        waiting.ready = waiting.due <= now;
        if waiting.ready {
            self.ready.insert((-i64::from(waiting.priority), waiting.sequence, key.clone()));
        } else {
            self.later.insert((waiting.due, waiting.sequence, key.clone()));
        }
        self.pods.insert(key, waiting);
    }

    fn unplace(&mut self, key: &ObjectKey, waiting: &Waiting) {
        self.ready.remove(&(-i64::from(waiting.priority), waiting.sequence, key.clone()));
        self.later.remove(&(waiting.due, waiting.sequence, key.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("pods", "default", name)
    }

    #[test]
    fn the_more_important_pod_goes_first_then_the_older() {
        let (mut queue, now) = (SchedulingQueue::default(), Time::from_seconds(1));
        queue.add(key("old"), 0, now, true);
        queue.add(key("young"), 0, now, true);
        queue.add(key("important"), 10, now, true);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop_due(now)).map(|key| key.name.to_string()).collect();
        assert_eq!(order, ["important", "old", "young"]);
    }

    #[test]
    fn an_unschedulable_pod_waits_for_a_change_and_then_for_its_back_off() {
        let mut queue = SchedulingQueue::default();
        let at = Time::from_seconds;
        queue.add(key("a"), 0, at(1), true);
        queue.pop_due(at(1));
        queue.failed(&key("a"), at(1));
        assert_eq!(queue.next_due(), Some(at(301)));
        queue.retry_unschedulable(at(1));
        assert_eq!(queue.next_due(), Some(at(2)));
        assert!(queue.pop_due(at(1)).is_none());
        assert_eq!(queue.pop_due(at(2)), Some(key("a")));
    }
}
