//! Service accounts.

use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::meta;
use crate::sim::Time;

impl Strategy for ServiceAccount {
    const INFO: KindInfo =
        KindInfo::new("", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount").short(&["sa"]);
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::AGE];

    fn row(&self, now: Time) -> Vec<Cell> {
        vec![json!(meta::name(&self.metadata)), json!(cells::age(&self.metadata, now))]
    }
}
