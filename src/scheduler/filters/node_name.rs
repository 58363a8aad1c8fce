//! A Pod that names its node fits no other.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/nodename.

use k8s_openapi::api::core::v1::{Node, PodSpec};

use super::{NodeInfo, Plugin, Refusal, Snapshot, Wanted, unresolvable};
use crate::apimachinery::meta;

pub fn is_another(spec: &PodSpec, node: &Node) -> bool {
    spec.node_name.as_deref().is_some_and(|name| !name.is_empty() && name != meta::name(&node.metadata))
}

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo, _: &Snapshot<'_>) -> Option<Refusal> {
    let reason = "node(s) didn't match the requested node name";
    is_another(wanted.spec(), node).then(|| unresolvable(Plugin::NodeName, reason))
}
