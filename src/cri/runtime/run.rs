//! Time goes on: containers that are due are run, and their ends collected.

use std::sync::Arc;
use std::time::Duration;

use super::neighbours::Neighbours;
use super::{ContainerExit, ExecId, NODE_MEMORY, Runtime, TERMINATION_LOG};
use crate::cri::container::ContainerState;
use crate::cri::ids::ContainerId;
use crate::shell::machine::{Machine, SLICE};
use crate::shell::process::ExitStatus;
use crate::shell::program::{Host, Signal};
use crate::sim::Time;

impl Runtime {
    pub(super) fn schedule(&mut self, id: ContainerId, wake: Option<Time>) {
        let Some(container) = self.containers.get_mut(&id).map(Arc::make_mut) else { return };
        let wake = match (wake, container.kill_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let old = std::mem::replace(&mut container.wake, wake);
        if let Some(old) = old {
            self.due.remove(&(old, id));
        }
        if let Some(wake) = wake {
            self.due.insert((wake, id));
        }
    }

    /// When `run` has something to do next, apart from streams.
    pub fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(time, _)| *time)
    }

    /// Runs every container that is due at `now`. Gives the next instant to come back at.
    pub fn run(&mut self, now: Time, host: &mut dyn Host) -> Option<Time> {
        for id in self.streaming.iter().copied().collect::<Vec<_>>() {
            self.run_container(id, now, host);
        }
        // Each container runs once an instant; what it wakes in another runs at the same instant, but after.
        let mut rounds = 0;
        while let Some((time, id)) = self.due.first().copied() {
            if time > now || rounds > 100_000 {
                break;
            }
            rounds += 1;
            self.run_container(id, now, host);
        }
        self.next_due()
    }

    pub(super) fn run_container(&mut self, id: ContainerId, now: Time, host: &mut dyn Host) {
        let Some(container) = self.container_mut(id) else { return };
        let Some(mut machine) = container.machine.take() else {
            container.kill_at = None;
            self.schedule(id, None);
            return;
        };
        let (config, init) = (container.config.clone(), container.init);
        let kill = container.kill_at.is_some_and(|at| at <= now);
        if kill {
            container.kill_at = None;
            machine.signal(init, Signal::Kill);
        }
        self.lend(&mut machine, &config);
        let outcome = machine.run(now, &mut Neighbours { runtime: self, container: id, host, now }, SLICE);
        self.lend(&mut machine, &config);
        let limit = config.memory_limit.unwrap_or(NODE_MEMORY);
        let out_of_memory = outcome.steps > 0
            && machine.memory() > limit
            && (machine.exit_status(init).is_none() || machine.memory() == u64::MAX);
        if out_of_memory {
            machine.signal(init, Signal::Kill);
        }
        self.collect(id, &mut machine);
        if outcome.streams {
            self.streaming.insert(id);
        } else {
            self.streaming.remove(&id);
        }
        let ended = machine.exit_status(init);
        if let Some(container) = self.container_mut(id) {
            container.machine = Some(machine);
            container.steps += outcome.steps;
        }
        match ended {
            Some(status) => self.end_container(id, status, out_of_memory, now),
            None => {
                // A machine that is ready at this very instant has used its slice or was given input: it comes
                // back a step of time later at the earliest, so that no instant lasts for ever.
                let next = outcome.next.map(|next| if next <= now { now + Duration::from_micros(100) } else { next });
                self.schedule(id, next);
            }
        }
    }

    pub(super) fn collect(&mut self, id: ContainerId, machine: &mut Machine) {
        let Some(container) = self.containers.get_mut(&id).map(Arc::make_mut) else { return };
        let chunks = match container.terminal {
            Some(tty) => machine.take_terminal_output(tty),
            None => machine.take_output(container.init),
        };
        for chunk in &chunks {
            container.log.append(chunk);
        }
        container.execs.retain(|(number, pid)| {
            let Some(exec) = self.execs.get_mut(&ExecId(*number)) else {
                return machine.exit_status(*pid).is_none();
            };
            let chunks = match exec.tty {
                Some(tty) => machine.take_terminal_output(tty),
                None => machine.take_output(*pid),
            };
            exec.output.extend(chunks);
            exec.exit = machine.exit_status(*pid).map(ExitStatus::code);
            if exec.exit.is_some() {
                machine.forget(*pid);
                self.ended_execs.push(ExecId(*number));
            }
            exec.exit.is_none()
        });
    }

    pub(super) fn end_container(&mut self, id: ContainerId, status: ExitStatus, out_of_memory: bool, now: Time) {
        let Some(container) = self.container_mut(id) else { return };
        let machine = container.machine.take();
        let path = &container.config.termination_log;
        let left = machine.and_then(|machine| machine.vfs().read_file("/", path).ok());
        let left = left.map(|left| String::from_utf8_lossy(left.get(..TERMINATION_LOG).unwrap_or(&left)).into_owned());
        let mut message = left.unwrap_or_default();
        if message.is_empty() && container.config.log_is_message && status.code() != 0 {
            message = container.log.last_words();
        }
        container.status.termination_log = message;
        container.kill_at = None;
        let execs = std::mem::take(&mut container.execs);
        let report = &mut container.status;
        report.state = ContainerState::Exited;
        report.exit_code = if out_of_memory { ExitStatus::Signal(Signal::Kill).code() } else { status.code() };
        report.finished_at = Some(now);
        report.reason = match (out_of_memory, status.code()) {
            (true, _) => "OOMKilled",
            (false, 0) => "Completed",
            (false, _) => "Error",
        };
        let exit = ContainerExit { container: id, status: report.clone() };
        for (number, _) in execs {
            if let Some(exec) = self.execs.get_mut(&ExecId(number)) {
                exec.exit = Some(137);
                self.ended_execs.push(ExecId(number));
            }
        }
        self.streaming.remove(&id);
        self.schedule(id, None);
        self.exits.push_back(exit);
    }

    /// Containers that ended since the last call, in order.
    pub fn take_exits(&mut self) -> Vec<ContainerExit> {
        self.exits.drain(..).collect()
    }
}
