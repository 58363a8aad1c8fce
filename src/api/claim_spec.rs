//! What claims and templates of claims share: whether the spec of a claim is acceptable. Knows not which kind holds it.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidatePersistentVolumeClaimSpec`).

use k8s_openapi::api::core::v1::PersistentVolumeClaimSpec;

use super::validate::{self, Errors, required};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::quantity::Quantity;

const ACCESS_MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const VOLUME_MODES: &[&str] = &["Block", "Filesystem"];

/// `ValidatePersistentVolumeClaimSpec`
pub fn validate(errors: &mut Errors, path: &Path, spec: &PersistentVolumeClaimSpec) {
    let modes = spec.access_modes.as_deref().unwrap_or_default();
    if modes.is_empty() {
        errors.push(Error::required(&path.child("accessModes"), "at least 1 access mode is required"));
    }
    if let Some(selector) = &spec.selector {
        validate::selector(errors, &path.child("selector"), selector);
    }
    access_modes(errors, &path.child("accessModes"), modes);
    let requests = spec.resources.as_ref().and_then(|given| given.requests.as_ref());
    let at = path.child("resources").key("storage");
    match requests.and_then(|list| list.get("storage")) {
        None => errors.push(Error::required(&at, "")),
        Some(text) => positive(errors, &at, &text.0),
    }
    class_name(errors, &path.child("storageClassName"), spec.storage_class_name.as_deref());
    volume_mode(errors, &path.child("volumeMode"), spec.volume_mode.as_deref());
    let sources = [
        ("dataSource", spec.data_source.as_ref().map(|given| (&given.name, &given.kind, &given.api_group))),
        ("dataSourceRef", spec.data_source_ref.as_ref().map(|given| (&given.name, &given.kind, &given.api_group))),
    ];
    let foreign = spec.data_source_ref.as_ref().and_then(|given| given.namespace.as_deref()).unwrap_or_default();
    for (field, source) in sources {
        let Some((name, kind, group)) = source else { continue };
        let path = path.child(field);
        required(errors, &path.child("name"), name);
        required(errors, &path.child("kind"), kind);
        let group = group.as_deref().unwrap_or_default();
        if group.is_empty() && kind != "PersistentVolumeClaim" {
            let why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
            errors.push(Error::invalid(&path, kind, why));
        } else if !group.is_empty() {
            validate::each(errors, &path.child("apiGroup"), group, content::dns1123_subdomain(group));
        }
    }
    if !foreign.is_empty() {
        let at = path.child("dataSourceRef").child("namespace");
        validate::each(errors, &at, foreign, content::dns1123_label(foreign));
    }
    let [(_, first), (_, second)] = sources;
    if !foreign.is_empty() && first.is_some() {
        let why = "may not be specified when dataSourceRef.namespace is specified";
        errors.push(Error::invalid_shown(path, "{}", why));
    } else if first.is_some() && second.is_some() && first != second {
        errors.push(Error::invalid_shown(path, "{}", "must match dataSourceRef"));
    }
    class_name(errors, &path.child("volumeAttributesClassName"), spec.volume_attributes_class_name.as_deref());
}

/// What the server warns of: bytes come whole (`GetWarningsForPersistentVolumeClaimSpec`).
pub fn warnings(path: &Path, spec: &PersistentVolumeClaimSpec) -> Vec<String> {
    let Some(given) = &spec.resources else { return Vec::new() };
    let mut all = Vec::new();
    for (name, list) in [("requests", &given.requests), ("limits", &given.limits)] {
        let amount = list.as_ref().and_then(|list| list.get("storage")).and_then(|text| Quantity::parse(&text.0).ok());
        if let Some(amount) = amount.filter(|amount| amount.milli_value() % 1000 != 0) {
            let at = path.child("resources").child(name).key("storage");
            all.push(format!("{at}: fractional byte value \"{amount}\" is invalid, must be an integer"));
        }
    }
    all
}

/// The ways in which nodes may mount a volume.
pub fn access_modes(errors: &mut Errors, path: &Path, modes: &[String]) {
    for mode in modes {
        validate::supported(errors, path, Some(mode), ACCESS_MODES);
    }
    let is_once = |mode: &str| mode == "ReadWriteOncePod";
    if modes.iter().any(|mode| is_once(mode))
        && modes.iter().any(|mode| !is_once(mode) && ACCESS_MODES.contains(&mode.as_str()))
    {
        errors.push(Error::forbidden(path, "may not use ReadWriteOncePod with other access modes"));
    }
}

/// The name of a class, when there is one.
pub fn class_name(errors: &mut Errors, path: &Path, name: Option<&str>) {
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        validate::each(errors, path, name, content::dns1123_subdomain(name));
    }
}

/// File system or raw device.
pub fn volume_mode(errors: &mut Errors, path: &Path, mode: Option<&str>) {
    validate::supported(errors, path, mode, VOLUME_MODES);
}

/// An amount that is not less than nothing, in whole numbers (`validateBasicResource`).
pub fn basic(errors: &mut Errors, path: &Path, text: &str) {
    if let Ok(amount) = Quantity::parse(text)
        && amount.value() < 0
    {
        errors.push(Error::invalid(path, amount.value(), "must be a valid resource quantity"));
    }
}

/// An amount of more than nothing (`ValidatePositiveQuantityValue`).
pub fn positive(errors: &mut Errors, path: &Path, text: &str) {
    if let Ok(amount) = Quantity::parse(text)
        && amount <= Quantity::zero()
    {
        errors.push(Error::invalid(path, amount.to_string(), "must be greater than zero"));
    }
}
