//! `metadata.managedFields` at the REST edge: nothing of it is stored in objects; it is worked out from a version's
//! origin when somebody asks.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers (where each verb calls the field
//! manager) and `GetResetFields` of the strategies.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Value, json};

use super::Caller;
use crate::api::{self, KindInfo, KindOps};
use crate::apimachinery::facts::facts;
use crate::apimachinery::managed_fields::{FieldSet, Managed, Manager, Origin, Schema, Writer, update};
use crate::apimachinery::{Object, Status, field};
use crate::sim::Time;
use crate::storage::Stored;
use crate::text::http::{Method, Request};

/// The longest name of a field manager.
const NAME_LIMIT: usize = 128;

/// What is known of a kind's fields.
pub(super) fn schema_of(ops: &dyn KindOps) -> Schema<'_> {
    static NOTHING: Value = Value::Null;
    let info = ops.info();
    match (ops.structural_schema(), facts().of_kind(&info.api_version(), info.kind)) {
        (Some(schema), _) => Schema::CustomObject(facts(), schema),
        (None, Some(known)) => Schema::Type(facts(), known),
        (None, None) => Schema::CustomObject(facts(), &NOTHING),
    }
}

/// What a request to this door cannot change.
pub(super) fn reset_fields(info: &KindInfo, subresource: &str) -> FieldSet {
    match (subresource, info.resource) {
        ("status", "deployments.apps") => FieldSet::of_paths(&[&["spec"], &["metadata", "labels"]]),
        ("status", "pods") => {
            FieldSet::of_paths(&[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]])
        }
        ("status", _) => FieldSet::of_paths(&[&["spec"]]),
        _ if info.has_status => FieldSet::of_paths(&[&["status"]]),
        _ => FieldSet::new(),
    }
}

/// Who a write is by. A change of scale leaves no instant.
pub(super) fn writer(caller: &Caller, subresource: &str, now: Time) -> Writer {
    let time = (subresource != "scale").then(|| now.timestamp_seconds().as_second());
    Writer { manager: Arc::clone(&caller.manager), subresource: subresource.into(), time }
}

/// The owners after a write.
pub(super) fn after(ops: &dyn KindOps, managed: &Managed, live: &Value, new: &Value, by: &Writer) -> Managed {
    let info = ops.info();
    let name = if by.manager.is_empty() { Arc::from("unknown") } else { Arc::clone(&by.manager) };
    let manager = Manager::updater(&name, &info.api_version().into(), &by.subresource);
    update(schema_of(ops), managed, (live, new), &manager, &reset_fields(info, &by.subresource), by.time)
}

/// The owners of a stored version.
pub(super) fn managed(ops: &dyn KindOps, stored: &Stored) -> Arc<Managed> {
    // Owners are kept in the words of the version that is stored.
    let ops = api::by_resource(stored.object.resource()).unwrap_or(ops);
    // The new version of one write is the old one of the next.
    let mut last: Option<(Arc<dyn Object>, Value)> = None;
    stored.origin.managed(&stored.object, |managed, before, written, by| {
        let live = match (before, last.take()) {
            (None, _) => json!({}),
            (Some(before), Some((object, json))) if Arc::ptr_eq(before, &object) => json,
            (Some(before), _) => ops.encode(&**before),
        };
        let new = ops.encode(&**written);
        let owners = after(ops, managed, &live, &new, by);
        last = Some((Arc::clone(written), new));
        owners
    })
}

/// The origin of what `by` makes of a stored version.
pub(super) fn updated(ops: &dyn KindOps, stored: &Stored, by: Writer) -> Arc<Origin> {
    let before = if stored.origin.is_due() {
        // Nothing waits for ever: what is kept of older versions ends here.
        Origin::known(Managed::clone(&managed(ops, stored)))
    } else {
        Arc::clone(&stored.origin)
    };
    Origin::updated((Arc::clone(&stored.object), before), by)
}

/// An object as the server answers it.
pub(super) fn encode(ops: &dyn KindOps, stored: &Stored) -> Value {
    let mut object = ops.encode(&*stored.object);
    if let Some(metadata) = object.get_mut("metadata") {
        insert(metadata, ops, stored);
    }
    object
}

/// Puts `managedFields` into an object's metadata.
pub(super) fn insert(metadata: &mut Value, ops: &dyn KindOps, stored: &Stored) {
    let managed = managed(ops, stored);
    if let (Some(map), false) = (metadata.as_object_mut(), managed.is_empty()) {
        map.insert("managedFields".to_owned(), managed.to_json());
    }
}

/// The owners that a client writes itself; `None` when it leaves them to the server.
pub(super) fn given(entries: Option<&Vec<ManagedFieldsEntry>>) -> Option<Managed> {
    let entries = entries?;
    if entries.is_empty() || (entries.len() == 1 && entries.first() == Some(&ManagedFieldsEntry::default())) {
        return Some(Managed::default());
    }
    let entries = serde_json::to_value(entries).ok()?;
    Managed::from_json(entries.as_array()?).filter(|managed| !managed.is_empty())
}

/// The field manager that a request names, or the program that sends it; `None` when it tells neither.
pub(super) fn manager_of(request: &Request) -> Result<Option<Arc<str>>, Status> {
    let named = request.query("fieldManager").unwrap_or_default();
    if named.is_empty() {
        let agent = request.header("User-Agent").and_then(|agent| agent.split('/').next()).unwrap_or_default();
        let program: String = agent.chars().filter(|letter| !letter.is_control()).take(NAME_LIMIT).collect();
        return Ok((!program.is_empty()).then(|| program.into()));
    }
    let path = field::Path::new("fieldManager");
    let mut errors = Vec::new();
    if named.len() > NAME_LIMIT {
        errors.push(field::Error::too_long(&path, NAME_LIMIT));
    }
    for (at, letter) in named.char_indices().filter(|(_, letter)| letter.is_control()) {
        let why = format!("invalid character U+{:04X} (at position {at})", u32::from(letter));
        errors.push(field::Error::invalid(&path, named, why));
    }
    if errors.is_empty() {
        return Ok(Some(named.into()));
    }
    let options = match request.method {
        Method::Post => "CreateOptions.meta.k8s.io",
        Method::Patch => "PatchOptions.meta.k8s.io",
        _ => "UpdateOptions.meta.k8s.io",
    };
    Err(Status::invalid(options, "", &errors))
}
