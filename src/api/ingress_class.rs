//! Ingress classes.

use k8s_openapi::api::networking::v1::IngressClass;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation};
use crate::apimachinery::meta;
use crate::sim::Time;

impl Strategy for IngressClass {
    const INFO: KindInfo =
        KindInfo::new("networking.k8s.io", "v1", "IngressClass", "ingressclasses.networking.k8s.io", "ingressclass")
            .cluster_scoped();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Controller", "The controller that serves Ingresses of the class."),
        Column::new("Parameters", "Where more about the class is written."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        if let Some(parameters) = self.spec.get_or_insert_default().parameters.as_mut() {
            parameters.scope.get_or_insert_with(|| "Cluster".to_owned());
        }
    }

    fn prepare_for_create(&mut self) {
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        let changed = self.spec != old.spec;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.clone().unwrap_or_default();
        let parameters = spec.parameters.map(|given| {
            let group = given.api_group.map(|group| format!(".{group}")).unwrap_or_default();
            format!("{}{group}/{}", given.kind, given.name)
        });
        vec![
            json!(meta::name(&self.metadata)),
            json!(spec.controller.unwrap_or_default()),
            json!(parameters.unwrap_or_else(|| cells::NONE.to_owned())),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}
