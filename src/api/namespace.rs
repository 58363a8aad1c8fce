//! Namespaces.
//!
//! Models Kubernetes 1.36 pkg/registry/core/namespace/strategy.go.

use k8s_openapi::api::core::v1::{Namespace, NamespaceStatus};
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, validate};
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

/// The finalizer that holds a namespace until its content is gone.
const FINALIZER: &str = "kubernetes";
/// The label under which selectors find a namespace by its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Strategy for Namespace {
    const INFO: KindInfo =
        KindInfo::new("", "v1", "Namespace", "namespaces", "namespace").short(&["ns"]).cluster_scoped().status();
    const COLUMNS: &'static [Column] =
        &[Column::NAME, Column::new("Status", "Whether the namespace is in use or being emptied."), Column::AGE];

    fn set_defaults(&mut self) {
        if let Some(name) = self.metadata.name.clone().filter(|name| !name.is_empty()) {
            self.metadata.labels.get_or_insert_default().insert(NAME_LABEL.to_owned(), name);
        }
        self.spec.get_or_insert_default();
        self.status.get_or_insert_default().phase.get_or_insert_with(|| "Active".to_owned());
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(NamespaceStatus { phase: Some("Active".to_owned()), ..NamespaceStatus::default() });
        let finalizers = self.spec.get_or_insert_default().finalizers.get_or_insert_default();
        if !finalizers.iter().any(|held| held == FINALIZER) {
            finalizers.push(FINALIZER.to_owned());
        }
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.status.clone_from(&old.status);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, _: &Self) -> Vec<field::Error> {
        let phase = self.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
        let (wanted, when) = match self.metadata.deletion_timestamp {
            None => ("Active", "empty"),
            Some(_) => ("Terminating", "not empty"),
        };
        if phase == wanted || (phase.is_empty() && self.metadata.deletion_timestamp.is_none()) {
            return Vec::new();
        }
        let why = format!("may only be '{wanted}' if `deletionTimestamp` is {when}");
        vec![field::Error::invalid(&field::Path::new("status").child("Phase"), phase, why)]
    }

    fn validate(&self) -> Vec<field::Error> {
        let (mut errors, path) = (Vec::new(), field::Path::new("spec").child("finalizers"));
        for name in self.spec.iter().flat_map(|spec| spec.finalizers.iter().flatten()) {
            validate::each(&mut errors, &path, name, content::label_key(name));
            if !name.contains('/') && name != FINALIZER {
                let why = "name is neither a standard finalizer name nor is it fully qualified";
                errors.push(field::Error::invalid(&path, name, why));
            }
        }
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let phase = self.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
        vec![json!(meta::name(&self.metadata)), json!(phase), json!(cells::age(&self.metadata, now))]
    }

    fn selectable_fields(&self) -> Vec<(&'static str, String)> {
        let phase = self.status.as_ref().and_then(|status| status.phase.clone());
        vec![("status.phase", phase.unwrap_or_default())]
    }
}
