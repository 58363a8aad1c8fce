//! `kubectl cordon`, `uncordon` and `drain`: keeps new Pods away from a node, and empties it.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/drain and pkg/cmd/drain.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kubectl::builder::{self, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Flags, duration, int, switch, text};
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::kubectl::program::{Context, DONE, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{DRY_RUN, DryRun};
use crate::shell::program::Wait;
use crate::sim::Time;
use crate::text::duration::go_duration;
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};

const SELECTOR: Flag = text("selector", "", "Only nodes whose labels match.").short('l');

/// `kubectl cordon`.
pub static CORDON: Command = Command {
    name: "cordon",
    group: Group::Cluster,
    short: "Keep new Pods away from a node",
    long: "Marks a node as unschedulable: what runs there goes on, nothing new comes.",
    examples: &[("Keep new Pods away", "kubectl cordon node01")],
    usage: "NODE [options]",
    flags: &[&[SELECTOR], DRY_RUN],
    run: Some(|cx| cordon(cx, true)),
    asks: 4,
    ..Command::EMPTY
};

/// `kubectl uncordon`.
pub static UNCORDON: Command = Command {
    name: "uncordon",
    group: Group::Cluster,
    short: "Let new Pods come to a node again",
    long: "Marks a node as schedulable.",
    examples: &[("Let them come again", "kubectl uncordon node01")],
    usage: "NODE [options]",
    flags: &[&[SELECTOR], DRY_RUN],
    run: Some(|cx| cordon(cx, false)),
    asks: 4,
    ..Command::EMPTY
};

/// `kubectl drain`.
pub static DRAIN: Command = Command {
    name: "drain",
    group: Group::Cluster,
    short: "Empty a node",
    long: "Marks a node as unschedulable and evicts its Pods. Pods of a DaemonSet stay, Pods that nothing replaces need --force.",
    examples: &[("Empty a node", "kubectl drain node01 --ignore-daemonsets")],
    usage: "NODE [options]",
    flags: &[
        &[
            int("chunk-size", "500", "Ask for long lists in parts of this many objects."),
            switch("delete-emptydir-data", "Go on though data in emptyDir volumes is lost."),
            switch("disable-eviction", "Delete Pods instead of evicting them."),
            switch("force", "Go on though there are Pods that nothing replaces."),
            int("grace-period", "-1", "Seconds each Pod gets to end; -1 leaves it to the Pod."),
            switch("ignore-daemonsets", "Leave the Pods of DaemonSets alone."),
            text("pod-selector", "", "Only Pods whose labels match."),
            SELECTOR,
            int("skip-wait-for-delete-timeout", "0", "Do not wait for Pods deleted longer ago than this many seconds."),
            duration("timeout", "0s", "How long to wait; 0 has no end."),
        ],
        DRY_RUN,
    ],
    run: Some(drain),
    asks: 4,
    ..Command::EMPTY
};

fn nodes_of(cx: &mut Context<'_>) -> Result<Vec<Target>, Failure> {
    let flags = cx.session.flags.clone();
    let selector = flags.text("selector").to_owned();
    if flags.args.is_empty() && !flags.changed("selector") {
        return Err(cx.usage(format!("USAGE: {} NODE [flags]", cx.path().trim_start_matches("kubectl "))));
    }
    if !flags.args.is_empty() && !selector.is_empty() {
        return Err(cx.usage("error: cannot specify both a node name and a --selector option"));
    }
    let args = match (flags.args.is_empty(), selector.is_empty()) {
        (true, true) => Vec::new(),
        (true, false) => vec!["nodes".to_owned()],
        _ if flags.args.iter().any(String::is_empty) => return Err(Failure::msg(builder::NAMELESS)),
        _ => {
            flags.args.iter().map(|arg| if arg.contains('/') { arg.clone() } else { format!("nodes/{arg}") }).collect()
        }
    };
    let query = Query { args, selector: Some(selector).filter(|text| !text.is_empty()), ..Query::default() };
    let built = builder::build(cx, &query)?;
    let (found, failures) = builder::fetch(cx, &built);
    if let Some(other) = found.iter().map(|target| &target.resource).find(|resource| resource.plural != "nodes") {
        let group = if other.group.is_empty() { format!("/{}", other.version) } else { other.api_version() };
        let what = quote(&format!("{group}, Resource={}", other.plural));
        return Err(Failure::msg(format!("error: expected resource of type node, got {what}")));
    }
    match failures.into_iter().next() {
        None => Ok(found),
        Some(first) => Err(first),
    }
}

fn is_cordoned(node: &Value) -> bool {
    node.pointer("/spec/unschedulable").and_then(Value::as_bool).unwrap_or(false)
}

/// Marks a node and says so.
fn mark(cx: &mut Context<'_>, target: &Target, on: bool, dry_run: DryRun) -> Result<(), Failure> {
    let node = target.object.clone().unwrap_or_default();
    let word = if on { "cordoned" } else { "uncordoned" };
    if is_cordoned(&node) == on {
        cx.out.line(&format!("node/{} already {word}{}", target.name, dry_run.suffix()));
        return Ok(());
    }
    if dry_run != DryRun::Client {
        let patch = json!({"spec": {"unschedulable": if on { json!(true) } else { Value::Null }}}).to_string();
        cx.patch(&target.path(), "strategic", &dry_run.query(), patch.as_bytes())?;
    }
    cx.out.line(&format!("node/{} {word}{}", target.name, dry_run.suffix()));
    Ok(())
}

fn cordon(cx: &mut Context<'_>, on: bool) -> Outcome {
    let dry_run = DryRun::of(cx)?;
    for target in nodes_of(cx)? {
        mark(cx, &target, on, dry_run)?;
    }
    DONE
}

/// What is done with a Pod of a node that is emptied.
enum Fate {
    /// It is none of our business.
    Leave,
    /// It goes.
    Evict,
    /// It goes (or stays, the flag says), and somebody should know.
    Warn(&'static str, bool),
    /// The node cannot be emptied.
    Refuse(&'static str),
}

/// The filters of drain, in their order; the last one that says something is heard.
fn fate(pod: &Value, flags: &Flags, now: Time) -> Fate {
    if overdue(pod, flags, now) {
        return Fate::Leave;
    }
    let ended = matches!(str_at(pod, "/status/phase"), "Succeeded" | "Failed");
    let owner = list_at(pod, "/metadata/ownerReferences")
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true));
    if owner.is_some_and(|owner| str_at(owner, "/kind") == "DaemonSet") && !ended {
        return if flags.on("ignore-daemonsets") {
            Fate::Warn("ignoring DaemonSet-managed Pods", false)
        } else {
            Fate::Refuse("DaemonSet-managed Pods (use --ignore-daemonsets to ignore)")
        };
    }
    if map_at(pod, "/metadata/annotations").is_some_and(|all| all.contains_key("kubernetes.io/config.mirror")) {
        return Fate::Leave;
    }
    let local = list_at(pod, "/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some());
    if local && !ended && !flags.on("delete-emptydir-data") {
        return Fate::Refuse("Pods with local storage (use --delete-emptydir-data to override)");
    }
    if owner.is_none() && !ended {
        return if flags.on("force") {
            Fate::Warn("deleting Pods that declare no controller", true)
        } else {
            Fate::Refuse("Pods that declare no controller (use --force to override)")
        };
    }
    Fate::Evict
}

/// Whether a Pod was deleted so long ago that nobody waits for it any more.
fn overdue(pod: &Value, flags: &Flags, now: Time) -> bool {
    let limit = flags.number("skip-wait-for-delete-timeout");
    let deleted = str_at(pod, "/metadata/deletionTimestamp");
    limit > 0 && deleted.parse::<jiff::Timestamp>().is_ok_and(|at| now.timestamp().as_second() - at.as_second() > limit)
}

/// Pods of one reason, by `namespace/name`.
type Grouped = Vec<(&'static str, Vec<String>)>;

fn note(list: &mut Grouped, why: &'static str, pod: &Value) {
    let name = format!("{}/{}", str_at(pod, "/metadata/namespace"), str_at(pod, "/metadata/name"));
    match list.iter_mut().find(|(known, _)| *known == why) {
        Some((_, names)) => names.push(name),
        None => list.push((why, vec![name])),
    }
}

/// The Pods of a node that are to go, and what somebody should know.
fn leaving(cx: &mut Context<'_>, node: &str) -> Result<(Vec<Value>, String), Failure> {
    let flags = cx.session.flags.clone();
    let mut request = Request::new(Method::Get, "/api/v1/pods")
        .with_header("Accept", "application/json")
        .with_query("fieldSelector", format!("spec.nodeName={node}"))
        .with_query("limit", "500");
    if !flags.text("pod-selector").is_empty() {
        request = request.with_query("labelSelector", flags.text("pod-selector"));
    }
    let answer = cx.json(request)?;
    let (mut evicted, mut refused, mut warned) = (Vec::new(), Grouped::new(), Grouped::new());
    let now = cx.system.now();
    for pod in list_at(&answer, "/items") {
        match fate(pod, &flags, now) {
            Fate::Leave => {}
            Fate::Evict => evicted.push(pod.clone()),
            Fate::Warn(why, goes) => {
                note(&mut warned, why, pod);
                if goes {
                    evicted.push(pod.clone());
                }
            }
            Fate::Refuse(why) => note(&mut refused, why, pod),
        }
    }
    if !refused.is_empty() {
        let line =
            |(why, names): &(&str, Vec<String>)| Failure::Plain(format!("cannot delete {why}: {}", names.join(", ")));
        return Err(Failure::Many(refused.iter().map(line).collect()));
    }
    let texts: Vec<String> = warned.iter().map(|(why, names)| format!("{why}: {}", names.join(", "))).collect();
    Ok((evicted, texts.join("; ")))
}

fn drain(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    if crate::apimachinery::labels::parse(flags.text("pod-selector")).is_err() {
        return Err(Failure::msg("--pod-selector=<pod_selector> must be a valid label selector"));
    }
    let mut nodes: Vec<String> = Vec::new();
    for target in nodes_of(cx)? {
        mark(cx, &target, true, dry_run)?;
        nodes.push(target.name);
    }
    nodes.reverse();
    let nanoseconds = flags.nanoseconds("timeout");
    let timeout = (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds.unsigned_abs()));
    Ok(Next::Task(Box::new(Draining { nodes, dry_run, timeout, ..Draining::default() })))
}

/// Nodes that are being emptied, one after the other.
#[derive(Clone, Debug, Default)]
struct Draining {
    nodes: Vec<String>,
    dry_run: DryRun,
    timeout: Option<Duration>,
    /// The node that is being emptied, and when it has to be empty.
    present: Option<(String, Option<Time>)>,
    /// Pods to ask an eviction of, and when.
    asking: Vec<(Value, Time)>,
    /// Pods that are on their way out.
    waiting: Vec<Value>,
    errors: Vec<Failure>,
    pending: Vec<String>,
    fatal: Vec<Failure>,
}

impl Draining {
    /// Asks for one eviction; `false` when a disruption budget says not now.
    fn evict(cx: &mut Context<'_>, pod: &Value, dry_run: DryRun) -> Result<bool, Failure> {
        let flags = cx.session.flags.clone();
        let (namespace, name) = (str_at(pod, "/metadata/namespace"), str_at(pod, "/metadata/name"));
        let mut options = json!({});
        if let Some(fields) = options.as_object_mut() {
            if flags.number("grace-period") >= 0 {
                fields.insert("gracePeriodSeconds".to_owned(), json!(flags.number("grace-period")));
            }
            if dry_run == DryRun::Server {
                fields.insert("dryRun".to_owned(), json!(["All"]));
            }
        }
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        let result = if flags.on("disable-eviction") {
            let request = Request::new(Method::Delete, path)
                .with_header("Accept", "application/json")
                .with_header("Content-Type", "application/json")
                .with_body(options.to_string());
            cx.json(request)
        } else {
            let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}, "deleteOptions": options});
            cx.write(Method::Post, &format!("{path}/eviction"), &[], &eviction)
        };
        match result {
            Ok(_) => Ok(true),
            Err(failure) if failure.is_not_found() => Ok(true),
            Err(failure) if failure.reason() == "TooManyRequests" => {
                cx.out.err_line(&format!(
                    "error when evicting pods/\"{name}\" -n \"{namespace}\" (will retry after 5s): {}",
                    failure.text()
                ));
                Ok(false)
            }
            Err(failure) if flags.on("disable-eviction") => Err(failure),
            Err(failure) => {
                Err(Failure::msg(format!("error when evicting pods/\"{name}\" -n \"{namespace}\": {}", failure.text())))
            }
        }
    }

    fn ask(&mut self, cx: &mut Context<'_>, end: Option<Time>) {
        let now = cx.system.now();
        let dry_run = self.dry_run;
        for (pod, when) in std::mem::take(&mut self.asking) {
            if when > now {
                self.asking.push((pod, when));
                continue;
            }
            let (namespace, name) = (str_at(&pod, "/metadata/namespace"), str_at(&pod, "/metadata/name"));
            if !cx.session.flags.on("disable-eviction") || dry_run == DryRun::Client {
                cx.out.line(&format!("evicting pod {namespace}/{name}{}", dry_run.suffix()));
            }
            if end.is_some_and(|end| now >= end) {
                self.errors.push(self.timed_out(&pod));
                continue;
            }
            match if dry_run == DryRun::Client { Ok(true) } else { Draining::evict(cx, &pod, dry_run) } {
                Ok(true) if dry_run == DryRun::None => self.waiting.push(pod),
                Ok(true) => {}
                Ok(false) => self.asking.push((pod, now + Duration::from_secs(5))),
                Err(failure) => self.errors.push(failure),
            }
        }
    }

    fn timed_out(&self, pod: &Value) -> Failure {
        let (namespace, name) = (str_at(pod, "/metadata/namespace"), str_at(pod, "/metadata/name"));
        let timeout = self.timeout.map_or(0, |timeout| i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX));
        Failure::msg(format!(
            "error when evicting pods/\"{name}\" -n \"{namespace}\": global timeout reached: {}",
            go_duration(timeout)
        ))
    }

    fn watch(&mut self, cx: &mut Context<'_>, end: Option<Time>) {
        let now = cx.system.now();
        let flags = cx.session.flags.clone();
        for pod in std::mem::take(&mut self.waiting) {
            let (namespace, name) = (str_at(&pod, "/metadata/namespace"), str_at(&pod, "/metadata/name"));
            let found = cx.get(&format!("/api/v1/namespaces/{namespace}/pods/{name}"));
            let waited = |why: String| {
                Failure::msg(format!(
                    "error when waiting for pod \"{name}\" in namespace \"{namespace}\" to terminate: {why}"
                ))
            };
            match found {
                Ok(found) if str_at(&found, "/metadata/uid") == str_at(&pod, "/metadata/uid") => {
                    if overdue(&found, &flags, now) {
                        let limit = flags.number("skip-wait-for-delete-timeout");
                        cx.out.line(&format!("pod {name} has DeletionTimestamp older than {limit} seconds, skipping"));
                    } else if let Some(timeout) = self.timeout.filter(|_| end.is_some_and(|end| now >= end)) {
                        let timeout = go_duration(i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX));
                        self.errors.push(waited(format!("global timeout reached: {timeout}")));
                    } else {
                        self.waiting.push(pod);
                    }
                }
                Err(failure) if !failure.is_not_found() => self.errors.push(waited(failure.text())),
                _ => {
                    let done = if flags.on("disable-eviction") { "deleted" } else { "evicted" };
                    cx.out.line(&format!("pod/{name} {done}"));
                }
            }
        }
    }

    /// The present node is done with, one way or the other.
    fn settle(&mut self, cx: &mut Context<'_>, node: String, failures: Vec<Failure>) {
        if failures.is_empty() {
            cx.out.line(&format!("node/{node} drained{}", self.dry_run.suffix()));
            return;
        }
        let flat = |failure| match failure {
            Failure::Many(inner) => inner,
            one => vec![one],
        };
        let all = Failure::Many(failures.into_iter().flat_map(flat).collect());
        cx.out.err_line(&format!(
            "error: unable to drain node \"{node}\" due to error: {}, continuing command...",
            all.text()
        ));
        self.pending.push(node);
        self.fatal.push(all);
    }
}

impl Task for Draining {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        loop {
            let Some((node, end)) = self.present.clone() else {
                let Some(node) = self.nodes.pop() else { break };
                match leaving(cx, &node) {
                    Err(failure) => self.settle(cx, node, vec![failure]),
                    Ok((pods, warning)) => {
                        if !warning.is_empty() {
                            cx.out.err_line(&format!("Warning: {warning}"));
                        }
                        let now = cx.system.now();
                        self.asking = pods.into_iter().map(|pod| (pod, now)).collect();
                        self.present = Some((node, self.timeout.map(|timeout| now + timeout)));
                    }
                }
                continue;
            };
            self.ask(cx, end);
            self.watch(cx, end);
            if self.asking.is_empty() && self.waiting.is_empty() {
                self.present = None;
                let errors = std::mem::take(&mut self.errors);
                if !errors.is_empty()
                    && let Ok((pods, _)) = leaving(cx, &node)
                    && !pods.is_empty()
                {
                    let why = Failure::Many(errors.clone()).text();
                    cx.out
                        .err_line(&format!("There are pending pods in node \"{node}\" when an error occurred: {why}"));
                    for pod in &pods {
                        cx.out.err_line(&format!("pod/{}", str_at(pod, "/metadata/name")));
                    }
                }
                self.settle(cx, node, errors);
                continue;
            }
            let now = cx.system.now();
            let retry = self.asking.iter().map(|(_, when)| *when).min();
            let look = (!self.waiting.is_empty()).then(|| now + Duration::from_secs(1));
            let until = [retry, look].into_iter().flatten().min();
            return Ok(Progress::Wait(Wait { until, ..Wait::default() }));
        }
        if self.pending.is_empty() {
            return Ok(Progress::Next(Next::Exit(0)));
        }
        let names: Vec<String> = self.pending.iter().map(|node| format!(" {node}")).collect();
        cx.out.err_line(&format!("There are pending nodes to be drained:\n{}", names.join("\n")));
        Err(Failure::Many(std::mem::take(&mut self.fatal)))
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
