//! `DELETE` of one object and of a collection.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/delete.go.

use serde_json::{Value, json};

use super::collection;
use crate::apimachinery::{ObjectKey, Status, field, meta};
use crate::apiserver::body;
use crate::apiserver::call::{Call, integer, truthy};
use crate::apiserver::deletion::{DeleteOptions, Deleted, Precondition, Propagation};
use crate::apiserver::filter::Filter;
use crate::apiserver::negotiate;
use crate::apiserver::route::Target;
use crate::text::go_json;
use crate::text::go_value::json_word;
use crate::text::http::{Request, Response};

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
        let form = negotiate::form(self.request, Some(target.ops.info()))?;
        let metadata = json!({"resourceVersion": self.server.store().revision().to_string()});
        Ok(self.json(200, &self.page(target, form, metadata, &page)))
    }

    /// Reads `DeleteOptions` from the body, or from the query when there is none.
    pub(in crate::apiserver) fn delete_options(&self) -> Result<DeleteOptions, Status> {
        if !self.request.body.is_empty() {
            // What the body says is all that is said.
            return options_of(&read(self.request)?, |_| None, false);
        }
        integer(self.request.query("gracePeriodSeconds"))?;
        let dry_run = body::dry_run(self.request, "DeleteOptions")?;
        options_of(&Value::Null, |name| self.request.query(name), dry_run)
    }
}

/// The options of a body, which may come in the words of any group.
fn read(request: &Request) -> Result<Value, Status> {
    let value = match body::read(request, "DeleteOptions") {
        Ok((value, _)) => value,
        Err(status) if status.code() == 400 => {
            // Here nobody puts words around what is wrong.
            let why = body::parse(&request.body).err().unwrap_or(status.message);
            return Err(Status::bad_request(format!("couldn't get version/kind; json parse error: {why}")));
        }
        Err(status) => return Err(status),
    };
    body::type_meta(&value).map_err(|why| Status::bad_request(why.text()))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    if !matches!(text("kind"), "" | "DeleteOptions") {
        return Err(Status::bad_request(format!(
            "no kind {} is registered for version {} in scheme \"pkg/apis/meta/internalversion/scheme/register.go:27\"",
            go_json::quoted(text("kind")),
            go_json::quoted(text("apiVersion"))
        )));
    }
    let is_integer = |value: &Value| value.is_i64();
    let is_texts = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    for (field, go_type, fits) in [
        ("dryRun", "[]string", &is_texts as &dyn Fn(&Value) -> bool),
        ("gracePeriodSeconds", "int64", &is_integer),
        ("orphanDependents", "bool", &Value::is_boolean),
        ("preconditions", "v1.Preconditions", &Value::is_object),
        ("propagationPolicy", "v1.DeletionPropagation", &Value::is_string),
    ] {
        if let Some(held) = value.get(field).filter(|held| !held.is_null() && !fits(held)) {
            let given = json_word(held);
            return Err(Status::bad_request(format!(
                "json: cannot unmarshal {given} into Go struct field DeleteOptions.{field} of type {go_type}"
            )));
        }
    }
    Ok(value)
}

/// Puts options together.
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
    let in_body: Vec<&str> =
        body.get("dryRun").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let in_body = body::is_dry(in_body, "DeleteOptions")?;
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
