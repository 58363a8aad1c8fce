//! Patches: what has to be sent to turn what is on the server into what is wanted. Sends nothing.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go.

mod keys;

pub use keys::{List, list_kind};

use serde_json::{Map, Value, json};

/// The strategic merge patch from what was applied last, what is wanted and what is there: fields that were applied
/// before and are wanted no more go, everything wanted comes, what others set stays.
pub fn three_way(original: &Value, modified: &Value, current: &Value) -> Value {
    let none = Map::new();
    let map = |value: &'_ Value| value.as_object().cloned().unwrap_or_default();
    let (original, modified, current) = (map(original), map(modified), map(current));
    let additions = diff(&current, &modified, Mode::Additions);
    let deletions = diff(if original.is_empty() { &none } else { &original }, &modified, Mode::Deletions);
    Value::Object(merge(deletions, additions))
}

/// The strategic merge patch from one object to another.
pub fn two_way(original: &Value, modified: &Value) -> Value {
    let map = |value: &'_ Value| value.as_object().cloned().unwrap_or_default();
    Value::Object(diff(&map(original), &map(modified), Mode::Both))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Additions,
    Deletions,
    Both,
}

type Fields = Map<String, Value>;

fn diff(original: &Fields, modified: &Fields, mode: Mode) -> Fields {
    let mut patch = Map::new();
    for (key, new) in modified {
        let Some(old) = original.get(key) else {
            if mode != Mode::Deletions {
                patch.insert(key.clone(), new.clone());
            }
            continue;
        };
        if old == new {
            continue;
        }
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                let inner = diff(old, new, mode);
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                    retain_keys(&mut patch, key, new, mode);
                }
            }
            (Value::Array(old), Value::Array(new)) => lists(&mut patch, key, old, new, mode),
            _ if mode != Mode::Deletions => {
                patch.insert(key.clone(), new.clone());
            }
            _ => {}
        }
    }
    if mode != Mode::Additions {
        for key in original.keys().filter(|key| !modified.contains_key(*key)) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    patch
}

/// A union such as a deployment's strategy keeps only the keys that are wanted.
fn retain_keys(patch: &mut Fields, key: &str, new: &Fields, mode: Mode) {
    if mode == Mode::Deletions || !keys::is_union(key) {
        return;
    }
    let names: Vec<Value> = new.keys().cloned().map(Value::String).collect();
    if let Some(inner) = patch.get_mut(key).and_then(Value::as_object_mut) {
        inner.insert("$retainKeys".to_owned(), Value::Array(names));
    }
}

fn lists(patch: &mut Fields, key: &str, old: &[Value], new: &[Value], mode: Mode) {
    match list_kind(key, old, new) {
        List::Atomic => {
            if mode != Mode::Deletions {
                patch.insert(key.to_owned(), Value::Array(new.to_vec()));
            }
        }
        List::Set => {
            let added: Vec<Value> = new.iter().filter(|item| !old.contains(item)).cloned().collect();
            let gone: Vec<Value> = old.iter().filter(|item| !new.contains(item)).cloned().collect();
            if mode != Mode::Deletions && !added.is_empty() {
                patch.insert(key.to_owned(), Value::Array(added));
            }
            if mode != Mode::Additions && !gone.is_empty() {
                patch.insert(format!("$deleteFromPrimitiveList/{key}"), Value::Array(gone));
            }
        }
        List::Map(merge_key) => keyed(patch, key, merge_key, old, new, mode),
    }
}

fn keyed(patch: &mut Fields, key: &str, merge_key: &str, old: &[Value], new: &[Value], mode: Mode) {
    let find = |list: &[Value], wanted: Option<&Value>| {
        list.iter().find(|item| item.get(merge_key).is_some() && item.get(merge_key) == wanted).cloned()
    };
    let mut changes = Vec::new();
    for item in new {
        let id = item.get(merge_key);
        match find(old, id) {
            Some(before) => {
                let (Some(before), Some(after)) = (before.as_object(), item.as_object()) else { continue };
                let mut inner = diff(before, after, mode);
                if !inner.is_empty() {
                    inner.insert(merge_key.to_owned(), id.cloned().unwrap_or_default());
                    changes.push(Value::Object(inner));
                }
            }
            None if mode != Mode::Deletions => changes.push(item.clone()),
            None => {}
        }
    }
    if mode != Mode::Additions {
        for item in old.iter().filter(|item| find(new, item.get(merge_key)).is_none()) {
            changes.push(json!({"$patch": "delete", merge_key: item.get(merge_key)}));
        }
    }
    if changes.is_empty() {
        return;
    }
    changes.sort_by_key(|item| item.get(merge_key).map(Value::to_string));
    let order: Vec<Value> = new.iter().map(|item| json!({merge_key: item.get(merge_key)})).collect();
    patch.insert(format!("$setElementOrder/{key}"), Value::Array(order));
    patch.insert(key.to_owned(), Value::Array(changes));
}

/// Joins two patches that touch the same object.
fn merge(mut one: Fields, other: Fields) -> Fields {
    for (key, value) in other {
        match (one.get_mut(&key), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => *inner = merge(std::mem::take(inner), more),
            (Some(Value::Array(inner)), Value::Array(more)) if !key.starts_with('$') => {
                let kind = list_kind(&key, inner, &more);
                for item in more {
                    let same = match kind {
                        List::Map(merge_key) => {
                            inner.iter_mut().find(|known| known.get(merge_key) == item.get(merge_key))
                        }
                        _ => None,
                    };
                    match (same, item) {
                        (Some(Value::Object(known)), Value::Object(item)) => {
                            *known = merge(std::mem::take(known), item)
                        }
                        (_, item) => inner.push(item),
                    }
                }
            }
            (_, value) => {
                one.insert(key, value);
            }
        }
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_applied_and_is_wanted_no_more_goes_and_what_others_set_stays() {
        let original = json!({"spec": {"replicas": 2, "paused": true, "template": {"containers": [
            {"name": "a", "image": "x", "env": [{"name": "A", "value": "1"}]}, {"name": "b", "image": "y"}]}}});
        let modified = json!({"spec": {"replicas": 3, "template": {"containers": [{"name": "a", "image": "z"}]}}});
        let current = json!({"spec": {"replicas": 2, "paused": true, "strategy": {"type": "Recreate"}, "template": {"containers": [
            {"name": "a", "image": "x", "imagePullPolicy": "Always", "env": [{"name": "A", "value": "1"}]},
            {"name": "b", "image": "y"}]}}});
        let patch = three_way(&original, &modified, &current);
        assert_eq!(
            patch,
            json!({"spec": {"replicas": 3, "paused": null, "template": {
                "$setElementOrder/containers": [{"name": "a"}],
                "containers": [{"name": "a", "image": "z", "env": null}, {"name": "b", "$patch": "delete"}]}}})
        );
    }

    #[test]
    fn the_same_configuration_gives_an_empty_patch() {
        let wanted = json!({"spec": {"ports": [{"port": 80}], "finalizers": ["a"]}});
        let current = json!({"spec": {"ports": [{"port": 80, "protocol": "TCP"}], "finalizers": ["a"], "x": 1}});
        assert_eq!(three_way(&wanted, &wanted, &current), json!({}));
    }
}
