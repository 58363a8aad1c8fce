//! What becomes of owners when an object is updated or applied.
//!
//! Models sigs.k8s.io/structured-merge-diff v6 merge/{update,conflict}.go and Kubernetes 1.36
//! staging/src/k8s.io/apimachinery/pkg/util/managedfields/internal (managedfieldsupdater, lastappliedmanager,
//! lastappliedupdater, skipnonapplied, stripmeta).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::compare::{Comparison, compare, fields_of};
use super::merge::{merge, remove};
use super::set::{Element, show_path};
use super::{FieldSet, Managed, Manager, Owned, Schema};
use crate::apimachinery::{Cause, Reason, Status};

/// The annotation of client-side apply.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Who owns what was there before anybody applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Why an apply did not happen.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// Others own what is applied: each owner with its fields.
    Conflicts(BTreeMap<Manager, Vec<Vec<Element>>>),
}

/// What came of an apply.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The object, without defaults for what is new.
    pub object: Value,
    /// Who owns what now.
    pub managed: Managed,
}

/// Fields that are nobody's.
fn stripped() -> FieldSet {
    FieldSet::of_paths(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
}

/// The owners after `manager` has made `new` of `live`. `reset` are fields that the request cannot change. The
/// instant of the owner is `time`, or stays what it was when there is none.
pub fn update(
    schema: Schema<'_>,
    managed: &Managed,
    (live, new): (&Value, &Value),
    manager: &Manager,
    reset: &FieldSet,
    time: Option<i64>,
) -> Managed {
    // What nobody owned before is not owned because of a change.
    if managed.is_empty() && live.pointer("/metadata/uid").is_some() {
        return managed.clone();
    }
    let found = filtered(compare(schema, live, new), reset);
    let changed = found.modified.union(&found.added);
    let mut managed = managed.clone();
    take(&mut managed, &changed, &found.removed);
    let own = changed.recursive_difference(reset).difference(&stripped());
    if !own.is_empty() {
        let api_version = manager.api_version.clone();
        let held = managed.owners.entry(manager.clone()).or_insert_with(|| Owned {
            fields: FieldSet::default(),
            api_version,
            time: None,
        });
        held.fields = held.fields.union(&own);
        if time.is_some() {
            held.time = time;
        }
    }
    managed.cap();
    managed
}

fn filtered(found: Comparison, reset: &FieldSet) -> Comparison {
    if reset.is_empty() {
        return found;
    }
    Comparison {
        removed: found.removed.recursive_difference(reset),
        modified: found.modified.recursive_difference(reset),
        added: found.added.recursive_difference(reset),
    }
}

/// Takes fields away from everybody.
fn take(managed: &mut Managed, changed: &FieldSet, removed: &FieldSet) {
    for owned in managed.owners.values_mut() {
        let taken = owned.fields.intersection(changed);
        if !taken.is_empty() {
            owned.fields = owned.fields.difference(&taken);
        }
        if !removed.is_empty() {
            owned.fields = owned.fields.difference(removed);
        }
    }
    managed.owners.retain(|_, owned| !owned.fields.is_empty());
}

/// A request to apply.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What the object's schema is.
    pub schema: Schema<'a>,
    /// In which version it is applied.
    pub api_version: &'a str,
    /// Who applies.
    pub manager: &'a str,
    /// To which subresource; empty for the object itself.
    pub subresource: &'a str,
    /// Fields that the request cannot change.
    pub reset: &'a FieldSet,
    /// Whether to take fields from their owners.
    pub force: bool,
    /// The instant, in seconds since 1970.
    pub now: Option<i64>,
}

/// Applies an object to what is there.
///
/// # Errors
/// Others own what is applied, and it is not forced.
pub fn apply(request: Request<'_>, managed: &Managed, live: &Value, applied: &Value) -> Result<Applied, Refusal> {
    let mut managed = managed.clone();
    if managed.is_empty() {
        let version: Arc<str> = request.api_version.into();
        let before = Manager::updater(&BEFORE_FIRST_APPLY.into(), &version, &"".into());
        let time = request.now;
        managed = update(request.schema, &managed, (&json!({}), live), &before, &FieldSet::default(), time);
    }
    let mut outcome = once(request, &managed, live, applied);
    // kubectl takes over what it owned by client-side apply.
    if let (Err(Refusal::Conflicts(conflicts)), "kubectl") = (&mut outcome, request.manager)
        && let Some(allowed) = allowed_by_last_applied(request, live)
    {
        let mut left = conflicts.clone();
        let is_allowed = |path: &Vec<Element>| {
            let mut one = FieldSet::default();
            one.insert(path);
            !allowed.intersection(&one).is_empty()
        };
        left.values_mut().for_each(|paths| paths.retain(|path| !is_allowed(path)));
        left.retain(|_, paths| !paths.is_empty());
        if left.is_empty() {
            outcome = once(Request { force: true, ..request }, &managed, live, applied);
        } else {
            *conflicts = left;
        }
    }
    let mut applied_now = outcome?;
    if request.manager == "kubectl" {
        sync_last_applied(&mut applied_now.object, applied);
    }
    Ok(applied_now)
}

fn once(request: Request<'_>, managed: &Managed, live: &Value, applied: &Value) -> Result<Applied, Refusal> {
    let Request { schema, reset, .. } = request;
    let mut managed = managed.clone();
    let manager = Manager::applier(request.manager, request.subresource);
    let merged = merge(schema, live.clone(), applied);
    let last = managed.owners.get(&manager).cloned();
    let fields = fields_of(schema, applied).recursive_difference(reset);
    let time = last.as_ref().and_then(|last| last.time);
    managed.owners.insert(manager.clone(), Owned { fields, api_version: request.api_version.into(), time });
    let new = match &last {
        Some(last) if !last.fields.is_empty() => prune(schema, merged, &managed, &last.fields),
        _ => merged,
    };
    let found = filtered(compare(schema, live, &new), reset);
    let changed = found.modified.union(&found.added);
    let mut conflicts = BTreeMap::new();
    let own = managed.owners.remove(&manager);
    for (other, owned) in &managed.owners {
        let taken = owned.fields.intersection(&changed);
        if !taken.is_empty() {
            conflicts.insert(other.clone(), taken.paths());
        }
    }
    if !request.force && !conflicts.is_empty() {
        return Err(Refusal::Conflicts(conflicts));
    }
    take(&mut managed, &changed, &found.removed);
    if let Some(mut own) = own {
        own.fields = own.fields.difference(&stripped());
        if *live != new {
            own.time = request.now;
        }
        if !own.fields.is_empty() {
            managed.owners.insert(manager, own);
        }
    }
    Ok(Applied { object: new, managed })
}

/// Takes away what the manager applied last time and does not apply now, unless somebody else owns it.
fn prune(schema: Schema<'_>, merged: Value, managed: &Managed, last: &FieldSet) -> Value {
    let named = |set: &FieldSet| set.with_parents(Some(schema), &step);
    let all = named(&fields_of(schema, &merged));
    let pruned = remove(schema, merged.clone(), &named(last));
    let owned = managed.owners.values().fold(FieldSet::default(), |all, owned| all.union(&owned.fields));
    let kept = named(&fields_of(schema, &pruned)).union(&named(&owned));
    let pruned = remove(schema, merged.clone(), &all.difference(&kept));
    let gone = all.difference(&named(&fields_of(schema, &pruned))).intersection(&named(last));
    remove(schema, merged, &gone)
}

/// Whether the element names a field of an object of a type, and what is known below it.
fn step<'a>(schema: Option<Schema<'a>>, element: &str) -> (bool, Option<Schema<'a>>) {
    let Some(schema) = schema else { return (false, None) };
    match element.strip_prefix("f:") {
        Some(name) => (schema.names(name), schema.child(name)),
        None => (false, Some(schema.item())),
    }
}

/// The fields of the last client-side apply that are still as they were applied.
fn allowed_by_last_applied(request: Request<'_>, live: &Value) -> Option<FieldSet> {
    let text = live.pointer("/metadata/annotations")?.get(LAST_APPLIED)?.as_str()?;
    let last: Value = serde_json::from_str(text).ok()?;
    if last.get("apiVersion").and_then(Value::as_str) != Some(request.api_version) {
        return None;
    }
    let found = compare(request.schema, &last, live);
    let fields = fields_of(request.schema, &last);
    Some(fields.difference(&found.modified).difference(&found.added).difference(&found.removed))
}

/// Keeps the annotation of client-side apply in step with what kubectl applies on the server.
fn sync_last_applied(object: &mut Value, applied: &Value) {
    let Some(held) = object.pointer_mut("/metadata/annotations").and_then(|all| all.get_mut(LAST_APPLIED)) else {
        return;
    };
    if held.as_str().unwrap_or_default().is_empty() {
        return;
    }
    let mut written = applied.clone();
    if let Some(annotations) = written.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    *held = json!(format!("{}\n", crate::text::go_json::to_compact(&written)));
}

impl From<Refusal> for Status {
    fn from(Refusal::Conflicts(conflicts): Refusal) -> Self {
        let all: Vec<(String, String)> = conflicts
            .iter()
            .flat_map(|(manager, paths)| paths.iter().map(|path| (manager.shown(), show_path(path))))
            .collect();
        let message = match all.as_slice() {
            [(manager, path)] => format!("Apply failed with 1 conflict: conflict with {manager}: {path}"),
            _ => {
                let mut lines = Vec::new();
                for (manager, paths) in &conflicts {
                    lines.push(format!("conflicts with {}:", manager.shown()));
                    lines.extend(paths.iter().map(|path| format!("- {}", show_path(path))));
                }
                format!("Apply failed with {} conflicts: {}", all.len(), lines.join("\n"))
            }
        };
        let mut status = Status::other(Reason::Conflict, message);
        status.causes = all
            .into_iter()
            .map(|(manager, field)| Cause {
                reason: "FieldManagerConflict".to_owned(),
                message: format!("conflict with {manager}"),
                field,
            })
            .collect();
        status
    }
}
