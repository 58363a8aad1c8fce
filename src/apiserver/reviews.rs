//! Questions about callers: who am I, what may I or somebody else do.
//!
//! Models Kubernetes 1.36 pkg/registry/authorization and pkg/registry/authentication/selfsubjectreview.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::authentication;
use super::authorization::{self, Decision, Wish};
use super::body;
use super::call::Call;
use super::impersonation;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{Status, meta};
use crate::text::http::{Method, Response};

/// Answers when the path is one of the reviews.
pub(super) fn answer(call: &mut Call<'_>) -> Result<Option<Response>, Status> {
    let Some((kind, version, namespace)) = review_of(call.request.path.trim_matches('/')) else { return Ok(None) };
    if call.request.method != Method::Post {
        return Err(Status::method_not_allowed());
    }
    let asked = read(call, kind, version)?;
    let mut answer = json!({"kind": kind, "apiVersion": version, "metadata": {}});
    let Some(map) = answer.as_object_mut() else { return Ok(None) };
    let spec = asked.get("spec").unwrap_or(&Value::Null);
    match kind {
        "SelfSubjectReview" => {}
        // Upstream forgets what it was asked here.
        "SelfSubjectRulesReview" => drop(map.insert("spec".to_owned(), json!({}))),
        _ => {
            let mut metadata = owned(call, version, "", spec, asked.get("metadata"));
            if let (false, Some(map)) = (namespace.is_empty(), metadata.as_object_mut()) {
                map.insert("namespace".to_owned(), json!(namespace));
            }
            if kind != "TokenReview" {
                check(kind, &metadata, spec, namespace)?;
            }
            map.insert("metadata".to_owned(), metadata);
            map.insert("spec".to_owned(), if spec.is_null() { json!({}) } else { spec.clone() });
        }
    }
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
                let extra = impersonation::extra_of(call.request);
                if !extra.is_empty() {
                    info.insert("extra".to_owned(), json!(extra));
                }
                if let Some(uid) = call.request.header("Impersonate-Uid").filter(|uid| !uid.is_empty()) {
                    info.insert("uid".to_owned(), json!(uid));
                }
            }
            json!({"userInfo": info})
        }
        "SelfSubjectRulesReview" => rules(call, spec)?,
        "TokenReview" => {
            let token = spec.get("token").and_then(Value::as_str).unwrap_or_default();
            if token.is_empty() {
                return Err(Status::bad_request("token is required for TokenReview in authentication"));
            }
            match authentication::user(call.server, token) {
                Some(user) => json!({"authenticated": true, "audiences": [authentication::ISSUER],
                    "user": {"username": user, "groups": authentication::groups_of(&user)}}),
                None => json!({"authenticated": false, "user": {}, "error": "invalid bearer token"}),
            }
        }
        "SelfSubjectAccessReview" => access(call, &call.caller.user, &groups, spec, ""),
        _ => {
            let user = spec.get("user").and_then(Value::as_str).unwrap_or_default();
            let named = spec.get("groups").and_then(Value::as_array).into_iter().flatten();
            let groups: Vec<&str> = named.filter_map(Value::as_str).collect();
            access(call, user, &groups, spec, namespace)
        }
    };
    map.insert("status".to_owned(), status);
    Ok(Some(call.json(201, &answer)))
}

/// What is asked, of the kind that the path names.
pub(super) fn read(call: &mut Call<'_>, kind: &str, version: &str) -> Result<Value, Status> {
    let asked = body::read(call.request, kind)?.0;
    body::type_meta(&asked).map_err(|why| body::unrecognized(kind, &why.text(), &call.request.body))?;
    let text = |name: &str| asked.get(name).and_then(Value::as_str).filter(|held| !held.is_empty());
    let (given, given_version) = (text("kind").unwrap_or(kind), text("apiVersion").unwrap_or(version));
    if (given, given_version) != (kind, version) {
        let short = given_version.rsplit('/').next().unwrap_or_default();
        return Err(Status::bad_request(format!(
            "{given} in version \"{short}\" cannot be handled as a {kind}: no kind \"{given}\" is registered for \
             version \"{given_version}\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        )));
    }
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    let stray = asked.as_object().into_iter().flat_map(|map| map.keys()).filter(|name| !known.contains(&name.as_str()));
    call.warnings.extend(stray.map(|name| format!("unknown field {name:?}")));
    Ok(asked)
}

/// The metadata of what is answered and not kept: who has asked owns what was asked.
pub(super) fn owned(call: &Call<'_>, version: &str, subresource: &str, spec: &Value, given: Option<&Value>) -> Value {
    let mut metadata = given.filter(|given| given.is_object()).cloned().unwrap_or_else(|| json!({}));
    let mut fields = fields_of(spec);
    if let Some(map) = fields.as_object_mut() {
        map.remove(".");
    }
    if fields.as_object().is_some_and(serde_json::Map::is_empty) {
        return metadata;
    }
    let mut entry = json!({
        "manager": &*call.caller.manager, "operation": "Update", "apiVersion": version,
        "time": meta::time(call.server.now()), "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields},
    });
    if let Some(map) = entry.as_object_mut().filter(|_| !subresource.is_empty()) {
        map.insert("subresource".to_owned(), json!(subresource));
    }
    if let Some(map) = metadata.as_object_mut() {
        map.insert("managedFields".to_owned(), json!([entry]));
    }
    metadata
}

/// What a value owns; nothing but objects has parts here.
fn fields_of(value: &Value) -> Value {
    let mut fields = serde_json::Map::new();
    for (name, value) in value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        fields.insert(".".to_owned(), json!({}));
        fields.insert(format!("f:{name}"), fields_of(value));
    }
    Value::Object(fields)
}

/// Whether a review asks one question.
fn check(kind: &str, metadata: &Value, spec: &Value, namespace: &str) -> Result<(), Status> {
    let path = Path::new("spec");
    let mut errors = Vec::new();
    let part = |name: &str| spec.get(name).filter(|held| !held.is_null());
    let shown = |plain: &Value| json!({"Path": plain.get("path").unwrap_or(&json!("")), "Verb": plain.get("verb").unwrap_or(&json!(""))});
    match (part("resourceAttributes"), part("nonResourceAttributes")) {
        (Some(_), Some(plain)) => errors.push(Error::invalid(
            &path.child("nonResourceAttributes"),
            shown(plain),
            "cannot be specified in combination with resourceAttributes",
        )),
        (None, None) => errors.push(Error::invalid(
            &path.child("resourceAttributes"),
            Value::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        _ => {}
    }
    let named = part("user").and_then(Value::as_str).is_some_and(|user| !user.is_empty())
        || part("groups").and_then(Value::as_array).is_some_and(|groups| !groups.is_empty());
    if kind != "SelfSubjectAccessReview" && !named {
        errors.push(Error::invalid(&path.child("user"), "", "at least one of user or group must be specified"));
    }
    let local = kind == "LocalSubjectAccessReview";
    let extra = |name: &String| name != "managedFields" && !(local && name == "namespace");
    if metadata.as_object().is_some_and(|map| map.keys().any(extra)) {
        let why = if local { "must be empty except for namespace" } else { "must be empty" };
        errors.push(Error::invalid(&Path::new("metadata"), metadata, why));
    }
    if local {
        let given =
            part("resourceAttributes").map(|one| one.get("namespace").and_then(Value::as_str).unwrap_or_default());
        if let Some(given) = given.filter(|given| *given != namespace) {
            let path = path.child("resourceAttributes").child("namespace");
            errors.push(Error::invalid(&path, given, "must match metadata.namespace"));
        }
        if let Some(plain) = part("nonResourceAttributes") {
            let path = path.child("nonResourceAttributes");
            errors.push(Error::invalid(&path, shown(plain), "disallowed on this kind of request"));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid(".authorization.k8s.io", "", &errors)) }
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
