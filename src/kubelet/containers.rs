//! The three lists of containers of a Pod, and whether a container that has ended is started again.
//!
//! Models Kubernetes 1.36 pkg/kubelet/container/helpers.go (ShouldContainerBeRestarted, ShouldAllContainersRestart).

use k8s_openapi::api::core::v1::{Container, EphemeralContainer, Pod, PodSpec};

use super::worker::ContainerRecord;
pub use crate::api::pod::restart::{could_restart_all, restarts, restarts_all};
use crate::cri::ContainerState;

/// The condition of a Pod whose containers are all being started again.
pub const ALL_RESTARTING: &str = "AllContainersRestarting";

/// One of the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Run one after another before the others; sidecars go on.
    Init,
    /// The Pod's own.
    Main,
    /// Added to a running Pod, for debugging.
    Ephemeral,
}

impl List {
    /// The field of the Pod's spec.
    pub const fn field(self) -> &'static str {
        match self {
            List::Init => "initContainers",
            List::Main => "containers",
            List::Ephemeral => "ephemeralContainers",
        }
    }

    /// Where an event of a container stands: `spec.containers{name}`.
    pub fn path(self, name: &str) -> String {
        format!("spec.{}{{{name}}}", self.field())
    }
}

/// Whether an init container goes on beside the others.
pub fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// The container at a place of a list.
pub fn at(pod: &Pod, list: List, index: usize) -> Option<Container> {
    let spec = pod.spec.as_ref()?;
    match list {
        List::Init => spec.init_containers.as_ref()?.get(index).cloned(),
        List::Main => spec.containers.get(index).cloned(),
        List::Ephemeral => spec.ephemeral_containers.as_ref()?.get(index).map(plain),
    }
}

/// The container of that name and the list it stands in.
pub fn find(pod: &Pod, name: &str) -> Option<(List, Container)> {
    let spec = pod.spec.as_ref()?;
    let init = spec.init_containers.iter().flatten().map(|container| (List::Init, container));
    let found = init
        .chain(spec.containers.iter().map(|container| (List::Main, container)))
        .find(|(_, container)| container.name == name);
    let ephemeral = || spec.ephemeral_containers.iter().flatten().find(|container| container.name == name);
    found
        .map(|(list, container)| (list, container.clone()))
        .or_else(|| ephemeral().map(|container| (List::Ephemeral, plain(container))))
}

/// An ephemeral container as one of the others.
pub fn plain(container: &EphemeralContainer) -> Container {
    let from = container.clone();
    Container {
        args: from.args,
        command: from.command,
        env: from.env,
        env_from: from.env_from,
        image: from.image,
        image_pull_policy: from.image_pull_policy,
        lifecycle: from.lifecycle,
        liveness_probe: from.liveness_probe,
        name: from.name,
        ports: from.ports,
        readiness_probe: from.readiness_probe,
        resize_policy: from.resize_policy,
        resources: from.resources,
        restart_policy: from.restart_policy,
        restart_policy_rules: from.restart_policy_rules,
        security_context: from.security_context,
        startup_probe: from.startup_probe,
        stdin: from.stdin,
        stdin_once: from.stdin_once,
        termination_message_path: from.termination_message_path,
        termination_message_policy: from.termination_message_policy,
        tty: from.tty,
        volume_devices: from.volume_devices,
        volume_mounts: from.volume_mounts,
        working_dir: from.working_dir,
    }
}

/// Whether all containers of a Pod are started again, or are about to be: the status says so, or one has ended with a
/// code whose rule asks for it. `ended` gives the exit code of a container that has ended.
pub fn all_restart(pod: &Pod, ended: impl Fn(&str) -> Option<i32>) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let told = conditions.into_iter().any(|held| held.type_ == ALL_RESTARTING && held.status == "True");
    let all = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers));
    told || all.into_iter().any(|container| ended(&container.name).is_some_and(|code| restarts_all(container, code)))
}

/// Whether a container that a probe has condemned is started again: rules about exit codes do not count.
pub fn restarts_after_probe(container: &Container, spec: &PodSpec) -> bool {
    match container.restart_policy.as_deref() {
        Some(policy) => policy != "Never",
        None => spec.restart_policy.as_deref() != Some("Never"),
    }
}

/// Whether a container is to be started, now or when its back-off ends.
pub fn should_start(container: &Container, pod: &Pod, record: Option<&ContainerRecord>) -> bool {
    if pod.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let Some(seen) = record.and_then(|record| record.seen.as_ref()) else { return true };
    match &seen.state {
        ContainerState::Running { .. } => false,
        ContainerState::Created => true,
        ContainerState::Exited { exit_code, .. } => {
            pod.spec.as_ref().is_none_or(|spec| restarts(container, spec, *exit_code))
        }
    }
}
