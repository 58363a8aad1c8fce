//! Cluster role bindings.

use k8s_openapi::api::rbac::v1::ClusterRoleBinding;

use super::{Cell, Column, KindInfo, Strategy, subjects};
use crate::apimachinery::field;
use crate::sim::Time;

impl Strategy for ClusterRoleBinding {
    const INFO: KindInfo = KindInfo::new(
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings.rbac.authorization.k8s.io",
        "clusterrolebinding",
    )
    .cluster_scoped();
    const COLUMNS: &'static [Column] = subjects::COLUMNS;

    fn set_defaults(&mut self) {
        subjects::set_role_ref_defaults(&mut self.role_ref);
        subjects::set_defaults(self.subjects.as_mut());
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        subjects::validate_role_ref(&mut errors, &self.role_ref, &["ClusterRole"]);
        subjects::validate(&mut errors, self.subjects.as_deref().unwrap_or_default(), false);
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
