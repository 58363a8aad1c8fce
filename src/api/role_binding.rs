//! Role bindings.

use k8s_openapi::api::rbac::v1::RoleBinding;

use super::{Cell, Column, KindInfo, Strategy, subjects};
use crate::apimachinery::field;
use crate::sim::Time;

impl Strategy for RoleBinding {
    const INFO: KindInfo = KindInfo::new(
        "rbac.authorization.k8s.io",
        "v1",
        "RoleBinding",
        "rolebindings.rbac.authorization.k8s.io",
        "rolebinding",
    );
    const COLUMNS: &'static [Column] = subjects::COLUMNS;

    fn set_defaults(&mut self) {
        subjects::set_role_ref_defaults(&mut self.role_ref);
        subjects::set_defaults(self.subjects.as_mut());
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        subjects::validate_role_ref(&mut errors, &self.role_ref, &["Role", "ClusterRole"]);
        subjects::validate(&mut errors, self.subjects.as_deref().unwrap_or_default(), true);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let mut errors = self.validate();
        subjects::same_role(&mut errors, &self.role_ref, &old.role_ref);
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        subjects::row(&self.metadata, &self.role_ref, self.subjects.as_deref().unwrap_or_default(), now)
    }
}
