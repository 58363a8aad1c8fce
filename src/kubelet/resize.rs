//! Resizing a Pod in place: whether the node has room for what is asked, what a Pod is allowed meanwhile, and what is
//! told of it. What is asked for counts only once the node has given it.
//!
//! Models Kubernetes 1.36 pkg/kubelet/allocation (allocation_manager.go), pkg/kubelet/status (the resize conditions),
//! pkg/kubelet/events/resize.go and kuberuntime_manager.go (doPodResizeAction).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition, PodSpec, PodStatus, ResourceRequirements};
use serde_json::json;

use super::worker::{ContainerRecord, Worker};
use super::{Kubelet, Uid};
use crate::api::pod_resources;
use crate::apimachinery::meta;
use crate::apimachinery::quantity::Quantity;
use crate::apiserver::ApiServer;
use crate::client::{Client, EventType};
use crate::sim::Time;
use crate::text::go_json;

/// The condition of a Pod that waits for room.
pub const PENDING: &str = "PodResizePending";
/// The condition of a Pod whose containers are being changed.
pub const IN_PROGRESS: &str = "PodResizeInProgress";

type Amounts = BTreeMap<String, Option<ResourceRequirements>>;

/// How far a resize is.
#[derive(Clone, Debug, Default)]
pub struct Resize {
    /// What the containers may have, by name, while the node has no room for what is asked for.
    held: Option<Amounts>,
    /// Something is asked for that has not been looked at.
    pub asked: bool,
    pending: Option<PodCondition>,
    progress: Option<PodCondition>,
}

impl Resize {
    /// The conditions that tell of it.
    pub fn conditions(&self) -> impl Iterator<Item = &PodCondition> {
        self.pending.iter().chain(&self.progress)
    }
}

fn amounts(spec: &PodSpec) -> Amounts {
    let all = spec.init_containers.iter().flatten().chain(&spec.containers);
    all.map(|container| (container.name.clone(), container.resources.clone())).collect()
}

/// Takes in that the Pod's spec says something else than before.
pub fn note(worker: &mut Worker, new: &Pod) {
    let (Some(old), Some(new)) = (worker.pod.spec.as_ref(), new.spec.as_ref()) else { return };
    let before = amounts(old);
    if before != amounts(new) {
        worker.resize.held.get_or_insert(before);
        worker.resize.asked = true;
    }
}

/// The Pod with what its containers are allowed at present.
pub fn allocated(worker: &Worker) -> Arc<Pod> {
    let Some(held) = &worker.resize.held else { return Arc::clone(&worker.pod) };
    let mut pod = Pod::clone(&worker.pod);
    if let Some(spec) = &mut pod.spec {
        for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
            if let Some(resources) = held.get(&container.name) {
                container.resources.clone_from(resources);
            }
        }
    }
    Arc::new(pod)
}

/// What one resource of a requirement comes to; 0 when nothing is said.
fn amount(list: Option<&BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>, name: &str) -> i64 {
    let text = list.and_then(|list| list.get(name));
    let parsed = text.and_then(|text| Quantity::parse(&text.0).ok()).unwrap_or_else(Quantity::zero);
    if name == "cpu" { parsed.milli_value() } else { parsed.value() }
}

/// The resources in which two requirements differ.
pub fn differences(a: Option<&ResourceRequirements>, b: Option<&ResourceRequirements>) -> Vec<&'static str> {
    let of = |one: Option<&ResourceRequirements>, name: &str| {
        let one = one.cloned().unwrap_or_default();
        (amount(one.requests.as_ref(), name), amount(one.limits.as_ref(), name))
    };
    ["cpu", "memory"].into_iter().filter(|name| of(a, name) != of(b, name)).collect()
}

/// The limit of memory in bytes; 0 for none.
pub fn memory_limit(resources: Option<&ResourceRequirements>) -> i64 {
    amount(resources.and_then(|resources| resources.limits.as_ref()), "memory")
}

/// What an event of a resize says: a sentence, and the resources in JSON.
fn message(words: &str, pod: &Pod, generation: i64, error: &str) -> String {
    let Some(spec) = &pod.spec else { return words.to_owned() };
    let list = |containers: &[k8s_openapi::api::core::v1::Container]| {
        let all = containers
            .iter()
            .map(|held| json!({"name": held.name, "resources": held.resources.clone().unwrap_or_default()}));
        go_json::to_compact(&all.collect())
    };
    let init = spec.init_containers.as_deref().filter(|list| !list.is_empty());
    let mut parts = Vec::new();
    parts.extend(init.map(|init| format!("\"initContainers\":{}", list(init))));
    parts.push(format!("\"containers\":{}", list(&spec.containers)));
    parts.push(format!("\"generation\":{generation}"));
    if !error.is_empty() {
        parts.push(format!("\"error\":{}", go_json::quoted(error)));
    }
    format!("{words}: {{{}}}", parts.join(","))
}

fn condition(
    kind: &str,
    (reason, text): (&str, &str),
    generation: i64,
    old: Option<&PodCondition>,
    now: Time,
) -> PodCondition {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let kept = old.filter(|old| old.reason.as_deref().unwrap_or_default() == reason);
    PodCondition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        reason: some(reason),
        message: some(text),
        last_probe_time: Some(meta::time(now)),
        last_transition_time: kept.and_then(|old| old.last_transition_time.clone()).or_else(|| Some(meta::time(now))),
        observed_generation: Some(generation),
    }
}

impl Kubelet {
    /// Looks whether the node has room for what is asked for.
    pub(super) fn consider_resize(&mut self, uid: &Uid, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        if !std::mem::take(&mut worker.resize.asked) {
            return;
        }
        let pod = Arc::clone(&worker.pod);
        let desired = pod.spec.as_ref().map(amounts).unwrap_or_default();
        if worker.resize.held.as_ref().is_none_or(|held| *held == desired) {
            (worker.resize.held, worker.resize.pending) = (None, None);
            self.resizes.remove(uid);
            return;
        }
        let generation = pod.metadata.generation.unwrap_or(0);
        let Some(why) = self.lacks(&pod, server) else {
            (worker.resize.held, worker.resize.pending) = (None, None);
            self.resizes.remove(uid);
            worker.resize.progress = Some(condition(IN_PROGRESS, ("", ""), generation, None, now));
            let text = message("Pod resize started", &pod, generation, "");
            self.record(server, &pod, "", EventType::Normal, "ResizeStarted", &text);
            return;
        };
        let old = worker.resize.pending.take();
        let told = old.as_ref().and_then(|old| old.observed_generation) == Some(generation);
        worker.resize.pending = Some(condition(PENDING, ("Deferred", &why), generation, old.as_ref(), now));
        self.resizes.insert(Arc::clone(uid));
        if !told {
            let text = message("Pod resize Deferred", &pod, generation, &why);
            self.record(server, &pod, "", EventType::Warning, "ResizeDeferred", &text);
        }
    }

    /// What the node has too little of for a Pod, beside its others; `None` when there is room.
    fn lacks(&self, pod: &Pod, server: &mut ApiServer) -> Option<String> {
        let node = Client::new(server, &self.caller).get::<Node>("", &self.node).ok()?;
        let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
        let wanted = pod_resources::requests(&Pod { status: None, ..pod.clone() });
        let others: Vec<_> = self
            .workers
            .values()
            .filter(|other| !matches!(phase(&other.pod), "Succeeded" | "Failed"))
            .map(|other| pod_resources::requests(&allocated(other)))
            .collect();
        let number = |amounts: &pod_resources::Amounts, name: &str| {
            let held = amounts.get(name).copied().unwrap_or_else(Quantity::zero);
            if name == "cpu" { held.milli_value() } else { held.value() }
        };
        ["cpu", "memory"].into_iter().find_map(|name| {
            let (requested, capacity) = (number(&wanted, name), amount(allocatable, name));
            let used: i64 = others.iter().map(|other| number(other, name)).sum();
            (requested > 0 && requested > capacity - used).then(|| {
                format!(
                    "Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}"
                )
            })
        })
    }

    /// At the beginning of a sync: whether a resize has been carried out.
    pub(super) fn check_resize(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        let Some(old) = worker.resize.progress.take() else { return };
        let pod = allocated(worker);
        let generation = old.observed_generation.unwrap_or(0);
        if in_progress(&pod, &worker.records) {
            let (reason, text) = (old.reason.clone().unwrap_or_default(), old.message.clone().unwrap_or_default());
            worker.resize.progress = Some(condition(IN_PROGRESS, (&reason, &text), generation, Some(&old), now));
            return;
        }
        let text = message("Pod resize completed", &pod, generation, "");
        self.record(server, &pod, "", EventType::Normal, "ResizeCompleted", &text);
    }

    /// Gives running containers what they are allowed by now, without a restart.
    pub(super) fn resize_containers(
        &mut self,
        worker: &mut Worker,
        server: &mut ApiServer,
        names: &[String],
        now: Time,
    ) {
        let pod = allocated(worker);
        let Some(spec) = &pod.spec else { return };
        let all = spec.init_containers.iter().flatten().chain(&spec.containers);
        let meant: Vec<_> = all.filter(|container| names.contains(&container.name)).collect();
        let mut errors = Vec::new();
        for container in &meant {
            let Some(record) = worker.records.get(&container.name) else { continue };
            let (new, old) = (memory_limit(container.resources.as_ref()), memory_limit(record.resources.as_ref()));
            let usage = record.current.as_ref().and_then(|id| self.runtime.usage(id)).map_or(0, |usage| usage.memory);
            if new > 0 && (old == 0 || new < old) && usage >= u64::try_from(new).unwrap_or(0) {
                let name = &container.name;
                errors.push(format!(
                    "attempting to set container {name:?} memory limit ({new}) below current usage ({usage})"
                ));
            }
        }
        if !errors.is_empty() {
            let why = if errors.len() == 1 { errors.concat() } else { format!("[{}]", errors.join(", ")) };
            let text = format!("cannot decrease memory limits: {why}");
            let old = worker.resize.progress.take();
            let generation = old.as_ref().and_then(|old| old.observed_generation).unwrap_or(0);
            let news = old.as_ref().and_then(|old| old.message.as_ref()) != Some(&text);
            worker.resize.progress = Some(condition(IN_PROGRESS, ("Error", &text), generation, old.as_ref(), now));
            if news {
                let told = message("Pod resize error", &pod, generation, &text);
                self.record(server, &pod, "", EventType::Warning, "ResizeError", &told);
            }
            return;
        }
        for container in meant {
            let Some(record) = worker.records.get_mut(&container.name) else { continue };
            record.resources.clone_from(&container.resources);
            if let Some(id) = &record.current {
                self.runtime.update_container(id, memory_limit(container.resources.as_ref()));
            }
        }
    }

    /// Room may have come free: whoever waits for it is looked at again.
    pub(super) fn retry_resizes(&mut self, now: Time) {
        for uid in std::mem::take(&mut self.resizes) {
            if let Some(worker) = self.workers.get_mut(&uid) {
                worker.resize.asked = true;
            }
            self.wake_step(&uid, now);
        }
    }
}

fn phase(pod: &Pod) -> &str {
    let status: Option<&PodStatus> = pod.status.as_ref();
    status.and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

/// Whether a running container has something else than it is allowed.
fn in_progress(pod: &Pod, records: &BTreeMap<String, ContainerRecord>) -> bool {
    let all = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers));
    all.into_iter().any(|container| {
        let record = records.get(&container.name).filter(|record| super::sync::is_running_record(record));
        record.is_some_and(|record| !differences(record.resources.as_ref(), container.resources.as_ref()).is_empty())
    })
}
