//! A taint keeps Pods away that do not tolerate it.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/tainttoleration.

use k8s_openapi::api::core::v1::{Node, Toleration};

use super::{NodeInfo, Plugin, Refusal, Snapshot, Wanted, unresolvable};
use crate::api::node_fit::{taints, tolerates, tolerates_all};

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo, _: &Snapshot<'_>) -> Option<Refusal> {
    let reason = "node(s) had untolerated taint(s)";
    (!tolerates_all(wanted.spec(), node)).then(|| unresolvable(Plugin::TaintToleration, reason))
}

/// How many `PreferNoSchedule` taints of the node the Pod does not tolerate.
pub fn not_preferred_count(wanted: &Wanted, node: &Node) -> i64 {
    // Only tolerations that name this effect, or none, speak of preferences.
    let speaks = |given: &&Toleration| {
        given.effect.as_deref().is_none_or(|effect| effect.is_empty() || effect == "PreferNoSchedule")
    };
    let tolerations: Vec<&Toleration> = wanted.spec().tolerations.iter().flatten().filter(speaks).collect();
    let unwanted = taints(node)
        .filter(|taint| taint.effect == "PreferNoSchedule")
        .filter(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)));
    i64::try_from(unwanted.count()).unwrap_or(i64::MAX)
}
