//! `/openapi/v3`: an index and a document a group and version, made of the facts. Descriptions are there once somebody
//! has brought them (`ApiServer::set_prose`).
//!
//! Models Kubernetes 1.36 vendor/k8s.io/kube-openapi/pkg/handler3.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{ApiServer, discovery, respond};
use crate::api::{KindInfo, KindRef};
use crate::apimachinery::facts::{Facts, Field, ListType, Prose, Shape, Type, facts};
use crate::text::http::{Request, Response};

/// Answers when the path lies below `/openapi`.
pub(super) fn answer(server: &ApiServer, request: &Request) -> Option<Response> {
    let path = request.path.trim_end_matches('/');
    if path == "/openapi/v2" {
        // Clients that look a kind up here have not found it in version 3 either: a document without definitions
        // (in protobuf: no bytes at all) tells them so.
        let accepts = request.header("Accept").unwrap_or_default();
        return Some(if accepts.contains("proto-openapi") {
            respond::bytes(200, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", Vec::new(), &[])
        } else {
            let info = json!({"title": "Kubernetes", "version": "v1.36.2"});
            respond::json(200, &json!({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}}), &[])
        });
    }
    let below = path.strip_prefix("/openapi/v3")?.trim_start_matches('/');
    let (kinds, prose) = (&server.served(), server.prose.as_deref());
    let value = if below.is_empty() { index(kinds, prose.is_some()) } else { document(below, kinds, prose)? };
    Some(respond::json(200, &value, &[]))
}

/// The path of a group and version below `/openapi/v3/`.
fn place(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn index(kinds: &[KindRef], described: bool) -> Value {
    let mut paths = Map::new();
    for group in discovery::groups(kinds) {
        for version in discovery::versions(kinds, group) {
            let place = place(group, version);
            // A hash of what a document is made from tells it from another.
            let of_place = |kind: &&KindRef| (kind.info().group, kind.info().version) == (group, version);
            let custom: String = kinds
                .iter()
                .filter(of_place)
                .filter_map(|kind| kind.structural_schema())
                .map(Value::to_string)
                .collect();
            let digest = Sha256::digest(format!("{} {described} {place} {custom}", env!("CARGO_PKG_VERSION")));
            let hash: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
            paths.insert(place.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{place}?hash={hash}")}));
        }
    }
    json!({"paths": paths})
}

fn document(below: &str, kinds: &[KindRef], prose: Option<&Prose>) -> Option<Value> {
    let known = discovery::groups(kinds)
        .iter()
        .any(|group| discovery::versions(kinds, group).iter().any(|version| place(group, version) == below));
    if !known {
        return None;
    }
    let facts = facts();
    let (mut paths, mut wanted) = (Map::new(), BTreeSet::new());
    let kinds: Vec<&KindRef> =
        kinds.iter().filter(|kind| place(kind.info().group, kind.info().version) == below).collect();
    for kind in &kinds {
        let info = kind.info();
        if kind.structural_schema().is_some() {
            kind_paths(info, &custom_name(info), below, &mut paths);
            wanted.insert("meta.v1.ObjectMeta");
        }
        let Some(known) = facts.of_kind(&info.api_version(), info.kind) else { continue };
        collect(facts, known, &mut wanted);
        kind_paths(info, &known.schema_name(), below, &mut paths);
    }
    if wanted.contains("meta.v1.ObjectMeta")
        && let Some(known) = facts.get("meta.v1.ObjectMeta")
    {
        wanted.remove("meta.v1.ObjectMeta");
        collect(facts, known, &mut wanted);
    }
    for name in ["meta.v1.DeleteOptions", "meta.v1.Status", "meta.v1.ListMeta"] {
        if let Some(known) = facts.get(name) {
            collect(facts, known, &mut wanted);
        }
    }
    let mut schemas: Map<String, Value> = wanted
        .iter()
        .filter_map(|name| facts.get(name))
        .map(|known| (known.schema_name(), schema(facts, known, prose)))
        .collect();
    for kind in &kinds {
        let info = kind.info();
        match (kind.structural_schema(), facts.of_kind(&info.api_version(), info.kind)) {
            (Some(schema), _) => {
                let name = custom_name(info);
                schemas.insert(name.clone(), custom_schema(info, schema));
                list_schema(&name, info, &mut schemas);
            }
            (None, Some(known)) => list_schema(&known.schema_name(), info, &mut schemas),
            (None, None) => {}
        }
    }
    for (name, shape) in [
        ("apis.meta.v1.Patch", json!({"type": "object"})),
        ("api.resource.Quantity", json!({"oneOf": [{"type": "string"}, {"type": "number"}]})),
        ("apis.meta.v1.MicroTime", json!({"type": "string", "format": "date-time"})),
        ("apis.meta.v1.Time", json!({"type": "string", "format": "date-time"})),
        (
            "util.intstr.IntOrString",
            json!({"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"}),
        ),
    ] {
        let name = format!("io.k8s.apimachinery.pkg.{name}");
        let shape = described(shape, prose.and_then(|prose| prose.of_type(&name)), &[]);
        schemas.insert(name, shape);
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "1.36"},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

fn collect(facts: &Facts, known: &Type, wanted: &mut BTreeSet<&'static str>) {
    if !wanted.insert(known.name) {
        return;
    }
    for field in known.fields.values() {
        if let Some(inner) = facts.referred(&field.shape) {
            collect(facts, inner, wanted);
        }
    }
}

/// A schema with its description; the choices follow it as upstream has them, yet without a sentence each.
fn described(mut schema: Value, text: Option<&str>, choices: &[&str]) -> Value {
    let (Some(text), Some(map)) = (text, schema.as_object_mut()) else { return schema };
    let mut text = text.to_owned();
    if !choices.is_empty() {
        text.push_str("\n\nPossible enum values:");
        for choice in choices {
            text.push_str(&format!("\n - `\"{choice}\"`"));
        }
    }
    map.insert("description".to_owned(), json!(text));
    schema
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn schema(facts: &Facts, known: &Type, prose: Option<&Prose>) -> Value {
    let mut properties = Map::new();
    let name = known.schema_name();
    for field in known.fields.values() {
        let text = prose.and_then(|prose| prose.of_field(&name, field.name));
        // The choices of a list are those of its elements, which have no description of their own.
        let choices = if matches!(field.shape, Shape::List(_)) { &[][..] } else { &field.choices };
        properties.insert(field.name.to_owned(), described(property(facts, field), text, choices));
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    if !properties.is_empty() {
        schema.insert("properties".to_owned(), Value::Object(properties));
    }
    let required: Vec<&str> = known.fields.values().filter(|field| field.required).map(|field| field.name).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    if let Some((version, kind)) = known.kind.rsplit_once('/') {
        let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
        schema.insert(
            "x-kubernetes-group-version-kind".to_owned(),
            json!([{"group": group, "version": version, "kind": kind}]),
        );
    }
    if known.atomic {
        schema.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
    }
    described(Value::Object(schema), prose.and_then(|prose| prose.of_type(&name)), &[])
}

fn property(facts: &Facts, field: &Field) -> Value {
    let mut value = shape(facts, &field.shape);
    let Some(map) = value.as_object_mut() else { return value };
    if let Some(inner) = map.remove("$ref") {
        // As the real documents have it: beside a reference nothing else may stand.
        map.insert("allOf".to_owned(), json!([{"$ref": inner}]));
    }
    if !field.choices.is_empty() {
        match map.get_mut("items").and_then(Value::as_object_mut) {
            Some(items) => items.insert("enum".to_owned(), json!(field.choices)),
            None => map.insert("enum".to_owned(), json!(field.choices)),
        };
    }
    let kind = match field.list {
        Some(ListType::Map) => Some("map"),
        Some(ListType::Set) => Some("set"),
        Some(ListType::Atomic) => Some("atomic"),
        None => None,
    };
    if let Some(kind) = kind {
        map.insert("x-kubernetes-list-type".to_owned(), json!(kind));
    }
    if !field.list_keys.is_empty() {
        map.insert("x-kubernetes-list-map-keys".to_owned(), json!(field.list_keys));
    }
    if field.atomic {
        map.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
    }
    let strategies =
        [(field.patch_retain_keys, "retainKeys"), (field.patch_merge, "merge"), (field.patch_replace, "replace")];
    let strategies: Vec<&str> = strategies.iter().filter(|one| one.0).map(|one| one.1).collect();
    let strategies = if strategies.len() == 2 { "merge,retainKeys".to_owned() } else { strategies.concat() };
    if !strategies.is_empty() {
        map.insert("x-kubernetes-patch-strategy".to_owned(), json!(strategies));
    }
    if !field.patch_merge_key.is_empty() {
        map.insert("x-kubernetes-patch-merge-key".to_owned(), json!(field.patch_merge_key));
    }
    if !field.default.is_empty() {
        let default = serde_json::from_str(field.default).unwrap_or_else(|_| json!(field.default));
        map.insert("default".to_owned(), default);
    }
    value
}

fn shape(facts: &Facts, of: &Shape) -> Value {
    match of {
        Shape::String(_) => json!({"type": "string"}),
        Shape::Bytes => json!({"type": "string", "format": "byte"}),
        Shape::Int32 => json!({"type": "integer", "format": "int32"}),
        Shape::Int64 => json!({"type": "integer", "format": "int64"}),
        Shape::Double => json!({"type": "number", "format": "double"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Quantity => reference("io.k8s.apimachinery.pkg.api.resource.Quantity"),
        Shape::IntOrString => reference("io.k8s.apimachinery.pkg.util.intstr.IntOrString"),
        Shape::Time => reference("io.k8s.apimachinery.pkg.apis.meta.v1.Time"),
        Shape::MicroTime => reference("io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"),
        Shape::Any => json!({"type": "object"}),
        Shape::Ref(name) => {
            facts.get(name).map_or_else(|| json!({"type": "object"}), |known| reference(&known.schema_name()))
        }
        Shape::List(inner) => json!({"type": "array", "items": shape(facts, inner)}),
        Shape::Map(inner) => json!({"type": "object", "additionalProperties": shape(facts, inner)}),
    }
}

/// A custom resource in the documents: its group backwards, `com.example.stable.v1.CronTab`.
fn custom_name(info: &KindInfo) -> String {
    let group: Vec<&str> = info.group.rsplit('.').collect();
    format!("{}.{}.{}", group.join("."), info.version, info.kind)
}

/// What the author wrote, and what every object has.
fn custom_schema(info: &KindInfo, schema: &Value) -> Value {
    let mut schema = if schema.is_object() { schema.clone() } else { json!({"type": "object"}) };
    let Some(map) = schema.as_object_mut() else { return schema };
    if let Some(properties) = map.entry("properties").or_insert_with(|| json!({})).as_object_mut() {
        properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
        properties.insert("kind".to_owned(), json!({"type": "string"}));
        let metadata = reference("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
        properties.insert("metadata".to_owned(), json!({"allOf": [metadata]}));
    }
    let gvk = json!([{"group": info.group, "version": info.version, "kind": info.kind}]);
    map.insert("x-kubernetes-group-version-kind".to_owned(), gvk);
    schema
}

fn list_schema(item: &str, info: &KindInfo, schemas: &mut Map<String, Value>) {
    let list = format!("{item}List");
    let kind = format!("{}List", info.kind);
    schemas.insert(
        list,
        json!({
            "type": "object", "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"}, "kind": {"type": "string"},
                "items": {"type": "array", "items": reference(item)},
                "metadata": {"allOf": [reference("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta")]},
            },
            "x-kubernetes-group-version-kind": [{"group": info.group, "version": info.version, "kind": kind}],
        }),
    );
}

/// The paths of a kind: which verbs there are, what they take and give.
fn kind_paths(info: &KindInfo, name: &str, below: &str, paths: &mut Map<String, Value>) {
    let schema = reference(name);
    let gvk = json!({"group": info.group, "version": info.version, "kind": info.kind});
    let parameter =
        |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let path_parameter = |name: &str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "uniqueItems": true}});
    let operation = |action: &str, parameters: &[&str], body: Option<&str>| {
        let mut value = json!({
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
            "parameters": parameters.iter().map(|name| parameter(name)).collect::<Vec<_>>(),
            "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
        });
        if let (Some(media), Some(map)) = (body, value.as_object_mut()) {
            let body_schema = if action == "patch" {
                reference("io.k8s.apimachinery.pkg.apis.meta.v1.Patch")
            } else {
                schema.clone()
            };
            map.insert(
                "requestBody".to_owned(),
                json!({"content": {media: {"schema": body_schema}}, "required": true}),
            );
        }
        value
    };
    let writes = ["dryRun", "fieldManager", "fieldValidation"];
    let patch = ["dryRun", "fieldManager", "fieldValidation", "force"];
    let lists = ["continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "watch"];
    let scope = if info.namespaced { "/namespaces/{namespace}" } else { "" };
    let of_scope: Vec<Value> = if info.namespaced { vec![path_parameter("namespace")] } else { Vec::new() };
    let collection = format!("/{below}{scope}/{}", info.plural());
    paths.insert(
        collection.clone(),
        json!({
            "get": operation("list", &lists, None), "post": operation("post", &writes, Some("*/*")),
            "delete": operation("deletecollection", &lists, None), "parameters": of_scope,
        }),
    );
    let mut of_object = of_scope;
    of_object.push(path_parameter("name"));
    let mut object = json!({
        "get": operation("get", &[], None), "put": operation("put", &writes, Some("*/*")),
        "delete": operation("delete", &["dryRun", "gracePeriodSeconds", "propagationPolicy"], None),
        "patch": operation("patch", &patch, Some("application/apply-patch+yaml")), "parameters": of_object,
    });
    paths.insert(format!("{collection}/{{name}}"), object.clone());
    if info.has_status {
        if let Some(map) = object.as_object_mut() {
            map.remove("delete");
        }
        paths.insert(format!("{collection}/{{name}}/status"), object);
    }
    if info.namespaced {
        paths.insert(format!("/{below}/{}", info.plural()), json!({"get": operation("list", &lists, None)}));
    }
}
