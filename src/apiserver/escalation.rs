//! Nobody grants by roles and bindings what they may not do themselves.
//!
//! Models Kubernetes 1.36 pkg/registry/rbac/{escalation_check.go,validation/rule.go,*/policybased} and
//! staging/src/k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go.

use std::collections::BTreeSet;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef};

use super::authorization::{self, Wish};
use super::{ApiServer, Caller};
use crate::apimachinery::{Object, Status, meta};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Refuses roles with rules, and bindings to roles with rules, that the caller does not hold.
pub(super) fn check(
    server: &ApiServer,
    caller: &Caller,
    object: &dyn Object,
    old: Option<&dyn Object>,
) -> Result<(), Status> {
    let any = object.as_any();
    let role = any.downcast_ref::<Role>().map(|role| &role.rules);
    let role = role.or_else(|| any.downcast_ref::<ClusterRole>().map(|role| &role.rules));
    let binding = any.downcast_ref::<RoleBinding>().map(|binding| &binding.role_ref);
    let binding = binding.or_else(|| any.downcast_ref::<ClusterRoleBinding>().map(|binding| &binding.role_ref));
    if (role.is_none() && binding.is_none()) || authorization::is_master(caller) || only_lets_go(object, old) {
        return Ok(());
    }
    let namespace = meta::namespace(object.meta());
    let name = meta::name(object.meta());
    let wish = |verb: &str, resource: &str, name: &str| Wish {
        verb: verb.to_owned(),
        group: GROUP.to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..Wish::default()
    };
    let (rules, wish) = match binding {
        Some(to) => {
            let wish = wish("bind", if to.kind == "Role" { "roles" } else { "clusterroles" }, &to.name);
            if authorization::of_caller(server, caller, &wish).is_ok() {
                return Ok(());
            }
            (authorization::rules(server, to, namespace).map_err(|_| missing_role(to))?, wish)
        }
        None => {
            let plural = object.resource().split('.').next().unwrap_or_default();
            (role.cloned().flatten().unwrap_or_default(), wish("escalate", plural, name))
        }
    };
    if binding.is_none() && authorization::of_caller(server, caller, &wish).is_ok() {
        return Ok(());
    }
    let held = authorization::rules_of(server, caller, namespace);
    let missing: Vec<PolicyRule> = rules
        .iter()
        .flat_map(authorization::break_down)
        .filter(|part| !held.iter().any(|rule| covers(rule, part)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let texts: BTreeSet<String> = authorization::compact(missing).iter().map(described).collect();
    let texts: Vec<String> = texts.into_iter().collect();
    let why = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        &*caller.user,
        quoted(caller.groups.iter().map(|group| &**group)),
        texts.join("\n")
    );
    Err(Status::forbidden(object.resource(), name, &why))
}

/// That the role which a binding names is not there.
fn missing_role(to: &RoleRef) -> Status {
    let plural = if to.kind == "Role" { "roles" } else { "clusterroles" };
    Status::not_found(&format!("{plural}.{GROUP}"), &to.name)
}

/// Whether an update changes nothing but what the garbage collector does: owners and finalizers.
fn only_lets_go(object: &dyn Object, old: Option<&dyn Object>) -> bool {
    let Some(old) = old else { return false };
    let mut same = object.clone_object();
    let (meta, held) = (same.meta_mut(), old.meta());
    meta.owner_references.clone_from(&held.owner_references);
    meta.finalizers.clone_from(&held.finalizers);
    meta.managed_fields.clone_from(&held.managed_fields);
    same.equals(old)
}

/// Whether a rule allows a part of a rule (`ruleCovers`).
fn covers(rule: &PolicyRule, part: &PolicyRule) -> bool {
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let all = |held: &[String], wanted: &[String]| {
        held.iter().any(|one| one == "*") || wanted.iter().all(|one| held.contains(one))
    };
    let resources = list(&rule.resources);
    let resource = all(&resources, &list(&part.resources))
        || list(&part.resources).iter().all(|wanted| {
            let any_of = wanted.split_once('/').map(|(_, sub)| format!("*/{sub}"));
            resources.contains(wanted) || any_of.is_some_and(|any_of| resources.contains(&any_of))
        });
    let urls = list(&part.non_resource_urls).iter().all(|wanted| {
        list(&rule.non_resource_urls).iter().any(|held| match held.strip_suffix('*') {
            Some(start) => wanted.starts_with(start),
            None => held == wanted,
        })
    });
    let (names, wanted) = (list(&rule.resource_names), list(&part.resource_names));
    let named = names.is_empty() || (!wanted.is_empty() && wanted.iter().all(|one| names.contains(one)));
    all(&rule.verbs, &part.verbs) && all(&list(&rule.api_groups), &list(&part.api_groups)) && resource && urls && named
}

/// `["a" "b"]`, as Go's `%q` writes a list.
fn quoted<'a>(items: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", items.map(|item| format!("{item:?}")).collect::<Vec<_>>().join(" "))
}

/// `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}` (`CompactString`).
fn described(rule: &PolicyRule) -> String {
    let none = Vec::new();
    let parts = [
        ("APIGroups", rule.api_groups.as_ref().unwrap_or(&none)),
        ("Resources", rule.resources.as_ref().unwrap_or(&none)),
        ("NonResourceURLs", rule.non_resource_urls.as_ref().unwrap_or(&none)),
        ("ResourceNames", rule.resource_names.as_ref().unwrap_or(&none)),
        ("Verbs", &rule.verbs),
    ];
    let texts: Vec<String> = parts
        .into_iter()
        .filter(|(_, items)| !items.is_empty())
        .map(|(name, items)| format!("{name}:{}", quoted(items.iter().map(String::as_str))))
        .collect();
    format!("{{{}}}", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn rule(json: Value) -> PolicyRule {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_rule_covers_its_own_parts_and_no_others() {
        let held = rule(json!({"apiGroups": [""], "resources": ["pods", "*/log"], "verbs": ["get", "list"]}));
        for (part, covered) in [
            (json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}), true),
            (json!({"apiGroups": [""], "resources": ["jobs/log"], "verbs": ["get"]}), true),
            (json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]}), false),
            (json!({"apiGroups": ["apps"], "resources": ["pods"], "verbs": ["get"]}), false),
            (json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]}), true),
            (json!({"nonResourceURLs": ["/healthz"], "verbs": ["get"]}), false),
        ] {
            assert_eq!(covers(&held, &rule(part.clone())), covered, "{part}");
        }
    }

    #[test]
    fn what_is_missing_is_told_as_go_writes_it() {
        let missing = rule(json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}));
        assert_eq!(described(&missing), "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\" \"list\"]}");
    }
}
