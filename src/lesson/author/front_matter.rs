//! The lines between `---` and `---` at the top of a lesson. Knows no Markdown.

use serde::Deserialize;

use super::Reader;
use crate::lesson::model::File;
use crate::text::similar_names::nearest;

/// What an author may say about a lesson.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: String,
    description: String,
    minutes: u32,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "one_times")]
    speed: u32,
    /// Files of the lesson's folder, applied before the reader comes.
    #[serde(default)]
    manifests: Vec<String>,
    /// Images that every node has already.
    #[serde(default)]
    images: Vec<String>,
}

fn one() -> u64 {
    1
}

fn one_times() -> u32 {
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
        for name in front_matter.manifests {
            match self.source.files.get(&name) {
                Some(content) => self.lesson.manifests.push(File { name, content: content.clone() }),
                None => {
                    let folder = &self.source.name;
                    let message =
                        format!("`manifests` names `{name}`, but there is no such file in `lessons/{folder}`");
                    self.problem(key_line(text, "manifests"), message);
                }
            }
        }
        self.lesson.name = self.source.name.clone();
        self.lesson.title = front_matter.title;
        self.lesson.description = front_matter.description;
        self.lesson.minutes = front_matter.minutes;
        self.lesson.seed = front_matter.seed;
        self.lesson.speed = front_matter.speed;
        self.lesson.images = front_matter.images;
    }

    /// A problem of serde_yaml in our words, at the line of the file; `first_line` is the file's line of `text`'s first.
    pub(super) fn yaml_problem(&mut self, error: &serde_yaml::Error, text: &str, first_line: usize) {
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
            self.problem(line, format!("unknown key `{unknown}`; {advice}"));
            return;
        }
        let plain = message.split(" at line ").next().unwrap_or(&message);
        self.problem(located.unwrap_or(first_line), plain.replace("missing field", "there is no"));
    }
}

fn key_line(text: &str, key: &str) -> usize {
    text.lines().position(|line| line.starts_with(&format!("{key}:"))).map_or(2, |at| at + 2)
}
