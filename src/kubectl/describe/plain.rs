//! Kinds without Pods of their own: namespaces, settings, quotas, roles, autoscalers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Describer;
use super::parts::{DATED, chosen, shown};
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::kubectl::rules::rows;

/// What scopes mean.
const SCOPES: &[(&str, &str)] = &[
    (
        "Terminating",
        "Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively terminated by the system.",
    ),
    (
        "NotTerminating",
        "Matches all pods that do not have an active deadline. These pods usually include long running pods whose container command is not expected to terminate.",
    ),
    (
        "BestEffort",
        "Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.",
    ),
    (
        "NotBestEffort",
        "Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of service.",
    ),
];

fn namespaced_list(d: &mut Describer<'_, '_>, namespace: &str, plural: &str) -> Option<Vec<Value>> {
    let answer = d.cx.get(&format!("/api/v1/namespaces/{namespace}/{plural}")).ok()?;
    Some(list_at(&answer, "/items").to_vec())
}

/// Describes a namespace.
pub fn namespace(d: &mut Describer<'_, '_>, namespace: &Value) -> Result<(), Failure> {
    let name = str_at(namespace, "/metadata/name").to_owned();
    d.head(namespace);
    d.field("Status", str_at(namespace, "/status/phase"));
    d.conditions(namespace, DATED);
    if let Some(quotas) = namespaced_list(d, &name, "resourcequotas") {
        d.w.line(0, "");
        if quotas.is_empty() {
            d.w.line(0, "No resource quota.");
        } else {
            d.w.line(0, "Resource Quotas");
        }
        for quota in &quotas {
            d.w.line(1, &format!("Name:\t{}", str_at(quota, "/metadata/name")));
            scopes(d, quota, 1, "* ");
            d.w.line(1, "Resource\tUsed\tHard");
            d.w.line(1, "--------\t---\t---");
            quota_rows(d, quota, 1);
        }
    }
    if let Some(ranges) = namespaced_list(d, &name, "limitranges") {
        d.w.line(0, "");
        if ranges.is_empty() {
            d.w.line(0, "No LimitRange resource.");
        } else {
            d.w.line(
                0,
                "Resource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio",
            );
            d.w.line(0, " ----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
            for range in &ranges {
                limit_rows(d, range, " ");
            }
        }
    }
    Ok(())
}

fn quota_rows(d: &mut Describer<'_, '_>, quota: &Value, level: usize) {
    for (name, hard) in map_at(quota, "/status/hard").into_iter().flatten() {
        let used = map_at(quota, "/status/used").and_then(|used| used.get(name)).map_or_else(|| "0".to_owned(), shown);
        d.w.line(level, &format!("{name}\t{used}\t{}", shown(hard)));
    }
}

/// What the scopes of a quota let it count, sorted; `mark` stands before each explanation.
fn scopes(d: &mut Describer<'_, '_>, quota: &Value, level: usize, mark: &str) {
    let mut scopes: Vec<&str> = list_at(quota, "/spec/scopes").iter().filter_map(Value::as_str).collect();
    if scopes.is_empty() {
        return;
    }
    scopes.sort_unstable();
    d.w.line(level, &format!("Scopes:\t{}", scopes.join(", ")));
    for scope in scopes {
        if let Some((_, text)) = SCOPES.iter().find(|(name, _)| *name == scope) {
            d.w.line(level, &format!("{mark}{text}"));
        }
    }
}

/// Describes a quota.
pub fn quota(d: &mut Describer<'_, '_>, quota: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(quota, "/metadata/name"));
    d.field("Namespace", str_at(quota, "/metadata/namespace"));
    scopes(d, quota, 0, " * ");
    d.w.line(0, "Resource\tUsed\tHard");
    d.w.line(0, "--------\t----\t----");
    quota_rows(d, quota, 0);
    Ok(())
}

fn limit_rows(d: &mut Describer<'_, '_>, range: &Value, indent: &str) {
    for item in list_at(range, "/spec/limits") {
        let mut names: Vec<&String> = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"]
            .iter()
            .filter_map(|field| item.get(*field).and_then(Value::as_object))
            .flat_map(|map| map.keys())
            .collect();
        names.sort();
        names.dedup();
        for name in names {
            let part = |field: &str| {
                let value = item.get(field).and_then(|map| map.get(name));
                value.map_or_else(|| "-".to_owned(), shown)
            };
            d.w.line(
                0,
                &format!(
                    "{indent}{}\t{name}\t{}\t{}\t{}\t{}\t{}",
                    str_at(item, "/type"),
                    part("min"),
                    part("max"),
                    part("defaultRequest"),
                    part("default"),
                    part("maxLimitRequestRatio")
                ),
            );
        }
    }
}

/// Describes a limit range.
pub fn limit_range(d: &mut Describer<'_, '_>, range: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(range, "/metadata/name"));
    d.field("Namespace", str_at(range, "/metadata/namespace"));
    d.w.line(0, "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
    d.w.line(0, "----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
    limit_rows(d, range, "");
    Ok(())
}

/// Describes a ConfigMap.
pub fn config_map(d: &mut Describer<'_, '_>, map: &Value) -> Result<(), Failure> {
    d.head(map);
    d.w.line(0, "\nData\n====");
    for (key, value) in map_at(map, "/data").into_iter().flatten() {
        d.w.line(0, &format!("{key}:\n----\n{}\n", shown(value)));
    }
    d.w.line(0, "\nBinaryData\n====");
    for (key, value) in map_at(map, "/binaryData").into_iter().flatten() {
        let length = STANDARD.decode(shown(value)).map_or(0, |bytes| bytes.len());
        d.w.line(0, &format!("{key}: {length} bytes"));
    }
    d.w.line(0, "");
    d.events(map);
    Ok(())
}

/// Describes a Secret without showing it.
pub fn secret(d: &mut Describer<'_, '_>, secret: &Value) -> Result<(), Failure> {
    d.head(secret);
    d.w.line(0, &format!("\nType:\t{}", str_at(secret, "/type")));
    d.w.line(0, "\nData\n====");
    for (key, value) in map_at(secret, "/data").into_iter().flatten() {
        let bytes = STANDARD.decode(shown(value)).unwrap_or_default();
        if key == "token" && str_at(secret, "/type") == "kubernetes.io/service-account-token" {
            d.w.line(0, &format!("{key}:\t{}", String::from_utf8_lossy(&bytes)));
        } else {
            d.w.line(0, &format!("{key}:\t{} bytes", bytes.len()));
        }
    }
    Ok(())
}

/// Describes a service account.
pub fn service_account(d: &mut Describer<'_, '_>, account: &Value) -> Result<(), Failure> {
    d.head(account);
    let names: Vec<String> =
        list_at(account, "/imagePullSecrets").iter().map(|secret| str_at(secret, "/name").to_owned()).collect();
    d.lines("Image pull secrets", &names);
    d.events(account);
    Ok(())
}

/// Describes a role or cluster role.
pub fn role(d: &mut Describer<'_, '_>, role: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(role, "/metadata/name"));
    d.labels("Labels", map_at(role, "/metadata/labels"));
    d.annotations("Annotations", map_at(role, "/metadata/annotations"));
    d.w.line(0, "PolicyRule:");
    d.w.line(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs");
    d.w.line(1, "---------\t-----------------\t--------------\t-----");
    let rules = list_at(role, "/rules");
    for row in rows(rules, rules) {
        d.w.line(1, &row);
    }
    Ok(())
}

/// Describes a role binding.
pub fn role_binding(d: &mut Describer<'_, '_>, binding: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(binding, "/metadata/name"));
    d.labels("Labels", map_at(binding, "/metadata/labels"));
    d.annotations("Annotations", map_at(binding, "/metadata/annotations"));
    d.w.line(0, "Role:");
    d.w.line(1, &format!("Kind:\t{}", str_at(binding, "/roleRef/kind")));
    d.w.line(1, &format!("Name:\t{}", str_at(binding, "/roleRef/name")));
    d.w.line(0, "Subjects:");
    d.w.line(1, "Kind\tName\tNamespace");
    d.w.line(1, "----\t----\t---------");
    for subject in list_at(binding, "/subjects") {
        let of = |path: &str| str_at(subject, path);
        d.w.line(1, &format!("{}\t{}\t{}", of("/kind"), of("/name"), of("/namespace")));
    }
    Ok(())
}

/// Describes a priority class.
pub fn priority_class(d: &mut Describer<'_, '_>, class: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(class, "/metadata/name"));
    d.field("Value", class.get("value").map(shown).unwrap_or_default());
    d.field("GlobalDefault", class.get("globalDefault").map_or_else(|| "false".to_owned(), shown));
    d.field("PreemptionPolicy", str_at(class, "/preemptionPolicy"));
    d.field("Description", str_at(class, "/description"));
    // Upstream writes them as it writes labels: in one line, and what `apply` remembers as well.
    let annotations = map_at(class, "/metadata/annotations").into_iter().flatten();
    let annotations: Vec<String> = annotations.map(|(key, value)| format!("{key}={}", shown(value))).collect();
    d.field("Annotations", if annotations.is_empty() { "<none>".to_owned() } else { annotations.join(",") });
    d.events(class);
    Ok(())
}

/// Describes a Pod disruption budget.
pub fn disruption_budget(d: &mut Describer<'_, '_>, budget: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(budget, "/metadata/name"));
    d.field("Namespace", str_at(budget, "/metadata/namespace"));
    for (title, path) in [("Min available", "/spec/minAvailable"), ("Max unavailable", "/spec/maxUnavailable")] {
        if let Some(value) = budget.pointer(path) {
            d.field(title, shown(value));
        }
    }
    let pods = budget.pointer("/spec/selector").map_or_else(|| "<unset>".to_owned(), |pods| chosen(Some(pods)));
    d.field("Selector", pods);
    d.w.line(0, "Status:");
    for (title, path) in [
        ("Allowed disruptions", "/status/disruptionsAllowed"),
        ("Current", "/status/currentHealthy"),
        ("Desired", "/status/desiredHealthy"),
        ("Total", "/status/expectedPods"),
    ] {
        let value = budget.pointer(path).map_or_else(|| "0".to_owned(), shown);
        d.w.line(2, &format!("{title}:\t{value}"));
    }
    d.events(budget);
    Ok(())
}
