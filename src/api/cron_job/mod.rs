//! Cron jobs.
//!
//! Models Kubernetes 1.36 pkg/registry/batch/cronjob/strategy.go and pkg/apis/batch/v1/defaults.go.

pub mod schedule;
pub mod time_zone;
mod validation;

use k8s_openapi::api::batch::v1::CronJob;
use serde_json::json;

use super::pod_spec::warnings;
use super::{Cell, Column, KindInfo, Strategy, cells, generation, omitted::fill_text, pod_spec::defaults};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for CronJob {
    const INFO: KindInfo =
        KindInfo::new("batch", "v1", "CronJob", "cronjobs.batch", "cronjob").short(&["cj"]).in_all().status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Schedule", "When Jobs are made, as cron writes it."),
        Column::new("Timezone", "The time zone of the schedule."),
        Column { kind: "boolean", ..Column::new("Suspend", "Whether no new Jobs are made for now.") },
        Column::new("Active", "How many of its Jobs run.").integer(),
        Column::new("Last Schedule", "How long ago the last Job was due."),
        Column::AGE,
        cells::CONTAINERS,
        cells::IMAGES,
        cells::SELECTOR,
    ];

    fn set_defaults(&mut self) {
        let spec = &mut self.spec;
        fill_text(&mut spec.concurrency_policy, "Allow");
        spec.suspend.get_or_insert(false);
        spec.successful_jobs_history_limit.get_or_insert(3);
        spec.failed_jobs_history_limit.get_or_insert(1);
        // The template of the Jobs gets the defaults of its Pods alone: each Job gets its own when it is made.
        spec.job_template.metadata.get_or_insert_default();
        let job = spec.job_template.spec.get_or_insert_default();
        defaults::set_template_defaults(&mut job.template);
        for rule in job.pod_failure_policy.iter_mut().flat_map(|policy| policy.rules.iter_mut()) {
            for pattern in rule.on_pod_conditions.iter_mut().flatten() {
                fill_text(&mut pattern.status, "True");
            }
        }
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(Default::default());
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        let changed = self.spec != old.spec;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.generation = old.metadata.generation;
    }

    fn validate(&self) -> Vec<field::Error> {
        validation::validate(self)
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        validation::validate_update(self, old)
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let mut all = Vec::new();
        if old.is_none() {
            all.extend(warnings::of_name(meta::name(&self.metadata), "Pod names and hostnames"));
        }
        if let Some(job) = &self.spec.job_template.spec {
            let old = old.and_then(|old| old.spec.job_template.spec.as_ref()).map(|job| &job.template);
            let path = field::Path::new("spec").child("jobTemplate").child("spec").child("template");
            all.extend(warnings::of_template(&path, &job.template, old));
        }
        all
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.clone();
        let status = self.status.clone().unwrap_or_default();
        let last = status.last_schedule_time.as_ref().map(|time| cells::since(Some(time), now));
        let job = spec.job_template.spec.unwrap_or_default();
        let suspended = match spec.suspend {
            None => "<unset>",
            Some(true) => "True",
            Some(false) => "False",
        };
        vec![
            json!(meta::name(&self.metadata)),
            json!(spec.schedule),
            json!(spec.time_zone.unwrap_or_else(|| cells::NONE.to_owned())),
            json!(suspended),
            json!(status.active.iter().flatten().count()),
            json!(last.unwrap_or_else(|| cells::NONE.to_owned())),
            json!(cells::age(&self.metadata, now)),
            json!(cells::container_names(Some(&job.template))),
            json!(cells::container_images(Some(&job.template))),
            json!(cells::selector(job.selector.as_ref())),
        ]
    }
}
