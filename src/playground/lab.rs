//! The learner's machine and the cluster on one clock, and the informer that feeds the picture.
//!
//! Runs what is ready, then goes to the next instant at which either has something to do. Knows no terminal, no
//! lesson and no real time.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Event, Pod};
use serde_json::Value;

use super::kept::Kept;
use super::machine::{self, AUTHORITIES};
use super::{Config, Session};
use crate::api;
use crate::client::{Cache, Delta};
use crate::cluster::{self, Cluster};
use crate::diagram::{Change, Diagram, Object};
use crate::lesson::{Item, Objects, Trial};
use crate::shell::Machine;
use crate::shell::machine::SLICE;
use crate::shell::program::{Host, ServiceAction, ServiceState};
use crate::sim::{Seed, Time};
use crate::text::http::{Request, Response, StreamId, StreamRead};

/// How long the cluster has run when the learner comes: its nodes are ready and its own Pods are up.
pub const WARM_UP: Duration = Duration::from_secs(30);
/// Pieces of work within one instant after which something spins.
const INSTANT_LIMIT: u64 = 20_000;
/// What the picture shows, owners before what they own.
const SHOWN: &[&str] =
    &["cronjobs.batch", "jobs.batch", "deployments.apps", "replicasets.apps", "daemonsets.apps", "pods", "events"];

/// What came of moving time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// How many pieces of work were done.
    pub events: u64,
    /// Whether the budget ended before the target was reached: go on later.
    pub short: bool,
    /// Who works without end at one instant, so that time does not get past it.
    pub spinning: Option<String>,
}

/// Machine and cluster.
#[derive(Clone, Debug)]
pub struct Lab {
    /// The cluster. After changing it by hand, call `touch`.
    pub cluster: Cluster,
    /// The learner's machine. After feeding it by hand, call `touch`.
    pub machine: Machine,
    diagram: Diagram,
    informers: Vec<Cache>,
    seen: u64,
    /// The machine has been given something and has to run before time moves.
    touched: bool,
    waits_for_streams: bool,
    streams_seen: u64,
    instant: Time,
    at_instant: u64,
}

impl Lab {
    /// A cluster that has come up, and a machine on which nothing runs yet.
    pub fn new(config: &Config) -> Self {
        let Config { seed, start, .. } = *config;
        let mut cluster = Cluster::new(&cluster::Config {
            seed: Seed::new(seed),
            start,
            nodes: cluster::Config::nodes(config.workers),
            present_images: config.present_images.clone(),
            scripted_images: config.scripts.clone(),
            ..cluster::Config::default()
        });
        cluster.advance_to(start + WARM_UP, u64::MAX);
        cluster.expire_events();
        let mut lab = Self {
            diagram: Diagram::new(cluster.now()).in_words(config.words.clone()),
            cluster,
            machine: machine::learners_machine(seed),
            informers: SHOWN.iter().map(|resource| Cache::new(resource)).collect(),
            seen: 0,
            touched: true,
            waits_for_streams: false,
            streams_seen: 0,
            instant: Time::default(),
            at_instant: 0,
        };
        lab.observe();
        lab
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        self.cluster.now()
    }

    /// The picture's state.
    pub fn diagram(&self) -> &Diagram {
        &self.diagram
    }

    /// Tells that the machine has been given input, a signal or a process.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    /// When something next happens by itself.
    pub fn next_due(&mut self) -> Option<Time> {
        let machine = self.machine.next_wake();
        let next = [self.cluster.next_due(), machine].into_iter().flatten().min();
        next.map(|next| next.max(self.now()))
    }

    /// Does what can be done at the present instant. False when the machine is left with work for this instant.
    pub fn settle(&mut self, budget: u64) -> Moved {
        self.advance_to(self.now(), budget)
    }

    /// Moves time to `target`, doing everything on the way, at most `budget` pieces of work.
    pub fn advance_to(&mut self, target: Time, budget: u64) -> Moved {
        let mut moved = Moved::default();
        loop {
            self.run_machine();
            let next = self.next_due().filter(|next| *next <= target);
            let Some(next) = next else { break };
            if self.is_stuck(next) {
                return Moved { short: true, spinning: Some(self.busiest()), ..moved };
            }
            if moved.events >= budget {
                return Moved { short: true, ..moved };
            }
            let advanced = self.cluster.advance_to(next, budget.saturating_sub(moved.events).max(1));
            moved.events += advanced.events.max(1);
            self.at_instant += advanced.events.max(1);
            self.observe();
            if self.machine.next_wake().is_some_and(|wake| wake <= self.now()) {
                self.touched = true;
            }
        }
        self.cluster.advance_to(target.max(self.now()), budget);
        self.observe();
        self.run_machine();
        moved
    }

    /// Whether so much has been done at one instant that time will never get past it.
    fn is_stuck(&mut self, next: Time) -> bool {
        if next != self.instant {
            self.instant = next;
            self.at_instant = 0;
        }
        if self.at_instant > INSTANT_LIMIT {
            self.at_instant = 0;
            return true;
        }
        false
    }

    fn busiest(&mut self) -> String {
        let now = self.now();
        match self.machine.next_wake() {
            Some(wake) if wake <= now && self.cluster.next_due().is_none_or(|due| due > now) => "shell".to_owned(),
            _ => self.cluster.clone().advance_to(now, 1).spinning.unwrap_or_else(|| "cluster".to_owned()),
        }
    }

    /// Runs the machine if it was given something, or waits for streams that may have moved.
    fn run_machine(&mut self) {
        let revision = self.cluster.revision();
        let streams = self.waits_for_streams && revision != self.streams_seen;
        if !self.touched && !streams {
            return;
        }
        self.touched = false;
        self.streams_seen = revision;
        let now = self.cluster.now();
        let outcome = self.machine.run(now, &mut Network { cluster: &mut self.cluster }, SLICE);
        self.waits_for_streams = outcome.streams;
        self.observe();
    }

    /// Pulls what was written since the last pull into the picture.
    fn observe(&mut self) {
        let revision = self.cluster.server().store().revision();
        if revision == self.seen {
            return;
        }
        self.seen = revision;
        let now = self.cluster.now();
        for informer in &mut self.informers {
            for delta in informer.pull(self.cluster.server()) {
                show(&mut self.diagram, now, &delta);
            }
        }
    }

    /// One object of the cluster as JSON, by its kind.
    pub fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let known = api::KINDS.iter().find(|known| known.info().kind == kind)?;
        let store = self.cluster.server().store();
        store.get(known.info().resource, namespace, name).map(|object| object.to_json())
    }
}

impl Objects for Lab {
    fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Box<dyn Item>> {
        let kept = api::KINDS.iter().map(|kind| kind.info().resource);
        let found = kept.into_iter().find(|known| known.split('.').next() == Some(resource) || *known == resource);
        let Some(found) = found else { return Vec::new() };
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        self.cluster
            .server()
            .store()
            .list(found, namespace)
            .map(|object| Box::new(Kept(Arc::clone(object))) as _)
            .collect()
    }
    fn seconds(&self) -> f64 {
        self.now().since(Time::default()).as_secs_f64()
    }
    fn copy(&self) -> Box<dyn Trial> {
        Box::new(Session::of(self.clone()))
    }
}

fn show(diagram: &mut Diagram, now: Time, delta: &Delta) {
    let change = match (&delta.old, &delta.new) {
        (None, _) => Change::Added,
        (_, Some(_)) => Change::Modified,
        (_, None) => Change::Deleted,
    };
    let Some(object) = delta.object() else { return };
    let any = object.as_any();
    macro_rules! one_of {
        ($($kind:ident),*) => {
            $(if let Some(object) = any.downcast_ref::<$kind>() {
                return diagram.observe(now, change, Object::$kind(object));
            })*
        };
    }
    one_of!(Pod, Event, Job, ReplicaSet, Deployment, DaemonSet, CronJob);
}

/// What the learner's machine reaches: the cluster's API server under its addresses.
struct Network<'a> {
    cluster: &'a mut Cluster,
}

impl Host for Network<'_> {
    fn send(&mut self, authority: &str, request: Request) -> Result<Response, String> {
        if AUTHORITIES.contains(&authority) {
            let agent = request.header("User-Agent").unwrap_or_default();
            // What is no kubectl shows no certificate.
            let by_hand = ["curl/", "Wget"].iter().any(|name| agent.starts_with(name));
            return Ok(if by_hand {
                self.cluster.handle_from_network(&request)
            } else {
                self.cluster.handle(&request)
            });
        }
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        if host.chars().all(|letter| letter.is_ascii_digit() || letter == '.') || host == "localhost" {
            let address = if host == "localhost" {
                authority.replacen("localhost", "127.0.0.1", 1)
            } else {
                authority.to_owned()
            };
            self.cluster.send(&address, request)
        } else {
            Err(format!("dial tcp: lookup {host} on 127.0.0.53:53: no such host"))
        }
    }
    fn machine(&mut self, name: &str) -> Option<(String, bool)> {
        self.cluster.machine(name)
    }
    fn kubelet(&mut self, machine: &str, action: ServiceAction) -> Option<ServiceState> {
        self.cluster.kubelet(machine, action)
    }
    fn read_stream(&mut self, stream: StreamId) -> StreamRead {
        self.cluster.read_stream(stream)
    }
    fn write_stream(&mut self, stream: StreamId, message: &[u8]) {
        self.cluster.write_stream(stream, message);
    }
    fn close_stream(&mut self, stream: StreamId) {
        self.cluster.close_stream(stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::machine::{SpawnOptions, Stdio, Stream};

    fn run(lab: &mut Lab, argv: &[&str]) -> (i32, String, String) {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let pid = lab.machine.spawn(&argv, Stdio::Capture { input: false }, SpawnOptions::default()).unwrap();
        lab.touch();
        lab.settle(10_000);
        let mut text = (String::new(), String::new());
        for chunk in lab.machine.take_output(pid) {
            let to = if chunk.stream == Stream::Stdout { &mut text.0 } else { &mut text.1 };
            to.push_str(std::str::from_utf8(&chunk.bytes).unwrap());
        }
        (lab.machine.exit_status(pid).map_or(-1, |status| status.code()), text.0, text.1)
    }

    #[test]
    fn the_learners_kubectl_speaks_to_the_cluster() {
        let mut lab = Lab::new(&Config { start: Time::from_seconds(1_767_261_600), ..Config::default() });
        let said = run(&mut lab, &["kubectl", "get", "jobs"]);
        assert_eq!(said, (0, String::new(), "No resources found in default namespace.\n".into()));
        let said = run(&mut lab, &["kubectl", "get", "nodes", "-o", "name"]);
        assert_eq!(said, (0, "node/controlplane\nnode/node01\n".into(), String::new()));
    }

    #[test]
    fn two_labs_of_one_seed_are_alike_however_time_is_cut() {
        let mut whole = Lab::new(&Config { seed: 3, start: Time::from_seconds(1_767_261_600), ..Config::default() });
        let mut cut = whole.clone();
        let target = whole.now() + Duration::from_secs(120);
        whole.advance_to(target, u64::MAX);
        while cut.now() < target {
            cut.advance_to((cut.now() + Duration::from_millis(3_210)).min(target), u64::MAX);
        }
        assert_eq!(whole.cluster.revision(), cut.cluster.revision());
        assert_eq!(whole.cluster.events(), cut.cluster.events());
    }
}
