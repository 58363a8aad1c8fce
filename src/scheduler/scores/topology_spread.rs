//! Constraints that are only wishes: nodes in parts of the topology with fewer of the Pods are better.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/podtopologyspread/scoring.go.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;

use super::{Candidate, MAX, Snapshot, Wanted};
use crate::apimachinery::meta;
use crate::scheduler::filters::{Constraint, constraints};

/// Parts of this topology are single nodes.
const HOSTNAME: &str = "kubernetes.io/hostname";

pub fn score(wanted: &Wanted, nodes: &[Candidate<'_>], snapshot: &Snapshot<'_>) -> Vec<i64> {
    let (constraints, own) = constraints(&wanted.pod, wanted.spec(), "ScheduleAnyway", snapshot.caches);
    if constraints.is_empty() {
        return vec![0; nodes.len()];
    }
    let has_all = |node: &Node| constraints.iter().all(|constraint| constraint.place(node).is_some());
    // The scheduler's own constraints do not ask that a node has a zone.
    let ignored: Vec<bool> = nodes.iter().map(|(_, node, _)| own && !has_all(node)).collect();
    let counts: Vec<BTreeMap<String, i64>> =
        constraints.iter().map(|constraint| count(wanted, constraint, nodes, &ignored, snapshot, own)).collect();
    let complete = ignored.iter().filter(|ignored| !**ignored).count();
    let score = |((_, node, info), ignored): (&Candidate<'_>, &bool)| -> Option<i64> {
        let mut sum = 0.0;
        for (constraint, counts) in constraints.iter().zip(&counts) {
            let Some(place) = constraint.place(node) else { continue };
            let (found, parts) = if constraint.key == HOSTNAME {
                (constraint.count(info, meta::namespace(&wanted.pod.metadata)), complete)
            } else {
                (counts.get(place).copied().unwrap_or(0), counts.len())
            };
            sum += found as f64 * ((parts + 2) as f64).ln() + (constraint.max_skew - 1) as f64;
        }
        (!*ignored).then_some(sum.round() as i64)
    };
    let scores: Vec<Option<i64>> = nodes.iter().zip(&ignored).map(score).collect();
    let known = || scores.iter().flatten().copied();
    let (least, most) = (known().min().unwrap_or(0), known().max().unwrap_or(0));
    let normal = |score: i64| if most == 0 { MAX } else { MAX * (most + least - score) / most };
    scores.into_iter().map(|score| score.map_or(0, normal)).collect()
}

/// The Pods in each part of the topology that a candidate is in; for single nodes they are counted node by node.
fn count(
    wanted: &Wanted,
    constraint: &Constraint,
    nodes: &[Candidate<'_>],
    ignored: &[bool],
    snapshot: &Snapshot<'_>,
    own: bool,
) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    if constraint.key == HOSTNAME {
        return counts;
    }
    for ((_, node, _), _) in nodes.iter().zip(ignored).filter(|(_, ignored)| !**ignored) {
        // Nodes without the label are one part of their own for the scheduler's constraints.
        counts.insert(constraint.place(node).cloned().unwrap_or_default(), 0);
    }
    for (_, node, info) in snapshot.nodes().filter(|(_, node, _)| constraint.includes(wanted.spec(), node)) {
        if own && constraint.place(node).is_none() {
            continue;
        }
        let place = constraint.place(node).map(String::as_str).unwrap_or_default();
        if let Some(sum) = counts.get_mut(place) {
            *sum += constraint.count(info, meta::namespace(&wanted.pod.metadata));
        }
    }
    counts
}
