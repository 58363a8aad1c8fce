//! `tabernetes lesson check`: proves every lesson. It is read strictly and played on a fresh playground as a reader
//! would, with and without its solutions.

use std::path::Path;

use super::options::Options;
use super::{Failure, Subcommand, lesson_folder, prose};
use crate::lesson::{Document, Problem, Rehearsal, Vocabulary, check_links, prove, transcript};
use crate::playground::{Config, Login, Session};

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "lesson check",
    usage: "[DIR]",
    summary: "Plays every lesson below DIR (default: lessons) and tells what is wrong with it, by file and line.",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::read(words, &[])?;
    let folder = options.plain_or("lessons")?;
    let lessons = lesson_folder::load(Path::new(folder))?;
    let written: Vec<&Document> = lessons.documents.iter().chain(&lessons.translations).collect();
    let all: Vec<&Document> = lessons.documents.iter().chain(&lessons.others).collect();
    let mut problems = check_links(&lessons.course, &written, &all);
    let mut session = Session::new(1);
    let mut vocabulary = Vocabulary::learn(&mut session);
    for document in &written {
        problems.extend(vocabulary.check(document, &mut session));
    }
    for document in &lessons.documents {
        let proof = prove(document, &mut stage);
        if proof.problems.is_empty() && document.transcript.is_some() {
            let (steps, commands) = (document.lesson.steps.len(), proof.transcript.commands.len());
            println!("{}: proven, {steps} steps, {commands} commands", document.path);
        }
        problems.extend(proof.problems);
        if document.transcript.is_none() {
            let message = format!("there is no `{}` beside this lesson. {}", transcript::FILE, transcript::RECORD);
            problems.push(Problem { file: document.path.clone(), line: 1, message });
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Failed(lesson_folder::list(&problems))) }
}

/// A fresh playground for a lesson.
pub fn stage(document: &Document) -> Result<Box<dyn Rehearsal>, Problem> {
    let (mut session, trouble) = Session::furnished(&Config::for_lesson(&document.lesson));
    if let Ok(Some(prose)) = prose::read() {
        session.set_prose(prose);
    }
    match trouble {
        None => Ok(Box::new(Login::new(session))),
        Some(message) => {
            let key = ["setup", "manifest", "file"].into_iter().find(|key| message.contains(key)).unwrap_or_default();
            let line = document.line_of(if key == "setup" { key.to_owned() } else { format!("{key}s") }.as_str());
            Err(Problem { file: document.path.clone(), line, message })
        }
    }
}
