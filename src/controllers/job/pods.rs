//! What one Pod tells the Job controller: its finalizer, its index, how often the index has failed, when it ended.
//!
//! Models Kubernetes 1.36 pkg/controller/job/{job_controller.go,tracking_utils.go,indexed_job_utils.go,backoff_utils.go}.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::spec::only_replace_failed_pods;
use crate::apimachinery::meta;
use crate::controllers::pod_control::phase;
use crate::sim::Time;

/// The finalizer that keeps an ended Pod until it is counted.
pub const TRACKING_FINALIZER: &str = "batch.kubernetes.io/job-tracking";
/// The annotation and label with a Pod's index.
pub const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// How many Pods of the index have failed before this one.
pub const INDEX_FAILURE_COUNT: &str = "batch.kubernetes.io/job-index-failure-count";
/// How many failures of the index a pod failure policy has ignored.
pub const INDEX_IGNORED_FAILURE_COUNT: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// Whether the Pod still has to be counted.
pub fn has_tracking_finalizer(pod: &Pod) -> bool {
    meta::has_finalizer(&pod.metadata, TRACKING_FINALIZER)
}

/// Whether the Pod counts as failed; one being deleted does, unless only ended Pods are replaced.
pub fn is_pod_failed(pod: &Pod, job: &Job) -> bool {
    match phase(pod) {
        "Failed" => true,
        "Succeeded" => false,
        _ => !only_replace_failed_pods(job) && meta::is_deleting(&pod.metadata),
    }
}

/// The Pod's index, when its annotation holds one.
pub fn completion_index(pod: &Pod) -> Option<i64> {
    annotation(pod, COMPLETION_INDEX)?.parse().ok().filter(|index| *index >= 0)
}

fn annotation<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// The failures of a Pod's index before it, ignored ones not counted.
pub fn index_failure_count(pod: &Pod) -> i32 {
    count_annotation(pod, INDEX_FAILURE_COUNT)
}

/// The failures of a Pod's index before it, ignored ones too.
pub fn absolute_failure_count(pod: &Pod) -> i32 {
    index_failure_count(pod).saturating_add(ignored_failure_count(pod))
}

/// The failures of a Pod's index before it that a pod failure policy has ignored.
pub fn ignored_failure_count(pod: &Pod) -> i32 {
    count_annotation(pod, INDEX_IGNORED_FAILURE_COUNT)
}

/// A count that somebody has spoilt is 0.
fn count_annotation(pod: &Pod, key: &str) -> i32 {
    annotation(pod, key).and_then(|value| value.parse::<i32>().ok()).unwrap_or(0).max(0)
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
