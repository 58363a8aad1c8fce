//! Config maps.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidateConfigMap`).

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::pod_spec::validation::data_key;
use super::{Cell, Column, KindInfo, Strategy, cells, validate};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

/// The most that all entries together may hold, in bytes.
const MAX_SIZE: usize = 1024 * 1024;

impl Strategy for ConfigMap {
    const INFO: KindInfo = KindInfo::new("", "v1", "ConfigMap", "configmaps", "configmap").short(&["cm"]);
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::new("Data", "How many entries it holds."), Column::AGE];

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let (data, binary) = (field::Path::new("data"), field::Path::new("binaryData"));
        for key in self.data.iter().flatten().map(|(key, _)| key) {
            validate::each(&mut errors, &data.key(key), key, data_key(key));
            if self.binary_data.as_ref().is_some_and(|held| held.contains_key(key)) {
                errors.push(field::Error::invalid(&data.key(key), key, "duplicate of key present in binaryData"));
            }
        }
        for key in self.binary_data.iter().flatten().map(|(key, _)| key) {
            validate::each(&mut errors, &binary.key(key), key, data_key(key));
        }
        let texts = self.data.iter().flatten().map(|(_, value)| value.len());
        let size: usize = texts.chain(self.binary_data.iter().flatten().map(|(_, value)| value.0.len())).sum();
        if size > MAX_SIZE {
            // The object as a whole has no path; upstream prints an index without a number.
            errors.push(field::Error::too_long(&field::Path::new("[]"), MAX_SIZE));
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        if old.immutable == Some(true) {
            let why = "field is immutable when `immutable` is set";
            if self.immutable != Some(true) {
                errors.push(field::Error::forbidden(&field::Path::new("immutable"), why));
            }
            if self.data != old.data {
                errors.push(field::Error::forbidden(&field::Path::new("data"), why));
            }
            if self.binary_data != old.binary_data {
                errors.push(field::Error::forbidden(&field::Path::new("binaryData"), why));
            }
        }
        errors.extend(self.validate());
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let entries = self.data.iter().flatten().count() + self.binary_data.iter().flatten().count();
        vec![json!(meta::name(&self.metadata)), json!(entries), json!(cells::age(&self.metadata, now))]
    }
}
