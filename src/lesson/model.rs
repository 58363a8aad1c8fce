//! A lesson as the page reads it: what its cluster starts with and what its steps look for. Holds no prose.

use serde::{Deserialize, Serialize};

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
    /// How long a reader needs.
    pub minutes: u32,
    /// The seed of its cluster.
    pub seed: u64,
    /// How fast its time runs at first: 1, 10 or 60.
    pub speed: u32,
    /// Images that every node has from the start.
    pub images: Vec<String>,
    /// Manifests applied before the reader comes, in this order.
    pub manifests: Vec<File>,
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
}
