//! `kubectl delete`: deletes objects and waits until they are gone.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/delete/delete.go.

use serde_json::{Value, json};

use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::confirm::Answer;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Flags, duration, int, switch, text};
use crate::kubectl::gone::Gone;
use crate::kubectl::program::{Context, DONE, Next, Outcome, Progress, Task};
use crate::kubectl::raw;
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DRY_RUN, DryRun, blame};
use crate::text::http::{Method, Request};

const FLAGS: &[Flag] = &[
    switch("all", "Every object of the type in the namespace."),
    switch("all-namespaces", "Objects of every namespace.").short('A'),
    text("cascade", "background", "How objects that belong to a deleted one go: background, orphan or foreground.")
        .bare("background"),
    text("field-selector", "", "Only objects whose fields match."),
    switch("force", "Remove the object from the server at once, without waiting for its end."),
    int("grace-period", "-1", "Seconds an object gets to end; -1 leaves it to the object, 0 only with --force."),
    switch("ignore-not-found", "Say nothing about objects that are not there."),
    switch("interactive", "Ask before deleting.").short('i'),
    switch("now", "Give objects one second to end."),
    text("output", "", "Output format: name.").short('o'),
    text("raw", "", "Send a DELETE for this path."),
    text("selector", "", "Only objects whose labels match.").short('l'),
    duration("timeout", "0s", "How long to wait; 0 leaves it to the object."),
    switch("wait", "Wait until the objects are gone.").on(),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "delete",
    suggest_for: &["rm"],
    group: Group::Intermediate,
    short: "Delete objects",
    long: "Deletes objects by file, by name, by label or all of a type, and waits until they are gone. What belongs to them goes too.",
    examples: &[
        ("By name", "kubectl delete job hello --ignore-not-found"),
        ("What a file holds", "kubectl delete -f job.yaml --ignore-not-found"),
        ("By label", "kubectl delete pods -l app=web"),
        ("All of a type", "kubectl delete jobs --all"),
    ],
    usage: "([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)]) [options]",
    flags: &[FLAGS, FILE_FLAGS, DRY_RUN],
    run: Some(run),
    ..Command::EMPTY
};

const IMMEDIATE: &str = "Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.";

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    if flags.on("all") && !(flags.text("selector").is_empty() && flags.text("field-selector").is_empty()) {
        return Err(Failure::msg("setting 'all' parameter but found a non empty selector. "));
    }
    let mut grace = flags.number("grace-period");
    if flags.on("now") {
        if grace != -1 {
            return Err(Failure::msg("--now and --grace-period cannot be specified together"));
        }
        grace = 1;
    }
    let force = flags.on("force");
    if force && grace > 0 {
        return Err(Failure::msg("--force and --grace-period greater than 0 cannot be specified together"));
    }
    let mut wait = flags.on("wait");
    if grace == 0 && !force {
        // Zero without --force means: as soon as it is safe.
        grace = 1;
    }
    if force {
        grace = 0;
        if !flags.changed("wait") {
            wait = false;
        }
    }
    let policy = writing::cascade(cx)?;
    if !matches!(flags.text("output"), "" | "name") {
        return Err(Failure::msg(format!(
            "unexpected -o output mode: {}. We only support '-o name'",
            flags.text("output")
        )));
    }
    if !flags.text("raw").is_empty() {
        if force {
            cx.caution(IMMEDIATE.to_owned());
        }
        if flags.on("interactive") {
            return Err(Failure::msg("--interactive can not be used with --raw"));
        }
        raw::check(&flags, 0..=1)?;
        return raw::send(cx, Method::Delete, flags.text("raw"), flags.list("filename").first().map(String::as_str));
    }
    let query = Query::of(&flags);
    let built = builder::build(cx, &query)?;
    if force {
        cx.caution(IMMEDIATE.to_owned());
    }
    let (targets, failures) = targets(cx, &built)?;
    if targets.is_empty() && failures.is_empty() && built.failures.is_empty() {
        cx.out.line("No resources found");
        return DONE;
    }
    let work =
        Work { targets, failures, files: built.failures, wait, options: Deletion { grace, policy, dry_run, force } };
    if !flags.on("interactive") {
        return work.run(cx);
    }
    match work.failures.first().or(work.files.first()) {
        Some(failure) => Err(failure.clone()),
        None => Ok(Next::Task(Box::new(Asking::new(cx, work)))),
    }
}

/// What is to be deleted, and how.
#[derive(Clone, Debug)]
struct Work {
    targets: Vec<Target>,
    failures: Vec<Failure>,
    /// What went wrong with files.
    files: Vec<Failure>,
    wait: bool,
    options: Deletion,
}

impl Work {
    fn run(self, cx: &mut Context<'_>) -> Outcome {
        let flags = cx.session.flags.clone();
        let mut failures = self.failures;
        let mut waited = Vec::new();
        for target in self.targets {
            match delete(cx, &target, &self.options, &flags) {
                Ok(uid) => waited.push((target, uid)),
                Err(failure) if failure.is_not_found() && flags.on("ignore-not-found") => {}
                Err(failure) => failures.push(failure),
            }
        }
        if !self.files.is_empty() {
            return Err(Failure::Many(Failure::with_files(failures, self.files)));
        }
        if let [Failure::Message(only)] = failures.as_slice() {
            return Err(Failure::msg(only.clone()));
        }
        if !failures.is_empty() {
            return Err(Failure::Exit(1, Failure::Many(failures).lines()));
        }
        if !self.wait || self.options.dry_run != DryRun::None || waited.is_empty() {
            return DONE;
        }
        Ok(Next::Task(Box::new(Gone::new(cx, waited, timeout(&flags)))))
    }
}

/// `--interactive`: nothing is deleted before somebody has said yes.
#[derive(Clone, Debug)]
struct Asking {
    work: Work,
    answer: Answer,
}

impl Asking {
    fn new(cx: &mut Context<'_>, work: Work) -> Asking {
        cx.out.line(&format!("You are about to delete the following {} resource(s):", work.targets.len()));
        for target in &work.targets {
            cx.out.line(&target.title());
        }
        cx.out.out("Do you want to continue? (y/N): ");
        Asking { work, answer: Answer::default() }
    }
}

impl Task for Asking {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let yes = match self.answer.read(cx) {
            Ok(yes) => yes,
            Err(wait) => return Ok(Progress::Wait(wait)),
        };
        if !yes {
            cx.out.line("deletion is cancelled");
            return Ok(Progress::Next(Next::Exit(0)));
        }
        self.work.clone().run(cx).map(Progress::Next)
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

fn timeout(flags: &Flags) -> Option<u64> {
    u64::try_from(flags.nanoseconds("timeout"))
        .ok()
        .filter(|nanoseconds| *nanoseconds > 0)
        .map(|nanoseconds| nanoseconds / 1000)
}

#[derive(Clone, Debug)]
struct Deletion {
    grace: i64,
    policy: &'static str,
    dry_run: DryRun,
    force: bool,
}

/// Everything to delete: named objects as they are, lists by what they hold now.
fn targets(cx: &mut Context<'_>, built: &builder::Built) -> Result<(Vec<Target>, Vec<Failure>), Failure> {
    let mut all = Vec::new();
    let mut failures = Vec::new();
    for target in &built.targets {
        if target.name.is_empty() && target.object.is_none() {
            match builder::list(cx, target, &built.selectors, "application/json") {
                Ok(answer) => all.extend(builder::items(&answer, &target.resource)),
                Err(failure) => failures.push(failure),
            }
        } else {
            all.push(target.clone());
        }
    }
    if all.is_empty()
        && let [only] = failures.as_slice()
        && !matches!(only, Failure::Status { .. })
    {
        return Err(only.clone());
    }
    Ok((all, failures))
}

fn delete(cx: &mut Context<'_>, target: &Target, options: &Deletion, flags: &Flags) -> Result<String, Failure> {
    if target.nameless() && options.dry_run != DryRun::Client {
        return Err(blame(Failure::msg(builder::NAMELESS), "deleting", target.source.as_deref()));
    }
    let mut answer = Value::Null;
    if options.dry_run != DryRun::Client {
        let mut body = json!({"propagationPolicy": options.policy});
        if let Some(fields) = body.as_object_mut() {
            if options.grace >= 0 {
                fields.insert("gracePeriodSeconds".to_owned(), json!(options.grace));
            }
            if options.dry_run == DryRun::Server {
                fields.insert("dryRun".to_owned(), json!(["All"]));
            }
        }
        let request = Request::new(Method::Delete, target.path())
            .with_header("Accept", "application/json")
            .with_header("Content-Type", "application/json")
            .with_body(body.to_string());
        answer = cx.json(request).map_err(|failure| blame(failure, "deleting", target.source.as_deref()))?;
    }
    let text = if flags.text("output") == "name" {
        target.title()
    } else {
        let verb = if options.force { "force deleted" } else { "deleted" };
        let place =
            if target.resource.namespaced { format!(" from {} namespace", target.namespace) } else { String::new() };
        format!("{} \"{}\" {verb}{place}{}", target.resource.printed_kind(), target.name, options.dry_run.suffix())
    };
    cx.out.line(&text);
    let uid = answer.pointer("/details/uid").or_else(|| answer.pointer("/metadata/uid")).and_then(Value::as_str);
    Ok(uid.unwrap_or("").to_owned())
}
