//! What one sync of a Job knows.
//!
//! Models Kubernetes 1.36 pkg/controller/job/job_controller.go (`syncJobCtx`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::Pod;

use super::backoff::BackoffRecord;
use super::intervals::Intervals;

/// What one sync of a Job knows. `job` turns into the Job with its new status.
#[derive(Clone, Debug, Default)]
pub struct Sync {
    /// The Job; a copy to change.
    pub job: Job,
    /// Every Pod that it manages.
    pub pods: Vec<Arc<Pod>>,
    /// Those that run or may still run.
    pub active_pods: Vec<Arc<Pod>>,
    /// How many are active; changes as Pods are made and removed.
    pub active: i32,
    /// How many of the active ones are ready.
    pub ready: i32,
    /// How many are on their way out.
    pub terminating: i32,
    /// Pods that have succeeded, counted or not.
    pub succeeded: i32,
    /// Pods that have failed, counted or not.
    pub failed: i32,
    /// The indexes that the status had recorded as succeeded.
    pub previous_indexes: Intervals,
    /// Those and the ones that have succeeded since.
    pub succeeded_indexes: Intervals,
    /// The failed indexes, when failures are limited per index.
    pub failed_indexes: Option<Intervals>,
    /// The failed Pod of each index that waits for its successor.
    pub delayed: BTreeMap<i64, Arc<Pod>>,
    /// Uids in the status that are known to have succeeded.
    pub uncounted_succeeded: BTreeSet<String>,
    /// Uids in the status that are known to have failed.
    pub uncounted_failed: BTreeSet<String>,
    /// The back-off with the newly ended Pods in it.
    pub backoff: BackoffRecord,
    /// The condition that ends the Job, interim or final.
    pub finished: Option<JobCondition>,
}

/// A length as a counter.
pub fn to_i32(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
