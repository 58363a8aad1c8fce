//! `tabernetes lesson import`: a scenario of Killercoda as a lesson, tried out while it is made, with a report of what
//! did not come over.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::lesson_folder::{self, failed};
use super::options::Options;
use super::{Failure, Subcommand};
use crate::lesson::killercoda::{Goes, TryOut, import};
use crate::playground::Session;

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "lesson import",
    usage: "FOLDER [--lessons DIR]",
    summary: "Makes DIR/<next number>-NAME (default DIR: lessons) of the Killercoda scenario in FOLDER, and tells what could not be taken over.",
    run,
};

/// A command that has not ended after so long goes on for ever.
const LIMIT: Duration = Duration::from_secs(120);
/// A reader takes so long from one command to the next.
const PAUSE: Duration = Duration::from_secs(5);

fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::read(words, &["lessons"])?;
    let folder = Path::new(options.plain_or("")?);
    let name = fs::canonicalize(folder).map_err(|error| failed(folder, &error))?;
    let name = name.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let mut files = BTreeMap::new();
    texts(folder, "", &mut files)?;
    let imported = import(&files, &mut Session::new(1));
    let imported = imported.map_err(|problem| Failure::Failed(format!("{}: {problem}", folder.display())))?;
    let lessons = Path::new(options.value("lessons").unwrap_or("lessons"));
    let own = lesson_folder::make(lessons, &name.join("-"))?;
    for (name, text) in
        imported.files.iter().map(|(name, text)| (name.as_str(), text)).chain([("lesson.md", &imported.lesson)])
    {
        fs::write(own.join(name), text).map_err(|error| failed(&own.join(name), &error))?;
    }
    println!("{}", own.join("lesson.md").display());
    for sentence in &imported.report {
        println!("- {sentence}");
    }
    println!("Now `tabernetes lesson record {0}`, then `tabernetes lesson check {0}`.", own.display());
    Ok(())
}

impl TryOut for Session {
    fn write(&mut self, name: &str, text: &str) {
        // What cannot be written is missed by the command that reads it.
        let _ = Session::write(self, name, text);
    }
    fn run(&mut self, line: &str) -> Goes {
        self.advance(PAUSE);
        match self.run_for(line, LIMIT).exit {
            0 => Goes::Well,
            127 => Goes::Nowhere,
            130 | 137 => Goes::On,
            _ => Goes::Wrong,
        }
    }
}

/// Every text file below a folder, by its path.
fn texts(folder: &Path, below: &str, files: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))?.filter_map(Result::ok) {
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            texts(&entry.path(), &format!("{path}/"), files)?;
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.insert(path, text.replace("\r\n", "\n"));
        }
    }
    Ok(())
}
