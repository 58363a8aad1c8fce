//! Pod templates as objects of their own.

use k8s_openapi::api::core::v1::PodTemplate;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, pod_spec};
use crate::api::pod_spec::{defaults, warnings};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for PodTemplate {
    const INFO: KindInfo = KindInfo::new("", "v1", "PodTemplate", "podtemplates", "podtemplate");
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Containers", "The names of the template's containers."),
        Column::new("Images", "The images of the template's containers."),
        Column::new("Pod Labels", "The labels of the Pods that it makes."),
    ];

    fn set_defaults(&mut self) {
        defaults::set_template_defaults(self.template.get_or_insert_default());
    }

    fn prepare_for_create(&mut self) {
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        let changed = self.template != old.template;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        if let Some(template) = &self.template {
            pod_spec::validation::template(&mut errors, &field::Path::new("template"), template);
        }
        errors
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let Some(template) = &self.template else { return Vec::new() };
        let path = field::Path::new("template");
        match old {
            Some(old) if old.metadata.generation == self.metadata.generation => Vec::new(),
            _ => warnings::of_template(&path, template, old.and_then(|old| old.template.as_ref())),
        }
    }

    fn row(&self, _now: Time) -> Vec<Cell> {
        let template = self.template.as_ref();
        let labels = template.and_then(|template| template.metadata.as_ref()).and_then(|meta| meta.labels.as_ref());
        vec![
            json!(meta::name(&self.metadata)),
            json!(cells::container_names(template)),
            json!(cells::container_images(template)),
            json!(cells::labels(labels)),
        ]
    }
}
