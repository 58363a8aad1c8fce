//! `scale`: the replicas of anything that has them, in one form.
//!
//! Models Kubernetes 1.36 pkg/registry/apps/deployment/storage/storage.go (ScaleREST).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Map, Value, json};

use crate::api::KindOps;
use crate::apimachinery::Status;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::patch::{json_patch, merge_patch};
use crate::apiserver::body;
use crate::apiserver::endpoints::{Call, PatchForm};
use crate::apiserver::registry::Write;
use crate::apiserver::route::Target;
use crate::text::http::{Method, Response};

/// Reads or changes the scale.
pub(super) fn answer(call: &mut Call<'_>, target: &Target, method: Method) -> Result<Response, Status> {
    let held = target.ops.encode(&*call.stored(target)?.object);
    let paths = Paths::of(&*target.ops);
    let scale = scale_of(&held, &paths);
    let wanted = match method {
        Method::Get => return Ok(call.json(200, &scale)),
        Method::Put => body::read(call.request, "Scale")?.0,
        Method::Patch => {
            let patch = body::parse(&call.request.body).map_err(Status::bad_request)?.0;
            match PatchForm::of(call.request.header("Content-Type").unwrap_or_default())? {
                PatchForm::Json => json_patch(&scale, &patch).map_err(Status::bad_request)?,
                _ => merge_patch(scale, &patch),
            }
        }
        _ => return Err(Status::method_not_allowed()),
    };
    let dry_run = body::dry_run(call.request, "UpdateOptions")?;
    let replicas = wanted.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
    if replicas < 0 {
        let path = Path::new("spec").child("replicas");
        let error = Error::invalid(&path, replicas, "must be greater than or equal to 0");
        return Err(Status::invalid("Scale.autoscaling", &target.name, &[error]));
    }
    let mut changed = held;
    if let Some((parent, field)) = paths.spec.rsplit_once('/')
        && let Some(parent) = changed.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        parent.insert(field.to_owned(), json!(replicas));
    }
    let document = Some(changed.clone());
    let mut object = target.ops.decode(changed).map_err(|why| Status::internal(&why))?;
    let version = wanted.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    if let Some(version) = version.filter(|version| !version.is_empty()) {
        object.meta_mut().resource_version = Some(version.to_owned());
    }
    let write = Write { dry_run, warnings: &mut call.warnings, document, managed: None };
    let stored = call.server.update_with(call.caller, object, "scale", write)?;
    Ok(call.json(200, &scale_of(&target.ops.encode(&*stored.object), &paths)))
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
