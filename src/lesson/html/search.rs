//! The index that the page's search reads: a section of a lesson a line, with the words that stand in it. Finds nothing
//! itself; www/src/search.js does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::site::Site;
use crate::lesson::author::{Block, Document, Piece};

/// How much of a section is shown with it.
const SNIPPET: usize = 140;

/// The file: `{"lessons": [[name, title], ...], "sections": [[lesson, anchor, heading, snippet, words], ...]}`.
pub fn search_index(site: &Site, documents: &[&Document]) -> String {
    let lessons: Vec<Value> = site.lessons.iter().map(|entry| json!([entry.name, entry.title])).collect();
    let sections: Vec<Value> = documents
        .iter()
        .enumerate()
        .flat_map(|(at, document)| sections(document).into_iter().map(move |section| section.line(at)))
        .collect();
    json!({"lessons": lessons, "sections": sections}).to_string()
}

#[derive(Default)]
struct Section {
    anchor: String,
    heading: String,
    text: String,
}

impl Section {
    fn line(self, lesson: usize) -> Value {
        let words: BTreeSet<String> = self
            .text
            .split(|c: char| !c.is_alphanumeric() && c != '-' && c != '.')
            .map(|word| word.trim_matches(['-', '.']).to_lowercase())
            .filter(|word| word.chars().count() > 1)
            .collect();
        let snippet: String =
            self.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SNIPPET).collect();
        let words: Vec<String> = words.into_iter().collect();
        json!([lesson, self.anchor, self.heading, snippet, words.join(" ")])
    }
}

fn sections(document: &Document) -> Vec<Section> {
    let first = Section { text: format!("{} ", document.lesson.description), ..Section::default() };
    let mut sections = vec![first];
    for piece in &document.body {
        match piece {
            Piece::Prose(html) => prose(html, &mut sections),
            Piece::Block { block, .. } => {
                if let Some(section) = sections.last_mut() {
                    words_of(block, &mut section.text);
                }
            }
        }
    }
    sections
}

/// Splits where a heading begins.
fn prose(html: &str, sections: &mut Vec<Section>) {
    for (at, part) in html.split("<h").enumerate() {
        let opened = (at > 0).then(|| part.split_once(" id=\"")?.1.split_once("\">")).flatten();
        let Some((anchor, rest)) = opened else {
            let part = if at > 0 { format!("<h{part}") } else { part.to_owned() };
            if let Some(section) = sections.last_mut() {
                section.text.push_str(&plain(&part));
            }
            continue;
        };
        let (heading, text) = rest.split_once("</h").unwrap_or((rest, ""));
        let text = text.split_once('>').map_or("", |(_, text)| text);
        sections.push(Section {
            anchor: anchor.to_owned(),
            heading: plain(heading).split_whitespace().collect::<Vec<_>>().join(" "),
            text: plain(text),
        });
    }
}

/// What a reader could search for in a block; answers and solutions are not given away.
fn words_of(block: &Block, text: &mut String) {
    let more = match block {
        Block::Run(commands) => commands.lines.join(" "),
        Block::File { file, .. } => format!("{} {}", file.name, file.content),
        Block::Output(output) => output.clone(),
        Block::Code { text, .. } => text.clone(),
        Block::Quiz(quiz) => plain(&quiz.question),
        Block::Steps(steps) => steps.iter().map(|(_, html)| plain(html)).collect::<Vec<_>>().join(" "),
        Block::Flow { rows, .. } => rows.concat().join(" "),
        Block::Hint(_) | Block::Solution(_) => String::new(),
    };
    text.push_str(&more);
    text.push(' ');
}

/// HTML without its tags.
fn plain(html: &str) -> String {
    let mut out = String::new();
    for part in html.split('<') {
        out.push_str(part.split_once('>').map_or(part, |(_, text)| text));
        out.push(' ');
    }
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::{Course, Source, read};

    #[test]
    fn each_heading_is_found_with_its_words_and_solutions_are_not_given_away() {
        let text = "---\ntitle: A\ndescription: About it\nminutes: 5\n---\nBegin.\n\n## Part `one`\n\nSome *words* &amp; more.\n\n\
                    ```sh run\nkubectl get jobs\n```\n\n````solution\nsecret\n````\n\n## Two\n";
        let source = Source { name: "01-a".to_owned(), text: text.to_owned(), ..Source::default() };
        let document = read(&source).unwrap();
        let site = Site::new(&Course::default(), "en", &[&document]);
        let index: Value = serde_json::from_str(&search_index(&site, &[&document])).unwrap();
        assert_eq!(index["lessons"], json!([["01-a", "A"]]));
        let sections = index["sections"].as_array().unwrap();
        assert_eq!(sections.len(), 3);
        assert_eq!(sections[0], json!([0, "", "", "About it Begin.", "about begin it"]));
        assert_eq!(sections[1][1], "part-one");
        assert_eq!(sections[1][2], "Part one");
        assert_eq!(sections[1][4], "get jobs kubectl more some words");
        assert_eq!(sections[2][2], "Two");
    }
}
