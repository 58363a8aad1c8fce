//! Persistent volumes.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidatePersistentVolume`).

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeSpec, SecretReference};
use serde_json::{Value, json};

use super::{Cell, Column, KindInfo, Strategy, cells, claim_spec, disks, internal, omitted::fill_text, validate};
use crate::api::pod_spec::validation::{HOST_PATH_TYPES, driver_name, no_backsteps, node_selector};
use crate::apimachinery::{content, field, meta};
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
        spec.volume_mode.get_or_insert_with(|| "Filesystem".to_owned());
        disks::set_persistent_defaults(spec);
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
        if let Some(spec) = &self.spec {
            validate_spec(&mut errors, &field::Path::new("spec"), spec, meta::name(&self.metadata));
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = self.validate();
        let (Some(spec), Some(before)) = (&self.spec, &old.spec) else { return errors };
        let (mut new, old) = (source_of(spec), source_of(before));
        // The one secret of a driver that may come later.
        let late = |source: &Value| source["csi"].get("controllerExpandSecretRef").is_some();
        if late(&new) && old.get("csi").is_some() && !late(&old) {
            let driver = new.get_mut("csi").and_then(Value::as_object_mut);
            driver.map(|driver| driver.remove("controllerExpandSecretRef"));
        }
        if new != old {
            let at = field::Path::new("spec").child("persistentvolumesource");
            let why = "spec.persistentvolumesource is immutable after creation";
            let write = |old: &Value, new: &Value| internal::difference("PersistentVolumeSource", old, new);
            errors.push(field::Error::forbidden_change(&at, why, (old, new), write));
        }
        validate::immutable(&mut errors, &field::Path::new("volumeMode"), &spec.volume_mode, &before.volume_mode);
        if before.node_affinity.is_some() {
            let at = field::Path::new("nodeAffinity");
            if spec.node_affinity != before.node_affinity {
                let write = |affinity: &Value| match affinity {
                    Value::Null => "null".to_owned(),
                    affinity => internal::dump("VolumeNodeAffinity", affinity),
                };
                let why = "field is immutable, except for updating from beta label to GA";
                errors.push(field::Error::invalid_as(&at, json!(spec.node_affinity), write, why));
            }
        }
        if spec.volume_attributes_class_name.is_none() && before.volume_attributes_class_name.is_some() {
            let at = field::Path::new("spec").child("volumeAttributesClassName");
            errors.push(field::Error::forbidden(&at, "update from non-nil value to nil is forbidden"));
        }
        errors
    }

    fn warnings(&self, _: Option<&Self>) -> Vec<String> {
        let policy = self.spec.as_ref().and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
        let text = "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the \
                    recommended approach is to use dynamic provisioning.";
        if policy == Some("Recycle") { vec![text.to_owned()] } else { Vec::new() }
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

const RECLAIM_POLICIES: &[&str] = &["Delete", "Recycle", "Retain"];
/// The kinds of volumes, in the order in which upstream looks for them.
const SOURCES: &[&str] = &[
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephFS",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

/// The part of a spec that says where the volume is.
fn source_of(spec: &PersistentVolumeSpec) -> Value {
    let Value::Object(mut fields) = json!(spec) else { return Value::Null };
    fields.retain(|name, _| SOURCES.iter().any(|source| source.eq_ignore_ascii_case(name)));
    Value::Object(fields)
}

/// `ValidatePersistentVolumeSpec`
fn validate_spec(errors: &mut validate::Errors, path: &field::Path, spec: &PersistentVolumeSpec, name: &str) {
    let modes = spec.access_modes.as_deref().unwrap_or_default();
    if modes.is_empty() {
        errors.push(field::Error::required(&path.child("accessModes"), ""));
    }
    claim_spec::access_modes(errors, &path.child("accessModes"), modes);
    let (at, capacity) = (path.child("capacity"), spec.capacity.clone().unwrap_or_default());
    if capacity.is_empty() {
        errors.push(field::Error::required(&at, ""));
    }
    if !capacity.contains_key("storage") || capacity.len() > 1 {
        errors.push(field::Error::not_supported(&at, &spec.capacity, &["storage"]));
    }
    for (name, amount) in &capacity {
        claim_spec::basic(errors, &at.key(name), &amount.0);
        claim_spec::positive(errors, &at.key(name), &amount.0);
    }
    let policy = spec.persistent_volume_reclaim_policy.as_deref();
    validate::supported(errors, &path.child("persistentVolumeReclaimPolicy"), policy, RECLAIM_POLICIES);
    if let Some(affinity) = &spec.node_affinity {
        let at = path.child("nodeAffinity").child("required");
        match &affinity.required {
            Some(required) => node_selector(errors, &at, required),
            None => errors.push(field::Error::required(&at, "must specify required node constraints")),
        }
    }
    source(errors, path, spec, name);
    claim_spec::class_name(errors, &path.child("storageClassName"), spec.storage_class_name.as_deref());
    claim_spec::volume_mode(errors, &path.child("volumeMode"), spec.volume_mode.as_deref());
    if let Some(class) = spec.volume_attributes_class_name.as_deref() {
        let at = path.child("volumeAttributesClassName");
        if class.is_empty() {
            errors.push(field::Error::required(&at, "an empty string is disallowed"));
        }
        claim_spec::class_name(errors, &at, Some(class));
        if spec.csi.is_none() {
            let why = "has to be specified when using volumeAttributesClassName";
            errors.push(field::Error::required(&path.child("csi"), why));
        }
    }
}

/// One place where the volume is, and only one.
fn source(errors: &mut validate::Errors, path: &field::Path, spec: &PersistentVolumeSpec, name: &str) {
    let held = source_of(spec);
    // As errors say it; the field is in small letters.
    let key = |kind: &'static str| if kind == "cephFS" { "cephfs" } else { kind };
    let mut given = SOURCES.iter().filter(|name| held.get(key(name)).is_some());
    let Some(kind) = given.next() else {
        errors.push(field::Error::required(path, "must specify a volume type"));
        return;
    };
    let at = path.child(kind);
    if disks::is_disk(key(kind)) {
        disks::validate(errors, path, key(kind), (&held, name), true);
    } else if let Some(found) = &spec.host_path {
        if found.path.is_empty() {
            errors.push(field::Error::required(&at.child("path"), ""));
        } else if found.path.split('/').any(|part| part == "..") {
            errors.push(field::Error::invalid(&at.child("path"), &found.path, "must not contain '..'"));
        }
        if !found.path.is_empty() {
            validate::supported(errors, &at.child("type"), found.type_.as_deref(), HOST_PATH_TYPES);
        }
    } else if let Some(found) = &spec.nfs {
        validate::required(errors, &at.child("server"), &found.server);
        validate::required(errors, &at.child("path"), &found.path);
        if !found.path.starts_with('/') {
            errors.push(field::Error::invalid(&at.child("path"), &found.path, "must be an absolute path"));
        }
    } else if let Some(found) = &spec.local {
        validate::required(errors, &at.child("path"), &found.path);
        no_backsteps(errors, &at.child("path"), &found.path);
        if spec.node_affinity.as_ref().is_none_or(|affinity| affinity.required.is_none()) {
            errors.push(field::Error::required(&path.child("nodeAffinity"), "Local volume requires node affinity"));
        }
    } else if let Some(found) = &spec.csi {
        driver_name(errors, &at.child("driver"), &found.driver);
        validate::required(errors, &at.child("volumeHandle"), &found.volume_handle);
        let secrets = [
            ("controllerPublishSecretRef", &found.controller_publish_secret_ref),
            ("controllerExpandSecretRef", &found.controller_expand_secret_ref),
            ("nodePublishSecretRef", &found.node_publish_secret_ref),
            ("nodeExpandSecretRef", &found.node_expand_secret_ref),
        ];
        for (field, secret) in secrets {
            if let Some(secret) = secret {
                secret_reference(errors, &at.child(field), secret);
            }
        }
    }
    // Upstream forgets to count this one.
    for name in given.filter(|name| **name != "flexVolume") {
        errors.push(field::Error::forbidden(&path.child(name), "may not specify more than 1 volume type"));
    }
    let recycled = spec.persistent_volume_reclaim_policy.as_deref() == Some("Recycle");
    if recycled && spec.host_path.as_ref().is_some_and(|found| found.path.trim_end_matches('/').is_empty()) {
        let at = path.child("persistentVolumeReclaimPolicy");
        errors.push(field::Error::forbidden(&at, "may not be 'recycle' for a hostPath mount of '/'"));
    }
}

/// `validatePVSecretReference`
fn secret_reference(errors: &mut validate::Errors, path: &field::Path, secret: &SecretReference) {
    type Rule = fn(&str) -> Vec<String>;
    let fields: [(&str, &Option<String>, Rule); 2] =
        [("name", &secret.name, content::dns1123_subdomain), ("namespace", &secret.namespace, content::dns1123_label)];
    for (field, text, rule) in fields {
        let (path, text) = (path.child(field), text.as_deref().unwrap_or_default());
        if text.is_empty() {
            errors.push(field::Error::required(&path, ""));
        } else {
            validate::each(errors, &path, text, rule(text));
        }
    }
}
