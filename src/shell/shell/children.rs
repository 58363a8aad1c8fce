//! Child processes of a shell: subshells, pipelines, jobs, and waiting for them.

use std::sync::Arc;

use super::{Frame, Job, Next, Shell};
use crate::shell::applets::driver::Out;
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::program::{Fd, Pid, Signal, Step, System, Wait};
use crate::shell::redirect;
use crate::shell::syntax::Command;
use crate::sim::Time;

impl Shell {
    /// A copy of this shell that runs one command, for a child process.
    pub(in crate::shell) fn child(&self, command: Command) -> Shell {
        let mut child = self.clone();
        child.frames = vec![Frame::Run(command)];
        child.interactive = false;
        child.options.monitor = false;
        child.traps.retain(|_, text| text.is_empty());
        child.jobs.clear();
        child.history.clear();
        child.guard = u32::from(self.guard > 0);
        child.pending_traps.clear();
        child.in_trap = false;
        child.exiting = None;
        child
    }

    pub(super) fn subshell(&mut self, kernel: &mut Kernel, inner: &Arc<Command>) {
        if self.can_replace() {
            // Nothing comes after it: this process can be the subshell.
            self.frames.push(Frame::Run((**inner).clone()));
            return;
        }
        match kernel.fork(Box::new(self.child((**inner).clone()))) {
            Ok(pid) => {
                self.own_group(kernel, pid, pid);
                self.frames.push(Frame::Wait { pid, text: None });
            }
            Err(errno) => self.cannot_fork(errno),
        }
    }

    /// Whether nothing is left to do in this process after the present command.
    pub(in crate::shell) fn can_replace(&self) -> bool {
        self.frames.is_empty() && !self.interactive && self.traps.is_empty()
    }

    pub(in crate::shell) fn own_group(&self, kernel: &mut Kernel, pid: Pid, group: Pid) {
        if self.options.monitor && self.interactive {
            kernel.set_group(pid, group);
            kernel.set_foreground(group);
        }
    }

    pub(super) fn background(&mut self, kernel: &mut Kernel, inner: &Arc<Command>, text: &Arc<str>) {
        self.poll_jobs(kernel);
        let saved = if self.interactive { None } else { kernel.save_fd(0) };
        if !self.interactive
            && let Ok(null) = kernel.open("/dev/null", crate::shell::kernel::OpenMode::Read)
            && null != 0
        {
            let _ = kernel.move_fd(null, 0);
        }
        let started = kernel.fork(Box::new(self.child((**inner).clone())));
        if !self.interactive {
            redirect::restore(kernel, vec![(0, saved)]);
        }
        match started {
            Ok(pid) => {
                let id = self.jobs.iter().map(|job| job.id).max().unwrap_or(0) + 1;
                self.last_background = Some(pid);
                if self.interactive {
                    kernel.set_group(pid, pid);
                    let _ = kernel.write(2, format!("[{id}] {pid}\n").as_bytes());
                }
                self.jobs.push(Job { id, pid, text: text.clone(), status: None });
                if !self.interactive && self.jobs.len() > 500 {
                    self.jobs.retain(|job| job.status.is_none());
                }
                self.status = 0;
            }
            Err(errno) => self.cannot_fork(errno),
        }
    }

    pub(super) fn pipeline(&mut self, kernel: &mut Kernel, commands: &Arc<Vec<Command>>) {
        let mut pids = Vec::new();
        let mut previous: Option<Fd> = None;
        let (saved_in, saved_out) = (kernel.save_fd(0), kernel.save_fd(1));
        let mut failed = None;
        for (index, command) in commands.iter().enumerate() {
            let mut next = None;
            if let Some(read) = previous.take() {
                let _ = kernel.move_fd(read, 0);
            }
            if index + 1 < commands.len() {
                match kernel.pipe() {
                    Ok((read, write)) => {
                        let _ = kernel.move_fd(write, 1);
                        next = Some(read);
                    }
                    Err(errno) => {
                        failed = Some(errno);
                        break;
                    }
                }
            } else {
                match saved_out {
                    Some(saved) => drop(kernel.dup2(saved, 1)),
                    None => drop(kernel.close(1)),
                }
            }
            match kernel.fork(Box::new(self.child(command.clone()))) {
                Ok(pid) => {
                    let group = pids.first().copied().unwrap_or(pid);
                    self.own_group(kernel, pid, group);
                    pids.push(pid);
                }
                Err(errno) => failed = Some(errno),
            }
            previous = next;
        }
        if let Some(read) = previous {
            let _ = kernel.close(read);
        }
        redirect::restore(kernel, vec![(0, saved_in), (1, saved_out)]);
        self.frames.push(Frame::WaitPipeline { pids, at: 0, statuses: Vec::new() });
        if let Some(errno) = failed {
            self.cannot_fork(errno);
        }
    }

    pub(super) fn wait_pipeline(
        &mut self,
        kernel: &mut Kernel,
        pids: Vec<Pid>,
        mut at: usize,
        mut statuses: Vec<i32>,
    ) -> Next {
        while let Some(pid) = pids.get(at).copied() {
            if !kernel.has_ended(pid) {
                self.frames.push(Frame::WaitPipeline { pids, at, statuses });
                return Next::Wait(Step::Wait(Wait { child: Some(pid), ..Wait::default() }));
            }
            statuses.push(kernel.reap(pid).map_or(127, |status| status.code()));
            at += 1;
        }
        let last = statuses.last().copied().unwrap_or(0);
        let failed = statuses.iter().rev().find(|status| **status != 0).copied().unwrap_or(0);
        kernel.set_foreground_if(self.interactive, kernel.pid());
        self.finish(if self.options.pipefail { failed } else { last });
        Next::Go
    }

    pub(super) fn wait_for(&mut self, kernel: &mut Kernel, pid: Pid, text: Option<Arc<str>>) -> Next {
        if !kernel.has_ended(pid) {
            self.frames.push(Frame::Wait { pid, text });
            return Next::Wait(Step::Wait(Wait { child: Some(pid), ..Wait::default() }));
        }
        let status = kernel.reap(pid);
        self.jobs.retain(|job| job.pid != pid);
        kernel.set_foreground_if(self.interactive, kernel.pid());
        let code = status.map_or(127, |status| status.code());
        if let Some(crate::shell::process::ExitStatus::Signal(signal)) = status {
            let note = match signal {
                Signal::Int | Signal::Pipe => None,
                Signal::Kill => Some("Killed"),
                Signal::Term => Some("Terminated"),
                Signal::Hup => Some("Hangup"),
                Signal::Quit => Some("Quit"),
                _ => None,
            };
            if let Some(note) = note.filter(|_| self.interactive || self.dialect == Dialect::Ash) {
                let _ = kernel.write(2, format!("{note}\n").as_bytes());
            }
            if signal == Signal::Int && self.interactive {
                self.abort(130);
                return Next::Go;
            }
        }
        self.finish(code);
        Next::Go
    }

    pub(super) fn wait_jobs(&mut self, kernel: &mut Kernel, mut pids: Vec<Pid>, all: bool) -> Next {
        self.poll_jobs(kernel);
        while let Some(pid) = pids.first().copied() {
            let known = self.jobs.iter().find(|job| job.pid == pid).map(|job| job.status);
            match known {
                Some(None) => {
                    self.frames.push(Frame::WaitJobs { pids, all });
                    return Next::Wait(Step::Wait(Wait { child: Some(pid), ..Wait::default() }));
                }
                Some(Some(status)) => {
                    if !all {
                        self.status = status;
                    }
                    self.jobs.retain(|job| job.pid != pid);
                }
                None if !all => {
                    self.status = 127;
                    if self.dialect == Dialect::Bash {
                        let text = self.builtin_complaint("wait", &format!("pid {pid} is not a child of this shell"));
                        let _ = kernel.write(2, text.as_bytes());
                    }
                }
                None => {}
            }
            pids.remove(0);
        }
        let status = if all { 0 } else { self.status };
        self.finish(status);
        Next::Go
    }

    pub(super) fn report_time(&mut self, kernel: &mut Kernel, started: Time, posix: bool) {
        let took = kernel.now().since(started).as_secs_f64();
        let text = if posix {
            format!("real {took:.2}\nuser 0.00\nsys 0.00\n")
        } else {
            let minutes = (took / 60.0).floor();
            format!("\nreal\t{minutes}m{:.3}s\nuser\t0m0.000s\nsys\t0m0.000s\n", took - minutes * 60.0)
        };
        let mut out = Out::default();
        out.err(&text);
        self.frames.push(Frame::Flush(out));
    }
}
