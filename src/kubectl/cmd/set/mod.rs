//! `kubectl set`: image, env, resources, selector, serviceaccount, subject. What they have in common is here: the objects,
//! the change of each, what is sent and said.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/set.

mod env;
mod image;
mod resources;
mod selector;
mod service_account;
mod subject;

use serde_json::{Map, Value};

use crate::kubectl::apply::two_way;
use crate::kubectl::builder::{self, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, switch, text};
use crate::kubectl::help::subcommand_missing;
use crate::kubectl::print::{Printer, str_at};
use crate::kubectl::program::{Context, Outcome, ended};
use crate::kubectl::record;
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DryRun};

/// The command.
pub static COMMAND: Command = Command {
    name: "set",
    group: Group::Beginner,
    short: "Set fields of objects",
    long: "Sets fields that are changed often, without an editor and without a file.",
    usage: "SUBCOMMAND [options]",
    subcommands: &[
        &env::COMMAND,
        &image::COMMAND,
        &resources::COMMAND,
        &selector::COMMAND,
        &service_account::COMMAND,
        &subject::COMMAND,
    ],
    run: Some(subcommand_missing),
    asks: 4,
    ..Command::EMPTY
};

const ALL: Flag = switch("all", "Every object of the type in the namespace.");
const LOCAL: Flag = switch("local", "Change the file only, without asking the server.");
const SELECTOR: Flag = text("selector", "", "Only objects whose labels match.").short('l');

/// Words that name objects, and words that name changes of that kind.
///
/// # Errors
/// An object named behind a change.
fn split(args: &[String], kind: &str) -> Result<(Vec<String>, Vec<String>), Failure> {
    let is_pair = |word: &String| {
        let stdin = word == "-";
        (word.contains('=') && !word.starts_with('=')) || (word.ends_with('-') && (!stdin || kind == "environment"))
    };
    let first = args.iter().position(is_pair).unwrap_or(args.len());
    let (objects, changes) = args.split_at_checked(first).unwrap_or((args, &[]));
    match changes.iter().find(|word| !is_pair(word)) {
        Some(word) => Err(Failure::msg(format!("all resources must be specified before {kind} changes: {word}"))),
        None => Ok((objects.to_vec(), changes.to_vec())),
    }
}

/// `--local` with `--dry-run=server`, `--all` with `--selector`.
fn check(cx: &mut Context<'_>) -> Result<(), Failure> {
    if cx.session.flags.on("local") && DryRun::of(cx)? == DryRun::Server {
        return Err(Failure::msg("cannot specify --local and --dry-run=server - did you mean --dry-run=client?"));
    }
    if cx.session.flags.on("all") && !cx.session.flags.text("selector").is_empty() {
        return Err(Failure::msg("cannot set --all and --selector at the same time"));
    }
    Ok(())
}

/// What is said of words besides `--local`.
const FILES_ONLY: &str = "you must specify resources by --filename when --local is set.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'";

/// The words of a command that does not read them with `--local`.
fn unless_local(cx: &Context<'_>, words: Vec<String>) -> Vec<String> {
    if cx.session.flags.on("local") { Vec::new() } else { words }
}

/// The objects that words, files and selectors name: as the server has them, or with `--local` as the files do.
fn objects(cx: &mut Context<'_>, args: Vec<String>) -> Result<Vec<Target>, Failure> {
    let flags = cx.session.flags.clone();
    // How it will be told is looked at before there is anything to tell.
    DryRun::of(cx)?;
    Printer::of(&flags, cx.system, false)?;
    let mut query = Query::of(&flags);
    query.args = args;
    (query.all, query.list_without_name) = (false, query.all);
    if flags.on("local") {
        if !query.args.is_empty() {
            return Err(Failure::msg(FILES_ONLY));
        }
        (query.local, query.offline) = (true, true);
    }
    let built = builder::build(cx, &query)?;
    let (found, mut failures) = if query.local { (built.targets, built.failures) } else { builder::fetch(cx, &built) };
    match failures.len() {
        0 => Ok(found),
        1 => Err(failures.remove(0)),
        _ => Err(Failure::Many(failures)),
    }
}

/// The Pod spec inside of an object, or why there is none.
fn pod_spec(object: &mut Value) -> Result<&mut Value, String> {
    let (version, kind) = (str_at(object, "/apiVersion").to_owned(), str_at(object, "/kind").to_owned());
    let path = match kind.as_str() {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "Deployment" | "DaemonSet" | "ReplicaSet" | "StatefulSet" | "Job" | "ReplicationController" => {
            "/spec/template/spec"
        }
        _ => "",
    };
    let version = version.rsplit('/').next().unwrap_or_default();
    let none = format!("the object is not a pod or does not have a pod template: *{version}.{kind}");
    match path {
        "" => Err(none),
        path => object.pointer_mut(path).ok_or(none),
    }
}

/// The containers of a Pod spec whose names match; `*` stands for any letters.
fn containers<'a>(spec: &'a mut Value, pattern: &'a str) -> Vec<&'a mut Map<String, Value>> {
    let Some(spec) = spec.as_object_mut() else { return Vec::new() };
    let mut lists: Vec<(&String, &mut Value)> =
        spec.iter_mut().filter(|(field, _)| ["containers", "initContainers"].contains(&field.as_str())).collect();
    lists.sort_by_key(|(field, _)| *field);
    lists
        .into_iter()
        .flat_map(|(_, list)| list.as_array_mut().into_iter().flatten())
        .filter(|one| matches(pattern, str_at(one, "/name")))
        .filter_map(Value::as_object_mut)
        .collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
        None => pattern == name,
    }
}

/// How a change is told.
struct Told {
    /// What was done, such as `image updated`.
    done: &'static str,
    /// What could not be done, before the server's words.
    refused: &'static str,
    /// Whether it is told of objects that did not change, too.
    always: bool,
}

/// The name of an object in an error.
fn named(target: &Target, local: bool) -> String {
    let resource = &target.resource;
    match (local, resource.group.is_empty()) {
        (false, _) => format!("{}/{}", resource.plural, target.name),
        (true, true) => format!("{}/{}", resource.kind.to_lowercase(), target.name),
        (true, false) => format!("{}.{}/{}\n", resource.kind.to_lowercase(), resource.group, target.name),
    }
}

/// Changes every object, sends what changed and says so; an object that does not change is passed over.
fn change(
    cx: &mut Context<'_>,
    targets: &[Target],
    told: &Told,
    mut edit: impl FnMut(&mut Context<'_>, &mut Value) -> Result<(), String>,
) -> Outcome {
    let flags = cx.session.flags.clone();
    let (dry_run, local) = (DryRun::of(cx)?, flags.on("local"));
    let mut printer = Printer::of(&flags, cx.system, false)?.typed();
    let mut failures = Vec::new();
    for target in targets {
        let before = target.object.clone().unwrap_or_default();
        let mut after = before.clone();
        if let Err(why) = edit(cx, &mut after) {
            failures.push(Failure::msg(format!("error: {} {why}\n", named(target, local))));
            continue;
        }
        record::note(cx, &mut after);
        let patch = two_way(&before, &after);
        let unchanged = patch.as_object().is_none_or(Map::is_empty);
        if unchanged && !told.always {
            continue;
        }
        if dry_run != DryRun::Client && !local && !unchanged {
            let query = writing::query(dry_run, flags.text("field-manager"), "");
            let body = crate::text::go_json::to_compact(&patch);
            match cx.patch(&target.path(), "strategic", &query, body.as_bytes()) {
                Ok(made) => after = made,
                Err(failure @ Failure::Connection { .. }) => return Err(failure),
                Err(failure) => {
                    failures.push(Failure::msg(format!("{} {}", told.refused, failure.text())));
                    continue;
                }
            }
        }
        let what = format!("{}{}", told.done, dry_run.suffix());
        let text = printer.done(&after, &target.resource, &target.name, &what)?;
        cx.out.out(&text);
    }
    ended(failures)
}
