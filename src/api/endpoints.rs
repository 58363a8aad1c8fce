//! Endpoints, the old form of endpoint slices.

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointSubset, Endpoints};
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, validate};
use crate::api::validate::Errors;
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

/// How many endpoints are shown before the rest is counted.
const SHOWN: usize = 3;
const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];

impl Strategy for Endpoints {
    const INFO: KindInfo = KindInfo::new("", "v1", "Endpoints", "endpoints", "endpoints").short(&["ep"]);
    const COLUMNS: &'static [Column] =
        &[Column::NAME, Column::new("Endpoints", "The addresses that serve."), Column::AGE];

    fn set_defaults(&mut self) {
        for subset in self.subsets.iter_mut().flatten() {
            for port in subset.ports.iter_mut().flatten() {
                super::omitted::fill_text(&mut port.protocol, "TCP");
            }
        }
    }

    fn validate(&self) -> Vec<field::Error> {
        let (mut errors, path) = (Vec::new(), field::Path::new("subsets"));
        for (at, subset) in self.subsets.iter().flatten().enumerate() {
            validate_subset(&mut errors, &path.index(at), subset);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        // What an older server has let in may stay.
        if self.subsets == old.subsets { Vec::new() } else { self.validate() }
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        vec![json!(meta::name(&self.metadata)), json!(endpoints_text(self)), json!(cells::age(&self.metadata, now))]
    }
}

fn validate_subset(errors: &mut Errors, path: &field::Path, subset: &EndpointSubset) {
    let (ready, waiting) = (subset.addresses.as_deref(), subset.not_ready_addresses.as_deref());
    let (ready, waiting) = (ready.unwrap_or_default(), waiting.unwrap_or_default());
    if ready.is_empty() && waiting.is_empty() {
        errors.push(field::Error::required(path, "must specify `addresses` or `notReadyAddresses`"));
    }
    for (name, list) in [("addresses", ready), ("notReadyAddresses", waiting)] {
        for (at, address) in list.iter().enumerate() {
            validate_address(errors, &path.child(name).index(at), address);
        }
    }
    let ports = subset.ports.as_deref().unwrap_or_default();
    for (at, port) in ports.iter().enumerate() {
        let path = path.child("ports").index(at);
        match port.name.as_deref().unwrap_or_default() {
            "" if ports.len() > 1 => errors.push(field::Error::required(&path.child("name"), "")),
            "" => {}
            name => validate::each(errors, &path.child("name"), name, content::dns1123_label(name)),
        }
        validate::port_number(errors, &path.child("port"), port.port);
        validate::choice(errors, &path.child("protocol"), port.protocol.as_deref(), PROTOCOLS);
        if let Some(name) = port.app_protocol.as_deref() {
            validate::each(errors, &path.child("appProtocol"), name, content::label_key(name));
        }
    }
}

fn validate_address(errors: &mut Errors, path: &field::Path, address: &EndpointAddress) {
    validate::address(errors, &path.child("ip"), &address.ip);
    if let Some(name) = address.hostname.as_deref().filter(|name| !name.is_empty()) {
        validate::each(errors, &path.child("hostname"), name, content::dns1123_label(name));
    }
    if let Some(name) = address.node_name.as_deref() {
        validate::each(errors, &path.child("nodeName"), name, content::dns1123_subdomain(name));
    }
    validate::endpoint_address(errors, &path.child("ip"), &address.ip);
}

fn endpoints_text(endpoints: &Endpoints) -> String {
    if endpoints.subsets.iter().flatten().next().is_none() {
        return cells::NONE.to_owned();
    }
    let mut all = Vec::new();
    for subset in endpoints.subsets.iter().flatten() {
        let addresses = || subset.addresses.iter().flatten();
        let ports = subset.ports.as_deref().unwrap_or_default();
        if ports.is_empty() {
            all.extend(addresses().map(|address| address.ip.clone()));
        }
        for port in ports {
            all.extend(addresses().map(|address| match address.ip.contains(':') {
                true => format!("[{}]:{}", address.ip, port.port),
                false => format!("{}:{}", address.ip, port.port),
            }));
        }
    }
    match all.len() {
        count if count > SHOWN => {
            all.truncate(SHOWN);
            format!("{} + {} more...", all.join(","), count - SHOWN)
        }
        _ => all.join(","),
    }
}
