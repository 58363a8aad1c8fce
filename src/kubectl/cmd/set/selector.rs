//! `kubectl set selector`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/set/set_selector.go.

use serde_json::{Map, Value, json};

use super::{ALL, LOCAL, objects};
use crate::kubectl::apply::two_way;
use crate::kubectl::builder::MISSING;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{slice, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer, str_at};
use crate::kubectl::program::{Context, DONE, Outcome};
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
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    // The last word is the selector, when it is not the name of an object.
    let names_only = flags.args.len() == 2 && flags.list("filename").is_empty() && !is_selector(&flags.args);
    let (names, selector) = match flags.args.split_last() {
        Some((selector, names)) if !names_only => (names.to_vec(), Some(selector.clone())),
        _ => (flags.args.clone(), None),
    };
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let Some(selector) = selector else {
        return Err(Failure::msg("resource(s) were provided, but no name was specified"));
    };
    if names.is_empty() && flags.list("filename").is_empty() {
        return Err(Failure::msg(MISSING));
    }
    let labels = labels(&selector)?;
    for target in objects(cx, names)? {
        let before = target.object.clone().unwrap_or_default();
        if str_at(&before, "/kind") != "Service" {
            return Err(Failure::msg("setting a selector is only supported for Services"));
        }
        let mut after = before.clone();
        if let Some(spec) = after.pointer_mut("/spec").and_then(Value::as_object_mut) {
            spec.insert("selector".to_owned(), Value::Object(labels.clone()));
        }
        if dry_run != DryRun::Client && !flags.on("local") {
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
    }
    DONE
}

fn is_selector(args: &[String]) -> bool {
    args.last().is_some_and(|word| word.contains(['=', '!', ' ']))
}

/// Labels of an equality selector.
fn labels(selector: &str) -> Result<Map<String, Value>, Failure> {
    let mut labels = Map::new();
    crate::apimachinery::labels::parse(selector).map_err(Failure::msg)?;
    for part in selector.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some((key, value)) if !key.ends_with('!') => {
                labels.insert(key.trim().to_owned(), json!(value.trim_start_matches('=').trim()));
            }
            _ => {
                let words: Vec<&str> = part.splitn(3, ' ').collect();
                let shown = match words.as_slice() {
                    [key, "in", list] => format!("{key} In [{}]", list.trim_matches(['(', ')']).replace(',', " ")),
                    [key, "notin", list] => {
                        format!("{key} NotIn [{}]", list.trim_matches(['(', ')']).replace(',', " "))
                    }
                    _ if part.starts_with('!') => format!("{} DoesNotExist []", part.trim_start_matches('!')),
                    _ => format!("{part} Exists []"),
                };
                return Err(Failure::msg(format!("match expression [{{{shown}}}] not supported on this object")));
            }
        }
    }
    Ok(labels)
}
