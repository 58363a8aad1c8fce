//! The same lines through the real kubectl, against this cluster over HTTP, and through ours give the same bytes: those
//! of `same_bytes/lines.txt`, on two clusters with the objects of `same_bytes/setup.yaml`. What differs between two
//! clusters (ages, uids, generated names, addresses) is replaced before the comparison.
//!
//! Without a kubectl on the `PATH` there is nothing to prove: the test says so and passes. The kubectl of a machine is
//! often older than 1.36: what later versions say in other words does not stand in the table.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]
#![allow(clippy::disallowed_methods, reason = "a real program is waited for in real time")]

#[path = "real_kubectl/programs.rs"]
mod programs;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use programs::{path, program};
use tabernetes::cluster::Config;
use tabernetes::http::{Owner, Settings, listen, serve};
use tabernetes::lesson::normalise::same;
use tabernetes::playground::Session;

const SETUP: &str = include_str!("same_bytes/setup.yaml");
const LINES: &str = include_str!("same_bytes/lines.txt");
const RECORDED: &str = include_str!("same_bytes/recorded_1.36.jsonl");

/// Virtual seconds in a real one while the clusters are prepared.
const SPEED: f64 = 20.0;

/// What came of a line: standard output, standard error, exit code.
type Answer = (String, String, i32);

struct Real {
    folder: PathBuf,
}

impl Real {
    fn run(&self, line: &str) -> Answer {
        let out = Command::new("bash")
            .args(["-c", line])
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("PATH", path())
            .env("KUBECONFIG", self.folder.join("config"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (text(out.stdout), text(out.stderr), out.status.code().unwrap_or(-1))
    }

    /// Asks again until the output contains a text.
    fn until(&self, line: &str, wanted: &str) {
        let began = Instant::now();
        while !self.run(line).0.contains(wanted) {
            assert!(began.elapsed() < Duration::from_secs(60), "{line} never showed {wanted}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Older versions print an empty creation time of objects that are not created.
fn plain(text: &str) -> String {
    let nothing =
        |line: &&str| !line.trim().trim_matches('"').starts_with("creationTimestamp") || !line.contains("null");
    text.lines().filter(nothing).map(|line| format!("{line}\n")).collect()
}

/// The files of an editor have names of chance.
fn unnamed(text: &str) -> String {
    let mut parts = text.split("/tmp/kubectl-edit-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + "/tmp/kubectl-edit-" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// What kubectl 1.36.2 said to lines that older ones answer otherwise: a recording, made against `tabernetes serve` with
/// the objects of `same_bytes/setup.yaml`. A line of JSON is a file to write, or a line with what came of it.
#[test]
fn ours_answers_as_kubectl_1_36_was_heard_to_answer() {
    let mut ours = Session::new(0);
    ours.write("setup.yaml", SETUP).unwrap();
    ours.run("kubectl apply -f setup.yaml");
    ours.advance(Duration::from_secs(60));
    let mut different = Vec::new();
    let mut count = 0;
    for step in RECORDED.lines() {
        let step: serde_json::Value = serde_json::from_str(step).unwrap();
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        if step["file"].is_string() {
            if let Some((folder, _)) = text("file").rsplit_once('/') {
                ours.run(&format!("mkdir -p {folder}"));
            }
            ours.write(text("file"), text("content")).unwrap();
            continue;
        }
        count += 1;
        let own = ours.run(text("line"));
        let equal = step["exit"] == own.exit
            && same(&unnamed(text("stdout")), &unnamed(&own.stdout))
            && same(&unnamed(text("stderr")), &unnamed(&own.stderr));
        if !equal {
            different.push(format!(
                "$ {}\n--- recorded ({})\n{}{}--- ours ({})\n{}{}",
                text("line"),
                step["exit"],
                text("stdout"),
                text("stderr"),
                own.exit,
                own.stdout,
                own.stderr
            ));
        }
    }
    assert!(count > 150, "the recording has gone");
    assert!(different.is_empty(), "{} of {count} lines differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn the_real_kubectl_and_ours_give_the_same_bytes() {
    if program("kubectl").is_none() {
        println!("the_real_kubectl_and_ours_give_the_same_bytes: NOT PROVEN, there is no kubectl on the PATH");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("same_bytes");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("setup.yaml"), SETUP).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = Settings { config: Config::default(), speed: SPEED, warm_up: Duration::from_secs(60), prose: None };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = runtime.block_on(listen(any)).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(serve(listener, Owner::start(settings).unwrap(), std::future::pending()));
    let config = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: kubernetes, cluster: {{server: 'http://{address}'}}}}]\n\
         contexts: [{{name: kubernetes-admin@kubernetes, context: {{cluster: kubernetes, user: kubernetes-admin}}}}]\n\
         users: [{{name: kubernetes-admin, user: {{}}}}]\ncurrent-context: kubernetes-admin@kubernetes\n"
    );
    std::fs::write(folder.join("config"), config).unwrap();
    let real = Real { folder };
    let mut ours = Session::new(0);
    ours.write("setup.yaml", SETUP).unwrap();

    let (applied, _, code) = real.run("kubectl apply -f setup.yaml");
    assert_eq!((ours.run("kubectl apply -f setup.yaml").stdout, 0), (applied, code));
    real.until("kubectl get deploy,pods,jobs", "web   2/2");
    real.until("kubectl get jobs", "Complete");
    real.until("kubectl get pod p1", "Running");
    ours.advance(Duration::from_secs(60));

    let mut different = Vec::new();
    let mut count = 0;
    for line in LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        count += 1;
        let theirs = real.run(line);
        let own = ours.run(line);
        let equal = theirs.2 == own.exit
            && same(&plain(&unnamed(&theirs.0)), &plain(&unnamed(&own.stdout)))
            && same(&unnamed(&theirs.1), &unnamed(&own.stderr));
        if !equal {
            different.push(format!(
                "$ {line}\n--- real ({})\n{}{}--- ours ({})\n{}{}",
                theirs.2, theirs.0, theirs.1, own.exit, own.stdout, own.stderr
            ));
        }
    }
    runtime.shutdown_background();
    assert!(count > 700, "the table has gone");
    assert!(different.is_empty(), "{} of {count} lines differ:\n{}", different.len(), different.join("\n"));
}
