//! Whether a Service is acceptable.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidateService`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};

use crate::api::validate::{self, Errors};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

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
    ports(&mut errors, &path.child("ports"), spec);
    validate::labels(&mut errors, &path.child("selector"), spec.selector.as_ref());
    one_of(&mut errors, &path.child("sessionAffinity"), spec.session_affinity.as_deref(), &["ClientIP", "None"]);
    let given = spec.cluster_ip.as_deref().filter(|text| !text.is_empty() && *text != "None");
    if let Some(address) = given.filter(|address| !validate::is_ip_address(address)) {
        let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        errors.push(Error::invalid(&path.child("clusterIPs").index(0), address, why));
    }
    for (index, address) in spec.external_ips.iter().flatten().enumerate() {
        if !validate::is_ip_address(address) {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            errors.push(Error::invalid(&path.child("externalIPs").index(index), address, why));
        }
    }
    one_of(&mut errors, &path.child("type"), spec.type_.as_deref(), TYPES);
    node_ports(&mut errors, &path.child("ports"), spec, kind);
    if let Some(policy) = spec.external_traffic_policy.as_deref() {
        one_of(&mut errors, &path.child("externalTrafficPolicy"), Some(policy), &["Cluster", "Local"]);
    }
    if let Some(policy) = spec.internal_traffic_policy.as_deref() {
        one_of(&mut errors, &path.child("internalTrafficPolicy"), Some(policy), &["Cluster", "Local"]);
    }
    errors
}

/// `ValidateServiceUpdate`: an address that was given stays.
pub fn validate_update(service: &Service, old: &Service) -> Errors {
    let mut errors = Errors::new();
    if let (Some(new), Some(before)) = (&service.spec, &old.spec) {
        let named = |spec: &ServiceSpec| spec.type_.as_deref() == Some("ExternalName");
        let held = before.cluster_ip.as_deref().unwrap_or_default();
        if !named(new) && !named(before) && !held.is_empty() && new.cluster_ip != before.cluster_ip {
            let given = new.cluster_ips.clone().unwrap_or_else(|| new.cluster_ip.clone().into_iter().collect());
            let why = "may not change once set";
            errors.push(Error::invalid(&Path::new("spec").child("clusterIPs").index(0), given, why));
        }
    }
    errors.extend(validate(service));
    errors
}

fn one_of(errors: &mut Errors, path: &Path, value: Option<&str>, known: &[&str]) {
    match value.unwrap_or_default() {
        "" => errors.push(Error::required(path, "")),
        value if known.contains(&value) => {}
        other => errors.push(Error::not_supported(path, other, known)),
    }
}

fn external_name(errors: &mut Errors, path: &Path, spec: &ServiceSpec) {
    if spec.cluster_ip.as_deref().is_some_and(|address| !address.is_empty()) {
        let why = "may not be set for ExternalName services";
        errors.push(Error::forbidden(&path.child("clusterIPs"), why));
    }
    let name = spec.external_name.as_deref().unwrap_or_default();
    if name.is_empty() {
        errors.push(Error::required(&path.child("externalName"), ""));
        return;
    }
    // A trailing dot marks the name as complete.
    let bare = name.strip_suffix('.').unwrap_or(name);
    validate::each(errors, &path.child("externalName"), name, content::dns1123_subdomain(bare));
}

fn ports(errors: &mut Errors, path: &Path, spec: &ServiceSpec) {
    let ports = spec.ports.as_deref().unwrap_or_default();
    let (mut names, mut pairs) = (BTreeSet::new(), BTreeSet::new());
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
        one_of(errors, &path.child("protocol"), port.protocol.as_deref(), &["SCTP", "TCP", "UDP"]);
        if let Some(target) = &port.target_port {
            validate::port(errors, &path.child("targetPort"), target);
        }
        let protocol = port.protocol.as_deref().unwrap_or_default();
        if !pairs.insert((port.port, protocol)) {
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":\"{protocol}\",\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                port.port
            );
            errors.push(Error::duplicate_shown(&path, shown));
        }
    }
}

fn node_ports(errors: &mut Errors, path: &Path, spec: &ServiceSpec, kind: &str) {
    let mut taken = BTreeSet::new();
    for (index, port) in spec.ports.iter().flatten().enumerate() {
        let Some(number) = port.node_port.filter(|number| *number != 0) else { continue };
        let at = path.index(index).child("nodePort");
        if kind == "ClusterIP" || kind == "ExternalName" {
            errors.push(Error::forbidden(&at, "may not be used when `type` is 'ClusterIP'"));
        } else if !taken.insert((number, port.protocol.as_deref())) {
            errors.push(Error::duplicate(&at, number));
        }
    }
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
