//! The real kubectl against this cluster over HTTP: the first lesson from its first command to its last, once on the
//! library's server and once on `tabernetes serve` with the kubeconfig that it writes.
//!
//! Without a kubectl on the `PATH` there is nothing to prove: the tests say so and pass.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]
#![allow(clippy::disallowed_methods, reason = "a real program is waited for in real time")]

#[path = "real_kubectl/programs.rs"]
mod programs;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use programs::{path, program};
use tabernetes::apimachinery::facts::Prose;
use tabernetes::cluster::Config;
use tabernetes::http::{Owner, Settings, listen, serve};

const JOB: &str = "\
apiVersion: batch/v1
kind: Job
metadata:
  name: hello-job
spec:
  template:
    spec:
      containers:
      - name: hello
        image: busybox:1.36
        command: [\"sh\", \"-c\", \"echo Hello from a Job && sleep 2\"]
      restartPolicy: Never
";

/// Virtual seconds in a real one: a lesson of two minutes is over in a few seconds, and a Pod's stages can be seen.
const SPEED: f64 = 20.0;
/// No answer takes longer, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the real kubectl is told where the cluster is.
struct Kubectl {
    program: PathBuf,
    /// Where it may leave its files, and where the lesson's manifest is.
    folder: PathBuf,
    to: Vec<String>,
    /// Whether sessions and forwarded ports go over WebSockets, rather than over SPDY alone.
    websockets: &'static str,
}

/// What came of a command.
struct Answer {
    stdout: String,
    stderr: String,
    code: Option<i32>,
}

impl Kubectl {
    /// The kubectl of this machine with a folder of its own; `None`, said aloud, when there is none.
    fn find(test: &str) -> Option<Self> {
        let Some(program) = program("kubectl") else {
            println!("{test}: NOT PROVEN, there is no kubectl on the PATH");
            return None;
        };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("hello-job.yaml"), JOB).unwrap();
        std::fs::write(folder.join("always.yaml"), JOB.replace("Never", "Always")).unwrap();
        Some(Self { program, folder, to: Vec::new(), websockets: "true" })
    }

    fn start(&self, line: &str) -> Child {
        let mut command = Command::new(&self.program);
        command.args(&self.to).args(line.split(' ')).current_dir(&self.folder);
        command.env("KUBECTL_PORT_FORWARD_WEBSOCKETS", self.websockets);
        command.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", self.websockets);
        command.env("HOME", &self.folder).env("PATH", path()).env_remove("KUBECONFIG").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs a line to its end.
    fn run(&self, line: &str) -> Answer {
        finish(self.start(line), line)
    }

    /// Runs a line that has to succeed; its standard output.
    fn ok(&self, line: &str) -> String {
        let answer = self.run(line);
        assert_eq!(answer.code, Some(0), "kubectl {line}\n{}{}", answer.stdout, answer.stderr);
        answer.stdout
    }

    /// Asks again until what comes contains a text.
    fn until(&self, line: &str, text: &str) -> String {
        let began = Instant::now();
        loop {
            let shown = self.ok(line);
            if shown.contains(text) {
                return shown;
            }
            assert!(began.elapsed() < PATIENCE, "kubectl {line} never showed `{text}`:\n{shown}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Reads both streams to their ends, so that the program never waits for us; kills it after [`PATIENCE`].
fn finish(mut child: Child, line: &str) -> Answer {
    fn reader(stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = BufReader::new(stream).read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }
    let (stdout, stderr) = (reader(child.stdout.take().unwrap()), reader(child.stderr.take().unwrap()));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("kubectl {line} did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Answer { stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap(), code: status.code() }
}

/// A watch in the background; killed with its value.
struct Watch(Child);

impl Watch {
    /// Ends it; what it has shown.
    fn end(mut self) -> String {
        let _ = self.0.kill();
        let mut shown = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
        shown
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// That the texts stand in this order.
fn in_order(shown: &str, texts: &[&str]) {
    let mut from = 0;
    for text in texts {
        let Some(at) = shown.get(from..).and_then(|rest| rest.find(text)) else {
            panic!("`{text}` is missing, or comes too early, in\n{shown}");
        };
        from += at + text.len();
    }
}

/// The first lesson, as a reader would go through it.
fn lesson(kubectl: &Kubectl) {
    let empty = kubectl.run("get jobs");
    assert_eq!((empty.stderr.as_str(), empty.code), ("No resources found in default namespace.\n", Some(0)));
    in_order(&kubectl.ok("get nodes"), &["NAME", "controlplane", "Ready", "node01", "Ready"]);

    let refused = kubectl.run("apply -f always.yaml");
    assert_eq!(
        (refused.stderr.as_str(), refused.code),
        (
            "The Job \"hello-job\" is invalid: spec.template.spec.restartPolicy: Required value: \
             valid values: \"OnFailure\", \"Never\"\n",
            Some(1)
        )
    );

    let watch = Watch(kubectl.start("get pods -w"));
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(kubectl.ok("apply -f hello-job.yaml"), "job.batch/hello-job created\n");
    assert_eq!(
        kubectl.ok("wait --for=condition=complete job/hello-job --timeout=50s"),
        "job.batch/hello-job condition met\n"
    );
    in_order(
        &kubectl.until("get jobs", "Complete"),
        &["NAME", "STATUS", "COMPLETIONS", "hello-job", "Complete", "1/1"],
    );
    in_order(
        &kubectl.ok("get pods"),
        &["NAME", "READY", "STATUS", "RESTARTS", "AGE", "hello-job-", "0/1", "Completed"],
    );
    std::thread::sleep(Duration::from_millis(300));
    in_order(&watch.end(), &["NAME", "Pending", "ContainerCreating", "Running", "Completed"]);

    assert_eq!(kubectl.ok("logs job/hello-job"), "Hello from a Job\n");
    let described = kubectl.ok("describe job hello-job");
    in_order(&described, &["Name:", "hello-job", "Completions:", "1", "Pods Statuses:", "1 Succeeded", "Events:"]);
    in_order(&described, &["SuccessfulCreate", "job-controller", "Created pod: hello-job-"]);
    let pod = kubectl.ok("get pods -o name").trim_end().to_owned();
    in_order(
        &kubectl.ok(&format!("describe {pod}")),
        &["Controlled By:", "Job/hello-job", "Exit Code:", "0", "Scheduled", "Started"],
    );
    let yaml = kubectl.ok("get job hello-job -o yaml");
    in_order(
        &yaml,
        &["apiVersion: batch/v1\n", "kind: Job\n", "  backoffLimit: 6\n", "type: Complete\n", "  succeeded: 1\n"],
    );
    assert_eq!(kubectl.ok("get job hello-job -o jsonpath={.status.succeeded}"), "1");
    in_order(&kubectl.ok("get events"), &["LAST SEEN", "Scheduled", "Pulled"]);
    assert_eq!(kubectl.ok("apply -f hello-job.yaml"), "job.batch/hello-job unchanged\n");
    assert!(kubectl.ok("delete job hello-job").starts_with("job.batch \"hello-job\" deleted"));
    kubectl.run("wait --for=delete pod --all --timeout=50s");
    let gone = kubectl.run("get jobs,pods");
    assert_eq!((gone.stdout.as_str(), gone.stderr.as_str()), ("", "No resources found in default namespace.\n"));
}

/// What a client asks about the server itself.
fn discovery(kubectl: &Kubectl) {
    let resources = kubectl.ok("api-resources");
    in_order(&resources, &["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]);
    for kind in ["pods", "deployments", "cronjobs", "jobs"] {
        assert!(resources.lines().any(|line| line.split_whitespace().next() == Some(kind)), "{kind}\n{resources}");
    }
    in_order(&kubectl.ok("get --raw /version"), &["\"major\": \"1\"", "\"minor\": \"36\""]);
    assert_eq!(kubectl.ok("get --raw /readyz"), "ok");
    in_order(
        &kubectl.ok("explain job.spec.completions"),
        &[
            "GROUP:      batch\n",
            "KIND:       Job\n",
            "VERSION:    v1\n",
            "FIELD: completions <integer>\n",
            "DESCRIPTION:\n",
        ],
    );
    in_order(
        &kubectl.ok("explain job.spec --recursive"),
        &[
            "FIELD: spec <JobSpec>",
            "backoffLimit\t<integer>",
            "completionMode\t<string>",
            "enum: Indexed, NonIndexed",
            "template\t<PodTemplateSpec> -required-",
            "containers\t<[]Container> -required-",
        ],
    );
}

/// What a program behind a forwarded port answers.
fn fetch(port: u16) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    let _ = socket.read_to_end(&mut heard);
    String::from_utf8_lossy(&heard).into_owned()
}

/// Forwards any port of this machine to a port of a Pod: the process, its output and the port here.
fn forward(kubectl: &Kubectl, to: &str) -> (Watch, BufReader<std::process::ChildStdout>, u16) {
    let mut child = kubectl.start(&format!("port-forward {to}"));
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let child = Watch(child);
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let port = line.strip_prefix("Forwarding from 127.0.0.1:").and_then(|rest| rest.split(' ').next());
    let port = port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("port-forward {to} said `{line}`"));
    (child, said, port)
}

/// Ports are forwarded and commands run, whichever protocol kubectl carries them with.
fn sessions(kubectl: &mut Kubectl) {
    kubectl.ok("run web --image=nginx --port=80");
    kubectl.ok("wait --for=condition=Ready pod/web --timeout=50s");
    for websockets in ["true", "false"] {
        kubectl.websockets = websockets;
        let (child, mut said, port) = forward(kubectl, "pod/web :80");
        for _ in 0..3 {
            let page = fetch(port);
            assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("Welcome to nginx!"), "{page}");
        }
        drop(child);
        let mut shown = String::new();
        said.read_to_string(&mut shown).unwrap();
        in_order(&shown, &["Forwarding from [::1]:", &format!("Handling connection for {port}\n").repeat(3)]);

        let (mut child, _said, port) = forward(kubectl, "pod/web :81");
        assert_eq!(fetch(port), "", "nothing listens on 81");
        let mut complaint = String::new();
        child.0.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        in_order(
            &complaint,
            &[
                &format!("an error occurred forwarding {port} -> 81: error forwarding port 81 to pod "),
                "failed to connect to localhost:81 inside namespace ",
                "IPv4: dial tcp4 127.0.0.1:81: connect: connection refused IPv6 dial tcp6 [::1]:81: connect: connection refused",
                "error: lost connection to pod",
            ],
        );
        assert_eq!(child.0.wait().unwrap().code(), Some(1));

        assert_eq!(kubectl.ok("exec web -- echo from inside"), "from inside\n");
        let failed = kubectl.run("exec web -- ls /nowhere");
        assert!(failed.stderr.contains("command terminated with exit code 2"), "{}", failed.stderr);
        assert_eq!(failed.code, Some(2));
    }
    kubectl.websockets = "true";
    // A Pod that has ended has no ports, and a machine that is off none that are reached.
    kubectl.ok("delete pod web --now");
    kubectl.until("get pods", "");
    let gone = kubectl.run("port-forward pod/web :80");
    assert_eq!(gone.stderr, "Error from server (NotFound): pods \"web\" not found\n");
}

#[test]
fn the_first_lesson_runs_with_a_real_kubectl() {
    let Some(mut kubectl) = Kubectl::find("the_first_lesson_runs_with_a_real_kubectl") else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // A text of our own in the place of upstream's: that it arrives is what counts.
    let prose = Prose::parse(r#"{"io.k8s.api.batch.v1.JobSpec": {"": "A job's wishes.", "completions": "How many."}}"#);
    let settings = Settings {
        config: Config::default(),
        speed: SPEED,
        warm_up: Duration::from_secs(60),
        prose: Some(Arc::new(prose.unwrap())),
    };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = runtime.block_on(listen(any)).unwrap();
    kubectl.to = vec![format!("--server=http://{}", listener.local_addr().unwrap())];
    runtime.spawn(serve(listener, Owner::start(settings).unwrap(), std::future::pending()));
    lesson(&kubectl);
    discovery(&kubectl);
    sessions(&mut kubectl);
    in_order(&kubectl.ok("explain job.spec.completions"), &["DESCRIPTION:\n    How many.\n"]);
    in_order(
        &kubectl.ok("explain job.spec"),
        &["DESCRIPTION:\n    A job's wishes.\n", "completions\t<integer>\n    How many.\n"],
    );
    runtime.shutdown_background();
}

#[test]
fn the_kubeconfig_that_serve_writes_leads_to_its_cluster() {
    let Some(mut kubectl) = Kubectl::find("the_kubeconfig_that_serve_writes_leads_to_its_cluster") else { return };
    let kubeconfig = kubectl.folder.join("config");
    let mut server = Command::new(env!("CARGO_BIN_EXE_tabernetes"))
        .args(["serve", "--listen", "127.0.0.1:0", "--seed", "7", "--speed", &SPEED.to_string()])
        .arg("--kubeconfig")
        .arg(&kubeconfig)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap());
    let _ends_with_the_test = Watch(server);
    let mut line = String::new();
    while !line.starts_with("Serving on http://127.0.0.1:") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "serve ended");
    }
    kubectl.to = vec![format!("--kubeconfig={}", kubeconfig.display())];
    assert_eq!(kubectl.ok("config current-context"), "kubernetes-admin@kubernetes\n");
    lesson(&kubectl);
    kubectl.ok("run idle --image=busybox:1.36 --restart=Never -- sleep 3600");
    kubectl.until("get pod idle", "Running");
    assert_eq!(kubectl.ok("exec idle -- echo from inside"), "from inside\n");
    assert!(kubectl.ok("delete pod idle --now").contains("\"idle\""));
}
