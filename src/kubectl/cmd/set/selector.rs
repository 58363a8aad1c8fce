//! `kubectl set selector`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/set/set_selector.go.

use serde_json::{Value, json};

use super::{ALL, FILES_ONLY, LOCAL};
use crate::kubectl::apply::two_way;
use crate::kubectl::builder::{self, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{slice, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer, list_at, str_at};
use crate::kubectl::program::{Context, Outcome, ended};
use crate::kubectl::record::RECORD;
use crate::kubectl::selector::object_selector;
use crate::kubectl::tree::Command;
use crate::kubectl::writing::{self, DRY_RUN, DryRun, field_manager};

/// The command.
pub static COMMAND: Command = Command {
    name: "selector",
    short: "Set the selector of a Service",
    long: "Sets the labels by which a Service finds its Pods. The new selector takes the place of the old one.",
    examples: &[
        ("Another set of Pods", "kubectl set selector service/web app=web,track=stable"),
        (
            "Make a Service and set its selector before it is created",
            "kubectl create service clusterip door --tcp=80 -o yaml --dry-run=client | kubectl set selector --local -f - app=web -o yaml",
        ),
    ],
    usage: "(-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version] [options]",
    flags: &[
        &[
            ALL,
            LOCAL,
            field_manager("kubectl-set"),
            slice("filename", "File, directory or - for standard input; may be repeated.").short('f'),
            switch("recursive", "Read the directories of -f with everything below them.").short('R').on(),
            text("resource-version", "", "Only if this is still the object's version."),
        ],
        PRINT_FLAGS,
        DRY_RUN,
        RECORD,
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    // The last word is the selector.
    let (selector, names) = match flags.args.split_last() {
        Some((selector, names)) => (Some(object_selector(selector)?), names.to_vec()),
        None => (None, Vec::new()),
    };
    let mut printer = Printer::of(&flags, cx.system, false)?.typed();
    let Some(selector) = selector else { return Err(Failure::msg("one selector is required")) };
    let mut query = Query::of(&flags);
    query.args = names;
    (query.all, query.list_without_name) = (false, query.all);
    (query.local, query.offline) = (flags.on("local"), flags.on("local"));
    if query.local && !query.args.is_empty() {
        return Err(Failure::msg(FILES_ONLY));
    }
    let built = builder::build(cx, &query)?;
    let failures = builder::visit(cx, &built, query.local, &mut |cx, target| {
        let before = target.object.clone().unwrap_or_default();
        let mut after = before.clone();
        select(&mut after, &selector)?;
        if dry_run != DryRun::Client && !query.local {
            let mut patch = two_way(&before, &after);
            if let (false, Some(metadata)) =
                (flags.text("resource-version").is_empty(), writing::metadata_mut(&mut patch))
            {
                metadata.insert("resourceVersion".to_owned(), json!(flags.text("resource-version")));
            }
            let query = writing::query(dry_run, flags.text("field-manager"), "");
            after = cx.patch(&target.path(), "strategic", &query, patch.to_string().as_bytes())?;
        }
        let what = format!("selector updated{}", dry_run.suffix());
        let text = printer.done(&after, &target.resource, &target.name, &what)?;
        cx.out.out(&text);
        Ok(())
    });
    ended(failures)
}

/// Gives a Service its selector.
fn select(object: &mut Value, selector: &Value) -> Result<(), Failure> {
    if str_at(object, "/kind") != "Service" {
        return Err(Failure::msg("setting a selector is only supported for Services"));
    }
    let expressions = list_at(selector, "/matchExpressions");
    if !expressions.is_empty() {
        let shown = |one: &Value| {
            let values: Vec<&str> = list_at(one, "/values").iter().filter_map(Value::as_str).collect();
            format!("{{{} {} [{}]}}", str_at(one, "/key"), str_at(one, "/operator"), values.join(" "))
        };
        let all: Vec<String> = expressions.iter().map(shown).collect();
        return Err(Failure::msg(format!("match expression [{}] not supported on this object", all.join(" "))));
    }
    let labels = selector.get("matchLabels").cloned().unwrap_or_else(|| json!({}));
    if let Some(spec) = object.pointer_mut("/spec").and_then(Value::as_object_mut) {
        spec.insert("selector".to_owned(), labels);
    }
    Ok(())
}
