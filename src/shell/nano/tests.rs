use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::shell::program::{Fd, FileInfo, Host, Pid};
use crate::sim::Time;

/// A machine with files in one directory and a terminal whose keys are given beforehand.
#[derive(Default)]
struct Desk {
    files: BTreeMap<String, String>,
    keys: VecDeque<Vec<u8>>,
    shown: String,
    window: (u16, u16),
    signals: VecDeque<Signal>,
    tty: bool,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Self { files, window: (80, 24), tty: true, ..Self::default() }
    }

    /// Runs nano with keys, each string a chunk; gives the step it came to.
    fn run(&mut self, args: &[&str], keys: &[&str]) -> (Nano, Step) {
        let args: Vec<String> = std::iter::once("nano").chain(args.iter().copied()).map(str::to_owned).collect();
        let mut nano = Nano::new(&args);
        let mut step = nano.resume(self);
        for chunk in keys {
            self.keys.push_back(chunk.as_bytes().to_vec());
            step = nano.resume(self);
        }
        (nano, step)
    }

    fn file(&self, name: &str) -> &str {
        &self.files[name]
    }
}

impl System for Desk {
    fn now(&self) -> Time {
        Time::default()
    }
    fn random(&mut self) -> u32 {
        0
    }
    fn env(&self, _: &str) -> Option<String> {
        None
    }
    fn environment(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    fn cwd(&self) -> String {
        "/home/learner".into()
    }
    fn read(&mut self, _: Fd, _: usize) -> Result<Read, Errno> {
        Ok(self.keys.pop_front().map_or(Read::WouldBlock, Read::Data))
    }
    fn write(&mut self, _: Fd, bytes: &[u8]) -> Result<usize, Errno> {
        self.shown.push_str(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }
    fn take_signal(&mut self) -> Option<Signal> {
        self.signals.pop_front()
    }
    fn is_terminal(&self, _: Fd) -> bool {
        self.tty
    }
    fn window(&self) -> (u16, u16) {
        self.window
    }
    fn set_raw(&mut self, _: bool) {}
    fn read_file(&self, path: &str) -> Result<Vec<u8>, Errno> {
        if path == "locked" {
            return Err(Errno::Eacces);
        }
        self.files.get(path).map(|text| text.clone().into_bytes()).ok_or(Errno::Enoent)
    }
    fn write_file(&mut self, path: &str, content: &[u8]) -> Result<(), Errno> {
        if path == "locked" {
            return Err(Errno::Eacces);
        }
        self.files.insert(path.to_owned(), String::from_utf8(content.to_vec()).unwrap());
        Ok(())
    }
    fn remove_file(&mut self, _: &str) -> Result<(), Errno> {
        Err(Errno::Enoent)
    }
    fn create_dir(&mut self, _: &str, _: bool) -> Result<(), Errno> {
        Err(Errno::Eacces)
    }
    fn file_info(&self, path: &str) -> Result<FileInfo, Errno> {
        let is_dir = path == "folder";
        if !is_dir && path != "locked" && !self.files.contains_key(path) {
            return Err(Errno::Enoent);
        }
        Ok(FileInfo { name: path.into(), is_dir, size: 0, mode: 0o644, modified: Time::default() })
    }
    fn read_dir(&self, _: &str) -> Result<Vec<FileInfo>, Errno> {
        self.files.keys().map(|name| self.file_info(name)).collect()
    }
    fn spawn(&mut self, _: &[String]) -> Result<Pid, Errno> {
        Err(Errno::Enoexec)
    }
    fn exit_code(&self, _: Pid) -> Option<i32> {
        None
    }
    fn host(&mut self) -> &mut dyn Host {
        unreachable!("an editor calls nobody")
    }
}

#[test]
fn a_new_file_is_typed_written_and_left() {
    let mut desk = Desk::new(&[]);
    let (_, step) = desk.run(&["hello.yaml"], &["kind: Job\rspec:", "\x0f", "\r", "\x18"]);
    assert_eq!(step, Step::Exit(0));
    assert_eq!(desk.file("hello.yaml"), "kind: Job\nspec:\n");
    assert!(desk.shown.contains("[ New File ]") && desk.shown.contains("[ Wrote 2 lines ]"));
}

#[test]
fn leaving_with_changes_asks_and_each_answer_does_what_it_says() {
    for (name, answer, text, left) in [
        ("yes and enter", vec!["y", "\r"], "xold\n", true),
        ("no", vec!["n"], "old\n", true),
        ("cancel", vec!["\x03"], "old\n", false),
        ("another letter asks on", vec!["q"], "old\n", false),
        ("yes, then cancel at the name", vec!["y", "\x03"], "old\n", false),
    ] {
        let mut desk = Desk::new(&[("f", "old\n")]);
        let mut keys = vec!["x", "\x18"];
        keys.extend(answer);
        let (_, step) = desk.run(&["f"], &keys);
        assert!(desk.shown.contains("Save modified buffer?"), "{name}");
        assert_eq!((desk.file("f"), step == Step::Exit(0)), (text, left), "{name}");
    }
}

#[test]
fn writing_under_a_name_that_is_taken_asks_first() {
    let mut desk = Desk::new(&[("a", "a\n"), ("b", "b\n")]);
    desk.run(&["a"], &["\x0f", "\x15b\r", "n", "\x03"]);
    assert!(desk.shown.contains("File \"b\" exists; OVERWRITE?"));
    assert_eq!(desk.file("b"), "b\n");
    desk.run(&["a"], &["\x0f", "\x15b\r", "y"]);
    assert_eq!(desk.file("b"), "a\n");
    desk.run(&["a"], &["\x0f", "\x15c\r", "y"]);
    assert!(desk.shown.contains("DIFFERENT NAME") && desk.file("c") == "a\n");
}

#[test]
fn keys_change_the_text_as_in_nano() {
    for (name, keys, text) in [
        ("cut two lines and paste them below", "\x0b\x0b\x1b[B\x15", "c\na\nb\n"),
        ("delete and backspace", "\x04\x1b[F\x0a\x7fX", "X\nb\nc\n"),
        ("undo and redo", "x\x1bu\x1bu\x1be", "xa\nb\nc\n"),
        ("a paste is not indented further", "\x1b[200~  k:\n    v: 1\n\x1b[201~", "  k:\n    v: 1\na\nb\nc\n"),
        ("mark, copy, paste", "\x1ba\x1b[B\x1b6\x15", "a\na\nb\nc\n"),
        ("go to line and column", "\x1f3,2\rX", "a\nb\ncX\n"),
        ("search, then type there", "\x17B\rX", "a\nXb\nc\n"),
        ("replace all", "\x1c[a-c]\x1br\r", "a\nb\nc\n"),
        ("tab is a tab", "\t", "\ta\nb\nc\n"),
    ] {
        let mut desk = Desk::new(&[("f", "a\nb\nc\n")]);
        desk.run(&["f"], &[keys, "\x13"]);
        assert_eq!(desk.file("f"), text, "{name}");
    }
}

#[test]
fn replace_asks_for_each_place_or_takes_all() {
    for (name, answers, text, message) in [
        ("all", "a", "z z\nz\n", "Replaced 3 occurrences"),
        ("one, not the next, the last", "yny", "z x\nz\n", "Replaced 2 occurrences"),
        ("one, then enough", "y\x03", "z x\nx\n", "Cancelled"),
    ] {
        let mut desk = Desk::new(&[("f", "x x\nx\n")]);
        desk.run(&["f"], &["\x1cx\rz\r", answers, "", "\x13"]);
        assert!(desk.shown.contains(message), "{name}");
        assert_eq!(desk.file("f"), text, "{name}");
    }
}

#[test]
fn messages_are_nanos() {
    for (args, keys, message) in [
        (vec!["folder"], "", "[ \"folder\" is a directory ]"),
        (vec!["locked"], "", "[ Error reading locked: Permission denied ]"),
        (vec!["no/where"], "", "[ Directory 'no' does not exist ]"),
        (vec!["f"], "", "[ Read 3 lines ]"),
        (vec!["f"], "\x17nothing\r", "[ \"nothing\" not found ]"),
        (vec!["f"], "\x17a\r", "[ This is the only occurrence ]"),
        (vec!["f"], "\x1b[B\x17a\r", "[ Search Wrapped ]"),
        (vec!["f"], "\x03", "[ line 1/4 (25%), col  1/ 2 ( 50%), char 0/6 ( 0%) ]"),
        (vec!["f"], "\x1fx\r", "[ Invalid line or column number ]"),
        (vec!["f"], "\x17\x03", "[ Cancelled ]"),
        (vec!["f"], "\x1bu", "[ Nothing to undo ]"),
        (vec!["f"], "\x0b\x1bu", "[ Undid cut ]"),
        (vec!["-v", "f"], "x", "[ Key is invalid in view mode ]"),
    ] {
        let mut desk = Desk::new(&[("f", "a\nb\nc\n")]);
        desk.run(&args, &[keys]);
        assert!(desk.shown.contains(message), "{args:?} {keys:?}: {message}");
    }
}

#[test]
fn it_refuses_to_run_without_a_terminal_and_knows_its_options() {
    let mut desk = Desk::new(&[("f", "a\n")]);
    desk.tty = false;
    assert_eq!(desk.run(&["f"], &[]).1, Step::Exit(1));
    let mut desk = Desk::new(&[("f", "a\n")]);
    assert_eq!(desk.run(&["--nonsense"], &[]).1, Step::Exit(1));
    desk.run(&["-l", "+1,2", "f"], &["X", "\x13"]);
    assert_eq!(desk.file("f"), "aX\n");
}

#[test]
fn a_resized_window_is_drawn_whole() {
    let mut desk = Desk::new(&[("f", "a\n")]);
    let (mut nano, _) = desk.run(&["f"], &[]);
    desk.shown.clear();
    desk.window = (40, 10);
    desk.signals.push_back(Signal::Winch);
    nano.resume(&mut desk);
    assert!(desk.shown.contains("GNU nano 7.2") && desk.shown.contains("\x1b[2J"));
}

#[test]
fn no_keys_hurt_it() {
    let mut rng = crate::sim::Seed::new(7).rng();
    let chunks = [
        "a",
        "漢",
        "\r",
        "\t",
        "\x1b[A",
        "\x1b[B",
        "\x1b[C",
        "\x1b[D",
        "\x7f",
        "\x04",
        "\x0b",
        "\x15",
        "\x17",
        "\x1c",
        "\x0f",
        "\x03",
        "\x1bu",
        "\x1be",
        "\x1ba",
        "\x1b6",
        "\x1b[5~",
        "\x1b[6~",
        "\x1f",
        "\x07",
        "y",
        "n",
        "q",
        "\x1b[200~x\ny\x1b[201~",
        "\x1b\x7f",
        "\x1b[3;5~",
    ];
    let mut desk = Desk::new(&[("f", "one\ntwo\n")]);
    desk.window = (17, 7);
    let (mut nano, _) = desk.run(&["f"], &[]);
    for _ in 0..5_000 {
        let chunk = chunks[rng.usize(..chunks.len())];
        desk.keys.push_back(chunk.as_bytes().to_vec());
        if let Step::Exit(_) = nano.resume(&mut desk) {
            nano = desk.run(&["f"], &[]).0;
        }
        desk.shown.clear();
    }
}
