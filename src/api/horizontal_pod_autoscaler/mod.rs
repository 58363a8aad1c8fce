//! Horizontal pod autoscalers.
//!
//! Models Kubernetes 1.36 pkg/apis/autoscaling/v2/defaults.go and `printHorizontalPodAutoscaler`.

mod validation;

use k8s_openapi::api::autoscaling::v2::{
    HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus, MetricSpec,
    MetricStatus, MetricTarget, MetricValueStatus, ResourceMetricSource,
};
use serde_json::Value;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, status};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

const UNKNOWN: &str = "<unknown>";

/// What a rule leaves open (`GenerateHPAScaleUpRules`, `GenerateHPAScaleDownRules`).
fn complete_rules(rules: &mut HPAScalingRules, policies: &[(&str, i32)]) {
    rules.select_policy.get_or_insert_with(|| "Max".to_owned());
    let policy =
        |(kind, value): &(&str, i32)| HPAScalingPolicy { type_: (*kind).to_owned(), value: *value, period_seconds: 15 };
    rules.policies.get_or_insert_with(|| policies.iter().map(policy).collect());
}

impl Strategy for HorizontalPodAutoscaler {
    const INFO: KindInfo = KindInfo::new(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers.autoscaling",
        "horizontalpodautoscaler",
    )
    .short(&["hpa"])
    .in_all()
    .status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Reference", "The object that is scaled."),
        Column::new("Targets", "What is measured, and what it should be."),
        Column::new("MinPods", "The fewest Pods."),
        Column::new("MaxPods", "The most Pods."),
        Column::new("Replicas", "How many Pods there are."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        let spec = &mut self.spec;
        spec.min_replicas.get_or_insert(1);
        if spec.metrics.iter().flatten().next().is_none() {
            let target =
                MetricTarget { type_: "Utilization".to_owned(), average_utilization: Some(80), ..Default::default() };
            spec.metrics = Some(vec![MetricSpec {
                type_: "Resource".to_owned(),
                resource: Some(ResourceMetricSource { name: "cpu".to_owned(), target }),
                ..MetricSpec::default()
            }]);
        }
        if let Some(behavior) = spec.behavior.as_mut() {
            let up = behavior.scale_up.get_or_insert_default();
            up.stabilization_window_seconds.get_or_insert(0);
            complete_rules(up, &[("Pods", 4), ("Percent", 100)]);
            complete_rules(behavior.scale_down.get_or_insert_default(), &[("Percent", 100)]);
        }
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(HorizontalPodAutoscalerStatus::default());
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, _: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let counts = self.status.as_ref().map(|status| {
            [
                status::free("currentReplicas", status.current_replicas),
                status::free("desiredReplicas", Some(status.desired_replicas)),
            ]
        });
        status::counts(&mut errors, counts.as_ref().map_or(&[], |counts| counts.as_slice()), None, "");
        errors
    }

    fn validate(&self) -> Vec<field::Error> {
        validation::validate(self)
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.clone();
        let status = self.status.clone().unwrap_or_default();
        let current = status.current_metrics.unwrap_or_default();
        vec![
            json!(meta::name(&self.metadata)),
            json!(format!("{}/{}", spec.scale_target_ref.kind, spec.scale_target_ref.name)),
            json!(targets(spec.metrics.as_deref().unwrap_or_default(), &current)),
            json!(spec.min_replicas.map_or_else(|| "<unset>".to_owned(), |count| count.to_string())),
            json!(spec.max_replicas),
            json!(status.current_replicas.unwrap_or(0)),
            json!(cells::age(&self.metadata, now)),
        ]
    }

    fn complete_json(json: &mut Value) {
        let Some(status) = json.get_mut("status").and_then(Value::as_object_mut) else { return };
        status.entry("currentMetrics").or_insert(Value::Null);
    }
}

fn targets(specs: &[MetricSpec], statuses: &[MetricStatus]) -> String {
    let mut texts: Vec<String> =
        specs.iter().enumerate().map(|(index, spec)| target(spec, statuses.get(index))).collect();
    let count = texts.len();
    if count == 0 {
        return cells::NONE.to_owned();
    }
    texts.truncate(2);
    let shown = texts.join(", ");
    if count > 2 { format!("{shown} + {} more...", count - 2) } else { shown }
}

fn target(spec: &MetricSpec, status: Option<&MetricStatus>) -> String {
    let quantity = |value: Option<&k8s_openapi::apimachinery::pkg::api::resource::Quantity>| {
        value.map_or_else(|| UNKNOWN.to_owned(), |value| value.0.clone())
    };
    let utilization = |name: &str, target: &MetricTarget, current: Option<&MetricValueStatus>| {
        if let Some(wanted) = &target.average_value {
            let held = quantity(current.and_then(|current| current.average_value.as_ref()));
            return format!("{name}: {held}/{}", wanted.0);
        }
        let held = current.and_then(|current| current.average_utilization);
        let held = held.map_or_else(|| UNKNOWN.to_owned(), |percent| format!("{percent}%"));
        let wanted = target.average_utilization.map_or_else(|| "<auto>".to_owned(), |percent| format!("{percent}%"));
        format!("{name}: {held}/{wanted}")
    };
    match spec.type_.as_str() {
        "Resource" => spec.resource.as_ref().map(|source| {
            let current = status.and_then(|status| status.resource.as_ref()).map(|held| &held.current);
            utilization(&source.name, &source.target, current)
        }),
        "ContainerResource" => spec.container_resource.as_ref().map(|source| {
            let current = status.and_then(|status| status.container_resource.as_ref()).map(|held| &held.current);
            utilization(&source.name, &source.target, current)
        }),
        "Pods" => spec.pods.as_ref().map(|source| {
            let held =
                status.and_then(|status| status.pods.as_ref()).and_then(|held| held.current.average_value.as_ref());
            format!("{}/{}", quantity(held), quantity(source.target.average_value.as_ref()))
        }),
        "Object" => spec.object.as_ref().map(|source| {
            let held = status.and_then(|status| status.object.as_ref()).map(|held| &held.current);
            match &source.target.average_value {
                Some(wanted) => {
                    format!("{}/{} (avg)", quantity(held.and_then(|held| held.average_value.as_ref())), wanted.0)
                }
                None => format!(
                    "{}/{}",
                    quantity(held.and_then(|held| held.value.as_ref())),
                    quantity(source.target.value.as_ref())
                ),
            }
        }),
        "External" => spec.external.as_ref().map(|source| {
            let held = status.and_then(|status| status.external.as_ref()).map(|held| &held.current);
            match &source.target.average_value {
                Some(wanted) => {
                    format!("{}/{} (avg)", quantity(held.and_then(|held| held.average_value.as_ref())), wanted.0)
                }
                None => format!(
                    "{}/{}",
                    quantity(held.and_then(|held| held.value.as_ref())),
                    quantity(source.target.value.as_ref())
                ),
            }
        }),
        _ => None,
    }
    .unwrap_or_else(|| "<unknown type>".to_owned())
}
