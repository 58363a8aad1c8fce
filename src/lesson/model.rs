//! A lesson as the page reads it: what its cluster starts with and what its steps look for. Holds no prose.

use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::check::Check;

/// The data of a lesson, embedded in its page as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// The name of its folder, such as `01-what-is-a-job`.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// One or two sentences.
    pub description: String,
    /// The id of its chapter in `course.yaml`; empty in a course without chapters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chapter: String,
    /// The day of its last change, such as `2026-11-25`; empty when nobody says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub updated: String,
    /// How long a reader needs.
    pub minutes: u32,
    /// The seed of its cluster.
    pub seed: u64,
    /// How fast its time runs at first: 1, 10 or 60.
    pub speed: u32,
    /// How many nodes there are besides that of the control plane.
    pub workers: u8,
    /// Images that every node has from the start.
    pub images: Vec<String>,
    /// Images that exist in this lesson alone: a name each, and the script that its containers run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<File>,
    /// Files that lie in the home directory when the reader comes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub home: Vec<File>,
    /// Manifests applied before the reader comes, in this order.
    pub manifests: Vec<File>,
    /// Commands run after that, and before the reader comes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<String>,
    /// Seconds that pass then, before the reader comes.
    #[serde(default)]
    pub settle: u32,
    /// Files that the text offers to insert.
    pub files: Vec<File>,
    /// Its steps, in the order of the text.
    pub steps: Vec<Step>,
}

/// A text file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its text.
    pub content: String,
}

/// Something to bring about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Names it; unique in its lesson.
    pub id: String,
    /// What to do, without markup.
    pub text: String,
    /// The step that has to be ticked before this one is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What the cluster looks like when it is done: all of them.
    pub checks: Vec<Check>,
    /// What is tried on a copy of the cluster once they all hold, and has to come out well.
    #[serde(default, rename = "try", skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

impl Step {
    /// The plural names of all that it looks at.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        let tried = self.attempt.iter().flat_map(|attempt| &attempt.checks);
        self.checks.iter().chain(tried).map(|check| check.resource.as_str())
    }
}
