//! Endpoint slices.
//!
//! Models Kubernetes 1.36 pkg/apis/discovery/validation/validation.go.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::discovery::v1::{EndpointHints, EndpointSlice};
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, validate};
use crate::api::validate::Errors;
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

/// How many addresses and ports are shown before the rest is counted.
const SHOWN: usize = 3;
/// How much one slice may hold, and each of its endpoints.
const MOST_PORTS: usize = 20_000;
const MOST_ENDPOINTS: usize = 1000;
const MOST_ADDRESSES: usize = 100;
const MOST_LABELS: usize = 16;
const MOST_HINTS: usize = 8;
const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];

impl Strategy for EndpointSlice {
    const INFO: KindInfo =
        KindInfo::new("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices.discovery.k8s.io", "endpointslice");
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("AddressType", "The kind of addresses it holds."),
        Column::new("Ports", "The ports that all of its endpoints serve."),
        Column::new("Endpoints", "The addresses that serve."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        for port in self.ports.iter_mut().flatten() {
            port.name.get_or_insert_default();
            port.protocol.get_or_insert_with(|| "TCP".to_owned());
        }
    }

    fn prepare_for_create(&mut self) {
        drop_topology(self);
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        drop_topology(self);
        let changed = self.endpoints != old.endpoints
            || self.ports != old.ports
            || self.address_type != old.address_type
            || self.metadata.labels != old.metadata.labels
            || self.metadata.annotations != old.metadata.annotations;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = validate_head(self);
        validate_endpoints(&mut errors, &field::Path::new("endpoints"), self);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = validate_head(self);
        // What an older server has let in may stay.
        if self.endpoints != old.endpoints {
            validate_endpoints(&mut errors, &field::Path::new("endpoints"), self);
        }
        validate::immutable(&mut errors, &field::Path::new("addressType"), &self.address_type, &old.address_type);
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let ports: Vec<String> = self
            .ports
            .iter()
            .flatten()
            .map(|port| match (port.port, port.name.as_deref().unwrap_or_default()) {
                (Some(number), _) => number.to_string(),
                (None, "") => "*".to_owned(),
                (None, name) => name.to_owned(),
            })
            .collect();
        let endpoints = self.endpoints.iter().flatten();
        let addresses: Vec<String> = endpoints.flat_map(|endpoint| endpoint.addresses.iter().cloned()).collect();
        vec![
            json!(meta::name(&self.metadata)),
            json!(self.address_type),
            json!(few(ports)),
            json!(few(addresses)),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}

/// What the version before said of where an endpoint is (`dropTopologyOnV1`).
fn drop_topology(slice: &mut EndpointSlice) {
    slice.endpoints.iter_mut().flatten().for_each(|endpoint| endpoint.deprecated_topology = None);
}

/// What is wrong besides the endpoints.
fn validate_head(slice: &EndpointSlice) -> Errors {
    let mut errors = Vec::new();
    let families = &["FQDN", "IPv4", "IPv6"];
    validate::choice(&mut errors, &field::Path::new("addressType"), Some(&slice.address_type), families);
    let (path, ports) = (field::Path::new("ports"), slice.ports.as_deref().unwrap_or_default());
    if ports.len() > MOST_PORTS {
        errors.push(field::Error::too_many(&path, ports.len(), MOST_PORTS));
        return errors;
    }
    let mut names = BTreeSet::new();
    for (at, port) in ports.iter().enumerate() {
        let path = path.index(at);
        let name = port.name.as_deref().unwrap_or_default();
        if !name.is_empty() {
            validate::each(&mut errors, &path.child("name"), name, content::dns1123_label(name));
        }
        if !names.insert(name) {
            errors.push(field::Error::duplicate(&path.child("name"), name));
        }
        validate::supported(&mut errors, &path.child("protocol"), port.protocol.as_deref(), PROTOCOLS);
        if let Some(name) = port.app_protocol.as_deref() {
            validate::each(&mut errors, &path.child("appProtocol"), name, content::label_key(name));
        }
    }
    errors
}

fn validate_endpoints(errors: &mut Errors, path: &field::Path, slice: &EndpointSlice) {
    let endpoints = slice.endpoints.as_deref().unwrap_or_default();
    if endpoints.len() > MOST_ENDPOINTS {
        errors.push(field::Error::too_many(path, endpoints.len(), MOST_ENDPOINTS));
        return;
    }
    for (at, endpoint) in endpoints.iter().enumerate() {
        let path = path.index(at);
        let at = path.child("addresses");
        if endpoint.addresses.is_empty() {
            errors.push(field::Error::required(&at, "must contain at least 1 address"));
        } else if endpoint.addresses.len() > MOST_ADDRESSES {
            errors.push(field::Error::too_many(&at, endpoint.addresses.len(), MOST_ADDRESSES));
        }
        for (index, address) in endpoint.addresses.iter().enumerate() {
            validate_address(errors, &at, index, address, &slice.address_type);
        }
        if let Some(name) = endpoint.node_name.as_deref() {
            validate::each(errors, &path.child("nodeName"), name, content::dns1123_subdomain(name));
        }
        let topology = endpoint.deprecated_topology.as_ref();
        if let Some(count) = topology.map(BTreeMap::len).filter(|count| *count > MOST_LABELS) {
            errors.push(field::Error::too_many(&path.child("deprecatedTopology"), count, MOST_LABELS));
        }
        validate::labels(errors, &path.child("deprecatedTopology"), topology);
        if let Some(name) = endpoint.hostname.as_deref() {
            validate::each(errors, &path.child("hostname"), name, content::dns1123_label(name));
        }
        if let Some(hints) = &endpoint.hints {
            validate_hints(errors, &path.child("hints"), hints);
        }
    }
}

fn validate_address(errors: &mut Errors, path: &field::Path, index: usize, address: &str, family: &str) {
    let at = path.index(index);
    if family == "FQDN" {
        if address.is_empty() {
            errors.push(field::Error::required(&at, ""));
            return;
        }
        let name = address.strip_suffix('.').unwrap_or(address);
        let wrong = content::dns1123_subdomain(name);
        if !wrong.is_empty() {
            errors.push(field::Error::invalid(&at, name, wrong.join(",")));
        } else if !name.contains('.') {
            let why = "should be a domain with at least two segments separated by dots";
            errors.push(field::Error::invalid(&at, name, why));
        }
        return;
    }
    if !matches!(family, "IPv4" | "IPv6") {
        return;
    }
    let before = errors.len();
    validate::address(errors, &at, address);
    if errors.len() == before {
        if address.contains(':') != (family == "IPv6") {
            errors.push(field::Error::invalid(path, address, format!("must be an {family} address")));
        }
        validate::endpoint_address(errors, &at, address);
    }
}

fn validate_hints(errors: &mut Errors, path: &field::Path, hints: &EndpointHints) {
    let zones: Vec<&str> = hints.for_zones.iter().flatten().map(|zone| zone.name.as_str()).collect();
    let nodes: Vec<&str> = hints.for_nodes.iter().flatten().map(|node| node.name.as_str()).collect();
    type Rule = fn(&str) -> Vec<String>;
    let (of_zones, of_nodes): (Rule, Rule) = (content::label_value, content::dns1123_subdomain);
    for (field, names, wrong) in [("forZones", zones, of_zones), ("forNodes", nodes, of_nodes)] {
        let path = path.child(field);
        if names.len() > MOST_HINTS {
            errors.push(field::Error::too_many(&path, names.len(), MOST_HINTS));
            return;
        }
        let mut seen = BTreeSet::new();
        for (at, name) in names.into_iter().enumerate() {
            let path = path.index(at).child("name");
            if !seen.insert(name) {
                errors.push(field::Error::duplicate(&path, name));
            }
            validate::each(errors, &path, name, wrong(name));
        }
    }
}

fn few(mut all: Vec<String>) -> String {
    let count = all.len();
    if count == 0 {
        return "<unset>".to_owned();
    }
    all.truncate(SHOWN);
    let shown = all.join(",");
    if count > SHOWN { format!("{shown} + {} more...", count - SHOWN) } else { shown }
}
