//! The end of a Pod: containers are stopped, the last status is told, the object is given up.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kubelet.go (SyncTerminatingPod, SyncTerminatedPod).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::Kubelet;
use super::sync::{find_container, is_running};
use super::worker::{Stage, Worker};
use crate::apimachinery::meta;
use crate::apiserver::{ApiServer, DeleteOptions, Precondition};
use crate::client::{Client, EventType};
use crate::sim::Time;

impl Kubelet {
    pub(super) fn begin_termination(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
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

    pub(super) fn watch_termination(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) {
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
    pub(super) fn give_up(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) -> bool {
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
}
