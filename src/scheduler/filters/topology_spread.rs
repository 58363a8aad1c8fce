//! Topology spread constraints: no part of the topology may have many more of the Pods than another.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/podtopologyspread/{common,filtering}.go.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Node, Pod, PodSpec, ReplicationController, Service, TopologySpreadConstraint};

use super::{NodeInfo, Plugin, Refusal, Snapshot, Wanted, resolvable, unresolvable};
use crate::api::node_fit::{matches_required, tolerates_all};
use crate::apimachinery::labels::{Requirement, Selector};
use crate::apimachinery::meta;
use crate::client::Caches;

/// A constraint with its selector parsed.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// How many more Pods one part may have than another.
    pub max_skew: i64,
    /// The label of a node that names its part of the topology.
    pub key: String,
    /// The Pods that count; `None` for none.
    pub selector: Option<Selector>,
    min_domains: usize,
    honor_affinity: bool,
    honor_taints: bool,
}

impl Constraint {
    fn of(given: &TopologySpreadConstraint, pod: &Pod) -> Self {
        let mut selector = Selector::from_label_selector(given.label_selector.as_ref());
        let labels = pod.metadata.labels.as_ref();
        for key in given.match_label_keys.iter().flatten() {
            if let (Some(selector), Some(value)) = (&mut selector, labels.and_then(|labels| labels.get(key))) {
                selector.requirements.push(Requirement::In(key.clone(), vec![value.clone()]));
            }
        }
        Self {
            max_skew: i64::from(given.max_skew),
            key: given.topology_key.clone(),
            selector,
            min_domains: usize::try_from(given.min_domains.unwrap_or(1)).unwrap_or(1),
            honor_affinity: given.node_affinity_policy.as_deref() != Some("Ignore"),
            honor_taints: given.node_taints_policy.as_deref() == Some("Honor"),
        }
    }

    /// The part of the topology that a node is in.
    pub fn place<'a>(&self, node: &'a Node) -> Option<&'a String> {
        node.metadata.labels.as_ref()?.get(&self.key)
    }

    /// Whether the Pods of this node count.
    pub fn includes(&self, spec: &PodSpec, node: &Node) -> bool {
        (!self.honor_affinity || matches_required(spec, node)) && (!self.honor_taints || tolerates_all(spec, node))
    }

    /// How many of the node's Pods count.
    pub fn count(&self, info: &NodeInfo, namespace: &str) -> i64 {
        let Some(selector) = self.selector.as_ref().filter(|selector| !selector.requirements.is_empty()) else {
            return 0;
        };
        let counts = info.pods().filter(|pod| {
            !meta::is_deleting(&pod.metadata)
                && meta::namespace(&pod.metadata) == namespace
                && selector.matches(pod.metadata.labels.as_ref())
        });
        i64::try_from(counts.count()).unwrap_or(i64::MAX)
    }
}

/// The Pod's constraints with this answer (`DoNotSchedule`, `ScheduleAnyway`); a Pod without any gets the scheduler's
/// own, which are only wishes, about the Pods of its Services and its controller. Says whether they are the Pod's own.
pub fn constraints(pod: &Pod, spec: &PodSpec, answer: &str, caches: &Caches) -> (Vec<Constraint>, bool) {
    let own = spec.topology_spread_constraints.as_deref().unwrap_or_default();
    if !own.is_empty() {
        let asked = own.iter().filter(|given| given.when_unsatisfiable == answer);
        return (asked.map(|given| Constraint::of(given, pod)).collect(), true);
    }
    if answer != "ScheduleAnyway" {
        return (Vec::new(), false);
    }
    let selector = default_selector(pod, caches);
    if selector.requirements.is_empty() {
        return (Vec::new(), false);
    }
    let usual = |key: &str, max_skew| Constraint {
        max_skew,
        key: key.to_owned(),
        selector: Some(selector.clone()),
        min_domains: 1,
        honor_affinity: true,
        honor_taints: false,
    };
    (vec![usual("kubernetes.io/hostname", 3), usual("topology.kubernetes.io/zone", 5)], false)
}

/// What selects the Pods of the same Services and the same controller.
fn default_selector(pod: &Pod, caches: &Caches) -> Selector {
    let namespace = meta::namespace(&pod.metadata);
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let mut merged = BTreeMap::new();
    for service in caches.in_namespace::<Service>(namespace) {
        let Some(wanted) = service.spec.as_ref().and_then(|spec| spec.selector.clone()) else { continue };
        if wanted.iter().all(|(key, value)| labels.get(key) == Some(value)) {
            merged.extend(wanted);
        }
    }
    let mut more = Selector::default();
    if let Some(owner) = meta::controller_of(&pod.metadata) {
        let selector = match owner.kind.as_str() {
            "ReplicationController" => {
                let held = caches.get::<ReplicationController>(namespace, &owner.name);
                merged.extend(held.and_then(|held| held.spec.as_ref()?.selector.clone()).unwrap_or_default());
                None
            }
            "ReplicaSet" => caches
                .get::<ReplicaSet>(namespace, &owner.name)
                .and_then(|held| Selector::from_label_selector(held.spec.as_ref().map(|spec| &spec.selector))),
            "StatefulSet" => caches
                .get::<StatefulSet>(namespace, &owner.name)
                .and_then(|held| Selector::from_label_selector(held.spec.as_ref().map(|spec| &spec.selector))),
            _ => None,
        };
        more = selector.unwrap_or_default();
    }
    let mut requirements: Vec<Requirement> =
        merged.into_iter().map(|(key, value)| Requirement::In(key, vec![value])).collect();
    requirements.append(&mut more.requirements);
    Selector { requirements }
}

/// What is counted once for all nodes.
#[derive(Clone, Debug, Default)]
pub struct State {
    constraints: Vec<Constraint>,
    /// For each constraint the Pods that count in each part of the topology.
    counts: Vec<BTreeMap<String, i64>>,
}

impl State {
    pub fn of(pod: &Pod, spec: &PodSpec, snapshot: &Snapshot<'_>) -> Self {
        let (constraints, _) = constraints(pod, spec, "DoNotSchedule", snapshot.caches);
        let mut counts = vec![BTreeMap::new(); constraints.len()];
        if constraints.is_empty() {
            return Self { constraints, counts };
        }
        for (_, node, info) in snapshot.nodes() {
            if constraints.iter().any(|constraint| constraint.place(node).is_none()) {
                continue;
            }
            for (constraint, counts) in constraints.iter().zip(&mut counts) {
                if let Some(place) = constraint.place(node).filter(|_| constraint.includes(spec, node)) {
                    let found = constraint.count(info, meta::namespace(&pod.metadata));
                    *counts.entry(place.clone()).or_insert(0) += found;
                }
            }
        }
        Self { constraints, counts }
    }
}

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo, _: &Snapshot<'_>) -> Option<Refusal> {
    let reason = "node(s) didn't match pod topology spread constraints";
    for (constraint, counts) in wanted.spread.constraints.iter().zip(&wanted.spread.counts) {
        let Some(place) = constraint.place(node) else {
            return Some(unresolvable(Plugin::PodTopologySpread, format!("{reason} (missing required label)")));
        };
        let fewest = counts.values().min().copied().filter(|_| counts.len() >= constraint.min_domains).unwrap_or(0);
        let itself = constraint.selector.as_ref().is_some_and(|s| s.matches(wanted.pod.metadata.labels.as_ref()));
        let here = counts.get(place).copied().unwrap_or(0);
        if here + i64::from(itself) - fewest > constraint.max_skew {
            return Some(resolvable(Plugin::PodTopologySpread, reason));
        }
    }
    None
}
