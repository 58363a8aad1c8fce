//! The line editor of the learner's terminal: key bytes in, terminal bytes and finished lines out.
//!
//! Keys are bash's (emacs mode). It runs nothing, knows no file and no command: candidates come from a
//! [`Completer`], and whoever owns it decides whether a line is complete or goes on at `> `.

mod buffer;
mod complete;
mod history;
mod screen;

use std::collections::VecDeque;

pub use complete::{Candidate, Completer, Completion, NoCompletion};
pub use history::History;

use super::keys::{Key, KeyDecoder};
use buffer::Buffer;
use screen::Screen;

/// More candidates than this are listed only after a question, as bash does.
const QUESTION: usize = 100;
/// The longest line that is taken, in characters.
const LINE_LIMIT: usize = 100_000;
/// How many keys may wait for the next prompt.
const TYPE_AHEAD: usize = 100_000;

/// How a line came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Enter: the line, which may hold line ends when it was recalled from history.
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line.
    Eof,
}

/// What came of some keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Bytes for the terminal.
    pub bytes: Vec<u8>,
    /// The end of the line, if it came. Keys after it wait for the next `start`.
    pub done: Option<Done>,
}

/// A line being edited, with history and kills.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineEditor {
    decoder: KeyDecoder,
    waiting: VecDeque<Key>,
    buffer: Buffer,
    history: History,
    screen: Screen,
    prompt: String,
    width: usize,
    search: Option<Search>,
    /// The last key was a Tab that changed nothing.
    tabbed: bool,
    /// A list of candidates that waits for `y`.
    question: Option<Vec<String>>,
    /// How many lines Alt-. has gone back.
    last_words: usize,
    quoting: bool,
}

/// An incremental search through the history.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Search {
    needle: String,
    at: Option<usize>,
    forward: bool,
    failing: bool,
    before: (String, usize),
}

impl LineEditor {
    /// An editor for a window of so many columns.
    pub fn new(width: u16) -> Self {
        Self { width: usize::from(width).max(2), ..Self::default() }
    }

    /// Begins a line: draws the prompt and plays the keys that wait from before.
    pub fn start(&mut self, prompt: &str, completer: &mut dyn Completer) -> Output {
        self.start_behind("", prompt, completer)
    }

    /// Begins a line whose prompt stands behind `partial`, output without a line end that the row begins with.
    pub fn start_behind(&mut self, partial: &str, prompt: &str, completer: &mut dyn Completer) -> Output {
        self.prompt = format!("{partial}{prompt}");
        self.buffer.set("");
        self.history.leave();
        self.search = None;
        self.question = None;
        self.tabbed = false;
        self.screen.behind(partial, self.width);
        let mut out = self.draw();
        let rest = self.run(completer);
        out.push_str(&String::from_utf8_lossy(&rest.bytes));
        Output { bytes: out.into_bytes(), done: rest.done }
    }

    /// Takes bytes from the terminal.
    pub fn feed(&mut self, bytes: &[u8], completer: &mut dyn Completer) -> Output {
        let keys = self.decoder.feed(bytes);
        for key in keys {
            self.queue(key);
        }
        self.run(completer)
    }

    /// Takes text as if it had been pasted.
    pub fn paste(&mut self, text: &str, completer: &mut dyn Completer) -> Output {
        self.queue(Key::Paste(super::keys::clean_paste(text)));
        self.run(completer)
    }

    /// Replaces the line by `command` and presses Enter; what stood there can be yanked back with Ctrl-Y.
    pub fn submit(&mut self, command: &str, completer: &mut dyn Completer) -> Output {
        self.leave_search();
        self.question = None;
        let end = self.buffer.chars().len();
        self.buffer.kill(0, end);
        self.buffer.insert(&super::keys::clean_paste(command));
        let mut out = self.draw();
        self.waiting.push_front(Key::Enter);
        let rest = self.run(completer);
        out.push_str(&String::from_utf8_lossy(&rest.bytes));
        Output { bytes: out.into_bytes(), done: rest.done }
    }

    /// The window has another width: draws the line again.
    pub fn resize(&mut self, width: u16) -> Vec<u8> {
        self.width = usize::from(width).max(2);
        self.draw().into_bytes()
    }

    /// The bytes that draw prompt and line once more, on a fresh row.
    pub fn redraw(&mut self) -> Vec<u8> {
        self.screen.fresh();
        self.draw().into_bytes()
    }

    /// The line as it stands.
    pub fn line(&self) -> String {
        self.buffer.text()
    }

    /// Whether keys wait for the next prompt.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Forgets the keys that wait for the next prompt, as Ctrl-C does.
    pub fn drop_waiting(&mut self) {
        self.waiting.clear();
    }

    /// The history.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Keeps a command in the history.
    pub fn remember(&mut self, command: &str) {
        self.history.add(command);
    }

    fn queue(&mut self, key: Key) {
        match key {
            Key::Paste(text) => {
                // Every line of a paste is run; the last stays to be edited.
                let mut lines = text.split('\n').peekable();
                while let Some(line) = lines.next() {
                    if !line.is_empty() {
                        self.waiting.push_back(Key::Paste(line.to_owned()));
                    }
                    if lines.peek().is_some() {
                        self.waiting.push_back(Key::Enter);
                    }
                }
            }
            // Ctrl-C is for now, not for when a paste is through.
            Key::Ctrl('c') => {
                self.waiting.clear();
                self.waiting.push_back(key);
            }
            _ if self.waiting.len() >= TYPE_AHEAD => {}
            _ => self.waiting.push_back(key),
        }
    }

    fn run(&mut self, completer: &mut dyn Completer) -> Output {
        let mut out = String::new();
        while let Some(key) = self.waiting.pop_front() {
            if let Some(done) = self.press(key, completer, &mut out) {
                return Output { bytes: out.into_bytes(), done: Some(done) };
            }
        }
        Output { bytes: out.into_bytes(), done: None }
    }

    fn press(&mut self, key: Key, completer: &mut dyn Completer, out: &mut String) -> Option<Done> {
        if let Some(words) = self.question.take() {
            self.answer(&key, &words, out);
            return None;
        }
        if std::mem::take(&mut self.quoting) {
            if let Key::Ctrl(letter) = key {
                self.buffer.insert(&char::from_u32(u32::from(letter.to_ascii_uppercase()) ^ 0x40)?.to_string());
                out.push_str(&self.draw());
                return None;
            }
        } else if self.search.is_some() && self.search_key(&key, out) {
            return None;
        }
        if key != Key::Tab {
            self.tabbed = false;
        }
        if key != Key::Alt('.') && key != Key::Alt('_') {
            self.last_words = 0;
        }
        match key {
            Key::Enter => return Some(self.finish(out)),
            Key::Ctrl('c') => {
                out.push_str(&self.end_row("^C"));
                self.buffer.set("");
                return Some(Done::Interrupt);
            }
            Key::Ctrl('d') if self.buffer.is_empty() => {
                out.push_str("\r\n");
                self.screen.fresh();
                return Some(Done::Eof);
            }
            Key::Ctrl('l') => {
                out.push_str("\x1b[H\x1b[2J");
                self.screen.fresh();
                out.push_str(&self.draw());
            }
            Key::Tab => self.complete(completer, out),
            Key::Char(letter) => self.type_letter(letter, out),
            key => {
                if self.edit(&key) {
                    out.push_str(&self.draw());
                } else {
                    out.push('\x07');
                }
            }
        }
        None
    }

    fn finish(&mut self, out: &mut String) -> Done {
        out.push_str(&self.end_row(""));
        let line = self.buffer.text();
        self.buffer.set("");
        self.buffer.end_run();
        self.history.leave();
        Done::Line(line)
    }

    /// Leaves the line as it stands, with `mark` behind it, for a fresh row.
    fn end_row(&mut self, mark: &str) -> String {
        let drawn = self.search.is_none() && self.buffer.cursor() == self.buffer.chars().len();
        self.leave_search();
        self.buffer.move_to(usize::MAX);
        let mut out = if drawn { String::new() } else { self.draw() };
        out.push_str(mark);
        out.push_str(&self.screen.leave(&self.prompt, self.buffer.chars(), self.width));
        out
    }

    fn type_letter(&mut self, letter: char, out: &mut String) {
        self.buffer.end_run();
        if self.buffer.chars().len() >= LINE_LIMIT {
            out.push('\x07');
            return;
        }
        let at_end = self.buffer.cursor() == self.buffer.chars().len();
        self.buffer.insert(letter.encode_utf8(&mut [0; 4]));
        match at_end.then(|| self.screen.append(letter, self.width)).flatten() {
            Some(bytes) => out.push_str(&bytes),
            None => out.push_str(&self.draw()),
        }
    }

    /// Keys that change text or cursor; false rings the bell.
    fn edit(&mut self, key: &Key) -> bool {
        let buffer = &mut self.buffer;
        let (cursor, end) = (buffer.cursor(), buffer.chars().len());
        match key {
            Key::Ctrl('k') => buffer.kill(cursor, end),
            Key::Ctrl('u') => buffer.kill(0, cursor),
            Key::Ctrl('w') => buffer.kill(buffer.blank_left(), cursor),
            Key::AltBackspace => buffer.kill(buffer.word_left(), cursor),
            Key::Alt('d') | Key::WordDelete => buffer.kill(cursor, buffer.word_right()),
            Key::Ctrl('y') => {
                buffer.end_run();
                buffer.yank();
            }
            Key::Alt('y') if buffer.is_yanking() => buffer.rotate_yank(),
            _ => {
                buffer.end_run();
                return self.move_or_change(key, cursor, end);
            }
        }
        true
    }

    fn move_or_change(&mut self, key: &Key, cursor: usize, end: usize) -> bool {
        let buffer = &mut self.buffer;
        match key {
            Key::Paste(text) => {
                let room = LINE_LIMIT.saturating_sub(end);
                let text: String = text.chars().take(room).collect();
                buffer.insert(&text);
            }
            Key::Left | Key::Ctrl('b') if cursor > 0 => buffer.move_to(buffer.left()),
            Key::Right | Key::Ctrl('f') if cursor < end => buffer.move_to(buffer.right()),
            Key::Home | Key::Ctrl('a') => buffer.move_to(0),
            Key::End | Key::Ctrl('e') => buffer.move_to(end),
            Key::WordLeft | Key::Alt('b') => buffer.move_to(buffer.word_left()),
            Key::WordRight | Key::Alt('f') => buffer.move_to(buffer.word_right()),
            Key::Backspace if cursor > 0 => drop(buffer.remove(buffer.left(), cursor)),
            Key::Delete | Key::Ctrl('d') if cursor < end => {
                let right = buffer.right();
                buffer.remove(cursor, right);
            }
            Key::Ctrl('t') => buffer.transpose(),
            Key::Ctrl('_') => return buffer.undo(),
            Key::Ctrl('v') => self.quoting = true,
            Key::Alt('u') => buffer.change_word(str::to_uppercase),
            Key::Alt('l') => buffer.change_word(str::to_lowercase),
            Key::Alt('c') => buffer.change_word(capitalise),
            Key::Alt('r') => buffer.set(""),
            Key::Alt('#') => {
                buffer.move_to(0);
                buffer.insert("#");
                self.waiting.push_front(Key::Enter);
            }
            Key::Alt('.' | '_') => return self.insert_last_word(),
            Key::Up | Key::Ctrl('p') => return self.recall(|history, present| history.older(present)),
            Key::Down | Key::Ctrl('n') => return self.recall(|history, _| history.newer()),
            Key::Alt('<') => return self.recall(|history, present| history.oldest(present)),
            Key::Alt('>') => return self.recall(|history, _| history.newest()),
            Key::Ctrl('r') => self.begin_search(false),
            Key::Ctrl('s') => self.begin_search(true),
            // Nothing to do, and nothing to complain about either.
            Key::Escape | Key::Insert | Key::PageUp | Key::PageDown | Key::BlockUp | Key::BlockDown => {}
            Key::Top => buffer.move_to(0),
            Key::Bottom => buffer.move_to(end),
            _ => return false,
        }
        true
    }

    fn recall(&mut self, step: impl Fn(&mut History, &str) -> Option<String>) -> bool {
        match step(&mut self.history, &self.buffer.text()) {
            Some(line) => {
                self.buffer.set(&line);
                true
            }
            None => false,
        }
    }

    fn insert_last_word(&mut self) -> bool {
        let Some(word) = self.history.last_word(self.last_words).map(str::to_owned) else { return false };
        if self.last_words > 0 {
            self.buffer.undo();
        }
        self.last_words += 1;
        self.buffer.insert(&word);
        true
    }

    fn draw(&mut self) -> String {
        match &self.search {
            None => self.screen.draw(&self.prompt, self.buffer.chars(), self.buffer.cursor(), self.width),
            Some(search) => {
                let failed = if search.failing { "failed " } else { "" };
                let way = if search.forward { "i-search" } else { "reverse-i-search" };
                let prompt = format!("({failed}{way})`{}': ", search.needle);
                self.screen.draw(&prompt, self.buffer.chars(), self.buffer.cursor(), self.width)
            }
        }
    }
}

/// Incremental search.
impl LineEditor {
    fn begin_search(&mut self, forward: bool) {
        let before = (self.buffer.text(), self.buffer.cursor());
        self.search = Some(Search { needle: String::new(), at: None, forward, failing: false, before });
    }

    fn leave_search(&mut self) {
        self.search = None;
    }

    /// A key while searching; false when the search has ended and the key is still to be done.
    fn search_key(&mut self, key: &Key, out: &mut String) -> bool {
        let Some(mut search) = self.search.take() else { return false };
        match key {
            Key::Char(letter) => {
                search.needle.push(*letter);
                self.find(&mut search, false);
            }
            Key::Paste(text) => {
                search.needle.push_str(text);
                self.find(&mut search, false);
            }
            Key::Backspace => {
                search.needle.pop();
                search.at = None;
                self.find(&mut search, false);
            }
            Key::Ctrl(letter @ ('r' | 's')) => {
                search.forward = *letter == 's';
                self.find(&mut search, true);
            }
            Key::Ctrl('g') => {
                self.buffer.set(&search.before.0);
                self.buffer.move_to(search.before.1);
                out.push_str(&self.draw());
                return true;
            }
            Key::Escape => {
                out.push_str(&self.draw());
                return true;
            }
            _ => {
                out.push_str(&self.draw());
                return false;
            }
        }
        self.search = Some(search);
        out.push_str(&self.draw());
        true
    }

    fn find(&mut self, search: &mut Search, next: bool) {
        if search.needle.is_empty() {
            search.failing = false;
            return;
        }
        let count = self.history.lines().len();
        let found = if search.forward {
            let from = search.at.map_or(count, |at| at + usize::from(next));
            self.history.find_forward(&search.needle, from)
        } else {
            let before = search.at.map_or(count, |at| at + usize::from(!next));
            self.history.find_back(&search.needle, before)
        };
        search.failing = found.is_none();
        if let Some(at) = found {
            search.at = Some(at);
            let line = self.history.lines().get(at).cloned().unwrap_or_default();
            let byte = line.find(&search.needle).unwrap_or(0);
            let column = line.get(..byte).unwrap_or_default().chars().count();
            self.buffer.set(&line);
            self.buffer.move_to(column);
        }
    }
}

/// Tab.
impl LineEditor {
    fn complete(&mut self, completer: &mut dyn Completer, out: &mut String) {
        self.buffer.end_run();
        let line = self.buffer.text();
        let head: String = self.buffer.chars().iter().take(self.buffer.cursor()).collect();
        let found = completer.complete(&line, head.len());
        let start = head.get(..found.start).map_or(self.buffer.cursor(), |before| before.chars().count());
        let mut candidates = found.candidates;
        candidates.sort();
        candidates.dedup();
        let word: String = head.chars().skip(start).collect();
        match candidates.as_slice() {
            [] => out.push('\x07'),
            [only] => {
                let blank = if only.closed { " " } else { "" };
                self.buffer.replace_back_to(start, &format!("{}{blank}", only.text));
                out.push_str(&self.draw());
            }
            several => {
                let prefix = complete::common_prefix(several);
                if prefix.len() > word.len() && prefix.starts_with(&word)
                    || prefix.len() >= word.len() && prefix != word
                {
                    self.buffer.replace_back_to(start, &prefix);
                    self.tabbed = false;
                    out.push_str(&self.draw());
                } else if self.tabbed {
                    self.offer(several, out);
                } else {
                    self.tabbed = true;
                    out.push('\x07');
                }
            }
        }
    }

    fn offer(&mut self, candidates: &[Candidate], out: &mut String) {
        let words: Vec<String> = candidates.iter().map(|candidate| candidate.shown.clone()).collect();
        out.push_str(&self.below());
        if words.len() > QUESTION {
            out.push_str(&format!("Display all {} possibilities? (y or n)", words.len()));
            self.question = Some(words);
            return;
        }
        self.list(&words, out);
    }

    fn answer(&mut self, key: &Key, words: &[String], out: &mut String) {
        out.push_str("\r\n");
        match key {
            Key::Char('y' | 'Y' | ' ') | Key::Tab => self.list(words, out),
            _ => {
                self.screen.fresh();
                out.push_str(&self.draw());
            }
        }
    }

    fn list(&mut self, words: &[String], out: &mut String) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for line in complete::columns(&words, self.width) {
            out.push_str(&line);
            out.push_str("\r\n");
        }
        self.screen.fresh();
        out.push_str(&self.draw());
    }

    /// Goes to a fresh row below the line without changing the cursor's place in the text.
    fn below(&mut self) -> String {
        self.screen.leave(&self.prompt, self.buffer.chars(), self.width)
    }
}

fn capitalise(word: &str) -> String {
    let mut done = false;
    word.chars()
        .flat_map(|letter| {
            let first = !done && letter.is_alphanumeric();
            done |= first;
            if first { letter.to_uppercase().collect::<Vec<_>>() } else { letter.to_lowercase().collect() }
        })
        .collect()
}

#[cfg(test)]
mod tests;
