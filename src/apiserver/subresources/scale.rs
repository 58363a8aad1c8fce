//! `scale`: the replicas of anything that has them, in one form.
//!
//! Models Kubernetes 1.36 pkg/registry/apps/deployment/storage/storage.go (ScaleREST).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, Time};
use serde_json::{Map, Value, json};

use crate::api::KindOps;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::patch::{json_patch, merge_patch};
use crate::apimachinery::{Cause, Reason, Status};
use crate::apiserver::body::{self, FieldValidation};
use crate::apiserver::call::{Call, place};
use crate::apiserver::endpoints::{PatchForm, read_applied};
use crate::apiserver::negotiate::{self, Form, Include};
use crate::apiserver::registry::Write;
use crate::apiserver::route::Target;
use crate::apiserver::{respond, table};
use crate::storage::Stored;
use crate::text::duration::human_duration;
use crate::text::go_value::json_word;
use crate::text::http::{Method, Response};

/// Reads or changes the scale.
pub(super) fn answer(call: &mut Call<'_>, target: &Target, method: Method) -> Result<Response, Status> {
    let stored = call.stored(target)?;
    let held = target.ops.encode(&*stored.object);
    let paths = Paths::of(&*target.ops);
    if target.ops.scale_paths().is_some() && held.pointer(&paths.spec).is_none() && method == Method::Get {
        let path = paths.spec.replace('/', ".");
        let why = format!("the spec replicas field {path:?} does not exist");
        let mut status = Status::internal(&why);
        status.causes = vec![Cause { reason: String::new(), message: why, field: String::new() }];
        return Err(status);
    }
    let scale = scale_of(&held, &paths);
    let (wanted, options) = match method {
        Method::Get => return shown(call, &scale),
        Method::Put => (body::read(call.request, "Scale")?.0, "UpdateOptions"),
        Method::Patch => match PatchForm::of(call.request.header("Content-Type").unwrap_or_default())? {
            PatchForm::Apply => return apply(call, target, &stored, &paths),
            form => {
                let patch = body::parse(&call.request.body).map_err(Status::bad_request)?.0;
                (patched(form, scale, &patch)?, "PatchOptions")
            }
        },
        _ => return Err(Status::method_not_allowed()),
    };
    let dry_run = body::dry_run(call.request, options)?;
    let replicas = check(call, target, &wanted, method == Method::Patch)?;
    if replicas < 0 {
        let path = Path::new("spec").child("replicas");
        let error = Error::invalid(&path, replicas, "must be greater than or equal to 0");
        return Err(Status::invalid("Scale.autoscaling", &target.name, &[error]));
    }
    let mut changed = held;
    set(&mut changed, &paths.spec, &json!(replicas));
    let document = Some(changed.clone());
    let mut object = target.ops.decode(changed).map_err(|why| Status::internal(&why))?;
    let version = wanted.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    object.meta_mut().resource_version = version.filter(|version| !version.is_empty()).map(str::to_owned);
    // The server reads the object itself: a scale without a version is of the present one.
    let write = Write { dry_run, warnings: &mut call.warnings, document, patched: true, managed: None };
    let stored = call.server.update_with(call.caller, object, "scale", write)?;
    Ok(call.json(200, &scale_of(&target.ops.encode(&*stored.object), &paths)))
}

/// A scale in the form that the client wants.
fn shown(call: &Call<'_>, scale: &Value) -> Result<Response, Status> {
    let metadata = || scale.get("metadata").cloned().unwrap_or_default();
    let partial = || json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata()});
    let value = match negotiate::form(call.request, None)? {
        Form::Object => return Ok(call.json(200, scale)),
        Form::Metadata => partial(),
        Form::Table(include) => {
            let columns = [("Name", "string"), ("Desired", "integer"), ("Available", "integer"), ("Age", "string")];
            let columns: Value = columns
                .iter()
                .map(|(name, kind)| json!({"name": name, "type": kind, "format": "", "description": "", "priority": 0}))
                .collect();
            let number = |pointer: &str| scale.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
            let created = scale.pointer("/metadata/creationTimestamp").cloned().unwrap_or_default();
            let created = crate::apimachinery::decode::<Time>(created).ok();
            let age = created.map_or_else(String::new, |created| {
                let nanoseconds = call.server.now().timestamp().as_nanosecond() - created.0.as_nanosecond();
                human_duration(i64::try_from(nanoseconds).unwrap_or(i64::MAX))
            });
            let name = scale.pointer("/metadata/name").cloned().unwrap_or_default();
            let mut row = json!({"cells": [name, number("/spec/replicas"), number("/status/replicas"), age]});
            if let (Some(row), false) = (row.as_object_mut(), include == Include::None) {
                row.insert("object".to_owned(), if include == Include::Object { scale.clone() } else { partial() });
            }
            let version = scale.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
            table::table(json!({"resourceVersion": version}), columns, vec![row])
        }
    };
    Ok(call.json(200, &value))
}

/// Applies a scale: what it says of the replicas is said of the object's own.
fn apply(call: &mut Call<'_>, target: &Target, stored: &Stored, paths: &Paths) -> Result<Response, Status> {
    call.check_manager()?;
    let dry_run = body::dry_run(call.request, "PatchOptions")?;
    let applied = read_applied(&call.request.body)?.0;
    check_type(&applied)?;
    let mut own = json!({"apiVersion": target.ops.info().api_version(), "kind": target.ops.info().kind});
    if let Some(replicas) = applied.pointer("/spec/replicas") {
        set(&mut own, &paths.spec, replicas);
    }
    let outcome = call.merge(target, Some(stored), &own)?;
    let document = Some(outcome.object.clone());
    let object = target.ops.decode(outcome.object).map_err(Status::bad_request)?;
    let write =
        Write { dry_run, warnings: &mut call.warnings, document, patched: true, managed: Some(outcome.managed) };
    let stored = call.server.update_with(call.caller, object, "scale", write)?;
    Ok(call.json(200, &scale_of(&target.ops.encode(&*stored.object), paths)))
}

fn check_type(applied: &Value) -> Result<(), Status> {
    let text = |name: &str| applied.get(name).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if (version, kind) == ("autoscaling/v1", "Scale") {
        return Ok(());
    }
    let mark = if version.contains('/') { "" } else { "/" };
    Err(Status::bad_request(format!("invalid object type: {mark}{version}, Kind={kind}")))
}

fn patched(form: PatchForm, scale: Value, patch: &Value) -> Result<Value, Status> {
    match form {
        PatchForm::Json => json_patch(&scale, patch).map_err(|_| {
            Status::generic(Reason::Invalid, "the server rejected our request due to an error in our request")
        }),
        _ => Ok(merge_patch(scale, patch)),
    }
}

/// Whether it is a scale of the object that the path names; its replicas.
fn check(call: &mut Call<'_>, target: &Target, wanted: &Value, is_patched: bool) -> Result<i64, Status> {
    let replicas = wanted.pointer("/spec/replicas").unwrap_or(&Value::Null);
    if !replicas.is_null() && replicas.as_i64().is_none() {
        let why = format!(
            "json: cannot unmarshal {} into Go struct field ScaleSpec.spec.replicas of type int32",
            json_word(replicas)
        );
        if !is_patched {
            return Err(Status::bad_request(format!("Scale in version \"v1\" cannot be handled as a Scale: {why}")));
        }
        let error = Error::invalid(&Path::new("patch"), respond::patched(wanted), why);
        return Err(Status::invalid("", "", &[error]));
    }
    let known = [("", &["apiVersion", "kind", "metadata", "spec", "status"][..]), ("/spec", &["replicas"])];
    if FieldValidation::of(call.request, "UpdateOptions")? != FieldValidation::Ignore {
        for (pointer, fields) in known {
            let held = wanted.pointer(pointer).and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
            let above = pointer.replace('/', "");
            let dot = if above.is_empty() { "" } else { "." };
            let stray = held.filter(|name| !fields.contains(&name.as_str()));
            call.warnings.extend(stray.map(|name| format!("unknown field \"{above}{dot}{name}\"")));
        }
    }
    let mut meta: ObjectMeta =
        crate::apimachinery::decode(wanted.get("metadata").cloned().unwrap_or_default()).unwrap_or_default();
    place(&mut meta, target)?;
    Ok(replicas.as_i64().unwrap_or(0))
}

/// Puts a value where a pointer says, with what lies above it.
fn set(object: &mut Value, pointer: &str, value: &Value) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let mut at = object;
    for part in parent.split('/').filter(|part| !part.is_empty()) {
        let Some(map) = at.as_object_mut() else { return };
        at = map.entry(part).or_insert_with(|| json!({}));
    }
    if let Some(map) = at.as_object_mut() {
        map.insert(last.to_owned(), value.clone());
    }
}

/// Where the parts of a scale are in the object, as JSON pointers.
struct Paths {
    spec: String,
    status: String,
    selector: String,
}

impl Paths {
    fn of(ops: &dyn KindOps) -> Self {
        match ops.scale_paths() {
            Some(own) => Self { spec: own.spec.clone(), status: own.status.clone(), selector: own.selector.clone() },
            None => {
                let [spec, status, selector] =
                    ["/spec/replicas", "/status/replicas", "/spec/selector"].map(str::to_owned);
                Self { spec, status, selector }
            }
        }
    }
}

fn scale_of(object: &Value, paths: &Paths) -> Value {
    let at = |path: &str| object.pointer(path).cloned().unwrap_or_default();
    let mut metadata = Map::new();
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object.pointer(&format!("/metadata/{key}")) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    let number = |path: &str| at(path).as_i64().unwrap_or(0);
    let mut spec = Map::new();
    if number(&paths.spec) != 0 {
        spec.insert("replicas".to_owned(), json!(number(&paths.spec)));
    }
    let selector = at(&paths.selector);
    let selector = selector.as_str().map_or_else(|| selector_text(&selector), str::to_owned);
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec,
        "status": {"replicas": number(&paths.status), "selector": selector},
    })
}

/// A selector as one line: `a=b,c in (d,e)`.
fn selector_text(selector: &Value) -> String {
    let selector: LabelSelector = crate::apimachinery::decode(selector.clone()).unwrap_or_default();
    let mut terms: Vec<String> =
        selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    for one in selector.match_expressions.iter().flatten() {
        let values = one.values.clone().unwrap_or_default().join(",");
        terms.push(match one.operator.as_str() {
            "In" => format!("{} in ({values})", one.key),
            "NotIn" => format!("{} notin ({values})", one.key),
            "DoesNotExist" => format!("!{}", one.key),
            _ => one.key.clone(),
        });
    }
    terms.sort();
    terms.join(",")
}
