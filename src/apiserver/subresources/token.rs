//! `serviceaccounts/token`: a token for a service account.
//!
//! Models Kubernetes 1.36 pkg/registry/core/serviceaccount/storage/token.go.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use serde_json::{Value, json};

use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{Status, downcast, meta};
use crate::apiserver::call::Call;
use crate::apiserver::route::Target;
use crate::apiserver::{authentication, reviews};
use crate::text::http::Response;

/// What is asked for.
const KIND: &str = "TokenRequest.authentication.k8s.io";
/// The shortest life of a token in seconds.
const SHORTEST: i64 = 600;
/// The life of a token when nothing is said.
const USUAL: i64 = 3600;
/// The longest one.
const LONGEST: i64 = 1 << 32;

/// Issues a token.
pub(super) fn create(call: &mut Call<'_>, target: &Target) -> Result<Response, Status> {
    let account = call.server.get::<ServiceAccount>(target.namespace(), &target.name)?;
    let asked = reviews::read(call, "TokenRequest", "authentication.k8s.io/v1")?;
    let seconds = asked.pointer("/spec/expirationSeconds").and_then(Value::as_i64).unwrap_or(USUAL);
    let path = Path::new("spec").child("expirationSeconds");
    let wrong = match seconds {
        short if short < SHORTEST => Some("may not specify a duration less than 10 minutes"),
        long if long > LONGEST => Some("may not specify a duration larger than 2^32 seconds"),
        _ => None,
    };
    if let Some(why) = wrong {
        return Err(Status::invalid(KIND, "", &[Error::invalid(&path, seconds, why)]));
    }
    let given = |name: &str| asked.pointer(&format!("/metadata/{name}")).and_then(Value::as_str).unwrap_or_default();
    if !matches!(given("namespace"), "") && given("namespace") != target.namespace() {
        let text = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Status::bad_request(text));
    }
    if !matches!(given("name"), "") && given("name") != target.name {
        let path = Path::new("metadata").child("name");
        let why = "must match the service account name if specified";
        return Err(Status::invalid(KIND, &target.name, &[Error::invalid(&path, given("name"), why)]));
    }
    let bound = asked.pointer("/spec/boundObjectRef").filter(|bound| !bound.is_null());
    let pod = bound.map(|bound| find(call, target.namespace(), bound)).transpose()?.flatten();
    let audiences =
        asked.pointer("/spec/audiences").cloned().filter(|given| given.as_array().is_some_and(|one| !one.is_empty()));
    let audiences = audiences.unwrap_or_else(|| json!([authentication::ISSUER]));
    let now = call.server.now();
    let end = now + Duration::from_secs(seconds.unsigned_abs());
    let (namespace, name) = (target.namespace(), target.name.as_str());
    let token = authentication::issue(&account, &audiences, (now, end), pod.as_deref());
    let mut asked_of = asked.get("spec").cloned().unwrap_or_else(|| json!({}));
    if let Some(spec) = asked_of.as_object_mut() {
        spec.insert("expirationSeconds".to_owned(), json!(seconds));
    }
    let mut metadata = reviews::owned(call, "authentication.k8s.io/v1", "token", &asked_of, None);
    if let Some(map) = metadata.as_object_mut() {
        map.insert("name".to_owned(), json!(name));
        map.insert("namespace".to_owned(), json!(namespace));
        map.insert("creationTimestamp".to_owned(), json!(meta::time(now)));
    }
    let answer = json!({
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
        "metadata": metadata,
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": bound},
        "status": {"token": token, "expirationTimestamp": meta::time(end)},
    });
    Ok(call.json(201, &answer))
}

/// The Pod that a token shall be bound to, if it is one; a secret or a node must be there too.
fn find(call: &Call<'_>, namespace: &str, bound: &Value) -> Result<Option<Arc<Pod>>, Status> {
    let text = |name: &str| bound.get(name).and_then(Value::as_str).unwrap_or_default();
    let (version, kind, name, uid) = (text("apiVersion"), text("kind"), text("name"), text("uid"));
    let (resource, namespace) = match (version, kind) {
        ("" | "v1", "Pod") => ("pods", namespace),
        ("" | "v1", "Secret") => ("secrets", namespace),
        ("" | "v1", "Node") => ("nodes", ""),
        _ => {
            let mark = if version.contains('/') { "" } else { "/" };
            let text = format!("cannot bind token to object of type {mark}{version}, Kind={kind}");
            return Err(Status::bad_request(text));
        }
    };
    let found = call.server.store().get(resource, namespace, name).ok_or_else(|| Status::not_found(resource, name))?;
    let held = meta::uid(found.meta());
    if !uid.is_empty() && uid != held {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Status::conflict(kind, name, &why));
    }
    Ok(downcast(found))
}
