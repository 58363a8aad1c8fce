//! One step of a Pod's worker.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kubelet.go (SyncPod), kuberuntime/kuberuntime_manager.go (SyncPod) and
//! pod_workers.go (completeWork).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodStatus};

use super::actions;
use super::containers;
use super::probe;
use super::resize;
use super::status::{self, Inputs, Life};
use super::volumes;
use super::worker::{ContainerRecord, Op, Stage, Work, Worker};
use super::{Kubelet, Uid};
use crate::apimachinery::{Object, meta};
use crate::apiserver::ApiServer;
use crate::client::{Client, EventType};
use crate::cri::{ContainerState, SandboxConfig};
use crate::sim::Time;

/// From the first sync to a sandbox with mounted volumes and a network.
const SANDBOX_LATENCY: Duration = Duration::from_millis(455);
/// From the relist that ends a Pod's life to its last status: volumes are unmounted and cgroups removed before. It is
/// what makes a Job's sync, one batch period after the containers' end was told, come too early for the phase.
const CLEAN_UP: Duration = Duration::from_millis(10);
/// After a failed sync, and as the base of its jitter.
pub(super) const BACKOFF_PERIOD: Duration = Duration::from_secs(10);
/// The longest wait for a back-off before a Pod is looked at again.
const RESYNC_INTERVAL: Duration = Duration::from_secs(60);
/// How much longer than asked a retry may come, as a share.
const JITTER: f64 = 0.5;

impl Kubelet {
    /// Takes a worker one step on; false when it has nothing left to do and can be forgotten.
    pub(super) fn step(&mut self, uid: &Uid, worker: &mut Worker, server: &mut ApiServer, now: Time) -> bool {
        let waits = matches!(worker.stage, Stage::Sync) && worker.next.is_some_and(|at| at <= now);
        let ended = self.relist(worker, now);
        // Each end asks for a sync: of several, or beside a sync that has waited for this look, one more is owed.
        worker.pending |= ended.is_some_and(|count| count > usize::from(!waits));
        let mut seen = ended.is_some();
        if worker.refresh.is_some_and(|at| at <= now) {
            worker.refresh = None;
            self.refresh_volumes(worker, server);
        }
        seen |= self.run_probes(worker, server, now);
        seen |= self.check_storage(worker, server, now);
        if seen {
            worker.again(now);
        }
        if worker.next.is_none_or(|at| at > now) {
            return true;
        }
        worker.next = None;
        match worker.stage {
            // What a sync has begun it ends, even when the Pod is to go.
            Stage::Busy(_) => {
                worker.pending |= seen;
                self.go_on(uid, worker, server, now);
                return true;
            }
            Stage::PreparingSandbox(until) if until <= now => {
                self.make_sandbox(uid, worker, server, now);
                return true;
            }
            // A Pod that is to go waits no longer for its volumes.
            Stage::PreparingSandbox(_)
                if worker.orphaned || worker.failure.is_some() || meta::is_deleting(&worker.pod.metadata) =>
            {
                worker.stage = Stage::Sync;
            }
            Stage::PreparingSandbox(until) => {
                worker.pending |= seen;
                worker.again(until);
                return true;
            }
            Stage::Terminating => {
                self.watch_termination(worker, server, now);
                return true;
            }
            _ if worker.fresh > now => {
                worker.again(worker.fresh);
                return true;
            }
            _ => {}
        }
        let gone = meta::is_deleting(&worker.pod.metadata) || worker.orphaned;
        let stops = gone || worker.failure.is_some();
        match worker.stage {
            Stage::Sync if stops => self.begin_termination(worker, server, now),
            Stage::Sync => self.sync(uid, worker, server, now),
            Stage::Ending => {
                self.stop_sandbox(worker, now);
                worker.stage = Stage::Done;
                Self::stop_probes(worker, true);
                self.publish(worker, server, Life::Over, now);
                if gone {
                    worker.stage = Stage::Terminated;
                    worker.fresh = self.next_relist(now);
                    worker.again(worker.fresh);
                }
            }
            Stage::Terminated => return self.give_up(worker, server, now),
            Stage::Done if gone => {
                worker.stage = Stage::Terminated;
                return self.give_up(worker, server, now);
            }
            _ => {}
        }
        true
    }

    /// Brings what ConfigMaps, Secrets and the Pod's own fields hold by now into its volumes.
    fn refresh_volumes(&mut self, worker: &Worker, server: &mut ApiServer) {
        let Some(sandbox) = worker.sandbox.clone().filter(|_| worker.sandbox_ready) else { return };
        let around = super::container_config::Surroundings {
            node: &self.node,
            node_address: &self.address,
            pod_address: &sandbox.address,
            attempt: 0,
        };
        let all = volumes::generated(&worker.pod, &around, &self.client(server));
        for (volume, files) in all {
            self.runtime.update_volume(&sandbox.id, &volume, &files);
        }
    }

    pub(super) fn stop_sandbox(&mut self, worker: &mut Worker, now: Time) {
        if let Some(sandbox) = &worker.sandbox {
            self.runtime.stop_sandbox(&sandbox.id, now);
        }
        self.retry_resizes(now);
        worker.sandbox_ready = false;
    }

    /// Looks at the containers when a relist is due: from here on the kubelet knows how they stand, and keeps of the
    /// ended ones only the newest. How many were seen to have ended; `None` when no relist was due.
    fn relist(&mut self, worker: &mut Worker, now: Time) -> Option<usize> {
        worker.relist.filter(|at| *at <= now)?;
        worker.relist = None;
        let blocked = worker.is_blocked();
        let mut count = 0;
        for record in worker.records.values_mut() {
            let Some(status) = record.current.as_ref().and_then(|id| self.runtime.container(id)) else { continue };
            let ended = matches!(status.state, ContainerState::Exited { .. });
            if blocked && record.seen.is_none() && !ended {
                // Its postStart hook runs: until that is over nobody calls it running.
                continue;
            }
            let before = record.seen.replace(status);
            count +=
                usize::from(ended && !before.is_some_and(|seen| matches!(seen.state, ContainerState::Exited { .. })));
            if ended && let Some(last) = &record.last {
                // The log of an older end goes; its status stays until the next restart.
                self.runtime.remove_container(&last.id);
            }
        }
        Some(count)
    }

    fn sync(&mut self, uid: &Uid, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        self.check_limits(worker, server, now);
        self.consider_resize(uid, worker, server, now);
        self.check_resize(worker, server, now);
        let phase = self.publish(worker, server, Life::Going, now);
        if worker.failure.is_some() {
            self.begin_termination(worker, server, now);
            return;
        }
        if matches!(phase.as_str(), "Succeeded" | "Failed") {
            let left = worker.records.values().any(|record| record.current.as_ref().is_some_and(|id| self.runs(id)));
            if left {
                self.begin_termination(worker, server, now);
                return;
            }
            worker.stage = Stage::Ending;
            worker.fresh = self.next_relist(now) + CLEAN_UP;
            worker.again(worker.fresh);
            return;
        }
        if worker.sandbox.is_none() {
            worker.stage = Stage::PreparingSandbox(now + SANDBOX_LATENCY);
            worker.again(now + SANDBOX_LATENCY);
            return;
        }
        Self::hurry_readiness(worker, now);
        let restarts = worker.pod.spec.as_ref().is_some_and(containers::could_restart_all)
            && containers::all_restart(&worker.pod, |_| None);
        if restarts {
            worker.stage = Stage::Busy(Box::new(Work { ops: [Op::Reset].into(), ..Work::default() }));
            self.go_on(uid, worker, server, now);
            return;
        }
        let ops = actions::compute(&resize::allocated(worker), &worker.records).into_ops();
        worker.stage = Stage::Busy(Box::new(Work { ops, ..Work::default() }));
        self.go_on(uid, worker, server, now);
    }

    fn make_sandbox(&mut self, uid: &Uid, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        worker.stage = Stage::Sync;
        let pod = Arc::clone(&worker.pod);
        if !self.volumes_ready(worker, server, now) {
            return;
        }
        if !worker.probed {
            worker.probed = true;
            worker.probes = probe::probes(&pod, now);
            worker.storage_check = Self::first_look(&pod, now);
        }
        let spec = pod.spec.clone().unwrap_or_default();
        let config = SandboxConfig {
            name: meta::name(&pod.metadata).to_owned(),
            namespace: meta::namespace(&pod.metadata).to_owned(),
            uid: uid.to_string(),
            host_network: spec.host_network.unwrap_or(false),
            hostname: super::dns::hostname(&pod),
        };
        match self.runtime.run_sandbox(&config, now) {
            Ok(sandbox) => {
                worker.sandbox = Some(sandbox);
                worker.sandbox_ready = true;
                worker.relist = Some(self.next_relist(now));
                self.publish_ready_sandbox(worker, server, now);
                let ops = actions::compute(&resize::allocated(worker), &worker.records).into_ops();
                worker.stage = Stage::Busy(Box::new(Work { ops, ..Work::default() }));
                self.go_on(uid, worker, server, now);
            }
            Err(text) => {
                let text = format!("Failed to create pod sandbox: {text}");
                self.record(server, &pod, "", EventType::Warning, "FailedCreatePodSandBox", &text);
                self.complete_work(worker, &Work { retry: Some(now + BACKOFF_PERIOD), ..Work::default() }, now);
            }
        }
    }

    /// Tells that the sandbox runs, while the Pod's address is not known yet.
    fn publish_ready_sandbox(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        let mut status = self.status_of(worker, Life::Going, now);
        (status.pod_ip, status.pod_ips) = (None, None);
        self.write_status(worker, server, status);
    }

    /// A sync has come to its end: when the next one is.
    pub(super) fn complete_work(&mut self, worker: &mut Worker, work: &Work, now: Time) {
        worker.stage = Stage::Sync;
        worker.fresh = self.next_relist(now);
        worker.pending |= worker.resize.asked;
        match work.retry {
            Some(at) => {
                let capped = at.max(now).min(now + RESYNC_INTERVAL);
                let retry = self.jittered(now, capped);
                worker.again(retry);
                if work.started {
                    worker.relist = Some(worker.relist.map_or(worker.fresh, |set| set.min(worker.fresh)));
                }
            }
            None if work.started => {
                // The kubelet looks at the containers at once.
                worker.fresh = now;
                worker.again(now);
            }
            None => {}
        }
        if meta::is_deleting(&worker.pod.metadata) || worker.orphaned {
            worker.again(now);
        }
        if std::mem::take(&mut worker.pending) {
            worker.again(now);
        }
    }

    pub(super) fn status_of(&self, worker: &Worker, life: Life, now: Time) -> PodStatus {
        status::generate(&Inputs {
            pod: &resize::allocated(worker),
            resize: &worker.resize,
            records: &worker.records,
            sandbox: worker.sandboxed(),
            host_address: &self.address,
            started: worker.started,
            life,
            failure: worker.failure.as_ref().map(|(reason, message)| (reason.as_str(), message.as_str())),
            now,
        })
    }

    /// Tells the server how the Pod is, when that has changed; gives the phase that the containers call for.
    pub(super) fn publish(&mut self, worker: &mut Worker, server: &mut ApiServer, life: Life, now: Time) -> String {
        let mut status = self.status_of(worker, life, now);
        let called_for = status.phase.clone().unwrap_or_default();
        if life == Life::Going {
            status::hold_back_the_end(&mut status, &worker.pod);
        }
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
        // The server takes the spec from its own version, whatever is sent.
        let changed = Pod { metadata: stored.metadata.clone(), spec: None, status: Some(status) };
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

impl Worker {
    /// Whether its sync waits for something, so that nobody looks at its containers.
    pub(super) fn is_blocked(&self) -> bool {
        matches!(self.stage, Stage::Busy(_) | Stage::Terminating)
    }
}

pub(super) fn set_waiting(worker: &mut Worker, name: &str, reason: &str, message: &str) {
    if let Some(record) = worker.records.get_mut(name) {
        record.waiting = Some((reason.to_owned(), message.to_owned()));
    }
}

/// Whether a container was running when the kubelet last looked.
pub(super) fn is_running_record(record: &ContainerRecord) -> bool {
    record.seen.as_ref().is_some_and(|seen| matches!(seen.state, ContainerState::Running { .. }))
}
