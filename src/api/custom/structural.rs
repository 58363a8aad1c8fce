//! What a structural schema does to a custom resource: unknown fields go, defaults come, the rest is validated.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/{schema/pruning,schema/defaulting,
//! validation} and vendor/k8s.io/kube-openapi/pkg/validation. Runs no rules (`x-kubernetes-validations`): `rules` does.

use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::apimachinery::field::{Error, ErrorKind, Path};

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
            if let Some(inner) = schema.get("items") {
                for (index, item) in items.iter_mut().enumerate() {
                    prune_value(inner, item, &format!("{path}[{index}]"), gone);
                }
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
                items.iter_mut().for_each(|item| set_defaults(inner, item));
            }
        }
        _ => {}
    }
}

/// What is wrong with a value, field by field.
pub fn validate(schema: &Value, value: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    check(schema, value, "", &mut errors);
    errors
}

fn path_of(path: &str) -> Path {
    Path::new(path)
}

fn invalid(path: &str, value: &Value, why: &str) -> Error {
    Error::invalid(&path_of(path), value, format!("{path} in body {why}"))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() && number.as_f64().is_some_and(|n| n.fract() != 0.0) => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check(schema: &Value, value: &Value, path: &str, errors: &mut Vec<Error>) {
    let (wanted, given) = (text(schema, "type"), type_of(value));
    if value.is_null() && flag(schema, "nullable") {
        return;
    }
    let either = flag(schema, "x-kubernetes-int-or-string") && matches!(given, "integer" | "string");
    if !wanted.is_empty() && !either && given != wanted && (wanted, given) != ("number", "integer") {
        let why = format!("must be of type {wanted}: \"{given}\"");
        let mut fault = invalid(path, &Value::String(given.to_owned()), &why);
        fault.kind = ErrorKind::TypeInvalid;
        errors.push(fault);
        return;
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array)
        && !choices.contains(value)
    {
        let shown: Vec<String> =
            choices.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        errors.push(Error::not_supported(&path_of(path), value, &shown));
    }
    match value {
        Value::String(held) => check_text(schema, held, value, path, errors),
        Value::Number(number) => check_number(schema, number.as_f64().unwrap_or_default(), value, path, errors),
        Value::Array(items) => check_list(schema, items, path, errors),
        Value::Object(map) => check_map(schema, map, path, errors),
        _ => {}
    }
    for one in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        check(one, value, path, errors);
    }
    let fits = |one: &Value| validate(one, value).is_empty();
    if let Some(some) = schema.get("anyOf").and_then(Value::as_array)
        && !some.iter().any(fits)
    {
        let why = format!("\"{path}\" must validate at least one schema (anyOf)");
        errors.push(Error::invalid(&path_of(path), "", why));
    }
    if let Some(some) = schema.get("oneOf").and_then(Value::as_array) {
        let count = some.iter().filter(|one| fits(one)).count();
        if count != 1 {
            let found =
                if count == 0 { "Found none valid".to_owned() } else { format!("Found {count} valid alternatives") };
            let why = format!("\"{path}\" must validate one and only one schema (oneOf). {found}");
            errors.push(Error::invalid(&path_of(path), "", why));
        }
    }
    if schema.get("not").is_some_and(fits) {
        let why = format!("\"{path}\" must not validate the schema (not)");
        errors.push(Error::invalid(&path_of(path), "", why));
    }
}

fn check_text(schema: &Value, held: &str, value: &Value, path: &str, errors: &mut Vec<Error>) {
    let limit = |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
    let length = held.chars().count();
    if let Some(most) = limit("maxLength").filter(|most| length > *most) {
        errors.push(Error::too_long(&path_of(path), most));
    }
    if let Some(least) = limit("minLength").filter(|least| length < *least) {
        errors.push(invalid(path, value, &format!("should be at least {least} chars long")));
    }
    let pattern = text(schema, "pattern");
    if !pattern.is_empty() && Regex::new(pattern).is_ok_and(|regex| !regex.is_match(held)) {
        errors.push(invalid(path, value, &format!("should match '{pattern}'")));
    }
    let fits = match text(schema, "format") {
        "date-time" => held.parse::<jiff::Timestamp>().is_ok(),
        "date" => held.parse::<jiff::civil::Date>().is_ok(),
        "ipv4" => held.parse::<core::net::Ipv4Addr>().is_ok(),
        "ipv6" => held.parse::<core::net::Ipv6Addr>().is_ok(),
        _ => true,
    };
    if !fits {
        let format = text(schema, "format");
        errors.push(invalid(path, value, &format!("must be of type {format}: {:?}", held)));
    }
}

fn check_number(schema: &Value, held: f64, value: &Value, path: &str, errors: &mut Vec<Error>) {
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    if let Some(most) = limit("maximum") {
        let exclusive = flag(schema, "exclusiveMaximum");
        if held > most || (exclusive && held >= most) {
            let than = if exclusive { "should be less than" } else { "should be less than or equal to" };
            errors.push(invalid(path, value, &format!("{than} {most}")));
        }
    }
    if let Some(least) = limit("minimum") {
        let exclusive = flag(schema, "exclusiveMinimum");
        if held < least || (exclusive && held <= least) {
            let than = if exclusive { "should be greater than" } else { "should be greater than or equal to" };
            errors.push(invalid(path, value, &format!("{than} {least}")));
        }
    }
    if let Some(of) = limit("multipleOf").filter(|of| *of > 0.0 && (held / of).fract().abs() > 1e-9) {
        errors.push(invalid(path, value, &format!("should be a multiple of {of}")));
    }
}

fn check_list(schema: &Value, items: &[Value], path: &str, errors: &mut Vec<Error>) {
    let limit = |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
    if let Some(most) = limit("maxItems").filter(|most| items.len() > *most) {
        errors.push(Error::too_many(&path_of(path), items.len(), most));
    }
    if let Some(least) = limit("minItems").filter(|least| items.len() < *least) {
        let count = Value::from(items.len());
        errors.push(invalid(path, &count, &format!("should have at least {least} items")));
    }
    if let Some(inner) = schema.get("items") {
        for (index, item) in items.iter().enumerate() {
            check(inner, item, &format!("{path}[{index}]"), errors);
        }
    }
    let keys: Vec<&str> = match text(schema, "x-kubernetes-list-type") {
        "map" => {
            let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            keys.into_iter().flatten().filter_map(Value::as_str).collect()
        }
        "set" => Vec::new(),
        _ => return,
    };
    let identity = |item: &Value| -> Value {
        if keys.is_empty() {
            return item.clone();
        }
        keys.iter().filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone()))).collect::<Map<_, _>>().into()
    };
    for (index, item) in items.iter().enumerate() {
        let own = identity(item);
        if items.iter().take(index).any(|earlier| identity(earlier) == own) {
            errors.push(Error::duplicate(&path_of(&format!("{path}[{index}]")), own));
        }
    }
}

fn check_map(schema: &Value, map: &Map<String, Value>, path: &str, errors: &mut Vec<Error>) {
    let child = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !map.contains_key(name) {
            errors.push(Error::required(&path_of(&child(name)), ""));
        }
    }
    for (name, value) in map {
        if path.is_empty() && is_own(name) {
            continue;
        }
        if let Below::Schema(inner) = below(schema, name) {
            check(inner, value, &child(name), errors);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            let errors = validate(&schema(), &json!({"spec": spec}));
            assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
        }
    }
}
