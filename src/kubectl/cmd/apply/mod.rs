//! `kubectl apply`: makes the cluster hold what the files say.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/apply.

mod applyset;
mod last_applied;
mod prune;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use applyset::ApplySet;

use crate::kubectl::apply::{allowed, patch_form, three_way, upgrade_patch};
use crate::kubectl::builder::{self, FILE_FLAGS, NAMELESS, Query, Target};
use crate::kubectl::discovery::Resource;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Flags, array, duration, int, switch, text};
use crate::kubectl::print::{Format, PRINT_FLAGS, Printer, as_list, str_at};
use crate::kubectl::program::{Context, Next, Outcome, Progress, Task};
use crate::kubectl::record::{self, RECORD};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DRY_RUN, DryRun, LAST_APPLIED, VALIDATE, blame, field_manager, remember};
use crate::shell::program::Wait;
use crate::sim::Time;
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};

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
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, RECORD, VALIDATE, &[field_manager("kubectl-client-side-apply")]],
    gated: &[(
        applyset::GATE,
        text("applyset", "", "With --prune: the object that remembers what belongs together, as TYPE/NAME."),
    )],
    subcommands: &[&last_applied::EDIT, &last_applied::SET, &last_applied::VIEW],
    run: Some(run),
    ..Command::EMPTY
};

#[derive(Clone, Debug)]
struct Options {
    dry_run: DryRun,
    validation: &'static str,
    manager: String,
    server_side: bool,
    force_conflicts: bool,
}

/// What does not go together.
fn check(cx: &mut Context<'_>, flags: &Flags, dry_run: DryRun, set: Option<&ApplySet>) -> Result<(), Failure> {
    let (server_side, prune, all) = (flags.on("server-side"), flags.on("prune"), flags.on("all"));
    let selector = !flags.text("selector").is_empty();
    let why = if flags.on("force-conflicts") && !server_side {
        "--force-conflicts only works with --server-side"
    } else if dry_run == DryRun::Client && server_side {
        "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)"
    } else if flags.on("force") && server_side {
        "--force cannot be used with --server-side"
    } else if flags.on("force") && dry_run == DryRun::Server {
        "--dry-run=server cannot be used with --force"
    } else if all && selector {
        "cannot set --all and --selector at the same time"
    } else if let Some(set) = set {
        set.check(cx)?;
        ""
    } else if prune && flags.on("force") {
        "--force cannot be used with --prune"
    } else if prune && !all && !selector {
        "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. If you did not mean to prune all resources, specify a label selector"
    } else if prune && server_side {
        "--prune is in alpha and doesn't currently work on objects created by server-side apply"
    } else if !flags.text("subresource").is_empty() && !server_side {
        "--subresource can only be specified for --server-side"
    } else {
        ""
    };
    if why.is_empty() { Ok(()) } else { Err(Failure::msg(why)) }
}

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if !flags.args.is_empty() {
        return Err(cx.usage(format!("Unexpected args: [{}]", flags.args.join(" "))));
    }
    let options = Options {
        dry_run: DryRun::of(cx)?,
        validation: writing::validation(&flags)?,
        manager: writing::apply_manager(&flags).to_owned(),
        server_side: flags.on("server-side"),
        force_conflicts: flags.on("force-conflicts"),
    };
    writing::cascade(cx)?;
    let mut set = ApplySet::of(cx)?;
    check(cx, &flags, options.dry_run, set.as_ref())?;
    let printer = Printer::of(&flags, cx.system, false)?;
    let mut query = Query::of(&flags);
    if query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg("must specify one of -f and -k"));
    }
    query.all = false;
    query.validate = options.validation != "Ignore";
    let allowed = if flags.on("prune") { allowed(cx)? } else { Vec::new() };
    let mut built = builder::build(cx, &query)?;
    if built.targets.is_empty() && built.failures.is_empty() {
        return Err(Failure::msg("no objects passed to apply"));
    }
    if let Some(set) = &mut set {
        set.begin(cx, &mut built.targets, options.dry_run)?;
    }
    let mut waiting = built.targets;
    waiting.reverse();
    let mut namespaces = BTreeSet::new();
    if cx.config()?.namespace_forced {
        namespaces.insert(cx.namespace()?);
    }
    Ok(Next::Task(Box::new(Applying {
        options,
        printer,
        waiting,
        replacing: None,
        results: Vec::new(),
        failures: if built.failures.is_empty() { Vec::new() } else { vec![Failure::Many(built.failures)] },
        uids: BTreeSet::new(),
        namespaces,
        allowed,
        set,
    })))
}

/// Objects that are applied, one after the other.
#[derive(Clone, Debug)]
struct Applying {
    options: Options,
    printer: Printer,
    waiting: Vec<Target>,
    /// With `--force`: what is being deleted to be made anew, what is wanted, and until when it is waited for.
    replacing: Option<(Target, Value, Option<Time>)>,
    results: Vec<Value>,
    failures: Vec<Failure>,
    uids: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    allowed: Vec<Resource>,
    set: Option<ApplySet>,
}

impl Applying {
    fn done(&mut self, cx: &mut Context<'_>, target: &Target, object: Value, what: &str) -> Result<(), Failure> {
        let mut uid = str_at(&object, "/metadata/uid").to_owned();
        // What a dry run on this side makes has none: that of what is there counts.
        if uid.is_empty() && cx.session.flags.on("prune") {
            uid = cx.get(&target.path()).map(|live| str_at(&live, "/metadata/uid").to_owned()).unwrap_or_default();
        }
        self.uids.insert(uid);
        if !target.namespace.is_empty() {
            self.namespaces.insert(target.namespace.clone());
        }
        if self.printer.is_human() || matches!(self.printer.format, Format::Name) {
            let what = format!("{what}{}", self.options.dry_run.suffix());
            let text = self.printer.done(&object, &target.resource, name_of(&object, target), &what)?;
            cx.out.out(&text);
        }
        self.results.push(object);
        Ok(())
    }

    fn one(&mut self, cx: &mut Context<'_>, target: &Target) -> Result<(), Failure> {
        let generated = target.object.as_ref().map_or("", |object| str_at(object, "/metadata/generateName"));
        if target.name.is_empty() && !generated.is_empty() {
            return Err(Failure::msg(format!("from {generated}: cannot use generate name with apply")));
        }
        let applied = if self.options.server_side {
            server_side_apply(cx, target, &self.options)
        } else {
            apply_one(cx, target, &self.options)
        };
        match applied {
            Ok((object, what)) => self.done(cx, target, object, what),
            Err(failure) if cx.session.flags.on("force") && matches!(failure.reason(), "Invalid" | "Conflict") => {
                let flags = cx.session.flags.clone();
                let grace = flags.number("grace-period");
                let mut options = json!({"propagationPolicy": "Background"});
                if let (true, Some(fields)) = (grace >= 0, options.as_object_mut()) {
                    fields.insert("gracePeriodSeconds".to_owned(), json!(grace));
                }
                let request = Request::new(Method::Delete, target.path())
                    .with_header("Accept", "application/json")
                    .with_header("Content-Type", "application/json")
                    .with_body(options.to_string());
                cx.json(request)?;
                let wait = flags.nanoseconds("timeout");
                let until = (wait > 0).then(|| cx.system.now() + Duration::from_nanos(wait.unsigned_abs()));
                let modified = remember(&target.object.clone().unwrap_or_default());
                self.replacing = Some((target.clone(), modified, until));
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Goes on with an object that is deleted and made anew; `true` while it is still there.
    fn replace(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let Some((target, modified, until)) = self.replacing.clone() else { return Ok(false) };
        match cx.get(&target.path()) {
            Ok(_) if until.is_none_or(|until| cx.system.now() < until) => return Ok(true),
            Ok(_) => {
                self.replacing = None;
                return Err(Failure::msg("timed out waiting for the condition"));
            }
            Err(failure) if failure.is_not_found() => {}
            Err(failure) => {
                self.replacing = None;
                return Err(failure);
            }
        }
        self.replacing = None;
        let collection = target.resource.path(&target.namespace);
        let (manager, validation) = (self.options.manager.clone(), self.options.validation);
        let made = writing::create(cx, &collection, &modified, DryRun::None, &manager, validation)
            .map_err(|failure| blame(failure, "creating", target.source.as_deref()))?;
        self.done(cx, &target, made, "configured")?;
        Ok(false)
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let quiet = self.printer.is_human() || matches!(self.printer.format, Format::Name);
        if !quiet && !self.results.is_empty() {
            let text = match self.results.as_slice() {
                [one] => self.printer.print(one)?,
                many => self.printer.print(&as_list(many.to_vec()))?,
            };
            cx.out.out(&text);
        }
        if !self.failures.is_empty() {
            return Err(Failure::Many(Failure::with_files(std::mem::take(&mut self.failures), Vec::new())));
        }
        if cx.session.flags.on("prune") {
            let dry_run = self.options.dry_run;
            let mut gone = Vec::new();
            let ended = match &self.set {
                Some(set) => set.prune(cx, &self.uids, dry_run, &mut gone),
                None => {
                    gone = prune::prune(cx, &self.allowed, &self.uids, &self.namespaces, dry_run)?;
                    Ok(())
                }
            };
            let fresh = Printer::of(&cx.session.flags, cx.system, false)?;
            let mut printer = fresh.clone();
            for (resource, object) in gone {
                let what = format!("pruned{}", self.options.dry_run.suffix());
                // Without a set, every object that goes is printed as if it were the only one.
                if self.set.is_none() {
                    printer = fresh.clone();
                }
                let text = printer.done(&object, &resource, str_at(&object, "/metadata/name"), &what)?;
                cx.out.out(&text);
            }
            ended?;
        }
        Ok(Progress::Next(Next::Exit(0)))
    }
}

impl Task for Applying {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        loop {
            match self.replace(cx) {
                Ok(true) => {
                    let until = Some(cx.system.now() + Duration::from_secs(1));
                    return Ok(Progress::Wait(Wait { until, ..Wait::default() }));
                }
                Ok(false) => {}
                Err(failure) => self.failures.push(failure),
            }
            let Some(mut target) = self.waiting.pop() else { return self.finish(cx) };
            if let Some(object) = &mut target.object {
                record::note(cx, object);
            }
            if let Err(failure) = self.one(cx, &target) {
                self.failures.push(failure);
            }
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
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

/// An object as it is created: fields of no value go, as they would when it is applied once more.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
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
        return Err(Failure::msg(format!("{}{NAMELESS}", retrieving())));
    }
    let modified = remember(&wanted);
    let current = match cx.get(&target.path()) {
        Ok(current) => current,
        Err(failure) if failure.is_not_found() => {
            let collection = target.resource.path(&target.namespace);
            let made = writing::create(
                cx,
                &collection,
                &without_nulls(modified),
                options.dry_run,
                &options.manager,
                options.validation,
            )
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
    match cx.patch(&target.path(), patch_form(&modified), &query, body.as_bytes()) {
        Ok(object) => Ok((object, "configured")),
        Err(failure) => Err(failure.context(&format!(
            "error when applying patch:\n{body}\nto:\n{}\nfor: {}: error when patching {}: ",
            description(target),
            quote(source),
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
        return Err(Failure::msg(NAMELESS));
    }
    let wanted = target.object.clone().unwrap_or_default();
    let path = match cx.session.flags.text("subresource") {
        "" => target.path(),
        part => format!("{}/{part}", target.path()),
    };
    let mut query = writing::query(options.dry_run, &options.manager, options.validation);
    query.push(("force".to_owned(), options.force_conflicts.to_string()));
    let body = serde_json::to_vec(&wanted).unwrap_or_default();
    let mut object = match cx.patch(&path, "apply", &query, &body) {
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
        object = cx.patch(&path, "apply", &query, &body)?;
    }
    if let Some(upgrade) = upgrade_patch(&object, &options.manager) {
        let upgrade = serde_json::to_vec(&upgrade).unwrap_or_default();
        cx.patch(&path, "json", &writing::query(options.dry_run, &options.manager, ""), &upgrade)?;
        // Applied once more: now what is applied no longer goes.
        object = cx.patch(&path, "apply", &query, &body)?;
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
