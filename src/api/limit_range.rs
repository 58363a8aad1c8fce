//! Limit ranges.
//!
//! Models Kubernetes 1.36 pkg/apis/core/v1/defaults.go (`SetDefaults_LimitRangeItem`).

use k8s_openapi::api::core::v1::LimitRange;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::meta;
use crate::sim::Time;

impl Strategy for LimitRange {
    const INFO: KindInfo = KindInfo::new("", "v1", "LimitRange", "limitranges", "limitrange").short(&["limits"]);
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::new("Created At", "When the object was created.")];

    fn set_defaults(&mut self) {
        for item in self.spec.get_or_insert_default().limits.iter_mut().filter(|item| item.type_ == "Container") {
            // What may be had at most is what one gets; what one gets is what one asks for.
            let maxima = item.max.clone().unwrap_or_default();
            for (name, quantity) in maxima {
                item.default.get_or_insert_default().entry(name).or_insert(quantity);
            }
            for (name, quantity) in item.default.clone().unwrap_or_default() {
                item.default_request.get_or_insert_default().entry(name).or_insert(quantity);
            }
            for (name, quantity) in item.min.clone().unwrap_or_default() {
                item.default_request.get_or_insert_default().entry(name).or_insert(quantity);
            }
        }
    }

    fn row(&self, _now: Time) -> Vec<Cell> {
        vec![json!(meta::name(&self.metadata)), json!(cells::created_at(&self.metadata))]
    }
}
