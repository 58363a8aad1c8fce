//! `kubectl diff`: what an apply would change.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/diff/diff.go.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use crate::kubectl::apply::{allowed, patch_form, prunable, three_way};
use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::discovery::Resource;
use crate::kubectl::failure::{Failure, path_error};
use crate::kubectl::flags::{Flag, array, int, switch, text};
use crate::kubectl::print::{drop_managed_fields, str_at};
use crate::kubectl::program::{Context, DONE, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DryRun, LAST_APPLIED, blame, field_manager, klog};
use crate::shell::program::{Pid, Wait};
use crate::text::go_number::quote;
use crate::text::yaml::to_yaml;

const FLAGS: &[Flag] = &[
    int("concurrency", "1", "How many objects to compare at a time."),
    switch("force-conflicts", "With --server-side: take over fields of other managers."),
    switch("prune", "Show what --prune would delete, too."),
    array("prune-allowlist", "Kinds that --prune may delete."),
    text("selector", "", "Only objects whose labels match.").short('l'),
    switch("server-side", "Let the server merge."),
    switch("show-managed-fields", "Keep managedFields."),
    switch("show-secrets", "Show the values of Secrets."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "diff",
    group: Group::Advanced,
    short: "Show what an apply would change",
    long: "Shows the difference between what the server has and what an apply of the files would make of it. The exit code is 1 when there is a difference.",
    examples: &[("What would change", "kubectl diff -f job.yaml")],
    usage: "-f FILENAME [options]",
    flags: &[FLAGS, FILE_FLAGS, &[field_manager("kubectl-client-side-apply")]],
    exits_with_two: true,
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    // Exit code 1 says that there is a difference: everything that goes wrong is 2 or more.
    compare(cx).map_err(|failure| two(&failure))
}

fn two(failure: &Failure) -> Failure {
    Failure::Exit(2, failure.report().0)
}

/// The versions of objects that are compared, by the names of their files: what there is now, and what there would be.
/// `None` has no file.
type Versions = BTreeMap<String, (String, Option<String>)>;

fn compare(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let mut query = Query::of(&flags);
    if !flags.args.is_empty() {
        return Err(cx.usage(format!("Unexpected args: [{}]", flags.args.join(" "))));
    }
    if query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg("must specify one of -f and -k"));
    }
    if flags.on("force-conflicts") && !flags.on("server-side") {
        return Err(Failure::msg("--force-conflicts only works with --server-side"));
    }
    let allowed = if flags.on("prune") { allowed(cx)? } else { Vec::new() };
    query.validate = cx.discover(0).is_ok();
    let built = builder::build(cx, &query)?;
    if let Some(failure) = built.failures.first() {
        return Err(failure.clone());
    }
    let mut versions = Versions::new();
    let (mut uids, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
    for target in &built.targets {
        let (mut live, mut merged) = states(cx, target)?;
        uids.extend(live.as_ref().map(|live| str_at(live, "/metadata/uid").to_owned()));
        namespaces.extend(Some(target.namespace.clone()).filter(|namespace| !namespace.is_empty()));
        let secret = target.resource.kind == "Secret" && target.resource.version == "v1" && !flags.on("show-secrets");
        if secret {
            mask(live.as_mut(), Some(&mut merged));
        }
        let write = |mut object: Value| {
            if !flags.on("show-managed-fields") {
                drop_managed_fields(&mut object);
            }
            to_yaml(&object)
        };
        // A Secret that is not there has been hidden all the same.
        let none = if secret { "null\n" } else { "" };
        let name = file_name(&target.resource, &target.namespace, &target.name);
        versions.insert(name, (live.map_or_else(|| none.to_owned(), write), Some(write(merged))));
    }
    if flags.on("prune") {
        let pruned = prunable(cx, &allowed, &uids, &namespaces, &mut |_, kind, namespace, object| {
            let name = file_name(kind, namespace, str_at(&object, "/metadata/name"));
            versions.insert(name, (to_yaml(&object), None));
            Ok(())
        });
        if let Err(why) = pruned {
            let text = format!("pruning failed and could not be evaluated err: {}", why.text());
            cx.out.err_line(&klog('W', cx.system.now(), "diff.go:757", &text));
        }
    }
    match cx.system.env("KUBECTL_EXTERNAL_DIFF").filter(|program| !program.is_empty()) {
        Some(program) => match unified_options(&program) {
            Some(options) => print(cx, &versions, options),
            None => external(cx, &program, &versions),
        },
        None => print(cx, &versions, "-u -N"),
    }
}

/// The options of a `diff` that is asked for what is printed here anyway, which needs no program.
fn unified_options(program: &str) -> Option<&str> {
    let options = program.strip_prefix("diff ")?;
    (options == "-u -N" || options == "-N -u").then_some(options)
}

fn file_name(resource: &Resource, namespace: &str, name: &str) -> String {
    let group = if resource.group.is_empty() { String::new() } else { format!("{}.", resource.group) };
    format!("{group}{}.{}.{namespace}.{name}", resource.version, resource.kind)
}

/// The directories of what there is and what there would be.
fn directories(cx: &Context<'_>) -> (String, String) {
    let number = cx.system.now().as_micros() % 4_000_000_000;
    (format!("/tmp/LIVE-{number}"), format!("/tmp/MERGED-{number}"))
}

/// Prints what `diff` of the two directories would, with these options.
fn print(cx: &mut Context<'_>, versions: &Versions, options: &str) -> Outcome {
    let (live, merged) = directories(cx);
    let time = cx.system.now().timestamp().strftime("%Y-%m-%d %H:%M:%S.%9f +0000").to_string();
    let mut differs = false;
    for (name, (before, after)) in versions {
        let text = unified(before, after.as_deref().unwrap_or_default());
        if text.is_empty() {
            continue;
        }
        differs = true;
        let (from, to) = (format!("{live}/{name}"), format!("{merged}/{name}"));
        let end = if after.is_some() { &time } else { NO_TIME };
        cx.out.line(&format!("diff {options} {from} {to}"));
        cx.out.line(&format!("--- {from}\t{time}"));
        cx.out.line(&format!("+++ {to}\t{end}"));
        cx.out.out(&text);
    }
    if differs { Ok(Next::Exit(1)) } else { DONE }
}

/// When a file was changed that is not there.
const NO_TIME: &str = "1970-01-01 00:00:00.000000000 +0000";

/// Has another program compare the two directories. Of its arguments those are left out that are more than letters,
/// digits, dashes and equals signs.
fn external(cx: &mut Context<'_>, program: &str, versions: &Versions) -> Outcome {
    let (live, merged) = directories(cx);
    let mut files = Vec::new();
    for directory in [&live, &merged] {
        let _ = cx.system.create_dir(directory, true);
    }
    for (name, (before, after)) in versions {
        for (directory, text) in [(&live, Some(before)), (&merged, after.as_ref())] {
            let file = format!("{directory}/{name}");
            let Some(text) = text else { continue };
            cx.system
                .write_file(&file, text.as_bytes())
                .map_err(|errno| Failure::msg(path_error("open", &file, errno)))?;
            files.push(file);
        }
    }
    let mut words = program.split(' ');
    let name = words.next().unwrap_or_default().to_owned();
    let plain =
        |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '='));
    let mut argv = vec![name.clone(), live, merged];
    argv.extend(words.filter(plain).map(str::to_owned));
    let mut running = External { name, child: None, files };
    match cx.system.spawn(&argv) {
        Ok(child) => {
            running.child = Some(child);
            Ok(Next::Task(Box::new(running)))
        }
        Err(_) => {
            running.clear(cx);
            let name = quote(&running.name);
            Err(Failure::msg(format!("failed to run {name}: executable file not found in $PATH")))
        }
    }
}

/// Another program that compares.
#[derive(Clone, Debug)]
struct External {
    name: String,
    child: Option<Pid>,
    files: Vec<String>,
}

impl External {
    fn clear(&self, cx: &mut Context<'_>) {
        for file in &self.files {
            let _ = cx.system.remove_file(file);
        }
    }
}

impl Task for External {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let Some(child) = self.child else { return Ok(Progress::Next(Next::Exit(0))) };
        let Some(code) = cx.system.exit_code(child) else {
            return Ok(Progress::Wait(Wait { child: Some(child), ..Wait::default() }));
        };
        self.clear(cx);
        match code {
            0 | 1 => Ok(Progress::Next(Next::Exit(code))),
            code => Err(two(&Failure::msg(format!("failed to run {}: exit status {code}", quote(&self.name))))),
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

/// What the server has, and what it would have.
fn states(cx: &mut Context<'_>, target: &Target) -> Result<(Option<Value>, Value), Failure> {
    let flags = cx.session.flags.clone();
    let wanted = target.object.clone().unwrap_or_default();
    let live = match cx.get(&target.path()) {
        Ok(live) => Some(live),
        Err(failure) if failure.is_not_found() => None,
        Err(failure) => return Err(failure),
    };
    if flags.on("server-side") {
        let mut query = writing::query(DryRun::Server, writing::apply_manager(&flags), "");
        query.push(("force".to_owned(), flags.on("force-conflicts").to_string()));
        let body = serde_json::to_vec(&wanted).unwrap_or_default();
        let merged = cx.patch(&target.path(), "apply", &query, &body);
        if let (Err(failure), Some(live)) = (&merged, &live)
            && failure.reason() == "Conflict"
        {
            // It is tried again, as if somebody else had changed the object meanwhile.
            let version = str_at(live, "/apiVersion");
            let version = if version.contains('/') { version.to_owned() } else { format!("/{version}") };
            let what = format!("{version}, Kind={}: {}", str_at(live, "/kind"), target.name);
            let text = format!("Object ({what}) keeps changing, diffing without lock");
            cx.out.err_line(&klog('W', cx.system.now(), "diff.go:723", &text));
        }
        return Ok((live, merged?));
    }
    let manager = flags.text("field-manager");
    let Some(live) = live else {
        let collection = target.resource.path(&target.namespace);
        let merged = writing::create(cx, &collection, &wanted, DryRun::Server, manager, "")?;
        return Ok((None, merged));
    };
    let memory = live.pointer("/metadata/annotations").and_then(|all| all.get(LAST_APPLIED)).and_then(Value::as_str);
    let original: Value = memory.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    // What was applied last stays; annotations are there in any case, as they were when it was written down.
    let mut modified = wanted.clone();
    if let Some(annotations) = writing::metadata_mut(&mut modified)
        .and_then(|metadata| metadata.entry("annotations").or_insert_with(|| json!({})).as_object_mut())
    {
        annotations.remove(LAST_APPLIED);
    }
    let patch = three_way(&original, &modified, &live);
    let query = writing::query(DryRun::Server, manager, "");
    let body = crate::text::go_json::to_compact(&patch);
    let merged = cx
        .patch(&target.path(), patch_form(&wanted), &query, body.as_bytes())
        .map_err(|failure| blame(failure, "patching", target.source.as_deref()))?;
    Ok((Some(live), merged))
}

/// Hides the values of a Secret; those that differ go on doing so.
fn mask(live: Option<&mut Value>, merged: Option<&mut Value>) {
    let data = |object: Option<&mut Value>| {
        object.and_then(|object| object.get_mut("data")?.as_object_mut().map(std::mem::take)).unwrap_or_default()
    };
    let (mut live, mut merged) = (live, merged);
    let (before, after) = (data(live.as_deref_mut()), data(merged.as_deref_mut()));
    let hidden = |own: &serde_json::Map<String, Value>, other: &serde_json::Map<String, Value>, word: &str| {
        let differs = |key: &String, value: &Value| other.get(key).is_some_and(|theirs| theirs != value);
        let entry = |(key, value): (&String, &Value)| {
            let text = if differs(key, value) { format!("*** ({word})") } else { "***".to_owned() };
            (key.clone(), json!(text))
        };
        Value::Object(own.iter().map(entry).collect())
    };
    for (object, text) in [(live, hidden(&before, &after, "before")), (merged, hidden(&after, &before, "after"))] {
        if let Some(slot) = object.and_then(|object| object.get_mut("data")) {
            *slot = text;
        }
    }
}

/// The hunks of `diff -u`.
fn unified(old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let diff = TextDiff::from_lines(old, new);
    let mut out = String::new();
    for group in diff.grouped_ops(3) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let range = |start: usize, end: usize| match end - start {
            0 => format!("{start},0"),
            1 => format!("{}", start + 1),
            length => format!("{},{length}", start + 1),
        };
        let before = range(first.old_range().start, last.old_range().end);
        let after = range(first.new_range().start, last.new_range().end);
        out.push_str(&format!("@@ -{before} +{after} @@\n"));
        for op in &group {
            for change in diff.iter_changes(op) {
                let sign = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                out.push(sign);
                out.push_str(change.value());
                if !change.value().ends_with('\n') {
                    out.push_str("\n\\ No newline at end of file\n");
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_secret_are_hidden_but_their_difference_is_not() {
        let mut live = json!({"data": {"a": "1", "b": "2"}});
        let mut merged = json!({"data": {"a": "1", "b": "3", "c": "4"}});
        mask(Some(&mut live), Some(&mut merged));
        assert_eq!(live, json!({"data": {"a": "***", "b": "*** (before)"}}));
        assert_eq!(merged, json!({"data": {"a": "***", "b": "*** (after)", "c": "***"}}));
    }

    #[test]
    fn hunks_are_those_of_diff() {
        assert_eq!(unified("", "a\nb\n"), "@@ -0,0 +1,2 @@\n+a\n+b\n");
        assert_eq!(unified("a\nb\nc\n", "a\nx\nc\n"), "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
        assert_eq!(unified("a\n", "a\n"), "");
    }
}
