//! Storage classes.

use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, pod_spec::defaults::fill_text};
use crate::apimachinery::meta;
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
        Column { kind: "boolean", ..Column::new("AllowVolumeExpansion", "Whether its volumes may grow.") },
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        fill_text(&mut self.reclaim_policy, "Delete");
        fill_text(&mut self.volume_binding_mode, "Immediate");
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
