//! `kubectl rollout history` and `kubectl rollout undo`: the revisions of an object, and the way back.

use serde_json::{Value, json};

use super::objects;
use crate::kubectl::builder::{FILE_FLAGS, Target};
use crate::kubectl::describe::pod_template_with_tabs;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, int, text};
use crate::kubectl::pods::selector_of;
use crate::kubectl::print::{Format, PRINT_FLAGS, Printer, list_at, map_at, str_at};
use crate::kubectl::program::{Context, Outcome, ended};
use crate::kubectl::tree::Command;
use crate::kubectl::writing::{DRY_RUN, DryRun};
use crate::text::go_json;
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};
use crate::text::table::TabWriter;

const SELECTOR: Flag = text("selector", "", "Only objects whose labels match.").short('l');

/// `rollout history`.
pub static HISTORY: Command = Command {
    name: "history",
    short: "List the revisions of an object",
    long: "Lists the revisions of an object, or shows one of them.",
    examples: &[
        ("All revisions", "kubectl rollout history deployment/web"),
        ("One of them", "kubectl rollout history deployment/web --revision=1"),
    ],
    usage: "(TYPE NAME | TYPE/NAME) [flags] [options]",
    flags: &[&[int("revision", "0", "Show this revision."), SELECTOR], FILE_FLAGS, PRINT_FLAGS],
    run: Some(history),
    ..Command::EMPTY
};

/// `rollout undo`.
pub static UNDO: Command = Command {
    name: "undo",
    short: "Go back to an earlier revision",
    long: "Rolls an object back to the revision before, or to a given one.",
    examples: &[
        ("To the revision before", "kubectl rollout undo deployment/web"),
        ("To a given one", "kubectl rollout undo deployment/web --to-revision=1"),
    ],
    usage: "(TYPE NAME | TYPE/NAME) [flags] [options]",
    flags: &[
        &[int("to-revision", "0", "The revision to go back to; 0 is the one before."), SELECTOR],
        FILE_FLAGS,
        PRINT_FLAGS,
        DRY_RUN,
    ],
    run: Some(undo),
    ..Command::EMPTY
};

const REVISION: &str = "deployment.kubernetes.io/revision";
const CAUSE: &str = "kubernetes.io/change-cause";

/// One revision: its number, why it was made, and its template.
#[derive(Clone, Debug)]
struct Revision {
    number: i64,
    cause: String,
    template: Value,
    annotations: Value,
    /// The path of the object that keeps it.
    path: String,
}

fn annotation(object: &Value, name: &str) -> String {
    let value = map_at(object, "/metadata/annotations").and_then(|all| all.get(name)).and_then(Value::as_str);
    value.unwrap_or("").to_owned()
}

/// The revisions of an object, the oldest first.
fn revisions(cx: &mut Context<'_>, target: &Target, object: &Value, role: &str) -> Result<Vec<Revision>, Failure> {
    let deployment = target.resource.kind == "Deployment";
    if !deployment && !["DaemonSet", "StatefulSet"].contains(&target.resource.kind.as_str()) {
        let kind = if target.resource.group.is_empty() {
            target.resource.kind.clone()
        } else {
            format!("{}.{}", target.resource.kind, target.resource.group)
        };
        const VISITED: [&str; 5] = ["Pod", "Job", "CronJob", "ReplicaSet", "ReplicationController"];
        let (group, plain) = (&target.resource.group, &target.resource.kind);
        if !VISITED.contains(&plain.as_str()) {
            let what = role.split(' ').next().unwrap_or(role);
            return Err(Failure::msg(format!(
                "error retrieving {what} for {}, no visitor method exists for {{{group} {plain}}}",
                quote(&kind)
            )));
        }
        return Err(Failure::msg(format!("no {role} has been implemented for {}", quote(&kind))));
    }
    let plural = if deployment { "replicasets" } else { "controllerrevisions" };
    let collection = format!("/apis/apps/v1/namespaces/{}/{plural}", target.namespace);
    let request = Request::new(Method::Get, &collection)
        .with_header("Accept", "application/json")
        .with_query("labelSelector", selector_of(object).unwrap_or_default());
    let answer = cx.json(request)?;
    let uid = str_at(object, "/metadata/uid");
    let mut found: Vec<Revision> = list_at(&answer, "/items")
        .iter()
        .filter(|one| list_at(one, "/metadata/ownerReferences").iter().any(|owner| str_at(owner, "/uid") == uid))
        .map(|one| {
            let number = if deployment {
                annotation(one, REVISION).parse().unwrap_or(0)
            } else {
                one.get("revision").and_then(Value::as_i64).unwrap_or(0)
            };
            let template = one.pointer(if deployment { "/spec/template" } else { "/data/spec/template" });
            Revision {
                path: format!("{collection}/{}", str_at(one, "/metadata/name")),
                number,
                cause: annotation(one, CAUSE),
                template: template.cloned().unwrap_or_default(),
                annotations: one.pointer("/metadata/annotations").cloned().unwrap_or_else(|| json!({})),
            }
        })
        .collect();
    found.sort_by_key(|one| one.number);
    Ok(found)
}

fn history(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let wanted = flags.number("revision");
    if wanted < 0 {
        return Err(Failure::msg(format!("revision must be a positive integer: {wanted}")));
    }
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let (found, mut failures) = objects(cx)?;
    for target in &found {
        let told = if printer.is_human() {
            one_history(cx, target, wanted)
        } else if flags.text("output").is_empty() {
            // A template alone is about the object itself.
            printer.print(&target.object.clone().unwrap_or_default())
        } else {
            objects_of(cx, target, wanted, &mut printer)
        };
        match told {
            Ok(text) => cx.out.out(&text),
            Err(failure) => failures.push(failure),
        }
    }
    ended(failures)
}

/// The objects that keep the revisions, or the wanted one, in the form that was asked for.
fn objects_of(cx: &mut Context<'_>, target: &Target, wanted: i64, printer: &mut Printer) -> Result<String, Failure> {
    let object = target.object.clone().unwrap_or_default();
    let managed = cx.session.flags.on("show-managed-fields");
    let mut text = String::new();
    for one in revisions(cx, target, &object, "history viewer")? {
        if wanted > 0 && one.number != wanted {
            continue;
        }
        let bytes = cx.raw(Request::new(Method::Get, &one.path).with_header("Accept", "application/json"))?;
        text.push_str(&match printer.format {
            // Typed objects: their fields stand in the order in which the server writes them.
            Format::Json => {
                let omit = if managed { "" } else { "managedFields" };
                go_json::reindented(&String::from_utf8_lossy(&bytes), omit) + "\n"
            }
            _ => printer.print(&serde_json::from_slice(&bytes).unwrap_or_default())?,
        });
    }
    Ok(text)
}

fn one_history(cx: &mut Context<'_>, target: &Target, wanted: i64) -> Result<String, Failure> {
    let object = target.object.clone().unwrap_or_default();
    let all = revisions(cx, target, &object, "history viewer")?;
    if wanted > 0 {
        let Some(one) = all.iter().find(|one| one.number == wanted) else {
            return Err(Failure::msg("unable to find the specified revision"));
        };
        let mut template = one.template.clone();
        if !one.cause.is_empty()
            && let Some(metadata) = crate::kubectl::writing::metadata_mut(&mut template)
        {
            let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.insert(CAUSE.to_owned(), json!(one.cause));
            }
        }
        let text = pod_template_with_tabs(cx, &template);
        return Ok(format!("{} with revision #{wanted}\n{text}\n", target.title()));
    }
    let mut writer = TabWriter::for_describe();
    writer.write("REVISION\tCHANGE-CAUSE\n");
    for one in &all {
        let cause = if one.cause.is_empty() { "<none>" } else { &one.cause };
        writer.write(&format!("{}\t{cause}\n", one.number));
    }
    Ok(format!("{} \n{}\n", target.title(), writer.flush()))
}

fn undo(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let (found, mut failures) = objects(cx)?;
    for target in &found {
        if target.object.as_ref().is_some_and(|object| !annotation(object, LAST).is_empty()) {
            cx.out.err_line(&format!("Warning: resource {}/{} was previously managed with 'kubectl apply'. Rolling back will not update the {LAST} annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.", target.resource.plural, target.name));
        }
        match roll_back(cx, target, flags.number("to-revision"), dry_run) {
            Ok(what) => {
                let object = target.object.clone().unwrap_or_default();
                let what = format!("{what}{}", dry_run.suffix());
                let text = printer.done(&object, &target.resource, &target.name, &what)?;
                cx.out.out(&text);
            }
            Err(failure) => failures.push(failure),
        }
    }
    ended(failures)
}

fn roll_back(cx: &mut Context<'_>, target: &Target, to: i64, dry_run: DryRun) -> Result<String, Failure> {
    let object = target.object.clone().unwrap_or_default();
    if to < 0 {
        return Err(Failure::msg(format!("unable to find specified revision {to} in history")));
    }
    let all = revisions(cx, target, &object, "rollbacker")?;
    let chosen = if to > 0 {
        all.iter()
            .find(|one| one.number == to)
            .ok_or_else(|| Failure::msg(format!("unable to find specified revision {to} in history")))?
    } else {
        let before = all.len().checked_sub(2).and_then(|at| all.get(at));
        before.ok_or_else(|| {
            Failure::msg(if target.resource.kind == "Deployment" {
                format!("no rollout history found for deployment {}", quote(&target.name))
            } else {
                "no last revision to roll back to".to_owned()
            })
        })?
    };
    let mut template = chosen.template.clone();
    if dry_run == DryRun::Client {
        return Ok(pod_template_with_tabs(cx, &template));
    }
    if object.pointer("/spec/paused").and_then(Value::as_bool).unwrap_or(false) {
        return Err(Failure::msg(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again",
        ));
    }
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    // The revisions of DaemonSets and StatefulSets are patches that put one template in the place of another.
    if let Some(fields) = template.as_object_mut() {
        fields.remove("$patch");
    }
    if object.pointer("/spec/template") == Some(&template) {
        return Ok(format!("skipped rollback (current template already matches revision {})", chosen.number));
    }
    if target.resource.kind == "Deployment" {
        // Annotations of the revision come back; those that describe a revision or an apply stay as they are.
        let kept = [
            LAST,
            REVISION,
            "deployment.kubernetes.io/revision-history",
            "deployment.kubernetes.io/desired-replicas",
            "deployment.kubernetes.io/max-replicas",
            "deprecated.deployment.rollback.to",
        ];
        let mut annotations = serde_json::Map::new();
        let present = map_at(&object, "/metadata/annotations").cloned().unwrap_or_default();
        annotations.extend(present.into_iter().filter(|(key, _)| kept.contains(&key.as_str())));
        let old = chosen.annotations.as_object().cloned().unwrap_or_default();
        annotations.extend(old.into_iter().filter(|(key, _)| !kept.contains(&key.as_str())));
        let patch = json!([
            {"op": "replace", "path": "/spec/template", "value": template},
            {"op": "replace", "path": "/metadata/annotations", "value": annotations},
        ]);
        cx.patch(&target.path(), "json", &dry_run.query(), patch.to_string().as_bytes())?;
    } else {
        let patch = json!({"spec": {"template": chosen.template}});
        cx.patch(&target.path(), "strategic", &dry_run.query(), patch.to_string().as_bytes())?;
    }
    Ok("rolled back".to_owned())
}

const LAST: &str = crate::kubectl::writing::LAST_APPLIED;
