//! The lines between `---` and `---` at the top of a lesson. Knows no Markdown.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Reader;
use crate::lesson::model::File;
use crate::text::duration::parse_go_duration;
use crate::text::similar_names::nearest;

/// What an author may say about a lesson.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: String,
    description: String,
    minutes: u32,
    #[serde(default)]
    chapter: String,
    /// The day of the last change.
    #[serde(default)]
    updated: String,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "one_times")]
    speed: u32,
    #[serde(default = "one_worker")]
    workers: u8,
    /// Files of the lesson's folder that lie in the home directory.
    #[serde(default)]
    files: Vec<String>,
    /// Files of the lesson's folder, applied before the reader comes.
    #[serde(default)]
    manifests: Vec<String>,
    /// Commands run after that.
    #[serde(default)]
    setup: Vec<String>,
    /// How long that has to work before the reader comes, such as `30s`.
    settle: Option<String>,
    /// Images that every node has already.
    #[serde(default)]
    images: Vec<String>,
    /// Images of this lesson: name and script.
    #[serde(default)]
    scripts: BTreeMap<String, String>,
}

/// What a lesson may start with is bounded: its cluster comes up before the page can be used.
const MOST_WORKERS: u8 = 5;
const LONGEST_SETTLE: u32 = 3_600;

fn one() -> u64 {
    1
}

fn one_times() -> u32 {
    1
}

fn one_worker() -> u8 {
    1
}

/// The front matter, the rest, and the line at which the rest starts.
pub(super) fn split(text: &str) -> (Option<&str>, &str, usize) {
    let Some(rest) = text.strip_prefix("---\n") else { return (None, text, 1) };
    let Some(end) = rest.find("\n---\n") else { return (None, text, 1) };
    let (front_matter, body) = rest.split_at(end + 1);
    let body = body.strip_prefix("---\n").unwrap_or(body);
    (Some(front_matter), body, front_matter.matches('\n').count() + 3)
}

impl Reader<'_> {
    pub(super) fn front_matter(&mut self, text: &str) {
        let front_matter: FrontMatter = match serde_yaml::from_str(text) {
            Ok(front_matter) => front_matter,
            Err(error) => {
                self.yaml_problem(&error, text, 2);
                return;
            }
        };
        if !matches!(front_matter.speed, 1 | 10 | 60) {
            self.problem(key_line(text, "speed"), "`speed` is 1, 10 or 60");
        }
        if front_matter.minutes == 0 {
            self.problem(key_line(text, "minutes"), "`minutes` is how long a reader needs, 1 at least");
        }
        if !(1..=MOST_WORKERS).contains(&front_matter.workers) {
            self.problem(key_line(text, "workers"), format!("`workers` is 1 to {MOST_WORKERS} nodes"));
        }
        if !front_matter.updated.is_empty() && !is_day(&front_matter.updated) {
            self.problem(key_line(text, "updated"), "`updated` is a day such as `updated: 2026-11-25`");
        }
        let settle = front_matter.settle.as_deref().map_or(Some(0), whole_seconds);
        if settle.is_none() {
            let message = "`settle` is a time up to an hour, such as `settle: 30s`";
            self.problem(key_line(text, "settle"), message);
        }
        for (key, image) in front_matter
            .images
            .iter()
            .map(|image| ("images", image))
            .chain(front_matter.scripts.keys().map(|image| ("scripts", image)))
        {
            if image.is_empty() || image.contains(char::is_whitespace) || image.chars().any(char::is_uppercase) {
                let message = format!("`{image}` names no image; write one such as `busybox:1.36`");
                self.problem(key_line(text, key), message);
            }
        }
        self.lesson.manifests = self.of_folder(text, "manifests", front_matter.manifests);
        self.lesson.home = self.of_folder(text, "files", front_matter.files);
        self.lesson.name = self.source.name.clone();
        self.lesson.title = front_matter.title;
        self.lesson.description = front_matter.description;
        self.lesson.chapter = front_matter.chapter;
        self.lesson.updated = front_matter.updated;
        self.lesson.minutes = front_matter.minutes;
        self.lesson.seed = front_matter.seed;
        self.lesson.speed = front_matter.speed;
        self.lesson.workers = front_matter.workers;
        self.lesson.images = front_matter.images;
        let script = |(name, content)| File { name, content };
        self.lesson.scripts = front_matter.scripts.into_iter().map(script).collect();
        self.lesson.setup = front_matter.setup;
        self.lesson.settle = settle.unwrap_or_default();
    }

    /// Files of the lesson's folder that a key names.
    fn of_folder(&mut self, text: &str, key: &str, names: Vec<String>) -> Vec<File> {
        let mut files = Vec::new();
        for name in names {
            if let Some(content) = self.source.files.get(&name) {
                files.push(File { name, content: content.clone() });
                continue;
            }
            let advice = match nearest(&name, self.source.files.keys().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("put it into `{}`, beside `lesson.md`", self.source.name),
            };
            self.problem(key_line(text, key), format!("`{key}` names `{name}`, which is not there; {advice}"));
        }
        files
    }

    /// A problem of serde_yaml in our words, at the line of the file; `first_line` is the file's line of `text`'s first.
    pub(super) fn yaml_problem(&mut self, error: &serde_yaml::Error, text: &str, first_line: usize) {
        let (line, message) = yaml_message(error, text, first_line);
        self.problem(line, message);
    }
}

/// What is wrong with YAML, in our words: the line of the file and the message.
pub(super) fn yaml_message(error: &serde_yaml::Error, text: &str, first_line: usize) -> (usize, String) {
    let message = error.to_string();
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let named_line = |name: &str| {
        let stands = |line: &str| line.trim_start_matches([' ', '-']).starts_with(&format!("{name}:"));
        text.lines().position(stands).map(|at| first_line + at)
    };
    let located = error.location().map(|at| first_line + at.line() - 1);
    if let Some((unknown, known)) = names.split_first().filter(|_| message.contains("unknown field")) {
        let advice = match nearest(unknown, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the keys here are `{}`", known.join("`, `")),
        };
        let line = named_line(unknown).or(located).unwrap_or(first_line);
        return (line, format!("unknown key `{unknown}`; {advice}"));
    }
    let plain = message.split(" at line ").next().unwrap_or(&message);
    (located.unwrap_or(first_line), plain.replace("missing field", "there is no"))
}

fn is_day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
}

fn whole_seconds(text: &str) -> Option<u32> {
    let seconds = parse_go_duration(text).ok()? / 1_000_000_000;
    u32::try_from(seconds).ok().filter(|seconds| *seconds <= LONGEST_SETTLE)
}

fn key_line(text: &str, key: &str) -> usize {
    text.lines().position(|line| line.starts_with(&format!("{key}:"))).map_or(2, |at| at + 2)
}
