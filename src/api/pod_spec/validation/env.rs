//! Environment variables.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidateEnv`, `ValidateEnvFrom`).

use k8s_openapi::api::core::v1::{
    EnvFromSource, EnvVar, EnvVarSource, FileKeySelector, ObjectFieldSelector, ResourceFieldSelector,
};

use super::paths::no_backsteps;
use crate::api::validate::{self, Errors, required};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::quantity::Quantity;

/// The fields of a Pod that a variable may show.
const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// The amounts of a container that a variable may show.
const RESOURCES: &[&str] = &[
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// `ValidateEnv`
pub fn variables(errors: &mut Errors, path: &Path, variables: &[EnvVar]) {
    for (index, variable) in variables.iter().enumerate() {
        let path = path.index(index);
        if variable.name.is_empty() {
            errors.push(Error::required(&path.child("name"), ""));
        } else {
            validate::each(errors, &path.child("name"), &variable.name, variable_name(&variable.name));
        }
        if let Some(from) = &variable.value_from {
            let has_value = variable.value.as_deref().is_some_and(|value| !value.is_empty());
            source(errors, &path.child("valueFrom"), from, has_value);
        }
    }
}

/// `IsRelaxedEnvVarName`
fn variable_name(name: &str) -> Vec<String> {
    if name.chars().all(|c| (' '..='~').contains(&c) && c != '=') {
        return Vec::new();
    }
    vec!["a valid environment variable name must consist only of printable ASCII characters other than '='".to_owned()]
}

/// `validateEnvVarValueFrom`
fn source(errors: &mut Errors, path: &Path, from: &EnvVarSource, has_value: bool) {
    if let Some(reference) = &from.field_ref {
        field(errors, &path.child("fieldRef"), reference, FIELDS);
    }
    if let Some(reference) = &from.resource_field_ref {
        resource(errors, &path.child("resourceFieldRef"), reference, false);
    }
    let keys = [
        ("configMapKeyRef", from.config_map_key_ref.as_ref().map(|reference| (&reference.name, &reference.key))),
        ("secretKeyRef", from.secret_key_ref.as_ref().map(|reference| (&reference.name, &reference.key))),
    ];
    for (child, reference) in keys {
        if let Some((name, key)) = reference {
            key_of(errors, &path.child(child), name, key);
        }
    }
    if let Some(reference) = &from.file_key_ref {
        file_key(errors, &path.child("fileKeyRef"), reference);
    }
    let sources = [
        from.field_ref.is_some(),
        from.resource_field_ref.is_some(),
        from.config_map_key_ref.is_some(),
        from.secret_key_ref.is_some(),
        from.file_key_ref.is_some(),
    ];
    let why = match sources.into_iter().filter(|given| *given).count() {
        0 => "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        _ if has_value => "may not be specified when `value` is not empty",
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    errors.push(Error::invalid(path, "", why));
}

/// A field of a Pod, one of `known` or a label or annotation (`validateObjectFieldSelector`).
pub fn field(errors: &mut Errors, path: &Path, reference: &ObjectFieldSelector, known: &[&str]) {
    let (version, text) = (reference.api_version.as_deref().unwrap_or_default(), reference.field_path.as_str());
    let at = path.child("fieldPath");
    if version.is_empty() || text.is_empty() {
        errors.push(Error::required(&path.child(if version.is_empty() { "apiVersion" } else { "fieldPath" }), ""));
        return;
    }
    let mut refuse = |why: String| {
        errors.push(Error::invalid(&at, text, format!("error converting fieldPath: {why}")));
    };
    if version != "v1" {
        return refuse(format!("unsupported pod version: {version}"));
    }
    if let Some((field, key)) = subscript(text) {
        match field {
            "metadata.annotations" => validate::each(errors, path, key, content::label_key(&key.to_lowercase())),
            "metadata.labels" => validate::each(errors, path, key, content::label_key(key)),
            _ => refuse(format!("field label does not support subscript: {text}")),
        }
        return;
    }
    // What no selector knows cannot even be converted.
    let convertible =
        ["metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase"];
    match text {
        "spec.host" => validate::supported(errors, &at, Some("spec.nodeName"), known),
        _ if convertible.contains(&text) || FIELDS.contains(&text) => {
            validate::supported(errors, &at, Some(text), known);
        }
        _ => refuse(format!("field label not supported: {text}")),
    }
}

/// `metadata.labels['app']` in its two parts (`SplitMaybeSubscriptedPath`).
fn subscript(text: &str) -> Option<(&str, &str)> {
    let (field, key) = text.strip_suffix("']")?.split_once("['")?;
    (!field.is_empty()).then_some((field, key))
}

/// An amount of a container (`validateContainerResourceFieldSelector`); a file has to say of which.
pub fn resource(errors: &mut Errors, path: &Path, reference: &ResourceFieldSelector, in_file: bool) {
    let name = reference.resource.as_str();
    let pages = name.starts_with("requests.hugepages-") || name.starts_with("limits.hugepages-");
    if in_file && reference.container_name.as_deref().unwrap_or_default().is_empty() {
        errors.push(Error::required(&path.child("containerName"), ""));
    } else if name.is_empty() {
        errors.push(Error::required(&path.child("resource"), ""));
    } else if !pages {
        validate::supported(errors, &path.child("resource"), Some(name), RESOURCES);
    }
    let divisor = reference.divisor.as_ref().and_then(|text| Quantity::parse(&text.0).ok());
    let Some(divisor) = divisor.filter(|divisor| !divisor.is_zero()).map(|divisor| divisor.to_string()) else { return };
    let sizes = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";
    let (allowed, of) = match name.split_once('.').map_or(name, |(_, what)| what) {
        "cpu" => ("1m, 1", "cpu"),
        "memory" => (sizes, "memory"),
        "ephemeral-storage" => (sizes, "local ephemeral storage"),
        _ if pages => (sizes, "hugepages"),
        _ => return,
    };
    if !allowed.split(", ").any(|known| known == divisor) {
        let allowed = if of == "cpu" { "1m and 1" } else { allowed };
        let why = format!("only divisor's values {allowed} are supported with the {of} resource");
        errors.push(Error::invalid(&path.child("divisor"), name, why));
    }
}

/// A key of a config map or secret (`validateConfigMapKeySelector`).
fn key_of(errors: &mut Errors, path: &Path, name: &str, key: &str) {
    validate::each(errors, &path.child("name"), name, content::dns1123_subdomain(name));
    if key.is_empty() {
        errors.push(Error::required(&path.child("key"), ""));
    } else {
        validate::each(errors, &path.child("key"), key, data_key(key));
    }
}

/// `validateFileKeySelector`
fn file_key(errors: &mut Errors, path: &Path, reference: &FileKeySelector) {
    required(errors, &path.child("key"), &reference.key);
    if !reference.key.is_empty() {
        validate::each(errors, &path.child("key"), &reference.key, variable_name(&reference.key));
    }
    required(errors, &path.child("volumeName"), &reference.volume_name);
    if !reference.volume_name.is_empty() {
        let wrong = content::dns1123_label(&reference.volume_name);
        validate::each(errors, &path.child("volumeName"), &reference.volume_name, wrong);
    }
    required(errors, &path.child("path"), &reference.path);
    no_backsteps(errors, &path.child("path"), &reference.path);
}

/// What is wrong with a key of a config map or secret (`IsConfigMapKey`).
pub fn data_key(key: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if key.len() > 253 {
        wrong.push("must be no more than 253 characters".to_owned());
    }
    if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        wrong.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
             'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                .to_owned(),
        );
    }
    match key {
        "." => wrong.push("must not be '.'".to_owned()),
        ".." => wrong.push("must not be '..'".to_owned()),
        _ if key.starts_with("..") => wrong.push("must not start with '..'".to_owned()),
        _ => {}
    }
    wrong
}

/// `ValidateEnvFrom`
pub fn sources(errors: &mut Errors, path: &Path, sources: &[EnvFromSource]) {
    for (index, from) in sources.iter().enumerate() {
        let list = path;
        let path = path.index(index);
        if let Some(prefix) = from.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            validate::each(errors, &path.child("prefix"), prefix, variable_name(prefix));
        }
        let mut given = 0;
        for (child, name) in [
            ("configMapRef", from.config_map_ref.as_ref().map(|reference| &reference.name)),
            ("secretRef", from.secret_ref.as_ref().map(|reference| &reference.name)),
        ] {
            let Some(name) = name else { continue };
            given += 1;
            let path = path.child(child).child("name");
            if name.is_empty() {
                errors.push(Error::required(&path, ""));
            } else {
                validate::each(errors, &path, name, content::dns1123_subdomain(name));
            }
        }
        match given {
            // Upstream leaves out which of the sources it is.
            0 => errors.push(Error::invalid(list, "", "must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => errors.push(Error::invalid(list, "", "may not have more than one field specified at a time")),
        }
    }
}
