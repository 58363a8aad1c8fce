//! Holds JSON against the facts of its kind: types first, unknown fields second.

use serde_json::{Value, json};

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

/// Fields behind features that are off: the server drops what is in them.
const OFF: &[(&str, &[&str])] = &[
    ("coordination.v1.LeaseSpec", &["preferredHolder", "strategy"]),
    ("core.v1.Lifecycle", &["stopSignal"]),
    ("core.v1.NodeSpec", &["configSource"]),
    ("core.v1.NodeStatus", &["config"]),
    ("core.v1.PodSpec", &["schedulingGroup"]),
    ("core.v1.PodStatus", &["nodeAllocatableResourceClaimStatuses"]),
    ("core.v1.VolumeProjection", &["clusterTrustBundle", "podCertificate"]),
];
/// Lists that say something when they are empty: that there shall be none, and not what the server would fill in.
const KEPT: &[&str] = &["managedFields", "policies"];

/// Drops what is behind features that are off, and the names of kinds within other kinds: they are what they are.
pub(super) fn drop_off(ops: &dyn KindOps, value: &mut Value) {
    let info = ops.info();
    if let Some(root) = facts().of_kind(&info.api_version(), info.kind) {
        walk(facts(), root, value, &|known, name, _| {
            let named = known.name != root.name && !known.kind.is_empty() && matches!(name, "apiVersion" | "kind");
            let off = OFF.iter().any(|(of, fields)| *of == known.name && fields.contains(&name));
            !named && !off
        });
    }
}

/// Drops what Go drops when it writes an object: nulls, and optional lists and maps without content. An empty object
/// of a type of its own (`emptyDir: {}`) says something and stays.
pub(super) fn drop_empty(ops: &dyn KindOps, value: &mut Value) {
    let info = ops.info();
    if let Some(known) = facts().of_kind(&info.api_version(), info.kind) {
        walk(facts(), known, value, &|known, name, value| {
            let Some(field) = known.fields.get(name) else { return !value.is_null() };
            let empty = match (&field.shape, &*value) {
                (_, Value::Null) => return false,
                (Shape::List(_), Value::Array(items)) => items.is_empty(),
                (Shape::Map(_), Value::Object(entries)) => entries.is_empty(),
                _ => false,
            };
            if field.required && matches!(field.shape, Shape::Ref("meta.v1.LabelSelector")) && *value == json!({}) {
                // A selector that chooses everything, which is another thing than none.
                *value = json!({"matchLabels": {}});
            }
            !empty || field.required || KEPT.contains(&name)
        });
    }
}

/// Whether a field of a type stays; it may be changed.
type Keep<'k> = &'k dyn Fn(&Type, &str, &mut Value) -> bool;

/// Visits the fields of an object, what is in them first.
fn walk(facts: &Facts, known: &Type, value: &mut Value, keep: Keep<'_>) {
    let Some(map) = value.as_object_mut() else { return };
    map.retain(|name, value| {
        if let Some(field) = known.fields.get(name.as_str()) {
            walk_shape(facts, &field.shape, value, keep);
        }
        keep(known, name, value)
    });
}

fn walk_shape(facts: &Facts, shape: &Shape, value: &mut Value, keep: Keep<'_>) {
    match (shape, value) {
        (Shape::Ref(name), value) => {
            if let Some(known) = facts.get(name) {
                walk(facts, known, value, keep);
            }
        }
        (Shape::List(inner), Value::Array(items)) if matches!(**inner, Shape::Ref(_)) => {
            items.iter_mut().for_each(|item| walk_shape(facts, inner, item, keep));
        }
        // No text is an empty one in a map of Go's.
        (Shape::Map(inner), Value::Object(entries)) if matches!(**inner, Shape::String(_)) => {
            entries.values_mut().filter(|entry| entry.is_null()).for_each(|entry| *entry = Value::from(""));
        }
        (Shape::Map(inner), Value::Object(entries)) if matches!(**inner, Shape::Ref(_)) => {
            entries.values_mut().for_each(|entry| walk_shape(facts, inner, entry, keep));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;

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
