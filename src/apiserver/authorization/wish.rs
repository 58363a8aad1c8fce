//! What somebody wants to do, as rules and refusals speak of it.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/authorization/authorizer (`Attributes`) and
//! pkg/endpoints/request/requestinfo.go.

use crate::apimachinery::{Reason, Status};
use crate::apiserver::call::truthy;
use crate::apiserver::route::{self, Target};
use crate::text::http::{Method, Request};

/// What somebody wants to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::apiserver) struct Wish {
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
            Method::Get if truthy(request.query("watch")) => "watch",
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

    /// The resource as rules name it, such as `pods/log`.
    pub fn full_resource(&self) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_user_verb_resource_and_place() {
        let [verb, group, resource, namespace] = ["list", "batch", "jobs", "default"].map(str::to_owned);
        let wish = Wish { verb, group, resource, namespace, ..Wish::default() };
        let text = wish.refusal("system:serviceaccount:default:bot").message;
        assert_eq!(
            text,
            "jobs.batch is forbidden: User \"system:serviceaccount:default:bot\" cannot list resource \"jobs\" in API \
             group \"batch\" in the namespace \"default\""
        );
    }
}
