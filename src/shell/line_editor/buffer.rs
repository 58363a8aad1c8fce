//! The text of one command line with a cursor, kills and undo. Draws nothing.

use unicode_width::UnicodeWidthChar;

/// How many kills are remembered.
const RING: usize = 10;
/// How many changes can be undone.
const UNDO: usize = 100;

/// Text, cursor, kill ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buffer {
    text: Vec<char>,
    cursor: usize,
    kills: Vec<String>,
    /// Whether the last command killed, so that the next kill joins it.
    killing: bool,
    /// Where the last yank began, while Alt-Y may rotate it.
    yanked: Option<usize>,
    undo: Vec<(Vec<char>, usize)>,
}

impl Buffer {
    /// The text.
    pub fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// The characters.
    pub fn chars(&self) -> &[char] {
        &self.text
    }

    /// The cursor, counted in characters.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Replaces the text; the cursor goes to its end.
    pub fn set(&mut self, text: &str) {
        self.text = text.chars().collect();
        self.cursor = self.text.len();
        self.undo.clear();
    }

    /// Moves the cursor to a character's index, at most to the end.
    pub fn move_to(&mut self, cursor: usize) {
        self.cursor = cursor.min(self.text.len());
    }

    /// Tells that the last command was no kill and no yank.
    pub fn end_run(&mut self) {
        self.killing = false;
        self.yanked = None;
    }

    /// Whether the last command was a yank.
    pub fn is_yanking(&self) -> bool {
        self.yanked.is_some()
    }

    /// Inserts text at the cursor.
    pub fn insert(&mut self, text: &str) {
        self.remember();
        let letters: Vec<char> = text.chars().collect();
        let count = letters.len();
        self.text.splice(self.cursor..self.cursor, letters);
        self.cursor += count;
    }

    /// Replaces the characters from `start` to the cursor.
    pub fn replace_back_to(&mut self, start: usize, text: &str) {
        self.remember();
        let start = start.min(self.cursor);
        let letters: Vec<char> = text.chars().collect();
        let count = letters.len();
        self.text.splice(start..self.cursor, letters);
        self.cursor = start + count;
    }

    /// Removes the characters between two indices without keeping them.
    pub fn remove(&mut self, from: usize, to: usize) -> String {
        let (from, to) = (from.min(self.text.len()), to.min(self.text.len()));
        if from >= to {
            return String::new();
        }
        self.remember();
        self.cursor = from;
        self.text.drain(from..to).collect()
    }

    /// Removes the characters between two indices and keeps them for a yank.
    pub fn kill(&mut self, from: usize, to: usize) {
        let before_cursor = from < self.cursor;
        let killed = self.remove(from, to);
        if killed.is_empty() {
            return;
        }
        match self.kills.last_mut().filter(|_| self.killing) {
            Some(last) if before_cursor => *last = killed + last,
            Some(last) => last.push_str(&killed),
            None => {
                self.kills.push(killed);
                if self.kills.len() > RING {
                    self.kills.remove(0);
                }
            }
        }
        self.killing = true;
    }

    /// Inserts the last kill.
    pub fn yank(&mut self) {
        let Some(last) = self.kills.last().cloned() else { return };
        let start = self.cursor;
        self.insert(&last);
        self.yanked = Some(start);
    }

    /// Straight after a yank: the kill before it instead.
    pub fn rotate_yank(&mut self) {
        let Some(start) = self.yanked else { return };
        if let Some(last) = self.kills.pop() {
            self.kills.insert(0, last);
        }
        let next = self.kills.last().cloned().unwrap_or_default();
        self.replace_back_to(start, &next);
        self.yanked = Some(start);
    }

    /// Takes the last change back.
    pub fn undo(&mut self) -> bool {
        match self.undo.pop() {
            Some((text, cursor)) => {
                (self.text, self.cursor) = (text, cursor);
                true
            }
            None => false,
        }
    }

    /// Swaps the two characters around the cursor.
    pub fn transpose(&mut self) {
        let at = if self.cursor == self.text.len() { self.cursor.saturating_sub(1) } else { self.cursor };
        if at == 0 || self.text.len() < 2 {
            return;
        }
        self.remember();
        self.text.swap(at - 1, at);
        self.cursor = at + 1;
    }

    /// Rewrites the next word with `change` and goes to its end.
    pub fn change_word(&mut self, change: impl Fn(&str) -> String) {
        let end = self.word_right();
        let word: String = self.text.get(self.cursor..end).unwrap_or_default().iter().collect();
        self.remember();
        let letters: Vec<char> = change(&word).chars().collect();
        let count = letters.len();
        self.text.splice(self.cursor..end, letters);
        self.cursor += count;
    }

    /// One character to the left, over combining marks.
    pub fn left(&self) -> usize {
        let mut at = self.cursor;
        while at > 0 {
            at -= 1;
            if self.text.get(at).is_some_and(|letter| !is_mark(*letter)) {
                break;
            }
        }
        at
    }

    /// One character to the right, over combining marks.
    pub fn right(&self) -> usize {
        let mut at = (self.cursor + 1).min(self.text.len());
        while self.text.get(at).is_some_and(|letter| is_mark(*letter)) {
            at += 1;
        }
        at
    }

    /// The start of the word before the cursor; words are letters and digits.
    pub fn word_left(&self) -> usize {
        let mut at = self.cursor;
        while at > 0 && !self.is_word(at - 1) {
            at -= 1;
        }
        while at > 0 && self.is_word(at - 1) {
            at -= 1;
        }
        at
    }

    /// The end of the word after the cursor.
    pub fn word_right(&self) -> usize {
        let mut at = self.cursor;
        while at < self.text.len() && !self.is_word(at) {
            at += 1;
        }
        while at < self.text.len() && self.is_word(at) {
            at += 1;
        }
        at
    }

    /// The start of the blank-separated word before the cursor, for Ctrl-W.
    pub fn blank_left(&self) -> usize {
        let blank = |at: usize| self.text.get(at).is_none_or(|letter| letter.is_whitespace());
        let mut at = self.cursor;
        while at > 0 && blank(at - 1) {
            at -= 1;
        }
        while at > 0 && !blank(at - 1) {
            at -= 1;
        }
        at
    }

    fn is_word(&self, at: usize) -> bool {
        self.text.get(at).is_some_and(|letter| letter.is_alphanumeric())
    }

    fn remember(&mut self) {
        self.undo.push((self.text.clone(), self.cursor));
        if self.undo.len() > UNDO {
            self.undo.remove(0);
        }
    }
}

fn is_mark(letter: char) -> bool {
    letter != '\n' && letter.width() == Some(0)
}
