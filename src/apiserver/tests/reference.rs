//! Columns and schemas held against those of a real server (`tests/reference/`).

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::api::KINDS;

const COLUMNS: &str = include_str!("../../../tests/reference/columns.txt");
const SCHEMAS: &str = include_str!("../../../tests/reference/openapi.txt");

/// What the documents of the real server have and ours do not: nothing that is kept, and nothing that `explain` shows.
const NOT_DESCRIBED: &[&str] = &[
    "^apis.meta.v1.APIResource",
    "^apis.meta.v1.APIResourceList",
    "^apis.meta.v1.FieldsV1",
    "^apis.meta.v1.WatchEvent",
    "^runtime.RawExtension",
    "~authentication.v1.BoundObjectReference",
    "~authentication.v1.TokenRequest",
    "~authentication.v1.TokenRequestSpec",
    "~authentication.v1.TokenRequestStatus",
    "~autoscaling.v1.Scale",
    "~autoscaling.v1.ScaleSpec",
    "~autoscaling.v1.ScaleStatus",
    "~core.v1.Binding",
    "~core.v1.ComponentCondition",
    "~core.v1.ComponentStatus",
    "~core.v1.ComponentStatusList",
    "~policy.v1.Eviction",
];

/// Where the real server says what goes without saying, or gives a name to what is free: schema, its word, ours.
const OTHER_WORDS: &[(&str, &str, &str)] = &[
    ("~apps.v1.ControllerRevision", "data=^runtime.RawExtension", "data=object"),
    ("^apis.meta.v1.ManagedFieldsEntry", "fieldsV1=^apis.meta.v1.FieldsV1", "fieldsV1=object"),
    (
        "~core.v1.PersistentVolumeClaimStatus",
        "allocatedResourceStatuses={string};m=granular",
        "allocatedResourceStatuses={string}",
    ),
    (
        "~core.v1.PersistentVolumeSpec",
        "claimRef=~core.v1.ObjectReference;m=granular",
        "claimRef=~core.v1.ObjectReference",
    ),
];

fn facts(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

#[test]
fn every_kind_has_the_columns_of_the_real_server() {
    let real: BTreeMap<&str, &str> = facts(COLUMNS).filter_map(|line| line.split_once('\t')).collect();
    let mut wrong = Vec::new();
    for kind in KINDS {
        let name = kind.info().kind;
        let ours: Vec<String> = kind
            .columns()
            .iter()
            .map(|one| format!("{}:{}:{}:{}", one.name, one.kind, one.format, one.priority))
            .collect();
        let ours = ours.join("\t");
        if real.get(name) != Some(&ours.as_str()) {
            wrong.push(format!("{name}\n  real {:?}\n  ours {ours:?}", real.get(name)));
        }
    }
    assert!(real.len() > 40 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A type as the facts have it.
fn shape(schema: &Value) -> String {
    let text = |name: &str| schema[name].as_str().unwrap_or_default();
    if let Some(name) = schema["$ref"].as_str() {
        return short(name.rsplit('/').next().unwrap());
    }
    if let Some([only]) = schema["allOf"].as_array().map(Vec::as_slice) {
        return shape(only);
    }
    if text("type") == "array" {
        return format!("[{}]", shape(&schema["items"]));
    }
    if schema["additionalProperties"].is_object() {
        return format!("{{{}}}", shape(&schema["additionalProperties"]));
    }
    if schema.get("oneOf").is_some() {
        return "oneOf".to_owned();
    }
    if text("format").is_empty() { text("type").to_owned() } else { format!("{}:{}", text("type"), text("format")) }
}

fn short(name: &str) -> String {
    name.replace("io.k8s.api.", "~").replace("io.k8s.apimachinery.pkg.", "^")
}

/// A schema as the facts have it.
fn words(schema: &Value) -> BTreeSet<String> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut all = BTreeSet::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let mut word = format!("{name}={}", shape(property));
        if required.contains(&name.as_str()) {
            word.push('!');
        }
        for (key, letter) in [
            ("list-type", 'l'),
            ("list-map-keys", 'k'),
            ("map-type", 'm'),
            ("patch-strategy", 'p'),
            ("patch-merge-key", 'q'),
        ] {
            match &property[format!("x-kubernetes-{key}")] {
                Value::String(text) => word.push_str(&format!(";{letter}={text}")),
                Value::Array(keys) => {
                    let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
                    word.push_str(&format!(";{letter}={}", keys.join("+")));
                }
                _ => {}
            }
        }
        all.insert(word);
    }
    if all.is_empty() {
        all.insert(format!("={}", shape(schema)));
    }
    let kinds: Vec<String> = schema["x-kubernetes-group-version-kind"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| ["group", "version", "kind"].map(|part| one[part].as_str().unwrap_or_default()).join("/"))
        .collect();
    if !kinds.is_empty() && kinds.len() < 4 {
        all.insert(format!("@{}", kinds.join(",")));
    }
    if let Some(text) = schema["x-kubernetes-map-type"].as_str() {
        all.insert(format!("~{text}"));
    }
    all
}

#[test]
fn every_schema_has_the_fields_types_and_lists_of_the_real_server() {
    let mut server = Server::new();
    let mut ours = BTreeMap::new();
    for path in ["api/v1", "apis/apps/v1", "apis/batch/v1"] {
        let (_, document) = server.get(&format!("/openapi/v3/{path}"));
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            ours.insert(short(name), words(schema));
        }
    }
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in facts(SCHEMAS) {
        count += 1;
        let mut parts = line.split(' ');
        let name = parts.next().unwrap();
        let mut real: BTreeSet<String> = parts.map(str::to_owned).collect();
        for (_, theirs, ours) in OTHER_WORDS.iter().filter(|(of, ..)| *of == name) {
            assert!(real.remove(*theirs), "{name} no longer says {theirs}");
            real.insert((*ours).to_owned());
        }
        match ours.get(name) {
            None if NOT_DESCRIBED.contains(&name) => {}
            None => wrong.push(format!("{name} is missing")),
            Some(_) if NOT_DESCRIBED.contains(&name) => wrong.push(format!("{name} is there: take it out of the list")),
            Some(ours) if *ours == real => {}
            Some(ours) => wrong.push(format!(
                "{name}\n  only real {:?}\n  only ours {:?}",
                real.difference(ours).collect::<Vec<_>>(),
                ours.difference(&real).collect::<Vec<_>>()
            )),
        }
    }
    assert!(count > 250 && wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
