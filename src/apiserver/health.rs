//! `/healthz`, `/livez`, `/readyz` and `/version`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/server/healthz.

use super::respond;
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
pub(super) fn answer(request: &Request) -> Option<Response> {
    if request.method != Method::Get {
        return None;
    }
    let text = match request.path.trim_end_matches('/') {
        "/version" => return Some(respond::bytes(200, "application/json", VERSION.into(), &[])),
        "/healthz" => health(request, "healthz"),
        "/livez" => health(request, "livez"),
        "/readyz" => health(request, "readyz"),
        _ => return None,
    };
    Some(respond::bytes(200, "text/plain; charset=utf-8", text.into_bytes(), &[]))
}

fn health(request: &Request, name: &str) -> String {
    if request.query("verbose").is_none() {
        return "ok".to_owned();
    }
    let of_readiness = |check: &&&str| name == "readyz" || !matches!(**check, "informer-sync" | "shutdown");
    let mut text: String = CHECKS.iter().filter(of_readiness).map(|check| format!("[+]{check} ok\n")).collect();
    text.push_str(name);
    text.push_str(" check passed\n");
    text
}
