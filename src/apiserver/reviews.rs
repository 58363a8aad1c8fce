//! Questions about callers: who am I, what may I or somebody else do.
//!
//! Models Kubernetes 1.36 pkg/registry/authorization and pkg/registry/authentication/selfsubjectreview.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::authentication;
use super::authorization::{self, Decision, Wish};
use super::body;
use super::endpoints::Call;
use crate::apimachinery::{Status, meta};
use crate::text::http::{Method, Response};

/// Answers when the path is one of the reviews.
pub(super) fn answer(call: &Call<'_>) -> Result<Option<Response>, Status> {
    let Some((kind, version, namespace)) = review_of(call.request.path.trim_matches('/')) else { return Ok(None) };
    if call.request.method != Method::Post {
        return Err(Status::method_not_allowed());
    }
    let asked = body::read(call.request, kind)?.0;
    let mut answer = json!({"kind": kind, "apiVersion": version, "metadata": {"creationTimestamp": null}});
    let Some(map) = answer.as_object_mut() else { return Ok(None) };
    if let Some(spec) = asked.get("spec") {
        map.insert("spec".to_owned(), spec.clone());
    }
    let spec = asked.get("spec").unwrap_or(&Value::Null);
    let groups: Vec<&str> = call.caller.groups.iter().map(|group| &**group).collect();
    let status = match kind {
        "SelfSubjectReview" => {
            map.insert("metadata".to_owned(), json!({"creationTimestamp": meta::time(call.server.now())}));
            // Users come with certificates: the digest of theirs is part of who they are.
            let digest = Sha256::digest(&*call.caller.user);
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let extra = json!({"authentication.kubernetes.io/credential-id": [format!("X509SHA256={hex}")]});
            let mut info = json!({"username": &*call.caller.user, "groups": groups, "extra": extra});
            // Who is only impersonated has shown none.
            if call.request.header("Impersonate-User").is_some()
                && let Some(info) = info.as_object_mut()
            {
                info.remove("extra");
            }
            json!({"userInfo": info})
        }
        "SelfSubjectRulesReview" => rules(call, spec)?,
        "TokenReview" => {
            let token = spec.get("token").and_then(Value::as_str).unwrap_or_default();
            match authentication::user(call.server, token) {
                Some(user) => json!({"authenticated": true, "audiences": [authentication::ISSUER],
                    "user": {"username": user, "groups": authorization::groups_of(&user)}}),
                None => json!({"authenticated": false, "user": {}, "error": "invalid bearer token"}),
            }
        }
        "SelfSubjectAccessReview" => access(call, &call.caller.user, &groups, spec, ""),
        _ => {
            let user = spec.get("user").and_then(Value::as_str).unwrap_or_default();
            let named = spec.get("groups").and_then(Value::as_array).into_iter().flatten();
            let own = authorization::groups_of(user);
            let groups: Vec<&str> = named.filter_map(Value::as_str).chain(own.iter().map(String::as_str)).collect();
            access(call, user, &groups, spec, namespace)
        }
    };
    map.insert("status".to_owned(), status);
    Ok(Some(call.json(201, &answer)))
}

fn review_of(path: &str) -> Option<(&'static str, &'static str, &str)> {
    let authorization = "authorization.k8s.io/v1";
    Some(match path {
        "apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => ("SelfSubjectAccessReview", authorization, ""),
        "apis/authorization.k8s.io/v1/subjectaccessreviews" => ("SubjectAccessReview", authorization, ""),
        "apis/authorization.k8s.io/v1/selfsubjectrulesreviews" => ("SelfSubjectRulesReview", authorization, ""),
        "apis/authentication.k8s.io/v1/selfsubjectreviews" => ("SelfSubjectReview", "authentication.k8s.io/v1", ""),
        "apis/authentication.k8s.io/v1/tokenreviews" => ("TokenReview", "authentication.k8s.io/v1", ""),
        _ => {
            let rest = path.strip_prefix("apis/authorization.k8s.io/v1/namespaces/")?;
            let namespace = rest.strip_suffix("/localsubjectaccessreviews")?;
            ("LocalSubjectAccessReview", authorization, namespace)
        }
    })
}

fn access(call: &Call<'_>, user: &str, groups: &[&str], spec: &Value, namespace: &str) -> Value {
    let resource = spec.get("resourceAttributes").unwrap_or(&Value::Null);
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let place = text(resource, "namespace");
    let plain = spec.get("nonResourceAttributes").unwrap_or(&Value::Null);
    let wish = Wish {
        verb: if resource.is_null() { text(plain, "verb") } else { text(resource, "verb") },
        group: text(resource, "group"),
        resource: text(resource, "resource"),
        subresource: text(resource, "subresource"),
        namespace: if place.is_empty() { namespace.to_owned() } else { place },
        name: text(resource, "name"),
        path: text(plain, "path"),
    };
    let (allowed, reason) = match authorization::decide(call.server, user, groups, &wish) {
        Decision::Allowed(reason) => (true, reason),
        Decision::No(reason) => (false, reason),
    };
    let mut status = json!({"allowed": allowed});
    if let Some(map) = status.as_object_mut().filter(|_| !reason.is_empty()) {
        map.insert("reason".to_owned(), json!(reason));
    }
    status
}

/// What the caller may do in a namespace.
fn rules(call: &Call<'_>, spec: &Value) -> Result<Value, Status> {
    let namespace = spec.get("namespace").and_then(Value::as_str).unwrap_or_default();
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request".to_owned()));
    }
    let (mut resources, mut urls) = (Vec::new(), Vec::new());
    for rule in authorization::rules_of(call.server, call.caller, namespace) {
        let mut shown = json!(rule);
        if rule.resources.as_ref().is_some_and(|list| !list.is_empty()) {
            if let Some(map) = shown.as_object_mut() {
                map.remove("nonResourceURLs");
            }
            resources.push(shown);
        }
        if rule.non_resource_urls.as_ref().is_some_and(|list| !list.is_empty()) {
            urls.push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls}));
        }
    }
    Ok(json!({"resourceRules": resources, "nonResourceRules": urls, "incomplete": false}))
}
