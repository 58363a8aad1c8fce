//! Completion indexes of Indexed Jobs: which are done, which are next, and how a Pod bears its own.
//!
//! Refuses to talk to the server: every function is pure.
//! Models Kubernetes 1.36 pkg/controller/job/indexed_job_utils.go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod, PodTemplateSpec};

use super::intervals::Intervals;
use super::pod_failure_policy::{Action, match_pod_failure_policy};
use super::pods::{
    COMPLETION_INDEX, INDEX_FAILURE_COUNT, INDEX_IGNORED_FAILURE_COUNT, absolute_failure_count, completion_index,
    finished_time, has_tracking_finalizer, ignored_failure_count, index_failure_count, is_pod_failed,
};
use super::spec::{completions, has_backoff_limit_per_index, only_replace_failed_pods, spec_of};
use super::sync::Sync;
use crate::controllers::pod_control::{active_order, is_pod_terminating, phase};

/// The variable that tells a container its index.
const COMPLETION_INDEX_ENV: &str = "JOB_COMPLETION_INDEX";
/// The longest `generateName` that leaves room for the five random letters.
const MAX_GENERATED_NAME: usize = 58;

/// The Pod's index, when it is one that the Job asks for.
pub fn valid_index(job: &Job, pod: &Pod) -> Option<i64> {
    completion_index(pod).filter(|index| *index < completions(job))
}

/// The indexes that the status has recorded, and those together with the ones that have succeeded since.
pub fn succeeded_indexes(job: &Job, pods: &[Arc<Pod>]) -> (Intervals, Intervals) {
    let recorded = job.status.as_ref().and_then(|status| status.completed_indexes.as_deref()).unwrap_or_default();
    let before = Intervals::parse(recorded, completions(job));
    let new: BTreeSet<i64> = pods
        .iter()
        .filter(|pod| phase(pod) == "Succeeded" && has_tracking_finalizer(pod))
        .filter_map(|pod| valid_index(job, pod))
        .collect();
    let now = before.with(new);
    (before, now)
}

/// The failed indexes: those of the status and those that have failed since.
pub fn failed_indexes(job: &Job, pods: &[Arc<Pod>]) -> Intervals {
    let recorded = job.status.as_ref().and_then(|status| status.failed_indexes.as_deref()).unwrap_or_default();
    let new: BTreeSet<i64> = pods
        .iter()
        .filter(|pod| has_tracking_finalizer(pod) && is_index_failed(job, pod))
        .filter_map(|pod| valid_index(job, pod))
        .collect();
    Intervals::parse(recorded, completions(job)).with(new)
}

fn is_index_failed(job: &Job, pod: &Pod) -> bool {
    if !is_pod_failed(pod, job) {
        return false;
    }
    let verdict = match_pod_failure_policy(spec_of(job).pod_failure_policy.as_ref(), pod);
    if verdict.action == Some(Action::FailIndex) {
        return true;
    }
    verdict.counts && index_failure_count(pod) >= spec_of(job).backoff_limit_per_index.unwrap_or(0)
}

/// Up to `count` indexes that neither run nor have succeeded nor failed.
pub fn first_pending_indexes(sync: &Sync, count: usize) -> Vec<i64> {
    if count == 0 {
        return Vec::new();
    }
    let completions = completions(&sync.job);
    let mut taken = sync.succeeded_indexes.with(indexes_of(&sync.active_pods));
    if only_replace_failed_pods(&sync.job) {
        let terminating: Vec<Arc<Pod>> = sync.pods.iter().filter(|pod| is_pod_terminating(pod)).cloned().collect();
        taken = taken.with(indexes_of(&terminating));
    }
    if let Some(failed) = &sync.failed_indexes {
        taken = taken.merge(failed);
    }
    let mut result = Vec::with_capacity(count.min(1024));
    let mut candidate = 0;
    for (first, last) in taken.iter() {
        while candidate < completions && result.len() < count && candidate < first {
            result.push(candidate);
            candidate += 1;
        }
        candidate = candidate.max(last + 1);
    }
    while candidate < completions && result.len() < count {
        result.push(candidate);
        candidate += 1;
    }
    result
}

fn indexes_of(pods: &[Arc<Pod>]) -> BTreeSet<i64> {
    pods.iter().filter_map(|pod| completion_index(pod)).collect()
}

/// Splits active Pods into those that must go, because their index is invalid or taken twice, and the rest.
pub fn split_duplicates(pods: &[Arc<Pod>], completions: i64) -> (Vec<Arc<Pod>>, Vec<Arc<Pod>>) {
    let mut by_index: BTreeMap<Option<i64>, Vec<Arc<Pod>>> = BTreeMap::new();
    for pod in pods {
        by_index.entry(completion_index(pod)).or_default().push(Arc::clone(pod));
    }
    let (mut remove, mut left, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    for (index, mut same) in by_index {
        match index {
            None => remove.append(&mut same),
            Some(index) if index >= completions => beyond.append(&mut same),
            Some(_) => {
                same.sort_by(|one, two| active_order(one, two));
                left.extend(same.pop());
                remove.append(&mut same);
            }
        }
    }
    remove.append(&mut beyond);
    (remove, left)
}

/// The failed Pod of each index that stays until its successor exists, which takes over its failure count.
pub fn pods_with_delayed_deletion(sync: &Sync) -> BTreeMap<i64, Arc<Pod>> {
    let active = indexes_of(&sync.active_pods);
    let mut kept: BTreeMap<i64, Arc<Pod>> = BTreeMap::new();
    for pod in sync.pods.iter().filter(|pod| has_tracking_finalizer(pod) && is_pod_failed(pod, &sync.job)) {
        let Some(index) = valid_index(&sync.job, pod) else { continue };
        let failed = sync.failed_indexes.as_ref().is_some_and(|failed| failed.has(index));
        if failed || sync.succeeded_indexes.has(index) || active.contains(&index) {
            continue;
        }
        let newer = kept.get(&index).is_none_or(|last| {
            absolute_failure_count(last) <= absolute_failure_count(pod) && finished_time(pod) >= finished_time(last)
        });
        if newer {
            kept.insert(index, Arc::clone(pod));
        }
    }
    kept
}

/// The failure counts (counted, ignored) for the successor of `replaced`.
pub fn new_failure_counts(job: &Job, replaced: Option<&Pod>) -> (i32, i32) {
    let Some(replaced) = replaced else { return (0, 0) };
    let (counted, ignored) = (index_failure_count(replaced), ignored_failure_count(replaced));
    if match_pod_failure_policy(spec_of(job).pod_failure_policy.as_ref(), replaced).counts {
        (counted.saturating_add(1), ignored)
    } else {
        (counted, ignored.saturating_add(1))
    }
}

/// Gives a template the index: annotation, label, host name, and the failure counts when they are kept per index.
pub fn stamp(template: &mut PodTemplateSpec, job: &Job, index: i64, replaced: Option<&Pod>) {
    let meta = template.metadata.get_or_insert_default();
    let annotations = meta.annotations.get_or_insert_default();
    annotations.insert(COMPLETION_INDEX.to_owned(), index.to_string());
    if has_backoff_limit_per_index(job) {
        let (counted, ignored) = new_failure_counts(job, replaced);
        annotations.insert(INDEX_FAILURE_COUNT.to_owned(), counted.to_string());
        if ignored > 0 {
            annotations.insert(INDEX_IGNORED_FAILURE_COUNT.to_owned(), ignored.to_string());
        }
    }
    meta.labels.get_or_insert_default().insert(COMPLETION_INDEX.to_owned(), index.to_string());
    let name = job.metadata.name.as_deref().unwrap_or_default();
    template.spec.get_or_insert_default().hostname = Some(format!("{name}-{index}"));
}

/// Tells every container of the template its index by an environment variable.
pub fn add_env(template: &mut PodTemplateSpec) {
    let Some(spec) = template.spec.as_mut() else { return };
    spec.init_containers.iter_mut().flatten().for_each(add_env_to);
    spec.containers.iter_mut().for_each(add_env_to);
}

fn add_env_to(container: &mut Container) {
    let env = container.env.get_or_insert_default();
    if env.iter().any(|variable| variable.name == COMPLETION_INDEX_ENV) {
        return;
    }
    let field_ref = ObjectFieldSelector {
        field_path: format!("metadata.labels['{COMPLETION_INDEX}']"),
        ..ObjectFieldSelector::default()
    };
    env.push(EnvVar {
        name: COMPLETION_INDEX_ENV.to_owned(),
        value_from: Some(EnvVarSource { field_ref: Some(field_ref), ..EnvVarSource::default() }),
        ..EnvVar::default()
    });
}

/// `job-3-`, cut so that the index stays whole.
pub fn generate_name(job_name: &str, index: i64) -> String {
    let tail = format!("-{index}-");
    let whole = format!("{job_name}{tail}");
    if whole.len() <= MAX_GENERATED_NAME {
        return whole;
    }
    let cut: String = job_name.chars().take(MAX_GENERATED_NAME.saturating_sub(tail.len())).collect();
    format!("{cut}{tail}")
}
