//! Keys of labels and annotations that a kustomization sets and that YAML reads as something else than text (`n: x`):
//! an object with one cannot be written.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/resource/resource.go (`AsYAML`).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::text::go_number::quote;
use crate::text::go_value::syntax;

/// Remembers the odd ones among the keys of pairs.
pub fn collect(pairs: &Map<String, Value>, odd: &mut BTreeSet<String>) {
    odd.extend(pairs.keys().filter(|key| is_odd(key)).cloned());
}

fn is_odd(key: &str) -> bool {
    matches!(key, "true" | "false" | "null" | "~" | "")
        || serde_json::from_str::<Value>(key).is_ok_and(|value| value.is_number())
}

/// Whether an object can be written.
///
/// # Errors
/// Go's words about one that holds such a key.
pub fn check(object: &Value, odd: &BTreeSet<String>) -> Result<(), String> {
    if odd.is_empty() || !holds(object, odd) {
        return Ok(());
    }
    Err(format!("{}: json: unsupported type: map[interface {{}}]interface {{}}", shown(object, odd)))
}

fn holds(value: &Value, odd: &BTreeSet<String>) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(key, value)| odd.contains(key) || holds(value, odd)),
        Value::Array(items) => items.iter().any(|item| holds(item, odd)),
        _ => false,
    }
}

/// `%#v`, where a map with an odd key has keys of any type.
fn shown(value: &Value, odd: &BTreeSet<String>) -> String {
    let pairs = |fields: &Map<String, Value>, plain: bool| -> Vec<String> {
        let these = fields.iter().filter(|(key, _)| odd.contains(*key) != plain);
        these
            .map(|(key, value)| format!("{}:{}", if plain { quote(key) } else { key.clone() }, shown(value, odd)))
            .collect()
    };
    match value {
        Value::Object(fields) => {
            let (plain, strange) = (pairs(fields, true), pairs(fields, false));
            let key = if strange.is_empty() { "string" } else { "interface {}" };
            format!("map[{key}]interface {{}}{{{}}}", [plain, strange].concat().join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(item, odd)).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        plain => syntax(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_that_is_no_text_is_told_in_the_words_of_go() {
        let pairs = json!({"false": "1", "a": "b"});
        let mut odd = BTreeSet::new();
        collect(pairs.as_object().unwrap(), &mut odd);
        let object = json!({"kind": "X", "metadata": {"labels": pairs}});
        assert_eq!(
            check(&object, &odd).unwrap_err(),
            r#"map[string]interface {}{"kind":"X", "metadata":map[string]interface {}{"labels":map[interface {}]interface {}{"a":"b", false:"1"}}}: json: unsupported type: map[interface {}]interface {}"#
        );
        assert_eq!(check(&json!({"kind": "X"}), &odd), Ok(()));
    }
}
