//! `kubectl patch`: changes some fields of objects.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/patch/patch.go.

use serde_json::Value;

use crate::kubectl::builder::{self, Built, FILE_FLAGS, NAMELESS, Query, Target};
use crate::kubectl::discovery::Resource;
use crate::kubectl::failure::{Failure, unreadable};
use crate::kubectl::flags::{Flag, switch, text};
use crate::kubectl::patching::patched;
use crate::kubectl::print::{PRINT_FLAGS, Printer, str_at};
use crate::kubectl::program::{Context, Outcome, ended};
use crate::kubectl::record::{self, RECORD};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DRY_RUN, DryRun, field_manager};
use crate::text::go_json;
use crate::text::go_number::quote;
use crate::text::yaml::from_yaml;

const FLAGS: &[Flag] = &[
    switch("local", "Patch the file only, without asking the server."),
    text("patch", "", "The patch, in JSON or YAML.").short('p'),
    text("patch-file", "", "File with the patch."),
    text("subresource", "", "Patch a subresource: status, scale or resize."),
    text("type", "strategic", "The patch's form: json, merge or strategic."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "patch",
    group: Group::Advanced,
    short: "Change fields of an object",
    long: "Changes some fields of an object with a patch in JSON or YAML: strategic merge, merge or JSON patch.",
    examples: &[
        ("Halt the rollout of a Deployment", "kubectl patch deployment web -p '{\"spec\":{\"paused\":true}}'"),
        (
            "Replace one field",
            "kubectl patch deployment web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":3}]'",
        ),
    ],
    usage: "(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE] [options]",
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, RECORD, &[field_manager("kubectl-patch")]],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let form = match flags.text("type") {
        "" => "strategic".to_owned(),
        form => form.to_lowercase(),
    };
    if !flags.text("patch").is_empty() && !flags.text("patch-file").is_empty() {
        return Err(Failure::msg("cannot specify --patch and --patch-file together"));
    }
    if flags.text("patch").is_empty() && flags.text("patch-file").is_empty() {
        return Err(Failure::msg("must specify --patch or --patch-file containing the contents of the patch"));
    }
    if !matches!(form.as_str(), "json" | "merge" | "strategic") {
        return Err(Failure::msg(format!("--type must be one of [json merge strategic], not {}", quote(&form))));
    }
    let dry_run = DryRun::of(cx)?;
    let text = if flags.text("patch").is_empty() {
        let path = flags.text("patch-file");
        let bytes = cx
            .system
            .read_file(path)
            .map_err(|errno| Failure::msg(format!("unable to read patch file: {}", unreadable(path, errno))))?;
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        flags.text("patch").to_owned()
    };
    // What looks like JSON goes to the server as it is; it says what is wrong with it.
    let patch = if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).map_err(|_| text.clone())
    } else {
        Ok(from_yaml(&text).map_err(|why| {
            let why = why.trim_start_matches("error converting YAML to JSON: ").to_owned();
            Failure::msg(format!("unable to parse {}: {why}", quote(&text)))
        })?)
    };
    let local = flags.on("local");
    if local && !flags.args.is_empty() {
        return Err(Failure::msg("cannot specify --local and server resources"));
    }
    let mut query = Query::of(&flags);
    (query.local, query.offline) = (local, local);
    let built = builder::build(cx, &query)?;
    let (files, mut failures) = (built.failures.clone(), Vec::new());
    let built = Built { failures: Vec::new(), ..built };
    // What stands in a file is not asked for.
    let here = local || !query.files.is_empty() || !query.kustomize.is_empty();
    let (found, missing) = if here { (built.targets, Vec::new()) } else { builder::fetch(cx, &built) };
    failures.extend(missing);
    for target in &found {
        let printer = Printer::of(&flags, cx.system, false)?;
        if target.nameless() && !local && dry_run != DryRun::Client {
            failures.push(Failure::msg(NAMELESS));
            continue;
        }
        let told = if local || dry_run == DryRun::Client {
            on_this_side(target, &form, &patch)
        } else {
            on_the_server(cx, target, &form, &patch, dry_run)
        };
        match told {
            Ok((after, resource, what)) => {
                let text = printer.clone().done(&after, &resource, &target.name, what)?;
                cx.out.out(&text);
            }
            Err(failure) => failures.push(failure),
        }
    }
    let failures = Failure::with_files(failures, files);
    if found.is_empty() && failures.is_empty() {
        return Err(Failure::msg("no objects passed to patch"));
    }
    ended(failures)
}

/// A patch, or the text that is none.
type Patch = Result<Value, String>;

/// An object after its patch, what it is, and what is said of it.
type Told = Result<(Value, Resource, &'static str), Failure>;

/// Like that of taint, this sentence says nothing of a dry run.
fn said(changed: bool) -> &'static str {
    if changed { "patched" } else { "patched (no change)" }
}

fn on_this_side(target: &Target, form: &str, patch: &Patch) -> Told {
    let before = target.object.clone().unwrap_or_default();
    let patch = patch.as_ref().map_err(|_| Failure::msg("unexpected end of JSON input"))?;
    let after = patched(&before, form, patch)?;
    let what = said(after != before);
    Ok((after, target.resource.clone(), what))
}

fn on_the_server(cx: &mut Context<'_>, target: &Target, form: &str, patch: &Patch, dry_run: DryRun) -> Told {
    let flags = cx.session.flags.clone();
    let mut before = target.object.clone().unwrap_or_default();
    let (mut path, mut resource) = (target.path(), target.resource.clone());
    let subresource = flags.text("subresource");
    if !subresource.is_empty() {
        path = format!("{path}/{subresource}");
        before = cx.get(&path)?;
    }
    let query = writing::query(dry_run, flags.text("field-manager"), "");
    let bytes = match patch {
        Ok(patch) => go_json::to_compact(patch),
        Err(text) => text.clone(),
    };
    let after = cx.patch(&path, form, &query, bytes.as_bytes()).map_err(|failure| match failure.reason() {
        "UnsupportedMediaType" => {
            let media = if form == "strategic" { "strategic-merge-patch" } else { form };
            Failure::msg(format!(
                "application/{media}+json is not supported by {}, Kind={}: {}",
                resource.api_version(),
                resource.kind,
                failure.text()
            ))
        }
        _ => failure,
    })?;
    if let Some(note) = record::patch(cx) {
        let _ = cx.patch(&target.path(), "merge", &query, note.as_bytes());
    }
    // A scale is an object of a kind of its own.
    if !subresource.is_empty() {
        let version = str_at(&after, "/apiVersion");
        resource.kind = str_at(&after, "/kind").to_owned();
        resource.group = version.split_once('/').map_or("", |(group, _)| group).to_owned();
    }
    // What stands in a file is never what the server has.
    let changed = !flags.list("filename").is_empty() || before != after;
    Ok((after.clone(), resource, said(changed)))
}
