//! Nodes.
//!
//! Models Kubernetes 1.36 pkg/registry/core/node/strategy.go and `printNode`.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, NodeStatus, Taint};
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, pod_resources, pod_spec::validation::quantity, validate};
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

const UNKNOWN: &str = "<unknown>";

impl Strategy for Node {
    const INFO: KindInfo = KindInfo::new("", "v1", "Node", "nodes", "node").short(&["no"]).cluster_scoped().status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Status", "Whether the node is ready, and whether it takes new Pods."),
        Column::new("Roles", "What the node is there for, from its labels."),
        Column::AGE,
        Column::new("Version", "The version of the node's kubelet."),
        Column::new("Internal-IP", "The node's address inside the cluster's network.").wide(),
        Column::new("External-IP", "The node's address outside of it.").wide(),
        Column::new("OS-Image", "The node's operating system.").wide(),
        Column::new("Kernel-Version", "The node's kernel and architecture.").wide(),
        Column::new("Container-Runtime", "What runs the node's containers.").wide(),
    ];

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        // The older field is the first of the newer one.
        if let Some(first) = spec.pod_cidr.clone().filter(|first| !first.is_empty()) {
            match spec.pod_cidrs.as_mut().and_then(|all| all.first_mut()) {
                Some(held) => *held = first,
                None => spec.pod_cidrs = Some(vec![first]),
            }
        } else if let Some(first) = spec.pod_cidrs.as_ref().and_then(|all| all.first()) {
            spec.pod_cidr = Some(first.clone());
        }
        let status = self.status.get_or_insert_default();
        // What can be handed out is the whole, unless the kubelet says otherwise.
        if status.allocatable.is_none() {
            status.allocatable.clone_from(&status.capacity);
        }
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
    }

    fn warnings(&self, _: Option<&Self>) -> Vec<String> {
        let outdated = self.spec.as_ref().is_some_and(|spec| spec.external_id.is_some());
        let text = "spec.externalID: this field is deprecated, and is unused by Kubernetes";
        if outdated { vec![text.to_owned()] } else { Vec::new() }
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let taints = self.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
        validate_taints(&mut errors, &field::Path::new("metadata").child("taints"), taints);
        validate_status(&mut errors, self.status.as_ref());
        let networks = self.spec.as_ref().and_then(|spec| spec.pod_cidrs.as_deref()).unwrap_or_default();
        validate_networks(&mut errors, &field::Path::new("spec").child("podCIDRs"), networks);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = self.validate();
        errors.extend(self.validate_status_update(old));
        errors
    }

    fn validate_status_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        validate_status(&mut errors, self.status.as_ref());
        let mut seen = BTreeSet::new();
        let addresses = self.status.iter().flat_map(|status| status.addresses.iter().flatten());
        for (index, address) in addresses.enumerate() {
            if !seen.insert((&address.type_, &address.address)) {
                let path = field::Path::new("status").child("addresses").index(index);
                let shown = format!("{{\"Type\":{},\"Address\":{}}}", json!(address.type_), json!(address.address));
                errors.push(field::Error::duplicate_shown(&path, shown));
            }
        }
        let (new, old_spec) = (self.spec.clone().unwrap_or_default(), old.spec.clone().unwrap_or_default());
        let path = field::Path::new("spec");
        if old_spec.pod_cidrs.as_ref().is_some_and(|held| !held.is_empty()) && new.pod_cidrs != old_spec.pod_cidrs {
            let why = "node updates may not change podCIDR except from \"\" to valid";
            errors.push(field::Error::forbidden(&path.child("podCIDRs"), why));
        }
        if old_spec.provider_id.as_ref().is_some_and(|held| !held.is_empty()) && new.provider_id != old_spec.provider_id
        {
            let why = "node updates may not change providerID except from \"\" to valid";
            errors.push(field::Error::forbidden(&path.child("providerID"), why));
        }
        if new.external_id != old_spec.external_id {
            errors.push(field::Error::forbidden(&path.child("externalID"), "may not be updated"));
        }
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let none = NodeStatus::default();
        let status = self.status.as_ref().unwrap_or(&none);
        let info = status.node_info.clone().unwrap_or_default();
        let address = |kind: &str| {
            let found = status.addresses.iter().flatten().find(|address| address.type_ == kind);
            cells::or(found.map(|address| address.address.as_str()), cells::NONE)
        };
        let mut kernel = cells::or(Some(&info.kernel_version), UNKNOWN);
        if !info.architecture.is_empty() {
            kernel = format!("{kernel} ({})", info.architecture);
        }
        vec![
            json!(meta::name(&self.metadata)),
            json!(status_text(self, status)),
            json!(roles(self)),
            json!(cells::age(&self.metadata, now)),
            json!(info.kubelet_version),
            json!(address("InternalIP")),
            json!(address("ExternalIP")),
            json!(cells::or(Some(&info.os_image), UNKNOWN)),
            json!(kernel),
            json!(cells::or(Some(&info.container_runtime_version), UNKNOWN)),
        ]
    }

    fn selectable_fields(&self) -> Vec<(&'static str, String)> {
        let unschedulable = self.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true));
        vec![("spec.unschedulable", unschedulable.to_string())]
    }
}

/// `validateNodeTaints`
fn validate_taints(errors: &mut validate::Errors, path: &field::Path, taints: &[Taint]) {
    let mut seen = BTreeSet::new();
    for (index, taint) in taints.iter().enumerate() {
        let path = path.index(index);
        validate::each(errors, &path.child("key"), &taint.key, content::label_key(&taint.key));
        let value = taint.value.as_deref().unwrap_or_default();
        let wrong = content::label_value(value);
        if !wrong.is_empty() {
            errors.push(field::Error::invalid(&path.child("value"), value, wrong.join(";")));
        }
        let effects = &["NoSchedule", "PreferNoSchedule", "NoExecute"];
        validate::choice(errors, &path.child("effect"), Some(&taint.effect), effects);
        if !seen.insert((&taint.key, &taint.effect)) {
            let parts = [json!(taint.key), json!(value), json!(taint.effect), json!(taint.time_added)];
            let [key, value, effect, added] = parts.map(|part| part.to_string());
            let shown = format!("{{\"Key\":{key},\"Value\":{value},\"Effect\":{effect},\"TimeAdded\":{added}}}");
            let mut error = field::Error::duplicate_shown(&path, shown);
            error.detail = "taints must be unique by key and effect pair".to_owned();
            errors.push(error);
        }
    }
}

/// `ValidateNodeResources`, `validateNodeDeclaredFeatures`
fn validate_status(errors: &mut validate::Errors, status: Option<&NodeStatus>) {
    let Some(status) = status else { return };
    let path = field::Path::new("status");
    for (field, list) in [("capacity", &status.capacity), ("allocatable", &status.allocatable)] {
        for (name, amount) in pod_resources::amounts(list.as_ref()) {
            quantity(errors, &path.child(field).child(&name), &name, &amount);
        }
    }
    let mut before: Option<&String> = None;
    for (index, feature) in status.declared_features.iter().flatten().enumerate() {
        let path = path.child("declaredFeatures").index(index);
        match before {
            Some(before) if before == feature => errors.push(field::Error::duplicate(&path, feature)),
            Some(before) if before > feature => {
                errors.push(field::Error::invalid(&path, feature, "list must be sorted alphabetically"));
            }
            _ => {}
        }
        before = Some(feature);
        let words = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric());
        let why = if feature.len() > 253 {
            "must be no more than 253 characters"
        } else if !feature.starts_with(|c: char| c.is_ascii_uppercase()) || !feature.split('/').all(words) {
            "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or \
             MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
        } else {
            continue;
        };
        errors.push(field::Error::invalid(&path, feature, format!("invalid feature name {feature:?}: {why}")));
    }
}

/// The networks of its Pods: one of each family.
fn validate_networks(errors: &mut validate::Errors, path: &field::Path, given: &[String]) {
    let mut families = BTreeSet::new();
    let mut unreadable = None;
    for (index, text) in given.iter().enumerate() {
        match validate::network(errors, &path.index(index), text) {
            Some((address, _)) => _ = families.insert(address.is_ipv4()),
            None => unreadable = unreadable.or(Some((index, text))),
        }
    }
    if given.len() < 2 {
        return;
    }
    if let Some((index, text)) = unreadable {
        let why = format!(
            "invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[{index}]: <nil> (invalid CIDR \
             address: {text})"
        );
        errors.push(field::Error::internal(path, why));
    }
    if families.len() < 2 || given.len() > 2 || unreadable.is_some() {
        errors.push(field::Error::invalid(path, given, "may specify no more than one CIDR for each IP family"));
    }
}

fn status_text(node: &Node, status: &NodeStatus) -> String {
    let ready = status.conditions.iter().flatten().find(|condition| condition.type_ == "Ready");
    let mut text = match ready.map(|condition| condition.status.as_str()) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true)) {
        text.push_str(",SchedulingDisabled");
    }
    text
}

fn roles(node: &Node) -> String {
    let mut roles = BTreeSet::new();
    for (label, value) in node.metadata.labels.iter().flatten() {
        if let Some(role) = label.strip_prefix("node-role.kubernetes.io/") {
            roles.insert(role);
        } else if label == "kubernetes.io/role" {
            roles.insert(value);
        }
    }
    roles.remove("");
    let roles: Vec<&str> = roles.into_iter().collect();
    if roles.is_empty() { cells::NONE.to_owned() } else { roles.join(",") }
}
