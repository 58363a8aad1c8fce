//! What a kubelet asks of a container runtime.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto (RuntimeService, ImageService), cut
//! to what a kubelet on virtual time needs. Nothing here blocks: what takes time says when it will be done.

use std::fmt::Debug;
use std::time::Duration;

use crate::apiserver::{ExecOptions, LogOptions, Usage};
use crate::shell::program::Host;
use crate::sim::Time;
use crate::text::http::{Request, Response, StreamRead};

/// 64 hexadecimal digits, without the runtime's name in front.
pub type ContainerId = String;

/// 64 hexadecimal digits.
pub type SandboxId = String;

/// An image that is on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageInfo {
    /// The normalised name: `docker.io/library/busybox:1.36`.
    pub name: String,
    /// The name with its digest: `docker.io/library/busybox@sha256:...`.
    pub id: String,
    /// Bytes.
    pub size: u64,
    /// The user that the image runs as.
    pub user: User,
}

/// Who a process runs as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: i64,
    /// Group id.
    pub gid: i64,
    /// Further groups, such as 0 and 10 for busybox' root.
    pub groups: Vec<i64>,
}

/// A pull under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// When it ends.
    pub done: Time,
    /// What comes of it; the error is the runtime's text, `rpc error: code = NotFound desc = failed to pull ...`.
    pub result: Result<ImageInfo, String>,
}

/// A Pod's sandbox to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxConfig {
    /// The Pod's name.
    pub name: String,
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod's uid.
    pub uid: String,
    /// What `hostname` prints.
    pub hostname: String,
    /// Whether it has the node's address.
    pub host_network: bool,
}

/// A sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Its id.
    pub id: SandboxId,
    /// The Pod's address.
    pub address: String,
}

/// Files at a path of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where, absolute.
    pub path: String,
    /// Names what is mounted: containers of one sandbox that mount the same name share the files.
    pub volume: String,
    /// The part of the volume that is mounted; empty for all.
    pub sub_path: String,
    /// The directory of the node that is mounted and outlives the Pod; empty for a volume of the Pod's own.
    pub host_path: String,
    /// Whether writes are refused.
    pub read_only: bool,
    /// What the volume holds when it is first mounted: path in the volume, content, mode.
    pub files: Vec<(String, Vec<u8>, u32)>,
}

/// What stands at a path of the node itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A socket that a program of the node listens on.
    Socket,
    /// A character device.
    CharDevice,
}

/// A container to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerConfig {
    /// Its name in the Pod.
    pub name: String,
    /// How often a container of this name has been started in this Pod before.
    pub attempt: u32,
    /// The image as the Pod names it.
    pub image: String,
    /// `command`: replaces the image's entrypoint when it is not empty.
    pub command: Vec<String>,
    /// `args`: replaces the image's command when it is not empty.
    pub args: Vec<String>,
    /// Environment, in order; later ones win.
    pub env: Vec<(String, String)>,
    /// Replaces the image's working directory when it is not empty.
    pub working_dir: String,
    /// Mounts, in order.
    pub mounts: Vec<Mount>,
    /// Replaces the image's user.
    pub user: Option<User>,
    /// Whether standard input stays open.
    pub stdin: bool,
    /// Whether the process has a terminal.
    pub tty: bool,
    /// Whether the root file system refuses writes.
    pub read_only_root: bool,
    /// Bytes; 0 for no limit.
    pub memory_limit: i64,
    /// The file whose content is the message of the container's end.
    pub termination_log: String,
    /// What `/etc/hosts` says.
    pub hosts: String,
    /// What `/etc/resolv.conf` says.
    pub resolv_conf: String,
    /// Whether the end of its log is that message when the file is empty and it failed.
    pub log_is_message: bool,
}

/// How a container ended, beyond its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Exit code 0.
    Completed,
    /// Another exit code.
    Error,
    /// It outgrew its memory limit: exit code 137.
    OomKilled,
    /// It could not be started: exit code 128 or the OCI runtime's.
    StartError,
}

impl StopReason {
    /// The reason in the container's status.
    pub const fn as_str(self) -> &'static str {
        match self {
            StopReason::Completed => "Completed",
            StopReason::Error => "Error",
            StopReason::OomKilled => "OOMKilled",
            StopReason::StartError => "StartError",
        }
    }
}

/// Where a container stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, not started.
    Created,
    /// Running.
    Running {
        /// Since when.
        started: Time,
    },
    /// Ended.
    Exited {
        /// When it started; the epoch when it could not be started.
        started: Time,
        /// When it ended.
        finished: Time,
        /// Its exit code; 128 and the signal's number when a signal ended it.
        exit_code: i32,
        /// Why.
        reason: StopReason,
        /// The runtime's text for `StartError`, else empty.
        message: String,
    },
}

/// A container as the runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerStatus {
    /// Its id.
    pub id: ContainerId,
    /// Its name in the Pod.
    pub name: String,
    /// Its image.
    pub image: ImageInfo,
    /// Who it runs as.
    pub user: User,
    /// Where it stands.
    pub state: ContainerState,
    /// What it wrote to `/dev/termination-log`, to be the message of its end.
    pub termination_log: String,
}

/// A part of a container's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPart {
    /// Whole lines, with their times in front when that was asked for.
    pub bytes: Vec<u8>,
    /// Where to go on.
    pub position: u64,
    /// Whether the container has ended and nothing more will come.
    pub ended: bool,
}

/// The container runtime of one node.
pub trait RuntimeService: Send + Sync {
    /// An image that is on the node.
    fn image(&mut self, reference: &str, now: Time) -> Option<ImageInfo>;
    /// Begins a pull. The image is on the node when the pull is done.
    fn pull(&mut self, reference: &str, now: Time) -> Pull;

    /// Makes a Pod's sandbox with an address of the node's network.
    ///
    /// # Errors
    /// The runtime's text.
    fn run_sandbox(&mut self, config: &SandboxConfig, now: Time) -> Result<Sandbox, String>;
    /// Ends a sandbox and kills what still runs in it; its address is free for others later.
    fn stop_sandbox(&mut self, id: &str, now: Time);
    /// Forgets a sandbox, its containers and their logs.
    fn remove_sandbox(&mut self, id: &str);

    /// Replaces what a volume of a sandbox holds, when it is mounted there.
    fn update_volume(&mut self, sandbox: &str, volume: &str, files: &[(String, Vec<u8>, u32)]);

    /// A file of a volume of a sandbox.
    fn volume_file(&self, sandbox: &str, volume: &str, path: &str) -> Option<Vec<u8>>;

    /// What stands at an absolute path of the node; `None` when nothing does.
    fn host_kind(&mut self, path: &str) -> Option<HostKind>;
    /// Makes a directory of the node with those above it, or an empty file.
    fn make_host(&mut self, path: &str, kind: HostKind);

    /// Bytes that were written to a volume of a sandbox.
    fn volume_bytes(&self, sandbox: &str, volume: &str) -> u64;
    /// Bytes that a container has written to files of its own and to its log.
    fn own_bytes(&self, id: &str) -> u64;

    /// Makes a container.
    ///
    /// # Errors
    /// The runtime's text.
    fn create_container(&mut self, sandbox: &str, config: &ContainerConfig, now: Time) -> Result<ContainerId, String>;
    /// Starts a container.
    ///
    /// # Errors
    /// The runtime's text, such as `failed to create containerd task: ... exec: "foo": executable file not found in
    /// $PATH`; the container is then `Exited` with `StartError`.
    fn start_container(&mut self, id: &str, now: Time) -> Result<(), String>;
    /// Gives a container another limit of memory in bytes; 0 for none.
    fn update_container(&mut self, id: &str, memory_limit: i64);
    /// Sends TERM, and KILL after the grace period.
    fn stop_container(&mut self, id: &str, grace: Duration, now: Time);
    /// A container.
    fn container(&self, id: &str) -> Option<ContainerStatus>;
    /// What a running container has used; `None` when it does not run.
    fn usage(&self, id: &str) -> Option<Usage>;
    /// Forgets an ended container and its log.
    fn remove_container(&mut self, id: &str);

    /// Reads a log. `position` is 0 or what the last part gave.
    ///
    /// # Errors
    /// The text of a container that is not there.
    fn read_log(&mut self, id: &str, options: &LogOptions, position: u64) -> Result<LogPart, String>;
    /// Runs a command in a running container, or attaches when the command is empty; gives a session's number.
    ///
    /// # Errors
    /// The runtime's text.
    fn exec(&mut self, id: &str, options: &ExecOptions, now: Time) -> Result<u64, String>;
    /// The next message of a session, framed as `text::http::StreamRead` describes.
    fn read_session(&mut self, session: u64) -> StreamRead;
    /// Gives a session one framed message.
    fn write_session(&mut self, session: u64, message: &[u8], now: Time);
    /// Ends a session.
    fn close_session(&mut self, session: u64);
    /// Kills the process of a session.
    fn kill_session(&mut self, session: u64, now: Time);
    /// The sessions whose process has ended since the last call, in order.
    fn take_ended_sessions(&mut self) -> Vec<u64>;

    /// Whether a Pod of this node has an address.
    fn has_address(&self, address: &str) -> bool;
    /// Whether a container of this node listens on a port of this address.
    fn listens(&self, address: &str, port: u16) -> bool;
    /// Asks whatever listens on a port of this address of the node.
    ///
    /// # Errors
    /// Why no answer came.
    fn request(&mut self, address: &str, port: u16, request: &Request, now: Time) -> Result<Response, String>;

    /// Runs every process that can run at `now`, each for its slice.
    fn run(&mut self, now: Time, host: &mut dyn Host);
    /// When a process next has something to do.
    fn next_due(&self) -> Option<Time>;
    /// The containers that have ended since the last call, in order.
    fn take_exited(&mut self) -> Vec<ContainerId>;
    /// A number that changes whenever a container has written or a session has something to read.
    fn output_revision(&self) -> u64;

    /// A copy that goes on from the same point.
    fn clone_box(&self) -> Box<dyn RuntimeService>;
}

/// Its name alone: the state of all containers would be shipped with the page.
impl std::fmt::Debug for dyn RuntimeService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RuntimeService")
    }
}

impl Clone for Box<dyn RuntimeService> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}
