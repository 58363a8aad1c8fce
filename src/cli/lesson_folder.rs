//! Lessons from a folder on disk. Reads files; parses through `lesson`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::lesson::html::LANGUAGES;
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

impl Lessons {
    /// The lessons in a language; those that nobody has translated as they were written.
    pub fn in_language(&self, language: &str) -> Vec<&Document> {
        let spoken = || self.translations.iter().filter(|translation| translation.language == language);
        let told = |name: &str| spoken().find(|translation| translation.lesson.name == name);
        self.documents.iter().map(|document| told(&document.lesson.name).unwrap_or(document)).collect()
    }
}

/// The day on which a lesson was changed last, as its front matter says; else as its file does.
pub fn changed(document: &Document) -> String {
    if !document.lesson.updated.is_empty() {
        return document.lesson.updated.clone();
    }
    let modified = fs::metadata(&document.path).and_then(|facts| facts.modified()).ok();
    let seconds =
        modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default().as_secs();
    let day = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or_default()).unwrap_or_default().to_string();
    day.chars().take("2026-11-25".len()).collect()
}

/// Reads the lessons of a folder: every folder below it that holds a `lesson.md`, or the folder itself.
///
/// # Errors
/// What cannot be read, and every problem of every lesson.
pub fn load(folder: &Path) -> Result<Lessons, Failure> {
    let whole = fs::canonicalize(folder).map_err(|error| failed(folder, &error))?;
    let folder = near(&whole);
    let mut problems = Vec::new();
    let course = course(&whole)?.unwrap_or_else(|found| {
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
    if let Some(above) = whole.parent().filter(|_| folder.join("lesson.md").is_file()) {
        // What is wrong with the others is told when they are checked.
        let sources =
            folders(above)?.into_iter().filter(|other| *other != whole).filter_map(|other| source(&other).ok());
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
        if !LANGUAGES.contains(&language) {
            let message =
                format!("the page speaks `{}`; a translation is called `lesson.de.md`", LANGUAGES.join("`, `"));
            problems.push(Problem { file: path, line: 1, message });
            continue;
        }
        match translate(document, language, &path, text) {
            Ok(translation) => found.push(translation),
            Err(wrong) => problems.extend(wrong),
        }
    }
    found
}

/// The course of a folder of lessons, or of the folder that a lesson's folder lies in.
fn course(folder: &Path) -> Result<Result<Course, Vec<Problem>>, Failure> {
    let path = folder
        .ancestors()
        .take(2)
        .map(|folder| folder.join("course.yaml"))
        .find(|path| path.is_file())
        .map(|path| near(&path));
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

/// Makes the folder of a new lesson, with the number after the last one.
///
/// # Errors
/// It cannot be made.
pub fn make(lessons: &Path, name: &str) -> Result<PathBuf, Failure> {
    fs::create_dir_all(lessons).map_err(|error| failed(lessons, &error))?;
    let number = |path: &PathBuf| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        name.split('-').next()?.parse::<u32>().ok()
    };
    let last = folders(lessons)?.iter().filter_map(number).max().unwrap_or(0);
    let folder = lessons.join(format!("{:02}-{name}", last + 1));
    fs::create_dir(&folder).map_err(|error| failed(&folder, &error))?;
    Ok(folder)
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
