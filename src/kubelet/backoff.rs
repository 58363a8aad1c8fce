//! Back-off by key: 10 s after a first failure, doubling to 5 min, forgotten after 10 min without one.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/util/flowcontrol/backoff.go as the kubelet uses it for
//! restarts (CrashLoopBackOff) and image pulls (ImagePullBackOff).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sim::Time;

const INITIAL: Duration = Duration::from_secs(10);
const MAX: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug)]
struct Entry {
    backoff: Duration,
    updated: Time,
}

/// Who waits, and how long.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    entries: BTreeMap<String, Entry>,
}

impl Backoff {
    /// Until when `key` must wait, when it failed at `failed`; `None` when it may go on at `now`.
    pub fn until(&self, key: &str, failed: Time, now: Time) -> Option<Time> {
        let entry = self.entries.get(key)?;
        if expired(entry, failed) {
            return None;
        }
        let end = failed + entry.backoff;
        (end > now).then_some(end)
    }

    /// Counts an attempt of `key` after its failure at `failed`: the next wait is twice as long.
    pub fn next(&mut self, key: &str, failed: Time, now: Time) {
        let backoff = match self.entries.get(key) {
            Some(entry) if !expired(entry, failed) => (entry.backoff * 2).min(MAX),
            _ => INITIAL,
        };
        self.entries.insert(key.to_owned(), Entry { backoff, updated: now });
    }

    /// Forgets every key that starts with `prefix`, as when a Pod is gone.
    pub fn forget(&mut self, prefix: &str) {
        self.entries.retain(|key, _| !key.starts_with(prefix));
    }
}

fn expired(entry: &Entry, failed: Time) -> bool {
    failed.since(entry.updated) > MAX * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_to_five_minutes_and_is_forgotten_after_ten() {
        let (mut backoff, mut now) = (Backoff::default(), Time::from_seconds(1000));
        assert_eq!(backoff.until("a", now, now), None);
        let mut waits = Vec::new();
        for _ in 0..7 {
            backoff.next("a", now, now);
            waits.push(backoff.until("a", now, now).unwrap().since(now).as_secs());
            now += Duration::from_secs(1);
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
        let later = now + Duration::from_secs(700);
        assert_eq!(backoff.until("a", later, later), None);
    }
}
