//! Why no node fits, as FailedScheduling words it.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/types.go (FitError).

use std::collections::BTreeMap;

/// Who refused: the names are upstream's plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plugin {
    /// A cordoned node.
    NodeUnschedulable,
    /// `spec.nodeName`.
    NodeName,
    /// Taints.
    TaintToleration,
    /// Node selector and node affinity.
    NodeAffinity,
    /// Host ports.
    NodePorts,
    /// Requests.
    NodeResourcesFit,
    /// Claims that must be there.
    VolumeRestrictions,
    /// Claims and their volumes.
    VolumeBinding,
    /// Topology spread constraints.
    PodTopologySpread,
    /// Rules about neighbours.
    InterPodAffinity,
}

/// Why one node was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Who refused.
    pub plugin: Plugin,
    /// Its reasons, such as `Insufficient cpu`.
    pub reasons: Vec<String>,
    /// Whether evicting Pods could help.
    pub resolvable: bool,
}

/// Why the Pod fits nowhere whatever the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreRefusal {
    /// Who refused.
    pub plugin: Plugin,
    /// Why.
    pub message: String,
}

/// `0/2 nodes are available: 1 Insufficient cpu, ...`: each reason with the number of nodes that it holds for, and at
/// the end, after a full stop, what came of the attempt to make room. Of `total` nodes those without reasons of their
/// own have `others`.
pub fn fit_error<'a>(
    total: usize,
    reasons: impl IntoIterator<Item = &'a [String]>,
    others: Option<&str>,
    after: &str,
) -> String {
    let (mut counts, mut told): (BTreeMap<&str, usize>, usize) = (BTreeMap::new(), 0);
    for of_node in reasons {
        told += 1;
        for reason in of_node {
            *counts.entry(reason).or_default() += 1;
        }
    }
    if let Some(reason) = others.filter(|_| told < total) {
        *counts.entry(reason).or_default() += total - told;
    }
    let mut texts: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    texts.sort();
    let listed = if texts.is_empty() { String::new() } else { format!(" {}.", texts.join(", ")) };
    let after = if after.is_empty() { String::new() } else { format!(" {after}") };
    format!("0/{total} nodes are available:{listed}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_sorted() {
        let taint = ["node(s) had untolerated taint(s)".to_owned()];
        let cpu = ["Insufficient cpu".to_owned(), "Insufficient memory".to_owned()];
        assert_eq!(
            fit_error(4, [&taint[..], &cpu, &cpu], Some("other"), "after"),
            "0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 other, 2 Insufficient cpu, \
             2 Insufficient memory. after"
        );
    }
}
