//! A Pod that names its node fits no other.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/nodename.

use k8s_openapi::api::core::v1::Node;

use super::{NodeInfo, Refusal, Wanted, unresolvable};
use crate::apimachinery::meta;

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo) -> Option<Refusal> {
    let name = wanted.spec.node_name.as_deref().filter(|name| !name.is_empty())?;
    (name != meta::name(&node.metadata)).then(|| unresolvable("node(s) didn't match the requested node name"))
}
