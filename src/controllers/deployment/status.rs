//! A Deployment's status: counts, and the conditions `Available`, `Progressing` and `ReplicaFailure`.
//!
//! Pure: refuses to write anything.
//! Models Kubernetes 1.36 pkg/controller/deployment/{sync,progress}.go and util/deployment_util.go.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet};

use super::replica_sets::{actual, available, max_unavailable, spec_of, total_available, total_size, wanted};
use crate::apimachinery::meta;
use crate::sim::Time;

const PROGRESSING: &str = "Progressing";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const NEW_AVAILABLE: &str = "NewReplicaSetAvailable";

fn new_condition(kind: &str, status: &str, reason: &str, message: &str, now: Time) -> DeploymentCondition {
    DeploymentCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        last_update_time: Some(meta::time(now)),
        last_transition_time: Some(meta::time(now)),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
    }
}

fn find<'a>(status: &'a DeploymentStatus, kind: &str) -> Option<&'a DeploymentCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == kind)
}

fn reason_of(condition: &DeploymentCondition) -> &str {
    condition.reason.as_deref().unwrap_or_default()
}

fn remove(status: &mut DeploymentStatus, kind: &str) {
    if let Some(conditions) = status.conditions.as_mut() {
        conditions.retain(|condition| condition.type_ != kind);
        if conditions.is_empty() {
            status.conditions = None;
        }
    }
}

/// Sets a condition; one with the same status and reason stays as it is, and a changed one goes to the end.
fn set(status: &mut DeploymentStatus, mut condition: DeploymentCondition) {
    if let Some(held) = find(status, &condition.type_).filter(|held| held.status == condition.status) {
        if held.reason == condition.reason {
            return;
        }
        condition.last_transition_time.clone_from(&held.last_transition_time);
    }
    remove(status, &condition.type_);
    status.conditions.get_or_insert_default().push(condition);
}

fn deadline(deployment: &Deployment) -> Option<Duration> {
    let seconds = spec_of(deployment).progress_deadline_seconds.filter(|seconds| *seconds != i32::MAX)?;
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Sets `Progressing`, when progress is watched at all. Says whether it is.
pub fn note_progress(deployment: &mut Deployment, good: bool, reason: &str, message: &str, now: Time) -> bool {
    if deadline(deployment).is_none() {
        return false;
    }
    let status = if good { "True" } else { "False" };
    set(deployment.status.get_or_insert_default(), new_condition(PROGRESSING, status, reason, message, now));
    true
}

/// Sets `Progressing` when there is no such condition yet. Says whether it did.
pub fn note_progress_once(deployment: &mut Deployment, reason: &str, message: &str, now: Time) -> bool {
    let held = deployment.status.as_ref().and_then(|status| find(status, PROGRESSING)).is_some();
    !held && note_progress(deployment, true, reason, message, now)
}

/// Notes that the Deployment is paused or goes on. Says whether the status has changed.
pub fn set_paused_condition(deployment: &mut Deployment, now: Time) -> bool {
    if deadline(deployment).is_none() {
        return false;
    }
    let held = deployment.status.as_ref().and_then(|status| find(status, PROGRESSING)).map(reason_of);
    if held == Some(TIMED_OUT) {
        return false;
    }
    let (paused, noted) = (spec_of(deployment).paused == Some(true), held == Some("DeploymentPaused"));
    let (reason, message) = match (paused, noted) {
        (true, false) => ("DeploymentPaused", "Deployment is paused"),
        (false, true) => ("DeploymentResumed", "Deployment is resumed"),
        _ => return false,
    };
    set(deployment.status.get_or_insert_default(), new_condition(PROGRESSING, "Unknown", reason, message, now));
    true
}

/// The counts and whether enough Pods are available.
pub fn calculate(
    deployment: &Deployment,
    all: &[Arc<ReplicaSet>],
    new: Option<&Arc<ReplicaSet>>,
    now: Time,
) -> DeploymentStatus {
    let old = deployment.status.clone().unwrap_or_default();
    let some = |number: i32| Some(number).filter(|number| *number != 0);
    let ready = |set: &Arc<ReplicaSet>| set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    let is_available = total_available(all);
    let mut status = DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: some(all.iter().map(|set| actual(set)).sum()),
        updated_replicas: some(new.map_or(0, |set| actual(set))),
        ready_replicas: some(all.iter().map(ready).sum()),
        available_replicas: some(all.iter().map(|set| available(set)).sum()),
        unavailable_replicas: some((total_size(all) - is_available).max(0)),
        terminating_replicas: terminating(all),
        collision_count: old.collision_count,
        conditions: old.conditions,
    };
    let condition = if is_available >= wanted(deployment) - max_unavailable(deployment) {
        let message = "Deployment has minimum availability.";
        new_condition("Available", "True", "MinimumReplicasAvailable", message, now)
    } else {
        let message = "Deployment does not have minimum availability.";
        new_condition("Available", "False", "MinimumReplicasUnavailable", message, now)
    };
    set(&mut status, condition);
    status
}

/// How many Pods are on their way out; `None` when a ReplicaSet that was synced does not say.
fn terminating(all: &[Arc<ReplicaSet>]) -> Option<i32> {
    let mut sum = 0;
    for status in all.iter().filter_map(|set| set.status.as_ref()) {
        match status.terminating_replicas {
            Some(count) => sum += count,
            None if status.observed_generation.unwrap_or(0) == 0 => {}
            None => return None,
        }
    }
    Some(sum)
}

/// The same, with the progress of a rollout and the failures of ReplicaSets.
pub fn of_rollout(
    deployment: &Deployment,
    all: &[Arc<ReplicaSet>],
    new: Option<&Arc<ReplicaSet>>,
    now: Time,
) -> DeploymentStatus {
    let mut status = calculate(deployment, all, new, now);
    match deadline(deployment) {
        None => remove(&mut status, PROGRESSING),
        Some(deadline) => set_progress(deployment, &mut status, new, deadline, now),
    }
    let failure = |set: &Arc<ReplicaSet>| {
        let conditions = set.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().find(|condition| condition.type_ == "ReplicaFailure").cloned()
    };
    match new.and_then(failure).or_else(|| all.iter().find_map(failure)) {
        Some(failure) => set(
            &mut status,
            DeploymentCondition {
                type_: failure.type_,
                status: failure.status,
                last_update_time: failure.last_transition_time.clone(),
                last_transition_time: failure.last_transition_time,
                reason: failure.reason,
                message: failure.message,
            },
        ),
        None => remove(&mut status, "ReplicaFailure"),
    }
    status
}

fn set_progress(
    deployment: &Deployment,
    status: &mut DeploymentStatus,
    new: Option<&Arc<ReplicaSet>>,
    deadline: Duration,
    now: Time,
) {
    let old = deployment.status.clone().unwrap_or_default();
    let current = find(&old, PROGRESSING);
    let settled = status.replicas == status.updated_replicas
        && current.is_some_and(|condition| reason_of(condition) == NEW_AVAILABLE);
    if settled {
        return;
    }
    let subject = match new {
        Some(set) => format!("ReplicaSet \"{}\"", meta::name(&set.metadata)),
        None => format!("Deployment \"{}\"", meta::name(&deployment.metadata)),
    };
    if is_complete(deployment, Some(status)) {
        let message = format!("{subject} has successfully progressed.");
        set(status, new_condition(PROGRESSING, "True", NEW_AVAILABLE, &message, now));
    } else if is_progressing(&old, status) {
        let message = format!("{subject} is progressing.");
        let mut condition = new_condition(PROGRESSING, "True", "ReplicaSetUpdated", &message, now);
        if let Some(current) = current {
            if current.status == "True" {
                condition.last_transition_time.clone_from(&current.last_transition_time);
            }
            remove(status, PROGRESSING);
        }
        set(status, condition);
    } else if has_timed_out(status, deadline, now) {
        let message = format!("{subject} has timed out progressing.");
        set(status, new_condition(PROGRESSING, "False", TIMED_OUT, &message, now));
    }
}

/// Whether every wanted Pod is new and available.
pub fn is_complete(deployment: &Deployment, status: Option<&DeploymentStatus>) -> bool {
    let wanted = wanted(deployment);
    status.is_some_and(|status| {
        status.updated_replicas.unwrap_or(0) == wanted
            && status.replicas.unwrap_or(0) == wanted
            && status.available_replicas.unwrap_or(0) == wanted
            && status.observed_generation.unwrap_or(0) >= deployment.metadata.generation.unwrap_or(0)
    })
}

fn is_progressing(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let number = |number: Option<i32>| number.unwrap_or(0);
    let left = |status: &DeploymentStatus| number(status.replicas) - number(status.updated_replicas);
    number(new.updated_replicas) > number(old.updated_replicas)
        || left(new) < left(old)
        || number(new.ready_replicas) > number(old.ready_replicas)
        || number(new.available_replicas) > number(old.available_replicas)
}

fn has_timed_out(status: &DeploymentStatus, deadline: Duration, now: Time) -> bool {
    let Some(condition) = find(status, PROGRESSING) else { return false };
    match reason_of(condition) {
        NEW_AVAILABLE => false,
        TIMED_OUT => true,
        _ => condition.last_update_time.as_ref().is_some_and(|time| Time::from(time.0) + deadline < now),
    }
}

/// When to see whether a rollout that does not move has timed out.
pub fn next_progress_check(deployment: &Deployment, status: &DeploymentStatus, now: Time) -> Option<Time> {
    let deadline = deadline(deployment)?;
    let current = find(status, PROGRESSING)?;
    if is_complete(deployment, Some(status)) || matches!(reason_of(current), TIMED_OUT | NEW_AVAILABLE) {
        return None;
    }
    let due = Time::from(current.last_update_time.as_ref()?.0) + deadline;
    Some(due.max(now) + Duration::from_secs(1))
}

#[cfg(test)]
mod tests;
