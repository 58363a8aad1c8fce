//! What the scheduler knows of a node: the Node and what its Pods hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};

use super::resources::{self, Amounts};
use crate::apimachinery::meta;

/// A host port: address, protocol, number.
pub type HostPort = (String, String, i32);

/// A node and what is held on it.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    node: Option<Arc<Node>>,
    allocatable: Amounts,
    requested: Amounts,
    scored: (i64, i64),
    pods: BTreeMap<String, Arc<Pod>>,
    ports: BTreeSet<HostPort>,
}

impl NodeInfo {
    /// Sets or replaces the Node.
    pub fn set_node(&mut self, node: Arc<Node>) {
        self.allocatable = resources::amounts(node.status.as_ref().and_then(|status| status.allocatable.as_ref()));
        self.node = Some(node);
    }

    /// The Node; `None` while only Pods that name it are known.
    pub fn node(&self) -> Option<&Arc<Node>> {
        self.node.as_ref()
    }

    /// Counts a Pod in; a Pod that is counted already stays counted once.
    pub fn add_pod(&mut self, pod: Arc<Pod>) {
        if self.pods.contains_key(meta::uid(&pod.metadata)) {
            return;
        }
        self.count(&pod, 1);
        self.ports.extend(host_ports(&pod));
        self.pods.insert(meta::uid(&pod.metadata).to_owned(), pod);
    }

    /// Counts a Pod out.
    pub fn remove_pod(&mut self, pod: &Pod) {
        let Some(held) = self.pods.remove(meta::uid(&pod.metadata)) else { return };
        self.count(&held, -1);
        for port in host_ports(&held) {
            self.ports.remove(&port);
        }
    }

    fn count(&mut self, pod: &Pod, sign: i64) {
        for (name, value) in resources::requests(pod) {
            *self.requested.entry(name).or_insert(0) += sign * value;
        }
        let (cpu, memory) = resources::requests_for_scoring(pod);
        self.scored.0 += sign * cpu;
        self.scored.1 += sign * memory;
    }

    /// What the node can give in all.
    pub fn allocatable(&self, name: &str) -> i64 {
        self.allocatable.get(name).copied().unwrap_or(0)
    }

    /// What its Pods have asked for.
    pub fn requested(&self, name: &str) -> i64 {
        self.requested.get(name).copied().unwrap_or(0)
    }

    /// What its Pods count for when nodes are scored: millicores and bytes.
    pub fn scored(&self) -> (i64, i64) {
        self.scored
    }

    /// How many Pods it has.
    pub fn pod_count(&self) -> usize {
        self.pods.len()
    }

    /// Whether a host port is taken; an empty address or 0.0.0.0 stands for all.
    pub fn port_taken(&self, wanted: &HostPort) -> bool {
        let any = |address: &str| address.is_empty() || address == "0.0.0.0";
        self.ports.iter().any(|(address, protocol, port)| {
            *protocol == wanted.1 && *port == wanted.2 && (any(address) || any(&wanted.0) || *address == wanted.0)
        })
    }
}

/// The host ports that a Pod takes.
pub fn host_ports(pod: &Pod) -> impl Iterator<Item = HostPort> + '_ {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers.flat_map(|container| container.ports.iter().flatten()).filter_map(|port| {
        let number = port.host_port.filter(|number| *number > 0)?;
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        Some((port.host_ip.clone().unwrap_or_default(), protocol, number))
    })
}
