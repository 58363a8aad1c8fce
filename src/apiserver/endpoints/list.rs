//! `GET` of many objects: selectors, pages, tables.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/storage/continue.go.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::Call;
use crate::apimachinery::{Object, Status, meta};
use crate::apiserver::ApiServer;
use crate::apiserver::filter::Filter;
use crate::apiserver::negotiate::{self, Form};
use crate::apiserver::route::Target;
use crate::apiserver::table;
use crate::text::http::Response;

/// Where a page begins: after this object, at the revision of the first page.
struct Continue {
    revision: u64,
    namespace: String,
    name: String,
}

/// The objects that a target and a filter name, by namespace and name.
pub(in crate::apiserver) fn collection<'a>(
    server: &'a ApiServer,
    target: &'a Target,
    filter: &'a Filter,
    after: Option<(&str, &str)>,
) -> Box<dyn Iterator<Item = &'a Arc<dyn Object>> + 'a> {
    let resource = target.ops.info().resource;
    if let (Some(name), Some(_)) | (Some(name), None) = (filter.name(), target.namespace.as_ref())
        && (target.namespace.is_some() || !target.ops.info().namespaced)
    {
        let found = server.store().get(resource, target.namespace(), name);
        let past = after.is_some();
        return Box::new(found.into_iter().filter(move |object| !past && filter.matches(target.ops, &***object)));
    }
    let all = server.store().list_after(resource, target.namespace.as_deref(), after);
    if filter.is_empty() {
        return all;
    }
    Box::new(all.filter(move |object| filter.matches(target.ops, &***object)))
}

impl Call<'_> {
    /// The objects of a collection.
    pub(super) fn list(&mut self, target: &Target) -> Result<Response, Status> {
        let filter = Filter::of(self.request, target.ops, "")?;
        let limit = number(self.request.query("limit"), "limit")?;
        let start = match self.request.query("continue").unwrap_or_default() {
            "" => None,
            token => Some(read_token(token)?),
        };
        check_version(self.request.query("resourceVersion"), self.server.store().revision())?;
        let form = negotiate::form(self.request)?;
        let after = start.as_ref().map(|start| (start.namespace.as_str(), start.name.as_str()));
        let revision = start.as_ref().map_or(self.server.store().revision(), |start| start.revision);
        let mut objects = collection(self.server, target, &filter, after);
        let mut page: Vec<Arc<dyn Object>> = Vec::new();
        let mut metadata = Map::new();
        while let Some(object) = objects.next() {
            if limit > 0 && page.len() as u64 >= limit {
                if let Some(last) = page.last() {
                    metadata.insert("continue".to_owned(), json!(write_token(revision, &**last)));
                    if filter.is_empty() {
                        metadata.insert("remainingItemCount".to_owned(), json!(objects.count() + 1));
                    }
                }
                break;
            }
            page.push(Arc::clone(object));
        }
        metadata.insert("resourceVersion".to_owned(), json!(revision.to_string()));
        Ok(self.json(200, &self.page(target, form, Value::Object(metadata), &page)))
    }

    /// Writes a page in the form that the client wants.
    pub(super) fn page(&self, target: &Target, form: Form, metadata: Value, page: &[Arc<dyn Object>]) -> Value {
        let (ops, info) = (target.ops, target.ops.info());
        match form {
            Form::Object => {
                let items: Vec<Value> = page.iter().map(|object| item(ops.encode(&**object))).collect();
                json!({
                    "kind": format!("{}List", info.kind), "apiVersion": info.api_version(),
                    "metadata": metadata, "items": items,
                })
            }
            Form::Metadata => {
                let items: Vec<Value> = page.iter().map(|object| table::metadata(&**object)).collect();
                json!({
                    "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                    "metadata": metadata, "items": items,
                })
            }
            Form::Table(include) => {
                let now = self.server.now();
                let rows = page.iter().map(|object| table::row(ops, &**object, now, include)).collect();
                table::table(metadata, table::columns(ops), rows)
            }
        }
    }
}

/// The items of a typed list carry neither kind nor version: the list does.
fn item(mut object: Value) -> Value {
    if let Some(map) = object.as_object_mut() {
        map.remove("kind");
        map.remove("apiVersion");
    }
    object
}

fn number(text: Option<&str>, name: &str) -> Result<u64, Status> {
    match text.unwrap_or_default() {
        "" => Ok(0),
        text => text
            .parse()
            .map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax ({name})"))),
    }
}

/// A version of the future cannot be waited for.
pub(super) fn check_version(given: Option<&str>, current: u64) -> Result<u64, Status> {
    let text = given.unwrap_or_default();
    if text.is_empty() {
        return Ok(0);
    }
    let Ok(wanted) = text.parse::<u64>() else {
        let path = crate::apimachinery::field::Path::new("resourceVersion");
        let error = crate::apimachinery::field::Error::invalid(
            &path,
            text,
            format!("strconv.ParseUint: parsing {text:?}: invalid syntax"),
        );
        return Err(Status::invalid("", "", &[error]));
    };
    if wanted > current {
        let text = format!("Too large resource version: {wanted}, current: {current}");
        let mut status = Status::other(crate::apimachinery::Reason::Timeout, text);
        status.retry_after_seconds = 1;
        return Err(status);
    }
    Ok(wanted)
}

fn write_token(revision: u64, last: &dyn Object) -> String {
    let start = format!("{}/{}", meta::namespace(last.meta()), meta::name(last.meta()));
    URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start}).to_string())
}

fn read_token(token: &str) -> Result<Continue, Status> {
    let read = || -> Option<Continue> {
        let bytes = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        let (namespace, name) = value.get("start")?.as_str()?.split_once('/')?;
        let revision = value.get("rv")?.as_u64()?;
        Some(Continue { revision, namespace: namespace.to_owned(), name: name.to_owned() })
    };
    read().ok_or_else(|| Status::bad_request("continue key is not valid: the token cannot be read"))
}
