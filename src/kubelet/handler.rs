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
use crate::text::http::{Body, Method, Request, StreamRead};

/// So much output of a command is told.
const OUTPUT_BYTES: usize = 10 << 10;

/// So many redirects within a server a probe follows.
const REDIRECTS: u32 = 10;
/// What gRPC calls its messages.
const GRPC: &str = "application/grpc";

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
    /// A wait, and what it ends with.
    Sleep(Time, Ran),
    /// It has ended.
    Ended(Ran),
}

impl Handling {
    /// When it ends by the clock alone.
    pub fn until(&self) -> Option<Time> {
        match self {
            Handling::Exec { timeout, .. } => timeout.as_ref().map(|(at, _)| *at),
            Handling::Sleep(at, _) => Some(*at),
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
            return Handling::Sleep(now + Duration::from_secs(u64::try_from(seconds).unwrap_or(0)), Ran::Success);
        }
        if let Some(grpc) = asked.grpc {
            let timeout = asked.timeout.unwrap_or_default();
            return match self.grpc_check(grpc, target, now) {
                Some(ran) => Handling::Ended(ran),
                None => Handling::Sleep(now + timeout, unreached(grpc, target.address, timeout)),
            };
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
        let mut answer = self.runtime.request(host, port, &request, now);
        for followed in 0.. {
            let local = match &answer {
                Ok(held) if probe && (300..400).contains(&held.status) => {
                    let location = held.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Location"));
                    location.map(|(_, to)| to.clone()).filter(|to| to.starts_with('/'))
                }
                _ => None,
            };
            let Some(to) = local else { break };
            if followed >= REDIRECTS {
                return Ran::Failure(format!("Get {to:?}: stopped after {REDIRECTS} redirects"));
            }
            to.split('?').next().unwrap_or_default().clone_into(&mut request.path);
            answer = self.runtime.request(host, port, &request, now);
        }
        match answer {
            Err(_) if !self.runtime.listens(host, port) => {
                Ran::Failure(format!("Get {url:?}: {}", refused(host, port)))
            }
            Err(text) => Ran::Failure(format!("Get {url:?}: {text}")),
            Ok(_) if !probe => Ran::Success,
            Ok(answer) => match (answer.status, &answer.body) {
                (200..=299, _) => Ran::Success,
                (300..=399, Body::Bytes(body)) => Ran::Warning(format!(
                    "Probe terminated redirects, Response body: {}",
                    String::from_utf8_lossy(body)
                )),
                (status, _) => Ran::Failure(format!("HTTP probe failed with statuscode: {status}")),
            },
        }
    }

    /// Asks the health service of a program; `None` when nobody there speaks gRPC, which shows only by its silence.
    fn grpc_check(&mut self, grpc: &GRPCAction, target: Target<'_>, now: Time) -> Option<Ran> {
        let port = u16::try_from(grpc.port).unwrap_or(0);
        let service = grpc.service.clone().unwrap_or_default();
        let mut request = Request::new(Method::Post, "/grpc.health.v1.Health/Check");
        request.headers = vec![
            ("Host".to_owned(), format!("{}:{port}", target.address)),
            ("Content-Type".to_owned(), GRPC.to_owned()),
        ];
        request.body = service.into_bytes();
        let answer = self.runtime.request(target.address, port, &request, now).ok()?;
        let header = |name: &str| answer.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str());
        if header("Content-Type") != Some(GRPC) {
            return None;
        }
        let Body::Bytes(body) = &answer.body else { return None };
        let said = String::from_utf8_lossy(body);
        Some(match (header("Grpc-Message"), &*said) {
            (Some(text), _) => Ran::Failure(format!("error: health rpc probe failed: rpc error: {text}")),
            (None, "SERVING") => Ran::Success,
            (None, other) => Ran::Failure(format!("service unhealthy (responded with {other:?})")),
        })
    }

    /// Looks how a handler stands; it is `Ended` when this gives something.
    pub(super) fn poll(&mut self, handling: &mut Handling, now: Time) -> Option<Ran> {
        let ran = match handling {
            Handling::Ended(ran) => return Some(ran.clone()),
            Handling::Sleep(until, ran) => (*until <= now).then(|| ran.clone())?,
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

/// What a check over gRPC ends with where nobody answers.
fn unreached(grpc: &GRPCAction, address: &str, timeout: Duration) -> Ran {
    Ran::Failure(format!(
        "timeout: failed to connect service {:?} within {}: context deadline exceeded",
        format!("{address}:{}", grpc.port),
        go_duration(i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX))
    ))
}

/// A port by number, or by the name that the container gives it.
pub(super) fn port_of(port: &IntOrString, container: &Container) -> Result<u16, String> {
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
