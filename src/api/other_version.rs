//! Kinds that are served in a second version: the object is stored in one, and read and written in the other.
//!
//! Models Kubernetes 1.36 pkg/apis/autoscaling/v1/conversion.go and pkg/apis/events/v1/conversion.go. Refuses to have
//! rules of its own: whatever is not its form is the stored version's.

use serde_json::{Map, Value, json};

use super::{Cell, Column, KindInfo, KindOps};
use crate::api;
use crate::apimachinery::{Object, field};
use crate::sim::Time;
use crate::text::go_json;

/// A second version of a kind.
pub struct OtherVersion {
    info: &'static KindInfo,
    /// From this version to the stored one.
    inward: fn(&mut Map<String, Value>),
    /// From the stored version to this one.
    outward: fn(&mut Map<String, Value>),
    /// What a field that objects are selected by is called here; `None` when they are not selected by it.
    field: fn(&'static str) -> Option<&'static str>,
}

/// `autoscaling/v1`: the target is a share of CPU; what else there is stands in annotations.
pub static HORIZONTAL_POD_AUTOSCALER_V1: OtherVersion = OtherVersion {
    info: &KindInfo::new(
        "autoscaling",
        "v1",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers.autoscaling",
        "horizontalpodautoscaler",
    )
    .short(&["hpa"])
    .in_all()
    .status(),
    inward: autoscaler_inward,
    outward: autoscaler_outward,
    field: Some,
};

/// `events.k8s.io/v1`: the same Events with other names for their fields.
pub static EVENT_V1: OtherVersion = OtherVersion {
    info: &KindInfo::new("events.k8s.io", "v1", "Event", "events", "event").short(&["ev"]),
    inward: |object| rename(object, EVENT_FIELDS.iter().map(|(core, newer)| (*newer, *core))),
    outward: |object| rename(object, EVENT_FIELDS.iter().copied()),
    field: |name| EVENT_SELECTORS.iter().find(|(core, _)| *core == name).map(|(_, newer)| *newer),
};

const EVENT_FIELDS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// By what Events are selected, in the words of either version.
const EVENT_SELECTORS: &[(&str, &str)] = &[
    ("involvedObject.kind", "regarding.kind"),
    ("involvedObject.namespace", "regarding.namespace"),
    ("involvedObject.name", "regarding.name"),
    ("involvedObject.uid", "regarding.uid"),
    ("involvedObject.apiVersion", "regarding.apiVersion"),
    ("involvedObject.resourceVersion", "regarding.resourceVersion"),
    ("involvedObject.fieldPath", "regarding.fieldPath"),
    ("reason", "reason"),
    ("reportingComponent", "reportingController"),
    ("type", "type"),
];

fn rename(object: &mut Map<String, Value>, names: impl Iterator<Item = (&'static str, &'static str)>) {
    for (from, to) in names {
        if let Some(value) = object.remove(from) {
            object.insert(to.to_owned(), value);
        }
    }
}

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// Where the annotations and the fields of the newer version lie.
const KEPT: &[(&str, &str, &str)] = &[
    (METRICS, "spec", "metrics"),
    (BEHAVIOR, "spec", "behavior"),
    (CURRENT_METRICS, "status", "currentMetrics"),
    (CONDITIONS, "status", "conditions"),
];

fn is_cpu(metric: &Value, target: &str) -> bool {
    metric.pointer("/resource/name") == Some(&json!("cpu")) && metric.pointer(target).is_some()
}

fn part<'a>(object: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    object.entry(name.to_owned()).or_insert_with(|| json!({})).as_object_mut()
}

fn autoscaler_inward(object: &mut Map<String, Value>) {
    for (annotation, part_name, field) in KEPT {
        let annotations = object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
        let text = annotations.and_then(Value::as_object_mut).and_then(|all| all.remove(*annotation));
        let kept = text.and_then(|text| serde_json::from_str(text.as_str().unwrap_or_default()).ok());
        if let (Some(kept), Some(part)) = (kept, part(object, part_name)) {
            part.insert((*field).to_owned(), kept);
        }
    }
    for (part_name, from, list, at) in [
        ("spec", "targetCPUUtilizationPercentage", "metrics", "target"),
        ("status", "currentCPUUtilizationPercentage", "currentMetrics", "current"),
    ] {
        let Some(part) = object.get_mut(part_name).and_then(Value::as_object_mut) else { continue };
        let Some(share) = part.remove(from).filter(|share| !share.is_null()) else { continue };
        let mut value = json!({"averageUtilization": share});
        if let (true, Some(map)) = (at == "target", value.as_object_mut()) {
            map.insert("type".to_owned(), json!("Utilization"));
        }
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", at: value}});
        if let Some(all) = part.entry(list.to_owned()).or_insert_with(|| json!([])).as_array_mut() {
            all.push(metric);
        }
    }
}

fn autoscaler_outward(object: &mut Map<String, Value>) {
    let mut kept: Vec<(&str, Value)> = Vec::new();
    for (part_name, to, list, share) in [
        ("spec", "targetCPUUtilizationPercentage", "metrics", "/resource/target/averageUtilization"),
        ("status", "currentCPUUtilizationPercentage", "currentMetrics", "/resource/current/averageUtilization"),
    ] {
        let Some(part) = object.get_mut(part_name).and_then(Value::as_object_mut) else { continue };
        let Some(all) = part.get_mut(list).and_then(Value::as_array_mut) else { continue };
        if let Some(index) = all.iter().position(|metric| is_cpu(metric, share)) {
            let value = all.remove(index).pointer(share).cloned().unwrap_or_default();
            part.insert(to.to_owned(), value);
        }
    }
    for (annotation, part_name, field) in KEPT {
        let part = object.get_mut(*part_name).and_then(Value::as_object_mut);
        let value = part.and_then(|part| part.remove(*field)).filter(|value| *value != json!([]) && !value.is_null());
        kept.extend(value.map(|value| (*annotation, value)));
    }
    if kept.is_empty() {
        return;
    }
    let annotations = part(object, "metadata").and_then(|metadata| part(metadata, "annotations"));
    if let Some(annotations) = annotations {
        let texts = kept.into_iter().map(|(name, value)| (name.to_owned(), json!(go_json::to_compact(&value))));
        annotations.extend(texts);
    }
}

impl OtherVersion {
    fn stored(&self) -> Option<&'static dyn KindOps> {
        api::by_resource(self.info.resource)
    }
}

impl KindOps for OtherVersion {
    fn info(&self) -> &KindInfo {
        self.info
    }
    fn columns(&self) -> &[Column] {
        self.stored().map_or(&[], |stored| stored.columns())
    }
    fn decode(&self, mut json: Value) -> Result<Box<dyn Object>, String> {
        let stored = self.stored().ok_or("no such kind is stored")?;
        if let Some(object) = json.as_object_mut() {
            (self.inward)(object);
            object.insert("apiVersion".to_owned(), json!(stored.info().api_version()));
        }
        stored.decode(json)
    }
    fn encode(&self, object: &dyn Object) -> Value {
        let mut json = self.stored().map(|stored| stored.encode(object)).unwrap_or_default();
        if let Some(object) = json.as_object_mut() {
            (self.outward)(object);
            object.insert("apiVersion".to_owned(), json!(self.info.api_version()));
        }
        json
    }
    fn set_defaults(&self, object: &mut dyn Object) {
        if let Some(stored) = self.stored() {
            stored.set_defaults(object);
        }
    }
    fn prepare_for_create(&self, object: &mut dyn Object) {
        if let Some(stored) = self.stored() {
            stored.prepare_for_create(object);
        }
    }
    fn prepare_for_update(&self, new: &mut dyn Object, old: &dyn Object) {
        if let Some(stored) = self.stored() {
            stored.prepare_for_update(new, old);
        }
    }
    fn prepare_for_status_update(&self, new: &mut dyn Object, old: &dyn Object) {
        if let Some(stored) = self.stored() {
            stored.prepare_for_status_update(new, old);
        }
    }
    fn validate(&self, object: &dyn Object) -> Vec<field::Error> {
        self.stored().map(|stored| stored.validate(object)).unwrap_or_default()
    }
    fn validate_update(&self, new: &dyn Object, old: &dyn Object) -> Vec<field::Error> {
        self.stored().map(|stored| stored.validate_update(new, old)).unwrap_or_default()
    }
    fn validate_status_update(&self, new: &dyn Object, old: &dyn Object) -> Vec<field::Error> {
        self.stored().map(|stored| stored.validate_status_update(new, old)).unwrap_or_default()
    }
    fn warnings(&self, object: &dyn Object, old: Option<&dyn Object>) -> Vec<String> {
        self.stored().map(|stored| stored.warnings(object, old)).unwrap_or_default()
    }
    fn row(&self, object: &dyn Object, now: Time) -> Vec<Cell> {
        self.stored().map(|stored| stored.row(object, now)).unwrap_or_default()
    }
    fn selectable_fields(&self, object: &dyn Object) -> Vec<(&'static str, String)> {
        let fields = self.stored().map(|stored| stored.selectable_fields(object)).unwrap_or_default();
        fields.into_iter().filter_map(|(name, value)| Some(((self.field)(name)?, value))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_autoscaler_is_the_same_in_both_versions() {
        let first = json!({
            "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"},
            "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web"},
                "targetCPUUtilizationPercentage": 50},
        });
        let kind = &HORIZONTAL_POD_AUTOSCALER_V1;
        let object = kind.decode(first.clone()).unwrap();
        let target = object.to_json()["spec"]["metrics"][0]["resource"].clone();
        assert_eq!(target, json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}));
        assert_eq!(kind.encode(&*object)["spec"], first["spec"]);
        let mut both = object.to_json();
        let memory = json!({"name": "memory", "target": {"type": "Utilization", "averageUtilization": 60}});
        both["spec"]["metrics"].as_array_mut().unwrap().push(json!({"type": "Resource", "resource": memory}));
        let object = api::by_resource(kind.info.resource).unwrap().decode(both.clone()).unwrap();
        let annotated = kind.encode(&*object);
        assert_eq!(annotated["spec"]["targetCPUUtilizationPercentage"], 50);
        let again = kind.decode(annotated).unwrap().to_json();
        let names: Vec<&Value> =
            again["spec"]["metrics"].as_array().unwrap().iter().map(|one| &one["resource"]["name"]).collect();
        assert_eq!(names, ["memory", "cpu"]);
    }

    #[test]
    fn an_event_has_other_names_for_its_fields() {
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"},
            "regarding": {"kind": "Pod", "name": "p"}, "note": "hello", "reason": "Said", "type": "Normal",
        });
        let object = EVENT_V1.decode(event).unwrap();
        assert_eq!(object.to_json()["message"], "hello");
        assert_eq!(EVENT_V1.encode(&*object)["regarding"], json!({"kind": "Pod", "name": "p"}));
    }
}
