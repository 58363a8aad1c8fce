//! A host port can be taken once.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/nodeports.

use k8s_openapi::api::core::v1::Node;

use super::{NodeInfo, Plugin, Refusal, Snapshot, Wanted, resolvable};
use crate::scheduler::node_info::host_ports;

pub fn refuse(wanted: &Wanted, _: &Node, info: &NodeInfo, _: &Snapshot<'_>) -> Option<Refusal> {
    let reason = "node(s) didn't have free ports for the requested pod ports";
    host_ports(&wanted.pod).any(|port| info.port_taken(&port)).then(|| resolvable(Plugin::NodePorts, reason))
}
