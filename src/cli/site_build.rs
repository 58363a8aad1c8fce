//! `tabernetes site build`: the lessons as static HTML files with relative URLs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::lesson_folder::{self, Lessons, failed};
use super::options::Options;
use super::{Failure, Subcommand};
use crate::diagram::{Diagram, svg};
use crate::lesson::html::{LANGUAGES, Letters, Site, feed, index_page, lesson_page, search_index, sitemap};
use crate::playground::Config;

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "site build",
    usage: "--out DIR [--lessons DIR]",
    summary: "Writes the pages, the search index, the sitemap, the feed and the cards of the lessons; styles and scripts come from elsewhere.",
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
    let out = Path::new(out);
    let lessons = lesson_folder::load(Path::new(options.value("lessons").unwrap_or("lessons")))?;
    for (name, content) in pages(&lessons)?.into_iter().chain(cards(&lessons)?) {
        write(&out.join(name), &content)?;
    }
    println!("{}: {} lessons, {} translations", out.display(), lessons.documents.len(), lessons.translations.len());
    Ok(())
}

/// Every file of the site by its path.
///
/// # Errors
/// A picture of a lesson cannot be read.
pub fn pages(lessons: &Lessons) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut files = BTreeMap::new();
    let start = Config::default().start;
    for language in LANGUAGES {
        let documents = lessons.in_language(language);
        let site = Site::new(&lessons.course, language, &documents);
        let folder = site.folder();
        let mut put = |name: &str, text: String| drop(files.insert(format!("{folder}{name}"), text.into_bytes()));
        put("index.html", index_page(&site));
        put("search.json", search_index(&site, &documents));
        let dates: Vec<String> = lessons.documents.iter().map(lesson_folder::changed).collect();
        for (name, text) in
            [("feed.xml", feed(&site, &dates)), ("sitemap.xml", sitemap(&site).filter(|_| folder.is_empty()))]
        {
            if let Some(text) = text {
                put(name, text);
            }
        }
        let picture = Diagram::new(start).in_words(site.words.clone()).picture(start, LANES);
        let picture = svg(&picture, &site.words.say("first"), &site.words);
        for document in &documents {
            put(&format!("lessons/{}/index.html", document.lesson.name), lesson_page(&site, document, &picture));
        }
        for document in &lessons.documents {
            let beside = Path::new(&document.path).parent().unwrap_or(Path::new("."));
            for name in &document.pictures {
                let bytes = fs::read(beside.join(name)).map_err(|error| failed(&beside.join(name), &error))?;
                files.insert(format!("{folder}lessons/{}/{name}", document.lesson.name), bytes);
            }
        }
    }
    Ok(files)
}

/// The pictures that links to the pages are shown with elsewhere.
fn cards(lessons: &Lessons) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let failed = |problem: String| Failure::Failed(format!("the cards cannot be drawn: {problem}"));
    let letters = Letters::new().map_err(failed)?;
    let mut all = Vec::new();
    for language in LANGUAGES {
        let documents = lessons.in_language(language);
        all.extend(Site::new(&lessons.course, language, &documents).cards(&letters).map_err(failed)?);
    }
    Ok(all)
}

fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    }
    fs::write(path, content).map_err(|error| failed(path, &error))
}
