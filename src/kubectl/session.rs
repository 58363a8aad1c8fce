//! Sessions with a container: exec and attach over a stream of framed messages.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/remotecommand (v5.channel.k8s.io).

use std::time::Duration;

use serde_json::{Value, json};

use super::failure::Failure;
use super::flags::{Flag, text};
use super::print::{list_at, str_at};
use super::program::{Context, Next, Progress, Task};
use crate::apimachinery::Status;
use crate::shell::program::{Read, Wait};
use crate::sim::Time;
use crate::text::http::{Method, Request, StreamId, StreamRead};

/// What a session is opened with.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// What to run; empty to attach.
    pub command: Vec<String>,
    /// Whether standard input goes there.
    pub stdin: bool,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether hints are left out.
    pub quiet: bool,
    /// Keys that take the keyboard away from a terminal; none where it cannot be left.
    pub detach: Vec<u8>,
}

/// The flag that names the keys for leaving a terminal.
pub const DETACH_KEYS: Flag =
    text("detach-keys", "ctrl-p,ctrl-q", "The keys that leave the container's terminal, with commas between them.");

/// The bytes of keys such as `ctrl-p,ctrl-q`.
///
/// # Errors
/// A key that is neither a letter nor a letter with `ctrl-`.
pub fn keys(text: &str) -> Result<Vec<u8>, Failure> {
    let key = |word: &str| match (word.as_bytes(), word.strip_prefix("ctrl-").map(str::as_bytes)) {
        ([byte], _) => Ok(*byte),
        (_, Some([letter @ (b'a'..=b'z')])) => Ok(letter - b'a' + 1),
        (_, Some(b"@")) => Ok(0),
        (_, Some([sign @ (b'[' | b'\\' | b']' | b'^' | b'_')])) => Ok(sign - b'[' + 27),
        _ => Err(Failure::msg(format!("could not bind detach keys: Unknown character: '{word}'"))),
    };
    text.split(',').filter(|word| !word.is_empty()).map(key).collect()
}

impl Session {
    /// Opens the session's stream of framed messages.
    ///
    /// # Errors
    /// The server's.
    pub fn stream(&self, cx: &mut Context<'_>) -> Result<Option<StreamId>, Failure> {
        let verb = if self.command.is_empty() { "attach" } else { "exec" };
        let mut request =
            Request::new(Method::Post, format!("/api/v1/namespaces/{}/pods/{}/{verb}", self.namespace, self.pod))
                .with_header("Accept", "*/*")
                .with_header("Upgrade", "websocket")
                .with_header("Connection", "Upgrade")
                .with_header("Sec-WebSocket-Protocol", "v5.channel.k8s.io");
        for word in &self.command {
            request = request.with_query("command", word);
        }
        request = request.with_query("container", &self.container);
        for (name, on) in [("stdin", self.stdin), ("stdout", true), ("stderr", !self.tty), ("tty", self.tty)] {
            if on {
                request = request.with_query(name, "true");
            }
        }
        // Of a connection that is not upgraded only the words are told; a node refuses when it is.
        let (stream, bytes) = cx.open(request).map_err(|failure| match (&failure, failure.reason()) {
            (_, "InternalError") => Failure::msg(Status::of_refused_session(&failure.text()).message),
            (Failure::Status { .. }, _) => Failure::msg(format!("unable to upgrade connection: {}", failure.text())),
            _ => failure,
        })?;
        cx.out.bytes(1, &bytes);
        Ok(stream)
    }

    /// Opens the session.
    ///
    /// # Errors
    /// The server's.
    pub fn open(&self, cx: &mut Context<'_>) -> Result<Running, Failure> {
        let stream = self.stream(cx)?;
        let raw = self.tty && cx.system.is_terminal(0);
        if raw {
            cx.system.set_raw(true);
        }
        let detach = if raw { self.detach.clone() } else { Vec::new() };
        let mut running =
            Running { stream, input: self.stdin, raw, detach, pressed: 0, window: (0, 0), end: None, spoke: false };
        running.resize(cx, self.tty);
        Ok(running)
    }
}

/// A session that goes on.
#[derive(Clone, Debug)]
pub struct Running {
    stream: Option<StreamId>,
    input: bool,
    raw: bool,
    detach: Vec<u8>,
    /// How many of the keys for leaving were pressed last.
    pressed: usize,
    window: (u16, u16),
    end: Option<Value>,
    /// Whether anything was written to this side.
    spoke: bool,
}

/// How a session stands.
#[derive(Clone, Debug)]
pub enum Stand {
    /// Waiting for this.
    Wait(Wait),
    /// It has ended, with this status.
    Ended(Option<Value>),
}

impl Running {
    fn resize(&mut self, cx: &mut Context<'_>, tty: bool) {
        let window = cx.system.window();
        let Some(stream) = self.stream.filter(|_| tty && window != self.window) else { return };
        self.window = window;
        let mut message = vec![4];
        message.extend(json!({"Width": window.0, "Height": window.1}).to_string().into_bytes());
        cx.system.host().write_stream(stream, &message);
    }

    /// Adds what was typed to a message; says whether the keys for leaving were among it. Keys that may yet become
    /// those are held back.
    fn pass(&mut self, typed: &[u8], message: &mut Vec<u8>) -> bool {
        for byte in typed {
            if self.detach.get(self.pressed) == Some(byte) {
                self.pressed += 1;
                if self.pressed == self.detach.len() {
                    return true;
                }
                continue;
            }
            message.extend(self.detach.iter().take(std::mem::take(&mut self.pressed)));
            if self.detach.first() == Some(byte) {
                self.pressed = 1;
            } else {
                message.push(*byte);
            }
        }
        false
    }

    /// Carries what there is in both directions.
    pub fn carry(&mut self, cx: &mut Context<'_>) -> Stand {
        let Some(stream) = self.stream else { return self.ended(cx) };
        self.resize(cx, self.raw);
        while self.input {
            match cx.system.read(0, 4096) {
                Ok(Read::Data(bytes)) => {
                    let mut message = vec![0];
                    let left = self.pass(&bytes, &mut message);
                    if message.len() > 1 {
                        cx.system.host().write_stream(stream, &message);
                    }
                    if left {
                        self.input = false;
                        cx.system.host().write_stream(stream, &[255, 0]);
                    }
                }
                Ok(Read::WouldBlock) => break,
                Ok(Read::Eof) | Err(_) => {
                    self.input = false;
                    cx.system.host().write_stream(stream, &[255, 0]);
                }
            }
        }
        loop {
            match cx.system.host().read_stream(stream) {
                StreamRead::Data(message) => match message.split_first() {
                    Some((fd @ (1 | 2), bytes)) => {
                        self.spoke = true;
                        cx.out.bytes(i32::from(*fd), bytes);
                    }
                    Some((3, bytes)) => self.end = serde_json::from_slice(bytes).ok(),
                    _ => {}
                },
                StreamRead::Pending => {
                    let readable = self.input.then_some(0);
                    return Stand::Wait(Wait { streams: true, readable, ..Wait::default() });
                }
                StreamRead::End => {
                    self.stream = None;
                    return self.ended(cx);
                }
            }
        }
    }

    fn ended(&mut self, cx: &mut Context<'_>) -> Stand {
        if self.raw {
            cx.system.set_raw(false);
            self.raw = false;
        }
        Stand::Ended(self.end.take())
    }
}

/// What the status at a session's end means for kubectl.
///
/// # Errors
/// A command that failed, with its exit code.
pub fn verdict(status: Option<Value>) -> Result<Next, Failure> {
    let Some(status) = status else { return Ok(Next::Exit(0)) };
    if str_at(&status, "/status") != "Failure" {
        return Ok(Next::Exit(0));
    }
    if str_at(&status, "/reason") == "NonZeroExitCode" {
        let causes = list_at(&status, "/details/causes");
        let code = causes.iter().find(|cause| str_at(cause, "/reason") == "ExitCode");
        let code: i32 = code.and_then(|cause| str_at(cause, "/message").parse().ok()).unwrap_or(1);
        return Err(Failure::Exit(code, format!("command terminated with exit code {code}")));
    }
    Err(Failure::msg(str_at(&status, "/message")))
}

/// Sessions as tasks.
#[derive(Clone, Debug)]
pub enum Start {
    /// An exec.
    Exec(Running),
    /// An attach, perhaps to a Pod that has yet to start.
    Attach(Attach),
}

/// An attach that waits for its Pod.
#[derive(Clone, Debug)]
pub struct Attach {
    session: Session,
    /// Until when the Pod is waited for; `None` when it is taken as it is.
    until: Option<Time>,
    remove: bool,
    once: bool,
    running: Option<Running>,
    /// The session's status, while the Pod's own end is waited for.
    ended: Option<Option<Value>>,
}

impl Attach {
    /// Waits for the Pod to run, at most so many nanoseconds, and attaches. `remove` deletes the Pod at the end; `once`
    /// makes the container's exit code kubectl's.
    pub fn wait_for(cx: &mut Context<'_>, session: Session, nanoseconds: i64, remove: bool, once: bool) -> Attach {
        let until = Some(cx.system.now() + Duration::from_nanos(nanoseconds.unsigned_abs()));
        Attach { session, until, remove, once, running: None, ended: None }
    }

    /// Attaches to a Pod as it is now.
    pub fn at_once(session: Session) -> Attach {
        Attach { session, until: None, remove: false, once: false, running: None, ended: None }
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods/{}", self.session.namespace, self.session.pod)
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let stepped = self.go_on(cx);
        // A Pod for this session alone goes however the session ends.
        if stepped.is_err() {
            self.delete(cx)?;
        }
        stepped
    }

    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        if let Some(running) = &mut self.running {
            match running.carry(cx) {
                Stand::Wait(wait) => return Ok(Progress::Wait(wait)),
                Stand::Ended(status) => {
                    if !running.spoke {
                        self.log(cx)?;
                    }
                    self.running = None;
                    self.ended = Some(status);
                }
            }
        }
        let pod = cx.get(&self.path())?;
        let over = matches!(str_at(&pod, "/status/phase"), "Succeeded" | "Failed");
        if let Some(status) = self.ended.clone() {
            if over || !self.once {
                return self.finish(cx, status);
            }
            let soon = cx.system.now() + Duration::from_millis(100);
            return Ok(Progress::Wait(Wait { until: Some(soon), ..Wait::default() }));
        }
        if over {
            self.log(cx)?;
            return self.finish(cx, None);
        }
        let Some(until) = self.until.filter(|_| str_at(&pod, "/status/phase") != "Running") else {
            self.take_terminal(cx, &pod);
            if !self.session.quiet {
                cx.out.err_line("All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.");
                cx.out.err_line("If you don't see a command prompt, try pressing enter.");
            }
            self.running = Some(self.session.open(cx)?);
            return self.go_on(cx);
        };
        let now = cx.system.now();
        if now >= until {
            return Err(Failure::msg("timed out waiting for the condition"));
        }
        let next = (now + Duration::from_millis(100)).min(until);
        Ok(Progress::Wait(Wait { until: Some(next), ..Wait::default() }))
    }

    /// Too late to hear it: what the container wrote is in its log.
    fn log(&self, cx: &mut Context<'_>) -> Result<(), Failure> {
        let request =
            Request::new(Method::Get, format!("{}/log", self.path())).with_query("container", &self.session.container);
        let log = cx.raw(request)?;
        cx.out.bytes(1, &log);
        Ok(())
    }

    fn finish(&mut self, cx: &mut Context<'_>, status: Option<Value>) -> Result<Progress, Failure> {
        self.running = None;
        let mut code = 0;
        if self.once {
            let pod = cx.get(&self.path())?;
            let ended = list_at(&pod, "/status/containerStatuses").first().cloned().unwrap_or_default();
            code = ended.pointer("/state/terminated/exitCode").and_then(Value::as_i64).unwrap_or(0);
        }
        self.delete(cx)?;
        if code != 0 {
            let code = i32::try_from(code).unwrap_or(1);
            return Err(Failure::Exit(
                code,
                format!("pod {}/{} terminated (Error)", self.session.namespace, self.session.pod),
            ));
        }
        verdict(status).map(Progress::Next)
    }

    /// A terminal needs one on both sides.
    fn take_terminal(&mut self, cx: &mut Context<'_>, pod: &Value) {
        let session = &mut self.session;
        let containers = list_at(pod, "/spec/containers").iter().chain(list_at(pod, "/spec/ephemeralContainers"));
        let mut named = containers.filter(|one| str_at(one, "/name") == session.container);
        let allocated = named.any(|one| one.get("tty").and_then(Value::as_bool) == Some(true));
        if session.tty && !allocated && !session.quiet {
            let name = &session.container;
            cx.out.err_line(&format!("error: Unable to use a TTY - container {name} did not allocate one"));
        }
        session.tty = allocated && session.stdin;
        if session.tty && !cx.system.is_terminal(0) {
            session.tty = false;
            if !session.quiet {
                cx.out.err_line("Unable to use a TTY - input is not a terminal or the right kind of file");
            }
        }
    }

    /// Deletes the Pod, if that is wished, once.
    fn delete(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        if std::mem::take(&mut self.remove) {
            let body = json!({"propagationPolicy": "Background"}).to_string();
            let request = Request::new(Method::Delete, self.path())
                .with_header("Accept", "application/json")
                .with_header("Content-Type", "application/json")
                .with_body(body);
            cx.json(request)?;
            if !self.session.quiet {
                let (pod, namespace) = (&self.session.pod, &self.session.namespace);
                cx.out.line(&format!("pod \"{pod}\" deleted from {namespace} namespace"));
            }
        }
        Ok(())
    }
}

impl Task for Start {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        match self {
            Start::Exec(running) => match running.carry(cx) {
                Stand::Wait(wait) => Ok(Progress::Wait(wait)),
                Stand::Ended(status) => verdict(status).map(Progress::Next),
            },
            Start::Attach(attach) => attach.step(cx),
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_for_leaving_are_held_back_until_it_is_clear_what_they_are() {
        let detach = keys("ctrl-p,ctrl-q").unwrap();
        assert_eq!(detach, [16, 17]);
        assert_eq!(keys("ctrl-[,a").unwrap(), [27, b'a']);
        assert!(keys("ctrl-p,foo").unwrap_err().text().contains("Unknown character: 'foo'"));
        let mut running = Running {
            stream: None,
            input: true,
            raw: true,
            detach,
            pressed: 0,
            window: (0, 0),
            end: None,
            spoke: false,
        };
        let mut sent = Vec::new();
        assert!(!running.pass(b"a\x10", &mut sent));
        assert_eq!(sent, b"a");
        assert!(!running.pass(b"b\x10\x10", &mut sent));
        assert_eq!(sent, b"a\x10b\x10");
        assert!(running.pass(b"\x11rest", &mut sent));
        assert_eq!(sent, b"a\x10b\x10");
    }
}
