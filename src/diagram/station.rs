//! Reads where a Pod stands: the only `match` on a phase. Knows nothing of time or of what was before.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};

use super::model::{Station, Tone};

/// What one look at a Pod tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Where it stands.
    pub station: Station,
    /// How it is drawn.
    pub tone: Tone,
    /// The word beside it; empty when the station says it all.
    pub reason: String,
    /// The sentence that goes with the reason; may be empty.
    pub message: String,
    /// Restarts of all its containers together.
    pub restarts: u32,
    /// The exit code of the container that decided.
    pub exit_code: Option<i32>,
    /// Whether a container has ever run.
    pub logs: bool,
    /// Whether all containers are ready.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
}

impl Reading {
    /// The state in one word, as the story tells it.
    pub fn label(&self) -> &str {
        if self.terminating {
            "Terminating"
        } else if self.reason.is_empty() || matches!(self.station, Station::Succeeded | Station::Failed) {
            self.station.name()
        } else {
            &self.reason
        }
    }
}

/// Where `pod` stands on the line.
pub fn station(pod: &Pod) -> Reading {
    let status = pod.status.clone().unwrap_or_default();
    let main = status.container_statuses.unwrap_or_default();
    let init = status.init_container_statuses.unwrap_or_default();
    let all: Vec<&ContainerStatus> = init.iter().chain(&main).collect();
    let terminating = pod.metadata.deletion_timestamp.is_some();
    let phase = status.phase.unwrap_or_default();

    let waiting = all.iter().find_map(|container| waiting_reason(container));
    let ended = deciding_exit(&main).or_else(|| deciding_exit(&init));
    let (station, mut tone, mut reason, mut message) = match phase.as_str() {
        "Succeeded" => (Station::Succeeded, Tone::Succeeded, String::new(), String::new()),
        "Failed" => {
            let reason = status.reason.or_else(|| ended.as_ref().map(|ended| ended.1.clone())).unwrap_or_default();
            (Station::Failed, Tone::Failed, reason, status.message.unwrap_or_default())
        }
        "Running" => match end_before_phase(pod, &main) {
            // The kubelet keeps the phase until everything of the Pod is torn down, a second or so.
            Some(true) => (Station::Succeeded, Tone::Succeeded, String::new(), String::new()),
            Some(false) => {
                let reason = ended.as_ref().map(|ended| ended.1.clone()).unwrap_or_default();
                (Station::Failed, Tone::Failed, reason, String::new())
            }
            None => (Station::Running, Tone::Running, String::new(), String::new()),
        },
        "Unknown" => (Station::Running, Tone::Failed, "Unknown".to_owned(), status.message.unwrap_or_default()),
        _ if all.is_empty() => (Station::Pending, Tone::Waiting, String::new(), String::new()),
        _ => (Station::ContainerCreating, Tone::Waiting, String::new(), String::new()),
    };
    let moving = matches!(station, Station::ContainerCreating | Station::Running);
    if let (true, Some((word, sentence))) = (moving, &waiting) {
        if is_trouble(word) {
            tone = Tone::Failed;
        }
        if word != "ContainerCreating" {
            reason.clone_from(word);
        }
        message.clone_from(sentence);
    } else if let (Station::Running, Some((code, word))) = (station, &ended)
        && !main.iter().any(is_running)
    {
        // The moment between the end of a container and its back-off.
        reason.clone_from(word);
        if *code != 0 {
            tone = Tone::Failed;
        }
    }
    if terminating {
        tone = Tone::Terminating;
    }
    Reading {
        station,
        tone,
        reason,
        message,
        restarts: all.iter().map(|container| u32::try_from(container.restart_count).unwrap_or(0)).sum(),
        exit_code: ended.map(|ended| ended.0),
        logs: all.iter().any(|container| has_run(container)),
        ready: !main.is_empty() && main.iter().all(|container| container.ready),
        terminating,
    }
}

/// Whether all containers have ended for good, and if so whether all with 0.
fn end_before_phase(pod: &Pod, containers: &[ContainerStatus]) -> Option<bool> {
    let policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()).unwrap_or("Always");
    let exits: Option<Vec<i32>> =
        containers.iter().map(|container| Some(container.state.as_ref()?.terminated.as_ref()?.exit_code)).collect();
    let good = exits.filter(|exits| !exits.is_empty())?.iter().all(|code| *code == 0);
    match policy {
        "Never" => Some(good),
        "OnFailure" if good => Some(true),
        _ => None,
    }
}

/// Waiting reasons that are no ordinary part of a start.
fn is_trouble(reason: &str) -> bool {
    !matches!(reason, "ContainerCreating" | "PodInitializing" | "")
}

fn is_running(container: &ContainerStatus) -> bool {
    container.state.as_ref().is_some_and(|state| state.running.is_some())
}

fn waiting_reason(container: &ContainerStatus) -> Option<(String, String)> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    Some((waiting.reason.clone().unwrap_or_default(), waiting.message.clone().unwrap_or_default()))
}

fn has_run(container: &ContainerStatus) -> bool {
    let ran = |state: &Option<ContainerState>| {
        state.as_ref().is_some_and(|state| {
            state.running.is_some()
                // A container that could not be created has a terminated state, but never wrote a line.
                || state.terminated.as_ref().is_some_and(|ended| ended.reason.as_deref() != Some("ContainerCannotRun"))
        })
    };
    ran(&container.state) || ran(&container.last_state)
}

/// The exit that decides: the first that is not 0, else the first; looks at the last run of a waiting container too.
fn deciding_exit(containers: &[ContainerStatus]) -> Option<(i32, String)> {
    let exits: Vec<(i32, String)> = containers
        .iter()
        .filter_map(|container| {
            let now = container.state.as_ref().and_then(|state| state.terminated.as_ref());
            let before = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
            now.or(before).map(|ended| (ended.exit_code, ended.reason.clone().unwrap_or_default()))
        })
        .collect();
    exits.iter().find(|exit| exit.0 != 0).or_else(|| exits.first()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(status: serde_json::Value) -> Reading {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "status": status});
        station(&serde_json::from_value(pod).unwrap())
    }

    fn container(state: serde_json::Value, last: serde_json::Value, restarts: i32) -> serde_json::Value {
        json!([{"name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
                "state": state, "lastState": last}])
    }

    #[test]
    fn every_state_of_a_pod_has_its_place_on_the_line() {
        let none = json!({});
        let ended = |code: i32, reason: &str| json!({"terminated": {"exitCode": code, "reason": reason}});
        let wait = |reason: &str| json!({"waiting": {"reason": reason}});
        let cases = [
            (
                "fresh from its controller",
                json!({"phase": "Pending"}),
                Station::Pending,
                Tone::Waiting,
                "Pending",
                None,
            ),
            (
                "taken up by a kubelet",
                json!({"phase": "Pending", "containerStatuses": container(wait("ContainerCreating"), none.clone(), 0)}),
                Station::ContainerCreating,
                Tone::Waiting,
                "ContainerCreating",
                None,
            ),
            (
                "its image cannot be pulled",
                json!({"phase": "Pending", "containerStatuses": container(wait("ImagePullBackOff"), none.clone(), 0)}),
                Station::ContainerCreating,
                Tone::Failed,
                "ImagePullBackOff",
                None,
            ),
            (
                "running",
                json!({"phase": "Running", "containerStatuses": container(json!({"running": {}}), none.clone(), 0)}),
                Station::Running,
                Tone::Running,
                "Running",
                None,
            ),
            (
                "running again after a failure",
                json!({"phase": "Running", "containerStatuses": container(json!({"running": {}}), ended(1, "Error"), 1)}),
                Station::Running,
                Tone::Running,
                "Running",
                Some(1),
            ),
            (
                "ended and to be started again",
                json!({"phase": "Running", "containerStatuses": container(ended(3, "Error"), none.clone(), 0)}),
                Station::Running,
                Tone::Failed,
                "Error",
                Some(3),
            ),
            (
                "waiting out its back-off",
                json!({"phase": "Running", "containerStatuses": container(wait("CrashLoopBackOff"), ended(1, "Error"), 2)}),
                Station::Running,
                Tone::Failed,
                "CrashLoopBackOff",
                Some(1),
            ),
            (
                "done",
                json!({"phase": "Succeeded", "containerStatuses": container(ended(0, "Completed"), none.clone(), 0)}),
                Station::Succeeded,
                Tone::Succeeded,
                "Succeeded",
                Some(0),
            ),
            (
                "failed",
                json!({"phase": "Failed", "containerStatuses": container(ended(7, "Error"), none.clone(), 0)}),
                Station::Failed,
                Tone::Failed,
                "Failed",
                Some(7),
            ),
            (
                "stopped by its deadline",
                json!({"phase": "Failed", "reason": "DeadlineExceeded"}),
                Station::Failed,
                Tone::Failed,
                "Failed",
                None,
            ),
            ("a phase nobody knows", json!({"phase": "Dreaming"}), Station::Pending, Tone::Waiting, "Pending", None),
        ];
        for (name, status, station, tone, label, exit) in cases {
            let reading = read(status);
            assert_eq!(
                (reading.station, reading.tone, reading.label(), reading.exit_code),
                (station, tone, label, exit),
                "{name}"
            );
        }
    }

    #[test]
    fn a_pod_whose_containers_ended_for_good_is_over_before_its_phase_says_so() {
        let cases = [
            ("Never", 0, Station::Succeeded),
            ("Never", 3, Station::Failed),
            ("OnFailure", 0, Station::Succeeded),
            ("OnFailure", 3, Station::Running),
            ("Always", 0, Station::Running),
        ];
        for (policy, code, place) in cases {
            let ended = json!({"terminated": {"exitCode": code, "reason": "Error"}});
            let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [], "restartPolicy": policy},
                "status": {"phase": "Running", "containerStatuses": container(ended, json!({}), 0)}});
            assert_eq!(station(&serde_json::from_value(pod).unwrap()).station, place, "{policy} {code}");
        }
    }

    #[test]
    fn logs_are_there_once_a_container_has_run() {
        let wait = json!({"waiting": {"reason": "ContainerCreating"}});
        assert!(!read(json!({"phase": "Pending", "containerStatuses": container(wait, json!({}), 0)})).logs);
        let ended = json!({"terminated": {"exitCode": 0}});
        assert!(read(json!({"phase": "Succeeded", "containerStatuses": container(ended, json!({}), 0)})).logs);
    }
}
