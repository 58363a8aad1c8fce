//! What a real Kubernetes 1.36 cluster answered, command by command, held against this one: every transcript in
//! `tests/transcripts` is played on virtual time, and what differs between two runs of the real thing (ages, uids,
//! generated names, addresses) is replaced before the comparison. Nothing else is forgiven.
//!
//! Steps that do not come out yet stand in `known_failures.json`. A failure that is not listed fails the test, and so
//! does a listed one that passes: it is cured and has to leave the list. `TABERNETES_BLESS=1 cargo test --test
//! transcripts` writes the list anew, `TABERNETES_ONLY=c06` plays only the transcripts with that in their name and
//! shows every difference.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]

#[path = "transcripts/play.rs"]
mod play;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use play::{Failure, Transcript};
use tabernetes::playground::Session;

/// The seed of `tabernetes drive`.
const SEED: u64 = 2;

/// Transcript, step, command.
type Known = (String, usize, String);

/// How one transcript came out.
struct Played {
    name: String,
    scored: usize,
    failures: Vec<Failure>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn transcripts(only: &str) -> Vec<Transcript> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            !["unstable", "known_failures", "real_kubectl"].contains(&name.as_ref()) && name.contains(only)
        })
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// Plays all of them, a few at a time, in the order given.
fn play_all(transcripts: &[Transcript], unstable: &BTreeSet<(String, usize)>) -> Vec<Played> {
    let next = AtomicUsize::new(0);
    let played = Mutex::new(BTreeMap::new());
    let workers = std::thread::available_parallelism().map_or(2, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(transcript) = transcripts.get(at) else { return };
                    let (scored, failures) = play::play(Session::new(SEED), transcript, unstable);
                    let one = Played { name: transcript.name.clone(), scored, failures };
                    played.lock().unwrap().insert(at, one);
                }
            });
        }
    });
    played.into_inner().unwrap().into_values().collect()
}

fn bless(path: &Path, failures: &BTreeSet<Known>) {
    let lines: Vec<String> = failures.iter().map(|known| serde_json::to_string(known).unwrap()).collect();
    let text = if lines.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", lines.join(",\n")) };
    std::fs::write(path, text).unwrap();
}

#[test]
fn the_recorded_cluster_and_this_one_answer_alike() {
    let only = std::env::var("TABERNETES_ONLY").unwrap_or_default();
    let transcripts = transcripts(&only);
    assert!(!transcripts.is_empty(), "no transcript has `{only}` in its name");
    let unstable: BTreeSet<(String, usize)> = read(&folder().join("unstable.json"));
    let played = play_all(&transcripts, &unstable);

    let (mut passed, mut scored) = (0, 0);
    for one in &played {
        println!("{:<32} {:3} of {:3}", one.name, one.scored - one.failures.len(), one.scored);
        for failure in one.failures.iter().filter(|_| !only.is_empty()) {
            println!("{}", failure.told());
        }
        passed += one.scored - one.failures.len();
        scored += one.scored;
    }
    println!("{passed} of {scored}");

    let key = |one: &Played, failure: &Failure| (one.name.clone(), failure.step, failure.command.clone());
    let failed: BTreeSet<Known> =
        played.iter().flat_map(|one| one.failures.iter().map(move |failure| key(one, failure))).collect();
    let list = folder().join("known_failures.json");
    if only.is_empty() && std::env::var_os("TABERNETES_BLESS").is_some() {
        bless(&list, &failed);
        println!("{} known failures written", failed.len());
        return;
    }
    let names: BTreeSet<&str> = played.iter().map(|one| one.name.as_str()).collect();
    let known: BTreeSet<Known> = read(&list);
    let known: BTreeSet<Known> = known.into_iter().filter(|(name, ..)| names.contains(name.as_str())).collect();

    let mut complaints = Vec::new();
    for one in &played {
        let fresh: Vec<&Failure> = one.failures.iter().filter(|failure| !known.contains(&key(one, failure))).collect();
        if let Some(first) = fresh.first() {
            complaints.push(format!("{}: {} new failures, the first:\n{}", one.name, fresh.len(), first.told()));
        }
    }
    for (name, step, command) in known.difference(&failed) {
        complaints.push(format!("{name} step {step} `{command}` is cured: remove it from the list"));
    }
    assert!(
        complaints.is_empty(),
        "{}\n\nAfter a look at them, TABERNETES_BLESS=1 cargo test --test transcripts writes the list anew.",
        complaints.join("\n")
    );
}
