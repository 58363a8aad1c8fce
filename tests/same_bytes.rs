//! The same lines through the real kubectl, against this cluster over HTTP, and through ours give the same bytes, on two
//! clusters with the objects of `same_bytes/setup.yaml`. What differs between two clusters (ages, uids, generated names,
//! addresses) is replaced before the comparison.
//!
//! - `same_bytes/lines.txt`: what the kubectl of the machine answers, whichever version it is, ours answers too. Without
//!   a kubectl on the `PATH` there is nothing to prove: the test says so and passes.
//! - `same_bytes/recorded_1.36.jsonl`: lines that older versions answer in other words, with what kubectl 1.36.2
//!   answered. Ours is held against these answers everywhere. Where a kubectl 1.36 is at hand (`KUBECTL_1_36=FILE`, or on
//!   the `PATH`), it is asked again and has to say what is written there; with `RECORD=1`, what it says is written down
//!   instead. A new line is added as `{"line": "..."}`, for `RECORD=1` to fill in.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]
#![allow(clippy::disallowed_methods, reason = "a real program is waited for in real time")]

#[path = "real_kubectl/programs.rs"]
mod programs;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use programs::{path, program};
use serde_json::{Value, json};
use tabernetes::cluster::Config;
use tabernetes::http::{Owner, Settings, listen, serve};
use tabernetes::lesson::normalise::same;
use tabernetes::playground::Session;
use tokio::runtime::Runtime;

const SETUP: &str = include_str!("same_bytes/setup.yaml");
const LINES: &str = include_str!("same_bytes/lines.txt");
const RECORDED: &str = include_str!("same_bytes/recorded_1.36.jsonl");

/// Virtual seconds in a real one while the clusters are prepared.
const SPEED: f64 = 20.0;

/// What came of a line: standard output, standard error, exit code.
type Answer = (String, String, i32);

/// A real kubectl and a cluster of its own.
struct Real {
    folder: PathBuf,
    path: OsString,
    runtime: Runtime,
}

impl Real {
    /// A fresh cluster for a kubectl, with the objects of the set-up.
    fn start(kubectl: &Path, name: &str) -> Real {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("setup.yaml"), SETUP).unwrap();
        let runtime = Runtime::new().unwrap();
        let settings =
            Settings { config: Config::default(), speed: SPEED, warm_up: Duration::from_secs(60), prose: None };
        let listener = runtime.block_on(listen(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, Owner::start(settings).unwrap(), std::future::pending()));
        let config = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: kubernetes, cluster: {{server: 'http://{address}'}}}}]\n\
             contexts: [{{name: kubernetes-admin@kubernetes, context: {{cluster: kubernetes, user: kubernetes-admin}}}}]\n\
             users: [{{name: kubernetes-admin, user: {{}}}}]\ncurrent-context: kubernetes-admin@kubernetes\n"
        );
        std::fs::write(folder.join("config"), config).unwrap();
        let folders = kubectl.parent().into_iter().map(Path::to_path_buf);
        let path = std::env::join_paths(folders.chain(std::env::split_paths(&path()))).unwrap();
        let real = Real { folder, path, runtime };
        assert_eq!(real.run("kubectl apply -f setup.yaml").2, 0);
        real.until("kubectl get deploy,pods,jobs", "web   2/2");
        real.until("kubectl get jobs", "Complete");
        real.until("kubectl get pod p1", "Running");
        real
    }

    fn run(&self, line: &str) -> Answer {
        let out = Command::new("bash")
            .args(["-c", line])
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("PATH", &self.path)
            .env("KUBECONFIG", self.folder.join("config"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let home = self.folder.to_string_lossy().into_owned();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace(&home, "/home/learner");
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

    fn end(self) {
        self.runtime.shutdown_background();
    }
}

/// Ours, with the objects of the set-up.
fn ours() -> Session {
    let mut ours = Session::new(0);
    ours.write("setup.yaml", SETUP).unwrap();
    assert_eq!(ours.run("kubectl apply -f setup.yaml").exit, 0);
    ours.advance(Duration::from_secs(60));
    ours
}

fn answer(session: &mut Session, line: &str) -> Answer {
    let own = session.run(line);
    (own.stdout, own.stderr, own.exit)
}

/// The files of an editor have names of chance.
fn unnamed(text: &str) -> String {
    let mut parts = text.split("/tmp/kubectl-edit-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + "/tmp/kubectl-edit-" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// What is different between two answers to a line, if anything is.
fn difference(line: &str, theirs: &Answer, own: &Answer) -> Option<String> {
    let alike = |a: &str, b: &str| same(&unnamed(a), &unnamed(b));
    let equal = theirs.2 == own.2 && alike(&theirs.0, &own.0) && alike(&theirs.1, &own.1);
    (!equal).then(|| {
        format!("$ {line}\n--- real ({})\n{}{}--- ours ({})\n{}{}", theirs.2, theirs.0, theirs.1, own.2, own.0, own.1)
    })
}

/// Older versions print an empty creation time of objects that are not created.
fn plain((out, err, code): Answer) -> Answer {
    let nothing =
        |line: &&str| !line.trim().trim_matches('"').starts_with("creationTimestamp") || !line.contains("null");
    (out.lines().filter(nothing).map(|line| format!("{line}\n")).collect(), err, code)
}

#[test]
fn the_real_kubectl_and_ours_give_the_same_bytes() {
    let Some(kubectl) = program("kubectl") else {
        println!("the_real_kubectl_and_ours_give_the_same_bytes: NOT PROVEN, there is no kubectl on the PATH");
        return;
    };
    let real = Real::start(&kubectl, "same_bytes");
    let mut ours = ours();
    let lines: Vec<&str> = LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let differ = |line: &&str| difference(line, &plain(real.run(line)), &plain(answer(&mut ours, line)));
    let different: Vec<String> = lines.iter().filter_map(differ).collect();
    real.end();
    assert!(lines.len() > 700, "the table has gone");
    assert!(different.is_empty(), "{} of {} lines differ:\n{}", different.len(), lines.len(), different.join("\n"));
}

/// The recording: a file to write, or a line with what came of it.
fn recorded() -> Vec<Value> {
    RECORDED.lines().map(|step| serde_json::from_str(step).unwrap()).collect()
}

fn text<'a>(step: &'a Value, name: &str) -> &'a str {
    step[name].as_str().unwrap_or_default()
}

fn answer_of(step: &Value) -> Answer {
    let code = step["exit"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(-1);
    (text(step, "stdout").to_owned(), text(step, "stderr").to_owned(), code)
}

/// A kubectl of the version that ours speaks as.
fn kubectl_1_36() -> Option<PathBuf> {
    let given = std::env::var_os("KUBECTL_1_36").map(PathBuf::from);
    given.or_else(|| program("kubectl")).filter(|kubectl| {
        let version = Command::new(kubectl).args(["version", "--client"]).output();
        version.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains("Client Version: v1.36."))
    })
}

#[test]
fn ours_answers_as_kubectl_1_36_was_heard_to_answer() {
    if std::env::var_os("RECORD").is_some() {
        println!("ours_answers_as_kubectl_1_36_was_heard_to_answer: NOT PROVEN, the answers are being written");
        return;
    }
    let mut ours = ours();
    let (mut count, mut different) = (0, Vec::new());
    for step in recorded() {
        let (file, line) = (text(&step, "file"), text(&step, "line"));
        if line.is_empty() {
            if let Some((folder, _)) = file.rsplit_once('/') {
                ours.run(&format!("mkdir -p {folder}"));
            }
            ours.write(file, text(&step, "content")).unwrap();
            continue;
        }
        count += 1;
        different.extend(difference(line, &answer_of(&step), &answer(&mut ours, line)));
    }
    assert!(count > 150, "the recording has gone");
    assert!(different.is_empty(), "{} of {count} lines differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn kubectl_1_36_still_answers_as_it_was_heard_to() {
    let Some(kubectl) = kubectl_1_36() else {
        println!(
            "kubectl_1_36_still_answers_as_it_was_heard_to: NOT PROVEN, there is no kubectl 1.36 (KUBECTL_1_36=FILE)"
        );
        return;
    };
    let real = Real::start(&kubectl, "same_bytes_1_36");
    let (mut written, mut different) = (String::new(), Vec::new());
    for step in recorded() {
        let (file, line) = (text(&step, "file"), text(&step, "line"));
        let mut now = step.clone();
        if line.is_empty() {
            let file = real.folder.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text(&step, "content")).unwrap();
        } else {
            let (stdout, stderr, exit) = real.run(line);
            different.extend(difference(line, &(stdout.clone(), stderr.clone(), exit), &answer_of(&step)));
            now = json!({"line": line, "stdout": stdout, "stderr": stderr, "exit": exit});
        }
        written += &format!("{now}\n");
    }
    real.end();
    if std::env::var_os("RECORD").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/same_bytes/recorded_1.36.jsonl");
        std::fs::write(file, written).unwrap();
        return;
    }
    assert!(different.is_empty(), "{} lines differ:\n{}", different.len(), different.join("\n"));
}
