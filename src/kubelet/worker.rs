//! What the kubelet remembers of one Pod.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, ResourceRequirements};

use super::containers::List;
use super::handler::Handling;
use super::killing::Killing;
use super::mounting::Mounting;
use super::probe::Probe;
use super::resize::Resize;
use crate::cri::{ContainerId, ContainerStatus, Pull, Sandbox};
use crate::sim::Time;

/// What the probes of one kind have come to for a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not probed often enough yet.
    Unknown,
    /// As often as the success threshold asks.
    Success,
    /// As often as the failure threshold asks.
    Failure,
}

/// What the kubelet remembers of one container of a Pod.
#[derive(Clone, Debug, Default)]
pub struct ContainerRecord {
    /// The newest instance.
    pub current: Option<ContainerId>,
    /// The newest instance as the kubelet last saw it; an end is seen at the next relist.
    pub seen: Option<ContainerStatus>,
    /// The instance before, as it ended.
    pub last: Option<ContainerStatus>,
    /// How many instances came before the newest.
    pub restarts: u32,
    /// The image of the newest instance, as the Pod named it then.
    pub image: String,
    /// It was removed so that all of the Pod's begin anew, and nothing has ended since.
    pub reset: bool,
    /// Why it is not started (again): reason and message.
    pub waiting: Option<(String, String)>,
    /// When its last pull failed, and with which text.
    pub pull_failure: Option<(Time, String)>,
    /// What the newest instance may use.
    pub resources: Option<ResourceRequirements>,
    /// What its liveness, readiness and startup probes have come to; `None` before the first look.
    pub probed: [Option<Outcome>; 3],
}

/// One thing that a sync does to a container.
#[derive(Clone, Debug)]
pub enum Op {
    /// End what runs, since nothing is left that must: sidecars after the others. The sandbox goes with it.
    KillPod,
    /// End these containers.
    Kill(Vec<KillOrder>),
    /// Give these running containers what they may use by now.
    Resize(Vec<String>),
    /// End and remove every container, so that all begin anew.
    Reset,
    /// Start the container at this place of a list.
    Start(List, usize),
}

/// Why a container is ended, which says how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillReason {
    /// Its liveness probe failed.
    Liveness,
    /// Its startup probe failed.
    Startup,
    /// Anything else.
    Other,
}

/// A container to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillOrder {
    /// Its name.
    pub name: String,
    /// The event's text.
    pub message: String,
    /// Why.
    pub reason: KillReason,
}

/// What a sync waits for.
#[derive(Clone, Debug)]
pub enum Doing {
    /// An image.
    Pull {
        /// The list of the container that it is for.
        list: List,
        /// Its place in the list.
        index: usize,
        /// The pull.
        pull: Pull,
        /// When it was asked for.
        asked: Time,
        /// When it began, after those before it.
        began: Time,
    },
    /// A postStart hook.
    PostStart {
        /// The container.
        name: String,
        /// The hook.
        handling: Handling,
    },
    /// Containers that are being ended; `after` a failed postStart hook, its container and the error's text.
    Kill {
        /// Whose hook failed, and the text.
        after: Option<(String, String)>,
    },
    /// The same for all of the Pod's.
    KillPod,
    /// The same, to begin anew.
    Reset,
}

/// The rest of a sync.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// What is still to be done, in order.
    pub ops: VecDeque<Op>,
    /// What is waited for.
    pub doing: Option<Doing>,
    /// Something was started, so the Pod is looked at again at once.
    pub started: bool,
    /// Something failed and is to be tried again: at the end of a back-off, or after the usual period.
    pub retry: Option<Time>,
}

impl Work {
    /// Something failed and is to be tried again at `at`.
    pub fn retry_at(&mut self, at: Time) {
        self.retry = Some(self.retry.map_or(at, |set| set.min(at)));
    }
}

/// What a worker does next.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Compare what is with what should be.
    Sync,
    /// Wait for volumes and network until then, and make the sandbox.
    PreparingSandbox(Time),
    /// In the middle of a sync: an image, a hook or the end of a container is waited for.
    Busy(Box<Work>),
    /// Every container has ended; the sandbox goes away and the end is told at the next relist.
    Ending,
    /// Containers are being stopped.
    Terminating,
    /// All have stopped; the last status is told and the Pod given up.
    Terminated,
    /// Nothing is left to do but to keep logs until the Pod is deleted.
    Done,
}

/// A Pod on this node.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The newest version seen.
    pub pod: Arc<Pod>,
    /// When the kubelet first saw it.
    pub started: Time,
    /// What comes next.
    pub stage: Stage,
    /// When that is due; `None` while waiting for something to happen.
    pub next: Option<Time>,
    /// Before this instant no sync begins: the kubelet waits for a look at the containers that is newer than the sync
    /// before.
    pub fresh: Time,
    /// Where the worker stands in the kubelet's queue.
    pub due: Option<(Time, u64)>,
    /// The sandbox.
    pub sandbox: Option<Sandbox>,
    /// Whether the sandbox still runs.
    pub sandbox_ready: bool,
    /// By container name, of all three lists.
    pub records: BTreeMap<String, ContainerRecord>,
    /// The probes of its containers, from the first sync on.
    pub probes: Vec<Probe>,
    /// Whether `probes` have been set up.
    pub probed: bool,
    /// Containers that are being ended.
    pub killing: Vec<Killing>,
    /// The seconds that its containers were told to end in.
    pub told_grace: Option<u64>,
    /// Whether the object is gone from the server, so that no status is owed.
    pub orphaned: bool,
    /// Why the kubelet itself ended the Pod.
    pub failure: Option<(String, String)>,
    /// When containers are next looked at, because something has started or ended.
    pub relist: Option<Time>,
    /// Something changed while a sync was under way: the next follows at once.
    pub pending: bool,
    /// When its use of storage is next looked at.
    pub storage_check: Option<Time>,
    /// When changed ConfigMaps and Secrets reach its volumes.
    pub refresh: Option<Time>,
    /// The volumes that are not there yet.
    pub mounting: Mounting,
    /// What is asked for in place of what its containers have.
    pub resize: Resize,
}

/// A Pod's sandbox, or its absence.
#[derive(Clone, Copy, Debug)]
pub struct Sandboxed<'a> {
    sandbox: Option<&'a Sandbox>,
    ready: bool,
}

impl<'a> Sandboxed<'a> {
    /// Whether it runs.
    pub fn is_ready(self) -> bool {
        self.ready && self.sandbox.is_some()
    }

    /// The Pod's address.
    pub fn address(self) -> Option<&'a str> {
        self.sandbox.map(|sandbox| sandbox.address.as_str())
    }
}

impl Worker {
    /// A Pod that has just been seen.
    pub fn new(pod: Arc<Pod>, now: Time) -> Self {
        Self {
            pod,
            started: now,
            stage: Stage::Sync,
            next: None,
            fresh: now,
            due: None,
            sandbox: None,
            sandbox_ready: false,
            records: BTreeMap::new(),
            probes: Vec::new(),
            probed: false,
            killing: Vec::new(),
            told_grace: None,
            orphaned: false,
            failure: None,
            relist: None,
            pending: false,
            storage_check: None,
            refresh: None,
            mounting: Mounting::default(),
            resize: Resize::default(),
        }
    }

    /// The sandbox, for the status.
    pub fn sandboxed(&self) -> Sandboxed<'_> {
        Sandboxed { sandbox: self.sandbox.as_ref(), ready: self.sandbox_ready }
    }

    /// Makes the next step due at `at` at the latest.
    pub fn again(&mut self, at: Time) {
        self.next = Some(self.next.map_or(at, |set| set.min(at)));
    }

    /// When it next has something to do by itself.
    pub fn next_due(&self) -> Option<Time> {
        let probes = self.probes.iter().map(Probe::due).min();
        [self.next, self.relist, self.refresh, self.storage_check, probes].into_iter().flatten().min()
    }
}
