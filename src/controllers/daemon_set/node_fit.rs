//! Whether a daemon's Pod belongs on a node: node name, node selector, required affinity, taints.
//!
//! Pure. Models Kubernetes 1.36 pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod).

use k8s_openapi::api::core::v1::{Node, PodSpec, Taint};

use crate::api::node_fit::{is_tolerated, matches_required, taints};
use crate::apimachinery::meta;

/// Whether a Pod is to be made on the node, and whether one that is there may stay.
pub fn should_run(spec: &PodSpec, node: &Node) -> (bool, bool) {
    let wanted = spec.node_name.as_deref().unwrap_or_default();
    let named = wanted.is_empty() || wanted == meta::name(&node.metadata);
    if !named || !matches_required(spec, node) {
        return (false, false);
    }
    let mut untolerated: Vec<&Taint> = taints(node).filter(|taint| !is_tolerated(spec, taint)).collect();
    untolerated.retain(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"));
    (untolerated.is_empty(), untolerated.iter().all(|taint| taint.effect != "NoExecute"))
}
