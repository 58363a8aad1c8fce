//! Hands the fields that kubectl applied on the client over to the manager that applies on the server.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/util/csaupgrade/upgrade.go and kubectl's
//! `migrateToSSAIfNecessary`.

use serde_json::{Value, json};

use crate::apimachinery::managed_fields::FieldSet;
use crate::kubectl::print::str_at;
use crate::kubectl::writing::LAST_APPLIED;

/// The JSON patch that does it; `None` when nothing is left of client-side apply.
pub fn upgrade_patch(object: &Value, manager: &str) -> Option<Value> {
    let held = object.pointer("/metadata/managedFields")?.as_array()?;
    let mut entries = held.clone();
    let clients: Vec<String> = held.iter().filter(|entry| remembers(entry)).map(|one| name(one).to_owned()).collect();
    for client in &clients {
        hand_over(&mut entries, client, manager);
    }
    if entries == *held {
        return None;
    }
    let version = str_at(object, "/metadata/resourceVersion");
    Some(json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]))
}

fn name(entry: &Value) -> &str {
    str_at(entry, "/manager")
}

/// Whether the entry is of one who wrote the annotation of client-side apply.
fn remembers(entry: &Value) -> bool {
    let fields = entry.get("fieldsV1").and_then(FieldSet::from_json).unwrap_or_default();
    str_at(entry, "/operation") == "Update" && fields.has_path(&["metadata", "annotations", LAST_APPLIED])
}

fn is(entry: &Value, manager: &str, operation: &str) -> bool {
    name(entry) == manager && str_at(entry, "/operation") == operation && str_at(entry, "/subresource").is_empty()
}

fn hand_over(entries: &mut Vec<Value>, client: &str, manager: &str) {
    let of_client = entries.iter().position(|entry| is(entry, client, "Update"));
    let Some(index) = entries.iter().position(|entry| is(entry, manager, "Apply")).or(of_client) else { return };
    let Some(target) = entries.get(index).cloned() else { return };
    let version = str_at(&target, "/apiVersion").to_owned();
    let fields = |entry: &Value| entry.get("fieldsV1").and_then(FieldSet::from_json).unwrap_or_default();
    let of_version =
        entries.iter().find(|entry| is(entry, client, "Update") && str_at(entry, "/apiVersion") == version);
    let all = of_version.map_or_else(|| fields(&target), |entry| fields(&target).union(&fields(entry)));
    if let Some(target) = entries.get_mut(index).and_then(Value::as_object_mut) {
        target.insert("manager".to_owned(), json!(manager));
        target.insert("operation".to_owned(), json!("Apply"));
        target.insert("fieldsV1".to_owned(), all.to_json());
    }
    entries.retain(|entry| !is(entry, client, "Update"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_applied_on_the_client_becomes_applied_on_the_server() {
        let memory = json!({"f:metadata": {"f:annotations": {format!("f:{LAST_APPLIED}"): {}}}});
        let entry = |manager: &str, operation: &str, fields: Value| {
            json!({"manager": manager, "operation": operation,
            "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
        };
        let of = |entries: Value| json!({"metadata": {"resourceVersion": "7", "managedFields": entries}});
        let client = entry("kubectl-client-side-apply", "Update", memory.clone());
        let server = entry("kubectl", "Apply", json!({"f:data": {"f:a": {}}}));
        let other = entry("kubectl-edit", "Update", json!({"f:data": {"f:b": {}}}));
        let patch = upgrade_patch(&of(json!([server, client, other])), "kubectl").unwrap();
        let mut both = memory.clone();
        both["f:data"] = json!({"f:a": {}});
        assert_eq!(patch[0]["value"], json!([entry("kubectl", "Apply", both), other]));
        assert_eq!(patch[1]["value"], "7");
        let alone = upgrade_patch(&of(json!([client])), "kubectl").unwrap();
        assert_eq!(alone[0]["value"], json!([entry("kubectl", "Apply", memory)]));
        assert_eq!(upgrade_patch(&of(json!([server, other])), "kubectl"), None);
    }
}
