//! What one process may do to its machine: the system calls. A task gets a kernel for one turn and cannot keep it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::process::{
    Core, DESCRIPTORS, Dialect, Disposition, ExitStatus, FileId, Flavour, PIPE_BYTES, Process, SAVED_FD, State, Stream,
    Target,
};
use super::program::{Errno, Fd, FileInfo, Host, Pid, Read, Signal, Step, System, Wait};
use super::task::Task;
use super::vfs::{self, Caller, Device, Inode, Kind, NodeId, Vfs};
use crate::sim::Time;
use crate::text::http::{Request, Response};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// To read.
    Read,
    /// To write, emptied or created.
    Truncate,
    /// To write at the end, created when absent.
    Append,
    /// To read and write, created when absent.
    ReadWrite,
    /// To write, only when absent (`set -C`).
    Exclusive,
}

/// One process's view of its machine.
pub struct Kernel<'a> {
    pub(super) core: &'a mut Core,
    pid: Pid,
    pub(super) host: &'a mut dyn Host,
    pub(super) replacement: Option<Box<dyn Task>>,
}

impl<'a> Kernel<'a> {
    pub(super) fn new(core: &'a mut Core, pid: Pid, host: &'a mut dyn Host) -> Self {
        Self { core, pid, host, replacement: None }
    }

    fn process(&self) -> Option<&Process> {
        self.core.processes.get(&self.pid)
    }

    fn process_mut(&mut self) -> Option<&mut Process> {
        self.core.processes.get_mut(&self.pid)
    }

    /// Counts steps; false when the turn is over and the task should yield.
    pub fn tick(&mut self, steps: u64) -> bool {
        self.core.slice_used += steps;
        self.core.slice_used < self.core.slice_limit
    }

    /// This process's id.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The parent's id; 0 for a process started from outside.
    pub fn parent_pid(&self) -> Pid {
        self.process().map_or(0, |process| if process.ppid == Pid::MAX { 1 } else { process.ppid })
    }

    /// User and group.
    pub fn user(&self) -> (u32, u32) {
        self.process().map_or((0, 0), |process| (process.uid, process.gid))
    }

    /// Who asks, for the file system.
    pub fn caller(&self) -> Caller {
        self.process().map(|process| process.caller(self.core.now)).unwrap_or_default()
    }

    /// The name of the machine.
    pub fn hostname(&self) -> &str {
        &self.core.hostname
    }

    /// Renames the machine.
    pub fn set_hostname(&mut self, name: &str) {
        name.clone_into(&mut self.core.hostname);
    }

    /// A program wants more memory than any machine here has: in a container that is the end of it.
    pub fn exhaust(&mut self) {
        self.core.exhausted = self.core.init;
    }

    /// Which shell the machine has.
    pub fn dialect(&self) -> Dialect {
        self.core.dialect
    }

    /// Whose tools the machine has.
    pub fn flavour(&self) -> Flavour {
        self.core.flavour
    }

    /// The file system.
    pub fn vfs(&self) -> &Vfs {
        &self.core.vfs
    }

    /// The file system, to be changed.
    pub fn vfs_mut(&mut self) -> &mut Vfs {
        &mut self.core.vfs
    }

    /// A random number of the machine's own sequence.
    pub fn random(&mut self) -> u32 {
        self.core.random.u32(..)
    }

    /// Since when the machine runs.
    pub fn boot_time(&self) -> Time {
        self.core.processes.values().map(|process| process.started).min().unwrap_or(self.core.now)
    }

    /// The mask of permission bits for new files.
    pub fn umask(&self) -> u32 {
        self.process().map_or(0o022, |process| process.umask)
    }

    /// Sets the mask.
    pub fn set_umask(&mut self, mask: u32) {
        if let Some(process) = self.process_mut() {
            process.umask = mask & 0o777;
        }
    }

    /// Changes the working directory.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EACCES`.
    pub fn chdir(&mut self, path: &str) -> Result<(), Errno> {
        let found = self.core.vfs.find(&self.cwd(), path, true)?;
        if !self.core.vfs.inode(found.node).is_some_and(Inode::is_dir) {
            return Err(Errno::Enotdir);
        }
        if !self.core.vfs.allows(found.node, self.caller(), 1) {
            return Err(Errno::Eacces);
        }
        if let Some(process) = self.process_mut() {
            process.cwd = found.path;
        }
        Ok(())
    }

    // ---- descriptors

    fn file_of(&self, fd: Fd) -> Option<FileId> {
        self.process()?.fds.get(&fd).copied()
    }

    /// Whether the descriptor is open.
    pub fn is_open(&self, fd: Fd) -> bool {
        self.file_of(fd).is_some()
    }

    fn lowest_free(&self, from: Fd) -> Result<Fd, Errno> {
        let process = self.process().ok_or(Errno::Esrch)?;
        if process.fds.len() >= DESCRIPTORS {
            return Err(Errno::Enospc);
        }
        (from..).find(|fd| !process.fds.contains_key(fd)).ok_or(Errno::Ebadf)
    }

    fn install(&mut self, fd: Fd, file: FileId) {
        let old = self.process_mut().and_then(|process| process.fds.insert(fd, file));
        if let Some(old) = old {
            self.core.close_file(old);
        }
    }

    /// Opens a path on the lowest free descriptor.
    ///
    /// # Errors
    /// Those of the file system; `EISDIR` for writing to a directory.
    pub fn open(&mut self, path: &str, mode: OpenMode) -> Result<Fd, Errno> {
        let fd = self.lowest_free(0)?;
        let (readable, writable) = (matches!(mode, OpenMode::Read | OpenMode::ReadWrite), mode != OpenMode::Read);
        if let Some(content) = self.proc_file(path) {
            if writable {
                return Err(Errno::Eacces);
            }
            let file = self.core.open_file(Target::Memory(Arc::new(content?)), true, false, false);
            self.install(fd, file);
            return Ok(fd);
        }
        let node = self.node_to_open(path, mode)?;
        let target = match self.core.vfs.inode(node).map(|inode| &inode.kind) {
            Some(Kind::Device(Device::Descriptor(same))) => {
                let file = self.file_of(*same).ok_or(Errno::Enoent)?;
                self.core.share_file(file);
                self.install(fd, file);
                return Ok(fd);
            }
            Some(Kind::Device(Device::Tty)) => {
                let tty = self.process().and_then(|process| process.tty).ok_or(Errno::Enoexec)?;
                Target::Terminal(tty, Stream::Stdout)
            }
            Some(Kind::Device(device)) => Target::Device(*device),
            Some(Kind::Directory(_)) if writable => return Err(Errno::Eisdir),
            Some(Kind::Program(name)) => Target::Memory(Arc::new(format!("\u{7f}ELF {name}\n").into_bytes())),
            Some(_) => Target::File(node),
            None => return Err(Errno::Enoent),
        };
        if mode == OpenMode::Truncate
            && let Target::File(node) = target
        {
            self.core.vfs.set_content(node, Vec::new(), self.core.now)?;
        }
        let file = self.core.open_file(target, readable, writable, mode == OpenMode::Append);
        self.install(fd, file);
        Ok(fd)
    }

    fn node_to_open(&mut self, path: &str, mode: OpenMode) -> Result<NodeId, Errno> {
        let (cwd, caller) = (self.cwd(), self.caller());
        match self.core.vfs.find(&cwd, path, true) {
            Ok(found) => {
                let is_file = matches!(self.core.vfs.inode(found.node).map(|inode| &inode.kind), Some(Kind::File(_)));
                let bits = match mode {
                    OpenMode::Read => 4,
                    OpenMode::ReadWrite => 6,
                    _ => 2,
                };
                if mode == OpenMode::Exclusive && is_file {
                    return Err(Errno::Eexist);
                }
                if !self.core.vfs.allows(found.node, caller, bits) {
                    return Err(Errno::Eacces);
                }
                if mode != OpenMode::Read && is_file && self.core.vfs.is_read_only(found.node) {
                    return Err(Errno::Erofs);
                }
                Ok(found.node)
            }
            Err(Errno::Enoent) if mode != OpenMode::Read => {
                let mode = 0o666 & !caller.umask;
                if path.ends_with('/') {
                    return Err(Errno::Eisdir);
                }
                self.core.vfs.create(&cwd, path, Kind::File(Arc::default()), mode, caller)
            }
            Err(errno) => Err(errno),
        }
    }

    /// Closes a descriptor.
    ///
    /// # Errors
    /// `EBADF` when it is not open.
    pub fn close(&mut self, fd: Fd) -> Result<(), Errno> {
        let file = self.process_mut().and_then(|process| process.fds.remove(&fd)).ok_or(Errno::Ebadf)?;
        self.core.close_file(file);
        Ok(())
    }

    /// Makes `to` the same open file as `from`.
    ///
    /// # Errors
    /// `EBADF` when `from` is not open.
    pub fn dup2(&mut self, from: Fd, to: Fd) -> Result<(), Errno> {
        let file = self.file_of(from).ok_or(Errno::Ebadf)?;
        if from != to {
            self.core.share_file(file);
            self.install(to, file);
        }
        Ok(())
    }

    /// Moves `from` to `to`.
    ///
    /// # Errors
    /// As `dup2`.
    pub fn move_fd(&mut self, from: Fd, to: Fd) -> Result<(), Errno> {
        self.dup2(from, to)?;
        if from != to {
            self.close(from)?;
        }
        Ok(())
    }

    /// Puts the open file of `fd` aside where children do not get it.
    pub fn save_fd(&mut self, fd: Fd) -> Option<Fd> {
        self.file_of(fd)?;
        let place = self.lowest_free(SAVED_FD).ok()?;
        self.dup2(fd, place).ok()?;
        Some(place)
    }

    /// A new pipe: its reading and its writing descriptor.
    ///
    /// # Errors
    /// `ENOSPC` when the process has too many descriptors.
    pub fn pipe(&mut self) -> Result<(Fd, Fd), Errno> {
        let pipe = self.core.add_pipe();
        let read = self.lowest_free(SAVED_FD)?;
        let file = self.core.open_file(Target::PipeRead(pipe), true, false, false);
        self.install(read, file);
        let write = self.lowest_free(SAVED_FD)?;
        let file = self.core.open_file(Target::PipeWrite(pipe), false, true, false);
        self.install(write, file);
        Ok((read, write))
    }

    /// A descriptor that reads these bytes.
    ///
    /// # Errors
    /// `ENOSPC` when the process has too many descriptors.
    pub fn memory_file(&mut self, content: Vec<u8>) -> Result<Fd, Errno> {
        let fd = self.lowest_free(SAVED_FD)?;
        let file = self.core.open_file(Target::Memory(Arc::new(content)), true, false, false);
        self.install(fd, file);
        Ok(fd)
    }

    /// Goes back in a regular file or here-document by `bytes`, for what was read ahead.
    pub fn unread(&mut self, fd: Fd, bytes: usize) {
        if let Some(file) = self.file_of(fd).and_then(|file| self.core.files.get_mut(&file))
            && matches!(file.target, Target::File(_) | Target::Memory(_))
        {
            file.offset = file.offset.saturating_sub(bytes as u64);
        }
    }

    /// Whether the descriptor reads a file that can be gone back in.
    pub fn can_seek(&self, fd: Fd) -> bool {
        self.file_of(fd)
            .and_then(|file| self.core.files.get(&file))
            .is_some_and(|file| matches!(file.target, Target::File(_) | Target::Memory(_)))
    }

    /// The file that the descriptor leads to, if it is one.
    pub fn node_of(&self, fd: Fd) -> Option<NodeId> {
        match self.core.files.get(&self.file_of(fd)?)?.target {
            Target::File(node) => Some(node),
            _ => None,
        }
    }

    // ---- processes

    /// Starts a child that runs `task`, with copies of this process's descriptors and directory.
    pub fn fork(&mut self, task: Box<dyn Task>) -> Result<Pid, Errno> {
        let mut child = self.process().cloned().ok_or(Errno::Esrch)?;
        child.ppid = self.pid;
        child.sink = None;
        child.pending.clear();
        child.catches_all = false;
        child.dispositions.retain(|_, disposition| *disposition == Disposition::Ignore);
        child.state = State::Ready;
        child.steps = 0;
        child.listening.clear();
        child.fds.retain(|fd, _| *fd < SAVED_FD);
        for file in child.fds.values() {
            self.core.share_file(*file);
        }
        self.core.slice_used += 5;
        self.core.add_process(child, task).ok_or(Errno::Eagain)
    }

    /// Finds what `name` runs by `$PATH` as given.
    ///
    /// # Errors
    /// `ENOENT`, `EACCES`.
    pub fn which(&self, name: &str, path: Option<&str>) -> Result<String, Errno> {
        self.core.which(name, path, &self.cwd(), self.user())
    }

    /// Starts the executable at `path` as a child.
    ///
    /// # Errors
    /// `ENOENT`, `EACCES`, `ENOEXEC`; `EAGAIN` when there are too many processes.
    pub fn spawn_path(
        &mut self,
        path: &str,
        argv: &[String],
        env: Arc<BTreeMap<String, String>>,
    ) -> Result<Pid, Errno> {
        let (task, argv) = self.core.load(path, argv, &self.cwd())?;
        let pid = self.fork(task)?;
        if let Some(child) = self.core.processes.get_mut(&pid) {
            (child.argv, child.env) = (Arc::new(argv), env);
        }
        Ok(pid)
    }

    /// Starts a command as a child, found by this process's `$PATH`, with this environment.
    ///
    /// # Errors
    /// As `which` and `spawn_path`.
    pub fn spawn_command(&mut self, argv: &[String], env: Arc<BTreeMap<String, String>>) -> Result<Pid, Errno> {
        let name = argv.first().ok_or(Errno::Enoent)?;
        let path = self.which(name, env.get("PATH").map(String::as_str))?;
        self.spawn_path(&path, argv, env)
    }

    /// This process becomes the executable at `path`. The task must come back from `resume` right after this.
    ///
    /// # Errors
    /// As `spawn_path`.
    pub fn exec_path(&mut self, path: &str, argv: &[String], env: Arc<BTreeMap<String, String>>) -> Result<(), Errno> {
        let (task, argv) = self.core.load(path, argv, &self.cwd())?;
        self.replacement = Some(task);
        let saved: Vec<Fd> = self
            .process()
            .map(|process| process.fds.range(SAVED_FD..).map(|(fd, _)| *fd).collect())
            .unwrap_or_default();
        for fd in saved {
            let _ = self.close(fd);
        }
        if let Some(process) = self.process_mut() {
            (process.argv, process.env) = (Arc::new(argv), env);
            process.catches_all = false;
            process.dispositions.retain(|_, disposition| *disposition == Disposition::Ignore);
        }
        Ok(())
    }

    /// This process becomes a command found by `$PATH`.
    ///
    /// # Errors
    /// As `exec_path`.
    pub fn exec_command(&mut self, argv: &[String], env: Arc<BTreeMap<String, String>>) -> Result<Step, Errno> {
        let name = argv.first().ok_or(Errno::Enoent)?;
        let path = self.which(name, env.get("PATH").map(String::as_str))?;
        self.exec_path(&path, argv, env)?;
        Ok(Step::Yield)
    }

    /// The environment this process was given.
    pub fn env_map(&self) -> Arc<BTreeMap<String, String>> {
        self.process().map(|process| process.env.clone()).unwrap_or_default()
    }

    /// The status of a child that has ended, which is then forgotten.
    pub fn reap(&mut self, child: Pid) -> Option<ExitStatus> {
        if self.core.processes.get(&child).is_some_and(|process| process.ppid == self.pid) {
            return self.core.reap(child);
        }
        None
    }

    /// Whether this child still runs or has not been asked for.
    pub fn is_child(&self, child: Pid) -> bool {
        self.core.processes.get(&child).is_some_and(|process| process.ppid == self.pid)
    }

    /// Whether the child has ended.
    pub fn has_ended(&self, child: Pid) -> bool {
        self.core.processes.get(&child).is_none_or(|process| matches!(process.state, State::Zombie(_)))
    }

    /// Sends a signal to a process, or (`None`) only asks whether it is there. A negative id means a group, as in kill(2).
    ///
    /// # Errors
    /// `ESRCH`, `EPERM`.
    pub fn kill(&mut self, pid: i64, signal: Option<Signal>) -> Result<(), Errno> {
        let targets: Vec<Pid> = if pid > 0 {
            vec![pid as Pid]
        } else {
            let group =
                if pid == 0 { self.process().map_or(0, |process| process.group) } else { pid.unsigned_abs() as Pid };
            let everyone = pid == -1;
            let chosen = |(id, process): (&Pid, &Process)| {
                let wanted = if everyone { *id != self.pid && *id != 1 } else { process.group == group };
                wanted.then_some(*id)
            };
            self.core.processes.iter().filter_map(chosen).collect()
        };
        let uid = self.user().0;
        let mut result = Err(Errno::Esrch);
        for target in targets {
            let Some(process) = self.core.processes.get(&target) else { continue };
            if uid != 0 && process.uid != uid {
                result = Err(Errno::Eperm);
                continue;
            }
            if let Some(signal) = signal {
                self.core.signal(target, signal, false);
            }
            result = Ok(());
        }
        result
    }

    /// Sets what this process does with a signal; `None` is the default effect.
    pub fn set_disposition(&mut self, signal: Signal, disposition: Option<Disposition>) {
        if let Some(process) = self.process_mut() {
            match disposition {
                Some(disposition) => process.dispositions.insert(signal, disposition),
                None => process.dispositions.remove(&signal),
            };
        }
    }

    /// The next caught signal, without asking for all signals as `take_signal` does.
    pub fn next_signal(&mut self) -> Option<Signal> {
        self.process_mut()?.pending.pop_front()
    }

    /// Puts a process into a group of its own (or `group`).
    pub fn set_group(&mut self, pid: Pid, group: Pid) {
        if let Some(process) = self.core.processes.get_mut(&pid) {
            process.group = group;
        }
    }

    /// Gives the terminal to a process group.
    pub fn set_foreground(&mut self, group: Pid) {
        if let Some(tty) = self.process().and_then(|process| process.tty)
            && let Some(tty) = self.core.ttys.get_mut(&tty)
        {
            tty.foreground = group;
        }
    }

    /// The same when `really`.
    pub fn set_foreground_if(&mut self, really: bool, group: Pid) {
        if really {
            self.set_foreground(group);
        }
    }

    /// Ids, parents, users, start times, states and command lines of all processes, for `ps`.
    pub fn process_list(&self) -> Vec<ProcessInfo> {
        let info = |(pid, process): (&Pid, &Process)| ProcessInfo {
            pid: *pid,
            parent: if process.ppid == Pid::MAX { 1 } else { process.ppid },
            uid: process.uid,
            started: process.started,
            steps: process.steps,
            zombie: matches!(process.state, State::Zombie(_)),
            waiting: matches!(process.state, State::Waiting(_)),
            has_terminal: process.tty.is_some(),
            argv: process.argv.clone(),
        };
        self.core.processes.iter().map(info).collect()
    }

    /// The processor steps this process has used.
    pub fn steps_used(&self) -> u64 {
        self.process().map_or(0, |process| process.steps)
    }

    /// Names of the programs from outside that this machine was given.
    pub fn program_names(&self) -> Vec<&'static str> {
        self.core.programs.0.iter().map(|(name, _)| *name).collect()
    }

    /// The bytes that a file of `/proc` would give; `None` when the path is not dynamic.
    fn proc_file(&self, path: &str) -> Option<Result<Vec<u8>, Errno>> {
        let path = vfs::lexical(&self.cwd(), path);
        let rest = path.strip_prefix("/proc/")?;
        let up = self.core.now.since(self.boot_time()).as_secs_f64();
        let (first, file) = rest.split_once('/').unwrap_or((rest, ""));
        let text = match (first, file) {
            ("uptime", "") => format!("{up:.2} {up:.2}\n"),
            ("loadavg", "") => format!("0.00 0.00 0.00 1/{} {}\n", self.core.processes.len(), self.pid),
            ("sys", "kernel/hostname") => format!("{}\n", self.core.hostname),
            (pid, file) if !file.is_empty() => {
                let pid = if pid == "self" { self.pid } else { pid.parse().ok()? };
                let Some(process) = self.core.processes.get(&pid) else { return Some(Err(Errno::Enoent)) };
                let name = process.argv.first().map_or("", |name| name.rsplit('/').next().unwrap_or_default());
                match file {
                    "cmdline" => process.argv.iter().map(|word| format!("{word}\0")).collect(),
                    "comm" => format!("{name}\n"),
                    "environ" => process.env.iter().map(|(key, value)| format!("{key}={value}\0")).collect(),
                    "status" => format!(
                        "Name:\t{name}\nState:\tS (sleeping)\nPid:\t{pid}\nPPid:\t{}\nUid:\t{1}\t{1}\t{1}\t{1}\nGid:\t{2}\t{2}\t{2}\t{2}\n",
                        process.ppid, process.uid, process.gid
                    ),
                    _ => return Some(Err(Errno::Enoent)),
                }
            }
            _ => return None,
        };
        Some(Ok(text.into_bytes()))
    }

    fn read_target(&mut self, id: FileId, max: usize) -> Result<Read, Errno> {
        let file = self.core.files.get(&id).ok_or(Errno::Ebadf)?;
        if !file.readable {
            return Err(Errno::Ebadf);
        }
        let (target, offset) = (file.target.clone(), file.offset as usize);
        let data = match target {
            Target::File(node) => match self.core.vfs.inode(node).map(|inode| &inode.kind) {
                Some(Kind::File(content)) => content.iter().skip(offset).take(max).copied().collect::<Vec<u8>>(),
                Some(Kind::Directory(_)) => return Err(Errno::Eisdir),
                _ => return Err(Errno::Einval),
            },
            Target::Memory(content) => content.iter().skip(offset).take(max).copied().collect(),
            Target::PipeRead(pipe) => {
                let pipe = self.core.pipes.get_mut(&pipe).ok_or(Errno::Ebadf)?;
                if pipe.buffer.is_empty() && pipe.writers > 0 {
                    return Ok(Read::WouldBlock);
                }
                let count = pipe.buffer.len().min(max);
                pipe.buffer.drain(..count).collect()
            }
            Target::Terminal(tty, _) => match self.core.tty_read(tty, max) {
                Some(data) => data,
                None => return Ok(Read::WouldBlock),
            },
            Target::Device(Device::Zero | Device::Full) => vec![0; max.min(64 << 10)],
            Target::Device(Device::Random) => (0..max.min(4096)).map(|_| self.core.random.u8(..)).collect(),
            Target::Device(_) => Vec::new(),
            Target::PipeWrite(_) | Target::Sink(..) => return Err(Errno::Ebadf),
        };
        if let Some(file) = self.core.files.get_mut(&id) {
            file.offset += data.len() as u64;
        }
        self.core.slice_used += data.len() as u64 / 256;
        Ok(if data.is_empty() { Read::Eof } else { Read::Data(data) })
    }

    fn write_target(&mut self, id: FileId, bytes: &[u8]) -> Result<usize, Errno> {
        let now = self.core.now;
        let file = self.core.files.get_mut(&id).ok_or(Errno::Ebadf)?;
        if !file.writable {
            return Err(Errno::Ebadf);
        }
        self.core.slice_used += bytes.len() as u64 / 256;
        let push = |core: &mut Core, sink, stream| {
            let Some(sink) = core.sinks.get_mut(&sink) else { return Ok(bytes.len()) };
            let taken = bytes.len().min(sink.room());
            if taken == 0 && !bytes.is_empty() {
                return Err(Errno::Eagain);
            }
            sink.push(now, stream, bytes.get(..taken).unwrap_or_default());
            Ok(taken)
        };
        match file.target.clone() {
            Target::File(node) => {
                let size = self.core.vfs.inode(node).map_or(0, Inode::size);
                let offset = if file.append { size } else { file.offset };
                file.offset = offset + bytes.len() as u64;
                self.core.vfs.write_at(node, offset, bytes, now)?;
                Ok(bytes.len())
            }
            Target::PipeWrite(pipe) => {
                let pipe = self.core.pipes.get_mut(&pipe).ok_or(Errno::Epipe)?;
                if pipe.readers == 0 {
                    let pid = self.pid;
                    self.core.signal(pid, Signal::Pipe, false);
                    return Err(Errno::Epipe);
                }
                let taken = bytes.len().min(PIPE_BYTES.saturating_sub(pipe.buffer.len()));
                if taken == 0 && !bytes.is_empty() {
                    return Err(Errno::Eagain);
                }
                pipe.buffer.extend(bytes.iter().take(taken));
                Ok(taken)
            }
            Target::Terminal(tty, stream) => {
                let Some(sink) = self.core.ttys.get(&tty).map(|tty| tty.sink) else { return Ok(bytes.len()) };
                push(self.core, sink, stream)
            }
            Target::Sink(sink, stream) => push(self.core, sink, stream),
            Target::Device(Device::Full) => Err(Errno::Enospc),
            Target::Device(_) => Ok(bytes.len()),
            Target::Memory(_) | Target::PipeRead(_) => Err(Errno::Ebadf),
        }
    }

    /// Whether this process has been ended by a signal that it sent to itself: its task must come back at once.
    pub fn is_dead(&self) -> bool {
        self.process().is_none_or(|process| matches!(process.state, State::Zombie(_)))
    }
}

/// A line of `ps`.
#[derive(Clone, Debug)]
pub struct ProcessInfo {
    /// Process id.
    pub pid: Pid,
    /// Parent's id.
    pub parent: Pid,
    /// User.
    pub uid: u32,
    /// When it started.
    pub started: Time,
    /// Processor steps used.
    pub steps: u64,
    /// Whether it has ended and was not asked for.
    pub zombie: bool,
    /// Whether it waits.
    pub waiting: bool,
    /// Whether it has a terminal.
    pub has_terminal: bool,
    /// Its command line.
    pub argv: Arc<Vec<String>>,
}

impl System for Kernel<'_> {
    fn now(&self) -> Time {
        self.core.now
    }
    fn env(&self, name: &str) -> Option<String> {
        self.process()?.env.get(name).cloned()
    }
    fn environment(&self) -> Vec<(String, String)> {
        self.env_map().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }
    fn cwd(&self) -> String {
        self.process().map_or_else(|| "/".to_owned(), |process| process.cwd.clone())
    }
    fn read(&mut self, fd: Fd, max: usize) -> Result<Read, Errno> {
        let file = self.file_of(fd).ok_or(Errno::Ebadf)?;
        self.read_target(file, max)
    }
    fn write(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
        let file = self.file_of(fd).ok_or(Errno::Ebadf)?;
        self.write_target(file, bytes)
    }
    fn take_signal(&mut self) -> Option<Signal> {
        let process = self.process_mut()?;
        process.catches_all = true;
        process.pending.pop_front()
    }
    fn is_terminal(&self, fd: Fd) -> bool {
        self.file_of(fd)
            .and_then(|file| self.core.files.get(&file))
            .is_some_and(|file| matches!(file.target, Target::Terminal(..)))
    }
    fn window(&self) -> (u16, u16) {
        self.process()
            .and_then(|process| process.tty)
            .and_then(|tty| self.core.ttys.get(&tty))
            .map_or((80, 24), |tty| tty.window)
    }
    fn set_raw(&mut self, raw: bool) {
        let pid = self.pid;
        if let Some(tty) = self.process().and_then(|process| process.tty)
            && let Some(tty) = self.core.ttys.get_mut(&tty)
        {
            tty.raw_by = raw.then_some(pid);
        }
    }
    fn read_file(&self, path: &str) -> Result<Vec<u8>, Errno> {
        if let Some(content) = self.proc_file(path) {
            return content;
        }
        let found = self.core.vfs.find(&self.cwd(), path, true)?;
        if !self.core.vfs.allows(found.node, self.caller(), 4) {
            return Err(Errno::Eacces);
        }
        self.core.vfs.read_file(&self.cwd(), path).map(|content| content.to_vec())
    }
    fn write_file(&mut self, path: &str, content: &[u8]) -> Result<(), Errno> {
        let (cwd, caller) = (self.cwd(), self.caller());
        self.core.vfs.write_file(&cwd, path, content, caller)
    }
    fn remove_file(&mut self, path: &str) -> Result<(), Errno> {
        let (cwd, caller) = (self.cwd(), self.caller());
        if let Some(gone) = self.core.vfs.unlink(&cwd, path, caller)?
            && !self.core.is_open(gone)
        {
            self.core.vfs.release(gone);
        }
        Ok(())
    }
    fn create_dir(&mut self, path: &str, parents: bool) -> Result<(), Errno> {
        let (cwd, caller) = (self.cwd(), self.caller());
        self.core.vfs.make_dir(&cwd, path, parents, caller)
    }
    fn file_info(&self, path: &str) -> Result<FileInfo, Errno> {
        let found = self.core.vfs.find(&self.cwd(), path, true)?;
        let name = found.path.rsplit('/').next().unwrap_or_default().to_owned();
        self.core.vfs.inode(found.node).map(|inode| info(name, inode)).ok_or(Errno::Enoent)
    }
    fn read_dir(&self, path: &str) -> Result<Vec<FileInfo>, Errno> {
        let entries = self.core.vfs.list(&self.cwd(), path)?;
        Ok(entries.into_iter().filter_map(|(name, node)| Some(info(name, self.core.vfs.inode(node)?))).collect())
    }
    fn spawn(&mut self, argv: &[String]) -> Result<Pid, Errno> {
        self.spawn_command(argv, self.env_map())
    }
    fn exit_code(&self, child: Pid) -> Option<i32> {
        match self.core.processes.get(&child)?.state {
            State::Zombie(status) => Some(status.code()),
            _ => None,
        }
    }
    fn host(&mut self) -> &mut dyn Host {
        self.host
    }
    fn send(&mut self, authority: &str, request: Request) -> Result<Response, String> {
        Kernel::send(self, authority, request)
    }
    fn listen(&mut self, port: u16) -> Result<(), Errno> {
        if self.core.processes.values().any(|process| process.listening.contains(&port)) {
            return Err(Errno::Eexist);
        }
        if let Some(process) = self.process_mut() {
            process.listening.insert(port);
        }
        Ok(())
    }
}

fn info(name: String, inode: &Inode) -> FileInfo {
    let size = if inode.is_dir() { 0 } else { inode.size() };
    FileInfo { name, is_dir: inode.is_dir(), size, mode: inode.mode, modified: inode.modified }
}

/// Waits for this descriptor to be readable.
pub fn readable(fd: Fd) -> Step {
    Step::Wait(Wait { readable: Some(fd), ..Wait::default() })
}

/// Waits for this descriptor to be writable.
pub fn writable(fd: Fd) -> Step {
    Step::Wait(Wait { writable: Some(fd), ..Wait::default() })
}
