//! Ingresses.

use k8s_openapi::api::networking::v1::{Ingress, IngressStatus};
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation};
use crate::apimachinery::meta;
use crate::sim::Time;

impl Strategy for Ingress {
    const INFO: KindInfo =
        KindInfo::new("networking.k8s.io", "v1", "Ingress", "ingresses.networking.k8s.io", "ingress")
            .short(&["ing"])
            .status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Class", "The class whose controller serves it."),
        Column::new("Hosts", "The host names that it answers to."),
        Column::new("Address", "Where the load balancer listens."),
        Column::new("Ports", "The ports that are open."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        self.spec.get_or_insert_default();
        self.status.get_or_insert_default().load_balancer.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(IngressStatus { load_balancer: Some(Default::default()) });
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        let changed = self.spec != old.spec;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.generation = old.metadata.generation;
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.clone().unwrap_or_default();
        let rules = spec.rules.unwrap_or_default();
        let mut hosts: Vec<String> =
            rules.into_iter().filter_map(|rule| rule.host).filter(|host| !host.is_empty()).collect();
        let count = hosts.len();
        hosts.truncate(3);
        let hosts = match count {
            0 => "*".to_owned(),
            count if count > 3 => format!("{} + {} more...", hosts.join(","), count - 3),
            _ => hosts.join(","),
        };
        let status = self.status.clone().unwrap_or_default().load_balancer.unwrap_or_default();
        let held = status.ingress.into_iter().flatten();
        let addresses: Vec<String> = held.filter_map(|one| one.ip.or(one.hostname)).collect();
        let ports = if spec.tls.iter().flatten().next().is_some() { "80, 443" } else { "80" };
        vec![
            json!(meta::name(&self.metadata)),
            json!(spec.ingress_class_name.unwrap_or_else(|| cells::NONE.to_owned())),
            json!(hosts),
            json!(addresses.join(",")),
            json!(ports),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}
