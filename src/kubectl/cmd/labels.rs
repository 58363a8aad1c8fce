//! `kubectl label` and `kubectl annotate`.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/label and pkg/cmd/annotate.

use serde_json::{Map, Value, json};

use crate::kubectl::builder::{self, FILE_FLAGS, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Flags, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer, map_at};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DRY_RUN, DryRun, FIELD_MANAGER};
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
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, FIELD_MANAGER],
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
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, FIELD_MANAGER],
    run: Some(|cx| run(cx, &ANNOTATIONS)),
    ..Command::EMPTY
};

/// What differs between labels and annotations.
struct Kind {
    field: &'static str,
    word: &'static str,
    done: &'static str,
    manager: &'static str,
}

const LABELS: Kind = Kind { field: "labels", word: "label", done: "labeled", manager: "kubectl-label" };
const ANNOTATIONS: Kind =
    Kind { field: "annotations", word: "annotation", done: "annotated", manager: "kubectl-annotate" };

type Changes = (Vec<(String, String)>, Vec<String>);

/// The words that name objects, and those that name changes.
fn split(args: &[String]) -> (Vec<String>, Vec<String>) {
    let is_change = |word: &String| (word.contains('=') && !word.starts_with('=')) || word.ends_with('-');
    let first = args.iter().position(is_change).unwrap_or(args.len());
    let (objects, changes) = args.split_at_checked(first).unwrap_or((args, &[]));
    (objects.to_vec(), changes.to_vec())
}

fn changes(words: &[String], kind: &Kind) -> Result<Changes, Failure> {
    let (mut set, mut remove): Changes = Default::default();
    for word in words {
        if let Some((key, value)) = word.split_once('=') {
            if kind.word == "label" {
                let fine = value.len() <= 63
                    && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                    && [value.bytes().next(), value.bytes().last()].iter().flatten().all(u8::is_ascii_alphanumeric);
                if !fine {
                    return Err(Failure::msg(format!(
                        "invalid label value: {}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
                        quote(word)
                    )));
                }
            }
            set.push((key.to_owned(), value.to_owned()));
        } else if let Some(key) = word.strip_suffix('-') {
            remove.push(key.to_owned());
        } else {
            return Err(Failure::msg(format!("unknown {} spec: {word}", kind.word)));
        }
    }
    if set.iter().any(|(key, _)| remove.contains(key)) {
        return Err(Failure::msg(format!(
            "can not both modify and remove {} in the same command",
            if kind.word == "label" { "a label" } else { "an annotation" }
        )));
    }
    Ok((set, remove))
}

fn run(cx: &mut Context<'_>, kind: &Kind) -> Outcome {
    let flags = cx.session.flags.clone();
    let (objects, words) = split(&flags.args);
    let (set, remove) = changes(&words, kind)?;
    let mut query = Query::of(&flags);
    query.args = objects;
    if query.args.is_empty() && query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg("one or more resources must be specified as <resource> <name> or <resource>/<name>"));
    }
    if set.is_empty() && remove.is_empty() && !flags.on("list") {
        return Err(Failure::msg(format!("at least one {} update is required", kind.word)));
    }
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let built = builder::build(cx, &query)?;
    let (found, mut failures) = builder::fetch(cx, &built);
    for target in &found {
        let before = target.object.clone().unwrap_or_default();
        match change(cx, &flags, kind, &before, target, (&set, &remove), dry_run) {
            Ok((after, what)) => {
                if flags.on("list") {
                    for (key, value) in map_at(&after, &format!("/metadata/{}", kind.field)).into_iter().flatten() {
                        cx.out.line(&format!("{key}={}", value.as_str().unwrap_or("")));
                    }
                    continue;
                }
                let what = format!("{what}{}", dry_run.suffix());
                let text = printer.done(&after, &target.resource, &target.name, &what)?;
                cx.out.out(&text);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() { DONE } else { Err(Failure::Many(failures)) }
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
    if !flags.on("overwrite") {
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let taken: Vec<String> = set
            .iter()
            .filter_map(|(key, value)| {
                old.get(key).filter(|known| text(known) != *value).map(|known| (key, text(known)))
            })
            .map(|(key, value)| format!("'{key}' already has a value ({value})"))
            .collect();
        if let Some(first) = taken.first() {
            return Err(Failure::msg(if kind.word == "label" {
                format!("{first}, and --overwrite is false")
            } else {
                format!("--overwrite is false but found the following declared annotation(s): {}", taken.join("; "))
            }));
        }
    }
    for key in remove.iter().filter(|key| kind.word == "label" && !old.contains_key(*key)) {
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
    let what = if kind.word != "label" {
        kind.done
    } else if new == old {
        "not labeled"
    } else if !flags.on("overwrite") && new.len() < old.len() {
        "unlabeled"
    } else {
        kind.done
    };
    if dry_run != DryRun::Client && new != old && !flags.on("local") {
        let mut body = json!({"metadata": {kind.field: patch}});
        if let (false, Some(metadata)) = (flags.text("resource-version").is_empty(), writing::metadata_mut(&mut body)) {
            metadata.insert("resourceVersion".to_owned(), json!(flags.text("resource-version")));
        }
        let query = writing::query(dry_run, writing::manager(flags, kind.manager), "");
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
        let (objects, changed) = split(&words);
        assert_eq!(objects, ["job", "one"]);
        assert_eq!(changes(&changed, &LABELS).unwrap(), (vec![("a".into(), "b".into())], vec!["team".into()]));
        assert!(changes(&["a=b".into(), "a-".into()], &LABELS).is_err());
        assert!(changes(&["a=b c".into()], &LABELS).is_err());
    }
}
