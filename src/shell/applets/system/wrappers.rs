//! Programs that run another: `env`, `timeout`, `nohup`, `nice`, `sudo`, `time`, `watch`.

use std::sync::Arc;
use std::time::Duration;

use super::date::strftime;
use super::sleep::duration;
use crate::shell::applets::options::{Bad, message, parse_until};
use crate::shell::builtins;
use crate::shell::kernel::Kernel;
use crate::shell::process::Flavour;
use crate::shell::program::{Errno, Pid, Signal, Step, System, Wait};
use crate::shell::task::Task;
use crate::sim::Time;

/// Commands that run a command: env, timeout, nohup, nice, time, setsid, sudo, watch.
#[derive(Clone, Debug)]
pub(super) struct Wrapper {
    name: &'static str,
    args: Vec<String>,
    state: WrapperState,
}

impl Wrapper {
    fn cannot(&self, kernel: &mut Kernel, command: &str, errno: Errno) -> Step {
        let text = match (kernel.flavour(), self.name) {
            (Flavour::Gnu, "env") => format!("env: ‘{command}’: {}\n", errno.message()),
            (Flavour::Gnu, name @ "timeout") => {
                format!("{name}: failed to run command ‘{command}’: {}\n", errno.message())
            }
            (Flavour::Gnu, "sudo") => format!("sudo: {command}: command not found\n"),
            (_, name) => format!("{name}: can't execute '{command}': {}\n", errno.message()),
        };
        let _ = kernel.write(2, text.as_bytes());
        Step::Exit(if errno == Errno::Enoent { 127 } else { 126 })
    }

    fn refuse(&self, kernel: &mut Kernel, text: &str, code: i32) -> Step {
        let _ = kernel.write(2, text.as_bytes());
        Step::Exit(code)
    }

    fn start(&mut self, kernel: &mut Kernel) -> Step {
        match self.name {
            "env" => self.start_env(kernel),
            "timeout" => self.start_timeout(kernel),
            "watch" => self.start_watch(kernel),
            "time" => {
                let command = self.args.get(1..).unwrap_or_default().to_vec();
                self.child(kernel, &command, None, Signal::Term)
            }
            _ => {
                let command: Vec<String> = self
                    .args
                    .iter()
                    .skip(1)
                    .skip_while(|word| word.starts_with('-') || (self.name == "nice" && word.parse::<i32>().is_ok()))
                    .cloned()
                    .collect();
                if command.is_empty() {
                    return self.refuse(kernel, &format!("{}: missing operand\n", self.name), 125);
                }
                let name = command.first().cloned().unwrap_or_default();
                if self.name == "nohup" {
                    kernel.set_disposition(Signal::Hup, Some(crate::shell::process::Disposition::Ignore));
                }
                let env = kernel.env_map();
                kernel.exec_command(&command, env).unwrap_or_else(|errno| self.cannot(kernel, &name, errno))
            }
        }
    }

    fn start_env(&mut self, kernel: &mut Kernel) -> Step {
        let mut env = kernel.env_map().as_ref().clone();
        let mut words = self.args.iter().skip(1).peekable();
        while let Some(word) = words.peek() {
            match word.as_str() {
                "-i" | "-" | "--ignore-environment" => env.clear(),
                "-u" => {
                    words.next();
                    if let Some(name) = words.peek() {
                        env.remove(*name);
                    }
                }
                "--" => {}
                word => match word.split_once('=') {
                    Some((name, value)) => drop(env.insert(name.to_owned(), value.to_owned())),
                    None => break,
                },
            }
            words.next();
        }
        let command: Vec<String> = words.cloned().collect();
        let Some(name) = command.first().cloned() else {
            let text: String = env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
            let _ = kernel.write(1, text.as_bytes());
            return Step::Exit(0);
        };
        kernel.exec_command(&command, Arc::new(env)).unwrap_or_else(|errno| self.cannot(kernel, &name, errno))
    }

    fn start_timeout(&mut self, kernel: &mut Kernel) -> Step {
        let options = match parse_until(&self.args, "v", "sk", true) {
            Ok(options) => options,
            Err(Bad(what)) => {
                let text = message("timeout", &what, kernel.flavour());
                return self.refuse(kernel, &text, 125);
            }
        };
        let signal = options.value('s').and_then(builtins::trap::signal).unwrap_or(Signal::Term);
        let [limit, command @ ..] = options.words.as_slice() else {
            return self.refuse(kernel, "timeout: missing operand\nTry 'timeout --help' for more information.\n", 125);
        };
        let Some(lasts) = duration(limit) else {
            let text = if kernel.flavour() == Flavour::Gnu {
                format!("timeout: invalid time interval ‘{limit}’\nTry 'timeout --help' for more information.\n")
            } else {
                format!("timeout: invalid number '{limit}'\n")
            };
            return self.refuse(kernel, &text, if kernel.flavour() == Flavour::Gnu { 125 } else { 1 });
        };
        if command.is_empty() {
            return self.refuse(kernel, "timeout: missing operand\nTry 'timeout --help' for more information.\n", 125);
        }
        let until = (lasts > Duration::ZERO).then(|| kernel.now() + lasts);
        let command = command.to_vec();
        self.child(kernel, &command, until, signal)
    }

    fn start_watch(&mut self, kernel: &mut Kernel) -> Step {
        let options = match parse_until(&self.args, "tdcegpx", "n", true) {
            Ok(options) => options,
            Err(Bad(what)) => {
                let text = message("watch", &what, kernel.flavour());
                return self.refuse(kernel, &text, 1);
            }
        };
        if options.words.is_empty() {
            return self.refuse(kernel, "watch: no command given\n", 1);
        }
        let every = options.value('n').unwrap_or("2").to_owned();
        let line = options.words.join(" ");
        let title = format!(
            "Every {:.1}s: {line}   {}\n\n",
            duration(&every).unwrap_or_default().as_secs_f64(),
            strftime("%a %b %e %H:%M:%S %Y", kernel.now()).unwrap_or_default()
        );
        let _ = kernel.write(1, format!("\x1b[H\x1b[2J{title}").as_bytes());
        self.child(kernel, &["sh".to_owned(), "-c".to_owned(), line], None, Signal::Term)
    }

    fn child(&mut self, kernel: &mut Kernel, command: &[String], until: Option<Time>, signal: Signal) -> Step {
        let env = kernel.env_map();
        match kernel.spawn_command(command, env) {
            Ok(pid) => {
                if self.name == "timeout" {
                    kernel.set_disposition(Signal::Term, Some(crate::shell::process::Disposition::Catch));
                }
                self.state = WrapperState::Child { pid, until, signal, killed: false, started: kernel.now() };
                Step::Wait(Wait { until, child: Some(pid), ..Wait::default() })
            }
            Err(errno) => {
                let name = command.first().cloned().unwrap_or_default();
                self.cannot(kernel, &name, errno)
            }
        }
    }
}

impl Task for Wrapper {
    fn resume(&mut self, kernel: &mut Kernel) -> Step {
        match self.state.clone() {
            WrapperState::Start => self.start(kernel),
            WrapperState::Pause { until } if kernel.now() < until => {
                Step::Wait(Wait { until: Some(until), ..Wait::default() })
            }
            WrapperState::Pause { .. } => self.start(kernel),
            WrapperState::Child { pid, until, signal, killed, started } => {
                if kernel.next_signal().is_some() {
                    let _ = kernel.kill(i64::from(pid), Some(signal));
                }
                if let Some(status) = kernel.reap(pid) {
                    if self.name == "watch" {
                        let every = parse_until(&self.args, "tdcegpx", "n", true)
                            .ok()
                            .and_then(|options| duration(options.value('n').unwrap_or("2")));
                        let until =
                            kernel.now() + every.unwrap_or(Duration::from_secs(2)).max(Duration::from_millis(100));
                        self.state = WrapperState::Pause { until };
                        return Step::Wait(Wait { until: Some(until), ..Wait::default() });
                    }
                    if self.name == "time" {
                        let took = kernel.now().since(started).as_secs_f64();
                        let minutes = (took / 60.0).floor();
                        let text =
                            format!("real\t{minutes}m {:.2}s\nuser\t0m 0.00s\nsys\t0m 0.00s\n", took - minutes * 60.0);
                        let _ = kernel.write(2, text.as_bytes());
                    }
                    // busybox's timeout gives the status of the command as the signal left it.
                    let expired = if kernel.flavour() == Flavour::Busybox { 143 } else { 124 };
                    return Step::Exit(if killed { expired } else { status.code() });
                }
                if !killed && until.is_some_and(|until| until <= kernel.now()) {
                    let _ = kernel.kill(i64::from(pid), Some(signal));
                    self.state = WrapperState::Child { pid, until: None, signal, killed: true, started };
                    return Step::Wait(Wait { child: Some(pid), ..Wait::default() });
                }
                Step::Wait(Wait { until, child: Some(pid), ..Wait::default() })
            }
        }
    }
    fn clone_box(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

#[derive(Clone, Debug)]
pub(super) enum WrapperState {
    Start,
    Child { pid: Pid, until: Option<Time>, signal: Signal, killed: bool, started: Time },
    Pause { until: Time },
}

pub(super) fn wrapper(name: &'static str, args: &[String]) -> Box<dyn Task> {
    Box::new(Wrapper { name, args: args.to_vec(), state: WrapperState::Start })
}

pub fn env(args: &[String]) -> Box<dyn Task> {
    wrapper("env", args)
}

pub fn timeout(args: &[String]) -> Box<dyn Task> {
    wrapper("timeout", args)
}

pub fn nohup(args: &[String]) -> Box<dyn Task> {
    wrapper("nohup", args)
}

pub fn nice(args: &[String]) -> Box<dyn Task> {
    wrapper("nice", args)
}

pub fn sudo(args: &[String]) -> Box<dyn Task> {
    wrapper("sudo", args)
}

pub fn time(args: &[String]) -> Box<dyn Task> {
    wrapper("time", args)
}

pub fn watch(args: &[String]) -> Box<dyn Task> {
    wrapper("watch", args)
}
