//! The fields of an object that a path leads to.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/filters/fieldspec/fieldspec.go.

use serde_json::{Value, json};

/// Sets the value at a path; with `make`, it and the objects on the way are made.
pub fn set_at(object: &mut Value, path: &str, make: bool, value: &Value) {
    if make {
        let mut slot = &mut *object;
        for part in path.split('/') {
            let Some(fields) = slot.as_object_mut() else { break };
            slot = fields.entry(part).or_insert_with(|| json!({}));
        }
    }
    at(object, path, &mut |slot| *slot = value.clone());
}

/// Visits every value at a path; lists on the way stand for each of their elements.
pub fn at(value: &mut Value, path: &str, visit: &mut dyn FnMut(&mut Value)) {
    if let Value::Array(items) = value {
        items.iter_mut().for_each(|item| at(item, path, visit));
        return;
    }
    if path.is_empty() {
        visit(value);
        return;
    }
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    if let Some(inner) = value.get_mut(first) {
        at(inner, rest, visit);
    }
}
