//! The verbs: from a request to the registry and back. One file a verb.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers.

mod create;
mod delete;
mod get;
mod list;
mod patch;
mod update;
mod watch;

use super::authorization::{self, Wish};
use super::call::{Call, truthy};
use super::route::{self, Target};
use super::{
    ApiServer, Caller, NodeProxy, component_status, discovery, health, impersonation, managed_fields, metrics,
    negotiate, openapi, respond, reviews, subresources,
};
use crate::apimachinery::{Reason, Status};
use crate::text::http::{Method, Request, Response};

pub(super) use delete::options_of as delete_options_of;
pub(super) use list::collection;
pub(super) use patch::{PatchForm, read_applied};
pub(super) use watch::encode as encode_watched;

/// The largest body that is read, as upstream's default.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// Answers a request.
pub(super) fn answer(
    server: &mut ApiServer,
    caller: &Caller,
    request: &Request,
    nodes: &mut dyn NodeProxy,
) -> Response {
    let impersonated = match impersonation::effective(server, caller, request) {
        Ok(impersonated) => impersonated,
        Err(status) => return respond::failure(&status, &[]),
    };
    let mut caller = impersonated.unwrap_or_else(|| caller.clone());
    match managed_fields::manager_of(request) {
        Ok(Some(manager)) => caller.manager = manager,
        Ok(None) => {}
        Err(status) => return respond::failure(&status, &[]),
    }
    let caller = &caller;
    let mut call = Call { server, caller, request, nodes, warnings: Vec::new() };
    let response = match call.dispatch() {
        Ok(response) => response,
        Err(status) => respond::failure(&status, &call.warnings),
    };
    if negotiate::wants_yaml(request) { respond::yaml(response) } else { response }
}

impl Call<'_> {
    fn dispatch(&mut self) -> Result<Response, Status> {
        if self.request.body.len() > BODY_LIMIT {
            let text = format!("Request entity too large: limit is {BODY_LIMIT}");
            return Err(Status::other(Reason::RequestEntityTooLarge, text));
        }
        let target = route::resolve(&self.request.path, &self.server.customs);
        authorization::of_caller(self.server, self.caller, &Wish::of(self.request, target.as_ref()))?;
        if let Some(target) = target {
            self.warn_of_old_kinds(&target);
            return self.resource(&target);
        }
        if let Some(response) = health::answer(self.server, self.request) {
            return Ok(response);
        }
        if let Some(response) = reviews::answer(self)? {
            return Ok(response);
        }
        if let Some(response) = subresources::binding::create_at_collection(self)? {
            return Ok(response);
        }
        if let Some(response) = component_status::answer(self)? {
            return Ok(response);
        }
        if let Some(response) = metrics::answer(self)? {
            return Ok(response);
        }
        if let Some(response) = openapi::answer(self.server, self.request) {
            return Ok(response);
        }
        let response = discovery::answer(self.server, self.request)?;
        Ok(metrics::announce(self, response))
    }

    fn resource(&mut self, target: &Target) -> Result<Response, Status> {
        if !target.subresource.is_empty() {
            return subresources::answer(self, target);
        }
        let collection = target.name.is_empty();
        if self.request.method != Method::Get {
            // Nothing is written for who could not read the answer.
            negotiate::form(self.request, None)?;
        }
        match self.request.method {
            Method::Get if collection && truthy(self.request.query("watch")) => self.watch(target),
            Method::Get if collection => self.list(target),
            Method::Get => self.get(target),
            Method::Post if collection && has_own_place(target) => self.create(target),
            Method::Put if !collection => self.update(target),
            Method::Patch if !collection => self.patch(target),
            // Namespaces go one by one.
            Method::Delete if collection && target.ops.info().resource == "namespaces" => {
                Err(Status::method_not_allowed())
            }
            Method::Delete if collection && has_own_place(target) => self.delete_collection(target),
            Method::Delete if !collection => self.delete(target),
            _ => Err(Status::method_not_allowed()),
        }
    }

    fn warn_of_old_kinds(&mut self, target: &Target) {
        if target.ops.info().resource == "endpoints" {
            let text = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
            self.warnings.push(text.to_owned());
        }
    }
}

/// Objects of a namespaced kind are created and deleted in one namespace.
fn has_own_place(target: &Target) -> bool {
    !target.ops.info().namespaced || target.namespace.is_some()
}
