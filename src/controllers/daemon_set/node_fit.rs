//! Whether a daemon's Pod belongs on a node: node name, node selector, required affinity, taints.
//!
//! Pure. Models Kubernetes 1.36 pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod) and
//! staging/src/k8s.io/component-helpers/scheduling/corev1.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration,
};

use crate::apimachinery::meta;

/// Whether a Pod is to be made on the node, and whether one that is there may stay.
pub fn should_run(spec: &PodSpec, node: &Node) -> (bool, bool) {
    let wanted = spec.node_name.as_deref().unwrap_or_default();
    let named = wanted.is_empty() || wanted == meta::name(&node.metadata);
    if !named || !matches_selector(spec, node) || !matches_affinity(spec.affinity.as_ref(), node) {
        return (false, false);
    }
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let mut untolerated: Vec<&Taint> = taints.filter(|taint| !is_tolerated(taint, spec)).collect();
    untolerated.retain(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"));
    (untolerated.is_empty(), untolerated.iter().all(|taint| taint.effect != "NoExecute"))
}

fn labels(node: &Node) -> &BTreeMap<String, String> {
    const NONE: &BTreeMap<String, String> = &BTreeMap::new();
    node.metadata.labels.as_ref().unwrap_or(NONE)
}

fn matches_selector(spec: &PodSpec, node: &Node) -> bool {
    let held = labels(node);
    spec.node_selector.iter().flatten().all(|(key, value)| held.get(key) == Some(value))
}

fn matches_affinity(affinity: Option<&Affinity>, node: &Node) -> bool {
    let required = affinity
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    required
        .is_none_or(|selector: &NodeSelector| selector.node_selector_terms.iter().any(|term| matches_term(term, node)))
}

fn matches_term(term: &NodeSelectorTerm, node: &Node) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    if expressions.is_empty() && fields.is_empty() {
        // An empty term selects nothing.
        return false;
    }
    let held = labels(node);
    expressions.iter().all(|requirement| holds(requirement, held.get(&requirement.key).map(String::as_str)))
        && fields.iter().all(|requirement| {
            let value = (requirement.key == "metadata.name").then(|| meta::name(&node.metadata));
            holds(requirement, value)
        })
}

fn holds(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let listed = value.is_some_and(|value| values.iter().any(|one| one == value));
    let number = || value.and_then(|value| value.parse::<i64>().ok());
    let limit = || values.first().and_then(|value| value.parse::<i64>().ok());
    match requirement.operator.as_str() {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => number().zip(limit()).is_some_and(|(number, limit)| number > limit),
        "Lt" => number().zip(limit()).is_some_and(|(number, limit)| number < limit),
        _ => false,
    }
}

fn is_tolerated(taint: &Taint, spec: &PodSpec) -> bool {
    spec.tolerations.iter().flatten().any(|toleration| tolerates(toleration, taint))
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (effect, key) = (text(&toleration.effect), text(&toleration.key));
    if (!effect.is_empty() && effect != taint.effect) || (!key.is_empty() && key != taint.key) {
        return false;
    }
    match toleration.operator.as_deref().unwrap_or("Equal") {
        "Exists" => true,
        "" | "Equal" => text(&toleration.value) == text(&taint.value),
        _ => false,
    }
}
