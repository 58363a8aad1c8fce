//! One step of a Pod's worker.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, PodStatus};

use super::container_config::{self, Refused};
use super::status::{self, Inputs};
use super::volumes;
use super::worker::{Stage, Worker};
use super::{Kubelet, Uid};
use crate::apimachinery::{Object, meta};
use crate::apiserver::ApiServer;
use crate::client::{Client, EventType};
use crate::cri::{ContainerState, SandboxConfig};
use crate::sim::Time;
use crate::text::duration::go_duration;

/// From the first sync to a sandbox with mounted volumes and a network.
const SANDBOX_LATENCY: Duration = Duration::from_millis(455);
/// After a failed sync, and as the base of its jitter.
pub(super) const BACKOFF_PERIOD: Duration = Duration::from_secs(10);
/// The longest wait for a back-off before a Pod is looked at again.
const RESYNC_INTERVAL: Duration = Duration::from_secs(60);
/// How much longer than asked a retry may come, as a share.
const JITTER: f64 = 0.5;

/// What came of the attempt to bring containers up.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Something was started, so the status is told at once.
    pub(super) started: bool,
    /// A pull is under way: nothing more happens in this sync.
    pub(super) pulling: bool,
    /// Something failed and is to be tried again: at the end of a back-off, or after the usual period.
    pub(super) retry: Option<Time>,
}

impl Progress {
    pub(super) fn retry_at(&mut self, at: Time) {
        self.retry = Some(self.retry.map_or(at, |set| set.min(at)));
    }
}

impl Kubelet {
    /// Takes a worker one step on; false when it has nothing left to do and can be forgotten.
    pub(super) fn step(&mut self, uid: &Uid, worker: &mut Worker, server: &mut ApiServer, now: Time) -> bool {
        self.relist(worker, now);
        let stops = meta::is_deleting(&worker.pod.metadata) || worker.orphaned || worker.failure.is_some();
        if stops && !matches!(worker.stage, Stage::Ending | Stage::Terminating | Stage::Terminated | Stage::Done) {
            self.begin_termination(worker, server, now);
            return true;
        }
        match worker.stage.clone() {
            Stage::Sync => self.sync(uid, worker, server, now),
            Stage::PreparingSandbox => self.make_sandbox(uid, worker, server, now),
            Stage::Pulling { container, pull, began } if pull.done <= now => {
                worker.stage = Stage::Sync;
                let pulled = pull.result.is_ok();
                self.finish_pull(worker, server, &container, pull.result, began, now);
                // A failed sync ends here; the next one tells why and goes on with the other containers.
                if pulled {
                    self.bring_up(uid, worker, server, now);
                }
            }
            Stage::Pulling { pull, .. } => {
                worker.relisted = true;
                self.again(worker, pull.done);
            }
            Stage::Ending => {
                if let Some(sandbox) = &worker.sandbox {
                    self.runtime.stop_sandbox(&sandbox.id, now);
                }
                worker.sandbox_ready = false;
                worker.stage = Stage::Done;
                self.publish(worker, server, true, now);
                if stops {
                    worker.stage = Stage::Terminated;
                    self.again(worker, self.next_relist(now));
                }
            }
            Stage::Terminating => self.watch_termination(worker, server, now),
            Stage::Terminated => return self.give_up(worker, server, now),
            Stage::Done if stops => {
                worker.stage = Stage::Terminated;
                return self.give_up(worker, server, now);
            }
            Stage::Done => {}
        }
        true
    }

    pub(super) fn again(&self, worker: &mut Worker, at: Time) {
        worker.due = Some((worker.due.map_or(at, |(due, _)| due.min(at)), 0));
    }

    /// Looks at the containers when a relist is due: from here on the kubelet knows how they stand, and keeps of the
    /// ended ones only the newest.
    fn relist(&mut self, worker: &mut Worker, now: Time) {
        if worker.relist.is_none_or(|at| at > now) {
            return;
        }
        worker.relist = None;
        for record in worker.records.values_mut() {
            let Some(status) = record.current.as_ref().and_then(|id| self.runtime.container(id)) else { continue };
            let ended = matches!(status.state, ContainerState::Exited { .. });
            record.seen = Some(status);
            if ended {
                record.ready = false;
                if let Some(last) = &record.last {
                    // The log of an older end goes; its status stays until the next restart.
                    self.runtime.remove_container(&last.id);
                }
            }
        }
    }

    fn sync(&mut self, uid: &Uid, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        let phase = self.publish(worker, server, false, now);
        if matches!(phase.as_str(), "Succeeded" | "Failed") {
            worker.stage = Stage::Ending;
            let at = self.next_relist(now);
            self.again(worker, at);
            return;
        }
        if worker.sandbox.is_none() {
            worker.stage = Stage::PreparingSandbox;
            self.again(worker, now + SANDBOX_LATENCY);
            return;
        }
        self.bring_up(uid, worker, server, now);
    }

    fn make_sandbox(&mut self, uid: &Uid, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        worker.stage = Stage::Sync;
        let pod = Arc::clone(&worker.pod);
        let missing = volumes::missing_volume(&pod, &self.client(server));
        if let Some((volume, why)) = missing {
            let text = format!("MountVolume.SetUp failed for volume \"{volume}\" : {why}");
            self.record(server, &pod, "", EventType::Warning, "FailedMount", &text);
            let retry = self.jittered(now, now + BACKOFF_PERIOD);
            self.again(worker, retry);
            return;
        }
        let spec = pod.spec.clone().unwrap_or_default();
        let config = SandboxConfig {
            name: meta::name(&pod.metadata).to_owned(),
            namespace: meta::namespace(&pod.metadata).to_owned(),
            uid: uid.to_string(),
            host_network: spec.host_network.unwrap_or(false),
            hostname: spec.hostname.clone().unwrap_or_else(|| meta::name(&pod.metadata).to_owned()),
        };
        match self.runtime.run_sandbox(&config, now) {
            Ok(sandbox) => {
                worker.sandbox = Some(sandbox);
                worker.sandbox_ready = true;
                worker.relist = Some(self.next_relist(now));
                self.publish_ready_sandbox(worker, server, now);
                self.bring_up(uid, worker, server, now);
            }
            Err(text) => {
                let text = format!("Failed to create pod sandbox: {text}");
                self.record(server, &pod, "", EventType::Warning, "FailedCreatePodSandBox", &text);
                let retry = self.jittered(now, now + BACKOFF_PERIOD);
                self.again(worker, retry);
            }
        }
    }

    /// Tells that the sandbox runs, while the Pod's address is not known yet.
    fn publish_ready_sandbox(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        let mut status = self.status_of(worker, false, now);
        (status.pod_ip, status.pod_ips) = (None, None);
        self.write_status(worker, server, status);
    }

    /// Starts what should run and does not, in order: init containers one after another, then the others.
    fn bring_up(&mut self, uid: &Uid, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        let spec = worker.pod.spec.clone().unwrap_or_default();
        let policy = spec.restart_policy.as_deref().unwrap_or("Always");
        let mut progress = Progress::default();
        let mut initialised = true;
        for container in spec.init_containers.iter().flatten() {
            let sidecar = container.restart_policy.as_deref() == Some("Always");
            let ended_well = exit_code(worker, &container.name) == Some(0);
            if !sidecar && ended_well {
                continue;
            }
            let policy = if sidecar || policy != "Never" { "Always" } else { "Never" };
            self.bring_up_one(uid, worker, server, container, "initContainers", policy, &mut progress, now);
            if progress.pulling {
                return;
            }
            let up = sidecar && is_running(worker, &container.name);
            if !up {
                initialised = false;
                break;
            }
        }
        for container in spec.containers.iter().filter(|_| initialised) {
            self.bring_up_one(uid, worker, server, container, "containers", policy, &mut progress, now);
            if progress.pulling {
                return;
            }
        }
        if progress.started {
            self.publish(worker, server, false, now);
        }
        if let Some(at) = progress.retry {
            let capped = at.min(now + RESYNC_INTERVAL);
            let retry = self.jittered(now, capped);
            self.again(worker, retry);
        }
    }

    /// Starts one container unless it runs, has ended for good or has to wait.
    #[expect(clippy::too_many_arguments, reason = "what one look at a Pod has gathered so far")]
    fn bring_up_one(
        &mut self,
        uid: &Uid,
        worker: &mut Worker,
        server: &mut ApiServer,
        container: &Container,
        list: &str,
        policy: &str,
        progress: &mut Progress,
        now: Time,
    ) {
        let record = worker.records.entry(container.name.clone()).or_default().clone();
        let ended = match record.seen.as_ref().map(|seen| &seen.state) {
            Some(ContainerState::Running { .. }) => return,
            Some(ContainerState::Exited { finished, exit_code, .. }) => Some((*finished, *exit_code)),
            Some(ContainerState::Created) | None => None,
        };
        let pod = Arc::clone(&worker.pod);
        let path = format!("spec.{list}{{{}}}", container.name);
        let key = format!("{uid}/{}", container.name);
        if let Some((finished, code)) = ended {
            if policy == "Never" || (policy == "OnFailure" && code == 0) {
                return;
            }
            if let Some(until) = self.restarts.until(&key, finished, now) {
                let (name, namespace) = (meta::name(&pod.metadata), meta::namespace(&pod.metadata));
                let text =
                    format!("Back-off restarting failed container {} in pod {name}_{namespace}({uid})", container.name);
                self.record(server, &pod, &path, EventType::Warning, "BackOff", &text);
                let wait = go_duration(i64::try_from(until.since(finished).as_nanos()).unwrap_or(i64::MAX));
                let message = format!(
                    "back-off {} restarting failed container={} pod={name}_{namespace}({uid})",
                    wait, container.name
                );
                set_waiting(worker, &container.name, "CrashLoopBackOff", &message);
                progress.retry_at(until);
                return;
            }
        }
        if !self.image_ready(worker, server, container, &path, &key, progress, now) {
            return;
        }
        if let Some((finished, _)) = ended {
            self.restarts.next(&key, finished, now);
        }
        match self.start(worker, server, container, &path, now) {
            Ok(()) => progress.started = true,
            Err(refused) => {
                self.record(server, &pod, &path, EventType::Warning, "Failed", &format!("Error: {}", refused.message));
                set_waiting(worker, &container.name, refused.reason, &refused.message);
                progress.retry_at(now + BACKOFF_PERIOD);
                // A container that exists but could not be started has ended; the next relist sees it.
                if refused.reason == "RunContainerError" {
                    let at = self.next_relist(now);
                    worker.relist = Some(at);
                    self.again(worker, at);
                }
            }
        }
    }

    fn start(
        &mut self,
        worker: &mut Worker,
        server: &mut ApiServer,
        container: &Container,
        path: &str,
        now: Time,
    ) -> Result<(), Refused> {
        let pod = Arc::clone(&worker.pod);
        let Some(sandbox) = worker.sandbox.clone() else { return Ok(()) };
        let attempt = worker
            .records
            .get(&container.name)
            .map_or(0, |record| if record.current.is_some() { record.restarts + 1 } else { record.restarts });
        let context = container_config::Surroundings {
            node: &self.node,
            node_address: &self.address,
            pod_address: &sandbox.address,
            attempt,
        };
        let config = container_config::build(&pod, container, &context, &self.client(server))?;
        let id = self
            .runtime
            .create_container(&sandbox.id, &config, now)
            .map_err(|message| Refused { reason: "CreateContainerError", message })?;
        self.record(server, &pod, path, EventType::Normal, "Created", "Container created");
        self.owners.insert(id.clone(), meta::uid(&pod.metadata).into());
        let record = worker.records.entry(container.name.clone()).or_default();
        if record.current.is_some() {
            record.restarts += 1;
            record.last = record.seen.take();
        }
        record.current = Some(id.clone());
        record.waiting = None;
        record.started = true;
        record.ready = true;
        let outcome = self.runtime.start_container(&id, now);
        if let Err(message) = outcome {
            return Err(Refused { reason: "RunContainerError", message });
        }
        self.record(server, &pod, path, EventType::Normal, "Started", "Container started");
        // What starts and ends at one instant is first seen running, as a relist would not have come between.
        let mut status = self.runtime.container(&id);
        if let Some(status) = status.as_mut() {
            status.state = ContainerState::Running { started: now };
        }
        if let Some(record) = worker.records.get_mut(&container.name) {
            record.seen = status;
        }
        Ok(())
    }

    pub(super) fn status_of(&self, worker: &Worker, terminated: bool, now: Time) -> PodStatus {
        status::generate(&Inputs {
            pod: &worker.pod,
            records: &worker.records,
            sandbox: worker.sandboxed(),
            host_address: &self.address,
            started: worker.started,
            terminated,
            failure: worker.failure.as_ref().map(|(reason, message)| (reason.as_str(), message.as_str())),
            now,
        })
    }

    /// Tells the server how the Pod is, when that has changed; gives the phase that the containers call for.
    pub(super) fn publish(
        &mut self,
        worker: &mut Worker,
        server: &mut ApiServer,
        terminated: bool,
        now: Time,
    ) -> String {
        // What the containers call for, were they all stopped, tells whether the Pod has come to its end.
        let called_for = self.status_of(worker, true, now).phase.unwrap_or_default();
        let status = self.status_of(worker, terminated, now);
        self.write_status(worker, server, status);
        called_for
    }

    pub(super) fn write_status(&mut self, worker: &mut Worker, server: &mut ApiServer, status: PodStatus) {
        let mut client = Client::new(server, &self.caller);
        let (namespace, name) = (meta::namespace(&worker.pod.metadata), meta::name(&worker.pod.metadata));
        let Ok(stored) = client.get::<Pod>(namespace, name) else { return };
        if stored.metadata.uid != worker.pod.metadata.uid || stored.status.as_ref() == Some(&status) {
            return;
        }
        let mut changed = Pod::clone(&stored);
        changed.status = Some(status);
        // A conflict cannot be: the version written is the one just read.
        if let Ok(stored) = client.update_status(changed) {
            worker.pod = stored;
        }
    }

    pub(super) fn record(
        &mut self,
        server: &mut ApiServer,
        pod: &Pod,
        path: &str,
        kind: EventType,
        reason: &str,
        text: &str,
    ) {
        let mut client = Client::new(server, &self.caller);
        self.events.event_at(&mut client, pod as &dyn Object, path, kind, reason, text);
    }

    /// `at`, later by up to half of the wait, so that Pods do not all come back at once.
    pub(super) fn jittered(&mut self, now: Time, at: Time) -> Time {
        let wait = at.since(now);
        now + wait + wait.mul_f64(JITTER * self.rng.f64())
    }
}

pub(super) fn set_waiting(worker: &mut Worker, name: &str, reason: &str, message: &str) {
    if let Some(record) = worker.records.get_mut(name) {
        record.waiting = Some((reason.to_owned(), message.to_owned()));
    }
}

pub(super) fn is_running(worker: &Worker, name: &str) -> bool {
    let seen = worker.records.get(name).and_then(|record| record.seen.as_ref());
    seen.is_some_and(|seen| matches!(seen.state, ContainerState::Running { .. }))
}

fn exit_code(worker: &Worker, name: &str) -> Option<i32> {
    match &worker.records.get(name)?.seen.as_ref()?.state {
        ContainerState::Exited { exit_code, .. } => Some(*exit_code),
        _ => None,
    }
}

/// A container of a Pod and the list it stands in.
pub(super) fn find_container<'a>(pod: &'a Pod, name: &str) -> Option<(&'static str, &'a Container)> {
    let spec = pod.spec.as_ref()?;
    let init = spec.init_containers.iter().flatten().map(|container| ("initContainers", container));
    init.chain(spec.containers.iter().map(|container| ("containers", container))).find(|(_, c)| c.name == name)
}
