//! What a structural schema does to a custom resource: unknown fields go, defaults come; lists without repetition,
//! objects within objects and scales are judged. The values are judged in `values`, by rules in `rules`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/schema/{pruning,defaulting,listtype,
//! objectmeta} and pkg/registry/customresource/validator.go.

use serde_json::{Map, Value};

use crate::apimachinery::content;
use crate::apimachinery::facts::facts;
use crate::apimachinery::field::{Error, Path};
use crate::text::go_value;

/// Whether a word of a schema is `true`.
pub(super) fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool) == Some(true)
}

/// A word of a schema, empty when it is absent.
pub(super) fn text<'a>(schema: &'a Value, name: &str) -> &'a str {
    schema.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The schema of a field; `None` when there is none and the field is kept as it is.
enum Below<'a> {
    Schema(&'a Value),
    Kept,
    Unknown,
}

fn below<'a>(schema: &'a Value, name: &str) -> Below<'a> {
    if let Some(property) = schema.get("properties").and_then(|all| all.get(name)) {
        return Below::Schema(property);
    }
    match schema.get("additionalProperties") {
        Some(inner @ Value::Object(_)) => Below::Schema(inner),
        Some(Value::Bool(true)) => Below::Kept,
        _ if flag(schema, "x-kubernetes-preserve-unknown-fields") => Below::Kept,
        _ => Below::Unknown,
    }
}

/// What every object has beside what its schema says.
fn is_own(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind" | "metadata")
}

/// Drops the fields that the schema does not have; gives their paths.
pub fn prune(schema: &Value, object: &mut Map<String, Value>) -> Vec<String> {
    let mut gone = Vec::new();
    prune_map(schema, object, "", true, &mut gone);
    gone
}

fn prune_map(schema: &Value, map: &mut Map<String, Value>, path: &str, is_object: bool, gone: &mut Vec<String>) {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
    map.retain(|name, value| {
        if is_object && is_own(name) {
            return true;
        }
        let path = format!("{prefix}{name}");
        match below(schema, name) {
            Below::Schema(inner) => {
                prune_value(inner, value, &path, gone);
                true
            }
            Below::Kept => true,
            Below::Unknown => {
                gone.push(path);
                false
            }
        }
    });
}

fn prune_value(schema: &Value, value: &mut Value, path: &str, gone: &mut Vec<String>) {
    match value {
        Value::Object(map) => prune_map(schema, map, path, flag(schema, "x-kubernetes-embedded-resource"), gone),
        Value::Array(items) => {
            // Of elements without a schema nothing is known, and so nothing stays.
            let kept = flag(schema, "x-kubernetes-preserve-unknown-fields");
            let inner = schema.get("items").or(Some(&Value::Null).filter(|_| !kept));
            for (index, item) in items.iter_mut().enumerate() {
                inner.into_iter().for_each(|inner| prune_value(inner, item, &format!("{path}[{index}]"), gone));
            }
        }
        _ => {}
    }
}

/// Fills in what the schema says of fields that are absent.
pub fn set_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let default = property.get("default").filter(|default| !default.is_null());
                // A null that may not be one is as good as absent.
                let absent = match map.get(name) {
                    None => true,
                    Some(Value::Null) => !flag(property, "nullable"),
                    Some(_) => false,
                };
                match default {
                    Some(default) if absent => drop(map.insert(name.clone(), default.clone())),
                    _ => {}
                }
                if let Some(held) = map.get_mut(name) {
                    set_defaults(property, held);
                }
            }
            if let Some(inner @ Value::Object(_)) = schema.get("additionalProperties") {
                map.values_mut().for_each(|held| set_defaults(inner, held));
            }
        }
        Value::Array(items) => {
            if let Some(inner) = schema.get("items") {
                for item in items {
                    if item.is_null() && !flag(inner, "nullable") {
                        *item = inner.get("default").cloned().unwrap_or_default();
                    }
                    set_defaults(inner, item);
                }
            }
        }
        _ => {}
    }
}

/// Drops nulls where there may be none and nothing is filled in for them.
pub fn prune_nulls(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => map.retain(|name, value| match below(schema, name) {
            Below::Schema(inner) if value.is_null() => {
                flag(inner, "nullable") || inner.get("default").is_some_and(|default| !default.is_null())
            }
            Below::Schema(inner) => {
                prune_nulls(inner, value);
                true
            }
            _ => true,
        }),
        Value::Array(items) => {
            if let Some(inner) = schema.get("items") {
                items.iter_mut().for_each(|item| prune_nulls(inner, item));
            }
        }
        _ => {}
    }
}

/// Visits what the schema has a schema for, with its path; what holds it comes first.
fn visit(path: &Path, schema: &Value, value: &Value, each: &mut dyn FnMut(&Path, &Value, &Value)) {
    each(path, schema, value);
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let known = schema.get("properties").is_some_and(|all| all.get(name).is_some());
                if let Below::Schema(inner) = below(schema, name) {
                    let path = if known { path.child(name) } else { path.key(name) };
                    visit(&path, inner, value, each);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                schema.get("items").into_iter().for_each(|inner| visit(&path.index(index), inner, item, each));
            }
        }
        _ => {}
    }
}

/// Lists whose elements are told apart have each once (`ValidateListSetsAndMaps`).
pub fn repeated(schema: &Value, value: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    visit(&Path::default(), schema, value, &mut |path, schema, value| {
        let Value::Array(items) = value else { return };
        match text(schema, "x-kubernetes-list-type") {
            "set" => twice(&mut errors, path, items),
            "map" => {
                let is_object = |(_, item): &(usize, &Value)| !item.is_null() && !item.is_object();
                if let Some((index, item)) = items.iter().enumerate().find(is_object) {
                    let why = "must be an object for an array of list-type map";
                    errors.push(Error::invalid(&path.index(index), item, why));
                    return;
                }
                let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                let keys: Vec<&str> = keys.into_iter().flatten().filter_map(Value::as_str).collect();
                let key = |item: &Value| -> Value {
                    let held = keys.iter().filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone())));
                    held.collect::<Map<_, _>>().into()
                };
                twice(&mut errors, path, &items.iter().map(key).collect::<Vec<_>>());
            }
            _ => {}
        }
    });
    errors
}

/// Of what comes again, the second is told.
fn twice(errors: &mut Vec<Error>, path: &Path, items: &[Value]) {
    for (index, item) in items.iter().enumerate() {
        if items.iter().take(index).filter(|earlier| *earlier == item).count() == 1 {
            errors.push(Error::duplicate(&path.index(index), item));
        }
    }
}

/// An object within the object says what it is (`validateEmbeddedResource`). Of its metadata only the types are judged.
pub fn embedded(schema: &Value, value: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    visit(&Path::default(), schema, value, &mut |path, schema, value| {
        if !flag(schema, "x-kubernetes-embedded-resource") || !value.is_object() {
            return;
        }
        for field in ["apiVersion", "kind"] {
            let path = path.child(field);
            let why = match value.get(field) {
                None => {
                    errors.push(Error::required(&path, ""));
                    continue;
                }
                Some(Value::String(text)) if text.is_empty() => "must not be empty".to_owned(),
                Some(Value::String(text)) if field == "apiVersion" && text.matches('/').count() > 1 => {
                    format!("unexpected GroupVersion string: {text}")
                }
                Some(Value::String(text)) if field == "kind" => match content::dns1035_label(&text.to_lowercase()) {
                    wrong if wrong.is_empty() => continue,
                    wrong => format!("may have mixed case, but should otherwise match: {}", wrong.join(",")),
                },
                Some(Value::String(_)) => continue,
                Some(_) => "must be a string".to_owned(),
            };
            errors.push(Error::invalid(&path, &value[field], why));
        }
        if let Some(given) = value.get("metadata")
            && let Some(why) = facts().decode_as("meta.v1.ObjectMeta", given).and_then(|found| found.error)
        {
            errors.push(Error::invalid(&path.child("metadata"), given, why));
        }
    });
    errors
}

/// The replicas that a scale names are whole numbers, and its selector is a text.
pub fn scaled(value: &Value, path: &str, is_text: bool) -> Option<Error> {
    let at = Path::new(path);
    let names: Vec<&str> = path.trim_start_matches('.').split('.').collect();
    let (mut found, wanted) = (value, if is_text { "string" } else { "int64" });
    let empty = if is_text { Value::from("") } else { Value::from(0) };
    let wrong = |depth: usize, found: &Value, wanted: &str| {
        let within: String = names.iter().take(depth).map(|name| format!(".{name}")).collect();
        let why = format!(
            "{within} accessor error: {} is of the type {}, expected {wanted}",
            go_value::shown(found),
            go_value::type_name(found)
        );
        Some(Error::invalid(&at, &empty, why))
    };
    for (depth, name) in names.iter().enumerate() {
        match found {
            Value::Object(map) => found = map.get(*name)?,
            Value::Null => return None,
            other => return wrong(depth + 1, other, "map[string]interface{}"),
        }
    }
    match (found.as_i64(), found) {
        (Some(number), _) if !is_text && number < 0 => {
            Some(Error::invalid(&at, number, "should be a non-negative integer"))
        }
        (Some(number), _) if !is_text && number > i64::from(i32::MAX) => {
            Some(Error::invalid(&at, number, format!("should be less than or equal to {}", i32::MAX)))
        }
        (Some(_), _) if !is_text => None,
        (_, Value::String(_)) if is_text => None,
        (_, other) => wrong(names.len(), other, wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::custom::values;
    use serde_json::json;

    fn schema() -> Value {
        json!({"type": "object", "properties": {
            "spec": {"type": "object", "required": ["cronSpec"], "properties": {
                "cronSpec": {"type": "string", "pattern": "^(\\d+|\\*)$"},
                "replicas": {"type": "integer", "minimum": 1, "maximum": 10, "default": 1},
                "mode": {"type": "string", "enum": ["Fast", "Slow"]},
                "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "ports": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
            }},
        }})
    }

    #[test]
    fn unknown_fields_go_and_defaults_come() {
        let mut object = json!({"apiVersion": "x/v1", "metadata": {"name": "a"}, "spec": {
            "cronSpec": "1", "extra": 1, "any": {"x": {"y": 1}}, "ports": [{"n": 1, "m": 2}]}, "other": 1});
        let gone = prune(&schema(), object.as_object_mut().unwrap());
        assert_eq!(gone, ["other", "spec.extra", "spec.ports[0].m"]);
        set_defaults(&schema(), &mut object);
        let left = json!({"cronSpec": "1", "any": {"x": {"y": 1}}, "ports": [{"n": 1}], "replicas": 1});
        assert_eq!(object["spec"], left);
    }

    #[test]
    fn what_is_wrong_is_said_in_the_servers_words() {
        let cases = [
            (json!({}), "spec.cronSpec: Required value"),
            (
                json!({"cronSpec": 1}),
                "spec.cronSpec: Invalid value: \"integer\": spec.cronSpec in body must be of type string: \"integer\"",
            ),
            (
                json!({"cronSpec": "x"}),
                "spec.cronSpec: Invalid value: \"x\": spec.cronSpec in body should match '^(\\d+|\\*)$'",
            ),
            (
                json!({"cronSpec": "1", "replicas": 0}),
                "spec.replicas: Invalid value: 0: spec.replicas in body should be greater than or equal to 1",
            ),
            (
                json!({"cronSpec": "1", "replicas": 11}),
                "spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10",
            ),
            (
                json!({"cronSpec": "1", "mode": "x"}),
                "spec.mode: Unsupported value: \"x\": supported values: \"Fast\", \"Slow\"",
            ),
            (
                json!({"cronSpec": "1", "ports": []}),
                "spec.ports: Invalid value: 0: spec.ports in body should have at least 1 items",
            ),
        ];
        for (spec, expected) in cases {
            let errors = values::validate(&schema(), &json!({"spec": spec}), None, &Path::default());
            assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
        }
    }
}
