//! Leases: who leads, and which nodes live.

use k8s_openapi::api::coordination::v1::Lease;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::meta;
use crate::sim::Time;

impl Strategy for Lease {
    const INFO: KindInfo = KindInfo::new("coordination.k8s.io", "v1", "Lease", "leases.coordination.k8s.io", "lease");
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::new("Holder", "Who holds the lease."), Column::AGE];

    fn row(&self, now: Time) -> Vec<Cell> {
        let holder = self.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
        vec![
            json!(meta::name(&self.metadata)),
            json!(holder.unwrap_or_default()),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}
