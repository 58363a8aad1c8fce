//! Network policies.
//!
//! Models Kubernetes 1.36 pkg/apis/networking/validation/validation.go (`ValidateNetworkPolicySpec`).

use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, validate};
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

const POLICY_TYPES: &[&str] = &["Ingress", "Egress"];

impl Strategy for NetworkPolicy {
    const INFO: KindInfo =
        KindInfo::new("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies.networking.k8s.io", "networkpolicy")
            .short(&["netpol"]);
    const COLUMNS: &'static [Column] =
        &[Column::NAME, Column::new("Pod-Selector", "Which Pods it is about, by label."), Column::AGE];

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.pod_selector.get_or_insert_default();
        if spec.policy_types.iter().flatten().next().is_none() {
            let mut types = vec!["Ingress".to_owned()];
            if spec.egress.iter().flatten().next().is_some() {
                types.push("Egress".to_owned());
            }
            spec.policy_types = Some(types);
        }
        let incoming = spec.ingress.iter_mut().flatten().flat_map(|rule| rule.ports.iter_mut().flatten());
        let outgoing = spec.egress.iter_mut().flatten().flat_map(|rule| rule.ports.iter_mut().flatten());
        for port in incoming.chain(outgoing) {
            port.protocol.get_or_insert_with(|| "TCP".to_owned());
        }
    }

    fn prepare_for_create(&mut self) {
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        let changed = self.spec != old.spec;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let (Some(spec), path) = (&self.spec, field::Path::new("spec")) else { return errors };
        if let Some(selector) = &spec.pod_selector {
            validate::selector(&mut errors, &path.child("podSelector"), selector);
        }
        for (index, rule) in spec.ingress.iter().flatten().enumerate() {
            let at = path.child("ingress").index(index);
            ports(&mut errors, &at.child("ports"), rule.ports.as_deref());
            peers(&mut errors, &at.child("from"), rule.from.as_deref());
        }
        for (index, rule) in spec.egress.iter().flatten().enumerate() {
            let at = path.child("egress").index(index);
            ports(&mut errors, &at.child("ports"), rule.ports.as_deref());
            peers(&mut errors, &at.child("to"), rule.to.as_deref());
        }
        let types = spec.policy_types.as_deref().unwrap_or_default();
        let at = path.child("policyTypes");
        if types.len() > POLICY_TYPES.len() {
            errors.push(field::Error::invalid(&at, types, "may not specify more than two policyTypes"));
            return errors;
        }
        for (index, kind) in types.iter().enumerate() {
            validate::supported(&mut errors, &at.index(index), Some(kind), POLICY_TYPES);
        }
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        vec![
            json!(meta::name(&self.metadata)),
            json!(cells::selector(self.spec.as_ref().and_then(|spec| spec.pod_selector.as_ref()))),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}

/// `ValidateNetworkPolicyPort` for each.
fn ports(errors: &mut validate::Errors, path: &field::Path, ports: Option<&[NetworkPolicyPort]>) {
    for (index, port) in ports.unwrap_or_default().iter().enumerate() {
        let path = path.index(index);
        let (at, end) = (path.child("port"), path.child("endPort"));
        validate::supported(errors, &path.child("protocol"), port.protocol.as_deref(), &["TCP", "UDP", "SCTP"]);
        match (&port.port, port.end_port) {
            (Some(IntOrString::Int(first)), last) => {
                validate::port_number(errors, &at, *first);
                let Some(last) = last else { continue };
                if last < *first {
                    errors.push(field::Error::invalid(&end, *first, "must be greater than or equal to `port`"));
                }
                validate::port_number(errors, &end, last);
            }
            (Some(IntOrString::String(name)), last) => {
                if let Some(last) = last {
                    let why = "may not be specified when `port` is non-numeric";
                    errors.push(field::Error::invalid(&end, last, why));
                }
                validate::each(errors, &at, name, content::port_name(name));
            }
            (None, Some(last)) => {
                let why = "may not be specified when `port` is not specified";
                errors.push(field::Error::invalid(&end, last, why));
            }
            (None, None) => {}
        }
    }
}

/// `ValidateNetworkPolicyPeer` for each.
fn peers(errors: &mut validate::Errors, path: &field::Path, peers: Option<&[NetworkPolicyPeer]>) {
    for (index, peer) in peers.unwrap_or_default().iter().enumerate() {
        let path = path.index(index);
        let selectors = [("podSelector", &peer.pod_selector), ("namespaceSelector", &peer.namespace_selector)];
        for (name, selector) in selectors {
            if let Some(selector) = selector {
                validate::selector(errors, &path.child(name), selector);
            }
        }
        let selects = selectors.iter().any(|(_, selector)| selector.is_some());
        match &peer.ip_block {
            Some(block) => {
                ip_block(errors, &path.child("ipBlock"), block);
                if selects {
                    errors.push(field::Error::forbidden(&path, "may not specify both ipBlock and another peer"));
                }
            }
            None if !selects => errors.push(field::Error::required(&path, "must specify a peer")),
            None => {}
        }
    }
}

fn ip_block(errors: &mut validate::Errors, path: &field::Path, block: &IPBlock) {
    let at = path.child("cidr");
    if block.cidr.is_empty() {
        errors.push(field::Error::required(&at, ""));
        return;
    }
    let Some((whole, bits)) = validate::network(errors, &at, &block.cidr) else { return };
    for (index, text) in block.except.iter().flatten().enumerate() {
        let at = path.child("except").index(index);
        let Some((part, more)) = validate::network(errors, &at, text) else { continue };
        let within = whole.is_ipv4() == part.is_ipv4()
            && validate::first_bits(&whole, bits) == validate::first_bits(&part, bits);
        if !within || bits >= more {
            errors.push(field::Error::invalid(&at, text, "must be a strict subset of `cidr`"));
        }
    }
}
