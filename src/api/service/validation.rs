//! Whether a Service is acceptable, and a change of one.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidateServiceCreate`, `ValidateServiceUpdate`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};

use super::{is_reached_from_outside, needs_health_check};
use crate::api::status;
use crate::api::validate::{self, Errors, choice, supported};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const BALANCED_ONLY: &str = "may only be used when `type` is 'LoadBalancer'";
const MAX_AFFINITY_SECONDS: i32 = 86_400;

/// `ValidateServiceCreate`
pub fn validate(service: &Service) -> Errors {
    let mut errors = Errors::new();
    let Some(spec) = &service.spec else { return errors };
    let path = Path::new("spec");
    let kind = spec.type_.as_deref().unwrap_or_default();
    let headless = spec.cluster_ip.as_deref() == Some("None");
    if spec.ports.iter().flatten().next().is_none() && !headless && kind != "ExternalName" {
        errors.push(Error::required(&path.child("ports"), ""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if headless => {
            let why = format!("may not be set to 'None' for {kind} services");
            errors.push(Error::invalid(&path.child("clusterIPs").index(0), "None", why));
        }
        "ExternalName" => external_name(&mut errors, &path, spec),
        _ => {}
    }
    let listed = spec.ports.as_deref().unwrap_or_default();
    ports(&mut errors, &path.child("ports"), listed);
    validate::labels(&mut errors, &path.child("selector"), spec.selector.as_ref());
    affinity(&mut errors, &path, spec);
    if kind != "ExternalName" {
        addresses(&mut errors, &path, spec);
    }
    for (index, address) in spec.external_ips.iter().flatten().enumerate() {
        external_address(&mut errors, &path.child("externalIPs").index(index), address);
    }
    choice(&mut errors, &path.child("type"), spec.type_.as_deref(), TYPES);
    taken(&mut errors, &path.child("ports"), listed, kind);
    ranges(&mut errors, &path, service, kind == "LoadBalancer");
    balancer(&mut errors, &path, spec, kind == "LoadBalancer");
    traffic(&mut errors, &path, spec, kind);
    errors
}

/// `ValidateServiceUpdate`: an address that was given stays.
pub fn validate_update(service: &Service, old: &Service) -> Errors {
    let mut errors = Errors::new();
    if let (Some(new), Some(before)) = (&service.spec, &old.spec) {
        let path = Path::new("spec");
        let named = |spec: &ServiceSpec| spec.type_.as_deref() == Some("ExternalName");
        if !named(new) && !named(before) {
            first_stays(&mut errors, &path, new, before);
        }
        let balanced = |spec: &ServiceSpec| spec.type_.as_deref() == Some("LoadBalancer");
        let class = path.child("loadBalancerClass");
        if balanced(new) && balanced(before) && new.load_balancer_class != before.load_balancer_class {
            errors.push(Error::invalid(&class, &new.load_balancer_class, "may not change once set"));
        }
        class_of_balancer(&mut errors, &class, new, balanced(new));
        let checks = needs_health_check(new) && needs_health_check(before);
        if checks && new.health_check_node_port != before.health_check_node_port {
            errors.push(Error::forbidden(&path.child("healthCheckNodePort"), "field is immutable"));
        }
    }
    errors.extend(validate(service));
    errors
}

/// `validateUpgradeDowngradeClusterIPs`, `validateUpgradeDowngradeIPFamilies`
fn first_stays(errors: &mut Errors, path: &Path, new: &ServiceSpec, old: &ServiceSpec) {
    let listed = |spec: &ServiceSpec| spec.cluster_ips.clone().unwrap_or_default();
    let headless = |spec: &ServiceSpec| spec.cluster_ip.as_deref() == Some("None");
    if headless(new) && headless(old) {
        return;
    }
    let (now, held) = (listed(new), listed(old));
    let at = path.child("clusterIPs");
    if now.is_empty() && !held.is_empty() {
        errors.push(Error::invalid(&at.index(0), &now, "primary clusterIP can not be unset"));
    }
    let stays = if now.len() == held.len() { held.len() } else { 1 };
    for (index, (new, old)) in now.iter().zip(&held).enumerate().take(stays) {
        if new != old {
            errors.push(Error::invalid(&at.index(index), &now, "may not change once set"));
        }
    }
    if headless(new) != headless(old) {
        return;
    }
    let families = |spec: &ServiceSpec| spec.ip_families.clone().unwrap_or_default();
    let (now_of, held_of) = (families(new), families(old));
    let even = now_of.len() == held_of.len();
    for (new, old) in now_of.iter().zip(&held_of).take(if even { held_of.len() } else { 1 }) {
        if new != old {
            // Upstream shows the addresses where the number of families has changed.
            let shown = if even { &now_of } else { &now };
            errors.push(Error::invalid(&path.child("ipFamilies").index(0), shown, "may not change once set"));
        }
    }
}

/// `ValidateServiceStatusUpdate`
pub fn validate_status_update(service: &Service, _: &Service) -> Errors {
    let mut errors = Errors::new();
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let ingress = status.and_then(|status| status.ingress.as_deref()).unwrap_or_default();
    let path = Path::new("status").child("loadBalancer").child("ingress");
    let balanced = service.spec.as_ref().is_some_and(|spec| spec.type_.as_deref() == Some("LoadBalancer"));
    if !balanced && !ingress.is_empty() {
        errors.push(Error::forbidden(&path, "may only be used when `spec.type` is 'LoadBalancer'"));
        return errors;
    }
    for (index, one) in ingress.iter().enumerate() {
        let (path, ip) = (path.index(index), one.ip.as_deref().unwrap_or_default());
        if !ip.is_empty() {
            validate::address(&mut errors, &path.child("ip"), ip);
        }
        let mode = path.child("ipMode");
        match one.ip_mode.as_deref() {
            None if ip.is_empty() => {}
            None => errors.push(Error::required(&mode, "must be specified when `ip` is set")),
            Some(_) if ip.is_empty() => {
                errors.push(Error::forbidden(&mode, "may not be specified when `ip` is not set"));
            }
            Some(given) => supported(&mut errors, &mode, Some(given), &["Proxy", "VIP"]),
        }
        status::balancer_name(&mut errors, &path.child("hostname"), one.hostname.as_deref());
    }
    errors
}

fn external_name(errors: &mut Errors, path: &Path, spec: &ServiceSpec) {
    let has_address = spec.cluster_ip.as_deref().is_some_and(|address| !address.is_empty());
    for (field, set) in [
        ("clusterIPs", has_address || spec.cluster_ips.iter().flatten().next().is_some()),
        ("ipFamilies", spec.ip_families.iter().flatten().next().is_some()),
        ("ipFamilyPolicy", spec.ip_family_policy.is_some()),
    ] {
        if set {
            errors.push(Error::forbidden(&path.child(field), "may not be set for ExternalName services"));
        }
    }
    let name = spec.external_name.as_deref().unwrap_or_default();
    // A trailing dot marks the name as complete.
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare.is_empty() {
        errors.push(Error::required(&path.child("externalName"), ""));
        return;
    }
    validate::each(errors, &path.child("externalName"), bare, content::dns1123_subdomain(bare));
}

fn ports(errors: &mut Errors, path: &Path, ports: &[ServicePort]) {
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = path.index(index);
        match port.name.as_deref().unwrap_or_default() {
            // One port needs no name, several do.
            "" if ports.len() > 1 => errors.push(Error::required(&path.child("name"), "")),
            "" => {}
            name => {
                validate::each(errors, &path.child("name"), name, content::dns1123_label(name));
                if !names.insert(name) {
                    errors.push(Error::duplicate(&path.child("name"), name));
                }
            }
        }
        validate::port_number(errors, &path.child("port"), port.port);
        choice(errors, &path.child("protocol"), port.protocol.as_deref(), &["SCTP", "TCP", "UDP"]);
        if let Some(target) = &port.target_port {
            validate::port(errors, &path.child("targetPort"), target);
        }
        if let Some(name) = &port.app_protocol {
            validate::each(errors, &path.child("appProtocol"), name, content::label_key(name));
        }
    }
}

/// Clients may be held to one Pod, for a time.
fn affinity(errors: &mut Errors, path: &Path, spec: &ServiceSpec) {
    let affinity = spec.session_affinity.as_deref();
    choice(errors, &path.child("sessionAffinity"), affinity, &["ClientIP", "None"]);
    let at = path.child("sessionAffinityConfig");
    let config = spec.session_affinity_config.as_ref();
    if affinity == Some("None") && config.is_some() {
        errors.push(Error::forbidden(&at, "must not be set when session affinity is None"));
    }
    let seconds = config.and_then(|config| config.client_ip.as_ref()).and_then(|client| client.timeout_seconds);
    if let Some(seconds) = seconds.filter(|seconds| !(1..=MAX_AFFINITY_SECONDS).contains(seconds)) {
        let why = format!("must be greater than 0 and less than {MAX_AFFINITY_SECONDS}");
        errors.push(Error::invalid(&at.child("clientIP").child("timeoutSeconds"), seconds, why));
    }
}

/// What is wrong with the addresses and their families (`ValidateServiceClusterIPsRelatedFields`).
pub fn address_errors(spec: &ServiceSpec) -> Errors {
    let mut errors = Errors::new();
    addresses(&mut errors, &Path::new("spec"), spec);
    errors
}

fn addresses(errors: &mut Errors, path: &Path, spec: &ServiceSpec) {
    let at = path.child("clusterIPs");
    let first = spec.cluster_ip.as_deref().unwrap_or_default();
    let listed = spec.cluster_ips.clone().unwrap_or_default();
    if !listed.is_empty() && first.is_empty() {
        errors.push(Error::invalid(&at, &listed, "must be empty when `clusterIP` is not specified"));
    } else if listed.first().is_some_and(|listed| listed != first) {
        errors.push(Error::invalid(&at, &listed, "first value must match `clusterIP`"));
    }
    let mut seen = BTreeSet::new();
    for (index, family) in spec.ip_families.iter().flatten().enumerate() {
        let at = path.child("ipFamilies").index(index);
        supported(errors, &at, Some(family), &["IPv4", "IPv6"]);
        if !seen.insert(family) {
            errors.push(Error::duplicate(&at, family));
        }
    }
    let policies = &["PreferDualStack", "RequireDualStack", "SingleStack"];
    supported(errors, &path.child("ipFamilyPolicy"), spec.ip_family_policy.as_deref(), policies);
    // What is left out of the list the server puts there.
    let all = if listed.is_empty() && !first.is_empty() { vec![first.to_owned()] } else { listed };
    let mut unreadable = false;
    for (index, address) in all.iter().enumerate() {
        if index == 0 && address == "None" {
            if all.len() > 1 {
                unreadable = true;
                errors.push(Error::invalid(&at, &all, "'None' must be the first and only value"));
            }
            continue;
        }
        let before = errors.len();
        validate::address(errors, &at.index(index), address);
        unreadable |= errors.len() > before;
    }
    if all.len() > 2 {
        errors.push(Error::invalid(&at, &all, "may only hold up to 2 values"));
    }
    if unreadable {
        return;
    }
    let sixes = all.iter().filter(|address| address.contains(':')).count();
    if all.len() > 1 && (sixes == 0 || sixes == all.len()) {
        errors.push(Error::invalid(&at, &all, "may specify no more than one IP for each IP family"));
    }
    let families = spec.ip_families.iter().flatten();
    for (index, (address, family)) in all.iter().zip(families).enumerate().filter(|_| first != "None") {
        let six = address.contains(':');
        if (family == "IPv4" && six) || (family == "IPv6" && !six) {
            let why = format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
            errors.push(Error::invalid(&at.index(index), address, why));
        }
    }
}

/// An address outside of the cluster that is nobody's in particular does not lead anywhere.
fn external_address(errors: &mut Errors, path: &Path, text: &str) {
    let before = errors.len();
    validate::address(errors, path, text);
    if errors.len() == before {
        validate::endpoint_address(errors, path, text);
    }
}

/// Ports of nodes, and pairs of port and protocol, can be had once.
fn taken(errors: &mut Errors, path: &Path, ports: &[ServicePort], kind: &str) {
    let number = |port: &ServicePort| port.node_port.filter(|number| *number != 0);
    let given = ports.iter().enumerate().filter_map(|(index, port)| Some((index, port, number(port)?)));
    if kind == "ClusterIP" {
        for (index, ..) in given.clone() {
            let why = "may not be used when `type` is 'ClusterIP'";
            errors.push(Error::forbidden(&path.index(index).child("nodePort"), why));
        }
    }
    let mut seen = BTreeSet::new();
    for (index, port, number) in given {
        if !seen.insert((number, port.protocol.as_deref())) {
            errors.push(Error::duplicate(&path.index(index).child("nodePort"), number));
        }
    }
    let mut seen = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let protocol = port.protocol.as_deref().unwrap_or_default();
        if !seen.insert((port.port, protocol)) {
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":\"{protocol}\",\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                port.port
            );
            errors.push(Error::duplicate_shown(&path.index(index), shown));
        }
    }
}

/// Whom a load balancer lets in, by field or by the older annotation.
fn ranges(errors: &mut Errors, path: &Path, service: &Service, balanced: bool) {
    let listed = service.spec.as_ref().and_then(|spec| spec.load_balancer_source_ranges.as_deref()).unwrap_or_default();
    let at = path.child("LoadBalancerSourceRanges");
    if !listed.is_empty() {
        if !balanced {
            errors.push(Error::forbidden(&at, BALANCED_ONLY));
        }
        for (index, text) in listed.iter().enumerate() {
            validate::network(errors, &at.index(index), text.trim());
        }
        return;
    }
    let annotations = service.metadata.annotations.as_ref();
    let Some(text) = annotations.and_then(|held| held.get(SOURCE_RANGES)) else { return };
    let at = Path::new("metadata").child("annotations").key(SOURCE_RANGES);
    if !balanced {
        errors.push(Error::forbidden(&at, BALANCED_ONLY));
    }
    for text in text.trim().split(',').filter(|_| !text.trim().is_empty()) {
        validate::network(errors, &at, text.trim());
    }
}

/// What only a load balancer has.
fn balancer(errors: &mut Errors, path: &Path, spec: &ServiceSpec, balanced: bool) {
    if spec.allocate_load_balancer_node_ports.is_some() && !balanced {
        errors.push(Error::forbidden(&path.child("allocateLoadBalancerNodePorts"), BALANCED_ONLY));
    }
    class_of_balancer(errors, &path.child("loadBalancerClass"), spec, balanced);
}

/// `validateLoadBalancerClassField`
fn class_of_balancer(errors: &mut Errors, path: &Path, spec: &ServiceSpec, balanced: bool) {
    match spec.load_balancer_class.as_deref() {
        Some(_) if !balanced => errors.push(Error::forbidden(path, BALANCED_ONLY)),
        Some(name) => validate::each(errors, path, name, content::label_key(name)),
        None => {}
    }
}

/// Which Pods get the traffic.
fn traffic(errors: &mut Errors, path: &Path, spec: &ServiceSpec, kind: &str) {
    let outside = is_reached_from_outside(spec);
    let at = path.child("externalTrafficPolicy");
    match spec.external_traffic_policy.as_deref().unwrap_or_default() {
        "" if !outside => {}
        given if !outside => {
            errors.push(Error::invalid(&at, given, "may only be set for externally-accessible services"));
        }
        given => choice(errors, &at, Some(given), &["Cluster", "Local"]),
    }
    let (number, at) = (spec.health_check_node_port.unwrap_or_default(), path.child("healthCheckNodePort"));
    match (needs_health_check(spec), number) {
        (true, 0) => errors.push(Error::required(&at, "")),
        (true, number) => validate::port_number(errors, &at, number),
        (false, 0) => {}
        (false, number) => {
            let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
            errors.push(Error::invalid(&at, number, why));
        }
    }
    if spec.internal_traffic_policy.is_none() && matches!(kind, "NodePort" | "LoadBalancer" | "ClusterIP") {
        errors.push(Error::required(&path.child("internalTrafficPolicy"), ""));
    }
    let policies = &["Cluster", "Local"];
    supported(errors, &path.child("internalTrafficPolicy"), spec.internal_traffic_policy.as_deref(), policies);
    let spreads = &["PreferClose", "PreferSameZone", "PreferSameNode"];
    supported(errors, &path.child("trafficDistribution"), spec.traffic_distribution.as_deref(), spreads);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Strategy;
    use serde_json::{Value, json};

    fn texts(spec: Value) -> Vec<String> {
        let json = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "t"}, "spec": spec});
        let mut service: Service = serde_json::from_value(json).unwrap();
        service.set_defaults();
        validate(&service).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_wrong_with_a_service() {
        assert_eq!(texts(json!({"ports": [{"port": 80}]})), [""; 0]);
        assert_eq!(texts(json!({})), ["spec.ports: Required value"]);
        assert_eq!(
            texts(json!({"type": "Balancer", "ports": [{"port": 80}]})),
            [
                "spec.type: Unsupported value: \"Balancer\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\""
            ]
        );
        assert_eq!(
            texts(json!({"ports": [{"port": 80}, {"port": 81}]})),
            ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"]
        );
        assert_eq!(
            texts(json!({"ports": [{"port": 80, "nodePort": 30000}]})),
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"]
        );
    }
}
