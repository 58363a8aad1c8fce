//! Affinity, tolerations, spreading and gates.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, PodSchedulingGate, Toleration,
    TopologySpreadConstraint,
};

use super::choice;
use crate::api::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// `validateAffinity`
pub fn affinity(errors: &mut Errors, path: &Path, affinity: &Affinity) {
    if let Some(node) = &affinity.node_affinity {
        let path = path.child("nodeAffinity");
        if let Some(required) = &node.required_during_scheduling_ignored_during_execution {
            let path = path.child(REQUIRED).child("nodeSelectorTerms");
            if required.node_selector_terms.is_empty() {
                errors.push(Error::required(&path, "must have at least one node selector term"));
            }
            for (index, given) in required.node_selector_terms.iter().enumerate() {
                term(errors, &path.index(index), given);
            }
        }
        let preferred = node.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        for (index, given) in preferred.enumerate() {
            let path = path.child(PREFERRED).index(index);
            weight(errors, &path, given.weight);
            term(errors, &path.child("preference"), &given.preference);
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

fn weight(errors: &mut Errors, path: &Path, weight: i32) {
    if !(1..=100).contains(&weight) {
        errors.push(Error::invalid(&path.child("weight"), weight, "must be in the range 1-100"));
    }
}

fn pod_term(errors: &mut Errors, path: &Path, term: &PodAffinityTerm) {
    if let Some(selector) = &term.label_selector {
        validate::selector(errors, &path.child("labelSelector"), selector);
    }
    for name in term.namespaces.iter().flatten() {
        validate::each(errors, &path.child("namespace"), name, content::dns1123_label(name));
    }
    if term.topology_key.is_empty() {
        errors.push(Error::required(&path.child("topologyKey"), "can not be empty"));
    }
    let key = term.topology_key.as_str();
    validate::each(errors, &path.child("topologyKey"), key, content::label_key(key));
}

fn term(errors: &mut Errors, path: &Path, term: &NodeSelectorTerm) {
    for (index, given) in term.match_expressions.iter().flatten().enumerate() {
        requirement(errors, &path.child("matchExpressions").index(index), given);
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
        }
    }
}

fn requirement(errors: &mut Errors, path: &Path, given: &NodeSelectorRequirement) {
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
    for (index, value) in values.iter().enumerate() {
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
            "" | "Equal" => validate::each(errors, &path.child("operator"), value, content::label_value(value)),
            "Exists" if !value.is_empty() => {
                let shown = crate::api::internal::dump("Toleration", &serde_json::to_value(given).unwrap_or_default());
                let why = "value must be empty when `operator` is 'Exists'";
                errors.push(Error::invalid_shown(&path.child("operator"), shown, why));
            }
            "Exists" => {}
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
    let mut seen = BTreeSet::new();
    for (index, given) in constraints.iter().enumerate() {
        let path = path.index(index);
        if given.max_skew <= 0 {
            errors.push(Error::invalid(&path.child("maxSkew"), given.max_skew, "must be greater than zero"));
        }
        if given.topology_key.is_empty() {
            errors.push(Error::required(&path.child("topologyKey"), "can not be empty"));
        } else {
            let key = given.topology_key.as_str();
            validate::each(errors, &path.child("topologyKey"), key, content::label_key(key));
        }
        let known = &["DoNotSchedule", "ScheduleAnyway"];
        if !known.contains(&given.when_unsatisfiable.as_str()) {
            errors.push(Error::not_supported(&path.child("whenUnsatisfiable"), &given.when_unsatisfiable, known));
        }
        if !seen.insert((&given.topology_key, &given.when_unsatisfiable)) {
            let shown = format!("{{{}, {}}}", given.topology_key, given.when_unsatisfiable);
            errors.push(Error::duplicate(&path.child("{topologyKey, whenUnsatisfiable}"), shown));
        }
        if let Some(selector) = &given.label_selector {
            validate::selector(errors, &path.child("labelSelector"), selector);
        }
        for (field, policy) in
            [("nodeAffinityPolicy", &given.node_affinity_policy), ("nodeTaintsPolicy", &given.node_taints_policy)]
        {
            if let Some(policy) = policy.as_deref() {
                choice(errors, &path.child(field), Some(policy), &["Honor", "Ignore"]);
            }
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
