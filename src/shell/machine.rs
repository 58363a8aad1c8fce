//! A machine as a value: processes, files, pipes and terminals, run on the virtual time that its owner brings.
//! Refuses to know a clock, a network or Kubernetes. It runs what is ready at an instant and says when to come back.
//!
//! Processor time: one step costs ten microseconds of virtual time, but only when a slice of `SLICE` steps was used
//! up within one instant: short commands take no time, and a loop that never waits moves time on, so that deadlines
//! and Ctrl-C reach it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::applets;
use super::process::{Core, ExitStatus, Flavour, Process, Sink, State, Tty};
pub use super::process::{Dialect, OutputChunk, SinkId, Stream, TtyId};
use super::program::{Errno, Host, Pid, Program, Signal};
use super::shell::{LineState, Shell};
use super::vfs::{Tree, Vfs};
use crate::sim::Time;
use crate::text::http::{Request, Response};

/// Steps that a machine may take within one instant of virtual time.
pub const SLICE: u64 = 2_000;
/// Virtual time that one step costs a machine that used up its slice.
pub const STEP_TIME: Duration = Duration::from_micros(10);

/// What makes a program from its arguments (the first is its name).
pub type MakeProgram = fn(&[String]) -> Box<dyn Program>;

/// The programs that a machine has besides its applets: a name and what makes them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Programs(pub &'static [(&'static str, MakeProgram)]);

impl Programs {
    /// What makes the program of that name.
    pub fn find(self, name: &str) -> Option<MakeProgram> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, make)| *make)
    }
}

/// How a machine is set up.
#[derive(Clone, Debug)]
pub struct MachineConfig {
    /// The name that `hostname` prints.
    pub hostname: String,
    /// Variables that every process started from outside gets.
    pub env: Vec<(String, String)>,
    /// Programs besides the applets, named by `Kind::Program` inodes.
    pub programs: Programs,
    /// Which shell `sh` is, and whose words its errors are in.
    pub dialect: Dialect,
    /// Whether the tools are GNU's or busybox's.
    pub flavour: Flavour,
    /// Whether the first process is an init: signals without a handler do not touch it and its end ends the machine.
    pub init: bool,
    /// Working directory of processes started from outside.
    pub cwd: String,
    /// User and group of processes started from outside.
    pub user: (u32, u32),
    /// The root file system.
    pub root: Tree,
    /// Seed of `$RANDOM`, `/dev/urandom` and `mktemp`.
    pub seed: u64,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            env: Vec::new(),
            programs: Programs::default(),
            dialect: Dialect::Ash,
            flavour: Flavour::Busybox,
            init: false,
            cwd: "/".into(),
            user: (0, 0),
            root: applets::root_tree(Flavour::Busybox, Dialect::Ash),
            seed: 0,
        }
    }
}

/// Where the descriptors 0, 1 and 2 of a new process lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// A terminal made with `add_terminal`.
    Terminal(TtyId),
    /// Output is kept for `take_output`. With `input`, what `write_input` brings is read, else `/dev/null`.
    Capture {
        /// Whether `write_input` feeds the process.
        input: bool,
    },
    /// `/dev/null` for all three.
    Null,
}

/// What differs from the machine's configuration for one process.
#[derive(Clone, Debug, Default)]
pub struct SpawnOptions {
    /// Variables on top of the machine's.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub cwd: Option<String>,
    /// User and group.
    pub user: Option<(u32, u32)>,
}

/// Why a process could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// A name without `/` that no directory of `$PATH` has.
    NotInPath(String),
    /// The path cannot be run, and why.
    CannotRun(String, Errno),
    /// The working directory cannot be entered, and why.
    WorkingDirectory(String, Errno),
    /// No process can be added.
    Limit,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOutcome {
    /// When to run again; `None` when only input, a signal or a stream can wake something.
    pub next: Option<Time>,
    /// Whether something waits for an HTTP stream: run again whenever one may have moved.
    pub streams: bool,
    /// Steps taken.
    pub steps: u64,
}

/// A computer in miniature.
#[derive(Clone, Debug)]
pub struct Machine {
    core: Core,
    config: Arc<MachineConfig>,
    cwd_default: String,
}

impl Machine {
    /// A machine that runs nothing yet.
    pub fn new(config: MachineConfig) -> Self {
        let mut core = Core::new(Vfs::new(config.root.clone()), config.hostname.clone(), config.programs, config.seed);
        core.dialect = config.dialect;
        core.flavour = config.flavour;
        core.init = config.init;
        core.next_pid = if config.init { 1 } else { 1001 };
        Self { core, cwd_default: config.cwd.clone(), config: Arc::new(config) }
    }

    /// Adds a terminal of that many columns and rows.
    pub fn add_terminal(&mut self, columns: u16, rows: u16) -> TtyId {
        let sink = self.core.add_sink(Sink::default());
        let id = TtyId(self.core.ttys.len() as u32);
        self.core.ttys.insert(id, Tty::new(columns, rows, sink));
        id
    }

    /// Starts a process from outside of the machine: PID 1, an exec session, the learner's shell.
    ///
    /// # Errors
    /// See `StartError`; nothing is started then.
    pub fn spawn(&mut self, argv: &[String], stdio: Stdio, options: SpawnOptions) -> Result<Pid, StartError> {
        let user = options.user.unwrap_or(self.config.user);
        let mut env: BTreeMap<String, String> = self.config.env.iter().cloned().collect();
        env.extend(options.env);
        let cwd = options.cwd.unwrap_or_else(|| self.cwd_default.clone());
        let found =
            self.core.vfs.find("/", &cwd, true).map_err(|errno| StartError::WorkingDirectory(cwd.clone(), errno))?;
        if !self.core.vfs.inode(found.node).is_some_and(super::vfs::Inode::is_dir) {
            return Err(StartError::WorkingDirectory(cwd, Errno::Enotdir));
        }
        let name = argv.first().cloned().unwrap_or_default();
        let path = self.core.which(&name, env.get("PATH").map(String::as_str), &found.path, user);
        let path = path.map_err(|errno| match errno {
            Errno::Enoent if !name.contains('/') => StartError::NotInPath(name.clone()),
            errno => StartError::CannotRun(name.clone(), errno),
        })?;
        let (task, argv) =
            self.core.load(&path, argv, &found.path).map_err(|errno| StartError::CannotRun(name, errno))?;
        let fds = self.core.open_stdio(stdio);
        let mut process = Process::new(argv, env, found.path, self.core.now);
        process.fds = fds;
        (process.uid, process.gid) = user;
        if let Stdio::Terminal(tty) = stdio {
            process.tty = Some(tty);
        }
        if let Stdio::Capture { .. } = stdio {
            process.sink = process.fds.get(&1).and_then(|file| self.core.sink_of(*file));
        }
        let pid = self.core.add_process(process, task).ok_or(StartError::Limit)?;
        if let Stdio::Terminal(tty) = stdio
            && let Some(tty) = self.core.ttys.get_mut(&tty)
        {
            tty.foreground = pid;
        }
        Ok(pid)
    }

    /// Runs everything that is ready at `now`, at most `slice` steps (`SLICE` is the usual number). A machine whose
    /// slice is used up is busy for the virtual time that the steps cost.
    pub fn run(&mut self, now: Time, host: &mut dyn Host, slice: u64) -> RunOutcome {
        let core = &mut self.core;
        core.now = core.now.max(now);
        if core.busy_until > core.now {
            return RunOutcome { next: Some(core.busy_until), streams: core.waits_for_streams(), steps: 0 };
        }
        if core.slice_at != core.now {
            (core.slice_at, core.slice_used) = (core.now, 0);
        }
        let before = core.slice_used;
        let limit = slice.max(1);
        core.stream_turn();
        while core.slice_used < limit && core.step_all(host, limit) {}
        let steps = core.slice_used - before;
        if core.slice_used >= limit {
            let micros = core.slice_used.saturating_mul(STEP_TIME.as_micros() as u64);
            core.busy_until = core.now + Duration::from_micros(micros);
            core.slice_used = 0;
        }
        RunOutcome { next: core.next_wake(), streams: core.waits_for_streams(), steps }
    }

    /// When to run again without input: the earliest instant that something waits for, or that a busy machine is free.
    pub fn next_wake(&self) -> Option<Time> {
        self.core.next_wake()
    }

    /// The machine's present instant: that of its last run.
    pub fn now(&self) -> Time {
        self.core.now
    }

    /// Sends a signal to a process. `Signal::Kill` from here ends PID 1 too.
    pub fn signal(&mut self, pid: Pid, signal: Signal) {
        self.core.signal(pid, signal, true);
    }

    /// Sends a signal to a process started with `spawn` and to what it has started in turn, as long as that stayed in
    /// its group.
    pub fn signal_group(&mut self, leader: Pid, signal: Signal) {
        let group = self.core.processes.get(&leader).map_or(leader, |process| process.group);
        self.core.signal_group(group, signal);
    }

    /// Sends a signal to the foreground process group of a terminal, as Ctrl-C does.
    pub fn signal_foreground(&mut self, tty: TtyId, signal: Signal) {
        if let Some(group) = self.core.ttys.get(&tty).map(|tty| tty.foreground) {
            self.core.signal_group(group, signal);
        }
    }

    /// How a process started with `spawn` ended; `None` while it runs.
    pub fn exit_status(&self, pid: Pid) -> Option<ExitStatus> {
        self.core.exits.get(&pid).copied()
    }

    /// Forgets a process that has ended, and its output.
    pub fn forget(&mut self, pid: Pid) {
        self.core.exits.remove(&pid);
        if let Some(sink) = self.core.exit_sinks.remove(&pid) {
            self.core.sinks.remove(&sink);
        }
    }

    /// What a process started with `Stdio::Capture` wrote since the last call, in order.
    pub fn take_output(&mut self, pid: Pid) -> Vec<OutputChunk> {
        let running = self.core.processes.get(&pid).and_then(|process| process.sink);
        let Some(sink) = running.or_else(|| self.core.exit_sinks.get(&pid).copied()) else { return Vec::new() };
        self.core.sinks.get_mut(&sink).map(Sink::take).unwrap_or_default()
    }

    /// What was written to a terminal since the last call. Lines end in `\n` alone.
    pub fn take_terminal_output(&mut self, tty: TtyId) -> Vec<OutputChunk> {
        let Some(sink) = self.core.ttys.get(&tty).map(|tty| tty.sink) else { return Vec::new() };
        self.core.sinks.get_mut(&sink).map(Sink::take).unwrap_or_default()
    }

    /// Feeds the standard input of a process started with `Stdio::Capture { input: true }`. Bytes that do not fit
    /// into its pipe (64 KiB) are refused: the count taken comes back.
    pub fn write_input(&mut self, pid: Pid, bytes: &[u8]) -> usize {
        self.core.feed(pid, bytes)
    }

    /// Ends the standard input of a process.
    pub fn close_input(&mut self, pid: Pid) {
        self.core.end_feed(pid);
    }

    /// Keys typed at a terminal while a foreground program runs. In raw mode they arrive as they are; otherwise they
    /// are echoed and edited line by line, Ctrl-C and Ctrl-\ signal, Ctrl-D ends the input.
    pub fn type_keys(&mut self, tty: TtyId, bytes: &[u8]) {
        self.core.type_keys(tty, bytes);
    }

    /// Whether the foreground program has the terminal in raw mode.
    pub fn is_raw(&self, tty: TtyId) -> bool {
        self.core.ttys.get(&tty).is_some_and(|tty| tty.raw_by.is_some())
    }

    /// Sets the window of a terminal and tells the foreground programs.
    pub fn resize(&mut self, tty: TtyId, columns: u16, rows: u16) {
        let Some(terminal) = self.core.ttys.get_mut(&tty) else { return };
        if terminal.window != (columns, rows) {
            terminal.window = (columns, rows);
            self.signal_foreground(tty, Signal::Winch);
        }
    }

    /// Starts an interactive shell on a terminal; it takes lines with `enter_line`.
    ///
    /// # Errors
    /// As `spawn`.
    pub fn start_shell(&mut self, tty: TtyId, options: SpawnOptions) -> Result<Pid, StartError> {
        let name = match self.config.dialect {
            Dialect::Bash => "bash",
            Dialect::Dash | Dialect::Ash => "sh",
        };
        self.spawn(&[name.to_owned(), "-i".to_owned()], Stdio::Terminal(tty), options)
    }

    /// Whether that shell waits for a line: the moment for a prompt.
    pub fn wants_line(&self, shell: Pid) -> bool {
        self.core.shell(shell).is_some_and(Shell::wants_line)
    }

    /// Gives a complete line to an interactive shell that waits for one.
    pub fn enter_line(&mut self, shell: Pid, line: &str) -> LineState {
        let Some(running) = self.core.shell_mut(shell) else { return LineState::Ended };
        let state = running.enter_line(line);
        self.core.wake(shell);
        state
    }

    /// Gives up the lines entered so far (Ctrl-C at the `>` prompt).
    pub fn abandon_line(&mut self, shell: Pid) {
        if let Some(running) = self.core.shell_mut(shell) {
            running.abandon_line();
        }
    }

    /// The shell running as process `pid`, to look at its variables, aliases, directory and history.
    pub fn shell(&self, pid: Pid) -> Option<&Shell> {
        self.core.shell(pid)
    }

    /// The same, to restore aliases or history.
    pub fn shell_mut(&mut self, pid: Pid) -> Option<&mut Shell> {
        self.core.shell_mut(pid)
    }

    /// The prompt of an interactive shell, `$PS1` with its escapes replaced, or `$PS2` within an unfinished command.
    pub fn prompt(&self, pid: Pid) -> String {
        let Some(shell) = self.core.shell(pid) else { return String::new() };
        let uid = self.core.processes.get(&pid).map_or(0, |process| process.uid);
        shell.prompt(&self.core.hostname, &self.cwd(pid), uid)
    }

    /// The working directory of a process.
    pub fn cwd(&self, pid: Pid) -> String {
        self.core.processes.get(&pid).map_or_else(|| "/".to_owned(), |process| process.cwd.clone())
    }

    /// The file system.
    pub fn vfs(&self) -> &Vfs {
        &self.core.vfs
    }

    /// The file system, to put files into it.
    pub fn vfs_mut(&mut self) -> &mut Vfs {
        &mut self.core.vfs
    }

    /// The name of the machine.
    pub fn hostname(&self) -> &str {
        &self.core.hostname
    }

    /// Ids and command lines of all processes, in order.
    pub fn processes(&self) -> Vec<(Pid, Vec<String>)> {
        self.core.processes.iter().map(|(pid, process)| (*pid, process.argv.to_vec())).collect()
    }

    /// Whether any process is left.
    pub fn is_idle(&self) -> bool {
        self.core.processes.values().all(|process| matches!(process.state, State::Zombie(_)))
    }

    /// Ports that programs listen on.
    pub fn listening(&self) -> Vec<u16> {
        self.core.processes.values().flat_map(|process| process.listening.iter().copied()).collect()
    }

    /// Hands an HTTP request to whatever listens on `port`. `None` when nothing does.
    pub fn serve(&mut self, now: Time, port: u16, request: &Request, host: &mut dyn Host) -> Option<Response> {
        self.core.now = self.core.now.max(now);
        self.core.serve(port, request, host)
    }

    /// Roughly the bytes of memory that the machine holds: process state, variables, and files written to it.
    pub fn memory(&self) -> u64 {
        if self.core.exhausted {
            return u64::MAX;
        }
        let tasks: u64 = self.core.tasks.values().map(|task| task.memory()).sum();
        let pipes: u64 = self.core.pipes.values().map(|pipe| pipe.buffer.len() as u64).sum();
        tasks + pipes + self.core.vfs.used() + 200_000 * self.core.processes.len() as u64
    }
}
