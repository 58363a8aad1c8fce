//! Priority classes.

use k8s_openapi::api::scheduling::v1::PriorityClass;
use serde_json::Value;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, pod_spec::defaults::fill_text};
use crate::apimachinery::meta;
use crate::sim::Time;

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
        fill_text(&mut self.preemption_policy, "PreemptLowerPriority");
    }

    fn prepare_for_create(&mut self) {
        generation::start(&mut self.metadata);
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
