//! `kubectl logs`: what containers have written, now or as they write it.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/logs/logs.go.

use std::time::Duration;

use serde_json::Value;

use crate::kubectl::builder::{self, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Flags, duration, int, switch, text};
use crate::kubectl::pods;
use crate::kubectl::print::str_at;
use crate::kubectl::program::{Context, DONE, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group};
use crate::shell::program::Wait;
use crate::sim::Time;
use crate::text::go_time;
use crate::text::http::{Method, Request, StreamId, StreamRead};

const FLAGS: &[Flag] = &[
    switch("all-containers", "The logs of every container of the Pod."),
    switch("all-pods", "The logs of every Pod of the object, with their names in front."),
    text("container", "", "The container.").short('c'),
    switch("follow", "Go on as the container writes.").short('f'),
    switch("ignore-errors", "Go on with --follow when a log cannot be read."),
    switch("insecure-skip-tls-verify-backend", "Do not check the certificate of the kubelet."),
    int("limit-bytes", "0", "At most so many bytes; 0 is no limit."),
    int("max-log-requests", "5", "How many logs may be followed at a time with a selector."),
    duration("pod-running-timeout", "20s", "How long to wait for a Pod."),
    switch("prefix", "Put the Pod's and container's names before each line."),
    switch("previous", "The log of the container before its last restart.").short('p'),
    text("selector", "", "The Pods with these labels.").short('l'),
    duration("since", "0s", "Only what was written in the last 5s, 2m or 3h."),
    text("since-time", "", "Only what was written after this time (RFC3339)."),
    int("tail", "-1", "Only so many lines from the end; -1 shows all, with a selector 10."),
    switch("timestamps", "The time before each line."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "logs",
    group: Group::Troubleshooting,
    short: "Print what a container has written",
    long: "Prints the log of a container. With an object that makes Pods, such as a Job, it takes one of its Pods.",
    examples: &[
        ("The log of a Pod's container", "kubectl logs web"),
        ("The log of a Job's Pod", "kubectl logs job/hello"),
        ("Go on as it writes", "kubectl logs -f web"),
        ("The last five lines of all Pods with a label", "kubectl logs -l app=web --tail=5"),
    ],
    usage: "[-f] [-p] (POD | TYPE/NAME) [-c CONTAINER] [options]",
    flags: &[FLAGS],
    run: Some(run),
    asks: 4,
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    check(cx, &flags)?;
    let mut container = flags.text("container").to_owned();
    if let [_, second] = flags.args.as_slice() {
        container = second.clone();
    }
    let sources = if flags.text("selector").is_empty() {
        let args = flags.args.iter().take(1).filter(|arg| !arg.is_empty()).cloned().collect();
        match of_object(cx, &flags, args, &container)? {
            Some(sources) => sources,
            None => {
                let until =
                    cx.system.now() + Duration::from_nanos(flags.nanoseconds("pod-running-timeout").unsigned_abs());
                return Ok(Next::Task(Box::new(Awaited { until })));
            }
        }
    } else {
        let namespace = cx.namespace()?;
        let selector = Some(flags.text("selector").to_owned());
        let built = builder::build(cx, &Query { args: vec!["pods".to_owned()], selector, ..Query::default() })?;
        let (found, failures) = builder::fetch(cx, &built);
        if let Some(failure) = failures.into_iter().next() {
            return Err(failure);
        }
        let found: Vec<Value> = found.into_iter().filter_map(|target| target.object).collect();
        if found.is_empty() {
            cx.out.err_line(&format!("No resources found in {namespace} namespace."));
            return DONE;
        }
        let mut sources = Vec::new();
        for pod in &found {
            sources.extend(of_pod(cx, &flags, pod, &container)?);
        }
        sources
    };
    read(cx, &flags, sources)
}

fn check(cx: &Context<'_>, flags: &Flags) -> Result<(), Failure> {
    let selector = !flags.text("selector").is_empty();
    if flags.args.is_empty() && !selector {
        return Err(cx.usage(
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
        ));
    }
    if flags.args.len() > 2 {
        return Err(cx.usage(
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
        ));
    }
    if selector && !flags.args.is_empty() {
        return Err(cx.usage("only a selector (-l) or a POD name is allowed"));
    }
    if flags.args.len() == 2 && !flags.text("container").is_empty() {
        return Err(Failure::msg("only one of -c or an inline [CONTAINER] arg is allowed"));
    }
    let named = flags.args.get(1).map_or(flags.text("container"), String::as_str);
    if flags.on("all-containers") && !named.is_empty() {
        return Err(Failure::msg(format!("--all-containers=true should not be specified with container name {named}")));
    }
    if flags.nanoseconds("pod-running-timeout") <= 0 {
        return Err(Failure::msg("--pod-running-timeout must be higher than zero"));
    }
    let after = flags.text("since-time");
    if !after.is_empty() {
        go_time::parse(after, go_time::RFC3339).map_err(Failure::msg)?;
    }
    if flags.nanoseconds("since") != 0 && !flags.text("since-time").is_empty() {
        return Err(Failure::msg("at most one of `sinceTime` or `sinceSeconds` may be specified"));
    }
    if flags.number("limit-bytes") < 0 {
        return Err(Failure::msg("--limit-bytes must be greater than 0"));
    }
    if flags.number("tail") < -1 {
        return Err(Failure::msg("--tail must be greater than or equal to -1"));
    }
    if flags.nanoseconds("since") < 0 {
        return Err(Failure::msg("--since must be greater than 0"));
    }
    Ok(())
}

/// One log: what stands before its lines, and the request for it.
#[derive(Clone, Debug)]
struct Source {
    prefix: String,
    request: Request,
}

/// The logs of an object; `None` when it has no Pod yet.
fn of_object(
    cx: &mut Context<'_>,
    flags: &Flags,
    args: Vec<String>,
    container: &str,
) -> Result<Option<Vec<Source>>, Failure> {
    let args = if args.iter().any(|arg| arg.contains('/')) || args.is_empty() {
        args
    } else {
        [vec!["pods".to_owned()], args].concat()
    };
    let built = builder::build(cx, &Query { args, ..Query::default() })?;
    let Some(target) = built.targets.first().cloned() else { return Ok(Some(Vec::new())) };
    let object =
        cx.get(&target.path()).map_err(|failure| missing(builder::of_namespace(cx, &target, failure), &target))?;
    if flags.on("all-pods") && target.resource.kind != "Pod" {
        let selector = pods::selector_of(&object).unwrap_or_default();
        let mut sources = Vec::new();
        for pod in pods::list(cx, &target.namespace, &selector)? {
            sources.extend(of_pod(cx, flags, &pod, container)?);
        }
        return Ok(Some(sources));
    }
    match pods::pod_of(cx, &target, &object)? {
        Some(pod) => of_pod(cx, flags, &pod, container).map(Some),
        None => Ok(None),
    }
}

fn missing(failure: Failure, target: &Target) -> Failure {
    if failure.is_not_found() {
        return Failure::msg(format!(
            "error from server (NotFound): {} in namespace \"{}\"",
            failure.text(),
            target.namespace
        ));
    }
    failure
}

fn of_pod(cx: &mut Context<'_>, flags: &Flags, pod: &Value, container: &str) -> Result<Vec<Source>, Failure> {
    let names = if flags.on("all-containers") {
        pods::container_names(pod)
    } else {
        vec![pods::container(cx, pod, container, flags.on("all-pods"))?]
    };
    let (name, namespace) = (str_at(pod, "/metadata/name"), str_at(pod, "/metadata/namespace"));
    let selector = !flags.text("selector").is_empty();
    let mut sources = Vec::new();
    for container in names {
        let mut request = Request::new(Method::Get, format!("/api/v1/namespaces/{namespace}/pods/{name}/log"))
            .with_header("Accept", "application/json, */*")
            .with_query("container", &container);
        if flags.on("follow") {
            request = request.with_query("follow", "true");
        }
        if flags.number("limit-bytes") > 0 {
            request = request.with_query("limitBytes", flags.text("limit-bytes"));
        }
        if flags.on("previous") {
            request = request.with_query("previous", "true");
        }
        if flags.nanoseconds("since") > 0 {
            // To the nearest second.
            let seconds = (flags.nanoseconds("since") + 500_000_000) / 1_000_000_000;
            request = request.with_query("sinceSeconds", seconds.to_string());
        }
        if !flags.text("since-time").is_empty() {
            request = request.with_query("sinceTime", flags.text("since-time"));
        }
        let tail = if selector && !flags.changed("tail") { 10 } else { flags.number("tail") };
        if tail != -1 {
            request = request.with_query("tailLines", tail.to_string());
        }
        if flags.on("timestamps") {
            request = request.with_query("timestamps", "true");
        }
        let prefixed = flags.on("prefix") || flags.on("all-pods");
        let prefix = if prefixed { format!("[pod/{name}/{container}] ") } else { String::new() };
        sources.push(Source { prefix, request });
    }
    Ok(sources)
}

fn read(cx: &mut Context<'_>, flags: &Flags, sources: Vec<Source>) -> Outcome {
    let follow = flags.on("follow");
    let most = usize::try_from(flags.number("max-log-requests")).unwrap_or(0);
    if follow && sources.len() > 1 && sources.len() > most {
        return Err(Failure::msg(format!(
            "you are attempting to follow {} log streams, but maximum allowed concurrency is {most}, use --max-log-requests to increase the limit",
            sources.len()
        )));
    }
    let mut streams = Vec::new();
    let until = cx.system.now() + Duration::from_nanos(flags.nanoseconds("pod-running-timeout").unsigned_abs());
    for source in sources {
        if follow && !flags.on("ignore-errors") {
            streams.push(Followed { id: None, until, again: None, source, at_start: true });
            continue;
        }
        match cx.open(source.request.clone()) {
            Ok((Some(id), _)) => streams.push(Followed { id: Some(id), until, again: None, source, at_start: true }),
            Ok((None, bytes)) => Followed { id: None, until, again: None, source, at_start: true }.print(cx, &bytes),
            Err(failure) if flags.on("ignore-errors") => {
                cx.out.out(&format!("error: {}\n", failure.text()));
            }
            Err(failure) => return Err(failure),
        }
    }
    if streams.is_empty() { DONE } else { Ok(Next::Task(Box::new(Follow { streams }))) }
}

#[derive(Clone, Debug)]
struct Followed {
    /// The stream; `None` while the container has no log yet.
    id: Option<StreamId>,
    /// How long to wait for a log.
    until: Time,
    /// When to ask again for it.
    again: Option<Time>,
    source: Source,
    at_start: bool,
}

impl Followed {
    fn print(&mut self, cx: &mut Context<'_>, bytes: &[u8]) {
        if self.source.prefix.is_empty() {
            cx.out.bytes(1, bytes);
            return;
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.at_start {
                cx.out.out(&self.source.prefix);
            }
            self.at_start = line.ends_with(b"\n");
            cx.out.bytes(1, line);
        }
    }
}

/// How a followed log stands.
enum Stand {
    /// Nothing new for now.
    Open,
    /// There is no log yet: to be tried again at this instant.
    Retry(Time),
    /// All was read.
    Over,
}

impl Followed {
    /// Prints what there is. A container that has yet to start is asked again every second, and its words are told.
    fn carry(&mut self, cx: &mut Context<'_>) -> Result<Stand, Failure> {
        let now = cx.system.now();
        match self.again {
            Some(again) if self.id.is_none() && now < again => return Ok(Stand::Retry(again)),
            Some(_) if self.id.is_none() && now >= self.until => return Err(Failure::msg("context deadline exceeded")),
            _ => {}
        }
        let id = match self.id {
            Some(id) => id,
            None => match cx.open(self.source.request.clone()) {
                Ok((Some(id), _)) => *self.id.insert(id),
                Ok((None, bytes)) => {
                    self.print(cx, &bytes);
                    return Ok(Stand::Over);
                }
                Err(failure) if failure.reason().is_empty() => return Err(failure),
                Err(failure) => {
                    cx.out.err_line(&failure.text());
                    let again = (now + Duration::from_secs(1)).min(self.until);
                    self.again = Some(again);
                    return Ok(Stand::Retry(again));
                }
            },
        };
        loop {
            match cx.system.host().read_stream(id) {
                StreamRead::Data(bytes) => self.print(cx, &bytes),
                StreamRead::Pending => return Ok(Stand::Open),
                StreamRead::End => return Ok(Stand::Over),
            }
        }
    }
}

/// Logs that go on.
#[derive(Clone, Debug)]
struct Follow {
    streams: Vec<Followed>,
}

impl Task for Follow {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let mut open = Vec::new();
        let mut until: Option<Time> = None;
        for mut stream in std::mem::take(&mut self.streams) {
            match stream.carry(cx)? {
                Stand::Over => continue,
                Stand::Open => {}
                Stand::Retry(at) => until = Some(until.map_or(at, |set| set.min(at))),
            }
            open.push(stream);
        }
        self.streams = open;
        if self.streams.is_empty() {
            return Ok(Progress::Next(Next::Exit(0)));
        }
        Ok(Progress::Wait(Wait { streams: true, until, ..Wait::default() }))
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

/// Waits for the first Pod of an object.
#[derive(Clone, Debug)]
struct Awaited {
    until: Time,
}

impl Task for Awaited {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let flags = cx.session.flags.clone();
        let container = flags.text("container").to_owned();
        let args = flags.args.iter().take(1).filter(|arg| !arg.is_empty()).cloned().collect();
        if let Some(sources) = of_object(cx, &flags, args, &container)? {
            return read(cx, &flags, sources).map(Progress::Next);
        }
        let now = cx.system.now();
        if now >= self.until {
            return Err(Failure::msg("timed out waiting for the condition"));
        }
        let next = (now + Duration::from_millis(250)).min(self.until);
        Ok(Progress::Wait(Wait { until: Some(next), ..Wait::default() }))
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
