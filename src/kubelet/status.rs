//! What a Pod's status says, worked out from its spec and what the kubelet has seen of its containers. Pure.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kubelet_pods.go (generateAPIPodStatus, convertToAPIContainerStatuses) and
//! pkg/kubelet/status/status_manager.go (mergePodStatus).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, ContainerState as ApiState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus as ApiStatus, ContainerUser, HostIP, LinuxContainerUser, Pod, PodIP, PodSpec, PodStatus,
    ResourceRequirements, VolumeMountStatus,
};

use super::actions::{READINESS, STARTUP};
use super::conditions::{conditions, restarting};
use super::containers::{self, List, is_sidecar};
use super::phase::phase;
use super::resize::Resize;
use super::worker::{ContainerRecord, Outcome, Sandboxed};
use crate::apimachinery::meta;
use crate::cri::{ContainerState, ContainerStatus};
use crate::sim::Time;

/// The reason of a container that has yet to be made.
const CONTAINER_CREATING: &str = "ContainerCreating";
/// The same in a Pod with init containers.
const POD_INITIALIZING: &str = "PodInitializing";

/// The reason of a container that was removed because all of the Pod's begin anew, and its text.
const RESTARTING: &str = "RestartingAllContainers";
const REMOVED: &str = "The container is removed because RestartAllContainers in place";

/// What the status is worked out from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The Pod as the server has it.
    pub pod: &'a Pod,
    /// How far a resize is.
    pub resize: &'a Resize,
    /// What is known of each container by name, init containers included.
    pub records: &'a BTreeMap<String, ContainerRecord>,
    /// The Pod's sandbox.
    pub sandbox: Sandboxed<'a>,
    /// The node's address.
    pub host_address: &'a str,
    /// When the kubelet first saw the Pod.
    pub started: Time,
    /// How far the kubelet is with the Pod.
    pub life: Life,
    /// Why the kubelet ended the Pod itself: reason and message, such as `DeadlineExceeded`.
    pub failure: Option<(&'a str, &'a str)>,
    /// The present instant.
    pub now: Time,
}

/// How far the kubelet is with a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Something of it may still run.
    Going,
    /// Every container has stopped for good, and the Pod may be called ended.
    Stopped,
    /// Nothing more comes of it: it is called ended.
    Over,
}

/// The status. Its phase is the one that the containers call for: see [`hold_back_the_end`].
pub fn generate(inputs: &Inputs<'_>) -> PodStatus {
    let (no_spec, no_status) = (PodSpec::default(), PodStatus::default());
    let spec = inputs.pod.spec.as_ref().unwrap_or(&no_spec);
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let ephemeral: Vec<Container> = spec.ephemeral_containers.iter().flatten().map(containers::plain).collect();
    let has_init = !init.is_empty();
    let mut init_statuses = container_statuses(inputs, init, List::Init, has_init);
    let mut statuses = container_statuses(inputs, &spec.containers, List::Main, has_init);
    let mut ephemeral_statuses = container_statuses(inputs, &ephemeral, List::Ephemeral, has_init);
    statuses.sort_by(|a, b| a.name.cmp(&b.name));
    ephemeral_statuses.sort_by(|a, b| a.name.cmp(&b.name));
    let mut phase = phase(spec, &init_statuses, &statuses, inputs.life != Life::Going);
    let old = inputs.pod.status.as_ref().unwrap_or(&no_status);
    let anew = inputs.records.values().any(|record| record.reset && record.current.is_none());
    if inputs.life == Life::Going && containers::could_restart_all(spec) && (anew || restarting(inputs)) {
        // What begins anew has not come to its end.
        phase = if old.phase.as_deref() == Some("Pending") { "Pending" } else { "Running" };
    }
    if inputs.failure.is_some() {
        phase = "Failed";
    } else if let Some(end @ ("Succeeded" | "Failed")) = old.phase.as_deref() {
        // An end is never taken back.
        phase = if end == "Failed" { "Failed" } else { "Succeeded" };
    } else if inputs.life == Life::Over && !matches!(phase, "Succeeded" | "Failed") {
        phase = "Failed";
    }
    if inputs.life == Life::Over {
        locate_nothing_more(spec, &mut init_statuses, &mut statuses);
    }
    let conditions = conditions(inputs, spec, phase, &init_statuses, &statuses);
    let address = inputs.sandbox.address().map(str::to_owned).or(old.pod_ip.clone());
    PodStatus {
        phase: Some(phase.to_owned()),
        conditions: Some(conditions),
        container_statuses: Some(statuses),
        init_container_statuses: has_init.then_some(init_statuses),
        ephemeral_container_statuses: (!ephemeral.is_empty()).then_some(ephemeral_statuses),
        host_ip: Some(inputs.host_address.to_owned()),
        host_ips: Some(vec![HostIP { ip: inputs.host_address.to_owned() }]),
        pod_ips: address.clone().map(|ip| vec![PodIP { ip }]),
        pod_ip: address,
        start_time: Some(old.start_time.clone().unwrap_or_else(|| meta::time(inputs.started))),
        observed_generation: inputs.pod.metadata.generation,
        reason: inputs.failure.map(|(reason, _)| reason.to_owned()).or(old.reason.clone()),
        message: inputs.failure.map(|(_, message)| message.to_owned()).or(old.message.clone()),
        resources: Some(ResourceRequirements::default()),
        allocated_resources: old.allocated_resources.clone(),
        extended_resource_claim_status: old.extended_resource_claim_status.clone(),
        node_allocatable_resource_claim_statuses: old.node_allocatable_resource_claim_statuses.clone(),
        nominated_node_name: old.nominated_node_name.clone(),
        qos_class: old.qos_class.clone(),
        resize: old.resize.clone(),
        resource_claim_statuses: old.resource_claim_statuses.clone(),
    }
}

/// A Pod is not called ended while something of it may still run: it keeps the phase that the server has.
pub fn hold_back_the_end(status: &mut PodStatus, pod: &Pod) {
    if !matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return;
    }
    let held = pod.status.as_ref();
    status.phase = Some(held.and_then(|held| held.phase.clone()).unwrap_or_else(|| "Pending".to_owned()));
    status.reason = held.and_then(|held| held.reason.clone());
    status.message = held.and_then(|held| held.message.clone());
}

/// A Pod that is over: what of it never ran to an end, though it was its turn, counts as failed.
fn locate_nothing_more(spec: &PodSpec, init: &mut [ApiStatus], statuses: &mut [ApiStatus]) {
    let untouched = |status: &ApiStatus| {
        let waits = status.state.as_ref().is_some_and(|state| state.waiting.is_some());
        waits && status.last_state.as_ref().is_none_or(|last| last.terminated.is_none())
    };
    let last = spec.init_containers.as_ref().and_then(|list| list.last()).zip(init.last());
    let last_done = last.is_none_or(|(spec, status)| {
        let ended = |state: &Option<ApiState>| {
            let end = state.as_ref().and_then(|state| state.terminated.as_ref());
            end.is_some_and(|end| end.exit_code == 0)
        };
        if is_sidecar(spec) { status.started == Some(true) } else { ended(&status.state) || ended(&status.last_state) }
    });
    let initialised = last_done || !statuses.iter().all(untouched);
    let begun = init.iter().rposition(|status| !untouched(status)).map_or(0, |place| place + 1);
    let main = statuses.iter_mut().filter(|_| initialised);
    for status in init.iter_mut().take(begun).chain(main) {
        if status.state.as_ref().is_some_and(|state| state.terminated.is_some()) {
            continue;
        }
        let unknown = ContainerStateTerminated {
            reason: Some("ContainerStatusUnknown".to_owned()),
            message: Some("The container could not be located when the pod was terminated".to_owned()),
            exit_code: 137,
            ..ContainerStateTerminated::default()
        };
        status.state = Some(ApiState { terminated: Some(unknown), ..ApiState::default() });
    }
}

/// The status of a container, whichever list it stands in; ephemeral ones left out.
pub fn container_status_of<'a>(status: &'a PodStatus, name: &str) -> Option<&'a ApiStatus> {
    let main = status.container_statuses.iter().flatten();
    main.chain(status.init_container_statuses.iter().flatten()).find(|status| status.name == name)
}

fn container_statuses(inputs: &Inputs<'_>, specs: &[Container], list: List, has_init: bool) -> Vec<ApiStatus> {
    let none = ContainerRecord::default();
    let statuses = specs.iter().map(|spec| {
        let record = inputs.records.get(&spec.name).unwrap_or(&none);
        container_status(inputs, spec, record, list, has_init)
    });
    statuses.collect()
}

fn container_status(
    inputs: &Inputs<'_>,
    spec: &Container,
    record: &ContainerRecord,
    list: List,
    has_init: bool,
) -> ApiStatus {
    let seen = record.seen.as_ref();
    let mut state = seen.map(api_state).unwrap_or_default();
    let mut last_state = record.last.as_ref().map(api_state).unwrap_or_default();
    if record.reset {
        last_state.terminated = Some(ContainerStateTerminated {
            reason: Some(RESTARTING.to_owned()),
            message: Some(REMOVED.to_owned()),
            exit_code: 137,
            ..ContainerStateTerminated::default()
        });
    }
    if state.running.is_none() && state.terminated.is_none() {
        let (reason, message) = match (record.reset, has_init) {
            (true, _) => (RESTARTING, Some(REMOVED.to_owned())),
            (false, true) => (POD_INITIALIZING, None),
            (false, false) => (CONTAINER_CREATING, None),
        };
        state.waiting = Some(ContainerStateWaiting { reason: Some(reason.to_owned()), message });
    }
    let ended = state.terminated.as_ref().map(|end| end.exit_code);
    let init_is_done = list == List::Init && ended == Some(0);
    if let Some((reason, message)) = &record.waiting
        && !init_is_done
        && containers::should_start(spec, inputs.pod, Some(record))
    {
        // What waits to be started again shows why it waits; how it ended moves to the last state.
        if let Some(terminated) = state.terminated.take() {
            last_state = ApiState { terminated: Some(terminated), ..ApiState::default() };
        }
        let message = (!message.is_empty()).then(|| message.clone());
        state.waiting = Some(ContainerStateWaiting { reason: Some(reason.clone()), message });
    }
    let (started, ready) = readiness(spec, record, list, &state);
    let requests = spec.resources.as_ref().and_then(|resources| resources.requests.clone());
    ApiStatus {
        name: spec.name.clone(),
        image: seen.map_or_else(|| spec.image.clone().unwrap_or_default(), |seen| seen.image.name.clone()),
        image_id: seen.map(|seen| seen.image.id.clone()).unwrap_or_default(),
        container_id: seen.map(|seen| format!("containerd://{}", seen.id)),
        ready,
        started: (list != List::Ephemeral).then_some(started),
        restart_count: i32::try_from(record.restarts).unwrap_or(i32::MAX),
        state: Some(state),
        last_state: Some(last_state),
        allocated_resources: seen.and(requests),
        resources: seen.map(|seen| {
            let runs = matches!(seen.state, ContainerState::Running { .. });
            let held = record.resources.clone().filter(|_| runs).or_else(|| spec.resources.clone());
            held.unwrap_or_default()
        }),
        user: seen.map(|seen| ContainerUser {
            linux: Some(LinuxContainerUser {
                uid: seen.user.uid,
                gid: seen.user.gid,
                supplemental_groups: Some(seen.user.groups.clone()),
            }),
        }),
        volume_mounts: volume_mounts(spec),
        ..ApiStatus::default()
    }
}

/// Whether a container has started up, and whether it is ready.
fn readiness(spec: &Container, record: &ContainerRecord, list: List, state: &ApiState) -> (bool, bool) {
    let outcome = |kind: usize| record.probed.get(kind).copied().flatten();
    let running = state.running.is_some();
    let probed = list == List::Main || (list == List::Init && is_sidecar(spec));
    if !probed {
        let succeeded = state.terminated.as_ref().is_some_and(|end| end.exit_code == 0);
        return (running, list == List::Init && succeeded);
    }
    let started = running && (spec.startup_probe.is_none() || outcome(STARTUP) == Some(Outcome::Success));
    let ready = started && (spec.readiness_probe.is_none() || outcome(READINESS) == Some(Outcome::Success));
    (started, ready)
}

fn volume_mounts(spec: &Container) -> Option<Vec<VolumeMountStatus>> {
    let mounts = spec.volume_mounts.as_ref().filter(|mounts| !mounts.is_empty())?;
    let status = mounts.iter().map(|mount| VolumeMountStatus {
        name: mount.name.clone(),
        mount_path: mount.mount_path.clone(),
        read_only: mount.read_only.filter(|read_only| *read_only),
        recursive_read_only: mount.read_only.filter(|read_only| *read_only).map(|_| "Disabled".to_owned()),
        ..VolumeMountStatus::default()
    });
    Some(status.collect())
}

fn api_state(status: &ContainerStatus) -> ApiState {
    match &status.state {
        ContainerState::Created => ApiState::default(),
        ContainerState::Running { started } => ApiState {
            running: Some(ContainerStateRunning { started_at: Some(meta::time(*started)) }),
            ..ApiState::default()
        },
        ContainerState::Exited { started, finished, exit_code, reason, message } => {
            let text = if message.is_empty() { &status.termination_log } else { message };
            ApiState {
                terminated: Some(ContainerStateTerminated {
                    container_id: Some(format!("containerd://{}", status.id)),
                    exit_code: *exit_code,
                    reason: Some(reason.as_str().to_owned()),
                    message: (!text.is_empty()).then(|| text.clone()),
                    started_at: Some(meta::time(*started)),
                    finished_at: Some(meta::time(*finished)),
                    signal: None,
                }),
                ..ApiState::default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cri::{ImageInfo, StopReason, User};

    const NOW: Time = Time::from_seconds(1_000);

    fn pod(policy: &str, init: &[&str], containers: &[&str]) -> Pod {
        let list = |names: &[&str]| {
            let made = names.iter().map(|name| serde_json::json!({"name": name, "image": "busybox:1.36"}));
            made.collect::<Vec<_>>()
        };
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": "p", "namespace": "default", "generation": 1}, "status": {"phase": "Pending"},
            "spec": {"restartPolicy": policy, "initContainers": list(init), "containers": list(containers)},
        }))
        .unwrap()
    }

    fn seen(name: &str, state: ContainerState) -> (String, ContainerRecord) {
        let image =
            ImageInfo { name: "docker.io/library/busybox:1.36".into(), id: "x".into(), size: 1, user: User::default() };
        let status = ContainerStatus {
            id: format!("{name}-id"),
            name: name.to_owned(),
            image,
            user: User::default(),
            state,
            termination_log: String::new(),
        };
        let record = ContainerRecord { seen: Some(status), ..ContainerRecord::default() };
        (name.to_owned(), record)
    }

    fn running(name: &str) -> (String, ContainerRecord) {
        seen(name, ContainerState::Running { started: NOW })
    }

    fn exited(name: &str, exit_code: i32) -> (String, ContainerRecord) {
        let reason = if exit_code == 0 { StopReason::Completed } else { StopReason::Error };
        seen(name, ContainerState::Exited { started: NOW, finished: NOW, exit_code, reason, message: String::new() })
    }

    fn called_for(pod: &Pod, records: impl IntoIterator<Item = (String, ContainerRecord)>, life: Life) -> PodStatus {
        let worker = super::super::worker::Worker::new(std::sync::Arc::new(pod.clone()), NOW);
        generate(&Inputs {
            pod,
            resize: &worker.resize,
            records: &records.into_iter().collect(),
            sandbox: worker.sandboxed(),
            host_address: "172.30.2.2",
            started: NOW,
            life,
            failure: None,
            now: NOW,
        })
    }

    fn status(pod: &Pod, records: impl IntoIterator<Item = (String, ContainerRecord)>, life: Life) -> PodStatus {
        let mut status = called_for(pod, records, life);
        if life == Life::Going {
            hold_back_the_end(&mut status, pod);
        }
        status
    }

    #[test]
    fn the_phase_follows_the_containers_and_the_restart_policy() {
        type Records = Vec<(String, ContainerRecord)>;
        let cases: Vec<(&str, Pod, Records, &str)> = vec![
            ("nothing started yet", pod("Never", &[], &["a"]), vec![], "Pending"),
            ("one of two runs", pod("Never", &[], &["a", "b"]), vec![running("a")], "Pending"),
            ("all run", pod("Never", &[], &["a", "b"]), vec![running("a"), running("b")], "Running"),
            ("one has ended, one runs", pod("Never", &[], &["a", "b"]), vec![exited("a", 0), running("b")], "Running"),
            ("all ended well", pod("Never", &[], &["a", "b"]), vec![exited("a", 0), exited("b", 0)], "Succeeded"),
            ("one ended badly", pod("Never", &[], &["a", "b"]), vec![exited("a", 0), exited("b", 3)], "Failed"),
            ("will be restarted on failure", pod("OnFailure", &[], &["a"]), vec![exited("a", 1)], "Running"),
            ("ended well on failure", pod("OnFailure", &[], &["a"]), vec![exited("a", 0)], "Succeeded"),
            ("is always restarted", pod("Always", &[], &["a"]), vec![exited("a", 0)], "Running"),
            ("init container runs", pod("Never", &["i"], &["a"]), vec![running("i")], "Pending"),
            ("init container failed for good", pod("Never", &["i"], &["a"]), vec![exited("i", 1)], "Failed"),
            ("init container is tried again", pod("OnFailure", &["i"], &["a"]), vec![exited("i", 1)], "Pending"),
            ("after init containers", pod("Never", &["i"], &["a"]), vec![exited("i", 0), running("a")], "Running"),
        ];
        for (name, pod, records, want) in cases {
            assert_eq!(called_for(&pod, records, Life::Going).phase.as_deref(), Some(want), "{name}");
        }
    }

    #[test]
    fn a_pod_is_not_called_ended_before_everything_of_it_has_stopped() {
        let pod = pod("Never", &[], &["a"]);
        assert_eq!(status(&pod, [exited("a", 0)], Life::Going).phase.as_deref(), Some("Pending"));
        let ready = status(&pod, [exited("a", 0)], Life::Going).conditions.unwrap();
        let ready = ready.iter().find(|condition| condition.type_ == "Ready").unwrap();
        assert_eq!((ready.status.as_str(), ready.reason.as_deref()), ("False", Some("PodCompleted")));
    }

    #[test]
    fn a_container_that_waits_for_its_restart_shows_its_end_as_the_last_state() {
        let (name, mut record) = exited("a", 1);
        record.waiting = Some(("CrashLoopBackOff".to_owned(), "back-off 10s".to_owned()));
        let status = status(&pod("Always", &[], &["a"]), [(name, record)], Life::Going);
        let container = &status.container_statuses.unwrap()[0];
        let waiting = container.state.clone().unwrap().waiting.unwrap();
        assert_eq!(waiting.reason.as_deref(), Some("CrashLoopBackOff"));
        assert_eq!(container.last_state.clone().unwrap().terminated.unwrap().exit_code, 1);
        assert!(!container.ready);
    }

    #[test]
    fn unready_containers_are_named_in_the_order_of_the_spec() {
        let status = status(&pod("Always", &[], &["b", "a"]), [], Life::Going);
        let ready = status.conditions.unwrap().into_iter().find(|condition| condition.type_ == "Ready").unwrap();
        assert_eq!(ready.message.as_deref(), Some("containers with unready status: [b a]"));
        assert_eq!(status.container_statuses.unwrap()[0].name, "a");
    }
}
