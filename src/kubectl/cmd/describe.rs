//! `kubectl describe`: objects with their surroundings and events, for people.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/describe/describe.go.

use crate::kubectl::builder::{self, FILE_FLAGS, Query, Target};
use crate::kubectl::describe::describe;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, int, switch, text};
use crate::kubectl::program::{Context, DONE, Outcome, ended};
use crate::kubectl::tree::{Command, Group};

const FLAGS: &[Flag] = &[
    switch("all-namespaces", "Objects of every namespace.").short('A'),
    int("chunk-size", "500", "Ask for long lists in parts of this many objects."),
    text("selector", "", "Only objects whose labels match.").short('l'),
    switch("show-events", "Show the events about the object; with several objects only when asked for.").on(),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "describe",
    group: Group::Troubleshooting,
    short: "Show an object with its surroundings and events",
    long: "Shows all that is known about one or several objects, with what belongs to them and what happened lately. A name may also be the beginning of names.",
    examples: &[
        ("A service", "kubectl describe service kubernetes"),
        ("All Pods with a label", "kubectl describe pods -l app=web"),
        ("A node", "kubectl describe node controlplane"),
    ],
    usage: "(-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME) [options]",
    flags: &[FLAGS, FILE_FLAGS],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let mut query = Query::of(&flags);
    query.list_without_name = true;
    if query.args.is_empty() && query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.\n",
        ));
    }
    let built = builder::build(cx, &query)?;
    let show_events = flags.on("show-events");
    let (found, failures) = builder::fetch(cx, &built);
    if let [only] = failures.as_slice()
        && only.is_not_found()
        && query.args.len() == 2
    {
        return by_prefix(cx, &query, show_events, only.clone());
    }
    if found.is_empty() && failures.is_empty() {
        if query.all_namespaces {
            cx.out.err_line("No resources found");
        } else {
            let namespace = cx.namespace()?;
            cx.out.err_line(&format!("No resources found in {namespace} namespace."));
        }
        return DONE;
    }
    // Several objects are shown without their events, unless those are asked for.
    let alone = found.len() == 1 && failures.is_empty();
    let show_events = show_events && (alone || flags.changed("show-events"));
    // What could not be had is one failure, beside each description that went wrong.
    let missing = if failures.is_empty() { Vec::new() } else { vec![Failure::Many(failures)] };
    let failures = print_all(cx, &found, show_events, missing);
    ended(failures)
}

fn print_all(cx: &mut Context<'_>, found: &[Target], show_events: bool, mut failures: Vec<Failure>) -> Vec<Failure> {
    let mut first = true;
    for target in found {
        match describe(cx, target, show_events) {
            Ok(text) => {
                if !first {
                    cx.out.out("\n\n");
                }
                first = false;
                cx.out.out(&text);
            }
            Err(failure) => failures.push(failure),
        }
    }
    failures
}

/// A name that does not exist may be the beginning of names that do.
fn by_prefix(cx: &mut Context<'_>, query: &Query, show_events: bool, missing: Failure) -> Outcome {
    let prefix = query.args.get(1).cloned().unwrap_or_default();
    let types = builder::expand(&*cx.discovery()?, query.args.first().map_or("", String::as_str));
    if types.len() > 1 {
        return Err(Failure::msg("you may only specify a single resource type"));
    }
    let all = Query { args: query.args.iter().take(1).cloned().collect(), list_without_name: true, ..query.clone() };
    let built = builder::build(cx, &all)?;
    let (found, _) = builder::fetch(cx, &built);
    let near: Vec<Target> = found.into_iter().filter(|target| target.name.starts_with(&prefix)).collect();
    if near.is_empty() {
        return Err(missing);
    }
    // The search that failed counts as one of several: no events, unless they are asked for.
    let show_events = show_events && cx.session.flags.changed("show-events");
    for target in &near {
        let text = describe(cx, target, show_events)?;
        cx.out.line(&text);
    }
    DONE
}
