//! Decides what a Job needs: from the Job, its Pods and its back-off to the Pods to make or remove and the status.
//!
//! Refuses to talk to the server: `job/mod.rs` gathers, calls this, and acts.
//! Models Kubernetes 1.36 pkg/controller/job/job_controller.go (syncJob, manageJob).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::Pod;

use super::backoff::{self, BackoffRecord};
use super::conditions::{self, FAILED, FAILURE_TARGET, SUCCESS_CRITERIA_MET, SUSPENDED};
use super::index;
use super::intervals::Intervals;
use super::pod_failure_policy::match_pod_failure_policy;
use super::pods::{has_tracking_finalizer, is_pod_failed};
use super::spec::{
    completions, has_backoff_limit_per_index, is_indexed, is_suspended, only_replace_failed_pods, spec_of,
};
use super::success_policy::match_success_policy;
use super::sync::{Sync, to_i32};
use super::tracking::count;
use crate::apimachinery::meta;
use crate::controllers::pod_control::{active_order, is_pod_active, is_pod_ready, is_pod_terminating, phase};
use crate::sim::Time;

/// How many Pods one sync creates or deletes at most.
pub const MAX_POD_CREATE_DELETE_PER_SYNC: usize = 500;

/// What to do with the Pods.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing.
    Keep,
    /// The Job ends: delete what is active, finalizers stay until the Pods are counted.
    End(Vec<Arc<Pod>>),
    /// Take these Pods' finalizers and delete them.
    Delete(Vec<Arc<Pod>>),
    /// Create so many Pods without an index.
    Create(usize),
    /// Create a Pod for each of these indexes.
    CreateIndexes(Vec<i64>),
    /// Create nothing before this time has passed.
    Wait(Duration),
}

/// What came of a [`Step`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Pods deleted.
    pub deleted: i32,
    /// How many of them were ready.
    pub deleted_ready: i32,
    /// Pods created.
    pub created: i32,
}

/// An Event to record, once the status says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// The Event's reason.
    pub reason: &'static str,
    /// The Event's message.
    pub message: &'static str,
}

impl Sync {
    /// Counts the Pods and decides whether the Job has come to its end. `backoff` is what was remembered so far.
    pub fn gather(mut job: Job, pods: Vec<Arc<Pod>>, backoff: BackoffRecord, now: Time) -> Self {
        let suspended = is_suspended(&job);
        let status = job.status.get_or_insert_default();
        let uncounted = status.uncounted_terminated_pods.get_or_insert_default();
        let uncounted_succeeded: BTreeSet<String> = uncounted.succeeded.iter().flatten().cloned().collect();
        let uncounted_failed: BTreeSet<String> = uncounted.failed.iter().flatten().cloned().collect();
        if status.start_time.is_none() && !suspended {
            status.start_time = Some(meta::time(now));
        }
        let (counted_succeeded, counted_failed) = (status.succeeded.unwrap_or(0), status.failed.unwrap_or(0));
        let active_pods: Vec<Arc<Pod>> = pods.iter().filter(|pod| is_pod_active(pod)).cloned().collect();
        let uncounted_pod = |pod: &&Arc<Pod>, known: &BTreeSet<String>| {
            has_tracking_finalizer(pod)
                && !known.contains(meta::uid(&pod.metadata))
                && (!is_indexed(&job) || index::valid_index(&job, pod).is_some())
        };
        let new_succeeded: Vec<Arc<Pod>> = pods
            .iter()
            .filter(|pod| phase(pod) == "Succeeded" && uncounted_pod(pod, &uncounted_succeeded))
            .cloned()
            .collect();
        let new_failed: Vec<Arc<Pod>> = pods
            .iter()
            .filter(|pod| is_pod_failed(pod, &job) && uncounted_pod(pod, &uncounted_failed))
            .cloned()
            .collect();
        let policy = spec_of(&job).pod_failure_policy.as_ref();
        let counting = new_failed.iter().filter(|pod| match_pod_failure_policy(policy, pod).counts).count();
        let mut sync = Self {
            active: to_i32(active_pods.len()),
            ready: to_i32(active_pods.iter().filter(|pod| is_pod_ready(pod)).count()),
            terminating: to_i32(pods.iter().filter(|pod| is_pod_terminating(pod)).count()),
            succeeded: counted_succeeded + to_i32(new_succeeded.len() + uncounted_succeeded.len()),
            failed: counted_failed + to_i32(counting + uncounted_failed.len()),
            backoff: backoff.after(&new_succeeded, &new_failed),
            job,
            pods,
            active_pods,
            uncounted_succeeded,
            uncounted_failed,
            ..Self::default()
        };
        sync.evaluate_end(now);
        sync
    }

    /// Orders the reasons for which a Job may end: what an earlier sync has decided, then failure, then success.
    fn evaluate_end(&mut self, now: Time) {
        self.finished = self.earlier_decision(now).or_else(|| self.limits_reached(now));
        if !is_indexed(&self.job) {
            return;
        }
        (self.previous_indexes, self.succeeded_indexes) = index::succeeded_indexes(&self.job, &self.pods);
        self.succeeded = to_i32(self.succeeded_indexes.total());
        if has_backoff_limit_per_index(&self.job) {
            let failed = index::failed_indexes(&self.job, &self.pods);
            if self.finished.is_none() {
                self.finished = self.index_limits_reached(&failed, now);
            }
            self.failed_indexes = Some(failed);
            self.delayed = index::pods_with_delayed_deletion(self);
        }
        if self.finished.is_none() {
            let policy = spec_of(&self.job).success_policy.as_ref();
            let met = match_success_policy(policy, completions(&self.job), &self.succeeded_indexes);
            self.finished =
                met.map(|message| conditions::new(SUCCESS_CRITERIA_MET, true, "SuccessPolicy", &message, now));
        }
    }

    fn earlier_decision(&self, now: Time) -> Option<JobCondition> {
        if let Some(met) = conditions::true_condition(&self.job, SUCCESS_CRITERIA_MET) {
            return Some(met.clone());
        }
        if let Some(target) = conditions::true_condition(&self.job, FAILURE_TARGET) {
            return Some(conditions::turned_into(FAILED, target, now));
        }
        let policy = spec_of(&self.job).pod_failure_policy.as_ref()?;
        let mut failed = self.pods.iter().filter(|pod| is_pod_failed(pod, &self.job));
        let message = failed.find_map(|pod| match_pod_failure_policy(Some(policy), pod).fail_job)?;
        Some(conditions::new(FAILURE_TARGET, true, "PodFailurePolicy", &message, now))
    }

    fn limits_reached(&self, now: Time) -> Option<JobCondition> {
        let limit = spec_of(&self.job).backoff_limit.unwrap_or(6);
        let fail = |reason, message| Some(conditions::new(FAILURE_TARGET, true, reason, message, now));
        if self.failed > limit || self.restarts_reach(limit) {
            return fail("BackoffLimitExceeded", "Job has reached the specified backoff limit");
        }
        if self.until_deadline(now) == Some(Duration::ZERO) {
            return fail("DeadlineExceeded", "Job was active longer than specified deadline");
        }
        None
    }

    fn index_limits_reached(&self, failed: &Intervals, now: Time) -> Option<JobCondition> {
        let fail = |reason, message| Some(conditions::new(FAILURE_TARGET, true, reason, message, now));
        if spec_of(&self.job).max_failed_indexes.is_some_and(|max| failed.total() > i64::from(max)) {
            let message = "Job has exceeded the specified maximal number of failed indexes";
            return fail("MaxFailedIndexesExceeded", message);
        }
        if failed.total() > 0 && failed.total() + self.succeeded_indexes.total() >= completions(&self.job) {
            return fail("FailedIndexes", "Job has failed indexes");
        }
        None
    }

    /// Whether the containers of running Pods have restarted too often; only Pods that restart in place count.
    fn restarts_reach(&self, limit: i32) -> bool {
        let template = spec_of(&self.job).template.spec.as_ref();
        if template.and_then(|spec| spec.restart_policy.as_deref()) != Some("OnFailure") {
            return false;
        }
        let running = self.pods.iter().filter(|pod| matches!(phase(pod), "Running" | "Pending"));
        let statuses = running.filter_map(|pod| pod.status.as_ref()).flat_map(|status| {
            status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten())
        });
        let restarts: i32 = statuses.map(|status| status.restart_count).fold(0, i32::saturating_add);
        if limit == 0 { restarts > 0 } else { restarts >= limit }
    }

    /// The time that is left before `activeDeadlineSeconds`; `None` when there is no such limit at present.
    pub fn until_deadline(&self, now: Time) -> Option<Duration> {
        let seconds = spec_of(&self.job).active_deadline_seconds.filter(|_| !is_suspended(&self.job))?;
        let start = Time::from(self.job.status.as_ref()?.start_time.as_ref()?.0);
        let allowed = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        Some(allowed.saturating_sub(now.since(start)))
    }

    /// What the Pods need now.
    pub fn step(&self, now: Time) -> Step {
        if self.finished.is_some() {
            return Step::End(self.active_pods.clone());
        }
        if meta::is_deleting(&self.job.metadata) {
            return Step::Keep;
        }
        if is_suspended(&self.job) {
            return Step::Delete(self.pods_for_removal(self.active_pods.len()));
        }
        let (active, wanted) = (self.active, self.wanted_active());
        let mut remove = self.pods_for_removal(usize::try_from(active - wanted).unwrap_or(0));
        remove.truncate(MAX_POD_CREATE_DELETE_PER_SYNC);
        if !remove.is_empty() {
            return Step::Delete(remove);
        }
        let terminating = if only_replace_failed_pods(&self.job) { self.terminating } else { 0 };
        let missing = usize::try_from(wanted - terminating - active).unwrap_or(0);
        if missing == 0 { Step::Keep } else { self.creation(missing.min(MAX_POD_CREATE_DELETE_PER_SYNC), now) }
    }

    fn wanted_active(&self) -> i32 {
        let spec = spec_of(&self.job);
        let parallelism = spec.parallelism.unwrap_or(1);
        match spec.completions {
            // Once one Pod has succeeded, the others are left to end by themselves.
            None if self.succeeded > 0 => self.active,
            None => parallelism,
            Some(completions) => (completions - self.succeeded).min(parallelism).max(0),
        }
    }

    fn creation(&self, missing: usize, now: Time) -> Step {
        let per_index = has_backoff_limit_per_index(&self.job);
        let wait = if per_index { Duration::ZERO } else { self.backoff.remaining(now) };
        if !wait.is_zero() {
            return Step::Wait(wait);
        }
        if !is_indexed(&self.job) {
            return Step::Create(missing);
        }
        let pending = index::first_pending_indexes(self, missing);
        if pending.is_empty() {
            return Step::Keep;
        }
        if !per_index {
            return Step::CreateIndexes(pending);
        }
        let wait_of = |index: &i64| backoff::remaining_for_index(self.delayed.get(index).map(AsRef::as_ref), now);
        let shortest = pending.iter().map(wait_of).min().unwrap_or_default();
        if !shortest.is_zero() {
            return Step::Wait(shortest);
        }
        Step::CreateIndexes(pending.into_iter().filter(|index| wait_of(index).is_zero()).collect())
    }

    /// At least `at_least` active Pods to remove: first those with a wrong or repeated index, then the youngest in life.
    fn pods_for_removal(&self, at_least: usize) -> Vec<Arc<Pod>> {
        let (mut remove, mut left) = if is_indexed(&self.job) {
            index::split_duplicates(&self.active_pods, completions(&self.job))
        } else {
            (Vec::new(), if at_least > 0 { self.active_pods.clone() } else { Vec::new() })
        };
        if remove.len() < at_least {
            left.sort_by(|one, two| active_order(one, two));
            remove.extend(left.into_iter().take(at_least - remove.len()));
        }
        remove
    }

    /// Works the outcome of the step into the counters and decides whether the Job is complete, suspended or resumed.
    /// `in_full` says that everything that was to be deleted is deleted.
    pub fn settle(&mut self, step: &Step, outcome: Outcome, now: Time) -> (bool, Option<Note>) {
        let before = self.active;
        self.active = self.active - outcome.deleted + outcome.created;
        self.terminating += outcome.deleted;
        self.ready -= outcome.deleted_ready;
        let mut note = None;
        if let Step::End(_) = step {
            if outcome.deleted != before {
                // Some Pods may not be counted yet: the Job cannot be called finished.
                self.finished = None;
            }
        } else {
            if matches!(step, Step::Wait(_)) {
                // As upstream: while Pods have to wait, none is reported as active.
                self.active = 0;
            }
            if self.is_complete() {
                let message = "Reached expected number of succeeded pods";
                self.finished = Some(conditions::new(SUCCESS_CRITERIA_MET, true, "CompletionsReached", message, now));
            } else if !meta::is_deleting(&self.job.metadata) {
                note = self.suspend_or_resume(now);
            }
        }
        let (active, ready, terminating) = (count(self.active), Some(self.ready), Some(self.terminating));
        let status = self.job.status.get_or_insert_default();
        let changed = note.is_some()
            || status.active.unwrap_or(0) != self.active
            || status.ready != ready
            || status.terminating != terminating;
        (status.active, status.ready, status.terminating) = (active, ready, terminating);
        (changed, note)
    }

    fn is_complete(&self) -> bool {
        let enough = match spec_of(&self.job).completions {
            None => self.succeeded > 0,
            Some(completions) => self.succeeded >= completions,
        };
        enough && self.active == 0
    }

    fn suspend_or_resume(&mut self, now: Time) -> Option<Note> {
        let suspended = is_suspended(&self.job);
        let (reason, note) = if suspended {
            ("JobSuspended", Note { reason: "Suspended", message: "Job suspended" })
        } else {
            ("JobResumed", Note { reason: "Resumed", message: "Job resumed" })
        };
        let status = self.job.status.get_or_insert_default();
        let mut list = status.conditions.take().unwrap_or_default();
        let changed = conditions::ensure(&mut list, conditions::new(SUSPENDED, suspended, reason, note.message, now));
        status.conditions = Some(list).filter(|list| !list.is_empty());
        if changed {
            // The deadline counts from the moment of resuming.
            status.start_time = (!suspended).then(|| meta::time(now));
        }
        changed.then_some(note)
    }
}
