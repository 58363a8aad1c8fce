//! Service accounts.

use k8s_openapi::api::core::v1::{ObjectReference, ServiceAccount};
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::meta;
use crate::sim::Time;

impl Strategy for ServiceAccount {
    const INFO: KindInfo =
        KindInfo::new("", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount").short(&["sa"]);
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::AGE];

    fn prepare_for_create(&mut self) {
        // Of what it may use, only the names are kept.
        for secret in self.secrets.iter_mut().flatten() {
            *secret = ObjectReference { name: secret.name.take(), ..ObjectReference::default() };
        }
    }

    fn prepare_for_update(&mut self, _: &Self) {
        self.prepare_for_create();
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        vec![json!(meta::name(&self.metadata)), json!(cells::age(&self.metadata, now))]
    }
}
