//! Endpoint slices.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, pod_spec::defaults::fill_text};
use crate::apimachinery::meta;
use crate::sim::Time;

/// How many addresses and ports are shown before the rest is counted.
const SHOWN: usize = 3;

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
            fill_text(&mut port.protocol, "TCP");
        }
    }

    fn prepare_for_create(&mut self) {
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        let changed = self.endpoints != old.endpoints
            || self.ports != old.ports
            || self.address_type != old.address_type
            || self.metadata.labels != old.metadata.labels
            || self.metadata.annotations != old.metadata.annotations;
        generation::follow(&mut self.metadata, &old.metadata, changed);
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

fn few(mut all: Vec<String>) -> String {
    let count = all.len();
    if count == 0 {
        return "<unset>".to_owned();
    }
    all.truncate(SHOWN);
    let shown = all.join(",");
    if count > SHOWN { format!("{shown} + {} more...", count - SHOWN) } else { shown }
}
