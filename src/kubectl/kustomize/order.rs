//! `sortOptions`: the order of what a kustomization makes.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/builtins/SortOrderTransformer.go.

use serde_json::Value;

use super::item::Item;

/// Sorts the objects as `sortOptions` says; what has none is sorted by kinds.
///
/// # Errors
/// An order that does not exist, or kinds for an order that looks at none.
pub fn sort(options: &Value, items: &mut [Item]) -> Result<(), String> {
    let legacy = options.get("legacySortOptions").filter(|given| !given.is_null());
    match options.get("order").and_then(Value::as_str).unwrap_or(if options.is_null() { "legacy" } else { "" }) {
        "fifo" if legacy.is_some() => {
            Err("the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'"
                .to_owned())
        }
        "fifo" => Ok(()),
        "legacy" => {
            let kinds = |name: &str, usual: &[&str]| match legacy.map(|legacy| legacy.get(name)) {
                // Who names one of the lists has both of them.
                Some(kinds) => kinds
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                None => usual.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>(),
            };
            let (first, last) = (kinds("orderFirst", FIRST), kinds("orderLast", LAST));
            items.sort_by_cached_key(|item| legacy_order(item, &first, &last));
            Ok(())
        }
        _ => Err("the field 'sortOptions.order' must be one of [fifo, legacy]".to_owned()),
    }
}

/// Kinds that come first, in this order, and those that come last.
const FIRST: &[&str] = &[
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// What the output is sorted by.
fn legacy_order(item: &Item, first: &[String], last: &[String]) -> (usize, String, String) {
    let kind = item.kind();
    let rank = first
        .iter()
        .position(|known| *known == kind)
        .or_else(|| last.iter().position(|known| *known == kind).map(|at| first.len() + 1 + at))
        .unwrap_or(first.len());
    let version = item.text("/apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("~G", &version));
    let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    let namespace = or(item.text("/metadata/namespace"), "~X");
    (rank, format!("{group}_{version}_{kind}"), format!("{namespace}|{}", item.text("/metadata/name")))
}
