//! What the server asks of kubelets: logs, exec and forwarded ports. Defined here, beside its dummy, because the server stands below.

use crate::apimachinery::{Reason, Status};
use crate::sim::Time;
use crate::text::http::{Request, Response, StreamRead};

/// Names a container on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRef {
    /// The node's name.
    pub node: String,
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod's name.
    pub pod: String,
    /// The Pod's uid.
    pub pod_uid: String,
    /// The container's name.
    pub container: String,
}

/// Names a Pod on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRef {
    /// The node's name.
    pub node: String,
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod's name.
    pub name: String,
    /// The Pod's uid.
    pub uid: String,
}

/// Why a kubelet does not do what it is asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not reached: the server says so.
    Unreached(Status),
    /// The status code and the words of its own answer, which goes to the client as it is.
    Said(u16, String),
}

/// Which part of a log is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The log of the instance before the present one.
    pub previous: bool,
    /// Lines written at this instant or later.
    pub since: Option<Time>,
    /// At most so many lines from the end.
    pub tail_lines: Option<u64>,
    /// At most so many bytes.
    pub limit_bytes: Option<u64>,
    /// Each line with its time in front.
    pub timestamps: bool,
    /// Go on as the container writes.
    pub follow: bool,
    /// Only `Stdout` or `Stderr` instead of both.
    pub stream: Option<String>,
}

/// A part of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRead {
    /// Whole lines.
    pub bytes: Vec<u8>,
    /// Where to go on: give it to the next read.
    pub position: u64,
    /// Nothing more will come: the container has ended and everything is read.
    pub ended: bool,
}

/// What to run in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecOptions {
    /// The command; empty to attach to the container's own process.
    pub command: Vec<String>,
    /// Whether standard input is wanted.
    pub stdin: bool,
    /// Whether standard output is wanted.
    pub stdout: bool,
    /// Whether standard error is wanted.
    pub stderr: bool,
    /// Whether the process gets a terminal.
    pub tty: bool,
}

/// The kubelets, as the server reaches them.
pub trait NodeProxy {
    /// Reads a log from `position` (0 for the beginning as the options define it).
    ///
    /// # Errors
    /// The kubelet's words, such as `container "c" in pod "p" is waiting to start: ContainerCreating`.
    fn read_log(&mut self, of: &ContainerRef, options: &LogOptions, position: u64) -> Result<LogRead, Status>;

    /// Starts a process in a container, or attaches to it; gives the session's number.
    ///
    /// # Errors
    /// The kubelet's words.
    fn exec(&mut self, of: &ContainerRef, options: &ExecOptions) -> Result<u64, Status>;

    /// The next message of a session, framed as `text::http::StreamRead` describes.
    fn read_session(&mut self, node: &str, session: u64) -> StreamRead;

    /// Gives a session one framed message.
    fn write_session(&mut self, node: &str, session: u64, message: &[u8]);

    /// Ends a session from the client's side.
    fn close_session(&mut self, node: &str, session: u64);

    /// Readies a Pod's ports to be forwarded.
    ///
    /// # Errors
    /// The kubelet refuses, or is not reached.
    fn port_forward(&mut self, of: &PodRef) -> Result<(), Refused>;

    /// Connects to a port from inside a Pod, as a forwarded connection does; gives the Pod's address.
    ///
    /// # Errors
    /// The runtime's words.
    fn dial(&mut self, of: &PodRef, port: u16) -> Result<String, String>;

    /// Asks whatever listens on a port of a Pod's address.
    ///
    /// # Errors
    /// Why no answer came, such as `dial tcp 10.244.1.2:80: connect: connection refused`.
    fn request(&mut self, node: &str, address: &str, port: u16, request: &Request) -> Result<Response, String>;
}

/// A cluster without nodes.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNodes;

impl NodeProxy for NoNodes {
    fn read_log(&mut self, of: &ContainerRef, _: &LogOptions, _: u64) -> Result<LogRead, Status> {
        Err(no_such_node(&of.node))
    }
    fn exec(&mut self, of: &ContainerRef, _: &ExecOptions) -> Result<u64, Status> {
        Err(no_such_node(&of.node))
    }
    fn read_session(&mut self, _: &str, _: u64) -> StreamRead {
        StreamRead::End
    }
    fn write_session(&mut self, _: &str, _: u64, _: &[u8]) {}
    fn close_session(&mut self, _: &str, _: u64) {}
    fn port_forward(&mut self, of: &PodRef) -> Result<(), Refused> {
        Err(Refused::Unreached(no_such_node(&of.node)))
    }
    fn dial(&mut self, of: &PodRef, _: u16) -> Result<String, String> {
        Err(no_such_node(&of.node).message)
    }
    fn request(&mut self, _: &str, address: &str, port: u16, _: &Request) -> Result<Response, String> {
        Err(format!("dial tcp {address}:{port}: connect: no route to host"))
    }
}

fn no_such_node(node: &str) -> Status {
    Status::other(Reason::ServiceUnavailable, format!("node {node} is not reachable"))
}
