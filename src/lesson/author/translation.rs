//! A lesson in another language: `lesson.de.md` beside `lesson.md`. Only what is read differs; commands, files, outputs
//! and checks are taken from the original, and a translation that says otherwise is told so.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Block, Document, Piece, Place, Problem, Reader, Source, front_matter};
use crate::lesson::check::Check;
use crate::lesson::model::{Lesson, Step};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: String,
    description: String,
    /// The fingerprint of the original that was translated.
    of: String,
}

/// Names the text of an original: a translation says which one it is of.
pub fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the translation of a lesson; `path` is how messages name it.
///
/// # Errors
/// Everything that is wrong with it, in the order of its lines.
pub fn translate(original: &Document, language: &str, path: &str, text: &str) -> Result<Document, Vec<Problem>> {
    let source = Source { path: path.to_owned(), text: text.to_owned(), ..Source::default() };
    let mut reader = Reader::new(&source, Some(original));
    let (given, body, first_line) = front_matter::split(text);
    let mut lesson = original.lesson.clone();
    match given.map(serde_yaml::from_str::<FrontMatter>) {
        None => reader.problem(1, "a translation starts with front matter: title, description, of"),
        Some(Err(error)) => reader.yaml_problem(&error, given.unwrap_or_default(), 2),
        Some(Ok(front_matter)) => {
            let present = fingerprint(&original.text);
            if front_matter.of != present {
                let message = format!(
                    "the original has changed since this was translated; compare the two, then write `of: \"{present}\"`"
                );
                let line = given.unwrap_or_default().lines().position(|line| line.starts_with("of:"));
                reader.problem(line.map_or(1, |at| at + 2), message);
            }
            (lesson.title, lesson.description) = (front_matter.title, front_matter.description);
        }
    }
    let pieces = reader.body(body, first_line, Place::Lesson);
    let headings = original.anchors.len();
    if reader.anchors.len() != headings {
        let message = format!("the original has {headings} headings, the translation {}", reader.anchors.len());
        reader.problem(1, message);
    }
    let body = merge(&mut reader, &original.body, pieces);
    let told = std::mem::take(&mut reader.lesson.steps);
    let hints = std::mem::take(&mut reader.step_hints);
    for ((step, told), hints) in lesson.steps.iter_mut().zip(told).zip(hints) {
        step.text = told.text;
        for (hint, told) in hints_of(step).into_iter().zip(hints) {
            *hint = told;
        }
    }
    reader.finish(Document { lesson, language: language.to_owned(), body, ..Document::default() })
}

/// The hints of a step in the order in which a translation gives them: of each check, its own, then those of its fields;
/// of a `try`, its own, then those of its checks.
fn hints_of(step: &mut Step) -> Vec<&mut String> {
    let mut hints: Vec<&mut String> = step.checks.iter_mut().flat_map(hints_of_check).collect();
    if let Some(attempt) = &mut step.attempt {
        hints.extend(&mut attempt.hint);
        hints.extend(attempt.checks.iter_mut().flat_map(hints_of_check));
    }
    hints
}

fn hints_of_check(check: &mut Check) -> Vec<&mut String> {
    check.hint.iter_mut().chain(check.fields.iter_mut().flat_map(|field| &mut field.hint)).collect()
}

/// How many hints a step has.
fn count_of_hints(step: &Step) -> usize {
    hints_of(&mut step.clone()).len()
}

/// The blocks of a translation with what the original says in them.
fn merge(reader: &mut Reader<'_>, original: &[Piece], given: Vec<Piece>) -> Vec<Piece> {
    let mut blocks = original.iter().filter_map(|piece| match piece {
        Piece::Block { line, block } => Some((*line, block)),
        Piece::Prose(_) => None,
    });
    let mut merged = Vec::new();
    for piece in given {
        let Piece::Block { line, block } = piece else {
            merged.push(piece);
            continue;
        };
        let Some((there, known)) = blocks.next() else {
            reader.problem(line, "the original has no block here; a translation has the blocks of its original");
            return merged;
        };
        if let Some(block) = one(reader, line, there, known, block) {
            merged.push(Piece::Block { line, block });
        } else if reader.problems.iter().any(|problem| problem.message.starts_with("here the original")) {
            // Everything after it would be told to be wrong too.
            return merged;
        }
    }
    if let Some((there, known)) = blocks.next() {
        let message = format!("{} in line {there} of the original is missing here", name(known));
        reader.problem(1, message);
    }
    merged
}

fn one(reader: &mut Reader<'_>, line: usize, there: usize, known: &Block, given: Block) -> Option<Block> {
    let differs = |what: &str| {
        format!("{what} differs from line {there} of the original; leave the block empty, and it is taken from there")
    };
    let wrong = match (known, given) {
        (Block::Run(known), Block::Run(given)) if given.lines.is_empty() || given.lines == known.lines => {
            return Some(Block::Run(known.clone()));
        }
        (Block::Run(_), Block::Run(_)) => differs("the command"),
        (Block::Output(known), Block::Output(given)) if given.trim().is_empty() || given == *known => {
            return Some(Block::Output(known.clone()));
        }
        (Block::Output(_), Block::Output(_)) => differs("the output"),
        (Block::File { file, language }, Block::File { file: given, .. })
            if file.name == given.name && (given.content.trim().is_empty() || given.content == file.content) =>
        {
            return Some(Block::File { language: language.clone(), file: file.clone() });
        }
        (Block::File { .. }, Block::File { .. }) => differs("the file"),
        (Block::Quiz(known), Block::Quiz(given)) => {
            let right = |quiz: &super::Quiz| quiz.choices.iter().map(|choice| choice.right).collect::<Vec<_>>();
            if right(known) == right(&given) {
                return Some(Block::Quiz(given));
            }
            format!("other choices are right here than in line {there} of the original")
        }
        (Block::Steps(known), Block::Steps(given)) => {
            let original = reader.original.map(|original| original.lesson.clone()).unwrap_or_default();
            return steps(reader, line, &original, known, given);
        }
        (Block::Hint(known), Block::Hint(given)) => return Some(Block::Hint(merge(reader, known, given))),
        (Block::Solution(known), Block::Solution(given)) => return Some(Block::Solution(merge(reader, known, given))),
        (Block::Flow { rows: known, .. }, Block::Flow { rows, note }) => {
            let shape = |rows: &[Vec<String>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
            if shape(known) == shape(&rows) {
                return Some(Block::Flow { rows, note });
            }
            format!("this flow has other boxes than line {there} of the original")
        }
        // Words may stand in it, so it may differ.
        (known @ Block::Code { .. }, Block::Code { text, .. }) if text.trim().is_empty() => return Some(known.clone()),
        (Block::Code { .. }, given @ Block::Code { .. }) => return Some(given),
        (known, _) => format!("here the original has {} (line {there})", name(known)),
    };
    reader.problem(line, wrong);
    None
}

fn steps(
    reader: &mut Reader<'_>,
    line: usize,
    original: &Lesson,
    known: &[(usize, String)],
    given: Vec<(usize, String)>,
) -> Option<Block> {
    let mut merged = Vec::new();
    for (index, _) in known {
        let Some(step) = original.steps.get(*index) else { continue };
        let Some((at, html)) = given.get(merged.len()) else {
            reader.problem(line, format!("the step `{}` of the original is missing here", step.id));
            return None;
        };
        let id = reader.lesson.steps.get(*at).map(|step| step.id.clone()).unwrap_or_default();
        if id != step.id {
            reader.problem(line, format!("here the original has the step `{}`, not `{id}`", step.id));
            return None;
        }
        let (hints, told) = (count_of_hints(step), reader.step_hints.get(*at).map_or(0, Vec::len));
        if hints != told {
            let message = format!("the step `{id}` has {hints} hints in the original; its `hints` here are {told}");
            reader.problem(line, message);
        }
        merged.push((*index, html.clone()));
    }
    if given.len() > merged.len() {
        reader.problem(line, format!("the original has {} steps here, the translation {}", merged.len(), given.len()));
    }
    Some(Block::Steps(merged))
}

fn name(block: &Block) -> &'static str {
    match block {
        Block::Run(_) => "a `sh run` block",
        Block::Output(_) => "a `text output` block",
        Block::File { .. } => "a file",
        Block::Quiz(_) => "a quiz",
        Block::Steps(_) => "steps",
        Block::Hint(_) => "a hint",
        Block::Solution(_) => "a solution",
        Block::Flow { .. } => "a flow",
        Block::Code { .. } => "a block of code",
    }
}
