//! `kubectl`, `kubectl help`, `--help`, `kubectl options`: made from the list of commands. Holds no prose of its own
//! about a command.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/util/templates.

use super::cmd::COMMANDS;
use super::flags::{Flag, GLOBAL, Kind};
use super::program::{Context, DONE, Next, Outcome};
use super::tree::{Command, Found, Group, ROOT, find};
use crate::shell::program::System;

const GROUPS: &[(Group, &str)] = &[
    (Group::Beginner, "Basic Commands (Beginner):"),
    (Group::Intermediate, "Basic Commands (Intermediate):"),
    (Group::Deploy, "Deploy Commands:"),
    (Group::Cluster, "Cluster Management Commands:"),
    (Group::Troubleshooting, "Troubleshooting and Debugging Commands:"),
    (Group::Advanced, "Advanced Commands:"),
    (Group::Settings, "Settings Commands:"),
    (Group::Other, "Other Commands:"),
];

/// The text of `kubectl` alone.
fn overview_text(system: &dyn System) -> String {
    let there =
        |command: &Command| command.unless.and_then(|name| system.env(name)).is_none_or(|value| value != "false");
    let mut out = format!("{}.\n\n{}\n\n", ROOT.short, ROOT.long);
    for (group, title) in GROUPS {
        out.push_str(title);
        out.push('\n');
        for command in COMMANDS.iter().filter(|command| command.group == *group && there(command)) {
            out.push_str(&format!("  {:<15} {}\n", command.name, command.short));
        }
        out.push('\n');
    }
    out.push_str("Usage:\n  kubectl [flags] [options]\n\nUse \"kubectl <command> --help\" for more information about a given command.\nUse \"kubectl options\" for a list of global command-line options (applies to all commands).\n");
    out
}

/// `kubectl` alone.
pub fn overview(cx: &mut Context<'_>) -> Outcome {
    let text = overview_text(cx.system);
    cx.out.out(&text);
    DONE
}

/// A command that only has commands below it, called alone or with a wrong one.
pub fn subcommand_missing(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    if !args.is_empty() {
        return Err(cx.usage(format!("unknown command \"{}\"", args.join(" "))));
    }
    let path: Vec<String> = cx.session.path.split(' ').skip(1).map(str::to_owned).collect();
    let found = find(&path)?;
    let text = command(&found);
    // The rollout command writes to standard output, all others to standard error.
    if cx.session.path == "kubectl rollout" {
        cx.out.out(&text)
    } else {
        cx.out.err(&text)
    }
    Ok(Next::Exit(1))
}

/// `kubectl help [COMMAND]`.
pub fn help(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    if args.is_empty() {
        return overview(cx);
    }
    match find(&args) {
        Ok(found) if found.path != "kubectl" => {
            let text = command(&found);
            cx.out.out(&text);
        }
        _ => {
            cx.out.err(&format!("Unknown help topic [`{}`]\n", args.join("` `")));
            let text = overview_text(cx.system);
            cx.out.err(&text);
        }
    }
    DONE
}

/// `kubectl options`.
pub fn options(cx: &mut Context<'_>) -> Outcome {
    cx.out.out("The following options can be passed to any command:\n\n");
    let all: String = GLOBAL.iter().map(flag_text).collect::<Vec<_>>().join("\n");
    cx.out.out(&all);
    DONE
}

/// What `--help` prints: the overview, or the help of a command.
pub fn asked(system: &dyn System, found: &Found) -> String {
    if found.path == ROOT.name { overview_text(system) } else { command(found) }
}

/// The help of one command.
pub fn command(found: &Found) -> String {
    let command = found.command;
    let mut out = format!("{}.\n", command.short);
    if command.long != command.short {
        out.push_str(&format!("\n {}\n", command.long));
    }
    if !command.aliases.is_empty() {
        out.push_str(&format!("\nAliases:\n{}, {}\n", command.name, command.aliases.join(", ")));
    }
    if !command.examples.is_empty() {
        out.push_str("\nExamples:\n");
        let examples: Vec<String> =
            command.examples.iter().map(|(comment, line)| format!("  # {comment}\n  {line}\n")).collect();
        out.push_str(&examples.join("  \n"));
    }
    if !command.subcommands.is_empty() {
        out.push_str("\nAvailable Commands:\n");
        let width = command.subcommands.iter().map(|sub| sub.name.len() + 2).max().unwrap_or(0).max(13);
        let mut sorted = command.subcommands.to_vec();
        sorted.sort_by_key(|sub| sub.name);
        for sub in sorted {
            out.push_str(&format!("  {:<width$} {}\n", sub.name, sub.short));
        }
    }
    let mut own: Vec<&Flag> =
        command.flags.iter().flat_map(|list| list.iter()).filter(|flag| flag.deprecated.is_none()).collect();
    own.sort_by_key(|flag| flag.name);
    if !own.is_empty() {
        out.push_str("\nOptions:\n");
        let texts: Vec<String> = own.into_iter().map(flag_text).collect();
        out.push_str(&texts.join("\n"));
    }
    out.push_str(&format!("\nUsage:\n  {} {}\n\n", found.path, command.usage));
    if !command.subcommands.is_empty() {
        out.push_str(&format!("Use \"{} <command> --help\" for more information about a given command.\n", found.path));
    }
    out.push_str("Use \"kubectl options\" for a list of global command-line options (applies to all commands).\n");
    out
}

/// A flag with its default, and below it what it does.
fn flag_text(flag: &Flag) -> String {
    let letter = flag.short.map_or(String::new(), |letter| format!("-{letter}, "));
    let default = match flag.kind {
        Kind::Str => format!("'{}'", flag.default),
        Kind::Array | Kind::Slice | Kind::Map => format!("[{}]", flag.default),
        _ => flag.default.to_owned(),
    };
    format!("    {letter}--{}={default}:\n\t{}\n", flag.name, flag.help)
}
