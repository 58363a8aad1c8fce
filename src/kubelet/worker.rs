//! What the kubelet remembers of one Pod.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

use crate::cri::{ContainerId, ContainerStatus, Pull, Sandbox};
use crate::sim::Time;

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
    /// Why it is not started (again): reason and message.
    pub waiting: Option<(String, String)>,
    /// When its image was last pulled.
    pub pulled: Option<Time>,
    /// When its last pull failed, and with which text.
    pub pull_failure: Option<(Time, String)>,
    /// Whether its readiness probe passes; true without one.
    pub ready: bool,
    /// Whether its startup probe has passed; true without one.
    pub started: bool,
}

/// What a worker does next.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Compare what is with what should be.
    Sync,
    /// Wait for volumes and network, then make the sandbox.
    PreparingSandbox,
    /// Wait for an image.
    Pulling {
        /// The container it is for.
        container: String,
        /// The pull.
        pull: Pull,
        /// When it began.
        began: Time,
    },
    /// Every container has ended; the sandbox goes away and the end is told at the next relist.
    Ending,
    /// Containers are being stopped: TERM is sent.
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
    pub due: Option<(Time, u64)>,
    /// The sandbox.
    pub sandbox: Option<Sandbox>,
    /// Whether the sandbox still runs.
    pub sandbox_ready: bool,
    /// By container name, init containers included.
    pub records: BTreeMap<String, ContainerRecord>,
    /// Whether the object is gone from the server, so that no status is owed.
    pub orphaned: bool,
    /// Why the kubelet itself ended the Pod.
    pub failure: Option<(String, String)>,
    /// When containers are next looked at, because something has started or ended.
    pub relist: Option<Time>,
    /// A relist came while an image was pulled: the next sync follows the pull at once.
    pub relisted: bool,
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
            due: None,
            sandbox: None,
            sandbox_ready: false,
            records: BTreeMap::new(),
            orphaned: false,
            failure: None,
            relist: None,
            relisted: false,
        }
    }

    /// The sandbox, for the status.
    pub fn sandboxed(&self) -> Sandboxed<'_> {
        Sandboxed { sandbox: self.sandbox.as_ref(), ready: self.sandbox_ready }
    }
}
