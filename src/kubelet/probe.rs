//! Liveness, readiness and startup probes: when they are due, and what many of them in a row come to.
//!
//! Models Kubernetes 1.36 pkg/kubelet/prober (worker.go, prober.go, prober_manager.go).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, EnvVar, ExecAction, Pod, Probe as Spec};

use super::Kubelet;
use super::actions::{LIVENESS, READINESS, STARTUP};
use super::containers::{self, is_sidecar};
use super::environment::expand;
use super::handler::{Asked, Handling, Ran, Target};
use super::status::{Life, container_status_of};
use super::worker::{Outcome, Worker};
use crate::apimachinery::meta;
use crate::apiserver::ApiServer;
use crate::client::EventType;
use crate::cri::ContainerId;
use crate::sim::Time;

/// One probe of one container.
#[derive(Clone, Debug)]
pub struct Probe {
    container: String,
    kind: usize,
    spec: Arc<Spec>,
    /// When it is next due.
    tick: Time,
    /// The instance that it looks at.
    id: Option<ContainerId>,
    /// It rests until there is another instance.
    on_hold: bool,
    /// The last answer, and how many like it came in a row.
    run: (Option<bool>, i32),
    /// The command under way.
    handling: Option<Handling>,
    /// When the command's end was seen.
    answer_at: Time,
    /// It is asked once more before its time.
    manual: bool,
    /// It will never be asked again.
    stopped: bool,
}

/// Later than anything.
const NEVER: Time = Time::from_micros(u64::MAX / 2);

impl Probe {
    fn new(container: &Container, kind: usize, spec: &Spec, now: Time) -> Self {
        Self {
            container: container.name.clone(),
            kind,
            spec: Arc::new(spec.clone()),
            tick: now,
            id: None,
            on_hold: false,
            run: (None, 0),
            handling: None,
            answer_at: NEVER,
            manual: false,
            stopped: false,
        }
    }

    /// When it has something to do.
    pub fn due(&self) -> Time {
        match &self.handling {
            _ if self.stopped => NEVER,
            Some(handling) => handling.until().unwrap_or(NEVER).min(self.answer_at),
            None => self.tick,
        }
    }

    /// The command of this session has ended: it is to be looked at.
    pub fn look(&mut self, session: u64, now: Time) {
        if matches!(&self.handling, Some(Handling::Exec { session: held, .. }) if *held == session) {
            self.answer_at = now;
        }
    }

    /// What the last status the server was told calls for: what is known without asking, and what to do next.
    fn look_first(&mut self, pod: &Pod, now: Time) -> (Option<Outcome>, Next) {
        let Some(status) = &pod.status else { return (None, Next::Rest) };
        if matches!(status.phase.as_deref(), Some("Failed" | "Succeeded")) {
            return (None, Next::Stop);
        }
        let held = container_status_of(status, &self.container);
        let id = held.and_then(|held| held.container_id.as_deref()?.rsplit('/').next());
        let (Some(held), Some(id)) = (held, id) else { return (None, Next::Rest) };
        let mut known = None;
        if self.id.as_deref() != Some(id) {
            (self.id, self.on_hold) = (Some(id.to_owned()), false);
            known = Some(self.initial());
        }
        if self.on_hold {
            return (known, Next::Rest);
        }
        let Some(running) = held.state.as_ref().and_then(|state| state.running.as_ref()) else {
            let ended = held.state.as_ref().and_then(|state| state.terminated.as_ref());
            let next =
                if ended.is_none_or(|end| self.comes_back(pod, end.exit_code)) { Next::Rest } else { Next::Stop };
            return (Some(Outcome::Failure), next);
        };
        if meta::is_deleting(&pod.metadata) && self.kind != READINESS {
            return (Some(Outcome::Success), Next::Stop);
        }
        let since = running.started_at.as_ref().map_or(0, |at| at.0.as_second());
        let age = i64::try_from(now.as_seconds()).unwrap_or(i64::MAX).saturating_sub(since);
        if age < i64::from(self.spec.initial_delay_seconds.unwrap_or(0)) {
            return (known, Next::Rest);
        }
        // Startup probes until it has started, the others from then on.
        let waits = held.started.unwrap_or(false) == (self.kind == STARTUP);
        (known, if waits { Next::Rest } else { Next::Ask })
    }

    /// Whether an ended container will be started again, by its own rules or with all of the Pod's.
    fn comes_back(&self, pod: &Pod, exit_code: i32) -> bool {
        let Some(spec) = &pod.spec else { return false };
        let own = containers::find(pod, &self.container).map(|(_, container)| container);
        own.is_some_and(|container| containers::restarts(&container, spec, exit_code))
            || containers::all_restart(pod, |name| {
                let status = container_status_of(pod.status.as_ref()?, name)?;
                status.state.as_ref()?.terminated.as_ref().map(|end| end.exit_code)
            })
    }

    /// Takes in one more answer: the outcome, when as many like it have come as its threshold asks.
    fn count(&mut self, good: bool) -> Option<Outcome> {
        self.run = if self.run.0 == Some(good) { (Some(good), self.run.1.saturating_add(1)) } else { (Some(good), 1) };
        let threshold = if good { self.spec.success_threshold } else { self.spec.failure_threshold };
        if self.run.1 < threshold.unwrap_or(if good { 1 } else { 3 }) {
            return None;
        }
        if self.kind == STARTUP || (self.kind == LIVENESS && !good) {
            (self.on_hold, self.run.1) = (true, 0);
        }
        Some(if good { Outcome::Success } else { Outcome::Failure })
    }

    fn period(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.spec.period_seconds.unwrap_or(10).max(1)).unwrap_or(10))
    }

    fn initial(&self) -> Outcome {
        match self.kind {
            LIVENESS => Outcome::Success,
            READINESS => Outcome::Failure,
            _ => Outcome::Unknown,
        }
    }

    fn word(&self) -> &'static str {
        match self.kind {
            LIVENESS => "Liveness",
            READINESS => "Readiness",
            _ => "Startup",
        }
    }
}

/// What follows a look at a container's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The container is asked.
    Ask,
    /// Nothing before the next time.
    Rest,
    /// Nothing any more.
    Stop,
}

/// A command with the container's own variables in it, as far as they have plain values.
fn expand_static(command: &[String], env: Option<&[EnvVar]>) -> Vec<String> {
    let plain = env.unwrap_or_default().iter().map(|held| (held.name.as_str(), held.value.as_deref().unwrap_or("")));
    let known: BTreeMap<&str, &str> = plain.collect();
    command.iter().map(|word| expand(word, &known)).collect()
}

/// All probes of a Pod, from its first sync on.
pub fn probes(pod: &Pod, now: Time) -> Vec<Probe> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let sidecars = spec.init_containers.iter().flatten().filter(|container| is_sidecar(container));
    let all = spec.containers.iter().chain(sidecars);
    all.flat_map(|container| {
        let kinds = [
            (STARTUP, &container.startup_probe),
            (READINESS, &container.readiness_probe),
            (LIVENESS, &container.liveness_probe),
        ];
        kinds.into_iter().filter_map(move |(kind, spec)| Some(Probe::new(container, kind, spec.as_ref()?, now)))
    })
    .collect()
}

/// What a look at a probe changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Changed {
    /// The Pod is to be looked at.
    sync: bool,
    /// Its status says something else, whatever its worker waits for.
    status: bool,
}

impl Kubelet {
    /// Asks every probe that is due; whether the Pod is to be looked at.
    pub(super) fn run_probes(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) -> bool {
        let mut changed = Changed::default();
        let mut probes = std::mem::take(&mut worker.probes);
        for probe in &mut probes {
            let answered = match &mut probe.handling {
                Some(handling) => match self.poll(handling, now) {
                    Some(ran) => {
                        probe.handling = None;
                        Some(ran)
                    }
                    None => continue,
                },
                None if probe.tick <= now && !probe.stopped => {
                    probe.tick = if probe.manual { now } else { probe.tick } + probe.period();
                    if probe.tick <= now {
                        probe.tick = now + probe.period();
                    }
                    probe.manual = false;
                    self.ask(probe, worker, now)
                }
                None => None,
            };
            if let Some(ran) = answered {
                let one = self.answered(probe, ran, worker, server);
                changed = Changed { sync: changed.sync || one.sync, status: changed.status || one.status };
            }
        }
        worker.probes = probes;
        if changed.status && worker.is_blocked() {
            self.publish(worker, server, Life::Going, now);
        }
        changed.sync
    }

    /// Asks the readiness probes of what runs and is not ready before their time, as each sync does.
    pub(super) fn hurry_readiness(worker: &mut Worker, now: Time) {
        let records = &worker.records;
        for probe in worker.probes.iter_mut().filter(|probe| probe.kind == READINESS && !probe.stopped) {
            let Some(record) = records.get(&probe.container) else { continue };
            let passed = record.probed.get(READINESS).copied().flatten() == Some(Outcome::Success);
            let started = record.probed.get(STARTUP).copied().flatten().is_none_or(|held| held == Outcome::Success);
            if started && !passed && probe.handling.is_none() && super::sync::is_running_record(record) {
                (probe.tick, probe.manual) = (now, true);
            }
        }
    }

    /// Ends the probes that could restart something, and with `all` the others too.
    pub(super) fn stop_probes(worker: &mut Worker, all: bool) {
        for probe in &mut worker.probes {
            if all || probe.kind != READINESS {
                probe.stopped = true;
                probe.handling = None;
            }
        }
    }

    /// One look: the answer, when there is one at once.
    fn ask(&mut self, probe: &mut Probe, worker: &mut Worker, now: Time) -> Option<Ran> {
        let pod = Arc::clone(&worker.pod);
        let (outcome, next) = probe.look_first(&pod, now);
        if let Some(outcome) = outcome {
            set(worker, probe, outcome);
        }
        match next {
            Next::Ask => {}
            Next::Rest => return None,
            Next::Stop => {
                probe.stopped = true;
                return None;
            }
        }
        let (_, container) = containers::find(&pod, &probe.container)?;
        let spec = Arc::clone(&probe.spec);
        let exec = spec.exec.as_ref().map(|exec| ExecAction {
            command: exec.command.as_ref().map(|command| expand_static(command, container.env.as_deref())),
        });
        let asked = Asked {
            exec: exec.as_ref(),
            http_get: spec.http_get.as_ref(),
            tcp_socket: spec.tcp_socket.as_ref(),
            grpc: spec.grpc.as_ref(),
            sleep: None,
            probe: true,
            timeout: Some(Duration::from_secs(u64::try_from(spec.timeout_seconds.unwrap_or(1)).unwrap_or(1))),
        };
        let address = worker.sandbox.as_ref().map(|sandbox| sandbox.address.clone()).unwrap_or_default();
        let id = probe.id.clone()?;
        let mut handling = self.handle(&asked, Target { container: &container, id: &id, address: &address }, now);
        if let Handling::Exec { session, .. } = &handling {
            self.sessions.insert(*session, meta::uid(&pod.metadata).into());
        }
        let ran = self.poll(&mut handling, now);
        if ran.is_none() {
            (probe.handling, probe.answer_at) = (Some(handling), NEVER);
        }
        ran
    }

    /// Takes in an answer.
    fn answered(&mut self, probe: &mut Probe, ran: Ran, worker: &mut Worker, server: &mut ApiServer) -> Changed {
        let pod = Arc::clone(&worker.pod);
        let path = containers::find(&pod, &probe.container).map(|(list, _)| list.path(&probe.container));
        let path = path.unwrap_or_default();
        let word = probe.word();
        let good = match ran {
            Ran::Success => true,
            Ran::Warning(text) => {
                let text = format!("{word} probe warning: {text}");
                self.record(server, &pod, &path, EventType::Warning, "ProbeWarning", &text);
                true
            }
            Ran::Failure(text) | Ran::Exited { output: text, .. } => {
                let text = format!("{word} probe failed: {text}");
                self.record(server, &pod, &path, EventType::Warning, "Unhealthy", &text);
                false
            }
            Ran::Error(text) => {
                // An answer that did not come counts neither way.
                let text = format!("{word} probe errored and resulted in unknown state: {text}");
                self.record(server, &pod, &path, EventType::Warning, "Unhealthy", &text);
                return Changed::default();
            }
        };
        let current = worker.records.get(&probe.container).and_then(|record| record.current.clone());
        if current != probe.id {
            return Changed::default();
        }
        let Some(outcome) = probe.count(good) else { return Changed::default() };
        let changed = set(worker, probe, outcome);
        match probe.kind {
            LIVENESS => Changed { sync: changed && !good, status: false },
            _ => Changed { sync: changed, status: changed },
        }
    }
}

/// Notes what a probe has come to; whether that is news.
fn set(worker: &mut Worker, probe: &Probe, outcome: Outcome) -> bool {
    let Some(record) = worker.records.get_mut(&probe.container) else { return false };
    // What an instance that is gone was like says nothing of its successor.
    if record.current != probe.id {
        return false;
    }
    let Some(slot) = record.probed.get_mut(probe.kind) else { return false };
    let news = *slot != Some(outcome);
    *slot = Some(outcome);
    news
}

#[cfg(test)]
#[path = "probe/tests.rs"]
mod tests;
