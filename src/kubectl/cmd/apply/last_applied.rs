//! `kubectl apply view-last-applied`, `set-last-applied` and `edit-last-applied`: the memory that apply keeps in an
//! annotation.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/apply/apply_{view,set,edit}_last_applied.go.

use serde_json::{Value, json};

use crate::kubectl::builder::{self, FILE_FLAGS, Query};
use crate::kubectl::editing::{self, Mode};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{slice, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::Command;
use crate::kubectl::writing::{DRY_RUN, DryRun, LAST_APPLIED, field_manager};
use crate::text::{go_json, yaml::to_yaml};

/// `view-last-applied`.
pub static VIEW: Command = Command {
    name: "view-last-applied",
    short: "Show what was applied last",
    long: "Shows the configuration that apply remembers in an annotation of the object.",
    examples: &[
        ("What was applied to a Deployment", "kubectl apply view-last-applied deployment/web"),
        ("As JSON", "kubectl apply view-last-applied -f web.yaml -o json"),
    ],
    usage: "(TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME) [options]",
    flags: &[
        FILE_FLAGS,
        &[
            switch("all", "Every object of the type."),
            text("output", "yaml", "yaml or json.").short('o'),
            text("selector", "", "Only objects whose labels match.").short('l'),
        ],
    ],
    run: Some(view),
    ..Command::EMPTY
};

/// `set-last-applied`.
pub static SET: Command = Command {
    name: "set-last-applied",
    short: "Remember a file as what was applied last",
    long: "Writes a file into the annotation of what was applied last, as if it had been applied. The object itself stays as it is.",
    examples: &[
        ("Remember a file", "kubectl apply set-last-applied -f web.yaml"),
        (
            "For an object without the annotation, too",
            "kubectl apply set-last-applied -f settings.yaml --create-annotation",
        ),
    ],
    usage: "-f FILENAME [options]",
    flags: &[
        &[
            switch("create-annotation", "Make the annotation when it is missing."),
            slice("filename", "File, directory or - for standard input; may be repeated.").short('f'),
        ],
        PRINT_FLAGS,
        DRY_RUN,
    ],
    run: Some(set),
    ..Command::EMPTY
};

/// `edit-last-applied`.
pub static EDIT: Command = Command {
    name: "edit-last-applied",
    short: "Edit what was applied last",
    long: "Opens the configuration that apply remembers in the editor that KUBE_EDITOR or EDITOR names (nano otherwise).",
    examples: &[(
        "What was applied to a Deployment",
        "KUBE_EDITOR=true kubectl apply edit-last-applied deployment/web",
    )],
    usage: "(RESOURCE/NAME | -f FILENAME) [options]",
    flags: &[
        &[
            field_manager("kubectl-client-side-apply"),
            switch("windows-line-endings", "Use the line endings of Windows."),
        ],
        crate::kubectl::writing::VALIDATE,
        FILE_FLAGS,
        PRINT_FLAGS,
    ],
    run: Some(edit),
    ..Command::EMPTY
};

/// What an object remembers.
fn memory(object: &Value) -> Option<&str> {
    object.pointer("/metadata/annotations")?.get(LAST_APPLIED)?.as_str()
}

fn view(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let output = flags.text("output");
    let mut query = Query::of(&flags);
    // As the real one has it: types alone are enough only where a namespace is named.
    query.list_without_name = cx.config()?.namespace_forced;
    let built = builder::build(cx, &query)?;
    let (found, failures) = builder::fetch(cx, &built);
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure);
    }
    for target in found {
        let object = target.object.unwrap_or_default();
        // An object without the memory is passed over in silence.
        let Some(text) = memory(&object) else { continue };
        if !["yaml", "json"].contains(&output) {
            return Err(
                cx.usage(format!("Unexpected -o output mode: {output}, the flag 'output' must be one of yaml|json"))
            );
        }
        let Ok(memory) = serde_json::from_str::<Value>(text) else { continue };
        let end = if text.ends_with('\n') { "\n" } else { "" };
        let text = if output == "json" { go_json::to_indented_by(&memory, 2) + end } else { to_yaml(&memory) };
        cx.out.out(&text);
    }
    DONE
}

fn set(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let built = builder::build(cx, &Query::of(&flags))?;
    if let Some(failure) = built.failures.first() {
        return Err(failure.clone());
    }
    let mut work = Vec::new();
    for target in built.targets {
        let wanted = go_json::to_compact(&target.object.clone().unwrap_or_default());
        let present = cx.get(&target.path())?;
        let old = memory(&present);
        if old.is_none() && !flags.on("create-annotation") {
            return Err(Failure::msg(format!(
                "no last-applied-configuration annotation found on resource: {}, to create the annotation, run the command with --create-annotation",
                target.name
            )));
        }
        if old.is_some_and(|old| old.trim_end() == wanted) {
            cx.out.line(&format!("set-last-applied {}: no changes required.", target.name));
        } else {
            work.push((target, present, wanted));
        }
    }
    for (target, present, wanted) in work {
        let mut object = present;
        if dry_run != DryRun::Client {
            let patch = json!({"metadata": {"annotations": {LAST_APPLIED: wanted + "\n"}}});
            object = cx.patch(&target.path(), "merge", &dry_run.query(), patch.to_string().as_bytes())?;
        }
        let what = format!("configured{}", dry_run.suffix());
        let text = printer.done(&object, &target.resource, &target.name, &what)?;
        cx.out.out(&text);
    }
    DONE
}

fn edit(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let mut query = Query::of(&flags);
    // As the real one has it: types alone are enough only where a namespace is named.
    query.list_without_name = cx.config()?.namespace_forced;
    let built = builder::build(cx, &query)?;
    let (found, mut failures) = builder::fetch(cx, &built);
    if !failures.is_empty() {
        return Err(if failures.len() == 1 { failures.remove(0) } else { Failure::Many(failures) });
    }
    let mut targets = Vec::new();
    for mut target in found {
        let remembered = target.object.as_ref().and_then(memory).and_then(|text| serde_json::from_str(text).ok());
        if let Some(remembered) = remembered {
            target.object = Some(remembered);
            targets.push(target);
        }
    }
    if targets.is_empty() {
        return Err(Failure::msg(
            "no last-applied-configuration annotation found on resources, to create the annotation, use command `kubectl apply set-last-applied --create-annotation`",
        ));
    }
    editing::start(cx, vec![targets], Mode::LastApplied)
}
