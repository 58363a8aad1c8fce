//! What probes and lifecycle hooks do in a container: run a command, ask over HTTP, open a connection, wait.
//!
//! Models Kubernetes 1.36 pkg/probe/{exec,http,tcp,grpc} and pkg/kubelet/lifecycle/handlers.go.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, ExecAction, GRPCAction, HTTPGetAction, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Kubelet;
use crate::apiserver::ExecOptions;
use crate::sim::Time;
use crate::text::duration::go_duration;
use crate::text::http::{Method, Request, StreamRead};

/// So much output of a command is told.
const OUTPUT_BYTES: usize = 10 << 10;

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// Well.
    Success,
    /// Well, with a word of warning.
    Warning(String),
    /// It answered no; what it said.
    Failure(String),
    /// The command ended with a code that is not 0.
    Exited {
        /// The code.
        code: i32,
        /// What it wrote, standard output first.
        output: String,
        /// The standard error part of that.
        stderr: String,
    },
    /// It could not be asked.
    Error(String),
}

/// A handler under way.
#[derive(Clone, Debug)]
pub enum Handling {
    /// A command.
    Exec {
        /// The session of the runtime.
        session: u64,
        /// What it has written to standard output and to standard error.
        output: [Vec<u8>; 2],
        /// When it has taken too long, and the text for that.
        timeout: Option<(Time, String)>,
    },
    /// A wait.
    Sleep(Time),
    /// It has ended.
    Ended(Ran),
}

impl Handling {
    /// When it ends by the clock alone.
    pub fn until(&self) -> Option<Time> {
        match self {
            Handling::Exec { timeout, .. } => timeout.as_ref().map(|(at, _)| *at),
            Handling::Sleep(at) => Some(*at),
            Handling::Ended(_) => None,
        }
    }
}

/// What is to be done; the fields of a probe and of a lifecycle handler.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    pub exec: Option<&'a ExecAction>,
    pub http_get: Option<&'a HTTPGetAction>,
    pub tcp_socket: Option<&'a TCPSocketAction>,
    pub grpc: Option<&'a GRPCAction>,
    pub sleep: Option<i64>,
    /// Whether it is a probe, which looks at the status of an answer; a hook is content with any.
    pub probe: bool,
    /// How long a command or an answer may take.
    pub timeout: Option<Duration>,
}

/// The container whose process is meant.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub container: &'a Container,
    pub id: &'a str,
    pub address: &'a str,
}

impl Kubelet {
    pub(super) fn handle(&mut self, asked: &Asked<'_>, target: Target<'_>, now: Time) -> Handling {
        if let Some(exec) = asked.exec {
            return self.begin_exec(exec.command.as_deref().unwrap_or_default(), asked.timeout, target, now);
        }
        if let Some(seconds) = asked.sleep {
            return Handling::Sleep(now + Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        }
        Handling::Ended(if let Some(get) = asked.http_get {
            self.http_get(get, asked.probe, target, now)
        } else if let Some(tcp) = asked.tcp_socket {
            let host = tcp.host.as_deref().filter(|host| !host.is_empty()).unwrap_or(target.address);
            match port_of(&tcp.port, target.container) {
                Err(text) => Ran::Error(text),
                Ok(port) if self.runtime.listens(host, port) => Ran::Success,
                Ok(port) => Ran::Failure(refused(host, port)),
            }
        } else if let Some(grpc) = asked.grpc {
            self.grpc_check(grpc, target, asked.timeout)
        } else {
            Ran::Error("missing handler".to_owned())
        })
    }

    fn begin_exec(&mut self, command: &[String], timeout: Option<Duration>, target: Target<'_>, now: Time) -> Handling {
        let options = ExecOptions { command: command.to_vec(), stdin: false, stdout: true, stderr: true, tty: false };
        let timeout = timeout.map(|limit| {
            let nanoseconds = i64::try_from(limit.as_nanos()).unwrap_or(i64::MAX);
            let words = command.join(" ");
            (now + limit, format!("command timed out: {words:?} timed out after {}", go_duration(nanoseconds)))
        });
        match self.runtime.exec(target.id, &options, now) {
            Ok(session) => Handling::Exec { session, output: Default::default(), timeout },
            Err(text) => {
                let text = text.strip_prefix("error executing command in container: ").unwrap_or(&text);
                Handling::Ended(Ran::Error(text.to_owned()))
            }
        }
    }

    fn http_get(&mut self, get: &HTTPGetAction, probe: bool, target: Target<'_>, now: Time) -> Ran {
        let port = match port_of(&get.port, target.container) {
            Ok(port) => port,
            Err(text) => return Ran::Error(text),
        };
        let host = get.host.as_deref().filter(|host| !host.is_empty()).unwrap_or(target.address);
        let path = get.path.as_deref().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let scheme = get.scheme.as_deref().unwrap_or("HTTP").to_lowercase();
        let url = format!("{scheme}://{host}:{port}{path}");
        let (bare, query) = path.split_once('?').unwrap_or((&path, ""));
        let mut request = Request::new(Method::Get, bare);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            request = request.with_query(name, value);
        }
        let agent = if probe { "kube-probe/1.36" } else { "kube-lifecycle/1.36" };
        let mut headers = vec![("Host".to_owned(), format!("{host}:{port}"))];
        let own = get.http_headers.iter().flatten().map(|header| (header.name.clone(), header.value.clone()));
        headers.extend(own);
        for (name, value) in [("User-Agent", agent), ("Accept", "*/*")] {
            if !headers.iter().any(|(held, _)| held.eq_ignore_ascii_case(name)) {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        request.headers = headers;
        if scheme == "https" && self.runtime.listens(host, port) {
            return Ran::Failure(format!("Get {url:?}: http: server gave HTTP response to HTTPS client"));
        }
        match self.runtime.request(host, port, &request, now) {
            Err(_) if !self.runtime.listens(host, port) => {
                Ran::Failure(format!("Get {url:?}: {}", refused(host, port)))
            }
            Err(text) => Ran::Failure(format!("Get {url:?}: {text}")),
            Ok(_) if !probe => Ran::Success,
            Ok(answer) => match answer.status {
                200..=299 => Ran::Success,
                300..=399 => Ran::Warning("Probe terminated redirects, Response body: ".to_owned()),
                status => Ran::Failure(format!("HTTP probe failed with statuscode: {status}")),
            },
        }
    }

    /// No program here speaks gRPC: a listener does not answer in time, anything else is not reached in time.
    fn grpc_check(&mut self, grpc: &GRPCAction, target: Target<'_>, timeout: Option<Duration>) -> Ran {
        let port = u16::try_from(grpc.port).unwrap_or(0);
        let nanoseconds = timeout.map_or(0, |limit| i64::try_from(limit.as_nanos()).unwrap_or(i64::MAX));
        Ran::Failure(format!(
            "timeout: failed to connect service {:?} within {}: context deadline exceeded",
            format!("{}:{port}", target.address),
            go_duration(nanoseconds)
        ))
    }

    /// Looks how a handler stands; it is `Ended` when this gives something.
    pub(super) fn poll(&mut self, handling: &mut Handling, now: Time) -> Option<Ran> {
        let ran = match handling {
            Handling::Ended(ran) => return Some(ran.clone()),
            Handling::Sleep(until) => (*until <= now).then_some(Ran::Success)?,
            Handling::Exec { session, output, timeout } => {
                let code = self.read_exec(*session, output);
                match (code, timeout) {
                    (Some(0), _) => Ran::Success,
                    (Some(code), _) => exited(code, output),
                    (None, Some((at, text))) if *at <= now => {
                        self.runtime.kill_session(*session, now);
                        self.runtime.close_session(*session);
                        Ran::Failure(text.clone())
                    }
                    _ => return None,
                }
            }
        };
        *handling = Handling::Ended(ran.clone());
        Some(ran)
    }

    /// Reads what a session has; its exit code when it has ended.
    fn read_exec(&mut self, session: u64, output: &mut [Vec<u8>; 2]) -> Option<i32> {
        loop {
            match self.runtime.read_session(session) {
                StreamRead::Pending => return None,
                StreamRead::End => return Some(137),
                StreamRead::Data(message) => match message.split_first() {
                    Some((channel @ (1 | 2), bytes)) => {
                        let [stdout, stderr] = output;
                        let into = if *channel == 1 { stdout } else { stderr };
                        let room = OUTPUT_BYTES.saturating_sub(into.len());
                        into.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
                    }
                    Some((3, status)) => {
                        self.runtime.close_session(session);
                        return Some(exit_code(status));
                    }
                    _ => {}
                },
            }
        }
    }
}

fn exited(code: i32, [stdout, stderr]: &[Vec<u8>; 2]) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran::Exited { code, output: text(stdout) + &text(stderr), stderr: text(stderr) }
}

/// The exit code in the `Status` that ends a session.
fn exit_code(status: &[u8]) -> i32 {
    let Ok(status) = serde_json::from_slice::<serde_json::Value>(status) else { return 1 };
    if status.get("status").and_then(serde_json::Value::as_str) == Some("Success") {
        return 0;
    }
    let code = status.pointer("/details/causes/0/message").and_then(serde_json::Value::as_str);
    code.and_then(|code| code.parse().ok()).unwrap_or(1)
}

/// A port by number, or by the name that the container gives it.
fn port_of(port: &IntOrString, container: &Container) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let named = container.ports.iter().flatten().find(|port| port.name.as_deref() == Some(name.as_str()));
            match named {
                Some(port) => port.container_port,
                None => name.parse().map_err(|_| format!("strconv.Atoi: parsing {name:?}: invalid syntax"))?,
            }
        }
    };
    u16::try_from(number).ok().filter(|number| *number > 0).ok_or(format!("invalid port number: {number}"))
}

fn refused(host: &str, port: u16) -> String {
    format!("dial tcp {host}:{port}: connect: connection refused")
}
