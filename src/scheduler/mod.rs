//! Binds Pods to nodes: a queue of unbound Pods, filters, scores, making room, and FailedScheduling's exact text.
//!
//! Models Kubernetes 1.36 pkg/scheduler. Refuses to know what runs on a node: it sees what the API server has.

mod binding;
mod filters;
mod hints;
mod node_info;
mod nominated;
mod preemption;
mod queue;
mod reasons;
mod resources;
mod scores;
mod snapshot;
mod terms;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{
    Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, PodCondition, ReplicationController, Service,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::StorageClass;

use crate::apimachinery::{Kind, ObjectKey, downcast, meta};
use crate::apiserver::{ApiServer, Caller, DeleteOptions};
use crate::client::{Caches, Client, Delta, EventType, Note, SeriesRecorder, Worked, node_of};
use crate::sim::Seed;
use binding::Binding;
use filters::{Volumes, Wanted};
use hints::Event;
use node_info::NodeInfo;
use nominated::Nominated;
use preemption::Outcome;
use queue::SchedulingQueue;
use reasons::{Plugin, PreRefusal};
use snapshot::Snapshot;

/// The name that Pods ask for by `schedulerName` when they name none.
const NAME: &str = "default-scheduler";
/// What is looked at besides Pods and Nodes.
const REFERRED: [&str; 9] = [
    Namespace::RESOURCE,
    PersistentVolumeClaim::RESOURCE,
    PersistentVolume::RESOURCE,
    StorageClass::RESOURCE,
    PodDisruptionBudget::RESOURCE,
    Service::RESOURCE,
    ReplicationController::RESOURCE,
    ReplicaSet::RESOURCE,
    StatefulSet::RESOURCE,
];

/// The default scheduler.
#[derive(Clone, Debug)]
pub struct Scheduler {
    caller: Caller,
    caches: Caches,
    nodes: BTreeMap<Arc<str>, NodeInfo>,
    queue: SchedulingQueue,
    nominated: Nominated,
    /// Pods that have a node and wait for their volumes.
    binding: BTreeMap<ObjectKey, Binding>,
    /// Pods that were given a node of which the caches do not know yet: the node by uid.
    assumed: BTreeMap<String, Arc<str>>,
    events: SeriesRecorder,
    rng: fastrand::Rng,
}

/// What is to be done about a Pod.
enum Plan {
    /// It goes to this node, after this has been done about its claims.
    Place(Arc<str>, Volumes),
    /// It fits nowhere.
    Fail(Failure),
}

/// Why a Pod fits nowhere, and what comes of it.
struct Failure {
    message: String,
    refused_by: BTreeSet<Plugin>,
    /// The node for which room is made, with who has to go; an empty name for none, `None` to leave what is noted.
    room: Option<(String, Vec<Arc<Pod>>)>,
}

impl Scheduler {
    /// A scheduler on the machine `host` that has seen nothing yet.
    pub fn new(seed: Seed, host: &str) -> Self {
        Self {
            caller: Caller::component("system:kube-scheduler"),
            caches: Caches::new([Pod::RESOURCE, Node::RESOURCE].into_iter().chain(REFERRED)),
            nodes: BTreeMap::new(),
            queue: SchedulingQueue::default(),
            nominated: Nominated::default(),
            binding: BTreeMap::new(),
            assumed: BTreeMap::new(),
            events: SeriesRecorder::new(NAME, host),
            rng: seed.fork("scheduler").rng(),
        }
    }

    /// Takes in the server's changes.
    pub fn observe(&mut self, server: &ApiServer) {
        if !self.caches.is_behind(server) {
            return;
        }
        for delta in self.caches.pull(server) {
            match &*delta.resource {
                Node::RESOURCE => self.node_changed(&delta),
                Pod::RESOURCE => self.pod_changed(&delta),
                PersistentVolumeClaim::RESOURCE | PersistentVolume::RESOURCE | StorageClass::RESOURCE => {
                    self.queue.changed(&Event::Storage);
                }
                _ => {}
            }
        }
    }

    fn node_changed(&mut self, delta: &Delta) {
        let Some(name) = delta.object().map(|node| Arc::from(meta::name(node.meta()))) else { return };
        let Some(node) = delta.new.as_ref().and_then(downcast::<Node>) else {
            if let Some(info) = self.nodes.get_mut(&name) {
                info.remove_node();
            }
            return self.queue.changed(&Event::NodeGone);
        };
        self.nodes.entry(name).or_default().set_node(Arc::clone(&node));
        let old = delta.old.as_ref().and_then(downcast::<Node>);
        if let Some(event) = Event::of_node(old, node) {
            self.queue.changed(&event);
        }
    }

    fn pod_changed(&mut self, delta: &Delta) {
        let old = delta.old.as_ref().and_then(downcast::<Pod>);
        let new = delta.new.as_ref().and_then(downcast::<Pod>);
        let Some(pod) = new.clone().or_else(|| old.clone()) else { return };
        let (key, uid) = (ObjectKey::of(&*pod), meta::uid(&pod.metadata));
        if let Some(node) = self.assumed.get(uid).cloned()
            && new.as_ref().is_none_or(|new| !node_of(new).is_empty())
        {
            self.assumed.remove(uid);
            if new.is_none() {
                self.leave(&node, &pod);
            }
        }
        // What a Pod holds on its node: nothing once it has ended.
        let holds = |pod: &&Arc<Pod>| !node_of(pod).is_empty() && !has_ended(pod);
        match (old.as_ref().filter(holds), new.as_ref().filter(holds)) {
            (Some(before), None) => self.leave(node_of(before), before),
            (before, Some(after)) => {
                self.nodes.entry(node_of(after).into()).or_default().add_pod(Arc::clone(after));
                match before {
                    None => self.queue.changed(&Event::PodPlaced(Arc::clone(after))),
                    Some(before) if before.metadata.labels != after.metadata.labels => {
                        self.queue.changed(&Event::PodLabels(Arc::clone(before), Arc::clone(after)));
                    }
                    Some(_) => {}
                }
            }
            (None, None) => {}
        }
        match new {
            Some(pod) if wants_a_node(&pod) => {
                let status = pod.status.as_ref();
                let node = status.and_then(|status| status.nominated_node_name.clone()).unwrap_or_default();
                self.nominated.set(&pod, &node);
                if !self.binding.contains_key(&key) {
                    self.queue.add(key, pod);
                }
            }
            _ => {
                self.nominated.set(&pod, "");
                self.queue.forget(&key);
            }
        }
    }

    fn leave(&mut self, node: &str, pod: &Arc<Pod>) {
        if let Some(info) = self.nodes.get_mut(node) {
            info.remove_pod(pod);
        }
        self.queue.changed(&Event::PodGone(Arc::clone(pod)));
    }

    /// Schedules one Pod.
    pub fn work(&mut self, server: &mut ApiServer) -> Worked {
        let now = server.now();
        if self.finish_binding(server, now) {
            return Worked::Done;
        }
        let Some((key, pod)) = self.queue.pop(now) else {
            let deadlines = self.binding.values().map(|binding| binding.deadline);
            return Worked::Idle(deadlines.chain(self.queue.next_flush()).min());
        };
        match self.plan(&pod) {
            Plan::Place(node, volumes) => self.place(server, key, &pod, &node, &volumes),
            Plan::Fail(failure) => self.fail(server, &key, &pod, failure),
        }
        Worked::Done
    }

    /// Finds a node for the Pod, or out why there is none.
    fn plan(&mut self, pod: &Arc<Pod>) -> Plan {
        let snapshot = Snapshot::new(&self.nodes, &self.caches);
        let total = snapshot.nodes().count();
        let none = || Some((String::new(), Vec::new()));
        let fail = |message, refused_by, room| Plan::Fail(Failure { message, refused_by, room });
        if total == 0 {
            return fail("no nodes available to schedule pods".to_owned(), BTreeSet::new(), none());
        }
        let wanted = match Wanted::of(pod, &snapshot) {
            Ok(wanted) => wanted,
            // The plugin that speaks after the filters has no state then, and says so in these words.
            Err(PreRefusal { plugin, message }) => {
                let message = format!("0/{total} nodes are available: {message}. not found");
                return fail(message, [plugin].into(), None);
            }
        };
        let place = |name: &str, node: &Arc<Node>| Plan::Place(name.into(), wanted.volumes_on(node, &snapshot));
        let noted = pod.status.as_ref().and_then(|status| status.nominated_node_name.as_deref()).unwrap_or_default();
        let (mut refusals, mut fitting) = (BTreeMap::new(), Vec::new());
        for (name, node, info) in snapshot.nodes() {
            if wanted.named.as_ref().is_some_and(|named| !named.contains(name)) {
                continue;
            }
            match self.nominated.refusal(name, &wanted, info, &snapshot) {
                // The node for which room was made comes before all others.
                None if name == noted => return place(name, node),
                None => fitting.push((name, node, info)),
                Some(refusal) => drop(refusals.insert(name, refusal)),
            }
        }
        let best = match fitting.as_slice() {
            [] => Vec::new(),
            [(name, ..)] => vec![*name],
            _ => scores::best(&wanted, &fitting, &snapshot),
        };
        // Upstream picks one of the best at random.
        let chosen = best.get(self.rng.usize(..best.len().max(1)));
        if let Some((name, node, _)) = chosen.and_then(|chosen| fitting.iter().find(|(name, ..)| name == chosen)) {
            return place(name, node);
        }
        let outcome = preemption::find(&wanted, &refusals, &snapshot, &self.nominated);
        let (after, room) = match outcome {
            Outcome::Evict(node, victims) => (String::new(), Some((node, victims))),
            Outcome::Ineligible(why) => (format!("no new claims to deallocate, preemption: {why}"), None),
            Outcome::Hopeless(why) => (format!("no new claims to deallocate, preemption: {why}"), none()),
        };
        let mut refused_by: BTreeSet<Plugin> = refusals.values().map(|refusal| refusal.plugin).collect();
        if wanted.named.is_some() {
            refused_by.insert(Plugin::NodeAffinity);
        }
        let reasons = refusals.values().map(|refusal| refusal.reasons.as_slice());
        let others = "node(s) didn't satisfy plugin(s) [NodeAffinity]";
        fail(reasons::fit_error(total, reasons, Some(others), &after), refused_by, room)
    }

    /// Sends those away who have to make room on a node.
    fn evict(&mut self, server: &mut ApiServer, pod: &Arc<Pod>, node: &str, victims: &[Arc<Pod>]) {
        let mut client = Client::new(server, &self.caller);
        for outranked in preemption::outranked(&self.nominated, node, queue::priority(pod), &self.caches) {
            let mut changed = Pod::clone(&outranked);
            changed.status.get_or_insert_default().nominated_node_name = None;
            let _ = client.update_status(changed);
        }
        for victim in victims.iter().filter(|victim| !meta::is_deleting(&victim.metadata)) {
            let (namespace, name) = (meta::namespace(&victim.metadata), meta::name(&victim.metadata));
            let Ok(stored) = client.get::<Pod>(namespace, name) else { continue };
            let mut changed = Pod::clone(&stored);
            let conditions = changed.status.get_or_insert_default().conditions.get_or_insert_default();
            conditions.retain(|held| held.type_ != "DisruptionTarget");
            conditions.push(PodCondition {
                type_: "DisruptionTarget".to_owned(),
                status: "True".to_owned(),
                reason: Some("PreemptionByScheduler".to_owned()),
                message: Some(format!("{NAME}: preempting to accommodate a higher priority pod")),
                last_transition_time: Some(meta::time(client.now())),
                observed_generation: stored.metadata.generation,
                ..PodCondition::default()
            });
            let asked = client.update_status(changed).map(|_| ());
            if asked.and_then(|()| client.delete::<Pod>(namespace, name, &DeleteOptions::default())).is_err() {
                continue;
            }
            let message = format!("Preempted by pod {} on node {node}", meta::uid(&pod.metadata));
            let note = Note { kind: EventType::Normal, reason: "Preempted", action: "Preempting", message: &message };
            self.events.event(&mut client, &**victim, Some(&**pod), note);
        }
    }

    fn fail(&mut self, server: &mut ApiServer, key: &ObjectKey, pod: &Arc<Pod>, failure: Failure) {
        if let Some((node, victims)) = &failure.room {
            self.evict(server, pod, node, victims);
            self.nominated.set(pod, node);
        }
        self.queue.failed(key, failure.refused_by, server.now());
        let mut client = Client::new(server, &self.caller);
        let message = &failure.message;
        let note = Note { kind: EventType::Warning, reason: "FailedScheduling", action: "Scheduling", message };
        self.events.event(&mut client, &**pod, None, note);
        let nominate = failure.room.map(|(node, _)| Some(node).filter(|node| !node.is_empty()));
        self.tell(&mut client, key, &failure.message, nominate);
    }

    /// Writes into the Pod's status why it fits nowhere, when that is new.
    fn tell(&self, client: &mut Client<'_>, key: &ObjectKey, message: &str, nominate: Option<Option<String>>) {
        let Ok(stored) = client.get::<Pod>(&key.namespace, &key.name) else { return };
        let mut changed = Pod::clone(&stored);
        let status = changed.status.get_or_insert_default();
        if let Some(node) = nominate {
            status.nominated_node_name = node;
        }
        let mut condition = PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "False".to_owned(),
            reason: Some("Unschedulable".to_owned()),
            message: Some(message.to_owned()),
            last_transition_time: Some(meta::time(client.now())),
            observed_generation: stored.metadata.generation,
            ..PodCondition::default()
        };
        let conditions = status.conditions.get_or_insert_default();
        match conditions.iter_mut().find(|held| held.type_ == condition.type_) {
            Some(held) => {
                if held.status == condition.status {
                    condition.last_transition_time.clone_from(&held.last_transition_time);
                }
                condition.last_probe_time.clone_from(&held.last_probe_time);
                *held = condition;
            }
            None => conditions.push(condition),
        }
        if changed != *stored {
            // A lost write is made good by the next attempt.
            let _ = client.update_status(changed);
        }
    }

    /// Whether the scheduler has seen all that the server has.
    pub fn is_up_to_date(&self, server: &ApiServer) -> bool {
        !self.caches.is_behind(server)
    }

    /// Whether the Pod of this key waits for a node, or for its volumes on the way to one.
    pub fn awaits(&self, key: &ObjectKey) -> bool {
        self.queue.holds(key) || self.binding.contains_key(key)
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
