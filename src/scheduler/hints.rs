//! Whether a change of the cluster may help a Pod that fitted nowhere: each plugin that refused says so.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/*, the functions named isSchedulableAfter...

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod, Taint};

use super::filters;
use super::node_info::host_ports;
use super::reasons::Plugin;
use super::resources;
use super::terms::{Rules, Term, matches_all};
use crate::apimachinery::labels::Selector;
use crate::apimachinery::meta;

/// A change that the scheduler has seen.
#[derive(Clone, Debug)]
pub enum Event {
    /// A node is new or has changed: before and now.
    Node(Option<Arc<Node>>, Arc<Node>),
    /// A node is gone.
    NodeGone,
    /// A Pod is on a node now.
    PodPlaced(Arc<Pod>),
    /// A Pod on a node has other labels: before and now.
    PodLabels(Arc<Pod>, Arc<Pod>),
    /// A Pod has left its node, or has ended there.
    PodGone(Arc<Pod>),
    /// A claim, a volume or a class has changed.
    Storage,
}

impl Event {
    /// The change of a node, when it is one that can matter: a heartbeat is not.
    pub fn of_node(old: Option<Arc<Node>>, new: Arc<Node>) -> Option<Self> {
        let matters = old.as_ref().is_none_or(|old| {
            let allocatable = |node: &Node| node.status.as_ref().and_then(|status| status.allocatable.clone());
            old.metadata.labels != new.metadata.labels
                || old.spec.as_ref().map(|spec| (&spec.taints, spec.unschedulable))
                    != new.spec.as_ref().map(|spec| (&spec.taints, spec.unschedulable))
                || allocatable(old) != allocatable(&new)
        });
        matters.then_some(Event::Node(old, new))
    }
}

/// Whether one of the plugins that refused the Pod may think otherwise now.
pub fn may_help(refused_by: &BTreeSet<Plugin>, pod: &Arc<Pod>, event: &Event) -> bool {
    refused_by.is_empty() || refused_by.iter().any(|plugin| helps(*plugin, pod, event))
}

fn helps(plugin: Plugin, pod: &Arc<Pod>, event: &Event) -> bool {
    match (plugin, event) {
        (_, Event::Node(old, new)) => node_helps(plugin, pod, old.as_deref(), new),
        (Plugin::VolumeBinding | Plugin::VolumeRestrictions, Event::Storage) => true,
        (Plugin::NodeResourcesFit, Event::PodGone(_)) => true,
        (Plugin::NodePorts, Event::PodGone(gone)) => host_ports(gone)
            .any(|(_, protocol, port)| host_ports(pod).any(|other| (other.1, other.2) == (protocol.clone(), port))),
        (Plugin::PodTopologySpread, Event::PodPlaced(other) | Event::PodGone(other) | Event::PodLabels(_, other)) => {
            meta::namespace(&other.metadata) == meta::namespace(&pod.metadata) && counts_in_spread(pod, other, event)
        }
        (Plugin::PodTopologySpread, Event::NodeGone) => true,
        (Plugin::InterPodAffinity, Event::PodPlaced(other)) => matches_all(&Rules::of(pod).near, other),
        (Plugin::InterPodAffinity, Event::PodLabels(old, new)) => {
            let rules = Rules::of(pod);
            (!matches_all(&rules.near, old) && matches_all(&rules.near, new))
                || (matches_all(&rules.far, old) && !matches_all(&rules.far, new))
        }
        (Plugin::InterPodAffinity, Event::PodGone(gone)) => {
            let meant = |terms: Vec<Term>, other: &Pod| terms.iter().any(|term| term.matches(other, None));
            meant(Rules::of(pod).far, gone) || meant(Rules::of(gone).far, pod)
        }
        _ => false,
    }
}

fn node_helps(plugin: Plugin, pod: &Arc<Pod>, old: Option<&Node>, new: &Node) -> bool {
    let Some(spec) = pod.spec.as_ref() else { return false };
    fn taints(node: &Node) -> Option<&[Taint]> {
        node.spec.as_ref()?.taints.as_deref()
    }
    let refused = |node: &Node| filters::node_refuses(plugin, spec, node);
    let admits = || old.is_none_or(refused) && !refused(new);
    let cordoned = |node: &Node| node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
    // Whoever waits for new nodes is told of other taints too, because a node may come with taints at first.
    let opened = old.is_some_and(|old| taints(old) != taints(new) || (cordoned(old) && !cordoned(new)));
    match plugin {
        Plugin::NodeUnschedulable | Plugin::TaintToleration => admits(),
        _ if opened => true,
        Plugin::NodeName | Plugin::NodeAffinity => admits(),
        Plugin::NodeResourcesFit => filters::fits_empty(&resources::requests(pod), old, new),
        Plugin::NodePorts | Plugin::VolumeRestrictions => old.is_none(),
        Plugin::VolumeBinding | Plugin::PodTopologySpread | Plugin::InterPodAffinity => {
            old.is_none_or(|old| old.metadata.labels != new.metadata.labels)
        }
    }
}

/// Whether a Pod, or the change of its labels, matters to one of the Pod's spread constraints.
fn counts_in_spread(pod: &Pod, other: &Pod, event: &Event) -> bool {
    let mut constraints = pod.spec.iter().flat_map(|spec| spec.topology_spread_constraints.iter().flatten());
    constraints.any(|constraint| {
        let Some(selector) = Selector::from_label_selector(constraint.label_selector.as_ref()) else { return false };
        let now = selector.matches(other.metadata.labels.as_ref());
        match event {
            Event::PodLabels(old, _) => selector.matches(old.metadata.labels.as_ref()) != now,
            _ => now,
        }
    })
}
