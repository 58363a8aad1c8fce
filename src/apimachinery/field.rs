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
    /// What the message shows of it.
    shown: Shown,
    /// The rest of the text.
    pub detail: String,
}

/// What a message shows of a value. Values are written when the message is, so that until then the document that they
/// came from can still say what reading it has not kept (see [`Error::as_written`]).
#[derive(Clone, Debug)]
enum Shown {
    /// Text that is written already; empty when nothing is shown.
    Text(String),
    /// A value, and how it is written.
    Value(Value, fn(&Value) -> String),
    /// The old value and the new one, and how their difference is written, below the rest of the text.
    Change(Value, Value, fn(&Value, &Value) -> String),
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Shown {}

impl Shown {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Value(value, write) => write(value),
            Self::Change(old, new, write) => write(old, new),
        }
    }
}

impl Error {
    /// `path: Required value: detail`.
    pub fn required(path: &Path, detail: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Required, path: path.clone(), shown: NOTHING, detail: detail.into() }
    }

    /// `path: Invalid value: value: detail`.
    pub fn invalid(path: &Path, value: impl Serialize, detail: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Invalid, path: path.clone(), shown: value_of(value), detail: detail.into() }
    }

    /// `path: Invalid value: "null": detail`, for a value that is absent, or a text already as Go's `%v` gives it.
    pub fn invalid_shown(path: &Path, shown: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Invalid, path: path.clone(), shown: Shown::Text(shown.into()), detail: detail.into() }
    }

    /// As [`Error::invalid`], for a value of Go's own types: `write` puts it as errors show it.
    pub fn invalid_as(path: &Path, value: Value, write: fn(&Value) -> String, detail: impl Into<String>) -> Self {
        Self { shown: Shown::Value(value, write), ..Self::invalid_shown(path, "", detail) }
    }

    /// `path: Forbidden: detail`, and below it what has changed between two values.
    pub fn forbidden_change(
        path: &Path,
        detail: impl Into<String>,
        (old, new): (Value, Value),
        write: fn(&Value, &Value) -> String,
    ) -> Self {
        Self { shown: Shown::Change(old, new, write), ..Self::forbidden(path, detail) }
    }

    /// `path: Duplicate value: value`.
    pub fn duplicate(path: &Path, value: impl Serialize) -> Self {
        Self { kind: ErrorKind::Duplicate, path: path.clone(), shown: value_of(value), detail: String::new() }
    }

    /// As [`Error::duplicate`], for a value already as Go shows it.
    pub fn duplicate_shown(path: &Path, shown: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Duplicate, path: path.clone(), shown: Shown::Text(shown.into()), detail: String::new() }
    }

    /// `path: Unsupported value: value: supported values: "A", "B"`.
    pub fn not_supported(path: &Path, value: impl Serialize, supported: &[&str]) -> Self {
        Self { shown: value_of(value), ..Self::not_supported_shown(path, "", supported) }
    }

    /// As [`Error::not_supported`], for a value already as Go shows it.
    pub fn not_supported_shown(path: &Path, shown: impl Into<String>, supported: &[&str]) -> Self {
        let mut detail = String::new();
        if !supported.is_empty() {
            let quoted: Vec<String> = supported.iter().map(|text| format!("{text:?}")).collect();
            detail = format!("supported values: {}", quoted.join(", "));
        }
        Self { kind: ErrorKind::NotSupported, path: path.clone(), shown: Shown::Text(shown.into()), detail }
    }

    /// `path: Forbidden: detail`.
    pub fn forbidden(path: &Path, detail: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Forbidden, path: path.clone(), shown: NOTHING, detail: detail.into() }
    }

    /// `path: Too long: may not be more than N bytes`.
    pub fn too_long(path: &Path, max: usize) -> Self {
        let detail = format!("may not be more than {max} bytes");
        Self { kind: ErrorKind::TooLong, path: path.clone(), shown: NOTHING, detail }
    }

    /// `path: Too many: given: must have at most N items`.
    pub fn too_many(path: &Path, given: usize, max: usize) -> Self {
        let items = if max == 1 { "item" } else { "items" };
        let detail = format!("must have at most {max} {items}");
        Self { kind: ErrorKind::TooMany, path: path.clone(), shown: Shown::Text(given.to_string()), detail }
    }

    /// `path: Not found: value`.
    pub fn not_found(path: &Path, value: impl Serialize) -> Self {
        Self { kind: ErrorKind::NotFound, path: path.clone(), shown: value_of(value), detail: String::new() }
    }

    /// `path: Internal error: detail`.
    pub fn internal(path: &Path, detail: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Internal, path: path.clone(), shown: NOTHING, detail: detail.into() }
    }

    /// The same error about an object that was read from this document: what the types cannot tell apart, an absent list
    /// or map from an empty one, is shown as it was written there.
    pub fn as_written(&mut self, document: &Value) {
        if let Shown::Value(value, _) | Shown::Change(_, value, _) = &mut self.shown {
            // Some rules leave out that a field is in the spec.
            let written = at(document, &self.path.0).or_else(|| at(document.get("spec")?, &self.path.0));
            restore(value, written);
        }
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
        let shown = self.shown.text();
        let (shown, change) = if matches!(self.shown, Shown::Change(..)) { ("", &*shown) } else { (&*shown, "") };
        if !shown.is_empty() {
            text.push_str(": ");
            text.push_str(shown);
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        if !change.is_empty() {
            text.push('\n');
            text.push_str(change);
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.body())
    }
}

/// A message that shows no value.
const NOTHING: Shown = Shown::Text(String::new());

fn value_of(value: impl Serialize) -> Shown {
    Shown::Value(serde_json::to_value(value).unwrap_or_default(), show)
}

/// A value as upstream's `ErrorBody` shows it: strings quoted as Go's `%q`, numbers and booleans plain, the rest as Go's
/// JSON. (Go shows structs with their Go field names; validation code that meets one uses [`Error::invalid_as`].)
fn show(value: &Value) -> String {
    match value {
        Value::String(text) => go_number::quote(text),
        Value::Null => "null".to_owned(),
        Value::Number(number) if number.is_f64() => go_number::format_general(number.as_f64().unwrap_or_default()),
        other => go_json::to_compact(other),
    }
}

/// What stands in a document at the path of a field.
fn at<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    let mut found = document;
    for part in path.split('.') {
        let (name, mut places) = part.split_once('[').unwrap_or((part, ""));
        found = found.get(name)?;
        while let Some((place, rest)) = places.split_once(']') {
            found = place.parse::<usize>().map_or_else(|_| found.get(place), |index| found.get(index))?;
            places = rest.strip_prefix('[').unwrap_or_default();
        }
    }
    Some(found)
}

/// A list that must be there is read as an empty one when it is absent; an optional one is not kept when it is empty.
fn restore(value: &mut Value, written: Option<&Value>) {
    let is_empty = |value: &Value| match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match (value, written.filter(|written| !written.is_null())) {
        (value @ Value::Array(_), None) if is_empty(value) => *value = Value::Null,
        (value @ Value::Null, Some(written)) if is_empty(written) => *value = written.clone(),
        (Value::Object(fields), None) => fields.values_mut().for_each(|field| restore(field, None)),
        (Value::Object(fields), Some(Value::Object(written))) => {
            fields.iter_mut().for_each(|(name, field)| restore(field, written.get(name)));
            for (name, field) in written.iter().filter(|(_, field)| is_empty(field)) {
                fields.entry(name).or_insert_with(|| field.clone());
            }
        }
        (Value::Array(items), Some(Value::Array(written))) if items.len() == written.len() => {
            items.iter_mut().zip(written).for_each(|(item, written)| restore(item, Some(written)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_absent_and_what_is_empty_is_shown_as_it_was_written() {
        let told = |path: &Path, value: Value, document: Value| {
            let mut error = Error::invalid(path, value, "");
            error.as_written(&document);
            error.body()
        };
        let rules = Path::new("spec").child("rules").index(0);
        let values = rules.child("values");
        assert_eq!(told(&values, json!([]), json!({"spec": {"rules": [{}]}})), "Invalid value: null");
        assert_eq!(told(&values, json!([]), json!({"spec": {"rules": [{"values": []}]}})), "Invalid value: []");
        assert_eq!(
            told(&rules, json!({"a": 1}), json!({"spec": {"rules": [{"b": {}}]}})),
            r#"Invalid value: {"a":1,"b":{}}"#
        );
        let labels = Path::new("metadata").child("labels");
        assert_eq!(told(&labels, Value::Null, json!({"metadata": {"labels": {}}})), "Invalid value: {}");
        assert_eq!(told(&labels, Value::Null, json!({})), "Invalid value: null");
        assert_eq!(told(&Path::new("a").key("b"), json!([]), json!({"a": {"b": []}})), "Invalid value: []");
    }
}
