//! `PATCH`: JSON patch, merge patch, strategic merge patch and server-side apply.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go.

use serde_json::{Value, json};

use super::{Call, place, truthy};
use crate::api::{KindInfo, KindOps};
use crate::apimachinery::facts::facts;
use crate::apimachinery::managed_fields::{Request, Schema, apply, check, joined};
use crate::apimachinery::patch::{json_patch, merge_patch, strategic_merge};
use crate::apimachinery::{Reason, Status, field};
use crate::apiserver::body::{self, FieldValidation};
use crate::apiserver::managed_fields;
use crate::apiserver::registry::Write;
use crate::apiserver::route::Target;
use crate::text::http::Response;
use crate::text::yaml;

/// The form of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::apiserver) enum PatchForm {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl PatchForm {
    /// Reads the media type.
    pub fn of(content_type: &str) -> Result<Self, Status> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            other => Err(Status::unsupported_media_type(format!(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, \
                 application/apply-patch+yaml, application/apply-patch+cbor (given {other:?})"
            ))),
        }
    }
}

impl Call<'_> {
    /// Changes an object in part; `target.subresource` may be `status`.
    pub(in crate::apiserver) fn patch(&mut self, target: &Target) -> Result<Response, Status> {
        let form = PatchForm::of(self.request.header("Content-Type").unwrap_or_default())?;
        if form == PatchForm::Strategic && target.ops.structural_schema().is_some() {
            return Err(Status::unsupported_media_type(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, \
                 application/apply-patch+cbor",
            ));
        }
        let dry_run = body::dry_run(self.request, "PatchOptions")?;
        let validation = FieldValidation::of(self.request, "PatchOptions")?;
        if form != PatchForm::Apply && self.request.query("force").is_some() {
            let why = "may not be specified for non-apply patch";
            let error = field::Error::forbidden(&field::Path::new("force"), why);
            return Err(Status::invalid("PatchOptions.meta.k8s.io", "", &[error]));
        }
        if form == PatchForm::Apply {
            return self.apply(target, dry_run);
        }
        let current = self.stored(target)?;
        let (patch, duplicates) = body::parse(&self.request.body).map_err(Status::bad_request)?;
        let held = managed_fields::encode(&*target.ops, &current);
        let patched = patched(&*target.ops, form, held, &patch)?;
        let (mut object, document) = body::decode(patched, &*target.ops, validation, duplicates, &mut self.warnings)?;
        place(&mut *object, target)?;
        let write = Write { dry_run, warnings: &mut self.warnings, document: Some(document), managed: None };
        let stored = self.server.update_with(self.caller, object, &target.subresource, write)?;
        self.object(200, &*target.ops, &stored)
    }

    /// Server-side apply: creates what is not there, else merges what the manager says.
    fn apply(&mut self, target: &Target, dry_run: bool) -> Result<Response, Status> {
        let manager = self.request.query("fieldManager").unwrap_or_default();
        if manager.is_empty() {
            let path = field::Path::new("fieldManager");
            let error = field::Error::required(&path, "is required for apply patch");
            return Err(Status::invalid("PatchOptions.meta.k8s.io", "", &[error]));
        }
        let (ops, info) = (&*target.ops, target.ops.info());
        let text = String::from_utf8_lossy(&self.request.body);
        let applied =
            yaml::from_yaml(&text).map_err(|why| Status::bad_request(format!("error decoding YAML: {why}")))?;
        check_applied(info, managed_fields::schema_of(ops), &applied)?;
        let current = match self.stored(target) {
            Ok(current) => Some(current),
            Err(missing) if !target.subresource.is_empty() => return Err(missing),
            Err(_) => None,
        };
        let live = current.as_ref().map_or_else(|| json!({}), |current| ops.encode(&*current.object));
        let managed = current.as_ref().map(|current| managed_fields::managed(ops, current)).unwrap_or_default();
        let request = Request {
            schema: managed_fields::schema_of(ops),
            api_version: &info.api_version(),
            manager,
            subresource: &target.subresource,
            reset: &managed_fields::reset_fields(info, &target.subresource),
            force: truthy(self.request.query("force")),
            now: self.server.now().timestamp_seconds().as_second(),
        };
        let outcome = apply(request, &managed, &live, &applied)?;
        // What is unknown has been refused above.
        let validation = FieldValidation::Ignore;
        let (mut object, document) = body::decode(outcome.object, ops, validation, Vec::new(), &mut self.warnings)?;
        place(&mut *object, target)?;
        let write =
            Write { dry_run, warnings: &mut self.warnings, document: Some(document), managed: Some(outcome.managed) };
        if current.is_none() {
            let stored = self.server.create_with(self.caller, object, write)?;
            return self.object(201, ops, &stored);
        }
        let stored = self.server.update_with(self.caller, object, &target.subresource, write)?;
        self.object(200, ops, &stored)
    }
}

/// Whether what is applied is of the kind that the path names and fits its schema.
fn check_applied(info: &KindInfo, schema: Schema<'_>, applied: &Value) -> Result<(), Status> {
    let text = |pointer: &str| applied.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    let gvk = format!("{version}, Kind={kind}");
    if version != info.api_version() || kind != info.kind {
        return Err(Status::bad_request(format!("invalid object type: {gvk}")));
    }
    if applied.pointer("/metadata/managedFields").is_some_and(|given| !given.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let wrong = check(schema, applied);
    if wrong.is_empty() {
        return Ok(());
    }
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let why = format!("failed to create typed patch object ({namespace}/{name}; {gvk}): {}", joined(&wrong));
    Err(Status::other(Reason::Unknown, why))
}

/// The object that a patch makes of another.
pub(in crate::apiserver) fn patched(
    ops: &dyn KindOps,
    form: PatchForm,
    held: Value,
    patch: &Value,
) -> Result<Value, Status> {
    let info = ops.info();
    match form {
        PatchForm::Json => json_patch(&held, patch).map_err(|_| {
            // The server keeps the operation's complaint to itself.
            Status::other(Reason::Invalid, "the server rejected our request due to an error in our request")
        }),
        PatchForm::Merge => match patch {
            Value::Object(_) => Ok(merge_patch(held, patch)),
            _ => Err(Status::bad_request("json: cannot unmarshal into Go value of type map[string]interface {}")),
        },
        PatchForm::Strategic | PatchForm::Apply => {
            let known = facts().of_kind(&info.api_version(), info.kind);
            let merged = strategic_merge(facts(), known, held, patch).map_err(Status::bad_request)?;
            let found = facts().decode(&info.api_version(), info.kind, &merged);
            if let Some(error) = found.and_then(|found| found.error) {
                return Err(wrong_type(patch, &error));
            }
            Ok(merged)
        }
    }
}

/// A strategic patch is converted from a map, not decoded from text: other words for the same mistake.
fn wrong_type(patch: &Value, error: &str) -> Status {
    let path = field::Path::new("patch");
    let go_type = error.rsplit(" of type ").next().unwrap_or_default();
    let shown = crate::apimachinery::patch::go_map(patch);
    let error = field::Error::invalid(&path, shown, format!("unrecognized type: {go_type}"));
    Status::invalid("", "", &[error])
}
