//! A full-screen editor with nano's face and keys. Models GNU nano 7.2 (src/nano.c, files.c, search.c) as far as the
//! keys in its help bar go; help texts are our own. Has no syntax colours, no spell checker, no justification.

mod prompt;
mod screen;
mod search;
mod text;

use std::collections::VecDeque;

use super::keys::{Key, KeyDecoder};
use super::program::{Errno, Program, Read, Signal, Step, System, Wait};
use prompt::{Ask, Prompt};
use screen::{Screen, View, text_rows};
use search::Pattern;
use text::{Place, Text};

/// The largest file that is opened, in bytes.
const FILE_LIMIT: usize = 4 << 20;
/// A message goes away after so many keys.
const MESSAGE_KEYS: u32 = 20;

const EDIT_KEYS: &[(&str, &str)] = &[
    ("^G", "Help"),
    ("^X", "Exit"),
    ("^O", "Write Out"),
    ("^R", "Read File"),
    ("^W", "Where Is"),
    ("^\\", "Replace"),
    ("^K", "Cut"),
    ("^U", "Paste"),
    ("^C", "Location"),
    ("^/", "Go To Line"),
    ("M-U", "Undo"),
    ("M-E", "Redo"),
    ("M-A", "Set Mark"),
    ("M-6", "Copy"),
    ("M-W", "Next"),
    ("^Q", "Where Was"),
];

const HELP_KEYS: &[(&str, &str)] = &[
    ("^L", "Refresh"),
    ("^X", "Close"),
    ("^Y", "Prev Page"),
    ("^V", "Next Page"),
    ("M-\\", "First Line"),
    ("M-/", "Last Line"),
];

const HELP_TEXT: &str = "\
Help for this editor

Type to write. The two rows at the bottom name the most used keys: ^X means Ctrl and X together, M-U means
Alt and U together (or Escape, then U).

^O      Write the text to a file: confirm or change the name, then Enter.   (^S saves at once.)
^X      Leave. If the text has changed, you are asked: Y saves, N throws the changes away, ^C goes back.
^R      Read a file into the text at the cursor.

^K      Cut the line. Several in a row are kept together.
^U      Paste what was cut or copied.
M-A     Set a mark: what lies between it and the cursor can be cut (^K) or copied (M-6).
M-6     Copy the line, or the marked part.
M-U     Undo.        M-E     Redo.

^W      Search on.   ^Q      Search back.      M-W     The same again.
^\\      Search and replace.
^/      Go to a line (and column).             ^C      Tell where the cursor is.

^A ^E   Start and end of the line (Home, End). ^Y ^V   A page up, a page down.
M-\\ M-/  First and last line of the text.       ^← ^→   A word back, a word on.
^D      Delete the character under the cursor. ^H      The one before it.
M-N     Line numbers on or off.                ^L      Draw the screen again.

YAML is indented with blanks: a tab character is not allowed there.
";

/// The program that `nano`, `vi` and `vim` start, from its arguments (the first is its name).
pub fn new(args: &[String]) -> Box<dyn Program> {
    Box::new(Nano::new(args))
}

/// The editor.
#[derive(Clone, Debug)]
pub struct Nano {
    /// Files still to be opened: name and the place to go to.
    files: VecDeque<(String, Option<(usize, usize)>)>,
    /// What to print instead of starting.
    words: Option<(String, i32)>,
    started: bool,
    decoder: KeyDecoder,
    screen: Screen,
    name: String,
    text: Text,
    top: usize,
    numbers: bool,
    view_only: bool,
    message: String,
    message_left: u32,
    mode: Mode,
    pattern: Pattern,
    replacement: String,
    found: Option<(Place, usize)>,
    searches: Vec<String>,
    window: (u16, u16),
    exit: bool,
}

#[derive(Clone, Debug)]
enum Mode {
    Edit,
    Prompt(Prompt),
    Ask(Ask),
    /// Reading help: the help text and its first visible line.
    Help(Box<Text>, usize),
}

impl Program for Nano {
    fn resume(&mut self, system: &mut dyn System) -> Step {
        if !self.started
            && let Some(step) = self.start(system)
        {
            return step;
        }
        while let Some(signal) = system.take_signal() {
            match signal {
                Signal::Winch => self.screen.clear(),
                Signal::Hup | Signal::Term => return self.leave(system, 1),
                _ => {}
            }
        }
        self.window = system.window();
        loop {
            match system.read(0, 4096) {
                Ok(Read::Data(bytes)) => {
                    for key in self.decoder.feed(&bytes) {
                        self.press(key, system);
                        if self.exit && !self.next_file(system) {
                            return self.leave(system, 0);
                        }
                    }
                }
                Ok(Read::WouldBlock) => break,
                Ok(Read::Eof) | Err(_) => return self.leave(system, 1),
            }
        }
        self.draw(system);
        Step::Wait(Wait { readable: Some(0), ..Wait::default() })
    }

    fn clone_box(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// Start and end.
impl Nano {
    fn new(args: &[String]) -> Self {
        let mut nano = Self {
            files: VecDeque::new(),
            words: None,
            started: false,
            decoder: KeyDecoder::default(),
            screen: Screen::default(),
            name: String::new(),
            text: Text::new(""),
            top: 0,
            numbers: false,
            view_only: false,
            message: String::new(),
            message_left: 0,
            mode: Mode::Edit,
            pattern: Pattern::default(),
            replacement: String::new(),
            found: None,
            searches: Vec::new(),
            window: (80, 24),
            exit: false,
        };
        nano.parse(args);
        nano
    }

    fn parse(&mut self, args: &[String]) {
        let called = args.first().map_or("nano", |name| name.rsplit('/').next().unwrap_or(name));
        if called != "nano" {
            self.say(&format!("There is no {called} here; this is nano: ^O saves, ^X leaves"));
        }
        let mut place = None;
        let mut options = true;
        for arg in args.iter().skip(1) {
            match arg.as_str() {
                "--" if options => options = false,
                "-l" | "--linenumbers" if options => self.numbers = true,
                "-v" | "--view" if options => self.view_only = true,
                "-V" | "--version" if options => {
                    self.words =
                        Some((" nano, version 7.2 in keys and looks; a small editor of this machine\n".into(), 0));
                }
                "-h" | "--help" if options => {
                    self.words = Some(("Usage: nano [OPTIONS] [[+LINE[,COLUMN]] FILE]...\n\n -l   show line numbers\n -v   only read\n".into(), 0));
                }
                // Settings of looks and habits that change nothing here.
                "-E" | "-i" | "-w" | "-m" | "-c" | "-S" | "-x" | "-B" if options => {}
                flag if options && flag.starts_with('-') && flag.len() > 1 => {
                    let what = if flag.starts_with("--") {
                        format!("unrecognized option '{flag}'")
                    } else {
                        format!("invalid option -- '{}'", flag.chars().nth(1).unwrap_or('-'))
                    };
                    self.words = Some((format!("nano: {what}\nType 'nano -h' for a list of available options.\n"), 1));
                }
                position if position.starts_with('+') && options => place = Some(line_and_column(&position[1..])),
                file => self.files.push_back((file.to_owned(), place.take())),
            }
        }
    }

    /// The first turn: refuses, or takes the terminal and opens the first file.
    fn start(&mut self, system: &mut dyn System) -> Option<Step> {
        self.started = true;
        if let Some((words, code)) = self.words.take() {
            let _ = system.write(if code == 0 { 1 } else { 2 }, words.as_bytes());
            return Some(Step::Exit(code));
        }
        if !system.is_terminal(0) || !system.is_terminal(1) {
            let _ = system.write(2, b"Standard input is not a terminal\n");
            return Some(Step::Exit(1));
        }
        system.set_raw(true);
        let _ = system.write(1, b"\x1b[?1049h\x1b[?2004h\x1b[H\x1b[2J");
        self.window = system.window();
        self.next_file(system);
        None
    }

    fn leave(&mut self, system: &mut dyn System, code: i32) -> Step {
        let _ = system.write(1, b"\x1b[?2004l\x1b[?1049l\x1b[?25h");
        system.set_raw(false);
        Step::Exit(code)
    }

    /// Opens the next file of the command line; false when there was none left.
    fn next_file(&mut self, system: &mut dyn System) -> bool {
        let opened = std::mem::take(&mut self.exit);
        let Some((name, place)) = self.files.pop_front() else { return !opened };
        self.text = Text::new("");
        self.name = name;
        self.top = 0;
        self.mode = Mode::Edit;
        self.screen.clear();
        let notice = self.message.clone();
        self.open(system);
        if !notice.is_empty() && !opened {
            self.say(&notice);
        }
        if let Some((line, column)) = place {
            self.text.go(line.saturating_sub(1), column.saturating_sub(1));
            self.centre();
        }
        true
    }

    fn open(&mut self, system: &dyn System) {
        let name = self.name.clone();
        if let Some(trouble) = bad_parent(system, &name) {
            self.say(&trouble);
            return;
        }
        match system.file_info(&name) {
            Ok(info) if info.is_dir => {
                self.name.clear();
                self.say(&format!("\"{name}\" is a directory"));
            }
            Ok(info) if info.size > FILE_LIMIT as u64 => {
                self.name.clear();
                self.say(&format!("\"{name}\" is too large"));
            }
            Err(Errno::Enoent) => self.say("New File"),
            _ => match system.read_file(&name) {
                Ok(bytes) => {
                    self.text = Text::new(&String::from_utf8_lossy(&bytes));
                    self.say(&counted("Read", self.text.line_count()));
                }
                Err(error) => {
                    self.name.clear();
                    self.say(&format!("Error reading {name}: {}", error.message()));
                }
            },
        }
    }
}

/// Keys.
impl Nano {
    fn press(&mut self, key: Key, system: &mut dyn System) {
        self.found = None;
        self.message_left = self.message_left.saturating_sub(1);
        if self.message_left == 0 {
            self.message.clear();
        }
        match std::mem::replace(&mut self.mode, Mode::Edit) {
            Mode::Edit => self.edit_key(key, system),
            Mode::Prompt(prompt) => self.prompt_key(prompt, key, system),
            Mode::Ask(ask) => self.ask_key(ask, key, system),
            Mode::Help(text, top) => self.help_key(text, top, &key),
        }
        self.follow();
    }

    fn edit_key(&mut self, key: Key, system: &mut dyn System) {
        if self.move_key(&key) {
            return;
        }
        match key {
            Key::Ctrl('x') | Key::Function(2) => self.ask_exit(),
            Key::Ctrl('o') | Key::Function(3) => self.mode = Mode::Prompt(Prompt::write(&self.name, false)),
            Key::Ctrl('s') if !self.name.is_empty() => self.write(system, &self.name.clone(), false),
            Key::Ctrl('s') => self.mode = Mode::Prompt(Prompt::write("", false)),
            Key::Ctrl('g') | Key::Function(1) => {
                self.mode = Mode::Help(Box::new(Text::new(HELP_TEXT)), 0);
                self.message.clear();
                self.screen.clear();
            }
            Key::Ctrl('w') | Key::Function(6) => self.ask_search(false),
            Key::Ctrl('q') => self.ask_search(true),
            Key::Alt('w' | 'W') => self.search_again(false),
            Key::Alt('q' | 'Q') => self.search_again(true),
            Key::Ctrl('c') | Key::Function(11) => self.tell_position(),
            Key::Ctrl('_' | '/') | Key::Alt('g' | 'G') | Key::Function(13) => self.mode = Mode::Prompt(Prompt::go_to()),
            Key::Ctrl('l') => self.screen.clear(),
            Key::Alt('n' | 'N' | '#') => {
                self.numbers = !self.numbers;
                let state = if self.numbers { "enabled" } else { "disabled" };
                self.say(&format!("Line numbering {state}"));
            }
            Key::Alt('a' | 'A') | Key::Ctrl('^') => {
                self.text.mark = if self.text.mark.is_some() { None } else { Some(self.text.cursor) };
                self.say(if self.text.mark.is_some() { "Mark Set" } else { "Mark Unset" });
            }
            Key::Alt('6' | '^') => {
                if !self.text.copy() {
                    self.say("Nothing was copied");
                }
            }
            Key::Ctrl('z') => self.say("^Z is no use here: ^X leaves"),
            _ if self.view_only => self.say("Key is invalid in view mode"),
            key => self.change_key(key),
        }
    }

    /// Keys that only move; false for any other.
    fn move_key(&mut self, key: &Key) -> bool {
        let page = isize::try_from(self.height().saturating_sub(2).max(1)).unwrap_or(1);
        let line = self.text.cursor.line;
        match key {
            Key::Left | Key::Ctrl('b') => self.text.left(),
            Key::Right | Key::Ctrl('f') => self.text.right(),
            Key::Up | Key::Ctrl('p') => self.text.vertical(-1),
            Key::Down | Key::Ctrl('n') => self.text.vertical(1),
            Key::Home | Key::Ctrl('a') => self.text.go(line, 0),
            Key::End | Key::Ctrl('e') => self.text.go(line, usize::MAX),
            Key::WordLeft | Key::Alt(' ') => self.text.word_left(),
            Key::WordRight | Key::Ctrl('@') => self.text.word_right(),
            Key::PageUp | Key::Ctrl('y') | Key::Function(7) => {
                self.top = self.top.saturating_add_signed(-page);
                self.text.vertical(-page);
            }
            Key::PageDown | Key::Ctrl('v') | Key::Function(8) => {
                self.top = self.top.saturating_add_signed(page).min(self.text.len().saturating_sub(1));
                self.text.vertical(page);
            }
            Key::Top | Key::Alt('\\' | '|') => self.text.go(0, 0),
            Key::Bottom | Key::Alt('/' | '?') => self.text.go(usize::MAX, usize::MAX),
            _ => return false,
        }
        true
    }

    fn change_key(&mut self, key: Key) {
        match key {
            Key::Char(letter) => {
                self.text.mark = None;
                self.text.type_letter(letter);
            }
            Key::Enter => self.text.type_letter('\n'),
            Key::Tab => self.text.type_letter('\t'),
            Key::Paste(text) => self.text.insert(&text, "paste"),
            Key::Backspace => {
                self.text.backspace();
            }
            Key::Delete | Key::Ctrl('d') => {
                self.text.delete();
            }
            Key::AltBackspace => self.text.delete_word(true),
            Key::WordDelete => self.text.delete_word(false),
            Key::Ctrl('k') | Key::Function(9) => {
                if !self.text.cut() {
                    self.say("Nothing was cut");
                }
            }
            Key::Ctrl('u') | Key::Function(10) => {
                if !self.text.paste() {
                    self.say("Cutbuffer is empty");
                }
            }
            Key::Alt('u' | 'U') => match self.text.undo() {
                Some(name) => self.say(&format!("Undid {name}")),
                None => self.say("Nothing to undo"),
            },
            Key::Alt('e' | 'E') => match self.text.redo() {
                Some(name) => self.say(&format!("Redid {name}")),
                None => self.say("Nothing to redo"),
            },
            Key::Ctrl('r') | Key::Function(5) => self.mode = Mode::Prompt(Prompt::read()),
            Key::Ctrl('\\') | Key::Alt('r' | 'R') | Key::Function(14) => {
                self.mode = Mode::Prompt(Prompt::replace(&self.pattern));
            }
            Key::Escape | Key::Insert | Key::BlockUp | Key::BlockDown => {}
            Key::Ctrl(letter) => self.say(&format!("Unbound key: ^{}", letter.to_ascii_uppercase())),
            Key::Alt(letter) => self.say(&format!("Unbound key: M-{}", letter.to_uppercase())),
            _ => self.say("Unbound key"),
        }
    }

    fn help_key(&mut self, mut text: Box<Text>, top: usize, key: &Key) {
        let page = self.height().saturating_sub(2).max(1);
        let last = text.len().saturating_sub(self.height());
        let top = match key {
            Key::Ctrl('x' | 'c' | 'g') | Key::Char('q' | 'Q') | Key::Escape | Key::Function(2) => {
                self.screen.clear();
                return;
            }
            Key::Up | Key::Ctrl('p') => top.saturating_sub(1),
            Key::Down | Key::Ctrl('n') => (top + 1).min(last),
            Key::PageUp | Key::Ctrl('y') => top.saturating_sub(page),
            Key::PageDown | Key::Ctrl('v') | Key::Char(' ') => (top + page).min(last),
            Key::Top | Key::Alt('\\') => 0,
            Key::Bottom | Key::Alt('/') => last,
            _ => top,
        };
        text.go(top, 0);
        self.mode = Mode::Help(text, top);
    }

    fn ask_exit(&mut self) {
        if self.text.modified && !self.view_only {
            self.mode = Mode::Ask(Ask::SaveModified);
        } else {
            self.exit = true;
        }
    }

    fn tell_position(&mut self) {
        let (text, cursor) = (&self.text, self.text.cursor);
        let share = |part: usize, whole: usize| (100 * part).checked_div(whole).unwrap_or(0);
        let (line, lines) = (cursor.line + 1, text.len());
        let column = text.display_column(cursor) + 1;
        let columns = text.display_column(Place { line: cursor.line, column: usize::MAX }) + 1;
        let (letter, letters) = (text.offset(cursor), text.offset(text.end()));
        let message = format!(
            "line {line:>0$}/{lines} ({1:>2}%), col {column:>2}/{columns:>2} ({2:>3}%), char {letter:>3$}/{letters} ({4:>2}%)",
            lines.to_string().len(),
            share(line, lines),
            share(column, columns),
            letters.to_string().len(),
            share(letter, letters),
        );
        self.say(&message);
    }
}

/// Searching and replacing.
impl Nano {
    fn ask_search(&mut self, backwards: bool) {
        self.pattern.backwards = backwards;
        self.mode = Mode::Prompt(Prompt::search(&self.pattern));
    }

    fn search_again(&mut self, backwards: bool) {
        if self.pattern.text.is_empty() {
            self.say("No current search pattern");
            return;
        }
        self.pattern.backwards = backwards;
        self.search();
    }

    fn search(&mut self) {
        if !self.searches.contains(&self.pattern.text) {
            self.searches.push(self.pattern.text.clone());
        }
        match self.pattern.find(&self.text, self.text.cursor) {
            Err(error) => self.say(&error),
            Ok(None) => self.say(&format!("\"{}\" not found", self.pattern.text)),
            Ok(Some(hit)) => {
                if hit.at == self.text.cursor {
                    self.say("This is the only occurrence");
                } else if hit.wrapped {
                    self.say("Search Wrapped");
                }
                self.text.go(hit.at.line, hit.at.column);
                self.found = Some((hit.at, hit.length));
                self.show_cursor();
            }
        }
    }

    /// Asks for the next place to replace from `from`, or tells how many were.
    fn next_replacement(&mut self, from: Place, done: usize, all: bool) {
        let (mut from, mut done) = (from, done);
        loop {
            match self.pattern.find_on(&self.text, from) {
                Ok(Some(hit)) if all => {
                    self.text.replace(hit.at, hit.length, &self.replacement.clone());
                    from = self.text.cursor;
                    done += 1;
                }
                Ok(Some(hit)) => {
                    self.text.go(hit.at.line, hit.at.column);
                    self.found = Some((hit.at, hit.length));
                    self.show_cursor();
                    self.mode = Mode::Ask(Ask::Replace { at: hit.at, length: hit.length, done });
                    return;
                }
                Ok(None) if done == 0 && !all => {
                    self.say(&format!("\"{}\" not found", self.pattern.text));
                    return;
                }
                Ok(None) => {
                    self.say(&format!("Replaced {done} occurrence{}", if done == 1 { "" } else { "s" }));
                    return;
                }
                Err(error) => {
                    self.say(&error);
                    return;
                }
            }
        }
    }
}

/// Files.
impl Nano {
    /// Writes the text to `name`; with `exit`, leaves when that went well.
    fn write(&mut self, system: &mut dyn System, name: &str, exit: bool) {
        if let Some(trouble) = bad_parent(system, name) {
            self.say(&trouble);
            return;
        }
        let content = self.text.content();
        match system.write_file(name, content.as_bytes()) {
            Ok(()) => {
                name.clone_into(&mut self.name);
                self.text.saved();
                self.say(&counted("Wrote", self.text.line_count()));
                self.exit = exit;
            }
            Err(Errno::Eisdir) => self.say(&format!("\"{name}\" is a directory")),
            Err(error) => self.say(&format!("Error writing {name}: {}", error.message())),
        }
    }

    /// Inserts a file's text at the cursor.
    fn read_in(&mut self, system: &dyn System, name: &str) {
        match system.read_file(name) {
            Ok(bytes) => {
                let content = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
                let count = content.lines().count();
                self.text.insert(&content, "insertion");
                self.say(&counted("Read", count));
            }
            Err(Errno::Enoent) => self.say(&format!("\"{name}\" not found")),
            Err(Errno::Eisdir) => self.say(&format!("\"{name}\" is a directory")),
            Err(error) => self.say(&format!("Error reading {name}: {}", error.message())),
        }
    }
}

/// What is shown.
impl Nano {
    fn say(&mut self, message: &str) {
        message.clone_into(&mut self.message);
        self.message_left = MESSAGE_KEYS;
    }

    fn height(&self) -> usize {
        text_rows(usize::from(self.window.1))
    }

    /// Scrolls by what is needed to keep the cursor in the window, as nano does: line by line at the edges.
    fn follow(&mut self) {
        let line = self.text.cursor.line;
        let height = self.height();
        if line < self.top {
            self.top = if self.top - line > height { line.saturating_sub(height / 2) } else { line };
        } else if line >= self.top + height {
            let far = line - (self.top + height) > height;
            self.top = if far { line.saturating_sub(height / 2) } else { line + 1 - height };
        }
    }

    /// Puts a cursor that left the window into its middle.
    fn show_cursor(&mut self) {
        let line = self.text.cursor.line;
        if line < self.top || line >= self.top + self.height() {
            self.centre();
        }
    }

    fn centre(&mut self) {
        self.top = self.text.cursor.line.saturating_sub(self.height() / 2);
    }

    fn draw(&mut self, system: &mut dyn System) {
        self.follow();
        let mut view = View {
            text: &self.text,
            name: &self.name,
            top: self.top,
            numbers: self.numbers,
            state: self.view_only.then_some("View"),
            message: &self.message,
            prompt: None,
            keys: EDIT_KEYS,
            found: self.found,
        };
        let label;
        match &self.mode {
            Mode::Edit => {}
            Mode::Prompt(prompt) => {
                label = prompt.label(&self.pattern);
                view.prompt = Some((&label, prompt.input.letters(), prompt.input.cursor()));
                view.keys = prompt.keys();
            }
            Mode::Ask(ask) => {
                label = ask.label();
                view.prompt = Some((&label, &[], 0));
                view.keys = ask.keys();
            }
            Mode::Help(text, top) => {
                view = View {
                    text,
                    name: "Help",
                    top: *top,
                    numbers: false,
                    state: Some(""),
                    keys: HELP_KEYS,
                    found: None,
                    ..view
                };
            }
        }
        let bytes = self.screen.draw(&view, self.window);
        let _ = system.write(1, bytes.as_bytes());
    }
}

/// `Read 1 line`, `Wrote 12 lines`.
fn counted(verb: &str, count: usize) -> String {
    format!("{verb} {count} line{}", if count == 1 { "" } else { "s" })
}

/// `12` or `12,3` or `,3`, counted from 1; what is missing is 1.
fn line_and_column(text: &str) -> (usize, usize) {
    let mut parts = text.split([',', '.', ';']).map(|part| part.trim().parse().unwrap_or(1));
    (parts.next().unwrap_or(1), parts.next().unwrap_or(1))
}

/// Why nothing can be written beside this path, in nano's words.
fn bad_parent(system: &dyn System, path: &str) -> Option<String> {
    let (parent, _) = path.rsplit_once('/')?;
    let parent = if parent.is_empty() { "/" } else { parent };
    match system.file_info(parent) {
        Ok(info) if info.is_dir => None,
        Ok(_) => Some(format!("Path '{parent}' is not a directory")),
        Err(Errno::Enoent) => Some(format!("Directory '{parent}' does not exist")),
        Err(error) => Some(format!("Path '{parent}': {}", error.message())),
    }
}

#[cfg(test)]
mod tests;
