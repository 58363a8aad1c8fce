//! `kubectl cordon`, `uncordon`, `drain` and `taint`: what may run on a node.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/drain, pkg/cmd/drain and pkg/cmd/taint.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kubectl::builder::{self, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, duration, int, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer, list_at, map_at, str_at};
use crate::kubectl::program::{Context, DONE, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DRY_RUN, DryRun, FIELD_MANAGER};
use crate::shell::program::Wait;
use crate::sim::Time;
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
            text("chunk-size", "500", "Ask for long lists in parts of this many objects."),
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
    ..Command::EMPTY
};

/// `kubectl taint`.
pub static TAINT: Command = Command {
    name: "taint",
    group: Group::Cluster,
    short: "Change the taints of nodes",
    long: "Adds and removes taints, which keep away Pods that do not tolerate them. KEY=VALUE:EFFECT adds one, KEY:EFFECT- or KEY- removes it.",
    examples: &[
        ("Add a taint", "kubectl taint nodes node01 dedicated=jobs:NoSchedule"),
        ("Remove it", "kubectl taint nodes node01 dedicated:NoSchedule-"),
    ],
    usage: "NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N [options]",
    flags: &[
        &[switch("all", "Every node."), switch("overwrite", "Allow taints to change."), SELECTOR],
        PRINT_FLAGS,
        DRY_RUN,
        FIELD_MANAGER,
    ],
    run: Some(taint),
    ..Command::EMPTY
};

fn nodes(cx: &mut Context<'_>) -> Result<Vec<Target>, Failure> {
    let flags = cx.session.flags.clone();
    let selector = flags.text("selector").to_owned();
    if flags.args.is_empty() && selector.is_empty() {
        return Err(cx.usage(format!("USAGE: {} [flags]", cx.path())));
    }
    if !flags.args.is_empty() && !selector.is_empty() {
        return Err(cx.usage("error: cannot specify both a node name and a --selector option"));
    }
    let mut args = vec!["nodes".to_owned()];
    args.extend(flags.args.iter().map(|arg| arg.trim_start_matches("node/").trim_start_matches("nodes/").to_owned()));
    let query = Query { args, selector: Some(selector).filter(|text| !text.is_empty()), ..Query::default() };
    let built = builder::build(cx, &query)?;
    let (found, mut failures) = builder::fetch(cx, &built);
    match failures.len() {
        0 => Ok(found),
        1 => Err(failures.remove(0)),
        _ => Err(Failure::Many(failures)),
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
    for target in nodes(cx)? {
        mark(cx, &target, on, dry_run)?;
    }
    DONE
}

/// What is done with a Pod of a node that is emptied.
enum Fate {
    Leave,
    Warn(&'static str),
    Evict,
    Refuse(&'static str),
}

fn fate(pod: &Value, flags: &crate::kubectl::flags::Flags) -> Fate {
    let ended = matches!(str_at(pod, "/status/phase"), "Succeeded" | "Failed");
    if map_at(pod, "/metadata/annotations").is_some_and(|all| all.contains_key("kubernetes.io/config.mirror")) {
        return Fate::Leave;
    }
    let owner = list_at(pod, "/metadata/ownerReferences")
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true));
    if owner.is_some_and(|owner| str_at(owner, "/kind") == "DaemonSet") && !ended {
        return if flags.on("ignore-daemonsets") {
            Fate::Warn("ignoring DaemonSet-managed Pods")
        } else {
            Fate::Refuse("cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)")
        };
    }
    let local = list_at(pod, "/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some());
    if local && !ended && !flags.on("delete-emptydir-data") {
        return Fate::Refuse("cannot delete Pods with local storage (use --delete-emptydir-data to override)");
    }
    if owner.is_none() && !ended {
        return if flags.on("force") {
            Fate::Warn("deleting Pods that declare no controller")
        } else {
            Fate::Refuse("cannot delete Pods that declare no controller (use --force to override)")
        };
    }
    Fate::Evict
}

fn drain(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    let mut work = Vec::new();
    for target in nodes(cx)? {
        mark(cx, &target, true, dry_run)?;
        let mut request = Request::new(Method::Get, "/api/v1/pods")
            .with_header("Accept", "application/json")
            .with_query("fieldSelector", format!("spec.nodeName={}", target.name))
            .with_query("limit", "500");
        if !flags.text("pod-selector").is_empty() {
            request = request.with_query("labelSelector", flags.text("pod-selector"));
        }
        let answer = cx.json(request)?;
        let mut evicted = Vec::new();
        let mut refused: Vec<(&str, Vec<String>)> = Vec::new();
        let mut warned: Vec<(&str, Vec<String>)> = Vec::new();
        for pod in list_at(&answer, "/items") {
            let name = format!("{}/{}", str_at(pod, "/metadata/namespace"), str_at(pod, "/metadata/name"));
            let note = |list: &mut Vec<(&'static str, Vec<String>)>, why: &'static str| match list
                .iter_mut()
                .find(|(known, _)| *known == why)
            {
                Some((_, names)) => names.push(name.clone()),
                None => list.push((why, vec![name.clone()])),
            };
            match fate(pod, &flags) {
                Fate::Leave => {}
                Fate::Evict => evicted.push(pod.clone()),
                Fate::Warn(why) => {
                    note(&mut warned, why);
                    if why.starts_with("deleting") {
                        evicted.push(pod.clone());
                    }
                }
                Fate::Refuse(why) => note(&mut refused, why),
            }
        }
        let text = |list: &[(&str, Vec<String>)]| {
            list.iter().map(|(why, names)| format!("{why}: {}", names.join(", "))).collect::<Vec<_>>().join("; ")
        };
        if !refused.is_empty() {
            cx.out.err_line(&format!(
                "error: unable to drain node \"{}\" due to error: {}, continuing command...",
                target.name,
                text(&refused)
            ));
            cx.out.err_line(&format!("There are pending nodes to be drained:\n {}", target.name));
            return Err(Failure::Plain(text(&refused)));
        }
        if !warned.is_empty() {
            cx.out.err_line(&format!("Warning: {}", text(&warned)));
        }
        work.push((target.name.clone(), evicted));
    }
    if dry_run != DryRun::None {
        for (name, pods) in &work {
            for pod in pods {
                cx.out.line(&format!(
                    "evicting pod {}/{}{}",
                    str_at(pod, "/metadata/namespace"),
                    str_at(pod, "/metadata/name"),
                    dry_run.suffix()
                ));
            }
            cx.out.line(&format!("node/{name} drained{}", dry_run.suffix()));
        }
        return DONE;
    }
    let nanoseconds = flags.nanoseconds("timeout");
    let until = (nanoseconds > 0).then(|| cx.system.now() + Duration::from_nanos(nanoseconds.unsigned_abs()));
    work.reverse();
    Ok(Next::Task(Box::new(Draining { work, waiting: Vec::new(), until })))
}

/// Nodes that are being emptied, one after the other.
#[derive(Clone, Debug)]
struct Draining {
    work: Vec<(String, Vec<Value>)>,
    waiting: Vec<Value>,
    until: Option<Time>,
}

impl Draining {
    /// Asks for one eviction; `false` when a disruption budget says not now.
    fn evict(cx: &mut Context<'_>, pod: &Value) -> Result<bool, Failure> {
        let flags = cx.session.flags.clone();
        let (namespace, name) = (str_at(pod, "/metadata/namespace"), str_at(pod, "/metadata/name"));
        let mut options = json!({});
        if let (true, Some(fields)) = (flags.number("grace-period") >= 0, options.as_object_mut()) {
            fields.insert("gracePeriodSeconds".to_owned(), json!(flags.number("grace-period")));
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
            Err(failure) => Err(failure.context(&format!("error when evicting pods/\"{name}\" -n \"{namespace}\": "))),
        }
    }
}

impl Task for Draining {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        loop {
            let now = cx.system.now();
            let Some((node, pods)) = self.work.last_mut() else { return Ok(Progress::Next(Next::Exit(0))) };
            let mut later = Vec::new();
            for pod in std::mem::take(pods) {
                cx.out.line(&format!(
                    "evicting pod {}/{}",
                    str_at(&pod, "/metadata/namespace"),
                    str_at(&pod, "/metadata/name")
                ));
                if Draining::evict(cx, &pod)? {
                    self.waiting.push(pod);
                } else {
                    later.push(pod);
                }
            }
            let mut still = Vec::new();
            for pod in std::mem::take(&mut self.waiting) {
                let (namespace, name) = (str_at(&pod, "/metadata/namespace"), str_at(&pod, "/metadata/name"));
                match cx.get(&format!("/api/v1/namespaces/{namespace}/pods/{name}")) {
                    Ok(found) if str_at(&found, "/metadata/uid") == str_at(&pod, "/metadata/uid") => still.push(pod),
                    Err(failure) if !failure.is_not_found() => return Err(failure),
                    _ => cx.out.line(&format!("pod/{name} evicted")),
                }
            }
            self.waiting = still;
            if later.is_empty() && self.waiting.is_empty() {
                cx.out.line(&format!("node/{node} drained"));
                self.work.pop();
                continue;
            }
            if self.until.is_some_and(|until| now >= until) {
                return Err(Failure::msg("drain did not complete within the timeout"));
            }
            let pause = if later.is_empty() { Duration::from_secs(1) } else { Duration::from_secs(5) };
            if let Some((_, pods)) = self.work.last_mut() {
                *pods = later;
            }
            return Ok(Progress::Wait(Wait { until: Some(now + pause), ..Wait::default() }));
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

/// A taint of the command line: key, value, effect, and whether it is to go.
fn parse_taint(word: &str) -> Option<(String, String, String, bool)> {
    let (word, remove) = word.strip_suffix('-').map_or((word, false), |word| (word, true));
    let (head, effect) = word.split_once(':').unwrap_or((word, ""));
    let (key, value) = head.split_once('=').unwrap_or((head, ""));
    let fine = !key.is_empty() && (remove || ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect));
    fine.then(|| (key.to_owned(), value.to_owned(), effect.to_owned(), remove))
}

fn taint(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let is_taint = |word: &String| word.contains(':') || word.contains('=') || word.ends_with('-');
    let first = flags.args.iter().position(is_taint).unwrap_or(flags.args.len());
    let (objects, words) = flags.args.split_at_checked(first).unwrap_or((&flags.args, &[]));
    if objects.is_empty() {
        return Err(Failure::msg("one or more resources must be specified as <resource> <name>"));
    }
    if words.is_empty() {
        return Err(Failure::msg("at least one taint update is required"));
    }
    let mut changes = Vec::new();
    for word in words {
        let Some(change) = parse_taint(word) else {
            let effect = word.split_once(':').map_or("", |(_, effect)| effect);
            return Err(Failure::msg(if effect.is_empty() {
                format!("invalid taint spec: {word}")
            } else {
                format!("invalid taint effect: {effect}, unsupported taint effect")
            }));
        };
        changes.push(change);
    }
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let mut query = Query::of(&flags);
    query.args = objects.to_vec();
    let built = builder::build(cx, &query)?;
    let (found, mut failures) = builder::fetch(cx, &built);
    for target in &found {
        let node = target.object.clone().unwrap_or_default();
        match changed(&node, &changes, flags.on("overwrite"), &target.name) {
            Ok((taints, what)) => {
                let mut after = node;
                if dry_run != DryRun::Client {
                    let patch = json!({"spec": {"taints": taints}}).to_string();
                    let query = writing::query(dry_run, writing::manager(&flags, "kubectl-taint"), "");
                    after = cx.patch(&target.path(), "strategic", &query, patch.as_bytes())?;
                }
                let text =
                    printer.done(&after, &target.resource, &target.name, &format!("{what}{}", dry_run.suffix()))?;
                cx.out.out(&text);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { DONE } else { Err(Failure::Many(failures)) }
}

type TaintChange = (String, String, String, bool);

fn changed(
    node: &Value,
    changes: &[TaintChange],
    overwrite: bool,
    name: &str,
) -> Result<(Vec<Value>, &'static str), Failure> {
    let mut taints = list_at(node, "/spec/taints").to_vec();
    let (mut added, mut removed) = (false, false);
    for (key, value, effect, remove) in changes {
        let same =
            |taint: &Value| str_at(taint, "/key") == key && (effect.is_empty() || str_at(taint, "/effect") == effect);
        if *remove {
            let before = taints.len();
            taints.retain(|taint| !same(taint));
            if taints.len() == before {
                let what = if effect.is_empty() { key.clone() } else { format!("{key}:{effect}") };
                return Err(Failure::msg(format!("taint \"{what}\" not found")));
            }
            removed = true;
            continue;
        }
        if taints.iter().any(same) && !overwrite {
            return Err(Failure::msg(format!(
                "node {name} already has {key} taint(s) with same effect(s) and --overwrite is false"
            )));
        }
        taints.retain(|taint| !same(taint));
        let mut taint = json!({"key": key, "effect": effect});
        if let (false, Some(fields)) = (value.is_empty(), taint.as_object_mut()) {
            fields.insert("value".to_owned(), json!(value));
        }
        taints.push(taint);
        added = true;
    }
    let what = match (added, removed) {
        (true, true) => "modified",
        (false, true) => "untainted",
        _ => "tainted",
    };
    Ok((taints, what))
}
