//! Kinds without a description of their own: every field, with its name in words.

use serde_json::{Map, Value};

use super::Describer;
use super::parts::shown;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::str_at;

const SKIPPED: [&str; 5] =
    [".metadata.managedFields", ".metadata.name", ".metadata.namespace", ".metadata.labels", ".metadata.annotations"];

/// Describes any object.
pub fn generic(d: &mut Describer<'_, '_>, object: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(object, "/metadata/name"));
    d.field("Namespace", str_at(object, "/metadata/namespace"));
    d.labels("Labels", crate::kubectl::print::map_at(object, "/metadata/labels"));
    d.annotations("Annotations", crate::kubectl::print::map_at(object, "/metadata/annotations"));
    if let Some(fields) = object.as_object() {
        content(d, 0, fields, "");
    }
    d.events(object);
    Ok(())
}

fn content(d: &mut Describer<'_, '_>, level: usize, fields: &Map<String, Value>, prefix: &str) {
    for (field, value) in fields {
        let path = format!("{prefix}.{field}");
        if SKIPPED.contains(&path.as_str()) {
            continue;
        }
        let label = words(field);
        match value {
            Value::Object(inner) => {
                d.w.line(level, &format!("{label}:"));
                content(d, level + 1, inner, &path);
            }
            Value::Array(items) => {
                d.w.line(level, &format!("{label}:"));
                for item in items {
                    match item {
                        Value::Object(inner) => content(d, level + 1, inner, &path),
                        other => d.w.line(level + 1, &shown(other)),
                    }
                }
            }
            other => d.w.line(level, &format!("{label}:\t{}", shown(other))),
        }
    }
}

/// `creationTimestamp` as `Creation Timestamp`.
fn words(field: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let chars: Vec<char> = field.chars().collect();
    let mut part = String::new();
    for (index, c) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(index + 1);
        let starts = c.is_uppercase()
            && (before.is_some_and(|b| b.is_lowercase() || b.is_ascii_digit())
                || (before.is_some_and(|b| b.is_uppercase()) && after.is_some_and(|a| a.is_lowercase())));
        if starts && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        part.push(*c);
    }
    parts.push(part);
    let acronyms = ["API", "URL", "UID", "OSB", "GUID"];
    let titled: Vec<String> = parts
        .into_iter()
        .map(|part| {
            let upper = part.to_uppercase();
            if acronyms.contains(&upper.as_str()) {
                return upper;
            }
            let mut chars = part.chars();
            chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
        })
        .collect();
    titled.join(" ")
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_of_fields_become_words() {
        assert_eq!(words("creationTimestamp"), "Creation Timestamp");
        assert_eq!(words("apiVersion"), "API Version");
        assert_eq!(words("podCIDR"), "Pod CIDR");
    }
}
