//! The tables of a machine: processes, open files, pipes, terminals, output, and the rules of signals. Knows no
//! shell syntax.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::applets;
use super::kernel::Kernel;
use super::machine::{Programs, Stdio};
use super::program::{Errno, Fd, Host, Pid, Signal, Step, Wait};
use super::shell::Shell;
use super::task::{Guest, Task};
use super::vfs::{Caller, Device, Inode, Kind, NodeId, Vfs};
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

    pub(super) fn add_sink(&mut self, sink: Sink) -> SinkId {
        let id = SinkId(self.id());
        self.sinks.insert(id, sink);
        id
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

    // ---- open files

    pub(super) fn open_file(&mut self, target: Target, readable: bool, writable: bool, append: bool) -> FileId {
        match &target {
            Target::PipeRead(pipe) => {
                if let Some(pipe) = self.pipes.get_mut(pipe) {
                    pipe.readers += 1;
                }
            }
            Target::PipeWrite(pipe) => {
                if let Some(pipe) = self.pipes.get_mut(pipe) {
                    pipe.writers += 1;
                }
            }
            _ => {}
        }
        let id = self.id();
        self.files.insert(id, OpenFile { target, offset: 0, readable, writable, append, references: 1 });
        id
    }

    pub(super) fn share_file(&mut self, file: FileId) {
        if let Some(file) = self.files.get_mut(&file) {
            file.references += 1;
        }
    }

    pub(super) fn close_file(&mut self, id: FileId) {
        let Some(file) = self.files.get_mut(&id) else { return };
        file.references = file.references.saturating_sub(1);
        if file.references > 0 {
            return;
        }
        let Some(file) = self.files.remove(&id) else { return };
        match file.target {
            Target::PipeRead(pipe) => {
                if let Some(pipe) = self.pipes.get_mut(&pipe) {
                    pipe.readers = pipe.readers.saturating_sub(1);
                }
                self.drop_pipe(pipe);
            }
            Target::PipeWrite(pipe) => {
                if let Some(pipe) = self.pipes.get_mut(&pipe) {
                    pipe.writers = pipe.writers.saturating_sub(1);
                }
                self.drop_pipe(pipe);
            }
            Target::File(node) if !self.is_open(node) => self.vfs.release(node),
            _ => {}
        }
    }

    fn drop_pipe(&mut self, id: PipeId) {
        if self.pipes.get(&id).is_some_and(|pipe| pipe.readers == 0 && pipe.writers == 0) {
            self.pipes.remove(&id);
        }
    }

    pub(super) fn is_open(&self, node: NodeId) -> bool {
        self.files.values().any(|file| matches!(file.target, Target::File(open) if open == node))
    }

    pub(super) fn add_pipe(&mut self) -> PipeId {
        let id = self.id();
        self.pipes.insert(id, Pipe::default());
        id
    }

    pub(super) fn sink_of(&self, file: FileId) -> Option<SinkId> {
        match self.files.get(&file)?.target {
            Target::Sink(sink, _) => Some(sink),
            _ => None,
        }
    }

    pub(super) fn open_stdio(&mut self, stdio: Stdio) -> BTreeMap<Fd, FileId> {
        let null = Target::Device(Device::Null);
        let [stdin, stdout, stderr] = match stdio {
            Stdio::Terminal(tty) => [
                self.open_file(Target::Terminal(tty, Stream::Stdout), true, true, false),
                self.open_file(Target::Terminal(tty, Stream::Stdout), true, true, false),
                self.open_file(Target::Terminal(tty, Stream::Stderr), true, true, false),
            ],
            Stdio::Capture { input } => {
                let sink = self.add_sink(Sink::default());
                let stdin = if input {
                    let pipe = self.add_pipe();
                    if let Some(pipe) = self.pipes.get_mut(&pipe) {
                        pipe.writers = 1;
                    }
                    Target::PipeRead(pipe)
                } else {
                    null
                };
                [
                    self.open_file(stdin, true, false, false),
                    self.open_file(Target::Sink(sink, Stream::Stdout), false, true, false),
                    self.open_file(Target::Sink(sink, Stream::Stderr), false, true, false),
                ]
            }
            Stdio::Null => [
                self.open_file(null.clone(), true, false, false),
                self.open_file(null.clone(), false, true, false),
                self.open_file(null, false, true, false),
            ],
        };
        BTreeMap::from([(0, stdin), (1, stdout), (2, stderr)])
    }

    pub(super) fn feed(&mut self, pid: Pid, bytes: &[u8]) -> usize {
        let Some(pipe) = self.feeds.get(&pid).and_then(|pipe| self.pipes.get_mut(pipe)) else { return bytes.len() };
        let taken = bytes.len().min(PIPE_BYTES.saturating_sub(pipe.buffer.len()));
        pipe.buffer.extend(bytes.iter().take(taken));
        taken
    }

    pub(super) fn end_feed(&mut self, pid: Pid) {
        if let Some(id) = self.feeds.remove(&pid) {
            if let Some(pipe) = self.pipes.get_mut(&id) {
                pipe.writers = pipe.writers.saturating_sub(1);
            }
            self.drop_pipe(id);
        }
    }

    // ---- processes

    pub(super) fn add_process(&mut self, mut process: Process, task: Box<dyn Task>) -> Option<Pid> {
        if self.processes.len() >= PROCESSES {
            for file in std::mem::take(&mut process.fds).into_values() {
                self.close_file(file);
            }
            return None;
        }
        let pid = self.next_pid;
        self.next_pid += 1;
        if process.group == 0 {
            process.group = pid;
        }
        process.started = self.now;
        if process.ppid == 0
            && let Some(file) = process.fds.get(&0).and_then(|file| self.files.get(file))
            && let Target::PipeRead(pipe) = file.target
        {
            self.feeds.insert(pid, pipe);
        }
        self.processes.insert(pid, process);
        self.tasks.insert(pid, task);
        Some(pid)
    }

    pub(super) fn end_process(&mut self, pid: Pid, status: ExitStatus) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        if matches!(process.state, State::Zombie(_)) {
            return;
        }
        process.state = State::Zombie(status);
        process.listening.clear();
        let (ppid, fds, sink) = (process.ppid, std::mem::take(&mut process.fds), process.sink);
        for file in fds.into_values() {
            self.close_file(file);
        }
        self.tasks.remove(&pid);
        for tty in self.ttys.values_mut() {
            if tty.raw_by == Some(pid) {
                tty.raw_by = None;
            }
        }
        self.orphan_children_of(pid);
        if ppid == 0 {
            self.processes.remove(&pid);
            self.exits.insert(pid, status);
            if let Some(sink) = sink {
                self.exit_sinks.insert(pid, sink);
            }
            self.end_feed(pid);
        } else if self.processes.contains_key(&ppid) {
            self.signal(ppid, Signal::Chld, false);
        } else {
            self.processes.remove(&pid);
        }
        if self.init && pid == 1 {
            let rest: Vec<Pid> = self.processes.keys().copied().collect();
            for other in rest {
                self.end_process(other, ExitStatus::Signal(Signal::Kill));
            }
        }
    }

    fn orphan_children_of(&mut self, pid: Pid) {
        let children: Vec<Pid> =
            self.processes.iter().filter(|(_, process)| process.ppid == pid).map(|(child, _)| *child).collect();
        for child in children {
            if self.processes.get(&child).is_some_and(|process| matches!(process.state, State::Zombie(_))) {
                self.processes.remove(&child);
            } else if let Some(process) = self.processes.get_mut(&child) {
                // Nobody will ask for an orphan's end: it goes without a trace.
                process.ppid = Pid::MAX;
            }
        }
    }

    pub(super) fn signal_group(&mut self, group: Pid, signal: Signal) {
        let members: Vec<Pid> =
            self.processes.iter().filter(|(_, process)| process.group == group).map(|(pid, _)| *pid).collect();
        for pid in members {
            self.signal(pid, signal, true);
        }
    }

    /// Delivers a signal; `outside` says that it does not come from a process of this machine.
    pub(super) fn signal(&mut self, pid: Pid, signal: Signal, outside: bool) {
        let protected = self.init && pid == 1;
        let Some(process) = self.processes.get_mut(&pid) else { return };
        if matches!(process.state, State::Zombie(_)) {
            return;
        }
        let disposition = match signal {
            Signal::Kill => None,
            _ if process.catches_all => Some(Disposition::Catch),
            _ => process.dispositions.get(&signal).copied(),
        };
        match disposition {
            Some(Disposition::Ignore) => {}
            Some(Disposition::Catch) => {
                if process.pending.len() < 64 && !process.pending.contains(&signal) {
                    process.pending.push_back(signal);
                }
                process.state = State::Ready;
            }
            None => match signal {
                Signal::Chld | Signal::Winch | Signal::Tstp => {}
                Signal::Kill if protected && !outside => {}
                Signal::Kill => self.end_process(pid, ExitStatus::Signal(signal)),
                _ if protected => {}
                _ => self.end_process(pid, ExitStatus::Signal(signal)),
            },
        }
    }

    /// Takes the status of an ended child away from the process table.
    pub(super) fn reap(&mut self, pid: Pid) -> Option<ExitStatus> {
        match self.processes.get(&pid)?.state {
            State::Zombie(status) => {
                self.processes.remove(&pid);
                Some(status)
            }
            _ => None,
        }
    }

    // ---- scheduling

    pub(super) fn stream_turn(&mut self) {
        for process in self.processes.values_mut() {
            if matches!(&process.state, State::Waiting(wait) if wait.streams) {
                process.state = State::Ready;
            }
        }
    }

    pub(super) fn waits_for_streams(&self) -> bool {
        self.processes.values().any(|process| matches!(&process.state, State::Waiting(wait) if wait.streams))
    }

    pub(super) fn next_wake(&self) -> Option<Time> {
        let mut next: Option<Time> = None;
        for process in self.processes.values() {
            let at = match &process.state {
                State::Ready => Some(self.now),
                State::Waiting(wait) if self.is_met(process, wait) => Some(self.now),
                State::Waiting(wait) => wait.until,
                State::Zombie(_) => None,
            };
            next = match (next, at) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        next.map(|at| at.max(self.busy_until))
    }

    fn is_met(&self, process: &Process, wait: &Wait) -> bool {
        wait.until.is_some_and(|until| until <= self.now)
            || wait.readable.is_some_and(|fd| self.can_read(process, fd))
            || wait.writable.is_some_and(|fd| self.can_write(process, fd))
            || wait.child.is_some_and(|child| {
                self.processes.get(&child).is_none_or(|child| matches!(child.state, State::Zombie(_)))
            })
    }

    fn can_read(&self, process: &Process, fd: Fd) -> bool {
        let Some(file) = process.fds.get(&fd).and_then(|file| self.files.get(file)) else { return true };
        match &file.target {
            Target::PipeRead(pipe) => {
                self.pipes.get(pipe).is_none_or(|pipe| !pipe.buffer.is_empty() || pipe.writers == 0)
            }
            Target::Terminal(tty, _) => self.ttys.get(tty).is_none_or(|tty| !tty.input.is_empty() || tty.eof),
            _ => true,
        }
    }

    fn can_write(&self, process: &Process, fd: Fd) -> bool {
        let Some(file) = process.fds.get(&fd).and_then(|file| self.files.get(file)) else { return true };
        match &file.target {
            Target::PipeWrite(pipe) => {
                self.pipes.get(pipe).is_none_or(|pipe| pipe.readers == 0 || pipe.buffer.len() < PIPE_BYTES)
            }
            Target::Sink(sink, _) => self.sinks.get(sink).is_none_or(|sink| sink.room() > 0),
            Target::Terminal(tty, _) => {
                self.ttys.get(tty).and_then(|tty| self.sinks.get(&tty.sink)).is_none_or(|sink| sink.room() > 0)
            }
            _ => true,
        }
    }

    /// Gives every process that can run one turn; whether any had one.
    pub(super) fn step_all(&mut self, host: &mut dyn Host, limit: u64) -> bool {
        let pids: Vec<Pid> = self.processes.keys().copied().collect();
        let mut ran = false;
        for pid in pids {
            if self.slice_used >= limit {
                return true;
            }
            let Some(process) = self.processes.get(&pid) else { continue };
            let ready = match &process.state {
                State::Ready => true,
                State::Waiting(wait) => self.is_met(process, wait),
                State::Zombie(_) => false,
            };
            if ready {
                ran = true;
                self.turn(pid, host, limit);
            }
        }
        ran
    }

    fn turn(&mut self, pid: Pid, host: &mut dyn Host, limit: u64) {
        // A turn is short so that the two ends of a pipe alternate.
        const TURN: u64 = 200;
        let Some(mut task) = self.tasks.remove(&pid) else { return };
        if let Some(process) = self.processes.get_mut(&pid) {
            process.state = State::Ready;
        }
        let before = self.slice_used;
        self.slice_used += 1;
        self.slice_limit = limit.min(before + TURN);
        let mut kernel = Kernel::new(self, pid, host);
        let step = task.resume(&mut kernel);
        let exec = kernel.replacement.take();
        let used = self.slice_used - before;
        // The process may have been ended by its own signal.
        let Some(process) = self.processes.get_mut(&pid) else { return };
        if matches!(process.state, State::Zombie(_)) {
            return;
        }
        process.steps += used;
        if let Some(exec) = exec {
            process.state = State::Ready;
            self.tasks.insert(pid, exec);
            return;
        }
        match step {
            Step::Yield => {
                process.state = State::Ready;
                self.tasks.insert(pid, task);
            }
            Step::Wait(wait) => {
                process.state = if process.pending.is_empty() { State::Waiting(wait) } else { State::Ready };
                self.tasks.insert(pid, task);
            }
            Step::Exit(code) => self.end_process(pid, ExitStatus::Code(code & 0xff)),
        }
    }

    // ---- terminals

    pub(super) fn tty_read(&mut self, id: TtyId, max: usize) -> Option<Vec<u8>> {
        let tty = self.ttys.get_mut(&id)?;
        if tty.input.is_empty() {
            return std::mem::take(&mut tty.eof).then(Vec::new);
        }
        let mut count = tty.input.len().min(max);
        if tty.raw_by.is_none()
            && let Some(end) = tty.input.iter().position(|byte| *byte == b'\n')
        {
            count = count.min(end + 1);
        }
        Some(tty.input.drain(..count).collect())
    }

    pub(super) fn type_keys(&mut self, id: TtyId, bytes: &[u8]) {
        for byte in bytes {
            let Some(tty) = self.ttys.get_mut(&id) else { return };
            let (sink, now) = (tty.sink, self.now);
            if tty.raw_by.is_some() {
                if tty.input.len() < PIPE_BYTES {
                    tty.input.push_back(*byte);
                }
                continue;
            }
            let mut echo: Vec<u8> = Vec::new();
            match *byte {
                3 | 28 => {
                    tty.line.clear();
                    let (mark, signal) = if *byte == 3 { ("^C\n", Signal::Int) } else { ("^\\\n", Signal::Quit) };
                    let group = tty.foreground;
                    if let Some(sink) = self.sinks.get_mut(&sink) {
                        sink.push(now, Stream::Stdout, mark.as_bytes());
                    }
                    self.signal_group(group, signal);
                    continue;
                }
                4 if tty.line.is_empty() => tty.eof = true,
                4 => tty.input.extend(std::mem::take(&mut tty.line)),
                8 | 127 => {
                    while let Some(last) = tty.line.pop() {
                        if last & 0xc0 != 0x80 {
                            echo.extend(b"\x08 \x08");
                            break;
                        }
                    }
                }
                21 => {
                    let shown = String::from_utf8_lossy(&tty.line).chars().count();
                    tty.line.clear();
                    echo.extend(b"\x08 \x08".repeat(shown));
                }
                b'\r' | b'\n' => {
                    tty.line.push(b'\n');
                    echo.push(b'\n');
                    tty.input.extend(std::mem::take(&mut tty.line));
                }
                byte if tty.line.len() < 4096 => {
                    tty.line.push(byte);
                    if byte >= 32 || byte == b'\t' {
                        echo.push(byte);
                    } else {
                        echo.extend([b'^', byte + 64]);
                    }
                }
                _ => echo.push(7),
            }
            if let Some(sink) = self.sinks.get_mut(&sink) {
                sink.push(now, Stream::Stdout, &echo);
            }
        }
    }

    // ---- programs

    /// The file that `name` runs: itself when it has a `/`, else the first in the directories of `$PATH`.
    pub(super) fn which(&self, name: &str, path: Option<&str>, cwd: &str, user: (u32, u32)) -> Result<String, Errno> {
        let caller = Caller { uid: user.0, gid: user.1, ..Caller::default() };
        let runnable = |path: &str| -> Result<String, Errno> {
            let found = self.vfs.find(cwd, path, true)?;
            if self.vfs.inode(found.node).is_none_or(Inode::is_dir) {
                return Err(Errno::Eacces);
            }
            if !self.vfs.allows(found.node, caller, 1) {
                return Err(Errno::Eacces);
            }
            Ok(path.to_owned())
        };
        if name.is_empty() {
            return Err(Errno::Enoent);
        }
        if name.contains('/') {
            return runnable(name);
        }
        let mut refused = Errno::Enoent;
        for dir in path.unwrap_or(DEFAULT_PATH).split(':') {
            let dir = if dir.is_empty() { "." } else { dir };
            match runnable(&format!("{}/{name}", dir.trim_end_matches('/'))) {
                Ok(path) => return Ok(path),
                Err(Errno::Eacces)
                    if self
                        .vfs
                        .find(cwd, &format!("{dir}/{name}"), true)
                        .is_ok_and(|found| !self.vfs.inode(found.node).is_some_and(Inode::is_dir)) =>
                {
                    refused = Errno::Eacces;
                }
                Err(_) => {}
            }
        }
        Err(refused)
    }

    /// What the executable at `path` runs when called with `argv`, and the arguments it gets.
    pub(super) fn load(&self, path: &str, argv: &[String], cwd: &str) -> Result<(Box<dyn Task>, Vec<String>), Errno> {
        let mut path = path.to_owned();
        let mut argv = argv.to_vec();
        for _ in 0..4 {
            let found = self.vfs.find(cwd, &path, true)?;
            match self.vfs.inode(found.node).map(|inode| &inode.kind) {
                Some(Kind::Program(name)) => return Ok((self.start(name, &argv)?, argv)),
                Some(Kind::File(content)) => {
                    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
                    let Some(interpreter) = line.strip_prefix(b"#!") else {
                        if content.iter().take(80).any(|byte| *byte == 0) {
                            return Err(Errno::Enoexec);
                        }
                        // As execvp and every shell do: a text without `#!` is a script for `sh`.
                        argv = script_argv("sh", None, &path, &argv);
                        return Ok((self.start("sh", &argv)?, argv));
                    };
                    let text = String::from_utf8_lossy(interpreter).trim().to_owned();
                    let (program, argument) = match text.split_once(char::is_whitespace) {
                        Some((program, argument)) => (program.to_owned(), Some(argument.trim().to_owned())),
                        None => (text, None),
                    };
                    argv = script_argv(&program, argument.as_deref(), &path, &argv);
                    path = program;
                }
                Some(Kind::Directory(_)) => return Err(Errno::Eacces),
                _ => return Err(Errno::Enoexec),
            }
        }
        Err(Errno::Eloop)
    }

    fn start(&self, name: &str, argv: &[String]) -> Result<Box<dyn Task>, Errno> {
        let called = argv.first().map_or("", |name| name.rsplit('/').next().unwrap_or_default());
        if name == "busybox" {
            return match argv.split_first() {
                Some((_, rest)) if called == "busybox" && !rest.is_empty() => {
                    let applet = rest.first().map(String::as_str).unwrap_or_default();
                    if applets::find(applet).is_none() && !SHELLS.contains(&applet) {
                        return Ok(applets::not_found(applet));
                    }
                    self.start(applet, rest)
                }
                _ if called != "busybox" => self.start(called.trim_start_matches('-'), argv),
                _ => self.start("busybox-help", argv),
            };
        }
        if SHELLS.contains(&name) {
            let dialect = match name {
                "bash" => Dialect::Bash,
                "dash" => Dialect::Dash,
                _ => self.dialect,
            };
            return Ok(Box::new(Shell::from_args(dialect, argv)));
        }
        if let Some(make) = self.programs.find(name) {
            return Ok(Box::new(Guest(make(argv))));
        }
        applets::find(name).map(|applet| (applet.make)(argv)).ok_or(Errno::Enoexec)
    }
}

/// Names that start the shell.
pub const SHELLS: [&str; 4] = ["sh", "ash", "bash", "dash"];
/// Where commands are looked for without `$PATH`.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn script_argv(interpreter: &str, argument: Option<&str>, path: &str, argv: &[String]) -> Vec<String> {
    let mut new = vec![interpreter.to_owned()];
    new.extend(argument.map(str::to_owned));
    new.push(path.to_owned());
    new.extend(argv.iter().skip(1).cloned());
    new
}
