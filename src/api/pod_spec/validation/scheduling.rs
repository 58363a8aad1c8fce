//! Affinity, tolerations, spreading and gates.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`validateAffinity`, `ValidateTolerations`,
//! `validateTopologySpreadConstraints`, `validateSchedulingGates`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, PodSchedulingGate, Toleration,
    TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::api::validate::{self, Errors, supported};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// `validateAffinity`
pub fn affinity(errors: &mut Errors, path: &Path, affinity: &Affinity) {
    if let Some(node) = &affinity.node_affinity {
        let path = path.child("nodeAffinity");
        if let Some(required) = &node.required_during_scheduling_ignored_during_execution {
            node_selector(errors, &path.child(REQUIRED), required);
        }
        let preferred = node.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        for (index, given) in preferred.enumerate() {
            let path = path.child(PREFERRED).index(index);
            weight(errors, &path, given.weight);
            // A wish for a value that no label can have is only never fulfilled.
            term(errors, &path.child("preference"), &given.preference, false);
        }
    }
    let pod = affinity.pod_affinity.as_ref().map(|given| {
        (
            "podAffinity",
            &given.required_during_scheduling_ignored_during_execution,
            &given.preferred_during_scheduling_ignored_during_execution,
        )
    });
    let anti = affinity.pod_anti_affinity.as_ref().map(|given| {
        (
            "podAntiAffinity",
            &given.required_during_scheduling_ignored_during_execution,
            &given.preferred_during_scheduling_ignored_during_execution,
        )
    });
    for (field, required, preferred) in [pod, anti].into_iter().flatten() {
        let path = path.child(field);
        for (index, given) in required.iter().flatten().enumerate() {
            pod_term(errors, &path.child(REQUIRED).index(index), given);
        }
        for (index, given) in preferred.iter().flatten().enumerate() {
            let path = path.child(PREFERRED).index(index);
            weight(errors, &path, given.weight);
            pod_term(errors, &path.child("podAffinityTerm"), &given.pod_affinity_term);
        }
    }
}

/// `ValidateNodeSelector`
pub fn node_selector(errors: &mut Errors, path: &Path, selector: &NodeSelector) {
    let path = path.child("nodeSelectorTerms");
    if selector.node_selector_terms.is_empty() {
        errors.push(Error::required(&path, "must have at least one node selector term"));
    }
    for (index, given) in selector.node_selector_terms.iter().enumerate() {
        term(errors, &path.index(index), given, true);
    }
}

fn weight(errors: &mut Errors, path: &Path, weight: i32) {
    if !(1..=100).contains(&weight) {
        errors.push(Error::invalid(&path.child("weight"), weight, "must be in the range 1-100"));
    }
}

fn pod_term(errors: &mut Errors, path: &Path, term: &PodAffinityTerm) {
    for (field, selector) in [("labelSelector", &term.label_selector), ("namespaceSelector", &term.namespace_selector)]
    {
        if let Some(selector) = selector {
            validate::selector(errors, &path.child(field), selector);
        }
    }
    for name in term.namespaces.iter().flatten() {
        validate::each(errors, &path.child("namespace"), name, content::dns1123_label(name));
    }
    let selector = term.label_selector.as_ref();
    label_keys(errors, path, term.match_label_keys.as_deref(), term.mismatch_label_keys.as_deref(), selector);
    if term.topology_key.is_empty() {
        errors.push(Error::required(&path.child("topologyKey"), "can not be empty"));
    }
    let key = term.topology_key.as_str();
    validate::each(errors, &path.child("topologyKey"), key, content::label_key(key));
}

/// `ValidateMatchLabelKeysAndMismatchLabelKeys`
fn label_keys(
    errors: &mut Errors,
    path: &Path,
    matching: Option<&[String]>,
    differing: Option<&[String]>,
    selector: Option<&LabelSelector>,
) {
    let (matching, differing) = (matching.unwrap_or_default(), differing.unwrap_or_default());
    for (field, keys) in [("matchLabelKeys", matching), ("mismatchLabelKeys", differing)] {
        let path = path.child(field);
        if selector.is_none() && !keys.is_empty() {
            errors.push(Error::forbidden(&path, "must not be specified when labelSelector is not set"));
            continue;
        }
        for (index, key) in keys.iter().enumerate() {
            validate::each(errors, &path.index(index), key, content::label_key(key));
        }
    }
    let mut taken: BTreeSet<&str> =
        selector.iter().flat_map(|given| given.match_labels.iter().flatten()).map(|(key, _)| key.as_str()).collect();
    for expression in selector.iter().flat_map(|given| given.match_expressions.iter().flatten()) {
        let found = matching.iter().position(|key| *key == expression.key);
        if let Some(index) = found.filter(|_| taken.contains(expression.key.as_str())) {
            let why = "exists in both matchLabelKeys and labelSelector";
            errors.push(Error::invalid(&path.index(index), &expression.key, why));
        }
        taken.insert(&expression.key);
    }
    for (index, key) in matching.iter().enumerate().filter(|(_, key)| differing.contains(key)) {
        let why = "exists in both matchLabelKeys and mismatchLabelKeys";
        errors.push(Error::invalid(&path.child("matchLabelKeys").index(index), key, why));
    }
}

/// `ValidateNodeSelectorTerm`; `required` terms name values that labels can have.
fn term(errors: &mut Errors, path: &Path, term: &NodeSelectorTerm, required: bool) {
    for (index, given) in term.match_expressions.iter().flatten().enumerate() {
        requirement(errors, &path.child("matchExpressions").index(index), given, required);
    }
    for (index, given) in term.match_fields.iter().flatten().enumerate() {
        let path = path.child("matchFields").index(index);
        let values = given.values.as_deref().unwrap_or_default();
        match given.operator.as_str() {
            "In" | "NotIn" if values.len() == 1 => {}
            "In" | "NotIn" => {
                let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                errors.push(Error::required(&path.child("values"), why));
            }
            other => {
                errors.push(Error::invalid(&path.child("operator"), other, "not a valid selector operator"));
            }
        }
        if given.key != "metadata.name" {
            errors.push(Error::invalid(&path.child("key"), &given.key, "not a valid field selector key"));
            continue;
        }
        for (at, value) in values.iter().enumerate() {
            validate::each(errors, &path.child("values").index(at), value, content::dns1123_subdomain(value));
        }
    }
}

fn requirement(errors: &mut Errors, path: &Path, given: &NodeSelectorRequirement, required: bool) {
    let values = given.values.as_deref().unwrap_or_default();
    let at = path.child("values");
    match given.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            errors.push(Error::required(&at, "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            errors.push(Error::forbidden(&at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
        }
        "Gt" | "Lt" if values.len() != 1 => {
            errors.push(Error::required(&at, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => errors.push(Error::invalid(&path.child("operator"), other, "not a valid selector operator")),
    }
    validate::each(errors, &path.child("key"), &given.key, content::label_key(&given.key));
    for (index, value) in values.iter().enumerate().filter(|_| required) {
        validate::each(errors, &at.index(index), value, content::label_value(value));
    }
}

/// `ValidateTolerations`
pub fn tolerations(errors: &mut Errors, path: &Path, tolerations: &[Toleration]) {
    for (index, given) in tolerations.iter().enumerate() {
        let path = path.index(index);
        let (key, value) = (given.key.as_deref().unwrap_or_default(), given.value.as_deref().unwrap_or_default());
        let effect = given.effect.as_deref().unwrap_or_default();
        let operator = given.operator.as_deref().unwrap_or_default();
        if !key.is_empty() {
            validate::each(errors, &path.child("key"), key, content::label_key(key));
        }
        if key.is_empty() && operator != "Exists" {
            let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(Error::invalid(&path.child("operator"), operator, why));
        }
        if given.toleration_seconds.is_some() && effect != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(Error::invalid(&path.child("effect"), effect, why));
        }
        match operator {
            "" | "Equal" => {
                let wrong = content::label_value(value);
                if !wrong.is_empty() {
                    errors.push(Error::invalid(&path.child("operator"), value, wrong.join(";")));
                }
            }
            "Exists" if !value.is_empty() => {
                let why = "value must be empty when `operator` is 'Exists'";
                errors.push(Error::invalid(&path.child("operator"), value, why));
            }
            "Exists" => {}
            "Lt" | "Gt" => {
                let known = &["Equal", "Exists", "Lt", "Gt"];
                errors.push(Error::not_supported(&path.child("operator"), operator, known));
            }
            other => errors.push(Error::not_supported(&path.child("operator"), other, &["Equal", "Exists"])),
        }
        let effects = &["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if !effect.is_empty() && !effects.contains(&effect) {
            errors.push(Error::not_supported(&path.child("effect"), effect, effects));
        }
    }
}

/// `validateTopologySpreadConstraints`
pub fn spread(errors: &mut Errors, path: &Path, constraints: &[TopologySpreadConstraint]) {
    for (index, given) in constraints.iter().enumerate() {
        let path = path.index(index);
        validate::positive(errors, &path.child("maxSkew"), given.max_skew);
        if given.topology_key.is_empty() {
            errors.push(Error::required(&path.child("topologyKey"), "can not be empty"));
        }
        let known = &["DoNotSchedule", "ScheduleAnyway"];
        supported(errors, &path.child("whenUnsatisfiable"), Some(&given.when_unsatisfiable), known);
        let pair = |one: &TopologySpreadConstraint| (one.topology_key.clone(), one.when_unsatisfiable.clone());
        if constraints.iter().skip(index + 1).any(|other| pair(other) == pair(given)) {
            let shown = format!("{{{}, {}}}", given.topology_key, given.when_unsatisfiable);
            errors.push(Error::duplicate(&path.child("{topologyKey, whenUnsatisfiable}"), shown));
        }
        if let Some(domains) = given.min_domains {
            let path = path.child("minDomains");
            validate::positive(errors, &path, domains);
            if given.when_unsatisfiable != "DoNotSchedule" {
                let why = format!(
                    "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}",
                    given.when_unsatisfiable
                );
                errors.push(Error::invalid(&path, domains, why));
            }
        }
        for (field, policy) in
            [("nodeAffinityPolicy", &given.node_affinity_policy), ("nodeTaintsPolicy", &given.node_taints_policy)]
        {
            supported(errors, &path.child(field), policy.as_deref(), &["Honor", "Ignore"]);
        }
        let selector = given.label_selector.as_ref();
        label_keys(errors, &path, given.match_label_keys.as_deref(), None, selector);
        if let Some(selector) = selector {
            validate::selector(errors, &path.child("labelSelector"), selector);
        }
    }
}

/// `validateSchedulingGates`
pub fn gates(errors: &mut Errors, path: &Path, gates: &[PodSchedulingGate]) {
    let mut seen = BTreeSet::new();
    for (index, gate) in gates.iter().enumerate() {
        validate::each(errors, &path.index(index), &gate.name, content::label_key(&gate.name));
        if !seen.insert(&gate.name) {
            errors.push(Error::duplicate(&path.index(index), &gate.name));
        }
    }
}
