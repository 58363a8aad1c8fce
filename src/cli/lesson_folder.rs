//! Lessons from a folder on disk. Reads files; parses through `lesson`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::lesson::{Course, Document, Problem, Source, read};

/// The lessons of a folder.
pub struct Lessons {
    /// What they have in common.
    pub course: Course,
    /// The lessons in the order of the course: by chapter, then by the name of their folder.
    pub documents: Vec<Document>,
}

/// Reads the lessons of a folder: every folder below it that holds a `lesson.md`, or the folder itself.
///
/// # Errors
/// What cannot be read, and every problem of every lesson.
pub fn load(folder: &Path) -> Result<Lessons, Failure> {
    let mut problems = Vec::new();
    let course = course(folder)?.unwrap_or_else(|found| {
        problems.extend(found);
        Course::default()
    });
    let mut documents = Vec::new();
    for lesson in folders(folder)? {
        match read(&source(&lesson)?) {
            Ok(document) => documents.push(document),
            Err(found) => problems.extend(found),
        }
    }
    problems.extend(documents.iter().filter_map(|document| course.misplaced(document)));
    if !problems.is_empty() {
        return Err(Failure::Failed(list(&problems)));
    }
    if documents.is_empty() {
        let message =
            format!("{}: no folder here holds a lesson.md; `tabernetes lesson new NAME` makes one", folder.display());
        return Err(Failure::Failed(message));
    }
    documents.sort_by_key(|document| course.place(&document.lesson.chapter));
    Ok(Lessons { course, documents })
}

/// The course of a folder of lessons, or of the folder that a lesson's folder lies in.
fn course(folder: &Path) -> Result<Result<Course, Vec<Problem>>, Failure> {
    let above = folder.join("..");
    let path = [folder, &above].iter().map(|folder| folder.join("course.yaml")).find(|path| path.is_file());
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
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))?.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Pictures and the like are not text; nothing in a lesson quotes them.
        if let (true, Ok(content)) = (name != "lesson.md", fs::read_to_string(entry.path())) {
            files.insert(name, content);
        }
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Source { name, path: path.display().to_string(), text, files })
}

/// A file that could not be read or written, and why.
pub fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}
