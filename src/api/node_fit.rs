//! What a Pod's spec says of nodes: node selector, required affinity, tolerations.
//!
//! Pure; the scheduler, the DaemonSet controller, the taint eviction controller and volumes ask the same questions.
//! Models Kubernetes 1.36 staging/src/k8s.io/component-helpers/scheduling/corev1.

use k8s_openapi::api::core::v1::{
    Node, NodeAffinity, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration,
};

use crate::apimachinery::labels::{Labels, Requirement, Selector};
use crate::apimachinery::meta;

/// The field of a node that affinity can name.
pub const NODE_NAME_FIELD: &str = "metadata.name";

/// Whether a toleration tolerates a taint.
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let key = toleration.key.as_deref().unwrap_or_default();
    if !effect.is_empty() && effect != taint.effect || !key.is_empty() && key != taint.key {
        return false;
    }
    match toleration.operator.as_deref().unwrap_or_default() {
        "" | "Equal" => toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default(),
        "Exists" => true,
        _ => false,
    }
}

/// Whether the Pod tolerates a taint.
pub fn is_tolerated(spec: &PodSpec, taint: &Taint) -> bool {
    spec.tolerations.iter().flatten().any(|toleration| tolerates(toleration, taint))
}

/// The taints of a node.
pub fn taints(node: &Node) -> impl Iterator<Item = &Taint> {
    node.spec.iter().flat_map(|spec| spec.taints.iter().flatten())
}

/// Whether the Pod tolerates all taints of the node that keep new Pods away.
pub fn tolerates_all(spec: &PodSpec, node: &Node) -> bool {
    let keeps_away = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    taints(node).filter(keeps_away).all(|taint| is_tolerated(spec, taint))
}

/// The Pod's node affinity.
pub fn node_affinity(spec: &PodSpec) -> Option<&NodeAffinity> {
    spec.affinity.as_ref()?.node_affinity.as_ref()
}

/// The terms of the Pod's required node affinity.
pub fn required_terms(spec: &PodSpec) -> Option<&[NodeSelectorTerm]> {
    let required = node_affinity(spec)?.required_during_scheduling_ignored_during_execution.as_ref()?;
    Some(&required.node_selector_terms)
}

/// Whether the node is one that the Pod asks for.
pub fn matches_required(spec: &PodSpec, node: &Node) -> bool {
    let held = |key: &str| node.metadata.labels.as_ref().and_then(|labels| labels.get(key));
    spec.node_selector.iter().flatten().all(|(key, value)| held(key) == Some(value))
        && required_terms(spec).is_none_or(|terms| matches_any(terms, node))
}

/// Whether one of the terms matches the node.
pub fn matches_any(terms: &[NodeSelectorTerm], node: &Node) -> bool {
    terms.iter().any(|term| term_matches(term, node))
}

/// Whether a term, which must not be empty, matches the node.
pub fn term_matches(term: &NodeSelectorTerm, node: &Node) -> bool {
    const NONE: &Labels = &Labels::new();
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    let named = || Labels::from([(NODE_NAME_FIELD.to_owned(), meta::name(&node.metadata).to_owned())]);
    matches_all(expressions, node.metadata.labels.as_ref().unwrap_or(NONE))
        && (fields.is_empty() || matches_all(fields, &named()))
}

fn matches_all(requirements: &[NodeSelectorRequirement], labels: &Labels) -> bool {
    let parsed: Option<Vec<Requirement>> = requirements.iter().map(requirement).collect();
    parsed.is_some_and(|requirements| Selector { requirements }.matches(Some(labels)))
}

fn requirement(given: &NodeSelectorRequirement) -> Option<Requirement> {
    let (key, values) = (given.key.clone(), given.values.clone().unwrap_or_default());
    let number = || values.first().and_then(|value| value.parse().ok());
    Some(match given.operator.as_str() {
        "In" => Requirement::In(key, values),
        "NotIn" => Requirement::NotIn(key, values),
        "Exists" => Requirement::Exists(key),
        "DoesNotExist" => Requirement::DoesNotExist(key),
        "Gt" => Requirement::GreaterThan(key, number()?),
        "Lt" => Requirement::LessThan(key, number()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Cases of upstream's TestTolerationToleratesTaint.
    #[test]
    fn toleration_tolerates_taint() {
        for (name, toleration, taint, expected) in [
            (
                "toleration and taint have the same key and effect, and operator is Exists, and taint has no value, expect tolerated",
                json!({"key": "foo", "operator": "Exists", "effect": "NoSchedule"}),
                json!({"key": "foo", "effect": "NoSchedule"}),
                true,
            ),
            (
                "toleration and taint have the same effect, toleration has empty key and operator is Exists, means match all taints, expect tolerated",
                json!({"operator": "Exists", "effect": "NoSchedule"}),
                json!({"key": "foo", "value": "bar", "effect": "NoSchedule"}),
                true,
            ),
            (
                "toleration and taint have the same key, effect and value, and operator is Equal, expect tolerated",
                json!({"key": "foo", "operator": "Equal", "value": "bar", "effect": "NoSchedule"}),
                json!({"key": "foo", "value": "bar", "effect": "NoSchedule"}),
                true,
            ),
            (
                "toleration and taint have the same key and effect, but different values, and operator is Equal, expect not tolerated",
                json!({"key": "foo", "operator": "Equal", "value": "value1", "effect": "NoSchedule"}),
                json!({"key": "foo", "value": "value2", "effect": "NoSchedule"}),
                false,
            ),
            (
                "toleration and taint have the same key and value, but different effects, and operator is Equal, expect not tolerated",
                json!({"key": "foo", "operator": "Equal", "value": "bar", "effect": "NoSchedule"}),
                json!({"key": "foo", "value": "bar", "effect": "NoExecute"}),
                false,
            ),
        ] {
            let toleration: Toleration = serde_json::from_value(toleration).unwrap();
            let taint: Taint = serde_json::from_value(taint).unwrap();
            assert_eq!(tolerates(&toleration, &taint), expected, "{name}");
        }
    }
}
