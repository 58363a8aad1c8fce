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
    let beyond = |field: &&labels::FieldRequirement| !matches!(&*field.field, "metadata.name" | "metadata.namespace");
    if !fields.requirements.iter().any(|one| beyond(&one)) {
        return Ok(());
    }
    let info = ops.info();
    // An object without any content tells which fields its kind can be selected by.
    let bare = ops.decode(json!({"apiVersion": info.api_version(), "kind": info.kind, "metadata": {}}));
    let known: Vec<&str> = bare
        .map(|object| ops.selectable_fields(&*object).into_iter().map(|(name, _)| name).collect())
        .unwrap_or_default();
    for field in fields.requirements.iter().filter(beyond).map(|one| one.field.as_str()) {
        if known.contains(&field) {
            continue;
        }
        return Err(Status::bad_request(if known.is_empty() {
            format!("{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
        } else if info.group.is_empty() {
            format!("field label not supported: {field}")
        } else {
            format!("field label {field:?} not supported for {}", info.kind)
        }));
    }
    Ok(())
}
