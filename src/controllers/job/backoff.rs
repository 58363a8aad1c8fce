//! How long a Job waits before it replaces failed Pods: 10 s, doubling with each failure up to 10 min.
//!
//! Refuses to know a clock: the present instant is an argument.
//! Models Kubernetes 1.36 pkg/controller/job/backoff_utils.go.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::index::absolute_failure_count;
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

/// When a Pod has ended: its last container's end; or when it became unready; or when its deletion was asked for; or
/// its creation.
pub fn finished_time(pod: &Pod) -> Time {
    containers_end(pod).or_else(|| unready_since(pod)).or_else(|| deleted_at(pod)).unwrap_or_else(|| {
        pod.metadata.creation_timestamp.as_ref().map(|created| Time::from(created.0)).unwrap_or_default()
    })
}

fn containers_end(pod: &Pod) -> Option<Time> {
    let status = pod.status.as_ref()?;
    let end = latest_end(None, status.container_statuses.iter().flatten());
    // Sidecars end after the containers they serve, so their end counts.
    let is_sidecar = |status: &&ContainerStatus| {
        let init = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
        init.into_iter().any(|held| held.name == status.name && held.restart_policy.as_deref() == Some("Always"))
    };
    let mut sidecars = status.init_container_statuses.iter().flatten().filter(is_sidecar).peekable();
    if sidecars.peek().is_none() { end } else { latest_end(end, sidecars) }
}

fn latest_end<'a>(before: Option<Time>, statuses: impl Iterator<Item = &'a ContainerStatus>) -> Option<Time> {
    let mut latest = before;
    for status in statuses {
        let end = status.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref()?;
        latest = latest.max(Some(Time::from(end.0)));
    }
    latest
}

fn unready_since(pod: &Pod) -> Option<Time> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready" && condition.status == "False")?;
    ready.last_transition_time.as_ref().map(|time| Time::from(time.0))
}

fn deleted_at(pod: &Pod) -> Option<Time> {
    let deletion = Time::from(pod.metadata.deletion_timestamp.as_ref()?.0);
    let grace = u64::try_from(pod.metadata.deletion_grace_period_seconds.unwrap_or(0)).unwrap_or(0);
    Some(Time::from_micros(deletion.as_micros().saturating_sub(grace.saturating_mul(1_000_000))))
}
