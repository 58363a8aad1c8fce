//! Secrets.
//!
//! Models Kubernetes 1.36 pkg/registry/core/secret/strategy.go and pkg/apis/core/validation/validation.go
//! (`ValidateSecret`).

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use super::pod_spec::validation::data_key;
use super::{Cell, Column, KindInfo, Strategy, cells, validate};
use crate::apimachinery::{field, meta};
use crate::sim::Time;
use crate::text::go_json::{self, ScanError};

/// The most that all entries together may hold, in bytes.
const MAX_SIZE: usize = 1024 * 1024;

impl Strategy for Secret {
    const INFO: KindInfo = KindInfo::new("", "v1", "Secret", "secrets", "secret");
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Type", "What the secret is for."),
        Column::new("Data", "How many entries it holds."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        // What was written as plain text is stored like the rest.
        for (key, text) in self.string_data.take().into_iter().flatten() {
            self.data.get_or_insert_default().insert(key, ByteString(text.into_bytes()));
        }
        super::omitted::fill_text(&mut self.type_, "Opaque");
    }

    fn prepare_for_update(&mut self, old: &Self) {
        if self.type_.as_deref().unwrap_or_default().is_empty() {
            self.type_.clone_from(&old.type_);
        }
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let path = field::Path::new("data");
        let mut size = 0;
        for (key, value) in self.data.iter().flatten() {
            validate::each(&mut errors, &path.key(key), key, data_key(key));
            size += value.0.len();
        }
        if size > MAX_SIZE {
            errors.push(field::Error::too_long(&path, MAX_SIZE));
        }
        content_of_type(&mut errors, self);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        validate::immutable(&mut errors, &field::Path::new("type"), &self.type_, &old.type_);
        if old.immutable == Some(true) {
            let why = "field is immutable when `immutable` is set";
            if self.immutable != Some(true) {
                errors.push(field::Error::forbidden(&field::Path::new("immutable"), why));
            }
            if self.data != old.data {
                errors.push(field::Error::forbidden(&field::Path::new("data"), why));
            }
        }
        errors.extend(self.validate());
        errors
    }

    fn warnings(&self, _: Option<&Self>) -> Vec<String> {
        if self.type_.as_deref() != Some("kubernetes.io/tls") {
            return Vec::new();
        }
        let holds = |key: &str| {
            let bytes = self.data.as_ref().and_then(|data| data.get(key));
            bytes.is_some_and(|bytes| String::from_utf8_lossy(&bytes.0).contains("-----BEGIN "))
        };
        let missing = [("tls.crt", "certificate"), ("tls.key", "key")].into_iter().find(|(key, _)| !holds(key));
        let text = |(_, what)| format!("tls: failed to find any PEM data in {what} input");
        missing.map(text).into_iter().collect()
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        vec![
            json!(meta::name(&self.metadata)),
            json!(self.type_.as_deref().unwrap_or_default()),
            json!(self.data.iter().flatten().count()),
            json!(cells::age(&self.metadata, now)),
        ]
    }

    fn selectable_fields(&self) -> Vec<(&'static str, String)> {
        vec![("type", self.type_.clone().unwrap_or_default())]
    }
}

/// What Go's decoder says of bytes that are no JSON object.
fn not_an_object(bytes: &[u8]) -> Option<String> {
    match go_json::scan_value(bytes) {
        Err(ScanError::Syntax { message, .. }) => return Some(message),
        Err(_) => return Some("unexpected end of JSON input".to_owned()),
        Ok(_) => {}
    }
    let word = match serde_json::from_slice(bytes).unwrap_or_default() {
        Value::Object(_) | Value::Null => return None,
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        Value::Array(_) => "array",
    };
    Some(format!("json: cannot unmarshal {word} into Go value of type map[string]interface {{}}"))
}

/// What a secret of a known type must hold.
fn content_of_type(errors: &mut validate::Errors, secret: &Secret) {
    let path = field::Path::new("data");
    let held = |key: &str| secret.data.as_ref().and_then(|data| data.get(key));
    let missing = |key: &str| field::Error::required(&path.key(key), "");
    match secret.type_.as_deref().unwrap_or_default() {
        "kubernetes.io/service-account-token" => {
            let key = "kubernetes.io/service-account.name";
            if meta::annotation(&secret.metadata, key).unwrap_or_default().is_empty() {
                let path = field::Path::new("metadata").child("annotations").key(key);
                errors.push(field::Error::required(&path, ""));
            }
        }
        kind @ ("kubernetes.io/dockercfg" | "kubernetes.io/dockerconfigjson") => {
            let key = if kind.ends_with("json") { ".dockerconfigjson" } else { ".dockercfg" };
            match held(key) {
                None => errors.push(missing(key)),
                Some(bytes) => {
                    if let Some(why) = not_an_object(&bytes.0) {
                        errors.push(field::Error::invalid(&path.key(key), "<secret contents redacted>", why));
                    }
                }
            }
        }
        "kubernetes.io/basic-auth" if held("username").is_none() && held("password").is_none() => {
            errors.extend(["username", "password"].map(missing));
        }
        "kubernetes.io/ssh-auth" if held("ssh-privatekey").is_none_or(|bytes| bytes.0.is_empty()) => {
            errors.push(missing("ssh-privatekey"));
        }
        "kubernetes.io/tls" => {
            errors.extend(["tls.crt", "tls.key"].into_iter().filter(|key| held(key).is_none()).map(missing));
        }
        _ => {}
    }
}
