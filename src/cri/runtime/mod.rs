//! The runtime: what the kubelet calls. One event costs as much with a thousand containers as with one: containers
//! are found by the instant they wake at, and share their image's files.

mod containers;
mod exec;
mod neighbours;
mod pulls;
mod run;
mod sandboxes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::container::{Container, ContainerStatus};
use super::ids::{ContainerId, ExecId, SandboxId, VolumeId};
use super::service::SandboxConfig;
use crate::images::{Catalog, Image, PullError};
use crate::shell::machine::{OutputChunk, TtyId};
use crate::shell::program::Pid;
use crate::shell::vfs::Tree;
use crate::sim::Time;

/// Memory of a node for its containers without a limit of their own.
const NODE_MEMORY: u64 = 512 << 20;

/// Bytes of a termination log that are told.
const TERMINATION_LOG: usize = 4096;

/// How a runtime is set up.
#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig {
    /// The node's name.
    pub node: String,
    /// The first three numbers of its Pod addresses: `10.244.1`.
    pub pod_network: String,
    /// The node's own address, for Pods on the host network.
    pub node_ip: String,
    /// Seed of ids and of the containers' random numbers.
    pub seed: u64,
    /// Images of lessons.
    pub catalog: Catalog,
}

#[derive(Clone, Debug)]
struct Sandbox {
    config: SandboxConfig,
    ip: String,
    containers: Vec<ContainerId>,
}

/// A pull that was begun: ask again at `done_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// When it ends.
    pub done_at: Time,
    /// How it will end: the image, or the error.
    pub result: Result<Image, PullError>,
}

/// An end of a container that the kubelet has not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerExit {
    /// Which container.
    pub container: ContainerId,
    /// Its status at the end.
    pub status: ContainerStatus,
}

/// What an exec session is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecRequest {
    /// The command.
    pub command: Vec<String>,
    /// Whether it reads from the client.
    pub stdin: bool,
    /// Whether it has a terminal.
    pub tty: bool,
    /// The terminal's columns and rows.
    pub window: (u16, u16),
}

#[derive(Clone, Debug)]
struct Exec {
    container: ContainerId,
    pid: Pid,
    tty: Option<TtyId>,
    output: VecDeque<OutputChunk>,
    exit: Option<i32>,
}

/// The container runtime of a node.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    config: RuntimeConfig,
    images: BTreeMap<String, (Time, Image)>,
    trees: BTreeMap<String, Tree>,
    sandboxes: BTreeMap<SandboxId, Sandbox>,
    by_ip: BTreeMap<String, SandboxId>,
    containers: BTreeMap<ContainerId, Arc<Container>>,
    volumes: BTreeMap<VolumeId, Tree>,
    execs: BTreeMap<ExecId, Exec>,
    due: BTreeSet<(Time, ContainerId)>,
    streaming: BTreeSet<ContainerId>,
    exits: VecDeque<ContainerExit>,
    ended_execs: Vec<ExecId>,
    next: u64,
    next_address: u32,
}

impl Runtime {
    /// A runtime without images or containers.
    pub fn new(config: RuntimeConfig) -> Self {
        Self { config, next_address: 2, ..Self::default() }
    }

    /// The node's name.
    pub fn node(&self) -> &str {
        &self.config.node
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

fn not_found(id: ContainerId) -> String {
    format!("an error occurred when try to find container \"{}\": not found", id.0)
}
