//! `kubectl wait`: waits until a condition is met, a field has a value, an object is there or gone.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/wait.

use std::time::Duration;

use serde_json::Value;

use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, array, duration, switch, text};
use crate::kubectl::gone::Gone;
use crate::kubectl::print::{PRINT_FLAGS, Path, Printer, list_at, relaxed, str_at};
use crate::kubectl::program::{Context, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::watch::{Event, Events};
use crate::shell::program::Wait;
use crate::sim::Time;
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};

const FLAGS: &[Flag] = &[
    switch("all", "Every object of the type."),
    switch("all-namespaces", "Objects of every namespace.").short('A'),
    text("field-selector", "", "Only objects whose fields match."),
    array("for", "What to wait for: create, delete, condition=NAME[=VALUE] or jsonpath='{PATH}'[=VALUE]."),
    switch("local", "Look at the file only, without asking the server."),
    text("selector", "", "Only objects whose labels match.").short('l'),
    duration("timeout", "30s", "How long to wait; 0 looks once, a negative time waits a week."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "wait",
    group: Group::Advanced,
    short: "Wait for a condition",
    long: "Waits until objects meet a condition, have a value in a field, exist or are gone, and says so for each.",
    examples: &[
        ("Until a Job is complete", "kubectl wait --for=condition=complete job/hello"),
        ("Until a Pod is gone, at most a minute", "kubectl wait --for=delete pod/web --timeout=60s"),
        ("Until a field has a value", "kubectl wait --for=jsonpath='{.status.phase}'=Running pod/web"),
    ],
    usage: "([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]] [options]",
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS],
    run: Some(run),
    ..Command::EMPTY
};

#[derive(Clone, Debug)]
enum Goal {
    Create,
    Delete,
    Condition(String, String),
    Field(Path, Option<String>),
}

fn goal(cx: &Context<'_>) -> Result<Goal, Failure> {
    let given = cx.session.flags.list("for");
    let Some(text) = given.last() else { return Err(Failure::msg("unrecognized condition: []")) };
    let lower = text.to_lowercase();
    if lower == "create" {
        return Ok(Goal::Create);
    }
    if lower == "delete" {
        return Ok(Goal::Delete);
    }
    if let Some(rest) = text.strip_prefix("condition=") {
        let (name, value) = rest.split_once('=').unwrap_or((rest, "true"));
        return Ok(Goal::Condition(name.to_owned(), value.to_owned()));
    }
    if let Some(rest) = text.strip_prefix("jsonpath=") {
        let bad = || {
            Failure::msg(
                "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'",
            )
        };
        // The value stands behind the last `}=`; a `==` inside of a filter belongs to the path.
        let (path, value) = match rest.rfind("}=") {
            Some(at) => (rest.get(..=at).unwrap_or(rest), rest.get(at + 2..)),
            None if rest.starts_with('{') => (rest, None),
            None => match rest.split_once('=') {
                Some((path, value)) => (path, Some(value)),
                None => (rest, None),
            },
        };
        if value == Some("") {
            return Err(Failure::msg(
                "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
            ));
        }
        let path = relaxed(path).map_err(|_| bad())?;
        let value = value.map(|value| value.trim_matches(['"', '\'']).to_owned());
        return Ok(Goal::Field(Path::parse(&path)?, value));
    }
    Err(Failure::msg(format!("unrecognized condition: {}", quote(text))))
}

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let goal = goal(cx)?;
    let printer = Printer::of(&flags, cx.system, false)?;
    let query = Query::of(&flags);
    let built = builder::build(cx, &query)?;
    if let Some(failure) = built.failures.first() {
        return Err(failure.clone());
    }
    let nanoseconds = flags.nanoseconds("timeout");
    let micros = if nanoseconds < 0 { 7 * 24 * 3600 * 1_000_000 } else { nanoseconds.unsigned_abs() / 1000 };
    let mut targets = Vec::new();
    for target in &built.targets {
        if target.name.is_empty() {
            let answer = builder::list(cx, target, &built.selectors, "application/json")?;
            targets.extend(builder::items(&answer, &target.resource));
        } else {
            targets.push(target.clone());
        }
    }
    if targets.is_empty() {
        return if matches!(goal, Goal::Delete) {
            Ok(Next::Exit(0))
        } else {
            Err(Failure::msg("no matching resources found"))
        };
    }
    if matches!(goal, Goal::Delete) {
        let mut there = Vec::new();
        for target in targets {
            match cx.get(&target.path()) {
                Ok(object) => there.push((target, str_at(&object, "/metadata/uid").to_owned())),
                Err(failure) if failure.is_not_found() => {}
                Err(failure) => return Err(failure),
            }
        }
        return Ok(Next::Task(Box::new(Gone::new(cx, there, Some(micros), Some("condition met")))));
    }
    targets.reverse();
    let until = cx.system.now() + Duration::from_micros(micros);
    Ok(Next::Task(Box::new(Awaiting { goal, targets, until, watch: None, printer, failures: Vec::new() })))
}

/// Objects that are waited for, one after the other.
#[derive(Clone, Debug)]
struct Awaiting {
    goal: Goal,
    targets: Vec<Target>,
    until: Time,
    watch: Option<Events>,
    printer: Printer,
    failures: Vec<Failure>,
}

impl Task for Awaiting {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        loop {
            let Some(target) = self.targets.last().cloned() else {
                if self.failures.is_empty() {
                    return Ok(Progress::Next(Next::Exit(0)));
                }
                return Err(Failure::Many(std::mem::take(&mut self.failures)));
            };
            let Some(watch) = &mut self.watch else {
                self.look(cx, &target)?;
                continue;
            };
            match watch.next(cx)? {
                Event::Seen(kind, _) if kind == "DELETED" => {
                    watch.close(cx);
                    self.watch = None;
                }
                Event::Seen(_, object) => {
                    if self.met(&object) {
                        if let Some(watch) = &mut self.watch {
                            watch.close(cx);
                        }
                        self.done(cx, &target, &object)?;
                    }
                }
                Event::End => self.watch = None,
                Event::Pending => {
                    if cx.system.now() >= self.until {
                        watch.close(cx);
                        self.give_up(&target);
                        continue;
                    }
                    return Ok(Progress::Wait(Wait { until: Some(self.until), streams: true, ..Wait::default() }));
                }
            }
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

impl Awaiting {
    /// Looks at the object as it is now, and opens a watch when the goal is not reached.
    fn look(&mut self, cx: &mut Context<'_>, target: &Target) -> Result<(), Failure> {
        let version = match cx.get(&target.path()) {
            Ok(object) if self.met(&object) => return self.done(cx, target, &object),
            Ok(object) => str_at(&object, "/metadata/resourceVersion").to_owned(),
            Err(failure) if failure.is_not_found() && matches!(self.goal, Goal::Create) => String::new(),
            Err(failure) => {
                self.targets.pop();
                self.failures.push(failure);
                return Ok(());
            }
        };
        if cx.system.now() >= self.until {
            self.give_up(target);
            return Ok(());
        }
        let mut request = Request::new(Method::Get, target.resource.path(&target.namespace))
            .with_header("Accept", "application/json")
            .with_query("fieldSelector", format!("metadata.name={}", target.name));
        if !version.is_empty() {
            request = request.with_query("resourceVersion", version);
        }
        self.watch = Some(Events::open(cx, request.with_query("watch", "true"))?);
        Ok(())
    }

    fn met(&self, object: &Value) -> bool {
        match &self.goal {
            Goal::Create => true,
            Goal::Delete => false,
            Goal::Condition(name, value) => {
                let conditions = list_at(object, "/status/conditions");
                let Some(one) = conditions.iter().find(|one| str_at(one, "/type").eq_ignore_ascii_case(name)) else {
                    return false;
                };
                let generation = object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
                let observed = one.get("observedGeneration").and_then(Value::as_i64).filter(|seen| *seen > 0);
                if observed.is_some_and(|seen| seen < generation) {
                    return false;
                }
                str_at(one, "/status").eq_ignore_ascii_case(value)
            }
            Goal::Field(path, value) => {
                let found = path.find(object);
                let [one] = found.as_slice() else { return false };
                match (one, value) {
                    (_, None) => true,
                    (Value::Object(_) | Value::Array(_), Some(_)) => false,
                    (Value::String(text), Some(value)) => text.trim().eq_ignore_ascii_case(value.trim()),
                    (other, Some(value)) => *other.to_string() == *value.trim(),
                }
            }
        }
    }

    fn done(&mut self, cx: &mut Context<'_>, target: &Target, object: &Value) -> Result<(), Failure> {
        self.watch = None;
        self.targets.pop();
        let text = self.printer.done(object, &target.resource, &target.name, "condition met")?;
        cx.out.out(&text);
        Ok(())
    }

    fn give_up(&mut self, target: &Target) {
        self.watch = None;
        self.targets.pop();
        self.failures.push(Failure::msg(if matches!(self.goal, Goal::Create) {
            "timed out waiting for the condition".to_owned()
        } else {
            format!("timed out waiting for the condition on {}/{}", target.resource.plural, target.name)
        }));
    }
}
