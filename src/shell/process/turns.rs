//! Whose turn it is: processes that can go on are stepped one after another, until nothing moves.

use super::{Core, ExitStatus, Process, State};
use crate::shell::kernel::Kernel;
use crate::shell::program::{Host, Pid, Step, Wait};
use crate::sim::Time;

impl Core {
    pub(in crate::shell) fn stream_turn(&mut self) {
        for process in self.processes.values_mut() {
            if matches!(&process.state, State::Waiting(wait) if wait.streams) {
                process.state = State::Ready;
            }
        }
    }

    pub(in crate::shell) fn waits_for_streams(&self) -> bool {
        self.processes.values().any(|process| matches!(&process.state, State::Waiting(wait) if wait.streams))
    }

    pub(in crate::shell) fn next_wake(&self) -> Option<Time> {
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

    pub(super) fn is_met(&self, process: &Process, wait: &Wait) -> bool {
        wait.until.is_some_and(|until| until <= self.now)
            || wait.readable.is_some_and(|fd| self.can_read(process, fd))
            || wait.writable.is_some_and(|fd| self.can_write(process, fd))
            || wait.child.is_some_and(|child| {
                self.processes.get(&child).is_none_or(|child| matches!(child.state, State::Zombie(_)))
            })
    }

    /// Gives every process that can run one turn; whether any had one.
    pub(in crate::shell) fn step_all(&mut self, host: &mut dyn Host, limit: u64) -> bool {
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

    pub(super) fn turn(&mut self, pid: Pid, host: &mut dyn Host, limit: u64) {
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
}
