//! Cluster roles.

use k8s_openapi::api::rbac::v1::ClusterRole;
use serde_json::Value;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for ClusterRole {
    const INFO: KindInfo = KindInfo::new(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRole",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrole",
    )
    .cluster_scoped();
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::CREATED_AT];

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        super::subjects::validate_rules(&mut errors, self.rules.as_deref().unwrap_or_default(), false);
        if let Some(rule) = &self.aggregation_rule {
            let at = field::Path::new("aggregationRule").child("clusterRoleSelectors");
            let selectors = rule.cluster_role_selectors.as_deref().unwrap_or_default();
            if selectors.is_empty() {
                let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
                errors.push(field::Error::required(&at, why));
            }
            for (index, selector) in selectors.iter().enumerate() {
                let before = errors.len();
                super::validate::selector(&mut errors, &at.index(index), selector);
                if errors.len() > before {
                    errors.push(field::Error::invalid_shown(&at.index(index), "null", "invalid label selector."));
                }
            }
        }
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
