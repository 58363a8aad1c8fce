//! Wishes about neighbours: the Pod's own, and those of the Pods that run already.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/interpodaffinity/scoring.go.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};

use super::{Candidate, MAX, NodeInfo, Snapshot, Wanted};
use crate::apimachinery::labels::Labels;
use crate::apimachinery::meta;
use crate::scheduler::terms::{Rules, Term};

/// How much a requirement of a running Pod counts as a wish about newcomers.
const HARD_WEIGHT: i64 = 1;

/// The weights in each part of the topology, by the label's key and value.
type Weights = BTreeMap<(String, String), i64>;

pub fn score(wanted: &Wanted, nodes: &[Candidate<'_>], snapshot: &Snapshot<'_>) -> Vec<i64> {
    let weights = weights(&wanted.pod, snapshot);
    let score = |(_, node, _): &Candidate<'_>| {
        let labels = node.metadata.labels.iter().flatten();
        labels.filter_map(|(key, value)| weights.get(&(key.clone(), value.clone()))).sum::<i64>()
    };
    if weights.is_empty() {
        return vec![0; nodes.len()];
    }
    let scores: Vec<i64> = nodes.iter().map(score).collect();
    let (least, most) = (scores.iter().copied().min().unwrap_or(0), scores.iter().copied().max().unwrap_or(0));
    if least == most {
        return vec![0; nodes.len()];
    }
    let part = |score: i64| (MAX as f64 * ((score - least) as f64 / (most - least) as f64)) as i64;
    scores.into_iter().map(part).collect()
}

fn weights(pod: &Arc<Pod>, snapshot: &Snapshot<'_>) -> Weights {
    let mut weights = Weights::new();
    let own = Rules::of(pod).resolve(snapshot.caches).preferred;
    let labels = snapshot.namespace_labels(meta::namespace(&pod.metadata));
    for (_, node, info) in snapshot.nodes() {
        if !own.is_empty() {
            for held in info.pods() {
                own.iter()
                    .filter(|term| term.matches(held, None))
                    .for_each(|term| add(&mut weights, term, node, term.weight));
            }
        }
        of_existing(&mut weights, pod, labels.as_ref(), node, info);
    }
    weights
}

fn of_existing(weights: &mut Weights, pod: &Pod, labels: Option<&Labels>, node: &Node, info: &NodeInfo) {
    for rules in info.pods_with_affinity().map(Rules::of) {
        for term in rules.near.iter().filter(|term| term.matches(pod, labels)) {
            add(weights, term, node, HARD_WEIGHT);
        }
        for term in rules.preferred.iter().filter(|term| term.matches(pod, labels)) {
            add(weights, term, node, term.weight);
        }
    }
}

fn add(weights: &mut Weights, term: &Term, node: &Node, weight: i64) {
    if let Some(place) = term.place(node) {
        *weights.entry((term.topology_key.clone(), place.clone())).or_insert(0) += weight;
    }
}
