//! `kubectl exec` and `kubectl attach`: a command in a container, or its own process.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/exec and pkg/cmd/attach.

use serde_json::Value;

use crate::kubectl::builder::{self, FILE_FLAG, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, duration, switch, text};
use crate::kubectl::pods;
use crate::kubectl::print::str_at;
use crate::kubectl::program::{Context, Next, Outcome};
use crate::kubectl::session::{Attach, DETACH_KEYS, Session, Start, keys};
use crate::kubectl::tree::{Command, Group};

const FLAGS: &[Flag] = &[
    text("container", "", "The container.").short('c'),
    duration("pod-running-timeout", "1m0s", "How long to wait for a running Pod."),
    switch("quiet", "Say as little as possible.").short('q'),
    switch("stdin", "Pass standard input on.").short('i'),
    switch("tty", "Give the command a terminal.").short('t'),
];

/// `kubectl exec`.
pub static EXEC: Command = Command {
    name: "exec",
    group: Group::Troubleshooting,
    short: "Run a command in a container",
    long: "Runs a command in a container that is running. With -it it can be talked to.",
    examples: &[
        ("One command", "kubectl exec web -- date"),
        ("A shell", "kubectl exec -it web -- sh"),
        ("In a Pod of a Deployment", "kubectl exec deploy/web -- date"),
    ],
    usage: "(POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...] [options]",
    flags: &[FLAGS, FILE_FLAG],
    run: Some(exec),
    asks: 4,
    ..Command::EMPTY
};

/// `kubectl attach`.
pub static ATTACH: Command = Command {
    name: "attach",
    group: Group::Troubleshooting,
    short: "Attach to a running container",
    long: "Attaches to the process that a container runs.",
    examples: &[("See what it writes from now on", "kubectl attach web")],
    usage: "(POD | TYPE/NAME) -c CONTAINER [options]",
    flags: &[FLAGS, &[DETACH_KEYS]],
    run: Some(attach),
    asks: 4,
    ..Command::EMPTY
};

/// The Pod a word means.
fn pod(cx: &mut Context<'_>, word: &str) -> Result<Value, Failure> {
    if cx.session.flags.nanoseconds("pod-running-timeout") <= 0 {
        return Err(cx.usage("--pod-running-timeout must be higher than zero"));
    }
    let query = match word {
        "" => Query::of(&cx.session.flags),
        word if word.contains('/') => Query { args: vec![word.to_owned()], ..Query::default() },
        word => Query { args: vec![format!("pods/{word}")], ..Query::default() },
    };
    // The Pod of a file is named by no word.
    let args = if word.is_empty() { Vec::new() } else { query.args };
    let query = Query { args, files: cx.session.flags.list("filename"), ..query };
    let built = builder::build(cx, &query)?;
    if let Some(failure) = built.failures.into_iter().next() {
        return Err(failure);
    }
    if built.targets.len() > 1 {
        return Err(Failure::msg("cannot exec into multiple objects at a time"));
    }
    let Some(target) = built.targets.first().cloned() else { return Err(Failure::msg("pod not found")) };
    let object = match &target.object {
        Some(object) => object.clone(),
        None => cx.get(&target.path())?,
    };
    let mut found = pods::pods_of(cx, &target, &object, "attach to")?;
    pods::sort_for_exec(&mut found);
    found.into_iter().next().ok_or_else(|| Failure::msg("timed out waiting for the condition"))
}

fn running(pod: &Value, verb: &str) -> Result<(), Failure> {
    let phase = str_at(pod, "/status/phase");
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Failure::msg(format!("cannot {verb} a container in a completed pod; current phase is {phase}")));
    }
    Ok(())
}

fn exec(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let before = flags.dash.unwrap_or(flags.args.len());
    let files = flags.list("filename");
    let (named, command) = flags.args.split_at_checked(before).unwrap_or((&flags.args, &[]));
    if named.first().is_none_or(String::is_empty) && files.is_empty() {
        return Err(Failure::msg("pod, type/name or --filename must be specified"));
    }
    let dashed = flags.dash.is_some();
    if !dashed && (named.len() > 1 || (!named.is_empty() && !files.is_empty())) {
        return Err(cx.usage("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead"));
    }
    if command.is_empty() {
        return Err(Failure::msg("you must specify at least one command for the container"));
    }
    if flags.nanoseconds("pod-running-timeout") <= 0 {
        return Err(cx.usage("--pod-running-timeout must be higher than zero"));
    }
    let pod = pod(cx, named.first().map_or("", String::as_str))?;
    running(&pod, "exec into")?;
    let container = pods::container(cx, &pod, flags.text("container"), flags.on("quiet"))?;
    let mut tty = flags.on("tty");
    let stdin = flags.on("stdin");
    if tty && stdin && !cx.system.is_terminal(0) {
        if !flags.on("quiet") {
            cx.out.err_line("Unable to use a TTY - input is not a terminal or the right kind of file");
        }
        tty = false;
    }
    let session = Session {
        namespace: str_at(&pod, "/metadata/namespace").to_owned(),
        pod: str_at(&pod, "/metadata/name").to_owned(),
        container,
        command: command.to_vec(),
        stdin,
        tty,
        quiet: flags.on("quiet"),
        detach: Vec::new(),
    };
    Ok(Next::Task(Box::new(Start::Exec(session.open(cx)?))))
}

fn attach(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.args.is_empty() {
        return Err(Failure::msg("at least 1 argument is required for attach"));
    }
    if flags.args.len() > 2 {
        return Err(cx.usage("expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments)"));
    }
    let word = flags.args.join("/");
    if word.is_empty() {
        return Err(Failure::msg(builder::NAMELESS));
    }
    let pod = pod(cx, &word)?;
    running(&pod, "attach")?;
    let container = pods::container(cx, &pod, flags.text("container"), flags.on("quiet"))
        .map_err(|failure| failure.context("cannot attach to the container: "))?;
    let session = Session {
        namespace: str_at(&pod, "/metadata/namespace").to_owned(),
        pod: str_at(&pod, "/metadata/name").to_owned(),
        container,
        command: Vec::new(),
        stdin: flags.on("stdin"),
        tty: flags.on("tty"),
        quiet: flags.on("quiet"),
        detach: keys(flags.text("detach-keys"))?,
    };
    Ok(Next::Task(Box::new(Start::Attach(Attach::at_once(session)))))
}
