//! `course.yaml`: what the lessons of a folder have in common. Optional; without one a folder is a course all the same.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Document, Problem, front_matter};
use crate::text::similar_names::nearest;

/// A course.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// Its name.
    pub title: String,
    /// A sentence about it.
    pub description: String,
    /// Title and description in other languages.
    #[serde(default)]
    pub translations: BTreeMap<String, Told>,
    /// Where it will be published; without it there is neither sitemap nor feed.
    #[serde(default)]
    pub url: String,
    /// Where changes can be suggested: the folder of the lessons in a repository's web editor.
    #[serde(default)]
    pub edit: String,
    /// Its chapters, in order.
    #[serde(default)]
    pub chapters: Vec<Chapter>,
    /// Hosts that lessons may link to; what lies below them is allowed too.
    #[serde(default = "kubernetes")]
    pub hosts: Vec<String>,
}

/// A chapter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// What lessons write as their `chapter`.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// A sentence about it.
    pub description: String,
    /// Title and description in other languages.
    #[serde(default)]
    pub translations: BTreeMap<String, Told>,
}

/// A title and a description in another language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The title.
    pub title: String,
    /// The description.
    pub description: String,
}

fn kubernetes() -> Vec<String> {
    vec!["kubernetes.io".to_owned()]
}

impl Default for Course {
    fn default() -> Self {
        Self {
            title: "Tabernetes".to_owned(),
            description: "Learn Kubernetes in this tab: read, type real commands, and watch what they do.".to_owned(),
            translations: BTreeMap::new(),
            url: String::new(),
            edit: String::new(),
            chapters: Vec::new(),
            hosts: kubernetes(),
        }
    }
}

impl Course {
    /// Reads `course.yaml`; `path` is how messages name it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(path: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let problem = |line, message: String| Problem { file: path.to_owned(), line, message };
        let course: Self = serde_yaml::from_str(text).map_err(|error| {
            let (line, message) = front_matter::yaml_message(&error, text, 1);
            vec![problem(line, message)]
        })?;
        let line_of = |word: &str| text.lines().position(|line| line.contains(word)).map_or(1, |at| at + 1);
        let mut problems = Vec::new();
        for (key, url) in [("url", &course.url), ("edit", &course.edit)] {
            let whole = url.starts_with("https://") && url.ends_with('/');
            if !whole && !url.is_empty() {
                let message = format!("`{key}` starts with `https://` and ends with `/`");
                problems.push(problem(line_of(&format!("{key}:")), message));
            }
        }
        for (at, chapter) in course.chapters.iter().enumerate() {
            if course.chapters.iter().take(at).any(|other| other.id == chapter.id) {
                let message = format!("two chapters have the id `{}`; give each its own", chapter.id);
                let stands = |line: &str| line.contains(&format!("id: {}", chapter.id));
                let line = text.lines().collect::<Vec<_>>().iter().rposition(|line| stands(line));
                problems.push(problem(line.map_or(1, |at| at + 1), message));
            }
        }
        if problems.is_empty() { Ok(course) } else { Err(problems) }
    }

    /// The course as it is told in a language; what is not translated stays as it is.
    pub fn in_language(&self, language: &str) -> Self {
        let mut course = self.clone();
        if let Some(told) = self.translations.get(language) {
            (course.title, course.description) = (told.title.clone(), told.description.clone());
        }
        for chapter in &mut course.chapters {
            if let Some(told) = chapter.translations.get(language).cloned() {
                (chapter.title, chapter.description) = (told.title, told.description);
            }
        }
        course
    }

    /// Where a chapter stands; what has none stands behind all of them.
    pub fn place(&self, chapter: &str) -> usize {
        self.chapters.iter().position(|known| known.id == chapter).unwrap_or(self.chapters.len())
    }

    /// What is wrong with the chapter of a lesson.
    pub fn misplaced(&self, document: &Document) -> Option<Problem> {
        let chapter = &document.lesson.chapter;
        let known = || self.chapters.iter().map(|chapter| chapter.id.as_str());
        let message = if known().any(|id| id == chapter) || (self.chapters.is_empty() && chapter.is_empty()) {
            return None;
        } else if let Some(meant) = nearest(chapter, known()) {
            format!("`course.yaml` has no chapter `{chapter}`; did you mean `{meant}`?")
        } else if self.chapters.is_empty() {
            format!(
                "there is no chapter `{chapter}`: the course has no `chapters`; add a `course.yaml` that lists them"
            )
        } else {
            format!("`chapter` is one of `{}`", known().collect::<Vec<_>>().join("`, `"))
        };
        Some(Problem { file: document.path.clone(), line: document.line_of("chapter"), message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_is_read_strictly() {
        let wrong = |text: &str| {
            Course::read("course.yaml", text)
                .unwrap_err()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        };
        let start = "title: T\ndescription: D\n";
        assert!(Course::read("course.yaml", start).is_ok());
        assert_eq!(wrong("title: T\n"), "course.yaml:1: there is no `description`");
        assert_eq!(
            wrong(&format!("{start}chapter: []\n")),
            "course.yaml:3: unknown key `chapter`; did you mean `chapters`?"
        );
        assert_eq!(
            wrong(&format!("{start}url: http://x\n")),
            "course.yaml:3: `url` starts with `https://` and ends with `/`"
        );
        let chapter = "- {id: a, title: A, description: A}\n";
        assert_eq!(
            wrong(&format!("{start}chapters:\n{chapter}{chapter}")),
            "course.yaml:5: two chapters have the id `a`; give each its own"
        );
    }
}
