//! The conditions of a Pod that the kubelet owns. Pure.
//!
//! Models Kubernetes 1.36 pkg/kubelet/status/generate.go.

use k8s_openapi::api::core::v1::{ContainerStatus as ApiStatus, PodCondition, PodSpec};

use super::containers::{self, ALL_RESTARTING, is_sidecar};
use super::resize::{IN_PROGRESS, PENDING};
use super::status::Inputs;
use crate::apimachinery::meta;
use crate::cri::ContainerState;

/// Whether a condition holds, why not, and in which words.
type Verdict = (bool, Option<&'static str>, Option<String>);

/// All conditions of the Pod: those of others first, as they are, then the kubelet's own.
pub fn conditions(
    inputs: &Inputs<'_>,
    spec: &PodSpec,
    phase: &str,
    init: &[ApiStatus],
    statuses: &[ApiStatus],
) -> Vec<PodCondition> {
    let held = inputs.pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let containers_ready = containers_ready(spec, phase, init, statuses);
    let ours = [
        ("PodReadyToStartContainers", (inputs.sandbox.is_ready(), None, None)),
        ("Initialized", initialized(spec, phase, init, statuses)),
        ("Ready", ready(spec, &containers_ready, held)),
        ("ContainersReady", containers_ready),
        ("PodScheduled", (true, None, None)),
    ];
    let is_ours = |kind: &str| {
        matches!(kind, PENDING | IN_PROGRESS | ALL_RESTARTING) || ours.iter().any(|(ours, _)| *ours == kind)
    };
    let mut all: Vec<PodCondition> = held.iter().filter(|condition| !is_ours(&condition.type_)).cloned().collect();
    let ended = matches!(phase, "Succeeded" | "Failed");
    all.extend(inputs.resize.conditions().filter(|_| !ended).cloned());
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
    if containers::could_restart_all(spec) {
        all.push(all_restarting(inputs, phase, held));
    }
    all
}

/// Whether something has ended in a way that starts all containers again, until all of them are gone.
pub fn restarting(inputs: &Inputs<'_>) -> bool {
    let code = |name: &str| match &inputs.records.get(name)?.seen.as_ref()?.state {
        ContainerState::Exited { exit_code, .. } => Some(*exit_code),
        _ => None,
    };
    inputs.records.values().any(|record| record.current.is_some()) && containers::all_restart(inputs.pod, code)
}

fn all_restarting(inputs: &Inputs<'_>, phase: &str, held: &[PodCondition]) -> PodCondition {
    let (status, reason, message) = match phase {
        "Succeeded" => ("False", Some("PodCompleted"), None),
        "Failed" => ("False", Some("PodFailed"), None),
        _ if restarting(inputs) => {
            ("True", Some("RestartAllContainersStarted"), Some("container exited with restart policy rule"))
        }
        _ => ("False", None, None),
    };
    let before = held.iter().find(|held| held.type_ == ALL_RESTARTING && held.status == status);
    PodCondition {
        type_: ALL_RESTARTING.to_owned(),
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        message: message.map(str::to_owned),
        last_transition_time: before
            .and_then(|before| before.last_transition_time.clone())
            .or_else(|| Some(meta::time(inputs.now))),
        observed_generation: inputs.pod.metadata.generation,
        ..PodCondition::default()
    }
}

fn list(names: &[&str]) -> String {
    format!("[{}]", names.join(" "))
}

fn named<'a>(statuses: &'a [ApiStatus], name: &str) -> Option<&'a ApiStatus> {
    statuses.iter().find(|status| status.name == name)
}

fn initialized(spec: &PodSpec, phase: &str, init: &[ApiStatus], statuses: &[ApiStatus]) -> Verdict {
    if phase == "Succeeded" {
        return (true, Some("PodCompleted"), None);
    }
    // Once a container of the Pod's own has started, sidecars that are started again change nothing.
    let started = statuses
        .iter()
        .any(|status| status.state.as_ref().is_some_and(|state| state.running.is_some() || state.terminated.is_some()));
    if started {
        return (true, None, None);
    }
    let incomplete: Vec<&str> = spec
        .init_containers
        .iter()
        .flatten()
        .filter(|container| {
            named(init, &container.name)
                .is_none_or(|status| if is_sidecar(container) { status.started != Some(true) } else { !status.ready })
        })
        .map(|container| container.name.as_str())
        .collect();
    if incomplete.is_empty() {
        return (true, None, None);
    }
    let message = format!("containers with incomplete status: {}", list(&incomplete));
    (false, Some("ContainersNotInitialized"), Some(message))
}

fn containers_ready(spec: &PodSpec, phase: &str, init: &[ApiStatus], statuses: &[ApiStatus]) -> Verdict {
    match phase {
        "Succeeded" => return (false, Some("PodCompleted"), None),
        "Failed" => return (false, Some("PodFailed"), None),
        _ => {}
    }
    let sidecars = spec.init_containers.iter().flatten().filter(|container| is_sidecar(container));
    let all = sidecars.map(|container| (container, init)).chain(spec.containers.iter().map(|held| (held, statuses)));
    let unready: Vec<&str> = all
        .filter(|(container, statuses)| named(statuses, &container.name).is_none_or(|status| !status.ready))
        .map(|(container, _)| container.name.as_str())
        .collect();
    if unready.is_empty() {
        return (true, None, None);
    }
    (false, Some("ContainersNotReady"), Some(format!("containers with unready status: {}", list(&unready))))
}

fn ready(spec: &PodSpec, containers: &Verdict, held: &[PodCondition]) -> Verdict {
    if !containers.0 {
        return containers.clone();
    }
    let gates = spec.readiness_gates.iter().flatten().filter_map(|gate| {
        let kind = &gate.condition_type;
        match held.iter().find(|condition| condition.type_ == *kind) {
            None => Some(format!("corresponding condition of pod readiness gate \"{kind}\" does not exist.")),
            Some(condition) if condition.status != "True" => {
                Some(format!("the status of pod readiness gate \"{kind}\" is not \"True\", but {}", condition.status))
            }
            Some(_) => None,
        }
    });
    let closed: Vec<String> = gates.collect();
    if closed.is_empty() {
        (true, None, None)
    } else {
        (false, Some("ReadinessGatesNotReady"), Some(closed.join(", ")))
    }
}
