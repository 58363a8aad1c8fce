//! Writes answers: JSON with the keys in the order in which the real server writes them, and `Warning` headers.

use serde_json::{Map, Value};

use super::negotiate::YAML;
use crate::apimachinery::Status;
use crate::text::http::{Body, Request, Response};
use crate::text::{go_json, yaml};

/// Keys that come first in any object with a kind; the rest follows sorted, which for most kinds is Go's order too.
const FIRST: &[&str] = &["kind", "apiVersion", "metadata"];
const STATUS: &[&str] = &["kind", "apiVersion", "metadata", "status", "message", "reason", "details", "code"];
const METADATA: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];
const REFERENCE: &[&str] = &["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
/// The order of what stands at a key, or of each in the list that stands there: that of Go's struct.
const BELOW: &[(&str, &[&str])] = &[
    ("metadata", METADATA),
    ("ownerReferences", &["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"]),
    ("managedFields", &["manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1", "subresource"]),
    ("details", &["name", "group", "kind", "uid", "causes", "retryAfterSeconds"]),
    ("causes", &["reason", "message", "field"]),
    ("involvedObject", REFERENCE),
    ("claimRef", REFERENCE),
    ("targetRef", REFERENCE),
    ("scaleTargetRef", &["kind", "name", "apiVersion"]),
    ("roleRef", &["apiGroup", "kind", "name"]),
    ("subjects", &["kind", "apiGroup", "name", "namespace"]),
];

/// An answer in JSON.
pub(super) fn json(status: u16, value: &Value, warnings: &[String]) -> Response {
    let mut body = Vec::with_capacity(1024);
    write(value, &mut body);
    body.push(b'\n');
    bytes(status, "application/json", body, warnings)
}

/// An answer of this type.
pub(super) fn bytes(status: u16, content_type: &str, body: Vec<u8>, warnings: &[String]) -> Response {
    let mut headers = vec![
        ("Cache-Control".to_owned(), "no-cache, private".to_owned()),
        ("Content-Type".to_owned(), content_type.to_owned()),
    ];
    headers.extend(warnings.iter().map(|text| ("Warning".to_owned(), warning(text))));
    Response { status, headers, body: Body::Bytes(body) }
}

/// An answer in JSON made one in YAML.
pub(super) fn yaml(mut answer: Response) -> Response {
    let Body::Bytes(bytes) = &answer.body else { return answer };
    let json = answer.headers.iter_mut().find(|(name, value)| name == "Content-Type" && value == "application/json");
    if let (Some((_, media)), Ok(value)) = (json, serde_json::from_slice::<Value>(bytes)) {
        YAML.clone_into(media);
        answer.body = Body::Bytes(yaml::to_yaml(&value).into_bytes());
    }
    answer
}

/// What Go's HTTP server says where nobody answers.
pub(super) fn no_such_page() -> Response {
    let mut answer = bytes(404, "text/plain; charset=utf-8", b"404 page not found\n".to_vec(), &[]);
    answer.headers.push(("X-Content-Type-Options".to_owned(), "nosniff".to_owned()));
    answer
}

/// A stream as an answer.
pub(super) fn stream(status: u16, content_type: &str, id: crate::text::http::StreamId) -> Response {
    let headers = vec![
        ("Cache-Control".to_owned(), "no-cache, private".to_owned()),
        ("Content-Type".to_owned(), content_type.to_owned()),
    ];
    Response { status, headers, body: Body::Stream(id) }
}

/// A failure as an answer.
pub(super) fn failure(status: &Status, warnings: &[String]) -> Response {
    let mut response = json(status.code(), &status.to_json(), warnings);
    if status.retry_after_seconds > 0 {
        response.headers.push(("Retry-After".to_owned(), status.retry_after_seconds.to_string()));
    }
    response
}

/// A warning as RFC 7234 writes it.
fn warning(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control.is_control() => quoted.push(' '),
            other => quoted.push(other),
        }
    }
    format!("299 - \"{quoted}\"")
}

/// An object that a patch has made, as Go writes it: the keys that the patch has gone through are sorted.
pub(super) fn patched(value: &Value) -> String {
    let mut out = Vec::new();
    match value {
        Value::Object(map) => write_map(map, &[], &mut out),
        other => write(other, &mut out),
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes a value with its keys in the server's order.
pub(super) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => write_map(map, order_of(map), out),
        Value::Array(items) => write_list(items, write, out),
        other => out.extend_from_slice(go_json::to_compact(other).as_bytes()),
    }
}

fn write_list(items: &[Value], one: impl Fn(&Value, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        one(item, out);
    }
    out.push(b']');
}

/// Writes a value whose keys have an order of their own, or each of a list of such.
fn write_ordered(value: &Value, order: &[&str], out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => write_map(map, order, out),
        Value::Array(items) => write_list(items, |item, out| write_ordered(item, order, out), out),
        other => write(other, out),
    }
}

fn order_of(map: &Map<String, Value>) -> &'static [&'static str] {
    match map.get("kind").and_then(Value::as_str) {
        Some("Status") if map.contains_key("apiVersion") => STATUS,
        _ if map.contains_key("metadata") || map.contains_key("kind") => FIRST,
        _ => &[],
    }
}

fn write_map(map: &Map<String, Value>, first: &[&str], out: &mut Vec<u8>) {
    out.push(b'{');
    let mut empty = true;
    let ordered = first.iter().filter_map(|key| map.get_key_value(*key));
    let rest = map.iter().filter(|(key, _)| !first.contains(&key.as_str()));
    for (key, value) in ordered.chain(rest) {
        if !empty {
            out.push(b',');
        }
        empty = false;
        out.extend_from_slice(go_json::quoted(key).as_bytes());
        out.push(b':');
        match BELOW.iter().find(|(name, _)| name == key) {
            Some((_, order)) => write_ordered(value, order, out),
            None => write(value, out),
        }
    }
    out.push(b'}');
}

/// An answer as a person reads it at a terminal: indented, for the programs that people use.
pub(super) fn for_people(request: &Request, mut answer: Response) -> Response {
    let agent = request.header("User-Agent").unwrap_or_default();
    let by_hand = ["curl", "Wget", "Mozilla/5.0"].iter().any(|name| agent.starts_with(name));
    if by_hand
        && let Body::Bytes(bytes) = &answer.body
        && let Ok(text) = std::str::from_utf8(bytes)
        && text.starts_with('{')
        && !text.trim_end().contains('\n')
    {
        answer.body = Body::Bytes(go_json::indented(text.trim_end()).into_bytes());
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_stand_in_the_order_of_gos_structs() {
        let owner = json!({"apiVersion": "batch/v1", "kind": "Job", "name": "a", "uid": "u", "controller": true});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"ownerReferences": [owner], "name": "a-x"}});
        let event = json!({"involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "p", "namespace": "n"}});
        let text = |value: &Value| {
            let mut out = Vec::new();
            write(value, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            text(&pod),
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a-x","ownerReferences":[{"apiVersion":"batch/v1","kind":"Job","name":"a","uid":"u","controller":true}]}}"#
        );
        assert_eq!(text(&event), r#"{"involvedObject":{"kind":"Pod","namespace":"n","name":"p","apiVersion":"v1"}}"#);
    }
}
