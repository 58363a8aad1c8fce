//! Custom resource definitions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition,
};
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for CustomResourceDefinition {
    const INFO: KindInfo = KindInfo {
        short_names: &["crd", "crds"],
        categories: &["api-extensions"],
        ..KindInfo::new(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
            "customresourcedefinitions.apiextensions.k8s.io",
            "customresourcedefinition",
        )
        .cluster_scoped()
        .status()
    };
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::new("Created At", "When the object was created.")];

    fn set_defaults(&mut self) {
        let names = &mut self.spec.names;
        if names.singular.as_deref().unwrap_or_default().is_empty() {
            names.singular = Some(names.kind.to_lowercase());
        }
        if names.list_kind.as_deref().unwrap_or_default().is_empty() && !names.kind.is_empty() {
            names.list_kind = Some(format!("{}List", names.kind));
        }
        let none = || CustomResourceConversion { strategy: "None".to_owned(), ..Default::default() };
        self.spec.conversion.get_or_insert_with(none);
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(Default::default());
        let stored = self.spec.versions.iter().filter(|version| version.storage).map(|version| version.name.clone());
        if let Some(status) = self.status.as_mut() {
            status.stored_versions = Some(stored.collect());
        }
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
        let mut errors = Vec::new();
        let (names, group) = (&self.spec.names, self.spec.group.as_str());
        let (name, wanted) = (meta::name(&self.metadata), format!("{}.{group}", names.plural));
        if name != wanted {
            let why = "must be spec.names.plural+\".\"+spec.group";
            errors.push(field::Error::invalid(&field::Path::new("metadata").child("name"), name, why));
        }
        let path = field::Path::new("spec");
        for (field, text) in [("group", group), ("scope", self.spec.scope.as_str())] {
            if text.is_empty() {
                errors.push(field::Error::required(&path.child(field), ""));
            }
        }
        let scopes = &["Cluster", "Namespaced"];
        if !self.spec.scope.is_empty() && !scopes.contains(&self.spec.scope.as_str()) {
            errors.push(field::Error::not_supported(&path.child("scope"), &self.spec.scope, scopes));
        }
        if self.spec.versions.iter().filter(|version| version.storage).count() != 1 {
            let why = "must have exactly one version marked as storage version";
            let shown = crate::text::go_json::to_compact(&json!(self.spec.versions));
            errors.push(field::Error::invalid_shown(&path.child("versions"), shown, why));
        }
        errors
    }

    fn row(&self, _now: Time) -> Vec<Cell> {
        vec![json!(meta::name(&self.metadata)), json!(cells::created_at(&self.metadata))]
    }
}
