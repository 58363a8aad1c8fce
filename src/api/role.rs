//! Roles.

use k8s_openapi::api::rbac::v1::Role;
use serde_json::Value;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for Role {
    const INFO: KindInfo =
        KindInfo::new("rbac.authorization.k8s.io", "v1", "Role", "roles.rbac.authorization.k8s.io", "role");
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::CREATED_AT];

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        super::subjects::validate_rules(&mut errors, self.rules.as_deref().unwrap_or_default(), true);
        errors
    }

    fn row(&self, _now: Time) -> Vec<Cell> {
        vec![json!(meta::name(&self.metadata)), json!(cells::created_at(&self.metadata))]
    }

    fn complete_json(json: &mut Value) {
        if let Some(role) = json.as_object_mut() {
            role.entry("rules").or_insert(Value::Null);
        }
    }
}
