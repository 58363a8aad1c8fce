//! `agnhost`, the program of many small servers that Kubernetes' own documentation and tests run. Those that lessons
//! use are here; the others say that they are not.
//!
//! Models Kubernetes 1.36 test/images/agnhost (pause, netexec, serve-hostname, liveness, test-webserver,
//! grpc-health-checking, entrypoint-tester).

use std::time::Duration;

use super::server::{answer, stamp};
use crate::shell::program::{Program, Signal, Step, System, Wait};
use crate::sim::Time;
use crate::text::duration::go_duration;
use crate::text::http::{Request, Response};

/// How long `serve-hostname` waits for its Pod's deletion.
const LINGER: Duration = Duration::from_secs(60);
/// So long `liveness` is well.
const ALIVE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pause,
    Netexec,
    ServeHostname,
    Liveness,
    TestWebserver,
    GrpcHealthChecking,
    EntrypointTester,
    Unknown,
}

#[derive(Clone, Debug)]
struct Agnhost {
    kind: Kind,
    argv: Vec<String>,
    started: Option<Time>,
    /// What `/make-serving` and `/make-not-serving` have said.
    forced: Option<bool>,
    /// When and with which code it ends.
    ends: Option<(Time, i32)>,
    terminating: bool,
}

/// Makes `agnhost` with its arguments.
pub fn make(argv: &[String]) -> Box<dyn Program> {
    let kind = match argv.get(1).map_or("pause", String::as_str) {
        "pause" => Kind::Pause,
        "netexec" => Kind::Netexec,
        "serve-hostname" => Kind::ServeHostname,
        "liveness" => Kind::Liveness,
        "test-webserver" => Kind::TestWebserver,
        "grpc-health-checking" => Kind::GrpcHealthChecking,
        "entrypoint-tester" => Kind::EntrypointTester,
        _ => Kind::Unknown,
    };
    let argv = argv.to_vec();
    Box::new(Agnhost { kind, argv, started: None, forced: None, ends: None, terminating: false })
}

impl Agnhost {
    /// The value of a flag, as `--name=value` or `--name value`.
    fn flag(&self, name: &str) -> Option<&str> {
        let mut words = self.argv.iter().skip(2);
        while let Some(word) = words.next() {
            let bare = word.trim_start_matches('-');
            match bare.split_once('=') {
                Some((held, value)) if held == name => return Some(value),
                None if bare == name && word.starts_with('-') => return words.next().map(String::as_str),
                _ => {}
            }
        }
        None
    }

    fn port(&self, name: &str, usual: u16) -> u16 {
        self.flag(name).and_then(|text| text.parse().ok()).unwrap_or(usual)
    }

    fn say(&self, system: &mut dyn System, text: &str) {
        let line = stamp(system, &format!("{{slash}} {text}\n"));
        let _ = system.write(2, line.as_bytes());
    }

    fn print(&self, system: &mut dyn System, text: &str) {
        let _ = system.write(1, text.as_bytes());
    }

    /// Sets itself up; the exit code when that is all.
    fn start(&mut self, system: &mut dyn System) -> Option<i32> {
        self.started = Some(system.now());
        let ports = match self.kind {
            Kind::Pause => {
                self.print(system, "Paused\nSignals registered\n");
                Vec::new()
            }
            Kind::EntrypointTester => {
                let text = format!("[{}]\n", self.argv.join(" "));
                self.print(system, &text);
                return Some(0);
            }
            Kind::Unknown => {
                let text =
                    format!("Error: unknown command {:?} for \"app\"\n", self.argv.get(1).map_or("", String::as_str));
                let _ = system.write(2, format!("{text}Run 'app --help' for usage.\n").as_bytes());
                return Some(1);
            }
            Kind::Netexec => {
                let port = self.port("http-port", 8080);
                self.say(system, &format!("Started HTTP server on port {port}"));
                vec![port]
            }
            Kind::ServeHostname => {
                let port = self.port("port", 9376);
                self.say(system, &format!("Serving on port {port}."));
                vec![port]
            }
            Kind::Liveness => vec![8080],
            Kind::TestWebserver => vec![self.port("port", 80)],
            Kind::GrpcHealthChecking => {
                let (http, grpc) = (self.port("http-port", 8080), self.port("port", 5000));
                self.say(system, &format!("Http server starting to listen on :{http}"));
                self.say(system, &format!("gRPC server starting to listen on :{grpc}"));
                vec![http, grpc]
            }
        };
        for port in ports {
            if system.listen(port).is_err() {
                self.say(system, &format!("listen tcp :{port}: bind: address already in use"));
                return Some(1);
            }
        }
        None
    }

    /// What a signal does: the exit code, or later.
    fn signalled(&mut self, signal: Signal, system: &mut dyn System) {
        let now = system.now();
        self.ends = match (self.kind, signal) {
            (Kind::Pause, _) => {
                let (word, code) = if signal == Signal::Int { ("interrupt", 1) } else { ("terminated", 2) };
                let text = format!("exiting because of signal {word:?}\n");
                let path = system.env("TERMINATION_MESSAGE_PATH").filter(|path| !path.is_empty());
                let path = path.unwrap_or_else(|| "/dev/termination-log".to_owned());
                let _ = system.write_file(&path, text.as_bytes());
                self.print(system, &text);
                Some((now, code))
            }
            (Kind::Netexec, Signal::Term) => {
                self.terminating = true;
                let delay: u64 = self.flag("delay-shutdown").and_then(|text| text.parse().ok()).unwrap_or(0);
                if delay > 0 {
                    self.say(system, &format!("Sleeping {delay} seconds before terminating..."));
                }
                Some((now + Duration::from_secs(delay), 0))
            }
            (Kind::ServeHostname, Signal::Term) => {
                self.say(system, "Shutting down after receiving signal: terminated.");
                self.say(system, "Awaiting pod deletion.");
                Some((now + LINGER, 0))
            }
            // Process 1 does not die of a signal that it does not catch: Go's runtime exits with 2 instead.
            _ => Some((now, 2)),
        };
    }

    fn age(&self, system: &dyn System) -> Duration {
        self.started.map_or(Duration::ZERO, |started| system.now().since(started))
    }

    fn hostname(&self, system: &dyn System) -> String {
        system.env("HOSTNAME").unwrap_or_default()
    }

    fn netexec(&mut self, request: &Request, system: &mut dyn System) -> (u16, String) {
        let value = |name: &str| request.query(name).unwrap_or_default().to_owned();
        let log = |this: &Self, system: &mut dyn System, text: &str| this.say(system, &format!("GET {text}"));
        match request.path.as_str() {
            "/echo" => {
                let (msg, code) = (value("msg"), value("code"));
                log(self, system, &format!("/echo?msg={msg}&code={code}"));
                match (code.is_empty(), code.parse()) {
                    (true, _) => (200, msg),
                    (false, Ok(code)) => (code, msg),
                    _ => (200, format!("argument 'code' must be an integer or empty, got {code:?}\n{msg}")),
                }
            }
            path @ ("/hostname" | "/hostName") => {
                log(self, system, path);
                (200, self.hostname(system))
            }
            "/healthz" => {
                log(self, system, "/healthz");
                (200, String::new())
            }
            "/readyz" => {
                log(self, system, "/readyz");
                if self.terminating { (503, "shutting down".to_owned()) } else { (200, "ok".to_owned()) }
            }
            "/serverport" => {
                log(self, system, "/serverport");
                (200, self.port("http-port", 8080).to_string())
            }
            "/header" => {
                let key = value("key");
                log(self, system, &if key.is_empty() { "/header".to_owned() } else { format!("/header?key={key}") });
                if !key.is_empty() {
                    return (200, request.header(&key).unwrap_or_default().to_owned());
                }
                let all = request.headers.iter().map(|(name, held)| format!("{name:?}:[{held:?}]"));
                (200, format!("{{{}}}", all.collect::<Vec<_>>().join(",")))
            }
            "/shutdown" => {
                log(self, system, "/shutdown");
                self.ends = Some((system.now(), 0));
                (200, String::new())
            }
            "/exit" => {
                let (code, timeout, wait) = (value("code"), value("timeout"), value("wait"));
                log(self, system, &format!("/exit?code={code}&timeout={timeout}&wait={wait}"));
                let Ok(number) = (if code.is_empty() { "0" } else { &code }).parse() else {
                    return (200, format!("argument 'code' must be an integer [0-127] or empty, got {code:?}\n"));
                };
                self.ends = Some((system.now(), number));
                (200, String::new())
            }
            "/redirect" => {
                let code = value("code").parse().unwrap_or(302);
                (code, value("location"))
            }
            _ => {
                log(self, system, "/");
                (200, format!("NOW: {}", stamp(system, "{dash} +0000 UTC")))
            }
        }
    }

    fn grpc(&mut self, request: &Request, system: &mut dyn System) -> (u16, String, Option<&'static str>) {
        let age = self.age(system);
        let port = request.header("Host").and_then(|host| host.rsplit(':').next()?.parse::<u16>().ok());
        if port != Some(self.port("port", 5000)) {
            return match request.path.as_str() {
                "/make-serving" | "/make-not-serving" => {
                    let well = request.path == "/make-serving";
                    self.say(system, if well { "Mark as healthy" } else { "Mark as unhealthy" });
                    self.forced = Some(well);
                    (200, go_duration(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX)), None)
                }
                _ => (404, "404 page not found\n".to_owned(), None),
            };
        }
        if request.path != "/grpc.health.v1.Health/Check" {
            return (415, String::new(), None);
        }
        let started = self.started.map(|started| started.as_seconds()).unwrap_or_default();
        self.say(system, &format!("Serving the Check request for health check, started at {started}"));
        if request.body != self.flag("service").unwrap_or_default().as_bytes() {
            return (200, String::new(), Some("code = NotFound desc = unknown service"));
        }
        let delay: i64 = self.flag("delay-unhealthy-sec").and_then(|text| text.parse().ok()).unwrap_or(-1);
        let late = u64::try_from(delay).is_ok_and(|delay| age >= Duration::from_secs(delay));
        let well = self.forced != Some(false) && !late;
        (200, if well { "SERVING" } else { "NOT_SERVING" }.to_owned(), Some(""))
    }
}

impl Program for Agnhost {
    fn resume(&mut self, system: &mut dyn System) -> Step {
        if self.started.is_none()
            && let Some(code) = self.start(system)
        {
            return Step::Exit(code);
        }
        while let Some(signal) = system.take_signal() {
            if matches!(signal, Signal::Term | Signal::Int | Signal::Quit) && self.ends.is_none() {
                self.signalled(signal, system);
            }
        }
        match self.ends {
            Some((at, code)) if at <= system.now() => Step::Exit(code),
            Some((at, _)) => Step::Wait(Wait { until: Some(at), ..Wait::default() }),
            None => Step::Wait(Wait::default()),
        }
    }

    fn clone_box(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }

    fn serve(&mut self, request: &Request, system: &mut dyn System) -> Option<Response> {
        let (status, text) = match self.kind {
            Kind::Netexec => self.netexec(request, system),
            Kind::ServeHostname => {
                self.say(system, "HTTP request from 10.244.0.1:40000");
                (200, self.hostname(system))
            }
            Kind::Liveness => {
                let age = self.age(system);
                match request.path.as_str() {
                    "/healthz" if age > ALIVE => (500, format!("error: {}", age.as_secs_f64())),
                    "/healthz" => (200, "ok".to_owned()),
                    "/started" => (200, go_duration(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX))),
                    "/redirect" => (302, request.query("loc").unwrap_or_default().to_owned()),
                    _ => (404, "404 page not found\n".to_owned()),
                }
            }
            Kind::TestWebserver => match system.read_file(&request.path) {
                Ok(content) => return Some(answer(200, "text/plain; charset=utf-8", content)),
                Err(_) => (404, "404 page not found\n".to_owned()),
            },
            Kind::GrpcHealthChecking => {
                let (status, text, message) = self.grpc(request, system);
                let Some(message) = message else {
                    return Some(answer(status, "text/plain; charset=utf-8", text.into_bytes()));
                };
                let mut response = answer(status, "application/grpc", text.into_bytes());
                if !message.is_empty() {
                    response.headers.push(("Grpc-Message".to_owned(), message.to_owned()));
                }
                return Some(response);
            }
            Kind::Pause | Kind::EntrypointTester | Kind::Unknown => return None,
        };
        if (300..400).contains(&status) {
            let mut response =
                answer(status, "text/html; charset=utf-8", format!("<a href={text:?}>Found</a>.\n\n").into_bytes());
            response.headers.push(("Location".to_owned(), text));
            return Some(response);
        }
        Some(answer(status, "text/plain; charset=utf-8", text.into_bytes()))
    }
}
