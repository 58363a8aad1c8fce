//! Network policies.

use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, pod_spec::defaults::fill_text};
use crate::apimachinery::meta;
use crate::sim::Time;

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
            fill_text(&mut port.protocol, "TCP");
        }
    }

    fn prepare_for_create(&mut self) {
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        let changed = self.spec != old.spec;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        vec![
            json!(meta::name(&self.metadata)),
            json!(cells::selector(self.spec.as_ref().and_then(|spec| spec.pod_selector.as_ref()))),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}
