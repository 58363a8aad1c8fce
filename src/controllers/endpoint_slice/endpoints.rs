//! The Endpoints object of a Service: the older form of its slices.
//!
//! Models Kubernetes 1.36 pkg/controller/endpoint/endpoints_controller.go and pkg/api/v1/endpoints/util.go.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, ObjectReference, Pod, Service, ServicePort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::trigger_time::annotate;
use super::{HEADLESS, address_of, hostname_of, is_headless, port_of, spec_of};
use crate::apimachinery::{Status, meta};
use crate::client::node_of;
use crate::controllers::Context;
use crate::controllers::pod_control::is_pod_ready;

/// The label that names who keeps the object.
pub const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpoint-controller";

/// Brings the Service's Endpoints to what its Pods are.
///
/// # Errors
/// The server's answer to a write.
pub fn reconcile(
    service: &Arc<Service>,
    pods: &[Arc<Pod>],
    time: Option<String>,
    context: &mut Context<'_>,
) -> Result<(), Status> {
    let subsets = subsets_of(service, pods);
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(HEADLESS);
    if is_headless(service) {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels.insert(MANAGED_BY.to_owned(), CONTROLLER.to_owned());
    let (namespace, name) = (meta::namespace(&service.metadata), meta::name(&service.metadata));
    let held = context.caches.get::<Endpoints>(namespace, name);
    if let Some(held) = &held
        && held.subsets.clone().unwrap_or_default() == subsets
        && held.metadata.labels.as_ref() == Some(&labels)
    {
        return Ok(());
    }
    let fresh =
        ObjectMeta { name: Some(name.to_owned()), namespace: Some(namespace.to_owned()), ..ObjectMeta::default() };
    let mut endpoints =
        held.as_deref().cloned().unwrap_or_else(|| Endpoints { metadata: fresh, ..Endpoints::default() });
    endpoints.subsets = Some(subsets).filter(|subsets| !subsets.is_empty());
    endpoints.metadata.labels = Some(labels);
    annotate(&mut endpoints.metadata.annotations, time.as_ref());
    let written = if held.is_some() { context.client.update(endpoints) } else { context.client.create(endpoints) };
    written.map(|_| ())
}

fn subsets_of(service: &Service, pods: &[Arc<Pod>]) -> Vec<EndpointSubset> {
    let spec = spec_of(service);
    let publish = spec.publish_not_ready_addresses == Some(true);
    let wants_ports = spec.ports.iter().flatten().next().is_some() || !is_headless(service);
    let mut subsets: Vec<EndpointSubset> = Vec::new();
    for pod in pods.iter().filter(|pod| publish || !meta::is_deleting(&pod.metadata)) {
        let port = |port: &ServicePort| {
            Some(EndpointPort {
                name: port.name.clone(),
                port: port_of(pod, port)?,
                protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".to_owned())),
                app_protocol: port.app_protocol.clone(),
            })
        };
        let ports: Vec<EndpointPort> = spec.ports.iter().flatten().filter_map(port).collect();
        if ports.is_empty() && wants_ports {
            continue;
        }
        let ports = Some(ports).filter(|ports| !ports.is_empty());
        if !subsets.iter().any(|subset| subset.ports == ports) {
            subsets.push(EndpointSubset { ports: ports.clone(), ..EndpointSubset::default() });
        }
        let Some(subset) = subsets.iter_mut().find(|subset| subset.ports == ports) else { continue };
        let ready = publish || is_pod_ready(pod);
        let list = if ready { &mut subset.addresses } else { &mut subset.not_ready_addresses };
        list.get_or_insert_default().push(address(pod, service));
    }
    for subset in &mut subsets {
        for list in [&mut subset.addresses, &mut subset.not_ready_addresses] {
            list.iter_mut().for_each(|list| list.sort_by_key(|address| octets(&address.ip)));
        }
    }
    subsets
}

fn octets(ip: &str) -> Vec<u32> {
    ip.split('.').map(|octet| octet.parse().unwrap_or(0)).collect()
}

fn address(pod: &Pod, service: &Service) -> EndpointAddress {
    EndpointAddress {
        ip: address_of(pod).unwrap_or_default().to_owned(),
        hostname: hostname_of(pod, service),
        node_name: Some(node_of(pod).to_owned()).filter(|node| !node.is_empty()),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: pod.metadata.namespace.clone(),
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
            ..ObjectReference::default()
        }),
    }
}
