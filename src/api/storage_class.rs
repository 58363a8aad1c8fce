//! Storage classes.
//!
//! Models Kubernetes 1.36 pkg/apis/storage/validation/validation.go.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::TopologySelectorTerm;
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, validate};
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

/// The annotation of the class that claims without one get.
const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";

impl Strategy for StorageClass {
    const INFO: KindInfo =
        KindInfo::new("storage.k8s.io", "v1", "StorageClass", "storageclasses.storage.k8s.io", "storageclass")
            .short(&["sc"])
            .cluster_scoped();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Provisioner", "Who makes its volumes."),
        Column::new("ReclaimPolicy", "What becomes of a volume when its claim is gone."),
        Column::new("VolumeBindingMode", "When a claim gets its volume."),
        Column::new("AllowVolumeExpansion", "Whether its volumes may grow."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        self.reclaim_policy.get_or_insert_with(|| "Delete".to_owned());
        self.volume_binding_mode.get_or_insert_with(|| "Immediate".to_owned());
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let at = |name: &str| field::Path::new(name);
        validate::required(&mut errors, &at("provisioner"), &self.provisioner);
        if !self.provisioner.is_empty() {
            let lower = self.provisioner.to_lowercase();
            validate::each(&mut errors, &at("provisioner"), &lower, content::label_key(&lower));
        }
        if self.parameters.iter().flatten().any(|(key, _)| key.is_empty()) {
            errors.push(field::Error::invalid(&at("parameters"), "", "field can not be empty."));
        }
        let policy = self.reclaim_policy.as_deref().filter(|policy| !policy.is_empty());
        validate::supported(&mut errors, &at("reclaimPolicy"), policy, &["Delete", "Retain"]);
        let modes = &["Immediate", "WaitForFirstConsumer"];
        validate::supported(&mut errors, &at("volumeBindingMode"), self.volume_binding_mode.as_deref(), modes);
        topologies(&mut errors, &at("allowedTopologies"), self.allowed_topologies.as_deref().unwrap_or_default());
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = self.validate();
        let at = |name: &str| field::Path::new(name);
        validate::immutable(&mut errors, &at("parameters"), &self.parameters, &old.parameters);
        validate::immutable(&mut errors, &at("provisioner"), &self.provisioner, &old.provisioner);
        validate::immutable(&mut errors, &at("reclaimPolicy"), &self.reclaim_policy, &old.reclaim_policy);
        let (new, old) = (&self.volume_binding_mode, &old.volume_binding_mode);
        validate::immutable(&mut errors, &at("volumeBindingMode"), new, old);
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let is_default = self.metadata.annotations.as_ref().and_then(|held| held.get(IS_DEFAULT));
        let suffix = if is_default.is_some_and(|held| held == "true") { " (default)" } else { "" };
        vec![
            json!(format!("{}{suffix}", meta::name(&self.metadata))),
            json!(self.provisioner),
            json!(self.reclaim_policy.as_deref().unwrap_or("Delete")),
            json!(self.volume_binding_mode.as_deref().unwrap_or("<unset>")),
            json!(self.allow_volume_expansion.unwrap_or(false)),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}

/// `validateAllowedTopologies`
fn topologies(errors: &mut validate::Errors, path: &field::Path, given: &[TopologySelectorTerm]) {
    // Upstream begins with so many empty terms: one without expressions is there already.
    let mut seen: Vec<BTreeMap<&str, BTreeSet<&str>>> = vec![BTreeMap::new(); given.len()];
    for (at, term) in given.iter().enumerate() {
        let path = path.index(at).child("matchLabelExpressions");
        let mut expressions = BTreeMap::new();
        for (at, expression) in term.match_label_expressions.iter().flatten().enumerate() {
            let path = path.index(at);
            if expression.values.is_empty() {
                errors.push(field::Error::required(&path.child("values"), ""));
            }
            let mut values = BTreeSet::new();
            for (at, value) in expression.values.iter().enumerate() {
                if !values.insert(value.as_str()) {
                    errors.push(field::Error::duplicate(&path.child("values").index(at), value));
                }
            }
            let key = expression.key.as_str();
            validate::each(errors, &path.child("key"), key, content::label_key(key));
            if expressions.insert(key, values).is_some() {
                errors.push(field::Error::duplicate(&path.child("key"), key));
            }
        }
        for _ in seen.iter().filter(|held| **held == expressions) {
            errors.push(field::Error::duplicate(&path, ""));
        }
        seen.push(expressions);
    }
}
