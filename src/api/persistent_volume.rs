//! Persistent volumes.

use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, pod_spec::defaults::fill_text};
use crate::apimachinery::meta;
use crate::sim::Time;

impl Strategy for PersistentVolume {
    const INFO: KindInfo = KindInfo::new("", "v1", "PersistentVolume", "persistentvolumes", "persistentvolume")
        .short(&["pv"])
        .cluster_scoped()
        .status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Capacity", "How much fits into the volume."),
        Column::new("Access Modes", "How nodes may mount it."),
        Column::new("Reclaim Policy", "What becomes of it when its claim is gone."),
        Column::new("Status", "Whether it is free, bound or released."),
        Column::new("Claim", "The claim it is bound to."),
        Column::new("StorageClass", "The storage class it belongs to."),
        Column::new("VolumeAttributesClass", "The class of its attributes."),
        Column::new("Reason", "Why it is in its state."),
        Column::AGE,
        Column::new("VolumeMode", "Whether it holds a file system or is a raw device.").wide(),
    ];

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        fill_text(&mut spec.persistent_volume_reclaim_policy, "Retain");
        fill_text(&mut spec.volume_mode, "Filesystem");
        fill_text(&mut self.status.get_or_insert_default().phase, "Pending");
    }

    fn prepare_for_create(&mut self) {
        self.status = None;
        self.status.get_or_insert_default().phase = Some("Pending".to_owned());
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.clone().unwrap_or_default();
        let status = self.status.clone().unwrap_or_default();
        let claim = spec.claim_ref.as_ref().map(|claim| {
            let text = |part: &Option<String>| part.clone().unwrap_or_default();
            format!("{}/{}", text(&claim.namespace), text(&claim.name))
        });
        let phase = status.phase.clone().unwrap_or_default();
        vec![
            json!(meta::name(&self.metadata)),
            json!(cells::quantity(spec.capacity.as_ref(), "storage")),
            json!(cells::access_modes(spec.access_modes.as_ref())),
            json!(spec.persistent_volume_reclaim_policy.clone().unwrap_or_default()),
            json!(if meta::is_deleting(&self.metadata) { "Terminating".to_owned() } else { phase }),
            json!(claim.unwrap_or_default()),
            json!(spec.storage_class_name.clone().unwrap_or_default()),
            json!(cells::or(spec.volume_attributes_class_name.as_deref(), "<unset>")),
            json!(status.reason.clone().unwrap_or_default()),
            json!(cells::age(&self.metadata, now)),
            json!(cells::or(spec.volume_mode.as_deref(), "<unset>")),
        ]
    }
}
