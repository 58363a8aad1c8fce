//! The Pod garbage collector: ends Pods whose node is gone, and Pods that were deleted before they had one.
//!
//! Models Kubernetes 1.36 pkg/controller/podgc/gc_controller.go.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};

use super::pod_control::{ignore_not_found, is_pod_terminal};
use super::{Context, Controller};
use crate::apimachinery::{Kind, ObjectKey, Status, downcast, meta};
use crate::apiserver::DeleteOptions;
use crate::client::{Caches, Delta, WorkQueue, node_of};
use crate::sim::{Seed, Time};

/// How often the collector looks.
const PERIOD: Duration = Duration::from_secs(20);
/// How long a node may be away before its Pods are given up.
const QUARANTINE: Duration = Duration::from_secs(40);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct PodGarbageCollector;

/// A new Pod garbage collector.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(PodGarbageCollector)
}

/// The instant of the collector's next look.
fn next_look(now: Time) -> Time {
    let period = PERIOD.as_secs();
    Time::from_seconds((now.as_seconds() / period + 1) * period)
}

impl Controller for PodGarbageCollector {
    fn name(&self) -> &'static str {
        "pod-garbage-collector-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:pod-garbage-collector"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Pod::RESOURCE, Node::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        if &*delta.resource == Node::RESOURCE {
            if delta.new.is_none()
                && let Some(node) = delta.object()
            {
                queue.add_at(ObjectKey::of(&**node), next_look(now) + QUARANTINE);
            }
            return;
        }
        let Some(pod) = delta.new.as_ref().and_then(downcast::<Pod>) else { return };
        let node = node_of(&pod);
        if node.is_empty() && meta::is_deleting(&pod.metadata) {
            queue.add_at(ObjectKey::of(&*pod), next_look(now));
        } else if !node.is_empty() && caches.get::<Node>("", node).is_none() {
            queue.add_at(ObjectKey::new(Node::RESOURCE, "", node), next_look(now) + QUARANTINE);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        if &*key.resource == Pod::RESOURCE {
            let Some(pod) = context.caches.get::<Pod>(&key.namespace, &key.name) else { return Ok(()) };
            if !node_of(&pod).is_empty() || !meta::is_deleting(&pod.metadata) {
                return Ok(());
            }
            return end(&pod, None, context);
        }
        if context.client.get::<Node>("", &key.name).is_ok() {
            return Ok(());
        }
        let pods: Vec<_> = context.caches.list::<Pod>().filter(|pod| *node_of(pod) == *key.name).collect();
        for pod in pods {
            let condition = PodCondition {
                type_: "DisruptionTarget".to_owned(),
                status: "True".to_owned(),
                reason: Some("DeletionByPodGC".to_owned()),
                message: Some("PodGC: node no longer exists".to_owned()),
                last_transition_time: Some(meta::time(context.now)),
                observed_generation: pod.metadata.generation,
                ..PodCondition::default()
            };
            end(&pod, Some(condition), context)?;
        }
        Ok(())
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

/// Marks the Pod as failed and deletes it without grace.
fn end(pod: &Pod, condition: Option<PodCondition>, context: &mut Context<'_>) -> Result<(), Status> {
    if !is_pod_terminal(pod) {
        let mut changed = pod.clone();
        let status = changed.status.get_or_insert_default();
        status.phase = Some("Failed".to_owned());
        if let Some(condition) = condition {
            let conditions = status.conditions.get_or_insert_default();
            conditions.retain(|held| held.type_ != condition.type_);
            conditions.push(condition);
        }
        context.client.update_status(changed).map(|_| ()).or_else(ignore_not_found)?;
    }
    let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    let (namespace, name) = (meta::namespace(&pod.metadata), meta::name(&pod.metadata));
    context.client.delete::<Pod>(namespace, name, &options).or_else(ignore_not_found)
}
