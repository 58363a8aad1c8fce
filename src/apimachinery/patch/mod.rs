//! Patches: JSON patch, merge patch, strategic merge patch. Pure functions of JSON values.

mod json_patch;
mod strategic;

pub use json_patch::{Refused, json_patch};
pub use strategic::{Misfit, strategic_merge};

use serde_json::{Map, Value};

/// Applies a merge patch (RFC 7386): objects merge, `null` removes, everything else replaces.
pub fn merge_patch(target: Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut merged = match target {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    for (key, change) in changes {
        if change.is_null() {
            merged.remove(key);
        } else {
            let before = merged.remove(key).unwrap_or_default();
            merged.insert(key.clone(), merge_patch(before, change));
        }
    }
    Value::Object(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_merge_patch_merges_objects_and_replaces_lists() {
        let target = json!({"a": {"b": 1, "c": 2}, "d": [1, 2]});
        let patch = json!({"a": {"b": null, "e": {"f": null, "g": 3}}, "d": [3]});
        assert_eq!(merge_patch(target, &patch), json!({"a": {"c": 2, "e": {"g": 3}}, "d": [3]}));
    }
}
