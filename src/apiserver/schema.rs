//! Holds JSON against the facts of its kind: types first, unknown fields second.

use serde_json::Value;

use crate::api::KindOps;
use crate::apimachinery::facts::{Facts, Shape, Type, facts};

/// What strict decoding complains of, such as `unknown field "spec.foo"`.
///
/// # Errors
/// The first value of a wrong type, in the words of Go's decoder.
pub(super) fn check(ops: &dyn KindOps, value: &Value) -> Result<Vec<String>, String> {
    let info = ops.info();
    if ops.structural_schema().is_some() {
        return Ok(ops.unknown_fields(value).iter().map(|path| format!("unknown field {path:?}")).collect());
    }
    let Some(found) = facts().decode(&info.api_version(), info.kind, value) else { return Ok(Vec::new()) };
    match found.error {
        Some(error) => Err(error),
        None => Ok(found.unknown),
    }
}

/// Drops what Go drops when it writes an object: nulls, and optional lists and maps without content. An empty object
/// of a type of its own (`emptyDir: {}`) says something and stays.
pub(super) fn drop_empty(ops: &dyn KindOps, value: &mut Value) {
    let info = ops.info();
    if let Some(known) = facts().of_kind(&info.api_version(), info.kind) {
        drop_in_object(facts(), known, value);
    }
}

fn drop_in_object(facts: &Facts, known: &Type, value: &mut Value) {
    let Some(map) = value.as_object_mut() else { return };
    map.retain(|name, value| {
        let Some(field) = known.fields.get(name.as_str()) else { return !value.is_null() };
        drop_in_shape(facts, &field.shape, value);
        let empty = match (&field.shape, &*value) {
            (_, Value::Null) => return false,
            (Shape::List(_), Value::Array(items)) => items.is_empty(),
            (Shape::Map(_), Value::Object(entries)) => entries.is_empty(),
            _ => false,
        };
        // An empty list of owners asks for them to be forgotten.
        !empty || field.required || name == "managedFields"
    });
}

fn drop_in_shape(facts: &Facts, shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Ref(name), value) => {
            if let Some(known) = facts.get(name) {
                drop_in_object(facts, known, value);
            }
        }
        (Shape::List(inner), Value::Array(items)) if matches!(**inner, Shape::Ref(_)) => {
            items.iter_mut().for_each(|item| drop_in_shape(facts, inner, item));
        }
        (Shape::Map(inner), Value::Object(entries)) if matches!(**inner, Shape::Ref(_)) => {
            entries.values_mut().for_each(|entry| drop_in_shape(facts, inner, entry));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;
    use serde_json::json;

    #[test]
    fn empty_maps_and_lists_are_dropped_and_empty_objects_stay() {
        let mut pod = json!({
            "metadata": {"name": "a", "labels": {}, "annotations": null},
            "spec": {"containers": [], "volumes": [{"name": "v", "emptyDir": {}}], "nodeSelector": {}, "tolerations": []},
        });
        drop_empty(api::by_resource("pods").unwrap(), &mut pod);
        assert_eq!(
            pod,
            json!({
                "metadata": {"name": "a"},
                "spec": {"containers": [], "volumes": [{"name": "v", "emptyDir": {}}]},
            })
        );
    }
}
