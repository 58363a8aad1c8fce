//! The commands of kubectl, a file each. `COMMANDS` is the one list; its order is that of the overview.

mod apply;
mod auth;
mod certificate;
mod cluster_info;
mod completion;
mod config;
mod cp;
mod create;
mod debug;
mod delete;
mod describe;
mod diff;
mod discovery;
mod drain;
mod edit;
mod events;
mod exec;
mod explain;
mod expose;
mod get;
mod kuberc;
mod kustomize;
mod labels;
mod logs;
mod patch;
pub mod plugin;
mod port_forward;
mod proxy;
mod replace;
mod rollout;
mod run;
mod scale;
mod set;
mod taint;
mod top;
mod wait;
mod words;

use super::tree::Command;

/// Every command.
pub static COMMANDS: &[&Command] = &[
    &create::COMMAND,
    &expose::EXPOSE,
    &run::COMMAND,
    &set::COMMAND,
    &explain::COMMAND,
    &get::COMMAND,
    &edit::COMMAND,
    &delete::COMMAND,
    &rollout::COMMAND,
    &scale::COMMAND,
    &expose::AUTOSCALE,
    &certificate::COMMAND,
    &cluster_info::COMMAND,
    &top::COMMAND,
    &drain::CORDON,
    &drain::UNCORDON,
    &drain::DRAIN,
    &taint::COMMAND,
    &describe::COMMAND,
    &logs::COMMAND,
    &exec::ATTACH,
    &exec::EXEC,
    &port_forward::COMMAND,
    &proxy::COMMAND,
    &cp::COMMAND,
    &auth::COMMAND,
    &debug::COMMAND,
    &events::COMMAND,
    &diff::COMMAND,
    &apply::COMMAND,
    &patch::COMMAND,
    &replace::COMMAND,
    &wait::COMMAND,
    &kustomize::COMMAND,
    &labels::LABEL,
    &labels::ANNOTATE,
    &completion::COMMAND,
    &discovery::API_RESOURCES,
    &discovery::API_VERSIONS,
    &config::COMMAND,
    &kuberc::COMMAND,
    &plugin::COMMAND,
    &discovery::VERSION_COMMAND,
    &words::ALPHA,
    &words::HELP,
    &words::OPTIONS,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::kubectl::flags::parse;
    use crate::kubectl::tree::find;

    /// The kubectl calls of an example, each as the words a shell would give it.
    fn calls(line: &str) -> Vec<Vec<String>> {
        let mut calls = vec![vec![String::new()]];
        let mut quoted = None;
        for c in line.chars() {
            let Some(call) = calls.last_mut() else { continue };
            match (quoted, c) {
                (Some(mark), c) if c == mark => quoted = None,
                (None, '\'' | '"') => quoted = Some(c),
                (None, '|' | ';' | '&') => calls.push(vec![String::new()]),
                (None, ' ') => call.push(String::new()),
                (_, c) => call.iter_mut().last().into_iter().for_each(|word| word.push(c)),
            }
        }
        let plain = |call: Vec<String>| -> Vec<String> {
            let words = call.into_iter().filter(|word| !word.is_empty());
            let named = words.skip_while(|word| word.contains('=') && !word.starts_with('-'));
            named.take_while(|word| word != ">").collect()
        };
        calls.into_iter().map(plain).filter(|call| call.first().is_some_and(|word| word == "kubectl")).collect()
    }

    fn walk(path: &str, commands: &[&'static Command]) {
        let mut names = BTreeSet::new();
        for command in commands {
            let here = format!("{path} {}", command.name);
            for name in command.aliases.iter().chain([&command.name]) {
                assert!(names.insert(*name), "{here}: the name {name} is taken");
            }
            assert!(!command.short.is_empty() && !command.short.ends_with('.'), "{here}: one line without a full stop");
            assert!(!command.long.is_empty() && !command.usage.is_empty(), "{here}: help is missing");
            assert!(command.run.is_some(), "{here}: does nothing");
            let flags = command.all_flags();
            let mut seen = BTreeSet::new();
            for flag in &flags {
                assert!(seen.insert(flag.name), "{here}: --{} is declared twice", flag.name);
                assert!(flag.help.ends_with('.'), "{here}: --{} lacks a sentence", flag.name);
                if let Some(letter) = flag.short {
                    let twice = flags.iter().filter(|other| other.short == Some(letter)).count();
                    assert_eq!(twice, 1, "{here}: -{letter} is declared twice");
                }
            }
            for (_, line) in command.examples {
                let mut own = false;
                for words in calls(line) {
                    let found = find(&words[1..]).unwrap_or_else(|failure| panic!("{line}: {}", failure.text()));
                    own |= found.path.starts_with(&here);
                    let parsed = parse(&found.words, found.command.all_flags());
                    assert!(parsed.is_ok(), "{line}: {parsed:?}");
                }
                assert!(own, "{here}: the example runs another command: {line}");
            }
            walk(&here, command.subcommands);
        }
    }

    #[test]
    fn every_command_has_help_unique_names_and_examples_that_parse() {
        walk("kubectl", COMMANDS);
    }
}
