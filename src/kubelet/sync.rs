//! One step of a Pod's worker.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, PodStatus};

use super::container_config::{self, Refused};
use super::status::{self, Inputs};
use super::worker::{ContainerRecord, Stage, Worker};
use super::{Kubelet, Uid};
use crate::apimachinery::{Object, meta};
use crate::apiserver::{ApiServer, DeleteOptions, Precondition};
use crate::client::{Client, EventType};
use crate::cri::{ContainerState, SandboxConfig};
use crate::sim::Time;

/// From the first sync to a sandbox with mounted volumes and a network.
const SANDBOX_LATENCY: Duration = Duration::from_millis(420);
/// After a failed sync, and as the base of its jitter.
const BACKOFF_PERIOD: Duration = Duration::from_secs(10);
/// The longest wait for a back-off before a Pod is looked at again.
const RESYNC_INTERVAL: Duration = Duration::from_secs(60);
/// How much longer than asked a retry may come, as a share.
const JITTER: f64 = 0.5;

/// What came of the attempt to bring containers up.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// Something was started, so the status is told at once.
    started: bool,
    /// A pull is under way: nothing more happens in this sync.
    pulling: bool,
    /// Something failed and is to be tried again: at the end of a back-off, or after the usual period.
    retry: Option<Time>,
}

impl Progress {
    fn retry_at(&mut self, at: Time) {
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
                self.finish_pull(worker, server, &container, pull.result, began, now);
                worker.stage = Stage::Sync;
                self.bring_up(uid, worker, server, now);
            }
            Stage::Pulling { pull, .. } => self.again(worker, pull.done),
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

    fn again(&self, worker: &mut Worker, at: Time) {
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
        let missing = container_config::missing_volume(&pod, &self.client(server));
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
            hostname: spec.hostname.clone().unwrap_or_else(|| meta::name(&pod.metadata).to_owned()),
        };
        match self.runtime.run_sandbox(&config, now) {
            Ok(sandbox) => {
                worker.sandbox = Some(sandbox);
                worker.sandbox_ready = true;
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
    #[allow(clippy::too_many_arguments)]
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
                let wait = until.since(finished).as_secs();
                let message = format!(
                    "back-off {} restarting failed container={} pod={name}_{namespace}({uid})",
                    go_seconds(wait),
                    container.name
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

    /// Whether the container's image is on the node; begins a pull when it is not and may be fetched now.
    #[allow(clippy::too_many_arguments)]
    fn image_ready(
        &mut self,
        worker: &mut Worker,
        server: &mut ApiServer,
        container: &Container,
        path: &str,
        key: &str,
        progress: &mut Progress,
        now: Time,
    ) -> bool {
        let image = container.image.clone().unwrap_or_default();
        let pod = Arc::clone(&worker.pod);
        let record = worker.records.entry(container.name.clone()).or_default().clone();
        if let Err(why) = container_config::check_image_name(&image) {
            let text = format!("Failed to apply default image tag \"{image}\": {why}");
            self.record(server, &pod, path, EventType::Warning, "InspectFailed", &text);
            self.record(server, &pod, path, EventType::Warning, "Failed", "Error: InvalidImageName");
            set_waiting(worker, &container.name, "InvalidImageName", &text);
            progress.retry_at(now + BACKOFF_PERIOD);
            return false;
        }
        let present = self.runtime.image(&image).is_some();
        match (container.image_pull_policy.as_deref().unwrap_or("IfNotPresent"), present) {
            ("Always", _) if just_pulled(&record, now) => return true,
            ("Always", _) | (_, false) => {}
            (_, true) => {
                let text =
                    format!("Container image \"{image}\" already present on machine and can be accessed by the pod");
                if !just_pulled(&record, now) {
                    self.record(server, &pod, path, EventType::Normal, "Pulled", &text);
                }
                return true;
            }
        }
        if container.image_pull_policy.as_deref() == Some("Never") {
            let text = format!("Container image \"{image}\" is not present with pull policy of Never");
            self.record(server, &pod, path, EventType::Warning, "ErrImageNeverPull", &text);
            self.record(server, &pod, path, EventType::Warning, "Failed", "Error: ErrImageNeverPull");
            set_waiting(worker, &container.name, "ErrImageNeverPull", &text);
            progress.retry_at(now + BACKOFF_PERIOD);
            return false;
        }
        if let Some((failed, why)) = &record.pull_failure
            && let Some(until) = self.pulls.until(key, *failed, now)
        {
            let text = format!("Back-off pulling image \"{image}\"");
            self.record(server, &pod, path, EventType::Normal, "BackOff", &text);
            self.record(server, &pod, path, EventType::Warning, "Failed", "Error: ImagePullBackOff");
            set_waiting(worker, &container.name, "ImagePullBackOff", &format!("{text}: ErrImagePull: {why}"));
            progress.retry_at(until);
            return false;
        }
        self.record(server, &pod, path, EventType::Normal, "Pulling", &format!("Pulling image \"{image}\""));
        let pull = self.runtime.pull(&image, now);
        let done = pull.done;
        worker.stage = Stage::Pulling { container: container.name.clone(), pull, began: now };
        self.again(worker, done);
        progress.pulling = true;
        false
    }

    fn finish_pull(
        &mut self,
        worker: &mut Worker,
        server: &mut ApiServer,
        name: &str,
        result: Result<crate::cri::ImageInfo, String>,
        began: Time,
        now: Time,
    ) {
        let pod = Arc::clone(&worker.pod);
        let Some((list, container)) = find_container(&pod, name) else { return };
        let image = container.image.clone().unwrap_or_default();
        let path = format!("spec.{list}{{{name}}}");
        let key = format!("{}/{name}", meta::uid(&pod.metadata));
        let record = worker.records.entry(name.to_owned()).or_default();
        match result {
            Ok(info) => {
                record.pull_failure = None;
                record.pulled = Some(now);
                self.runtime.finish_pull(&image);
                let took = go_duration(now.since(began));
                let text = format!(
                    "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {} bytes.",
                    info.size
                );
                self.record(server, &pod, &path, EventType::Normal, "Pulled", &text);
            }
            Err(why) => {
                let before = record.pull_failure.as_ref().map_or(now, |(failed, _)| *failed);
                record.pull_failure = Some((now, why.clone()));
                record.waiting = Some(("ErrImagePull".to_owned(), why.clone()));
                self.pulls.next(&key, before, now);
                let text = format!("Failed to pull image \"{image}\": {why}");
                self.record(server, &pod, &path, EventType::Warning, "Failed", &text);
                self.record(server, &pod, &path, EventType::Warning, "Failed", "Error: ErrImagePull");
                // The failed sync is tried again when the next relist has seen the sandbox.
                let at = self.next_relist(now);
                self.again(worker, at);
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

    fn begin_termination(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        worker.stage = Stage::Terminating;
        if !worker.orphaned {
            self.publish(worker, server, false, now);
        }
        let grace = worker.pod.metadata.deletion_grace_period_seconds.unwrap_or_else(|| {
            worker.pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(30)
        });
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
        let pod = Arc::clone(&worker.pod);
        let running: Vec<(String, String)> = worker
            .records
            .iter()
            .filter(|(name, _)| is_running(worker, name))
            .filter_map(|(name, record)| Some((name.clone(), record.current.clone()?)))
            .collect();
        for (name, id) in running {
            let list = find_container(&pod, &name).map_or("containers", |(list, _)| list);
            let path = format!("spec.{list}{{{name}}}");
            self.record(server, &pod, &path, EventType::Normal, "Killing", &format!("Stopping container {name}"));
            self.runtime.stop_container(&id, grace, now);
        }
        let at = self.next_relist(now);
        worker.relist = Some(at);
        self.again(worker, at);
    }

    fn watch_termination(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        let names: Vec<String> = worker.records.keys().cloned().collect();
        if names.iter().any(|name| is_running(worker, name)) {
            // The end of a container brings the next look, by way of its relist; a shorter grace period than before
            // is passed on.
            let grace = worker.pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
            if grace == 0 || worker.orphaned {
                let ids: Vec<String> = worker.records.values().filter_map(|record| record.current.clone()).collect();
                for id in ids {
                    self.runtime.stop_container(&id, Duration::ZERO, now);
                }
            }
            return;
        }
        if !worker.orphaned {
            self.publish(worker, server, true, now);
        }
        if let Some(sandbox) = &worker.sandbox {
            self.runtime.stop_sandbox(&sandbox.id, now);
        }
        worker.sandbox_ready = false;
        worker.stage =
            if meta::is_deleting(&worker.pod.metadata) || worker.orphaned { Stage::Terminated } else { Stage::Ending };
        let at = self.next_relist(now);
        self.again(worker, at);
    }

    /// Tells the last status and deletes the object for good.
    fn give_up(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) -> bool {
        if worker.orphaned {
            return false;
        }
        if !worker.records.is_empty() || worker.sandbox.is_some() {
            self.publish(worker, server, true, now);
        }
        let (namespace, name) = (meta::namespace(&worker.pod.metadata), meta::name(&worker.pod.metadata));
        let options = DeleteOptions {
            grace_period_seconds: Some(0),
            precondition: Precondition { uid: worker.pod.metadata.uid.clone(), ..Precondition::default() },
            ..DeleteOptions::default()
        };
        let mut client = Client::new(server, &self.caller);
        // Where a finalizer still holds the object, its end comes later; the kubelet has done its part.
        let _ = client.delete::<Pod>(namespace, name, &options);
        worker.stage = Stage::Done;
        true
    }

    fn status_of(&self, worker: &Worker, terminated: bool, now: Time) -> PodStatus {
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
    fn publish(&mut self, worker: &mut Worker, server: &mut ApiServer, terminated: bool, now: Time) -> String {
        // What the containers call for, were they all stopped, tells whether the Pod has come to its end.
        let called_for = self.status_of(worker, true, now).phase.unwrap_or_default();
        let status = self.status_of(worker, terminated, now);
        self.write_status(worker, server, status);
        called_for
    }

    fn write_status(&mut self, worker: &mut Worker, server: &mut ApiServer, status: PodStatus) {
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

    fn record(&mut self, server: &mut ApiServer, pod: &Pod, path: &str, kind: EventType, reason: &str, text: &str) {
        let mut client = Client::new(server, &self.caller);
        self.events.event_at(&mut client, pod as &dyn Object, path, kind, reason, text);
    }

    /// `at`, later by up to half of the wait, so that Pods do not all come back at once.
    fn jittered(&mut self, now: Time, at: Time) -> Time {
        let wait = at.since(now);
        now + wait + wait.mul_f64(JITTER * self.rng.f64())
    }
}

fn set_waiting(worker: &mut Worker, name: &str, reason: &str, message: &str) {
    if let Some(record) = worker.records.get_mut(name) {
        record.waiting = Some((reason.to_owned(), message.to_owned()));
    }
}

fn is_running(worker: &Worker, name: &str) -> bool {
    let seen = worker.records.get(name).and_then(|record| record.seen.as_ref());
    seen.is_some_and(|seen| matches!(seen.state, ContainerState::Running { .. }))
}

fn exit_code(worker: &Worker, name: &str) -> Option<i32> {
    match &worker.records.get(name)?.seen.as_ref()?.state {
        ContainerState::Exited { exit_code, .. } => Some(*exit_code),
        _ => None,
    }
}

/// Whether the container's image was pulled in this very sync.
fn just_pulled(record: &ContainerRecord, now: Time) -> bool {
    record.pulled == Some(now)
}

/// A container of a Pod and the list it stands in.
pub fn find_container<'a>(pod: &'a Pod, name: &str) -> Option<(&'static str, &'a Container)> {
    let spec = pod.spec.as_ref()?;
    let init = spec.init_containers.iter().flatten().map(|container| ("initContainers", container));
    init.chain(spec.containers.iter().map(|container| ("containers", container))).find(|(_, c)| c.name == name)
}

/// Whole seconds as Go prints a duration: `10s`, `1m20s`, `5m0s`.
fn go_seconds(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}

/// A duration as Go prints it, to the millisecond.
fn go_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1000 { format!("{millis}ms") } else { format!("{}s", millis as f64 / 1000.0) }
}
