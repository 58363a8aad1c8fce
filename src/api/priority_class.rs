//! Priority classes.

use k8s_openapi::api::scheduling::v1::PriorityClass;
use serde_json::Value;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, validate};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

/// The highest priority that a user may give.
const HIGHEST_USER_PRIORITY: i32 = 1_000_000_000;

impl Strategy for PriorityClass {
    const INFO: KindInfo =
        KindInfo::new("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses.scheduling.k8s.io", "priorityclass")
            .short(&["pc"])
            .cluster_scoped();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Value", "The higher, the sooner its Pods are scheduled.").integer(),
        Column { kind: "boolean", ..Column::new("Global-Default", "Whether Pods without a class get this one.") },
        Column::AGE,
        Column::new("PreemptionPolicy", "Whether its Pods may push others off a node."),
    ];

    fn set_defaults(&mut self) {
        self.preemption_policy.get_or_insert_with(|| "PreemptLowerPriority".to_owned());
    }

    fn prepare_for_create(&mut self) {
        generation::start(&mut self.metadata);
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        // The cluster's own classes stand above all that users may make.
        let system = meta::name(&self.metadata).starts_with("system-");
        if !system && self.value.unwrap_or(0) > HIGHEST_USER_PRIORITY {
            let why = format!("maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}");
            errors.push(field::Error::forbidden(&field::Path::new("value"), why));
        }
        let policies = &["PreemptLowerPriority", "Never"];
        let policy = self.preemption_policy.as_deref();
        validate::choice(&mut errors, &field::Path::new("preemptionPolicy"), policy, policies);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        if self.value.unwrap_or(0) != old.value.unwrap_or(0) {
            errors.push(field::Error::forbidden(&field::Path::new("value"), "may not be changed in an update."));
        }
        let at = field::Path::new("preemptionPolicy");
        validate::immutable(&mut errors, &at, &self.preemption_policy, &old.preemption_policy);
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        vec![
            json!(meta::name(&self.metadata)),
            json!(self.value.unwrap_or(0)),
            json!(self.global_default.unwrap_or(false)),
            json!(cells::age(&self.metadata, now)),
            json!(self.preemption_policy.as_deref().unwrap_or_default()),
        ]
    }

    fn complete_json(json: &mut Value) {
        if let Some(class) = json.as_object_mut() {
            class.entry("value").or_insert_with(|| json!(0));
        }
    }
}
