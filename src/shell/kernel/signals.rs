//! Signals and groups of processes.

use super::Kernel;
use crate::shell::process::{Disposition, Process, State};
use crate::shell::program::{Errno, Pid, Signal};

impl<'a> Kernel<'a> {
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

    /// Whether this process has been ended by a signal that it sent to itself: its task must come back at once.
    pub fn is_dead(&self) -> bool {
        self.process().is_none_or(|process| matches!(process.state, State::Zombie(_)))
    }
}
