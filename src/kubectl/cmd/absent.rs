//! Commands that need what this cluster does not have (metrics, a network to listen on, plugins): they check their
//! words as the real ones do and say clearly what is missing.

use crate::kubectl::builder::{self, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{duration, slice, switch, text};
use crate::kubectl::help::subcommand_missing;
use crate::kubectl::kustomize;
use crate::kubectl::pods;
use crate::kubectl::program::{Context, DONE, Next, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::text::yaml::to_yaml;

/// `kubectl top`.
pub static TOP: Command = Command {
    name: "top",
    group: Group::Cluster,
    short: "Show how much is used",
    long: "Shows how much CPU and memory nodes or Pods use. It needs a metrics server, which this cluster does not have.",
    usage: "[flags] [options]",
    subcommands: &[&TOP_NODE, &TOP_POD],
    run: Some(subcommand_missing),
    ..Command::EMPTY
};

static TOP_NODE: Command = Command {
    name: "node",
    aliases: &["nodes", "no"],
    short: "Show how much nodes use",
    long: "Shows how much CPU and memory nodes use.",
    usage: "[NAME | -l label] [options]",
    flags: &[&[
        switch("no-headers", "Leave out the line of headers."),
        text("selector", "", "Only nodes whose labels match.").short('l'),
        switch("show-capacity", "Share of the capacity instead of what can be allocated."),
        switch("show-swap", "Swap, too."),
        text("sort-by", "", "Sort by cpu or memory."),
        switch("use-protocol-buffers", "How to ask for metrics.").on(),
    ]],
    run: Some(no_metrics),
    ..Command::EMPTY
};

static TOP_POD: Command = Command {
    name: "pod",
    aliases: &["pods", "po"],
    short: "Show how much Pods use",
    long: "Shows how much CPU and memory Pods use.",
    usage: "[NAME | -l label] [options]",
    flags: &[&[
        switch("all-namespaces", "Pods of every namespace.").short('A'),
        switch("containers", "Each container on its own."),
        text("field-selector", "", "Only Pods whose fields match."),
        switch("no-headers", "Leave out the line of headers."),
        text("selector", "", "Only Pods whose labels match.").short('l'),
        switch("show-swap", "Swap, too."),
        text("sort-by", "", "Sort by cpu or memory."),
        switch("sum", "The sum of all Pods, too."),
        switch("use-protocol-buffers", "How to ask for metrics.").on(),
    ]],
    run: Some(no_metrics),
    ..Command::EMPTY
};

fn no_metrics(cx: &mut Context<'_>) -> Outcome {
    let served = cx.discovery()?.versions.iter().any(|version| version.starts_with("metrics.k8s.io/"));
    Err(Failure::msg(if served { "metrics not available yet" } else { "Metrics API not available" }))
}

/// `kubectl cp`.
pub static CP: Command = Command {
    name: "cp",
    group: Group::Troubleshooting,
    short: "Copy files to and from containers",
    long: "Copies files between this machine and a container. It needs tar on both sides, which the machines here do not have.",
    usage: "<file-spec-src> <file-spec-dest> [options]",
    flags: &[&[
        text("container", "", "The container.").short('c'),
        switch("no-preserve", "Do not keep owners and permissions."),
        text("retries", "0", "How often to try again."),
    ]],
    run: Some(cp),
    ..Command::EMPTY
};

fn cp(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    let [from, to] = args.as_slice() else { return Err(Failure::msg("source and destination are required")) };
    let remote = |spec: &String| spec.contains(':');
    match (remote(from), remote(to)) {
        (true, true) => Err(Failure::msg("one of src or dest must be a local file specification")),
        (false, false) => Err(Failure::msg("one of src or dest must be a remote file specification")),
        _ => Err(Failure::msg(
            "exec: \"tar\": executable file not found in $PATH: copying files needs tar, which is not on this machine; try 'kubectl exec POD -- cat FILE' instead",
        )),
    }
}

/// `kubectl port-forward`.
pub static PORT_FORWARD: Command = Command {
    name: "port-forward",
    group: Group::Troubleshooting,
    short: "Forward local ports to a Pod",
    long: "Forwards ports of this machine to a Pod. This machine has no network of its own to listen on.",
    usage: "TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
    flags: &[&[
        slice("address", "Addresses to listen on."),
        duration("pod-running-timeout", "1m0s", "How long to wait for a running Pod."),
    ]],
    run: Some(port_forward),
    ..Command::EMPTY
};

fn port_forward(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    let [word, _, ..] = args.as_slice() else {
        return Err(cx.usage("TYPE/NAME and list of ports are required for port-forward"));
    };
    let words = if word.contains('/') { vec![word.clone()] } else { vec!["pods".to_owned(), word.clone()] };
    let built = builder::build(cx, &Query { args: words, ..Query::default() })?;
    let Some(target) = built.targets.first().cloned() else { return DONE };
    let object = cx.get(&target.path())?;
    pods::pod_of(cx, &target, &object)?;
    Err(Failure::msg("unable to listen on any of the requested ports: this machine has no network to listen on"))
}

/// `kubectl proxy`.
pub static PROXY: Command = Command {
    name: "proxy",
    group: Group::Troubleshooting,
    short: "Run a proxy to the server",
    long: "Offers the server's interface on a port of this machine. This machine has no network of its own to listen on.",
    usage: "[--port=PORT] [--www=static-dir] [--www-prefix=prefix] [--api-prefix=prefix] [options]",
    flags: &[&[
        text("address", "127.0.0.1", "The address to listen on."),
        text("api-prefix", "/", "Where to offer the interface."),
        text("port", "8001", "The port to listen on; 0 takes any.").short('p'),
        text("www", "", "A directory to offer, too.").short('w'),
        text("www-prefix", "/static/", "Where to offer it.").short('P'),
    ]],
    run: Some(proxy),
    ..Command::EMPTY
};

fn proxy(_cx: &mut Context<'_>) -> Outcome {
    Err(Failure::msg(
        "listen tcp 127.0.0.1:8001: this machine has no network to listen on; try 'kubectl get --raw PATH' instead",
    ))
}

/// `kubectl debug`.
pub static DEBUG: Command = Command {
    name: "debug",
    group: Group::Troubleshooting,
    short: "Look into a Pod or node with a container of your own",
    long: "Adds a container for looking around to a Pod. Containers cannot be added to running Pods here.",
    usage: "(POD | TYPE[[.VERSION].GROUP]/NAME) [ -- COMMAND [args...] ] [options]",
    flags: &[&[
        switch("attach", "Attach to the container."),
        text("container", "", "The name of the new container.").short('c'),
        text("copy-to", "", "Make a copy of the Pod with this name."),
        text("image", "", "The image of the container."),
        text("profile", "general", "How the container is set up."),
        switch("stdin", "Keep standard input open.").short('i'),
        text("target", "", "The container whose processes are to be seen."),
        switch("tty", "Give it a terminal.").short('t'),
    ]],
    run: Some(debug),
    ..Command::EMPTY
};

fn debug(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.args.is_empty() {
        return Err(Failure::msg("NAME is required for debug"));
    }
    if flags.text("image").is_empty() && flags.text("copy-to").is_empty() {
        return Err(Failure::msg("you must specify --image when not using --copy-to."));
    }
    Err(Failure::msg(
        "ephemeral containers are disabled for this cluster (error from server: \"containers cannot be added to running Pods here\").",
    ))
}

/// `kubectl certificate`.
pub static CERTIFICATE: Command = Command {
    name: "certificate",
    group: Group::Cluster,
    short: "Modify certificate resources",
    long: "Modify certificate resources",
    usage: "SUBCOMMAND [options]",
    subcommands: &[&APPROVE, &DENY],
    run: Some(certificate),
    ..Command::EMPTY
};

static APPROVE: Command = Command {
    name: "approve",
    short: "Approve a certificate signing request",
    long: "Approves requests for certificates.",
    usage: "(-f FILENAME | NAME) [options]",
    flags: &[builder::FILE_FLAGS, &[switch("force", "Change a decision that was made.")]],
    run: Some(no_signer),
    ..Command::EMPTY
};

static DENY: Command = Command {
    name: "deny",
    short: "Deny a certificate signing request",
    long: "Denies requests for certificates.",
    usage: "(-f FILENAME | NAME) [options]",
    flags: &[builder::FILE_FLAGS, &[switch("force", "Change a decision that was made.")]],
    run: Some(no_signer),
    ..Command::EMPTY
};

fn certificate(cx: &mut Context<'_>) -> Outcome {
    let found = crate::kubectl::tree::find(&["certificate".to_owned()])?;
    let text = crate::kubectl::help::command(&found);
    cx.out.out(&text);
    DONE
}

fn no_signer(cx: &mut Context<'_>) -> Outcome {
    if cx.session.flags.args.is_empty() {
        return Err(cx.usage("one or more CSRs must be specified as <name> or -f <filename>"));
    }
    let mut args = vec!["certificatesigningrequests".to_owned()];
    args.extend(cx.session.flags.args.clone());
    let built = builder::build(cx, &Query { args, ..Query::default() })?;
    let (_, failures) = builder::fetch(cx, &built);
    if failures.is_empty() {
        return Err(Failure::msg("nothing signs certificates in this cluster"));
    }
    Err(if failures.len() == 1 {
        failures.into_iter().next().unwrap_or(Failure::msg(""))
    } else {
        Failure::Many(failures)
    })
}

/// `kubectl completion`.
pub static COMPLETION: Command = Command {
    name: "completion",
    group: Group::Settings,
    short: "Print a script for completion with Tab",
    long: "On other machines this prints a script that teaches a shell to complete kubectl's words. Here Tab already does.",
    usage: "SHELL",
    run: Some(completion),
    ..Command::EMPTY
};

fn completion(cx: &mut Context<'_>) -> Outcome {
    match cx.session.flags.args.as_slice() {
        [] => Err(cx.usage("Shell not specified.")),
        [shell] if ["bash", "zsh", "fish", "powershell"].contains(&shell.as_str()) => {
            Err(Failure::msg("there is no script to load on this machine: Tab completes kubectl's words already"))
        }
        [shell] => Err(cx.usage(format!("Unsupported shell type \"{shell}\"."))),
        _ => Err(cx.usage("Too many arguments. Expected only the shell type.")),
    }
}

/// `kubectl plugin`.
pub static PLUGIN: Command = Command {
    name: "plugin",
    group: Group::Other,
    short: "List plugins",
    long: "Plugins are programs called kubectl-something on the path; this machine has none.",
    usage: "[flags] [options]",
    subcommands: &[&PLUGIN_LIST],
    run: Some(subcommand_missing),
    ..Command::EMPTY
};

static PLUGIN_LIST: Command = Command {
    name: "list",
    short: "List the plugins on the path",
    long: "Lists the plugins on the path.",
    usage: "[flags] [options]",
    flags: &[&[switch("name-only", "Names without their directories.")]],
    run: Some(|_| Err(Failure::msg("unable to find any kubectl plugins in your PATH"))),
    ..Command::EMPTY
};

/// `kubectl alpha`.
pub static ALPHA: Command = Command {
    name: "alpha",
    group: Group::Sub,
    short: "Commands for features in alpha",
    long: "There are none in this version.",
    usage: "[flags] [options]",
    run: Some(alpha),
    ..Command::EMPTY
};

fn alpha(cx: &mut Context<'_>) -> Outcome {
    cx.out.err_line("No alpha commands are available in this version of kubectl");
    Ok(Next::Exit(0))
}

/// `kubectl kustomize`.
pub static KUSTOMIZE: Command = Command {
    name: "kustomize",
    group: Group::Advanced,
    short: "Print what a kustomization makes",
    long: "Prints the objects that a directory with a kustomization makes.",
    usage: "DIR [flags] [options]",
    flags: &[&[text("output", "", "Where to write them.").short('o')]],
    run: Some(run_kustomize),
    ..Command::EMPTY
};

fn run_kustomize(cx: &mut Context<'_>) -> Outcome {
    let directory = match cx.session.flags.args.as_slice() {
        [] => ".".to_owned(),
        [directory] => directory.clone(),
        _ => return Err(Failure::msg("specify one path to kustomization.yaml")),
    };
    let documents: Vec<String> = kustomize::build(cx, &directory)?.iter().map(to_yaml).collect();
    cx.out.out(&documents.join("---\n"));
    DONE
}
