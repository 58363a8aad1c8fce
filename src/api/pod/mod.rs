//! Pods.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/strategy.go and pkg/apis/core/v1/helper/qos/qos.go.

mod columns;
mod label_keys;
pub mod restart;
mod validation;

pub use validation::{judge, validate_ephemeral_update};

use k8s_openapi::api::core::v1::{Pod, PodCondition, PodIP, PodSpec, PodStatus};
use serde_json::Value;

use super::pod_spec::{defaults, warnings};
use super::{Cell, Column, KindInfo, Strategy};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for Pod {
    const INFO: KindInfo = KindInfo::new("", "v1", "Pod", "pods", "pod").short(&["po"]).in_all().status();
    const COLUMNS: &'static [Column] = columns::COLUMNS;

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        defaults::set_pod_only_defaults(spec);
        defaults::set_pod_spec_defaults(spec);
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.metadata.generation = Some(1);
        label_keys::merge(self);
        let spec = self.spec.get_or_insert_default();
        let mut status = PodStatus {
            phase: Some("Pending".to_owned()),
            qos_class: Some(qos_class(spec).to_owned()),
            ..PodStatus::default()
        };
        if spec.scheduling_gates.iter().flatten().next().is_some() {
            status.conditions = Some(vec![PodCondition {
                type_: "PodScheduled".to_owned(),
                status: "False".to_owned(),
                reason: Some("SchedulingGated".to_owned()),
                message: Some("Scheduling is blocked due to non-empty scheduling gates".to_owned()),
                last_transition_time: self.metadata.creation_timestamp.clone(),
                ..PodCondition::default()
            }]);
        }
        self.status = Some(status);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        if self.status != old.status {
            self.status.clone_from(&old.status);
        }
        self.metadata.generation = old.metadata.generation;
        if self.spec != old.spec {
            self.metadata.generation = Some(old.metadata.generation.unwrap_or(0) + 1);
        }
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.generation = old.metadata.generation;
        self.metadata.owner_references.clone_from(&old.metadata.owner_references);
        self.metadata.deletion_timestamp.clone_from(&old.metadata.deletion_timestamp);
        let status = self.status.get_or_insert_default();
        let first = status.pod_ips.as_ref().and_then(|all| all.first()).map(|one| one.ip.clone());
        match status.pod_ip.clone().filter(|one| !one.is_empty()) {
            Some(one) if first.as_ref() != Some(&one) => status.pod_ips = Some(vec![PodIP { ip: one }]),
            Some(_) => {}
            None => status.pod_ip = first,
        }
        if status.qos_class.as_ref().is_none_or(String::is_empty) {
            status.qos_class = old.status.as_ref().and_then(|status| status.qos_class.clone());
        }
    }

    fn validate(&self) -> Vec<field::Error> {
        validation::validate(self)
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        validation::validate_update(self, old)
    }

    fn validate_status_update(&self, old: &Self) -> Vec<field::Error> {
        validation::validate_status_update(self, old)
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let mut all = Vec::new();
        if old.is_none() {
            all.extend(warnings::of_name(meta::name(&self.metadata), "the Pod's hostname"));
        }
        if let Some(spec) = self.spec.as_ref().filter(|_| old.is_none()) {
            all.extend(warnings::of_spec(&field::Path::default(), spec, self.metadata.annotations.as_ref()));
        }
        all
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        columns::row(self, now)
    }

    fn selectable_fields(&self) -> Vec<(&'static str, String)> {
        let text = |value: Option<&String>| value.cloned().unwrap_or_default();
        let spec = self.spec.as_ref();
        let status = self.status.as_ref();
        let first_ip = status.and_then(|status| status.pod_ips.iter().flatten().next()).map(|ip| &ip.ip);
        vec![
            ("spec.nodeName", text(spec.and_then(|spec| spec.node_name.as_ref()))),
            ("spec.restartPolicy", text(spec.and_then(|spec| spec.restart_policy.as_ref()))),
            ("spec.schedulerName", text(spec.and_then(|spec| spec.scheduler_name.as_ref()))),
            ("spec.serviceAccountName", text(spec.and_then(|spec| spec.service_account_name.as_ref()))),
            ("spec.hostNetwork", spec.is_some_and(|spec| spec.host_network == Some(true)).to_string()),
            ("status.phase", text(status.and_then(|status| status.phase.as_ref()))),
            ("status.podIP", text(first_ip)),
            // Upstream takes it and then finds nothing there.
            ("status.podIPs", String::new()),
            ("status.nominatedNodeName", text(status.and_then(|status| status.nominated_node_name.as_ref()))),
        ]
    }

    fn complete_json(json: &mut Value) {
        let Some(conditions) = json.pointer_mut("/status/conditions").and_then(Value::as_array_mut) else { return };
        for condition in conditions.iter_mut().filter_map(Value::as_object_mut) {
            for field in ["lastProbeTime", "lastTransitionTime"] {
                condition.entry(field).or_insert(Value::Null);
            }
        }
    }
}

/// The quality of service that a spec's requests and limits buy (`GetPodQOS`).
pub fn qos_class(spec: &PodSpec) -> &'static str {
    let is_zero = |text: &str| text.trim_start_matches(['+', '-']).trim_end_matches(char::is_alphabetic) == "0";
    let (mut any, mut guaranteed) = (false, true);
    for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
        let resources = container.resources.as_ref();
        let requests = resources.and_then(|resources| resources.requests.as_ref());
        let limits = resources.and_then(|resources| resources.limits.as_ref());
        for name in ["cpu", "memory"] {
            let request = requests.and_then(|list| list.get(name)).filter(|quantity| !is_zero(&quantity.0));
            let limit = limits.and_then(|list| list.get(name)).filter(|quantity| !is_zero(&quantity.0));
            any |= request.is_some() || limit.is_some();
            // A request that is left out equals its limit.
            guaranteed &= limit.is_some() && (request.is_none() || request == limit);
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
