//! Config maps.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::meta;
use crate::sim::Time;

impl Strategy for ConfigMap {
    const INFO: KindInfo = KindInfo::new("", "v1", "ConfigMap", "configmaps", "configmap").short(&["cm"]);
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::new("Data", "How many entries it holds."), Column::AGE];

    fn row(&self, now: Time) -> Vec<Cell> {
        let entries = self.data.iter().flatten().count() + self.binary_data.iter().flatten().count();
        vec![json!(meta::name(&self.metadata)), json!(entries), json!(cells::age(&self.metadata, now))]
    }
}
