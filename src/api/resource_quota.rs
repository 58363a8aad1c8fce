//! Resource quotas.

use k8s_openapi::api::core::v1::ResourceQuota;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::meta;
use crate::sim::Time;

impl Strategy for ResourceQuota {
    const INFO: KindInfo =
        KindInfo::new("", "v1", "ResourceQuota", "resourcequotas", "resourcequota").short(&["quota"]).status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Request", "What is requested, of how much."),
        Column::new("Limit", "What is allowed as limits, of how much."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        self.spec.get_or_insert_default();
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let status = self.status.clone().unwrap_or_default();
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        for (name, hard) in status.hard.iter().flatten() {
            let used = cells::or(Some(cells::quantity(status.used.as_ref(), name)), "0");
            let text = format!("{name}: {used}/{}", hard.0);
            if name.starts_with("limits") { limits.push(text) } else { requests.push(text) }
        }
        vec![
            json!(meta::name(&self.metadata)),
            json!(requests.join(", ")),
            json!(limits.join(", ")),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}
