//! `tabernetes site build`: the lessons as static HTML files with relative URLs.

use std::fs;
use std::path::Path;

use super::lesson_folder::{self, Lessons, failed};
use super::options::Options;
use super::{Failure, Subcommand};
use crate::diagram::{Diagram, svg};
use crate::lesson::html::{Entry, Site, index_page, lesson_page};
use crate::playground::Config;

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "site build",
    usage: "--out DIR [--lessons DIR]",
    summary: "Writes index.html and a page for each lesson below DIR; styles and scripts come from elsewhere.",
    run,
};

/// Lanes of the picture that stands where the living one will.
const LANES: usize = 3;

fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::read(words, &["out", "lessons"])?;
    if let Some(word) = options.plain.first() {
        return Err(Failure::Usage(format!("`{word}` is one word too many")));
    }
    let out = options.value("out").ok_or_else(|| Failure::Usage("`--out DIR` says where to write".to_owned()))?;
    let lessons = Path::new(options.value("lessons").unwrap_or("lessons"));
    let Lessons { course, documents, .. } = lesson_folder::load(lessons)?;
    let site = Site { course, lessons: documents.iter().map(Entry::of).collect() };
    let out = Path::new(out);
    write(&out.join("index.html"), &index_page(&site))?;
    let start = Config::default().start;
    for document in &documents {
        let picture = Diagram::new(start).picture(start, LANES);
        let picture = svg(&picture, "The cluster before anything has happened");
        let page = out.join("lessons").join(&document.lesson.name);
        write(&page.join("index.html"), &lesson_page(&site, document, &picture))?;
        let folder = Path::new(&document.path).parent().unwrap_or(lessons);
        for name in &document.pictures {
            fs::copy(folder.join(name), page.join(name)).map_err(|error| failed(&folder.join(name), &error))?;
        }
    }
    println!("{}: {} lessons", out.display(), documents.len());
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    }
    fs::write(path, text).map_err(|error| failed(path, &error))
}
