//! The text that nano edits: lines, a cursor that remembers its column, cuts, undo. Draws nothing, reads no file.

use std::sync::Arc;

use unicode_width::UnicodeWidthChar;

/// How many changes can be undone.
const UNDO: usize = 500;
/// Columns of a tab stop.
const TAB: usize = 8;

/// A place in the text: a line and a character of it, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character within it.
    pub column: usize,
}

/// What a change was, in the words of "Undid ...".
pub type ChangeName = &'static str;

type Lines = Vec<Arc<Vec<char>>>;

#[derive(Clone, Debug)]
struct Past {
    lines: Lines,
    cursor: Place,
    name: ChangeName,
    modified: bool,
}

/// The text, its cursor, what was cut.
#[derive(Clone, Debug)]
pub struct Text {
    lines: Lines,
    /// Where the next character goes.
    pub cursor: Place,
    /// The other end of a marked region.
    pub mark: Option<Place>,
    /// Whether the text differs from the file.
    pub modified: bool,
    wanted: Option<usize>,
    cut: String,
    cutting: bool,
    undo: Vec<Past>,
    redo: Vec<Past>,
    /// Where the last typed character ended, so that the next one joins its change.
    typing_at: Option<Place>,
}

impl Text {
    /// The text of a file. A last line end makes an empty last line, as nano shows it.
    pub fn new(content: &str) -> Self {
        let lines = content.split('\n').map(|line| Arc::new(line.trim_end_matches('\r').chars().collect())).collect();
        Self {
            lines,
            cursor: Place::default(),
            mark: None,
            modified: false,
            wanted: None,
            cut: String::new(),
            cutting: false,
            undo: Vec::new(),
            redo: Vec::new(),
            typing_at: None,
        }
    }

    /// The file's content: every line ends with a line end.
    pub fn content(&self) -> String {
        let mut content = String::new();
        for (index, line) in self.lines.iter().enumerate() {
            if index + 1 == self.lines.len() && line.is_empty() {
                break;
            }
            content.extend(line.iter());
            content.push('\n');
        }
        content
    }

    /// How many lines the file has: an empty last one does not count.
    pub fn line_count(&self) -> usize {
        self.lines.len() - usize::from(self.lines.last().is_some_and(|line| line.is_empty()))
    }

    /// How many lines the buffer has, at least 1.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// The characters of a line; none beyond the end.
    pub fn line(&self, index: usize) -> &[char] {
        self.lines.get(index).map_or(&[], |line| line.as_slice())
    }

    /// The last place of the text.
    pub fn end(&self) -> Place {
        let line = self.lines.len().saturating_sub(1);
        Place { line, column: self.line(line).len() }
    }

    /// How many characters come before a place, line ends included.
    pub fn offset(&self, place: Place) -> usize {
        self.lines.iter().take(place.line).map(|line| line.len() + 1).sum::<usize>() + place.column
    }

    /// The text between two places.
    pub fn between(&self, from: Place, to: Place) -> String {
        let mut text = String::new();
        for index in from.line..=to.line.min(self.lines.len().saturating_sub(1)) {
            let line = self.line(index);
            let start = if index == from.line { from.column } else { 0 };
            let end = if index == to.line { to.column } else { line.len() };
            text.extend(line.get(start..end).unwrap_or_default());
            if index != to.line {
                text.push('\n');
            }
        }
        text
    }

    /// The marked region, from its first to behind its last character.
    pub fn region(&self) -> Option<(Place, Place)> {
        let mark = self.mark?;
        Some((mark.min(self.cursor), mark.max(self.cursor)))
    }
}

/// Movement.
impl Text {
    /// Puts the cursor to a place, or the nearest one that exists.
    pub fn go(&mut self, line: usize, column: usize) {
        let line = line.min(self.lines.len().saturating_sub(1));
        self.cursor = Place { line, column: column.min(self.line(line).len()) };
        self.moved();
    }

    /// One character back, over the line's start.
    pub fn left(&mut self) {
        if self.cursor.column > 0 {
            let mut column = self.cursor.column - 1;
            while column > 0 && self.line(self.cursor.line).get(column).is_some_and(|letter| is_mark(*letter)) {
                column -= 1;
            }
            self.go(self.cursor.line, column);
        } else if self.cursor.line > 0 {
            self.go(self.cursor.line - 1, usize::MAX);
        }
    }

    /// One character on, over the line's end.
    pub fn right(&mut self) {
        let length = self.line(self.cursor.line).len();
        if self.cursor.column < length {
            let mut column = self.cursor.column + 1;
            while self.line(self.cursor.line).get(column).is_some_and(|letter| is_mark(*letter)) {
                column += 1;
            }
            self.go(self.cursor.line, column);
        } else if self.cursor.line + 1 < self.lines.len() {
            self.go(self.cursor.line + 1, 0);
        }
    }

    /// Lines up (negative) or down, keeping the column that was wanted.
    pub fn vertical(&mut self, by: isize) {
        let wanted = self.wanted.unwrap_or_else(|| self.display_column(self.cursor));
        let line = self.cursor.line.saturating_add_signed(by).min(self.lines.len().saturating_sub(1));
        let column = self.column_at(line, wanted);
        self.go(line, column);
        self.wanted = Some(wanted);
    }

    /// The start of the word before the cursor.
    pub fn word_left(&mut self) {
        self.left();
        while self.cursor > Place::default() && !self.is_word(self.cursor, 0) {
            self.left();
        }
        while self.cursor.column > 0 && self.is_word(self.cursor, 1) {
            self.left();
        }
    }

    /// The start of the word after the cursor.
    pub fn word_right(&mut self) {
        let end = self.end();
        while self.cursor < end && self.is_word(self.cursor, 0) {
            self.right();
        }
        while self.cursor < end && !self.is_word(self.cursor, 0) {
            self.right();
        }
    }

    fn is_word(&self, place: Place, back: usize) -> bool {
        let column = place.column.checked_sub(back);
        column.and_then(|column| self.line(place.line).get(column)).is_some_and(|letter| letter.is_alphanumeric())
    }

    /// The screen column of a place within its line.
    pub fn display_column(&self, place: Place) -> usize {
        let letters = self.line(place.line).iter().take(place.column);
        letters.fold(0, |at, letter| at + cells(*letter, at))
    }

    fn column_at(&self, line: usize, wanted: usize) -> usize {
        let mut at = 0;
        for (index, letter) in self.line(line).iter().enumerate() {
            at += cells(*letter, at);
            if at > wanted {
                return index;
            }
        }
        self.line(line).len()
    }

    fn moved(&mut self) {
        self.wanted = None;
        self.cutting = false;
        self.typing_at = None;
    }
}

/// Changes.
impl Text {
    /// Types a character or a line end.
    pub fn type_letter(&mut self, letter: char) {
        let joins = self.typing_at == Some(self.cursor) && letter != '\n';
        if !joins {
            self.remember(if letter == '\n' { "line break" } else { "addition" });
        }
        self.put(letter.encode_utf8(&mut [0; 4]));
        self.typing_at = (letter != '\n').then_some(self.cursor);
    }

    /// Inserts text as one change.
    pub fn insert(&mut self, text: &str, name: ChangeName) {
        if !text.is_empty() {
            self.remember(name);
            self.put(text);
        }
    }

    /// Deletes the character before the cursor.
    pub fn backspace(&mut self) -> bool {
        let end = self.cursor;
        self.left();
        if self.cursor == end {
            return false;
        }
        let start = self.cursor;
        self.cursor = end;
        self.remember(if start.line == end.line { "deletion" } else { "line join" });
        self.take_out(start, end);
        true
    }

    /// Deletes the character under the cursor.
    pub fn delete(&mut self) -> bool {
        let start = self.cursor;
        self.right();
        let end = self.cursor;
        self.cursor = start;
        if start == end {
            return false;
        }
        self.remember(if start.line == end.line { "deletion" } else { "line join" });
        self.take_out(start, end);
        true
    }

    /// Deletes the word after the cursor (`back`: before it).
    pub fn delete_word(&mut self, back: bool) {
        let from = self.cursor;
        if back {
            self.word_left()
        } else {
            self.word_right()
        }
        let to = self.cursor;
        self.cursor = from;
        if from != to {
            self.remember("deletion");
            self.take_out(from.min(to), from.max(to));
        }
    }

    /// Cuts the marked region, else the whole line; lines cut one after the other are pasted together.
    pub fn cut(&mut self) -> bool {
        let marked = self.region();
        let line = Place { line: self.cursor.line, column: 0 };
        let next = Place { line: self.cursor.line + 1, column: 0 };
        let (from, to) = marked.unwrap_or((line, next.min(self.end())));
        if from >= to {
            return false;
        }
        let joins = self.cutting && marked.is_none();
        self.remember("cut");
        let text = self.between(from, to);
        if joins {
            self.cut.push_str(&text);
        } else {
            self.cut = text;
        }
        self.mark = None;
        self.take_out(from, to);
        self.cutting = marked.is_none();
        true
    }

    /// Copies the marked region, else the line.
    pub fn copy(&mut self) -> bool {
        let line = Place { line: self.cursor.line, column: 0 };
        let next = Place { line: self.cursor.line + 1, column: 0 };
        let (from, to) = self.region().unwrap_or((line, next.min(self.end())));
        if from >= to {
            return false;
        }
        self.cut = self.between(from, to);
        if self.mark.take().is_none() {
            self.vertical(1);
        }
        true
    }

    /// Pastes what was cut or copied.
    pub fn paste(&mut self) -> bool {
        let cut = self.cut.clone();
        self.insert(&cut, "paste");
        !cut.is_empty()
    }

    /// Replaces a piece of one line.
    pub fn replace(&mut self, at: Place, length: usize, by: &str) {
        self.cursor = at;
        self.remember("replacement");
        self.take_out(at, Place { line: at.line, column: at.column + length });
        self.put(by);
    }

    /// Takes the last change back; tells what it was.
    pub fn undo(&mut self) -> Option<ChangeName> {
        let past = self.undo.pop()?;
        Some(self.swap(past, true))
    }

    /// Does the last undone change again.
    pub fn redo(&mut self) -> Option<ChangeName> {
        let past = self.redo.pop()?;
        Some(self.swap(past, false))
    }

    fn swap(&mut self, past: Past, to_redo: bool) -> ChangeName {
        let name = past.name;
        let lines = std::mem::replace(&mut self.lines, past.lines);
        let now = Past { lines, cursor: self.cursor, name, modified: self.modified };
        if to_redo {
            self.redo.push(now)
        } else {
            self.undo.push(now)
        }
        self.cursor = past.cursor;
        self.modified = past.modified;
        self.mark = None;
        self.moved();
        name
    }

    fn remember(&mut self, name: ChangeName) {
        self.moved();
        self.redo.clear();
        self.undo.push(Past { lines: self.lines.clone(), cursor: self.cursor, name, modified: self.modified });
        if self.undo.len() > UNDO {
            self.undo.remove(0);
        }
        self.modified = true;
    }

    /// Tells that the text is what the file holds; older states of it are not.
    pub fn saved(&mut self) {
        self.modified = false;
        self.typing_at = None;
        for past in self.undo.iter_mut().chain(&mut self.redo) {
            past.modified = true;
        }
    }

    fn put(&mut self, text: &str) {
        let Some(line) = self.lines.get(self.cursor.line) else { return };
        let (head, tail) = line.split_at(self.cursor.column.min(line.len()));
        let mut parts: Lines = text.split('\n').map(|part| Arc::new(part.chars().collect())).collect();
        let (head, tail) = (head.to_vec(), tail.to_vec());
        let added = parts.len() - 1;
        if let Some(first) = parts.first_mut() {
            Arc::make_mut(first).splice(0..0, head);
        }
        let column = parts.last().map_or(0, |last| last.len());
        if let Some(last) = parts.last_mut() {
            Arc::make_mut(last).extend(tail);
        }
        self.lines.splice(self.cursor.line..=self.cursor.line, parts);
        self.cursor = Place { line: self.cursor.line + added, column };
        // Text on the last line gets an empty line below it, as nano keeps one at the end.
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(Arc::new(Vec::new()));
        }
    }

    fn take_out(&mut self, from: Place, to: Place) {
        let tail = self.line(to.line).get(to.column..).unwrap_or_default().to_vec();
        let last = to.line.min(self.lines.len().saturating_sub(1));
        if let Some(line) = self.lines.get_mut(from.line) {
            let line = Arc::make_mut(line);
            line.truncate(from.column);
            line.extend(tail);
        }
        self.lines.drain((from.line + 1).min(last + 1)..=last);
        self.cursor = from;
    }
}

/// How many columns a character takes at a column.
pub fn cells(letter: char, column: usize) -> usize {
    if letter == '\t' { TAB - column % TAB } else { letter.width().unwrap_or(2) }
}

fn is_mark(letter: char) -> bool {
    letter.width() == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_ends_with_a_line_end_however_it_was_typed() {
        for (read, written, count) in [("", "", 0), ("a", "a\n", 1), ("a\nb\n", "a\nb\n", 2), ("a\r\nb", "a\nb\n", 2)] {
            let text = Text::new(read);
            assert_eq!((text.content().as_str(), text.line_count()), (written, count));
        }
    }

    #[test]
    fn lines_cut_one_after_the_other_are_pasted_together() {
        let mut text = Text::new("a\nb\nc\n");
        assert!(text.cut() && text.cut());
        assert_eq!(text.content(), "c\n");
        text.go(1, 0);
        assert!(text.paste());
        assert_eq!(text.content(), "c\na\nb\n");
        text.go(0, 0);
        text.cut();
        text.vertical(1);
        text.cut();
        text.go(9, 0);
        text.paste();
        assert_eq!(text.content(), "a\nb\n", "a move between two cuts starts a new cut");
    }

    #[test]
    fn every_change_can_be_undone_and_done_again() {
        let mut text = Text::new("one two\nthree\n");
        let changes: [fn(&mut Text); 6] = [
            |text| "ab".chars().for_each(|letter| text.type_letter(letter)),
            |text| text.type_letter('\n'),
            |text| text.insert("x\ny", "insertion"),
            |text| assert!(text.backspace()),
            |text| assert!(text.cut()),
            |text| text.delete_word(true),
        ];
        let mut states = vec![text.content()];
        for change in changes {
            change(&mut text);
            states.push(text.content());
        }
        for state in states.iter().rev().skip(1) {
            assert!(text.undo().is_some());
            assert_eq!(&text.content(), state);
        }
        assert!(text.undo().is_none() && !text.modified);
        while text.redo().is_some() {}
        assert_eq!(Some(&text.content()), states.last());
    }

    #[test]
    fn the_cursor_keeps_its_column_over_a_short_line() {
        let mut text = Text::new("\tlong line\nab\n漢字漢字漢字漢字\n");
        text.go(0, 3);
        text.vertical(1);
        assert_eq!(text.cursor, Place { line: 1, column: 2 });
        text.vertical(1);
        assert_eq!(text.cursor, Place { line: 2, column: 5 });
    }
}
