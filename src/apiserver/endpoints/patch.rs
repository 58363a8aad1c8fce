//! `PATCH`: JSON patch, merge patch, strategic merge patch and server-side apply.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go.

use serde_json::{Value, json};

use crate::api::KindOps;
use crate::apimachinery::facts::facts;
use crate::apimachinery::managed_fields::{Applied, Request, Schema, apply, check, joined};
use crate::apimachinery::patch::{Refused, json_patch, merge_patch, strategic_merge};
use crate::apimachinery::{Reason, Status, field};
use crate::apiserver::body::{self, FieldValidation, Unfit};
use crate::apiserver::call::{Call, place, truthy};
use crate::apiserver::managed_fields;
use crate::apiserver::registry::Write;
use crate::apiserver::respond;
use crate::apiserver::route::Target;
use crate::storage::Stored;
use crate::text::go_value;
use crate::text::go_value::json_word;
use crate::text::http::Response;
use crate::text::{go_json, yaml};

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
            _ => Err(Status::generic(Reason::UnsupportedMediaType, "415: Unsupported Media Type")),
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
                 application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
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
        let (patch, strict) = read(form, validation, &self.request.body)?;
        let held = managed_fields::encode(&*target.ops, &current);
        let patched = patched(&*target.ops, form, held, &patch)?;
        let shown = || match form {
            PatchForm::Strategic => go_value::shown(&patch),
            _ => String::new(),
        };
        let kept = (form != PatchForm::Strategic).then(|| patched.clone());
        let object = body::fit(patched, &*target.ops, validation, strict, &mut self.warnings);
        let (mut object, document) =
            object.map_err(|why| unfit(&why, kept.as_ref().map_or_else(shown, respond::patched)))?;
        place(object.meta_mut(), target)?;
        let write =
            Write { dry_run, warnings: &mut self.warnings, document: Some(document), patched: true, managed: None };
        let stored = self.server.update_with(self.caller, object, &target.subresource, write)?;
        self.object(200, &*target.ops, &stored)
    }

    /// Whether an apply names who applies.
    pub(in crate::apiserver) fn check_manager(&self) -> Result<(), Status> {
        if self.request.query("fieldManager").is_some_and(|manager| !manager.is_empty()) {
            return Ok(());
        }
        let path = field::Path::new("fieldManager");
        let error = field::Error::required(&path, "is required for apply patch");
        Err(Status::invalid("PatchOptions.meta.k8s.io", "", &[error]))
    }

    /// Merges what a manager says into what is there.
    pub(in crate::apiserver) fn merge(
        &self,
        target: &Target,
        current: Option<&Stored>,
        applied: &Value,
    ) -> Result<Applied, Status> {
        let (ops, info) = (&*target.ops, target.ops.info());
        let live = current.map_or_else(|| json!({}), |current| ops.encode(&*current.object));
        let managed = current.map(|current| managed_fields::managed(ops, current)).unwrap_or_default();
        let request = Request {
            schema: managed_fields::schema_of(ops),
            api_version: &info.api_version(),
            manager: self.request.query("fieldManager").unwrap_or_default(),
            subresource: &target.subresource,
            reset: &managed_fields::reset_fields(info, &target.subresource),
            force: truthy(self.request.query("force")),
            now: managed_fields::writer(self.caller, &target.subresource, self.server.now()).time,
        };
        Ok(apply(request, &managed, &live, applied)?)
    }

    /// Server-side apply: creates what is not there, else merges what the manager says.
    fn apply(&mut self, target: &Target, dry_run: bool) -> Result<Response, Status> {
        self.check_manager()?;
        let validation = FieldValidation::of(self.request, "PatchOptions")?;
        let (ops, info) = (&*target.ops, target.ops.info());
        let (applied, twice) = read_applied(&self.request.body)?;
        check_applied(&info.api_version(), info.kind, managed_fields::schema_of(ops), &applied)?;
        let current = match self.stored(target) {
            Ok(current) => Some(current),
            Err(missing) if !target.subresource.is_empty() => return Err(missing),
            Err(_) => None,
        };
        let applied_meta = |name: &str| applied.pointer(&format!("/metadata/{name}")).and_then(Value::as_str);
        if let (None, Some(uid)) = (&current, applied_meta("uid").filter(|uid| !uid.is_empty())) {
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(Status::conflict(info.resource, &target.name, &why));
        }
        let outcome = self.merge(target, current.as_ref(), &applied)?;
        match (twice, validation) {
            (Some(why), FieldValidation::Strict) => {
                return Err(Status::bad_request(format!("error strict decoding YAML: {why}")));
            }
            (Some(why), FieldValidation::Warn) => {
                self.warnings.append(&mut body::repeated(Some(why)));
            }
            _ => {}
        }
        // What is unknown has been refused above.
        let validation = FieldValidation::Ignore;
        let (mut object, document) = body::decode(outcome.object, ops, validation, Vec::new(), &mut self.warnings)?;
        place(object.meta_mut(), target)?;
        let write = Write {
            dry_run,
            warnings: &mut self.warnings,
            document: Some(document),
            patched: true,
            managed: Some(outcome.managed),
        };
        if current.is_none() {
            object.meta_mut().resource_version = None;
            let stored = self.server.create_with(self.caller, object, write)?;
            return self.object(201, ops, &stored);
        }
        let stored = self.server.update_with(self.caller, object, &target.subresource, write)?;
        self.object(200, ops, &stored)
    }
}

/// What is applied, and what is said of keys that come twice in it.
pub(in crate::apiserver) fn read_applied(text: &[u8]) -> Result<(Value, Option<String>), Status> {
    let text = String::from_utf8_lossy(text);
    let cannot = |why: String| Status::bad_request(format!("error decoding YAML: {why}"));
    let applied = yaml::from_yaml(&text).map_err(cannot)?;
    if !matches!(applied, Value::Null | Value::Object(_)) {
        return Err(cannot(format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type \
             map[string]interface {{}}",
            json_word(&applied)
        )));
    }
    Ok((applied, yaml::from_yaml_strict(&text).err()))
}

/// Whether what is applied is of the kind that the path names and fits its schema.
pub(in crate::apiserver) fn check_applied(
    wanted_version: &str,
    wanted_kind: &str,
    schema: Schema<'_>,
    applied: &Value,
) -> Result<(), Status> {
    let text = |pointer: &str| applied.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    let gvk = format!("{}{version}, Kind={kind}", if version.contains('/') { "" } else { "/" });
    if version != wanted_version || kind != wanted_kind {
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

/// A patch and what strict decoding complains of in its text.
fn read(form: PatchForm, validation: FieldValidation, text: &[u8]) -> Result<(Value, Vec<String>), Status> {
    let about = if form == PatchForm::Strategic { "" } else { "error decoding patch: " };
    let wrong = |why: &str| Status::bad_request(format!("{about}{why}"));
    let (mut patch, duplicates) = body::parse(text).map_err(|why| wrong(&why))?;
    let about = if form == PatchForm::Json { "json patch " } else { "" };
    let mut strict: Vec<String> =
        duplicates.iter().map(|path| format!("{about}duplicate field {}", go_json::quoted(path))).collect();
    let cannot = |value: &Value, into: &str| {
        wrong(&format!("json: cannot unmarshal {} into Go value of type {into}", json_word(value)))
    };
    match (form, &patch) {
        (PatchForm::Json, Value::Null) => patch = json!([]),
        (PatchForm::Json, Value::Array(operations)) => {
            for (index, operation) in operations.iter().enumerate() {
                let Value::Object(fields) = operation else {
                    return Err(cannot(operation, "handlers.jsonPatchOp"));
                };
                let unknown = fields.keys().filter(|name| !matches!(name.as_str(), "op" | "from" | "path" | "value"));
                strict.extend(unknown.map(|name| format!("json patch unknown field \"[{index}].{name}\"")));
            }
        }
        (PatchForm::Json, other) => return Err(cannot(other, "[]handlers.jsonPatchOp")),
        (PatchForm::Merge, Value::Null) => return Err(Status::bad_request("Invalid JSON Patch")),
        (_, Value::Null) => patch = json!({}),
        (_, Value::Object(_)) => {}
        (_, other) => return Err(cannot(other, "map[string]interface {}")),
    }
    Ok((patch, if validation == FieldValidation::Ignore { Vec::new() } else { strict }))
}

/// What a patch has made is no object of the kind.
fn unfit(why: &Unfit, shown: String) -> Status {
    let why = match why {
        Unfit::Version(given) => format!("the API version in the data ({given}) does not match"),
        Unfit::Because(why) => why.clone(),
    };
    let error = field::Error::invalid(&field::Path::new("patch"), shown, why);
    Status::invalid("", "", &[error])
}

/// The object that a patch makes of another.
pub(in crate::apiserver) fn patched(
    ops: &dyn KindOps,
    form: PatchForm,
    held: Value,
    patch: &Value,
) -> Result<Value, Status> {
    let info = ops.info();
    let rejected = |reason: Reason| {
        // The server keeps the operation's complaint to itself.
        Status::generic(reason, "the server rejected our request due to an error in our request")
    };
    match form {
        PatchForm::Json => json_patch(&held, patch).map_err(|why| match why {
            Refused::TooMany(_) => Status::other(Reason::RequestEntityTooLarge, why),
            Refused::DoesNotApply(_) => rejected(Reason::Invalid),
        }),
        PatchForm::Merge => Ok(merge_patch(held, patch)),
        PatchForm::Strategic | PatchForm::Apply => {
            let known = facts().of_kind(&info.api_version(), info.kind);
            let merged = strategic_merge(facts(), known, held, patch).map_err(|misfit| {
                let why = misfit.to_string();
                if misfit.is_malformed() { Status::bad_request(why) } else { Status::other(Reason::Unknown, why) }
            })?;
            let found = facts().decode(&info.api_version(), info.kind, &merged);
            if let Some(error) = found.and_then(|found| found.error) {
                return Err(unfit(&Unfit::Because(from_map(&error)), go_value::shown(patch)));
            }
            Ok(merged)
        }
    }
}

/// A strategic patch is converted from a map, not decoded from text: other words for the same mistake.
fn from_map(error: &str) -> String {
    let wanted = error.rsplit(" of type ").next().unwrap_or_default();
    let given =
        error.strip_prefix("json: cannot unmarshal ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let kind = match given {
        "number" => "int64",
        "array" => "slice",
        "object" => "map",
        other => other,
    };
    match wanted {
        _ if wanted.starts_with("map[") => format!("cannot restore map from {kind}"),
        _ if wanted.starts_with("[]") => format!("cannot restore slice from {kind}"),
        "string" if kind == "int64" => format!("cannot convert {kind} to {wanted}"),
        _ => format!("unrecognized type: {wanted}"),
    }
}
