//! Room: nodes with more of it are better, and those that the Pod makes more evenly used.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/noderesources/{least_allocated,balanced_allocation}.go.

use super::{Candidate, MAX, Snapshot, Wanted};

/// What would be left of CPU and memory, as a part of all. Containers without requests count with a default.
pub fn least_allocated(wanted: &Wanted, nodes: &[Candidate<'_>], _: &Snapshot<'_>) -> Vec<i64> {
    let score = |(_, _, info): &Candidate<'_>| {
        let used = info.scored();
        let shares = [
            (used.0 + wanted.scored.0, info.allocatable("cpu")),
            (used.1 + wanted.scored.1, info.allocatable("memory")),
        ];
        let known = shares.iter().filter(|(_, all)| *all != 0);
        let (mut sum, mut count) = (0, 0);
        for (used, all) in known {
            sum += if used > all { 0 } else { (all - used) * MAX / all };
            count += 1;
        }
        if count == 0 { 0 } else { sum / count }
    };
    nodes.iter().map(score).collect()
}

/// How much more evenly CPU and memory would be used than they are. A Pod without requests has no say.
pub fn balanced_allocation(wanted: &Wanted, nodes: &[Candidate<'_>], _: &Snapshot<'_>) -> Vec<i64> {
    let asked = |name: &str| wanted.requests.get(name).copied().unwrap_or(0);
    if asked("cpu") == 0 && asked("memory") == 0 {
        return vec![0; nodes.len()];
    }
    let score = |(_, _, info): &Candidate<'_>| {
        let shares = |with: bool| -> Vec<f64> {
            let known = ["cpu", "memory"].into_iter().filter(|name| info.allocatable(name) != 0);
            known
                .map(|name| {
                    let used = info.requested(name) + if with { asked(name) } else { 0 };
                    (used as f64 / info.allocatable(name) as f64).min(1.0)
                })
                .collect()
        };
        MAX / 2 + (MAX / 2 + evenness(&shares(true)) - evenness(&shares(false))) / 2
    };
    nodes.iter().map(score).collect()
}

/// 100 less the standard deviation of the shares, which for two of them is half their distance.
fn evenness(shares: &[f64]) -> i64 {
    let deviation = match shares {
        [one, two] => ((one - two) / 2.0).abs(),
        _ => 0.0,
    };
    ((1.0 - deviation) * MAX as f64) as i64
}
