//! May somebody do something: roles and bindings, and who a request really comes from.
//!
//! Models Kubernetes 1.36 plugin/pkg/auth/authorizer/rbac/rbac.go and
//! staging/src/k8s.io/apiserver/pkg/endpoints/filters/{authorization,impersonation}.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};

use super::route::{self, Target};
use super::{ApiServer, Caller, endpoints};
use crate::apimachinery::{Reason, Status};
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
            if let ([resource], false) = (rest.as_slice(), version.is_empty()) {
                let verb = if method == Method::Post { "create" } else { "list" };
                let (group, resource) = (group.to_owned(), (*resource).to_owned());
                return Self { verb: verb.to_owned(), group, resource, ..Self::default() };
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
            return Status::other(Reason::Forbidden, text);
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

/// Who a request comes from once `Impersonate-User` and `Impersonate-Group` are heeded.
pub(super) fn effective(caller: &Caller, request: &Request) -> Result<Option<Caller>, Status> {
    let Some(user) = request.header("Impersonate-User").filter(|user| !user.is_empty()) else { return Ok(None) };
    if !caller.groups.iter().any(|group| &**group == MASTERS) {
        let wish = Wish { verb: "impersonate".to_owned(), resource: "users".to_owned(), ..Wish::default() };
        return Err(Wish { name: user.to_owned(), ..wish }.refusal(&caller.user));
    }
    let named = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Impersonate-Group"));
    let mut groups: Vec<Arc<str>> = named.map(|(_, group)| Arc::from(group.as_str())).collect();
    groups.extend(groups_of(user).into_iter().map(Arc::from));
    Ok(Some(Caller { user: user.into(), groups: groups.into(), manager: Arc::clone(&caller.manager) }))
}

/// The groups that a user has by name.
pub(super) fn groups_of(user: &str) -> Vec<String> {
    let mut groups = Vec::new();
    if let Some((namespace, _)) = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')) {
        groups.push("system:serviceaccounts".to_owned());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    groups.push("system:authenticated".to_owned());
    groups
}

/// Whether a user may do what they wish.
pub(super) fn allows(server: &ApiServer, user: &str, groups: &[&str], wish: &Wish) -> bool {
    if groups.contains(&MASTERS) {
        return true;
    }
    let is = |subject: &Subject, namespace: &str| match subject.kind.as_str() {
        "User" => subject.name == user,
        "Group" => groups.contains(&subject.name.as_str()),
        "ServiceAccount" => {
            let place = subject.namespace.as_deref().unwrap_or(namespace);
            user.strip_prefix("system:serviceaccount:") == Some(&format!("{place}:{}", subject.name))
        }
        _ => false,
    };
    let everywhere = server.list::<ClusterRoleBinding>(None).any(|binding| {
        binding.subjects.iter().flatten().any(|subject| is(subject, ""))
            && rules(server, &binding.role_ref, "").iter().any(|rule| covers(rule, wish))
    });
    if everywhere || wish.namespace.is_empty() {
        return everywhere;
    }
    let namespace = wish.namespace.as_str();
    server.list::<RoleBinding>(Some(namespace)).any(|binding| {
        binding.subjects.iter().flatten().any(|subject| is(subject, namespace))
            && rules(server, &binding.role_ref, namespace).iter().any(|rule| covers(rule, wish))
    })
}

fn rules(server: &ApiServer, role: &RoleRef, namespace: &str) -> Vec<PolicyRule> {
    match role.kind.as_str() {
        "ClusterRole" => server.get::<ClusterRole>("", &role.name).ok().and_then(|role| role.rules.clone()),
        "Role" => server.get::<Role>(namespace, &role.name).ok().and_then(|role| role.rules.clone()),
        _ => None,
    }
    .unwrap_or_default()
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
