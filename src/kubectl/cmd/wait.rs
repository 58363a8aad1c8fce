//! `kubectl wait`: waits until a condition is met, a field has a value, an object is there or gone.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/wait.

use std::time::Duration;

use serde_json::Value;

use crate::kubectl::builder::{self, FILE_FLAG, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, array, duration, switch, text};
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
    switch("recursive", "Read the directories of -f with everything below them.").short('R').on(),
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
    flags: &[FLAGS, FILE_FLAG, PRINT_FLAGS],
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

/// Everything to wait for, in order.
fn goals(given: &[String]) -> Result<Vec<Goal>, Failure> {
    if given.is_empty() {
        return Err(Failure::msg("unrecognized condition: []"));
    }
    given.iter().map(|text| goal(text)).collect()
}

fn goal(text: &str) -> Result<Goal, Failure> {
    match text.to_lowercase().as_str() {
        "create" => return Ok(Goal::Create),
        "delete" => return Ok(Goal::Delete),
        _ => {}
    }
    if let Some(rest) = text.strip_prefix("condition=") {
        let (name, value) = rest.split_once('=').unwrap_or((rest, "true"));
        return Ok(Goal::Condition(name.to_owned(), value.to_owned()));
    }
    if let Some(rest) = text.strip_prefix("jsonpath=") {
        // A single `=` stands before the value; a `==` inside of a filter belongs to the path.
        let parts: Vec<String> = rest.replace("==", "\0").split('=').map(|part| part.replace('\0', "==")).collect();
        let [path, value @ ..] = parts.as_slice() else { return Err(Failure::msg(FORM)) };
        if value.len() > 1 {
            return Err(Failure::msg(FORM));
        }
        let path = relaxed(path)?;
        let value = value.first().map(|value| value.trim_matches(['"', '\'']).to_owned());
        if value.as_deref() == Some("") {
            return Err(Failure::msg(
                "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
            ));
        }
        if path.is_empty() {
            return Err(Failure::msg("jsonpath expression cannot be empty"));
        }
        return Ok(Goal::Field(Path::parse(&path)?, value));
    }
    Err(Failure::msg(format!("unrecognized condition: {}", quote(text))))
}

const FORM: &str = "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'";

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let printer = Printer::of(&flags, cx.system, false)?;
    let goals = goals(&flags.list("for"))?;
    let mut query = Query::of(&flags);
    // --all is about a type without names.
    (query.all, query.list_without_name) = (false, query.all);
    let built = builder::build(cx, &query)?;
    if let Some(failure) = built.failures.first() {
        return Err(failure.clone());
    }
    let nanoseconds = flags.nanoseconds("timeout");
    let micros = if nanoseconds < 0 { 7 * 24 * 3600 * 1_000_000 } else { nanoseconds.unsigned_abs() / 1000 };
    let deletes = goals.iter().any(|goal| matches!(goal, Goal::Delete));
    let creates = goals.iter().any(|goal| matches!(goal, Goal::Create));
    let mut targets = Vec::new();
    for target in &built.targets {
        if target.name.is_empty() {
            let answer = builder::list(cx, target, &built.selectors, "application/json")?;
            targets.extend(builder::items(&answer, &target.resource));
        } else {
            targets.push(target.clone());
        }
    }
    if targets.is_empty() && !deletes {
        return Err(Failure::msg("no matching resources found"));
    }
    // Whose end is waited for is known by its uid; what is gone already is not spoken of.
    if deletes && !creates {
        let mut there = Vec::new();
        for mut target in targets {
            match cx.get(&target.path()) {
                Ok(object) => target.object = Some(object),
                Err(failure) if failure.is_not_found() => continue,
                Err(failure) => return Err(failure),
            }
            there.push(target);
        }
        targets = there;
    }
    targets.reverse();
    let until = cx.system.now() + Duration::from_micros(micros);
    let once = micros == 0;
    Ok(Next::Task(Box::new(Awaiting {
        goals,
        at: 0,
        targets,
        until,
        once,
        watch: None,
        printer,
        failures: Vec::new(),
    })))
}

/// Objects that are waited for, one after the other.
#[derive(Clone, Debug)]
struct Awaiting {
    goals: Vec<Goal>,
    /// The goal that is waited for now.
    at: usize,
    targets: Vec<Target>,
    until: Time,
    /// Whether the objects are looked at once only.
    once: bool,
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
                Event::Seen(kind, object) => {
                    let gone = kind == "DELETED";
                    let met = if gone { Ok(self.goal_is_end()) } else { self.met(&object) };
                    match met {
                        Ok(false) if !gone => {}
                        Ok(false) => self.close(cx),
                        Ok(true) => self.done(cx, &target, &object)?,
                        Err(failure) => self.fail(cx, failure),
                    }
                }
                Event::End => self.watch = None,
                Event::Pending => {
                    if cx.system.now() >= self.until {
                        self.give_up(cx, &target);
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
    fn goal(&self) -> Option<&Goal> {
        self.goals.get(self.at)
    }

    fn goal_is_end(&self) -> bool {
        matches!(self.goal(), Some(Goal::Delete))
    }

    fn close(&mut self, cx: &mut Context<'_>) {
        if let Some(mut watch) = self.watch.take() {
            watch.close(cx);
        }
    }

    /// Looks at the object as it is now, and opens a watch when the goal is not reached.
    fn look(&mut self, cx: &mut Context<'_>, target: &Target) -> Result<(), Failure> {
        // Out of time, not even what is so already is seen.
        let looks = matches!(self.goal(), Some(Goal::Condition(..) | Goal::Field(..)));
        if looks && !self.once && cx.system.now() >= self.until {
            self.give_up(cx, target);
            return Ok(());
        }
        let uid = target.object.as_ref().map_or("", |object| str_at(object, "/metadata/uid"));
        let version = match cx.get(&target.path()) {
            Ok(object) if self.goal_is_end() && !uid.is_empty() && str_at(&object, "/metadata/uid") != uid => {
                return self.done(cx, target, &object);
            }
            Ok(object) => match self.met(&object) {
                Ok(true) => return self.done(cx, target, &object),
                Ok(false) => str_at(&object, "/metadata/resourceVersion").to_owned(),
                Err(failure) => {
                    self.fail(cx, failure);
                    return Ok(());
                }
            },
            Err(failure) if failure.is_not_found() && matches!(self.goal(), Some(Goal::Create)) => String::new(),
            Err(failure) if failure.is_not_found() && self.goal_is_end() => {
                let object = target.object.clone().unwrap_or_default();
                return self.done(cx, target, &object);
            }
            Err(failure) => {
                let failure = builder::of_namespace(cx, target, failure);
                self.fail(cx, failure);
                return Ok(());
            }
        };
        if self.once && !version.is_empty() {
            let text = format!("condition not met for {}/{}", target.resource.plural, target.name);
            self.fail(cx, Failure::msg(text));
            return Ok(());
        }
        if cx.system.now() >= self.until {
            self.give_up(cx, target);
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

    fn met(&self, object: &Value) -> Result<bool, Failure> {
        match self.goal() {
            Some(Goal::Condition(name, value)) => Ok(has_condition(object, name, value)),
            Some(Goal::Field(path, value)) => {
                let found = path.find(object);
                match (found.as_slice(), value) {
                    ([], _) => Ok(false),
                    ([_, _, ..], _) => Err(Failure::msg("given jsonpath expression matches more than one value")),
                    (_, None) => Ok(true),
                    ([Value::Object(_) | Value::Array(_)], Some(_)) => {
                        Err(Failure::msg("jsonpath leads to a nested object or list which is not supported"))
                    }
                    ([Value::String(text)], Some(value)) => Ok(text.trim() == value.trim()),
                    ([other], Some(value)) => Ok(*other.to_string() == *value.trim()),
                }
            }
            Some(Goal::Delete) => Ok(false),
            Some(Goal::Create) | None => Ok(true),
        }
    }

    /// A goal is reached: the next one, or the next object.
    fn done(&mut self, cx: &mut Context<'_>, target: &Target, object: &Value) -> Result<(), Failure> {
        self.close(cx);
        self.at += 1;
        if self.at >= self.goals.len() {
            self.at = 0;
            self.targets.pop();
        }
        let text = self.printer.done(object, &target.resource, &target.name, "condition met")?;
        cx.out.out(&text);
        Ok(())
    }

    /// Nothing more is waited for with this object.
    fn fail(&mut self, cx: &mut Context<'_>, failure: Failure) {
        self.close(cx);
        self.at = 0;
        self.targets.pop();
        self.failures.push(failure);
    }

    fn give_up(&mut self, cx: &mut Context<'_>, target: &Target) {
        let text = if matches!(self.goal(), Some(Goal::Create)) {
            "timed out waiting for the condition".to_owned()
        } else {
            format!("timed out waiting for the condition on {}/{}", target.resource.plural, target.name)
        };
        self.fail(cx, Failure::msg(text));
    }
}

fn has_condition(object: &Value, name: &str, value: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        goal(text).map_or_else(|failure| failure.text(), |goal| format!("{goal:?}"))
    }

    #[test]
    fn a_field_and_its_value_are_told_apart_by_a_single_equals_sign() {
        let Goal::Field(_, value) = goal("jsonpath={.a[?(@.b==1)].c}=x").unwrap() else { panic!("no field") };
        assert_eq!(value.as_deref(), Some("x"));
        assert!(why("jsonpath={.a}=b=c").starts_with("jsonpath wait format must be"));
        assert!(why("jsonpath={.a}=").starts_with("jsonpath wait has to have a value"));
        assert_eq!(why("jsonpath="), "jsonpath expression cannot be empty");
        assert!(why("jsonpath={").starts_with("unexpected path string"));
        assert_eq!(why("foo"), "unrecognized condition: \"foo\"");
    }
}
