//! Writes answers: JSON with the keys in the order in which the real server writes them, and `Warning` headers.

use serde_json::{Map, Value};

use crate::apimachinery::Status;
use crate::text::go_json;
use crate::text::http::{Body, Request, Response};

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

/// Writes a value with its keys in the server's order.
pub(super) fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => write_map(map, order_of(map), out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        other => out.extend_from_slice(go_json::to_compact(other).as_bytes()),
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
        match value {
            Value::Object(metadata) if key == "metadata" => write_map(metadata, METADATA, out),
            other => write(other, out),
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
