//! `serviceaccounts/token`: a token for a service account.
//!
//! Models Kubernetes 1.36 pkg/registry/core/serviceaccount/storage/token.go.

use std::time::Duration;

use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::{Value, json};

use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{Status, meta};
use crate::apiserver::endpoints::Call;
use crate::apiserver::route::Target;
use crate::apiserver::{authentication, body};
use crate::text::http::Response;

/// The shortest life of a token in seconds.
const SHORTEST: i64 = 600;
/// The life of a token when nothing is said.
const USUAL: i64 = 3600;
/// The longest one.
const LONGEST: i64 = 1 << 32;

/// Issues a token.
pub(super) fn create(call: &mut Call<'_>, target: &Target) -> Result<Response, Status> {
    let account = call.server.get::<ServiceAccount>(target.namespace(), &target.name)?;
    let asked = if call.request.body.is_empty() { Value::Null } else { body::read(call.request, "TokenRequest")?.0 };
    let seconds = asked.pointer("/spec/expirationSeconds").and_then(Value::as_i64).unwrap_or(USUAL);
    let path = Path::new("spec").child("expirationSeconds");
    let wrong = match seconds {
        short if short < SHORTEST => Some("may not specify a duration less than 10 minutes"),
        long if long > LONGEST => Some("may not specify a duration larger than 2^32 seconds"),
        _ => None,
    };
    if let Some(why) = wrong {
        return Err(Status::invalid("TokenRequest.authentication.k8s.io", "", &[Error::invalid(&path, seconds, why)]));
    }
    let audiences =
        asked.pointer("/spec/audiences").cloned().filter(|given| given.as_array().is_some_and(|one| !one.is_empty()));
    let audiences = audiences.unwrap_or_else(|| json!([authentication::ISSUER]));
    let now = call.server.now();
    let end = now + Duration::from_secs(seconds.unsigned_abs());
    let (namespace, name) = (target.namespace(), target.name.as_str());
    let token = authentication::issue(&account, &audiences, (now, end), None);
    let answer = json!({
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": meta::time(now)},
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": null},
        "status": {"token": token, "expirationTimestamp": meta::time(end)},
    });
    Ok(call.json(201, &answer))
}
