//! Horizontal autoscalers: what they measure, how fast they may go.

use serde_json::Value;

use super::Describer;
use super::parts::{shown, timestamp};
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, str_at};
use crate::text::go_number::quote;

const COLUMNS: &[(&str, &str)] =
    &[("Type", "/type"), ("Status", "/status"), ("Reason", "/reason"), ("Message", "/message")];

/// Describes a horizontal autoscaler.
pub fn autoscaler(d: &mut Describer<'_, '_>, scaler: &Value) -> Result<(), Failure> {
    d.head(scaler);
    let of = |path: &str| str_at(scaler, path);
    let kind = of("/spec/scaleTargetRef/kind");
    d.field("CreationTimestamp", timestamp(of("/metadata/creationTimestamp")));
    d.field("Reference", format!("{kind}/{}", of("/spec/scaleTargetRef/name")));
    d.field("Metrics", "( current / target )");
    let measured = list_at(scaler, "/status/currentMetrics");
    for (index, wanted) in list_at(scaler, "/spec/metrics").iter().enumerate() {
        metric(d, wanted, measured.get(index).unwrap_or(&Value::Null));
    }
    let number = |path: &str| scaler.pointer(path).map_or_else(|| "0".to_owned(), shown);
    d.field("Min replicas", scaler.pointer("/spec/minReplicas").map_or_else(|| "<unset>".to_owned(), shown));
    d.field("Max replicas", number("/spec/maxReplicas"));
    if let Some(behavior) = scaler.pointer("/spec/behavior") {
        d.w.line(0, "Behavior:");
        direction(d, "Scale Up", behavior.get("scaleUp"));
        direction(d, "Scale Down", behavior.get("scaleDown"));
    }
    let counts = (number("/status/currentReplicas"), number("/status/desiredReplicas"));
    d.field(&format!("{kind} pods"), format!("{} current / {} desired", counts.0, counts.1));
    d.conditions(scaler, COLUMNS);
    d.events(scaler);
    Ok(())
}

/// The field that a type of metric has its particulars in.
fn particulars(kind: &str) -> &'static str {
    match kind {
        "External" => "external",
        "Pods" => "pods",
        "Object" => "object",
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        _ => "",
    }
}

/// One metric: what was measured, and what is wanted.
fn metric(d: &mut Describer<'_, '_>, wanted: &Value, measured: &Value) {
    let kind = str_at(wanted, "/type");
    let field = particulars(kind);
    let Some(source) = wanted.get(field) else {
        d.w.line(1, &format!("<unknown metric type {}>", quote(kind)));
        return;
    };
    let current = measured.get(field).and_then(|of| of.get("current"));
    let amount = |name: &str| match current.map(|current| current.get(name)) {
        None => "<unknown>".to_owned(),
        // A measurement without this amount: Go's empty quantity.
        Some(None) => if kind == "External" && name == "averageValue" { "<unknown>" } else { "<nil>" }.to_owned(),
        Some(Some(amount)) => shown(amount),
    };
    let target = |name: &str| source.pointer(&format!("/target/{name}")).map(shown);
    let name = str_at(source, "/metric/name");
    let average = target("averageValue");
    match (kind, average) {
        ("Pods", average) => {
            let average = average.unwrap_or_default();
            d.w.line(1, &format!("{} on pods:\t{} / {average}", quote(name), amount("averageValue")));
        }
        ("External" | "Object", average) => {
            let subject = if kind == "Object" {
                let of = |path: &str| str_at(source, path);
                format!("\"{name}\" on {}/{}", of("/describedObject/kind"), of("/describedObject/name"))
            } else {
                quote(name)
            };
            let (what, amount, target) = match average {
                Some(average) => ("target average value", amount("averageValue"), average),
                None => ("target value", amount("value"), target("value").unwrap_or_default()),
            };
            d.w.line(1, &format!("{subject} ({what}):\t{amount} / {target}"));
        }
        (_, average) => {
            let container = match str_at(source, "/container") {
                "" => String::new(),
                container => format!(" of container \"{container}\""),
            };
            d.w.write(1, &format!("resource {}{container} on pods", str_at(source, "/name")));
            if let Some(average) = average {
                d.w.line(0, &format!(":\t{} / {average}", amount("averageValue")));
                return;
            }
            let percent = current.and_then(|current| current.get("averageUtilization"));
            let now = match percent {
                Some(percent) => format!("{}% ({})", shown(percent), amount("averageValue")),
                None => "<unknown>".to_owned(),
            };
            let target =
                target("averageUtilization").map_or_else(|| "<auto>".to_owned(), |percent| format!("{percent}%"));
            d.w.line(1, &format!("(as a percentage of request):\t{now} / {target}"));
        }
    }
}

/// How fast an autoscaler may go in one direction.
fn direction(d: &mut Describer<'_, '_>, title: &str, rules: Option<&Value>) {
    let Some(rules) = rules else { return };
    d.w.line(1, &format!("{title}:"));
    if let Some(seconds) = rules.get("stabilizationWindowSeconds") {
        d.w.line(2, &format!("Stabilization Window: {} seconds", shown(seconds)));
    }
    let policies = list_at(rules, "/policies");
    if policies.is_empty() {
        return;
    }
    let select = if str_at(rules, "/selectPolicy").is_empty() { "Max" } else { str_at(rules, "/selectPolicy") };
    d.w.line(2, &format!("Select Policy: {select}"));
    d.w.line(2, "Policies:");
    for policy in policies {
        let part = |name: &str| policy.get(name).map(shown).unwrap_or_default();
        let (kind, value, period) = (part("type"), part("value"), part("periodSeconds"));
        d.w.line(3, &format!("- Type: {kind}\tValue: {value}\tPeriod: {period} seconds"));
    }
}
