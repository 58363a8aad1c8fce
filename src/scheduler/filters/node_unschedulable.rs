//! A cordoned node takes no new Pods, unless they tolerate it.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/nodeunschedulable.

use k8s_openapi::api::core::v1::{Node, PodSpec, Taint};

use super::{NodeInfo, Plugin, Refusal, Snapshot, Wanted, unresolvable};
use crate::api::node_fit;

pub fn is_closed(spec: &PodSpec, node: &Node) -> bool {
    if node.spec.as_ref().and_then(|spec| spec.unschedulable) != Some(true) {
        return false;
    }
    let taint = Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    };
    !node_fit::is_tolerated(spec, &taint)
}

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo, _: &Snapshot<'_>) -> Option<Refusal> {
    is_closed(wanted.spec(), node).then(|| unresolvable(Plugin::NodeUnschedulable, "node(s) were unschedulable"))
}
