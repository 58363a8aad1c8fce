//! Secrets.
//!
//! Models Kubernetes 1.36 pkg/registry/core/secret/strategy.go.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::pod_spec::validation::data_key;
use super::{Cell, Column, KindInfo, Strategy, cells, validate};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

/// The most that all entries together may hold, in bytes.
const MAX_SIZE: usize = 1024 * 1024;

impl Strategy for Secret {
    const INFO: KindInfo = KindInfo::new("", "v1", "Secret", "secrets", "secret");
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Type", "What the secret is for."),
        Column::new("Data", "How many entries it holds."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        // What was written as plain text is stored like the rest.
        for (key, text) in self.string_data.take().into_iter().flatten() {
            self.data.get_or_insert_default().insert(key, ByteString(text.into_bytes()));
        }
        super::pod_spec::defaults::fill_text(&mut self.type_, "Opaque");
    }

    fn prepare_for_update(&mut self, old: &Self) {
        if self.type_.as_deref().unwrap_or_default().is_empty() {
            self.type_.clone_from(&old.type_);
        }
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let path = field::Path::new("data");
        let mut size = 0;
        for (key, value) in self.data.iter().flatten() {
            validate::each(&mut errors, &path.key(key), key, data_key(key));
            size += value.0.len();
        }
        if size > MAX_SIZE {
            errors.push(field::Error::too_long(&path, MAX_SIZE));
        }
        let required: &[&str] = match self.type_.as_deref().unwrap_or_default() {
            "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
            "kubernetes.io/dockercfg" => &[".dockercfg"],
            "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
            "kubernetes.io/tls" => &["tls.crt", "tls.key"],
            _ => &[],
        };
        for key in required {
            if !self.data.as_ref().is_some_and(|held| held.contains_key(*key)) {
                errors.push(field::Error::required(&path.key(key), ""));
            }
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        validate::immutable(&mut errors, &field::Path::new("type"), &self.type_, &old.type_);
        if old.immutable == Some(true) {
            let why = "field is immutable when `immutable` is set";
            if self.immutable != Some(true) {
                errors.push(field::Error::forbidden(&field::Path::new("immutable"), why));
            }
            if self.data != old.data {
                errors.push(field::Error::forbidden(&field::Path::new("data"), why));
            }
        }
        errors.extend(self.validate());
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        vec![
            json!(meta::name(&self.metadata)),
            json!(self.type_.as_deref().unwrap_or_default()),
            json!(self.data.iter().flatten().count()),
            json!(cells::age(&self.metadata, now)),
        ]
    }

    fn selectable_fields(&self) -> Vec<(&'static str, String)> {
        vec![("type", self.type_.clone().unwrap_or_default())]
    }
}
