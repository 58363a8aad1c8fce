//! What a node's lease says when it is read. Its kubelet renews it every ten seconds while the node is well, and nobody
//! writes that down: a lease without an instant is one that is being renewed. Others are shown as they are.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/component-helpers/apimachinery/lease as a reader sees it.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};

use crate::apimachinery::{Object, meta};
use crate::sim::Time;
use crate::storage::Stored;

/// How often a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(10);

/// The lease with the instant of its last renewal; `None` for whatever says all by itself.
pub(super) fn renewed(stored: &Stored, now: Time) -> Option<Stored> {
    let lease = with_renewal(stored.object.as_any().downcast_ref::<Lease>()?, now)?;
    Some(Stored { object: Arc::new(lease), origin: Arc::clone(&stored.origin) })
}

/// Takes the instant out of what somebody writes over a lease that is being renewed: the next renewal would, too.
pub(super) fn keep_renewed(new: &mut dyn Object, old: &dyn Object) {
    if old.as_any().downcast_ref::<Lease>().is_some_and(is_renewed)
        && let Some(spec) = new.as_any_mut().downcast_mut::<Lease>().and_then(|lease| lease.spec.as_mut())
    {
        spec.renew_time = None;
    }
}

fn is_renewed(lease: &Lease) -> bool {
    let held = |spec: &LeaseSpec| spec.renew_time.is_none() && spec.holder_identity == lease.metadata.name;
    meta::namespace(&lease.metadata) == "kube-node-lease" && lease.spec.as_ref().is_some_and(held)
}

fn with_renewal(lease: &Lease, now: Time) -> Option<Lease> {
    if !is_renewed(lease) {
        return None;
    }
    let made = lease.metadata.creation_timestamp.as_ref().map(|time| Time::from(time.0))?;
    let since = now.since(made).as_secs() / RENEWAL.as_secs() * RENEWAL.as_secs();
    let mut lease = lease.clone();
    lease.spec.get_or_insert_default().renew_time = Some(meta::micro_time(made + Duration::from_secs(since)));
    Some(lease)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_openapi::api::coordination::v1::Lease;
    use serde_json::json;

    use super::{keep_renewed, with_renewal};
    use crate::sim::Time;

    #[test]
    fn the_lease_of_a_node_that_is_well_was_renewed_within_ten_seconds() {
        let made = Time::from_seconds(100);
        let read = |namespace: &str, spec: serde_json::Value| {
            let created = made.timestamp().to_string();
            let metadata = json!({"name": "node01", "namespace": namespace, "creationTimestamp": created});
            let lease: Lease = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
            let shown = with_renewal(&lease, made + Duration::from_secs(37))?;
            shown.spec?.renew_time.map(|time| Time::from(time.0).as_seconds())
        };
        let well = json!({"holderIdentity": "node01", "leaseDurationSeconds": 40});
        assert_eq!(read("kube-node-lease", well.clone()), Some(130));
        assert_eq!(read("default", well), None, "a lease of somebody else");
        let silent = json!({"holderIdentity": "node01", "renewTime": "2026-01-01T00:00:00.000000Z"});
        assert_eq!(read("kube-node-lease", silent), None, "a silent node keeps its last renewal");
    }

    #[test]
    fn who_writes_over_a_lease_that_is_renewed_ends_nothing() {
        let lease = |renewed: &str| -> Lease {
            let mut spec = json!({"holderIdentity": "node01"});
            if !renewed.is_empty() {
                spec["renewTime"] = json!(renewed);
            }
            serde_json::from_value(
                json!({"metadata": {"name": "node01", "namespace": "kube-node-lease"}, "spec": spec}),
            )
            .unwrap()
        };
        let kept = |mut new: Lease, old: Lease| {
            keep_renewed(&mut new, &old);
            new.spec.unwrap().renew_time.is_some()
        };
        let instant = "2026-01-01T00:00:00.000000Z";
        assert!(!kept(lease(instant), lease("")), "it goes on being renewed");
        assert!(kept(lease(instant), lease(instant)), "of a silent node it is written");
    }
}
