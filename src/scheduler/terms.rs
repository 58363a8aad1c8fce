//! A rule about neighbours, parsed: which Pods, of which namespaces, within which topology.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kube-scheduler/framework/types.go (AffinityTerm).

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Node, Pod, PodAffinityTerm, WeightedPodAffinityTerm};

use super::node_info::affinity_of;
use crate::apimachinery::labels::{Labels, Selector};
use crate::apimachinery::meta;
use crate::client::Caches;

/// See the module.
#[derive(Clone, Debug)]
pub struct Term {
    /// The label of a node that names its part of the topology.
    pub topology_key: String,
    /// How much it counts as a preference; 0 for a requirement.
    pub weight: i64,
    namespaces: BTreeSet<String>,
    /// `None` selects no namespace.
    namespace_selector: Option<Selector>,
    /// `None` selects no Pod.
    selector: Option<Selector>,
}

impl Term {
    fn of(pod: &Pod, term: &PodAffinityTerm, weight: i64) -> Self {
        let named = term.namespaces.clone().unwrap_or_default();
        let own = named.is_empty() && term.namespace_selector.is_none();
        let namespaces = if own { vec![meta::namespace(&pod.metadata).to_owned()] } else { named };
        Self {
            topology_key: term.topology_key.clone(),
            weight,
            namespaces: namespaces.into_iter().collect(),
            namespace_selector: Selector::from_label_selector(term.namespace_selector.as_ref()),
            selector: Selector::from_label_selector(term.label_selector.as_ref()),
        }
    }

    /// Resolves the selector of namespaces to names, for the Pod that is to be placed.
    pub fn resolve(mut self, caches: &Caches) -> Self {
        if let Some(selector) = self.namespace_selector.take_if(|selector| !selector.requirements.is_empty()) {
            let all = caches.list::<Namespace>().filter(|held| selector.matches(held.metadata.labels.as_ref()));
            self.namespaces.extend(all.map(|held| meta::name(&held.metadata).to_owned()));
        }
        self
    }

    /// Whether the Pod is one that the rule means; `labels` are those of its namespace.
    pub fn matches(&self, pod: &Pod, labels: Option<&Labels>) -> bool {
        let named = self.namespaces.contains(meta::namespace(&pod.metadata));
        (named || self.namespace_selector.as_ref().is_some_and(|selector| selector.matches(labels)))
            && self.selector.as_ref().is_some_and(|selector| selector.matches(pod.metadata.labels.as_ref()))
    }

    /// The part of the topology that a node is in.
    pub fn place<'a>(&self, node: &'a Node) -> Option<&'a String> {
        node.metadata.labels.as_ref()?.get(&self.topology_key)
    }
}

/// A Pod's rules about neighbours.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Must be near these.
    pub near: Vec<Term>,
    /// Must be far from these.
    pub far: Vec<Term>,
    /// Would like to be near these, or with a negative weight far from them.
    pub preferred: Vec<Term>,
}

impl Rules {
    /// The rules of a Pod.
    pub fn of(pod: &Arc<Pod>) -> Self {
        let Some(affinity) = affinity_of(pod) else { return Self::default() };
        let required = |terms: Option<&Vec<PodAffinityTerm>>| -> Vec<Term> {
            terms.into_iter().flatten().map(|term| Term::of(pod, term, 0)).collect()
        };
        let preferred = |terms: Option<&Vec<WeightedPodAffinityTerm>>, sign: i64| -> Vec<Term> {
            let terms = terms.into_iter().flatten().filter(|term| term.weight != 0);
            terms.map(|term| Term::of(pod, &term.pod_affinity_term, sign * i64::from(term.weight))).collect()
        };
        let mut rules = Self::default();
        if let Some(near) = &affinity.pod_affinity {
            rules.near = required(near.required_during_scheduling_ignored_during_execution.as_ref());
            rules.preferred = preferred(near.preferred_during_scheduling_ignored_during_execution.as_ref(), 1);
        }
        if let Some(far) = &affinity.pod_anti_affinity {
            rules.far = required(far.required_during_scheduling_ignored_during_execution.as_ref());
            rules.preferred.extend(preferred(far.preferred_during_scheduling_ignored_during_execution.as_ref(), -1));
        }
        rules
    }

    /// The same with the selectors of namespaces resolved.
    pub fn resolve(self, caches: &Caches) -> Self {
        let all = |terms: Vec<Term>| terms.into_iter().map(|term| term.resolve(caches)).collect();
        Self { near: all(self.near), far: all(self.far), preferred: all(self.preferred) }
    }
}

/// Whether there are terms and the Pod is meant by all of them.
pub fn matches_all(terms: &[Term], pod: &Pod) -> bool {
    !terms.is_empty() && terms.iter().all(|term| term.matches(pod, None))
}
