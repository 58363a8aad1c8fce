//! Where the characters of a prompt and a line stand in a window, and the bytes that draw them. Edits nothing.

use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

/// A place in rows and columns from where the prompt begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Rows down from the prompt's first row.
    pub row: usize,
    /// Columns from the left.
    pub column: usize,
}

/// The place after each character: `places[0]` is where the first character stands.
fn places(start: Place, letters: &[char], width: usize) -> Vec<Place> {
    let mut at = start;
    let mut places = Vec::with_capacity(letters.len() + 1);
    for letter in letters {
        let size = cells(*letter, at.column);
        if at.column + size > width && *letter != '\n' {
            at = Place { row: at.row + 1, column: 0 };
        }
        places.push(at);
        if *letter == '\n' {
            at = Place { row: at.row + 1, column: 0 };
        } else {
            at.column += size;
        }
    }
    if at.column >= width {
        at = Place { row: at.row + 1, column: 0 };
    }
    places.push(at);
    places
}

/// How many columns a character takes at a column; control characters are shown as `^X`.
fn cells(letter: char, column: usize) -> usize {
    match letter {
        '\n' => 0,
        '\t' => 8 - column % 8,
        _ => letter.width().unwrap_or(2),
    }
}

/// The characters of a prompt that take room: without escape sequences.
pub fn visible(prompt: &str) -> Vec<char> {
    let mut letters = Vec::new();
    let mut rest = prompt.chars();
    while let Some(letter) = rest.next() {
        if letter == '\x1b' {
            // ESC [ ... letter
            for part in rest.by_ref() {
                if part.is_ascii_alphabetic() {
                    break;
                }
            }
        } else if letter == '\n' || !letter.is_control() {
            letters.push(letter);
        }
    }
    letters
}

/// What was drawn last, so that the next drawing finds its way back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    cursor: Place,
}

impl Screen {
    /// Forgets the last drawing: the cursor stands at the start of a fresh row.
    pub fn fresh(&mut self) {
        self.cursor = Place::default();
    }

    /// The cursor stands behind text that something else has printed on this row.
    pub fn behind(&mut self, partial: &str, width: usize) {
        let mut places = places(Place::default(), &visible(partial), width);
        // A full row hangs at its edge: the cursor is still on it.
        self.cursor = places.pop().unwrap_or_default();
        if self.cursor.column == 0 {
            self.cursor.row = self.cursor.row.saturating_sub(1);
        }
    }

    /// The bytes that draw prompt and text over the last drawing, with the cursor at character `cursor`.
    pub fn draw(&mut self, prompt: &str, text: &[char], cursor: usize, width: usize) -> String {
        let mut out = String::new();
        if self.cursor.row > 0 {
            let _ = write!(out, "\x1b[{}A", self.cursor.row);
        }
        out.push_str("\r\x1b[J");
        out.push_str(&prompt.replace('\n', "\r\n"));
        let start = places(Place::default(), &visible(prompt), width).last().copied().unwrap_or_default();
        let places = places(start, text, width);
        for letter in text {
            show(&mut out, *letter);
        }
        let end = places.last().copied().unwrap_or_default();
        // A full last row leaves the terminal hanging at its edge: push it over.
        let full = end.column == 0 && end.row > 0 && text.last() != Some(&'\n');
        if full {
            out.push_str(" \r");
        }
        let target = places.get(cursor).copied().unwrap_or(end);
        if end.row > target.row {
            let _ = write!(out, "\x1b[{}A", end.row - target.row);
        }
        if end != target {
            out.push('\r');
            if target.column > 0 {
                let _ = write!(out, "\x1b[{}C", target.column);
            }
        }
        self.cursor = target;
        out
    }

    /// The bytes that add one character at the end of the text, when that is all that changed and it needs no wrap.
    pub fn append(&mut self, letter: char, width: usize) -> Option<String> {
        let size = cells(letter, self.cursor.column);
        if letter == '\t' || size == 0 || self.cursor.column + size >= width {
            return None;
        }
        self.cursor.column += size;
        let mut out = String::new();
        show(&mut out, letter);
        Some(out)
    }

    /// The bytes that go from the last drawing's cursor to a fresh row below the text.
    pub fn leave(&mut self, prompt: &str, text: &[char], width: usize) -> String {
        let start = places(Place::default(), &visible(prompt), width).last().copied().unwrap_or_default();
        let end = places(start, text, width).last().copied().unwrap_or_default();
        let mut out = String::new();
        if end.row > self.cursor.row {
            let _ = write!(out, "\x1b[{}B", end.row - self.cursor.row);
        }
        // A text that ends at the edge already stands on a fresh row.
        let fresh = end.column == 0 && end.row > 0 && !text.is_empty();
        out.push_str(if fresh { "\r" } else { "\r\n" });
        self.fresh();
        out
    }
}

fn show(out: &mut String, letter: char) {
    match letter {
        '\n' => out.push_str("\r\n"),
        '\t' => out.push('\t'),
        _ if letter.is_control() => {
            out.push('^');
            out.push(char::from_u32(u32::from(letter) ^ 0x40).unwrap_or('?'));
        }
        _ => out.push(letter),
    }
}
