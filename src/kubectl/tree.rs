//! The tree of commands: what a command is, how a line finds its command, what is suggested when it finds none.
//!
//! Models spf13/cobra (`Find`, `legacyArgs`, `SuggestionsFor`) as Kubernetes 1.36 uses it.

use super::cmd::COMMANDS;
use super::failure::Failure;
use super::flags::{Flag, GLOBAL};
use super::program::{Context, Outcome};
use crate::text::go_number::quote;

/// Where a command stands in the overview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Basic Commands (Beginner).
    Beginner,
    /// Basic Commands (Intermediate).
    Intermediate,
    /// Deploy Commands.
    Deploy,
    /// Cluster Management Commands.
    Cluster,
    /// Troubleshooting and Debugging Commands.
    Troubleshooting,
    /// Advanced Commands.
    Advanced,
    /// Settings Commands.
    Settings,
    /// Other Commands.
    Other,
    /// A command below another.
    Sub,
}

/// One command.
#[derive(Debug)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// Wrong names for which it is suggested.
    pub suggest_for: &'static [&'static str],
    /// Where it stands in the overview.
    pub group: Group,
    /// One line, without a full stop.
    pub short: &'static str,
    /// A paragraph or two.
    pub long: &'static str,
    /// `(comment, line)` pairs that run.
    pub examples: &'static [(&'static str, &'static str)],
    /// What follows the path in the usage line.
    pub usage: &'static str,
    /// Lists of its flags, beside the global ones.
    pub flags: &'static [&'static [Flag]],
    /// Flags that it has only while an environment variable is `true`.
    pub gated: &'static [(&'static str, Flag)],
    /// How often upstream's command asks a server for what it has before it gives up on one that is not there.
    pub asks: usize,
    /// The environment variable that takes the command away when it is `false`.
    pub unless: Option<&'static str>,
    /// Commands below it.
    pub subcommands: &'static [&'static Command],
    /// Whether a flag that is wrong ends it with 2, for commands whose 1 says something else.
    pub exits_with_two: bool,
    /// What it does; `None` prints the help.
    pub run: Option<fn(&mut Context<'_>) -> Outcome>,
}

impl Command {
    /// A command to fill in.
    pub const EMPTY: Command = Command {
        name: "",
        aliases: &[],
        suggest_for: &[],
        group: Group::Sub,
        short: "",
        long: "",
        examples: &[],
        usage: "",
        flags: &[],
        gated: &[],
        asks: 5,
        unless: None,
        subcommands: &[],
        exits_with_two: false,
        run: None,
    };

    /// Its own flags and the global ones.
    pub fn all_flags(&self) -> Vec<Flag> {
        let mut all: Vec<Flag> = self.flags.iter().flat_map(|list| list.iter().copied()).collect();
        for flag in GLOBAL {
            if !all.iter().any(|own| own.name == flag.name) {
                all.push(*flag);
            }
        }
        // A letter that the command uses for itself hides the global one.
        let own: Vec<char> = self.flags.iter().flat_map(|list| list.iter()).filter_map(|flag| flag.short).collect();
        for flag in all.iter_mut().filter(|flag| GLOBAL.iter().any(|global| global.name == flag.name)) {
            let is_own = self.flags.iter().any(|list| list.iter().any(|mine| mine.name == flag.name));
            if !is_own && flag.short.is_some_and(|letter| own.contains(&letter)) {
                flag.short = None;
            }
        }
        all
    }

    fn is_called(&self, word: &str) -> bool {
        self.name == word || self.aliases.contains(&word)
    }
}

/// A command that a line names.
#[derive(Debug)]
pub struct Found {
    /// The command.
    pub command: &'static Command,
    /// The command of the overview that it is, or that it stands below.
    pub top: &'static Command,
    /// Its path, such as `kubectl create job`.
    pub path: String,
    /// The words of the line without those that named the command.
    pub words: Vec<String>,
}

/// kubectl itself.
pub static ROOT: Command = Command {
    name: "kubectl",
    short: "Controls a Kubernetes cluster",
    long: "kubectl talks to a Kubernetes cluster's API server: it shows, creates, changes and deletes what the cluster holds.",
    usage: "[flags] [options]",
    subcommands: COMMANDS,
    run: Some(super::help::overview),
    ..Command::EMPTY
};

/// The command a line names.
///
/// # Errors
/// `unknown command "x" for "kubectl"`, with suggestions.
pub fn find(args: &[String]) -> Result<Found, Failure> {
    let found = below(Found { command: &ROOT, top: &ROOT, path: ROOT.name.to_owned(), words: args.to_vec() });
    match first_argument(&found.words, found.command).and_then(|position| found.words.get(position)) {
        Some(word) if found.path == ROOT.name => Err(unknown(word)),
        _ => Ok(found),
    }
}

/// The command that the words name, at or below the one that was found.
pub fn below(mut found: Found) -> Found {
    loop {
        let Some(position) = first_argument(&found.words, found.command) else { return found };
        let word = found.words.get(position).cloned().unwrap_or_default();
        match found.command.subcommands.iter().find(|command| command.is_called(&word)) {
            Some(command) => {
                found.words.remove(position);
                if std::ptr::eq(found.top, &ROOT) {
                    found.top = command;
                }
                found.command = command;
                found.path = format!("{} {}", found.path, command.name);
            }
            None => return found,
        }
    }
}

/// The position of the first word that is neither a flag nor a flag's value.
fn first_argument(words: &[String], command: &Command) -> Option<usize> {
    let flags = command.all_flags();
    let mut position = 0;
    while let Some(word) = words.get(position) {
        if word == "--" {
            return None;
        }
        let takes_next = if let Some(long) = word.strip_prefix("--") {
            !long.contains('=')
                && flags.iter().find(|flag| flag.name == long).is_none_or(|flag| flag.bare.is_none())
                && long != "help"
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut chars = letters.chars();
            let letter = chars.next();
            chars.next().is_none()
                && letter != Some('h')
                && flags.iter().find(|flag| flag.short == letter).is_none_or(|flag| flag.bare.is_none())
        } else {
            return Some(position);
        };
        position += if takes_next { 2 } else { 1 };
    }
    None
}

/// What is said of a word that names no command.
pub fn unknown(word: &str) -> Failure {
    let mut text = format!("unknown command {} for \"kubectl\"", quote(word));
    // A command that is taken away is not near to its own name.
    let near: Vec<&str> = suggestions(word).into_iter().filter(|name| *name != word).collect();
    if !near.is_empty() {
        text.push_str("\n\nDid you mean this?\n");
        for name in near {
            text.push_str(&format!("\t{name}\n"));
        }
    }
    Failure::Message(text)
}

/// The commands whose name is near to a wrong word, in the order of the list.
pub fn suggestions(word: &str) -> Vec<&'static str> {
    let lower = word.to_lowercase();
    COMMANDS
        .iter()
        .filter(|command| {
            command.name != "help" && distance(&lower, command.name) <= 2
                || command.name.starts_with(&lower)
                || command.suggest_for.iter().any(|wrong| wrong.eq_ignore_ascii_case(word))
        })
        .map(|command| command.name)
        .collect()
}

/// How many letters have to be added, dropped or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX - 1);
            let best = (at(&row, j) + usize::from(a != *b)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            next.push(best);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_command_is_found_behind_global_flags() {
        let found = find(&words("-n kube-system create job x --image=a")).unwrap();
        assert_eq!(found.path, "kubectl create job");
        assert_eq!(found.words, ["-n", "kube-system", "x", "--image=a"]);
    }

    #[test]
    fn near_names_are_suggested_in_kubectls_order() {
        assert_eq!(suggestions("gett"), ["set", "get"]);
        assert_eq!(suggestions("crate"), ["create"]);
        assert_eq!(suggestions("list"), ["get"]);
        assert_eq!(suggestions("jobs"), ["logs"]);
        assert_eq!(suggestions("job"), ["top"]);
        assert_eq!(suggestions("hello"), Vec::<&str>::new());
    }
}
