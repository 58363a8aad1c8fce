//! Counts ended Pods exactly once: their uids wait in the status until their finalizer is gone.
//!
//! Refuses to write: it says what the status becomes and whose finalizer has to go.
//! Models Kubernetes 1.36 pkg/controller/job/job_controller.go (trackJobStatusAndRemoveFinalizers) and
//! tracking_utils.go.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::batch::v1::JobStatus;
use k8s_openapi::api::core::v1::Pod;

use super::conditions::{self, COMPLETE, FAILED, FAILURE_TARGET, SUCCESS_CRITERIA_MET};
use super::index;
use super::pod_failure_policy::match_pod_failure_policy;
use super::pods::{completion_index, has_tracking_finalizer, is_pod_failed};
use super::spec::{is_indexed, spec_of};
use super::sync::{Sync, to_i32};
use crate::apimachinery::meta;
use crate::controllers::pod_control::phase;
use crate::sim::Time;

/// How many uids the status may hold.
const MAX_UNCOUNTED: usize = 500;

/// What is to be done after the status was worked out.
#[derive(Debug, Default)]
pub struct Tracking {
    /// The status has to be written before any finalizer goes.
    pub needs_flush: bool,
    /// Whose finalizer has to go.
    pub remove_finalizer: Vec<Arc<Pod>>,
    /// The Pods of the Job that still have the finalizer.
    pub with_finalizer: BTreeSet<String>,
    /// There were more Pods than the status may hold; the rest comes in a later sync.
    pub reached_max: bool,
}

/// Enters newly ended Pods and the interim condition into the status of `sync.job`.
pub fn track(sync: &mut Sync, needs_flush: bool, now: Time) -> Tracking {
    let indexed = is_indexed(&sync.job);
    if indexed {
        sync.pods.sort_by_key(|pod| completion_index(pod));
    }
    let tracked = sync.pods.iter().filter(|pod| has_tracking_finalizer(pod));
    let with_finalizer = tracked.map(|pod| meta::uid(&pod.metadata).to_owned()).collect();
    let mut tracking = Tracking { needs_flush, with_finalizer, ..Tracking::default() };
    let mut status = sync.job.status.take().unwrap_or_default();
    tracking.needs_flush |= count_without_finalizer(&mut status, &tracking.with_finalizer);
    let new_indexes = enter_ended_pods(sync, &mut status, &mut tracking);
    if indexed {
        enter_indexes(sync, &mut status, &mut tracking, new_indexes);
    }
    sync.job.status = Some(status);
    enter_interim_condition(sync, &mut tracking, now);
    tracking
}

fn enter_ended_pods(sync: &Sync, status: &mut JobStatus, tracking: &mut Tracking) -> BTreeSet<i64> {
    let policy = spec_of(&sync.job).pod_failure_policy.as_ref();
    let indexed = is_indexed(&sync.job);
    let fails_the_rest = sync.finished.as_ref().is_some_and(|condition| condition.type_ != SUCCESS_CRITERIA_MET);
    let mut new_indexes = BTreeSet::new();
    let uncounted = status.uncounted_terminated_pods.get_or_insert_default();
    for pod in sync.pods.iter().filter(|pod| has_tracking_finalizer(pod)) {
        let uid = meta::uid(&pod.metadata);
        let failed = is_pod_failed(pod, &sync.job);
        if !can_remove_finalizer(sync, pod, failed) {
            continue;
        }
        tracking.remove_finalizer.push(Arc::clone(pod));
        let index = index::valid_index(&sync.job, pod);
        if phase(pod) == "Succeeded" && !sync.uncounted_failed.contains(uid) {
            if indexed {
                // The index is enough not to count a Pod twice; its uid need not wait.
                if let Some(index) = index.filter(|index| !sync.previous_indexes.has(*index)) {
                    new_indexes.insert(index);
                    tracking.needs_flush = true;
                }
            } else if !sync.uncounted_succeeded.contains(uid) {
                uncounted.succeeded.get_or_insert_default().push(uid.to_owned());
                tracking.needs_flush = true;
            }
        } else if failed || fails_the_rest {
            let known = sync.uncounted_failed.contains(uid) || (indexed && index.is_none());
            if !known && match_pod_failure_policy(policy, pod).counts {
                uncounted.failed.get_or_insert_default().push(uid.to_owned());
                tracking.needs_flush = true;
            }
        }
        let waiting = uncounted.succeeded.as_ref().map_or(0, Vec::len) + uncounted.failed.as_ref().map_or(0, Vec::len);
        if new_indexes.len() + waiting >= MAX_UNCOUNTED {
            tracking.reached_max = true;
            break;
        }
    }
    new_indexes
}

fn can_remove_finalizer(sync: &Sync, pod: &Pod, failed: bool) -> bool {
    if meta::is_deleting(&sync.job.metadata) || sync.finished.is_some() || phase(pod) == "Succeeded" {
        return true;
    }
    // A failed Pod whose index is to be tried again stays until its successor has taken over the failure count.
    let awaited = completion_index(pod).and_then(|index| sync.delayed.get(&index));
    failed && awaited.is_none_or(|kept| kept.metadata.uid != pod.metadata.uid)
}

fn enter_indexes(sync: &mut Sync, status: &mut JobStatus, tracking: &mut Tracking, new: BTreeSet<i64>) {
    sync.succeeded_indexes = sync.succeeded_indexes.with(new);
    let text = Some(sync.succeeded_indexes.to_string()).filter(|text| !text.is_empty());
    tracking.needs_flush |= text != status.completed_indexes;
    status.completed_indexes = text;
    status.succeeded = count(to_i32(sync.succeeded_indexes.total()));
    let failed = sync.failed_indexes.as_ref().map(ToString::to_string);
    tracking.needs_flush |= failed != status.failed_indexes;
    status.failed_indexes = failed;
}

fn enter_interim_condition(sync: &mut Sync, tracking: &mut Tracking, now: Time) {
    let Some(finished) = sync.finished.take() else { return };
    let end = match finished.type_.as_str() {
        FAILURE_TARGET => FAILED,
        SUCCESS_CRITERIA_MET => COMPLETE,
        _ => {
            sync.finished = Some(finished);
            return;
        }
    };
    let held = end == COMPLETE && conditions::true_condition(&sync.job, SUCCESS_CRITERIA_MET).is_some();
    sync.finished = Some(conditions::turned_into(end, &finished, now));
    if !held {
        let status = sync.job.status.get_or_insert_default();
        status.conditions.get_or_insert_default().push(finished);
        tracking.needs_flush = true;
    }
}

/// Moves the waiting uids whose Pods have lost the finalizer into the counters. Says whether the status has changed.
pub fn count_without_finalizer(status: &mut JobStatus, with_finalizer: &BTreeSet<String>) -> bool {
    let uncounted = status.uncounted_terminated_pods.get_or_insert_default();
    let succeeded = take_counted(&mut uncounted.succeeded, with_finalizer);
    let failed = take_counted(&mut uncounted.failed, with_finalizer);
    if succeeded > 0 {
        status.succeeded = count(status.succeeded.unwrap_or(0).saturating_add(succeeded));
    }
    if failed > 0 {
        status.failed = count(status.failed.unwrap_or(0).saturating_add(failed));
    }
    succeeded + failed > 0
}

fn take_counted(uids: &mut Option<Vec<String>>, with_finalizer: &BTreeSet<String>) -> i32 {
    let Some(list) = uids else { return 0 };
    let before = list.len();
    list.retain(|uid| with_finalizer.contains(uid));
    let taken = before - list.len();
    if list.is_empty() {
        *uids = None;
    }
    i32::try_from(taken).unwrap_or(i32::MAX)
}

/// Adds `Complete` or `Failed` when every Pod is counted and none is on its way out. Says whether it did.
pub fn enact_finished(sync: &mut Sync, now: Time) -> bool {
    let Some(finished) = sync.finished.clone() else { return false };
    let status = sync.job.status.get_or_insert_default();
    let waits = status.uncounted_terminated_pods.as_ref().is_some_and(|uncounted| {
        uncounted.succeeded.iter().flatten().next().is_some() || uncounted.failed.iter().flatten().next().is_some()
    });
    if waits || sync.terminating > 0 {
        return false;
    }
    let done = conditions::turned_into(&finished.type_, &finished, now);
    conditions::ensure(status.conditions.get_or_insert_default(), done);
    if finished.type_ == COMPLETE {
        status.completion_time = finished.last_transition_time;
    }
    true
}

/// A counter as Go writes it: nothing when it is zero.
pub fn count(number: i32) -> Option<i32> {
    (number != 0).then_some(number)
}
