//! Endpoints, the old form of endpoint slices.

use k8s_openapi::api::core::v1::Endpoints;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::meta;
use crate::sim::Time;

/// How many endpoints are shown before the rest is counted.
const SHOWN: usize = 3;

impl Strategy for Endpoints {
    const INFO: KindInfo = KindInfo::new("", "v1", "Endpoints", "endpoints", "endpoints").short(&["ep"]);
    const COLUMNS: &'static [Column] =
        &[Column::NAME, Column::new("Endpoints", "The addresses that serve."), Column::AGE];

    fn set_defaults(&mut self) {
        for subset in self.subsets.iter_mut().flatten() {
            for port in subset.ports.iter_mut().flatten() {
                super::pod_spec::defaults::fill_text(&mut port.protocol, "TCP");
            }
        }
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        vec![json!(meta::name(&self.metadata)), json!(endpoints_text(self)), json!(cells::age(&self.metadata, now))]
    }
}

fn endpoints_text(endpoints: &Endpoints) -> String {
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
        0 => cells::NONE.to_owned(),
        count if count > SHOWN => {
            all.truncate(SHOWN);
            format!("{} + {} more...", all.join(","), count - SHOWN)
        }
        _ => all.join(","),
    }
}
