//! Commands run in a container beside its own.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Exec, ExecRequest, Runtime, not_found};
use crate::cri::container::ContainerState;
use crate::cri::ids::{ContainerId, ExecId, hex_id};
use crate::shell::machine::{Machine, OutputChunk, SpawnOptions, StartError, Stdio};
use crate::shell::program::{Errno, Signal};
use crate::sim::Time;

impl Runtime {
    /// Runs a command in a running container. It first runs in the next `run`.
    ///
    /// # Errors
    /// The words of the CRI answer.
    pub fn exec(&mut self, id: ContainerId, request: &ExecRequest, now: Time) -> Result<ExecId, String> {
        let exec = self.id();
        let seed = self.config.seed;
        let Some(container) = self.containers.get_mut(&id).map(Arc::make_mut) else { return Err(not_found(id)) };
        let name = container.status.id.clone();
        let config = container.config.clone();
        let Some(mut machine) = container.machine.take().filter(|_| container.status.state == ContainerState::Running)
        else {
            return Err(format!("failed to exec in container: container \"{name}\" is not running: unknown"));
        };
        let tty = request.tty.then(|| {
            let (columns, rows) = if request.window == (0, 0) { (80, 24) } else { request.window };
            machine.add_terminal(columns, rows)
        });
        let stdio = tty.map_or(Stdio::Capture { input: request.stdin }, Stdio::Terminal);
        let mut options = SpawnOptions::default();
        if request.tty {
            options.env.push(("TERM".into(), "xterm".into()));
        }
        let started =
            self.with_volumes(&mut machine, &config, |machine| machine.spawn(&request.command, stdio, options));
        let Some(container) = self.containers.get_mut(&id).map(Arc::make_mut) else { return Err(not_found(id)) };
        container.machine = Some(machine);
        match started {
            Ok(pid) => {
                container.execs.push((exec, pid));
                self.execs.insert(ExecId(exec), Exec { container: id, pid, tty, output: VecDeque::new(), exit: None });
                self.schedule(id, Some(now));
                Ok(ExecId(exec))
            }
            Err(error) => Err(format!(
                "failed to exec in container: failed to start exec \"{}\": OCI runtime exec failed: exec failed: unable to start container process: {}",
                hex_id(seed, "exec", exec),
                exec_error(&error)
            )),
        }
    }

    /// The next piece that an exec session wrote.
    pub fn exec_next_output(&mut self, exec: ExecId) -> Option<OutputChunk> {
        self.execs.get_mut(&exec).and_then(|exec| exec.output.pop_front())
    }

    /// The exit code of an exec session that has ended.
    pub fn exec_exit(&self, exec: ExecId) -> Option<i32> {
        match self.execs.get(&exec) {
            Some(exec) => exec.exit,
            // The container went away with it.
            None => Some(137),
        }
    }

    /// Input of an exec session: keys when it has a terminal.
    pub fn exec_input(&mut self, exec: ExecId, bytes: &[u8], now: Time) {
        self.with_exec(exec, now, |machine, exec| match exec.tty {
            Some(tty) => machine.type_keys(tty, bytes),
            None => drop(machine.write_input(exec.pid, bytes)),
        });
    }

    /// Ends the input of an exec session.
    pub fn exec_close_input(&mut self, exec: ExecId, now: Time) {
        self.with_exec(exec, now, |machine, exec| match exec.tty {
            Some(tty) => machine.type_keys(tty, &[4]),
            None => machine.close_input(exec.pid),
        });
    }

    /// Sets the window of an exec session's terminal.
    pub fn exec_resize(&mut self, exec: ExecId, columns: u16, rows: u16, now: Time) {
        self.with_exec(exec, now, |machine, exec| {
            if let Some(tty) = exec.tty {
                machine.resize(tty, columns, rows);
            }
        });
    }

    /// The client went away: the session's terminal hangs up, and it is forgotten.
    pub fn exec_close(&mut self, exec: ExecId, now: Time) {
        self.with_exec(exec, now, |machine, exec| {
            machine.close_input(exec.pid);
            if exec.tty.is_some() {
                machine.signal(exec.pid, Signal::Hup);
            }
        });
        self.execs.remove(&exec);
    }

    /// Kills the process of an exec session.
    pub fn exec_kill(&mut self, exec: ExecId, now: Time) {
        self.with_exec(exec, now, |machine, exec| machine.signal(exec.pid, Signal::Kill));
    }

    /// Exec sessions whose process ended since the last call, in order.
    pub fn take_ended_execs(&mut self) -> Vec<ExecId> {
        std::mem::take(&mut self.ended_execs)
    }

    pub(super) fn with_exec(&mut self, id: ExecId, now: Time, work: impl FnOnce(&mut Machine, &Exec)) {
        let Some(exec) = self.execs.get(&id).cloned() else { return };
        if let Some(container) = self.container_mut(exec.container)
            && let Some(machine) = &mut container.machine
        {
            work(machine, &exec);
        }
        self.schedule(exec.container, Some(now));
    }
}

/// runc's words for a process that cannot be started.
pub(super) fn exec_error(error: &StartError) -> String {
    match error {
        StartError::NotInPath(name) => format!("exec: \"{name}\": executable file not found in $PATH"),
        StartError::CannotRun(name, Errno::Enoent) => {
            format!("exec: \"{name}\": stat {name}: no such file or directory")
        }
        StartError::CannotRun(name, Errno::Eacces) => format!("exec: \"{name}\": permission denied"),
        StartError::CannotRun(name, Errno::Enoexec) => format!("exec {name}: exec format error"),
        StartError::CannotRun(name, errno) => format!("exec: \"{name}\": {}", errno.message().to_lowercase()),
        StartError::WorkingDirectory(path, errno) => format!(
            "error during container init: chdir to cwd (\"{path}\") set in config.json failed: {}",
            errno.message().to_lowercase()
        ),
        StartError::Limit => "fork/exec: resource temporarily unavailable".to_owned(),
    }
}
