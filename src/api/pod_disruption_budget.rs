//! Pod disruption budgets.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, internal, status, validate};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for PodDisruptionBudget {
    const INFO: KindInfo =
        KindInfo::new("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets.policy", "poddisruptionbudget")
            .short(&["pdb"])
            .status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Min Available", "The fewest Pods that must stay."),
        Column::new("Max Unavailable", "The most Pods that may be gone."),
        Column::new("Allowed Disruptions", "How many Pods may be evicted now.").integer(),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        self.spec.get_or_insert_default();
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(Default::default());
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        let changed = self.spec != old.spec;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.generation = old.metadata.generation;
    }

    fn validate_status_update(&self, _: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let Some(new) = &self.status else { return errors };
        let path = field::Path::new("status").child("conditions");
        status::conditions(&mut errors, &path, new.conditions.as_deref().unwrap_or_default());
        let all = [
            status::free("disruptionsAllowed", new.disruptions_allowed),
            status::free("currentHealthy", new.current_healthy),
            status::free("desiredHealthy", new.desired_healthy),
            status::free("expectedPods", new.expected_pods),
        ];
        status::counts(&mut errors, &all, None, "");
        errors
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let path = field::Path::new("spec");
        let Some(spec) = &self.spec else { return errors };
        if let (Some(least), Some(most)) = (&spec.min_available, &spec.max_unavailable) {
            let selector = internal::dump_selector(&json!(spec.selector));
            let shown = format!(
                "{{\"MinAvailable\":{},\"Selector\":{selector},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
                json!(least),
                json!(most),
                json!(spec.unhealthy_pod_eviction_policy)
            );
            let why = "minAvailable and maxUnavailable cannot be both set";
            errors.push(field::Error::invalid_shown(&path, shown, why));
        }
        for (name, value) in [("minAvailable", &spec.min_available), ("maxUnavailable", &spec.max_unavailable)] {
            if let Some(value) = value {
                validate::count_or_percent(&mut errors, &path.child(name), value);
                validate::at_most_all(&mut errors, &path.child(name), value);
            }
        }
        if let Some(selector) = &spec.selector {
            validate::selector(&mut errors, &path.child("selector"), selector);
        }
        let policies = &["AlwaysAllow", "IfHealthyBudget"];
        let policy = spec.unhealthy_pod_eviction_policy.as_deref();
        if let Some(policy) = policy.filter(|policy| !policies.contains(policy)) {
            let at = path.child("unhealthyPodEvictionPolicy");
            errors.push(field::Error::not_supported(&at, policy, policies));
        }
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.clone().unwrap_or_default();
        let text = |value: Option<IntOrString>| match value {
            None => "N/A".to_owned(),
            Some(IntOrString::Int(number)) => number.to_string(),
            Some(IntOrString::String(text)) => text,
        };
        let allowed = self.status.as_ref().and_then(|status| status.disruptions_allowed).unwrap_or(0);
        vec![
            json!(meta::name(&self.metadata)),
            json!(text(spec.min_available)),
            json!(text(spec.max_unavailable)),
            json!(allowed),
            json!(cells::age(&self.metadata, now)),
        ]
    }

    fn complete_json(json: &mut Value) {
        let Some(status) = json.get_mut("status").and_then(Value::as_object_mut) else { return };
        for field in ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"] {
            status.entry(field).or_insert_with(|| json!(0));
        }
    }
}
