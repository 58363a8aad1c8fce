//! Why no node fits, as FailedScheduling words it.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/types.go (FitError) and the preemption plugin's half of the text.

use std::collections::BTreeMap;

/// Why one node was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reasons of the first plugin that refused, such as `Insufficient cpu`.
    pub reasons: Vec<String>,
    /// Whether evicting Pods could help.
    pub resolvable: bool,
}

/// The whole message: `0/2 nodes are available: 1 Insufficient cpu, ... preemption: ...`.
pub fn fit_error(refusals: &[Refusal]) -> String {
    let total = refusals.len();
    if total == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in refusals.iter().flat_map(|refusal| &refusal.reasons) {
        *counts.entry(reason).or_default() += 1;
    }
    let mut texts: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    texts.sort();
    let unhelpful = refusals.iter().filter(|refusal| !refusal.resolvable).count();
    let mut preemption = Vec::new();
    if total > unhelpful {
        preemption.push(format!("{} No preemption victims found for incoming pod", total - unhelpful));
    }
    if unhelpful > 0 {
        preemption.push(format!("{unhelpful} Preemption is not helpful for scheduling"));
    }
    preemption.sort();
    let (texts, preemption) = (texts.join(", "), preemption.join(", "));
    format!("0/{total} nodes are available: {texts}. preemption: 0/{total} nodes are available: {preemption}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_sorted() {
        let refusals = [
            Refusal { reasons: vec!["node(s) had untolerated taint(s)".to_owned()], resolvable: false },
            Refusal { reasons: vec!["Insufficient cpu".to_owned()], resolvable: true },
        ];
        assert_eq!(
            fit_error(&refusals),
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). preemption: 0/2 nodes \
             are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
        );
    }
}
