//! The sum of requests must fit into what the node can give.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/noderesources/fit.go.

use k8s_openapi::api::core::v1::Node;

use super::{NodeInfo, Plugin, Refusal, Snapshot, Wanted};
use crate::scheduler::resources::{self, Amounts};

pub fn refuse(wanted: &Wanted, _: &Node, info: &NodeInfo, _: &Snapshot<'_>) -> Option<Refusal> {
    let mut reasons = Vec::new();
    // Evicting others helps only when the request would fit into an empty node.
    let mut resolvable = true;
    if info.pod_count() as i64 + 1 > info.allocatable("pods") {
        reasons.push("Too many pods".to_owned());
    }
    for (name, asked) in wanted.requests.iter().filter(|(_, asked)| **asked > 0) {
        if *asked > info.allocatable(name) - info.requested(name) {
            reasons.push(format!("Insufficient {name}"));
            resolvable &= *asked <= info.allocatable(name);
        }
    }
    (!reasons.is_empty()).then_some(Refusal { plugin: Plugin::NodeResourcesFit, reasons, resolvable })
}

/// Whether a node without Pods has room for these requests, and more of what they name than it had as `old`.
pub fn fits_empty(requests: &Amounts, old: Option<&Node>, node: &Node) -> bool {
    let room = |node: &Node| resources::amounts(node.status.as_ref().and_then(|status| status.allocatable.as_ref()));
    let new = room(node);
    let of = |amounts: &Amounts, name: &str| amounts.get(name).copied().unwrap_or(0);
    let asked = || requests.iter().filter(|(_, asked)| **asked > 0);
    if of(&new, "pods") < 1 || asked().any(|(name, asked)| *asked > of(&new, name)) {
        return false;
    }
    let Some(old) = old.map(room) else { return true };
    let more = |name: &str| of(&new, name) > of(&old, name);
    more("pods") || asked().any(|(name, _)| more(name))
}
