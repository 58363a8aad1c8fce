//! The sum of requests must fit into what the node can give.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/noderesources/fit.go.

use k8s_openapi::api::core::v1::Node;

use super::{NodeInfo, Refusal, Wanted};

pub fn refuse(wanted: &Wanted, _: &Node, info: &NodeInfo) -> Option<Refusal> {
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
    (!reasons.is_empty()).then_some(Refusal { reasons, resolvable })
}
