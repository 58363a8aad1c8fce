//! The phase of a Pod, from how its containers stand. Pure.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kubelet_pods.go (getPhase).

use k8s_openapi::api::core::v1::{Container, ContainerStatus as ApiStatus, PodSpec};

use super::containers::{self, is_sidecar};

/// How one container stands, as far as the phase asks.
enum Standing {
    Running {
        started: bool,
    },
    /// Ended, or waiting to be started again after that; and whether it will be.
    Ended {
        code: i32,
        restarts: bool,
        waiting: bool,
    },
    Waiting,
}

fn standing(spec: &PodSpec, container: &Container, statuses: &[ApiStatus]) -> Standing {
    let Some(status) = statuses.iter().find(|status| status.name == container.name) else { return Standing::Waiting };
    let state = status.state.as_ref();
    if state.is_some_and(|state| state.running.is_some()) {
        return Standing::Running { started: status.started == Some(true) };
    }
    let now = state.and_then(|state| state.terminated.as_ref());
    let before = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    match now.or(before) {
        Some(end) => Standing::Ended {
            code: end.exit_code,
            restarts: containers::restarts(container, spec, end.exit_code),
            waiting: now.is_none(),
        },
        None => Standing::Waiting,
    }
}

/// The phase. `terminal` when everything has stopped for good, whatever the restart policy says.
pub fn phase(spec: &PodSpec, init: &[ApiStatus], statuses: &[ApiStatus], terminal: bool) -> &'static str {
    let init_containers = spec.init_containers.as_deref().unwrap_or_default();
    let (mut pending, mut pending_sidecars, mut running, mut waiting) = (0, 0, 0, 0);
    for container in init_containers.iter().filter(|container| !is_sidecar(container)) {
        match standing(spec, container, init) {
            Standing::Running { .. } | Standing::Waiting => pending += 1,
            Standing::Ended { code: 0, .. } => {}
            Standing::Ended { restarts: false, .. } => return "Failed",
            // It will be tried again: the Pod has not got beyond it.
            Standing::Ended { .. } => {}
        }
    }
    for container in init_containers.iter().filter(|container| is_sidecar(container)) {
        match standing(spec, container, init) {
            Standing::Running { started } => {
                running += 1;
                pending_sidecars += usize::from(!started);
            }
            // A sidecar that has ended says nothing about the Pod.
            Standing::Ended { .. } => {}
            Standing::Waiting => {
                pending_sidecars += 1;
                waiting += 1;
            }
        }
    }
    let (mut stopped, mut succeeded, mut final_ends, mut active) = (0, 0, 0, false);
    for container in &spec.containers {
        match standing(spec, container, statuses) {
            Standing::Running { .. } => {
                running += 1;
                active = true;
            }
            Standing::Ended { code, restarts, waiting } => {
                stopped += 1;
                succeeded += usize::from(code == 0 && !waiting);
                final_ends += usize::from(!restarts);
            }
            Standing::Waiting => waiting += 1,
        }
    }
    if pending > 0 || (pending_sidecars > 0 && !active) || waiting > 0 {
        return "Pending";
    }
    if running > 0 {
        return "Running";
    }
    if stopped == 0 {
        return "Pending";
    }
    match (terminal || stopped == final_ends, stopped == succeeded) {
        (true, true) => "Succeeded",
        (true, false) => "Failed",
        // Something is about to be started again.
        (false, _) => "Running",
    }
}
