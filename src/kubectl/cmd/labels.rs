//! `kubectl label` and `kubectl annotate`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/label and pkg/cmd/annotate.

use serde_json::{Map, Value, json};

use crate::apimachinery::content::label_value;
use crate::kubectl::builder::{self, FILE_FLAGS, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Flags, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer, map_at};
use crate::kubectl::program::{Context, Outcome, ended};
use crate::kubectl::record::{self, CHANGE_CAUSE, RECORD};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DRY_RUN, DryRun, field_manager};
use crate::text::go_number::quote;

const FLAGS: &[Flag] = &[
    switch("all", "Every object of the type in the namespace."),
    switch("all-namespaces", "Objects of every namespace.").short('A'),
    text("field-selector", "", "Only objects whose fields match."),
    switch("list", "Show what there is."),
    switch("local", "Change the file only, without asking the server."),
    switch("overwrite", "Allow values to change."),
    text("resource-version", "", "Only when the object still has this version."),
    text("selector", "", "Only objects whose labels match.").short('l'),
];

/// `kubectl label`.
pub static LABEL: Command = Command {
    name: "label",
    group: Group::Settings,
    short: "Change the labels of objects",
    long: "Adds, changes and removes labels. A word KEY=VALUE sets a label, KEY- removes it.",
    examples: &[
        ("Set a label", "kubectl label service kubernetes tier=front"),
        ("Change it", "kubectl label service kubernetes tier=back --overwrite"),
        ("Remove it", "kubectl label service kubernetes tier-"),
    ],
    usage: "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version] [options]",
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, RECORD, &[field_manager("kubectl-label")]],
    run: Some(|cx| run(cx, &LABELS)),
    ..Command::EMPTY
};

/// `kubectl annotate`.
pub static ANNOTATE: Command = Command {
    name: "annotate",
    group: Group::Settings,
    short: "Change the annotations of objects",
    long: "Adds, changes and removes annotations. A word KEY=VALUE sets one, KEY- removes it.",
    examples: &[
        ("Set an annotation", "kubectl annotate service kubernetes note='hello world'"),
        ("Remove it", "kubectl annotate service kubernetes note-"),
    ],
    usage: "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version] [options]",
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, RECORD, &[field_manager("kubectl-annotate")]],
    run: Some(|cx| run(cx, &ANNOTATIONS)),
    ..Command::EMPTY
};

/// What differs between labels and annotations.
struct Kind {
    field: &'static str,
    word: &'static str,
    done: &'static str,
}

const LABELS: Kind = Kind { field: "labels", word: "label", done: "labeled" };
const ANNOTATIONS: Kind = Kind { field: "annotations", word: "annotation", done: "annotated" };

type Changes = (Vec<(String, String)>, Vec<String>);

/// The words that name objects, and those that name changes.
fn split(args: &[String], kind: &Kind) -> Result<(Vec<String>, Vec<String>), Failure> {
    let is_change =
        |word: &String| (word.contains('=') && !word.starts_with('=')) || (word.ends_with('-') && word.as_str() != "-");
    let first = args.iter().position(is_change).unwrap_or(args.len());
    let (objects, changes) = args.split_at_checked(first).unwrap_or((args, &[]));
    match changes.iter().find(|word| !is_change(word)) {
        Some(word) => {
            Err(Failure::msg(format!("all resources must be specified before {} changes: {word}", kind.word)))
        }
        None => Ok((objects.to_vec(), changes.to_vec())),
    }
}

fn changes(words: &[String], kind: &Kind) -> Result<Changes, Failure> {
    let (mut set, mut remove): Changes = Default::default();
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            remove.push(word.strip_suffix('-').unwrap_or(word).to_owned());
            continue;
        };
        if kind.word == "label" && value.contains('=') {
            return Err(Failure::msg(format!("invalid label spec: {word}")));
        }
        let wrong = if kind.word == "label" { label_value(value) } else { Vec::new() };
        if !wrong.is_empty() {
            return Err(Failure::msg(format!("invalid label value: {}: {}", quote(word), wrong.join(";"))));
        }
        set.retain(|(known, _)| known != key);
        set.push((key.to_owned(), value.to_owned()));
    }
    set.sort();
    let both: Vec<&String> = remove.iter().filter(|key| set.iter().any(|(known, _)| known == *key)).collect();
    if kind.word == "label" && !both.is_empty() {
        return Err(Failure::msg("can not both modify and remove a label in the same command"));
    }
    if !both.is_empty() {
        let both: Vec<&str> = both.into_iter().map(String::as_str).collect();
        return Err(Failure::msg(format!(
            "can not both modify and remove the following annotation(s) in the same command: {}",
            both.join(", ")
        )));
    }
    Ok((set, remove))
}

fn run(cx: &mut Context<'_>, kind: &Kind) -> Outcome {
    let flags = cx.session.flags.clone();
    let (objects, words) = split(&flags.args, kind)?;
    let (set, remove) = changes(&words, kind)?;
    let mut query = Query::of(&flags);
    query.args = objects;
    let (local, list) = (flags.on("local"), flags.on("list"));
    if flags.on("all") && query.selector.is_some() {
        return Err(Failure::msg("cannot set --all and --selector at the same time"));
    }
    if flags.on("all") && query.field_selector.is_some() {
        return Err(Failure::msg("cannot set --all and --field-selector at the same time"));
    }
    if query.args.is_empty() && query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg("one or more resources must be specified as <resource> <name> or <resource>/<name>"));
    }
    if set.is_empty() && remove.is_empty() && !list {
        return Err(Failure::msg(format!("at least one {} update is required", kind.word)));
    }
    if local && query.files.is_empty() && kind.word == "label" {
        return Err(Failure::msg(
            "can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set",
        ));
    }
    let dry_run = DryRun::of(cx)?;
    if local && dry_run == DryRun::Server {
        return Err(Failure::msg("cannot specify --local and --dry-run=server - did you mean --dry-run=client?"));
    }
    if local && !query.args.is_empty() {
        let example = if kind.word == "label" {
            "-f pod.yaml or --filename=pod.json"
        } else {
            "-f rsrc.yaml or --filename=rsrc.json"
        };
        return Err(Failure::msg(format!("can only use local files by {example} when --local=true is set")));
    }
    if list && !flags.text("output").is_empty() {
        return Err(Failure::msg("--list and --output may not be specified together"));
    }
    let mut printer = Printer::of(&flags, cx.system, false)?;
    // --all is about a type without names.
    query.all = false;
    query.list_without_name = flags.on("all");
    (query.local, query.offline) = (local, local);
    let built = builder::build(cx, &query)?;
    let single = built.single;
    let several = built.targets.len() > 1 || built.targets.iter().any(|target| target.name.is_empty());
    if several && !flags.text("resource-version").is_empty() {
        return Err(Failure::msg("--resource-version may only be used with a single resource"));
    }
    let failures = builder::visit(cx, &built, local, &mut |cx, target| {
        let before = target.object.clone().unwrap_or_default();
        let (after, what) = change(cx, &flags, kind, &before, target, (&set, &remove), dry_run)?;
        if list {
            show(cx, kind, target, &after, single);
        } else {
            let what = format!("{what}{}", dry_run.suffix());
            let text = printer.done(&after, &target.resource, &target.name, &what)?;
            cx.out.out(&text);
        }
        Ok(())
    });
    ended(failures)
}

/// `--list`: what an object has; with a title when there may be several.
fn show(cx: &mut Context<'_>, kind: &Kind, target: &builder::Target, object: &Value, single: bool) {
    let indent = if single {
        ""
    } else {
        let resource = &target.resource;
        cx.out.line(&format!("Listing {} for {}.{}/{}:", kind.field, resource.kind, resource.group, target.name));
        " "
    };
    for (key, value) in map_at(object, &format!("/metadata/{}", kind.field)).into_iter().flatten() {
        cx.out.line(&format!("{indent}{key}={}", value.as_str().unwrap_or("")));
    }
}

fn change(
    cx: &mut Context<'_>,
    flags: &Flags,
    kind: &Kind,
    before: &Value,
    target: &builder::Target,
    (set, remove): (&[(String, String)], &[String]),
    dry_run: DryRun,
) -> Result<(Value, &'static str), Failure> {
    let path = format!("/metadata/{}", kind.field);
    let old = map_at(before, &path).cloned().unwrap_or_default();
    let is_label = kind.word == "label";
    if !flags.on("overwrite") {
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let taken = set.iter().filter_map(|(key, value)| {
            let known = text(old.get(key)?);
            // Why something was changed may always be said anew.
            (known != *value && (is_label || key != CHANGE_CAUSE)).then_some((key, known))
        });
        let taken: Vec<(&String, String)> = taken.collect();
        if is_label && let [first, rest @ ..] = taken.as_slice() {
            let told = |(key, value): &(&String, String)| {
                Failure::msg(format!("'{key}' already has a value ({value}), and --overwrite is false"))
            };
            let all: Vec<Failure> = std::iter::once(first).chain(rest).map(told).collect();
            return Err(if rest.is_empty() { told(first) } else { Failure::Many(all) });
        }
        if !taken.is_empty() {
            let known: Vec<String> =
                taken.iter().map(|(key, value)| format!("'{key}' already has a value ({value})")).collect();
            return Err(Failure::msg(format!(
                "--overwrite is false but found the following declared annotation(s): {}",
                known.join("; ")
            )));
        }
    }
    for key in remove.iter().filter(|key| is_label && !old.contains_key(*key)) {
        cx.out.line(&format!("label {} not found.", quote(key)));
    }
    let mut new = old.clone();
    let mut patch = Map::new();
    for (key, value) in set {
        new.insert(key.clone(), json!(value));
        patch.insert(key.clone(), json!(value));
    }
    for key in remove {
        if new.remove(key).is_some() {
            patch.insert(key.clone(), Value::Null);
        }
    }
    let mut after = before.clone();
    if let Some(metadata) = writing::metadata_mut(&mut after) {
        metadata.insert(kind.field.to_owned(), Value::Object(new.clone()));
    }
    record::note(cx, &mut after);
    let changed =
        after.pointer("/metadata") != before.pointer("/metadata") && (record::cause(cx).is_some() || new != old);
    let what = if !is_label {
        kind.done
    } else if new == old {
        "not labeled"
    } else if !flags.on("overwrite") && json!(new).to_string().len() < json!(old).to_string().len() {
        // Judged by the length of the JSON, as kubectl does.
        "unlabeled"
    } else {
        kind.done
    };
    if dry_run != DryRun::Client && changed && !flags.on("local") && !flags.on("list") {
        let mut body = json!({"metadata": {kind.field: patch}});
        record::note(cx, &mut body);
        if let (false, Some(metadata)) = (flags.text("resource-version").is_empty(), writing::metadata_mut(&mut body)) {
            metadata.insert("resourceVersion".to_owned(), json!(flags.text("resource-version")));
        }
        let query = writing::query(dry_run, flags.text("field-manager"), "");
        after = cx.patch(&target.path(), "merge", &query, body.to_string().as_bytes())?;
    }
    Ok((after, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_objects_until_the_first_change() {
        let words: Vec<String> = ["job", "one", "team-", "a=b"].map(str::to_owned).to_vec();
        let (objects, changed) = split(&words, &LABELS).unwrap();
        assert_eq!(objects, ["job", "one"]);
        assert_eq!(changes(&changed, &LABELS).unwrap(), (vec![("a".into(), "b".into())], vec!["team".into()]));
        assert!(changes(&["a=b".into(), "a-".into()], &LABELS).is_err());
        assert!(changes(&["a=b c".into()], &LABELS).is_err());
    }
}
