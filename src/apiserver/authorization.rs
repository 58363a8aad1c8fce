//! May somebody do something: roles and bindings, and who a request really comes from.
//!
//! Models Kubernetes 1.36 plugin/pkg/auth/authorizer/rbac/rbac.go and
//! staging/src/k8s.io/apiserver/pkg/endpoints/filters/{authorization,impersonation}.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};

use super::route::{self, Target};
use super::{ApiServer, Caller, endpoints};
use crate::apimachinery::{Reason, Status, content};
use crate::text::http::{Method, Request};

/// Members may do everything, whatever the roles say.
const MASTERS: &str = "system:masters";

/// What somebody wants to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// Such as `get`.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, such as `pods`; empty for a path that is no resource.
    pub resource: String,
    /// Such as `log`.
    pub subresource: String,
    /// The namespace; empty for the whole cluster.
    pub namespace: String,
    /// The object's name, when one is named.
    pub name: String,
    /// The path, when it is no resource.
    pub path: String,
}

impl Wish {
    /// What a request asks for.
    pub fn of(request: &Request, target: Option<&Target>) -> Self {
        let method = request.method;
        let Some(target) = target else {
            let (group, version, rest) = route::group_version(&request.path).unwrap_or_default();
            if let (Some((namespace, resource, name)), false) = (asked_of(&rest), version.is_empty()) {
                let verb = match method {
                    Method::Get if name.is_empty() => "list",
                    Method::Get => "get",
                    Method::Post => "create",
                    Method::Put => "update",
                    Method::Patch => "patch",
                    Method::Delete if name.is_empty() => "deletecollection",
                    Method::Delete => "delete",
                };
                let [group, resource, namespace, name] = [group, resource, namespace, name].map(str::to_owned);
                return Self { verb: verb.to_owned(), group, resource, namespace, name, ..Self::default() };
            }
            let verb = if method == Method::Get { "get".to_owned() } else { method.as_str().to_lowercase() };
            return Self { verb, path: request.path.clone(), ..Self::default() };
        };
        let info = target.ops.info();
        let collection = target.name.is_empty();
        let verb = match method {
            Method::Get if endpoints::truthy(request.query("watch")) => "watch",
            Method::Get if collection => "list",
            Method::Get => "get",
            Method::Post => "create",
            Method::Put => "update",
            Method::Patch => "patch",
            Method::Delete if collection => "deletecollection",
            Method::Delete => "delete",
        };
        Self {
            verb: verb.to_owned(),
            group: info.group.to_owned(),
            resource: info.plural().to_owned(),
            subresource: target.subresource.clone(),
            namespace: target.namespace().to_owned(),
            name: target.name.clone(),
            path: String::new(),
        }
    }

    fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// The refusal, in the server's words.
    pub fn refusal(&self, user: &str) -> Status {
        if self.resource.is_empty() {
            let text = format!("forbidden: User \"{user}\" cannot {} path \"{}\"", self.verb, self.path);
            return Status::generic(Reason::Forbidden, text);
        }
        let place = match self.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace \"{namespace}\""),
        };
        let why = format!(
            "User \"{user}\" cannot {} resource \"{}\" in API group \"{}\" {place}",
            self.verb,
            self.full_resource(),
            self.group
        );
        let resource =
            if self.group.is_empty() { self.resource.clone() } else { format!("{}.{}", self.resource, self.group) };
        Status::forbidden(&resource, &self.name, &why)
    }
}

/// The namespace, the resource and the name that the rest of a path asks for, whether there is such a resource or not.
fn asked_of<'a>(rest: &[&'a str]) -> Option<(&'a str, &'a str, &'a str)> {
    match rest {
        ["namespaces", namespace, resource] => Some((namespace, resource, "")),
        ["namespaces", namespace, resource, name, ..] => Some((namespace, resource, name)),
        [resource] => Some(("", resource, "")),
        [resource, name, ..] => Some(("", resource, name)),
        [] => None,
    }
}

/// Who a request comes from once `Impersonate-User` and `Impersonate-Group` are heeded.
pub(super) fn effective(server: &ApiServer, caller: &Caller, request: &Request) -> Result<Option<Caller>, Status> {
    let Some(user) = request.header("Impersonate-User").filter(|user| !user.is_empty()) else {
        return without_a_name(request).map(|()| None);
    };
    let named = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Impersonate-Group"));
    let mut groups: Vec<Arc<str>> = named.map(|(_, group)| Arc::from(group.as_str())).collect();
    let account = account_of(user);
    let (resource, namespace, name) = match account {
        Some((namespace, name)) => ("serviceaccounts", namespace, name),
        None => ("users", "", user),
    };
    if !is_master(caller) {
        let wishes =
            std::iter::once((resource, namespace, name)).chain(groups.iter().map(|group| ("groups", "", &**group)));
        let wish = |resource: &str, namespace: &str, name: &str| Wish {
            verb: "impersonate".to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Wish::default()
        };
        for (resource, namespace, name) in wishes {
            of_caller(server, caller, &wish(resource, namespace, name))?;
        }
        let group = "authentication.k8s.io".to_owned();
        if let Some(uid) = request.header("Impersonate-Uid") {
            of_caller(server, caller, &Wish { group: group.clone(), ..wish("uids", "", uid) })?;
        }
        for (key, values) in impersonated_extra(request) {
            for value in values {
                let wish = Wish { group: group.clone(), subresource: key.clone(), ..wish("userextras", "", &value) };
                of_caller(server, caller, &wish)?;
            }
        }
    }
    // Groups that are named replace those that a service account has; being known comes with being somebody.
    let own = groups_of(user).into_iter().filter(|group| groups.is_empty() || group == "system:authenticated");
    let own: Vec<Arc<str>> = own.map(Arc::from).collect();
    let known = groups.iter().any(|group| matches!(&**group, "system:authenticated" | "system:unauthenticated"));
    groups.extend(own.into_iter().filter(|group| !known || &**group != "system:authenticated"));
    Ok(Some(Caller { user: user.into(), groups: groups.into(), manager: Arc::clone(&caller.manager) }))
}

/// What `Impersonate-Extra-KEY` headers say, by key.
pub(super) fn impersonated_extra(request: &Request) -> BTreeMap<String, Vec<String>> {
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        if let Some(key) = name.strip_prefix("impersonate-extra-") {
            extra.entry(key.replace("%2f", "/")).or_default().push(value.clone());
        }
    }
    extra
}

/// Nobody is somebody's group alone.
fn without_a_name(request: &Request) -> Result<(), Status> {
    let headers = || {
        request
            .headers
            .iter()
            .filter(|(name, _)| name.get(..12).is_some_and(|head| head.eq_ignore_ascii_case("impersonate-")))
    };
    if headers().next().is_none() {
        return Ok(());
    }
    let quoted = |texts: &[String]| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
    let list = |texts: &[String]| {
        if texts.is_empty() { "[]string(nil)".to_owned() } else { format!("[]string{{{}}}", quoted(texts)) }
    };
    let of = |wanted: &str| -> Vec<String> {
        headers().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone()).collect()
    };
    let (groups, uid, extra) = (of("Impersonate-Group"), of("Impersonate-Uid").concat(), impersonated_extra(request));
    if groups.is_empty() && uid.is_empty() && extra.is_empty() {
        return Ok(());
    }
    let extra = if extra.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        let entries: Vec<String> = extra.iter().map(|(key, values)| format!("{key:?}:{}", list(values))).collect();
        format!("map[string][]string{{{}}}", entries.join(", "))
    };
    Err(Status::bad_request(format!(
        "requested &user.DefaultInfo{{Name:\"\", UID:{uid:?}, Groups:{}, Extra:{extra}}} without impersonating a user name",
        list(&groups)
    )))
}

/// The namespace and the name of a service account that a user is.
fn account_of(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let good = content::dns1123_label(namespace).is_empty() && content::dns1123_subdomain(name).is_empty();
    good.then_some((namespace, name))
}

/// The groups that a user has by name.
pub(super) fn groups_of(user: &str) -> Vec<String> {
    let mut groups = Vec::new();
    if let Some((namespace, _)) = account_of(user) {
        groups.push("system:serviceaccounts".to_owned());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    groups.push(if user == "system:anonymous" { "system:unauthenticated" } else { "system:authenticated" }.to_owned());
    groups
}

/// Whether somebody may do everything, whatever the roles say.
pub(super) fn is_master(caller: &Caller) -> bool {
    caller.groups.iter().any(|group| &**group == MASTERS)
}

/// Refuses what the caller may not do.
pub(super) fn of_caller(server: &ApiServer, caller: &Caller, wish: &Wish) -> Result<(), Status> {
    let groups: Vec<&str> = caller.groups.iter().map(|group| &**group).collect();
    match decide(server, &caller.user, &groups, wish) {
        Decision::Allowed(_) => Ok(()),
        Decision::No(reason) => {
            let mut refusal = wish.refusal(&caller.user);
            if !reason.is_empty() {
                refusal.message.push_str(&format!(": {reason}"));
            }
            Err(refusal)
        }
    }
}

/// An answer to a wish, with the reason.
pub(super) enum Decision {
    /// Which binding allows it; empty when none is needed.
    Allowed(String),
    /// What went wrong with looking, if anything.
    No(String),
}

/// Whether a user may do what they wish.
pub(super) fn decide(server: &ApiServer, user: &str, groups: &[&str], wish: &Wish) -> Decision {
    if groups.contains(&MASTERS) {
        return Decision::Allowed(String::new());
    }
    let (mut by, mut wrong) = (None, Vec::new());
    visit(server, user, groups, &wish.namespace, &mut |found| match found {
        Ok((binding, rule)) => {
            if covers(rule, wish) {
                by = Some(format!("RBAC: allowed by {}", binding()));
            }
            by.is_none()
        }
        Err(missing) => {
            if !wrong.contains(&missing) {
                wrong.push(missing);
            }
            true
        }
    });
    match (by, wrong.as_slice()) {
        (Some(by), _) => Decision::Allowed(by),
        (None, []) => Decision::No(String::new()),
        (None, [one]) => Decision::No(format!("RBAC: {one}")),
        (None, many) => Decision::No(format!("RBAC: [{}]", many.join(", "))),
    }
}

/// Every rule that the caller holds in a namespace, or in the whole cluster when it is empty.
pub(super) fn rules_of(server: &ApiServer, caller: &Caller, namespace: &str) -> Vec<PolicyRule> {
    let groups: Vec<&str> = caller.groups.iter().map(|group| &**group).collect();
    let mut all = Vec::new();
    visit(server, &caller.user, &groups, namespace, &mut |found| {
        all.extend(found.ok().map(|(_, rule)| rule.clone()));
        true
    });
    all
}

/// A rule with the text of the binding that gives it, or the text of what is missing.
type Found<'a> = Result<(&'a dyn Fn() -> String, &'a PolicyRule), String>;

/// Shows every rule that bindings give to a user, until `each` has seen enough (`VisitRulesFor`).
fn visit(server: &ApiServer, user: &str, groups: &[&str], namespace: &str, each: &mut dyn FnMut(Found<'_>) -> bool) {
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
pub(super) fn rules(server: &ApiServer, role: &RoleRef, namespace: &str) -> Result<Vec<PolicyRule>, String> {
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
pub(super) fn break_down(rule: &PolicyRule) -> Vec<PolicyRule> {
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
pub(super) fn compact(parts: Vec<PolicyRule>) -> Vec<PolicyRule> {
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

fn covers(rule: &PolicyRule, wish: &Wish) -> bool {
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

    #[test]
    fn a_refusal_names_user_verb_resource_and_place() {
        let text = wish("list", "batch", "jobs", "").refusal("system:serviceaccount:default:bot").message;
        assert_eq!(
            text,
            "jobs.batch is forbidden: User \"system:serviceaccount:default:bot\" cannot list resource \"jobs\" in API \
             group \"batch\" in the namespace \"default\""
        );
    }
}
