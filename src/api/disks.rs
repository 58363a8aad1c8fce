//! The disks of cloud providers and storage systems, as volumes of Pods and as volumes of their own: what is left open
//! and what is asked of them. Knows them by the names of their fields; nothing here can mount one.
//!
//! Models Kubernetes 1.36 pkg/apis/core/v1/defaults.go and pkg/apis/core/validation/validation.go
//! (`validateISCSIVolumeSource` and its kin).

use k8s_openapi::api::core::v1::{AzureDiskVolumeSource, PersistentVolumeSpec, Volume};
use serde_json::Value;

use super::omitted::fill_text;
use super::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

/// The fields that must be there, by kind of disk, in upstream's order.
const REQUIRED: &[(&str, &[&str])] = &[
    ("gcePersistentDisk", &["pdName"]),
    ("awsElasticBlockStore", &["volumeID"]),
    ("iscsi", &["targetPortal", "iqn"]),
    ("glusterfs", &["endpoints", "path"]),
    ("rbd", &["monitors", "image"]),
    ("cinder", &["volumeID"]),
    ("cephfs", &["monitors"]),
    ("flexVolume", &["driver"]),
    ("azureFile", &["secretName", "shareName"]),
    ("vsphereVolume", &["volumePath"]),
    ("photonPersistentDisk", &["pdID"]),
    ("portworxVolume", &["volumeID"]),
    ("azureDisk", &["diskName", "diskURI"]),
    ("storageos", &["volumeName"]),
    ("scaleIO", &["gateway", "system", "volumeName"]),
];
const LUN: &str = "must be between 0 and 255, inclusive";
const FORMAT: &str = "must be valid format";

/// A disk, and how errors get at it.
struct Disk<'a> {
    /// Where errors say it is.
    path: Path,
    value: &'a Value,
    /// Whether it is a volume of its own and not one of a Pod.
    persistent: bool,
    /// The name of the volume.
    name: &'a str,
}

/// Whether this is the field of such a disk.
pub fn is_disk(kind: &str) -> bool {
    matches!(kind, "quobyte" | "flocker" | "fc") || REQUIRED.iter().any(|(of, _)| *of == kind)
}

/// What is wrong with a disk of this kind, the field of `volume` that holds it.
pub fn validate(errors: &mut Errors, path: &Path, kind: &str, (volume, name): (&Value, &str), persistent: bool) {
    let at = path.child(if kind == "gcePersistentDisk" { "persistentDisk" } else { kind });
    let disk = Disk { path: at, value: &volume[kind], persistent, name };
    for (_, fields) in REQUIRED.iter().filter(|(of, _)| *of == kind) {
        for field in *fields {
            let empty = match &disk.value[*field] {
                Value::Array(items) => items.is_empty(),
                other => other.as_str().unwrap_or_default().is_empty(),
            };
            if empty {
                errors.push(Error::required(&disk.path.child(field), ""));
            }
            if *field == "targetPortal" && persistent {
                disk.portal(errors, &disk.path.child("targetportal"), disk.text("targetPortal"));
            }
        }
    }
    match kind {
        "gcePersistentDisk" | "awsElasticBlockStore" => {
            let number = disk.value["partition"].as_i64().unwrap_or(0);
            if !(0..=255).contains(&number) {
                errors.push(Error::invalid(
                    &disk.path.child("partition"),
                    number,
                    "must be between 1 and 255, inclusive",
                ));
            }
        }
        "iscsi" => disk.iscsi(errors),
        "glusterfs" => disk.namespace(errors),
        "quobyte" => disk.quobyte(errors),
        "flocker" => disk.flocker(errors),
        "fc" => disk.fibre_channel(errors),
        "flexVolume" => disk.options(errors),
        "azureDisk" => disk.azure(errors),
        "azureFile" if disk.value["secretNamespace"] == "" => {
            errors.push(Error::required(&disk.path.child("secretNamespace"), ""));
        }
        "storageos" => {
            for field in ["volumeName", "volumeNamespace"] {
                let text = disk.text(field);
                let wrong = if text.is_empty() { Vec::new() } else { content::dns1123_label(text) };
                validate::each(errors, &disk.path.child(field), text, wrong);
            }
        }
        _ => {}
    }
    if matches!(kind, "cinder" | "storageos") {
        disk.secret(errors, persistent);
    }
    if kind == "iscsi" && !persistent {
        disk.portal(errors, &path.child("name"), name);
    }
}

impl Disk<'_> {
    fn text(&self, field: &str) -> &str {
        self.value[field].as_str().unwrap_or_default()
    }

    fn secret(&self, errors: &mut Errors, namespaced: bool) {
        let Some(reference) = self.value.get("secretRef") else { return };
        let fields: &[&str] = if namespaced { &["name", "namespace"] } else { &["name"] };
        for field in fields {
            let text = reference[*field].as_str().unwrap_or_default();
            validate::required(errors, &self.path.child("secretRef").child(field), text);
        }
    }

    /// Who connects under a name of one's own must keep it short.
    fn portal(&self, errors: &mut Errors, path: &Path, shown: &str) {
        let long = self.name.len() + 1 + self.text("targetPortal").len() > 64;
        if long && self.value.get("initiatorName").is_some() {
            let why = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if \
                       iscsi.initiatorName is specified.";
            errors.push(Error::invalid(path, shown, why));
        }
    }

    fn iscsi(&self, errors: &mut Errors) {
        let vague = if self.persistent { FORMAT } else { "must be valid format starting with iqn, eui, or naa" };
        let check = |errors: &mut Errors, path: &Path, text: &str| {
            let known = ["iqn", "eui", "naa"].iter().any(|prefix| text.starts_with(prefix));
            if !known || !qualified(text) {
                errors.push(Error::invalid(path, text, if known { FORMAT } else { vague }));
            }
        };
        if !self.text("iqn").is_empty() {
            check(errors, &self.path.child("iqn"), self.text("iqn"));
        }
        self.lun(errors);
        if self.persistent {
            self.secret(errors, false);
        }
        if let Some(name) = self.value.get("initiatorName").and_then(Value::as_str) {
            check(errors, &self.path.child("initiatorname"), name);
        }
    }

    fn lun(&self, errors: &mut Errors) {
        let number = self.value["lun"].as_i64().unwrap_or(0);
        if !(0..=255).contains(&number) {
            errors.push(Error::invalid(&self.path.child("lun"), number, LUN));
        }
        let asks = ["chapAuthDiscovery", "chapAuthSession"].iter().any(|field| self.value[*field] == true);
        if asks && self.value.get("secretRef").is_none() {
            errors.push(Error::required(&self.path.child("secretRef"), ""));
        }
    }

    fn namespace(&self, errors: &mut Errors) {
        let Some(space) = self.value.get("endpointsNamespace").and_then(Value::as_str) else { return };
        let path = self.path.child("endpointsNamespace");
        if space.is_empty() {
            let why = "if the endpointnamespace is set, it must be a valid namespace name";
            errors.push(Error::invalid(&path, space, why));
        } else {
            validate::each(errors, &path, space, content::dns1123_label(space));
        }
    }

    fn quobyte(&self, errors: &mut Errors) {
        let why = "must be a host:port pair or multiple pairs separated by commas";
        let registry = self.text("registry");
        if registry.is_empty() {
            errors.push(Error::required(&self.path.child("registry"), why));
        } else if self.text("tenant").len() >= 65 {
            let why = "must be a UUID and may not exceed a length of 64 characters";
            errors.push(Error::required(&self.path.child("tenant"), why));
        } else {
            let pair = |text: &str| {
                text.rsplit_once(':').is_some_and(|(host, _)| {
                    host.strip_prefix('[').map_or(!host.contains([':', ']']), |host| host.ends_with(']'))
                })
            };
            for _ in registry.split(',').filter(|text| !pair(text)) {
                errors.push(Error::invalid(&self.path.child("registry"), registry, why));
            }
        }
        validate::required(errors, &self.path.child("volume"), self.text("volume"));
    }

    fn flocker(&self, errors: &mut Errors) {
        let name = self.text("datasetName");
        match (name.is_empty(), self.text("datasetUUID").is_empty()) {
            (true, true) => {
                errors.push(Error::required(&self.path, "one of datasetName and datasetUUID is required"));
            }
            (false, false) => {
                let why = "datasetName and datasetUUID can not be specified simultaneously";
                errors.push(Error::invalid(&self.path, "resource", why));
            }
            _ => {}
        }
        if name.contains('/') {
            errors.push(Error::invalid(&self.path.child("datasetName"), name, "must not contain '/'"));
        }
    }

    fn fibre_channel(&self, errors: &mut Errors) {
        let any = |field: &str| self.value[field].as_array().is_some_and(|list| !list.is_empty());
        let path = self.path.child("targetWWNs");
        match (any("targetWWNs"), any("wwids")) {
            (false, false) => {
                errors.push(Error::required(&path, "must specify either targetWWNs or wwids, but not both"));
            }
            (true, true) => {
                let why = "targetWWNs and wwids can not be specified simultaneously";
                errors.push(Error::invalid(&path, &self.value["targetWWNs"], why));
            }
            _ => {}
        }
        let path = self.path.child("lun");
        match self.value["lun"].as_i64() {
            None if any("targetWWNs") => {
                errors.push(Error::required(&path, "lun is required if targetWWNs is specified"));
            }
            Some(number) if any("targetWWNs") && !(0..=255).contains(&number) => {
                errors.push(Error::invalid(&path, number, LUN));
            }
            _ => {}
        }
    }

    fn options(&self, errors: &mut Errors) {
        for key in self.value["options"].as_object().into_iter().flatten().map(|(key, _)| key) {
            let space = key.split_once('/').map_or(key.as_str(), |(space, _)| space).to_lowercase();
            let space = format!(".{space}");
            if space.ends_with(".kubernetes.io") || space.ends_with(".k8s.io") {
                let why = "kubernetes.io and k8s.io namespaces are reserved";
                errors.push(Error::invalid(&self.path.child("options").key(key), key, why));
            }
        }
    }

    fn azure(&self, errors: &mut Errors) {
        for (field, known) in
            [("cachingMode", &["None", "ReadOnly", "ReadWrite"]), ("kind", &["Dedicated", "Managed", "Shared"])]
        {
            validate::supported(errors, &self.path.child(field), self.value[field].as_str(), known);
        }
        let Some(kind) = self.value["kind"].as_str() else { return };
        let (prefix, form) = match kind {
            "Managed" => (
                "/subscriptions/",
                "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
            ),
            _ => ("https://", "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"),
        };
        if !self.text("diskURI").starts_with(prefix) {
            errors.push(Error::not_supported(&self.path.child("diskURI"), self.text("diskURI"), &[form]));
        }
    }
}

/// The three forms in which machines that serve disks are named: `iqn.2020-01.a.b:c`, and `eui.` and `naa.` with digits.
fn qualified(text: &str) -> bool {
    let letters = |text: &str, count: usize| text.len() == count && text.bytes().all(|c| c.is_ascii_alphanumeric());
    let (kind, rest) = text.split_at_checked(3).unwrap_or((text, ""));
    let mut rest = rest.chars();
    let dot = rest.next();
    let rest = rest.as_str();
    match kind {
        "eui" => dot.is_some() && letters(rest, 16),
        "naa" => dot.is_some() && letters(rest, 32),
        _ => {
            let (date, rest) = rest.split_once('.').unwrap_or((rest, ""));
            let (host, own) = rest.split_once(':').unwrap_or((rest, ""));
            let digits = |(at, digit): (usize, u8)| if at == 4 { digit == b'-' } else { digit.is_ascii_digit() };
            dot == Some('.')
                && date.len() == 7
                && date.bytes().enumerate().all(digits)
                && !host.is_empty()
                && host.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'.')
                && !own.is_empty()
                && !own.contains(|c: char| ",;*&$|".contains(c) || c.is_ascii_whitespace())
        }
    }
}

/// What upstream fills in for a volume of a Pod.
pub fn set_pod_defaults(volume: &mut Volume) {
    if let Some(disk) = &mut volume.iscsi {
        fill_text(&mut disk.iscsi_interface, "default");
    }
    if let Some(disk) = &mut volume.rbd {
        set_block_defaults(&mut disk.pool, &mut disk.user, &mut disk.keyring);
    }
    if let Some(disk) = &mut volume.azure_disk {
        set_azure_defaults(disk);
    }
    if let Some(disk) = &mut volume.scale_io {
        fill_text(&mut disk.storage_mode, "ThinProvisioned");
        fill_text(&mut disk.fs_type, "xfs");
    }
}

/// What upstream fills in for a volume of its own.
pub fn set_persistent_defaults(spec: &mut PersistentVolumeSpec) {
    if let Some(path) = &mut spec.host_path {
        path.type_.get_or_insert_default();
    }
    if let Some(disk) = &mut spec.iscsi {
        fill_text(&mut disk.iscsi_interface, "default");
    }
    if let Some(disk) = &mut spec.rbd {
        set_block_defaults(&mut disk.pool, &mut disk.user, &mut disk.keyring);
    }
    if let Some(disk) = &mut spec.azure_disk {
        set_azure_defaults(disk);
    }
    if let Some(disk) = &mut spec.scale_io {
        fill_text(&mut disk.storage_mode, "ThinProvisioned");
        fill_text(&mut disk.fs_type, "xfs");
    }
}

fn set_block_defaults(pool: &mut Option<String>, user: &mut Option<String>, keyring: &mut Option<String>) {
    fill_text(pool, "rbd");
    fill_text(user, "admin");
    fill_text(keyring, "/etc/ceph/keyring");
}

fn set_azure_defaults(disk: &mut AzureDiskVolumeSource) {
    disk.caching_mode.get_or_insert_with(|| "ReadWrite".to_owned());
    disk.kind.get_or_insert_with(|| "Shared".to_owned());
    disk.fs_type.get_or_insert_with(|| "ext4".to_owned());
    disk.read_only.get_or_insert(false);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_that_serve_disks_have_names_of_three_forms() {
        for text in ["iqn.2015-02.example.com:test", "eui.0123456789abcdef", "naa.0123456789abcdef0123456789abcdef"] {
            assert!(qualified(text), "{text}");
        }
        for text in ["iqn.2015-02.example.com", "iqn.2015-2.a:b", "eui.012", "naa.0123456789abcdef", "iqn", "iqn.é"] {
            assert!(!qualified(text), "{text}");
        }
    }
}
