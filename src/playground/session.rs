//! A playground without a terminal: lines run one after the other, each to its end, as `bash -c` would. For
//! `tabernetes drive`, `tabernetes lesson check` and tests. Moves time only when told to or when a command waits.

#[cfg(not(target_arch = "wasm32"))]
mod login;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use regex_lite::Regex;

use super::Config;
use super::lab::Lab;
use super::machine::{HOME, caller};
use crate::apimachinery::facts::Prose;
use crate::cluster::PresentImages;
use crate::lesson::{self, Item, Objects, Trial};
use crate::shell::machine::{SpawnOptions, StartError, Stdio, Stream};
use crate::shell::program::{Pid, Signal};
use crate::sim::Time;
#[cfg(not(target_arch = "wasm32"))]
pub use login::Login;

/// After so much virtual time a command that has not ended is interrupted.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// What the manifests of a lesson bring about has so long before the learner comes.
const SETTLING: Duration = Duration::from_secs(5);
/// How often `until` tries.
const INTERVAL: Duration = Duration::from_millis(300);
/// After a signal a command has so long to end before it is killed.
const FAREWELL: Duration = Duration::from_secs(5);
/// Pieces of work that one operation may take; far more than a thousand Pods need.
const BUDGET: u64 = 20_000_000;

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
    /// Both, in the order in which a terminal shows them.
    pub printed: String,
    /// Its exit code.
    pub exit: i32,
    /// When it ended.
    pub time: Duration,
}

/// A line that a background command printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Since the start of the command.
    pub time: Duration,
    /// Where it went.
    pub stream: Stream,
    /// The line with its end.
    pub text: String,
}

/// A machine and a cluster, and what runs in the background.
#[derive(Clone, Debug)]
pub struct Session {
    lab: Lab,
    start: Time,
    background: BTreeMap<String, (Pid, Time)>,
}

impl Session {
    /// A fresh playground of that seed, on nodes that have every image, as a practice machine that is used daily.
    pub fn new(seed: u64) -> Self {
        Self::with_config(&Config { seed, present_images: PresentImages::All, ..Config::default() })
    }

    /// A fresh playground: the cluster has come up, the manifests are applied, the files lie in the home directory.
    pub fn with_config(config: &Config) -> Self {
        Self::furnished(config).0
    }

    /// The same, and what went wrong with the manifests and files, if something did.
    pub fn furnished(config: &Config) -> (Self, Option<String>) {
        let mut session = Self::of(Lab::new(config));
        let mut trouble = None;
        for (name, content) in &config.manifests {
            let path = format!("/tmp/{}", name.replace(['/', '\''], "-"));
            let applied = session.write(&path, content).and_then(|()| {
                let outcome = session.run(&format!("kubectl apply -f '{path}'"));
                if outcome.exit == 0 { Ok(()) } else { Err(outcome.stderr) }
            });
            session.run(&format!("rm -f '{path}'"));
            if let Err(why) = applied {
                trouble.get_or_insert(format!("the manifest {name} cannot be applied: {}", why.trim_end()));
            }
        }
        for (name, content) in &config.files {
            if let Err(why) = session.write(name, content) {
                trouble.get_or_insert(format!("the file {name} cannot be written: {why}"));
            }
        }
        if !(config.manifests.is_empty() && config.setup.is_empty()) {
            session.advance(SETTLING);
        }
        for line in &config.setup {
            let outcome = session.run(line);
            if outcome.exit != 0 {
                let why = outcome.stderr.trim_end();
                trouble
                    .get_or_insert(format!("`setup` has `{line}`, which ends with exit code {}: {why}", outcome.exit));
            }
        }
        session.advance(config.settle);
        session.start = session.lab.now();
        (session, trouble)
    }

    /// A session on this machine and cluster.
    pub fn of(lab: Lab) -> Self {
        Self { start: lab.now(), lab, background: BTreeMap::new() }
    }

    /// The playground, when the session is over.
    pub fn into_lab(self) -> Lab {
        self.lab
    }

    /// The playground.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Brings the texts of `kubectl explain`.
    pub fn set_prose(&mut self, prose: Arc<Prose>) {
        self.lab.cluster.set_prose(prose);
    }

    /// The time since the session began.
    pub fn time(&self) -> Duration {
        self.lab.now().since(self.start)
    }

    /// Writes a file; a relative path begins at the home directory.
    ///
    /// # Errors
    /// The errno's words.
    pub fn write(&mut self, path: &str, content: &str) -> Result<(), String> {
        let learner = crate::shell::vfs::Caller { now: self.lab.now(), ..caller() };
        let vfs = self.lab.machine.vfs_mut();
        if let Some((dir, _)) = path.rsplit_once('/').filter(|(dir, _)| !dir.is_empty()) {
            vfs.make_dir(HOME, dir, true, learner).map_err(|errno| errno.message().to_owned())?;
        }
        vfs.write_file(HOME, path, content.as_bytes(), learner).map_err(|errno| errno.message().to_owned())
    }

    /// Runs a line to its end, or until it is interrupted after [`PATIENCE`].
    pub fn run(&mut self, line: &str) -> Outcome {
        self.run_for(line, PATIENCE)
    }

    /// Runs a line to its end, or until it is interrupted after `patience`.
    pub fn run_for(&mut self, line: &str, patience: Duration) -> Outcome {
        let pid = match self.spawn(line) {
            Ok(pid) => pid,
            Err(words) => {
                return Outcome {
                    printed: words.clone(),
                    stderr: words,
                    exit: 127,
                    time: self.time(),
                    ..Outcome::default()
                };
            }
        };
        if !self.wait(pid, patience) {
            self.end(pid);
        }
        let (mut stdout, mut stderr, mut printed) = (Vec::new(), Vec::new(), Vec::new());
        for chunk in self.lab.machine.take_output(pid) {
            printed.extend_from_slice(&chunk.bytes);
            match chunk.stream {
                Stream::Stdout => stdout.extend(chunk.bytes),
                Stream::Stderr => stderr.extend(chunk.bytes),
            }
        }
        let exit = self.lab.machine.exit_status(pid).map_or(137, |status| status.code());
        self.lab.machine.forget(pid);
        Outcome { stdout: text(&stdout), stderr: text(&stderr), printed: text(&printed), exit, time: self.time() }
    }

    /// Starts a line in the background.
    ///
    /// # Errors
    /// Why it cannot be started, or that the name is taken.
    pub fn start(&mut self, id: &str, line: &str) -> Result<(), String> {
        if self.background.contains_key(id) {
            return Err(format!("`{id}` runs already"));
        }
        let pid = self.spawn(line)?;
        self.background.insert(id.to_owned(), (pid, self.lab.now()));
        self.lab.settle(BUDGET);
        Ok(())
    }

    /// Interrupts a background command (SIGINT) and gives what it printed and its exit code.
    ///
    /// # Errors
    /// That nothing of that name was started.
    pub fn stop(&mut self, id: &str) -> Result<(Vec<Line>, i32), String> {
        let (pid, started) = self.background.remove(id).ok_or_else(|| format!("nothing was started as `{id}`"))?;
        self.lab.settle(BUDGET);
        if self.lab.machine.exit_status(pid).is_none() {
            self.end(pid);
        }
        let mut lines = Vec::new();
        let mut partial: BTreeMap<Stream, Vec<u8>> = BTreeMap::new();
        let mut last = started;
        for chunk in self.lab.machine.take_output(pid) {
            last = chunk.time;
            let held = partial.entry(chunk.stream).or_default();
            for byte in chunk.bytes {
                held.push(byte);
                if byte == b'\n' {
                    let (time, stream) = (chunk.time.since(started), chunk.stream);
                    lines.push(Line { time, stream, text: text(&std::mem::take(held)) });
                }
            }
        }
        for (stream, held) in partial.into_iter().filter(|(_, held)| !held.is_empty()) {
            lines.push(Line { time: last.since(started), stream, text: text(&held) });
        }
        let exit = self.lab.machine.exit_status(pid).map_or(137, |status| status.code());
        self.lab.machine.forget(pid);
        Ok((lines, exit))
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.lab.advance_to(self.lab.now() + by, BUDGET);
    }

    /// Tries a line every 0.3 virtual seconds until what it prints matches.
    ///
    /// # Errors
    /// That the expression cannot be read.
    pub fn until(&mut self, line: &str, matches: &str, timeout: Duration) -> Result<bool, String> {
        let regex = Regex::new(matches).map_err(|error| format!("bad regular expression: {error}"))?;
        let deadline = self.lab.now() + timeout;
        loop {
            let outcome = self.run(line);
            if regex.is_match(&outcome.stdout) || regex.is_match(&outcome.stderr) {
                return Ok(true);
            }
            if self.lab.now() >= deadline {
                return Ok(false);
            }
            self.advance(INTERVAL);
        }
    }

    fn spawn(&mut self, line: &str) -> Result<Pid, String> {
        let argv = ["bash", "-c", line].map(str::to_owned);
        let started = self.lab.machine.spawn(&argv, Stdio::Capture { input: false }, SpawnOptions::default());
        self.lab.touch();
        started.map_err(|error| match error {
            StartError::NotInPath(name) => format!("bash: {name}: command not found\n"),
            StartError::CannotRun(name, errno) => format!("bash: {name}: {}\n", errno.message()),
            StartError::WorkingDirectory(path, errno) => format!("bash: {path}: {}\n", errno.message()),
            StartError::Limit => "bash: fork: Resource temporarily unavailable\n".to_owned(),
        })
    }

    /// Waits until the process has ended; false when `patience` ran out first.
    fn wait(&mut self, pid: Pid, patience: Duration) -> bool {
        self.go_on(patience, |lab| lab.machine.exit_status(pid).is_some())
    }

    /// Goes from event to event until it is so; false when `patience` ran out first.
    fn go_on(&mut self, patience: Duration, is_so: impl Fn(&Lab) -> bool) -> bool {
        let deadline = self.lab.now() + patience;
        loop {
            let moved = self.lab.settle(BUDGET);
            if is_so(&self.lab) {
                return true;
            }
            let next = self.lab.next_due().unwrap_or(deadline).min(deadline);
            if self.lab.now() >= deadline || moved.spinning.is_some() {
                return false;
            }
            self.lab.advance_to(next, BUDGET);
        }
    }

    /// Interrupts a process; kills it when that does not help.
    fn end(&mut self, pid: Pid) {
        for signal in [Signal::Int, Signal::Kill] {
            self.lab.machine.signal_group(pid, signal);
            self.lab.touch();
            if self.wait(pid, FAREWELL) {
                return;
            }
        }
    }
}

impl Objects for Session {
    fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Box<dyn Item>> {
        self.lab.list(resource, namespace)
    }
    fn seconds(&self) -> f64 {
        self.lab.seconds()
    }
    fn copy(&self) -> Box<dyn Trial> {
        self.lab.copy()
    }
}

impl Trial for Session {
    fn run(&mut self, line: &str, limit: f64) -> lesson::Outcome {
        let outcome = self.run_for(line, Duration::try_from_secs_f64(limit).unwrap_or(PATIENCE));
        lesson::Outcome { stdout: outcome.stdout, stderr: outcome.stderr, printed: outcome.printed, exit: outcome.exit }
    }
    fn advance(&mut self, seconds: f64) {
        Session::advance(self, Duration::try_from_secs_f64(seconds).unwrap_or_default());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
