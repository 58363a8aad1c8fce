//! The lines that were run, newest last: bounded, without blanks-first lines and older equals. Stores nothing.

/// How many lines are kept, as bash's HISTSIZE.
const LIMIT: usize = 1_000;

/// The lines, and where a walk through them stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    lines: Vec<String>,
    /// The index shown at present; none for the line being written.
    at: Option<usize>,
    /// The line that was being written when the walk began.
    draft: String,
}

impl History {
    /// Every line, oldest first.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Keeps a line (`HISTCONTROL=ignorespace:erasedups`) and ends a walk.
    pub fn add(&mut self, line: &str) {
        self.at = None;
        if line.trim().is_empty() || line.starts_with(' ') {
            return;
        }
        self.lines.retain(|kept| kept != line);
        self.lines.push(line.to_owned());
        if self.lines.len() > LIMIT {
            self.lines.remove(0);
        }
    }

    /// Ends a walk: the next `older` starts from the newest line.
    pub fn leave(&mut self) {
        self.at = None;
    }

    /// The line before the present one.
    pub fn older(&mut self, present: &str) -> Option<String> {
        let next = self.at.unwrap_or(self.lines.len()).checked_sub(1)?;
        if self.at.is_none() {
            present.clone_into(&mut self.draft);
        }
        self.at = Some(next);
        self.lines.get(next).cloned()
    }

    /// The line after the present one; after the newest, the draft.
    pub fn newer(&mut self) -> Option<String> {
        let next = self.at? + 1;
        if next >= self.lines.len() {
            self.at = None;
            return Some(self.draft.clone());
        }
        self.at = Some(next);
        self.lines.get(next).cloned()
    }

    /// The first line.
    pub fn oldest(&mut self, present: &str) -> Option<String> {
        let first = self.older(present)?;
        self.at = Some(0);
        self.lines.first().cloned().or(Some(first))
    }

    /// The draft, from anywhere.
    pub fn newest(&mut self) -> Option<String> {
        self.at.take().map(|_| self.draft.clone())
    }

    /// The newest line before index `before` that contains `needle`.
    pub fn find_back(&self, needle: &str, before: usize) -> Option<usize> {
        let lines = self.lines.get(..before.min(self.lines.len())).unwrap_or_default();
        lines.iter().rposition(|line| line.contains(needle))
    }

    /// The oldest line from index `from` that contains `needle`.
    pub fn find_forward(&self, needle: &str, from: usize) -> Option<usize> {
        let found = self.lines.iter().skip(from).position(|line| line.contains(needle))?;
        Some(from + found)
    }

    /// The last blank-separated word of the line `back` lines ago.
    pub fn last_word(&self, back: usize) -> Option<&str> {
        let line = self.lines.iter().rev().nth(back)?;
        line.split_whitespace().last()
    }
}
