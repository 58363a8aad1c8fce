//! nano's questions in the status line: what they are called, which keys they offer, what an answer does.

use super::search::Pattern;
use super::text::Place;
use super::{Mode, Nano, line_and_column};
use crate::shell::keys::Key;
use crate::shell::program::System;

/// One line of input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    letters: Vec<char>,
    cursor: usize,
}

impl Input {
    fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        Self { cursor: letters.len(), letters }
    }

    /// The characters.
    pub fn letters(&self) -> &[char] {
        &self.letters
    }

    /// The cursor.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    fn text(&self) -> String {
        self.letters.iter().collect()
    }

    fn insert(&mut self, text: &str) {
        for letter in text.chars().filter(|letter| *letter != '\n').take(4_096) {
            self.letters.insert(self.cursor, letter);
            self.cursor += 1;
        }
    }

    fn key(&mut self, key: &Key) {
        let length = self.letters.len();
        match key {
            Key::Char(letter) => self.insert(letter.encode_utf8(&mut [0; 4])),
            Key::Paste(text) => self.insert(text),
            Key::Left | Key::Ctrl('b') => self.cursor = self.cursor.saturating_sub(1),
            Key::Right | Key::Ctrl('f') => self.cursor = (self.cursor + 1).min(length),
            Key::Home | Key::Ctrl('a') => self.cursor = 0,
            Key::End | Key::Ctrl('e') => self.cursor = length,
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.letters.remove(self.cursor);
            }
            Key::Delete | Key::Ctrl('d') if self.cursor < length => drop(self.letters.remove(self.cursor)),
            Key::Ctrl('k') => *self = Self::default(),
            Key::Ctrl('u') => *self = Self::default(),
            _ => {}
        }
    }
}

/// What a line of input is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The name to write to.
    Write {
        /// Leave afterwards.
        exit: bool,
    },
    /// What to search.
    Search,
    /// What to replace.
    Replace,
    /// By what to replace it.
    ReplaceWith,
    /// The line to go to.
    GoTo,
    /// The file to read.
    Read,
}

/// A question that takes a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    purpose: Purpose,
    /// The answer so far.
    pub input: Input,
    /// How far back in the earlier searches the input stands.
    back: usize,
}

impl Prompt {
    fn new(purpose: Purpose, text: &str) -> Self {
        Self { purpose, input: Input::new(text), back: 0 }
    }

    /// Asks for the name to write to.
    pub fn write(name: &str, exit: bool) -> Self {
        Self::new(Purpose::Write { exit }, name)
    }

    /// Asks what to search.
    pub fn search(_last: &Pattern) -> Self {
        Self::new(Purpose::Search, "")
    }

    /// Asks what to replace.
    pub fn replace(_last: &Pattern) -> Self {
        Self::new(Purpose::Replace, "")
    }

    /// Asks for a line.
    pub fn go_to() -> Self {
        Self::new(Purpose::GoTo, "")
    }

    /// Asks for a file.
    pub fn read() -> Self {
        Self::new(Purpose::Read, "")
    }

    /// The words before the input.
    pub fn label(&self, pattern: &Pattern) -> String {
        match self.purpose {
            Purpose::Write { .. } => "File Name to Write: ".into(),
            Purpose::Read => "File to insert [from ./]: ".into(),
            Purpose::GoTo => "Enter line number, column number: ".into(),
            Purpose::ReplaceWith => "Replace with: ".into(),
            Purpose::Search | Purpose::Replace => {
                let mut label = String::from("Search");
                for (on, word) in [
                    (pattern.case, " [Case Sensitive]"),
                    (pattern.regex, " [Reg.exp.]"),
                    (pattern.backwards, " [Backwards]"),
                    (self.purpose == Purpose::Replace, " (to replace)"),
                ] {
                    if on {
                        label.push_str(word);
                    }
                }
                if !pattern.text.is_empty() {
                    label.push_str(&format!(" [{}]", pattern.text));
                }
                label.push_str(": ");
                label
            }
        }
    }

    /// The keys at the bottom.
    pub fn keys(&self) -> &'static [(&'static str, &'static str)] {
        match self.purpose {
            Purpose::Search | Purpose::Replace => &[
                ("^G", "Help"),
                ("^C", "Cancel"),
                ("M-C", "Case Sens"),
                ("M-R", "Reg.exp."),
                ("M-B", "Backwards"),
                ("^R", "Replace"),
                ("^P", "Older"),
                ("^N", "Newer"),
                ("^T", "Go To Line"),
            ],
            Purpose::GoTo => &[("^G", "Help"), ("^C", "Cancel"), ("^Y", "First Line"), ("^V", "Last Line")],
            _ => &[("^G", "Help"), ("^C", "Cancel")],
        }
    }
}

/// A question that takes one letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// On leaving with changes.
    SaveModified,
    /// Another file of that name is there.
    Overwrite {
        /// The name.
        name: String,
        /// Leave afterwards.
        exit: bool,
    },
    /// The file was opened under another name.
    DifferentName {
        /// The name.
        name: String,
        /// Leave afterwards.
        exit: bool,
    },
    /// Replace what stands here?
    Replace {
        /// Where.
        at: Place,
        /// How many characters.
        length: usize,
        /// How many were replaced so far.
        done: usize,
    },
}

impl Ask {
    /// The question.
    pub fn label(&self) -> String {
        match self {
            Ask::SaveModified => "Save modified buffer? ".into(),
            Ask::Overwrite { name, .. } => format!("File \"{name}\" exists; OVERWRITE? "),
            Ask::DifferentName { .. } => "Save file under DIFFERENT NAME? ".into(),
            Ask::Replace { .. } => "Replace this instance? ".into(),
        }
    }

    /// The keys at the bottom.
    pub fn keys(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Ask::Replace { .. } => {
                &[(" Y", "Yes"), (" N", "No"), (" A", "All"), ("^C", "Cancel"), ("", ""), ("", ""), ("", "")]
            }
            _ => &[(" Y", "Yes"), (" N", "No"), ("", ""), ("^C", "Cancel"), ("", ""), ("", ""), ("", "")],
        }
    }
}

impl Nano {
    /// A key while a line is asked for.
    pub(super) fn prompt_key(&mut self, mut prompt: Prompt, key: Key, system: &mut dyn System) {
        let searching = matches!(prompt.purpose, Purpose::Search | Purpose::Replace);
        match key {
            Key::Enter => return self.answer(prompt, system),
            Key::Ctrl('c') | Key::Escape => return self.say("Cancelled"),
            Key::Alt('c' | 'C') if searching => self.pattern.case = !self.pattern.case,
            Key::Alt('r' | 'R') if searching => self.pattern.regex = !self.pattern.regex,
            Key::Alt('b' | 'B') if searching => self.pattern.backwards = !self.pattern.backwards,
            Key::Ctrl('r' | '\\') if searching => {
                prompt.purpose = if prompt.purpose == Purpose::Search { Purpose::Replace } else { Purpose::Search };
            }
            Key::Ctrl('t') if searching => prompt = Prompt::go_to(),
            Key::Up | Key::Ctrl('p') if searching => self.older_search(&mut prompt, 1),
            Key::Down | Key::Ctrl('n') if searching => self.older_search(&mut prompt, -1),
            Key::Ctrl('y') if prompt.purpose == Purpose::GoTo => return self.text.go(0, 0),
            Key::Ctrl('v') if prompt.purpose == Purpose::GoTo => return self.text.go(usize::MAX, usize::MAX),
            Key::Tab if matches!(prompt.purpose, Purpose::Write { .. } | Purpose::Read) => {
                if let Some(name) = complete_name(system, &prompt.input.text()) {
                    prompt.input = Input::new(&name);
                }
            }
            key => prompt.input.key(&key),
        }
        self.mode = Mode::Prompt(prompt);
    }

    fn older_search(&self, prompt: &mut Prompt, step: isize) {
        let back = prompt.back.saturating_add_signed(step).min(self.searches.len());
        prompt.back = back;
        let text = back.checked_sub(1).and_then(|back| self.searches.iter().rev().nth(back));
        prompt.input = Input::new(text.map_or("", String::as_str));
    }

    fn answer(&mut self, prompt: Prompt, system: &mut dyn System) {
        let text = prompt.input.text();
        match prompt.purpose {
            Purpose::Write { .. } | Purpose::Read if text.is_empty() => self.say("Cancelled"),
            Purpose::Write { exit } => {
                let exists = system.file_info(&text).is_ok_and(|info| !info.is_dir);
                if text != self.name && exists {
                    self.mode = Mode::Ask(Ask::Overwrite { name: text, exit });
                } else if text != self.name && !self.name.is_empty() {
                    self.mode = Mode::Ask(Ask::DifferentName { name: text, exit });
                } else {
                    self.write(system, &text, exit);
                }
            }
            Purpose::Read => self.read_in(system, &text),
            Purpose::Search | Purpose::Replace => {
                if !text.is_empty() {
                    self.pattern.text = text;
                }
                if self.pattern.text.is_empty() {
                    self.say("Cancelled");
                } else if prompt.purpose == Purpose::Search {
                    self.search();
                } else {
                    self.mode = Mode::Prompt(Prompt::new(Purpose::ReplaceWith, ""));
                }
            }
            Purpose::ReplaceWith => {
                self.replacement = text;
                self.next_replacement(self.text.cursor, 0, false);
            }
            Purpose::GoTo => {
                let good = text.chars().any(|letter| letter.is_ascii_digit());
                let odd = text.chars().any(|letter| !letter.is_ascii_digit() && !",.; -".contains(letter));
                if !good || odd {
                    self.say(if text.is_empty() { "Cancelled" } else { "Invalid line or column number" });
                    return;
                }
                let (line, column) = match text.strip_prefix('-').and_then(|text| text.parse::<usize>().ok()) {
                    Some(from_end) => ((self.text.len() + 1).saturating_sub(from_end), 1),
                    None => line_and_column(&text),
                };
                self.text.go(line.saturating_sub(1), column.saturating_sub(1));
                self.show_cursor();
            }
        }
    }

    /// A key while a letter is asked for.
    pub(super) fn ask_key(&mut self, ask: Ask, key: Key, system: &mut dyn System) {
        let yes = matches!(key, Key::Char('y' | 'Y'));
        let no = matches!(key, Key::Char('n' | 'N'));
        match (ask, key) {
            (_, Key::Ctrl('c') | Key::Escape) => self.say("Cancelled"),
            (Ask::SaveModified, _) if yes => self.mode = Mode::Prompt(Prompt::write(&self.name, true)),
            (Ask::SaveModified, _) if no => self.exit = true,
            (Ask::Overwrite { name, exit } | Ask::DifferentName { name, exit }, _) if yes => {
                self.write(system, &name, exit);
            }
            (Ask::Overwrite { name, exit } | Ask::DifferentName { name, exit }, _) if no => {
                self.mode = Mode::Prompt(Prompt::write(&name, exit));
            }
            (Ask::Replace { at, length, done }, _) if yes => {
                self.text.replace(at, length, &self.replacement.clone());
                self.next_replacement(self.text.cursor, done + 1, false);
            }
            (Ask::Replace { at, done, .. }, _) if no => {
                let next = Place { line: at.line, column: at.column + 1 };
                self.next_replacement(next, done.max(1).min(done), false);
                if self.message.ends_with("not found") {
                    self.say(&format!("Replaced {done} occurrences"));
                }
            }
            (Ask::Replace { at, done, .. }, Key::Char('a' | 'A')) => self.next_replacement(at, done, true),
            (ask, _) => self.mode = Mode::Ask(ask),
        }
    }
}

/// The only file that begins with `text`, or the part that several share.
fn complete_name(system: &dyn System, text: &str) -> Option<String> {
    let (folder, start) = text.rsplit_once('/').map_or((".", text), |(folder, start)| (folder, start));
    let entries = system.read_dir(if folder.is_empty() { "/" } else { folder }).ok()?;
    let mut names = entries.iter().filter(|entry| entry.name.starts_with(start));
    let first = names.next()?;
    let head = text.get(..text.len() - start.len()).unwrap_or_default();
    let mut shared = first.name.clone();
    let mut only = true;
    for other in names {
        only = false;
        while !other.name.starts_with(&shared) {
            shared.pop();
        }
    }
    Some(format!("{head}{shared}{}", if only && first.is_dir { "/" } else { "" }))
}
