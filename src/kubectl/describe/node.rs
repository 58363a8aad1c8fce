//! Nodes, with their lease and what their Pods ask for.

use serde_json::Value;

use super::Describer;
use super::parts::{age, shown, timestamp};
use crate::apimachinery::quantity::Quantity;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::text::http::{Method, Request};

/// Describes a node.
pub fn node(d: &mut Describer<'_, '_>, node: &Value) -> Result<(), Failure> {
    let of = |path: &str| str_at(node, path);
    let name = of("/metadata/name");
    d.field("Name", name);
    d.field("Roles", roles(node));
    d.labels("Labels", map_at(node, "/metadata/labels"));
    d.annotations("Annotations", map_at(node, "/metadata/annotations"));
    d.field("CreationTimestamp", timestamp(of("/metadata/creationTimestamp")));
    let mut taints: Vec<(String, String)> = list_at(node, "/spec/taints")
        .iter()
        .map(|taint| {
            let (key, value, effect) = (str_at(taint, "/key"), str_at(taint, "/value"), str_at(taint, "/effect"));
            let text = match (value, effect) {
                ("", "") => key.to_owned(),
                ("", effect) => format!("{key}:{effect}"),
                (value, "") => format!("{key}={value}:"),
                (value, effect) => format!("{key}={value}:{effect}"),
            };
            (format!("{effect},{key}"), text)
        })
        .collect();
    taints.sort();
    let taints: Vec<String> = taints.into_iter().map(|(_, text)| text).collect();
    d.lines("Taints", &taints);
    let unschedulable = node.pointer("/spec/unschedulable").and_then(Value::as_bool).unwrap_or(false);
    d.field("Unschedulable", unschedulable.to_string());
    lease(d, name);
    conditions(d, node);
    d.w.line(0, "Addresses:");
    for address in list_at(node, "/status/addresses") {
        d.w.line(1, &format!("{}:\t{}", str_at(address, "/type"), str_at(address, "/address")));
    }
    for (title, path) in [("Capacity", "/status/capacity"), ("Allocatable", "/status/allocatable")] {
        if let Some(list) = map_at(node, path).filter(|list| !list.is_empty()) {
            d.w.line(0, &format!("{title}:"));
            for (resource, quantity) in list {
                d.w.line(0, &format!("  {resource}:\t{}", shown(quantity)));
            }
        }
    }
    system_info(d, node);
    pods(d, node)?;
    if d.show_events {
        let uid = of("/metadata/uid").to_owned();
        let mut events = d.events_of(node, "Node", &uid);
        events.extend(d.events_of(node, "Node", name));
        d.print_events(events);
    }
    Ok(())
}

fn roles(node: &Value) -> String {
    let mut roles: Vec<String> = Vec::new();
    for (key, value) in map_at(node, "/metadata/labels").into_iter().flatten() {
        if let Some(role) = key.strip_prefix("node-role.kubernetes.io/").filter(|role| !role.is_empty()) {
            roles.push(role.to_owned());
        } else if key == "kubernetes.io/role" && value.as_str().is_some_and(|role| !role.is_empty()) {
            roles.push(shown(value));
        }
    }
    roles.sort();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}

fn lease(d: &mut Describer<'_, '_>, name: &str) {
    match d.cx.get(&format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}")) {
        Ok(lease) => {
            d.w.line(0, "Lease:");
            let holder = str_at(&lease, "/spec/holderIdentity");
            d.w.line(1, &format!("HolderIdentity:\t{}", if holder.is_empty() { "<unset>" } else { holder }));
            for (title, path) in [("AcquireTime", "/spec/acquireTime"), ("RenewTime", "/spec/renewTime")] {
                let time = str_at(&lease, path);
                let text = if time.is_empty() { "<unset>".to_owned() } else { timestamp(time) };
                d.w.line(1, &format!("{title}:\t{text}"));
            }
        }
        Err(failure) => d.field("Lease", format!("Failed to get lease: {}", failure.text())),
    }
}

fn conditions(d: &mut Describer<'_, '_>, node: &Value) {
    let conditions = list_at(node, "/status/conditions");
    if conditions.is_empty() {
        return;
    }
    d.w.line(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    d.w.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for one in conditions {
        let of = |path: &str| str_at(one, path);
        let (beat, change) = (timestamp(of("/lastHeartbeatTime")), timestamp(of("/lastTransitionTime")));
        d.w.line(
            1,
            &format!(
                "{} \t{} \t{beat} \t{change} \t{} \t{}",
                of("/type"),
                of("/status"),
                of("/reason"),
                of("/message")
            ),
        );
    }
}

fn system_info(d: &mut Describer<'_, '_>, node: &Value) {
    d.w.line(0, "System Info:");
    for (title, field) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
    ] {
        d.w.line(0, &format!("  {title}:\t{}", str_at(node, &format!("/status/nodeInfo/{field}"))));
    }
    if !str_at(node, "/spec/podCIDR").is_empty() {
        d.field("PodCIDR", str_at(node, "/spec/podCIDR"));
    }
    let ranges: Vec<String> = list_at(node, "/spec/podCIDRs").iter().map(shown).collect();
    if !ranges.is_empty() {
        d.field("PodCIDRs", ranges.join(","));
    }
    if !str_at(node, "/spec/providerID").is_empty() {
        d.field("ProviderID", str_at(node, "/spec/providerID"));
    }
}

fn quantity(value: Option<&Value>) -> Quantity {
    value.and_then(Value::as_str).and_then(|text| Quantity::parse(text).ok()).unwrap_or_else(Quantity::zero)
}

/// What a Pod asks for: the sum of its containers, or an init container that asks for more.
fn asked(pod: &Value, what: &str, resource: &str) -> Quantity {
    let of = |container: &Value| {
        quantity(container.pointer(&format!("/resources/{what}")).and_then(|list| list.get(resource)))
    };
    let mut sum = Quantity::zero();
    for container in list_at(pod, "/spec/containers") {
        sum = sum.plus(&of(container));
    }
    let mut most = sum;
    for container in list_at(pod, "/spec/initContainers") {
        let one = of(container);
        if str_at(container, "/restartPolicy") == "Always" {
            most = most.plus(&one);
        } else if one.milli_value() > most.milli_value() {
            most = one;
        }
    }
    most
}

/// `100m (5%)`: an amount and its share of what the node has.
fn share(amount: &Quantity, whole: &Quantity) -> String {
    let percent = if whole.milli_value() == 0 { 0.0 } else { amount.as_f64() / whole.as_f64() * 100.0 };
    format!("{amount} ({}%)", percent as i64)
}

fn pods(d: &mut Describer<'_, '_>, node: &Value) -> Result<(), Failure> {
    let name = str_at(node, "/metadata/name");
    let request = Request::new(Method::Get, "/api/v1/pods")
        .with_header("Accept", "application/json")
        .with_query("fieldSelector", format!("spec.nodeName={name},status.phase!=Failed,status.phase!=Succeeded"))
        .with_query("limit", "500");
    let answer = match d.cx.json(request) {
        Ok(answer) => answer,
        Err(failure) if failure.reason() == "Forbidden" => {
            d.field("Pods", "not authorized");
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    let pods = list_at(&answer, "/items");
    let capacity = map_at(node, "/status/allocatable").or_else(|| map_at(node, "/status/capacity"));
    let whole = |resource: &str| quantity(capacity.and_then(|list| list.get(resource)));
    d.w.line(0, &format!("Non-terminated Pods:\t({} in total)", pods.len()));
    d.w.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    d.w.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    let kinds = [("requests", "cpu"), ("limits", "cpu"), ("requests", "memory"), ("limits", "memory")];
    for pod in pods {
        let cells = kinds.map(|(what, resource)| share(&asked(pod, what, resource), &whole(resource)));
        let old = age(d.cx.system.now(), str_at(pod, "/metadata/creationTimestamp"));
        d.w.line(
            1,
            &format!(
                "{}\t{}\t\t{}\t{old}",
                str_at(pod, "/metadata/namespace"),
                str_at(pod, "/metadata/name"),
                cells.join("\t")
            ),
        );
    }
    d.w.line(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
    d.w.line(1, "Resource\tRequests\tLimits");
    d.w.line(1, "--------\t--------\t------");
    let total = |what: &str, resource: &str| {
        pods.iter().fold(Quantity::zero(), |sum, pod| sum.plus(&asked(pod, what, resource)))
    };
    let mut resources = vec!["cpu".to_owned(), "memory".to_owned(), "ephemeral-storage".to_owned()];
    let huge = capacity.into_iter().flatten().map(|(name, _)| name).filter(|name| name.starts_with("hugepages-"));
    resources.extend(huge.cloned());
    for resource in &resources {
        let (requests, limits) = (total("requests", resource), total("limits", resource));
        d.w.line(
            1,
            &format!("{resource}\t{}\t{}", share(&requests, &whole(resource)), share(&limits, &whole(resource))),
        );
    }
    Ok(())
}
