//! Controller revisions: what a controller remembers of earlier templates.

use k8s_openapi::api::apps::v1::ControllerRevision;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::meta;
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
