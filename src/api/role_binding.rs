//! Role bindings.

use k8s_openapi::api::rbac::v1::RoleBinding;
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, subjects};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

impl Strategy for RoleBinding {
    const INFO: KindInfo = KindInfo::new(
        "rbac.authorization.k8s.io",
        "v1",
        "RoleBinding",
        "rolebindings.rbac.authorization.k8s.io",
        "rolebinding",
    );
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Role", "The role that is granted."),
        Column::AGE,
        Column::new("Users", "The users that it is granted to.").wide(),
        Column::new("Groups", "The groups that it is granted to.").wide(),
        Column::new("ServiceAccounts", "The service accounts that it is granted to.").wide(),
    ];

    fn set_defaults(&mut self) {
        subjects::set_role_ref_defaults(&mut self.role_ref);
        subjects::set_defaults(self.subjects.as_mut());
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        subjects::validate_role_ref(&mut errors, &self.role_ref, &["ClusterRole", "Role"]);
        subjects::validate(&mut errors, self.subjects.as_deref().unwrap_or_default());
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = self.validate();
        if self.role_ref != old.role_ref {
            let shown = subjects::dump_role_ref(&self.role_ref);
            errors.push(field::Error::invalid_shown(&field::Path::new("roleRef"), shown, "cannot change roleRef"));
        }
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let subjects = self.subjects.as_deref().unwrap_or_default();
        vec![
            json!(meta::name(&self.metadata)),
            json!(format!("{}/{}", self.role_ref.kind, self.role_ref.name)),
            json!(cells::age(&self.metadata, now)),
            json!(subjects::of_kind(subjects, "User")),
            json!(subjects::of_kind(subjects, "Group")),
            json!(subjects::of_kind(subjects, "ServiceAccount")),
        ]
    }
}
