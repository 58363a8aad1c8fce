//! Questions about the caller: who am I, what may I do. Everybody who reaches this server may do everything.
//!
//! Models Kubernetes 1.36 pkg/registry/authorization and pkg/registry/authentication/selfsubjectreview.

use serde_json::{Value, json};

use super::body;
use super::endpoints::Call;
use crate::apimachinery::{Status, meta};
use crate::text::http::{Method, Response};

/// Answers when the path is one of the reviews.
pub(super) fn answer(call: &Call<'_>) -> Result<Option<Response>, Status> {
    let path = call.request.path.trim_end_matches('/');
    let (kind, version) = match path {
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => ("SelfSubjectAccessReview", "authorization.k8s.io/v1"),
        "/apis/authorization.k8s.io/v1/subjectaccessreviews" => ("SubjectAccessReview", "authorization.k8s.io/v1"),
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews" => ("SelfSubjectRulesReview", "authorization.k8s.io/v1"),
        "/apis/authentication.k8s.io/v1/selfsubjectreviews" => ("SelfSubjectReview", "authentication.k8s.io/v1"),
        "/apis/authentication.k8s.io/v1/tokenreviews" => ("TokenReview", "authentication.k8s.io/v1"),
        _ => return Ok(None),
    };
    if call.request.method != Method::Post {
        return Err(Status::method_not_allowed());
    }
    // Some clients ask in protobuf, which is not read here: what they ask does not change the answer.
    let binary = call.request.header("Content-Type").is_some_and(|media| media.contains("protobuf"));
    let asked = if binary { Value::Null } else { body::read(call.request, kind)?.0 };
    let created = serde_json::to_value(meta::time(call.server.now())).unwrap_or_default();
    let mut answer = json!({"kind": kind, "apiVersion": version, "metadata": {"creationTimestamp": null}});
    let Some(map) = answer.as_object_mut() else { return Ok(None) };
    if let Some(spec) = asked.get("spec") {
        map.insert("spec".to_owned(), spec.clone());
    }
    let status = match kind {
        "SelfSubjectReview" => {
            map.insert("metadata".to_owned(), json!({"creationTimestamp": created}));
            json!({"userInfo": user(call)})
        }
        "SelfSubjectRulesReview" => json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        }),
        "TokenReview" => json!({"authenticated": false, "user": {}, "error": "invalid bearer token"}),
        _ => json!({"allowed": true}),
    };
    map.insert("status".to_owned(), status);
    Ok(Some(call.json(201, &answer)))
}

fn user(call: &Call<'_>) -> Value {
    json!({"username": &*call.caller.user, "groups": call.caller.groups.iter().map(|group| &**group).collect::<Vec<_>>()})
}
