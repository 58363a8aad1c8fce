//! The node lifecycle controller: turns a node's conditions and `spec.unschedulable` into taints.
//!
//! A kubelet that has fallen silent leaves the instant of its last renewal on its lease; when that is too long ago its
//! node's conditions become unknown, and its Pods are no longer ready.
//! Models Kubernetes 1.36 pkg/controller/nodelifecycle/node_lifecycle_controller.go.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeCondition, Pod, Taint};

use super::pod_control::ignore_not_found;
use super::{Context, Controller};
use crate::apimachinery::{Kind, ObjectKey, Status, meta};
use crate::client::{Caches, Delta, EventType, WorkQueue, node_of};
use crate::sim::{Seed, Time};

/// The taints that follow from a node's state: key, effect, condition, the condition's status.
const BY_CONDITION: [(&str, &str, &str, &str); 8] = [
    ("node.kubernetes.io/not-ready", "NoSchedule", "Ready", "False"),
    ("node.kubernetes.io/not-ready", "NoExecute", "Ready", "False"),
    ("node.kubernetes.io/unreachable", "NoSchedule", "Ready", "Unknown"),
    ("node.kubernetes.io/unreachable", "NoExecute", "Ready", "Unknown"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule", "MemoryPressure", "True"),
    ("node.kubernetes.io/network-unavailable", "NoSchedule", "NetworkUnavailable", "True"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule", "DiskPressure", "True"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule", "PIDPressure", "True"),
];
/// Labels whose older names say the same.
const OLDER_LABELS: [(&str, &str); 2] =
    [("kubernetes.io/os", "beta.kubernetes.io/os"), ("kubernetes.io/arch", "beta.kubernetes.io/arch")];
/// The taint of a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Where the leases of nodes are.
const LEASES: &str = "kube-node-lease";
/// How often the nodes' health is looked at.
const MONITOR_PERIOD: Duration = Duration::from_secs(5);
/// How long a node may be silent.
const GRACE_PERIOD: Duration = Duration::from_secs(50);
/// How long a new node may take to say anything.
const STARTUP_GRACE_PERIOD: Duration = Duration::from_secs(60);
/// The conditions that a kubelet keeps.
const CONDITIONS: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct NodeLifecycleController {
    /// When the controller first looked: nodes that were there by then are not told of.
    started: Option<Time>,
    /// The nodes that are known, with their uids.
    registered: BTreeMap<String, String>,
}

/// A new node lifecycle controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(NodeLifecycleController::default())
}

impl Controller for NodeLifecycleController {
    fn name(&self) -> &'static str {
        "node-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:node-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Node::RESOURCE, Lease::RESOURCE, Pod::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        self.started.get_or_insert(now);
        let Some(object) = delta.object() else { return };
        match &*delta.resource {
            Node::RESOURCE => queue.add_at(ObjectKey::of(&**object), now),
            Lease::RESOURCE if meta::namespace(object.meta()) == LEASES => {
                queue.add_at(ObjectKey::new(Node::RESOURCE, "", meta::name(object.meta())), now);
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Some(node) = context.caches.get::<Node>("", &key.name) else {
            self.unregister(key, context);
            return Ok(());
        };
        if let Some(due) = silent_until(&node, context) {
            if due > context.now {
                context.queue.add_at(key.clone(), due);
            } else if give_up(&node, context)? {
                // What follows from the new conditions is done when they come back.
                return Ok(());
            }
        }
        let created = node.metadata.creation_timestamp.as_ref().map(|time| Time::from(time.0));
        if !self.registered.contains_key(&*key.name) {
            self.registered.insert(key.name.to_string(), meta::uid(&node.metadata).to_owned());
            if created > self.started {
                let message = format!("Node {0} event: Registered Node {0} in Controller", key.name);
                context.events.event(&mut context.client, &*node, EventType::Normal, "RegisteredNode", &message);
            }
        }
        let wanted = wanted_taints(&node);
        let held = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
        let same = |one: &Taint, key: &str, effect: &str| one.key == key && one.effect == effect;
        let mut taints: Vec<Taint> = held.clone();
        taints.retain(|taint| !is_managed(taint) || wanted.iter().any(|(key, effect)| same(taint, key, effect)));
        for (key, effect) in wanted {
            if !taints.iter().any(|taint| same(taint, key, effect)) {
                taints.push(Taint {
                    key: key.to_owned(),
                    effect: effect.to_owned(),
                    time_added: Some(meta::time(context.now)),
                    ..Taint::default()
                });
            }
        }
        let mut changed = Node::clone(&node);
        if taints != held {
            changed.spec.get_or_insert_default().taints = Some(taints).filter(|taints| !taints.is_empty());
        }
        reconcile_labels(&mut changed);
        if changed == *node {
            return Ok(());
        }
        context.client.update(changed).map(|_| ()).or_else(ignore_not_found)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

impl NodeLifecycleController {
    /// Tells that a node is gone, when the monitor would see it.
    fn unregister(&mut self, key: &ObjectKey, context: &mut Context<'_>) {
        let look = next_look(context.now);
        if !self.registered.contains_key(&*key.name) {
            return;
        }
        if look > context.now {
            context.queue.add_at(key.clone(), look);
            return;
        }
        let mut node = Node::default();
        node.metadata.name = Some(key.name.to_string());
        node.metadata.uid = self.registered.remove(&*key.name);
        let message = format!("Node {0} event: Removing Node {0} from Controller", key.name);
        context.events.event(&mut context.client, &node, EventType::Normal, "RemovingNode", &message);
    }
}

/// The monitor's next look, `due` itself if it is one.
fn next_look(due: Time) -> Time {
    let period = MONITOR_PERIOD.as_micros() as u64;
    Time::from_micros(due.as_micros().div_ceil(period) * period)
}

/// When a silent node is given up, at the monitor's next look; `None` while it speaks.
fn silent_until(node: &Node, context: &Context<'_>) -> Option<Time> {
    let lease = context.caches.get::<Lease>(LEASES, meta::name(&node.metadata));
    let renewed = lease.as_ref().and_then(|lease| lease.spec.as_ref()?.renew_time.as_ref());
    let has_spoken = node.status.as_ref().is_some_and(|status| status.conditions.iter().flatten().next().is_some());
    let due = match renewed {
        Some(renewed) => Time::from(renewed.0) + GRACE_PERIOD,
        None if has_spoken => return None,
        None => Time::from(node.metadata.creation_timestamp.as_ref()?.0) + STARTUP_GRACE_PERIOD,
    };
    Some(next_look(Time::from_seconds(due.as_seconds())))
}

/// Nothing is known of the node any more. Says whether that is new.
fn give_up(node: &Node, context: &mut Context<'_>) -> Result<bool, Status> {
    let mut changed = node.clone();
    let conditions = changed.status.get_or_insert_default().conditions.get_or_insert_default();
    let was_ready = conditions.iter().any(|held| held.type_ == "Ready" && held.status == "True");
    let now = Some(meta::time(context.now));
    for kind in CONDITIONS {
        match conditions.iter_mut().find(|held| held.type_ == kind) {
            Some(held) if held.status == "Unknown" => {}
            Some(held) => {
                held.status = "Unknown".to_owned();
                held.reason = Some("NodeStatusUnknown".to_owned());
                held.message = Some("Kubelet stopped posting node status.".to_owned());
                held.last_transition_time.clone_from(&now);
            }
            None => conditions.push(NodeCondition {
                type_: kind.to_owned(),
                status: "Unknown".to_owned(),
                reason: Some("NodeStatusNeverUpdated".to_owned()),
                message: Some("Kubelet never posted node status.".to_owned()),
                last_heartbeat_time: node.metadata.creation_timestamp.clone(),
                last_transition_time: now.clone(),
            }),
        }
    }
    if changed == *node {
        return Ok(false);
    }
    context.client.update_status(changed)?;
    if was_ready {
        let name = meta::name(&node.metadata);
        let message = format!("Node {name} status is now: NodeNotReady");
        context.events.event(&mut context.client, node, EventType::Normal, "NodeNotReady", &message);
        mark_pods_not_ready(name, context);
    }
    Ok(true)
}

fn mark_pods_not_ready(node: &str, context: &mut Context<'_>) {
    let pods: Vec<_> = context.caches.list::<Pod>().filter(|pod| node_of(pod) == node).collect();
    for pod in pods {
        let mut changed = Pod::clone(&pod);
        let conditions = changed.status.get_or_insert_default().conditions.get_or_insert_default();
        let Some(ready) = conditions.iter_mut().find(|held| held.type_ == "Ready" && held.status != "False") else {
            continue;
        };
        ready.status = "False".to_owned();
        ready.last_transition_time = Some(meta::time(context.now));
        if context.client.update_status(changed).is_ok() {
            let message = "Node is not ready";
            context.events.event(&mut context.client, &*pod, EventType::Warning, "NodeNotReady", message);
        }
    }
}

/// Has the older labels say what the newer ones do.
fn reconcile_labels(node: &mut Node) {
    let Some(labels) = &mut node.metadata.labels else { return };
    for (label, older) in OLDER_LABELS {
        if let Some(value) = labels.get(label).cloned() {
            labels.insert(older.to_owned(), value);
        }
    }
}

fn is_managed(taint: &Taint) -> bool {
    let by_condition = BY_CONDITION.iter().any(|(key, effect, ..)| taint.key == *key && taint.effect == *effect);
    by_condition || (taint.key == UNSCHEDULABLE && taint.effect == "NoSchedule")
}

fn wanted_taints(node: &Node) -> Vec<(&'static str, &'static str)> {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let conditions: Vec<_> = conditions.collect();
    let holds = |kind: &str, status: &str| conditions.iter().any(|held| held.type_ == kind && held.status == status);
    let by_condition = BY_CONDITION.iter().filter(|(_, _, kind, status)| holds(kind, status));
    let mut wanted: Vec<_> = by_condition.map(|(key, effect, ..)| (*key, *effect)).collect();
    if node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true) {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    wanted
}
