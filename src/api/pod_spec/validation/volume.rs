//! Volumes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{KeyToPath, Volume};

use super::container::{Volumes, descending};
use super::{choice, env};
use crate::api::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::quantity::Quantity;

const HOST_PATH_TYPES: &[&str] =
    &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// `ValidateVolumes`: the volumes without a fault, by name.
pub fn volumes<'a>(errors: &mut Errors, path: &Path, volumes: &'a [Volume]) -> Volumes<'a> {
    let mut known: Volumes = BTreeMap::new();
    for (index, volume) in volumes.iter().enumerate() {
        let path = path.index(index);
        let before = errors.len();
        source(errors, &path, volume);
        let name = volume.name.as_str();
        if name.is_empty() {
            errors.push(Error::required(&path.child("name"), ""));
        } else {
            validate::each(errors, &path.child("name"), name, content::dns1123_label(name));
        }
        if known.contains_key(name) {
            errors.push(Error::duplicate(&path.child("name"), name));
        }
        if errors.len() == before {
            known.insert(name, volume);
        }
    }
    known
}

/// `validateVolumeSource`: one source, and only one.
fn source(errors: &mut Errors, path: &Path, volume: &Volume) {
    let mut given = 0;
    let mut first = |errors: &mut Errors, path: &Path| {
        given += 1;
        if given > 1 {
            errors.push(Error::forbidden(path, "may not specify more than 1 volume type"));
        }
        given == 1
    };
    let required = |errors: &mut Errors, path: &Path, text: &str| {
        if text.is_empty() {
            errors.push(Error::required(path, ""));
        }
    };
    if let Some(found) = &volume.empty_dir {
        let path = path.child("emptyDir");
        let limit = found.size_limit.as_ref().and_then(|limit| Quantity::parse(&limit.0).ok());
        if first(errors, &path) && limit.is_some_and(|limit| limit < Quantity::zero()) {
            errors
                .push(Error::forbidden(&path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity"));
        }
    }
    if let Some(found) = &volume.host_path {
        let path = path.child("hostPath");
        if first(errors, &path) {
            required(errors, &path.child("path"), &found.path);
            if found.path.split('/').any(|part| part == "..") {
                errors.push(Error::invalid(&path.child("path"), &found.path, "must not contain '..'"));
            }
            let kind = found.type_.as_deref().unwrap_or_default();
            if !HOST_PATH_TYPES.contains(&kind) {
                errors.push(Error::not_supported(&path.child("type"), kind, HOST_PATH_TYPES));
            }
        }
    }
    if let Some(found) = &volume.secret {
        let path = path.child("secret");
        if first(errors, &path) {
            required(errors, &path.child("secretName"), found.secret_name.as_deref().unwrap_or_default());
            mode(errors, &path.child("defaultMode"), found.default_mode);
            items(errors, &path.child("items"), found.items.as_deref().unwrap_or_default());
        }
    }
    if let Some(found) = &volume.config_map {
        let path = path.child("configMap");
        if first(errors, &path) {
            required(errors, &path.child("name"), &found.name);
            mode(errors, &path.child("defaultMode"), found.default_mode);
            items(errors, &path.child("items"), found.items.as_deref().unwrap_or_default());
        }
    }
    if let Some(found) = &volume.persistent_volume_claim {
        let path = path.child("persistentVolumeClaim");
        if first(errors, &path) {
            required(errors, &path.child("claimName"), &found.claim_name);
        }
    }
    if let Some(found) = &volume.nfs {
        let path = path.child("nfs");
        if first(errors, &path) {
            required(errors, &path.child("server"), &found.server);
            required(errors, &path.child("path"), &found.path);
            if !found.path.is_empty() && !found.path.starts_with('/') {
                errors.push(Error::invalid(&path.child("path"), &found.path, "must be an absolute path"));
            }
        }
    }
    if let Some(found) = &volume.downward_api {
        let path = path.child("downwardAPI");
        if first(errors, &path) {
            mode(errors, &path.child("defaultMode"), found.default_mode);
            for (index, item) in found.items.iter().flatten().enumerate() {
                required(errors, &path.child("items").index(index).child("path"), &item.path);
            }
        }
    }
    if let Some(found) = &volume.projected {
        let path = path.child("projected");
        if first(errors, &path) {
            mode(errors, &path.child("defaultMode"), found.default_mode);
        }
    }
    for (field, set) in
        [("csi", volume.csi.is_some()), ("ephemeral", volume.ephemeral.is_some()), ("image", volume.image.is_some())]
    {
        if set {
            first(errors, &path.child(field));
        }
    }
    if let Some(found) = &volume.image
        && given == 1
        && found.reference.as_deref().unwrap_or_default().is_empty()
    {
        errors.push(Error::required(&path.child("image").child("reference"), ""));
    }
    if let Some(policy) = volume.image.as_ref().and_then(|image| image.pull_policy.as_deref()) {
        let path = path.child("image").child("pullPolicy");
        choice(errors, &path, Some(policy), &["Always", "IfNotPresent", "Never"]);
    }
}

fn mode(errors: &mut Errors, path: &Path, mode: Option<i32>) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        let why = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(Error::invalid(path, mode, why));
    }
}

/// `validateKeyToPath`
fn items(errors: &mut Errors, path: &Path, items: &[KeyToPath]) {
    for (index, item) in items.iter().enumerate() {
        let path = path.index(index);
        if item.key.is_empty() {
            errors.push(Error::required(&path.child("key"), ""));
        } else {
            validate::each(errors, &path.child("key"), &item.key, env::data_key(&item.key));
        }
        if item.path.is_empty() {
            errors.push(Error::required(&path.child("path"), ""));
        } else {
            descending(errors, &path.child("path"), &item.path);
        }
        mode(errors, &path.child("mode"), item.mode);
    }
}
