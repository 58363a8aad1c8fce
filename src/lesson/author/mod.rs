//! An author's Markdown to a document: front matter, prose and blocks. Renders prose, runs nothing.
//!
//! Strict: what is not understood is a [`Problem`] with its file and line and what to write instead, never ignored.

mod course;
mod fence;
mod front_matter;
mod quiz;
mod steps;
mod translation;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::model::{File, Lesson, Step};
use super::transcript::{self, Transcript};
pub use course::{Chapter, Course};
pub use quiz::{Choice, Quiz};
pub use translation::{fingerprint, translate};
pub use words::Words;

/// What is wrong with a lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named to us.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// The texts of a lesson's folder.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The name of the folder, such as `01-what-is-a-job`.
    pub name: String,
    /// How messages name the lesson's file.
    pub path: String,
    /// The text of `lesson.md`.
    pub text: String,
    /// The other text files of the folder.
    pub files: BTreeMap<String, String>,
    /// The names of its pictures.
    pub pictures: Vec<String>,
}

/// A lesson that has been read.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// What the page needs to know.
    pub lesson: Lesson,
    /// The language it is written in, such as `en`.
    pub language: String,
    /// The file that messages name.
    pub path: String,
    /// The file's text.
    pub text: String,
    /// The text, in order.
    pub body: Vec<Piece>,
    /// Where its links lead.
    pub links: Vec<Link>,
    /// What its headings are called in links.
    pub anchors: Vec<String>,
    /// The pictures of its folder.
    pub pictures: Vec<String>,
    /// What has a spelling.
    pub words: Words,
    /// What its commands printed when they were last recorded.
    pub transcript: Option<Transcript>,
}

/// A link or a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Where it stands.
    pub line: usize,
    /// Where it leads, as it was written.
    pub target: String,
    /// What is shown for it.
    pub text: String,
    /// Whether it is a picture.
    pub picture: bool,
}

impl Document {
    /// The line of a key of the front matter; the first line when it is not there.
    pub fn line_of(&self, key: &str) -> usize {
        let stands = |line: &str| line.starts_with(&format!("{key}:"));
        self.text.lines().position(stands).map_or(1, |at| at + 1)
    }

    /// The first line in which these words stand; the first line when they stand nowhere.
    pub fn line_with(&self, words: &str) -> usize {
        let stand = |line: &str| line.split(['{', '}', ',']).any(|part| part.trim_matches([' ', '-']) == words);
        self.text.lines().position(stand).map_or(1, |at| at + 1)
    }
}

/// A part of the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// HTML of ordinary Markdown; may open an element that a later piece closes.
    Prose(String),
    /// A fenced block that means something here.
    Block {
        /// Where its fence stands.
        line: usize,
        /// What it is.
        block: Block,
    },
}

/// A fenced block with a meaning.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Commands to click.
    Run(Commands),
    /// What the commands before it print.
    Output(String),
    /// A file to insert.
    File {
        /// The language of its content.
        language: String,
        /// The file.
        file: File,
    },
    /// A question.
    Quiz(Quiz),
    /// Steps, as indices into the lesson's, with their text as HTML.
    Steps(Vec<(usize, String)>),
    /// Help for who is stuck.
    Hint(Vec<Piece>),
    /// What solves the steps before it.
    Solution(Vec<Piece>),
    /// Boxes and arrows: rows of texts, and a note below them.
    Flow {
        /// The boxes.
        rows: Vec<Vec<String>>,
        /// The note, as HTML.
        note: String,
    },
    /// Code to read.
    Code {
        /// Its language.
        language: String,
        /// Its text.
        text: String,
    },
}

/// Commands of one block.
#[derive(Clone, Debug, PartialEq)]
pub struct Commands {
    /// The lines; one that goes on over several lines (`\`, `<<EOF`) is one.
    pub lines: Vec<String>,
    /// How they are to end.
    pub run: Run,
    /// Virtual seconds to let pass before the first one, in the proof.
    pub after: f64,
}

/// How a command is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// With exit code 0.
    Succeeds,
    /// With another exit code.
    Fails,
    /// Not by itself: the reader ends it with Ctrl-C.
    Endless,
    /// It takes over the terminal (an editor); the proof leaves it out.
    Interactive,
}

/// Reads a lesson.
///
/// # Errors
/// Everything that is wrong with it, in the order of its lines.
pub fn read(source: &Source) -> Result<Document, Vec<Problem>> {
    let mut reader = Reader::new(source, None);
    let (front_matter, body, first_line) = front_matter::split(&source.text);
    match front_matter {
        Some(text) => reader.front_matter(text),
        None => reader
            .problem(1, "a lesson starts with front matter between two lines of `---`: title, description, minutes"),
    }
    let body = reader.body(body, first_line, Place::Lesson);
    reader.check_steps();
    let transcript = source.files.get(transcript::FILE).map(|text| Transcript::from_text(text));
    if let Some(Err((line, message))) = &transcript {
        let file = source.path.replace("lesson.md", transcript::FILE);
        reader.problems.push(Problem { file, line: *line, message: message.clone() });
    }
    let transcript = transcript.and_then(Result::ok);
    let lesson = std::mem::take(&mut reader.lesson);
    reader.finish(Document { lesson, language: "en".to_owned(), body, transcript, ..Document::default() })
}

/// Inline Markdown as HTML without a paragraph around it.
pub(super) fn inline(text: &str) -> String {
    let mut out = String::new();
    let events = Parser::new_ext(text, Options::ENABLE_SMART_PUNCTUATION).map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        other => other,
    });
    pulldown_cmark::html::push_html(&mut out, events);
    let out = out.trim_end();
    out.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>")).unwrap_or(out).to_owned()
}

/// Where Markdown stands; not everything may stand everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Lesson,
    Hint,
    Solution,
}

struct Reader<'s> {
    source: &'s Source,
    problems: Vec<Problem>,
    lesson: Lesson,
    quizzes: usize,
    step_lines: Vec<usize>,
    links: Vec<Link>,
    anchors: Vec<String>,
    /// What a translation is of.
    original: Option<&'s Document>,
    /// The hints that a translation has for each step.
    step_hints: Vec<Vec<String>>,
}

impl<'s> Reader<'s> {
    fn new(source: &'s Source, original: Option<&'s Document>) -> Self {
        Self {
            source,
            problems: Vec::new(),
            lesson: Lesson::default(),
            quizzes: 0,
            step_lines: Vec::new(),
            links: Vec::new(),
            anchors: Vec::new(),
            original,
            step_hints: Vec::new(),
        }
    }

    /// The document with what was noticed while it was read, or every problem.
    fn finish(mut self, document: Document) -> Result<Document, Vec<Problem>> {
        if !self.problems.is_empty() {
            self.problems.sort_by_key(|problem| problem.line);
            return Err(self.problems);
        }
        Ok(Document {
            path: self.source.path.clone(),
            text: self.source.text.clone(),
            links: self.links,
            anchors: self.anchors,
            pictures: self.source.pictures.clone(),
            words: words::words(&self.source.text),
            ..document
        })
    }
}

impl Reader<'_> {
    fn problem(&mut self, line: usize, message: impl Into<String>) {
        self.problems.push(Problem { file: self.source.path.clone(), line, message: message.into() });
    }

    /// Reads Markdown whose first line is line `first_line` of the file.
    fn body(&mut self, text: &str, first_line: usize, place: Place) -> Vec<Piece> {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_SMART_PUNCTUATION;
        let mut pieces = Vec::new();
        let mut prose: Vec<Event<'_>> = Vec::new();
        let mut fence: Option<(usize, String, String)> = None;
        let mut heading: Option<(usize, String)> = None;
        let (mut level, mut linked) = (1, false);
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            let line = first_line + text.get(..range.start).unwrap_or_default().matches('\n').count();
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let info = match kind {
                        CodeBlockKind::Fenced(info) => info.trim().to_owned(),
                        CodeBlockKind::Indented => "text".to_owned(),
                    };
                    fence = Some((line, info, String::new()));
                }
                Event::End(TagEnd::CodeBlock) => {
                    let Some((line, info, content)) = fence.take() else { continue };
                    if !is_closed(text.get(range).unwrap_or_default()) {
                        self.problem(
                            line,
                            "this block goes on to the end of the text; close it with as many backticks, and fence a block \
                             that contains others with four",
                        );
                        continue;
                    }
                    let Some(block) = self.block(line, &info, &content, place) else { continue };
                    flush(&mut prose, &mut pieces);
                    pieces.push(Piece::Block { line, block });
                }
                Event::Text(text) if fence.is_some() => {
                    if let Some((_, _, content)) = &mut fence {
                        content.push_str(&text);
                    }
                }
                Event::Html(_) | Event::InlineHtml(_) => {
                    self.problem(line, "HTML is not taken here; write Markdown, or `\\<` for the character");
                }
                Event::Start(Tag::Heading { level: given, .. }) => {
                    level = self.heading_level(line, given, level);
                    heading = Some((prose.len(), String::new()));
                    prose.push(Event::Start(Tag::Heading {
                        level: given,
                        id: None,
                        classes: Vec::new(),
                        attrs: Vec::new(),
                    }));
                }
                Event::End(TagEnd::Heading(given)) => {
                    if let Some((at, text)) = heading.take() {
                        let id = Some(CowStr::from(self.anchor(&text)));
                        let start =
                            Event::Start(Tag::Heading { level: given, id, classes: Vec::new(), attrs: Vec::new() });
                        if let Some(slot) = prose.get_mut(at) {
                            *slot = start;
                        }
                    }
                    prose.push(Event::End(TagEnd::Heading(given)));
                }
                Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                    self.link(line, &dest_url, false);
                    linked = true;
                    let dest_url = CowStr::from(page_of(&dest_url));
                    prose.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
                }
                Event::Start(Tag::Image { ref dest_url, .. }) => {
                    self.link(line, dest_url, true);
                    linked = true;
                    prose.push(event);
                }
                other => {
                    match (&other, self.links.last_mut()) {
                        (Event::Text(text) | Event::Code(text), Some(link)) if linked => link.text.push_str(text),
                        (Event::End(TagEnd::Link | TagEnd::Image), _) => linked = false,
                        _ => {}
                    }
                    if let (Some((_, words)), Event::Text(text) | Event::Code(text)) = (&mut heading, &other) {
                        words.push_str(text);
                    }
                    prose.push(other);
                }
            }
        }
        flush(&mut prose, &mut pieces);
        pieces
    }

    fn link(&mut self, line: usize, target: &str, picture: bool) {
        self.links.push(Link { line, target: target.to_owned(), text: String::new(), picture });
    }

    /// What a heading is called in links: in a translation, what it is called in the original.
    fn anchor(&mut self, heading: &str) -> String {
        let there = self.original.and_then(|original| original.anchors.get(self.anchors.len()));
        let anchor = there.cloned().unwrap_or_else(|| slug(heading));
        self.anchors.push(anchor.clone());
        anchor
    }

    fn heading_level(&mut self, line: usize, given: HeadingLevel, before: usize) -> usize {
        let given = given as usize;
        if given == 1 {
            self.problem(line, "the title in the front matter is the only `#` heading; write `##`");
        } else if given > before + 1 {
            let should = "#".repeat(before + 1);
            self.problem(line, format!("this heading skips a level; write `{should}`"));
        }
        given
    }

    /// Steps name each other and themselves rightly.
    fn check_steps(&mut self) {
        let steps = std::mem::take(&mut self.lesson.steps);
        for (at, step) in steps.iter().enumerate() {
            let line = self.step_lines.get(at).copied().unwrap_or(1);
            let before = steps.get(..at).unwrap_or_default();
            if before.iter().any(|other| other.id == step.id) {
                self.problem(line, format!("two steps have the id `{}`; give each its own", step.id));
            }
            if let Some(after) = step.after.as_ref().filter(|after| !before.iter().any(|other| other.id == **after)) {
                self.problem(line, format!("`after: {after}` names no earlier step"));
            }
        }
        self.lesson.steps = steps;
    }

    fn add_step(&mut self, line: usize, step: Step) -> usize {
        self.lesson.steps.push(step);
        self.step_lines.push(line);
        self.lesson.steps.len() - 1
    }
}

fn flush(prose: &mut Vec<Event<'_>>, pieces: &mut Vec<Piece>) {
    if !prose.is_empty() {
        let mut html = String::new();
        pulldown_cmark::html::push_html(&mut html, prose.drain(..));
        pieces.push(Piece::Prose(html));
    }
}

/// Whether a fenced block has its last line; blocks by indentation need none.
fn is_closed(block: &str) -> bool {
    let is_fence = |line: &str| line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
    let mut lines = block.lines();
    !lines.next().is_some_and(is_fence) || lines.next_back().is_some_and(is_fence)
}

/// Where a link between lessons leads on the site: `../10-pods/lesson.md#x` becomes `../10-pods/index.html#x`.
fn page_of(target: &str) -> String {
    if target.starts_with("../") { target.replacen("/lesson.md", "/index.html", 1) } else { target.to_owned() }
}

fn slug(text: &str) -> String {
    let words: Vec<String> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.join("-")
}
