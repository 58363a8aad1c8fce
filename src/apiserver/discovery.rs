//! Which groups, versions and resources there are, plain and aggregated.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/discovery.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{ApiServer, negotiate, respond, route};
use crate::api::{KindInfo, KindRef, certificate_signing_request};
use crate::apimachinery::Status;
use crate::text::http::{Method, Request, Response};

/// Groups in the order of their priority; a group that is not named here comes last.
const GROUPS: &[&str] = &[
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];

const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// The same for kinds that somebody has defined, in that server's order.
const DEFINED_VERBS: &[&str] = &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// What can only be created: nothing of it is kept.
const ACTIONS: &[(&str, &str, &str, &str, &str, bool)] = &[
    ("", "v1", "bindings", "binding", "Binding", true),
    ("authentication.k8s.io", "v1", "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview", false),
    ("authentication.k8s.io", "v1", "tokenreviews", "tokenreview", "TokenReview", false),
    (
        "authorization.k8s.io",
        "v1",
        "localsubjectaccessreviews",
        "localsubjectaccessreview",
        "LocalSubjectAccessReview",
        true,
    ),
    (
        "authorization.k8s.io",
        "v1",
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        "SelfSubjectAccessReview",
        false,
    ),
    (
        "authorization.k8s.io",
        "v1",
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        "SelfSubjectRulesReview",
        false,
    ),
    ("authorization.k8s.io", "v1", "subjectaccessreviews", "subjectaccessreview", "SubjectAccessReview", false),
];

/// A resource or subresource as discovery tells of it.
struct Resource {
    name: String,
    singular: String,
    namespaced: bool,
    group: String,
    version: String,
    kind: String,
    verbs: Vec<&'static str>,
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
    hash: String,
}

/// Answers `/`, `/api`, `/apis` and what lies below.
pub(super) fn answer(server: &ApiServer, request: &Request) -> Result<Response, Status> {
    let kinds = &server.served();
    let path = request.path.trim_end_matches('/');
    if request.method != Method::Get {
        let known = matches!(path, "/api" | "/version")
            || route::group_version(path).is_some_and(|(g, v, rest)| rest.is_empty() && has(kinds, g, v));
        if known {
            return Err(Status::method_not_allowed());
        }
        // Lists of groups and of paths are given whatever the method is.
    }
    let aggregated =
        negotiate::asks_for(request, "APIGroupDiscoveryList").filter(|version| matches!(*version, "v2" | "v2beta1"));
    let text = match (path, aggregated) {
        ("", _) => paths(kinds),
        ("/api", Some(version)) => return Ok(aggregate(kinds, &[""], version)),
        ("/apis", Some(version)) => {
            let groups: Vec<&str> = groups(kinds).into_iter().filter(|group| !group.is_empty()).collect();
            return Ok(aggregate(kinds, &groups, version));
        }
        ("/api", None) => {
            "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":[{\"clientCIDR\":\"0.0.0.0/0\",\
             \"serverAddress\":\"172.30.1.2:6443\"}]}\n"
                .to_owned()
        }
        ("/apis", None) => group_list(kinds),
        _ => match below(kinds, path) {
            Some(text) => text,
            None if is_served(path) => return Err(Status::unknown_path()),
            None => return Ok(respond::no_such_page()),
        },
    };
    Ok(respond::bytes(200, "application/json", text.into_bytes(), &[]))
}

/// Whether a path lies below a group of the server's own: only there are failures told in JSON.
fn is_served(path: &str) -> bool {
    match path.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice() {
        ["api", ..] => true,
        ["apis", group, _, ..] => GROUPS.contains(group),
        _ => false,
    }
}

/// Every group that has a kind or an action, in order.
pub(super) fn groups(kinds: &[KindRef]) -> Vec<&'static str> {
    let mut groups: Vec<&'static str> = Vec::new();
    let held = kinds.iter().map(|kind| kind.info().group).chain(ACTIONS.iter().map(|action| action.0));
    for group in held {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    // Groups that somebody has defined come last, by name.
    groups.sort_by_key(|group| match GROUPS.iter().position(|known| known == group) {
        Some(position) => (position, ""),
        None => (GROUPS.len(), *group),
    });
    groups
}

/// The versions of a group, newest first.
pub(super) fn versions(kinds: &[KindRef], group: &str) -> Vec<&'static str> {
    let held = kinds.iter().map(|kind| (kind.info().group, kind.info().version));
    let mut versions: Vec<&'static str> = Vec::new();
    for (of, version) in held.chain(ACTIONS.iter().map(|action| (action.0, action.1))) {
        if of == group && !versions.contains(&version) {
            versions.push(version);
        }
    }
    versions.sort_unstable_by(|left, right| right.cmp(left));
    versions
}

fn has(kinds: &[KindRef], group: &str, version: &str) -> bool {
    versions(kinds, group).contains(&version)
}

fn resources(kinds: &[KindRef], group: &str, version: &str) -> Vec<Resource> {
    let mut list = Vec::new();
    let infos = kinds.iter().map(|kind| kind.info());
    for info in infos.filter(|info| info.group == group && info.version == version) {
        list.push(kind_resource(info));
        let subresources = subresources(info);
        list.extend(subresources);
    }
    for (_, _, plural, singular, kind, namespaced) in ACTIONS.iter().filter(|one| one.0 == group && one.1 == version) {
        list.push(Resource {
            name: (*plural).to_owned(),
            singular: (*singular).to_owned(),
            namespaced: *namespaced,
            group: String::new(),
            version: String::new(),
            kind: (*kind).to_owned(),
            verbs: vec!["create"],
            short_names: &[],
            categories: &[],
            hash: String::new(),
        });
    }
    if (group, version) == ("", "v1") {
        list.push(Resource {
            name: "componentstatuses".to_owned(),
            singular: "componentstatus".to_owned(),
            namespaced: false,
            group: String::new(),
            version: String::new(),
            kind: "ComponentStatus".to_owned(),
            verbs: vec!["get", "list"],
            short_names: &["cs"],
            categories: &[],
            hash: String::new(),
        });
    }
    list.sort_by(|left, right| left.name.cmp(&right.name));
    list
}

fn kind_resource(info: &KindInfo) -> Resource {
    let digest = Sha256::digest(format!("{}/{}/{}", info.group, info.version, info.kind));
    Resource {
        name: info.plural().to_owned(),
        singular: info.singular.to_owned(),
        namespaced: info.namespaced,
        group: String::new(),
        version: String::new(),
        kind: info.kind.to_owned(),
        verbs: if crate::api::by_resource(info.resource).is_none() {
            DEFINED_VERBS.to_vec()
        } else if info.resource == "namespaces" {
            VERBS.iter().copied().filter(|verb| *verb != "deletecollection").collect()
        } else {
            VERBS.to_vec()
        },
        short_names: info.short_names,
        categories: info.categories,
        hash: STANDARD.encode(digest.get(..8).unwrap_or_default()),
    }
}

fn subresources(info: &KindInfo) -> Vec<Resource> {
    let mut list = Vec::new();
    let mut add = |name: &str, group: &str, version: &str, kind: &str, verbs: &[&'static str]| {
        list.push(Resource {
            name: format!("{}/{name}", info.plural()),
            singular: String::new(),
            namespaced: info.namespaced,
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            verbs: verbs.to_vec(),
            short_names: &[],
            categories: &[],
            hash: String::new(),
        });
    };
    if info.has_status {
        add("status", "", "", info.kind, &["get", "patch", "update"]);
    }
    if info.has_scale {
        add("scale", "autoscaling", "v1", "Scale", &["get", "patch", "update"]);
    }
    match info.resource {
        "pods" => {
            add("attach", "", "", "PodAttachOptions", &["create", "get"]);
            add("binding", "", "", "Binding", &["create"]);
            add("ephemeralcontainers", "", "", "Pod", &["get", "patch", "update"]);
            add("eviction", "policy", "v1", "Eviction", &["create"]);
            add("exec", "", "", "PodExecOptions", &["create", "get"]);
            add("log", "", "", "Pod", &["get"]);
            add("portforward", "", "", "PodPortForwardOptions", &["create", "get"]);
            add("proxy", "", "", "PodProxyOptions", &["create", "delete", "get", "patch", "update"]);
            add("resize", "", "", "Pod", &["get", "patch", "update"]);
        }
        "services" => add("proxy", "", "", "ServiceProxyOptions", &["create", "delete", "get", "patch", "update"]),
        "serviceaccounts" => add("token", "authentication.k8s.io", "v1", "TokenRequest", &["create"]),
        "namespaces" => add("finalize", "", "", info.kind, &["update"]),
        certificate_signing_request::RESOURCE => add("approval", "", "", info.kind, &["get", "patch", "update"]),
        _ => {}
    }
    list
}

fn paths(kinds: &[KindRef]) -> String {
    let mut all: Vec<String> = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for group in groups(kinds).into_iter().filter(|group| !group.is_empty()) {
        all.push(format!("/apis/{group}"));
        all.extend(versions(kinds, group).into_iter().map(|version| format!("/apis/{group}/{version}")));
    }
    all.extend(
        ["/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned),
    );
    all.sort();
    let lines: Vec<String> = all.iter().map(|path| format!("    \"{path}\"")).collect();
    format!("{{\n  \"paths\": [\n{}\n  ]\n}}", lines.join(",\n"))
}

fn group_versions(kinds: &[KindRef], group: &str) -> String {
    let one = |version: &&str| format!("{{\"groupVersion\":\"{group}/{version}\",\"version\":\"{version}\"}}");
    let versions = versions(kinds, group);
    let all: Vec<String> = versions.iter().map(one).collect();
    let preferred = versions.first().map(one).unwrap_or_default();
    format!("\"name\":\"{group}\",\"versions\":[{}],\"preferredVersion\":{preferred}", all.join(","))
}

fn group_list(kinds: &[KindRef]) -> String {
    let groups: Vec<String> = groups(kinds)
        .iter()
        .filter(|group| !group.is_empty())
        .map(|group| format!("{{{}}}", group_versions(kinds, group)))
        .collect();
    format!("{{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{}]}}\n", groups.join(","))
}

/// `/apis/GROUP`, `/apis/GROUP/VERSION` and `/api/v1`.
fn below(kinds: &[KindRef], path: &str) -> Option<String> {
    if let Some(group) = path.strip_prefix("/apis/")
        && groups(kinds).contains(&group)
    {
        return Some(format!("{{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",{}}}\n", group_versions(kinds, group)));
    }
    let (group, version, rest) = route::group_version(path)?;
    if !rest.is_empty() || !has(kinds, group, version) {
        return None;
    }
    let core = group.is_empty();
    let name = if core { version.to_owned() } else { format!("{group}/{version}") };
    let list: Vec<String> = resources(kinds, group, version).iter().map(plain).collect();
    // The core group's list has never said its own version.
    let own = if core { "" } else { "\"apiVersion\":\"v1\"," };
    Some(format!(
        "{{\"kind\":\"APIResourceList\",{own}\"groupVersion\":\"{name}\",\"resources\":[{}]}}\n",
        list.join(",")
    ))
}

/// A resource in the plain form, with its keys in the server's order.
fn plain(resource: &Resource) -> String {
    let text = |value: &str| json!(value).to_string();
    let mut fields = vec![
        format!("\"name\":{}", text(&resource.name)),
        format!("\"singularName\":{}", text(&resource.singular)),
        format!("\"namespaced\":{}", resource.namespaced),
    ];
    if !resource.version.is_empty() {
        fields.push(format!("\"group\":{}", text(&resource.group)));
        fields.push(format!("\"version\":{}", text(&resource.version)));
    }
    fields.push(format!("\"kind\":{}", text(&resource.kind)));
    fields.push(format!("\"verbs\":{}", json!(resource.verbs)));
    if !resource.short_names.is_empty() {
        fields.push(format!("\"shortNames\":{}", json!(resource.short_names)));
    }
    if !resource.categories.is_empty() {
        fields.push(format!("\"categories\":{}", json!(resource.categories)));
    }
    if !resource.hash.is_empty() {
        fields.push(format!("\"storageVersionHash\":{}", text(&resource.hash)));
    }
    format!("{{{}}}", fields.join(","))
}

/// The aggregated form: everything in one answer.
fn aggregate(kinds: &[KindRef], groups: &[&str], version: &str) -> Response {
    let items: Vec<Value> = groups
        .iter()
        .map(|group| {
            let versions: Vec<Value> = versions(kinds, group)
                .iter()
                .map(|version| json!({"version": version, "resources": nested(kinds, group, version), "freshness": "Current"}))
                .collect();
            let metadata = if group.is_empty() {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": group, "creationTimestamp": null})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {}, "items": items,
    });
    let mut response = respond::json(200, &list, &[]);
    if let Some((_, value)) = response.headers.iter_mut().find(|(name, _)| name == "Content-Type") {
        *value = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    }
    response
}

/// Resources with their subresources below them.
fn nested(kinds: &[KindRef], group: &str, version: &str) -> Vec<Value> {
    let mut top: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for resource in resources(kinds, group, version) {
        let of = if resource.version.is_empty() { (group, version) } else { (&*resource.group, &*resource.version) };
        let kind = json!({"group": of.0, "version": of.1, "kind": resource.kind});
        if let Some((parent, name)) = resource.name.split_once('/') {
            let entry = json!({"subresource": name, "responseKind": kind, "verbs": resource.verbs});
            let subresources = top.get_mut(parent).map(|map| map.entry("subresources").or_insert_with(|| json!([])));
            if let Some(list) = subresources.and_then(Value::as_array_mut) {
                list.push(entry);
            }
            continue;
        }
        let mut map = Map::new();
        map.insert("resource".to_owned(), json!(resource.name));
        map.insert("responseKind".to_owned(), kind);
        map.insert("scope".to_owned(), json!(if resource.namespaced { "Namespaced" } else { "Cluster" }));
        map.insert("singularResource".to_owned(), json!(resource.singular));
        map.insert("verbs".to_owned(), json!(resource.verbs));
        if !resource.short_names.is_empty() {
            map.insert("shortNames".to_owned(), json!(resource.short_names));
        }
        if !resource.categories.is_empty() {
            map.insert("categories".to_owned(), json!(resource.categories));
        }
        top.insert(resource.name, map);
    }
    top.into_values().map(Value::Object).collect()
}
