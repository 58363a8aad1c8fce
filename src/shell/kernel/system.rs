//! The calls that tasks of any kind have: reading, writing, the time, facts of files.

use super::Kernel;
use crate::shell::process::{Core, FileId, PIPE_BYTES, State, Target};
use crate::shell::program::{Errno, Fd, FileInfo, Host, Pid, Read, Signal, Step, System, Wait};
use crate::shell::vfs;
use crate::shell::vfs::{Device, Inode, Kind};
use crate::sim::Time;
use crate::text::http::{Request, Response};

impl<'a> Kernel<'a> {
    pub(super) fn read_target(&mut self, id: FileId, max: usize) -> Result<Read, Errno> {
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

    pub(super) fn write_target(&mut self, id: FileId, bytes: &[u8]) -> Result<usize, Errno> {
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

    /// The bytes that a file of `/proc` would give; `None` when the path is not dynamic.
    pub(super) fn proc_file(&self, path: &str) -> Option<Result<Vec<u8>, Errno>> {
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
}

impl System for Kernel<'_> {
    fn now(&self) -> Time {
        self.core.now
    }
    fn random(&mut self) -> u32 {
        self.core.random.u32(..)
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

pub(super) fn info(name: String, inode: &Inode) -> FileInfo {
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
