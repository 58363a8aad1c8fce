//! Completion indexes of Indexed Jobs: sets of them as ordered intervals, and what a Pod's annotations say.
//!
//! Refuses to talk to the server: every function is pure.
//! Models Kubernetes 1.36 pkg/controller/job/indexed_job_utils.go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod, PodTemplateSpec};

use super::backoff::finished_time;
use super::plan::{Sync, is_pod_failed, only_replace_failed_pods, spec_of};
use super::pod_failure_policy::{Action, match_pod_failure_policy};
use super::tracking::has_tracking_finalizer;
use crate::controllers::pod_control::{active_order, is_pod_terminating, phase};

/// The annotation and label with a Pod's index.
pub const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// How many Pods of the index have failed before this one.
pub const INDEX_FAILURE_COUNT: &str = "batch.kubernetes.io/job-index-failure-count";
/// How many failures of the index a pod failure policy has ignored.
pub const INDEX_IGNORED_FAILURE_COUNT: &str = "batch.kubernetes.io/job-index-ignored-failure-count";
/// The variable that tells a container its index.
const COMPLETION_INDEX_ENV: &str = "JOB_COMPLETION_INDEX";
/// The longest `generateName` that leaves room for the five random letters.
const MAX_GENERATED_NAME: usize = 58;

/// Whether the Job gives each Pod an index.
pub fn is_indexed(job: &Job) -> bool {
    spec_of(job).completion_mode.as_deref() == Some("Indexed")
}

/// Whether failures are counted for each index on its own.
pub fn has_backoff_limit_per_index(job: &Job) -> bool {
    spec_of(job).backoff_limit_per_index.is_some()
}

/// `spec.completions`, 0 when unset.
pub fn completions(job: &Job) -> i64 {
    i64::from(spec_of(job).completions.unwrap_or(0))
}

/// Indexes in increasing order, written as `1,3-5,7`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals(Vec<(i64, i64)>);

impl Intervals {
    /// Reads `1,3-5,7`; indexes from `completions` on are dropped, so are parts that are no numbers.
    pub fn parse(text: &str, completions: i64) -> Self {
        let mut result: Vec<(i64, i64)> = Vec::new();
        if text.is_empty() {
            return Self(result);
        }
        for part in text.split(',') {
            let mut limits = part.split('-');
            let Some(first) = limits.next().and_then(|limit| limit.parse::<i64>().ok()) else { continue };
            if first >= completions {
                break;
            }
            let last = match limits.next() {
                None => first,
                Some(limit) => match limit.parse::<i64>() {
                    Ok(last) => last.min(completions - 1),
                    Err(_) => continue,
                },
            };
            match result.last_mut() {
                Some(before) if before.1 == first - 1 => before.1 = last,
                _ => result.push((first, last)),
            }
        }
        Self(result)
    }

    /// These indexes, given in increasing order, and the old ones.
    pub fn with(&self, indexes: impl IntoIterator<Item = i64>) -> Self {
        self.merge(&Self(indexes.into_iter().map(|index| (index, index)).collect()))
    }

    /// The union of two sets.
    pub fn merge(&self, other: &Self) -> Self {
        let mut result: Vec<(i64, i64)> = Vec::new();
        let mut add = |interval: (i64, i64)| match result.last_mut() {
            Some(last) if interval.0 <= last.1.saturating_add(1) => last.1 = last.1.max(interval.1),
            _ => result.push(interval),
        };
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            match (left.peek(), right.peek()) {
                (Some(one), Some(two)) if one.0 < two.0 => left.next().into_iter().for_each(|next| add(*next)),
                (_, Some(_)) => right.next().into_iter().for_each(|next| add(*next)),
                (Some(_), None) => left.next().into_iter().for_each(|next| add(*next)),
                (None, None) => break,
            }
        }
        Self(result)
    }

    /// How many indexes.
    pub fn total(&self) -> i64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this index is among them.
    pub fn has(&self, index: i64) -> bool {
        let at = self.0.partition_point(|interval| interval.1 < index);
        self.0.get(at).is_some_and(|interval| interval.0 <= index)
    }

    /// The intervals, first and last included.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }

    /// How many indexes both sets hold.
    pub fn overlap(&self, other: &Self) -> i64 {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut count = 0;
        while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
            count += (one.1.min(two.1) - one.0.max(two.0) + 1).max(0);
            let (ends, other_ends) = (one.1, two.1);
            if ends <= other_ends {
                left.next();
            }
            if other_ends <= ends {
                right.next();
            }
        }
        count
    }
}

impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (first, last)) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            write!(f, "{first}")?;
            if last > first {
                write!(f, "{}{last}", if *last == first + 1 { "," } else { "-" })?;
            }
        }
        Ok(())
    }
}

/// The Pod's index, when its annotation holds one.
pub fn completion_index(pod: &Pod) -> Option<i64> {
    annotation(pod, COMPLETION_INDEX)?.parse().ok().filter(|index| *index >= 0)
}

fn annotation<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

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

/// The failures of a Pod's index before it, ignored ones not counted.
pub fn index_failure_count(pod: &Pod) -> i32 {
    count_annotation(pod, INDEX_FAILURE_COUNT)
}

/// The failures of a Pod's index before it, ignored ones too.
pub fn absolute_failure_count(pod: &Pod) -> i32 {
    index_failure_count(pod).saturating_add(count_annotation(pod, INDEX_IGNORED_FAILURE_COUNT))
}

/// A count that somebody has spoilt is 0.
fn count_annotation(pod: &Pod, key: &str) -> i32 {
    annotation(pod, key).and_then(|value| value.parse::<i32>().ok()).unwrap_or(0).max(0)
}

/// The failure counts (counted, ignored) for the successor of `replaced`.
pub fn new_failure_counts(job: &Job, replaced: Option<&Pod>) -> (i32, i32) {
    let Some(replaced) = replaced else { return (0, 0) };
    let (counted, ignored) = (index_failure_count(replaced), count_annotation(replaced, INDEX_IGNORED_FAILURE_COUNT));
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
