//! Replication controllers.

mod validation;

use k8s_openapi::api::core::v1::ReplicationController;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, pod_spec::defaults, pod_spec::warnings, status};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for ReplicationController {
    const INFO: KindInfo =
        KindInfo::new("", "v1", "ReplicationController", "replicationcontrollers", "replicationcontroller")
            .short(&["rc"])
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
        let template = spec.template.as_mut();
        let template = template.map(|template| {
            defaults::set_template_defaults(template);
            &*template
        });
        let labels = template.and_then(|template| template.metadata.as_ref()?.labels.clone());
        let labels = labels.filter(|held| !held.is_empty());
        if spec.selector.as_ref().is_none_or(|held| held.is_empty()) {
            spec.selector.clone_from(&labels);
        }
        if self.metadata.labels.as_ref().is_none_or(|held| held.is_empty()) {
            self.metadata.labels = labels;
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

    fn validate_status_update(&self, _: &Self) -> Vec<field::Error> {
        let (mut errors, none) = (Vec::new(), Default::default());
        let new = self.status.as_ref().unwrap_or(&none);
        let all = [
            status::free("replicas", Some(new.replicas)),
            status::part("fullyLabeledReplicas", new.fully_labeled_replicas),
            status::part("readyReplicas", new.ready_replicas),
            status::part("availableReplicas", new.available_replicas),
            ("observedGeneration", new.observed_generation, false),
        ];
        status::counts(&mut errors, &all, Some(new.replicas), "readyReplicas");
        errors
    }

    fn validate(&self) -> Vec<field::Error> {
        validation::validate(self)
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let mut all = Vec::new();
        if old.is_none() {
            all.extend(warnings::of_name(meta::name(&self.metadata), "Pod names and hostnames"));
        }
        let template = |of: &Self| of.spec.as_ref().and_then(|spec| spec.template.clone());
        // Upstream mixes up old and new: of a change, it warns of what was there.
        let (judged, before) = match old {
            Some(old) => (template(old), template(self)),
            None => (template(self), None),
        };
        if let Some(judged) = judged {
            all.extend(warnings::of_template(&field::Path::new("spec").child("template"), &judged, before.as_ref()));
        }
        all
    }

    fn selectable_fields(&self) -> Vec<(&'static str, String)> {
        let replicas = self.status.as_ref().map_or(0, |status| status.replicas);
        vec![("status.replicas", replicas.to_string())]
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
            json!(cells::labels(spec.and_then(|spec| spec.selector.as_ref()))),
        ]
    }
}
