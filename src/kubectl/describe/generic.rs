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

/// `creationTimestamp` as `Creation Timestamp`. A name with anything but letters and hyphens stays as it is.
fn words(field: &str) -> String {
    if field.chars().any(|c| !c.is_alphabetic() && c != '-') {
        return field.to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    for part in runs(field) {
        // Capitals and what begins with another one belong together.
        let joins = |before: &String| before.len() >= 2 && before.chars().all(char::is_uppercase);
        match parts.last_mut() {
            Some(before) if joins(before) && part.starts_with(char::is_uppercase) => before.push_str(&part),
            _ => parts.push(part),
        }
    }
    let titled = parts.into_iter().map(|part| {
        let upper = part.to_uppercase();
        if ["API", "URL", "UID", "GUID"].contains(&upper.as_str()) {
            return upper;
        }
        let mut chars = part.chars();
        chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
    });
    titled.collect::<Vec<_>>().join(" ")
}

/// A name cut where small letters, capitals and hyphens meet; the last of several capitals goes with the small letters
/// behind it.
fn runs(field: &str) -> Vec<String> {
    let class = |c: char| (c.is_uppercase(), c == '-');
    let chars: Vec<char> = field.chars().collect();
    let mut parts: Vec<String> = Vec::new();
    for (index, c) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(index + 1);
        let leads = c.is_uppercase() && after.is_some_and(|after| after.is_lowercase());
        let follows = before.is_some_and(|before| before.is_uppercase() && c.is_lowercase());
        let meets = before.is_none_or(|before| class(*before) != class(*c));
        match parts.last_mut() {
            Some(part) if !leads && (follows || !meets) => part.push(*c),
            _ => parts.push(c.to_string()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_of_fields_become_words() {
        assert_eq!(words("creationTimestamp"), "Creation Timestamp");
        assert_eq!(words("apiVersion"), "API Version");
        assert_eq!(words("podCIDR"), "Pod CIDR");
        assert_eq!(words("aURLThing"), "A URLThing");
        assert_eq!(words("openAPIV3Schema"), "openAPIV3Schema");
        assert_eq!(words("x-kubernetes-list-type"), "X - Kubernetes - List - Type");
    }
}
