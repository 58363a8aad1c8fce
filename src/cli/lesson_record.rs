//! `tabernetes lesson record`: writes down what the commands of lessons print, for `lesson check` to hold them to it.

use std::fs;
use std::path::Path;

use super::lesson_folder::{self, failed};
use super::options::Options;
use super::{Failure, Subcommand, lesson_check};
use crate::lesson::{Document, prove, transcript};

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "lesson record",
    usage: "[DIR]",
    summary: "Writes the transcript.json of every lesson below DIR (default: lessons) anew; look at the difference before you keep it.",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::read(words, &[])?;
    let folder = options.plain_or("lessons")?;
    let mut problems = Vec::new();
    for document in lesson_folder::load(Path::new(folder))?.documents {
        let path = Path::new(&document.path).with_file_name(transcript::FILE);
        let before = document.transcript.clone();
        let proof = prove(&Document { transcript: None, ..document }, &mut lesson_check::stage);
        problems.extend(proof.problems);
        if before.as_ref() != Some(&proof.transcript) {
            fs::write(&path, proof.transcript.to_text()).map_err(|error| failed(&path, &error))?;
            println!("{}: {} commands", path.display(), proof.transcript.commands.len());
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Failed(lesson_folder::list(&problems))) }
}
