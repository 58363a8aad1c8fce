//! Addresses and node ports of Services: what the server gives, keeps and refuses before it judges the rest.
//!
//! Models Kubernetes 1.36 pkg/registry/core/service/storage/{storage,alloc}.go with {ipallocator,portallocator}, for a
//! cluster whose Services have addresses of one family; without their bitmaps.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Service, ServiceSpec};

use crate::api::service;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{Reason, Status, meta};
use crate::storage::Store;

/// How often an address is drawn before the range counts as full.
const ATTEMPTS: usize = 1000;

/// The ports that nodes offer to Services.
const NODE_PORTS: std::ops::RangeInclusive<i32> = 30_000..=32_767;

const HEADLESS: &str = "None";
const FAMILY: &str = "IPv4";
const SINGLE: &str = "SingleStack";
const PREFERRED: &str = "PreferDualStack";
const REQUIRED: &str = "RequireDualStack";

/// Gives a Service what its type needs: a cluster IP, node ports. `old` is what an update replaces.
pub(super) fn allocate(
    store: &Store,
    rng: &mut fastrand::Rng,
    service: &mut Service,
    old: Option<&Service>,
) -> Result<(), Status> {
    let name = meta::name(&service.metadata).to_owned();
    let spec = service.spec.get_or_insert_default();
    let old = old.and_then(|old| old.spec.as_ref());
    if let Some(old) = old {
        keep_allocated(spec, old);
    }
    normalize(spec, old);
    let invalid = |errors: Errors| Status::invalid("Service", &name, &errors);
    families(spec, old).map_err(invalid)?;
    addresses(store, rng, spec, old, &name)?;
    let mut ports = Ports { taken: taken_ports(store), rng };
    match old {
        Some(old) => ports.update(spec, old, &name),
        None => ports.create(spec, &name),
    }
}

type Errors = Vec<Error>;

fn of_type(spec: &ServiceSpec, types: &[&str]) -> bool {
    types.contains(&spec.type_.as_deref().unwrap_or("ClusterIP"))
}

fn has_address(spec: &ServiceSpec) -> bool {
    !of_type(spec, &["ExternalName"])
}

fn has_node_ports(spec: &ServiceSpec) -> bool {
    of_type(spec, &["NodePort", "LoadBalancer"])
}

/// Whether free node ports are given to the ports that ask for none.
fn gets_node_ports(spec: &ServiceSpec) -> bool {
    of_type(spec, &["NodePort"])
        || (of_type(spec, &["LoadBalancer"]) && spec.allocate_load_balancer_node_ports != Some(false))
}

fn text(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

fn wanted(number: Option<i32>) -> Option<i32> {
    number.filter(|number| *number != 0)
}

fn same_addresses(new: &ServiceSpec, old: &ServiceSpec) -> bool {
    text(new.cluster_ip.as_ref()) == text(old.cluster_ip.as_ref())
        && new.cluster_ips.as_deref().unwrap_or_default() == old.cluster_ips.as_deref().unwrap_or_default()
}

/// An update that leaves out what the server allocated keeps it (`patchAllocatedValues`).
fn keep_allocated(spec: &mut ServiceSpec, old: &ServiceSpec) {
    if has_address(spec) && has_address(old) {
        if text(spec.cluster_ip.as_ref()).is_empty() {
            spec.cluster_ip.clone_from(&old.cluster_ip);
        }
        if spec.cluster_ips.iter().flatten().next().is_none() {
            spec.cluster_ips.clone_from(&old.cluster_ips);
        }
    }
    if gets_node_ports(spec) && gets_node_ports(old) {
        let used = |spec: &ServiceSpec| -> BTreeSet<i32> {
            spec.ports.iter().flatten().filter_map(|port| wanted(port.node_port)).collect()
        };
        let both: BTreeSet<i32> = used(spec).intersection(&used(old)).copied().collect();
        let named: BTreeMap<&str, Option<i32>> =
            old.ports.iter().flatten().map(|port| (text(port.name.as_ref()), port.node_port)).collect();
        for port in spec.ports.iter_mut().flatten().filter(|port| wanted(port.node_port).is_none()) {
            let held = named.get(text(port.name.as_ref())).copied().flatten();
            port.node_port = held.filter(|held| !both.contains(held));
        }
    }
    if service::needs_health_check(spec) && service::needs_health_check(old) {
        spec.health_check_node_port = wanted(spec.health_check_node_port).or(old.health_check_node_port);
    }
}

/// `clusterIP` and `clusterIPs` say the same, whichever of them the client knows (`normalizeClusterIPs`).
fn normalize(spec: &mut ServiceSpec, old: Option<&ServiceSpec>) {
    let listed = |spec: &ServiceSpec| spec.cluster_ips.iter().flatten().next().is_some();
    let Some(old) = old else {
        if !text(spec.cluster_ip.as_ref()).is_empty() && !listed(spec) {
            spec.cluster_ips = spec.cluster_ip.clone().map(|address| vec![address]);
        }
        return;
    };
    let (new_one, old_one) = (text(spec.cluster_ip.as_ref()), text(old.cluster_ip.as_ref()));
    if listed(old) && !listed(spec) && new_one == old_one {
        spec.cluster_ips.clone_from(&old.cluster_ips);
    } else if new_one != old_one && spec.cluster_ips == old.cluster_ips {
        let cleared = new_one.is_empty();
        spec.cluster_ips = spec.cluster_ip.clone().filter(|_| !cleared).map(|address| vec![address]);
    }
}

/// Which families of addresses a Service has (`initIPFamilyFields`).
fn families(spec: &mut ServiceSpec, old: Option<&ServiceSpec>) -> Result<(), Errors> {
    if !has_address(spec) || old.is_some_and(|old| stays_preferred(spec, old)) {
        return Ok(());
    }
    let selects = spec.selector.iter().flatten().next().is_some();
    let headless = text(spec.cluster_ip.as_ref()) == HEADLESS;
    if spec.ip_family_policy.is_none() {
        let default = if headless && !selects { REQUIRED } else { SINGLE };
        let held = old.and_then(|old| old.ip_family_policy.clone());
        spec.ip_family_policy = held.or_else(|| Some(default.to_owned()));
    }
    let wrong = service::address_errors(spec);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let (path, single) = (Path::new("spec"), spec.ip_family_policy.as_deref() == Some(SINGLE));
    let mut errors = Errors::new();
    if let Some(old) = old {
        fewer(&mut errors, spec, old, single);
    }
    let policy = |why: &str, spec: &ServiceSpec| {
        Error::invalid(&Path::new("spec").child("ipFamilyPolicy"), text(spec.ip_family_policy.as_ref()), why)
    };
    for (count, what) in [
        (spec.cluster_ips.as_ref().map_or(0, Vec::len), "cluster IPs"),
        (spec.ip_families.as_ref().map_or(0, Vec::len), "IP families"),
    ] {
        if single && count == 2 {
            let why = format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified");
            errors.push(policy(&why, spec));
        }
    }
    let known = spec.ip_families.get_or_insert_default();
    for (index, address) in spec.cluster_ips.iter().flatten().enumerate().filter(|_| !headless) {
        if index >= known.len() && address.contains(':') {
            let at = path.child("clusterIPs").index(index);
            errors.push(Error::invalid(&at, &spec.cluster_ips, "IPv6 is not configured on this cluster"));
        } else if index >= known.len() {
            known.push(FAMILY.to_owned());
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    if known.is_empty() && headless && !selects {
        known.push(FAMILY.to_owned());
    }
    if headless && !selects {
        // Whoever lists the endpoints of such a Service may list both families.
        if known.len() < 2 && !single {
            let other = if known.first().is_some_and(|first| first == FAMILY) { "IPv6" } else { FAMILY };
            known.push(other.to_owned());
        }
        return Ok(());
    }
    for (index, family) in known.iter().enumerate().filter(|(_, family)| *family != FAMILY) {
        let at = path.child("ipFamilies").index(index);
        errors.push(Error::invalid(&at, family, "not configured on this cluster"));
    }
    if known.is_empty() {
        known.push(FAMILY.to_owned());
    }
    if spec.ip_family_policy.as_deref() == Some(REQUIRED) {
        errors.insert(0, policy("this cluster is not configured for dual-stack services", spec));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// `isMatchingPreferDualStackClusterIPFields`
fn stays_preferred(spec: &ServiceSpec, old: &ServiceSpec) -> bool {
    spec.type_ == old.type_
        && spec.ip_family_policy.as_deref() == Some(PREFERRED)
        && old.ip_family_policy.as_deref().is_none_or(|policy| policy == PREFERRED)
        && same_addresses(spec, old)
        && spec.ip_families == old.ip_families
}

/// An update to fewer addresses or families says so.
fn fewer(errors: &mut Errors, spec: &mut ServiceSpec, old: &ServiceSpec, single: bool) {
    if single {
        if same_addresses(spec, old) {
            spec.cluster_ips.iter_mut().for_each(|listed| listed.truncate(1));
        }
        if spec.ip_families == old.ip_families {
            spec.ip_families.iter_mut().for_each(|listed| listed.truncate(1));
        }
        return;
    }
    let count = |listed: &Option<Vec<String>>| listed.as_ref().map_or(0, Vec::len);
    for (new, old, what) in [
        (&spec.cluster_ips, &old.cluster_ips, "secondary cluster IP"),
        (&spec.ip_families, &old.ip_families, "secondary IP family"),
    ] {
        if count(new) == 1 && count(old) == 2 {
            let at = Path::new("spec").child("ipFamilyPolicy");
            let why = format!("must be 'SingleStack' to release the {what}");
            errors.push(Error::invalid(&at, text(spec.ip_family_policy.as_ref()), why));
        }
    }
}

/// The cluster IP, drawn or as asked for.
fn addresses(
    store: &Store,
    rng: &mut fastrand::Rng,
    spec: &mut ServiceSpec,
    old: Option<&ServiceSpec>,
    name: &str,
) -> Result<(), Status> {
    let first = spec.cluster_ips.iter().flatten().next().cloned().unwrap_or_default();
    // Who had an address keeps it.
    if !has_address(spec) || first == HEADLESS || old.is_some_and(has_address) {
        return Ok(());
    }
    let address = if first.is_empty() { free_address(store, rng)? } else { first };
    if spec.cluster_ips.iter().flatten().next().is_some()
        && let Some(why) = unfit(store, &address)
    {
        let why = format!("failed to allocate IP {address}: {why}");
        let error = Error::invalid(&Path::new("spec").child("clusterIPs"), &spec.cluster_ips, why);
        return Err(Status::invalid("Service", name, &[error]));
    }
    spec.cluster_ips = Some(vec![address.clone()]);
    spec.cluster_ip = Some(address);
    Ok(())
}

/// The ports of nodes, with those that are taken.
struct Ports<'a> {
    taken: BTreeSet<i32>,
    rng: &'a mut fastrand::Rng,
}

impl Ports<'_> {
    fn free(&mut self) -> Result<i32, Status> {
        let drawn = (0..ATTEMPTS).map(|_| self.rng.i32(NODE_PORTS)).find(|drawn| !self.taken.contains(drawn));
        let number = drawn.ok_or_else(|| Status::internal("failed to allocate a nodePort: range is full"))?;
        self.taken.insert(number);
        Ok(number)
    }

    fn reserve(&mut self, number: i32) -> Result<(), &'static str> {
        if !NODE_PORTS.contains(&number) {
            return Err("provided port is not in the valid range. The range of valid ports is 30000-32767");
        }
        if self.taken.insert(number) { Ok(()) } else { Err("provided port is already allocated") }
    }

    fn reserve_for(&mut self, number: i32, index: usize, name: &str) -> Result<(), Status> {
        let at = Path::new("spec").child("ports").index(index).child("nodePort");
        self.reserve(number).map_err(|why| Status::invalid("Service", name, &[Error::invalid(&at, number, why)]))
    }

    /// `initNodePorts`: one port of two protocols has one node port.
    fn create(&mut self, spec: &mut ServiceSpec, name: &str) -> Result<(), Status> {
        let draws = gets_node_ports(spec);
        let asked: Vec<(i32, i32)> = spec
            .ports
            .iter()
            .flatten()
            .filter_map(|port| wanted(port.node_port).map(|number| (port.port, number)))
            .collect();
        let mut given: BTreeMap<i32, i32> = BTreeMap::new();
        let exposed = has_node_ports(spec);
        for (index, port) in spec.ports.iter_mut().flatten().enumerate().filter(|_| exposed) {
            match (wanted(port.node_port), given.get(&port.port).copied()) {
                (None, _) if !draws => {}
                (_, None) => {
                    let number = match asked.iter().find(|(of, _)| *of == port.port) {
                        Some((_, number)) => self.reserve_for(*number, index, name).map(|()| *number)?,
                        None => self.free()?,
                    };
                    port.node_port = Some(number);
                    given.insert(port.port, number);
                }
                (None, Some(number)) => port.node_port = Some(number),
                (Some(own), Some(number)) if own != number => self.reserve_for(own, index, name)?,
                (Some(_), Some(_)) => {}
            }
        }
        self.health_check(spec)
    }

    /// `updateNodePorts`
    fn update(&mut self, spec: &mut ServiceSpec, old: &ServiceSpec, name: &str) -> Result<(), Status> {
        let draws = gets_node_ports(spec);
        let held: BTreeSet<i32> = old.ports.iter().flatten().filter_map(|port| wanted(port.node_port)).collect();
        let (mut reserved, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let exposed = has_node_ports(spec);
        for (index, port) in spec.ports.iter_mut().flatten().enumerate().filter(|_| exposed) {
            let number = match wanted(port.node_port) {
                None if !draws => continue,
                None => self.free()?,
                Some(number) => {
                    if !held.contains(&number) && reserved.insert(number) {
                        self.reserve_for(number, index, name)?;
                    }
                    number
                }
            };
            port.node_port = Some(number);
            let protocol = text(port.protocol.as_ref()).to_owned();
            if !seen.insert((protocol.clone(), number)) {
                return Err(Status::other(Reason::Unknown, format!("duplicate nodePort: {{{protocol} {number}}}")));
            }
        }
        if service::needs_health_check(old) { Ok(()) } else { self.health_check(spec) }
    }

    /// `allocHealthCheckNodePort`
    fn health_check(&mut self, spec: &mut ServiceSpec) -> Result<(), Status> {
        if !service::needs_health_check(spec) {
            return Ok(());
        }
        spec.health_check_node_port = match wanted(spec.health_check_node_port) {
            None => Some(self.free()?),
            Some(number) => {
                let failed = |why| format!("failed to allocate requested HealthCheck NodePort {number}: {why}");
                self.reserve(number).map_err(|why| Status::internal(&failed(why)))?;
                Some(number)
            }
        };
        Ok(())
    }
}

fn specs(store: &Store) -> impl Iterator<Item = &ServiceSpec> {
    store.list("services", None).filter_map(|object| object.as_any().downcast_ref::<Service>()?.spec.as_ref())
}

/// The node ports of all Services.
fn taken_ports(store: &Store) -> BTreeSet<i32> {
    let numbers = |spec: &ServiceSpec| -> Vec<i32> {
        let ports = spec.ports.iter().flatten().map(|port| port.node_port);
        ports.chain([spec.health_check_node_port]).filter_map(wanted).collect()
    };
    specs(store).flat_map(numbers).collect()
}

/// Why a Service may not have an address that it asks for.
fn unfit(store: &Store, address: &str) -> Option<String> {
    let parts: Vec<u8> = address.split('.').filter_map(|part| part.parse().ok()).collect();
    if !matches!(parts.as_slice(), [10, 96..=111, _, _]) {
        let range = "10.96.0.0/12";
        let why = format!("the provided IP ({address}) is not in the valid range. The range of valid IPs is {range}");
        return Some(why);
    }
    used(store).contains(address).then(|| "provided IP is already allocated".to_owned())
}

fn used(store: &Store) -> BTreeSet<String> {
    specs(store).filter_map(|spec| spec.cluster_ip.clone()).collect()
}

/// An address of 10.96.0.0/12 that no Service has, beyond the first 256, which are kept for fixed ones.
fn free_address(store: &Store, rng: &mut fastrand::Rng) -> Result<String, Status> {
    let taken = used(store);
    for _ in 0..ATTEMPTS {
        let address = format!("10.{}.{}.{}", rng.u8(96..112), rng.u8(1..=255), rng.u8(1..=254));
        if !taken.contains(&address) {
            return Ok(address);
        }
    }
    Err(Status::internal("failed to allocate a serviceIP: range is full"))
}
