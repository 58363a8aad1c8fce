//! Deployments.
//!
//! Models Kubernetes 1.36 pkg/registry/apps/deployment/strategy.go, pkg/apis/apps/v1/defaults.go and `printDeployment`.

mod validation;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::omitted::fill_text;
use super::pod_spec::defaults;
use super::pod_spec::warnings;
use super::{Cell, Column, KindInfo, Strategy, cells, status};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for Deployment {
    const INFO: KindInfo = KindInfo::new("apps", "v1", "Deployment", "deployments.apps", "deployment")
        .short(&["deploy"])
        .in_all()
        .status()
        .scale();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Ready", "How many Pods are ready, of how many."),
        Column::new("Up-to-date", "How many Pods are of the newest template."),
        Column::new("Available", "How many Pods have been ready for long enough."),
        Column::AGE,
        cells::CONTAINERS,
        cells::IMAGES,
        cells::SELECTOR,
    ];

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        spec.progress_deadline_seconds.get_or_insert(600);
        let strategy = spec.strategy.get_or_insert_default();
        fill_text(&mut strategy.type_, "RollingUpdate");
        if strategy.type_.as_deref() == Some("RollingUpdate") {
            let rolling = strategy.rolling_update.get_or_insert_default();
            rolling.max_unavailable.get_or_insert_with(|| IntOrString::String("25%".to_owned()));
            rolling.max_surge.get_or_insert_with(|| IntOrString::String("25%".to_owned()));
        }
        spec.paused = spec.paused.filter(|paused| *paused);
        defaults::set_template_defaults(&mut spec.template);
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(Default::default());
        self.metadata.generation = Some(1);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        // The controller acts on annotations too, so that they count as a change.
        let same = self.spec == old.spec && self.metadata.annotations == old.metadata.annotations;
        let generation = old.metadata.generation.unwrap_or(0);
        self.metadata.generation = Some(if same { generation } else { generation + 1 });
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.labels.clone_from(&old.metadata.labels);
        self.metadata.generation = old.metadata.generation;
    }

    fn validate_status_update(&self, old: &Self) -> Vec<field::Error> {
        let (mut errors, none) = (Vec::new(), Default::default());
        let (new, old) = (self.status.as_ref().unwrap_or(&none), old.status.as_ref());
        let all = [
            ("observedGeneration", new.observed_generation, false),
            status::free("replicas", new.replicas),
            status::part("updatedReplicas", new.updated_replicas),
            status::part("readyReplicas", new.ready_replicas),
            status::part("availableReplicas", new.available_replicas),
            status::free("unavailableReplicas", new.unavailable_replicas),
            status::free("terminatingReplicas", new.terminating_replicas),
            status::free("collisionCount", new.collision_count),
        ];
        status::counts(&mut errors, &all, Some(new.replicas.unwrap_or_default()), "readyReplicas");
        status::collisions(&mut errors, new.collision_count, old.and_then(|old| old.collision_count));
        errors
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
        if let Some(spec) = &self.spec {
            let old = old.and_then(|old| old.spec.as_ref()).map(|spec| &spec.template);
            all.extend(warnings::of_template(&field::Path::new("spec").child("template"), &spec.template, old));
        }
        all
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.as_ref();
        let status = self.status.clone().unwrap_or_default();
        let (desired, template) = (spec.and_then(|spec| spec.replicas), spec.map(|spec| &spec.template));
        vec![
            json!(meta::name(&self.metadata)),
            json!(format!("{}/{}", status.ready_replicas.unwrap_or(0), desired.unwrap_or(0))),
            json!(status.updated_replicas.unwrap_or(0)),
            json!(status.available_replicas.unwrap_or(0)),
            json!(cells::age(&self.metadata, now)),
            json!(cells::container_names(template)),
            json!(cells::container_images(template)),
            json!(cells::selector(spec.map(|spec| &spec.selector))),
        ]
    }
}
