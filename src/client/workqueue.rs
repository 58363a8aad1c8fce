//! A queue of keys to reconcile: each key at most once, some later, some after a back-off.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/util/workqueue (delaying and rate limiting queues).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::apimachinery::ObjectKey;
use crate::sim::Time;

/// The first back-off after a failure; it doubles up to [`MAX_BACKOFF`].
const BASE_BACKOFF: Duration = Duration::from_millis(5);
/// The longest back-off.
const MAX_BACKOFF: Duration = Duration::from_secs(1000);

/// The queue. A key that is added again while it waits keeps the earlier of the two instants; one that is added for
/// now keeps both.
#[derive(Clone, Debug)]
pub struct WorkQueue {
    base_backoff: Duration,
    max_backoff: Duration,
    ready: BTreeSet<ObjectKey>,
    due: BTreeMap<ObjectKey, (Time, u64)>,
    order: BTreeSet<(Time, u64, ObjectKey)>,
    failures: BTreeMap<ObjectKey, u32>,
    sequence: u64,
}

impl Default for WorkQueue {
    fn default() -> Self {
        Self::with_backoff(BASE_BACKOFF, MAX_BACKOFF)
    }
}

impl WorkQueue {
    /// An empty queue whose failed keys wait `base` at first and `max` at most.
    pub fn with_backoff(base: Duration, max: Duration) -> Self {
        Self {
            base_backoff: base,
            max_backoff: max,
            ready: BTreeSet::new(),
            due: BTreeMap::new(),
            order: BTreeSet::new(),
            failures: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// Adds a key that is due at `at`.
    pub fn add_at(&mut self, key: ObjectKey, at: Time) {
        if let Some((due, sequence)) = self.due.get(&key).copied() {
            if due <= at {
                return;
            }
            self.order.remove(&(due, sequence, key.clone()));
        }
        self.sequence += 1;
        self.due.insert(key.clone(), (at, self.sequence));
        self.order.insert((at, self.sequence, key));
    }

    /// Adds a key for now. Unlike [`WorkQueue::add_at`] it leaves a later instant for which the key waits as it is.
    pub fn add(&mut self, key: ObjectKey, now: Time) {
        if self.ready.insert(key.clone()) {
            self.sequence += 1;
            self.order.insert((now, self.sequence, key));
        }
    }

    /// Adds a key after its back-off: the first wait, doubling with each failure since [`WorkQueue::forget`].
    pub fn add_rate_limited(&mut self, key: ObjectKey, now: Time) {
        let failures = self.failures.entry(key.clone()).or_insert(0);
        let delay = self.base_backoff.saturating_mul(1_u32.checked_shl((*failures).min(31)).unwrap_or(u32::MAX));
        *failures += 1;
        self.add_at(key, now + delay.min(self.max_backoff));
    }

    /// Ends a key's back-off.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.failures.remove(key);
    }

    /// How often a key has failed since it was last forgotten.
    pub fn failures(&self, key: &ObjectKey) -> u32 {
        self.failures.get(key).copied().unwrap_or(0)
    }

    /// Takes the first key that is due.
    pub fn pop_due(&mut self, now: Time) -> Option<ObjectKey> {
        if self.next_due()? > now {
            return None;
        }
        let (_, sequence, key) = self.order.pop_first()?;
        if self.due.get(&key).is_some_and(|(_, waiting)| *waiting == sequence) {
            self.due.remove(&key);
        } else {
            self.ready.remove(&key);
        }
        Some(key)
    }

    /// When the first key is due.
    pub fn next_due(&self) -> Option<Time> {
        self.order.first().map(|(due, _, _)| *due)
    }

    /// Whether a key waits.
    pub fn holds(&self, key: &ObjectKey) -> bool {
        self.ready.contains(key) || self.due.contains_key(key)
    }

    /// How many keys wait.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no key waits.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_waits_once_and_keeps_the_earlier_instant() {
        let (mut queue, key) = (WorkQueue::default(), ObjectKey::new("jobs.batch", "default", "a"));
        queue.add_at(key.clone(), Time::from_seconds(5));
        queue.add_at(key.clone(), Time::from_seconds(2));
        queue.add_at(key.clone(), Time::from_seconds(9));
        assert_eq!((queue.len(), queue.next_due()), (1, Some(Time::from_seconds(2))));
        assert_eq!(queue.pop_due(Time::from_seconds(2)), Some(key));
        assert!(queue.is_empty());
    }

    #[test]
    fn a_key_that_is_added_for_now_still_comes_at_the_instant_for_which_it_waits() {
        let (mut queue, key) = (WorkQueue::default(), ObjectKey::new("jobs.batch", "default", "a"));
        queue.add_at(key.clone(), Time::from_seconds(5));
        queue.add(key.clone(), Time::from_seconds(2));
        queue.add(key.clone(), Time::from_seconds(3));
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.pop_due(Time::from_seconds(3)), Some(key.clone()));
        assert_eq!(queue.pop_due(Time::from_seconds(3)), None);
        assert_eq!(queue.pop_due(Time::from_seconds(5)), Some(key));
        assert!(queue.is_empty());
    }

    #[test]
    fn failures_double_the_wait_until_forgotten() {
        let (mut queue, key) = (WorkQueue::default(), ObjectKey::new("jobs.batch", "default", "a"));
        let mut waits = Vec::new();
        for _ in 0..3 {
            queue.add_rate_limited(key.clone(), Time::default());
            waits.push(queue.next_due().unwrap().as_micros() / 1000);
            queue.pop_due(Time::from_seconds(1));
        }
        assert_eq!(waits, [5, 10, 20]);
        queue.forget(&key);
        assert_eq!(queue.failures(&key), 0);
    }
}
