//! Field paths and field errors, with upstream's wording.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/validation/field.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::text::{go_json, go_number};

/// The path of a field: `spec.template.spec.containers[0].name`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Path(String);

impl Path {
    /// A path that starts with this field.
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The field `name` below this one.
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self::new(name) } else { self.with(&[".", name]) }
    }

    /// The element `index` of this list.
    pub fn index(&self, index: usize) -> Self {
        self.with(&["[", &index.to_string(), "]"])
    }

    /// The entry `key` of this map.
    pub fn key(&self, key: &str) -> Self {
        self.with(&["[", key, "]"])
    }

    /// Validation makes hundreds of paths for every object and shows hardly one: without Go-like formatting.
    fn with(&self, more: &[&str]) -> Self {
        let mut path = String::with_capacity(self.0.len() + more.iter().map(|part| part.len()).sum::<usize>());
        path.push_str(&self.0);
        more.iter().for_each(|part| path.push_str(part));
        Self(path)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An error about the object as a whole has upstream's placeholder.
        f.write_str(if self.0.is_empty() { "<nil>" } else { &self.0 })
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `Required value`.
    Required,
    /// `Duplicate value`.
    Duplicate,
    /// `Invalid value`.
    Invalid,
    /// `Unsupported value`.
    NotSupported,
    /// `Forbidden`.
    Forbidden,
    /// `Too long`.
    TooLong,
    /// `Too many`.
    TooMany,
    /// `Not found`.
    NotFound,
    /// `Invalid value` by type.
    TypeInvalid,
    /// `Internal error`.
    Internal,
}

/// One field error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where.
    pub path: Path,
    /// The value, written as the message shows it; empty when the message shows none.
    value: String,
    /// The rest of the text.
    pub detail: String,
}

impl Error {
    /// `path: Required value: detail`.
    pub fn required(path: &Path, detail: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Required, path: path.clone(), value: String::new(), detail: detail.into() }
    }

    /// `path: Invalid value: value: detail`.
    pub fn invalid(path: &Path, value: impl Serialize, detail: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Invalid, path: path.clone(), value: show(value), detail: detail.into() }
    }

    /// `path: Invalid value: "null": detail`, for a value that is absent, or a text already as Go's `%v` gives it.
    pub fn invalid_shown(path: &Path, shown: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Invalid, path: path.clone(), value: shown.into(), detail: detail.into() }
    }

    /// `path: Duplicate value: value`.
    pub fn duplicate(path: &Path, value: impl Serialize) -> Self {
        Self { kind: ErrorKind::Duplicate, path: path.clone(), value: show(value), detail: String::new() }
    }

    /// As [`Error::duplicate`], for a value already as Go shows it.
    pub fn duplicate_shown(path: &Path, shown: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Duplicate, path: path.clone(), value: shown.into(), detail: String::new() }
    }

    /// `path: Unsupported value: value: supported values: "A", "B"`.
    pub fn not_supported(path: &Path, value: impl Serialize, supported: &[&str]) -> Self {
        Self::not_supported_shown(path, show(value), supported)
    }

    /// As [`Error::not_supported`], for a value already as Go shows it.
    pub fn not_supported_shown(path: &Path, shown: impl Into<String>, supported: &[&str]) -> Self {
        let mut detail = String::new();
        if !supported.is_empty() {
            let quoted: Vec<String> = supported.iter().map(|text| format!("{text:?}")).collect();
            detail = format!("supported values: {}", quoted.join(", "));
        }
        Self { kind: ErrorKind::NotSupported, path: path.clone(), value: shown.into(), detail }
    }

    /// `path: Forbidden: detail`.
    pub fn forbidden(path: &Path, detail: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Forbidden, path: path.clone(), value: String::new(), detail: detail.into() }
    }

    /// `path: Too long: may not be more than N bytes`.
    pub fn too_long(path: &Path, max: usize) -> Self {
        let detail = format!("may not be more than {max} bytes");
        Self { kind: ErrorKind::TooLong, path: path.clone(), value: String::new(), detail }
    }

    /// `path: Too many: given: must have at most N items`.
    pub fn too_many(path: &Path, given: usize, max: usize) -> Self {
        let items = if max == 1 { "item" } else { "items" };
        let detail = format!("must have at most {max} {items}");
        Self { kind: ErrorKind::TooMany, path: path.clone(), value: given.to_string(), detail }
    }

    /// `path: Not found: value`.
    pub fn not_found(path: &Path, value: impl Serialize) -> Self {
        Self { kind: ErrorKind::NotFound, path: path.clone(), value: show(value), detail: String::new() }
    }

    /// `path: Internal error: detail`.
    pub fn internal(path: &Path, detail: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Internal, path: path.clone(), value: String::new(), detail: detail.into() }
    }

    /// The reason of the cause in a `Status`.
    pub const fn reason(&self) -> &'static str {
        match self.kind {
            ErrorKind::Required => "FieldValueRequired",
            ErrorKind::Duplicate => "FieldValueDuplicate",
            ErrorKind::Invalid => "FieldValueInvalid",
            ErrorKind::NotSupported => "FieldValueNotSupported",
            ErrorKind::Forbidden => "FieldValueForbidden",
            ErrorKind::TooLong => "FieldValueTooLong",
            ErrorKind::TooMany => "FieldValueTooMany",
            ErrorKind::NotFound => "FieldValueNotFound",
            ErrorKind::TypeInvalid => "FieldValueTypeInvalid",
            ErrorKind::Internal => "InternalError",
        }
    }

    /// The text without the path.
    pub fn body(&self) -> String {
        let head = match self.kind {
            ErrorKind::Required => "Required value",
            ErrorKind::Duplicate => "Duplicate value",
            ErrorKind::Invalid | ErrorKind::TypeInvalid => "Invalid value",
            ErrorKind::NotSupported => "Unsupported value",
            ErrorKind::Forbidden => "Forbidden",
            ErrorKind::TooLong => "Too long",
            ErrorKind::TooMany => "Too many",
            ErrorKind::NotFound => "Not found",
            ErrorKind::Internal => "Internal error",
        };
        let mut text = head.to_owned();
        if !self.value.is_empty() {
            text.push_str(": ");
            text.push_str(&self.value);
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.body())
    }
}

/// A value as upstream's `ErrorBody` shows it: strings quoted as Go's `%q`, numbers and booleans plain, the rest as Go's
/// JSON. (Go shows structs with their Go field names; validation code that meets one uses `invalid_shown`.)
fn show(value: impl Serialize) -> String {
    match serde_json::to_value(value).unwrap_or_default() {
        Value::String(text) => go_number::quote(&text),
        Value::Null => "null".to_owned(),
        other => go_json::to_compact(&other),
    }
}
