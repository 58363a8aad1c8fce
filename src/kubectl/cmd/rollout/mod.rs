//! `kubectl rollout`: status, history, undo, restart, pause, resume.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/rollout and pkg/polymorphichelpers.

mod history;
mod status;

use serde_json::{Value, json};

use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, text};
use crate::kubectl::help::subcommand_missing;
use crate::kubectl::print::{PRINT_FLAGS, Printer, map_at};
use crate::kubectl::program::{Context, Outcome, ended};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::field_manager;

/// The command.
pub static COMMAND: Command = Command {
    name: "rollout",
    group: Group::Deploy,
    short: "Follow and steer the rollout of a change",
    long: "Shows how the change of a Deployment, DaemonSet or StatefulSet gets on, and takes it back, restarts, pauses or resumes it.",
    examples: &[
        ("How the change gets on", "kubectl rollout status deployment/web"),
        ("Back to the revision before", "kubectl rollout undo deployment/web"),
    ],
    usage: "SUBCOMMAND [options]",
    subcommands: &[&history::HISTORY, &PAUSE, &RESTART, &RESUME, &status::COMMAND, &history::UNDO],
    run: Some(subcommand_missing),
    ..Command::EMPTY
};

const SELECTOR: &[Flag] = &[text("selector", "", "Only objects whose labels match.").short('l')];

static PAUSE: Command = Command {
    name: "pause",
    short: "Stop rolling out changes",
    long: "Keeps a Deployment from rolling out changes until it is resumed.",
    examples: &[("Pause", "kubectl rollout pause deployment/web")],
    usage: "RESOURCE [options]",
    flags: &[SELECTOR, FILE_FLAGS, PRINT_FLAGS, &[field_manager("kubectl-rollout")]],
    run: Some(|cx| run(cx, Change::Pause)),
    ..Command::EMPTY
};

static RESUME: Command = Command {
    name: "resume",
    short: "Go on rolling out changes",
    long: "Lets a paused Deployment roll out changes again.",
    examples: &[("Resume", "kubectl rollout resume deployment/web")],
    usage: "RESOURCE [options]",
    flags: &[SELECTOR, FILE_FLAGS, PRINT_FLAGS, &[field_manager("kubectl-rollout")]],
    run: Some(|cx| run(cx, Change::Resume)),
    ..Command::EMPTY
};

static RESTART: Command = Command {
    name: "restart",
    short: "Replace all Pods by new ones",
    long: "Replaces the Pods of a Deployment, DaemonSet or StatefulSet by new ones, step by step.",
    examples: &[("Restart", "kubectl rollout restart deployment/web")],
    usage: "RESOURCE [options]",
    flags: &[SELECTOR, FILE_FLAGS, PRINT_FLAGS, &[field_manager("kubectl-rollout")]],
    run: Some(|cx| run(cx, Change::Restart)),
    ..Command::EMPTY
};

const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Pause,
    Resume,
    Restart,
}

/// The objects a rollout command is about.
///
/// # Errors
/// No object named, or the server's.
fn objects(cx: &mut Context<'_>) -> Result<(Vec<Target>, Vec<Failure>), Failure> {
    let flags = cx.session.flags.clone();
    let mut query = Query::of(&flags);
    query.list_without_name = true;
    if query.args.is_empty() && query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg("required resource not specified"));
    }
    let built = builder::build(cx, &query)?;
    Ok(builder::fetch(cx, &built))
}

/// Says so when there is nothing to work on.
fn nothing(cx: &mut Context<'_>, found: &[Target], failures: &[Failure]) -> Result<bool, Failure> {
    let nothing = found.is_empty() && failures.is_empty();
    if nothing {
        let namespace = cx.namespace()?;
        cx.out.err_line(&format!("No resources found in {namespace} namespace."));
    }
    Ok(nothing)
}

fn run(cx: &mut Context<'_>, change: Change) -> Outcome {
    let flags = cx.session.flags.clone();
    let (found, mut failures) = objects(cx)?;
    nothing(cx, &found, &failures)?;
    if found.is_empty() {
        return ended(failures);
    }
    let mut printer = Printer::of(&flags, cx.system, false)?.typed();
    for target in &found {
        match apply(cx, target, change) {
            Ok((object, what)) => {
                let text = printer.done(&object, &target.resource, &target.name, what)?;
                cx.out.out(&text);
            }
            Err(failure) => failures.push(failure),
        }
    }
    ended(failures)
}

fn apply(cx: &mut Context<'_>, target: &Target, change: Change) -> Result<(Value, &'static str), Failure> {
    let object = target.object.clone().unwrap_or_default();
    let paused = object.pointer("/spec/paused").and_then(Value::as_bool).unwrap_or(false);
    let kind = target.resource.kind.as_str();
    // Upstream's own words begin so, alone or among others.
    let title = format!("error: {} \"{}\"", target.resource.qualified(), target.name);
    let deployment = kind == "Deployment";
    let (patch, what) = match change {
        Change::Pause if !deployment => return Err(Failure::msg(format!("{title} pausing is not supported"))),
        Change::Resume if !deployment => return Err(Failure::msg(format!("{title} resuming is not supported"))),
        Change::Restart if !["Deployment", "DaemonSet", "StatefulSet"].contains(&kind) => {
            return Err(Failure::msg(format!("{title} restarting is not supported")));
        }
        Change::Pause if paused => return Err(Failure::msg(format!("{title} is already paused"))),
        Change::Resume if !paused => return Err(Failure::msg(format!("{title} is not paused"))),
        Change::Restart if paused => {
            return Err(Failure::msg(format!("{title} can't restart paused deployment (run rollout resume first)")));
        }
        Change::Pause => (json!({"spec": {"paused": true}}), "paused"),
        Change::Resume => (json!({"spec": {"paused": null}}), "resumed"),
        Change::Restart => {
            let now = cx.system.now().timestamp_seconds().to_string();
            let present = map_at(&object, "/spec/template/metadata/annotations");
            if present.and_then(|all| all.get(RESTARTED)).and_then(Value::as_str) == Some(now.as_str()) {
                return Err(Failure::msg(format!(
                    "failed to create patch for {}: if restart has already been triggered within the past second, please wait before attempting to trigger another",
                    target.name
                )));
            }
            let stamp = json!({RESTARTED: now});
            (json!({"spec": {"template": {"metadata": {"annotations": stamp}}}}), "restarted")
        }
    };
    let flags = cx.session.flags.clone();
    let query = vec![("fieldManager".to_owned(), flags.text("field-manager").to_owned())];
    let after = cx.patch(&target.path(), "strategic", &query, patch.to_string().as_bytes())?;
    Ok((after, what))
}
