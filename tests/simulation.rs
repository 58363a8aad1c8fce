//! Random Jobs, CronJobs, Deployments and StatefulSets on a whole cluster with faults under way: Pods deleted by hand, Jobs suspended and scaled, a node gone,
//! a component slow, changes missed by everyone who lags, somebody else's writes in between. After every piece of work,
//! whatever the order of events, what Kubernetes promises has to hold. A failure names its seed:
//! `TABERNETES_SEED=17 cargo test --test simulation` plays that one alone, `TABERNETES_SEEDS=10000` so many.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]

#[path = "simulation/owners.rs"]
mod owners;
#[path = "simulation/promises.rs"]
mod promises;
#[path = "simulation/workload.rs"]
mod workload;
#[path = "simulation/wrong_histories.rs"]
mod wrong_histories;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use promises::{Promises, Write};
use sha2::{Digest, Sha256};
use tabernetes::apimachinery::meta;
use tabernetes::cluster::{Cluster, Component, Config, NodeConfig};
use tabernetes::sim::{Seed, Time};
use tabernetes::storage::Change;
use workload::Act;

/// Where a clone is taken.
const HALT: Duration = Duration::from_secs(25);
/// How many seeds are played when nothing is said.
const SEEDS: u64 = 200;
/// Every Job comes to an end by itself, and what is suspended is resumed: by then all is over.
const END: Duration = Duration::from_secs(2 * 3_600);
/// Pieces of work in one simulation; more is a component that spins.
const WORK: u64 = 200_000;
/// One piece of work in so many is preceded by a small fault.
const FAULTS: u64 = 40;
/// Small faults come no later than this: what is to come to rest must be left alone.
const QUIET: Duration = Duration::from_secs(300);

/// One cluster and all that will be done to it. A plain value, as the cluster is.
#[derive(Clone)]
struct Simulation {
    seed: u64,
    cluster: Cluster,
    start: Time,
    /// What is still to be done, by time.
    acts: Vec<(Duration, Act)>,
    /// Which names are picked, and which faults.
    rng: fastrand::Rng,
    promises: Promises,
    /// Up to which revision the log was looked at.
    seen: u64,
    /// Whether something was written since everybody had last seen everything.
    moved: bool,
    /// How often everybody had seen everything.
    rests: u64,
    /// Of all that was ever written; absent when nobody will compare it.
    history: Option<Sha256>,
    /// Whether every write of a Job or Pod is printed.
    told: bool,
    work: u64,
}

impl Simulation {
    fn new(seed: u64, compared: bool) -> Self {
        let nodes = vec![NodeConfig::control_plane(), NodeConfig::worker(1), NodeConfig::worker(2)];
        let config = Config { seed: Seed::new(seed), nodes, ..Config::default() };
        let mut rng = Seed::new(seed).fork("simulation").rng();
        let mut acts = workload::acts(&mut rng);
        acts.sort_by_key(|(at, _)| *at);
        acts.reverse();
        let cluster = Cluster::new(&config);
        let history = compared.then(Sha256::new);
        let promises = Promises::default();
        Self {
            seed,
            start: cluster.now(),
            cluster,
            acts,
            rng,
            promises,
            seen: 0,
            moved: true,
            rests: 0,
            history,
            told: false,
            work: 0,
        }
    }

    /// Goes on to `until`, a piece of work at a time.
    fn run(&mut self, until: Duration) {
        loop {
            let next = self.acts.last().map(|(at, _)| *at).filter(|at| *at <= until);
            let target = self.start + next.unwrap_or(until);
            while self.cluster.next_due().is_some_and(|due| due <= target) {
                self.small_fault();
                self.cluster.advance_to(target, 1);
                self.work += 1;
                assert!(self.work < WORK, "seed {}: spinning at {:?}", self.seed, self.cluster.now());
                self.look();
            }
            self.cluster.advance_to(target, 1);
            match next.and_then(|_| self.acts.pop()) {
                Some((_, act)) => self.act(&act),
                None => return,
            }
            self.look();
        }
    }

    fn act(&mut self, act: &Act) {
        if self.told {
            println!("{:?} {act:?}", self.cluster.now().since(self.start));
        }
        if let Act::Stall(component, time) = act {
            let until = self.cluster.now() + *time;
            self.cluster.stall(*component, until);
            if *component == Component::Controllers {
                self.promises.stalled(until);
            }
        } else {
            act.apply(&mut self.cluster, &mut self.rng);
        }
    }

    /// Between two pieces of work: those who lag miss changes and list again, or a Job is written by somebody else, so
    /// that the write of who has read it before is refused.
    fn small_fault(&mut self) {
        if self.cluster.now().since(self.start) > QUIET || self.rng.u64(0..FAULTS) > 0 {
            return;
        }
        if self.rng.bool() {
            self.look();
            self.cluster.compact();
        } else {
            Act::Touch.apply(&mut self.cluster, &mut self.rng);
            self.look();
        }
    }

    /// Holds what was written since the last look, and what stands now, against the promises.
    fn look(&mut self) {
        let store = self.cluster.server().store();
        if store.revision() == self.seen {
            if self.moved && self.cluster.is_up_to_date() {
                self.moved = false;
                self.rests += 1;
                self.promises.of_rest(&self.cluster);
                self.hold();
            }
            return;
        }
        let resources: Vec<_> = store.resources().map(Arc::clone).collect();
        for resource in resources {
            let Ok(changes) = store.since(&resource, self.seen) else {
                panic!("seed {}: the log is too short", self.seed)
            };
            for change in changes {
                if self.told {
                    println!("{:?} {}", self.cluster.now().since(self.start), tell(change));
                }
                if let Some(history) = &mut self.history {
                    history.update(format!("{} {:?} {}\n", change.revision, change.kind, change.object.to_json()));
                }
                let (kind, before, after) = (change.kind, change.previous.as_ref(), &change.object);
                self.promises.of_write(Write { kind, before, after }, &self.cluster);
            }
        }
        self.seen = store.revision();
        self.moved = true;
        self.promises.of_moment(&self.cluster);
        self.hold();
    }

    fn hold(&mut self) {
        let broken = self.promises.take_broken();
        let at = self.cluster.now().since(self.start);
        assert!(
            broken.is_empty(),
            "seed {} after {at:?}:\n  {}\nTABERNETES_SEED={} cargo test --test simulation plays it again",
            self.seed,
            broken.join("\n  "),
            self.seed
        );
    }

    fn finish(&mut self) {
        self.run(END);
        self.promises.of_the_end(&self.cluster);
        self.hold();
        assert!(self.rests > 10, "seed {}: nobody asked who wakes whom", self.seed);
    }

    /// A number for all that was ever written.
    fn history(&self) -> String {
        let history = self.history.clone().unwrap_or_default().finalize();
        history.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// One write in a line: what it did to whom, and how that stands now.
fn tell(change: &Change) -> String {
    let object = change.object.to_json();
    let meta = change.object.meta();
    let mut line = format!("r{} {:?} {}/{}", change.revision, change.kind, change.object.kind(), meta::name(meta));
    if matches!(change.object.kind(), "Job" | "Pod" | "CronJob") {
        let spec = |field: &str| &object["spec"][field];
        line += &format!(" deleted {:?} {}", meta.deletion_timestamp.as_ref().map(|time| &time.0), object["status"]);
        line += &format!(" parallelism {} suspend {} on {}", spec("parallelism"), spec("suspend"), spec("nodeName"));
    }
    line
}

/// The seeds to play. One that is named is told in full when it fails.
fn seeds() -> (Vec<u64>, bool) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("TABERNETES_SEED") {
        Some(seed) => (vec![seed], true),
        None => ((1..=number("TABERNETES_SEEDS").unwrap_or(SEEDS)).collect(), false),
    }
}

/// Plays one seed. Of every tenth, a clone from under way and a second run have to come to the same.
fn play(seed: u64, told: bool) -> u64 {
    let compared = seed.is_multiple_of(10);
    let mut simulation = Simulation::new(seed, compared);
    simulation.told = told;
    simulation.run(HALT);
    let clone = compared.then(|| simulation.clone());
    simulation.finish();
    if let Some(mut clone) = clone {
        clone.finish();
        assert_eq!(clone.history(), simulation.history(), "seed {seed}: a clone went another way than its original");
        let mut again = Simulation::new(seed, compared);
        // With the same halt: faults come between two pieces of work, at the instant that was reached.
        again.run(HALT);
        again.finish();
        assert_eq!(again.history(), simulation.history(), "seed {seed}: two runs of it differ");
    }
    simulation.work
}

#[test]
fn whatever_happens_to_jobs_kubernetes_keeps_its_promises() {
    let (seeds, told) = seeds();
    let (next, work) = (AtomicUsize::new(0), AtomicU64::new(0));
    let failed = Mutex::new(Vec::new());
    let play_some = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            // A seed that fails says so at once, and the others are played all the same.
            match std::panic::catch_unwind(|| play(*seed, told)) {
                Ok(pieces) => _ = work.fetch_add(pieces, Ordering::Relaxed),
                Err(_) => failed.lock().unwrap().push(*seed),
            }
        }
    };
    #[expect(clippy::disallowed_methods, reason = "how long the seeds took is told to a person")]
    let begun = std::time::Instant::now();
    let workers = std::thread::available_parallelism().map_or(2, |count| count.get());
    std::thread::scope(|scope| (0..workers).for_each(|_| _ = scope.spawn(play_some)));
    let (work, mut failed) = (work.into_inner(), failed.into_inner().unwrap());
    failed.sort_unstable();
    let (played, time) = (seeds.len(), begun.elapsed().as_secs());
    println!("{played} seeds, {work} pieces of work, {time} s, {} failed: {failed:?}", failed.len());
    assert!(failed.is_empty(), "of {played} seeds these failed: {failed:?}");
    assert!(work > 100 * played as u64, "next to nothing happened");
}
