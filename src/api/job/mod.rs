//! Jobs.
//!
//! Models Kubernetes 1.36 pkg/registry/batch/job/strategy.go, pkg/apis/batch/v1/defaults.go and `printJob`.

mod status_validation;
mod validation;

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use serde_json::json;

use super::omitted::fill_text;
use super::pod_spec::defaults;
use super::pod_spec::warnings;
use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

/// The labels that tie Pods to their Job; the second of each pair is the name of old.
const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";
const LEGACY_CONTROLLER_UID: &str = "controller-uid";
const JOB_NAME: &str = "batch.kubernetes.io/job-name";
const LEGACY_JOB_NAME: &str = "job-name";

/// Above so many completions and so many Pods at once, the list of completed indexes may grow too long.
const MANY_COMPLETIONS: i32 = 100_000;
const MANY_AT_ONCE: i32 = 10_000;

impl Strategy for Job {
    const INFO: KindInfo = KindInfo::new("batch", "v1", "Job", "jobs.batch", "job").in_all().status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Status", "Whether the Job runs, is suspended, has completed or has failed."),
        Column::new("Completions", "How many Pods have succeeded, of how many."),
        Column::new("Duration", "How long the Job ran, or has been running."),
        Column::AGE,
        cells::CONTAINERS,
        cells::IMAGES,
        cells::SELECTOR,
    ];

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        set_job_spec_defaults(spec);
        // A new one takes them later, with those that the server gives its Pods: upstream's Job and template share them.
        if self.metadata.uid.is_some() {
            take_labels(self);
        }
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        let template = self.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
        let shared = template.and_then(|meta| meta.labels.as_ref()).is_some_and(|labels| !labels.is_empty());
        generate_selector(self);
        // Upstream gives the others when the object is read back from storage, after it has been judged: of labels that
        // are refused it is said once, where they are.
        let generated = self.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref()?.labels.as_ref());
        if shared || generated.into_iter().flatten().all(|(_, value)| content::label_value(value).is_empty()) {
            take_labels(self);
        }
        self.status = Some(Default::default());
        self.metadata.generation = Some(1);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        let generation = old.metadata.generation.unwrap_or(0);
        self.metadata.generation = Some(if self.spec == old.spec { generation } else { generation + 1 });
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.generation = old.metadata.generation;
    }

    fn validate(&self) -> Vec<field::Error> {
        validation::validate(self)
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        // `jobStrategy.ValidateUpdate`: the whole Job, then the change; what both say is said once.
        let mut errors = validation::validate(self);
        let whole = errors.len();
        for error in validation::validate_update(self, old) {
            if !errors.iter().take(whole).any(|said| *said == error) {
                errors.push(error);
            }
        }
        errors
    }

    fn validate_status_update(&self, old: &Self) -> Vec<field::Error> {
        status_validation::validate(self, old)
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let mut all = Vec::new();
        if old.is_none() {
            all.extend(warnings::of_name(meta::name(&self.metadata), "Pod names and hostnames"));
        }
        if let Some(spec) = &self.spec {
            let (completions, parallelism) = (spec.completions.unwrap_or(0), spec.parallelism.unwrap_or(0));
            let indexed = spec.completion_mode.as_deref() == Some("Indexed");
            if indexed && completions > MANY_COMPLETIONS && parallelism > MANY_AT_ONCE {
                all.push(
                    "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than \
                     10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
                        .to_owned(),
                );
            }
            let old = old.and_then(|old| old.spec.as_ref()).map(|spec| &spec.template);
            all.extend(warnings::of_template(&field::Path::new("spec").child("template"), &spec.template, old));
        }
        all
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        row(self, now)
    }

    fn selectable_fields(&self) -> Vec<(&'static str, String)> {
        let succeeded = self.status.as_ref().and_then(|status| status.succeeded).unwrap_or(0);
        vec![("status.successful", succeeded.to_string())]
    }
}

/// A Job without labels takes those of its Pods.
fn take_labels(job: &mut Job) {
    let template = job.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
    let labels = template.and_then(|meta| meta.labels.clone()).unwrap_or_default();
    if job.metadata.labels.as_ref().is_none_or(BTreeMap::is_empty) && !labels.is_empty() {
        job.metadata.labels = Some(labels);
    }
}

/// Fills a Job's spec (`SetDefaults_Job`), on its own or as a template.
fn set_job_spec_defaults(spec: &mut JobSpec) {
    if spec.completions.is_none() && spec.parallelism.is_none() {
        spec.completions = Some(1);
    }
    spec.parallelism.get_or_insert(1);
    let per_index = spec.backoff_limit_per_index.is_some();
    spec.backoff_limit.get_or_insert(if per_index { i32::MAX } else { 6 });
    spec.completion_mode.get_or_insert_with(|| "NonIndexed".to_owned());
    spec.suspend.get_or_insert(false);
    spec.manual_selector.get_or_insert(false);
    let replacement = if spec.pod_failure_policy.is_some() { "Failed" } else { "TerminatingOrFailed" };
    spec.pod_replacement_policy.get_or_insert_with(|| replacement.to_owned());
    for rule in spec.pod_failure_policy.iter_mut().flat_map(|policy| policy.rules.iter_mut()) {
        for pattern in rule.on_pod_conditions.iter_mut().flatten() {
            fill_text(&mut pattern.status, "True");
        }
    }
    defaults::set_template_defaults(&mut spec.template);
}

/// Makes the selector and the labels that the Job's Pods are known by (`generateSelectorIfNeeded`).
fn generate_selector(job: &mut Job) {
    let (uid, name) = (meta::uid(&job.metadata).to_owned(), meta::name(&job.metadata).to_owned());
    let spec = job.spec.get_or_insert_default();
    if spec.manual_selector == Some(true) {
        return;
    }
    let labels = spec.template.metadata.get_or_insert_default().labels.get_or_insert_default();
    // What the user wrote stays, and validation then refuses it.
    for (label, value) in
        [(LEGACY_JOB_NAME, &name), (LEGACY_CONTROLLER_UID, &uid), (JOB_NAME, &name), (CONTROLLER_UID, &uid)]
    {
        labels.entry(label.to_owned()).or_insert_with(|| value.clone());
    }
    let selector = spec.selector.get_or_insert_default();
    selector.match_labels.get_or_insert_default().entry(CONTROLLER_UID.to_owned()).or_insert(uid);
}

fn row(job: &Job, now: Time) -> Vec<Cell> {
    let spec = job.spec.as_ref();
    let status = job.status.clone().unwrap_or_default();
    let succeeded = status.succeeded.unwrap_or(0);
    let completions = match spec.map(|spec| (spec.completions, spec.parallelism.unwrap_or(0))) {
        Some((Some(completions), _)) => format!("{succeeded}/{completions}"),
        Some((None, parallelism)) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        _ => format!("{succeeded}/1"),
    };
    let duration = status.start_time.as_ref().map(|start| {
        let end = status.completion_time.as_ref().map_or_else(|| now.timestamp(), |end| end.0);
        cells::between(start.0, end)
    });
    let template = spec.map(|spec| &spec.template);
    vec![
        json!(meta::name(&job.metadata)),
        json!(status_text(job)),
        json!(completions),
        json!(duration.unwrap_or_default()),
        json!(cells::age(&job.metadata, now)),
        json!(cells::container_names(template)),
        json!(cells::container_images(template)),
        json!(cells::selector(spec.and_then(|spec| spec.selector.as_ref()))),
    ]
}

fn status_text(job: &Job) -> &'static str {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let holds = |kind: &str| conditions.iter().any(|held| held.type_ == kind && held.status == "True");
    if holds("Complete") {
        "Complete"
    } else if holds("Failed") {
        "Failed"
    } else if meta::is_deleting(&job.metadata) {
        "Terminating"
    } else if holds("Suspended") {
        "Suspended"
    } else if holds("FailureTarget") {
        "FailureTarget"
    } else if holds("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}
