//! What hangs below an object: status, scale, binding, eviction, logs, exec, forwarded ports. One file each.

pub(super) mod binding;
pub(super) mod ephemeral_containers;
mod eviction;
mod exec;
mod log;
mod port_forward;
mod proxy;
pub(super) mod resize;
mod scale;
mod token;

use super::call::Call;
use super::route::Target;
use crate::api::certificate_signing_request;
use crate::apimachinery::{Status, meta};
use crate::text::http::{Method, Response};

/// Answers a request to a subresource.
pub(super) fn answer(call: &mut Call<'_>, target: &Target) -> Result<Response, Status> {
    let info = target.ops.info();
    if target.name.is_empty() {
        return Err(Status::unknown_path());
    }
    match (info.resource, target.subresource.as_str(), call.request.method) {
        (_, "status", method) if info.has_status => match method {
            Method::Get => {
                let stored = call.stored(target)?;
                call.object(200, &*target.ops, &stored)
            }
            Method::Put => call.update(target),
            Method::Patch => call.patch(target),
            _ => Err(Status::method_not_allowed()),
        },
        (_, "scale", method) if info.has_scale => scale::answer(call, target, method),
        ("namespaces", "finalize", Method::Put) => call.update(target),
        ("serviceaccounts", "token", Method::Post) => token::create(call, target),
        ("pods" | "services", "proxy", _) => proxy::answer(call, target),
        ("pods", "binding", Method::Post) => binding::create(call, target),
        ("pods", "eviction", Method::Post) => eviction::create(call, target),
        ("pods", "log", Method::Get) => log::get(call, target),
        ("pods", "exec" | "attach", Method::Get | Method::Post) => exec::open(call, target),
        ("pods", "portforward", Method::Get | Method::Post) => port_forward::open(call, target),
        ("pods", "ephemeralcontainers" | "resize", method)
        | (certificate_signing_request::RESOURCE, "approval", method) => match method {
            Method::Get => {
                let stored = call.stored(target)?;
                call.object(200, &*target.ops, &stored)
            }
            Method::Put => call.update(target),
            Method::Patch => call.patch(target),
            _ => Err(Status::method_not_allowed()),
        },
        ("namespaces", "finalize", _) | ("serviceaccounts", "token", _) => Err(Status::method_not_allowed()),
        ("pods", "binding" | "eviction" | "log" | "exec" | "attach" | "portforward", _) => {
            Err(Status::method_not_allowed())
        }
        _ => Err(Status::unknown_path()),
    }
}

/// The container that a request means: the one it names, or the only one.
pub(super) fn container(pod: &k8s_openapi::api::core::v1::Pod, given: &str) -> Result<String, Status> {
    let name = meta::name(&pod.metadata);
    let spec = pod.spec.clone().unwrap_or_default();
    let names: Vec<&str> = spec.containers.iter().map(|container| container.name.as_str()).collect();
    let init: Vec<&str> = spec.init_containers.iter().flatten().map(|container| container.name.as_str()).collect();
    let ephemeral: Vec<&str> =
        spec.ephemeral_containers.iter().flatten().map(|container| container.name.as_str()).collect();
    if given.is_empty() {
        return match names.as_slice() {
            [one] => Ok((*one).to_owned()),
            _ => {
                let mut text =
                    format!("a container name must be specified for pod {name}, choose one of: [{}]", names.join(" "));
                if !init.is_empty() {
                    text.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
                }
                Err(Status::bad_request(text))
            }
        };
    }
    if names.iter().chain(&init).chain(&ephemeral).any(|known| *known == given) {
        return Ok(given.to_owned());
    }
    Err(Status::bad_request(format!("container {given} is not valid for pod {name}")))
}
