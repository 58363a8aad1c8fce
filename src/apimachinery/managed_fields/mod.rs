//! Who owns which field of an object: `metadata.managedFields`, and server-side apply.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/managedfields/internal. Objects have one version a
//! kind here, so nothing is converted between versions. Refuses to know how objects are stored.

mod apply;
mod compare;
mod merge;
mod origin;
mod schema;
mod set;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

pub use apply::{Applied, Refusal, Request, apply, update};
pub use compare::{check, joined};
pub use origin::{Origin, Writer};
pub use schema::Schema;
pub use set::FieldSet;

/// The longest list of managers that came by updates; older ones become one.
const MOST_UPDATERS: usize = 10;
const ANCIENT: &str = "ancient-changes";

/// What a manager did to own its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else.
    Update,
}

/// Who owns fields. Appliers are the same whatever version they applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// Such as `kubectl-client-side-apply`.
    pub name: Arc<str>,
    /// How.
    pub operation: Operation,
    /// Such as `batch/v1`; empty for an applier.
    pub api_version: Arc<str>,
    /// Such as `status`; empty for the object itself.
    pub subresource: Arc<str>,
}

/// What somebody owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The fields.
    pub fields: FieldSet,
    /// In which version they are named.
    pub api_version: Arc<str>,
    /// Seconds since 1970 of the last change; `None` when nothing has changed by it yet.
    pub time: Option<i64>,
}

/// Every owner of an object's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managed {
    owners: BTreeMap<Manager, Owned>,
}

impl Manager {
    /// Who updates.
    pub fn updater(name: &Arc<str>, api_version: &Arc<str>, subresource: &Arc<str>) -> Self {
        let (name, api_version, subresource) = (name.clone(), api_version.clone(), subresource.clone());
        Self { name, operation: Operation::Update, api_version, subresource }
    }

    /// Who applies.
    pub fn applier(name: &str, subresource: &str) -> Self {
        Self { name: name.into(), operation: Operation::Apply, api_version: "".into(), subresource: subresource.into() }
    }

    /// As conflicts show it.
    fn shown(&self) -> String {
        let mut text = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

impl Managed {
    /// Whether nobody owns anything.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// The same owners without the instants.
    pub fn without_times(&self) -> Self {
        let mut same = self.clone();
        same.owners.values_mut().for_each(|owned| owned.time = None);
        same
    }

    /// `metadata.managedFields`, in the order in which the server writes it.
    pub fn to_json(&self) -> Value {
        let mut entries: Vec<(&Manager, &Owned)> = self.owners.iter().collect();
        entries.sort_by_key(|(manager, owned)| {
            let name = (&manager.name, &owned.api_version, &manager.subresource);
            (manager.operation, owned.time.unwrap_or(0), name)
        });
        entries.into_iter().map(|(manager, owned)| entry(manager, owned)).collect()
    }

    /// Reads `metadata.managedFields`; `None` when an entry of it cannot be one.
    pub fn from_json(entries: &[Value]) -> Option<Self> {
        let mut managed = Self::default();
        for entry in entries {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            };
            let api_version: Arc<str> = text("apiVersion").into();
            if api_version.is_empty() || text("fieldsType") != "FieldsV1" {
                return None;
            }
            let fields = entry.get("fieldsV1").map_or(Some(FieldSet::default()), FieldSet::from_json)?;
            let time = match text("time") {
                "" => None,
                time => Some(time.parse::<jiff::Timestamp>().ok()?.as_second()),
            };
            let of = if operation == Operation::Apply { "".into() } else { api_version.clone() };
            let manager = Manager {
                name: text("manager").into(),
                operation,
                api_version: of,
                subresource: text("subresource").into(),
            };
            managed.owners.insert(manager, Owned { fields, api_version, time });
        }
        Some(managed)
    }

    /// Merges the oldest updaters until there are not too many.
    fn cap(&mut self) {
        let mut updaters: Vec<(i64, Manager)> = self
            .owners
            .iter()
            .filter(|(manager, _)| manager.operation == Operation::Update)
            .map(|(manager, owned)| (owned.time.unwrap_or(0), manager.clone()))
            .collect();
        let mut count = updaters.len();
        if count <= MOST_UPDATERS {
            return;
        }
        updaters.sort();
        let mut first_of: BTreeMap<Arc<str>, Manager> = BTreeMap::new();
        for (_, manager) in updaters {
            if count <= MOST_UPDATERS {
                break;
            }
            let version = manager.api_version.clone();
            let Some(first) = first_of.get(&version).cloned() else {
                first_of.insert(version, manager);
                continue;
            };
            let bucket = Manager::updater(&ANCIENT.into(), &version, &"".into());
            if !self.owners.contains_key(&bucket)
                && let Some(owned) = self.owners.remove(&first)
            {
                self.owners.insert(bucket.clone(), owned);
            }
            let Some(owned) = self.owners.remove(&manager) else { continue };
            if let Some(held) = self.owners.get_mut(&bucket) {
                held.fields = held.fields.union(&owned.fields);
                held.time = owned.time;
            }
            count -= 1;
        }
    }
}

fn entry(manager: &Manager, owned: &Owned) -> Value {
    let mut entry = Map::new();
    let operation = if manager.operation == Operation::Apply { "Apply" } else { "Update" };
    for (key, text) in [
        ("manager", &*manager.name),
        ("operation", operation),
        ("apiVersion", &*owned.api_version),
        ("subresource", &*manager.subresource),
        ("fieldsType", "FieldsV1"),
    ] {
        if !text.is_empty() {
            entry.insert(key.to_owned(), json!(text));
        }
    }
    if let Some(time) = owned.time.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()) {
        entry.insert("time".to_owned(), json!(time.to_string()));
    }
    entry.insert("fieldsV1".to_owned(), owned.fields.to_json());
    Value::Object(entry)
}

#[cfg(test)]
mod tests;
