//! Resource quotas.

use k8s_openapi::api::core::v1::ResourceQuota;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, validate};
use crate::apimachinery::quantity::Quantity;
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

impl Strategy for ResourceQuota {
    const INFO: KindInfo =
        KindInfo::new("", "v1", "ResourceQuota", "resourcequotas", "resourcequota").short(&["quota"]).status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Request", "What is requested, of how much."),
        Column::new("Limit", "What is allowed as limits, of how much."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        self.spec.get_or_insert_default();
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let path = field::Path::new("spec").child("hard");
        let hard = self.spec.as_ref().and_then(|spec| spec.hard.as_ref());
        for (name, amount) in hard.into_iter().flatten() {
            let at = path.key(name);
            validate::each(&mut errors, &at, name, content::label_key(name));
            // What has no prefix is one of a few known words; `count/jobs.batch` counts objects of any kind.
            if !name.contains('/') && !is_quota_resource(name) {
                errors.push(field::Error::invalid(&at, name, "must be a standard resource type or fully qualified"));
                errors.push(field::Error::invalid(&at, name, "must be a standard resource for quota"));
            }
            if Quantity::parse(&amount.0).is_ok_and(|amount| amount < Quantity::zero()) {
                let why = "must be greater than or equal to 0";
                errors.push(field::Error::invalid(&at, &amount.0, why));
            }
        }
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let status = self.status.clone().unwrap_or_default();
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        for (name, hard) in status.hard.iter().flatten() {
            let used = cells::or(Some(cells::quantity(status.used.as_ref(), name)), "0");
            let text = format!("{name}: {used}/{}", hard.0);
            if name.starts_with("limits") { limits.push(text) } else { requests.push(text) }
        }
        vec![
            json!(meta::name(&self.metadata)),
            json!(requests.join(", ")),
            json!(limits.join(", ")),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}

/// The resources without a prefix that a quota may limit.
fn is_quota_resource(name: &str) -> bool {
    const COUNTED: &[&str] = &[
        "configmaps",
        "cpu",
        "ephemeral-storage",
        "limits.cpu",
        "limits.ephemeral-storage",
        "limits.memory",
        "memory",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "requests.cpu",
        "requests.ephemeral-storage",
        "requests.memory",
        "requests.storage",
        "resourcequotas",
        "secrets",
        "services",
        "services.loadbalancers",
        "services.nodeports",
    ];
    COUNTED.contains(&name) || name.starts_with("hugepages-") || name.starts_with("requests.hugepages-")
}
