//! What a schema has to be like before an object can be held against it: structural, with a type everywhere. Looks at
//! no object.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/schema/validation.go
//! (`validateStructuralInvariants`). Of what stands below `allOf`, `anyOf`, `oneOf` and `not` it knows that there are no
//! rules in it.

use serde_json::Value;

use super::structural::{flag, text};
use crate::apimachinery::field::{Error, Path};

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Root,
    Item,
    Field,
}

/// What is wrong with a schema, in the order of the texts.
pub fn validate(path: &Path, schema: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    check(&mut errors, path, schema, Level::Root);
    errors.sort_by_cached_key(ToString::to_string);
    errors
}

fn check(errors: &mut Vec<Error>, path: &Path, schema: &Value, level: Level) {
    let kind = text(schema, "type");
    match schema.get("items") {
        Some(items) => check(errors, &path.child("items"), items, Level::Item),
        None if kind == "array" => errors.push(Error::required(&path.child("items"), "must be specified")),
        None => {}
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, inner) in properties.into_iter().flatten() {
        check(errors, &path.child("properties").key(name), inner, Level::Field);
    }
    let additional = schema.get("additionalProperties");
    if additional.is_some() && level == Level::Root {
        errors.push(Error::forbidden(&path.child("additionalProperties"), "must not be used at the root"));
    }
    if let Some(inner @ Value::Object(_)) = additional {
        check(errors, &path.child("additionalProperties"), inner, Level::Field);
    }
    check_type(errors, path, schema, level);
    for name in ["allOf", "anyOf", "oneOf"] {
        for (index, inner) in schema.get(name).and_then(Value::as_array).into_iter().flatten().enumerate() {
            no_rules(errors, &path.child(name).index(index), inner);
        }
    }
    if let Some(inner) = schema.get("not") {
        no_rules(errors, &path.child("not"), inner);
    }
    let embedded = flag(schema, "x-kubernetes-embedded-resource");
    if embedded && additional.is_some() {
        let why = "must not be used if x-kubernetes-embedded-resource is set";
        errors.push(Error::forbidden(&path.child("additionalProperties"), why));
    }
    let whole = level == Level::Root || embedded;
    for (name, wanted) in [("kind", "string"), ("apiVersion", "string"), ("metadata", "object")] {
        let Some(inner) = properties.and_then(|all| all.get(name)).filter(|_| whole) else { continue };
        let path = path.child("properties").key(name);
        if text(inner, "type") != wanted {
            let why = format!("must be {wanted}");
            errors.push(Error::invalid(&path.child("type"), text(inner, "type"), why));
        }
        let says = |inner: &Value| {
            let mut names = inner.get("properties").and_then(Value::as_object).into_iter().flatten();
            names.any(|(name, _)| !matches!(name.as_str(), "name" | "generateName"))
        };
        if name == "metadata" && level == Level::Root && says(inner) {
            let why =
                "must not specify anything other than name and generateName, but metadata is implicitly specified";
            errors.push(Error::forbidden(&path, why));
        }
    }
    let open = flag(schema, "x-kubernetes-preserve-unknown-fields");
    if embedded && !open && properties.is_none_or(serde_json::Map::is_empty) {
        let why = "must not be empty if x-kubernetes-embedded-resource is true without \
                   x-kubernetes-preserve-unknown-fields";
        errors.push(Error::required(&path.child("properties"), why));
    }
}

/// Rules belong to the structure, not to what is asked of values.
fn no_rules(errors: &mut Vec<Error>, path: &Path, schema: &Value) {
    if schema.get("x-kubernetes-validations").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty()) {
        let path = path.child("x-kubernetes-validations");
        errors.push(Error::forbidden(&path, "must be empty to be structural"));
    }
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(name) {
            no_rules(errors, &path.child(name), inner);
        }
    }
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        no_rules(errors, &path.child("properties").key(name), inner);
    }
}

fn check_type(errors: &mut Vec<Error>, path: &Path, schema: &Value, level: Level) {
    let (at, kind) = (path.child("type"), text(schema, "type"));
    let int_or_string = flag(schema, "x-kubernetes-int-or-string");
    let open = flag(schema, "x-kubernetes-preserve-unknown-fields");
    if int_or_string && open {
        let path = path.child("x-kubernetes-preserve-unknown-fields");
        errors.push(Error::invalid(&path, true, "must be false if x-kubernetes-int-or-string is true"));
    }
    if flag(schema, "x-kubernetes-embedded-resource") && kind != "object" {
        let why = "must be object if x-kubernetes-embedded-resource is true";
        let fault = if kind.is_empty() { Error::required(&at, why) } else { Error::invalid(&at, kind, why) };
        errors.push(fault);
    } else if kind.is_empty() && !int_or_string && !open {
        let why = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(Error::required(&at, why));
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        errors.push(Error::invalid(&at, kind, "must be object at the root"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(schema: Value) -> Vec<String> {
        validate(&Path::new("schema"), &schema).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_schema_says_a_type_everywhere() {
        let good = json!({"type": "object", "properties": {
            "spec": {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}},
                "b": {"x-kubernetes-int-or-string": true}, "c": {"x-kubernetes-preserve-unknown-fields": true}}},
            "metadata": {"type": "object", "properties": {"name": {"type": "string"}}}}});
        assert_eq!(texts(good), Vec::<String>::new());
        let bad = json!({"properties": {"spec": {"properties": {"a": {"type": "array"}, "b": {"type": "array", "items": {}}}}}});
        assert_eq!(
            texts(bad),
            [
                "schema.properties[spec].properties[a].items: Required value: must be specified",
                "schema.properties[spec].properties[b].items.type: Required value: must not be empty for specified array items",
                "schema.properties[spec].type: Required value: must not be empty for specified object fields",
                "schema.type: Required value: must not be empty at the root",
            ]
        );
        assert_eq!(
            texts(json!({"type": "array", "items": {"type": "string"}}))[0],
            "schema.type: Invalid value: \"array\": must be object at the root"
        );
    }

    #[test]
    fn metadata_is_there_by_itself() {
        let schema = json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}});
        let why = "schema.properties[metadata]: Forbidden: must not specify anything other than name and generateName, \
                   but metadata is implicitly specified";
        assert_eq!(texts(schema), [why]);
    }
}
