//! `pods/proxy` and `services/proxy`: hands a request to a port of a Pod.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/rest/subresources.go (ProxyREST), pod/strategy.go (ResourceLocation) and
//! service/storage/storage.go (ResourceLocation). Speaks HTTP alone.

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::apimachinery::{Reason, Status};
use crate::apiserver::call::Call;
use crate::apiserver::route::Target;
use crate::text::go_number::quote;
use crate::text::http::Response;

/// Hands the request on.
pub(super) fn answer(call: &mut Call<'_>, target: &Target) -> Result<Response, Status> {
    let resource = target.ops.info().resource;
    let (scheme, name, port) = parts(&target.name);
    if !matches!(scheme, "" | "http") {
        return Err(Status::bad_request(format!("invalid {resource} request {}", quote(&target.name))));
    }
    let (pod, port) = if resource == "services" {
        behind_service(call, target.namespace(), name, port)?
    } else {
        let pod = call.server.get::<Pod>(target.namespace(), name)?;
        let port = match port {
            "" => first_port(&pod).unwrap_or(80),
            text => text.parse().map_err(|_| Status::bad_request(format!("invalid port {}", quote(text))))?,
        };
        (pod, port)
    };
    let status = pod.status.as_ref();
    let Some(address) = status.and_then(|status| status.pod_ip.clone()).filter(|address| !address.is_empty()) else {
        return Err(Status::internal("address not allowed"));
    };
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
    let mut request = call.request.clone();
    let marker = format!("/{}/proxy", target.name);
    let tail = request.path.split_once(&marker).map_or("", |(_, tail)| tail);
    request.path = if tail.is_empty() { "/".to_owned() } else { tail.to_owned() };
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    let unreachable =
        |why: String| Status::other(Reason::ServiceUnavailable, format!("error trying to reach service: {why}"));
    call.nodes.request(&node, &address, port, &request).map_err(unreachable)
}

/// `scheme:name:port`, `name:port` or `name`.
fn parts(text: &str) -> (&str, &str, &str) {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        [name, port] => ("", name, port),
        [scheme, name, port] => (scheme, name, port),
        _ => ("", text, ""),
    }
}

fn first_port(pod: &Pod) -> Option<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.next().and_then(|port| u16::try_from(port.container_port).ok())
}

/// A ready Pod of a Service, and the port there.
fn behind_service(
    call: &Call<'_>,
    namespace: &str,
    name: &str,
    port: &str,
) -> Result<(std::sync::Arc<Pod>, u16), Status> {
    let service = call.server.get::<Service>(namespace, name)?;
    let none = |text: String| Status::other(Reason::ServiceUnavailable, text);
    let ports: Vec<_> = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()).collect();
    let wanted = ports.iter().find(|one| {
        let named = one.name.as_deref().is_some_and(|name| name == port);
        if port.is_empty() { ports.len() == 1 || one.name.is_none() } else { named || one.port.to_string() == port }
    });
    let Some(wanted) = wanted else {
        return Err(none(format!("no service port {} found for service {}", quote(port), quote(name))));
    };
    let own = wanted.name.clone().unwrap_or_default();
    for slice in call.server.list::<EndpointSlice>(Some(namespace)) {
        let labels = slice.metadata.labels.as_ref();
        if labels.and_then(|labels| labels.get("kubernetes.io/service-name")).is_none_or(|of| of != name) {
            continue;
        }
        let port = slice.ports.iter().flatten().find(|one| one.name.as_deref().unwrap_or_default() == own);
        let Some(port) = port.and_then(|one| one.port).and_then(|port| u16::try_from(port).ok()) else { continue };
        for endpoint in slice.endpoints.iter().flatten() {
            let ready = endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true);
            let pod = endpoint.target_ref.as_ref().and_then(|of| of.name.clone()).filter(|_| ready);
            if let Some(pod) = pod.and_then(|pod| call.server.get::<Pod>(namespace, &pod).ok()) {
                return Ok((pod, port));
            }
        }
    }
    Err(none(format!("no endpoints available for service {}", quote(name))))
}
