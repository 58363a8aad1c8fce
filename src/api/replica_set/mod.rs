//! Replica sets.
//!
//! Models Kubernetes 1.36 pkg/registry/apps/replicaset/strategy.go, pkg/apis/apps/v1/defaults.go and `printReplicaSet`.

mod validation;

use k8s_openapi::api::apps::v1::ReplicaSet;
use serde_json::json;

use super::pod_spec::{defaults, warnings};
use super::{Cell, Column, KindInfo, Strategy, cells, status};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for ReplicaSet {
    const INFO: KindInfo = KindInfo::new("apps", "v1", "ReplicaSet", "replicasets.apps", "replicaset")
        .short(&["rs"])
        .in_all()
        .status()
        .scale();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Desired", "How many Pods there should be.").integer(),
        Column::new("Current", "How many Pods there are.").integer(),
        Column::new("Ready", "How many Pods are ready.").integer(),
        Column::AGE,
        cells::CONTAINERS,
        cells::IMAGES,
        cells::SELECTOR,
    ];

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.replicas.get_or_insert(1);
        defaults::set_template_defaults(spec.template.get_or_insert_default());
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
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

    fn validate_status_update(&self, _: &Self) -> Vec<field::Error> {
        let (mut errors, none) = (Vec::new(), Default::default());
        let new = self.status.as_ref().unwrap_or(&none);
        let all = [
            status::free("replicas", Some(new.replicas)),
            status::part("fullyLabeledReplicas", new.fully_labeled_replicas),
            status::part("readyReplicas", new.ready_replicas),
            status::part("availableReplicas", new.available_replicas),
            ("observedGeneration", new.observed_generation, false),
            status::free("terminatingReplicas", new.terminating_replicas),
        ];
        status::counts(&mut errors, &all, Some(new.replicas), "readyReplicas");
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
        if let Some(template) = self.spec.as_ref().and_then(|spec| spec.template.as_ref()) {
            let old = old.and_then(|old| old.spec.as_ref()).and_then(|spec| spec.template.as_ref());
            all.extend(warnings::of_template(&field::Path::new("spec").child("template"), template, old));
        }
        all
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.as_ref();
        let status = self.status.clone().unwrap_or_default();
        let template = spec.and_then(|spec| spec.template.as_ref());
        vec![
            json!(meta::name(&self.metadata)),
            json!(spec.and_then(|spec| spec.replicas).unwrap_or(0)),
            json!(status.replicas),
            json!(status.ready_replicas.unwrap_or(0)),
            json!(cells::age(&self.metadata, now)),
            json!(cells::container_names(template)),
            json!(cells::container_images(template)),
            json!(cells::selector(spec.map(|spec| &spec.selector))),
        ]
    }
}
