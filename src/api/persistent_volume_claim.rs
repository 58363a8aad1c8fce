//! Persistent volume claims.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidatePersistentVolumeClaim`,
//! `ValidatePersistentVolumeClaimUpdate`).

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimStatus, TypedLocalObjectReference,
    TypedObjectReference,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use serde_json::{Value, json};

use super::{
    Cell, Column, KindInfo, Strategy, cells, claim_spec, internal, omitted::fill_text, resource_names, validate,
};
use crate::apimachinery::quantity::Quantity;
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

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
        spec.volume_mode.get_or_insert_with(|| "Filesystem".to_owned());
        spec.resources.get_or_insert_default();
        fill_text(&mut self.status.get_or_insert_default().phase, "Pending");
    }

    fn prepare_for_create(&mut self) {
        self.status = None;
        self.status.get_or_insert_default().phase = Some("Pending".to_owned());
        if let Some(spec) = &mut self.spec {
            drop_sources(spec);
        }
        same_sources(self);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        let held = old.spec.as_ref().is_some_and(|spec| spec.data_source.is_some() || spec.data_source_ref.is_some());
        if let Some(spec) = self.spec.as_mut().filter(|_| !held) {
            drop_sources(spec);
        }
        same_sources(self);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        if let Some(spec) = &self.spec {
            claim_spec::validate(&mut errors, &field::Path::new("spec"), spec);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = self.validate();
        changes(&mut errors, self, old);
        errors
    }

    fn validate_status_update(&self, _: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        if let Some(status) = &self.status {
            status_rules(&mut errors, &field::Path::new("status"), status);
        }
        errors
    }

    fn warnings(&self, _: Option<&Self>) -> Vec<String> {
        self.spec.as_ref().map(|spec| claim_spec::warnings(&field::Path::new("spec"), spec)).unwrap_or_default()
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

/// The older field for where the data comes from and the newer one say the same (`NormalizeDataSources`).
fn same_sources(claim: &mut PersistentVolumeClaim) {
    let Some(spec) = claim.spec.as_mut() else { return };
    match (&spec.data_source, &spec.data_source_ref) {
        (Some(given), None) => {
            let (api_group, kind, name) = (given.api_group.clone(), given.kind.clone(), given.name.clone());
            spec.data_source_ref = Some(TypedObjectReference { api_group, kind, name, namespace: None });
        }
        (None, Some(given)) if given.namespace.as_ref().is_none_or(String::is_empty) => {
            let (api_group, kind, name) = (given.api_group.clone(), given.kind.clone(), given.name.clone());
            spec.data_source = Some(TypedLocalObjectReference { api_group, kind, name });
        }
        _ => {}
    }
}

/// A source that nobody can read from is dropped, as if it had not been named
/// (`EnforceDataSourceBackwardsCompatibility`); so is one in another namespace.
fn drop_sources(spec: &mut PersistentVolumeClaimSpec) {
    let foreign = |given: &TypedObjectReference| given.namespace.as_ref().is_some_and(|space| !space.is_empty());
    if spec.data_source_ref.as_ref().is_some_and(foreign) {
        spec.data_source_ref = None;
    }
    let known = |given: &TypedLocalObjectReference| {
        let group = given.api_group.as_deref().unwrap_or_default();
        matches!(
            (group, given.kind.as_str()),
            ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
        )
    };
    if spec.data_source_ref.is_none() && !spec.data_source.as_ref().is_some_and(known) {
        spec.data_source = None;
    }
}

const RESIZE_STATUSES: &[&str] = &[
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
];

/// `ValidatePersistentVolumeClaimStatusUpdate`
fn status_rules(errors: &mut validate::Errors, path: &field::Path, status: &PersistentVolumeClaimStatus) {
    for (name, amount) in status.capacity.iter().flatten() {
        claim_spec::basic(errors, &path.child("capacity").key(name), &amount.0);
    }
    let key = |errors: &mut validate::Errors, path: &field::Path, name: &str| {
        let wrong = content::label_key(name);
        let known = !wrong.is_empty() || !resource_names::is_native(name) || name == "storage";
        let fits = wrong.is_empty() && known;
        validate::each(errors, path, name, wrong);
        if !known {
            errors.push(field::Error::not_supported(path, name, &["storage"]));
        }
        fits
    };
    let at = path.child("allocatedResourceStatuses");
    for (name, text) in status.allocated_resource_statuses.iter().flatten() {
        key(errors, &at, name);
        if !RESIZE_STATUSES.contains(&text.as_str()) {
            errors.push(field::Error::not_supported(&at, name, RESIZE_STATUSES));
        }
    }
    let at = path.child("allocatedResources");
    for (name, amount) in status.allocated_resources.iter().flatten() {
        if key(errors, &at, name) {
            claim_spec::basic(errors, &at.key(name), &amount.0);
        }
    }
}

/// What a bound claim may change: to ask for more, and for another class of attributes.
fn changes(errors: &mut Vec<field::Error>, new: &PersistentVolumeClaim, old: &PersistentVolumeClaim) {
    let (Some(spec), Some(before)) = (&new.spec, &old.spec) else { return };
    let path = field::Path::new("spec");
    let storage = |spec: &PersistentVolumeClaimSpec| {
        let requests = spec.resources.as_ref().and_then(|given| given.requests.as_ref());
        requests.and_then(|list| list.get("storage")).cloned()
    };
    let (mut munged, mut held) = (spec.clone(), before.clone());
    if held.volume_name.as_deref().unwrap_or_default().is_empty() {
        held.volume_name.clone_from(&munged.volume_name);
    }
    if held.storage_class_name.is_none() && munged.storage_class_name.is_some() {
        munged.storage_class_name = None;
    }
    if new.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound") {
        if let (Some(amount), Some(list)) =
            (storage(before), munged.resources.as_mut().and_then(|given| given.requests.as_mut()))
        {
            list.insert("storage".to_owned(), amount);
        }
        munged.volume_attributes_class_name.clone_from(&held.volume_attributes_class_name);
    }
    if munged != held {
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
                   claims";
        let write = |old: &Value, new: &Value| internal::difference("PersistentVolumeClaimSpec", old, new);
        errors.push(field::Error::forbidden_change(&path, why, (json!(held), json!(munged)), write));
    }
    let amount =
        |text: Option<Text>| text.and_then(|text| Quantity::parse(&text.0).ok()).unwrap_or_else(Quantity::zero);
    let capacity = old.status.as_ref().and_then(|status| status.capacity.as_ref()?.get("storage").cloned());
    let asked = amount(storage(spec));
    if asked < amount(storage(before)) && asked <= amount(capacity) {
        let at = path.child("resources").child("requests").child("storage");
        errors.push(field::Error::forbidden(&at, "field can not be less than status.capacity"));
    }
    validate::immutable(errors, &field::Path::new("volumeMode"), &spec.volume_mode, &before.volume_mode);
}
