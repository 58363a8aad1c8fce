//! The node lifecycle controller: turns a node's conditions and `spec.unschedulable` into taints.
//!
//! Refuses to judge whether a node lives: its kubelet says so.
//! Models Kubernetes 1.36 pkg/controller/nodelifecycle/node_lifecycle_controller.go.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Taint};

use super::pod_control::ignore_not_found;
use super::{Context, Controller};
use crate::apimachinery::{Kind, ObjectKey, Status, meta};
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::sim::{Seed, Time};

/// The taints that follow from a node's state: key, effect, condition, the condition's status.
const BY_CONDITION: [(&str, &str, &str, &str); 7] = [
    ("node.kubernetes.io/not-ready", "NoSchedule", "Ready", "False"),
    ("node.kubernetes.io/not-ready", "NoExecute", "Ready", "False"),
    ("node.kubernetes.io/unreachable", "NoSchedule", "Ready", "Unknown"),
    ("node.kubernetes.io/unreachable", "NoExecute", "Ready", "Unknown"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule", "MemoryPressure", "True"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule", "DiskPressure", "True"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule", "PIDPressure", "True"),
];
/// The taint of a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct NodeLifecycleController {
    /// When the controller first looked: nodes that were there by then are not told of.
    started: Option<Time>,
    registered: BTreeSet<String>,
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
        vec![Node::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        self.started.get_or_insert(now);
        if let Some(object) = delta.object() {
            queue.add_at(ObjectKey::of(&**object), now);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Some(node) = context.caches.get::<Node>("", &key.name) else {
            self.registered.remove(&*key.name);
            return Ok(());
        };
        let created = node.metadata.creation_timestamp.as_ref().map(|time| Time::from(time.0));
        if self.registered.insert(key.name.to_string()) && created > self.started {
            let message = format!("Registered Node {} in Controller", key.name);
            context.events.event(&mut context.client, &*node, EventType::Normal, "RegisteredNode", &message);
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
        if taints == held {
            return Ok(());
        }
        let mut changed = Node::clone(&node);
        changed.spec.get_or_insert_default().taints = Some(taints).filter(|taints| !taints.is_empty());
        context.client.update(changed).map(|_| ()).or_else(ignore_not_found)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
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
