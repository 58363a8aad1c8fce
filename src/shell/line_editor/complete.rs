//! Completion as bash does it: the common prefix first, a list on the second Tab. What can stand at the cursor is
//! the caller's knowledge.

use unicode_width::UnicodeWidthStr;

/// What can stand at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The byte of the line at which the word begins that a candidate replaces.
    pub start: usize,
    /// What can stand there.
    pub candidates: Vec<Candidate>,
}

/// One possibility.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The text that replaces the word, quoted as the shell needs it.
    pub text: String,
    /// How the list shows it.
    pub shown: String,
    /// Whether a blank follows when it is the only one; not so after a directory or `--flag=`.
    pub closed: bool,
}

impl Candidate {
    /// A word that is shown as it is and followed by a blank.
    pub fn word(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { shown: text.clone(), text, closed: true }
    }
}

/// Whoever knows what can stand at the cursor.
pub trait Completer {
    /// What can stand at byte `cursor` of `line`.
    fn complete(&mut self, line: &str, cursor: usize) -> Completion;
}

/// Knows nothing: Tab rings the bell.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCompletion;

impl Completer for NoCompletion {
    fn complete(&mut self, _line: &str, cursor: usize) -> Completion {
        Completion { start: cursor, candidates: Vec::new() }
    }
}

/// The longest beginning that all texts share.
pub fn common_prefix(candidates: &[Candidate]) -> String {
    let Some(first) = candidates.first() else { return String::new() };
    let mut prefix: &str = &first.text;
    for candidate in candidates {
        let shared: usize = prefix
            .chars()
            .zip(candidate.text.chars())
            .take_while(|(left, right)| left == right)
            .map(|(letter, _)| letter.len_utf8())
            .sum();
        prefix = prefix.get(..shared).unwrap_or_default();
    }
    prefix.to_owned()
}

/// The list as bash prints it: columns filled downwards, two blanks between them.
pub fn columns(words: &[&str], width: usize) -> Vec<String> {
    let widest = words.iter().map(|word| word.width()).max().unwrap_or(0) + 2;
    let across = (width / widest).max(1);
    let down = words.len().div_ceil(across);
    let mut lines = Vec::new();
    for row in 0..down {
        let mut line = String::new();
        let mut column = row;
        while let Some(word) = words.get(column) {
            line.push_str(word);
            column += down;
            if column < words.len() {
                line.push_str(&" ".repeat(widest.saturating_sub(word.width())));
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_what_all_candidates_share() {
        let words = |given: &[&str]| given.iter().map(|word| Candidate::word(*word)).collect::<Vec<_>>();
        assert_eq!(common_prefix(&words(&["hello-job", "hello-world"])), "hello-");
        assert_eq!(common_prefix(&words(&["é1", "è1"])), "");
    }

    #[test]
    fn a_list_is_read_downwards() {
        assert_eq!(columns(&["a", "b", "c", "d", "e"], 9), ["a  c  e", "b  d"]);
        assert_eq!(columns(&["longer-than-the-window"], 5), ["longer-than-the-window"]);
    }
}
