//! kubectl as a program: finds the command, parses its flags, runs it, and waits with it. Knows no command by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::cmd::plugin;
use super::complete::protocol;
use super::config::{self, Config};
use super::discovery::{self, Discovery};
use super::failure::Failure;
use super::flags::{Flags, parse};
use super::kuberc;
use super::output::Output;
use super::profile;
use super::tree::{self, Command, Found};
use crate::shell::program::{Program, Read, Step, System, Wait};
use crate::text::http::{Request, Response};

/// What one call of kubectl has learnt so far.
#[derive(Clone, Debug)]
pub struct Session {
    /// Flags and arguments.
    pub flags: Flags,
    /// The command of the overview that runs, or that the one that runs stands below.
    pub command: &'static Command,
    /// The command's path, such as `kubectl create job`.
    pub path: String,
    /// All of standard input, for commands that read it.
    pub stdin: Vec<u8>,
    /// Warnings already printed.
    pub warned: BTreeSet<String>,
    /// Whether a request has been answered already.
    pub connected: bool,
    config: Option<Config>,
    discovery: Option<Arc<Discovery>>,
}

impl Default for Session {
    fn default() -> Self {
        Session {
            flags: Flags::default(),
            command: &tree::ROOT,
            path: String::new(),
            stdin: Vec::new(),
            warned: BTreeSet::new(),
            connected: false,
            config: None,
            discovery: None,
        }
    }
}

/// What a command works with.
pub struct Context<'a> {
    /// The machine.
    pub system: &'a mut dyn System,
    /// What this call has learnt.
    pub session: &'a mut Session,
    /// What has been printed.
    pub out: &'a mut Output,
}

/// What a command does next.
#[derive(Debug)]
pub enum Next {
    /// The end.
    Exit(i32),
    /// It goes on as a task that waits.
    Task(Box<dyn Task>),
}

/// What running a command gave.
pub type Outcome = Result<Next, Failure>;

/// The ordinary end.
pub const DONE: Outcome = Ok(Next::Exit(0));

/// The end of a command that did several things: with all that went wrong, if anything did.
///
/// # Errors
/// The failures, when there are any.
pub fn ended(failures: Vec<Failure>) -> Outcome {
    if failures.is_empty() { DONE } else { Err(Failure::Many(failures)) }
}

/// What a waiting task says.
#[derive(Debug)]
pub enum Progress {
    /// Wake me when one of these has happened.
    Wait(Wait),
    /// Go on at once (with another task, or this one's end).
    Next(Next),
}

/// The part of a command that waits: a watch, a followed log, the end of a deletion. A plain value that can be copied.
pub trait Task: Send + Sync {
    /// Goes on until it has to wait again or ends.
    ///
    /// # Errors
    /// What ends the command.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure>;
    /// A copy.
    fn clone_task(&self) -> Box<dyn Task>;
    /// Answers a request that came to a port it listens on.
    fn serve(&mut self, _cx: &mut Context<'_>, _port: u16, _request: &Request) -> Option<Response> {
        None
    }
}

/// Its name alone: the state of all of them would be shipped with the page.
impl std::fmt::Debug for dyn Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

impl Clone for Box<dyn Task> {
    fn clone(&self) -> Self {
        self.clone_task()
    }
}

impl Context<'_> {
    /// Where requests go.
    ///
    /// # Errors
    /// A kubeconfig file that cannot be used.
    pub fn config(&mut self) -> Result<&Config, Failure> {
        let config = match self.session.config.take() {
            Some(config) => config,
            None => {
                let config = config::load(self.system, &self.session.flags)?;
                check_timeout(self.session.flags.text("request-timeout"))?;
                self.tell_files(&config.read_from, &config.missing);
                self.tell_gates();
                self.session.config = Some(config.clone());
                if self.session.flags.on("match-server-version") {
                    self.check_version()?;
                }
                config
            }
        };
        Ok(self.session.config.insert(config))
    }

    /// The namespace to work in.
    ///
    /// # Errors
    /// As [`Context::config`].
    pub fn namespace(&mut self) -> Result<String, Failure> {
        self.config().map(|config| config.namespace.clone())
    }

    /// What the server has; asked for once.
    ///
    /// # Errors
    /// A server that cannot be reached.
    pub fn discovery(&mut self) -> Result<Arc<Discovery>, Failure> {
        self.discover(self.session.command.asks)
    }

    /// As [`Context::discovery`]; a server that is not there is told of so many times.
    ///
    /// # Errors
    /// A server that cannot be reached.
    pub fn discover(&mut self, asks: usize) -> Result<Arc<Discovery>, Failure> {
        if let Some(known) = &self.session.discovery {
            return Ok(Arc::clone(known));
        }
        let found = discovery::discover(self).inspect_err(|failure| self.tell_absent(failure, asks))?;
        Ok(Arc::clone(self.session.discovery.insert(Arc::new(found))))
    }

    /// How long one request may last; `None` for ever.
    pub fn request_timeout(&self) -> Option<std::time::Duration> {
        let text = self.session.flags.text("request-timeout");
        let nanoseconds = match text.parse::<i64>() {
            Ok(seconds) => seconds.saturating_mul(1_000_000_000),
            Err(_) => crate::text::duration::parse_go_duration(text).unwrap_or(0),
        };
        u64::try_from(nanoseconds).ok().filter(|span| *span > 0).map(std::time::Duration::from_nanos)
    }

    /// `kubectl get`, for messages.
    pub fn path(&self) -> String {
        self.session.path.clone()
    }

    /// A mistake in the call.
    pub fn usage(&self, text: impl AsRef<str>) -> Failure {
        Failure::usage(&self.session.path, text)
    }
}

fn check_timeout(text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        return Ok(());
    }
    if text.parse::<i64>().is_ok_and(|seconds| seconds >= 0) || crate::text::duration::parse_go_duration(text).is_ok() {
        return Ok(());
    }
    Err(Failure::msg(
        "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)",
    ))
}

#[derive(Clone, Debug)]
enum State {
    Start,
    Stdin(&'static Command),
    Ready(&'static Command),
    Waiting(Box<dyn Task>),
    Ending(i32),
}

/// A running kubectl.
#[derive(Clone, Debug)]
pub struct Kubectl {
    args: Vec<String>,
    session: Session,
    output: Output,
    state: State,
}

impl Kubectl {
    /// kubectl with these arguments (without its own name).
    pub fn new(args: &[String]) -> Self {
        Self { args: args.to_vec(), session: Session::default(), output: Output::default(), state: State::Start }
    }

    fn advance(&mut self, system: &mut dyn System) -> Option<Step> {
        match std::mem::replace(&mut self.state, State::Ending(1)) {
            State::Start => {
                self.state = self.start(system);
                None
            }
            State::Stdin(command) => self.read_stdin(system, command),
            State::Ready(command) => {
                let mut cx = Context { system, session: &mut self.session, out: &mut self.output };
                let outcome = match command.run {
                    Some(run) => run(&mut cx),
                    None => DONE,
                };
                self.state = self.settle(system, outcome);
                None
            }
            State::Waiting(mut task) => {
                let mut cx = Context { system, session: &mut self.session, out: &mut self.output };
                match task.step(&mut cx) {
                    Ok(Progress::Wait(wait)) => {
                        self.state = State::Waiting(task);
                        return Some(Step::Wait(wait));
                    }
                    Ok(Progress::Next(next)) => self.state = self.settle(system, Ok(next)),
                    Err(failure) => self.state = self.settle(system, Err(failure)),
                }
                None
            }
            State::Ending(code) => {
                self.state = State::Ending(code);
                Some(Step::Exit(code))
            }
        }
    }

    fn settle(&mut self, system: &mut dyn System, outcome: Outcome) -> State {
        match outcome {
            Ok(Next::Exit(code)) => {
                if let Err(failure) = profile::end(system, &self.session.flags) {
                    return self.settle(system, Err(failure));
                }
                State::Ending(code)
            }
            Ok(Next::Task(task)) => State::Waiting(task),
            Err(failure) => {
                Context { system, session: &mut self.session, out: &mut self.output }.tell_failure(&failure);
                let (words, code) = failure.report();
                self.output.out(failure.printed());
                self.output.err(&words);
                State::Ending(code)
            }
        }
    }

    fn start(&mut self, system: &mut dyn System) -> State {
        if let Some((_, words)) =
            self.args.split_first().filter(|(first, _)| matches!(first.as_str(), "__complete" | "__completeNoDesc"))
        {
            let words = words.to_vec();
            let mut cx = Context { system, session: &mut self.session, out: &mut self.output };
            let outcome = protocol::run(&mut cx, &words);
            return self.settle(system, outcome);
        }
        let preferred = match kuberc::find(system, &self.args, &mut self.output) {
            Ok(preferred) => preferred,
            Err(why) => {
                let text = format!("error occurred while applying preferences {why}");
                return self.settle(system, Err(Failure::Exit(1, text)));
            }
        };
        let there = |found: Found| match found.top.unless.and_then(|name| system.env(name)) {
            Some(value) if value == "false" => Err(tree::unknown(found.top.name)),
            _ => Ok(found),
        };
        let found = match preferred.map_or_else(|| tree::find(&self.args), Ok).and_then(there) {
            Ok(found) => found,
            Err(failure) => {
                let before = self.args.first().filter(|first| first.starts_with('-'));
                let Some(argv) = plugin::named(system, &self.args).filter(|_| before.is_none()) else {
                    let failure = match before {
                        Some(flag) => {
                            Failure::Exit(1, format!("Error: flags cannot be placed before plugin name: {flag}"))
                        }
                        None => failure,
                    };
                    return self.settle(system, Err(failure));
                };
                let mut cx = Context { system, session: &mut self.session, out: &mut self.output };
                let outcome = plugin::run(&mut cx, &argv);
                return self.settle(system, outcome);
            }
        };
        self.session.path = found.path.clone();
        self.session.command = found.top;
        let mut known = found.command.all_flags();
        let open = |gate: &str| system.env(gate).as_deref() == Some("true");
        known.extend(found.command.gated.iter().filter(|(gate, _)| open(gate)).map(|(_, flag)| *flag));
        let flags = match parse(&found.words, known) {
            Ok(flags) => flags,
            Err(None) => {
                self.output.out(&super::help::asked(system, &found));
                return State::Ending(0);
            }
            Err(Some(why)) => {
                let failure = if found.command.exits_with_two {
                    Failure::Exit(2, Failure::usage(&found.path, why).report().0)
                } else {
                    Failure::Message(format!("{why}\nSee '{} --help' for usage.", found.path))
                };
                return self.settle(system, Err(failure));
            }
        };
        for flag in flags.known().iter().filter(|flag| flags.changed(flag.name)) {
            if let Some(hint) = flag.deprecated {
                self.output.err_line(&format!("Flag --{} has been deprecated, {hint}", flag.name));
            }
        }
        let mut missing: Vec<String> = flags
            .known()
            .iter()
            .filter(|flag| flag.required && !flags.changed(flag.name))
            .map(|flag| format!("\"{}\"", flag.name))
            .collect();
        missing.sort();
        let dash = |words: &[String]| words.iter().any(|word| word == "-");
        let wants_stdin = dash(&flags.list("filename")) || (found.path == "kubectl set env" && dash(&flags.args));
        self.session.flags = flags;
        if !missing.is_empty() {
            return self.settle(system, Err(Failure::msg(format!("required flag(s) {} not set", missing.join(", ")))));
        }
        if let Err(failure) = profile::begin(system, &self.session.flags) {
            return self.settle(system, Err(failure));
        }
        if wants_stdin { State::Stdin(found.command) } else { State::Ready(found.command) }
    }

    fn read_stdin(&mut self, system: &mut dyn System, command: &'static Command) -> Option<Step> {
        loop {
            match system.read(0, 64 * 1024) {
                Ok(Read::Data(bytes)) => self.session.stdin.extend(bytes),
                Ok(Read::WouldBlock) => {
                    self.state = State::Stdin(command);
                    return Some(Step::Wait(Wait { readable: Some(0), ..Wait::default() }));
                }
                Ok(Read::Eof) | Err(_) => break,
            }
        }
        self.state = State::Ready(command);
        None
    }
}

impl Program for Kubectl {
    fn resume(&mut self, system: &mut dyn System) -> Step {
        loop {
            if let Some(fd) = self.output.flush(system) {
                return Step::Wait(Wait { writable: Some(fd), ..Wait::default() });
            }
            if self.output.broken && !matches!(self.state, State::Ending(_)) {
                return Step::Exit(1);
            }
            let Some(step) = self.advance(system) else { continue };
            // What was printed just now goes out before anybody waits; a full pipe is waited for first.
            if let Some(fd) = self.output.flush(system) {
                return Step::Wait(Wait { writable: Some(fd), ..Wait::default() });
            }
            return step;
        }
    }

    fn clone_box(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }

    fn serve(&mut self, request: &Request, system: &mut dyn System) -> Option<Response> {
        let State::Waiting(task) = &mut self.state else { return None };
        let host = request.header("host").unwrap_or_default();
        let port = host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80);
        let mut cx = Context { system, session: &mut self.session, out: &mut self.output };
        let answer = task.serve(&mut cx, port, request);
        self.output.flush(system);
        answer
    }
}
