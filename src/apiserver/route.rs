//! From a path to the resource that it names. Knows no verb.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go.

use std::sync::Arc;

use crate::api::custom::CustomKind;
use crate::api::{self, KindInfo, KindRef};

/// What a resource path names.
#[derive(Clone)]
pub(super) struct Target {
    /// The kind kept there.
    pub ops: KindRef,
    /// The namespace in the path; `None` for cluster-scoped kinds and for all namespaces.
    pub namespace: Option<String>,
    /// The object's name; empty for the collection.
    pub name: String,
    /// Such as `status`; empty for the object itself.
    pub subresource: String,
}

impl Target {
    /// The namespace, empty when there is none.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

/// The parts of a path under `/api/v1` or `/apis/GROUP/VERSION`: group, version and what follows.
pub(super) fn group_version(path: &str) -> Option<(&str, &str, Vec<&str>)> {
    let mut parts = path.trim_matches('/').split('/');
    match parts.next()? {
        "api" => Some(("", parts.next()?, parts.collect())),
        "apis" => Some((parts.next()?, parts.next()?, parts.collect())),
        _ => None,
    }
}

/// The resource that a path names; `None` when the server has no such path.
pub(super) fn resolve(path: &str, customs: &[Arc<CustomKind>]) -> Option<Target> {
    let (group, version, rest) = group_version(path)?;
    if rest.iter().any(|part| part.is_empty()) {
        return None;
    }
    let (namespace, rest) = match rest.as_slice() {
        ["namespaces", namespace, plural, rest @ ..]
            if !(group.is_empty() && matches!(*plural, "status" | "finalize") && rest.is_empty()) =>
        {
            (Some((*namespace).to_owned()), [&[*plural], rest].concat())
        }
        other => (None, other.to_vec()),
    };
    let (plural, name, subresource) = match rest.as_slice() {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, subresource] => (*plural, *name, *subresource),
        [plural @ ("pods" | "services"), name, "proxy", ..] => (*plural, *name, "proxy"),
        _ => return None,
    };
    let is = |info: &KindInfo| info.group == group && info.version == version && info.plural() == plural;
    let known = api::served().find(|kind| is(kind.info())).map(KindRef::Known);
    let ops = known.or_else(|| customs.iter().find(|kind| is(kind.names())).cloned().map(KindRef::Custom))?;
    let scoped = namespace.is_some();
    if ops.info().namespaced != scoped && !(ops.info().namespaced && name.is_empty()) {
        return None;
    }
    Some(Target { ops, namespace, name: name.to_owned(), subresource: subresource.to_owned() })
}
