//! Which form of an answer the client wants: the object, a table, or its metadata alone.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/negotiation.

use super::body::go_package;
use crate::api::KindInfo;
use crate::apimachinery::{Reason, Status};
use crate::text::go_json;
use crate::text::http::Request;

/// YAML's media type.
pub(super) const YAML: &str = "application/yaml";

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

/// What the router calls what the server writes.
const WRITTEN: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
/// What it calls it where there may be watches.
const WATCHED: &str = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

/// Reads `Accept` and `includeObject`; `list` is the kind whose list is asked for, not one object.
pub(super) fn form(request: &Request, list: Option<&KindInfo>) -> Result<Form, Status> {
    let accept = request.header("Accept").unwrap_or_default();
    if accept.trim().is_empty() {
        return Ok(Form::Object);
    }
    let mut routed = false;
    for clause in accept.split(',') {
        let mut parts = clause.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        routed |= media == "*/*" || WRITTEN.split(", ").any(|written| written == media);
        if !is_json(media) && media != YAML {
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
            "" if version.is_empty() && routed => return Ok(Form::Object),
            "Table" if known => return include(request).map(Form::Table),
            "PartialObjectMetadata" | "PartialObjectMetadataList" if known => return metadata(wanted, list),
            _ => {}
        }
    }
    Err(if routed {
        let text = format!("only the following media types are accepted: {WRITTEN}");
        Status::other(Reason::NotAcceptable, text)
    } else {
        let watched = if list.is_some() { format!(", {WATCHED}") } else { String::new() };
        let text = format!("406: Not Acceptable\n\nAvailable representations: {WRITTEN}{watched}");
        Status::generic(Reason::NotAcceptable, text)
    })
}

/// As [`form`], for the events of a watch, which are objects one by one.
pub(super) fn watched(request: &Request) -> Result<Form, Status> {
    let is_list = |clause: &str| clause.contains("as=PartialObjectMetadataList");
    if request.header("Accept").is_some_and(|accept| accept.split(',').any(is_list)) {
        return Ok(Form::Metadata);
    }
    form(request, None)
}

/// Metadata alone, of one object or of a list as it is.
fn metadata(wanted: &str, list: Option<&KindInfo>) -> Result<Form, Status> {
    match (wanted, list) {
        ("PartialObjectMetadata", Some(info)) => {
            let (package, kind) = (go_package(info.group), info.kind);
            Err(Status::other(
                Reason::NotAcceptable,
                format!(
                    "you requested PartialObjectMetadata, but the requested object is a list (*{package}.{kind}List)"
                ),
            ))
        }
        _ => Ok(Form::Metadata),
    }
}

/// Refuses one object to who asks for the metadata of a list.
pub(super) fn is_no_list(request: &Request, info: &KindInfo) -> Result<(), Status> {
    if form(request, None)? != Form::Metadata {
        return Ok(());
    }
    let (package, kind) = (go_package(info.group), info.kind);
    let text =
        format!("you requested PartialObjectMetadataList, but the requested object is not a list (*{package}.{kind})");
    Err(Status::other(Reason::NotAcceptable, text))
}

/// Whether an answer is to be YAML: the first that the client names of what the server writes.
pub(super) fn wants_yaml(request: &Request) -> bool {
    let accept = request.header("Accept").unwrap_or_default();
    let mut named = accept.split(',').map(|clause| clause.split(';').next().unwrap_or_default().trim());
    named.find(|media| *media == YAML || is_json(media)) == Some(YAML)
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
        other => Err(Status::bad_request(format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: {}: must be 'Metadata', 'Object', \
             'None', or empty",
            go_json::quoted(other)
        ))),
    }
}
