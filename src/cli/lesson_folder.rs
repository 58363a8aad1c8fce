//! Lessons from a folder on disk. Reads files; parses through `lesson`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::lesson::{Course, Document, Problem, Source, read, translate};

/// Endings of files beside a lesson that its page may show.
pub const PICTURES: [&str; 6] = ["svg", "png", "jpg", "jpeg", "webp", "gif"];

/// The lessons of a folder.
pub struct Lessons {
    /// What they have in common.
    pub course: Course,
    /// The lessons in the order of the course: by chapter, then by the name of their folder.
    pub documents: Vec<Document>,
    /// Their translations.
    pub translations: Vec<Document>,
    /// When the folder is that of one lesson: the others of its course, for links.
    pub others: Vec<Document>,
}

/// Reads the lessons of a folder: every folder below it that holds a `lesson.md`, or the folder itself.
///
/// # Errors
/// What cannot be read, and every problem of every lesson.
pub fn load(folder: &Path) -> Result<Lessons, Failure> {
    let folder = fs::canonicalize(folder).map_err(|error| failed(folder, &error)).map(|found| near(&found))?;
    let mut problems = Vec::new();
    let course = course(&folder)?.unwrap_or_else(|found| {
        problems.extend(found);
        Course::default()
    });
    let mut lessons = Lessons { course, documents: Vec::new(), translations: Vec::new(), others: Vec::new() };
    for lesson in folders(&folder)? {
        let source = source(&lesson)?;
        match read(&source) {
            Ok(document) => {
                lessons.translations.extend(translations(&document, &source, &mut problems));
                lessons.documents.push(document);
            }
            Err(found) => problems.extend(found),
        }
    }
    problems.extend(lessons.documents.iter().filter_map(|document| lessons.course.misplaced(document)));
    if !problems.is_empty() {
        return Err(Failure::Failed(list(&problems)));
    }
    if lessons.documents.is_empty() {
        let message =
            format!("{}: no folder here holds a lesson.md; `tabernetes lesson new NAME` makes one", folder.display());
        return Err(Failure::Failed(message));
    }
    if let Some(above) = folder.parent().filter(|_| folder.join("lesson.md").is_file()) {
        // What is wrong with the others is told when they are checked.
        let sources =
            folders(above)?.into_iter().filter(|other| *other != folder).filter_map(|other| source(&other).ok());
        lessons.others = sources.filter_map(|source| read(&source).ok()).collect();
    }
    lessons.documents.sort_by_key(|document| lessons.course.place(&document.lesson.chapter));
    Ok(lessons)
}

/// A path as a person at the working directory would write it.
fn near(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.filter(|below| below.components().next().is_some()).unwrap_or_else(|| path.to_owned())
}

/// The translations that lie beside a lesson: `lesson.de.md`.
fn translations(document: &Document, source: &Source, problems: &mut Vec<Problem>) -> Vec<Document> {
    let mut found = Vec::new();
    for (name, text) in &source.files {
        let Some(language) = name.strip_prefix("lesson.").and_then(|rest| rest.strip_suffix(".md")) else { continue };
        let path = source.path.replace("lesson.md", name);
        match translate(document, language, &path, text) {
            Ok(translation) => found.push(translation),
            Err(wrong) => problems.extend(wrong),
        }
    }
    found
}

/// The course of a folder of lessons, or of the folder that a lesson's folder lies in.
fn course(folder: &Path) -> Result<Result<Course, Vec<Problem>>, Failure> {
    let path = folder.ancestors().take(2).map(|folder| folder.join("course.yaml")).find(|path| path.is_file());
    let Some(path) = path else { return Ok(Ok(Course::default())) };
    let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
    Ok(Course::read(&path.display().to_string(), &text))
}

/// Problems, one a line.
pub fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The folders of lessons below a folder; the folder itself when it is one.
///
/// # Errors
/// The folder cannot be read.
pub fn folders(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    if folder.join("lesson.md").is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.join("lesson.md").is_file())
        .collect();
    found.sort();
    Ok(found)
}

fn source(folder: &Path) -> Result<Source, Failure> {
    let path = folder.join("lesson.md");
    let text = fs::read_to_string(&path).map_err(|error| failed(&path, &error))?.replace("\r\n", "\n");
    let (mut files, mut pictures) = (BTreeMap::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))?.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_owned());
        if ending.is_some_and(|ending| PICTURES.contains(&ending.as_str())) {
            pictures.push(name);
        } else if let (true, Ok(content)) = (name != "lesson.md", fs::read_to_string(entry.path())) {
            files.insert(name, content.replace("\r\n", "\n"));
        }
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Source { name, path: path.display().to_string(), text, files, pictures })
}

/// A file that could not be read or written, and why.
pub fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}
