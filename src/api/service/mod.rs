//! Services.
//!
//! Models Kubernetes 1.36 pkg/registry/core/service/strategy.go, pkg/apis/core/v1/defaults.go and `printService`.
//! Refuses to hand out addresses and ports: that is the server's allocator.

mod validation;

pub use validation::address_errors;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, omitted::fill_text};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for Service {
    const INFO: KindInfo = KindInfo::new("", "v1", "Service", "services", "service").short(&["svc"]).in_all().status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Type", "How the service is reached."),
        Column::new("Cluster-IP", "The service's address inside the cluster."),
        Column::new("External-IP", "The addresses outside of the cluster that lead to the service."),
        Column::new("Port(s)", "The ports of the service, with those on the nodes."),
        Column::AGE,
        Column::new("Selector", "Which Pods serve it, by label.").wide(),
    ];

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        fill_text(&mut spec.session_affinity, "None");
        fill_text(&mut spec.type_, "ClusterIP");
        if spec.session_affinity.as_deref() == Some("ClientIP") {
            let client = spec.session_affinity_config.get_or_insert_default().client_ip.get_or_insert_default();
            client.timeout_seconds.get_or_insert(10800);
        } else {
            spec.session_affinity_config = None;
        }
        for port in spec.ports.iter_mut().flatten() {
            super::omitted::drop_empty(&mut port.name);
            fill_text(&mut port.protocol, "TCP");
            let unset = match &port.target_port {
                None | Some(IntOrString::Int(0)) => true,
                Some(IntOrString::String(text)) => text.is_empty(),
                Some(IntOrString::Int(_)) => false,
            };
            if unset {
                port.target_port = Some(IntOrString::Int(port.port));
            }
        }
        let kind = spec.type_.clone().unwrap_or_default();
        if is_reached_from_outside(spec) {
            fill_text(&mut spec.external_traffic_policy, "Cluster");
        }
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer" | "ClusterIP") {
            spec.internal_traffic_policy.get_or_insert_with(|| "Cluster".to_owned());
        }
        if kind == "LoadBalancer" {
            spec.allocate_load_balancer_node_ports.get_or_insert(true);
        }
        let status = self.status.get_or_insert_default().load_balancer.get_or_insert_default();
        let balanced = kind == "LoadBalancer";
        for ingress in status.ingress.iter_mut().flatten().filter(|one| balanced && one.ip.is_some()) {
            ingress.ip_mode.get_or_insert_with(|| "VIP".to_owned());
        }
    }

    fn prepare_for_create(&mut self) {
        self.status = None;
        self.status.get_or_insert_default().load_balancer.get_or_insert_default();
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        drop_what_the_type_lacks(self, old);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
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

    fn warnings(&self, _: Option<&Self>) -> Vec<String> {
        let Some(spec) = &self.spec else { return Vec::new() };
        let kind = spec.type_.as_deref().unwrap_or_default();
        let headless = kind == "ClusterIP" && spec.cluster_ip.as_deref() == Some("None");
        let balanced = spec.load_balancer_ip.as_ref().is_some_and(|text| !text.is_empty());
        let external = spec.external_ips.iter().flatten().next().is_some();
        let sticky = spec.session_affinity.as_deref() != Some("None");
        let named = spec.external_name.as_ref().is_some_and(|text| !text.is_empty());
        let close = spec.traffic_distribution.as_deref() == Some("PreferClose");
        let all = [
            (headless && balanced, "spec.loadBalancerIP is ignored for headless services"),
            (headless && external, "spec.externalIPs is ignored for headless services"),
            (headless && sticky, "spec.SessionAffinity is ignored for headless services"),
            (
                external && !headless && kind != "ExternalName",
                "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
            ),
            (kind == "ExternalName" && external, "spec.externalIPs is ignored when spec.type is \"ExternalName\""),
            (kind != "ExternalName" && named, "spec.externalName is ignored when spec.type is not \"ExternalName\""),
            (close, "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""),
        ];
        all.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text.to_owned()).collect()
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.clone().unwrap_or_default();
        let cluster_ip = spec.cluster_ips.iter().flatten().next().cloned();
        vec![
            json!(meta::name(&self.metadata)),
            json!(spec.type_.clone().unwrap_or_default()),
            json!(cells::or(cluster_ip.or_else(|| spec.cluster_ip.clone()).as_deref(), cells::NONE)),
            json!(external_ip(self)),
            json!(ports_text(self)),
            json!(cells::age(&self.metadata, now)),
            json!(cells::labels(spec.selector.as_ref())),
        ]
    }

    fn selectable_fields(&self) -> Vec<(&'static str, String)> {
        let spec = self.spec.clone().unwrap_or_default();
        vec![("spec.clusterIP", spec.cluster_ip.unwrap_or_default()), ("spec.type", spec.type_.unwrap_or_default())]
    }
}

/// Whether traffic can come from outside of the cluster (`ExternallyAccessible`).
fn is_reached_from_outside(spec: &ServiceSpec) -> bool {
    match spec.type_.as_deref() {
        Some("LoadBalancer" | "NodePort") => true,
        Some("ClusterIP") => spec.external_ips.iter().flatten().next().is_some(),
        _ => false,
    }
}

/// Whether a load balancer asks the nodes which of them have Pods of the Service (`NeedsHealthCheck`).
pub fn needs_health_check(spec: &ServiceSpec) -> bool {
    spec.type_.as_deref() == Some("LoadBalancer") && spec.external_traffic_policy.as_deref() == Some("Local")
}

/// What belonged to the old type and was left as it was goes with it (`dropTypeDependentFields`).
fn drop_what_the_type_lacks(service: &mut Service, old: &Service) {
    let (Some(spec), Some(old)) = (service.spec.as_mut(), old.spec.as_ref()) else { return };
    let left = |kinds: &[&str], spec: &ServiceSpec| {
        let is = |spec: &ServiceSpec| spec.type_.as_deref().is_some_and(|kind| kinds.contains(&kind));
        is(old) && !is(spec)
    };
    let named = |spec: &ServiceSpec| spec.type_.as_deref() == Some("ExternalName");
    if named(spec) && !named(old) {
        if spec.cluster_ip == old.cluster_ip && spec.cluster_ips == old.cluster_ips {
            spec.cluster_ip = None;
            spec.cluster_ips = None;
        }
        if spec.ip_families == old.ip_families {
            spec.ip_families = None;
        }
        if spec.ip_family_policy == old.ip_family_policy {
            spec.ip_family_policy = None;
        }
    }
    let numbers = |spec: &ServiceSpec| -> std::collections::BTreeSet<i32> {
        spec.ports.iter().flatten().filter_map(|port| port.node_port).collect()
    };
    if left(&["NodePort", "LoadBalancer"], spec) && numbers(old).is_superset(&numbers(spec)) {
        spec.ports.iter_mut().flatten().for_each(|port| port.node_port = None);
    }
    let checks = needs_health_check(old) && !needs_health_check(spec);
    if checks && spec.health_check_node_port == old.health_check_node_port {
        spec.health_check_node_port = None;
    }
    if left(&["LoadBalancer"], spec) {
        if spec.allocate_load_balancer_node_ports == old.allocate_load_balancer_node_ports {
            spec.allocate_load_balancer_node_ports = None;
        }
        if spec.load_balancer_class == old.load_balancer_class {
            spec.load_balancer_class = None;
        }
    }
    let closed = is_reached_from_outside(old) && !is_reached_from_outside(spec);
    if closed && spec.external_traffic_policy == old.external_traffic_policy {
        spec.external_traffic_policy = None;
    }
    if spec.type_.as_deref() != Some("LoadBalancer")
        && let Some(status) = service.status.as_mut()
    {
        status.load_balancer = Some(Default::default());
    }
}

fn external_ip(service: &Service) -> String {
    let spec = service.spec.clone().unwrap_or_default();
    let listed = spec.external_ips.unwrap_or_default();
    match spec.type_.as_deref() {
        Some("ExternalName") => spec.external_name.unwrap_or_default(),
        Some("LoadBalancer") => {
            let status = service.status.clone().unwrap_or_default().load_balancer.unwrap_or_default();
            let held = status.ingress.unwrap_or_default();
            let mut all: Vec<String> = held.into_iter().filter_map(|one| one.ip.or(one.hostname)).collect();
            all.sort();
            all.dedup();
            let balancer = all.join(",");
            match (balancer.is_empty(), listed.is_empty()) {
                (true, true) => "<pending>".to_owned(),
                (false, true) => balancer,
                (true, false) => listed.join(","),
                (false, false) => format!("{balancer},{}", listed.join(",")),
            }
        }
        _ if listed.is_empty() => cells::NONE.to_owned(),
        _ => listed.join(","),
    }
}

fn ports_text(service: &Service) -> String {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let texts: Vec<String> = ports
        .iter()
        .map(|port| {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            match port.node_port.filter(|number| *number > 0) {
                Some(node_port) => format!("{}:{node_port}/{protocol}", port.port),
                None => format!("{}/{protocol}", port.port),
            }
        })
        .collect();
    if texts.is_empty() { cells::NONE.to_owned() } else { texts.join(",") }
}
