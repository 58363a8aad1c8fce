//! Required rules about neighbours: near some Pods, far from others, and what Pods that run already ask of newcomers.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/interpodaffinity/filtering.go.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};

use super::{NodeInfo, Plugin, Refusal, Snapshot, Wanted, resolvable, unresolvable};
use crate::apimachinery::meta;
use crate::scheduler::node_info::affinity_of;
use crate::scheduler::terms::{Rules, Term, matches_all};

/// How many Pods that matter are in a part of the topology: by the label's key and value.
type Counts = BTreeMap<(String, String), usize>;

/// What is counted once for all nodes.
#[derive(Clone, Debug, Default)]
pub struct State {
    rules: Rules,
    near: Counts,
    far: Counts,
    /// Pods that want to be far from this one.
    existing: Counts,
}

impl State {
    pub fn of(pod: &Arc<Pod>, snapshot: &Snapshot<'_>) -> Self {
        let mut state = State { rules: Rules::of(pod).resolve(snapshot.caches), ..State::default() };
        let labels = snapshot.namespace_labels(meta::namespace(&pod.metadata));
        for (_, node, info) in snapshot.nodes() {
            for held in info.pods_with_affinity().filter(|held| has_anti_affinity(held)) {
                for term in Rules::of(held).far.iter().filter(|term| term.matches(pod, labels.as_ref())) {
                    count(&mut state.existing, term, node);
                }
            }
            if state.rules.near.is_empty() && state.rules.far.is_empty() {
                continue;
            }
            for held in info.pods() {
                if matches_all(&state.rules.near, held) {
                    state.rules.near.iter().for_each(|term| count(&mut state.near, term, node));
                }
                for term in state.rules.far.iter().filter(|term| term.matches(held, None)) {
                    count(&mut state.far, term, node);
                }
            }
        }
        state
    }
}

fn has_anti_affinity(pod: &Pod) -> bool {
    affinity_of(pod).is_some_and(|affinity| affinity.pod_anti_affinity.is_some())
}

fn count(counts: &mut Counts, term: &Term, node: &Node) {
    if let Some(place) = term.place(node) {
        *counts.entry((term.topology_key.clone(), place.clone())).or_insert(0) += 1;
    }
}

fn has(counts: &Counts, term: &Term, node: &Node) -> bool {
    term.place(node).is_some_and(|place| counts.contains_key(&(term.topology_key.clone(), place.clone())))
}

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo, _: &Snapshot<'_>) -> Option<Refusal> {
    let state = &wanted.neighbours;
    if !is_near(state, &wanted.pod, node) {
        return Some(unresolvable(Plugin::InterPodAffinity, "node(s) didn't match pod affinity rules"));
    }
    if state.rules.far.iter().any(|term| has(&state.far, term, node)) {
        return Some(resolvable(Plugin::InterPodAffinity, "node(s) didn't match pod anti-affinity rules"));
    }
    let mut labels = node.metadata.labels.iter().flatten();
    let refused = !state.existing.is_empty()
        && labels.any(|(key, value)| state.existing.contains_key(&(key.clone(), value.clone())));
    let reason = "node(s) didn't satisfy existing pods anti-affinity rules";
    refused.then(|| resolvable(Plugin::InterPodAffinity, reason))
}

fn is_near(state: &State, pod: &Pod, node: &Node) -> bool {
    let terms = &state.rules.near;
    if terms.iter().any(|term| term.place(node).is_none()) {
        return false;
    }
    // The first of a series of Pods that want to be near one another has nobody to be near to.
    terms.iter().all(|term| has(&state.near, term, node)) || (state.near.is_empty() && matches_all(terms, pod))
}
