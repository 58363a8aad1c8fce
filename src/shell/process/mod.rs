//! The tables of a machine: processes, open files, pipes, terminals, output, and the rules of signals. Knows no
//! shell syntax.

mod lives;
mod programs;
mod streams;
mod terminal;
mod turns;

pub use self::programs::{DEFAULT_PATH, SHELLS};

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::machine::Programs;
use super::program::{Fd, Pid, Signal, Wait};
use super::shell::Shell;
use super::task::Task;
use super::vfs::{Caller, Device, NodeId, Vfs};
use crate::sim::{Seed, Time};

/// Bytes that a pipe holds.
pub const PIPE_BYTES: usize = 64 << 10;
/// Bytes of output that a process may be ahead of whoever takes it.
pub const SINK_BYTES: usize = 1 << 20;
/// Most processes of one machine.
pub const PROCESSES: usize = 400;
/// Most descriptors of one process.
pub const DESCRIPTORS: usize = 256;
/// Where a shell keeps what a redirection covers; a child does not get these.
pub const SAVED_FD: Fd = 1000;

/// Which shell a machine has, and whose words its errors are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// busybox ash.
    #[default]
    Ash,
    /// Debian's `/bin/sh`.
    Dash,
    /// The learner's shell.
    Bash,
}

/// Whose tools a machine has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// busybox.
    #[default]
    Busybox,
    /// GNU coreutils and friends.
    Gnu,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(Signal),
}

impl ExitStatus {
    /// The number that a shell puts into `$?`: the code, or 128 and the signal's number.
    pub fn code(self) -> i32 {
        match self {
            ExitStatus::Code(code) => code,
            ExitStatus::Signal(signal) => 128 + signal as i32,
        }
    }
}

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// Bytes that came out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputChunk {
    /// When.
    pub time: Time,
    /// Through which descriptor.
    pub stream: Stream,
    /// What.
    pub bytes: Vec<u8>,
}

/// Names what collects the output of a process or terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SinkId(pub u32);
/// Names a terminal of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TtyId(pub u32);
/// Names an open file of a machine.
pub type FileId = u32;
/// Names a pipe of a machine.
pub type PipeId = u32;

/// Output that nobody has taken yet.
#[derive(Clone, Debug, Default)]
pub struct Sink {
    chunks: Vec<OutputChunk>,
    held: usize,
}

impl Sink {
    pub(super) fn take(&mut self) -> Vec<OutputChunk> {
        self.held = 0;
        std::mem::take(&mut self.chunks)
    }

    pub(super) fn room(&self) -> usize {
        SINK_BYTES.saturating_sub(self.held)
    }

    pub(super) fn push(&mut self, time: Time, stream: Stream, bytes: &[u8]) {
        self.held += bytes.len();
        match self.chunks.last_mut() {
            Some(last) if last.stream == stream && last.time == time => last.bytes.extend_from_slice(bytes),
            _ => self.chunks.push(OutputChunk { time, stream, bytes: bytes.to_vec() }),
        }
    }
}

/// A pipe.
#[derive(Clone, Debug, Default)]
pub struct Pipe {
    /// What was written and not read.
    pub buffer: VecDeque<u8>,
    pub(super) readers: u32,
    pub(super) writers: u32,
}

/// A terminal.
#[derive(Clone, Debug)]
pub struct Tty {
    pub(super) window: (u16, u16),
    pub(super) sink: SinkId,
    pub(super) foreground: Pid,
    pub(super) raw_by: Option<Pid>,
    input: VecDeque<u8>,
    line: Vec<u8>,
    eof: bool,
}

impl Tty {
    pub(super) fn new(columns: u16, rows: u16, sink: SinkId) -> Self {
        Self {
            window: (columns, rows),
            sink,
            foreground: 0,
            raw_by: None,
            input: VecDeque::new(),
            line: Vec::new(),
            eof: false,
        }
    }
}

/// What an open file leads to.
#[derive(Clone, Debug)]
pub enum Target {
    /// A file of the Vfs.
    File(NodeId),
    /// The reading end of a pipe.
    PipeRead(PipeId),
    /// The writing end of a pipe.
    PipeWrite(PipeId),
    /// A terminal, as input and as one of its two outputs.
    Terminal(TtyId, Stream),
    /// Collected output.
    Sink(SinkId, Stream),
    /// A device.
    Device(Device),
    /// Bytes that only this descriptor has, such as a here-document.
    Memory(Arc<Vec<u8>>),
}

/// An open file description: several descriptors may share it and its offset.
#[derive(Clone, Debug)]
pub struct OpenFile {
    pub(super) target: Target,
    pub(super) offset: u64,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) append: bool,
    pub(super) references: u32,
}

/// What a process does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It can run.
    Ready,
    /// It waits.
    Waiting(Wait),
    /// It has ended and its parent has not asked yet.
    Zombie(ExitStatus),
}

/// What a process does with a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing.
    Ignore,
    /// It asks for it with `take_signal`.
    Catch,
}

/// A process, without what it runs.
#[derive(Clone, Debug)]
pub struct Process {
    pub(super) ppid: Pid,
    pub(super) group: Pid,
    pub(super) argv: Arc<Vec<String>>,
    pub(super) env: Arc<BTreeMap<String, String>>,
    pub(super) cwd: String,
    pub(super) umask: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) fds: BTreeMap<Fd, FileId>,
    pub(super) state: State,
    pub(super) pending: VecDeque<Signal>,
    pub(super) dispositions: BTreeMap<Signal, Disposition>,
    pub(super) catches_all: bool,
    pub(super) tty: Option<TtyId>,
    pub(super) sink: Option<SinkId>,
    pub(super) started: Time,
    pub(super) steps: u64,
    pub(super) listening: BTreeSet<u16>,
}

impl Process {
    pub(super) fn new(argv: Vec<String>, env: BTreeMap<String, String>, cwd: String, now: Time) -> Self {
        Self {
            ppid: 0,
            group: 0,
            argv: Arc::new(argv),
            env: Arc::new(env),
            cwd,
            umask: 0o022,
            uid: 0,
            gid: 0,
            fds: BTreeMap::new(),
            state: State::Ready,
            pending: VecDeque::new(),
            dispositions: BTreeMap::new(),
            catches_all: false,
            tty: None,
            sink: None,
            started: now,
            steps: 0,
            listening: BTreeSet::new(),
        }
    }

    pub(super) fn caller(&self, now: Time) -> Caller {
        Caller { uid: self.uid, gid: self.gid, umask: self.umask, now }
    }
}

/// Everything of a machine that its processes reach through their kernel.
#[derive(Clone, Debug)]
pub struct Core {
    pub(super) now: Time,
    pub(super) vfs: Vfs,
    pub(super) hostname: String,
    pub(super) dialect: Dialect,
    pub(super) flavour: Flavour,
    pub(super) init: bool,
    pub(super) programs: Programs,
    pub(super) processes: BTreeMap<Pid, Process>,
    pub(super) tasks: BTreeMap<Pid, Box<dyn Task>>,
    pub(super) files: BTreeMap<FileId, OpenFile>,
    pub(super) pipes: BTreeMap<PipeId, Pipe>,
    pub(super) ttys: BTreeMap<TtyId, Tty>,
    pub(super) sinks: BTreeMap<SinkId, Sink>,
    pub(super) exits: BTreeMap<Pid, ExitStatus>,
    pub(super) exit_sinks: BTreeMap<Pid, SinkId>,
    feeds: BTreeMap<Pid, PipeId>,
    pub(super) next_pid: Pid,
    next_id: u32,
    pub(super) busy_until: Time,
    pub(super) slice_at: Time,
    pub(super) slice_used: u64,
    pub(super) slice_limit: u64,
    pub(super) random: fastrand::Rng,
    /// A program of this container has asked for more memory than there is.
    pub(super) exhausted: bool,
}

impl Core {
    pub(super) fn new(vfs: Vfs, hostname: String, programs: Programs, seed: u64) -> Self {
        Self {
            now: Time::default(),
            vfs,
            hostname,
            dialect: Dialect::Ash,
            flavour: Flavour::Busybox,
            init: false,
            programs,
            processes: BTreeMap::new(),
            tasks: BTreeMap::new(),
            files: BTreeMap::new(),
            pipes: BTreeMap::new(),
            ttys: BTreeMap::new(),
            sinks: BTreeMap::new(),
            exits: BTreeMap::new(),
            exit_sinks: BTreeMap::new(),
            feeds: BTreeMap::new(),
            next_pid: 1,
            next_id: 1,
            busy_until: Time::default(),
            slice_at: Time::default(),
            slice_used: 0,
            slice_limit: u64::MAX,
            random: Seed::new(seed).fork("machine").rng(),
            exhausted: false,
        }
    }

    fn id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn shell(&self, pid: Pid) -> Option<&Shell> {
        self.tasks.get(&pid)?.as_shell()
    }

    pub(super) fn shell_mut(&mut self, pid: Pid) -> Option<&mut Shell> {
        self.tasks.get_mut(&pid)?.as_shell_mut()
    }

    pub(super) fn wake(&mut self, pid: Pid) {
        if let Some(process) = self.processes.get_mut(&pid)
            && matches!(process.state, State::Waiting(_))
        {
            process.state = State::Ready;
        }
    }
}
