//! Pods.

use serde_json::Value;

use super::Describer;
use super::parts::{age, chosen, timestamp};
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, map_at, str_at};

/// Describes a Pod.
pub fn pod(d: &mut Describer<'_, '_>, pod: &Value) -> Result<(), Failure> {
    let of = |path: &str| str_at(pod, path);
    d.field("Name", of("/metadata/name"));
    d.field("Namespace", of("/metadata/namespace"));
    if let Some(priority) = pod.pointer("/spec/priority").and_then(Value::as_i64) {
        d.field("Priority", priority.to_string());
    }
    for (title, path) in [
        ("Priority Class Name", "/spec/priorityClassName"),
        ("Runtime Class Name", "/spec/runtimeClassName"),
        ("Service Account", "/spec/serviceAccountName"),
    ] {
        if !of(path).is_empty() {
            d.field(title, of(path));
        }
    }
    let node = of("/spec/nodeName");
    d.field("Node", if node.is_empty() { "<none>".to_owned() } else { format!("{node}/{}", of("/status/hostIP")) });
    if !of("/status/startTime").is_empty() {
        d.field("Start Time", timestamp(of("/status/startTime")));
    }
    d.labels("Labels", map_at(pod, "/metadata/labels"));
    d.annotations("Annotations", map_at(pod, "/metadata/annotations"));
    status(d, pod);
    d.field("IP", of("/status/podIP"));
    let addresses = list_at(pod, "/status/podIPs");
    if addresses.is_empty() {
        d.w.line(0, "IPs:\t<none>");
    } else {
        d.w.line(0, "IPs:");
        for address in addresses {
            d.w.line(1, &format!("IP:\t{}", str_at(address, "/ip")));
        }
    }
    d.controlled_by(pod);
    if !of("/status/nominatedNodeName").is_empty() {
        d.field("NominatedNodeName", of("/status/nominatedNodeName"));
    }
    if let Some(resources) = pod.pointer("/spec/resources") {
        d.w.line(0, "Resources:");
        d.resources(Some(resources), 1);
    }
    for (title, spec, status, always) in [
        ("Init Containers", "/spec/initContainers", "/status/initContainerStatuses", false),
        ("Containers", "/spec/containers", "/status/containerStatuses", true),
        ("Ephemeral Containers", "/spec/ephemeralContainers", "/status/ephemeralContainerStatuses", false),
    ] {
        let containers = list_at(pod, spec);
        if always || !containers.is_empty() {
            d.containers(title, containers, list_at(pod, status), Some(pod), "");
        }
    }
    conditions(d, pod);
    d.volumes(list_at(pod, "/spec/volumes"), "");
    d.field("QoS Class", quality_of_service(pod));
    d.labels("Node-Selectors", map_at(pod, "/spec/nodeSelector"));
    d.tolerations("Tolerations", list_at(pod, "/spec/tolerations"));
    spread(d, list_at(pod, "/spec/topologySpreadConstraints"), "");
    if d.show_events {
        let uid = pod.pointer("/metadata/annotations").and_then(|all| all.get("kubernetes.io/config.mirror"));
        let uid = uid.and_then(Value::as_str).unwrap_or(of("/metadata/uid")).to_owned();
        let events = d.events_of(pod, "", &uid);
        d.print_events(events);
    }
    Ok(())
}

fn status(d: &mut Describer<'_, '_>, pod: &Value) {
    let of = |path: &str| str_at(pod, path);
    let ended = matches!(of("/status/phase"), "Failed" | "Succeeded");
    if !of("/metadata/deletionTimestamp").is_empty() && !ended {
        let lasts = age(d.cx.system.now(), of("/metadata/deletionTimestamp"));
        d.field("Status", format!("Terminating (lasts {lasts})"));
        let grace = pod.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0);
        d.field("Termination Grace Period", format!("{grace}s"));
    } else {
        d.field("Status", of("/status/phase"));
    }
    for (title, path) in [("Reason", "/status/reason"), ("Message", "/status/message")] {
        if !of(path).is_empty() {
            d.field(title, of(path));
        }
    }
    d.seccomp(pod.get("spec").unwrap_or(&Value::Null), 0, 0);
}

fn conditions(d: &mut Describer<'_, '_>, pod: &Value) {
    let conditions = list_at(pod, "/status/conditions");
    let gates = list_at(pod, "/spec/readinessGates");
    if !gates.is_empty() {
        d.w.line(0, "Readiness Gates:\n  Type\tStatus");
        for gate in gates {
            let kind = str_at(gate, "/conditionType");
            let found = conditions.iter().find(|condition| str_at(condition, "/type") == kind);
            d.w.line(1, &format!("{kind} \t{} ", found.map_or("<none>", |condition| str_at(condition, "/status"))));
        }
    }
    if !conditions.is_empty() {
        d.w.line(0, "Conditions:\n  Type\tStatus");
        for condition in conditions {
            d.w.line(1, &format!("{} \t{} ", str_at(condition, "/type"), str_at(condition, "/status")));
        }
    }
}

/// The class the server computed, or the one that follows from requests and limits.
fn quality_of_service(pod: &Value) -> String {
    let known = str_at(pod, "/status/qosClass");
    if !known.is_empty() {
        return known.to_owned();
    }
    let containers = list_at(pod, "/spec/containers").iter().chain(list_at(pod, "/spec/initContainers"));
    let (mut any, mut all) = (false, true);
    for container in containers {
        let limit = |name: &str| container.pointer(&format!("/resources/limits/{name}"));
        let request = |name: &str| container.pointer(&format!("/resources/requests/{name}"));
        for name in ["cpu", "memory"] {
            any |= limit(name).is_some() || request(name).is_some();
            all &= limit(name).is_some() && (request(name).is_none() || request(name) == limit(name));
        }
    }
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
    .to_owned()
}

/// Topology spread constraints of a Pod or template.
pub fn spread(d: &mut Describer<'_, '_>, constraints: &[Value], space: &str) {
    if constraints.is_empty() {
        return;
    }
    let mut sorted: Vec<&Value> = constraints.iter().collect();
    sorted.sort_by_key(|one| str_at(one, "/topologyKey"));
    let lines: Vec<String> = sorted
        .into_iter()
        .map(|one| {
            let skew = one.get("maxSkew").and_then(Value::as_i64).unwrap_or(0);
            let mut text = format!(
                "{}:{} when max skew {skew} is exceeded",
                str_at(one, "/topologyKey"),
                str_at(one, "/whenUnsatisfiable")
            );
            if let Some(labels) = one.get("labelSelector") {
                text.push_str(&format!(" for selector {}", chosen(Some(labels))));
            }
            text
        })
        .collect();
    d.lines(&format!("{space}Topology Spread Constraints"), &lines);
}
