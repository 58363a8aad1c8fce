//! How long a Job waits before it replaces failed Pods: 10 s, doubling with each failure up to 10 min.
//!
//! Refuses to know a clock: the present instant is an argument.
//! Models Kubernetes 1.36 pkg/controller/job/backoff_utils.go.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::pods::{absolute_failure_count, finished_time};
use crate::sim::Time;

/// The wait after the first failure.
pub const DEFAULT_BACKOFF: Duration = Duration::from_secs(10);
/// The longest wait.
pub const MAX_BACKOFF: Duration = Duration::from_secs(600);

/// What a Job remembers of its failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackoffRecord {
    /// Failures since a Pod last succeeded.
    pub failures_after_last_success: i32,
    /// When the last of them ended.
    pub last_failure: Option<Time>,
}

impl BackoffRecord {
    /// The record after these Pods have ended.
    #[must_use]
    pub fn after(mut self, succeeded: &[Arc<Pod>], failed: &[Arc<Pod>]) -> Self {
        let mut failures: Vec<Time> = failed.iter().map(|pod| finished_time(pod)).collect();
        failures.sort();
        let count = |failures: usize| i32::try_from(failures).unwrap_or(i32::MAX);
        let Some(last_success) = succeeded.iter().map(|pod| finished_time(pod)).max() else {
            if let Some(last) = failures.last() {
                self.failures_after_last_success =
                    self.failures_after_last_success.saturating_add(count(failures.len()));
                self.last_failure = Some(*last);
            }
            return self;
        };
        let after = failures.iter().filter(|failure| **failure > last_success).count();
        Self {
            failures_after_last_success: count(after),
            last_failure: failures.last().copied().filter(|failure| *failure > last_success),
        }
    }

    /// How long no Pod may be created yet.
    pub fn remaining(&self, now: Time) -> Duration {
        remaining(self.failures_after_last_success, self.last_failure, now)
    }
}

/// How long the index of this failed Pod has to wait for the next one.
pub fn remaining_for_index(last_failed: Option<&Pod>, now: Time) -> Duration {
    let Some(pod) = last_failed else { return Duration::ZERO };
    remaining(absolute_failure_count(pod).saturating_add(1), Some(finished_time(pod)), now)
}

fn remaining(failures: i32, last_failure: Option<Time>, now: Time) -> Duration {
    let Some(last_failure) = last_failure.filter(|_| failures > 0) else { return Duration::ZERO };
    let doublings = u32::try_from(failures - 1).unwrap_or(0).min(16);
    let wait = DEFAULT_BACKOFF.saturating_mul(1 << doublings).min(MAX_BACKOFF);
    wait.saturating_sub(now.since(last_failure))
}
