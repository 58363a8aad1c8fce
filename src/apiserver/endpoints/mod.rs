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

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::authorization::{self, Wish};
use super::negotiate::{self, Form};
use super::route::{self, Target};
use super::{
    ApiServer, Caller, NodeProxy, component_status, discovery, health, managed_fields, metrics, respond, reviews,
    subresources, table,
};
use crate::api::KindOps;
use crate::apimachinery::{Reason, Status, meta};
use crate::storage::Stored;
use crate::text::go_json;
use crate::text::http::{Method, Request, Response};

pub(super) use delete::options_of as delete_options_of;
pub(super) use list::collection;
pub(super) use patch::{PatchForm, read_applied};
pub(super) use watch::encode as encode_watched;

/// The largest body that is read, as upstream's default.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// A request under way.
pub(super) struct Call<'a> {
    /// The server.
    pub server: &'a mut ApiServer,
    /// Who asks.
    pub caller: &'a Caller,
    /// What they ask.
    pub request: &'a Request,
    /// The kubelets.
    pub nodes: &'a mut dyn NodeProxy,
    /// What the answer will warn of.
    pub warnings: Vec<String>,
}

/// Answers a request.
pub(super) fn answer(
    server: &mut ApiServer,
    caller: &Caller,
    request: &Request,
    nodes: &mut dyn NodeProxy,
) -> Response {
    let impersonated = match authorization::effective(server, caller, request) {
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

    /// An object in the form that the client wants.
    pub fn object(&self, status: u16, ops: &dyn KindOps, stored: &Stored) -> Result<Response, Status> {
        let value = match negotiate::form(self.request, None)? {
            Form::Object => managed_fields::encode(ops, stored),
            Form::Metadata => table::metadata(ops, stored),
            Form::Table(include) => {
                let version = json!({"resourceVersion": stored.object.meta().resource_version});
                let row = table::row(ops, stored, self.server.now(), include);
                table::table(version, table::columns(ops), vec![row])
            }
        };
        Ok(self.json(status, &value))
    }

    /// An answer in JSON with the warnings so far.
    pub fn json(&self, status: u16, value: &Value) -> Response {
        respond::json(status, value, &self.warnings)
    }

    /// The stored object that a path names.
    pub fn stored(&self, target: &Target) -> Result<Stored, Status> {
        let info = target.ops.info();
        self.server
            .store()
            .stored(info.resource, target.namespace(), &target.name)
            .cloned()
            .ok_or_else(|| Status::not_found(info.resource, &target.name))
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

/// How the query decoder reads a flag: what is there and does not say no says yes.
pub(super) fn truthy(value: Option<&str>) -> bool {
    value.is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
}

/// A number of the query, as `strconv.ParseInt` reads it; `None` when it is not there.
///
/// # Errors
/// Go's words for what is no number.
pub(super) fn integer(value: Option<&str>) -> Result<Option<i64>, Status> {
    let Some(text) = value else { return Ok(None) };
    text.parse().map(Some).map_err(|error: std::num::ParseIntError| {
        let why = match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        Status::bad_request(format!("strconv.ParseInt: parsing {}: {why}", go_json::quoted(text)))
    })
}

/// The object goes where the path says: its namespace and name must agree with it.
pub(super) fn place(meta: &mut ObjectMeta, target: &Target) -> Result<(), Status> {
    let given = meta::namespace(meta).to_owned();
    if !target.ops.info().namespaced {
        meta.namespace = None;
    } else {
        if given.is_empty() {
            meta.namespace = Some(target.namespace().to_owned());
        } else if given != target.namespace() {
            let text = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Status::bad_request(text));
        }
    }
    if !target.name.is_empty() {
        let name = meta::name(meta).to_owned();
        if name.is_empty() {
            let text = format!(
                "the name of the object ({} based on URL) was undeterminable: name must be provided",
                target.name
            );
            return Err(Status::bad_request(text));
        } else if name != target.name {
            let text = format!("the name of the object ({name}) does not match the name on the URL ({})", target.name);
            return Err(Status::bad_request(text));
        }
    }
    Ok(())
}
