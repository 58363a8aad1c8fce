//! Which form of an answer the client wants: the object, a table, or its metadata alone.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/negotiation.

use crate::apimachinery::{Reason, Status};
use crate::text::http::Request;

/// How much of the object a table's row carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Include {
    /// Nothing.
    None,
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The object itself.
    Object,
    /// `as=Table`.
    Table(Include),
    /// `as=PartialObjectMetadata` and its list.
    Metadata,
}

/// Reads `Accept` and `includeObject`.
pub(super) fn form(request: &Request) -> Result<Form, Status> {
    let accept = request.header("Accept").unwrap_or_default();
    if accept.trim().is_empty() {
        return Ok(Form::Object);
    }
    for clause in accept.split(',') {
        let mut parts = clause.split(';').map(str::trim);
        if !is_json(parts.next().unwrap_or_default()) {
            continue;
        }
        let (mut wanted, mut version, mut group) = ("", "", "");
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name {
                "as" => wanted = value,
                "v" => version = value,
                "g" => group = value,
                _ => {}
            }
        }
        let known = version == "v1" && group == "meta.k8s.io";
        match wanted {
            "" => return Ok(Form::Object),
            "Table" if known => return include(request).map(Form::Table),
            "PartialObjectMetadata" | "PartialObjectMetadataList" if known => return Ok(Form::Metadata),
            _ => {}
        }
    }
    Err(not_acceptable())
}

/// Whether one of the clauses asks for `as=` this.
pub(super) fn asks_for<'a>(request: &'a Request, kind: &str) -> Option<&'a str> {
    let accept = request.header("Accept")?;
    accept.split(',').find_map(|clause| {
        let mut parts = clause.split(';').map(str::trim);
        let json = is_json(parts.next()?);
        let parts: Vec<&str> = parts.collect();
        let wanted = parts.iter().any(|part| part.strip_prefix("as=") == Some(kind));
        (json && wanted).then(|| parts.iter().find_map(|part| part.strip_prefix("v=")).unwrap_or_default())
    })
}

fn is_json(media_type: &str) -> bool {
    matches!(media_type, "application/json" | "*/*" | "application/*")
}

fn include(request: &Request) -> Result<Include, Status> {
    match request.query("includeObject").unwrap_or_default() {
        "" | "Metadata" => Ok(Include::Metadata),
        "None" => Ok(Include::None),
        "Object" => Ok(Include::Object),
        other => Err(Status::bad_request(format!("unrecognized includeObject value: {other:?}"))),
    }
}

fn not_acceptable() -> Status {
    let text = "only the following media types are accepted: application/json";
    Status::other(Reason::NotAcceptable, text)
}
