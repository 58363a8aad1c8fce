//! The sentences that the source has for an author's mistakes: every piece of text of those files that is more than a
//! word or two. Finds them in the source's own text, so that a new message cannot go without a mistake that brings it
//! about.

use std::fmt;
use std::fs;
use std::path::Path;

/// Where they stand.
const FILES: [&str; 13] = [
    "src/lesson/author/course.rs",
    "src/lesson/author/fence.rs",
    "src/lesson/author/front_matter.rs",
    "src/lesson/author/mod.rs",
    "src/lesson/author/quiz.rs",
    "src/lesson/author/steps.rs",
    "src/lesson/author/translation.rs",
    "src/lesson/links.rs",
    "src/lesson/spelling.rs",
    "src/lesson/proof.rs",
    "src/lesson/transcript.rs",
    "src/cli/lesson_folder.rs",
    "src/cli/lesson_check.rs",
];
/// What stands before a text that is said on other occasions.
const OTHERS: [&str; 5] = ["summary: ", "usage: ", "reason = ", "description: ", "trial.run("];
/// Between two pieces of one message may be so many bytes of what was asked about.
const APART: usize = 600;

/// A message with blanks in it.
pub struct Sentence {
    place: String,
    pieces: Vec<String>,
}

impl Sentence {
    /// Whether it was told somewhere in this text: its pieces, one after the other.
    pub fn is_in(&self, told: &str) -> bool {
        let Some(first) = self.pieces.first() else { return true };
        told.match_indices(first.as_str()).any(|(at, _)| {
            let mut rest = told.get(at..).unwrap_or_default();
            self.pieces.iter().all(|piece| match rest.find(piece.as_str()) {
                Some(found) if found <= APART => {
                    rest = rest.get(found + piece.len()..).unwrap_or_default();
                    true
                }
                _ => false,
            })
        })
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.pieces.join("…"))
    }
}

/// All of them.
pub fn of_authors_mistakes() -> Vec<Sentence> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for file in FILES {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for (line, literal) in literals(code) {
            let pieces = pieces(&literal);
            if pieces.iter().map(|piece| piece.split_whitespace().count()).sum::<usize>() > 2 {
                found.push(Sentence { place: format!("{file}:{line}"), pieces });
            }
        }
    }
    assert!(found.len() > 60, "{} sentences are too few to be all", found.len());
    found
}

/// The texts between quotes, with their lines; comments hold none.
fn literals(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut rest = code;
    let line = |rest: &str| {
        code.len().checked_sub(rest.len()).map_or(0, |at| code.get(..at).unwrap_or_default().matches('\n').count() + 1)
    };
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (before, here) = rest.split_at(at);
        if here.starts_with("//") {
            rest = here.find('\n').map_or("", |end| here.split_at(end).1);
        } else if here.starts_with("'\"'") {
            rest = here.split_at("'\"'".len()).1;
        } else if here.starts_with('"') {
            let (text, after) = literal(here.split_at(1).1);
            if !OTHERS.iter().any(|other| before.ends_with(other)) {
                found.push((line(here), text));
            }
            rest = after;
        } else {
            rest = here.split_at(1).1;
        }
    }
    found
}

/// A text up to its closing quote, as the compiler reads it, and what follows.
fn literal(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, text.split_at(at + 1).1),
            '\\' => match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, '\n')) => {
                    // The line goes on where the next one's text begins.
                    let rest = chars.as_str();
                    let skipped = rest.len() - rest.trim_start().len();
                    for _ in 0..rest.get(..skipped).unwrap_or_default().chars().count() {
                        chars.next();
                    }
                }
                Some((_, other)) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    (out, "")
}

/// What stands between the blanks.
fn pieces(text: &str) -> Vec<String> {
    let text = text.replace("{{{", "{\u{1}{").replace("}}}", "}\u{2}").replace("{{", "\u{1}").replace("}}", "\u{2}");
    let text = text.replace("{\u{1}{", "\u{1}{");
    let mut pieces = Vec::new();
    for (at, part) in text.split('{').enumerate() {
        let fixed = if at == 0 { part } else { part.split_once('}').map_or(part, |(_, after)| after) };
        let fixed = fixed.replace('\u{1}', "{").replace('\u{2}', "}");
        if !fixed.trim().is_empty() {
            pieces.push(fixed);
        }
    }
    pieces
}
