//! Answers as tables: the kind's columns and one row an object, and as metadata alone.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/response.go.

use serde_json::{Value, json};

use super::managed_fields;
use super::negotiate::Include;
use crate::api::KindOps;
use crate::sim::Time;
use crate::storage::Stored;

/// The `columnDefinitions` of a kind.
pub(super) fn columns(ops: &dyn KindOps) -> Value {
    let columns = ops.columns().iter().map(|column| {
        json!({
            "name": column.name, "type": column.kind, "format": column.format,
            "description": column.description, "priority": column.priority,
        })
    });
    columns.collect()
}

/// The row of an object.
pub(super) fn row(ops: &dyn KindOps, stored: &Stored, now: Time, include: Include) -> Value {
    let cells = ops.row(&*stored.object, now);
    match include {
        Include::None => json!({"cells": cells}),
        Include::Metadata => json!({"cells": cells, "object": metadata(ops, stored)}),
        Include::Object => json!({"cells": cells, "object": managed_fields::encode(ops, stored)}),
    }
}

/// A table of these rows; `columns` is null in all but the first event of a watch.
pub(super) fn table(list_metadata: Value, columns: Value, rows: Vec<Value>) -> Value {
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list_metadata,
        "columnDefinitions": columns, "rows": rows,
    })
}

/// An object's `PartialObjectMetadata`.
pub(super) fn metadata(ops: &dyn KindOps, stored: &Stored) -> Value {
    let mut metadata = serde_json::to_value(stored.object.meta()).unwrap_or_default();
    managed_fields::insert(&mut metadata, ops, stored);
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}
