//! `kubectl scale`: sets how many copies an object keeps.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/scale/scale.go and pkg/scale/scale.go.

use serde_json::{Value, json};

use crate::kubectl::builder::{self, FILE_FLAGS, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, duration, int, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{DRY_RUN, DryRun};

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
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let replicas = flags.number("replicas");
    if replicas < 0 {
        return Err(Failure::msg(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        ));
    }
    if flags.number("current-replicas") < -1 {
        return Err(Failure::msg("The --current-replicas must specify an integer of -1 or greater"));
    }
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let mut query = Query::of(&flags);
    (query.all, query.list_without_name) = (false, query.all);
    let built = builder::build(cx, &query)?;
    // What stands in a file is not asked for.
    let (found, failures) = if built.targets.iter().any(|target| target.source.is_some()) {
        (built.targets, built.failures)
    } else {
        builder::fetch(cx, &built)
    };
    let current = flags.number("current-replicas");
    let expects = current != -1 || !flags.text("resource-version").is_empty();
    for target in &found {
        let path = format!("{}/scale", target.path());
        let result = (|| {
            if expects {
                let scale = cx.get(&path)?;
                let now = scale.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
                if current != -1 && now != current {
                    return Err(Failure::msg(format!("Expected replicas to be {current}, was {now}")));
                }
                let version = scale.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or("");
                let wanted = flags.text("resource-version");
                if !wanted.is_empty() && version != wanted {
                    return Err(Failure::msg(format!("Expected resource version to be {wanted}, was {version}")));
                }
            }
            if dry_run == DryRun::Client {
                return Ok(target.object.clone().unwrap_or_default());
            }
            let patch = json!({"spec": {"replicas": replicas}}).to_string();
            cx.patch(&path, "merge", &dry_run.query(), patch.as_bytes())
        })();
        // The first that cannot be scaled ends the command.
        result?;
        let mut object = target.object.clone().unwrap_or_default();
        if ["", "apps"].contains(&target.resource.group.as_str())
            && let Some(slot) = object.pointer_mut("/spec/replicas")
        {
            *slot = json!(replicas);
        }
        let text = printer.done(&object, &target.resource, &target.name, &format!("scaled{}", dry_run.suffix()))?;
        cx.out.out(&text);
    }
    if found.is_empty() && failures.is_empty() {
        return Err(Failure::msg("no objects passed to scale"));
    }
    if failures.is_empty() { DONE } else { Err(Failure::Many(failures)) }
}
