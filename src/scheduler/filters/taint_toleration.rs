//! A taint keeps Pods away that do not tolerate it.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/tainttoleration.

use k8s_openapi::api::core::v1::{Node, Taint, Toleration};

use super::{NodeInfo, Refusal, Wanted, unresolvable};

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo) -> Option<Refusal> {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let tolerations = wanted.spec.tolerations.as_deref().unwrap_or_default();
    taints
        .filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
        .find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
        .map(|_| unresolvable("node(s) had untolerated taint(s)"))
}

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

/// How many `PreferNoSchedule` taints of the node the Pod does not tolerate.
pub fn not_preferred_count(wanted: &Wanted, node: &Node) -> usize {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let tolerations = wanted.spec.tolerations.as_deref().unwrap_or_default();
    taints
        .filter(|taint| taint.effect == "PreferNoSchedule")
        .filter(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
        .count()
}
