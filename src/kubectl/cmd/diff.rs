//! `kubectl diff`: what an apply would change.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/diff/diff.go.

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use crate::kubectl::apply::{patch_form, three_way};
use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, array, int, switch, text};
use crate::kubectl::print::drop_managed_fields;
use crate::kubectl::program::{Context, DONE, Next, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DryRun, LAST_APPLIED, blame, field_manager, remember};
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
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    // Exit code 1 says that there is a difference: everything that goes wrong is 2 or more.
    compare(cx).map_err(|failure| {
        let (words, _) = failure.report();
        Failure::Exit(2, words)
    })
}

fn compare(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let mut query = Query::of(&flags);
    if query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg("must specify one of -f and -k"));
    }
    if !flags.args.is_empty() {
        return Err(cx.usage(format!("Unexpected args: [{}]", flags.args.join(" "))));
    }
    query.validate = cx.discover(0).is_ok();
    let built = builder::build(cx, &query)?;
    if let Some(failure) = built.failures.first() {
        return Err(failure.clone());
    }
    let mut differs = false;
    let stamp = cx.system.now();
    let number = stamp.as_micros() % 4_000_000_000;
    for target in &built.targets {
        let (mut live, mut merged) = states(cx, target)?;
        if target.resource.kind == "Secret" && target.resource.version == "v1" && !flags.on("show-secrets") {
            mask(live.as_mut(), merged.as_mut());
        }
        let resource = &target.resource;
        let group = if resource.group.is_empty() { String::new() } else { format!("{}.", resource.group) };
        let name = format!("{group}{}.{}.{}.{}", resource.version, resource.kind, target.namespace, target.name);
        let text = unified(
            &live.map_or(String::new(), |live| to_yaml(&shown(live, flags.on("show-managed-fields")))),
            &merged.map_or(String::new(), |merged| to_yaml(&shown(merged, flags.on("show-managed-fields")))),
        );
        if text.is_empty() {
            continue;
        }
        differs = true;
        let (from, to) = (format!("/tmp/LIVE-{number}/{name}"), format!("/tmp/MERGED-{number}/{name}"));
        let time = stamp.timestamp().strftime("%Y-%m-%d %H:%M:%S.%9f +0000").to_string();
        cx.out.line(&format!("diff -u -N {from} {to}"));
        cx.out.line(&format!("--- {from}\t{time}"));
        cx.out.line(&format!("+++ {to}\t{time}"));
        cx.out.out(&text);
    }
    if differs { Ok(Next::Exit(1)) } else { DONE }
}

/// What the server has, and what it would have.
fn states(cx: &mut Context<'_>, target: &Target) -> Result<(Option<Value>, Option<Value>), Failure> {
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
        let merged = cx.patch(&target.path(), "apply", &query, &body)?;
        return Ok((live, Some(merged)));
    }
    let manager = flags.text("field-manager");
    let Some(live) = live else {
        let collection = target.resource.path(&target.namespace);
        let modified = remember(&wanted);
        let merged = writing::create(cx, &collection, &modified, DryRun::Server, manager, "")
            .map_err(|failure| blame(failure, "creating", target.source.as_deref()))?;
        return Ok((None, Some(merged)));
    };
    let memory = live.pointer("/metadata/annotations").and_then(|all| all.get(LAST_APPLIED)).and_then(Value::as_str);
    let original: Value = memory.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let patch = three_way(&original, &remember(&wanted), &live);
    let query = writing::query(DryRun::Server, manager, "");
    let body = crate::text::go_json::to_compact(&patch);
    let merged = cx.patch(&target.path(), patch_form(&wanted), &query, body.as_bytes())?;
    Ok((Some(live), Some(merged)))
}

/// An object as it is compared: without managed fields, and without the memory of applies.
fn shown(mut object: Value, managed: bool) -> Value {
    if !managed {
        drop_managed_fields(&mut object);
    }
    if let Some(metadata) = writing::metadata_mut(&mut object)
        && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut)
    {
        annotations.remove(LAST_APPLIED);
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    object
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
