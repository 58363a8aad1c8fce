//! Addresses and node ports of Services, drawn from the server's ranges.
//!
//! Models Kubernetes 1.36 pkg/registry/core/service/{ipallocator,portallocator} without their bitmaps.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Service;

use crate::apimachinery::{Status, field, meta};
use crate::storage::Store;

/// How often an address is drawn before the range counts as full.
const ATTEMPTS: usize = 1000;

/// The ports that nodes offer to Services.
const NODE_PORTS: std::ops::RangeInclusive<i32> = 30_000..=32_767;

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
        && let Some(why) = unfit(store, &address)
    {
        let path = field::Path::new("spec").child("clusterIPs");
        let why = format!("failed to allocate IP {address}: {why}");
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
        let key = (namespace.as_str(), name.as_str());
        let mut taken: BTreeSet<i32> = taken_node_ports(store, key);
        for (index, port) in spec.ports.iter_mut().flatten().enumerate() {
            let wanted = port.node_port.filter(|wanted| *wanted != 0);
            let Some(wanted) = wanted else {
                let kept = held.get(index).copied().flatten();
                let free = (0..ATTEMPTS).map(|_| rng.i32(NODE_PORTS)).find(|drawn| !taken.contains(drawn));
                port.node_port = kept.or(free);
                taken.extend(port.node_port);
                continue;
            };
            if held.contains(&Some(wanted)) {
                continue;
            }
            let why = match taken.insert(wanted) {
                _ if !NODE_PORTS.contains(&wanted) => {
                    "provided port is not in the valid range. The range of valid ports is 30000-32767"
                }
                true => continue,
                false => "provided port is already allocated",
            };
            let path = field::Path::new("spec").child("ports").index(index).child("nodePort");
            return Err(Status::invalid("Service", &name, &[field::Error::invalid(&path, wanted, why)]));
        }
    }
    Ok(())
}

/// The node ports of all Services but the one of this key.
fn taken_node_ports(store: &Store, key: (&str, &str)) -> BTreeSet<i32> {
    let services = store.list("services", None).filter_map(|object| object.as_any().downcast_ref::<Service>());
    let others = services.filter(|service| (meta::namespace(&service.metadata), meta::name(&service.metadata)) != key);
    let ports = others.filter_map(|service| service.spec.as_ref()?.ports.as_ref()).flatten();
    ports.filter_map(|port| port.node_port).collect()
}

/// Why a Service may not have an address that it asks for.
fn unfit(store: &Store, address: &str) -> Option<String> {
    let parts: Vec<u8> = address.split('.').filter_map(|part| part.parse().ok()).collect();
    if !matches!(parts.as_slice(), [10, 96..=111, _, _]) {
        let range = "10.96.0.0/12";
        let why = format!("the provided IP ({address}) is not in the valid range. The range of valid IPs is {range}");
        return Some(why);
    }
    let taken = used(store, |service| service.spec.as_ref()?.cluster_ip.clone()).contains(address);
    taken.then(|| "provided IP is already allocated".to_owned())
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
