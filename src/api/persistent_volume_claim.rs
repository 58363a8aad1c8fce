//! Persistent volume claims.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidatePersistentVolumeClaim`).

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, pod_spec::defaults::fill_text};
use crate::apimachinery::quantity::Quantity;
use crate::apimachinery::{field, meta};
use crate::sim::Time;

const ACCESS_MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

impl Strategy for PersistentVolumeClaim {
    const INFO: KindInfo =
        KindInfo::new("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim")
            .short(&["pvc"])
            .status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Status", "Whether the claim has a volume."),
        Column::new("Volume", "The volume that it has."),
        Column::new("Capacity", "How much fits into the volume."),
        Column::new("Access Modes", "How nodes may mount it."),
        Column::new("StorageClass", "The storage class that it asks for."),
        Column::new("VolumeAttributesClass", "The class of attributes that it asks for."),
        Column::AGE,
        Column::new("VolumeMode", "Whether it asks for a file system or a raw device.").wide(),
    ];

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        fill_text(&mut spec.volume_mode, "Filesystem");
        spec.resources.get_or_insert_default();
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

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let path = field::Path::new("spec");
        let spec = self.spec.clone().unwrap_or_default();
        let modes = spec.access_modes.unwrap_or_default();
        if modes.is_empty() {
            errors.push(field::Error::required(&path.child("accessModes"), "at least 1 access mode is required"));
        }
        for mode in modes.iter().filter(|mode| !ACCESS_MODES.contains(&mode.as_str())) {
            errors.push(field::Error::not_supported(&path.child("accessModes"), mode, ACCESS_MODES));
        }
        let once = modes.iter().any(|mode| mode == "ReadWriteOncePod");
        if once && modes.len() > 1 {
            let why = "may not use ReadWriteOncePod with other access modes";
            errors.push(field::Error::forbidden(&path.child("accessModes"), why));
        }
        let requests = spec.resources.and_then(|resources| resources.requests).unwrap_or_default();
        let at = path.child("resources");
        match requests.get("storage").map(|text| (text, Quantity::parse(&text.0))) {
            None => errors.push(field::Error::required(&at.key("storage"), "")),
            Some((text, Ok(amount))) if amount <= Quantity::zero() => {
                let why = "must be greater than zero";
                errors.push(field::Error::invalid(&at.key("storage"), &text.0, why));
            }
            Some(_) => {}
        }
        let modes = &["Block", "Filesystem"];
        if let Some(mode) = spec.volume_mode.as_deref().filter(|mode| !modes.contains(mode)) {
            errors.push(field::Error::not_supported(&path.child("volumeMode"), mode, modes));
        }
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.clone().unwrap_or_default();
        let status = self.status.clone().unwrap_or_default();
        let phase = status.phase.clone().unwrap_or_default();
        let bound = spec.volume_name.as_deref().is_some_and(|name| !name.is_empty());
        let (modes, capacity) = match bound {
            true => (status.access_modes.as_ref(), status.capacity.as_ref()),
            false => (None, None),
        };
        vec![
            json!(meta::name(&self.metadata)),
            json!(if meta::is_deleting(&self.metadata) { "Terminating".to_owned() } else { phase }),
            json!(spec.volume_name.clone().unwrap_or_default()),
            json!(cells::quantity(capacity, "storage")),
            json!(cells::access_modes(modes)),
            json!(spec.storage_class_name.clone().unwrap_or_default()),
            json!(cells::or(spec.volume_attributes_class_name.as_deref(), "<unset>")),
            json!(cells::age(&self.metadata, now)),
            json!(cells::or(spec.volume_mode.as_deref(), "<unset>")),
        ]
    }
}
