//! The events of an object.

use serde_json::Value;

use super::Describer;
use super::parts::age;
use crate::kubectl::print::{list_at, str_at};
use crate::text::http::{Method, Request};

impl Describer<'_, '_> {
    /// The events of an object, when events are wanted.
    pub fn events(&mut self, object: &Value) {
        if !self.show_events {
            return;
        }
        let kind = str_at(object, "/kind").to_owned();
        let uid = str_at(object, "/metadata/uid").to_owned();
        let events = self.events_of(object, &kind, &uid);
        self.print_events(events);
    }

    /// Asks for the events about an object; `kind` may be empty.
    pub fn events_of(&mut self, object: &Value, kind: &str, uid: &str) -> Vec<Value> {
        let namespace = str_at(object, "/metadata/namespace");
        let mut terms = vec![
            format!("involvedObject.name={}", str_at(object, "/metadata/name")),
            format!("involvedObject.namespace={namespace}"),
        ];
        if !kind.is_empty() {
            terms.push(format!("involvedObject.kind={kind}"));
        }
        terms.push(format!("involvedObject.uid={uid}"));
        let path = if namespace.is_empty() {
            "/api/v1/events".to_owned()
        } else {
            format!("/api/v1/namespaces/{namespace}/events")
        };
        let request = Request::new(Method::Get, path)
            .with_header("Accept", "application/json")
            .with_query("fieldSelector", terms.join(","))
            .with_query("limit", "500");
        self.cx.json(request).map(|answer| list_at(&answer, "/items").to_vec()).unwrap_or_default()
    }

    /// Prints events, oldest first.
    pub fn print_events(&mut self, mut events: Vec<Value>) {
        if events.is_empty() {
            self.w.line(0, "Events:\t<none>");
            return;
        }
        self.w.flush();
        events.sort_by(|a, b| str_at(a, "/lastTimestamp").cmp(str_at(b, "/lastTimestamp")));
        self.w.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage");
        self.w.line(1, "----\t------\t----\t----\t-------");
        let now = self.cx.system.now();
        for event in &events {
            let of = |path: &str| str_at(event, path);
            let since = |path: &str| age(now, of(path));
            let first = if of("/eventTime").is_empty() { since("/firstTimestamp") } else { since("/eventTime") };
            let count = event.get("count").and_then(Value::as_i64).unwrap_or(0);
            let interval = if event.get("series").is_some_and(Value::is_object) {
                let times = event.pointer("/series/count").and_then(Value::as_i64).unwrap_or(0);
                format!("{} (x{times} over {first})", since("/series/lastObservedTime"))
            } else if count > 1 {
                format!("{} (x{count} over {first})", since("/lastTimestamp"))
            } else {
                first
            };
            let source =
                if of("/source/component").is_empty() { of("/reportingComponent") } else { of("/source/component") };
            let message = of("/message").trim();
            let field = of("/involvedObject/fieldPath");
            let message = if field.is_empty() { message.to_owned() } else { format!("{field}: {message}") };
            self.w.line(1, &format!("{}\t{}\t{interval}\t{source}\t{message}", of("/type"), of("/reason")));
        }
    }
}
