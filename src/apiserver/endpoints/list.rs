//! `GET` of many objects: selectors, pages, tables.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/storage/continue.go.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeError, Engine as _};
use serde_json::{Map, Value, json};

use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{Cause, Object, Reason, Status, meta};
use crate::apiserver::ApiServer;
use crate::apiserver::call::{Call, integer};
use crate::apiserver::filter::Filter;
use crate::apiserver::managed_fields;
use crate::apiserver::negotiate::{self, Form};
use crate::apiserver::node_leases;
use crate::apiserver::route::Target;
use crate::apiserver::table;
use crate::storage::Stored;
use crate::text::go_json;
use crate::text::http::Response;

/// Where a page begins: after this object, at the revision of the first page.
struct Continue {
    /// `None` goes on in the present.
    revision: Option<u64>,
    namespace: String,
    name: String,
    /// The same in the token's words.
    again: String,
}

/// The objects that a target and a filter name, by namespace and name.
pub(in crate::apiserver) fn collection<'a>(
    server: &'a ApiServer,
    target: &'a Target,
    filter: &'a Filter,
    after: Option<(&str, &str)>,
) -> Box<dyn Iterator<Item = &'a Stored> + 'a> {
    let resource = target.ops.info().resource;
    if let (Some(name), Some(_)) | (Some(name), None) = (filter.name(), target.namespace.as_ref())
        && (target.namespace.is_some() || !target.ops.info().namespaced)
    {
        let found = server.store().stored(resource, target.namespace(), name);
        let past = after.is_some();
        return Box::new(
            found.into_iter().filter(move |stored| !past && filter.matches(&*target.ops, &*stored.object)),
        );
    }
    let all = server.store().list_after(resource, target.namespace.as_deref(), after);
    if filter.is_empty() {
        return all;
    }
    Box::new(all.filter(move |stored| filter.matches(&*target.ops, &*stored.object)))
}

impl Call<'_> {
    /// The objects of a collection.
    pub(super) fn list(&mut self, target: &Target) -> Result<Response, Status> {
        let filter = Filter::of(self.request, &*target.ops, "")?;
        let form = negotiate::form(self.request, Some(target.ops.info()))?;
        let limit = integer(self.request.query("limit"))?.and_then(|limit| u64::try_from(limit).ok()).unwrap_or(0);
        integer(self.request.query("timeoutSeconds"))?;
        // What may be old comes from memory, all of it.
        let limit = if self.request.query("resourceVersion") == Some("0") { 0 } else { limit };
        self.check_list_options()?;
        let current = self.server.store().revision();
        let (start, at) = self.start(target, limit, current)?;
        let after = start.as_ref().map(|start| (start.namespace.as_str(), start.name.as_str()));
        let past = match at.filter(|revision| *revision < current) {
            None => None,
            Some(revision) => {
                let resource = target.ops.info().resource;
                let listed = self.server.store().list_at(resource, target.namespace.as_deref(), revision);
                Some(listed.map_err(|_| too_old(start.as_ref(), revision))?)
            }
        };
        let is_later = |stored: &Stored| {
            let meta = stored.object.meta();
            after.is_none_or(|after| (meta::namespace(meta), meta::name(meta)) > after)
        };
        let objects: Box<dyn Iterator<Item = &Stored> + '_> = match &past {
            Some(past) => {
                Box::new(past.iter().filter(|stored| is_later(stored) && filter.matches(&*target.ops, &*stored.object)))
            }
            None => collection(self.server, target, &filter, after),
        };
        let (page, mut metadata) = cut(objects, limit, filter.is_empty());
        let revision = at.unwrap_or(current);
        if let (Some(last), true) = (page.last(), metadata.contains_key("continue")) {
            metadata.insert("continue".to_owned(), json!(write_token(revision, target, &*last.object)));
        }
        metadata.insert("resourceVersion".to_owned(), json!(revision.to_string()));
        Ok(self.json(200, &self.page(target, form, Value::Object(metadata), &page)))
    }

    /// Where the list begins, and of which revision it is; `None` is the present.
    fn start(&self, target: &Target, limit: u64, current: u64) -> Result<(Option<Continue>, Option<u64>), Status> {
        let query = |name: &str| self.request.query(name).unwrap_or_default();
        let given = query("resourceVersion");
        let wanted = version(given)
            .map_err(|error| Status::bad_request(format!("invalid resource version: {error}")))?
            .filter(|wanted| *wanted > 0);
        if let Some(wanted) = wanted.filter(|wanted| *wanted > current) {
            return Err(too_large(wanted, current));
        }
        match query("continue") {
            "" => {}
            _ if !matches!(given, "" | "0") => {
                let text = "specifying resource version is not allowed when using continue";
                return Err(Status::bad_request(text));
            }
            token => {
                let start = read_token(token, target)?;
                let at = start.revision;
                return Ok((Some(start), at));
            }
        }
        // A page of an old list, and what is asked for exactly, come from the past.
        let exact = query("resourceVersionMatch") == "Exact" || (limit > 0 && query("resourceVersionMatch").is_empty());
        Ok((None, wanted.filter(|_| exact)))
    }

    /// Models `ValidateListOptions`.
    fn check_list_options(&self) -> Result<(), Status> {
        let query = |name: &str| self.request.query(name).unwrap_or_default();
        let (matching, version) = (query("resourceVersionMatch"), query("resourceVersion"));
        let path = Path::new("resourceVersionMatch");
        let mut errors = Vec::new();
        if !matching.is_empty() {
            if version.is_empty() {
                let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                errors.push(Error::forbidden(&path, why));
            }
            if !query("continue").is_empty() {
                errors.push(Error::forbidden(&path, "resourceVersionMatch is forbidden when continue is provided"));
            }
            if !matches!(matching, "Exact" | "NotOlderThan") {
                errors.push(Error::not_supported(&path, matching, &["Exact", "NotOlderThan", ""]));
            }
            if matching == "Exact" && version == "0" {
                let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                errors.push(Error::forbidden(&path, why));
            }
        }
        if self.request.query("sendInitialEvents").is_some() {
            let path = Path::new("sendInitialEvents");
            errors.push(Error::forbidden(&path, "sendInitialEvents is forbidden for list"));
        }
        if errors.is_empty() { Ok(()) } else { Err(Status::invalid("ListOptions.meta.k8s.io", "", &errors)) }
    }

    /// Writes a page in the form that the client wants.
    pub(super) fn page(&self, target: &Target, form: Form, metadata: Value, page: &[Stored]) -> Value {
        let (ops, info) = (&*target.ops, target.ops.info());
        match form {
            Form::Object => {
                let now = self.server.now();
                let encode = |stored: &Stored| match node_leases::renewed(stored, now) {
                    Some(lease) => managed_fields::encode(ops, &lease),
                    None => managed_fields::encode(ops, stored),
                };
                let items: Vec<Value> = page.iter().map(|stored| item(encode(stored))).collect();
                json!({
                    "kind": format!("{}List", info.kind), "apiVersion": info.api_version(),
                    "metadata": metadata, "items": items,
                })
            }
            Form::Metadata => {
                let items: Vec<Value> = page.iter().map(|stored| table::metadata(ops, stored)).collect();
                json!({
                    "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                    "metadata": metadata, "items": items,
                })
            }
            Form::Table(include) => {
                let now = self.server.now();
                let rows = page.iter().map(|stored| table::row(ops, stored, now, include)).collect();
                table::table(metadata, table::columns(ops), rows)
            }
        }
    }
}

/// The first page of a list (all of it when `limit` is 0), and the list's metadata. What is left is counted when nothing
/// is filtered, for then it costs nothing.
fn cut<'a>(
    mut objects: impl Iterator<Item = &'a Stored>,
    limit: u64,
    counted: bool,
) -> (Vec<Stored>, Map<String, Value>) {
    let (mut page, mut metadata) = (Vec::<Stored>::new(), Map::new());
    while let Some(object) = objects.next() {
        if limit > 0 && page.len() as u64 >= limit {
            metadata.insert("continue".to_owned(), Value::Null);
            if counted {
                metadata.insert("remainingItemCount".to_owned(), json!(objects.count() + 1));
            }
            break;
        }
        page.push(object.clone());
    }
    (page, metadata)
}

/// The items of a typed list carry neither kind nor version: the list does.
fn item(mut object: Value) -> Value {
    if let Some(map) = object.as_object_mut() {
        map.remove("kind");
        map.remove("apiVersion");
    }
    object
}

/// A version that a client names; `None` when it names none.
///
/// # Errors
/// What is wrong with it.
pub(super) fn version(text: &str) -> Result<Option<u64>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let why = format!("strconv.ParseUint: parsing {}: invalid syntax", go_json::quoted(text));
        Error::invalid(&Path::new("resourceVersion"), text, why)
    })
}

/// A version of the future cannot be waited for.
fn too_large(wanted: u64, current: u64) -> Status {
    let text = format!("Timeout: Too large resource version: {wanted}, current: {current}");
    let mut status = Status::other(Reason::Timeout, text);
    status.retry_after_seconds = 1;
    status.causes = vec![Cause {
        reason: "ResourceVersionTooLarge".to_owned(),
        message: "Too large resource version".to_owned(),
        field: String::new(),
    }];
    status
}

/// 410: the past is gone. A page of an old list can be gone on with in the present, which its new token says.
fn too_old(start: Option<&Continue>, revision: u64) -> Status {
    let Some(start) = start else { return Status::expired(format!("too old resource version: {revision}")) };
    let mut status = Status::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
         results. Continuing with the provided token results in an inconsistent list - objects that were created, \
         modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    );
    status.next = token(-1, &start.again);
    status
}

fn write_token(revision: u64, target: &Target, last: &dyn Object) -> String {
    // The next page begins right after this object. What the path says is not said again.
    let (namespace, name) = (meta::namespace(last.meta()), meta::name(last.meta()));
    let start = if namespace.is_empty() || target.namespace.is_some() {
        format!("{name}\0")
    } else {
        format!("{namespace}/{name}\0")
    };
    token(i64::try_from(revision).unwrap_or(i64::MAX), &start)
}

fn token(revision: i64, start: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start}).to_string())
}

fn read_token(token: &str, target: &Target) -> Result<Continue, Status> {
    let invalid = |why: &str| Status::bad_request(format!("invalid continue token: continue key is not valid{why}"));
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|error| {
        let at = match error {
            DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
            DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => token.len(),
        };
        invalid(&format!(": illegal base64 data at input byte {at}"))
    })?;
    let value: Value = match go_json::scan_value(&bytes) {
        Ok(_) => serde_json::from_slice(&bytes).map_err(|error| invalid(&format!(": {error}")))?,
        Err(go_json::ScanError::Syntax { message, .. }) => return Err(invalid(&format!(": {message}"))),
        Err(_) => return Err(invalid(": unexpected end of JSON input")),
    };
    let version = value.get("v").and_then(Value::as_str).unwrap_or_default();
    if version != "meta.k8s.io/v1" {
        return Err(invalid(&format!(": server does not recognize this encoded version {version}")));
    }
    let revision = value.get("rv").and_then(Value::as_i64).unwrap_or(0);
    if revision == 0 {
        return Err(invalid(": incorrect encoded start resourceVersion (version meta.k8s.io/v1)"));
    }
    let start = value.get("start").and_then(Value::as_str).unwrap_or_default().trim_end_matches('\0');
    if start.is_empty() {
        return Err(invalid(": encoded start key empty (version meta.k8s.io/v1)"));
    }
    if start.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(invalid(&format!(": {start}")));
    }
    let (namespace, name) = match &target.namespace {
        Some(namespace) => (namespace.as_str(), start),
        None => start.split_once('/').unwrap_or(("", start)),
    };
    Ok(Continue {
        revision: u64::try_from(revision).ok(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        again: format!("{start}\0"),
    })
}
