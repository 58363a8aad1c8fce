//! What a fenced block means by its first line: ```` ```sh run ````, ```` ```yaml file=hello-job.yaml ````. Runs nothing.

use super::{Block, Commands, Place, Reader, Run, inline};
use crate::lesson::model::File;
use crate::text::duration::parse_go_duration;
use crate::text::similar_names::nearest;

/// Blocks that mean something by their name alone.
const MEANINGS: [&str; 5] = ["quiz", "steps", "hint", "solution", "flow"];
/// Languages of code to read.
const LANGUAGES: [&str; 9] = ["sh", "yaml", "json", "text", "console", "dockerfile", "toml", "go", "rust"];
const ATTRIBUTES: [&str; 7] = ["run", "fails", "endless", "interactive", "output", "file=", "after="];

#[derive(Default)]
struct Attributes {
    run: bool,
    output: bool,
    ending: Option<Run>,
    after: f64,
    file: Option<String>,
}

impl Reader<'_> {
    pub(super) fn block(&mut self, line: usize, info: &str, content: &str, place: Place) -> Option<Block> {
        let (name, attributes) = info.split_once(char::is_whitespace).unwrap_or((info, ""));
        let known = MEANINGS.iter().chain(&LANGUAGES).copied();
        if !known.clone().any(|known| known == name) {
            let advice = match nearest(name, known) {
                Some(meant) if !name.is_empty() => format!("did you mean `{meant}`?"),
                _ => format!("write one of {}, or `text`", MEANINGS.join(", ")),
            };
            self.problem(line, format!("unknown block `{name}`; {advice}"));
            return None;
        }
        let attributes = self.attributes(line, attributes);
        let plain = !attributes.run && !attributes.output && attributes.file.is_none();
        if place != Place::Lesson && matches!(name, "quiz" | "steps" | "hint" | "solution") {
            self.problem(line, format!("a `{name}` block stands in the lesson itself, not in another block"));
            return None;
        }
        if place == Place::Hint && !plain {
            self.problem(line, "a hint only tells; what runs or inserts belongs into the lesson or a solution");
            return None;
        }
        Some(match name {
            "quiz" => {
                self.quizzes += 1;
                Block::Quiz(self.quiz(line, content)?)
            }
            "steps" => Block::Steps(self.steps(line, content)),
            "hint" => Block::Hint(self.body(content, line + 1, Place::Hint)),
            "solution" => Block::Solution(self.body(content, line + 1, Place::Solution)),
            "flow" => self.flow(line, content)?,
            "sh" if attributes.run => Block::Run(self.commands(line, content, &attributes)?),
            _ if attributes.run => {
                self.problem(line, "only `sh` blocks run; write `sh run`");
                return None;
            }
            _ if attributes.output => Block::Output(content.to_owned()),
            language => match attributes.file {
                Some(name) => {
                    let file = File { name, content: content.to_owned() };
                    if place == Place::Lesson {
                        self.add_file(&file);
                    }
                    Block::File { language: language.to_owned(), file }
                }
                None => Block::Code { language: language.to_owned(), text: content.to_owned() },
            },
        })
    }

    fn attributes(&mut self, line: usize, text: &str) -> Attributes {
        let mut found = Attributes { after: 1.0, ..Attributes::default() };
        for word in text.split_whitespace() {
            match word.split_once('=') {
                None if word == "run" => found.run = true,
                None if word == "output" => found.output = true,
                None if word == "fails" => found.ending = Some(Run::Fails),
                None if word == "endless" => found.ending = Some(Run::Endless),
                None if word == "interactive" => found.ending = Some(Run::Interactive),
                Some(("file", name)) if !name.is_empty() && !name.contains("..") && !name.starts_with('/') => {
                    found.file = Some(name.to_owned());
                }
                Some(("file", _)) => {
                    self.problem(line, "`file=` names a file below the home directory, such as `file=job.yaml`")
                }
                Some(("after", time)) => match parse_go_duration(time) {
                    Ok(nanoseconds) if nanoseconds >= 0 => found.after = nanoseconds as f64 / 1e9,
                    _ => self.problem(line, format!("`after={time}` is no time; write `after=5s`")),
                },
                _ => {
                    let meant = nearest(word, ATTRIBUTES).map(|meant| format!("did you mean `{meant}`?"));
                    let advice = meant.unwrap_or_else(|| format!("the words here are `{}`", ATTRIBUTES.join("`, `")));
                    self.problem(line, format!("unknown word `{word}` after the block's name; {advice}"));
                }
            }
        }
        if found.ending.is_some() && !found.run {
            self.problem(line, "`fails`, `endless` and `interactive` say how a `sh run` block ends; write `run` too");
        }
        found
    }

    fn commands(&mut self, line: usize, content: &str, attributes: &Attributes) -> Option<Commands> {
        let lines = split_commands(content);
        if lines.is_empty() && self.original.is_none() {
            self.problem(line, "this block runs nothing; write a command on its own line");
            return None;
        }
        Some(Commands { lines, run: attributes.ending.unwrap_or(Run::Succeeds), after: attributes.after })
    }

    /// The page's data has each file once, as the text shows it first.
    fn add_file(&mut self, file: &File) {
        if !self.lesson.files.iter().any(|other| other.name == file.name) {
            self.lesson.files.push(file.clone());
        }
    }

    fn flow(&mut self, line: usize, content: &str) -> Option<Block> {
        let (mut rows, mut note) = (Vec::new(), String::new());
        for (at, text) in content.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            match text.trim().strip_prefix("note:") {
                Some(rest) => note = inline(rest.trim()),
                None => {
                    let boxes: Vec<String> = text.split("->").map(|part| part.trim().to_owned()).collect();
                    if boxes.iter().any(String::is_empty) {
                        self.problem(line + 1 + at, "an arrow leads from one text to another: `Running -> Succeeded`");
                        return None;
                    }
                    rows.push(boxes);
                }
            }
        }
        if rows.is_empty() {
            self.problem(line, "a flow has at least one line such as `Pending -> Running -> Succeeded`");
            return None;
        }
        Some(Block::Flow { rows, note })
    }
}

/// One command a line; a backslash at the end and a here-document go on.
fn split_commands(content: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut lines = content.lines();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let mut command = line.to_owned();
        while command.ends_with('\\') {
            let Some(next) = lines.next() else { break };
            command.push('\n');
            command.push_str(next);
        }
        if let Some((_, after)) = line.split_once("<<") {
            let word = after.trim_start_matches('-').split_whitespace().next().unwrap_or_default();
            let word = word.trim_matches(['\'', '"']);
            for next in lines.by_ref() {
                command.push('\n');
                command.push_str(next);
                if next.trim() == word {
                    break;
                }
            }
        }
        commands.push(command);
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_go_on_over_backslashes_and_here_documents() {
        assert_eq!(
            split_commands("a\n\nb \\\n  c\ncat <<'EOF' > f\nx\ny\nEOF\nd\n"),
            ["a", "b \\\n  c", "cat <<'EOF' > f\nx\ny\nEOF", "d"]
        );
    }
}
