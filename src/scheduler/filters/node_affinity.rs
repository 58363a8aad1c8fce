//! `nodeSelector` and required node affinity.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/nodeaffinity.

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm};

use super::{NodeInfo, Refusal, Wanted, unresolvable};
use crate::apimachinery::labels::{Labels, Requirement, Selector};
use crate::apimachinery::meta;

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo) -> Option<Refusal> {
    let labels = node.metadata.labels.clone().unwrap_or_default();
    let selected = wanted.spec.node_selector.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let required = wanted
        .spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    let matched = required.is_none_or(|required| {
        required.node_selector_terms.iter().any(|term| term_matches(term, &labels, meta::name(&node.metadata)))
    });
    (!selected || !matched).then(|| unresolvable("node(s) didn't match Pod's node affinity/selector"))
}

/// Whether a term, which must not be empty, matches the node.
fn term_matches(term: &NodeSelectorTerm, labels: &Labels, name: &str) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    let names = Labels::from([("metadata.name".to_owned(), name.to_owned())]);
    matches_all(expressions, labels) && matches_all(fields, &names)
}

fn matches_all(requirements: &[NodeSelectorRequirement], labels: &Labels) -> bool {
    let parsed: Option<Vec<Requirement>> = requirements.iter().map(requirement).collect();
    parsed.is_some_and(|requirements| Selector { requirements }.matches(Some(labels)))
}

fn requirement(given: &NodeSelectorRequirement) -> Option<Requirement> {
    let (key, values) = (given.key.clone(), given.values.clone().unwrap_or_default());
    let number = || values.first().and_then(|value| value.parse().ok());
    Some(match given.operator.as_str() {
        "In" => Requirement::In(key, values),
        "NotIn" => Requirement::NotIn(key, values),
        "Exists" => Requirement::Exists(key),
        "DoesNotExist" => Requirement::DoesNotExist(key),
        "Gt" => Requirement::GreaterThan(key, number()?),
        "Lt" => Requirement::LessThan(key, number()?),
        _ => return None,
    })
}
