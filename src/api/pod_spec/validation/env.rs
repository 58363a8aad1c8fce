//! Environment variables.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector};

use crate::api::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

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

fn source(errors: &mut Errors, path: &Path, from: &EnvVarSource, has_value: bool) {
    let mut given = 0;
    if let Some(reference) = &from.field_ref {
        given += 1;
        field(errors, &path.child("fieldRef"), reference);
    }
    if let Some(reference) = &from.resource_field_ref {
        given += 1;
        let path = path.child("resourceFieldRef");
        if reference.resource.is_empty() {
            errors.push(Error::required(&path.child("resource"), ""));
        } else if !RESOURCES.contains(&reference.resource.as_str()) && !reference.resource.contains("hugepages-") {
            errors.push(Error::not_supported(&path.child("resource"), &reference.resource, RESOURCES));
        }
    }
    if let Some(reference) = &from.config_map_key_ref {
        given += 1;
        key_of(errors, &path.child("configMapKeyRef"), &reference.name, &reference.key);
    }
    if let Some(reference) = &from.secret_key_ref {
        given += 1;
        key_of(errors, &path.child("secretKeyRef"), &reference.name, &reference.key);
    }
    if from.file_key_ref.is_some() {
        given += 1;
    }
    if given == 0 {
        let why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
        errors.push(Error::invalid(path, "", why));
    } else if has_value {
        errors.push(Error::invalid(path, "", "may not be specified when `value` is not empty"));
    } else if given > 1 {
        errors.push(Error::invalid(path, "", "may not have more than one field specified at a time"));
    }
}

fn field(errors: &mut Errors, path: &Path, reference: &ObjectFieldSelector) {
    if reference.api_version.as_deref().unwrap_or_default().is_empty() {
        errors.push(Error::required(&path.child("apiVersion"), ""));
    }
    let text = reference.field_path.as_str();
    let path = path.child("fieldPath");
    if text.is_empty() {
        errors.push(Error::required(&path, ""));
        return;
    }
    let subscript = ["metadata.annotations[", "metadata.labels["].iter().find_map(|prefix| text.strip_prefix(prefix));
    if let Some(key) = subscript.and_then(|rest| rest.strip_suffix(']')) {
        let key = key.trim_matches('\'');
        validate::each(errors, &path, key, content::label_key(key));
        return;
    }
    // What no selector knows cannot even be converted.
    let convertible =
        ["metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase"];
    if !FIELDS.contains(&text) {
        if convertible.contains(&text) {
            errors.push(Error::not_supported(&path, text, FIELDS));
        } else {
            let why = format!("error converting fieldPath: field label not supported: {text}");
            errors.push(Error::invalid(&path, text, why));
        }
    }
}

/// A key of a config map or secret (`validateConfigMapKeySelector`).
fn key_of(errors: &mut Errors, path: &Path, name: &str, key: &str) {
    if name.is_empty() {
        errors.push(Error::required(&path.child("name"), ""));
    }
    if key.is_empty() {
        errors.push(Error::required(&path.child("key"), ""));
    } else {
        validate::each(errors, &path.child("key"), key, data_key(key));
    }
}

/// What is wrong with a key of a config map or secret (`IsConfigMapKey`).
pub fn data_key(key: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if key.len() > 253 {
        wrong.push("must be no more than 253 bytes".to_owned());
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
            0 => errors.push(Error::invalid(&path, "", "must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => errors.push(Error::invalid(&path, "", "may not have more than one field specified at a time")),
        }
    }
}
