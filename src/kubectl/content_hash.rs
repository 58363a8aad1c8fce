//! The hash of a ConfigMap's or Secret's content that `--append-hash` and kustomize's generators put behind its name.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/util/hash/hash.go and kustomize api/hasher.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::text::go_json;

/// Ten letters without vowels that stand for the content of a ConfigMap or Secret.
pub fn content_hash(object: &Value) -> String {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or("").to_owned();
    let kind = text("/kind");
    let mut content = json!({"kind": kind, "name": text("/metadata/name"), "data": object.get("data")});
    if let Some(fields) = content.as_object_mut() {
        if kind == "Secret" {
            fields.insert("type".to_owned(), json!(text("/type")));
        }
        for name in ["immutable", "binaryData"] {
            if let Some(value) = object.get(name) {
                fields.insert(name.to_owned(), value.clone());
            }
        }
    }
    encode(&go_json::to_compact(&content))
}

/// The hash of what a kustomization's generator makes: without the name, and with a text for missing data.
pub fn generator_hash(object: &Value) -> String {
    let mut content = object.clone();
    if let Some(fields) = content.as_object_mut() {
        fields.remove("metadata");
        fields.remove("immutable");
        fields.entry("data").or_insert_with(|| json!(""));
    }
    content_hash(&content)
}

fn encode(text: &str) -> String {
    let hex: String = Sha256::digest(text.as_bytes()).iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    hex.chars()
        .map(|c| match c {
            '0' => 'g',
            '1' => 'h',
            '3' => 'k',
            'a' => 'm',
            'e' => 't',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_upstreams_table_test() {
        let map = |data: Value| content_hash(&json!({"kind": "ConfigMap", "metadata": {"name": ""}, "data": data}));
        assert_eq!(map(json!({})), "42745tchd9");
        assert_eq!(map(json!({"one": ""})), "9g67k2htb6");
        assert_eq!(map(json!({"two": "2", "one": "", "three": "3"})), "f5h7t85m9b");
    }
}
