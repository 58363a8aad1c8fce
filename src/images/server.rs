//! The servers of images: they print their first lines, listen, answer HTTP where they would, and end on a signal as
//! theirs does. Refuses to be the servers: a database here stores nothing.

use super::nginx;
use crate::shell::program::{Errno, Program, Signal, Step, System, Wait};
use crate::text::http::{Body, Request, Response};

/// How one server behaves.
#[derive(Debug)]
struct Behaviour {
    name: &'static str,
    /// Lines on standard output, then on standard error.
    out: &'static [&'static str],
    err: &'static [&'static str],
    port: Option<u16>,
    /// The directory of its pages.
    pages: Option<&'static str>,
    /// Last line before a graceful end.
    goodbye: &'static [&'static str],
    /// Exit code after SIGTERM.
    code: i32,
    /// Any of these variables must be set, or this text is the error.
    needs: Option<(&'static [&'static str], &'static str)>,
    /// It prints and ends with the code.
    ends: bool,
}

const QUIET: Behaviour = Behaviour {
    name: "",
    out: &[],
    err: &[],
    port: None,
    pages: None,
    goodbye: &[],
    code: 0,
    needs: None,
    ends: false,
};

const SERVERS: &[Behaviour] = &[
    Behaviour {
        name: "nginx",
        err: &[
            "{slash} [notice] 1#1: using the \"epoll\" event method",
            "{slash} [notice] 1#1: nginx/{NGINX_VERSION}",
            "{slash} [notice] 1#1: start worker processes",
            "{slash} [notice] 1#1: start worker process 29",
        ],
        port: Some(80),
        pages: Some("/usr/share/nginx/html"),
        goodbye: &["{slash} [notice] 1#1: signal 15 (SIGTERM) received, exiting", "{slash} [notice] 1#1: exit"],
        ..QUIET
    },
    Behaviour {
        name: "httpd-foreground",
        err: &["[core:notice] [pid 1:tid 1] AH00094: Command line: 'httpd -D FOREGROUND'"],
        port: Some(80),
        pages: Some("/usr/local/apache2/htdocs"),
        goodbye: &["[mpm_event:notice] [pid 1:tid 1] AH00491: caught SIGTERM, shutting down"],
        ..QUIET
    },
    Behaviour {
        name: "postgres",
        err: &[
            "{dash} UTC [1] LOG:  starting PostgreSQL",
            "{dash} UTC [1] LOG:  database system is ready to accept connections",
        ],
        port: Some(5432),
        goodbye: &[
            "{dash} UTC [1] LOG:  received smart shutdown request",
            "{dash} UTC [1] LOG:  database system is shut down",
        ],
        needs: Some((
            &["POSTGRES_PASSWORD", "POSTGRES_HOST_AUTH_METHOD"],
            "Error: Database is uninitialized and superuser password is not specified.\n       You must specify POSTGRES_PASSWORD to a non-empty value for the\n       superuser.\n",
        )),
        ..QUIET
    },
    Behaviour {
        name: "mysqld",
        err: &["{dash} [System] [MY-010931] [Server] /usr/sbin/mysqld: ready for connections. port: 3306"],
        port: Some(3306),
        goodbye: &["{dash} [System] [MY-010910] [Server] /usr/sbin/mysqld: Shutdown complete"],
        needs: Some((
            &["MYSQL_ROOT_PASSWORD", "MYSQL_ALLOW_EMPTY_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"],
            "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified\n    You need to specify one of the following as an environment variable:\n    - MYSQL_ROOT_PASSWORD\n    - MYSQL_ALLOW_EMPTY_PASSWORD\n    - MYSQL_RANDOM_ROOT_PASSWORD\n",
        )),
        ..QUIET
    },
    Behaviour {
        name: "coredns",
        out: &[".:53", "CoreDNS"],
        port: Some(9153),
        goodbye: &["[INFO] SIGTERM: Shutting down servers then terminating"],
        ..QUIET
    },
    Behaviour { name: "etcd", err: &["etcd is serving client requests on port 2379"], port: Some(2379), ..QUIET },
    Behaviour { name: "kube-apiserver", err: &["Serving securely on [::]:6443"], port: Some(6443), ..QUIET },
    Behaviour {
        name: "kube-controller-manager",
        err: &["Serving securely on 127.0.0.1:10257"],
        port: Some(10257),
        ..QUIET
    },
    Behaviour { name: "kube-proxy", err: &["Using iptables proxy"], port: Some(10256), ..QUIET },
    Behaviour { name: "kube-scheduler", err: &["Serving securely on 127.0.0.1:10259"], port: Some(10259), ..QUIET },
    Behaviour { name: "pause", err: &[], goodbye: &["Shutting down, got signal: Terminated"], ..QUIET },
    Behaviour { name: "echoserver", port: Some(8080), code: 143, ..QUIET },
    Behaviour {
        name: "hello-world",
        out: &["", "Hello from Docker!", "This container printed this text and is done.", ""],
        ends: true,
        ..QUIET
    },
    Behaviour {
        name: "python",
        err: &["python: this machine has no Python interpreter; use busybox's sh, or perl's print bpi(N)"],
        code: 1,
        ends: true,
        ..QUIET
    },
    Behaviour {
        name: "node",
        err: &["node: this machine has no JavaScript runtime; use busybox's sh"],
        code: 1,
        ends: true,
        ..QUIET
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Start,
    Serving,
    Done(i32),
}

#[derive(Clone, Debug)]
struct Server {
    behaviour: &'static Behaviour,
    phase: Phase,
    pending: Vec<(i32, Vec<u8>)>,
    argv: Vec<String>,
    /// What its configuration says, for a server that reads one here.
    config: Option<nginx::Config>,
}

/// Makes a server; the base name of the first argument says which.
pub fn make(argv: &[String]) -> Box<dyn Program> {
    let name = argv.first().map_or("", |name| name.rsplit('/').next().unwrap_or_default());
    let name = name.strip_suffix('3').unwrap_or(name);
    let name = if name == "hello" { "hello-world" } else { name };
    let found = SERVERS.iter().find(|server| server.name == name);
    let (pending, argv) = (Vec::new(), argv.to_vec());
    Box::new(Server { behaviour: found.unwrap_or(&QUIET), phase: Phase::Start, pending, argv, config: None })
}

impl Program for Server {
    fn resume(&mut self, system: &mut dyn System) -> Step {
        if self.phase == Phase::Start {
            self.start(system);
        }
        while let Some(signal) = system.take_signal() {
            if matches!(signal, Signal::Term | Signal::Int | Signal::Quit) && self.phase == Phase::Serving {
                self.say(2, self.behaviour.goodbye, system);
                self.phase = Phase::Done(self.behaviour.code);
            }
        }
        while let Some((fd, bytes)) = self.pending.first_mut() {
            match system.write(*fd, bytes) {
                Ok(count) if count >= bytes.len() => drop(self.pending.remove(0)),
                Ok(count) => drop(bytes.drain(..count)),
                Err(Errno::Eagain) => return Step::Wait(Wait { writable: Some(*fd), ..Wait::default() }),
                Err(_) => drop(self.pending.remove(0)),
            }
        }
        match self.phase {
            Phase::Done(code) => Step::Exit(code),
            _ => Step::Wait(Wait::default()),
        }
    }

    fn clone_box(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }

    fn serve(&mut self, request: &Request, system: &mut dyn System) -> Option<Response> {
        let time = stamp(system, "{slash}");
        let response = match (self.behaviour.pages, self.behaviour.name) {
            (Some(pages), "nginx") => match self.config.as_ref().map(|config| config.answer(request)) {
                Some(nginx::Answer::Text(status, text)) => answer(status, "text/plain", text.into_bytes()),
                Some(nginx::Answer::Files(root)) => page(&root, &request.path, system),
                None => page(pages, &request.path, system),
            },
            (Some(pages), _) => page(pages, &request.path, system),
            (None, "etcd") if request.path == "/grpc.health.v1.Health/Check" => {
                answer(200, "application/grpc", b"SERVING".to_vec())
            }
            (None, "etcd" | "coredns") if matches!(request.path.as_str(), "/health" | "/healthz" | "/ready") => {
                answer(200, "text/plain", b"OK".to_vec())
            }
            (None, "echoserver") => {
                let headers: String =
                    request.headers.iter().map(|(name, value)| format!("\t{name}={value}\n")).collect();
                answer(
                    200,
                    "text/plain",
                    format!(
                        "Request Information:\n\tmethod={}\n\treal path={}\n\nRequest Headers:\n{headers}",
                        request.method.as_str(),
                        request.path
                    )
                    .into_bytes(),
                )
            }
            _ => return None,
        };
        if self.behaviour.name == "nginx" {
            let size = if let Body::Bytes(bytes) = &response.body { bytes.len() } else { 0 };
            let line = format!(
                "10.244.0.1 - - [{time}] \"{} {} HTTP/1.1\" {} {size} \"-\" \"{}\" \"-\"\n",
                request.method.as_str(),
                request.path,
                response.status,
                request.header("User-Agent").unwrap_or("-")
            );
            let _ = system.write(1, line.as_bytes());
        }
        Some(response)
    }
}

impl Server {
    /// `nginx -v` and its like: whether that was all.
    fn start_nginx(&mut self, system: &mut dyn System) -> bool {
        let version = system.env("NGINX_VERSION").unwrap_or_default();
        let read = nginx::read(system);
        let (text, code) = match (self.argv.get(1).map(String::as_str), &read) {
            (Some("-v" | "-V"), _) => (format!("nginx version: nginx/{version}\n"), 0),
            (Some("-t" | "-T"), Ok(_)) => (nginx::TESTED.to_owned(), 0),
            (Some("-t" | "-T"), Err(why)) => {
                (format!("{}\n{}", stamp(system, &format!("nginx: [emerg] {why}")), nginx::TEST_FAILED), 1)
            }
            (Some("-s"), _) => (String::new(), 0),
            (_, Err(why)) => (stamp(system, &format!("{{slash}} [emerg] 1#1: {why}\nnginx: [emerg] {why}\n")), 1),
            (_, Ok(_)) => {
                self.config = read.ok();
                return false;
            }
        };
        self.pending.push((2, text.into_bytes()));
        self.phase = Phase::Done(code);
        true
    }

    fn start(&mut self, system: &mut dyn System) {
        let behaviour = self.behaviour;
        if behaviour.name == "nginx" && self.start_nginx(system) {
            return;
        }
        if let Some((names, text)) = behaviour.needs
            && !names.iter().any(|name| system.env(name).is_some_and(|value| !value.is_empty()))
        {
            self.pending.push((2, text.as_bytes().to_vec()));
            self.phase = Phase::Done(1);
            return;
        }
        let usual = behaviour.port.into_iter().collect();
        let ports: Vec<u16> = self.config.as_ref().map_or(usual, |config| config.ports());
        if let Some(port) = ports.into_iter().find(|port| system.listen(*port).is_err()) {
            let text = format!("{}: bind() to 0.0.0.0:{port} failed (98: Address already in use)\n", behaviour.name);
            self.pending.push((2, text.into_bytes()));
            self.phase = Phase::Done(1);
            return;
        }
        self.say(1, behaviour.out, system);
        self.say(2, behaviour.err, system);
        self.phase = if behaviour.ends { Phase::Done(behaviour.code) } else { Phase::Serving };
    }

    fn say(&mut self, fd: i32, lines: &[&str], system: &dyn System) {
        let version = system.env("NGINX_VERSION").unwrap_or_default();
        for line in lines {
            let text = stamp(system, line).replace("{NGINX_VERSION}", &version);
            self.pending.push((fd, format!("{text}\n").into_bytes()));
        }
    }
}

/// Puts the present instant into a line: `{slash}` 2026/11/23 17:00:00, `{dash}` 2026-11-23 17:00:00, `{epoch}` seconds.
pub(super) fn stamp(system: &dyn System, line: &str) -> String {
    if !line.contains('{') {
        return line.to_owned();
    }
    let time = system.now();
    let text = format!("{:.0}", time.timestamp());
    let plain = text.replace('T', " ").trim_end_matches('Z').to_owned();
    line.replace("{slash}", &plain.replace('-', "/"))
        .replace("{dash}", &plain)
        .replace("{epoch}", &time.as_seconds().to_string())
}

fn page(pages: &str, path: &str, system: &dyn System) -> Response {
    let path = path.split('?').next().unwrap_or_default();
    if path.split('/').any(|part| part == "..") {
        return answer(400, "text/html", b"<html><body><h1>400 Bad Request</h1></body></html>\n".to_vec());
    }
    let index = if path.ends_with('/') { "index.html" } else { "" };
    match system.read_file(&format!("{pages}{path}{index}")) {
        Ok(content) => answer(200, if path.ends_with(".txt") { "text/plain" } else { "text/html" }, content),
        Err(Errno::Eacces) => answer(403, "text/html", b"<html><body><h1>403 Forbidden</h1></body></html>\n".to_vec()),
        Err(_) => answer(404, "text/html", b"<html>\n<head><title>404 Not Found</title></head>\n<body>\n<center><h1>404 Not Found</h1></center>\n</body>\n</html>\n".to_vec()),
    }
}

pub(super) fn answer(status: u16, kind: &str, body: Vec<u8>) -> Response {
    Response { status, headers: vec![("Content-Type".into(), kind.into())], body: Body::Bytes(body) }
}
