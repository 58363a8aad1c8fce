//! `kubectl taint`: keeps Pods away from nodes.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/taint.

use serde_json::{Value, json};

use crate::apimachinery::content::{label_key, label_value};
use crate::kubectl::builder::{self, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer, list_at, str_at};
use crate::kubectl::program::{Context, Outcome, ended};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::writing::{self, DRY_RUN, DryRun, VALIDATE, field_manager};

/// The command.
pub static COMMAND: Command = Command {
    name: "taint",
    group: Group::Cluster,
    short: "Change the taints of nodes",
    long: "Adds and removes taints, which keep away Pods that do not tolerate them. KEY=VALUE:EFFECT adds one, KEY:EFFECT- or KEY- removes it.",
    examples: &[
        ("Add a taint", "kubectl taint nodes node01 dedicated=jobs:NoSchedule"),
        ("Remove it", "kubectl taint nodes node01 dedicated:NoSchedule-"),
    ],
    usage: "NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N [options]",
    flags: &[
        &[
            switch("all", "Every node."),
            switch("overwrite", "Allow taints to change."),
            text("selector", "", "Only nodes whose labels match.").short('l'),
        ],
        PRINT_FLAGS,
        DRY_RUN,
        VALIDATE,
        &[field_manager("kubectl-taint")],
    ],
    run: Some(run),
    asks: 2,
    ..Command::EMPTY
};

/// A taint of the command line: key, value and effect.
type Taint = (String, String, String);

fn parse_taint(word: &str, remove: bool) -> Result<Taint, String> {
    let spec = word.strip_suffix('-').filter(|_| remove).unwrap_or(word);
    let (head, effect) = spec.split_once(':').map_or((spec, None), |(head, effect)| (head, Some(effect)));
    let invalid = || format!("invalid taint spec: {spec}");
    if let Some(effect) = effect {
        if effect.contains(':') {
            return Err(invalid());
        }
        if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
            return Err(format!("invalid taint effect: {effect}, unsupported taint effect"));
        }
    }
    let (key, value) = match effect {
        Some(_) => head.split_once('=').unwrap_or((head, "")),
        None => (head, ""),
    };
    if value.contains('=') {
        return Err(invalid());
    }
    let mut problems: Vec<String> = label_key(key);
    problems.extend(label_value(value));
    if !problems.is_empty() {
        return Err(format!("{}, {}", invalid(), problems.join("; ")));
    }
    if effect.is_none() && !remove {
        return Err(invalid());
    }
    Ok((key.to_owned(), value.to_owned(), effect.unwrap_or("").to_owned()))
}

/// The taints to add and those to remove.
fn parse_taints(words: &[String]) -> Result<(Vec<Taint>, Vec<Taint>), String> {
    let (mut add, mut remove): (Vec<Taint>, Vec<Taint>) = (Vec::new(), Vec::new());
    for word in words {
        if word.ends_with('-') {
            remove.push(parse_taint(word, true)?);
            continue;
        }
        let taint = parse_taint(word, false)?;
        if add.iter().any(|known| known.0 == taint.0 && known.2 == taint.2) {
            return Err(format!(
                "duplicated taints with the same key and effect: {{{} {} {} <nil>}}",
                taint.0, taint.1, taint.2
            ));
        }
        add.push(taint);
    }
    Ok((add, remove))
}

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    let validation = writing::validation(&flags)?;
    let is_taint = |word: &String| word.contains(':') || word.contains('=') || word.ends_with('-');
    let first = flags.args.iter().position(is_taint).unwrap_or(flags.args.len());
    let (objects, words) = flags.args.split_at_checked(first).unwrap_or((&flags.args, &[]));
    if let Some(word) = words.iter().find(|word| !is_taint(word)) {
        return Err(Failure::msg(format!("all resources must be specified before taint changes: {word}")));
    }
    let Some((kind, names)) = objects.split_first() else {
        return Err(Failure::msg("one or more resources must be specified as <resource> <name>"));
    };
    if words.is_empty() {
        return Err(Failure::msg("at least one taint update is required"));
    }
    let (add, remove) = parse_taints(words).map_err(|why| cx.usage(why))?;
    let resource = cx.resource(&kind.to_lowercase()).map_err(Failure::bare)?;
    if resource.kind != "Node" {
        return Err(Failure::msg(format!(
            "invalid resource type {}, only node types are supported",
            kind.to_lowercase()
        )));
    }
    let both: Vec<String> = add
        .iter()
        .flat_map(|new| remove.iter().filter(|old| old.0 == new.0 && (old.2.is_empty() || old.2 == new.2)))
        .map(|old| format!("{}={}", old.0, old.2))
        .collect();
    if !both.is_empty() {
        return Err(Failure::msg(format!(
            "can not both modify and remove the following taint(s) in the same command: {}",
            both.join(", ")
        )));
    }
    let (all, selector) = (flags.on("all"), flags.text("selector"));
    if all && !selector.is_empty() {
        return Err(Failure::msg("setting 'all' parameter with a non empty selector is prohibited"));
    }
    if !all && selector.is_empty() && names.is_empty() {
        return Err(Failure::msg("at least one resource name must be specified since 'all' parameter is not set"));
    }
    let mut query = Query::of(&flags);
    query.args = vec!["nodes".to_owned()];
    if !all && selector.is_empty() {
        query.args.extend(names.iter().cloned());
    }
    let built = builder::build(cx, &query)?;
    let mut printer: Option<Printer> = None;
    let failures = builder::visit(cx, &built, false, &mut |cx, target| {
        let node = target.object.clone().unwrap_or_default();
        let (taints, what) = changed(&node, &add, &remove, flags.on("overwrite"), &target.name)?;
        if printer.is_none() {
            printer = Some(Printer::of(&flags, cx.system, false)?.typed());
        }
        let mut after = node;
        if dry_run == DryRun::Client {
            if let Some(spec) = after.pointer_mut("/spec").and_then(Value::as_object_mut) {
                spec.insert("taints".to_owned(), json!(taints));
            }
        } else {
            let taints = if taints.is_empty() { Value::Null } else { json!(taints) };
            let patch = json!({"spec": {"taints": taints}}).to_string();
            let query = writing::query(dry_run, flags.text("field-manager"), validation);
            after = cx.patch(&target.path(), "strategic", &query, patch.as_bytes())?;
        }
        // Alone among the commands, this one says nothing of a dry run.
        if let Some(printer) = &mut printer {
            let text = printer.done(&after, &target.resource, &target.name, what)?;
            cx.out.out(&text);
        }
        Ok(())
    });
    ended(failures)
}

/// The taints a node has after the change, and what is said of it.
fn changed(
    node: &Value,
    add: &[Taint],
    remove: &[Taint],
    overwrite: bool,
    name: &str,
) -> Result<(Vec<Value>, &'static str), Failure> {
    let old = list_at(node, "/spec/taints");
    let same = |taint: &Value, (key, _, effect): &Taint| {
        str_at(taint, "/key") == key && (effect.is_empty() || str_at(taint, "/effect") == effect)
    };
    if !overwrite {
        let known: Vec<&str> =
            add.iter().filter(|new| old.iter().any(|taint| same(taint, new))).map(|new| new.0.as_str()).collect();
        if !known.is_empty() {
            return Err(Failure::msg(format!(
                "node {name} already has {} taint(s) with same effect(s) and --overwrite is false",
                known.join(",")
            )));
        }
    }
    let mut taints: Vec<Value> = Vec::new();
    for (key, value, effect) in add {
        let mut taint = json!({"key": key, "effect": effect});
        if let (false, Some(fields)) = (value.is_empty(), taint.as_object_mut()) {
            fields.insert("value".to_owned(), json!(value));
        }
        taints.push(taint);
    }
    taints.extend(old.iter().filter(|taint| !add.iter().any(|new| same(taint, new))).cloned());
    let added = taints.len() != old.len();
    let (mut missing, mut removed) = (Vec::new(), false);
    for one in remove {
        let before = taints.len();
        taints.retain(|taint| !same(taint, one));
        removed = taints.len() != before;
        if !removed {
            let what = if one.2.is_empty() { one.0.clone() } else { format!("{}:{}", one.0, one.2) };
            missing.push(Failure::msg(format!("taint \"{what}\" not found")));
        }
    }
    if !missing.is_empty() {
        return Err(if missing.len() == 1 { missing.remove(0) } else { Failure::Many(missing) });
    }
    let what = match (added, removed) {
        _ if overwrite => "modified",
        (true, true) => "modified",
        (true, false) => "tainted",
        _ => "untainted",
    };
    Ok((taints, what))
}
