//! Binds Pods to nodes: a queue of unbound Pods, filters, scores, and FailedScheduling's exact text.
//!
//! Models Kubernetes 1.36 pkg/scheduler. Refuses to know what runs on a node: it sees Pods and Nodes only.

mod filters;
mod node_info;
mod queue;
mod reasons;
mod resources;
mod scores;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Binding, Node, ObjectReference, Pod, PodCondition};

use crate::apimachinery::{Kind, ObjectKey, downcast, meta};
use crate::apiserver::{ApiServer, Caller};
use crate::client::{Caches, Client, Delta, EventRecorder, EventType, Worked, node_of};
use crate::sim::{Seed, Time};
use node_info::NodeInfo;
use queue::SchedulingQueue;

/// The name that Pods ask for by `schedulerName` when they name none.
const NAME: &str = "default-scheduler";

/// The default scheduler.
#[derive(Clone, Debug)]
pub struct Scheduler {
    caller: Caller,
    caches: Caches,
    nodes: BTreeMap<Arc<str>, NodeInfo>,
    queue: SchedulingQueue,
    events: EventRecorder,
    rng: fastrand::Rng,
}

impl Scheduler {
    /// A scheduler that has seen nothing yet.
    pub fn new(seed: Seed) -> Self {
        Self {
            caller: Caller::component("system:kube-scheduler"),
            caches: Caches::new([Pod::RESOURCE, Node::RESOURCE]),
            nodes: BTreeMap::new(),
            queue: SchedulingQueue::default(),
            events: EventRecorder::new(NAME, ""),
            rng: seed.fork("scheduler").rng(),
        }
    }

    /// Takes in the server's changes.
    pub fn observe(&mut self, server: &ApiServer) {
        if !self.caches.is_behind(server) {
            return;
        }
        let now = server.now();
        for delta in self.caches.pull(server) {
            match &*delta.resource {
                Node::RESOURCE => self.node_changed(&delta, now),
                _ => self.pod_changed(&delta, now),
            }
        }
    }

    fn node_changed(&mut self, delta: &Delta, now: Time) {
        let Some(name) = delta.object().map(|node| Arc::from(meta::name(node.meta()))) else { return };
        match delta.new.as_ref().and_then(downcast::<Node>) {
            Some(node) => self.nodes.entry(name).or_default().set_node(node),
            None => {
                self.nodes.remove(&name);
            }
        }
        self.queue.retry_unschedulable(now);
    }

    fn pod_changed(&mut self, delta: &Delta, now: Time) {
        let old = delta.old.as_ref().and_then(downcast::<Pod>);
        let new = delta.new.as_ref().and_then(downcast::<Pod>);
        // What a Pod holds on its node: nothing once it has ended.
        let holds = |pod: &Option<Arc<Pod>>| pod.clone().filter(|pod| !node_of(pod).is_empty() && !has_ended(pod));
        let (before, after) = (holds(&old), holds(&new));
        if let (Some(before), None) = (&before, &after) {
            self.nodes.entry(node_of(before).into()).or_default().remove_pod(before);
            self.queue.retry_unschedulable(now);
        }
        if let (None, Some(after)) = (&before, &after) {
            self.nodes.entry(node_of(after).into()).or_default().add_pod(Arc::clone(after));
        }
        let Some(key) = delta.object().map(|pod| ObjectKey::of(&**pod)) else { return };
        match new {
            Some(pod) if wants_a_node(&pod) => {
                let priority = pod.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0);
                // A status of its own making must not bring a Pod back early.
                let spec_changed = old.as_ref().is_none_or(|old| old.spec != pod.spec);
                self.queue.add(key, priority, now, spec_changed);
            }
            _ => self.queue.forget(&key),
        }
    }

    /// Schedules the first Pod that is due.
    pub fn work(&mut self, server: &mut ApiServer) -> Worked {
        let now = server.now();
        let Some(key) = self.queue.pop_due(now) else { return Worked::Idle(self.queue.next_due()) };
        let Some(pod) = self.caches.get::<Pod>(&key.namespace, &key.name).filter(|pod| wants_a_node(pod)) else {
            self.queue.forget(&key);
            return Worked::Done;
        };
        match self.find_node(&pod) {
            Ok(node) => self.bind(server, &key, &pod, &node),
            Err(message) => self.fail(server, &key, &pod, &message),
        }
        Worked::Done
    }

    fn find_node(&mut self, pod: &Arc<Pod>) -> Result<Arc<str>, String> {
        let wanted = filters::Wanted::of(pod);
        let mut refusals = Vec::new();
        let mut fitting = Vec::new();
        for (name, info) in self.nodes.iter().filter(|(_, info)| info.node().is_some()) {
            match filters::first_refusal(&wanted, info) {
                None => fitting.push(name),
                Some(refusal) => refusals.push(refusal),
            }
        }
        if fitting.is_empty() {
            return Err(reasons::fit_error(&refusals));
        }
        let best = scores::best(&wanted, fitting.iter().filter_map(|name| Some((*name, self.nodes.get(*name)?))));
        // Upstream picks one of the best at random.
        let chosen = best.get(self.rng.usize(..best.len().max(1))).cloned();
        chosen.ok_or_else(|| reasons::fit_error(&refusals))
    }

    fn bind(&mut self, server: &mut ApiServer, key: &ObjectKey, pod: &Arc<Pod>, node: &Arc<str>) {
        let mut binding = Binding::default();
        binding.metadata.namespace = pod.metadata.namespace.clone();
        binding.metadata.name = pod.metadata.name.clone();
        binding.metadata.uid = pod.metadata.uid.clone();
        binding.target = ObjectReference {
            kind: Some("Node".to_owned()),
            name: Some(node.to_string()),
            ..ObjectReference::default()
        };
        let mut client = Client::new(server, &self.caller);
        if client.bind(&binding).is_err() {
            // The Pod has gone or is bound: the next change tells.
            self.queue.forget(key);
            return;
        }
        let text = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
        self.events.event(&mut client, &**pod, EventType::Normal, "Scheduled", &text);
        // Assume the Pod before its change comes back, so that the next one is weighed against it.
        self.caches_assume(node, pod);
        self.queue.forget(key);
    }

    fn caches_assume(&mut self, node: &Arc<str>, pod: &Arc<Pod>) {
        self.nodes.entry(Arc::clone(node)).or_default().add_pod(Arc::clone(pod));
    }

    fn fail(&mut self, server: &mut ApiServer, key: &ObjectKey, pod: &Arc<Pod>, message: &str) {
        let now = server.now();
        self.queue.failed(key, now);
        let mut client = Client::new(server, &self.caller);
        self.events.event(&mut client, &**pod, EventType::Warning, "FailedScheduling", message);
        let Ok(stored) = client.get::<Pod>(&key.namespace, &key.name) else { return };
        let mut changed = Pod::clone(&stored);
        let conditions = changed.status.get_or_insert_default().conditions.get_or_insert_default();
        let condition = PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "False".to_owned(),
            reason: Some("Unschedulable".to_owned()),
            message: Some(message.to_owned()),
            last_transition_time: Some(meta::time(now)),
            observed_generation: pod.metadata.generation,
            ..PodCondition::default()
        };
        match conditions.iter_mut().find(|held| held.type_ == condition.type_) {
            Some(held) if held.status == condition.status && held.message == condition.message => return,
            Some(held) => {
                let since = held.last_transition_time.clone().filter(|_| held.status == condition.status);
                *held = PodCondition {
                    last_transition_time: since.or(condition.last_transition_time.clone()),
                    ..condition
                };
            }
            None => conditions.push(condition),
        }
        // A lost write is made good by the next attempt.
        let _ = client.update_status(changed);
    }

    /// How many Pods wait for a node.
    pub fn pending(&self) -> usize {
        self.queue.len()
    }
}

fn has_ended(pod: &Pod) -> bool {
    matches!(pod.status.as_ref().and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed"))
}

fn wants_a_node(pod: &Pod) -> bool {
    let Some(spec) = pod.spec.as_ref() else { return false };
    node_of(pod).is_empty()
        && !has_ended(pod)
        && !meta::is_deleting(&pod.metadata)
        && spec.scheduler_name.as_deref().unwrap_or(NAME) == NAME
        && spec.scheduling_gates.iter().flatten().next().is_none()
}
