//! Controller revisions: what a controller remembers of earlier templates.

use k8s_openapi::api::apps::v1::ControllerRevision;
use serde_json::{Value, json};

use super::{Cell, Column, KindInfo, Strategy, cells, validate};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for ControllerRevision {
    const INFO: KindInfo =
        KindInfo::new("apps", "v1", "ControllerRevision", "controllerrevisions.apps", "controllerrevision");
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Controller", "The object whose template it keeps."),
        Column::new("Revision", "The number of the revision."),
        Column::AGE,
    ];

    fn validate(&self) -> Vec<field::Error> {
        let (mut errors, data) = (Vec::new(), field::Path::new("data"));
        validate::nonnegative(&mut errors, &field::Path::new("revision"), self.revision);
        match self.data.as_ref().map(|data| &data.0) {
            None | Some(Value::Null) => errors.push(field::Error::required(&data, "data is mandatory")),
            Some(Value::Object(_)) => {}
            Some(_) => errors.push(field::Error::required(&data, "data must be a valid JSON object")),
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        validate::nonnegative(&mut errors, &field::Path::new("revision"), self.revision);
        if self.data != old.data {
            errors.push(field::Error::invalid(&field::Path::new("data"), &self.data, "field is immutable"));
        }
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let owner = meta::controller_of(&self.metadata).map(|owner| {
            let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
            let dot = if group.is_empty() { "" } else { "." };
            format!("{}{dot}{group}/{}", owner.kind.to_lowercase(), owner.name)
        });
        vec![
            json!(meta::name(&self.metadata)),
            json!(owner.unwrap_or_else(|| cells::NONE.to_owned())),
            json!(self.revision),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}
