//! Lessons from a folder on disk. Reads files; parses through `lesson`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::lesson::{Document, Problem, Source, read};

/// The lessons of a folder, in the order of their names: every folder below it that holds a `lesson.md`.
///
/// # Errors
/// What cannot be read, and every problem of every lesson.
pub fn load(folder: &Path) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    for lesson in folders(folder)? {
        match read(&source(&lesson)?) {
            Ok(document) => documents.push(document),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::Failed(list(&problems)));
    }
    if documents.is_empty() {
        let message =
            format!("{}: no folder here holds a lesson.md; `tabernetes lesson new NAME` makes one", folder.display());
        return Err(Failure::Failed(message));
    }
    Ok(documents)
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
