//! A Job's conditions: making them, finding them, changing them once.
//!
//! Models Kubernetes 1.36 pkg/controller/job/job_controller.go (newCondition, ensureJobConditionStatus) and
//! pkg/controller/job/util/utils.go.

use k8s_openapi::api::batch::v1::{Job, JobCondition};

use crate::apimachinery::meta;
use crate::sim::Time;

/// All Pods that are needed have succeeded, but some may still run.
pub const SUCCESS_CRITERIA_MET: &str = "SuccessCriteriaMet";
/// The Job has succeeded.
pub const COMPLETE: &str = "Complete";
/// The Job is going to fail, but some Pods may still run.
pub const FAILURE_TARGET: &str = "FailureTarget";
/// The Job has failed.
pub const FAILED: &str = "Failed";
/// The Job rests.
pub const SUSPENDED: &str = "Suspended";

/// A condition that changes now.
pub fn new(kind: &str, status: bool, reason: &str, message: &str, now: Time) -> JobCondition {
    JobCondition {
        type_: kind.to_owned(),
        status: if status { "True" } else { "False" }.to_owned(),
        last_probe_time: Some(meta::time(now)),
        last_transition_time: Some(meta::time(now)),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
    }
}

/// The same condition under another type, changed now.
pub fn turned_into(kind: &str, from: &JobCondition, now: Time) -> JobCondition {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    new(kind, true, &text(&from.reason), &text(&from.message), now)
}

/// The condition of this type, when it is `True`.
pub fn true_condition<'a>(job: &'a Job, kind: &str) -> Option<&'a JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True")
}

/// Whether the Job has ended, either way.
pub fn is_finished(job: &Job) -> bool {
    true_condition(job, COMPLETE).is_some() || true_condition(job, FAILED).is_some()
}

/// Adds a condition or replaces the one of its type, and says whether the list has changed. A condition that is
/// `False` is not added: going from nothing to `False` means nothing.
pub fn ensure(list: &mut Vec<JobCondition>, condition: JobCondition) -> bool {
    match list.iter_mut().find(|held| held.type_ == condition.type_) {
        Some(held) => {
            let same =
                held.status == condition.status && held.reason == condition.reason && held.message == condition.message;
            if !same {
                *held = condition;
            }
            !same
        }
        None if condition.status == "False" => false,
        None => {
            list.push(condition);
            true
        }
    }
}
