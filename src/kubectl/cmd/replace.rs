//! `kubectl replace`: puts the file's object in the place of the server's.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/replace/replace.go.

use serde_json::{Value, json};

use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, duration, int, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer, str_at};
use crate::kubectl::program::{Context, Next, Outcome, Progress, Task, ended};
use crate::kubectl::raw;
use crate::kubectl::record::{self, RECORD};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::watch::{Event, Events};
use crate::kubectl::writing::{
    self, DRY_RUN, DryRun, LAST_APPLIED, SAVE_CONFIG, VALIDATE, blame, field_manager, remember,
};
use crate::shell::program::Wait;
use crate::text::http::{Method, Request};

const FLAGS: &[Flag] = &[
    text("cascade", "background", "How objects that belong to a deleted one go: background, orphan or foreground.")
        .bare("background"),
    switch("force", "Delete the object and make it anew."),
    int("grace-period", "-1", "Seconds an object gets to end, with --force."),
    text("raw", "", "Send a PUT with the file to this path."),
    text("subresource", "", "Replace a subresource."),
    duration("timeout", "0s", "How long to wait for a deletion."),
    switch("wait", "Wait until a deleted object is gone."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "replace",
    group: Group::Advanced,
    short: "Replace an object by the one in a file",
    long: "Puts the whole object of a file in the place of the server's. With --force the old one is deleted first.",
    examples: &[
        ("Replace by a file", "kubectl replace -f config.yaml"),
        ("Delete and make anew", "kubectl replace --force -f job.yaml"),
    ],
    usage: "-f FILENAME [options]",
    flags: &[
        FLAGS,
        FILE_FLAGS,
        PRINT_FLAGS,
        DRY_RUN,
        RECORD,
        VALIDATE,
        &[field_manager("kubectl-replace")],
        SAVE_CONFIG,
    ],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let validation = writing::validation(&flags)?;
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let mut query = Query::of(&flags);
    if query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg("must specify one of -f and -k"));
    }
    let force = flags.on("force");
    if flags.number("grace-period") >= 0 && !force {
        return Err(Failure::msg("--grace-period must have --force specified"));
    }
    if flags.nanoseconds("timeout") != 0 && !force {
        return Err(Failure::msg("--timeout must have --force specified"));
    }
    if force && dry_run != DryRun::None {
        return Err(Failure::msg("--dry-run can not be used when --force is set"));
    }
    if !flags.text("raw").is_empty() {
        raw::check(&flags, 1..=1)?;
        return raw::send(cx, Method::Put, flags.text("raw"), flags.list("filename").first().map(String::as_str));
    }
    let policy = writing::cascade(cx)?;
    query.validate = validation != "Ignore" && (!force || cx.discover(0).is_ok());
    if !force {
        query.args.clear();
    }
    let built = builder::build(cx, &query)?;
    let mut failures = Vec::new();
    if built.targets.is_empty() && built.failures.is_empty() {
        return Err(Failure::msg("no objects passed to replace"));
    }
    if force {
        if !built.failures.is_empty() {
            return Err(Failure::Many(vec![Failure::Many(built.failures)]));
        }
        return replace_by_force(cx, built.targets, printer, policy);
    }
    for target in &built.targets {
        let mut object = memory(target, flags.on("save-config"));
        record::note(cx, &mut object);
        if target.name.is_empty() {
            failures.push(blame(Failure::msg(builder::NAMELESS), "replacing", target.source.as_deref()));
            continue;
        }
        let query = writing::query(dry_run, flags.text("field-manager"), validation);
        let result = if dry_run == DryRun::Client { Ok(object.clone()) } else { put(cx, target, &query, &object) };
        match result {
            Ok(made) => {
                let what = format!("replaced{}", dry_run.suffix());
                let text = printer.done(&made, &target.resource, &target.name, &what)?;
                cx.out.out(&text);
            }
            Err(failure) => failures.push(blame(failure, "replacing", target.source.as_deref())),
        }
    }
    let failures = Failure::with_files(failures, built.failures);
    ended(failures)
}

/// The file's object; the memory of applies is renewed when there is one, or when it is asked for.
fn memory(target: &Target, save: bool) -> Value {
    let object = target.object.clone().unwrap_or_default();
    let has = object.pointer("/metadata/annotations").and_then(|all| all.get(LAST_APPLIED)).is_some();
    if save || has { remember(&object) } else { object }
}

/// Replaces; an object without a version gets the present one, as an unconditional update.
fn put(cx: &mut Context<'_>, target: &Target, query: &[(String, String)], object: &Value) -> Result<Value, Failure> {
    let mut object = object.clone();
    let path = match cx.session.flags.text("subresource") {
        "" => target.path(),
        name => format!("{}/{name}", target.path()),
    };
    // Of an object that is not there the server has to say so, after what it has against this one.
    if str_at(&object, "/metadata/resourceVersion").is_empty()
        && let Ok(present) = cx.get(&path)
        && let Some(metadata) = writing::metadata_mut(&mut object)
    {
        metadata.insert("resourceVersion".to_owned(), json!(str_at(&present, "/metadata/resourceVersion")));
    }
    cx.write(Method::Put, &path, query, &object)
}

fn replace_by_force(cx: &mut Context<'_>, targets: Vec<Target>, printer: Printer, policy: &str) -> Outcome {
    let flags = cx.session.flags.clone();
    let mut waiting = Vec::new();
    for target in &targets {
        let mut body = json!({"propagationPolicy": policy});
        if let (true, Some(fields)) = (flags.number("grace-period") >= 0, body.as_object_mut()) {
            fields.insert("gracePeriodSeconds".to_owned(), json!(flags.number("grace-period")));
        }
        let request = Request::new(Method::Delete, target.path())
            .with_header("Accept", "application/json")
            .with_header("Content-Type", "application/json")
            .with_body(body.to_string());
        match cx.json(request) {
            Ok(_) => {
                let place = if target.resource.namespaced {
                    format!(" from {} namespace", target.namespace)
                } else {
                    String::new()
                };
                cx.out.line(&format!("{} \"{}\" deleted{place}", target.resource.printed_kind(), target.name));
                waiting.push(target.clone());
            }
            Err(failure) if failure.is_not_found() => {}
            Err(failure) => return Err(blame(failure, "deleting", target.source.as_deref())),
        }
    }
    waiting.reverse();
    Ok(Next::Task(Box::new(Replacing { waiting, targets, printer, watch: None })))
}

/// Waits until the old objects are gone, then makes the new ones.
#[derive(Clone, Debug)]
struct Replacing {
    waiting: Vec<Target>,
    targets: Vec<Target>,
    printer: Printer,
    watch: Option<Events>,
}

impl Task for Replacing {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        while let Some(target) = self.waiting.last().cloned() {
            let Some(watch) = &mut self.watch else {
                match cx.get(&target.path()) {
                    Err(failure) if failure.is_not_found() => {
                        self.waiting.pop();
                    }
                    Err(failure) => return Err(failure),
                    Ok(object) => {
                        let request = Request::new(Method::Get, target.resource.path(&target.namespace))
                            .with_header("Accept", "application/json")
                            .with_query("fieldSelector", format!("metadata.name={}", target.name))
                            .with_query("resourceVersion", str_at(&object, "/metadata/resourceVersion"))
                            .with_query("watch", "true");
                        self.watch = Some(Events::open(cx, request)?);
                    }
                }
                continue;
            };
            match watch.next(cx)? {
                Event::Seen(kind, _) if kind == "DELETED" => {
                    watch.close(cx);
                    self.watch = None;
                    self.waiting.pop();
                }
                Event::Seen(..) => {}
                Event::End => self.watch = None,
                Event::Pending => return Ok(Progress::Wait(Wait { streams: true, ..Wait::default() })),
            }
        }
        let flags = cx.session.flags.clone();
        let validation = writing::validation(&flags)?;
        for target in std::mem::take(&mut self.targets) {
            let mut object = memory(&target, flags.on("save-config"));
            record::note(cx, &mut object);
            let manager = flags.text("field-manager");
            let collection = target.resource.path(&target.namespace);
            let made = writing::create(cx, &collection, &object, DryRun::None, manager, validation)?;
            let text = self.printer.done(&made, &target.resource, &target.name, "replaced")?;
            cx.out.out(&text);
        }
        Ok(Progress::Next(Next::Exit(0)))
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
