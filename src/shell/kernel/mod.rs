//! What one process may do to its machine: the system calls. A task gets a kernel for one turn and cannot keep it.

mod files;
mod programs;
mod signals;
mod system;

pub use self::system::{readable, writable};

use std::sync::Arc;

use super::process::{Core, Dialect, Flavour, Process, State};
use super::program::{Errno, Host, Pid, System};
use super::task::Task;
use super::vfs::{Caller, Inode, Vfs};
use crate::sim::Time;

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
