//! Processes come and go: born, ended, orphaned, signalled, reaped.

use super::{Core, Disposition, ExitStatus, PROCESSES, Process, State, Target};
use crate::shell::program::{Pid, Signal};
use crate::shell::task::Task;

impl Core {
    pub(in crate::shell) fn add_process(&mut self, mut process: Process, task: Box<dyn Task>) -> Option<Pid> {
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

    pub(in crate::shell) fn end_process(&mut self, pid: Pid, status: ExitStatus) {
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

    pub(super) fn orphan_children_of(&mut self, pid: Pid) {
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

    pub(in crate::shell) fn signal_group(&mut self, group: Pid, signal: Signal) {
        let members: Vec<Pid> =
            self.processes.iter().filter(|(_, process)| process.group == group).map(|(pid, _)| *pid).collect();
        for pid in members {
            self.signal(pid, signal, true);
        }
    }

    /// Delivers a signal; `outside` says that it does not come from a process of this machine.
    pub(in crate::shell) fn signal(&mut self, pid: Pid, signal: Signal, outside: bool) {
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
    pub(in crate::shell) fn reap(&mut self, pid: Pid) -> Option<ExitStatus> {
        match self.processes.get(&pid)?.state {
            State::Zombie(status) => {
                self.processes.remove(&pid);
                Some(status)
            }
            _ => None,
        }
    }
}
