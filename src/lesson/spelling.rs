//! How words of Kubernetes and of kubectl are spelled in a lesson: kinds in the text, commands, flags and resources in
//! what looks like a kubectl command. Knows none of these words itself; it asks the kubectl of a rehearsal for them.

use std::collections::BTreeMap;

use super::author::{Document, Problem};
use super::model::Step;
use super::trial::Trial;
use crate::text::similar_names::nearest;

/// Commands whose first word is a resource or `resource/name`.
const OF_RESOURCES: [&str; 9] = ["get", "describe", "delete", "edit", "explain", "label", "annotate", "patch", "wait"];
/// Asking for help takes no time.
const LIMIT: f64 = 10.0;

/// The words of a cluster and its kubectl.
#[derive(Debug, Default)]
pub struct Vocabulary {
    kinds: Vec<String>,
    resources: Vec<String>,
    commands: Vec<String>,
    global: Flags,
    /// What each command takes, learnt when it is first met.
    flags: BTreeMap<String, Flags>,
}

/// Flags by name, and whether each takes a value.
type Flags = BTreeMap<String, bool>;

impl Vocabulary {
    /// Asks a kubectl for its words.
    pub fn learn(trial: &mut dyn Trial) -> Self {
        let mut vocabulary = Self::default();
        let table = trial.run("kubectl api-resources --no-headers", LIMIT).stdout;
        for words in table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()) {
            let (Some(resource), Some(kind)) = (words.first(), words.last()) else { continue };
            vocabulary.kinds.push((*kind).to_owned());
            vocabulary.resources.extend([(*resource).to_owned(), kind.to_lowercase()]);
            let short = words.get(1).filter(|_| words.len() == 5);
            vocabulary.resources.extend(short.into_iter().flat_map(|names| names.split(',')).map(str::to_owned));
        }
        vocabulary.resources.push("all".to_owned());
        let help = trial.run("kubectl --help", LIMIT).stdout;
        let named = help.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        vocabulary.commands = named.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
        vocabulary.commands.push("options".to_owned());
        vocabulary.global = flags(&trial.run("kubectl options", LIMIT).stdout);
        vocabulary
    }

    /// What is spelled wrongly in a lesson.
    pub fn check(&mut self, document: &Document, trial: &mut dyn Trial) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |line, message| problems.push(Problem { file: document.path.clone(), line, message });
        for (line, text) in &document.words.prose {
            for (wrong, right) in self.kinds_in(text) {
                problem(*line, format!("the kind `{wrong}` is spelled `{right}`"));
            }
        }
        for (line, name) in &document.words.kinds {
            if !self.kinds.contains(name)
                && let Some(right) = nearest(name, self.kinds.iter().map(String::as_str))
            {
                problem(*line, format!("there is no kind `{name}`; did you mean `{right}`?"));
            }
        }
        for resource in document.lesson.steps.iter().flat_map(Step::resources) {
            if let Some(message) = self.resource(resource) {
                problem(document.line_with(&format!("resource: {resource}")), message);
            }
        }
        for (line, command) in &document.words.commands {
            if let Some(message) = self.command(command, trial) {
                problem(*line, message);
            }
        }
        problems
    }

    /// Kinds of several words, such as `CronJob`, that are written otherwise. `job`, `node` and `event` are words of
    /// the language too.
    fn kinds_in(&self, text: &str) -> Vec<(String, String)> {
        let several = |kind: &&String| kind.chars().filter(|c| c.is_uppercase()).count() > 1;
        let mut found = Vec::new();
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            let lower = word.to_lowercase();
            let kind = self.kinds.iter().filter(several).find(|kind| {
                let kind = kind.to_lowercase();
                lower == kind || lower.strip_suffix('s') == Some(&kind) || lower.strip_suffix("es") == Some(&kind)
            });
            if let Some(kind) = kind.filter(|kind| !word.starts_with(kind.as_str())) {
                let ending = lower.get(kind.len()..).unwrap_or_default();
                found.push((word.to_owned(), format!("{kind}{ending}")));
            }
        }
        found
    }

    /// What is wrong with a kubectl command.
    fn command(&mut self, command: &str, trial: &mut dyn Trial) -> Option<String> {
        let ends = |word: &&str| ["|", "||", "&&", ";", ">", ">>", "<", "--", "&"].contains(word);
        let words: Vec<&str> = command.split_whitespace().skip(1).take_while(|word| !ends(word)).collect();
        let placeholder = |word: &str| word.chars().next().is_none_or(|c| !c.is_ascii_lowercase());
        let (name, mut rest) = words.split_first()?;
        if placeholder(name) {
            return None;
        }
        if !self.commands.iter().any(|known| known == name) {
            let advice = nearest(name, self.commands.iter().map(String::as_str));
            let advice = advice.map(|meant| format!("; did you mean `kubectl {meant}`?")).unwrap_or_default();
            return Some(format!("kubectl has no command `{name}`{advice}"));
        }
        let mut full = (*name).to_owned();
        // `rollout status`, `create secret generic`: a word belongs to the command when that has a help of its own.
        while let Some((next, after)) = rest.split_first().filter(|(next, _)| !placeholder(next)) {
            let longer = format!("{full} {next}");
            let own = !OF_RESOURCES.contains(name) && !self.takes(&longer, trial).is_empty();
            let same = self.flags.get(&full).is_some_and(|flags| Some(flags) == self.flags.get(&longer));
            if !own || same {
                break;
            }
            full = longer;
            rest = after;
        }
        let known = self.takes(&full, trial).clone();
        let mut operands = Vec::new();
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            let flag = word.trim_start_matches(['[', '(']);
            let Some(name) = flag.strip_prefix("--").or_else(|| flag.strip_prefix('-')).filter(|name| !name.is_empty())
            else {
                operands.push(*word);
                continue;
            };
            let (name, valued) = name.split_once('=').map_or((name, false), |(name, _)| (name, true));
            // `-n5`, `-it`: short flags stand together with their value or with others.
            let name = if flag.starts_with("--") { name } else { name.get(..1).unwrap_or(name) };
            match known.get(name).or_else(|| self.global.get(name)) {
                Some(true) if !valued && (flag.starts_with("--") || flag.len() == 2) => drop(words.next()),
                Some(_) => {}
                None => {
                    let all = known.keys().chain(self.global.keys()).filter(|name| name.len() > 1);
                    let advice = nearest(name, all.map(String::as_str)).filter(|_| flag.starts_with("--"));
                    let advice = advice.map(|meant| format!("; did you mean `--{meant}`?")).unwrap_or_default();
                    return Some(format!("`kubectl {full}` has no flag `{word}`{advice}"));
                }
            }
        }
        let first = operands.first().filter(|word| OF_RESOURCES.contains(name) && !placeholder(word))?;
        first.split(',').find_map(|part| self.resource(part))
    }

    fn resource(&self, word: &str) -> Option<String> {
        let word = word.split(['/', '.']).next().unwrap_or(word);
        let lower = word.trim_end_matches([')', ']', ',']).to_lowercase();
        if lower.is_empty() || self.resources.contains(&lower) {
            return None;
        }
        let advice = nearest(&lower, self.resources.iter().map(String::as_str));
        let advice = advice.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        Some(format!("the server has no resource `{word}`{advice}"))
    }

    fn takes(&mut self, command: &str, trial: &mut dyn Trial) -> &Flags {
        self.flags.entry(command.to_owned()).or_insert_with(|| {
            let outcome = trial.run(&format!("kubectl {command} --help"), LIMIT);
            if outcome.exit == 0 { flags(&outcome.stdout) } else { Flags::new() }
        })
    }
}

/// Reads the options of a help text: `    -o, --output='':` takes a value, `        --watch=false:` does not.
fn flags(help: &str) -> Flags {
    let mut found = Flags::new();
    for line in help.lines().filter(|line| line.starts_with("    ") && line.trim_end().ends_with(':')) {
        let (short, long) = match line.trim().split_once(", ") {
            Some((short, long)) => (Some(short), long),
            None => (None, line.trim()),
        };
        let Some((name, default)) = long.strip_prefix("--").and_then(|long| long.split_once('=')) else { continue };
        let valued = !matches!(default, "false:" | "true:");
        found.insert(name.to_owned(), valued);
        if let Some(short) = short.and_then(|short| short.strip_prefix('-')) {
            found.insert(short.to_owned(), valued);
        }
    }
    // Every command explains itself.
    found.insert("help".to_owned(), false);
    found.insert("h".to_owned(), false);
    found
}
