//! Custom resources: a kind made of a version of a CustomResourceDefinition.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiextensions-apiserver/pkg/registry/customresource. Refuses conversion
//! between versions by webhook: objects are stored as they are written, and every version that is served gives them
//! back under its own name (`strategy: None`).

mod formats;
pub mod invariants;
mod rules;
pub mod schema;
mod structural;
mod values;

pub(super) use rules::definition::validate as validate_rules;

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion,
};
use serde_json::{Map, Value, json};

use super::plain::PlainObject;
use super::{Cell, Column, KindInfo, KindOps, cells};
use crate::apimachinery::intern::{intern, intern_list};
use crate::apimachinery::{Object, field, meta};
use crate::sim::Time;
use crate::text::json_path::JsonPath;

/// What is wrong with the defaults of a schema: they are held against it (`ValidateDefaults`).
pub fn defaults(path: &field::Path, schema: &Value) -> Vec<field::Error> {
    let mut errors = Vec::new();
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        let at = path.child("default");
        let mut kept = json!({"held": default});
        let unknown =
            kept.as_object_mut().map(|kept| structural::prune(&json!({"properties": {"held": schema}}), kept));
        if unknown.is_some_and(|unknown| !unknown.is_empty()) {
            errors.push(field::Error::invalid(&at, default, "must not have unknown fields"));
        }
        errors.extend(values::validate(schema, default, None, &at));
    }
    if let Some(items) = schema.get("items") {
        errors.extend(defaults(&path.child("items"), items));
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        errors.extend(defaults(&path.child("properties").key(name), property));
    }
    errors
}

/// Where the scale of a custom resource is, as JSON pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalePaths {
    /// The wanted replicas.
    pub spec: String,
    /// The replicas that there are.
    pub status: String,
    /// The selector as text; empty when there is none.
    pub selector: String,
}

/// A kind that somebody has defined.
pub struct CustomKind {
    info: KindInfo,
    columns: Vec<Column>,
    /// A path for each column after the name.
    paths: Vec<JsonPath>,
    schema: Value,
    rules: Option<rules::Rules>,
    selectable: Vec<(&'static str, JsonPath)>,
    scale: Option<ScalePaths>,
}

impl std::fmt::Debug for CustomKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CustomKind({} {})", self.info.resource, self.info.version)
    }
}

/// The kinds of a definition: one for each version that is served, the one that is stored first.
pub fn kinds_of(definition: &CustomResourceDefinition) -> Vec<Arc<CustomKind>> {
    let mut versions: Vec<&CustomResourceDefinitionVersion> =
        definition.spec.versions.iter().filter(|version| version.served).collect();
    versions.sort_by_key(|version| !version.storage);
    versions.into_iter().map(|version| Arc::new(CustomKind::new(definition, version))).collect()
}

impl CustomKind {
    fn new(definition: &CustomResourceDefinition, version: &CustomResourceDefinitionVersion) -> Self {
        let (spec, names) = (&definition.spec, &definition.spec.names);
        let accepted = definition.status.as_ref().and_then(|status| status.accepted_names.as_ref());
        let names = accepted.filter(|accepted| !accepted.plural.is_empty()).unwrap_or(names);
        let list = |words: &Option<Vec<String>>| intern_list(words.as_deref().unwrap_or_default());
        let subresources = version.subresources.as_ref();
        let pointer = |path: &str| path.replace('.', "/");
        let scale = subresources.and_then(|all| all.scale.as_ref()).map(|scale| ScalePaths {
            spec: pointer(&scale.spec_replicas_path),
            status: pointer(&scale.status_replicas_path),
            selector: scale.label_selector_path.as_deref().map(pointer).unwrap_or_default(),
        });
        let info = KindInfo {
            short_names: list(&names.short_names),
            categories: list(&names.categories),
            namespaced: spec.scope != "Cluster",
            has_status: subresources.is_some_and(|all| all.status.is_some()),
            has_scale: scale.is_some(),
            ..KindInfo::new(
                intern(&spec.group),
                intern(&version.name),
                intern(&names.kind),
                intern(&format!("{}.{}", names.plural, spec.group)),
                intern(names.singular.as_deref().unwrap_or_default()),
            )
        };
        let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
        let schema = schema.and_then(|schema| serde_json::to_value(schema).ok()).unwrap_or_default();
        let (columns, paths) = columns_of(version);
        let selectable = version.selectable_fields.iter().flatten();
        let selectable = selectable.filter_map(|field| {
            let path = JsonPath::parse(&format!("{{{}}}", field.json_path)).ok()?.allow_missing_keys(true);
            Some((intern(field.json_path.trim_start_matches('.')), path))
        });
        let rules = rules::Rules::of(&schema);
        Self { info, columns, paths, schema, rules, selectable: selectable.collect(), scale }
    }

    fn faults(&self, object: &dyn Object, old: Option<&dyn Object>, of_status: bool) -> Vec<field::Error> {
        let (json, before) = (self.encode(object), old.map(|old| self.encode(old)));
        let mut errors = if of_status {
            self.faults_of_status(&json, before.as_ref())
        } else {
            values::validate(&self.schema, &json, before.as_ref(), &field::Path::default())
        };
        if let Some(scale) = &self.scale {
            let path = |pointer: &str| pointer.replace('/', ".");
            let wanted = (!of_status).then(|| structural::scaled(&json, &path(&scale.spec), false)).flatten();
            errors.extend(wanted);
            errors.extend(structural::scaled(&json, &path(&scale.status), false));
            if !scale.selector.is_empty() {
                errors.extend(structural::scaled(&json, &path(&scale.selector), true));
            }
        }
        if !of_status {
            errors.extend(structural::embedded(&self.schema, &json));
        }
        // Of what was repeated before nothing is said.
        if before.is_none_or(|before| structural::repeated(&self.schema, &before).is_empty()) {
            errors.extend(structural::repeated(&self.schema, &json));
        }
        match rules::blocked(&errors).filter(|_| self.rules.is_some()) {
            Some(blocked) => errors.push(blocked),
            None => errors.extend(self.findings(object, old).errors),
        }
        errors
    }

    /// What is wrong with the status, whose fields are named as if there was nothing around it.
    fn faults_of_status(&self, json: &Value, old: Option<&Value>) -> Vec<field::Error> {
        let schema = self.schema.get("properties").and_then(|all| all.get("status"));
        let (Some(schema), Some(status)) = (schema, json.get("status")) else { return Vec::new() };
        let old = old.and_then(|old| old.get("status"));
        values::validate(schema, status, old, &field::Path::new("status"))
    }

    fn findings(&self, object: &dyn Object, old: Option<&dyn Object>) -> rules::Findings {
        let Some(rules) = &self.rules else { return rules::Findings::default() };
        rules.validate(&self.encode(object), old.map(|old| self.encode(old)).as_ref())
    }

    /// Its names.
    pub const fn names(&self) -> &KindInfo {
        &self.info
    }

    /// Where its scale is.
    pub const fn scale(&self) -> Option<&ScalePaths> {
        self.scale.as_ref()
    }
}

/// The columns that the author wants, after the name; the age when there are none.
fn columns_of(version: &CustomResourceDefinitionVersion) -> (Vec<Column>, Vec<JsonPath>) {
    let (mut columns, mut paths) = (vec![Column::NAME], Vec::new());
    for wanted in version.additional_printer_columns.iter().flatten() {
        let Ok(path) = JsonPath::parse(&format!("{{{}}}", wanted.json_path)) else { continue };
        let described = wanted.description.clone().filter(|text| !text.is_empty());
        let described = described
            .unwrap_or_else(|| format!("Custom resource definition column (in JSONPath format): {}", wanted.json_path));
        columns.push(Column {
            name: intern(&wanted.name),
            kind: intern(&wanted.type_),
            format: intern(wanted.format.as_deref().unwrap_or_default()),
            priority: wanted.priority.unwrap_or(0),
            description: intern(&described),
        });
        paths.push(path.allow_missing_keys(true));
    }
    if paths.is_empty()
        && let Ok(path) = JsonPath::parse("{.metadata.creationTimestamp}")
    {
        columns.push(Column { kind: "date", ..Column::AGE });
        paths.push(path);
    }
    (columns, paths)
}

/// What a column shows of the value that its path leads to.
fn cell(kind: &str, value: &Value, now: Time) -> Cell {
    match (kind, value) {
        (_, Value::Null) => Value::Null,
        ("string", value) => json!(crate::text::json_path::printed(value)),
        ("integer", Value::Number(number)) => {
            #[expect(clippy::cast_possible_truncation, reason = "as Go converts a float to a whole number")]
            let whole = number.as_i64().or_else(|| number.as_f64().map(|float| float as i64));
            json!(whole)
        }
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        ("date", Value::String(text)) => match text.parse::<jiff::Timestamp>() {
            Ok(time) => json!(cells::between(time, now.timestamp())),
            Err(_) => json!("<invalid>"),
        },
        _ => Value::Null,
    }
}

fn plain(object: &dyn Object) -> Option<&PlainObject> {
    object.as_any().downcast_ref()
}

impl KindOps for CustomKind {
    fn info(&self) -> &KindInfo {
        &self.info
    }
    fn columns(&self) -> &[Column] {
        &self.columns
    }
    fn structural_schema(&self) -> Option<&Value> {
        Some(&self.schema)
    }
    fn scale_paths(&self) -> Option<&ScalePaths> {
        self.scale()
    }
    fn unknown_fields(&self, json: &Value) -> Vec<String> {
        let mut copy = json.as_object().cloned().unwrap_or_default();
        if self.schema.is_null() { Vec::new() } else { structural::prune(&self.schema, &mut copy) }
    }
    fn decode(&self, json: Value) -> Result<Box<dyn Object>, String> {
        let Value::Object(mut content) = json else { return Err("json: cannot unmarshal into an object".to_owned()) };
        if !self.schema.is_null() {
            structural::prune(&self.schema, &mut content);
            let mut whole = Value::Object(content);
            structural::prune_nulls(&self.schema, &mut whole);
            content = whole.as_object().cloned().unwrap_or_default();
        }
        let object = PlainObject::read(self.info.resource, self.info.kind, &self.info.api_version(), content)?;
        Ok(Box::new(object))
    }
    fn encode(&self, object: &dyn Object) -> Value {
        let mut json = object.to_json();
        if let Some(map) = json.as_object_mut() {
            map.insert("apiVersion".to_owned(), json!(self.info.api_version()));
        }
        json
    }
    fn set_defaults(&self, object: &mut dyn Object) {
        if let Some(object) = object.as_any_mut().downcast_mut::<PlainObject>() {
            let mut content = Value::Object(std::mem::take(object.content_mut()));
            structural::set_defaults(&self.schema, &mut content);
            if let Value::Object(content) = content {
                *object.content_mut() = content;
            }
        }
    }
    fn prepare_for_create(&self, object: &mut dyn Object) {
        if let Some(object) = object.as_any_mut().downcast_mut::<PlainObject>() {
            if self.info.has_status {
                object.content_mut().remove("status");
            }
            object.meta_mut().generation = Some(1);
        }
    }
    fn prepare_for_update(&self, new: &mut dyn Object, old: &dyn Object) {
        let Some(old) = plain(old) else { return };
        let Some(new) = new.as_any_mut().downcast_mut::<PlainObject>() else { return };
        if self.info.has_status {
            keep_status(new.content_mut(), old.content());
        }
        let changed = new.content() != old.content();
        new.meta_mut().generation = old.meta().generation.map(|held| held + i64::from(changed));
    }
    fn prepare_for_status_update(&self, new: &mut dyn Object, old: &dyn Object) {
        let Some(old) = plain(old) else { return };
        let Some(new) = new.as_any_mut().downcast_mut::<PlainObject>() else { return };
        let mut content = old.content().clone();
        keep_status(&mut content, new.content());
        *new.content_mut() = content;
        new.meta_mut().labels.clone_from(&old.meta().labels);
        new.meta_mut().annotations.clone_from(&old.meta().annotations);
    }
    fn validate(&self, object: &dyn Object) -> Vec<field::Error> {
        self.faults(object, None, false)
    }
    fn validate_update(&self, new: &dyn Object, old: &dyn Object) -> Vec<field::Error> {
        self.faults(new, Some(old), false)
    }
    fn validate_status_update(&self, new: &dyn Object, old: &dyn Object) -> Vec<field::Error> {
        self.faults(new, Some(old), true)
    }
    fn warnings(&self, object: &dyn Object, old: Option<&dyn Object>) -> Vec<String> {
        // Of a new object nothing was wrong before.
        old.map(|old| self.findings(object, Some(old)).warnings).unwrap_or_default()
    }
    fn row(&self, object: &dyn Object, now: Time) -> Vec<Cell> {
        let json = object.to_json();
        let mut cells = vec![json!(meta::name(object.meta()))];
        for (path, column) in self.paths.iter().zip(self.columns.iter().skip(1)) {
            let found = path.values(&json).unwrap_or_default();
            cells.push(found.first().map_or(Value::Null, |value| cell(column.kind, value, now)));
        }
        cells
    }
    fn selectable_fields(&self, object: &dyn Object) -> Vec<(&'static str, String)> {
        let json = object.to_json();
        let shown = |path: &JsonPath| path.execute(&json).unwrap_or_default();
        self.selectable.iter().map(|(name, path)| (*name, shown(path))).collect()
    }
}

fn keep_status(new: &mut Map<String, Value>, old: &Map<String, Value>) {
    match old.get("status") {
        Some(status) => drop(new.insert("status".to_owned(), status.clone())),
        None => drop(new.remove("status")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind() -> Arc<CustomKind> {
        let definition: CustomResourceDefinition = serde_json::from_value(json!({
            "metadata": {"name": "crontabs.stable.example.com"},
            "spec": {
                "group": "stable.example.com", "scope": "Namespaced",
                "names": {"plural": "crontabs", "singular": "crontab", "kind": "CronTab", "shortNames": ["ct"]},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                    "additionalPrinterColumns": [
                        {"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec"},
                        {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
                        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    ],
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                        "spec": {"type": "object", "properties": {
                            "cronSpec": {"type": "string"}, "replicas": {"type": "integer", "default": 2}}},
                        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
                    }}},
                }],
            },
        }))
        .unwrap();
        kinds_of(&definition).remove(0)
    }

    #[test]
    fn a_definition_makes_a_kind() {
        let kind = kind();
        let info = kind.info();
        assert_eq!((info.resource, info.kind, info.version), ("crontabs.stable.example.com", "CronTab", "v1"));
        assert_eq!((info.short_names, info.has_status, info.namespaced), (&["ct"][..], true, true));
        assert_eq!(kind.scale().unwrap().spec, "/spec/replicas");
        let mut object = kind
            .decode(json!({"metadata": {"name": "a", "creationTimestamp": "1970-01-01T00:00:00Z"}, "spec": {"cronSpec": "* *", "x": 1}, "status": {"replicas": 1}}))
            .unwrap();
        kind.set_defaults(&mut *object);
        let before = object.clone_object();
        assert_eq!(kind.row(&*object, Time::from_seconds(90)), [json!("a"), json!("* *"), json!(2), json!("90s")]);
        kind.prepare_for_create(&mut *object);
        assert_eq!(object.to_json()["status"], Value::Null);
        assert_eq!(object.to_json()["spec"], json!({"cronSpec": "* *", "replicas": 2}));
        kind.prepare_for_update(&mut *object, &*before);
        assert_eq!(object.to_json()["status"], json!({"replicas": 1}), "the status has its own door");
    }
}
