//! Where a search finds its text: case, regular expressions, direction, wrapping. Moves nothing.

use regex_lite::{Regex, RegexBuilder};

use super::text::{Place, Text};

/// What to look for and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// The text or expression.
    pub text: String,
    /// Upper and lower case differ.
    pub case: bool,
    /// The text is a regular expression.
    pub regex: bool,
    /// Towards the start.
    pub backwards: bool,
}

/// A hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it begins.
    pub at: Place,
    /// How many characters it has.
    pub length: usize,
    /// Whether the search went over the end of the text to find it.
    pub wrapped: bool,
}

impl Pattern {
    /// The expression that this looks for.
    ///
    /// # Errors
    /// The words of nano for an expression that cannot be read.
    pub fn compile(&self) -> Result<Regex, String> {
        let source = if self.regex { self.text.clone() } else { regex_lite::escape(&self.text) };
        RegexBuilder::new(&source)
            .case_insensitive(!self.case)
            .build()
            .map_err(|error| format!("Bad regex \"{}\": {error}", self.text))
    }

    /// The next hit from `from`, not at `from` itself unless nothing else is there.
    ///
    /// # Errors
    /// As `compile`.
    pub fn find(&self, text: &Text, from: Place) -> Result<Option<Found>, String> {
        let regex = self.compile()?;
        let count = text.len();
        // The line of the cursor is looked at twice: what is ahead first, and at the very end what is behind.
        for step in 0..=count {
            let line = if self.backwards { (from.line + 2 * count - step) % count } else { (from.line + step) % count };
            let wrapped = if self.backwards { step > from.line } else { from.line + step >= count };
            let hits = hits(&regex, text.line(line));
            let fits = |hit: &&(usize, usize)| match (step == 0, step == count) {
                (true, _) if self.backwards => hit.0 < from.column,
                (true, _) => hit.0 > from.column,
                (_, true) if self.backwards => hit.0 >= from.column,
                (_, true) => hit.0 <= from.column,
                _ => true,
            };
            let hit = if self.backwards { hits.iter().rev().find(fits) } else { hits.iter().find(fits) };
            if let Some((column, length)) = hit {
                return Ok(Some(Found { at: Place { line, column: *column }, length: *length, wrapped }));
            }
        }
        Ok(None)
    }

    /// The first hit at `from` or after it, without wrapping.
    ///
    /// # Errors
    /// As `compile`.
    pub fn find_on(&self, text: &Text, from: Place) -> Result<Option<Found>, String> {
        let regex = self.compile()?;
        for line in from.line..text.len() {
            let start = if line == from.line { from.column } else { 0 };
            let hits = hits(&regex, text.line(line));
            if let Some((column, length)) = hits.iter().find(|hit| hit.0 >= start && hit.1 > 0) {
                return Ok(Some(Found { at: Place { line, column: *column }, length: *length, wrapped: false }));
            }
        }
        Ok(None)
    }
}

/// Start and length of every hit in a line, in characters.
fn hits(regex: &Regex, line: &[char]) -> Vec<(usize, usize)> {
    let text: String = line.iter().collect();
    let (mut bytes, mut letters) = (0, 0);
    regex
        .find_iter(&text)
        .map(|hit| {
            letters += text.get(bytes..hit.start()).map_or(0, |between| between.chars().count());
            bytes = hit.start();
            (letters, hit.as_str().chars().count())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_goes_on_behind_the_cursor_and_wraps() {
        let text = Text::new("one two\nONE\nthree one one\n");
        let find = |line, column, backwards| {
            let pattern = Pattern { text: "one".into(), backwards, ..Pattern::default() };
            pattern.find(&text, Place { line, column }).unwrap().map(|hit| (hit.at.line, hit.at.column, hit.wrapped))
        };
        assert_eq!(find(0, 0, false), Some((1, 0, false)));
        assert_eq!(find(2, 6, false), Some((2, 10, false)));
        assert_eq!(find(2, 10, false), Some((0, 0, true)));
        assert_eq!(find(0, 0, true), Some((2, 10, true)));
        assert_eq!(find(2, 10, true), Some((2, 6, false)));
        let single = Text::new("x\nonly\n");
        let pattern = Pattern { text: "only".into(), ..Pattern::default() };
        assert_eq!(pattern.find(&single, Place { line: 1, column: 0 }).unwrap().map(|hit| hit.at.line), Some(1));
        assert_eq!(Pattern { text: "none".into(), ..Pattern::default() }.find(&text, Place::default()), Ok(None));
    }
}
