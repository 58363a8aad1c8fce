//! `kubectl patch`: changes some fields of objects.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/patch/patch.go.

use serde_json::Value;

use crate::kubectl::builder::{self, FILE_FLAGS, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer};
use crate::kubectl::program::{Context, DONE, Outcome};
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
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, &[field_manager("kubectl-patch")]],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let form = flags.text("type").to_lowercase();
    if flags.changed("patch") && flags.changed("patch-file") {
        return Err(Failure::msg("cannot specify --patch and --patch-file together"));
    }
    if flags.text("patch").is_empty() && flags.text("patch-file").is_empty() {
        return Err(Failure::msg("must specify --patch or --patch-file containing the contents of the patch"));
    }
    if !matches!(form.as_str(), "json" | "merge" | "strategic") {
        return Err(Failure::msg(format!("--type must be one of [json merge strategic], not {}", quote(&form))));
    }
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let text = if flags.text("patch").is_empty() {
        let path = flags.text("patch-file");
        let bytes = cx.system.read_file(path).map_err(|errno| {
            Failure::msg(format!("unable to read patch file: open {path}: {}", errno.message().to_lowercase()))
        })?;
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        flags.text("patch").to_owned()
    };
    let patch = match from_yaml(&text) {
        Ok(patch) => patch,
        Err(why) => return Err(Failure::msg(format!("unable to parse {}: {why}", quote(&text)))),
    };
    let built = builder::build(cx, &Query::of(&flags))?;
    let (found, mut failures) = builder::fetch(cx, &built);
    for target in &found {
        let before = target.object.clone().unwrap_or_default();
        let mut path = target.path();
        if !flags.text("subresource").is_empty() {
            path = format!("{path}/{}", flags.text("subresource"));
        }
        if dry_run == DryRun::Client {
            let text = printer.done(&before, &target.resource, &target.name, "patched (dry run)")?;
            cx.out.out(&text);
            continue;
        }
        let query = writing::query(dry_run, flags.text("field-manager"), "");
        match cx.patch(&path, &form, &query, go_json::to_compact(&patch).as_bytes()) {
            Ok(after) => {
                let changed = version(&before) != version(&after) || (dry_run == DryRun::Server && before != after);
                let what = if changed { "patched" } else { "patched (no change)" };
                let text =
                    printer.done(&after, &target.resource, &target.name, &format!("{what}{}", dry_run.suffix()))?;
                cx.out.out(&text);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { DONE } else { Err(Failure::Many(failures)) }
}

fn version(object: &Value) -> Option<&Value> {
    object.pointer("/metadata/resourceVersion")
}
