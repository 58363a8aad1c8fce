//! `tabernetes lesson check`: reads the lessons strictly.

use std::path::Path;

use super::options::Options;
use super::{Failure, Subcommand, lesson_folder};

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "lesson check",
    usage: "[DIR]",
    summary: "Reads every lesson below DIR (default: lessons) and tells what is wrong with it, by file and line.",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::read(words, &[])?;
    let folder = options.plain_or("lessons")?;
    for document in lesson_folder::load(Path::new(folder))? {
        println!("{}: read, {} steps", document.path, document.lesson.steps.len());
    }
    Ok(())
}
