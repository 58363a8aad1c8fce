//! What a sync does to the containers of a Pod whose sandbox stands. Pure.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_manager.go (computePodActions) and
//! kuberuntime_container.go (computeInitContainerActions).

use std::collections::{BTreeMap, VecDeque};

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};

use super::containers::{self, List, is_sidecar};
use super::resize;
use super::worker::{ContainerRecord, KillOrder, KillReason, Op, Outcome};
use crate::cri::ContainerState;

/// Where the outcome of liveness probes stands in a record, and so on.
pub const LIVENESS: usize = 0;
/// See [`LIVENESS`].
pub const READINESS: usize = 1;
/// See [`LIVENESS`].
pub const STARTUP: usize = 2;

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// Nothing is left that must run.
    pub kill_pod: bool,
    /// Containers to end.
    pub kill: Vec<KillOrder>,
    /// Running containers that are given what they may use by now.
    pub resize: Vec<String>,
    /// Places in the list of ephemeral containers.
    pub ephemeral: Vec<usize>,
    /// Places in the list of init containers.
    pub init: Vec<usize>,
    /// Places in the list of containers.
    pub containers: Vec<usize>,
}

impl Actions {
    /// One after another, as a sync does them.
    pub fn into_ops(self) -> VecDeque<Op> {
        let mut ops = VecDeque::new();
        if self.kill_pod {
            ops.push_back(Op::KillPod);
        } else if !self.kill.is_empty() {
            ops.push_back(Op::Kill(self.kill));
        }
        let resize = (!self.resize.is_empty() && !self.kill_pod).then_some(self.resize);
        ops.extend(self.ephemeral.into_iter().map(|index| Op::Start(List::Ephemeral, index)));
        ops.extend(self.init.into_iter().map(|index| Op::Start(List::Init, index)));
        ops.extend(resize.map(Op::Resize));
        ops.extend(self.containers.into_iter().map(|index| Op::Start(List::Main, index)));
        ops
    }
}

type Records = BTreeMap<String, ContainerRecord>;

fn state<'a>(records: &'a Records, name: &str) -> Option<&'a ContainerState> {
    records.get(name)?.seen.as_ref().map(|seen| &seen.state)
}

fn probed(records: &Records, name: &str, kind: usize) -> Option<Outcome> {
    records.get(name).and_then(|record| record.probed.get(kind).copied().flatten())
}

fn changed(records: &Records, container: &Container) -> bool {
    records.get(&container.name).is_some_and(|record| record.image != container.image.as_deref().unwrap_or_default())
}

/// What a sync does.
pub fn compute(pod: &Pod, records: &Records) -> Actions {
    let Some(spec) = &pod.spec else { return Actions::default() };
    let mut actions = Actions::default();
    for (index, container) in spec.ephemeral_containers.iter().flatten().enumerate() {
        if state(records, &container.name).is_none() {
            actions.ephemeral.push(index);
        }
    }
    let initialised = init_actions(pod, spec, records, &mut actions);
    if actions.kill_pod || !initialised {
        return actions;
    }
    let mut kept = 0;
    for (index, container) in spec.containers.iter().enumerate() {
        let name = &container.name;
        if !matches!(state(records, name), Some(ContainerState::Running { .. })) {
            if containers::should_start(container, pod, records.get(name)) {
                actions.containers.push(index);
            }
            continue;
        }
        let (message, reason, restart) = if changed(records, container) {
            (format!("Container {name} definition changed"), KillReason::Other, true)
        } else {
            let restart = containers::restarts_after_probe(container, spec);
            match (probed(records, name, LIVENESS), probed(records, name, STARTUP)) {
                (Some(Outcome::Failure), _) => {
                    (format!("Container {name} failed liveness probe"), KillReason::Liveness, restart)
                }
                (_, Some(Outcome::Failure)) => {
                    (format!("Container {name} failed startup probe"), KillReason::Startup, restart)
                }
                _ => match resize_of(records, container) {
                    Change::Restart => (format!("Container {name} resize requires restart"), KillReason::Other, true),
                    change => {
                        kept += 1;
                        if change == Change::InPlace {
                            actions.resize.push(name.clone());
                        }
                        continue;
                    }
                },
            }
        };
        let by_resize = message.ends_with("requires restart");
        let message = if restart && !by_resize { format!("{message}, will be restarted") } else { message };
        if restart {
            actions.containers.push(index);
        }
        actions.kill.push(KillOrder { name: name.clone(), message, reason });
    }
    if kept == 0 && actions.containers.is_empty() {
        // Sidecars do not keep the Pod alive.
        actions.kill_pod = true;
        actions.init.clear();
    }
    actions
}

/// What a resize does to a running container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    InPlace,
    Restart,
}

fn resize_of(records: &Records, container: &Container) -> Change {
    let Some(record) = records.get(&container.name) else { return Change::None };
    let changed = resize::differences(record.resources.as_ref(), container.resources.as_ref());
    let restarts = |name: &&str| {
        let mut policies = container.resize_policy.iter().flatten();
        policies.any(|policy| policy.resource_name == **name && policy.restart_policy == "RestartContainer")
    };
    match (changed.is_empty(), changed.iter().any(restarts)) {
        (true, _) => Change::None,
        (false, true) => Change::Restart,
        (false, false) => Change::InPlace,
    }
}

/// What becomes of the init containers; whether all of them have done their part.
fn init_actions(pod: &Pod, spec: &PodSpec, records: &Records, actions: &mut Actions) -> bool {
    let init = spec.init_containers.as_deref().unwrap_or_default();
    if init.is_empty() {
        return true;
    }
    let mut initialised = spec.containers.iter().any(|container| {
        matches!(state(records, &container.name), Some(ContainerState::Created | ContainerState::Running { .. }))
    });
    // Whether a later container has shown that this one is past.
    let mut before = initialised;
    let last = init.len() - 1;
    for (index, container) in init.iter().enumerate().rev() {
        let sidecar = is_sidecar(container);
        let Some(state) = state(records, &container.name) else {
            if before && sidecar {
                actions.init.push(index);
            }
            continue;
        };
        if before && !sidecar {
            continue;
        }
        match state {
            ContainerState::Created => actions.init.push(index),
            ContainerState::Running { .. } if sidecar => {
                if sidecar_goes_on(container, index, records, actions) {
                    if index == last {
                        initialised = true;
                    } else if !before {
                        actions.init.push(index + 1);
                    }
                    condemned_sidecar(container, index, records, actions);
                }
            }
            ContainerState::Running { .. } => {}
            ContainerState::Exited { .. } if sidecar => actions.init.push(index),
            ContainerState::Exited { exit_code: 0, .. } => {
                if index == last {
                    initialised = true;
                } else {
                    actions.init.push(index + 1);
                }
            }
            ContainerState::Exited { .. } => {
                if !containers::should_start(container, pod, records.get(&container.name)) {
                    actions.kill_pod = true;
                    actions.init.clear();
                    return false;
                }
                actions.init.push(index);
            }
        }
        before = true;
    }
    if !before {
        actions.init.push(0);
    }
    actions.init.reverse();
    initialised
}

/// Whether a running sidecar has started up; one that failed to is ended and started again.
fn sidecar_goes_on(container: &Container, index: usize, records: &Records, actions: &mut Actions) -> bool {
    if container.startup_probe.is_none() {
        return true;
    }
    match probed(records, &container.name, STARTUP) {
        Some(Outcome::Success) => true,
        Some(Outcome::Failure) => {
            let message = format!("Init container {} failed startup probe", container.name);
            actions.kill.push(KillOrder { name: container.name.clone(), message, reason: KillReason::Startup });
            actions.init.push(index);
            false
        }
        _ => false,
    }
}

/// A sidecar that has changed, or whose liveness probe failed, is ended and started again.
fn condemned_sidecar(container: &Container, index: usize, records: &Records, actions: &mut Actions) {
    let name = &container.name;
    let (message, reason) = if changed(records, container) {
        (format!("Init container {name} definition changed"), KillReason::Other)
    } else if probed(records, name, LIVENESS) == Some(Outcome::Failure) {
        (format!("Init container {name} failed liveness probe"), KillReason::Liveness)
    } else {
        match resize_of(records, container) {
            Change::None => return,
            Change::InPlace => return actions.resize.push(name.clone()),
            Change::Restart => (format!("Container {name} resize requires restart"), KillReason::Other),
        }
    };
    actions.kill.push(KillOrder { name: name.clone(), message, reason });
    actions.init.push(index);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cri::{ContainerStatus, ImageInfo, StopReason, User};
    use crate::sim::Time;

    const RUNNING: ContainerState = ContainerState::Running { started: Time::from_seconds(1) };

    fn exited(exit_code: i32) -> ContainerState {
        let (at, message) = (Time::from_seconds(1), String::new());
        let reason = if exit_code == 0 { StopReason::Completed } else { StopReason::Error };
        ContainerState::Exited { started: at, finished: at, exit_code, reason, message }
    }

    /// `r` runs, `s` has succeeded, `f` has failed, `c` is made but not started, `-` is not there.
    fn record(mark: char) -> Option<ContainerRecord> {
        let state = match mark {
            'r' => RUNNING,
            's' => exited(0),
            'f' => exited(137),
            'c' => ContainerState::Created,
            _ => return None,
        };
        let image = ImageInfo { name: "i".into(), id: "i".into(), size: 1, user: User::default() };
        let (id, name, termination_log) = (String::new(), String::new(), String::new());
        let seen = ContainerStatus { id, name, image, user: User::default(), state, termination_log };
        Some(ContainerRecord { seen: Some(seen), image: "i".into(), ..ContainerRecord::default() })
    }

    struct Case {
        pod: Pod,
        records: Records,
    }

    impl Case {
        fn new(policy: &str, sidecars: bool, init: &str, main: &str) -> Self {
            let list = |prefix: &str, marks: &str, sidecars: bool| {
                let made = (0..marks.len()).map(|index| {
                    let mut one = serde_json::json!({"name": format!("{prefix}{index}"), "image": "i"});
                    if sidecars {
                        one["restartPolicy"] = "Always".into();
                    }
                    one
                });
                made.collect::<Vec<_>>()
            };
            let pod = serde_json::from_value(serde_json::json!({"spec": {"restartPolicy": policy,
                "initContainers": list("i", init, sidecars), "containers": list("c", main, false)}}));
            let marks = |prefix: &'static str, marks: &str| {
                let marks: Vec<char> = marks.chars().collect();
                marks.into_iter().enumerate().filter_map(move |(i, mark)| Some((format!("{prefix}{i}"), record(mark)?)))
            };
            Self { pod: pod.unwrap(), records: marks("i", init).chain(marks("c", main)).collect() }
        }

        fn probed(mut self, name: &str, kind: usize, outcome: Outcome) -> Self {
            self.records.get_mut(name).unwrap().probed[kind] = Some(outcome);
            let spec = self.pod.spec.as_mut().unwrap();
            let all = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers);
            let container = all.into_iter().find(|container| container.name == name).unwrap();
            let probe = Some(k8s_openapi::api::core::v1::Probe::default());
            if kind == STARTUP {
                container.startup_probe = probe
            } else {
                container.liveness_probe = probe
            }
            self
        }

        fn image(mut self, name: &str, image: &str) -> Self {
            self.records.get_mut(name).unwrap().image = image.to_owned();
            self
        }

        fn rules(mut self, index: usize, policy: &str, code: i32, action: &str) -> Self {
            let container = &mut self.pod.spec.as_mut().unwrap().containers[index];
            container.restart_policy = Some(policy.to_owned());
            container.restart_policy_rules = serde_json::from_value(serde_json::json!([
                {"action": action, "exitCodes": {"operator": "In", "values": [code]}}]))
            .unwrap();
            self
        }
    }

    fn verify(name: &str, case: &Case, kill_pod: bool, kill: &[&str], init: &[usize], containers: &[usize]) {
        let actions = compute(&case.pod, &case.records);
        let killed: Vec<&str> = actions.kill.iter().map(|order| order.name.as_str()).collect();
        assert_eq!(
            (actions.kill_pod, killed.as_slice(), actions.init.as_slice(), actions.containers.as_slice()),
            (kill_pod, kill, init, containers),
            "{name}"
        );
    }

    #[test]
    fn compute_pod_actions() {
        let case = |policy: &str, main: &str| Case::new(policy, false, "", main);
        verify("everything is good; do nothing", &case("Always", "rrr"), false, &[], &[], &[]);
        verify(
            "start pod sandbox and all containers for a new pod",
            &case("Always", "---"),
            false,
            &[],
            &[],
            &[0, 1, 2],
        );
        verify(
            "restart exited containers if RestartPolicy == Always",
            &case("Always", "sfr"),
            false,
            &[],
            &[],
            &[0, 1],
        );
        verify(
            "restart failed containers if RestartPolicy == OnFailure",
            &case("OnFailure", "sfr"),
            false,
            &[],
            &[],
            &[1],
        );
        verify(
            "restart created but not started containers if RestartPolicy == OnFailure",
            &case("OnFailure", "scr"),
            false,
            &[],
            &[],
            &[1],
        );
        verify("don't restart containers if RestartPolicy == Never", &case("Never", "sfr"), false, &[], &[], &[]);
        verify(
            "Kill and recreate the container if the container's spec changed",
            &case("Always", "rrr").image("c1", "other"),
            false,
            &["c1"],
            &[],
            &[1],
        );
        verify(
            "Kill and recreate the container if the liveness check has failed",
            &case("Always", "rrr").probed("c1", LIVENESS, Outcome::Failure),
            false,
            &["c1"],
            &[],
            &[1],
        );
        verify(
            "Kill and recreate the container if the startup check has failed",
            &case("Always", "rrr").probed("c1", STARTUP, Outcome::Failure),
            false,
            &["c1"],
            &[],
            &[1],
        );
        verify(
            "a container that failed its liveness check stays ended if RestartPolicy == Never",
            &case("Never", "rr").probed("c1", LIVENESS, Outcome::Failure),
            false,
            &["c1"],
            &[],
            &[],
        );
        verify(
            "Restart the container if the container is in created state",
            &case("Never", "rcr"),
            false,
            &[],
            &[],
            &[1],
        );
        verify("nothing is left to run", &case("Never", "sf"), true, &[], &[], &[]);
        verify(
            "a rule about the exit code restarts what the policy of the Pod would not",
            &case("Never", "f").rules(0, "Never", 137, "Restart"),
            false,
            &[],
            &[],
            &[0],
        );
        verify(
            "the policy of the container counts where no rule matches",
            &case("Always", "fr").rules(0, "Never", 42, "Restart"),
            false,
            &[],
            &[],
            &[],
        );
    }

    #[test]
    fn compute_pod_actions_with_init_containers() {
        let case = |policy: &str, init: &str, main: &str| Case::new(policy, false, init, main);
        verify(
            "initialization completed; start all containers",
            &case("Always", "sss", "---"),
            false,
            &[],
            &[],
            &[0, 1, 2],
        );
        verify(
            "no init containers have been started; start the first one",
            &case("Always", "---", "---"),
            false,
            &[],
            &[0],
            &[],
        );
        verify("initialization in progress; do nothing", &case("Always", "ssr", "---"), false, &[], &[], &[]);
        verify(
            "initialization failed; restart the last init container if RestartPolicy == Always",
            &case("Always", "ssf", "---"),
            false,
            &[],
            &[2],
            &[],
        );
        verify(
            "initialization failed; restart the last init container if RestartPolicy == OnFailure",
            &case("OnFailure", "ssf", "---"),
            false,
            &[],
            &[2],
            &[],
        );
        verify(
            "initialization failed; kill pod if RestartPolicy == Never",
            &case("Never", "ssf", "---"),
            true,
            &[],
            &[],
            &[],
        );
        verify(
            "some of the init container statuses are missing but the last init container is running, don't restart preceding ones",
            &case("Always", "--r", "---"),
            false,
            &[],
            &[],
            &[],
        );
        verify(
            "an init container is in the created state due to an unknown error when starting container; restart it",
            &case("Always", "ssc", "---"),
            false,
            &[],
            &[2],
            &[],
        );
    }

    #[test]
    fn compute_pod_actions_with_restartable_init_containers() {
        let case = |policy: &str, init: &str, main: &str| Case::new(policy, true, init, main);
        let (failed, unknown, passed) = (Outcome::Failure, Outcome::Unknown, Outcome::Success);
        verify(
            "initialization completed; start all containers",
            &case("Always", "rrr", "---"),
            false,
            &[],
            &[],
            &[0, 1, 2],
        );
        verify(
            "no init containers have been started; start the first one",
            &case("Always", "---", "---"),
            false,
            &[],
            &[0],
            &[],
        );
        verify(
            "an init container is stuck in the created state; restart it",
            &case("Always", "rrc", "---"),
            false,
            &[],
            &[2],
            &[],
        );
        verify(
            "restartable init container has started; start the next",
            &case("Always", "r--", "---"),
            false,
            &[],
            &[1],
            &[],
        );
        verify(
            "livenessProbe in progress; start the next",
            &case("Always", "rr-", "---").probed("i1", LIVENESS, unknown),
            false,
            &[],
            &[2],
            &[],
        );
        verify(
            "kill and recreate the restartable init container if the liveness check has failed",
            &case("Always", "rrr", "---").probed("i2", LIVENESS, failed),
            false,
            &["i2"],
            &[2],
            &[0, 1, 2],
        );
        verify(
            "startupProbe in progress; do nothing",
            &case("Always", "rr-", "---").probed("i1", STARTUP, unknown),
            false,
            &[],
            &[],
            &[],
        );
        verify(
            "startupProbe has completed; start the next",
            &case("Always", "rr-", "---").probed("i1", STARTUP, passed),
            false,
            &[],
            &[2],
            &[],
        );
        verify(
            "kill and recreate the restartable init container if the startup check has failed",
            &case("Always", "rrr", "---").probed("i2", STARTUP, failed),
            false,
            &["i2"],
            &[2],
            &[],
        );
        verify(
            "kill and recreate the restartable init container if the container definition changes",
            &case("Always", "rrr", "---").image("i2", "other"),
            false,
            &["i2"],
            &[2],
            &[0, 1, 2],
        );
        verify(
            "restart terminated restartable init container and next init container",
            &case("Always", "frf", "---"),
            false,
            &[],
            &[0, 2],
            &[],
        );
        verify(
            "restart terminated restartable init container and regular containers",
            &case("Always", "frr", "---"),
            false,
            &[],
            &[0],
            &[0, 1, 2],
        );
        verify(
            "initialization failed; restart the last restartable init container even if pod's RestartPolicy == Never",
            &case("Never", "rrf", "---"),
            false,
            &[],
            &[2],
            &[],
        );
        verify(
            "restart restartable init container if regular containers are running even if pod's RestartPolicy == Never",
            &case("Never", "rrf", "rrr"),
            false,
            &[],
            &[2],
            &[],
        );
        verify(
            "kill the pod if all main containers succeeded if pod's RestartPolicy == Never",
            &case("Never", "rrr", "sss"),
            true,
            &[],
            &[],
            &[],
        );
        verify(
            "some of the init container statuses are missing but the last init container is running, restart restartable init and regular containers",
            &case("Always", "--r", "---"),
            false,
            &[],
            &[0, 1],
            &[0, 1, 2],
        );
    }
}
