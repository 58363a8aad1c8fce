//! Daemon sets.
//!
//! Models Kubernetes 1.36 pkg/registry/apps/daemonset/strategy.go, pkg/apis/apps/v1/defaults.go and `printDaemonSet`.

mod validation;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::omitted::fill_text;
use super::pod_spec::defaults;
use super::pod_spec::warnings;
use super::{Cell, Column, KindInfo, Strategy, cells, status};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

/// Where the old `templateGeneration` of the spec lives on.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

impl Strategy for DaemonSet {
    const INFO: KindInfo =
        KindInfo::new("apps", "v1", "DaemonSet", "daemonsets.apps", "daemonset").short(&["ds"]).in_all().status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Desired", "On how many nodes a Pod should run.").integer(),
        Column::new("Current", "On how many of them one was made.").integer(),
        Column::new("Ready", "On how many of them one is ready.").integer(),
        Column::new("Up-to-date", "On how many of them one of the newest template runs.").integer(),
        Column::new("Available", "On how many of them one has been ready for long enough.").integer(),
        Column::new("Node Selector", "Which nodes are meant, by label."),
        Column::AGE,
        cells::CONTAINERS,
        cells::IMAGES,
        cells::SELECTOR,
    ];

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.revision_history_limit.get_or_insert(10);
        let strategy = spec.update_strategy.get_or_insert_default();
        fill_text(&mut strategy.type_, "RollingUpdate");
        if strategy.type_.as_deref() == Some("RollingUpdate") {
            let rolling = strategy.rolling_update.get_or_insert_default();
            rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
            rolling.max_surge.get_or_insert(IntOrString::Int(0));
        }
        defaults::set_template_defaults(&mut spec.template);
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(Default::default());
        self.metadata.generation = Some(1);
        let annotations = self.metadata.annotations.get_or_insert_default();
        annotations.insert(TEMPLATE_GENERATION.to_owned(), "1".to_owned());
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        let held = old.metadata.annotations.as_ref().and_then(|held| held.get(TEMPLATE_GENERATION));
        let held: i64 = held.and_then(|text| text.parse().ok()).unwrap_or(0);
        let same_template =
            self.spec.as_ref().map(|spec| &spec.template) == old.spec.as_ref().map(|spec| &spec.template);
        let number = if same_template { held } else { held + 1 };
        let annotations = self.metadata.annotations.get_or_insert_default();
        annotations.insert(TEMPLATE_GENERATION.to_owned(), number.to_string());
        let generation = old.metadata.generation.unwrap_or(0);
        self.metadata.generation = Some(if self.spec == old.spec { generation } else { generation + 1 });
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.generation = old.metadata.generation;
    }

    fn validate_status_update(&self, old: &Self) -> Vec<field::Error> {
        let (mut errors, none) = (Vec::new(), Default::default());
        let (new, old) = (self.status.as_ref().unwrap_or(&none), old.status.as_ref());
        let all = [
            status::free("currentNumberScheduled", Some(new.current_number_scheduled)),
            status::free("numberMisscheduled", Some(new.number_misscheduled)),
            status::free("desiredNumberScheduled", Some(new.desired_number_scheduled)),
            status::free("numberReady", Some(new.number_ready)),
            ("observedGeneration", new.observed_generation, false),
            status::free("updatedNumberScheduled", new.updated_number_scheduled),
            status::free("numberAvailable", new.number_available),
            status::free("numberUnavailable", new.number_unavailable),
            status::free("collisionCount", new.collision_count),
        ];
        status::counts(&mut errors, &all, None, "");
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
        if let Some(spec) = &self.spec {
            let old = old.and_then(|old| old.spec.as_ref()).map(|spec| &spec.template);
            all.extend(warnings::of_template(&field::Path::new("spec").child("template"), &spec.template, old));
        }
        all
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.as_ref();
        let status = self.status.clone().unwrap_or_default();
        let template = spec.map(|spec| &spec.template);
        let nodes = template.and_then(|template| template.spec.as_ref()).and_then(|spec| spec.node_selector.as_ref());
        vec![
            json!(meta::name(&self.metadata)),
            json!(status.desired_number_scheduled),
            json!(status.current_number_scheduled),
            json!(status.number_ready),
            json!(status.updated_number_scheduled.unwrap_or(0)),
            json!(status.number_available.unwrap_or(0)),
            json!(cells::labels(nodes)),
            json!(cells::age(&self.metadata, now)),
            json!(cells::container_names(template)),
            json!(cells::container_images(template)),
            json!(cells::selector(spec.map(|spec| &spec.selector))),
        ]
    }
}
