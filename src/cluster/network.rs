//! What containers and the learner's machine reach over the network: names of Services and Pods, and what listens
//! behind them on any node, as far as NetworkPolicies let packets through. Knows nothing outside of the cluster.
//!
//! Models Kubernetes 1.36 pkg/proxy (a Service's address leads to one of its ready endpoints) and CoreDNS' kubernetes
//! plugin (which names there are).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::policy;
use crate::apimachinery::meta;
use crate::apiserver::{ApiServer, NoNodes};
use crate::kubelet::Kubelet;
use crate::shell::connections::is_address;
use crate::shell::program::Host;
use crate::sim::Time;
use crate::text::http::{Request, Response, StreamId, StreamRead};

/// The zone of the cluster's names.
const ZONE: &str = ".cluster.local";

/// The network, seen from one node: that node's own Pods are reached by its runtime before anybody asks here.
#[derive(Debug)]
pub struct Network<'a> {
    /// Knows Services and their endpoints, and is reached over the network itself.
    pub server: &'a mut ApiServer,
    /// The other nodes' kubelets, in two parts, each with the number of its first.
    pub nodes: [(usize, &'a mut [Kubelet]); 2],
    /// The numbers of machines that are switched off.
    pub down: &'a BTreeSet<usize>,
    /// Counts connections to Services, so that their endpoints take turns.
    pub turn: &'a mut u64,
    /// The present instant.
    pub now: Time,
}

impl Network<'_> {
    fn node_of(&mut self, address: &str) -> Option<&mut Kubelet> {
        let down = self.down;
        let all = self.nodes.iter_mut().flat_map(|(first, part)| (*first..).zip(part.iter_mut()));
        let mut up = all.filter(|(number, _)| !down.contains(number));
        up.find(|(_, kubelet)| kubelet.has_address(address)).map(|(_, kubelet)| kubelet)
    }

    fn service(&self, namespace: &str, name: &str) -> Option<std::sync::Arc<Service>> {
        self.server.get::<Service>(namespace, name).ok()
    }

    fn slices(&self, service: &Service) -> impl Iterator<Item = std::sync::Arc<EndpointSlice>> + '_ {
        let name = meta::name(&service.metadata).to_owned();
        let of_service = move |slice: &std::sync::Arc<EndpointSlice>| {
            let labels = slice.metadata.labels.as_ref();
            labels.and_then(|labels| labels.get("kubernetes.io/service-name")) == Some(&name)
        };
        self.server.list::<EndpointSlice>(service.metadata.namespace.as_deref()).filter(of_service)
    }

    /// The addresses of a headless Service: all of them, or those of one host name.
    fn headless(&self, service: &Service, host: Option<&str>) -> Vec<String> {
        let unready = service.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses) == Some(true);
        let mut found = Vec::new();
        for slice in self.slices(service) {
            for endpoint in slice.endpoints.iter().flatten() {
                let ready = endpoint.conditions.as_ref().is_none_or(|held| held.ready != Some(false));
                let named = endpoint.hostname.as_deref();
                for address in endpoint.addresses.iter().filter(|_| ready || unready) {
                    let dashed = address.replace('.', "-");
                    if host.is_none_or(|host| named.unwrap_or(&dashed) == host) && !found.contains(address) {
                        found.push(address.clone());
                    }
                }
            }
        }
        found
    }

    /// Where a connection to a port of a Service ends; `None` when it has no endpoint.
    fn endpoint(&mut self, service: &Service, port_name: Option<&str>) -> Option<String> {
        let mut targets = Vec::new();
        for slice in self.slices(service) {
            let ports = slice.ports.iter().flatten();
            let port = ports.filter(|port| port.name.as_deref().unwrap_or("") == port_name.unwrap_or(""));
            let Some(number) = port.filter_map(|port| port.port).next() else { continue };
            for endpoint in slice.endpoints.iter().flatten() {
                if endpoint.conditions.as_ref().is_none_or(|held| held.ready != Some(false)) {
                    targets.extend(endpoint.addresses.iter().map(|address| format!("{address}:{number}")));
                }
            }
        }
        *self.turn += 1;
        let place = usize::try_from(*self.turn).unwrap_or(0).checked_rem(targets.len())?;
        targets.into_iter().nth(place)
    }

    /// Whether a connection leads to the API server.
    fn is_api_server(&self, authority: &str) -> bool {
        let (address, port) = split(authority);
        self.server.get::<EndpointSlice>("default", "kubernetes").is_ok_and(|slice| {
            slice.ports.iter().flatten().any(|held| held.port == Some(i32::from(port)))
                && slice
                    .endpoints
                    .iter()
                    .flatten()
                    .any(|endpoint| endpoint.addresses.iter().any(|held| held == address))
        })
    }

    fn is_node(&self, address: &str) -> bool {
        self.server.list::<Node>(None).any(|node| {
            let addresses = node.status.as_ref().and_then(|status| status.addresses.as_ref());
            addresses.is_some_and(|all| all.iter().any(|held| held.address == address))
        })
    }
}

fn split(authority: &str) -> (&str, u16) {
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    (host, port.parse().unwrap_or(0))
}

impl Host for Network<'_> {
    fn lookup(&mut self, name: &str) -> Result<Vec<String>, String> {
        let missing = || format!("lookup {name}: no such host");
        let inner = name.trim_end_matches('.').strip_suffix(ZONE).ok_or_else(missing)?;
        let parts: Vec<&str> = inner.split('.').collect();
        let found = match parts.as_slice() {
            [dashed, _, "pod"] => {
                let address = dashed.replace('-', ".");
                if is_address(&address) { vec![address] } else { Vec::new() }
            }
            [service, namespace, "svc"] => {
                let service = self.service(namespace, service).ok_or_else(missing)?;
                let spec = service.spec.clone().unwrap_or_default();
                match (spec.external_name.filter(|_| spec.type_.as_deref() == Some("ExternalName")), spec.cluster_ip) {
                    (Some(other), _) => return self.lookup(&other),
                    (None, Some(address)) if address != "None" && !address.is_empty() => vec![address],
                    _ => self.headless(&service, None),
                }
            }
            [host, service, namespace, "svc"] => {
                let service = self.service(namespace, service).ok_or_else(missing)?;
                self.headless(&service, Some(host))
            }
            _ => Vec::new(),
        };
        if found.is_empty() { Err(missing()) } else { Ok(found) }
    }

    fn route(&mut self, authority: &str) -> Result<String, String> {
        let (address, port) = split(authority);
        let node = self.is_node(address);
        let services: Vec<_> = self
            .server
            .list::<Service>(None)
            .filter(|service| {
                let spec = service.spec.as_ref();
                let own = spec.and_then(|spec| spec.cluster_ip.as_deref()) == Some(address);
                let external = spec.and_then(|spec| spec.external_ips.as_ref());
                own || node || external.is_some_and(|all| all.iter().any(|held| held == address))
            })
            .collect();
        for service in &services {
            let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
            let wanted = |held: &&k8s_openapi::api::core::v1::ServicePort| {
                i32::from(port) == if node { held.node_port.unwrap_or(-1) } else { held.port }
            };
            let Some(held) = ports.into_iter().find(wanted) else { continue };
            let name = held.name.clone();
            return self
                .endpoint(service, name.as_deref())
                .ok_or_else(|| format!("dial tcp {authority}: connect: connection refused"));
        }
        if !node && !services.is_empty() {
            // Nothing forwards such a port, and nobody says so.
            return Err(format!("dial tcp {authority}: i/o timeout"));
        }
        Ok(authority.to_owned())
    }

    fn permits(&mut self, from: &str, authority: &str) -> Result<(), String> {
        let (address, port) = split(authority);
        if policy::permits(self.server, from, address, port) {
            Ok(())
        } else {
            Err(format!("dial tcp {authority}: i/o timeout"))
        }
    }

    fn connect(&mut self, authority: &str) -> Result<(), String> {
        if self.is_api_server(authority) {
            return Ok(());
        }
        let (address, port) = split(authority);
        let node = self.is_node(address);
        match self.node_of(address) {
            Some(kubelet) if kubelet.listens(address, port) => Ok(()),
            None if !node && !address.starts_with("127.") => {
                Err(format!("dial tcp {authority}: connect: no route to host"))
            }
            _ => Err(format!("dial tcp {authority}: connect: connection refused")),
        }
    }

    fn send(&mut self, authority: &str, request: Request) -> Result<Response, String> {
        if self.is_api_server(authority) {
            return Ok(self.server.handle_from_network(&request, &mut NoNodes));
        }
        self.connect(authority)?;
        let (address, port) = split(authority);
        let now = self.now;
        match self.node_of(address) {
            Some(kubelet) => kubelet.request(address, port, &request, now),
            None => Err(format!("dial tcp {authority}: connect: connection refused")),
        }
    }

    fn read_stream(&mut self, _: StreamId) -> StreamRead {
        StreamRead::End
    }
    fn write_stream(&mut self, _: StreamId, _: &[u8]) {}
    fn close_stream(&mut self, _: StreamId) {}
}
