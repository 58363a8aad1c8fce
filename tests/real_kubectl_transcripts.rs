//! The transcripts of the real cluster, played with the real kubectl of this machine against the server behind
//! `tabernetes serve`, whose time moves only when the transcript says so.
//!
//! Without a kubectl and a bash on the `PATH` there is nothing to prove: the test says so and passes. What comes out
//! otherwise stands in `transcripts/real_kubectl.json`, with its reason: mostly that kubectl is older (1.32) than the
//! recorded one (1.36). A difference that is not listed fails the test; a listed one that is gone has to leave the
//! list. `TABERNETES_ALL=1` plays every transcript (some minutes), `TABERNETES_ONLY=c06` picks, `TABERNETES_BLESS=1`
//! writes the entries of what is played anew (new ones get the reason `?`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]
#![allow(clippy::disallowed_methods, reason = "a real program is waited for in real time")]

#[path = "transcripts/play.rs"]
mod play;
#[path = "real_kubectl/programs.rs"]
mod programs;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use play::{ANOTHER_ORDER, Failure, Ran, Stage, Transcript};
use programs::program;
use regex_lite::Regex;
use tabernetes::cluster::{Config, PresentImages};
use tabernetes::http::{Owner, Settings, listen, serve};
use tabernetes::sim::Seed;

/// The seed of `tabernetes drive`, and how long its cluster has run before the first line.
const SEED: u64 = 2;
const WARM_UP: Duration = Duration::from_secs(30);
/// A line that has asked for nothing and done nothing for so long waits for the cluster.
const QUIET: Duration = Duration::from_millis(300);
/// How the cluster's time goes while a line waits: so much of it, after so much real time.
const PACE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(8));
/// What the working directory was called in the recordings.
const RECORDED_FOLDER: &str = "/home/learner";
/// After so long a line in the background has asked for what is there, and time may go on.
const ASKED: Duration = Duration::from_millis(600);
/// A line that has not ended after so much of the cluster's time is interrupted.
const LONGEST: f64 = 90.0;

/// A served cluster whose time stands still, a working directory, and the programs of this machine.
struct Served {
    runtime: tokio::runtime::Runtime,
    owner: Owner,
    folder: PathBuf,
    running: BTreeMap<usize, Background>,
    /// For how long the cluster has run since the first line, in seconds.
    clock: f64,
    /// When who sleeps is to be woken, by that clock, and how.
    sleepers: Vec<(f64, PathBuf)>,
}

type Lines = Arc<Mutex<Vec<(&'static str, String)>>>;

struct Background {
    child: Child,
    lines: Lines,
    readers: Vec<JoinHandle<()>>,
}

impl Served {
    fn new(name: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let config = Config { seed: Seed::new(SEED), present_images: PresentImages::All, ..Config::default() };
        let settings = Settings { config, speed: 0.0, warm_up: WARM_UP, prose: None };
        let owner = Owner::start(settings).unwrap();
        let listener = runtime.block_on(listen(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, owner.clone(), std::future::pending()));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real_kubectl_transcripts").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("home/.kube")).unwrap();
        std::fs::create_dir_all(folder.join("work")).unwrap();
        std::fs::create_dir_all(folder.join("bin")).unwrap();
        std::fs::create_dir_all(folder.join("sleepers")).unwrap();
        let sleep = folder.join("bin/sleep");
        // Says for how long, and waits to be woken.
        let script = format!(
            "#!/bin/sh\ncd '{}' && mkfifo $$.wake && echo ${{1%s}} > $$.new && mv $$.new $$.ask && read woken < $$.wake\nrm -f $$.wake\n",
            folder.join("sleepers").display()
        );
        std::fs::write(&sleep, script).unwrap();
        std::fs::set_permissions(&sleep, std::fs::Permissions::from_mode(0o755)).unwrap();
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: kubernetes\n  cluster:\n    server: http://{address}\n\
             contexts:\n- name: kubernetes-admin@kubernetes\n  context:\n    cluster: kubernetes\n    namespace: default\n    \
             user: kubernetes-admin\ncurrent-context: kubernetes-admin@kubernetes\nusers:\n- name: kubernetes-admin\n  \
             user: {{token: none}}\n"
        );
        std::fs::write(folder.join("home/.kube/config"), kubeconfig).unwrap();
        Self { runtime, owner, folder, running: BTreeMap::new(), clock: 0.0, sleepers: Vec::new() }
    }

    /// Lets the cluster's time go on, and wakes who has slept long enough.
    fn pass(&mut self, by: Duration) {
        self.runtime.block_on(self.owner.advance(by));
        self.clock += by.as_secs_f64();
        // Half a millisecond, for what adding up has cost.
        let (due, left) =
            std::mem::take(&mut self.sleepers).into_iter().partition(|(at, _)| *at <= self.clock + 0.0005);
        self.sleepers = left;
        for (_, wake) in due as Vec<(f64, PathBuf)> {
            std::fs::write(wake, "now\n").unwrap();
            // What comes behind the sleep sees the instant of its end.
            std::thread::sleep(ASKED);
        }
    }

    /// Sees who has gone to sleep.
    fn count_sleepers(&mut self) {
        for entry in std::fs::read_dir(self.folder.join("sleepers")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "ask") {
                let seconds: f64 = std::fs::read_to_string(&path).unwrap().trim().parse().unwrap();
                std::fs::remove_file(&path).unwrap();
                self.sleepers.push((self.clock + seconds, path.with_extension("wake")));
            }
        }
    }

    fn spawn(&self, line: &str) -> Child {
        let mut command = Command::new("bash");
        command.args(["-c", line]).current_dir(self.folder.join("work")).env_remove("KUBECONFIG");
        command.env("HOME", self.folder.join("home")).env("KUBE_EDITOR", "true");
        // Who sleeps waits for the cluster's time.
        let mut path = self.folder.join("bin").into_os_string();
        path.push(":");
        path.push(programs::path());
        command.env("PATH", path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that an interrupt reaches all of it and what it does can be seen.
        command.process_group(0).spawn().unwrap()
    }
}

/// What a group of processes has done so far, in ticks of the processor, and whether it is at work right now.
fn work_of(group: u32) -> (u64, bool) {
    let (mut ticks, mut busy) = (0, false);
    for process in std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok) {
        let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else { continue };
        // Behind the name, which may hold anything: state, parent, group; then times at 11 and 12.
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let words: Vec<&str> = rest.split(' ').collect();
        if words.get(2).and_then(|word| word.parse().ok()) != Some(group) {
            continue;
        }
        ticks += words.iter().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum::<u64>();
        for thread in std::fs::read_dir(process.path().join("task")).into_iter().flatten().filter_map(Result::ok) {
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            busy |= stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['R', 'D']));
        }
    }
    (ticks, busy)
}

fn reader(stream: impl Read + Send + 'static, name: &'static str, lines: Lines, folder: &Path) -> JoinHandle<()> {
    let folder = folder.display().to_string();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut stream = std::io::BufReader::new(stream);
        loop {
            bytes.clear();
            match std::io::BufRead::read_until(&mut stream, b'\n', &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(_) => {
                    let text = String::from_utf8_lossy(&bytes).replace(&folder, RECORDED_FOLDER);
                    lines.lock().unwrap().push((name, text));
                }
            }
        }
    })
}

fn follow(mut child: Child, folder: &Path) -> Background {
    let lines = Lines::default();
    let readers = vec![
        reader(child.stdout.take().unwrap(), "out", lines.clone(), folder),
        reader(child.stderr.take().unwrap(), "err", lines.clone(), folder),
    ];
    Background { child, lines, readers }
}

fn interrupt(child: &mut Child) {
    // SIGINT first, as the recording did; what does not care is killed.
    let _ = Command::new("kill").args(["-INT", "--", &format!("-{}", child.id())]).status();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(2) {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Background {
    fn text(&self, of: &str) -> String {
        self.lines.lock().unwrap().iter().filter(|(stream, _)| *stream == of).map(|(_, text)| text.as_str()).collect()
    }
}

impl Stage for Served {
    fn advance(&mut self, by: Duration) {
        let mut left = by;
        // Watches of lines in the background see what happens as it happens.
        let step = if self.running.is_empty() { by } else { Duration::from_millis(500) };
        while !left.is_zero() {
            self.count_sleepers();
            let woken = self.sleepers.iter().map(|(at, _)| Duration::from_secs_f64((at - self.clock).max(0.001))).min();
            let now = woken.map_or(step, |woken| woken.min(step)).min(left);
            self.pass(now);
            left -= now;
            if !self.running.is_empty() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    fn write(&mut self, name: &str, content: &str) {
        let path = self.folder.join("work").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn run(&mut self, line: &str, recorded: f64) -> Ran {
        let mut background = follow(self.spawn(line), &self.folder.join("work"));
        let group = background.child.id();
        let (mut took, mut seen, mut still, began) = (0.0, (0, (0, 0)), Instant::now(), Instant::now());
        let mut enough = QUIET;
        let status = loop {
            if let Some(status) = background.child.try_wait().unwrap() {
                break status.code();
            }
            if took >= LONGEST {
                interrupt(&mut background.child);
                break None;
            }
            let (done, busy) = work_of(group);
            let now = (done, self.owner.requests());
            let asked = now.1.0 != now.1.1;
            if busy || asked || now != seen {
                (seen, still, enough) = (now, Instant::now(), QUIET);
            } else if took >= recorded && took >= began.elapsed().as_secs_f64() {
                // What it waits for may be its own clock, which ends it when the recording ended.
            } else if still.elapsed() >= enough {
                self.count_sleepers();
                self.pass(PACE.0);
                took += PACE.0.as_secs_f64();
                (still, enough) = (Instant::now(), PACE.1);
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        for reader in background.readers.drain(..) {
            reader.join().unwrap();
        }
        Ran { stdout: background.text("out"), stderr: background.text("err"), exit: status.unwrap_or(130), took }
    }

    fn until(&mut self, line: &str, matches: &str, timeout: Duration) -> bool {
        let regex = Regex::new(matches).unwrap();
        let mut left = timeout.as_secs_f64();
        loop {
            let ran = self.run(line, f64::MAX);
            if regex.is_match(&ran.stdout) || regex.is_match(&ran.stderr) {
                return true;
            }
            if left <= 0.0 {
                return false;
            }
            self.advance(Duration::from_millis(300));
            left -= 0.3 + ran.took;
        }
    }

    fn start(&mut self, id: usize, line: &str) {
        let background = follow(self.spawn(line), &self.folder.join("work"));
        std::thread::sleep(ASKED);
        self.running.insert(id, background);
    }

    fn stop(&mut self, id: usize) -> Vec<(&'static str, String)> {
        let Some(mut background) = self.running.remove(&id) else { return Vec::new() };
        std::thread::sleep(Duration::from_millis(300));
        interrupt(&mut background.child);
        for reader in background.readers.drain(..) {
            reader.join().unwrap();
        }
        let lines = background.lines.lock().unwrap();
        lines.clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        for background in self.running.values_mut() {
            let _ = background.child.kill();
            let _ = background.child.wait();
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The transcripts to play: without further words those that try most of kubectl in the least time.
fn plays(only: &str) -> Vec<String> {
    let usual = ["a02-hello-create-delete-f", "b-immutable", "b-unknownfield", "c23-create-job", "d08-misc"];
    let all = std::env::var_os("TABERNETES_ALL").is_some() || !only.is_empty();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
        .filter(|name| !["unstable", "known_failures", "real_kubectl"].contains(&name.as_str()))
        .filter(|name| name.contains(only) && (all || usual.contains(&name.as_str())))
        .collect();
    names.sort();
    names
}

/// Plays all of them, a few at a time, in the order given: each one's name, how many steps were scored, which failed.
fn play_all(names: &[String], unstable: &BTreeSet<(String, usize)>) -> Vec<(String, usize, Vec<Failure>)> {
    let (next, played) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let workers = std::thread::available_parallelism().map_or(2, |count| count.get() + 1);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, name)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, names.get(at)?)))
                {
                    let transcript: Transcript = read(&format!("{name}.json"));
                    let (count, failures) = play::play(Served::new(name), &transcript, unstable);
                    played.lock().unwrap().insert(at, (name.clone(), count, failures));
                }
            });
        }
    });
    played.into_inner().unwrap().into_values().collect()
}

/// The minor version of the kubectl on the `PATH`.
fn minor() -> u32 {
    let out = Command::new("kubectl").args(["version", "--client", "-o", "json"]).output().unwrap();
    let version: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let minor = version["clientVersion"]["minor"].as_str().unwrap_or_default();
    minor.trim_end_matches('+').parse().unwrap()
}

/// What a reason begins with that lies in kubectl and not in the cluster.
const OLDER: &str = "kubectl 1.32 ";
/// What one ends with when Go's maps, which have no order, decide: then nothing but the order of lines may differ.
const ANY_ORDER: &str = " in any order";
/// The version of the recordings.
const RECORDED: u32 = 36;

/// Transcript, step, command, reason.
type Known = (String, usize, String, String);

#[test]
fn the_real_kubectl_sees_what_it_saw_of_the_real_cluster() {
    if program("kubectl").is_none() || program("bash").is_none() {
        println!(
            "the_real_kubectl_sees_what_it_saw_of_the_real_cluster: NOT PROVEN, no kubectl or no bash on the PATH"
        );
        return;
    }
    let only = std::env::var("TABERNETES_ONLY").unwrap_or_default();
    let names = plays(&only);
    assert!(!names.is_empty(), "no transcript has `{only}` in its name");
    let unstable: BTreeSet<(String, usize)> = read("unstable.json");
    let minor = minor();
    let listed: Vec<Known> = read("real_kubectl.json");
    // A newer kubectl has no excuse of age; one of another age than 1.32 has some of its own.
    let applies = |one: &&Known| minor < RECORDED || !one.3.starts_with(OLDER);
    let known: Vec<Known> = listed.iter().filter(applies).cloned().collect();
    let reasons: BTreeMap<(String, usize), String> =
        known.iter().map(|(name, step, _, reason)| ((name.clone(), *step), reason.clone())).collect();
    let (mut scored, mut complaints, mut failed) = (0, Vec::new(), Vec::new());
    for (name, count, failures) in play_all(&names, &unstable) {
        println!("{name:<32} {:3} of {count:3}", count - failures.len());
        scored += count;
        for failure in failures {
            let key = (name.clone(), failure.step);
            if !only.is_empty() {
                println!("{}", failure.told());
            }
            let excuse = reasons.get(&key);
            if excuse.is_none_or(|reason| reason.ends_with(ANY_ORDER) && failure.difference != [ANOTHER_ORDER]) {
                complaints.push(format!("{name}:\n{}", failure.told()));
            }
            let reason = reasons.get(&key).cloned().unwrap_or_else(|| "?".to_owned());
            failed.push((name.clone(), failure.step, failure.command.clone(), reason));
        }
    }
    println!("{} of {scored} with kubectl 1.{minor}", scored - failed.len());
    if std::env::var_os("TABERNETES_BLESS").is_some() {
        // What was not played stays as it stands.
        failed.extend(listed.iter().filter(|one| !names.contains(&one.0)).cloned());
        failed.sort();
        let lines: Vec<String> = failed.iter().map(|one: &Known| serde_json::to_string(one).unwrap()).collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/real_kubectl.json");
        std::fs::write(path, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
        return;
    }
    let seen: BTreeSet<(String, usize)> = failed.iter().map(|(name, step, ..)| (name.clone(), *step)).collect();
    let fixed = |one: &&Known| {
        names.contains(&one.0) && !one.3.ends_with(ANY_ORDER) && (minor == 32 || !one.3.starts_with(OLDER))
    };
    for (name, step, command, _) in known.iter().filter(fixed) {
        if !seen.contains(&(name.clone(), *step)) {
            complaints.push(format!("{name} step {step} `{command}` is cured: remove it from the list"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
