//! Programs: forked, found, run and reaped.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Kernel;
use crate::shell::process::{Disposition, ExitStatus, SAVED_FD, State};
use crate::shell::program::{Errno, Fd, Pid, Step, System};
use crate::shell::task::Task;

impl<'a> Kernel<'a> {
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
}
