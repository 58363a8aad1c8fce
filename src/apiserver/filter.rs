//! Which objects a list or a watch wants: label and field selectors.

use serde_json::json;

use crate::api::KindOps;
use crate::apimachinery::labels::{self, FieldSelector, Selector};
use crate::apimachinery::{Object, Status, meta};
use crate::text::http::Request;

/// A label and a field selector.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    labels: Selector,
    fields: FieldSelector,
}

impl Filter {
    /// Reads `labelSelector` and `fieldSelector`; a name in the path is a field selector too.
    pub fn of(request: &Request, ops: &dyn KindOps, name: &str) -> Result<Self, Status> {
        let labels = labels::parse(request.query("labelSelector").unwrap_or_default()).map_err(Status::bad_request)?;
        let mut fields =
            labels::parse_fields(request.query("fieldSelector").unwrap_or_default()).map_err(Status::bad_request)?;
        if !name.is_empty() {
            fields.requirements.push(labels::FieldRequirement {
                field: "metadata.name".to_owned(),
                equal: true,
                value: name.to_owned(),
            });
        }
        check_fields(ops, &fields)?;
        Ok(Self { labels, fields })
    }

    /// Whether the object is wanted.
    pub fn matches(&self, ops: &dyn KindOps, object: &dyn Object) -> bool {
        if !self.labels.matches(object.meta().labels.as_ref()) {
            return false;
        }
        if self.fields.requirements.is_empty() {
            return true;
        }
        let own = ops.selectable_fields(object);
        self.fields.matches(|field| match field {
            "metadata.name" => Some(meta::name(object.meta())),
            "metadata.namespace" => Some(meta::namespace(object.meta())),
            _ => own.iter().find(|(name, _)| *name == field).map(|(_, value)| value.as_str()),
        })
    }

    /// The name that an object must have, when the selector pins one.
    pub fn name(&self) -> Option<&str> {
        self.fields.required("metadata.name")
    }

    /// Whether everything is wanted.
    pub fn is_empty(&self) -> bool {
        self.labels.requirements.is_empty() && self.fields.requirements.is_empty()
    }
}

fn check_fields(ops: &dyn KindOps, fields: &FieldSelector) -> Result<(), Status> {
    let info = ops.info();
    // Two kinds without a namespace know that they have none.
    let placeless = matches!(info.resource, "namespaces" | "nodes");
    let beyond = |field: &&labels::FieldRequirement| match &*field.field {
        "metadata.name" => false,
        "metadata.namespace" => placeless,
        _ => true,
    };
    if !fields.requirements.iter().any(|one| beyond(&one)) {
        return Ok(());
    }
    // An object without any content tells which fields its kind can be selected by.
    let bare = ops.decode(json!({"apiVersion": info.api_version(), "kind": info.kind, "metadata": {}}));
    let known: Vec<&str> = bare
        .map(|object| ops.selectable_fields(&*object).into_iter().map(|(name, _)| name).collect())
        .unwrap_or_default();
    for field in fields.requirements.iter().filter(beyond).map(|one| one.field.as_str()) {
        if known.contains(&field) {
            continue;
        }
        let custom = ops.structural_schema().is_some();
        return Err(Status::bad_request(if known.is_empty() && !custom {
            format!("{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
        } else if custom || matches!(info.group, "" | "certificates.k8s.io" | "events.k8s.io") {
            format!("field label not supported: {field}")
        } else if info.group == "resource.k8s.io" {
            format!("field label not supported for {}, Kind={}: {field}", info.api_version(), info.kind)
        } else {
            format!("field label {field:?} not supported for {}", info.kind)
        }));
    }
    Ok(())
}
