//! Roles and bindings: which rules somebody holds, and what a rule covers.
//!
//! Models Kubernetes 1.36 plugin/pkg/auth/authorizer/rbac/rbac.go, pkg/registry/rbac/validation/{rule.go,policy_compact.go}
//! and staging/src/k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go (`BreakdownRule`).

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};

use super::Wish;
use crate::apiserver::ApiServer;

/// A rule with the text of the binding that gives it, or the text of what is missing.
type Found<'a> = Result<(&'a dyn Fn() -> String, &'a PolicyRule), String>;

/// Shows every rule that bindings give to a user, until `each` has seen enough (`VisitRulesFor`).
pub(super) fn visit(
    server: &ApiServer,
    user: &str,
    groups: &[&str],
    namespace: &str,
    each: &mut dyn FnMut(Found<'_>) -> bool,
) {
    let mut of_binding = |kind: &str, name: String, place: &str, subjects: Option<&Vec<Subject>>, role: &RoleRef| {
        let applies = |subject: &&Subject| applies_to(subject, user, groups, place);
        let Some(subject) = subjects.into_iter().flatten().find(applies) else { return true };
        let held = match rules(server, role, place) {
            Ok(held) => held,
            Err(missing) => return each(Err(missing)),
        };
        let text = || {
            let who = match subject.kind.as_str() {
                "ServiceAccount" => format!("{}/{}", subject.name, subject.namespace.as_deref().unwrap_or(place)),
                _ => subject.name.clone(),
            };
            format!("{kind} {name:?} of {} {:?} to {} {who:?}", role.kind, role.name, subject.kind)
        };
        held.iter().all(|rule| each(Ok((&text, rule))))
    };
    for binding in server.list::<ClusterRoleBinding>(None) {
        let name = binding.metadata.name.clone().unwrap_or_default();
        if !of_binding("ClusterRoleBinding", name, "", binding.subjects.as_ref(), &binding.role_ref) {
            return;
        }
    }
    if namespace.is_empty() {
        return;
    }
    for binding in server.list::<RoleBinding>(Some(namespace)) {
        let name = format!("{}/{namespace}", binding.metadata.name.as_deref().unwrap_or_default());
        if !of_binding("RoleBinding", name, namespace, binding.subjects.as_ref(), &binding.role_ref) {
            return;
        }
    }
}

fn applies_to(subject: &Subject, user: &str, groups: &[&str], namespace: &str) -> bool {
    match subject.kind.as_str() {
        "User" => subject.name == user,
        "Group" => groups.contains(&subject.name.as_str()),
        "ServiceAccount" => {
            let place = subject.namespace.as_deref().filter(|place| !place.is_empty()).unwrap_or(namespace);
            !place.is_empty()
                && user.strip_prefix("system:serviceaccount:") == Some(&format!("{place}:{}", subject.name))
        }
        _ => false,
    }
}

/// The rules of the role that a binding in `namespace` names.
///
/// # Errors
/// The text that there is no such role.
pub(in crate::apiserver) fn rules(
    server: &ApiServer,
    role: &RoleRef,
    namespace: &str,
) -> Result<Vec<PolicyRule>, String> {
    let found = match role.kind.as_str() {
        "ClusterRole" => server.get::<ClusterRole>("", &role.name).ok().map(|role| role.rules.clone()),
        "Role" => server.get::<Role>(namespace, &role.name).ok().map(|role| role.rules.clone()),
        other => return Err(format!("unsupported role reference kind: {other:?}")),
    };
    let kind = role.kind.to_lowercase();
    let missing = || format!("{kind}.rbac.authorization.k8s.io {:?} not found", role.name);
    found.map(Option::unwrap_or_default).ok_or_else(missing)
}

/// A rule as rules of one verb, one resource and one name each (`BreakdownRule`).
pub(in crate::apiserver) fn break_down(rule: &PolicyRule) -> Vec<PolicyRule> {
    let one = |text: &String| Some(vec![text.clone()]);
    let mut parts = Vec::new();
    let names = rule.resource_names.clone().unwrap_or_default();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            for verb in &rule.verbs {
                let part = PolicyRule {
                    api_groups: one(group),
                    resources: one(resource),
                    verbs: vec![verb.clone()],
                    ..PolicyRule::default()
                };
                if names.is_empty() {
                    parts.push(part.clone());
                }
                parts.extend(names.iter().map(|name| PolicyRule { resource_names: one(name), ..part.clone() }));
            }
        }
    }
    for url in rule.non_resource_urls.iter().flatten() {
        for verb in &rule.verbs {
            let (non_resource_urls, verbs) = (one(url), vec![verb.clone()]);
            parts.push(PolicyRule { non_resource_urls, verbs, ..PolicyRule::default() });
        }
    }
    parts
}

/// Parts that differ by verb alone become one (`CompactRules`).
pub(in crate::apiserver) fn compact(parts: Vec<PolicyRule>) -> Vec<PolicyRule> {
    let mut rules: Vec<PolicyRule> = Vec::new();
    for part in parts {
        let same = |held: &&mut PolicyRule| {
            part.non_resource_urls.is_none() && PolicyRule { verbs: part.verbs.clone(), ..(**held).clone() } == part
        };
        match rules.iter_mut().find(same) {
            Some(held) => held.verbs.extend(part.verbs),
            None => rules.push(part),
        }
    }
    rules
}

/// Whether a rule allows what is wished.
pub(super) fn covers(rule: &PolicyRule, wish: &Wish) -> bool {
    let has = |list: Option<&Vec<String>>, wanted: &str| {
        list.is_some_and(|list| list.iter().any(|held| held == "*" || held == wanted))
    };
    if !has(Some(&rule.verbs), &wish.verb) {
        return false;
    }
    if wish.resource.is_empty() {
        return rule.non_resource_urls.iter().flatten().any(|url| match url.strip_suffix('*') {
            Some(start) => wish.path.starts_with(start),
            None => *url == wish.path,
        });
    }
    let resources = rule.resources.as_ref();
    let any_of = format!("*/{}", wish.subresource);
    let resource = has(resources, &wish.full_resource())
        || (!wish.subresource.is_empty() && resources.is_some_and(|list| list.contains(&any_of)));
    let names = rule.resource_names.as_ref().filter(|names| !names.is_empty());
    has(rule.api_groups.as_ref(), &wish.group) && resource && names.is_none_or(|names| names.contains(&wish.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> PolicyRule {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        PolicyRule {
            api_groups: Some(list(groups)),
            resources: Some(list(resources)),
            verbs: list(verbs),
            ..PolicyRule::default()
        }
    }

    fn wish(verb: &str, group: &str, resource: &str, subresource: &str) -> Wish {
        let [verb, group, resource, subresource] = [verb, group, resource, subresource].map(str::to_owned);
        Wish { verb, group, resource, subresource, namespace: "default".to_owned(), ..Wish::default() }
    }

    #[test]
    fn a_rule_covers_what_it_names_and_nothing_else() {
        let jobs = rule(&["batch"], &["jobs"], &["get", "list"]);
        assert!(covers(&jobs, &wish("get", "batch", "jobs", "")));
        assert!(!covers(&jobs, &wish("delete", "batch", "jobs", "")));
        assert!(!covers(&jobs, &wish("get", "", "jobs", "")));
        assert!(!covers(&jobs, &wish("get", "batch", "jobs", "status")));
        assert!(covers(&rule(&["*"], &["*"], &["*"]), &wish("get", "", "pods", "log")));
        assert!(covers(&rule(&[""], &["*/log"], &["get"]), &wish("get", "", "pods", "log")));
    }
}
