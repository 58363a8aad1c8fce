//! To whom a role is granted: defaults and cells that both kinds of bindings share.
//!
//! Models Kubernetes 1.36 pkg/apis/rbac/v1/defaults.go and `printRoleBinding`.

use k8s_openapi::api::rbac::v1::{RoleRef, Subject};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Fills the group of the role.
pub fn set_role_ref_defaults(role: &mut RoleRef) {
    if role.api_group.as_deref().unwrap_or_default().is_empty() {
        role.api_group = Some(GROUP.to_owned());
    }
}

/// Fills the groups of the subjects.
pub fn set_defaults(subjects: Option<&mut Vec<Subject>>) {
    for subject in subjects.into_iter().flatten() {
        if matches!(subject.kind.as_str(), "User" | "Group")
            && subject.api_group.as_deref().unwrap_or_default().is_empty()
        {
            subject.api_group = Some(GROUP.to_owned());
        }
    }
}

/// The names of the subjects of one kind.
pub fn of_kind(subjects: &[Subject], kind: &str) -> String {
    let names: Vec<String> = subjects
        .iter()
        .filter(|subject| subject.kind == kind)
        .map(|subject| match &subject.namespace {
            Some(namespace) if kind == "ServiceAccount" => format!("{namespace}/{}", subject.name),
            _ => subject.name.clone(),
        })
        .collect();
    names.join(", ")
}
