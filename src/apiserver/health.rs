//! `/healthz`, `/livez`, `/readyz`, `/metrics` and `/version`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/server/healthz.

use super::{ApiServer, respond};
use crate::text::http::{Method, Request, Response};

/// What a server of this version has, as `/version` tells: the version that this one behaves like.
const VERSION: &str = r#"{
  "major": "1",
  "minor": "36",
  "emulationMajor": "1",
  "emulationMinor": "36",
  "minCompatibilityMajor": "1",
  "minCompatibilityMinor": "35",
  "gitVersion": "v1.36.2",
  "gitCommit": "98b35193b2ac7a23a673325f5e9b830ecd5ba406",
  "gitTreeState": "clean",
  "buildDate": "2026-08-21T11:29:11Z",
  "goVersion": "go1.26.6",
  "compiler": "gc",
  "platform": "linux/amd64"
}"#;

/// The checks, in the order in which the real server lists them.
const CHECKS: &[&str] = &[
    "ping",
    "log",
    "loopback-serving-certificate",
    "etcd",
    "informer-sync",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/peer-endpoint-reconciler-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    "poststarthook/storage-readiness",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller",
    "poststarthook/aggregator-reload-proxy-client-cert",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-status-local-available-controller",
    "poststarthook/apiservice-status-remote-available-controller",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-wait-for-first-sync",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
    "shutdown",
];

/// Answers when the path is one of these.
pub(super) fn answer(server: &ApiServer, request: &Request) -> Option<Response> {
    let path = request.path.trim_start_matches('/');
    let path = path.strip_suffix('/').filter(|path| !path.ends_with('z')).unwrap_or(path);
    if request.method != Method::Get && path == "version" {
        return None;
    }
    let text = match path.split_once('/').unwrap_or((path, "")) {
        ("version", "") => return Some(respond::bytes(200, "application/json", VERSION.into(), &[])),
        ("metrics", "") => {
            let media = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
            return Some(respond::bytes(200, media, metrics(server).into_bytes(), &[]));
        }
        (name @ ("healthz" | "livez" | "readyz"), "") => health(request, name),
        // One check alone.
        (name @ ("healthz" | "livez" | "readyz"), check) if checks(name).any(|known| known == check) => "ok".to_owned(),
        _ => return None,
    };
    Some(respond::bytes(200, "text/plain; charset=utf-8", text.into_bytes(), &[]))
}

fn checks(name: &str) -> impl Iterator<Item = &'static str> {
    let ready = name == "readyz";
    CHECKS.iter().copied().filter(move |check| match *check {
        "informer-sync" | "shutdown" => ready,
        "loopback-serving-certificate" | "etcd" => !ready,
        _ => true,
    })
}

fn health(request: &Request, name: &str) -> String {
    if request.query("verbose").is_none() {
        return "ok".to_owned();
    }
    let excluded: Vec<&str> =
        request.query.iter().filter(|(key, _)| key == "exclude").map(|(_, value)| value.as_str()).collect();
    let mut text = String::new();
    for check in checks(name) {
        let outcome = if excluded.contains(&check) { "excluded: ok" } else { "ok" };
        text.push_str(&format!("[+]{check} {outcome}\n"));
    }
    let mut unknown: Vec<String> = excluded
        .iter()
        .filter(|check| !checks(name).any(|known| known == **check))
        .map(|check| format!("{check:?}"))
        .collect();
    if !unknown.is_empty() {
        unknown.sort();
        let unknown = unknown.join(",");
        text.push_str(&format!("warn: some health checks cannot be excluded: no matches for {unknown}\n"));
    }
    text.push_str(name);
    text.push_str(" check passed\n");
    text
}

/// What can be counted without watching requests go by.
fn metrics(server: &ApiServer) -> String {
    let mut text = String::from(
        "# HELP apiserver_resource_objects [STABLE] Number of stored objects at the time of last check split by kind.\n\
         # TYPE apiserver_resource_objects gauge\n",
    );
    for resource in server.store().resources() {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        let count = server.store().count(resource);
        text.push_str(&format!("apiserver_resource_objects{{group=\"{group}\",resource=\"{plural}\"}} {count}\n"));
    }
    text.push_str(
        "# HELP kubernetes_build_info [STABLE] What this server behaves like.\n\
         # TYPE kubernetes_build_info gauge\n\
         kubernetes_build_info{git_version=\"v1.36.2\",major=\"1\",minor=\"36\"} 1\n",
    );
    text
}
