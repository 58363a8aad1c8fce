//! `DELETE` of one object and of a collection.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/delete.go.

use serde_json::{Value, json};

use super::{Call, collection, truthy};
use crate::apimachinery::{ObjectKey, Status, field, meta};
use crate::apiserver::body;
use crate::apiserver::deletion::{DeleteOptions, Deleted, Precondition, Propagation};
use crate::apiserver::filter::Filter;
use crate::apiserver::negotiate;
use crate::apiserver::route::Target;
use crate::text::http::Response;

/// The kinds whose last state is the answer; the others are answered with a `Status`.
const RETURNED: &[&str] = &[
    "pods",
    "services",
    "serviceaccounts",
    "persistentvolumes",
    "persistentvolumeclaims",
    "podtemplates",
    "resourcequotas",
];

impl Call<'_> {
    /// Asks for an object's end.
    pub(super) fn delete(&mut self, target: &Target) -> Result<Response, Status> {
        let options = self.delete_options()?;
        let info = target.ops.info();
        let (namespace, name) = (target.namespace(), target.name.as_str());
        let deleted =
            self.server.delete_warning(self.caller, info.resource, namespace, name, &options, &mut self.warnings)?;
        match deleted {
            Deleted::Waiting(stored) => self.object(200, &*target.ops, &stored),
            Deleted::Gone(stored) if RETURNED.contains(&info.resource) => self.object(200, &*target.ops, &stored),
            Deleted::Gone(stored) => {
                let mut details = json!({"name": name, "kind": info.plural(), "uid": meta::uid(stored.object.meta())});
                if let (false, Some(map)) = (info.group.is_empty(), details.as_object_mut()) {
                    map.insert("group".to_owned(), json!(info.group));
                }
                let status = json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
                });
                Ok(self.json(200, &status))
            }
        }
    }

    /// Asks for the end of every object of a collection that the selectors name.
    pub(super) fn delete_collection(&mut self, target: &Target) -> Result<Response, Status> {
        let options = self.delete_options()?;
        let filter = Filter::of(self.request, &*target.ops, "")?;
        let page: Vec<_> = collection(self.server, target, &filter, None).cloned().collect();
        for stored in &page {
            let key = ObjectKey::of(&*stored.object);
            let (caller, warnings) = (self.caller, &mut self.warnings);
            match self.server.delete_warning(caller, &key.resource, &key.namespace, &key.name, &options, warnings) {
                Ok(_) => {}
                Err(status) if status.code() == 404 => {}
                Err(status) => return Err(status),
            }
        }
        self.warnings.dedup();
        let form = negotiate::form(self.request)?;
        let metadata = json!({"resourceVersion": self.server.store().revision().to_string()});
        Ok(self.json(200, &self.page(target, form, metadata, &page)))
    }

    /// Reads `DeleteOptions` from the body and the query.
    pub(in crate::apiserver) fn delete_options(&self) -> Result<DeleteOptions, Status> {
        let body =
            if self.request.body.is_empty() { Value::Null } else { body::read(self.request, "DeleteOptions")?.0 };
        options_of(&body, |name| self.request.query(name), body::dry_run(self.request, "DeleteOptions")?)
    }
}

/// Puts options together; what the body says wins over the query.
pub(in crate::apiserver) fn options_of<'a>(
    body: &Value,
    query: impl Fn(&str) -> Option<&'a str>,
    dry_run: bool,
) -> Result<DeleteOptions, Status> {
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let grace = body
        .get("gracePeriodSeconds")
        .and_then(Value::as_i64)
        .or_else(|| query("gracePeriodSeconds").and_then(|text| text.parse().ok()));
    let policy = text("/propagationPolicy").or_else(|| query("propagationPolicy").map(str::to_owned));
    let orphan = body
        .get("orphanDependents")
        .and_then(Value::as_bool)
        .or_else(|| query("orphanDependents").map(|value| truthy(Some(value))));
    if let (Some(policy), Some(_)) = (&policy, orphan) {
        let path = field::Path::new("propagationPolicy");
        let why = "orphanDependents and deletionPropagation cannot be both set";
        return Err(Status::invalid("DeleteOptions.meta.k8s.io", "", &[field::Error::invalid(&path, policy, why)]));
    }
    let propagation = match (policy.as_deref(), orphan) {
        (Some("Background"), _) => Some(Propagation::Background),
        (Some("Foreground"), _) => Some(Propagation::Foreground),
        (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
        (None, Some(false)) => Some(Propagation::Background),
        (None, None) => None,
        (Some(other), _) => {
            let path = field::Path::new("propagationPolicy");
            let known = ["Foreground", "Background", "Orphan", "nil"];
            let error = field::Error::not_supported(&path, other, &known);
            return Err(Status::invalid("DeleteOptions.meta.k8s.io", "", &[error]));
        }
    };
    let in_body = body.get("dryRun").and_then(Value::as_array).is_some_and(|values| !values.is_empty());
    Ok(DeleteOptions {
        grace_period_seconds: grace,
        propagation,
        precondition: Precondition {
            uid: text("/preconditions/uid"),
            resource_version: text("/preconditions/resourceVersion"),
        },
        dry_run: dry_run || in_body,
    })
}
