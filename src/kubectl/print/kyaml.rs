//! `-o kyaml`: YAML in braces, with every text in quotes.
//!
//! Models sigs.k8s.io/yaml/kyaml as Kubernetes 1.36 uses it.

use serde_json::Value;

use crate::text::go_number::quote;

/// The KYAML document of a value.
pub fn to_kyaml(value: &Value) -> String {
    let mut out = String::from("---\n");
    write(&mut out, value, 0);
    out.push('\n');
    out
}

fn pad(out: &mut String, level: usize) {
    for _ in 0..level {
        out.push_str("  ");
    }
}

fn write(out: &mut String, value: &Value, level: usize) {
    match value {
        Value::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Value::Object(fields) => {
            out.push_str("{\n");
            for (key, value) in fields {
                pad(out, level + 1);
                out.push_str(&key_text(key));
                out.push_str(": ");
                match value {
                    Value::String(text) => write_text(out, text, level + 1),
                    value => write(out, value, level + 1),
                }
                out.push_str(",\n");
            }
            pad(out, level);
            out.push('}');
        }
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        // A list of objects (or of lists) is cuddled: its brackets share lines with those of its items.
        Value::Array(items) if items.iter().all(|item| item.is_object() || item.is_array()) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(out, item, level);
            }
            out.push(']');
        }
        Value::Array(items) => {
            out.push_str("[\n");
            for item in items {
                pad(out, level + 1);
                write(out, item, level + 1);
                out.push_str(",\n");
            }
            pad(out, level);
            out.push(']');
        }
        Value::String(text) => out.push_str(&quote(text)),
        other => out.push_str(&other.to_string()),
    }
}

/// A text with line breaks is folded over lines, each ending in `\n\`.
fn write_text(out: &mut String, text: &str, level: usize) {
    if !text.contains('\n') {
        out.push_str(&quote(text));
        return;
    }
    let mut margin = String::new();
    pad(&mut margin, level + 1);
    out.push_str("\"\\\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    let ends_in_break = lines.last() == Some(&"");
    if ends_in_break {
        lines.pop();
    }
    let count = lines.len();
    for (index, line) in lines.iter().enumerate() {
        let quoted = quote(line);
        let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted);
        // A line that starts with a space would lose it to the folding, so that it is escaped.
        let lead = if inner.starts_with(' ') { "\\" } else { " " };
        let break_mark = if index + 1 < count || ends_in_break { "\\n" } else { "" };
        out.push_str(&format!("{margin}{lead}{inner}{break_mark}\\\n"));
    }
    out.push_str(&format!("{margin}\""));
}

fn key_text(key: &str) -> String {
    let plain = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'))
        && key.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && !matches!(key.to_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null");
    if plain { key.to_owned() } else { quote(key) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_objects_are_cuddled_and_texts_quoted() {
        let value = json!({"a": [{"b": "x", "c": {}}, {"b": "y"}], "d": ["s"], "e": true});
        assert_eq!(
            to_kyaml(&value),
            "---\n{\n  a: [{\n    b: \"x\",\n    c: {},\n  }, {\n    b: \"y\",\n  }],\n  d: [\n    \"s\",\n  ],\n  e: true,\n}\n"
        );
    }
}
