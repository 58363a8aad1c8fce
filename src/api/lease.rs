//! Leases: who leads, and which nodes live.

use k8s_openapi::api::coordination::v1::Lease;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, validate};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for Lease {
    const INFO: KindInfo = KindInfo::new("coordination.k8s.io", "v1", "Lease", "leases.coordination.k8s.io", "lease");
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::new("Holder", "Who holds the lease."), Column::AGE];

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let (Some(spec), path) = (&self.spec, field::Path::new("spec")) else { return errors };
        if let Some(seconds) = spec.lease_duration_seconds.filter(|seconds| *seconds <= 0) {
            let at = path.child("leaseDurationSeconds");
            errors.push(field::Error::invalid(&at, seconds, "must be greater than 0"));
        }
        validate::nonnegative_if_set(&mut errors, &path.child("leaseTransitions"), spec.lease_transitions);
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let holder = self.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
        vec![
            json!(meta::name(&self.metadata)),
            json!(holder.unwrap_or_default()),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}
