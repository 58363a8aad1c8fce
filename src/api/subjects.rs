//! Who may do what: rules, roles and subjects, which the four kinds of access control share.
//!
//! Models Kubernetes 1.36 pkg/apis/rbac/v1/defaults.go, pkg/apis/rbac/validation/validation.go and `printRoleBinding`.

use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::validate::{self, Errors};
use super::{Cell, Column, cells};
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{content, meta};
use crate::sim::Time;
use crate::text::go_json;

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
fn of_kind(subjects: &[Subject], kind: &str) -> String {
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

/// `ValidatePolicyRule` for each rule.
pub fn validate_rules(errors: &mut Errors, rules: &[PolicyRule], namespaced: bool) {
    let filled = |list: &Option<Vec<String>>| list.iter().flatten().next().is_some();
    for (index, rule) in rules.iter().enumerate() {
        let path = Path::new("rules").index(index);
        if rule.verbs.is_empty() {
            errors.push(Error::required(&path.child("verbs"), "verbs must contain at least one value"));
        }
        if filled(&rule.non_resource_urls) {
            let at = path.child("nonResourceURLs");
            if namespaced {
                let why = "namespaced rules cannot apply to non-resource URLs";
                errors.push(Error::invalid(&at, &rule.non_resource_urls, why));
            }
            if filled(&rule.api_groups) || filled(&rule.resources) || filled(&rule.resource_names) {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
                errors.push(Error::invalid(&at, &rule.non_resource_urls, why));
            }
            continue;
        }
        if !filled(&rule.api_groups) {
            let why = "resource rules must supply at least one api group";
            errors.push(Error::required(&path.child("apiGroups"), why));
        }
        if !filled(&rule.resources) {
            let why = "resource rules must supply at least one resource";
            errors.push(Error::required(&path.child("resources"), why));
        }
    }
}

/// The role that a binding grants.
pub fn validate_role_ref(errors: &mut Errors, role: &RoleRef, kinds: &[&str]) {
    let path = Path::new("roleRef");
    let group = role.api_group.as_deref().unwrap_or_default();
    if group != GROUP {
        errors.push(Error::not_supported(&path.child("apiGroup"), group, &[GROUP]));
    }
    if !kinds.contains(&role.kind.as_str()) {
        errors.push(Error::not_supported(&path.child("kind"), &role.kind, kinds));
    }
    if role.name.is_empty() {
        errors.push(Error::required(&path.child("name"), ""));
    } else {
        validate::each(errors, &path.child("name"), &role.name, content::path_segment(&role.name));
    }
}

/// `ValidateRoleBindingSubject` for each subject. Beside a binding in a namespace, accounts need not name theirs.
pub fn validate(errors: &mut Errors, subjects: &[Subject], namespaced: bool) {
    for (index, subject) in subjects.iter().enumerate() {
        let path = Path::new("subjects").index(index);
        if subject.name.is_empty() {
            errors.push(Error::required(&path.child("name"), ""));
        }
        let group = subject.api_group.as_deref().unwrap_or_default();
        match subject.kind.as_str() {
            "ServiceAccount" => {
                if !subject.name.is_empty() {
                    let wrong = content::dns1123_subdomain(&subject.name);
                    validate::each(errors, &path.child("name"), &subject.name, wrong);
                }
                if !group.is_empty() {
                    errors.push(Error::not_supported(&path.child("apiGroup"), group, &[""]));
                }
                if !namespaced && subject.namespace.as_deref().unwrap_or_default().is_empty() {
                    errors.push(Error::required(&path.child("namespace"), ""));
                }
            }
            "User" | "Group" if group != GROUP => {
                errors.push(Error::not_supported(&path.child("apiGroup"), group, &[GROUP]));
            }
            "User" | "Group" => {}
            other => {
                let kinds = &["ServiceAccount", "User", "Group"];
                errors.push(Error::not_supported(&path.child("kind"), other, kinds));
            }
        }
    }
}

/// What a binding grants stays.
pub fn same_role(errors: &mut Errors, new: &RoleRef, old: &RoleRef) {
    if new != old {
        errors.push(Error::invalid_shown(&Path::new("roleRef"), dump_role_ref(new), "cannot change roleRef"));
    }
}

/// The columns of both kinds of binding.
pub const COLUMNS: &[Column] = &[
    Column::NAME,
    Column::new("Role", "The role that is granted."),
    Column::AGE,
    Column::new("Users", "The users that it is granted to.").wide(),
    Column::new("Groups", "The groups that it is granted to.").wide(),
    Column::new("ServiceAccounts", "The service accounts that it is granted to.").wide(),
];

/// The cells of a binding.
pub fn row(metadata: &ObjectMeta, role: &RoleRef, subjects: &[Subject], now: Time) -> Vec<Cell> {
    vec![
        json!(meta::name(metadata)),
        json!(format!("{}/{}", role.kind, role.name)),
        json!(cells::age(metadata, now)),
        json!(of_kind(subjects, "User")),
        json!(of_kind(subjects, "Group")),
        json!(of_kind(subjects, "ServiceAccount")),
    ]
}

/// The role as errors show it: Go's names, in Go's order.
fn dump_role_ref(role: &RoleRef) -> String {
    let quoted = go_json::quoted;
    let group = role.api_group.as_deref().unwrap_or_default();
    format!("{{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}", quoted(group), quoted(&role.kind), quoted(&role.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_rule() {
        let mut errors = Errors::new();
        validate_rules(&mut errors, &[PolicyRule::default()], true);
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "rules[0].verbs: Required value: verbs must contain at least one value",
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                "rules[0].resources: Required value: resource rules must supply at least one resource",
            ]
        );
    }
}
