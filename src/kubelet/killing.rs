//! Ending containers: the preStop hook, the turn of sidecars, TERM, and KILL when the grace period is over.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer, executePreStopHook,
//! setTerminationGracePeriod) and kuberuntime_termination_order.go.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::Kubelet;
use super::containers::{self, is_sidecar};
use super::handler::{Asked, Handling, Ran, Target};
use super::worker::{ContainerRecord, KillReason, Worker};
use crate::apimachinery::meta;
use crate::apiserver::ApiServer;
use crate::client::EventType;
use crate::cri::{ContainerId, ContainerState};
use crate::sim::Time;

/// A container gets so many seconds in any case.
const MINIMUM_GRACE: u64 = 2;

/// Where the end of a container stands.
#[derive(Clone, Debug)]
enum Step {
    /// Its preStop hook runs.
    PreStop(Handling),
    /// Others have to end before it.
    Turn,
    /// It was asked to end.
    Stopping,
}

/// A container that is being ended.
#[derive(Clone, Debug)]
pub struct Killing {
    name: String,
    id: ContainerId,
    /// Seconds that are left from `since` on.
    grace: u64,
    /// When the present step began.
    since: Time,
    step: Step,
    /// Whether it waits for its turn.
    ordered: bool,
}

impl Killing {
    /// What is being ended.
    pub fn id(&self) -> &ContainerId {
        &self.id
    }

    fn deadline(&self) -> Time {
        self.since + Duration::from_secs(self.grace)
    }

    /// The step is over: what it took is taken from the grace period, in whole seconds.
    fn spend(&mut self, now: Time) {
        self.grace = self.grace.saturating_sub(now.since(self.since).as_secs());
        self.since = now;
    }
}

/// How long a container may take to end, in seconds.
fn grace_period(pod: &Pod, container: &Container, reason: KillReason) -> u64 {
    let own = |probe: &Option<k8s_openapi::api::core::v1::Probe>| {
        probe.as_ref().and_then(|probe| probe.termination_grace_period_seconds)
    };
    let of_pod = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds);
    let seconds = pod.metadata.deletion_grace_period_seconds.or_else(|| {
        of_pod?;
        match reason {
            KillReason::Startup => own(&container.startup_probe).or(of_pod),
            KillReason::Liveness => own(&container.liveness_probe).or(of_pod),
            KillReason::Other => of_pod,
        }
    });
    u64::try_from(seconds.unwrap_or(i64::try_from(MINIMUM_GRACE).unwrap_or(0))).unwrap_or(0)
}

/// The containers that have to end before `name`: a sidecar ends after the main containers and after the sidecars
/// that were started later.
fn before(pod: &Pod, name: &str) -> Vec<String> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let Some(place) = init.iter().position(|container| container.name == name && is_sidecar(container)) else {
        return Vec::new();
    };
    let later = init.iter().skip(place + 1).find(|container| is_sidecar(container));
    spec.containers.iter().chain(later).map(|container| container.name.clone()).collect()
}

/// Whether something that has to end before `name` still runs.
fn waits_for(pod: &Pod, name: &str, running: &[String]) -> bool {
    before(pod, name).iter().any(|held| running.contains(held))
}

impl Kubelet {
    /// Begins to end a container that runs. `message` is the event's text; `grace` replaces the Pod's.
    pub(super) fn begin_kill(
        &mut self,
        worker: &mut Worker,
        server: &mut ApiServer,
        name: &str,
        why: (&str, KillReason),
        grace: Option<u64>,
        now: Time,
    ) {
        let pod = Arc::clone(&worker.pod);
        let Some(id) = worker.records.get(name).and_then(|record| record.current.clone()) else { return };
        let Some((list, container)) = containers::find(&pod, name) else { return };
        let grace = grace.unwrap_or_else(|| grace_period(&pod, &container, why.1));
        self.record(server, &pod, &list.path(name), EventType::Normal, "Killing", why.0);
        let hook = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref());
        let step = match hook.filter(|_| grace > 0) {
            Some(hook) => {
                let address = worker.sandbox.as_ref().map(|sandbox| sandbox.address.clone()).unwrap_or_default();
                let target = Target { container: &container, id: &id, address: &address };
                Step::PreStop(self.begin_hook(&pod, hook, target, now))
            }
            None => Step::Turn,
        };
        worker.killing.push(Killing { name: name.to_owned(), id, grace, since: now, step, ordered: false });
    }

    /// Begins a lifecycle hook.
    pub(super) fn begin_hook(
        &mut self,
        pod: &Pod,
        hook: &k8s_openapi::api::core::v1::LifecycleHandler,
        target: Target<'_>,
        now: Time,
    ) -> Handling {
        let asked = Asked {
            exec: hook.exec.as_ref(),
            http_get: hook.http_get.as_ref(),
            sleep: hook.sleep.as_ref().map(|sleep| sleep.seconds),
            ..Asked::default()
        };
        let handling = self.handle(&asked, target, now);
        if let Handling::Exec { session, .. } = &handling {
            self.sessions.insert(*session, meta::uid(&pod.metadata).into());
        }
        handling
    }

    /// The names of a Pod's containers that run.
    pub(super) fn running(&self, worker: &Worker) -> Vec<String> {
        let runs = |record: &ContainerRecord| record.current.as_ref().is_some_and(|id| self.runs(id));
        worker.records.iter().filter(|(_, record)| runs(record)).map(|(name, _)| name.clone()).collect()
    }

    /// Ends every container of the Pod that runs.
    pub(super) fn begin_kill_pod(
        &mut self,
        worker: &mut Worker,
        server: &mut ApiServer,
        grace: Option<u64>,
        now: Time,
    ) {
        for name in self.running(worker) {
            let text = format!("Stopping container {name}");
            self.begin_kill(worker, server, &name, (&text, KillReason::Other), grace, now);
        }
        let pod = Arc::clone(&worker.pod);
        for killing in &mut worker.killing {
            killing.ordered = !before(&pod, &killing.name).is_empty();
        }
    }

    /// Whether a container's process runs.
    pub(super) fn runs(&self, id: &str) -> bool {
        self.runtime.container(id).is_some_and(|status| matches!(status.state, ContainerState::Running { .. }))
    }

    /// Takes the ends that are under way a step on; whether all have come.
    pub(super) fn go_on_killing(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) -> bool {
        let mut left = std::mem::take(&mut worker.killing);
        loop {
            let names: Vec<String> =
                left.iter().filter(|killing| self.runs(&killing.id)).map(|killing| killing.name.clone()).collect();
            let mut moved = false;
            let mut still = Vec::new();
            for mut killing in left {
                let step = std::mem::discriminant(&killing.step);
                if self.kill_on(&mut killing, worker, server, &names, now) {
                    moved |= step != std::mem::discriminant(&killing.step);
                    still.push(killing);
                } else {
                    moved = true;
                }
            }
            left = still;
            if !moved {
                break;
            }
        }
        worker.killing = left;
        worker.killing.is_empty()
    }

    /// One step of one end; false when the container has ended.
    fn kill_on(
        &mut self,
        killing: &mut Killing,
        worker: &mut Worker,
        server: &mut ApiServer,
        running: &[String],
        now: Time,
    ) -> bool {
        if let Step::PreStop(handling) = &mut killing.step {
            let ran = self.poll(handling, now);
            let until = handling.until();
            match ran {
                Some(Ran::Failure(_) | Ran::Exited { .. } | Ran::Error(_)) => {
                    let pod = Arc::clone(&worker.pod);
                    let path = containers::find(&pod, &killing.name).map(|(list, _)| list.path(&killing.name));
                    let path = path.unwrap_or_default();
                    self.record(server, &pod, &path, EventType::Warning, "FailedPreStopHook", "PreStopHook failed");
                }
                Some(_) => {}
                None if killing.deadline() > now => {
                    let deadline = killing.deadline();
                    worker.again(until.map_or(deadline, |until| until.min(deadline)));
                    return true;
                }
                None => {}
            }
            killing.spend(now);
            killing.step = Step::Turn;
        }
        if !self.runs(&killing.id) {
            return false;
        }
        if matches!(killing.step, Step::Turn) {
            let waits = killing.ordered && killing.grace > 0 && waits_for(&worker.pod, &killing.name, running);
            if waits && killing.deadline() > now {
                worker.again(killing.deadline());
                return true;
            }
            killing.spend(now);
            let grace = killing.grace.max(MINIMUM_GRACE);
            self.runtime.stop_container(&killing.id, Duration::from_secs(grace), now);
            killing.step = Step::Stopping;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(sidecars: &[&str], main: &[&str]) -> Pod {
        let list = |names: &[&str], policy: Option<&str>| {
            let made = names.iter().map(|name| serde_json::json!({"name": name, "restartPolicy": policy}));
            made.collect::<Vec<_>>()
        };
        serde_json::from_value(serde_json::json!({"spec": {
            "initContainers": list(sidecars, Some("Always")), "containers": list(main, None)}}))
        .unwrap()
    }

    /// How many whole seconds each container waits for its turn, when everything takes `exit` milliseconds to end.
    fn delays(pod: &Pod, names: &[&str], running: &[&str], grace: u64, exit: u64) -> Vec<u64> {
        let mut turns: Vec<Option<u64>> = vec![None; names.len()];
        for now in (0..=100_000).step_by(50) {
            let runs = |at: usize| running.contains(&names[at]) && turns[at].is_none_or(|turn| now < turn + exit);
            let left: Vec<String> = (0..names.len()).filter(|at| runs(*at)).map(|at| names[at].to_owned()).collect();
            for (at, name) in names.iter().enumerate() {
                let turn = grace == 0 || now >= grace * 1000 || !waits_for(pod, name, &left);
                if turns[at].is_none() && turn {
                    turns[at] = Some(now);
                }
            }
        }
        turns.into_iter().map(|turn| turn.unwrap() / 1000).collect()
    }

    #[test]
    fn termination_ordering() {
        let (one, three) = (pod(&["init"], &["main"]), pod(&["sc1", "sc2", "sc3"], &["main"]));
        let all = ["sc1", "sc2", "sc3", "main"];
        assert_eq!(delays(&one, &["init", "main"], &["init", "main"], 30, 1000), [1, 0], "SidecarStopAfterMain");
        assert_eq!(delays(&three, &all, &all, 30, 1250), [3, 2, 1, 0], "SidecarsInReverseOrder");
        assert_eq!(delays(&three, &all, &all, 2, 1000), [2, 2, 1, 0], "ObeysGrace");
        assert_eq!(delays(&three, &all, &all, 0, 1000), [0, 0, 0, 0], "nobody waits without a grace period");
        let without = ["sc1", "sc3", "main"];
        assert_eq!(
            delays(&three, &all, &without, 30, 1250),
            [1, 2, 1, 0],
            "nobody waits for one that has ended before"
        );
    }
}
