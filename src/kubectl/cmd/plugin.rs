//! `kubectl plugin`: programs called `kubectl-something` on the path, which `kubectl something` runs.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/plugin.

use crate::kubectl::failure::Failure;
use crate::kubectl::flags::switch;
use crate::kubectl::help::subcommand_missing;
use crate::kubectl::program::{Context, DONE, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group, find};
use crate::shell::program::{Pid, System, Wait};
use crate::text::go_number::quote;

/// The command.
pub static COMMAND: Command = Command {
    name: "plugin",
    group: Group::Other,
    short: "List plugins",
    long: "A program called kubectl-something on the path is run by kubectl something. It gets the other words of the line.",
    examples: &[("List the plugins", "kubectl plugin list")],
    usage: "[flags] [options]",
    subcommands: &[&LIST],
    run: Some(subcommand_missing),
    ..Command::EMPTY
};

static LIST: Command = Command {
    name: "list",
    short: "List the plugins on the path",
    long: "Lists every program on the path whose name starts with kubectl-.",
    examples: &[("List the plugins", "kubectl plugin list"), ("Their names alone", "kubectl plugin list --name-only")],
    usage: "[flags] [options]",
    flags: &[&[switch("name-only", "Names without their directories.")]],
    run: Some(list),
    ..Command::EMPTY
};

/// The directories of `PATH`, each once.
fn directories(system: &dyn System) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for directory in system.env("PATH").unwrap_or_default().split(':') {
        if !directory.trim().is_empty() && !all.iter().any(|known| known == directory) {
            all.push(directory.to_owned());
        }
    }
    all
}

fn list(cx: &mut Context<'_>) -> Outcome {
    let mut plugins: Vec<(String, String, bool)> = Vec::new();
    for directory in directories(cx.system) {
        let entries = match cx.system.read_dir(&directory) {
            Ok(entries) => entries,
            Err(errno) => {
                cx.out.err_line(&format!(
                    "Unable to read directory {} from your PATH: open {directory}: {}. Skipping...",
                    quote(&directory),
                    errno.message().to_lowercase()
                ));
                continue;
            }
        };
        let mut names: Vec<(String, bool)> = entries
            .into_iter()
            .filter(|entry| !entry.is_dir && entry.name.starts_with("kubectl-"))
            .map(|entry| (entry.name, entry.mode & 0o111 != 0))
            .collect();
        names.sort();
        plugins.extend(names.into_iter().map(|(name, runs)| (format!("{directory}/{name}"), name, runs)));
    }
    let mut errors = Vec::new();
    if plugins.is_empty() {
        errors.push("error: unable to find any kubectl plugins in your PATH".to_owned());
    } else {
        cx.out.out("The following compatible plugins are available:\n\n");
    }
    let mut warnings = 0;
    let mut seen: Vec<(String, String)> = Vec::new();
    for (path, name, runs) in plugins {
        cx.out.line(if cx.session.flags.on("name-only") { &name } else { &path });
        let mut told = Vec::new();
        if !runs {
            told.push(format!("warning: {path} identified as a kubectl plugin, but it is not executable"));
        }
        match seen.iter().find(|(known, _)| *known == name) {
            Some((_, first)) => {
                told.push(format!("warning: {path} is overshadowed by a similarly named plugin: {first}"));
            }
            None => seen.push((name.clone(), path.clone())),
        }
        let words: Vec<String> = name.split('-').skip(1).map(str::to_owned).collect();
        if let Ok(found) = find(&words)
            && found.path != "kubectl"
        {
            told.push(format!("warning: {name} overwrites existing command: {}", quote(&found.path)));
        }
        warnings += told.len();
        for one in told {
            cx.out.err_line(&format!("  - {one}"));
        }
    }
    match warnings {
        0 => {}
        1 => errors.push("error: one plugin warning was found".to_owned()),
        many => errors.push(format!("error: {many} plugin warnings were found")),
    }
    if errors.is_empty() { DONE } else { Err(Failure::Message(errors.join("\n") + "\n")) }
}

/// The plugin that a line names (its longest name first), with the words that it gets.
pub fn named(system: &dyn System, args: &[String]) -> Option<Vec<String>> {
    let words: Vec<&String> = args.iter().take_while(|word| !word.starts_with('-')).collect();
    let places = directories(system);
    for length in (1..=words.len()).rev() {
        let parts: Vec<String> = words.iter().take(length).map(|word| word.replace('-', "_")).collect();
        let name = format!("kubectl-{}", parts.join("-"));
        if name.contains('/') {
            continue;
        }
        let runs = |directory: &String| {
            system.file_info(&format!("{directory}/{name}")).ok().filter(|info| !info.is_dir && info.mode & 0o111 != 0)
        };
        if let Some(directory) = places.iter().find(|directory| runs(directory).is_some()) {
            let mut argv = vec![format!("{directory}/{name}")];
            argv.extend(args.iter().skip(length).cloned());
            return Some(argv);
        }
    }
    None
}

/// Runs a plugin; its end is kubectl's.
///
/// # Errors
/// A file that does not start.
pub fn run(cx: &mut Context<'_>, argv: &[String]) -> Outcome {
    let child = cx.system.spawn(argv).map_err(|errno| {
        Failure::msg(format!(
            "fork/exec {}: {}",
            argv.first().map_or("", String::as_str),
            errno.message().to_lowercase()
        ))
    })?;
    Ok(Next::Task(Box::new(Plugin(child))))
}

/// A plugin that runs.
#[derive(Clone, Debug)]
struct Plugin(Pid);

impl Task for Plugin {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        Ok(match cx.system.exit_code(self.0) {
            Some(code) => Progress::Next(Next::Exit(code)),
            None => Progress::Wait(Wait { child: Some(self.0), ..Wait::default() }),
        })
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
