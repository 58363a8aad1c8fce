//! `nodeSelector`, required node affinity, and how much a Pod would like a node.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/nodeaffinity.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, PodSpec};

use super::{NodeInfo, Plugin, PreRefusal, Refusal, Snapshot, Wanted, unresolvable};
use crate::api::node_fit::{NODE_NAME_FIELD, matches_required, node_affinity, required_terms, term_matches};

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo, _: &Snapshot<'_>) -> Option<Refusal> {
    let reason = "node(s) didn't match Pod's node affinity/selector";
    (!matches_required(wanted.spec(), node)).then(|| unresolvable(Plugin::NodeAffinity, reason))
}

/// The sum of the weights of the Pod's preferences that the node satisfies.
pub fn preference(spec: &PodSpec, node: &Node) -> i64 {
    let affinity = node_affinity(spec);
    let terms = affinity.and_then(|affinity| affinity.preferred_during_scheduling_ignored_during_execution.as_deref());
    let satisfied = terms.unwrap_or_default().iter().filter(|term| term_matches(&term.preference, node));
    satisfied.map(|term| i64::from(term.weight)).sum()
}

/// The nodes that the required affinity names in each of its terms; `None` when one of them names none.
///
/// # Errors
/// The terms name nodes that contradict one another.
pub fn named_nodes(spec: &PodSpec) -> Result<Option<BTreeSet<String>>, PreRefusal> {
    let terms = required_terms(spec).unwrap_or_default();
    if terms.is_empty() {
        return Ok(None);
    }
    let mut named = BTreeSet::new();
    for term in terms {
        let fields = term.match_fields.iter().flatten();
        let fields = fields.filter(|field| field.key == NODE_NAME_FIELD && field.operator == "In");
        let values =
            |field: &NodeSelectorRequirement| -> BTreeSet<String> { field.values.iter().flatten().cloned().collect() };
        let Some(of_term) = fields.map(values).reduce(|one, two| &one & &two) else { return Ok(None) };
        named.extend(of_term);
    }
    if named.is_empty() {
        return Err(PreRefusal { plugin: Plugin::NodeAffinity, message: "pod affinity terms conflict".to_owned() });
    }
    Ok(Some(named))
}
