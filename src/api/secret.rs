//! Secrets.
//!
//! Models Kubernetes 1.36 pkg/registry/core/secret/strategy.go.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::meta;
use crate::sim::Time;

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
