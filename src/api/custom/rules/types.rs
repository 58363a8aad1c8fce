//! What rules see of a schema and of an object: types and values of CEL.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/cel/{common/schemas.go,common/values.go,escaping.go}. What a
//! schema does not name is not seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use serde_json::Value;

use super::super::structural::{flag, text};
use crate::apimachinery::cel::{self, Key, List, Merge, ObjectType, Type, Val};
use crate::text::duration::parse_go_duration;

/// Whether a rule can write a field of this name only in its escaped form.
fn is_reserved(name: &str) -> bool {
    matches!(name, "true" | "false" | "null" | "in") || cel::is_reserved(name)
}

/// A field's name as rules write it; `None` when they cannot.
pub(super) fn escaped(name: &str) -> Option<String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(letter) {
        return None;
    }
    if is_reserved(name) {
        return Some(format!("__{name}__"));
    }
    let name = name.replace("__", "__underscores__");
    Some(name.replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__"))
}

/// The fields that the root of every object has, whatever its schema says.
fn own_fields() -> BTreeMap<String, Type> {
    let metadata = ["name", "generateName"].map(|name| (name.to_owned(), Type::Str));
    let metadata = ObjectType { name: String::new(), fields: metadata.into() };
    let text = |name: &str| (name.to_owned(), Type::Str);
    [text("kind"), text("apiVersion"), ("metadata".to_owned(), Type::Object(metadata.into()))].into()
}

/// The type of what a schema describes; `None` when rules do not see it. `name` is what messages call it.
pub(super) fn type_of(schema: &Value, root: bool, name: &str) -> Option<Type> {
    if flag(schema, "x-kubernetes-int-or-string") {
        return Some(Type::Dyn);
    }
    Some(match (text(schema, "type"), text(schema, "format")) {
        ("array", _) => {
            let items = schema.get("items")?;
            Type::list(type_of(items, is_embedded(items), &format!("{name}.@idx"))?)
        }
        ("object", _) => match schema.get("additionalProperties") {
            Some(inner @ Value::Object(_)) => {
                Type::map(Type::Str, type_of(inner, is_embedded(inner), &format!("{name}.@elem"))?)
            }
            _ => {
                let mut fields = BTreeMap::new();
                for (field, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                    let Some(escaped) = escaped(field) else { continue };
                    if let Some(of) = type_of(inner, is_embedded(inner), &format!("{name}.{escaped}")) {
                        // After a dot a word of the language may stand as it is, too.
                        if is_reserved(field) {
                            fields.insert(field.clone(), of.clone());
                        }
                        fields.insert(escaped, of);
                    }
                }
                if root {
                    fields.extend(own_fields());
                }
                Type::Object(Arc::new(ObjectType { name: name.to_owned(), fields }))
            }
        },
        ("string", "byte") => Type::Bytes,
        ("string", "duration") => Type::Duration,
        ("string", "date" | "date-time") => Type::Timestamp,
        ("string", _) => Type::Str,
        ("boolean", _) => Type::Bool,
        ("number", _) => Type::Double,
        ("integer", _) => Type::Int,
        _ => return None,
    })
}

/// Whether a schema describes an object of the API within another.
pub(super) fn is_embedded(schema: &Value) -> bool {
    flag(schema, "x-kubernetes-embedded-resource")
}

/// A value as rules see it.
pub(super) fn value_of(schema: &Value, value: &Value, root: bool) -> Val {
    match value {
        Value::Null => Val::Null,
        Value::Bool(held) => Val::Bool(*held),
        Value::Number(number) => match (number.as_i64(), text(schema, "type")) {
            (Some(whole), kind) if kind != "number" => Val::Int(whole),
            _ => Val::Double(number.as_f64().unwrap_or_default()),
        },
        Value::String(held) => text_of(schema, held),
        Value::Array(items) => {
            let inner = schema.get("items").unwrap_or(&Value::Null);
            let items = items.iter().map(|item| value_of(inner, item, is_embedded(inner))).collect();
            Val::List(Arc::new(List { items, merge: merge_of(schema) }))
        }
        Value::Object(map) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let additional = schema.get("additionalProperties").filter(|inner| inner.is_object());
            let mut fields = BTreeMap::new();
            for (name, held) in map {
                let own = if root { own_schema(name) } else { None };
                let property = own.as_ref().or_else(|| properties.and_then(|all| all.get(name)));
                let (key, inner) = match (property, additional) {
                    (Some(inner), _) => (escaped(name), inner),
                    (None, Some(inner)) => (Some(name.clone()), inner),
                    (None, None) => continue,
                };
                // What has no type is not seen.
                let seen = !text(inner, "type").is_empty() || flag(inner, "x-kubernetes-int-or-string");
                if let Some(key) = key.filter(|_| seen) {
                    let held = value_of(inner, held, is_embedded(inner));
                    if property.is_some() && is_reserved(name) {
                        fields.insert(Key::Str(name.as_str().into()), held.clone());
                    }
                    fields.insert(Key::Str(key.as_str().into()), held);
                }
            }
            Val::Map(Arc::new(fields))
        }
    }
}

fn own_schema(name: &str) -> Option<Value> {
    let text = serde_json::json!({"type": "string"});
    match name {
        "apiVersion" | "kind" => Some(text),
        "metadata" => Some(serde_json::json!({"type": "object", "properties": {"name": text, "generateName": text}})),
        _ => None,
    }
}

fn merge_of(schema: &Value) -> Merge {
    match text(schema, "x-kubernetes-list-type") {
        "set" => Merge::Set,
        "map" => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let keys = keys.into_iter().flatten().filter_map(Value::as_str);
            Merge::Keys(keys.filter_map(escaped).collect::<Vec<_>>().into())
        }
        _ => Merge::Atomic,
    }
}

fn text_of(schema: &Value, held: &str) -> Val {
    let kept = || Val::text(held);
    if text(schema, "type") != "string" {
        return kept();
    }
    match text(schema, "format") {
        "byte" => base64::engine::general_purpose::STANDARD
            .decode(held)
            .map_or_else(|_| kept(), |held| Val::Bytes(held.into())),
        "duration" => parse_go_duration(held).map_or_else(|_| kept(), Val::Duration),
        "date-time" => held.parse().map_or_else(|_| kept(), Val::Timestamp),
        "date" => {
            let midnight = format!("{held}T00:00:00Z");
            midnight.parse().map_or_else(|_| kept(), Val::Timestamp)
        }
        _ => kept(),
    }
}
