//! What the commands of a lesson printed when its author last looked, kept beside it in `transcript.json`. Normalised,
//! so that two recordings of the same lesson are the same text. Runs nothing.

use serde::{Deserialize, Serialize};

use super::normalise::normalise;

/// The name of the file.
pub const FILE: &str = "transcript.json";
/// What an author does about a transcript that is not right.
pub const RECORD: &str = "If what it prints now is right, run `tabernetes lesson record` and look at the difference.";

/// The commands of a lesson in the order of its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// What was run.
    pub commands: Vec<Recorded>,
}

/// A command and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The command.
    pub run: String,
    /// Its exit code.
    pub exit: i32,
    /// What it printed and complained, normalised.
    pub output: Vec<String>,
}

impl Recorded {
    /// Of a command that has just ended.
    pub fn new(run: &str, exit: i32, printed: &str) -> Self {
        let normal = normalise(printed);
        let mut output: Vec<String> = normal.lines().map(str::to_owned).collect();
        // Where names are generated, the order of lines follows them.
        if ["<x>", "<hash>", "<uid>"].iter().any(|mark| normal.contains(mark)) {
            output.sort();
        }
        Self { run: run.to_owned(), exit, output }
    }

    /// How this differs from what was recorded before; `None` when it does not.
    pub fn differs(&self, before: &Recorded) -> Option<String> {
        if self.exit != before.exit {
            return Some(format!("it ends with exit code {}, recorded is {}", self.exit, before.exit));
        }
        let longest = self.output.len().max(before.output.len());
        let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_else(|| "(nothing more)".to_owned());
        let apart = (0..longest).map(|at| (line(&before.output, at), line(&self.output, at))).find(|(a, b)| a != b);
        apart.map(|(before, now)| format!("recorded is\n    {before}\nwhere it prints\n    {now}"))
    }
}

impl Transcript {
    /// As the text of the file: a line for each line that was printed, so that a change can be read.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// From the text of the file.
    ///
    /// # Errors
    /// The line, and what is wrong with it.
    pub fn from_text(text: &str) -> Result<Self, (usize, String)> {
        serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            let plain = message.split(" at line ").next().unwrap_or(&message).to_owned();
            (error.line().max(1), format!("{plain}; `tabernetes lesson record` writes this file"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_of_one_lesson_make_the_same_file() {
        let first = Recorded::new("kubectl get pods", 0, "NAME          AGE\na-x7k2p       3s\na-b4c5d       12s\n");
        let second = Recorded::new("kubectl get pods", 0, "NAME        AGE\na-zzzzz     1m3s\na-xxxxx     2s\n");
        assert_eq!(first, second);
        let transcript = Transcript { commands: vec![first] };
        assert_eq!(Transcript::from_text(&transcript.to_text()), Ok(transcript));
    }

    #[test]
    fn a_difference_is_told_by_its_first_line() {
        let differs = |now: &str, exit| Recorded::new("c", exit, now).differs(&Recorded::new("c", 0, "one\ntwo\n"));
        assert_eq!(differs("one\ntwo\n", 0), None);
        assert_eq!(differs("one\nthree\n", 0).unwrap(), "recorded is\n    two\nwhere it prints\n    three");
        assert_eq!(differs("one\n", 0).unwrap(), "recorded is\n    two\nwhere it prints\n    (nothing more)");
        assert_eq!(differs("one\ntwo\n", 1).unwrap(), "it ends with exit code 1, recorded is 0");
        let told = Transcript::from_text("{\n\"command\": []}").unwrap_err();
        assert_eq!(told.0, 2);
        assert!(told.1.starts_with("unknown field `command`"), "{}", told.1);
    }
}
