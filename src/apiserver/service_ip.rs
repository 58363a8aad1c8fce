//! Addresses and node ports of Services, drawn from the server's ranges.
//!
//! Models Kubernetes 1.36 pkg/registry/core/service/{ipallocator,portallocator} without their bitmaps.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Service;

use crate::apimachinery::{Status, field};
use crate::storage::Store;

/// How often an address is drawn before the range counts as full.
const ATTEMPTS: usize = 1000;

/// Gives a Service what its type needs: a cluster IP, node ports. Keeps what it has.
pub(super) fn allocate(store: &Store, rng: &mut fastrand::Rng, service: &mut Service) -> Result<(), Status> {
    let name = service.metadata.name.clone().unwrap_or_default();
    let namespace = service.metadata.namespace.clone().unwrap_or_default();
    let held = store.get("services", &namespace, &name).and_then(|old| old.as_any().downcast_ref::<Service>());
    let spec = service.spec.get_or_insert_default();
    let kind = spec.type_.clone().unwrap_or_else(|| "ClusterIP".to_owned());
    if kind == "ExternalName" {
        return Ok(());
    }
    if spec.cluster_ip.as_deref().unwrap_or_default().is_empty() {
        let address = match held.and_then(|old| old.spec.as_ref()?.cluster_ip.clone()) {
            Some(address) => address,
            None => free_address(store, rng)?,
        };
        spec.cluster_ip = Some(address);
    } else if held.is_none()
        && let Some(address) = spec.cluster_ip.clone().filter(|address| address != "None")
        && used(store, |service| service.spec.as_ref()?.cluster_ip.clone()).contains(&address)
    {
        let path = field::Path::new("spec").child("clusterIPs");
        let why = "failed to allocate IP: provided IP is already allocated".to_owned();
        let error = field::Error::invalid(&path, vec![address], why);
        return Err(Status::invalid("Service", &name, &[error]));
    }
    if spec.cluster_ips.as_ref().is_none_or(Vec::is_empty) {
        spec.cluster_ips = spec.cluster_ip.clone().map(|address| vec![address]);
    }
    spec.ip_families.get_or_insert_with(|| vec!["IPv4".to_owned()]);
    spec.ip_family_policy.get_or_insert_with(|| "SingleStack".to_owned());
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        let held: Vec<Option<i32>> = held
            .and_then(|old| {
                old.spec.as_ref()?.ports.as_ref().map(|ports| ports.iter().map(|one| one.node_port).collect())
            })
            .unwrap_or_default();
        for (index, port) in spec.ports.iter_mut().flatten().enumerate() {
            if port.node_port.unwrap_or(0) == 0 {
                port.node_port = held.get(index).copied().flatten().or_else(|| Some(rng.i32(30_000..=32_767)));
            }
        }
    }
    Ok(())
}

fn used(store: &Store, of: impl Fn(&Service) -> Option<String>) -> BTreeSet<String> {
    store.list("services", None).filter_map(|object| of(object.as_any().downcast_ref::<Service>()?)).collect()
}

/// An address of 10.96.0.0/12 that no Service has, beyond the first 256, which are kept for fixed ones.
fn free_address(store: &Store, rng: &mut fastrand::Rng) -> Result<String, Status> {
    let taken = used(store, |service| service.spec.as_ref()?.cluster_ip.clone());
    for _ in 0..ATTEMPTS {
        let address = format!("10.{}.{}.{}", rng.u8(96..112), rng.u8(1..=255), rng.u8(1..=254));
        if !taken.contains(&address) {
            return Ok(address);
        }
    }
    Err(Status::internal("failed to allocate a serviceIP: range is full"))
}
