//! What a Pod's status says, worked out from its spec and what the kubelet has seen of its containers. Pure.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kubelet_pods.go (generateAPIPodStatus, getPhase,
//! convertToAPIContainerStatuses) and pkg/kubelet/status/generate.go.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, ContainerState as ApiState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus as ApiStatus, ContainerUser, HostIP, LinuxContainerUser, Pod, PodCondition, PodIP, PodSpec,
    PodStatus, ResourceRequirements, VolumeMountStatus,
};

use super::worker::{ContainerRecord, Sandboxed};
use crate::apimachinery::meta;
use crate::cri::{ContainerState, ContainerStatus};
use crate::sim::Time;

/// The reason of a container that has yet to be made.
const CONTAINER_CREATING: &str = "ContainerCreating";
/// The same in a Pod with init containers.
const POD_INITIALIZING: &str = "PodInitializing";

/// What the status is worked out from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The Pod as the server has it.
    pub pod: &'a Pod,
    /// What is known of each container by name, init containers included.
    pub records: &'a BTreeMap<String, ContainerRecord>,
    /// The Pod's sandbox.
    pub sandbox: Sandboxed<'a>,
    /// The node's address.
    pub host_address: &'a str,
    /// When the kubelet first saw the Pod.
    pub started: Time,
    /// Whether every container has stopped for good and the Pod may be called ended.
    pub terminated: bool,
    /// Why the kubelet ended the Pod itself: reason and message, such as `DeadlineExceeded`.
    pub failure: Option<(&'a str, &'a str)>,
    /// The present instant.
    pub now: Time,
}

/// The status.
pub fn generate(inputs: &Inputs<'_>) -> PodStatus {
    let spec = inputs.pod.spec.clone().unwrap_or_default();
    let init = spec.init_containers.clone().unwrap_or_default();
    let has_init = !init.is_empty();
    let mut init_statuses = container_statuses(inputs, &init, true, has_init);
    let mut statuses = container_statuses(inputs, &spec.containers, false, has_init);
    statuses.sort_by(|a, b| a.name.cmp(&b.name));
    let wanted = phase(&spec, &init_statuses, &statuses, inputs);
    let held = inputs.pod.status.as_ref().and_then(|status| status.phase.clone());
    let ended = matches!(wanted, "Succeeded" | "Failed");
    // A Pod is not called ended while something of it may still run.
    let phase =
        if ended && !inputs.terminated { held.unwrap_or_else(|| "Pending".to_owned()) } else { wanted.to_owned() };
    if ended {
        for status in statuses.iter_mut().chain(&mut init_statuses) {
            status.started = Some(status.started.unwrap_or(false) && status.state.as_ref().is_some_and(is_running));
        }
    }
    let conditions = conditions(inputs, &spec, wanted, &init_statuses, &statuses);
    let old = inputs.pod.status.clone().unwrap_or_default();
    let address = inputs.sandbox.address().map(str::to_owned).or(old.pod_ip.clone());
    PodStatus {
        phase: Some(phase),
        conditions: Some(conditions),
        container_statuses: Some(statuses),
        init_container_statuses: has_init.then_some(init_statuses),
        host_ip: Some(inputs.host_address.to_owned()),
        host_ips: Some(vec![HostIP { ip: inputs.host_address.to_owned() }]),
        pod_ips: address.clone().map(|ip| vec![PodIP { ip }]),
        pod_ip: address,
        start_time: Some(old.start_time.clone().unwrap_or_else(|| meta::time(inputs.started))),
        observed_generation: inputs.pod.metadata.generation,
        reason: inputs.failure.map(|(reason, _)| reason.to_owned()).or(old.reason.clone()),
        message: inputs.failure.map(|(_, message)| message.to_owned()).or(old.message.clone()),
        resources: Some(ResourceRequirements::default()),
        ..old
    }
}

fn is_running(state: &ApiState) -> bool {
    state.running.is_some()
}

fn container_statuses(inputs: &Inputs<'_>, specs: &[Container], is_init: bool, has_init: bool) -> Vec<ApiStatus> {
    let statuses = specs.iter().map(|spec| {
        let mut record = inputs.records.get(&spec.name).cloned().unwrap_or_default();
        if inputs.pod.metadata.deletion_timestamp.is_some() {
            // Nothing is started again in a Pod that goes away.
            record.waiting = None;
        }
        container_status(spec, &record, is_init, has_init)
    });
    statuses.collect()
}

fn container_status(spec: &Container, record: &ContainerRecord, is_init: bool, has_init: bool) -> ApiStatus {
    let seen = record.seen.as_ref();
    let mut state = seen.map(api_state).unwrap_or_default();
    let mut last_state = record.last.as_ref().map(api_state).unwrap_or_default();
    if state.running.is_none() && state.terminated.is_none() {
        let reason = if has_init { POD_INITIALIZING } else { CONTAINER_CREATING };
        state.waiting = Some(ContainerStateWaiting { reason: Some(reason.to_owned()), message: None });
    }
    if let Some((reason, message)) = &record.waiting
        && state.running.is_none()
    {
        // What waits to be started again shows why it waits; how it ended moves to the last state.
        if let Some(terminated) = state.terminated.take() {
            last_state = ApiState { terminated: Some(terminated), ..ApiState::default() };
        }
        let message = (!message.is_empty()).then(|| message.clone());
        state.waiting = Some(ContainerStateWaiting { reason: Some(reason.clone()), message });
    }
    let running = state.running.is_some();
    let succeeded = state.terminated.as_ref().is_some_and(|terminated| terminated.exit_code == 0);
    let is_sidecar = spec.restart_policy.as_deref() == Some("Always");
    let requests = spec.resources.as_ref().and_then(|resources| resources.requests.clone());
    ApiStatus {
        name: spec.name.clone(),
        image: seen.map_or_else(|| spec.image.clone().unwrap_or_default(), |seen| seen.image.name.clone()),
        image_id: seen.map(|seen| seen.image.id.clone()).unwrap_or_default(),
        container_id: seen.map(|seen| format!("containerd://{}", seen.id)),
        ready: if is_init && !is_sidecar { succeeded } else { running && record.ready },
        started: Some(running && (!is_init || is_sidecar) && record.started),
        restart_count: i32::try_from(record.restarts).unwrap_or(i32::MAX),
        state: Some(state),
        last_state: Some(last_state),
        allocated_resources: seen.and(requests),
        resources: seen.map(|_| spec.resources.clone().unwrap_or_default()),
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

fn phase(spec: &PodSpec, init: &[ApiStatus], statuses: &[ApiStatus], inputs: &Inputs<'_>) -> &'static str {
    if inputs.failure.is_some() {
        return "Failed";
    }
    let policy = spec.restart_policy.as_deref().unwrap_or("Always");
    let terminated = |status: &ApiStatus| {
        let of = |state: &Option<ApiState>| state.as_ref().and_then(|state| state.terminated.clone());
        // A container that waits for its restart has ended as its last state says.
        of(&status.state).or_else(|| of(&status.last_state))
    };
    let sidecar = |name: &str| {
        let found = spec.init_containers.iter().flatten().find(|container| container.name == name);
        found.is_some_and(|container| container.restart_policy.as_deref() == Some("Always"))
    };
    let running_state = |status: &ApiStatus| status.state.as_ref().is_some_and(is_running);
    for status in init.iter().filter(|status| !sidecar(&status.name)) {
        match terminated(status) {
            Some(end) if end.exit_code == 0 && !running_state(status) => {}
            Some(_) if policy == "Never" && !running_state(status) => return "Failed",
            _ => {
                return if inputs.pod.metadata.deletion_timestamp.is_some() && inputs.terminated {
                    "Failed"
                } else {
                    "Pending"
                };
            }
        }
    }
    if init.iter().any(|status| sidecar(&status.name) && status.started != Some(true) && terminated(status).is_none()) {
        return "Pending";
    }
    let running = statuses.iter().filter(|status| running_state(status)).count();
    let ends: Vec<ContainerStateTerminated> =
        statuses.iter().filter(|status| !running_state(status)).filter_map(terminated).collect();
    let waiting = statuses.len() - running - ends.len();
    let all_succeeded = ends.iter().all(|end| end.exit_code == 0);
    if inputs.terminated && inputs.pod.metadata.deletion_timestamp.is_some() {
        // The kubelet stopped the Pod: what never ran or did not end well makes it a failure.
        return if waiting == 0 && running == 0 && all_succeeded { "Succeeded" } else { "Failed" };
    }
    match (waiting, running, ends.is_empty()) {
        (1.., _, _) => "Pending",
        (_, 1.., _) => "Running",
        (_, _, true) => "Pending",
        _ if policy == "Always" => "Running",
        _ if all_succeeded => "Succeeded",
        _ if policy == "Never" => "Failed",
        _ => "Running",
    }
}

fn conditions(
    inputs: &Inputs<'_>,
    spec: &PodSpec,
    phase: &str,
    init: &[ApiStatus],
    statuses: &[ApiStatus],
) -> Vec<PodCondition> {
    let completed = match phase {
        "Succeeded" => Some("PodCompleted"),
        "Failed" => Some("PodFailed"),
        _ => None,
    };
    let list = |names: Vec<&str>| format!("[{}]", names.join(" "));
    let incomplete: Vec<&str> = init
        .iter()
        .filter(|status| !status.ready && status.started != Some(true))
        .map(|status| status.name.as_str())
        .collect();
    let initialized = if incomplete.is_empty() || phase == "Succeeded" {
        (true, (phase == "Succeeded").then_some("PodCompleted"), None)
    } else {
        let message = format!("containers with incomplete status: {}", list(incomplete));
        (false, Some("ContainersNotInitialized"), Some(message))
    };
    let unready: Vec<&str> =
        statuses.iter().filter(|status| !status.ready).map(|status| status.name.as_str()).collect();
    let ready = match completed {
        Some(reason) => (false, Some(reason), None),
        None if unready.is_empty() => (true, None, None),
        None => {
            // Upstream lists names in the spec's order.
            let order: Vec<&str> =
                spec.containers.iter().map(|c| c.name.as_str()).filter(|n| unready.contains(n)).collect();
            let message = format!("containers with unready status: {}", list(order));
            (false, Some("ContainersNotReady"), Some(message))
        }
    };
    let ours = [
        ("PodReadyToStartContainers", (inputs.sandbox.is_ready(), None, None)),
        ("Initialized", initialized),
        ("Ready", ready.clone()),
        ("ContainersReady", ready),
        ("PodScheduled", (true, None, None)),
    ];
    let held = inputs.pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_ours = |kind: &str| ours.iter().any(|(ours, _)| *ours == kind);
    let mut all: Vec<PodCondition> = held.iter().filter(|condition| !is_ours(&condition.type_)).cloned().collect();
    all.extend(ours.iter().map(|(kind, (holds, reason, message))| {
        let status = if *holds { "True" } else { "False" };
        let before = held.iter().find(|condition| condition.type_ == *kind && condition.status == status);
        PodCondition {
            type_: (*kind).to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
            message: message.clone(),
            last_transition_time: before
                .and_then(|before| before.last_transition_time.clone())
                .or_else(|| Some(meta::time(inputs.now))),
            observed_generation: inputs.pod.metadata.generation,
            ..PodCondition::default()
        }
    }));
    all
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
        let record = ContainerRecord { seen: Some(status), ready: true, started: true, ..ContainerRecord::default() };
        (name.to_owned(), record)
    }

    fn running(name: &str) -> (String, ContainerRecord) {
        seen(name, ContainerState::Running { started: NOW })
    }

    fn exited(name: &str, exit_code: i32) -> (String, ContainerRecord) {
        let reason = if exit_code == 0 { StopReason::Completed } else { StopReason::Error };
        seen(name, ContainerState::Exited { started: NOW, finished: NOW, exit_code, reason, message: String::new() })
    }

    fn status(pod: &Pod, records: impl IntoIterator<Item = (String, ContainerRecord)>, terminated: bool) -> PodStatus {
        let worker = super::super::worker::Worker::new(std::sync::Arc::new(pod.clone()), NOW);
        generate(&Inputs {
            pod,
            records: &records.into_iter().collect(),
            sandbox: worker.sandboxed(),
            host_address: "172.30.2.2",
            started: NOW,
            terminated,
            failure: None,
            now: NOW,
        })
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
            assert_eq!(status(&pod, records, true).phase.as_deref(), Some(want), "{name}");
        }
    }

    #[test]
    fn a_pod_is_not_called_ended_before_everything_of_it_has_stopped() {
        let pod = pod("Never", &[], &["a"]);
        assert_eq!(status(&pod, [exited("a", 0)], false).phase.as_deref(), Some("Pending"));
        let ready = status(&pod, [exited("a", 0)], false).conditions.unwrap();
        let ready = ready.iter().find(|condition| condition.type_ == "Ready").unwrap();
        assert_eq!((ready.status.as_str(), ready.reason.as_deref()), ("False", Some("PodCompleted")));
    }

    #[test]
    fn a_container_that_waits_for_its_restart_shows_its_end_as_the_last_state() {
        let (name, mut record) = exited("a", 1);
        record.waiting = Some(("CrashLoopBackOff".to_owned(), "back-off 10s".to_owned()));
        let status = status(&pod("Always", &[], &["a"]), [(name, record)], false);
        let container = &status.container_statuses.unwrap()[0];
        let waiting = container.state.clone().unwrap().waiting.unwrap();
        assert_eq!(waiting.reason.as_deref(), Some("CrashLoopBackOff"));
        assert_eq!(container.last_state.clone().unwrap().terminated.unwrap().exit_code, 1);
        assert!(!container.ready);
    }

    #[test]
    fn unready_containers_are_named_in_the_order_of_the_spec() {
        let status = status(&pod("Always", &[], &["b", "a"]), [], false);
        let ready = status.conditions.unwrap().into_iter().find(|condition| condition.type_ == "Ready").unwrap();
        assert_eq!(ready.message.as_deref(), Some("containers with unready status: [b a]"));
        assert_eq!(status.container_statuses.unwrap()[0].name, "a");
    }
}
