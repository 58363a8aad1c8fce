//! The end of a Pod: containers are stopped, the last status is told, the object is given up.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kubelet.go (SyncTerminatingPod, SyncTerminatedPod) and
//! active_deadline.go.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use super::Kubelet;
use super::eviction::EVICTED;
use super::status::Life;
use super::worker::{Stage, Worker};
use crate::apimachinery::meta;
use crate::apiserver::{ApiServer, DeleteOptions, Precondition};
use crate::client::{Client, EventType};
use crate::sim::Time;
use std::time::Duration;

const DEADLINE_REASON: &str = "DeadlineExceeded";
const DEADLINE_TEXT: &str = "Pod was active on the node longer than the specified deadline";

impl Kubelet {
    /// Ends a Pod that has outlived its `activeDeadlineSeconds`, and remembers when that will be.
    pub(super) fn check_limits(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        let Some(seconds) = worker.pod.spec.as_ref().and_then(|spec| spec.active_deadline_seconds) else { return };
        if worker.failure.is_none() {
            let seconds = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            // The status tells its start in whole seconds.
            let end = Time::from_seconds(worker.started.as_seconds()) + seconds;
            if now < end {
                worker.again(end);
                return;
            }
            worker.failure = Some((DEADLINE_REASON.to_owned(), DEADLINE_TEXT.to_owned()));
        }
        self.note_deadline(worker, server);
    }

    /// Whoever works out the status of a Pod past its deadline says so.
    fn note_deadline(&mut self, worker: &Worker, server: &mut ApiServer) {
        if worker.failure.as_ref().is_some_and(|(reason, _)| reason == DEADLINE_REASON) {
            let pod = Arc::clone(&worker.pod);
            self.record(server, &pod, "", EventType::Normal, DEADLINE_REASON, DEADLINE_TEXT);
        }
    }

    pub(super) fn begin_termination(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        worker.stage = Stage::Terminating;
        if !worker.orphaned {
            self.note_deadline(worker, server);
            self.publish(worker, server, Life::Going, now);
        }
        Self::stop_probes(worker, false);
        self.tell_to_end(worker, server, now);
        self.watch_termination(worker, server, now);
    }

    /// Tells every container to end within the time that is left; what a sync had begun to end goes on with this.
    fn tell_to_end(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        let grace = deletion_grace(worker);
        worker.told_grace = grace;
        worker.killing.clear();
        self.begin_kill_pod(worker, server, grace, now);
    }

    pub(super) fn watch_termination(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
        if worker.told_grace != deletion_grace(worker) {
            self.tell_to_end(worker, server, now);
        }
        if !self.go_on_killing(worker, server, now) {
            return;
        }
        Self::stop_probes(worker, true);
        for record in worker.records.values_mut() {
            if let Some(status) = record.current.as_ref().and_then(|id| self.runtime.container(id)) {
                record.seen = Some(status);
            }
        }
        if !worker.orphaned {
            self.note_deadline(worker, server);
            self.publish(worker, server, Life::Stopped, now);
        }
        self.stop_sandbox(worker, now);
        worker.stage =
            if meta::is_deleting(&worker.pod.metadata) || worker.orphaned { Stage::Terminated } else { Stage::Ending };
        worker.fresh = self.next_relist(now);
        worker.again(worker.fresh);
    }

    /// Tells the last status and deletes the object for good.
    pub(super) fn give_up(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) -> bool {
        if worker.orphaned {
            return false;
        }
        // A Pod that was asked to go before it had begun has failed: somebody may wait for its final phase.
        let phase = worker.pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let is_told = matches!(phase, Some("Succeeded" | "Failed"));
        if !worker.records.is_empty() || worker.sandbox.is_some() || !is_told {
            self.publish(worker, server, Life::Over, now);
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
}

/// The grace period of a Pod that is gone from the server is the least there is.
fn deletion_grace(worker: &Worker) -> Option<u64> {
    let evicted = worker.failure.as_ref().is_some_and(|(reason, _)| reason == EVICTED);
    if worker.orphaned || evicted {
        return Some(1);
    }
    let seconds = worker.pod.metadata.deletion_grace_period_seconds?;
    Some(u64::try_from(seconds).unwrap_or(0).max(1))
}
