//! The taint eviction controller: deletes Pods from nodes whose `NoExecute` taints they do not tolerate, or tolerate
//! only for a time.
//!
//! Models Kubernetes 1.36 pkg/controller/tainteviction/taint_eviction.go.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition, Taint};

use super::pod_control::ignore_not_found;
use super::{Context, Controller};
use crate::api::node_fit::tolerates;
use crate::apimachinery::{Kind, ObjectKey, Status, downcast, meta};
use crate::apiserver::DeleteOptions;
use crate::client::{Caches, Delta, EventType, WorkQueue, node_of};
use crate::sim::{Seed, Time};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct TaintEvictionController {
    /// The Pods that are to go, with the instant at which they do: set once, whatever is tolerated later.
    due: BTreeMap<ObjectKey, Time>,
}

/// A new taint eviction controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(TaintEvictionController::default())
}

impl Controller for TaintEvictionController {
    fn name(&self) -> &'static str {
        "taint-eviction-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:taint-eviction-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Node::RESOURCE, Pod::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        if &*delta.resource == Pod::RESOURCE {
            let Some(pod) = delta.object().and_then(downcast::<Pod>) else { return };
            let key = ObjectKey::of(&*pod);
            let gone = delta.new.is_none() && self.due.contains_key(&key);
            if gone || caches.get::<Node>("", node_of(&pod)).is_some_and(|node| !taints(&node).is_empty()) {
                queue.add_at(key, now);
            }
            return;
        }
        let typed = |object: &Option<_>| object.as_ref().and_then(downcast::<Node>);
        let (old, new) = (typed(&delta.old), typed(&delta.new));
        let Some(node) = new else { return };
        if old.as_deref().map(taints).unwrap_or_default() == taints(&node) {
            return;
        }
        // The taints of a node change seldom: its Pods are looked for in all.
        for pod in caches.list::<Pod>().filter(|pod| node_of(pod) == meta::name(&node.metadata)) {
            queue.add_at(ObjectKey::of(&*pod), now);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Some(pod) = context.caches.get::<Pod>(&key.namespace, &key.name) else {
            self.cancel(key, context);
            return Ok(());
        };
        // Whose deletion was asked for already is not asked again, unless a wait ends just then.
        if meta::is_deleting(&pod.metadata) && !self.due.contains_key(key) {
            return Ok(());
        }
        let taints = context.caches.get::<Node>("", node_of(&pod)).map(|node| taints(&node)).unwrap_or_default();
        let Some(wait) = tolerated_for(&pod, &taints) else {
            self.cancel(key, context);
            return Ok(());
        };
        let now = context.now;
        if wait.is_zero() {
            self.cancel(key, context);
            return evict(&pod, context);
        }
        let due = *self.due.entry(key.clone()).or_insert(now + wait);
        if due > now {
            context.queue.add_at(key.clone(), due);
            return Ok(());
        }
        self.due.remove(key);
        evict(&pod, context)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

impl TaintEvictionController {
    /// The Pod need not go after all, or has gone by itself.
    fn cancel(&mut self, key: &ObjectKey, context: &mut Context<'_>) {
        if self.due.remove(key).is_some() {
            tell("Cancelling deletion of", &key.namespace, &key.name, context);
        }
    }
}

/// Records an Event about a Pod that, as upstream's, knows it by its name alone.
fn tell(what: &str, namespace: &str, name: &str, context: &mut Context<'_>) {
    let mut pod = Pod::default();
    (pod.metadata.namespace, pod.metadata.name) = (Some(namespace.to_owned()), Some(name.to_owned()));
    let message = format!("{what} Pod {namespace}/{name}");
    context.events.event(&mut context.client, &pod, EventType::Normal, "TaintManagerEviction", &message);
}

/// The node's taints that drive Pods away.
fn taints(node: &Node) -> Vec<Taint> {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    taints.filter(|taint| taint.effect == "NoExecute").cloned().collect()
}

/// How long the Pod may stay; `None` for as long as it likes.
fn tolerated_for(pod: &Pod, taints: &[Taint]) -> Option<Duration> {
    let none = Vec::new();
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_ref()).unwrap_or(&none);
    let mut shortest = None;
    for taint in taints {
        let Some(toleration) = tolerations.iter().find(|toleration| tolerates(toleration, taint)) else {
            return Some(Duration::ZERO);
        };
        if let Some(seconds) = toleration.toleration_seconds {
            let wait = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            shortest = Some(shortest.map_or(wait, |shortest: Duration| shortest.min(wait)));
        }
    }
    shortest
}

fn evict(pod: &Pod, context: &mut Context<'_>) -> Result<(), Status> {
    let (namespace, name) = (meta::namespace(&pod.metadata), meta::name(&pod.metadata));
    tell("Marking for deletion", namespace, name, context);
    let mut changed = pod.clone();
    let conditions = changed.status.get_or_insert_default().conditions.get_or_insert_default();
    conditions.retain(|held| held.type_ != "DisruptionTarget");
    conditions.push(PodCondition {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
        reason: Some("DeletionByTaintManager".to_owned()),
        message: Some("Taint manager: deleting due to NoExecute taint".to_owned()),
        last_transition_time: Some(meta::time(context.now)),
        observed_generation: pod.metadata.generation,
        ..PodCondition::default()
    });
    context.client.update_status(changed).map(|_| ()).or_else(ignore_not_found)?;
    context.client.delete::<Pod>(namespace, name, &DeleteOptions::default()).or_else(ignore_not_found)
}
