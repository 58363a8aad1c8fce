//! The filters: each says yes to a node or why not. `FILTERS` is the one list, in upstream's order; the first
//! refusal is the one that counts.

mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod taint_toleration;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};

use super::node_info::NodeInfo;
use super::reasons::Refusal;
use super::resources::{self, Amounts};

pub use taint_toleration::not_preferred_count;

/// A Pod with what is worked out once for all nodes.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The Pod.
    pub pod: Arc<Pod>,
    /// Its spec.
    pub spec: PodSpec,
    /// What it requests.
    pub requests: Amounts,
    /// What it counts for when nodes are scored: millicores and bytes.
    pub scored: (i64, i64),
}

impl Wanted {
    /// Works out what a Pod wants.
    pub fn of(pod: &Arc<Pod>) -> Self {
        Self {
            pod: Arc::clone(pod),
            spec: pod.spec.clone().unwrap_or_default(),
            requests: resources::requests(pod),
            scored: resources::requests_for_scoring(pod),
        }
    }
}

type Filter = fn(&Wanted, &Node, &NodeInfo) -> Option<Refusal>;

static FILTERS: &[Filter] = &[
    node_unschedulable::refuse,
    node_name::refuse,
    taint_toleration::refuse,
    node_affinity::refuse,
    node_ports::refuse,
    node_resources_fit::refuse,
];

/// Why the node does not fit, by the first filter that says so.
pub fn first_refusal(wanted: &Wanted, info: &NodeInfo) -> Option<Refusal> {
    let node = info.node()?;
    FILTERS.iter().find_map(|filter| filter(wanted, node, info))
}

fn unresolvable(reason: impl Into<String>) -> Refusal {
    Refusal { reasons: vec![reason.into()], resolvable: false }
}
