//! A request under way: who asks what of whom, and what every verb and subresource wants of it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::negotiate::{self, Form};
use super::route::Target;
use super::{ApiServer, Caller, NodeProxy, managed_fields, respond, table};
use crate::api::KindOps;
use crate::apimachinery::{Status, meta};
use crate::storage::Stored;
use crate::text::go_json;
use crate::text::http::{Request, Response};

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

impl Call<'_> {
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
