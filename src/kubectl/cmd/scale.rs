//! `kubectl scale`: sets how many copies an object keeps.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/scale/scale.go and pkg/scale/scale.go.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, duration, int, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer, str_at};
use crate::kubectl::program::{Context, Next, Outcome, Progress, Task, ended};
use crate::kubectl::record::{self, RECORD};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{DRY_RUN, DryRun};
use crate::shell::program::Wait;
use crate::sim::Time;
use crate::text::go_number::quote;

const FLAGS: &[Flag] = &[
    switch("all", "Every object of the type in the namespace."),
    int("current-replicas", "-1", "Only when there are this many now."),
    int("replicas", "0", "How many to keep.").required(),
    text("resource-version", "", "Only when the object still has this version."),
    text("selector", "", "Only objects whose labels match.").short('l'),
    duration("timeout", "0s", "How long to wait until it is so; 0 does not wait."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "scale",
    suggest_for: &["resize"],
    group: Group::Deploy,
    short: "Set how many copies an object keeps",
    long: "Sets the size of a Deployment, ReplicaSet, StatefulSet or ReplicationController.",
    examples: &[
        ("Three copies", "kubectl scale deployment/web --replicas=3"),
        ("Only if there are two now", "kubectl scale deployment/web --current-replicas=2 --replicas=3"),
    ],
    usage: "[--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME) [options]",
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, RECORD],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.number("replicas") < 0 {
        return Err(Failure::msg(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        ));
    }
    if flags.number("current-replicas") < -1 {
        return Err(Failure::msg("The --current-replicas must specify an integer of -1 or greater"));
    }
    let dry_run = DryRun::of(cx)?;
    let printer = Printer::of(&flags, cx.system, false)?;
    let mut query = Query::of(&flags);
    (query.all, query.list_without_name) = (false, query.all);
    let built = builder::build(cx, &query)?;
    // What stands in a file is not asked for.
    let from_files = !query.files.is_empty() || !query.kustomize.is_empty();
    let (mut found, failures) = if from_files { (built.targets, built.failures) } else { builder::fetch(cx, &built) };
    if !flags.text("resource-version").is_empty() && found.len() > 1 {
        return Err(Failure::msg("cannot use --resource-version with multiple resources"));
    }
    if found.is_empty() {
        let none = failures.is_empty();
        return Err(if none { Failure::msg("no objects passed to scale") } else { Failure::Many(failures) });
    }
    found.reverse();
    Ok(Next::Task(Box::new(Scaling { targets: found, failures, printer, dry_run, until: None })))
}

/// Objects that are scaled, one after the other.
#[derive(Clone, Debug)]
struct Scaling {
    targets: Vec<Target>,
    failures: Vec<Failure>,
    printer: Printer,
    dry_run: DryRun,
    /// Until when the copies of the object that was scaled last are waited for.
    until: Option<Time>,
}

impl Scaling {
    /// Scales an object, if it is as it is expected to be.
    fn scale(&mut self, cx: &mut Context<'_>, target: &Target) -> Result<(), Failure> {
        let flags = cx.session.flags.clone();
        let path = format!("{}/scale", target.path());
        let (current, wanted) = (flags.number("current-replicas"), flags.text("resource-version"));
        if current != -1 || !wanted.is_empty() {
            let scale = cx.get(&path)?;
            let now = number(&scale, "/spec/replicas");
            if current != -1 && now != current {
                return Err(Failure::msg(format!("Expected replicas to be {current}, was {now}")));
            }
            let version = str_at(&scale, "/metadata/resourceVersion");
            if !wanted.is_empty() && version != wanted {
                return Err(Failure::msg(format!("Expected resource version to be {wanted}, was {version}")));
            }
        }
        let patch = json!({"spec": {"replicas": flags.number("replicas")}}).to_string();
        cx.patch(&path, "merge", &self.dry_run.query(), patch.as_bytes()).map(|_| ())
    }

    /// Whether the object has as many copies as it should.
    fn synced(&self, cx: &mut Context<'_>, target: &Target) -> Result<bool, Failure> {
        let wanted = cx.session.flags.number("replicas");
        let scale = cx.get(&format!("{}/scale", target.path()))?;
        Ok(number(&scale, "/spec/replicas") == wanted && number(&scale, "/status/replicas") == wanted)
    }

    fn told(&mut self, cx: &mut Context<'_>, target: &Target) -> Result<(), Failure> {
        if self.dry_run != DryRun::Client
            && let Some(note) = record::patch(cx)
        {
            let _ = cx.patch(&target.path(), "merge", &self.dry_run.query(), note.as_bytes());
        }
        let mut object = target.object.clone().unwrap_or_default();
        if ["", "apps"].contains(&target.resource.group.as_str())
            && let Some(slot) = object.pointer_mut("/spec/replicas")
        {
            *slot = json!(cx.session.flags.number("replicas"));
        }
        let what = format!("scaled{}", self.dry_run.suffix());
        let text = self.printer.done(&object, &target.resource, &target.name, &what)?;
        cx.out.out(&text);
        Ok(())
    }
}

impl Task for Scaling {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let patience = cx.session.flags.nanoseconds("timeout");
        while let Some(target) = self.targets.last().cloned() {
            // The first that cannot be scaled ends the command.
            if self.until.is_none() && self.dry_run != DryRun::Client {
                self.scale(cx, &target)?;
            }
            if patience != 0 && self.dry_run == DryRun::None {
                let now = cx.system.now();
                let until = *self.until.get_or_insert(now + Duration::from_nanos(patience.unsigned_abs()));
                if !self.synced(cx, &target)? {
                    if now >= until || patience < 0 {
                        let name = quote(&target.name);
                        return Err(Failure::msg(format!("timed out waiting for {name} to be synced")));
                    }
                    let next = (now + Duration::from_secs(1)).min(until);
                    return Ok(Progress::Wait(Wait { until: Some(next), ..Wait::default() }));
                }
            }
            self.until = None;
            self.told(cx, &target)?;
            self.targets.pop();
        }
        ended(std::mem::take(&mut self.failures)).map(Progress::Next)
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

fn number(object: &Value, path: &str) -> i64 {
    object.pointer(path).and_then(Value::as_i64).unwrap_or(0)
}
