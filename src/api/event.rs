//! Events.
//!
//! Models Kubernetes 1.36 pkg/registry/core/event/strategy.go and `printEvent`.

use k8s_openapi::api::core::v1::Event;
use serde_json::{Value, json};

use super::{Cell, Column, KindInfo, Strategy, cells, validate};
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

impl Strategy for Event {
    const INFO: KindInfo = KindInfo::new("", "v1", "Event", "events", "event").short(&["ev"]);
    const COLUMNS: &'static [Column] = &[
        Column::new("Last Seen", "How long ago it happened last."),
        Column::new("Type", "Normal or Warning."),
        Column::new("Reason", "Why, in a word for machines."),
        Column::new("Object", "What it happened to."),
        Column::new("Subobject", "The part of the object it happened to.").wide(),
        Column::new("Source", "Who reported it.").wide(),
        Column::new("Message", "What happened, in words for people."),
        Column::new("First Seen", "How long ago it happened first.").wide(),
        Column::new("Count", "How often it happened.").wide(),
        Column { name: "Name", kind: "string", format: "name", priority: 1, description: Column::NAME.description },
    ];

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let (space, about) = (meta::namespace(&self.metadata), &self.involved_object);
        let of = about.namespace.as_deref().unwrap_or_default();
        let outside = of.is_empty() && (space == "default" || (self.event_time.is_some() && space == "kube-system"));
        let agree = outside || of == space || (self.event_time.is_some() && !of.is_empty());
        if !agree {
            let path = field::Path::new("involvedObject").child("namespace");
            errors.push(field::Error::invalid(&path, of, "does not match event.namespace"));
        }
        if self.event_time.is_some() {
            reported(&mut errors, self);
        }
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let first = match &self.first_timestamp {
            None => cells::since_micro(self.event_time.as_ref(), now),
            given => cells::since(given.as_ref(), now),
        };
        let mut last = match &self.last_timestamp {
            None => first.clone(),
            given => cells::since(given.as_ref(), now),
        };
        let mut count = self.count.filter(|count| *count != 0).unwrap_or(1);
        if let Some(series) = &self.series {
            last = cells::since_micro(series.last_observed_time.as_ref(), now);
            count = series.count.unwrap_or(0);
        }
        let involved = &self.involved_object;
        let mut object = involved.kind.clone().unwrap_or_default().to_lowercase();
        if let Some(name) = involved.name.as_deref().filter(|name| !name.is_empty()) {
            object = format!("{object}/{name}");
        }
        vec![
            json!(last),
            json!(self.type_.as_deref().unwrap_or_default()),
            json!(self.reason.as_deref().unwrap_or_default()),
            json!(object),
            json!(involved.field_path.as_deref().unwrap_or_default()),
            json!(source_text(self)),
            json!(self.message.as_deref().unwrap_or_default().trim()),
            json!(first),
            json!(count),
            json!(meta::name(&self.metadata)),
        ]
    }

    fn selectable_fields(&self) -> Vec<(&'static str, String)> {
        let object = &self.involved_object;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let source = self.source.as_ref().and_then(|source| source.component.clone()).unwrap_or_default();
        let source = if source.is_empty() { text(&self.reporting_component) } else { source };
        vec![
            ("involvedObject.kind", text(&object.kind)),
            ("involvedObject.namespace", text(&object.namespace)),
            ("involvedObject.name", text(&object.name)),
            ("involvedObject.uid", text(&object.uid)),
            ("involvedObject.apiVersion", text(&object.api_version)),
            ("involvedObject.resourceVersion", text(&object.resource_version)),
            ("involvedObject.fieldPath", text(&object.field_path)),
            ("reason", text(&self.reason)),
            ("reportingComponent", text(&self.reporting_component)),
            ("source", source),
            ("type", text(&self.type_)),
        ]
    }

    fn complete_json(json: &mut Value) {
        let Some(event) = json.as_object_mut() else { return };
        for field in ["eventTime", "firstTimestamp", "lastTimestamp"] {
            event.entry(field).or_insert(Value::Null);
        }
        for field in ["reportingComponent", "reportingInstance"] {
            event.entry(field).or_insert_with(|| json!(""));
        }
        event.entry("source").or_insert_with(|| json!({}));
    }
}

/// What an Event of the newer form must say, though it came by the older way (`legacyValidateEvent`).
fn reported(errors: &mut validate::Errors, event: &Event) {
    let texts = [
        ("reportingComponent", &event.reporting_component, usize::MAX),
        ("reportingInstance", &event.reporting_instance, 128),
        ("action", &event.action, 128),
        ("reason", &event.reason, 128),
        ("message", &event.message, 1024),
    ];
    for (field, text, most) in texts {
        let (path, text) = (field::Path::new(field), text.as_deref().unwrap_or_default());
        if field != "message" {
            validate::required(errors, &path, text);
        }
        if field == "reportingComponent" {
            validate::each(errors, &path, text, content::label_key(text));
        }
        if text.len() > most {
            errors.push(field::Error::invalid(&path, "", format!("can have at most {most} characters")));
        }
    }
}

fn source_text(event: &Event) -> String {
    let source = event.source.clone().unwrap_or_default();
    let pick = |one: Option<String>, other: &Option<String>| {
        one.filter(|text| !text.is_empty()).or_else(|| other.clone()).unwrap_or_default()
    };
    // Upstream takes the reporter's instance only along with its name.
    let (component, instance) = if source.component.as_deref().unwrap_or_default().is_empty() {
        (pick(None, &event.reporting_component), pick(None, &event.reporting_instance))
    } else {
        (source.component.unwrap_or_default(), source.host.unwrap_or_default())
    };
    if instance.is_empty() { component } else { format!("{component}, {instance}") }
}
