//! What the scheduler knows of a node: the Node and what its Pods hold.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/types.go (NodeInfo).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Affinity, Node, Pod};

use super::resources::{self, Amounts};
use crate::apimachinery::meta;

/// A host port: address, protocol, number.
pub type HostPort = (String, String, i32);

/// A Pod on a node, with what it holds there.
#[derive(Clone, Debug)]
struct Held {
    pod: Arc<Pod>,
    requests: Amounts,
    scored: (i64, i64),
}

/// A node and what is held on it.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    node: Option<Arc<Node>>,
    allocatable: Amounts,
    requested: Amounts,
    scored: (i64, i64),
    pods: BTreeMap<Arc<str>, Held>,
    /// The Pods that want to be near others or far from them.
    with_affinity: BTreeMap<Arc<str>, Arc<Pod>>,
    ports: BTreeMap<HostPort, usize>,
}

impl NodeInfo {
    /// Sets or replaces the Node.
    pub fn set_node(&mut self, node: Arc<Node>) {
        self.allocatable = resources::amounts(node.status.as_ref().and_then(|status| status.allocatable.as_ref()));
        self.node = Some(node);
    }

    /// Forgets the Node; its Pods may still name it.
    pub fn remove_node(&mut self) {
        self.node = None;
    }

    /// The Node; `None` while only Pods that name it are known.
    pub fn node(&self) -> Option<&Arc<Node>> {
        self.node.as_ref()
    }

    /// Counts a Pod in. A Pod that is counted already keeps what it holds, unless its containers have changed.
    pub fn add_pod(&mut self, pod: Arc<Pod>) {
        if let Some(held) = self.pods.get_mut(meta::uid(&pod.metadata)) {
            if same_claims(&held.pod, &pod) {
                if let Some(near) = self.with_affinity.get_mut(meta::uid(&pod.metadata)) {
                    *near = Arc::clone(&pod);
                }
                held.pod = pod;
                return;
            }
            let old = Arc::clone(&held.pod);
            self.remove_pod(&old);
        }
        let held = Held {
            requests: resources::requests(&pod),
            scored: resources::requests_for_scoring(&pod),
            pod: Arc::clone(&pod),
        };
        self.count(&held, 1);
        for port in host_ports(&pod) {
            *self.ports.entry(port).or_insert(0) += 1;
        }
        let uid: Arc<str> = meta::uid(&pod.metadata).into();
        if affinity_of(&pod).is_some_and(|of| of.pod_affinity.is_some() || of.pod_anti_affinity.is_some()) {
            self.with_affinity.insert(Arc::clone(&uid), pod);
        }
        self.pods.insert(uid, held);
    }

    /// Counts a Pod out.
    pub fn remove_pod(&mut self, pod: &Pod) {
        let uid = meta::uid(&pod.metadata);
        let Some(held) = self.pods.remove(uid) else { return };
        self.count(&held, -1);
        self.with_affinity.remove(uid);
        for port in host_ports(&held.pod) {
            if let Some(holders) = self.ports.get_mut(&port) {
                *holders -= 1;
                if *holders == 0 {
                    self.ports.remove(&port);
                }
            }
        }
    }

    fn count(&mut self, held: &Held, sign: i64) {
        for (name, value) in &held.requests {
            match self.requested.get_mut(name) {
                Some(sum) => *sum += sign * value,
                None => {
                    self.requested.insert(name.clone(), sign * value);
                }
            }
        }
        self.scored.0 += sign * held.scored.0;
        self.scored.1 += sign * held.scored.1;
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

    /// Its Pods.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.values().map(|held| &held.pod)
    }

    /// Those of its Pods that have rules about their neighbours.
    pub fn pods_with_affinity(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.with_affinity.values()
    }

    /// How many Pods it has.
    pub fn pod_count(&self) -> usize {
        self.pods.len()
    }

    /// Whether a host port is taken; an empty address or 0.0.0.0 stands for all.
    pub fn port_taken(&self, wanted: &HostPort) -> bool {
        let any = |address: &str| address.is_empty() || address == "0.0.0.0";
        self.ports.keys().any(|(address, protocol, port)| {
            *protocol == wanted.1 && *port == wanted.2 && (any(address) || any(&wanted.0) || *address == wanted.0)
        })
    }
}

/// The host ports that a Pod takes.
pub fn host_ports(pod: &Pod) -> impl Iterator<Item = HostPort> + '_ {
    let sidecar =
        |container: &&k8s_openapi::api::core::v1::Container| container.restart_policy.as_deref() == Some("Always");
    let spec = pod.spec.iter();
    let containers =
        spec.flat_map(move |spec| spec.containers.iter().chain(spec.init_containers.iter().flatten().filter(sidecar)));
    containers.flat_map(|container| container.ports.iter().flatten()).filter_map(|port| {
        let number = port.host_port.filter(|number| *number > 0)?;
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        Some((port.host_ip.clone().unwrap_or_default(), protocol, number))
    })
}

/// The Pod's affinity.
pub fn affinity_of(pod: &Pod) -> Option<&Affinity> {
    pod.spec.as_ref()?.affinity.as_ref()
}

/// Whether two states of a Pod hold the same on their node.
fn same_claims(one: &Pod, two: &Pod) -> bool {
    let asked = |pod: &'_ Pod| -> Vec<_> {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        containers.map(|container| container.resources.clone()).collect()
    };
    let has_resized = |pod: &Pod| {
        let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        statuses.filter(|status| status.allocated_resources.is_some()).count()
    };
    has_resized(one) == 0 && has_resized(two) == 0 && asked(one) == asked(two)
}
