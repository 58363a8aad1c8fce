//! Which of the fitting nodes is best. `SCORES` is the one list, with upstream's default weights.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/runtime/framework.go (RunScorePlugins).

mod image_locality;
mod node_resources;
mod pod_affinity;
mod topology_spread;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;

use super::filters::{self, Wanted};
use super::node_info::NodeInfo;
use super::snapshot::Snapshot;

/// Scores run from 0 to this.
const MAX: i64 = 100;

/// A node that fits.
pub type Candidate<'a> = (&'a str, &'a Arc<Node>, &'a NodeInfo);

type Score = for<'a> fn(&Wanted, &[Candidate<'a>], &Snapshot<'_>) -> Vec<i64>;

/// Each with its weight.
static SCORES: &[(i64, Score)] = &[
    (3, taint_toleration),
    (2, node_affinity),
    (1, node_resources::least_allocated),
    (2, topology_spread::score),
    (2, pod_affinity::score),
    (1, node_resources::balanced_allocation),
    (1, image_locality::score),
];

/// The names of the nodes with the best score.
pub fn best<'a>(wanted: &Wanted, nodes: &[Candidate<'a>], snapshot: &Snapshot<'_>) -> Vec<&'a str> {
    let mut sums = vec![0; nodes.len()];
    for (weight, score) in SCORES {
        for (sum, score) in sums.iter_mut().zip(score(wanted, nodes, snapshot)) {
            *sum += weight * score;
        }
    }
    let top = sums.iter().copied().max();
    nodes.iter().zip(&sums).filter(|(_, sum)| Some(**sum) == top).map(|((name, ..), _)| *name).collect()
}

fn taint_toleration(wanted: &Wanted, nodes: &[Candidate<'_>], _: &Snapshot<'_>) -> Vec<i64> {
    let counts = nodes.iter().map(|(_, node, _)| filters::not_preferred_count(wanted, node)).collect();
    normalize(counts, true)
}

fn node_affinity(wanted: &Wanted, nodes: &[Candidate<'_>], _: &Snapshot<'_>) -> Vec<i64> {
    normalize(nodes.iter().map(|(_, node, _)| filters::preference(wanted.spec(), node)).collect(), false)
}

/// Stretches scores so that the highest becomes [`MAX`]; `reverse` makes the highest the worst.
fn normalize(mut scores: Vec<i64>, reverse: bool) -> Vec<i64> {
    let highest = scores.iter().copied().max().unwrap_or(0);
    for score in &mut scores {
        *score = if highest == 0 { 0 } else { MAX * *score / highest };
        if reverse {
            *score = MAX - *score;
        }
    }
    scores
}
