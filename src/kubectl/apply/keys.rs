//! Which lists merge by a key, which are sets, which are replaced as a whole.
//!
//! The rule stands in the schemas (`x-kubernetes-patch-merge-key`); the fields that have one carry names of their own
//! throughout the API, so that a table by field name says the same without loading a megabyte of schema per command.

use serde_json::Value;

/// How a list is patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// As a whole.
    Atomic,
    /// Value by value.
    Set,
    /// Item by item, told apart by this field.
    Map(&'static str),
}

const MERGE_KEYS: &[(&str, &str)] = &[
    ("addresses", "type"),
    ("conditions", "type"),
    ("containers", "name"),
    ("env", "name"),
    ("ephemeralContainers", "name"),
    ("hostAliases", "ip"),
    ("imagePullSecrets", "name"),
    ("initContainers", "name"),
    ("ownerReferences", "uid"),
    ("resourceClaims", "name"),
    ("schedulingGates", "name"),
    ("secrets", "name"),
    ("topologySpreadConstraints", "topologyKey"),
    ("volumeDevices", "devicePath"),
    ("volumeMounts", "mountPath"),
    ("volumes", "name"),
    ("webhooks", "name"),
];

const SETS: &[&str] = &["finalizers", "podCIDRs"];

const UNIONS: &[&str] = &["strategy"];

/// How the list of that field name is patched.
pub fn list_kind(field: &str, old: &[Value], new: &[Value]) -> List {
    if SETS.contains(&field) {
        return List::Set;
    }
    let key = if field == "ports" {
        // A container's ports go by containerPort, a service's by port; those of policies are replaced.
        let has = |name: &str| old.iter().chain(new).all(|item| item.get(name).is_some());
        if has("containerPort") {
            Some("containerPort")
        } else if has("port") && !old.iter().chain(new).any(|item| item.get("endPort").is_some()) {
            Some("port")
        } else {
            None
        }
    } else {
        MERGE_KEYS.iter().find(|(known, _)| *known == field).map(|(_, key)| *key)
    };
    match key {
        Some(key) if old.iter().chain(new).all(|item| item.get(key).is_some()) => List::Map(key),
        _ => List::Atomic,
    }
}

/// Whether only the wanted keys of the object stay.
pub fn is_union(field: &str) -> bool {
    UNIONS.contains(&field)
}
