//! The kubelet of one node: a worker per Pod that brings containers to what the spec says and tells how they are.
//!
//! Models Kubernetes 1.36 pkg/kubelet: kubelet.go (SyncPod, SyncTerminatingPod, SyncTerminatedPod), pod_workers.go
//! (completeWork), pleg/generic.go (ends are seen at a relist once a second). It speaks to the API server and to the
//! container runtime only.

mod actions;
mod backoff;
mod conditions;
mod container_config;
mod containers;
mod dns;
mod env_file;
mod environment;
mod eviction;
mod handler;
mod image_pull;
mod killing;
mod logs;
mod mounting;
mod node_status;
mod phase;
mod port_forward;
mod probe;
mod resize;
mod start;
mod status;
mod sync;
mod termination;
mod usage;
mod volumes;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};

use crate::apimachinery::{Kind, Object, downcast, meta};
use crate::apiserver::{ApiServer, Caller};
use crate::client::{Client, Delta, EventRecorder, Watch, Worked, node_of};
use crate::cri::{ContainerId, RuntimeService};
use crate::shell::program::Host;
use crate::sim::{Seed, Time};
use backoff::Backoff;
pub use node_status::healthy_conditions;
use worker::{Stage, Worker};

/// A Pod is synced once in so long, whatever happens.
const RESYNC_PERIOD: Duration = Duration::from_secs(60);
/// Containers are looked at once in so long.
const RELIST_PERIOD: Duration = Duration::from_secs(1);
/// From a Pod's arrival to the first look at it.
const HOUSEKEEPING: Duration = Duration::from_millis(8);

type Uid = Arc<str>;

/// A node's kubelet.
#[derive(Clone, Debug)]
pub struct Kubelet {
    node: String,
    address: String,
    caller: Caller,
    watch: Watch,
    /// What volumes are filled from.
    sources: [Watch; 2],
    runtime: Box<dyn RuntimeService>,
    workers: BTreeMap<Uid, Worker>,
    due: BTreeSet<(Time, u64, Uid)>,
    sequence: u64,
    owners: BTreeMap<ContainerId, Uid>,
    /// Whose probe or hook a session of the runtime is.
    sessions: BTreeMap<u64, Uid>,
    /// The Pods whose resize waits for room.
    resizes: BTreeSet<Uid>,
    /// When the last pull that was asked for ends.
    pulls_end: Time,
    restarts: Backoff,
    pulls: Backoff,
    events: EventRecorder,
    rng: fastrand::Rng,
    relist_phase: Duration,
}

impl Kubelet {
    /// The kubelet of `node`, whose machine has this address, on a runtime.
    pub fn new(node: &str, address: &str, runtime: Box<dyn RuntimeService>, seed: Seed) -> Self {
        let mut rng = seed.fork("kubelet").fork(node).rng();
        let relist_phase = Duration::from_millis(rng.u64(..1000));
        Self {
            node: node.to_owned(),
            address: address.to_owned(),
            caller: Caller { manager: "kubelet".into(), ..Caller::component(&format!("system:node:{node}")) },
            watch: Watch::new(Pod::RESOURCE),
            sources: [Watch::new(ConfigMap::RESOURCE), Watch::new(Secret::RESOURCE)],
            runtime,
            workers: BTreeMap::new(),
            due: BTreeSet::new(),
            sequence: 0,
            owners: BTreeMap::new(),
            sessions: BTreeMap::new(),
            resizes: BTreeSet::new(),
            pulls_end: Time::default(),
            restarts: Backoff::default(),
            pulls: Backoff::default(),
            events: EventRecorder::new("kubelet", node),
            rng,
            relist_phase,
        }
    }

    /// The node's name.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The address of its machine.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Takes in the server's changes to Pods of this node.
    pub fn observe(&mut self, server: &ApiServer) {
        self.observe_sources(server);
        let now = server.now();
        // As upstream, which asks for the Pods whose `spec.nodeName` is its own.
        let here =
            |object: &dyn Object| object.as_any().downcast_ref::<Pod>().is_some_and(|pod| node_of(pod) == self.node);
        let pulled = self.watch.pull_where(server, here);
        if pulled.listed {
            self.find_gone(&pulled.deltas, now);
        }
        for delta in pulled.deltas {
            let old = delta.old.as_ref().and_then(downcast::<Pod>);
            match delta.new.as_ref().and_then(downcast::<Pod>) {
                Some(pod) => self.pod_changed(pod, now),
                None => {
                    if let Some(pod) = old {
                        self.pod_gone(&pod, now);
                    }
                }
            }
        }
    }

    /// Notes which volumes hold something old; they are filled anew when their Pod is next synced, which the kubelet
    /// does once a minute.
    fn observe_sources(&mut self, server: &ApiServer) {
        let now = server.now();
        for (watch, kind) in self.sources.iter_mut().zip([ConfigMap::RESOURCE, Secret::RESOURCE]) {
            for delta in watch.pull(server).deltas {
                let Some(object) = delta.object() else { continue };
                let (namespace, name) = (meta::namespace(object.meta()), meta::name(object.meta()));
                let mut woken = Vec::new();
                for (uid, worker) in &mut self.workers {
                    let here = worker.sandbox_ready && meta::namespace(&worker.pod.metadata) == namespace;
                    if here && volumes::mounts(&worker.pod, kind, name) {
                        let passed = now.since(worker.started).as_micros() % RESYNC_PERIOD.as_micros();
                        let at = now + (RESYNC_PERIOD - Duration::from_micros(u64::try_from(passed).unwrap_or(0)));
                        worker.refresh = Some(worker.refresh.map_or(at, |set| set.min(at)));
                        woken.push((Arc::clone(uid), at));
                    }
                }
                for (uid, at) in woken {
                    wake(&mut self.workers, &mut self.due, &mut self.sequence, &uid, at);
                }
            }
        }
    }

    /// Gives up the Pods that a new list no longer holds.
    fn find_gone(&mut self, present: &[Delta], now: Time) {
        let present: BTreeSet<&str> =
            present.iter().filter_map(Delta::object).map(|object| meta::uid(object.meta())).collect();
        let gone = self.workers.iter().filter(|(uid, _)| !present.contains(&***uid));
        let gone: Vec<Arc<Pod>> = gone.map(|(_, worker)| Arc::clone(&worker.pod)).collect();
        for pod in gone {
            self.pod_gone(&pod, now);
        }
    }

    fn pod_changed(&mut self, pod: Arc<Pod>, now: Time) {
        let uid: Uid = meta::uid(&pod.metadata).into();
        let Some(worker) = self.workers.get_mut(&uid) else {
            // A Pod that ended before this kubelet knew it has nothing to run.
            if pod.status.as_ref().is_none_or(|status| !matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")))
            {
                self.workers.insert(Arc::clone(&uid), Worker::new(pod, now));
                self.wake_step(&uid, now + HOUSEKEEPING);
            } else if meta::is_deleting(&pod.metadata) {
                let mut worker = Worker::new(pod, now);
                worker.stage = Stage::Terminated;
                self.workers.insert(Arc::clone(&uid), worker);
                self.wake_step(&uid, now + HOUSEKEEPING);
            }
            return;
        };
        if Arc::ptr_eq(&worker.pod, &pod) {
            // The kubelet's own writing.
            return;
        }
        let deletion =
            |pod: &Pod| (pod.metadata.deletion_timestamp.clone(), pod.metadata.deletion_grace_period_seconds);
        let asks_to_stop = deletion(&worker.pod) != deletion(&pod);
        let spec_changed = worker.pod.spec != pod.spec;
        let (old, new) = (&worker.pod.metadata, &pod.metadata);
        if worker.sandbox_ready && (old.labels != new.labels || old.annotations != new.annotations) {
            // The downward API shows them in files.
            worker.refresh = Some(now + RELIST_PERIOD);
        }
        resize::note(worker, &pod);
        worker.pod = pod;
        let refresh = worker.refresh;
        worker.pending |= (asks_to_stop || spec_changed) && worker.is_blocked();
        if asks_to_stop || spec_changed {
            self.wake_step(&uid, now + HOUSEKEEPING);
        }
        if let Some(at) = refresh {
            self.wake(&uid, at);
        }
    }

    fn pod_gone(&mut self, pod: &Pod, now: Time) {
        let uid: Uid = meta::uid(&pod.metadata).into();
        let Some(worker) = self.workers.get_mut(&uid) else { return };
        worker.orphaned = true;
        if matches!(worker.stage, Stage::Done | Stage::Terminated) {
            self.forget(&uid);
        } else {
            self.wake_step(&uid, now + HOUSEKEEPING);
        }
    }

    /// Whether processes have something to do at `now`: call `run_processes` before `work`.
    pub fn processes_wait(&self, now: Time) -> bool {
        self.runtime.next_due().is_some_and(|due| due <= now)
    }

    /// Runs the processes that are due.
    pub fn run_processes(&mut self, now: Time, host: &mut dyn Host) {
        self.runtime.run(now, host);
        self.see_exits(now);
        self.see_answers(now);
    }

    /// Whether a Pod of this node has an address.
    pub fn has_address(&self, address: &str) -> bool {
        self.runtime.has_address(address)
    }

    /// Whether a container of this node listens on a port of an address.
    pub fn listens(&self, address: &str, port: u16) -> bool {
        self.runtime.listens(address, port)
    }

    /// Takes one Pod that is due a step on.
    pub fn work(&mut self, server: &mut ApiServer) -> Worked {
        let now = server.now();
        let Some((due, sequence, uid)) = self.due.first().cloned() else {
            return Worked::Idle(self.runtime.next_due());
        };
        if due > now {
            return Worked::Idle(Some(self.runtime.next_due().map_or(due, |runtime| runtime.min(due))));
        }
        self.due.remove(&(due, sequence, Arc::clone(&uid)));
        if let Some(mut worker) = self.workers.remove(&uid) {
            worker.due = None;
            let keep = self.step(&uid, &mut worker, server, now);
            if keep {
                self.workers.insert(Arc::clone(&uid), worker);
                self.reschedule(&uid);
            } else {
                self.release(&uid, worker);
            }
        }
        Worked::Done
    }

    /// Notes which containers have ended; the Pods are looked at when the next relist would see it.
    fn see_exits(&mut self, now: Time) {
        for id in self.runtime.take_exited() {
            let Some(uid) = self.owners.get(&id).cloned() else { continue };
            let at = self.next_relist(now);
            let Some(worker) = self.workers.get_mut(&uid) else { continue };
            worker.relist = Some(worker.relist.map_or(at, |set| set.min(at)));
            // Whoever stops a container is told of its end at once.
            let awaited = worker.killing.iter().any(|killing| *killing.id() == id);
            if awaited {
                worker.again(now);
            }
            self.wake(&uid, if awaited { now } else { at });
        }
    }

    /// Wakes the workers whose probe or hook has come to its end.
    fn see_answers(&mut self, now: Time) {
        for session in self.runtime.take_ended_sessions() {
            let Some(uid) = self.sessions.remove(&session) else { continue };
            let Some(worker) = self.workers.get_mut(&uid) else { continue };
            if worker.is_blocked() {
                worker.again(now);
            }
            for probe in &mut worker.probes {
                probe.look(session, now);
            }
            self.wake(&uid, now);
        }
    }

    /// The first relist after `now`.
    fn next_relist(&self, now: Time) -> Time {
        let (period, phase) = (RELIST_PERIOD.as_micros() as u64, self.relist_phase.as_micros() as u64);
        let passed = (now.as_micros() + period - phase) % period;
        now + Duration::from_micros(period - passed)
    }

    /// Puts a worker into the queue at `at` unless it stands there earlier.
    fn wake(&mut self, uid: &Uid, at: Time) {
        wake(&mut self.workers, &mut self.due, &mut self.sequence, uid, at);
    }

    /// Makes a worker's next step due at `at` at the latest.
    fn wake_step(&mut self, uid: &Uid, at: Time) {
        if let Some(worker) = self.workers.get_mut(uid) {
            worker.again(at);
        }
        self.wake(uid, at);
    }

    /// Puts a worker that was taken out for a step back into the queue.
    fn reschedule(&mut self, uid: &Uid) {
        if let Some(at) = self.workers.get(uid).and_then(Worker::next_due) {
            self.wake(uid, at);
        }
    }

    fn forget(&mut self, uid: &Uid) {
        if let Some(worker) = self.workers.remove(uid) {
            if let Some((due, sequence)) = worker.due {
                self.due.remove(&(due, sequence, Arc::clone(uid)));
            }
            self.release(uid, worker);
        }
    }

    fn release(&mut self, uid: &Uid, worker: Worker) {
        for record in worker.records.values() {
            for id in record.current.iter().chain(record.last.as_ref().map(|last| &last.id)) {
                self.owners.remove(id);
            }
        }
        if let Some(sandbox) = &worker.sandbox {
            self.runtime.remove_sandbox(&sandbox.id);
        }
        self.restarts.forget(uid);
        self.pulls.forget(uid);
    }

    /// Whether the kubelet has seen all that the server has.
    pub fn is_up_to_date(&self, server: &ApiServer) -> bool {
        self.watch.is_up_to_date(server)
    }

    /// Whether the kubelet will go on with the Pod of this uid by itself: a step is due, or a container runs.
    pub fn awaits(&self, uid: &str) -> bool {
        let worker = self.workers.get(uid);
        worker.is_some_and(|worker| {
            worker.due.is_some() || worker.records.values().any(|record| record.current.is_some())
        })
    }

    /// When a process next has something to do.
    pub fn next_process_due(&self) -> Option<Time> {
        self.runtime.next_due()
    }

    /// A number that changes whenever a container has written something.
    pub fn output_revision(&self) -> u64 {
        self.runtime.output_revision()
    }

    fn client<'a>(&'a self, server: &'a mut ApiServer) -> Client<'a> {
        Client::new(server, &self.caller)
    }
}

fn wake(
    workers: &mut BTreeMap<Uid, Worker>,
    due: &mut BTreeSet<(Time, u64, Uid)>,
    sequence: &mut u64,
    uid: &Uid,
    at: Time,
) {
    let Some(worker) = workers.get_mut(uid) else { return };
    if let Some((set, number)) = worker.due {
        if set <= at {
            return;
        }
        due.remove(&(set, number, Arc::clone(uid)));
    }
    *sequence += 1;
    worker.due = Some((at, *sequence));
    due.insert((at, *sequence, Arc::clone(uid)));
}
