//! `matchLabelKeys` and `mismatchLabelKeys` of a new Pod: their values go into the selector beside them, once.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/strategy.go (mutatePodAffinity, mutateTopologySpreadConstraints).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodAffinityTerm};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

type Labels = BTreeMap<String, String>;

/// Enters what the Pod's labels say under these keys.
pub fn merge(pod: &mut Pod) {
    let (Some(labels), Some(spec)) = (pod.metadata.labels.as_ref(), pod.spec.as_mut()) else { return };
    if let Some(affinity) = spec.affinity.as_mut() {
        let near = affinity.pod_affinity.iter_mut().flat_map(|found| {
            let preferred = found.preferred_during_scheduling_ignored_during_execution.iter_mut().flatten();
            let required = found.required_during_scheduling_ignored_during_execution.iter_mut().flatten();
            preferred.map(|weighted| &mut weighted.pod_affinity_term).chain(required)
        });
        near.for_each(|term| merge_term(term, labels));
        let apart = affinity.pod_anti_affinity.iter_mut().flat_map(|found| {
            let preferred = found.preferred_during_scheduling_ignored_during_execution.iter_mut().flatten();
            let required = found.required_during_scheduling_ignored_during_execution.iter_mut().flatten();
            preferred.map(|weighted| &mut weighted.pod_affinity_term).chain(required)
        });
        apart.for_each(|term| merge_term(term, labels));
    }
    for constraint in spec.topology_spread_constraints.iter_mut().flatten() {
        add(constraint.label_selector.as_mut(), constraint.match_label_keys.as_deref(), "In", labels);
    }
}

fn merge_term(term: &mut PodAffinityTerm, labels: &Labels) {
    add(term.label_selector.as_mut(), term.match_label_keys.as_deref(), "In", labels);
    add(term.label_selector.as_mut(), term.mismatch_label_keys.as_deref(), "NotIn", labels);
}

/// A selector that is absent matches nothing, and stays so; a key that the Pod does not have says nothing.
fn add(selector: Option<&mut LabelSelector>, keys: Option<&[String]>, operator: &str, labels: &Labels) {
    let Some(selector) = selector else { return };
    for key in keys.unwrap_or_default() {
        let Some(value) = labels.get(key) else { continue };
        selector.match_expressions.get_or_insert_default().push(LabelSelectorRequirement {
            key: key.clone(),
            operator: operator.to_owned(),
            values: Some(vec![value.clone()]),
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Upstream's cases (`TestMutatePodAffinity`, `TestMutateTopologySpreadConstraints`) by their names. What is in the
    /// selector, then what comes of it.
    #[test]
    fn keys_are_merged_into_the_selector() {
        let merged = json!([{"key": "country", "operator": "In", "values": ["Japan"]}]);
        let not_in = json!({"key": "city", "operator": "NotIn", "values": ["Kyoto"]});
        let cases = [
            (
                "matchLabelKeys are merged into labelSelector with In and mismatchLabelKeys are merged with NotIn",
                json!({"matchLabels": {"region": "Asia"}}),
                ["country", "city"],
                json!({"matchLabels": {"region": "Asia"}, "matchExpressions": merged}),
            ),
            ("keys, which are not found in Pod labels, are ignored", json!({}), ["planet", "moon"], json!({})),
            ("matchLabelKeys is ignored if the labelSelector is nil", Value::Null, ["country", "city"], Value::Null),
        ];
        for (name, selector, [same, other], expected) in cases {
            let term = json!({"topologyKey": "zone", "labelSelector": selector, "matchLabelKeys": [same],
                "mismatchLabelKeys": [other]});
            let terms = json!({
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}],
                "requiredDuringSchedulingIgnoredDuringExecution": [term],
            });
            let spread = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": selector, "matchLabelKeys": [same]});
            let mut pod: Pod = serde_json::from_value(json!({
                "metadata": {"labels": {"country": "Japan", "city": "Kyoto"}},
                "spec": {"containers": [], "affinity": {"podAffinity": terms, "podAntiAffinity": terms},
                    "topologySpreadConstraints": [spread]},
            }))
            .unwrap();
            merge(&mut pod);
            let pod = serde_json::to_value(&pod).unwrap();
            assert_eq!(pod["spec"]["topologySpreadConstraints"][0]["labelSelector"], expected, "{name}");
            let mut of_term = expected.clone();
            if let Some(list) = of_term.get_mut("matchExpressions").and_then(Value::as_array_mut) {
                list.push(not_in.clone());
            }
            for side in ["podAffinity", "podAntiAffinity"] {
                let terms = &pod["spec"]["affinity"][side];
                let required = &terms["requiredDuringSchedulingIgnoredDuringExecution"][0];
                let preferred = &terms["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"];
                assert_eq!((&required["labelSelector"], &preferred["labelSelector"]), (&of_term, &of_term), "{name}");
            }
        }
    }
}
