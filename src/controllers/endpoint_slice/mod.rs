//! The EndpointSlice and Endpoints controllers: where a Service's Pods can be reached.
//!
//! Models Kubernetes 1.36 pkg/controller/{endpointslice,endpoint} and staging/src/k8s.io/endpointslice.

mod endpoints;
mod slices;
mod trigger_time;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Endpoints, Pod, PodIP, Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::pod_control::{ignore_not_found, is_pod_ready, is_pod_terminal};
use super::{Context, Controller};
use crate::apimachinery::{Kind, ObjectKey, Status, downcast, meta};
use crate::apiserver::DeleteOptions;
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::sim::{Seed, Time};
use trigger_time::TriggerTimes;

/// Changes of Pods within this time are taken in at once.
const BATCH: Duration = Duration::from_millis(100);
/// The first and the longest wait after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(1000));
/// The label that names a slice's Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The label of what belongs to a Service without an address of its own.
const HEADLESS: &str = "service.kubernetes.io/headless";

/// Keeps EndpointSlices.
#[derive(Clone, Debug, Default)]
pub struct EndpointSliceController {
    times: TriggerTimes,
}

/// Keeps Endpoints.
#[derive(Clone, Debug, Default)]
pub struct EndpointController {
    times: TriggerTimes,
}

/// A new EndpointSlice controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(EndpointSliceController::default())
}

/// A new Endpoints controller.
pub fn new_endpoints(_: Seed) -> Box<dyn Controller> {
    Box::new(EndpointController::default())
}

impl Controller for EndpointSliceController {
    fn name(&self) -> &'static str {
        "endpoint-slice-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:endpointslice-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Service::RESOURCE, Pod::RESOURCE, EndpointSlice::RESOURCE]
    }

    fn backoff(&self) -> (Duration, Duration) {
        BACKOFF
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        observe(delta, caches, queue, now);
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Some(Gathered { service, pods, time }) = gather(key, &mut self.times, context) else { return Ok(()) };
        slices::reconcile(&service, &pods, time, context).inspect_err(|error| {
            let place = format!("{}/{}", key.namespace, key.name);
            let message = format!("Error updating Endpoint Slices for Service {place}: {error}");
            let reason = "FailedToUpdateEndpointSlices";
            context.events.event(&mut context.client, &*service, EventType::Warning, reason, &message);
        })
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

impl Controller for EndpointController {
    fn name(&self) -> &'static str {
        "endpoint-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:endpoint-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Service::RESOURCE, Pod::RESOURCE, Endpoints::RESOURCE]
    }

    fn backoff(&self) -> (Duration, Duration) {
        BACKOFF
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        observe(delta, caches, queue, now);
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        if context.caches.get::<Service>(&key.namespace, &key.name).is_none() {
            self.times.forget(key);
            let Some(held) = context.caches.get::<Endpoints>(&key.namespace, &key.name) else { return Ok(()) };
            // Endpoints that somebody else has made stay.
            if held.metadata.labels.as_ref().is_none_or(|labels| !labels.contains_key(endpoints::MANAGED_BY)) {
                return Ok(());
            }
            let options = DeleteOptions::default();
            return context.client.delete::<Endpoints>(&key.namespace, &key.name, &options).or_else(ignore_not_found);
        }
        let Some(Gathered { service, pods, time }) = gather(key, &mut self.times, context) else { return Ok(()) };
        endpoints::reconcile(&service, &pods, time, context)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

fn spec_of(service: &Service) -> &ServiceSpec {
    static NONE: std::sync::LazyLock<ServiceSpec> = std::sync::LazyLock::new(ServiceSpec::default);
    service.spec.as_ref().unwrap_or(&NONE)
}

fn selects(service: &Service, labels: Option<&BTreeMap<String, String>>) -> bool {
    let selector = spec_of(service).selector.as_ref().filter(|selector| !selector.is_empty());
    selector.is_some_and(|selector| {
        selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    })
}

fn observe(delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
    let Some(object) = delta.object() else { return };
    let namespace = meta::namespace(object.meta());
    match &*delta.resource {
        Service::RESOURCE => queue.add_at(ObjectKey::of(&**object), now),
        Pod::RESOURCE => {
            let pods = [&delta.old, &delta.new].map(|one| one.as_ref().and_then(downcast::<Pod>));
            if let [Some(old), Some(new)] = &pods
                && !matters(old, new)
            {
                return;
            }
            let [old, new] = pods.each_ref().map(|pod| pod.as_ref().and_then(|pod| pod.metadata.labels.as_ref()));
            for service in caches.in_namespace::<Service>(namespace) {
                if selects(&service, old) || selects(&service, new) {
                    queue.add_at(ObjectKey::of(&*service), now + BATCH);
                }
            }
        }
        Endpoints::RESOURCE => {
            queue.add_at(ObjectKey::new(Service::RESOURCE, namespace, meta::name(object.meta())), now + BATCH);
        }
        _ => {
            if let Some(name) = object.meta().labels.as_ref().and_then(|labels| labels.get(SERVICE_NAME)) {
                queue.add_at(ObjectKey::new(Service::RESOURCE, namespace, name), now + BATCH);
            }
        }
    }
}

/// What the objects of a Service are made of.
struct Gathered {
    service: Arc<Service>,
    /// Those that have an address.
    pods: Vec<Arc<Pod>>,
    /// The instant of the change that is to be shown.
    time: Option<String>,
}

/// What there is of the Service of a key, when it is one whose Pods are to be found.
fn gather(key: &ObjectKey, times: &mut TriggerTimes, context: &Context<'_>) -> Option<Gathered> {
    let Some(service) = context.caches.get::<Service>(&key.namespace, &key.name) else {
        times.forget(key);
        return None;
    };
    let spec = spec_of(&service);
    let named = spec.selector.as_ref().is_some_and(|selector| !selector.is_empty());
    if !named || spec.type_.as_deref() == Some("ExternalName") || meta::is_deleting(&service.metadata) {
        return None;
    }
    let pods = context.caches.in_namespace::<Pod>(&key.namespace);
    let mut pods: Vec<Arc<Pod>> = pods.filter(|pod| selects(&service, pod.metadata.labels.as_ref())).collect();
    let time = times.look(key, &service, &pods);
    pods.retain(|pod| !is_pod_terminal(pod) && address_of(pod).is_some());
    Some(Gathered { service, pods, time })
}

/// Whether a change of a Pod may change the endpoints that it stands for.
fn matters(old: &Pod, new: &Pod) -> bool {
    old.metadata.labels != new.metadata.labels
        || meta::is_deleting(&old.metadata)
        || meta::is_deleting(&new.metadata)
        || is_pod_ready(old) != is_pod_ready(new)
        || addresses_of(old) != addresses_of(new)
}

fn address_of(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.pod_ip.as_deref().filter(|ip| !ip.is_empty())
}

/// All addresses of a Pod.
fn addresses_of(pod: &Pod) -> &[PodIP] {
    pod.status.as_ref().and_then(|status| status.pod_ips.as_deref()).unwrap_or_default()
}

fn is_headless(service: &Service) -> bool {
    matches!(spec_of(service).cluster_ip.as_deref(), None | Some("" | "None"))
}

/// The number of the Service's port in a Pod; `None` when the Pod has no port of that name.
fn port_of(pod: &Pod, port: &ServicePort) -> Option<i32> {
    match &port.target_port {
        None => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let spec = pod.spec.as_ref()?;
            let sidecars = spec.init_containers.iter().flatten();
            let sidecars = sidecars.filter(|container| container.restart_policy.as_deref() == Some("Always"));
            let ports = spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
            let mut ports = ports.filter(|held| held.protocol.as_deref().unwrap_or("TCP") == protocol);
            ports.find(|held| held.name.as_ref() == Some(name)).map(|held| held.container_port)
        }
    }
}

fn hostname_of(pod: &Pod, service: &Service) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    let in_service = spec.subdomain.is_some() && spec.subdomain == service.metadata.name;
    spec.hostname.clone().filter(|name| in_service && !name.is_empty())
}
