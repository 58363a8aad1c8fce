//! Random Jobs on a whole cluster, with Pods deleted and Jobs suspended under way: after every piece of work, whatever
//! the order of events, what Kubernetes promises has to hold. A failure names its seed:
//! `TABERNETES_SEED=17 cargo test --test simulation` plays that one alone, `TABERNETES_SEEDS=1000` so many.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]

#[path = "simulation/promises.rs"]
mod promises;
#[path = "simulation/workload.rs"]
mod workload;

use std::time::Duration;

use sha2::{Digest, Sha256};
use tabernetes::cluster::{Cluster, Config};
use tabernetes::sim::{Seed, Time};
use workload::Act;

/// How many seeds are played when nothing is said.
const SEEDS: u64 = 50;
/// Every Job has a deadline, and what is suspended is resumed: by then all is over.
const END: Duration = Duration::from_secs(2 * 3_600);
/// Pieces of work in one simulation; more is a component that spins.
const WORK: u64 = 200_000;

/// One cluster and all that will be done to it. A plain value, as the cluster is.
#[derive(Clone)]
struct Simulation {
    seed: u64,
    cluster: Cluster,
    start: Time,
    /// What is still to be done, by time.
    acts: Vec<(Duration, Act)>,
    /// Which names are picked for deletion.
    rng: fastrand::Rng,
    /// Up to which revision the log was looked at.
    seen: u64,
    history: Sha256,
    work: u64,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let config = Config { seed: Seed::new(seed), ..Config::default() };
        let mut rng = Seed::new(seed).fork("simulation").rng();
        let mut acts = workload::acts(&mut rng);
        acts.sort_by_key(|(at, _)| *at);
        acts.reverse();
        let cluster = Cluster::new(&config);
        Self { seed, start: cluster.now(), cluster, acts, rng, seen: 0, history: Sha256::new(), work: 0 }
    }

    /// Goes on to `until`, a piece of work at a time.
    fn run(&mut self, until: Duration) {
        loop {
            let next = self.acts.last().map(|(at, _)| *at).filter(|at| *at <= until);
            let target = self.start + next.unwrap_or(until);
            while self.cluster.next_due().is_some_and(|due| due <= target) {
                self.cluster.advance_to(target, 1);
                self.work += 1;
                assert!(self.work < WORK, "seed {}: spinning at {:?}", self.seed, self.cluster.now());
                self.look();
            }
            self.cluster.advance_to(target, 1);
            match next.and_then(|_| self.acts.pop()) {
                Some((_, act)) => act.apply(&mut self.cluster, &mut self.rng),
                None => return,
            }
            self.look();
        }
    }

    /// Holds what was written since the last look, and what stands now, against the promises.
    fn look(&mut self) {
        let store = self.cluster.server().store();
        if store.revision() == self.seen {
            return;
        }
        let mut broken = Vec::new();
        let resources: Vec<String> = store.resources().map(ToString::to_string).collect();
        for resource in resources {
            let Ok(changes) = store.since(&resource, self.seen) else {
                panic!("seed {}: the log is too short", self.seed)
            };
            for change in changes {
                let after = change.object.to_json();
                self.history.update(format!("{} {:?} {after}\n", change.revision, change.kind));
                if matches!(resource.as_str(), "pods" | "jobs.batch")
                    && let Some(before) = &change.previous
                {
                    broken.extend(promises::of_change(&resource, &before.to_json(), &after));
                }
            }
        }
        self.seen = store.revision();
        broken.extend(promises::of_moment(self.cluster.server()));
        self.hold(&broken);
    }

    fn hold(&self, broken: &[String]) {
        let at = self.cluster.now().since(self.start);
        assert!(
            broken.is_empty(),
            "seed {} after {at:?}:\n  {}\nTABERNETES_SEED={} cargo test --test simulation plays it again",
            self.seed,
            broken.join("\n  "),
            self.seed
        );
    }

    /// A number for all that was ever written.
    fn history(&self) -> String {
        self.history.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn seeds() -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("TABERNETES_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("TABERNETES_SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

/// Plays one seed; its clone from under way and a second run have to come to the same.
fn play(seed: u64) -> u64 {
    let mut simulation = Simulation::new(seed);
    simulation.run(Duration::from_secs(25));
    let mut clone = simulation.clone();
    simulation.run(END);
    simulation.hold(&promises::of_the_end(simulation.cluster.server()));
    clone.run(END);
    assert_eq!(clone.history(), simulation.history(), "seed {seed}: a clone went another way than its original");
    if seed.is_multiple_of(5) {
        let mut again = Simulation::new(seed);
        again.run(END);
        assert_eq!(again.history(), simulation.history(), "seed {seed}: two runs of it differ");
    }
    simulation.work
}

#[test]
fn whatever_happens_to_jobs_kubernetes_keeps_its_promises() {
    let seeds = seeds();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, |count| count.get());
    let work: u64 = std::thread::scope(|scope| {
        let play_some = || {
            let mut work = 0;
            while let Some(seed) = seeds.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                work += play(*seed);
            }
            work
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(play_some)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|why| std::panic::resume_unwind(why))).sum()
    });
    println!("{} seeds, {work} pieces of work", seeds.len());
    assert!(work > 100 * seeds.len() as u64, "next to nothing happened");
}
