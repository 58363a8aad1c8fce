//! Which of the fitting nodes is best: the one with most room, used evenly, without taints that ask to stay away.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/noderesources (LeastAllocated, BalancedAllocation) and
//! tainttoleration.

use std::sync::Arc;

use super::filters::{self, Wanted};
use super::node_info::NodeInfo;

/// Scores run from 0 to this.
const MAX: i64 = 100;
/// The weight of untolerated `PreferNoSchedule` taints among the other scores.
const TAINT_WEIGHT: i64 = 3;

/// The names of the nodes with the best score.
pub fn best<'a>(wanted: &Wanted, nodes: impl Iterator<Item = (&'a Arc<str>, &'a NodeInfo)>) -> Vec<Arc<str>> {
    let nodes: Vec<_> = nodes.collect();
    let taints: Vec<usize> = nodes
        .iter()
        .map(|(_, info)| info.node().map_or(0, |node| filters::not_preferred_count(wanted, node)))
        .collect();
    let most = taints.iter().copied().max().unwrap_or(0).max(1) as i64;
    let scores: Vec<i64> = nodes
        .iter()
        .zip(&taints)
        .map(|((_, info), taints)| {
            TAINT_WEIGHT * (MAX - MAX * *taints as i64 / most) + least_allocated(wanted, info) + balanced(wanted, info)
        })
        .collect();
    let top = scores.iter().copied().max();
    nodes.iter().zip(&scores).filter(|(_, score)| Some(**score) == top).map(|((name, _), _)| Arc::clone(name)).collect()
}

/// Millicores and bytes: what would be used of what there is.
fn shares(wanted: &Wanted, info: &NodeInfo) -> [(i64, i64); 2] {
    let used = info.scored();
    [(used.0 + wanted.scored.0, info.allocatable("cpu")), (used.1 + wanted.scored.1, info.allocatable("memory"))]
}

fn least_allocated(wanted: &Wanted, info: &NodeInfo) -> i64 {
    let free = |(used, all): (i64, i64)| if all <= 0 || used > all { 0 } else { (all - used) * MAX / all };
    shares(wanted, info).into_iter().map(free).sum::<i64>() / 2
}

fn balanced(wanted: &Wanted, info: &NodeInfo) -> i64 {
    // In parts of a million, to stay with whole numbers.
    let share = |(used, all): (i64, i64)| if all <= 0 { 0 } else { (used * 1_000_000 / all).min(1_000_000) };
    let [cpu, memory] = shares(wanted, info).map(share);
    // The standard deviation of two shares is half their distance.
    MAX - (cpu - memory).abs() / 2 * MAX / 1_000_000
}
