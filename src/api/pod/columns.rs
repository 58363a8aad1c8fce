//! The table of Pods, above all the STATUS column.
//!
//! Models Kubernetes 1.36 pkg/printers/internalversion/printers.go (`printPod`).

use k8s_openapi::api::core::v1::{Container, ContainerStateTerminated, ContainerStatus, Pod, PodStatus};
use serde_json::json;

use crate::api::{Cell, Column, cells};
use crate::apimachinery::meta;
use crate::sim::Time;

pub const COLUMNS: &[Column] = &[
    Column::NAME,
    Column::new("Ready", "How many of the Pod's containers are ready for traffic."),
    Column::new("Status", "What the Pod and its containers are doing."),
    Column::new("Restarts", "How often containers of the Pod were started anew, and how long ago the last time."),
    Column::AGE,
    Column::new("IP", "The Pod's address.").wide(),
    Column::new("Node", "The node that the Pod is bound to.").wide(),
    Column::new("Nominated Node", "The node on which others are being evicted to make room.").wide(),
    Column::new("Readiness Gates", "How many of the extra readiness conditions hold.").wide(),
];

/// What is read off the containers.
struct Summary {
    reason: String,
    restarts: i64,
    last_restart: Option<jiff::Timestamp>,
    ready: usize,
    total: usize,
}

impl Summary {
    fn saw_restart(&mut self, container: &ContainerStatus) {
        let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
        if let Some(at) = ended.and_then(|ended| ended.finished_at.as_ref()) {
            self.last_restart = self.last_restart.max(Some(at.0));
        }
    }
}

/// The cells of a Pod's row.
pub fn row(pod: &Pod, now: Time) -> Vec<Cell> {
    let none = PodStatus::default();
    let status = pod.status.as_ref().unwrap_or(&none);
    let summary = summarize(pod, status);
    let restarts = match summary.last_restart {
        Some(at) if summary.restarts != 0 => {
            format!("{} ({} ago)", summary.restarts, cells::between(at, now.timestamp()))
        }
        _ => summary.restarts.to_string(),
    };
    let spec = pod.spec.as_ref();
    let ip = status.pod_ips.iter().flatten().next().map(|ip| ip.ip.as_str());
    let gates = spec.map_or(&[][..], |spec| spec.readiness_gates.as_deref().unwrap_or_default());
    let gates = if gates.is_empty() {
        cells::NONE.to_owned()
    } else {
        let holds = |kind: &str| condition(status, kind).is_some_and(|held| held == "True");
        let holding = gates.iter().filter(|gate| holds(&gate.condition_type)).count();
        format!("{holding}/{}", gates.len())
    };
    vec![
        json!(meta::name(&pod.metadata)),
        json!(format!("{}/{}", summary.ready, summary.total)),
        json!(summary.reason),
        json!(restarts),
        json!(cells::age(&pod.metadata, now)),
        json!(cells::or(ip, cells::NONE)),
        json!(cells::or(spec.and_then(|spec| spec.node_name.as_deref()), cells::NONE)),
        json!(cells::or(status.nominated_node_name.as_deref(), cells::NONE)),
        json!(gates),
    ]
}

fn condition<'a>(status: &'a PodStatus, kind: &str) -> Option<&'a str> {
    status.conditions.iter().flatten().find(|held| held.type_ == kind).map(|held| held.status.as_str())
}

fn ended_text(ended: &ContainerStateTerminated, prefix: &str) -> String {
    match (ended.reason.as_deref().unwrap_or_default(), ended.signal.unwrap_or(0)) {
        ("", 0) => format!("{prefix}ExitCode:{}", ended.exit_code),
        ("", signal) => format!("{prefix}Signal:{signal}"),
        (reason, _) => format!("{prefix}{reason}"),
    }
}

fn summarize(pod: &Pod, status: &PodStatus) -> Summary {
    let phase = status.phase.clone().unwrap_or_default();
    let given = status.reason.as_deref().unwrap_or_default();
    let inits = pod.spec.as_ref().and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
    let sidecars = inits.iter().filter(|init| is_sidecar(init)).count();
    let mut summary = Summary {
        reason: if given.is_empty() { phase.clone() } else { given.to_owned() },
        restarts: 0,
        last_restart: None,
        ready: 0,
        total: pod.spec.as_ref().map_or(0, |spec| spec.containers.len()) + sidecars,
    };
    let gated = |held: &k8s_openapi::api::core::v1::PodCondition| {
        held.type_ == "PodScheduled" && held.reason.as_deref() == Some("SchedulingGated")
    };
    if status.conditions.iter().flatten().any(gated) {
        summary.reason = "SchedulingGated".to_owned();
    }
    let mut of_sidecars = Summary { reason: String::new(), ..summary };
    let initializing = read_init_containers(status, inits, &mut summary, &mut of_sidecars);
    if !initializing || condition(status, "Initialized") == Some("True") {
        // Once the Pod runs, only what restarts with it counts.
        summary.restarts = of_sidecars.restarts;
        summary.last_restart = of_sidecars.last_restart;
        read_containers(status, &mut summary);
    }
    if meta::is_deleting(&pod.metadata) {
        if given == "NodeLost" {
            summary.reason = "Unknown".to_owned();
        } else if phase != "Succeeded" && phase != "Failed" {
            summary.reason = "Terminating".to_owned();
        }
    }
    summary
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// Reads the init containers up to the first that has not done its work; says whether there is one.
fn read_init_containers(status: &PodStatus, inits: &[Container], all: &mut Summary, of_sidecars: &mut Summary) -> bool {
    for (index, container) in status.init_container_statuses.iter().flatten().enumerate() {
        let sidecar = inits.iter().any(|init| init.name == container.name && is_sidecar(init));
        all.restarts += i64::from(container.restart_count);
        all.saw_restart(container);
        if sidecar {
            of_sidecars.restarts += i64::from(container.restart_count);
            of_sidecars.saw_restart(container);
        }
        let state = container.state.clone().unwrap_or_default();
        let waits = state.waiting.as_ref().and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default();
        if let Some(ended) = state.terminated.as_ref().filter(|ended| ended.exit_code == 0 || !sidecar) {
            if ended.exit_code == 0 {
                continue;
            }
            all.reason = ended_text(ended, "Init:");
        } else if sidecar && container.started == Some(true) {
            all.ready += usize::from(container.ready);
            continue;
        } else if let Some(ended) = &state.terminated {
            all.reason = ended_text(ended, "Init:");
        } else if !waits.is_empty() && waits != "PodInitializing" {
            all.reason = format!("Init:{waits}");
        } else {
            all.reason = format!("Init:{index}/{}", inits.len());
        }
        return true;
    }
    false
}

fn read_containers(status: &PodStatus, summary: &mut Summary) {
    let mut running = false;
    for container in status.container_statuses.iter().flatten().rev() {
        summary.restarts += i64::from(container.restart_count);
        summary.saw_restart(container);
        let state = container.state.clone().unwrap_or_default();
        let waits = state.waiting.as_ref().and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default();
        if !waits.is_empty() {
            summary.reason = waits.to_owned();
        } else if let Some(ended) = &state.terminated {
            summary.reason = ended_text(ended, "");
        } else if container.ready && state.running.is_some() {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" && running {
        let ready = condition(status, "Ready") == Some("True");
        summary.reason = if ready { "Running" } else { "NotReady" }.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn cells_of(json: Value) -> (String, String, String) {
        let pod: Pod = serde_json::from_value(json).unwrap();
        let row = row(&pod, Time::from_seconds(100));
        let text = |index: usize| row[index].as_str().unwrap().to_owned();
        assert_eq!(row.len(), COLUMNS.len());
        (text(1), text(2), text(3))
    }

    #[test]
    fn status_says_what_the_containers_do() {
        let cases = [
            (
                "a container that waits",
                json!({"phase": "Pending", "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ErrImagePull"}}}]}),
                ("0/1", "ErrImagePull", "0"),
            ),
            (
                "a container that failed without a reason",
                json!({"phase": "Failed", "containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 3}}}]}),
                ("0/1", "ExitCode:3", "0"),
            ),
            (
                "restarts with the time since the last",
                json!({"phase": "Running", "containerStatuses": [{"name": "c", "ready": true, "restartCount": 3, "state": {"running": {}},
                    "lastState": {"terminated": {"exitCode": 1, "finishedAt": "1970-01-01T00:01:30Z"}}}]}),
                ("1/1", "Running", "3 (10s ago)"),
            ),
            (
                "an init container that runs",
                json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]}),
                ("0/1", "Init:0/1", "0"),
            ),
            (
                "an init container that fails again and again",
                json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}),
                ("0/1", "Init:CrashLoopBackOff", "2"),
            ),
        ];
        for (name, status, expected) in cases {
            let got = cells_of(json!({"metadata": {"name": "p"}, "status": status,
                "spec": {"containers": [{"name": "c"}], "initContainers": [{"name": "i"}]}}));
            assert_eq!((got.0.as_str(), got.1.as_str(), got.2.as_str()), expected, "{name}");
        }
    }
}
