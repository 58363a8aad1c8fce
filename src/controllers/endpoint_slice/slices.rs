//! The EndpointSlices of a Service: at most a hundred endpoints each, moved as little as possible.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/endpointslice/{reconciler,utils}.go. Addresses are IPv4 alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, ObjectReference, Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::trigger_time::annotate;
use super::{HEADLESS, SERVICE_NAME, address_of, hostname_of, is_headless, port_of, spec_of};
use crate::apimachinery::{Status, meta};
use crate::apiserver::DeleteOptions;
use crate::client::node_of;
use crate::controllers::Context;
use crate::controllers::pod_control::{ignore_not_found, is_pod_ready};

/// The label that names who keeps a slice.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
/// How many endpoints a slice holds at most.
const MAX_ENDPOINTS: usize = 100;

/// Brings the Service's slices to what its Pods are.
///
/// # Errors
/// The server's answer to a write.
pub fn reconcile(
    service: &Arc<Service>,
    pods: &[Arc<Pod>],
    trigger: Option<String>,
    context: &mut Context<'_>,
) -> Result<(), Status> {
    let held = context.caches.controlled_by::<EndpointSlice>(meta::uid(&service.metadata));
    let mut spare: Vec<Arc<EndpointSlice>> =
        held.filter(|slice| !meta::is_deleting(&slice.metadata) && is_ours(slice)).collect();
    let writer = Writer { service, labels: labels_of(service), trigger };
    let mut used = 0;
    let zone = |pod: &Pod| {
        let node = context.caches.get::<Node>("", node_of(pod))?;
        node.metadata.labels.as_ref()?.get("topology.kubernetes.io/zone").cloned()
    };
    for mut group in by_ports(service, pods, zone) {
        let (same, other) = spare.into_iter().partition(|slice| group.ports == ports_of(slice));
        spare = other;
        let same: Vec<Arc<EndpointSlice>> = same;
        // What is in a slice stays in it; free places are filled from what is new.
        let mut contents: Vec<Vec<Endpoint>> = Vec::new();
        for slice in &same {
            contents.push(
                slice.endpoints.iter().flatten().filter_map(|held| group.endpoints.remove(target(held))).collect(),
            );
        }
        let mut new: Vec<Endpoint> = group.endpoints.into_values().rev().collect();
        for (slice, mut endpoints) in same.into_iter().zip(contents) {
            while endpoints.len() < MAX_ENDPOINTS
                && let Some(endpoint) = new.pop()
            {
                endpoints.push(endpoint);
            }
            if endpoints.is_empty() {
                spare.push(slice);
            } else {
                used += 1;
                writer.update(&slice, endpoints, &group.ports, context)?;
            }
        }
        while !new.is_empty() {
            let rest = new.split_off(new.len().saturating_sub(MAX_ENDPOINTS));
            let endpoints = rest.into_iter().rev().collect();
            used += 1;
            match spare.pop() {
                Some(slice) => writer.update(&slice, endpoints, &group.ports, context)?,
                None => writer.create(endpoints, &group.ports, context)?,
            }
        }
    }
    if used == 0 {
        // A Service without Pods still has one slice, an empty one.
        match spare.pop() {
            Some(slice) => writer.update(&slice, Vec::new(), &[], context)?,
            None => writer.create(Vec::new(), &[], context)?,
        }
    }
    for slice in spare {
        let (namespace, name) = (meta::namespace(&slice.metadata), meta::name(&slice.metadata));
        let deleted = context.client.delete::<EndpointSlice>(namespace, name, &DeleteOptions::default());
        deleted.or_else(ignore_not_found)?;
    }
    Ok(())
}

/// The endpoints that share their ports, by the Pod's uid.
struct Group {
    ports: Vec<EndpointPort>,
    endpoints: BTreeMap<String, Endpoint>,
}

fn is_ours(slice: &EndpointSlice) -> bool {
    let labels = slice.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(MANAGED_BY)).is_some_and(|name| name == CONTROLLER)
}

fn ports_of(slice: &EndpointSlice) -> Vec<EndpointPort> {
    slice.ports.clone().unwrap_or_default()
}

fn target(endpoint: &Endpoint) -> &str {
    endpoint.target_ref.as_ref().and_then(|target| target.uid.as_deref()).unwrap_or_default()
}

fn by_ports(service: &Service, pods: &[Arc<Pod>], zone: impl Fn(&Pod) -> Option<String>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for pod in pods {
        let port = |port: &k8s_openapi::api::core::v1::ServicePort| {
            Some(EndpointPort {
                name: Some(port.name.clone().unwrap_or_default()),
                port: Some(port_of(pod, port)?),
                protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".to_owned())),
                app_protocol: port.app_protocol.clone(),
            })
        };
        let mut ports: Vec<EndpointPort> = spec_of(service).ports.iter().flatten().filter_map(port).collect();
        ports.sort_by_cached_key(place_of);
        let (uid, endpoint) = (meta::uid(&pod.metadata).to_owned(), endpoint_of(pod, service, zone(pod)));
        match groups.iter_mut().find(|group| group.ports == ports) {
            Some(group) => {
                group.endpoints.insert(uid, endpoint);
            }
            None => groups.push(Group { ports, endpoints: BTreeMap::from([(uid, endpoint)]) }),
        }
    }
    groups
}

/// Where a port stands among a slice's: the FNV-1a hash, of 128 bits, of how Go writes it down.
fn place_of(port: &EndpointPort) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let written = format!(
        "(v1.EndpointPort){{Name:(*string){} Protocol:(*v1.Protocol){} Port:(*int32){} AppProtocol:(*string){}}}",
        port.name.as_deref().unwrap_or("<nil>"),
        port.protocol.as_deref().unwrap_or("<nil>"),
        port.port.map_or_else(|| "<nil>".to_owned(), |number| number.to_string()),
        port.app_protocol.as_deref().unwrap_or("<nil>"),
    );
    written.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

fn endpoint_of(pod: &Pod, service: &Service, zone: Option<String>) -> Endpoint {
    let (serving, terminating) = (is_pod_ready(pod), meta::is_deleting(&pod.metadata));
    let ready = spec_of(service).publish_not_ready_addresses == Some(true) || (serving && !terminating);
    Endpoint {
        addresses: address_of(pod).map(str::to_owned).into_iter().collect(),
        conditions: Some(EndpointConditions {
            ready: Some(ready),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: pod.metadata.namespace.clone(),
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
        node_name: Some(node_of(pod).to_owned()).filter(|node| !node.is_empty()),
        hostname: hostname_of(pod, service),
        zone,
        ..Endpoint::default()
    }
}

fn labels_of(service: &Service) -> BTreeMap<String, String> {
    let reserved = BTreeSet::from([SERVICE_NAME, MANAGED_BY, HEADLESS]);
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.retain(|key, _| !reserved.contains(key.as_str()));
    if is_headless(service) {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels.insert(SERVICE_NAME.to_owned(), meta::name(&service.metadata).to_owned());
    labels.insert(MANAGED_BY.to_owned(), CONTROLLER.to_owned());
    labels
}

/// What every slice of a Service shares.
struct Writer<'a> {
    service: &'a Arc<Service>,
    labels: BTreeMap<String, String>,
    trigger: Option<String>,
}

impl Writer<'_> {
    fn update(
        &self,
        slice: &Arc<EndpointSlice>,
        endpoints: Vec<Endpoint>,
        ports: &[EndpointPort],
        context: &mut Context<'_>,
    ) -> Result<(), Status> {
        let same_labels = slice.metadata.labels.as_ref() == Some(&self.labels);
        if slice.endpoints.as_deref().unwrap_or_default() == endpoints && ports_of(slice) == ports && same_labels {
            return Ok(());
        }
        let mut changed = EndpointSlice::clone(slice);
        changed.endpoints = Some(endpoints);
        changed.ports = Some(ports.to_vec());
        changed.metadata.labels = Some(self.labels.clone());
        annotate(&mut changed.metadata.annotations, self.trigger.as_ref());
        context.client.update(changed).map(|_| ())
    }

    fn create(
        &self,
        endpoints: Vec<Endpoint>,
        ports: &[EndpointPort],
        context: &mut Context<'_>,
    ) -> Result<(), Status> {
        let mut slice = EndpointSlice {
            metadata: ObjectMeta {
                generate_name: Some(format!("{}-", meta::name(&self.service.metadata))),
                namespace: self.service.metadata.namespace.clone(),
                labels: Some(self.labels.clone()),
                owner_references: Some(vec![meta::new_controller_ref(&**self.service)]),
                ..ObjectMeta::default()
            },
            address_type: "IPv4".to_owned(),
            endpoints: Some(endpoints),
            ports: Some(ports.to_vec()),
        };
        annotate(&mut slice.metadata.annotations, self.trigger.as_ref());
        context.client.create(slice).map(|_| ())
    }
}

#[cfg(test)]
mod tests;
