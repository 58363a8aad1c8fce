//! The filters: each says yes to a node or why not. `FILTERS` is the one list, in upstream's order; the first refusal
//! is the one that counts.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/runtime/framework.go (RunPreFilterPlugins, RunFilterPlugins).

mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod pod_affinity;
mod taint_toleration;
mod topology_spread;
mod volume_binding;

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};

use super::node_info::NodeInfo;
use super::reasons::{Plugin, PreRefusal, Refusal};
use super::resources::{self, Amounts};
use super::snapshot::Snapshot;
use crate::api::node_fit::{matches_required, tolerates_all};

pub use node_affinity::preference;
pub use node_resources_fit::fits_empty;
pub use taint_toleration::not_preferred_count;
pub use topology_spread::{Constraint, constraints};
pub use volume_binding::{Volumes, claim_names};

/// A Pod with what is worked out once for all nodes.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The Pod.
    pub pod: Arc<Pod>,
    /// What it requests.
    pub requests: Amounts,
    /// What it counts for when nodes are scored: millicores and bytes.
    pub scored: (i64, i64),
    /// The only nodes that its affinity names, when it names nodes.
    pub named: Option<BTreeSet<String>>,
    spread: topology_spread::State,
    neighbours: pod_affinity::State,
    volumes: volume_binding::State,
}

impl Wanted {
    /// Works out what a Pod wants of the nodes of a snapshot.
    ///
    /// # Errors
    /// What keeps the Pod off every node.
    pub fn of(pod: &Arc<Pod>, snapshot: &Snapshot<'_>) -> Result<Self, PreRefusal> {
        let spec = spec_of(pod);
        let named = node_affinity::named_nodes(spec)?;
        let volumes = volume_binding::State::of(pod, spec, snapshot.caches)?;
        Ok(Self {
            requests: resources::requests(pod),
            scored: resources::requests_for_scoring(pod),
            named,
            spread: topology_spread::State::of(pod, spec, snapshot),
            neighbours: pod_affinity::State::of(pod, snapshot),
            volumes,
            pod: Arc::clone(pod),
        })
    }

    /// The Pod's spec.
    pub fn spec(&self) -> &PodSpec {
        spec_of(&self.pod)
    }

    /// The same Pod on nodes whose Pods have changed.
    pub fn again(&self, snapshot: &Snapshot<'_>) -> Self {
        Self {
            spread: topology_spread::State::of(&self.pod, self.spec(), snapshot),
            neighbours: pod_affinity::State::of(&self.pod, snapshot),
            ..self.clone()
        }
    }

    /// What has to be done about the Pod's claims when it goes to this node.
    pub fn volumes_on(&self, node: &Node, snapshot: &Snapshot<'_>) -> Volumes {
        self.volumes.on(node, snapshot.caches).unwrap_or_default()
    }
}

fn spec_of(pod: &Pod) -> &PodSpec {
    static NONE: std::sync::LazyLock<PodSpec> = std::sync::LazyLock::new(PodSpec::default);
    pod.spec.as_ref().unwrap_or(&NONE)
}

type Filter = fn(&Wanted, &Node, &NodeInfo, &Snapshot<'_>) -> Option<Refusal>;

static FILTERS: &[Filter] = &[
    node_unschedulable::refuse,
    node_name::refuse,
    taint_toleration::refuse,
    node_affinity::refuse,
    node_ports::refuse,
    node_resources_fit::refuse,
    volume_binding::refuse,
    topology_spread::refuse,
    pod_affinity::refuse,
];

/// Why the node does not fit, by the first filter that says so.
pub fn first_refusal(wanted: &Wanted, info: &NodeInfo, snapshot: &Snapshot<'_>) -> Option<Refusal> {
    let node = info.node()?;
    FILTERS.iter().find_map(|filter| filter(wanted, node, info, snapshot))
}

/// Whether what a node is, without its Pods, keeps the Pod off it, as one plugin sees it. For plugins that look at
/// Pods or volumes the answer is no.
pub fn node_refuses(plugin: Plugin, spec: &PodSpec, node: &Node) -> bool {
    match plugin {
        Plugin::NodeUnschedulable => node_unschedulable::is_closed(spec, node),
        Plugin::NodeName => node_name::is_another(spec, node),
        Plugin::TaintToleration => !tolerates_all(spec, node),
        Plugin::NodeAffinity => !matches_required(spec, node),
        _ => false,
    }
}

fn unresolvable(plugin: Plugin, reason: impl Into<String>) -> Refusal {
    Refusal { plugin, reasons: vec![reason.into()], resolvable: false }
}

fn resolvable(plugin: Plugin, reason: impl Into<String>) -> Refusal {
    Refusal { plugin, reasons: vec![reason.into()], resolvable: true }
}
