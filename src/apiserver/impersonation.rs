//! Who a request really comes from: `Impersonate-*` headers.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/filters/impersonation.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::authentication::{account_of, groups_of};
use super::authorization::{self, Wish};
use super::{ApiServer, Caller};
use crate::apimachinery::Status;
use crate::text::http::Request;

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
    if !authorization::is_master(caller) {
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
            authorization::of_caller(server, caller, &wish(resource, namespace, name))?;
        }
        let group = "authentication.k8s.io".to_owned();
        if let Some(uid) = request.header("Impersonate-Uid") {
            authorization::of_caller(server, caller, &Wish { group: group.clone(), ..wish("uids", "", uid) })?;
        }
        for (key, values) in extra_of(request) {
            for value in values {
                let wish = Wish { group: group.clone(), subresource: key.clone(), ..wish("userextras", "", &value) };
                authorization::of_caller(server, caller, &wish)?;
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
pub(super) fn extra_of(request: &Request) -> BTreeMap<String, Vec<String>> {
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
    let (groups, uid, extra) = (of("Impersonate-Group"), of("Impersonate-Uid").concat(), extra_of(request));
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
