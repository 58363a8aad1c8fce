//! kubectl from the outside: a scripted machine and server, and what comes out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kubectl;
use crate::shell::program::{Errno, Fd, FileInfo, Host, Pid, Read, Signal, Step, System};
use crate::sim::Time;
use crate::text::http::{Body, Request, Response, StreamId, StreamRead};

/// A machine whose server answers from a list.
#[derive(Default)]
struct Machine {
    files: BTreeMap<String, String>,
    server: Server,
    stdin: Vec<Read>,
    out: String,
    err: String,
    /// How many bytes standard output takes before it is full, once.
    room: Option<usize>,
}

#[derive(Default)]
struct Server {
    answers: Vec<(&'static str, u16, Value)>,
    stream: Vec<StreamRead>,
    asked: Vec<String>,
}

impl Host for Server {
    fn send(&mut self, authority: &str, request: Request) -> Result<Response, String> {
        if authority != "172.30.1.2:6443" {
            return Err(format!("dial tcp {authority}: connect: connection refused"));
        }
        let query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let line = format!("{} {}?{}", request.method.as_str(), request.path, query.join("&"));
        self.asked.push(line.clone());
        if line.contains("watch=true") {
            return Ok(Response { status: 200, headers: Vec::new(), body: Body::Stream(StreamId(1)) });
        }
        let answer = self.answers.iter().find(|(known, _, _)| line.starts_with(known));
        let (status, value) =
            answer.map_or((404, json!("404 page not found")), |(_, status, value)| (*status, value.clone()));
        let headers = vec![("Warning".to_owned(), "299 - \"be careful\"".to_owned())];
        let headers = if line.contains("/careful") { headers } else { Vec::new() };
        Ok(Response { status, headers, body: Body::Bytes(value.to_string().into_bytes()) })
    }
    fn read_stream(&mut self, _: StreamId) -> StreamRead {
        if self.stream.is_empty() { StreamRead::End } else { self.stream.remove(0) }
    }
    fn write_stream(&mut self, _: StreamId, _: &[u8]) {}
    fn close_stream(&mut self, _: StreamId) {}
}

impl System for Machine {
    fn now(&self) -> Time {
        Time::from_seconds(1_795_456_653)
    }
    fn random(&mut self) -> u32 {
        0
    }
    fn env(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/home/learner".to_owned())
    }
    fn environment(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    fn cwd(&self) -> String {
        "/home/learner".to_owned()
    }
    fn read(&mut self, _: Fd, _: usize) -> Result<Read, Errno> {
        Ok(if self.stdin.is_empty() { Read::Eof } else { self.stdin.remove(0) })
    }
    fn write(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
        let text = String::from_utf8_lossy(bytes);
        if fd == 2 {
            self.err.push_str(&text);
            return Ok(bytes.len());
        }
        let taken = match self.room.take() {
            Some(0) => return Err(Errno::Eagain),
            Some(room) => room.min(bytes.len()),
            None => bytes.len(),
        };
        if taken < bytes.len() {
            self.room = Some(0);
        }
        self.out.push_str(&String::from_utf8_lossy(&bytes[..taken]));
        Ok(taken)
    }
    fn take_signal(&mut self) -> Option<Signal> {
        None
    }
    fn is_terminal(&self, _: Fd) -> bool {
        false
    }
    fn window(&self) -> (u16, u16) {
        (80, 24)
    }
    fn set_raw(&mut self, _: bool) {}
    fn read_file(&self, path: &str) -> Result<Vec<u8>, Errno> {
        self.files.get(path).map(|text| text.clone().into_bytes()).ok_or(Errno::Enoent)
    }
    fn write_file(&mut self, path: &str, content: &[u8]) -> Result<(), Errno> {
        self.files.insert(path.to_owned(), String::from_utf8_lossy(content).into_owned());
        Ok(())
    }
    fn remove_file(&mut self, path: &str) -> Result<(), Errno> {
        self.files.remove(path).map(|_| ()).ok_or(Errno::Enoent)
    }
    fn create_dir(&mut self, _: &str, _: bool) -> Result<(), Errno> {
        Ok(())
    }
    fn file_info(&self, path: &str) -> Result<FileInfo, Errno> {
        let size = self.files.get(path).ok_or(Errno::Enoent)?.len() as u64;
        Ok(FileInfo { name: path.to_owned(), is_dir: false, size, mode: 0o644, modified: self.now() })
    }
    fn read_dir(&self, _: &str) -> Result<Vec<FileInfo>, Errno> {
        Err(Errno::Enotdir)
    }
    fn spawn(&mut self, _: &[String]) -> Result<Pid, Errno> {
        Err(Errno::Enoent)
    }
    fn exit_code(&self, _: Pid) -> Option<i32> {
        None
    }
    fn host(&mut self) -> &mut dyn Host {
        &mut self.server
    }
}

const CONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster: {server: 'https://172.30.1.2:6443'}\ncontexts:\n- name: c\n  context: {cluster: k, user: u}\nusers:\n- name: u\n  user: {}\n";

fn machine() -> Machine {
    let resource = |name: &str, singular: &str, kind: &str| {
        json!({"resource": name, "singularResource": singular, "responseKind": {"kind": kind}, "scope": "Namespaced",
               "verbs": ["get", "list"], "categories": ["all"]})
    };
    let group = |name: &str, resources: Value| json!({"metadata": {"name": name}, "versions": [{"version": "v1", "resources": resources}]});
    let list = |items: Value| json!({"kind": "APIGroupDiscoveryList", "items": items});
    let mut machine = Machine::default();
    machine.files.insert("/home/learner/.kube/config".to_owned(), CONFIG.to_owned());
    machine.server.answers = vec![
        ("GET /api?", 200, list(json!([group("", json!([resource("pods", "pod", "Pod")]))]))),
        ("GET /apis?", 200, list(json!([group("batch", json!([resource("jobs", "job", "Job")]))]))),
    ];
    machine
}

/// Runs a line until it ends; a program that only waits for more is left after ten rounds.
fn run(machine: &mut Machine, line: &str) -> Option<i32> {
    let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let mut program = kubectl::new(&args);
    for _ in 0..10 {
        // A copy goes on from the same point: nothing hides outside of the value.
        program = program.clone_box();
        if let Step::Exit(code) = program.resume(machine) {
            return Some(code);
        }
    }
    None
}

fn table(rows: Value) -> Value {
    json!({"kind": "Table", "metadata": {"resourceVersion": "7"}, "columnDefinitions": [{"name": "Name", "format": "name"}, {"name": "Status"}],
           "rows": rows})
}

fn row(name: &str, status: &str) -> Value {
    json!({"cells": [name, status], "object": {"metadata": {"name": name}}})
}

fn not_found(what: &str) -> Value {
    json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": format!("{what} not found")})
}

#[test]
fn get_prints_what_is_there_and_then_what_is_not() {
    let mut machine = machine();
    machine.server.answers.push((
        "GET /apis/batch/v1/namespaces/default/jobs/a",
        200,
        table(json!([row("a", "Running")])),
    ));
    machine.server.answers.push(("GET /apis/batch/v1/namespaces/default/jobs/b", 404, not_found("jobs.batch \"b\"")));
    assert_eq!(run(&mut machine, "get jobs a b"), Some(1));
    assert_eq!(machine.out, "NAME   STATUS\na      Running\n");
    assert_eq!(machine.err, "Error from server (NotFound): jobs.batch \"b\" not found\n");
}

#[test]
fn all_kinds_are_shown_with_their_names_and_empty_ones_left_out() {
    let mut machine = machine();
    machine.server.answers.push(("GET /api/v1/namespaces/default/pods", 200, table(json!([]))));
    machine.server.answers.push((
        "GET /apis/batch/v1/namespaces/default/jobs",
        200,
        table(json!([row("a", "Complete")])),
    ));
    assert_eq!(run(&mut machine, "get all"), Some(0));
    assert_eq!(machine.out, "NAME          STATUS\njob.batch/a   Complete\n");
}

#[test]
fn a_watch_starts_where_the_list_ended_and_prints_rows_as_they_come() {
    let mut machine = machine();
    machine.server.answers.push((
        "GET /api/v1/namespaces/default/pods?limit",
        200,
        table(json!([row("a", "Pending")])),
    ));
    let event = json!({"type": "MODIFIED", "object": table(json!([row("a", "Running")]))}).to_string() + "\n";
    let (first, second) = event.split_at(20);
    machine.server.stream = vec![
        StreamRead::Data(first.as_bytes().to_vec()),
        StreamRead::Pending,
        StreamRead::Data(second.as_bytes().to_vec()),
        StreamRead::Pending,
        StreamRead::End,
    ];
    assert_eq!(run(&mut machine, "get pods -w"), Some(0));
    assert_eq!(machine.out, "NAME   STATUS\na      Pending\na      Running\n");
    let last = machine.server.asked.last().unwrap();
    assert_eq!(last, "GET /api/v1/namespaces/default/pods?resourceVersion=7&watch=true");
}

#[test]
fn apply_reads_standard_input_and_remembers_what_it_applied() {
    let mut machine = machine();
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: a\n";
    let (first, second) = job.split_at(10);
    machine.stdin = vec![Read::Data(first.into()), Read::WouldBlock, Read::Data(second.into()), Read::Eof];
    machine.server.answers.push(("GET /apis/batch/v1/namespaces/default/jobs/a", 404, not_found("jobs.batch \"a\"")));
    machine.server.answers.push((
        "POST /apis/batch/v1/namespaces/default/jobs",
        201,
        json!({"metadata": {"name": "a"}}),
    ));
    assert_eq!(run(&mut machine, "apply -f -"), Some(0));
    assert_eq!((machine.out.as_str(), machine.err.as_str()), ("job.batch/a created\n", ""));
    let last = machine.server.asked.last().unwrap();
    assert!(last.ends_with("jobs?fieldManager=kubectl-client-side-apply&fieldValidation=Strict"), "{last}");
}

#[test]
fn delete_waits_until_the_object_is_gone() {
    let mut machine = machine();
    let pod = json!({"kind": "Pod", "metadata": {"name": "a", "uid": "1", "resourceVersion": "9"}});
    machine.server.answers.push(("DELETE /api/v1/namespaces/default/pods/a", 200, pod.clone()));
    machine.server.answers.push(("GET /api/v1/namespaces/default/pods/a", 200, pod.clone()));
    let gone = json!({"type": "DELETED", "object": pod}).to_string() + "\n";
    machine.server.stream = vec![StreamRead::Pending, StreamRead::Data(gone.into_bytes())];
    assert_eq!(run(&mut machine, "delete pod a"), Some(0));
    assert_eq!(machine.out, "pod \"a\" deleted from default namespace\n");
    assert!(machine.server.stream.is_empty(), "it did not wait");
}

#[test]
fn a_full_pipe_is_waited_for_and_nothing_is_lost() {
    let mut machine = machine();
    machine.room = Some(5);
    machine.server.answers.push(("GET /api/v1/namespaces/default/pods", 200, table(json!([row("a", "Running")]))));
    assert_eq!(run(&mut machine, "get pods"), Some(0));
    assert_eq!(machine.out, "NAME   STATUS\na      Running\n");
}

#[test]
fn a_server_that_is_not_there_and_a_warning_are_told() {
    let mut machine = machine();
    assert_eq!(run(&mut machine, "get pods -s http://127.0.0.1:1"), Some(1));
    assert!(
        machine.err.ends_with(
            "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n"
        )
    );
    machine.err.clear();
    machine.server.answers.push(("GET /careful", 200, json!({})));
    assert_eq!(run(&mut machine, "get --raw /careful"), Some(0));
    assert_eq!(machine.err, "Warning: be careful\n");
}

/// The lines of the log without their beginning, which holds the time.
fn log(machine: &Machine) -> Vec<String> {
    let plain = |line: &str| match line.split_once("       1 ") {
        Some((stamp, rest)) => {
            assert!(stamp.starts_with("I11"), "{line}");
            rest.to_owned()
        }
        None => line.to_owned(),
    };
    machine.err.lines().map(plain).filter(|line| !line.starts_with("envvar.go")).collect()
}

#[test]
fn requests_are_told_at_level_six_and_more() {
    let told = |level: i32| {
        let mut machine = machine();
        machine.server.answers.push(("GET /api/v1/namespaces/default/pods/a", 404, not_found("pods \"a\"")));
        assert_eq!(run(&mut machine, &format!("get pod a -o yaml -v={level}")), Some(1));
        log(&machine)
    };
    assert_eq!(told(0), ["Error from server (NotFound): pods \"a\" not found"]);
    let six = told(6);
    assert_eq!(six[0], "loader.go:407] Config loaded from file:  /home/learner/.kube/config");
    let url = "https://172.30.1.2:6443/api/v1/namespaces/default/pods/a";
    let response = format!(
        "round_trippers.go:632] \"Response\" verb=\"GET\" url=\"{url}\" status=\"404 Not Found\" milliseconds=0"
    );
    assert!(six.contains(&response), "{six:#?}");
    assert!(!six.iter().any(|line| line.contains("Request")), "{six:#?}");
    let eight = told(8);
    let request = format!("round_trippers.go:527] \"Request\" verb=\"GET\" url=\"{url}\" headers=<");
    let at = eight.iter().position(|line| *line == request).unwrap();
    assert_eq!(eight[at - 1], "helper.go:105] \"Request Body\" body=\"\"");
    assert_eq!(eight[at + 1], "\tAccept: application/json");
    assert!(eight[at + 2].starts_with("\tUser-Agent: kubectl/v1.36.2 "));
    assert_eq!(eight[at + 3], " >");
    assert_eq!(eight[at + 4], "round_trippers.go:632] \"Response\" status=\"404 Not Found\" headers=<");
    assert!(
        eight.iter().any(|line| line.starts_with("helper.go:105] \"Response Body\" body=\"{\\\"code")),
        "{eight:#?}"
    );
    let curl = format!(
        "\tcurl -v -XGET  -H \"Accept: application/json\" -H \"User-Agent: kubectl/v1.36.2 (linux/amd64) kubernetes/98b3519\" '{url}'"
    );
    assert!(told(9).contains(&curl));
}

#[test]
fn the_servers_answer_behind_a_failure_is_told_at_level_four() {
    let mut machine = machine();
    assert_eq!(run(&mut machine, "get --raw /nosuch -v=4"), Some(1));
    assert_eq!(log(&machine)[..2], ["helpers.go:246] server response object: %s[{", "  \"code\": 404,"]);
}

#[test]
fn long_bodies_are_cut_at_level_eight() {
    let mut machine = machine();
    machine.server.answers.push(("GET /api/v1/namespaces/default/pods/a", 200, json!({"x": "y".repeat(2000)})));
    run(&mut machine, "get pod a -o name -v=8");
    assert!(log(&machine).iter().any(|line| line.ends_with(" [truncated 984 chars]\"")), "{}", machine.err);
}

#[test]
fn users_of_the_kubeconfig_file_are_set_field_by_field() {
    let mut machine = machine();
    machine.files.insert("cert".to_owned(), "C".to_owned());
    let mut set = |words: &str| {
        let code = run(&mut machine, &format!("config set-credentials bot {words}"));
        let text = std::mem::take(&mut machine.out) + &std::mem::take(&mut machine.err);
        (code, text, machine.files.get("/home/learner/.kube/config").cloned().unwrap_or_default())
    };
    let (code, text, file) = set("--token=abc --exec-command=login --exec-arg=a,b --exec-env=K=v");
    assert_eq!((code, text.as_str()), (Some(0), "User \"bot\" set.\n"));
    assert!(file.contains("token: abc") && file.contains("command: login") && file.contains("name: K"), "{file}");
    let (_, _, file) = set("--username=u --password=p --exec-env=K-");
    assert!(file.contains("username: u") && !file.contains("token") && !file.contains("name: K"), "{file}");
    let (_, text, _) = set("--username=u --token=t");
    assert!(text.contains("more than one authentication method at the same time: --token, --username/--password"));
    assert_eq!(set("--embed-certs").1, "error: you must specify a --client-certificate or --client-key to embed\n");
    let (_, _, file) = set("--client-certificate=cert --embed-certs");
    assert!(file.contains("client-certificate-data: Qw=="), "{file}");
    // What cannot be read is said below the help, as upstream's command does.
    let (_, text, _) = set("--exec-env=K");
    assert!(
        text.starts_with("Make or change a user.") && text.ends_with("\nerror: invalid exec-env format: K\n"),
        "{text}"
    );
    let (_, _, file) = set("--auth-provider=oidc --auth-provider-arg=a=b,c=d");
    assert!(file.contains("name: oidc") && file.contains("a: b"), "{file}");
}

#[test]
fn values_of_the_kubeconfig_file_have_a_place_and_a_type() {
    let mut machine = machine();
    let mut config = |words: &str| {
        run(&mut machine, &format!("config {words}"));
        std::mem::take(&mut machine.out) + &std::mem::take(&mut machine.err)
    };
    assert_eq!(config("set contexts.c.namespace team"), "Property \"contexts.c.namespace\" set.\n");
    assert_eq!(
        config("set clusters.10.0.0.1.insecure-skip-tls-verify yes"),
        "error: strconv.ParseBool: parsing \"yes\": invalid syntax\n"
    );
    assert_eq!(config("set clusters.10.0.0.1.server https://x"), "Property \"clusters.10.0.0.1.server\" set.\n");
    assert_eq!(config("unset users.nosuch.token"), "error: current map key `nosuch` is invalid\n");
    assert!(config("set nosuch.a b").starts_with("error: unable to parse nosuch.a after []"));
    assert_eq!(config("set users.u.client-key-data ab --set-raw-bytes"), "Property \"users.u.client-key-data\" set.\n");
    assert!(config("set users.u.client-key-data a!").contains("illegal base64 data at input byte 1"));
    let file = machine.files.get("/home/learner/.kube/config").cloned().unwrap_or_default();
    assert!(
        file.contains("namespace: team") && file.contains("name: 10.0.0.1") && file.contains("client-key-data: YWI="),
        "{file}"
    );
}
