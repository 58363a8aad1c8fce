//! `kubectl apply`: makes the cluster hold what the files say.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/apply.

use serde_json::{Value, json};

use crate::kubectl::apply::three_way;
use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, array, duration, int, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer, as_list, str_at};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DRY_RUN, DryRun, LAST_APPLIED, VALIDATE, blame, field_manager, remember};
use crate::text::go_number::quote;

const FLAGS: &[Flag] = &[
    switch("all", "With --prune: every object of the namespace that apply made."),
    text("cascade", "background", "How objects that belong to a pruned one go: background, orphan or foreground.")
        .bare("background"),
    switch("force", "Delete and make anew what cannot be changed."),
    switch("force-conflicts", "With --server-side: take over fields of other managers."),
    int("grace-period", "-1", "Seconds an object gets to end; 1 is the least without --force."),
    switch("openapi-patch", "Use the server's schemas to compute patches.").on(),
    switch("overwrite", "Let the configuration win over values that were set otherwise.").on(),
    switch("prune", "Delete objects that apply made and the files no longer hold."),
    array("prune-allowlist", "Kinds that --prune may delete, as group/version/kind."),
    text("selector", "", "Only objects whose labels match.").short('l'),
    switch("server-side", "Let the server merge."),
    text("subresource", "", "Apply to a subresource, with --server-side."),
    duration("timeout", "0s", "How long to wait for a deletion."),
    switch("wait", "Wait until a deleted object is gone."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "apply",
    group: Group::Advanced,
    short: "Make the cluster hold what a file says",
    long: "Creates what the files describe, or changes what is there so that it matches them. What other clients set and the files do not mention is left alone.",
    examples: &[
        ("Apply a file", "kubectl apply -f job.yaml"),
        ("Apply what comes on standard input", "cat job.yaml | kubectl apply -f -"),
        ("Let the server check it without keeping it", "kubectl apply -f job.yaml --dry-run=server"),
    ],
    usage: "(-f FILENAME | -k DIRECTORY) [options]",
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, VALIDATE, &[field_manager("kubectl-client-side-apply")]],
    subcommands: &[&VIEW_LAST_APPLIED],
    run: Some(run),
    ..Command::EMPTY
};

static VIEW_LAST_APPLIED: Command = Command {
    name: "view-last-applied",
    short: "Show what was applied last",
    long: "Shows the configuration that apply remembers in an annotation of the object.",
    examples: &[("What was applied to a Job", "kubectl apply view-last-applied job/hello")],
    usage: "(TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME) [options]",
    flags: &[
        FILE_FLAGS,
        &[
            switch("all", "Every object of the type."),
            text("output", "yaml", "yaml or json.").short('o'),
            text("selector", "", "Only objects whose labels match.").short('l'),
        ],
    ],
    run: Some(view_last_applied),
    ..Command::EMPTY
};

#[derive(Debug)]
struct Options {
    dry_run: DryRun,
    validation: &'static str,
    manager: String,
    server_side: bool,
    force_conflicts: bool,
}

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if !flags.args.is_empty() {
        return Err(cx.usage(format!("Unexpected args: [{}]", flags.args.join(" "))));
    }
    let server_side = flags.on("server-side");
    let options = Options {
        dry_run: DryRun::of(cx)?,
        validation: writing::validation(&flags)?,
        manager: writing::apply_manager(&flags).to_owned(),
        server_side,
        force_conflicts: flags.on("force-conflicts"),
    };
    if options.force_conflicts && !server_side {
        return Err(Failure::msg("--force-conflicts only works with --server-side"));
    }
    if options.dry_run == DryRun::Client && server_side {
        return Err(Failure::msg(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        ));
    }
    if flags.on("force") && server_side {
        return Err(Failure::msg("--force cannot be used with --server-side"));
    }
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let mut query = Query::of(&flags);
    if query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg("must specify one of -f and -k"));
    }
    query.all = false;
    query.validate = options.validation != "Ignore";
    query.selector = None;
    let built = builder::build(cx, &query)?;
    let mut failures = built.failures.clone();
    if built.targets.is_empty() && failures.is_empty() {
        return Err(Failure::msg("no objects passed to apply"));
    }
    let mut results = Vec::new();
    for target in &built.targets {
        let applied =
            if options.server_side { server_side_apply(cx, target, &options) } else { apply_one(cx, target, &options) };
        match applied {
            Ok((object, what)) => {
                if printer.is_human() || matches!(printer.format, crate::kubectl::print::Format::Name) {
                    let what = format!("{what}{}", options.dry_run.suffix());
                    let text = printer.done(&object, &target.resource, name_of(&object, target), &what)?;
                    cx.out.out(&text);
                }
                results.push(object);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if !printer.is_human() && !matches!(printer.format, crate::kubectl::print::Format::Name) && !results.is_empty() {
        let text = match results.as_slice() {
            [one] => printer.print(one)?,
            _ => printer.print(&as_list(results))?,
        };
        cx.out.out(&text);
    }
    if failures.is_empty() { DONE } else { Err(Failure::Many(failures)) }
}

fn name_of<'a>(object: &'a Value, target: &'a Target) -> &'a str {
    let name = str_at(object, "/metadata/name");
    if name.is_empty() { &target.name } else { name }
}

/// What is said about an object in errors.
fn description(target: &Target) -> String {
    let resource = &target.resource;
    let version = resource.api_version();
    let lead = if resource.group.is_empty() { format!("/{version}") } else { version.clone() };
    format!(
        "Resource: {}, GroupVersionKind: {}\nName: {}, Namespace: {}",
        quote(&format!("{lead}, Resource={}", resource.plural)),
        quote(&format!("{lead}, Kind={}", resource.kind)),
        quote(&target.name),
        quote(&target.namespace)
    )
}

fn apply_one(cx: &mut Context<'_>, target: &Target, options: &Options) -> Result<(Value, &'static str), Failure> {
    let wanted = target.object.clone().unwrap_or_default();
    let source = target.source.as_deref().unwrap_or("");
    let retrieving = || {
        format!(
            "error when retrieving current configuration of:\n{}\nfrom server for: {}: ",
            description(target),
            quote(source)
        )
    };
    if target.name.is_empty() {
        return Err(Failure::msg(format!("{}resource name may not be empty", retrieving())));
    }
    let modified = remember(&wanted);
    let current = match cx.get(&target.path()) {
        Ok(current) => current,
        Err(failure) if failure.is_not_found() => {
            let collection = target.resource.path(&target.namespace);
            let made =
                writing::create(cx, &collection, &modified, options.dry_run, &options.manager, options.validation)
                    .map_err(|failure| blame(failure, "creating", Some(source)))?;
            return Ok((made, "created"));
        }
        Err(failure) => return Err(failure.context(&retrieving())),
    };
    let annotation = current.pointer("/metadata/annotations").and_then(|annotations| annotations.get(LAST_APPLIED));
    let original: Value = match annotation.and_then(Value::as_str) {
        Some(text) => serde_json::from_str(text).unwrap_or_default(),
        None => {
            let what = format!("{}/{}", target.resource.plural, target.name);
            cx.out.err_line(&format!("Warning: resource {what} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically."));
            Value::Null
        }
    };
    let patch = three_way(&original, &modified, &current);
    if patch.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok((current, "unchanged"));
    }
    if !str_at(&current, "/metadata/deletionTimestamp").is_empty() {
        let what = &target.name;
        cx.out.err_line(&format!("Warning: Detected changes to resource {what} which is currently being deleted."));
    }
    if options.dry_run == DryRun::Client {
        return Ok((modified, "configured"));
    }
    let query = writing::query(options.dry_run, &options.manager, options.validation);
    let body = crate::text::go_json::to_compact(&patch);
    match cx.patch(&target.path(), "strategic", &query, body.as_bytes()) {
        Ok(object) => Ok((object, "configured")),
        Err(failure) => Err(failure.context(&format!(
            "error when applying patch:\n{body}\nto:\n{}\nfor: {}: ",
            description(target),
            quote(source)
        ))),
    }
}

fn server_side_apply(
    cx: &mut Context<'_>,
    target: &Target,
    options: &Options,
) -> Result<(Value, &'static str), Failure> {
    if target.name.is_empty() {
        return Err(Failure::msg("metadata.name: Required value: name is required"));
    }
    let wanted = target.object.clone().unwrap_or_default();
    let mut query = writing::query(options.dry_run, &options.manager, options.validation);
    query.push(("force".to_owned(), options.force_conflicts.to_string()));
    let body = serde_json::to_vec(&wanted).unwrap_or_default();
    let object = match cx.patch(&target.path(), "apply", &query, &body) {
        Ok(object) => object,
        Err(failure) if failure.reason() == "Conflict" => return Err(conflict(&failure)),
        Err(failure) => return Err(failure),
    };
    let annotated =
        object.pointer("/metadata/annotations").and_then(|annotations| annotations.get(LAST_APPLIED)).is_some();
    if annotated && options.manager == "kubectl" {
        // Clients that still apply on their side find what was applied last.
        let mut metadata = json!({"name": target.name, "annotations": {LAST_APPLIED: bare_memory(&wanted)}});
        if target.resource.namespaced
            && let Some(metadata) = metadata.as_object_mut()
        {
            metadata.insert("namespace".to_owned(), Value::String(target.namespace.clone()));
        }
        let memory =
            json!({"apiVersion": target.resource.api_version(), "kind": target.resource.kind, "metadata": metadata});
        let mut query = writing::query(options.dry_run, "kubectl-last-applied", "");
        query.push(("force".to_owned(), "true".to_owned()));
        let body = serde_json::to_vec(&memory).unwrap_or_default();
        let object = cx.patch(&target.path(), "apply", &query, &body)?;
        return Ok((object, "serverside-applied"));
    }
    Ok((object, "serverside-applied"))
}

/// What is applied, as remembered by a server-side apply: without an empty map of annotations.
fn bare_memory(wanted: &Value) -> String {
    let mut bare = wanted.clone();
    if let Some(annotations) = bare.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    crate::text::go_json::to_compact(&bare) + "\n"
}

fn conflict(failure: &Failure) -> Failure {
    Failure::msg(format!(
        "{}\nPlease review the fields above--they currently have other managers. Here\nare the ways you can resolve this warning:\n* If you intend to manage all of these fields, please re-run the apply\n  command with the `--force-conflicts` flag.\n* If you do not intend to manage all of the fields, please edit your\n  manifest to remove references to the fields that should keep their\n  current managers.\n* You may co-own fields by updating your manifest to match the existing\n  value; in this case, you'll become the manager if the other manager(s)\n  stop managing the field (remove it from their configuration).\nSee https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts",
        failure.text()
    ))
}

fn view_last_applied(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let built = builder::build(cx, &Query::of(&flags))?;
    let (found, failures) = builder::fetch(cx, &built);
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure);
    }
    for target in found {
        let object = target.object.unwrap_or_default();
        let memory = object.pointer("/metadata/annotations").and_then(|annotations| annotations.get(LAST_APPLIED));
        let Some(memory) = memory.and_then(Value::as_str).and_then(|text| serde_json::from_str::<Value>(text).ok())
        else {
            continue;
        };
        let text = match flags.text("output") {
            "json" => crate::text::go_json::to_indented(&memory) + "\n",
            "yaml" => crate::text::yaml::to_yaml(&memory),
            other => {
                return Err(
                    cx.usage(format!("Unexpected -o output mode: {other}, the flag 'output' must be one of yaml|json"))
                );
            }
        };
        cx.out.out(&text);
    }
    DONE
}
