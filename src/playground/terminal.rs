//! The learner's terminal: an interactive shell of the machine with the line editor in front of it. Draws bytes,
//! knows no screen; time passes elsewhere.

use std::collections::VecDeque;

use super::completion::LabCompleter;
use super::lab::Lab;
use super::scrollback::Scrollback;
use crate::shell::line_editor::{Done, LineEditor, Output};
use crate::shell::machine::{SpawnOptions, TtyId};
use crate::shell::program::Pid;
use crate::shell::{LineState, keys};

/// How many commands may wait for the running one.
const QUEUE: usize = 50;
/// Commands that one call may run without time moving: a paste of many lines does not hang the page.
const TURNS: usize = 1_000;

/// A terminal.
#[derive(Clone, Debug)]
pub struct Terminal {
    tty: TtyId,
    shell: Option<Pid>,
    editor: LineEditor,
    scrollback: Scrollback,
    /// The shell has read `~/.bashrc`.
    furnished: bool,
    /// The prompt is drawn and the editor has the keys.
    prompting: bool,
    /// The lines of a command that is not complete yet.
    lines: String,
    /// Commands of the lesson that wait for the prompt.
    queue: VecDeque<String>,
    window: (u16, u16),
}

impl Terminal {
    /// A terminal with a shell on it.
    pub fn new(lab: &mut Lab, columns: u16, rows: u16) -> Self {
        let tty = lab.machine.add_terminal(columns, rows);
        let mut terminal = Self {
            tty,
            shell: None,
            editor: LineEditor::new(columns),
            scrollback: Scrollback::default(),
            furnished: false,
            prompting: false,
            lines: String::new(),
            queue: VecDeque::new(),
            window: (columns, rows),
        };
        terminal.start_shell(lab);
        terminal
    }

    fn start_shell(&mut self, lab: &mut Lab) {
        self.shell = lab.machine.start_shell(self.tty, SpawnOptions::default()).ok();
        self.furnished = false;
        self.prompting = false;
        self.lines.clear();
        lab.touch();
    }

    /// All that the terminal shows, for one that was just opened.
    pub fn screen(&self) -> Vec<u8> {
        self.scrollback.bytes()
    }

    /// Columns and rows.
    pub fn window(&self) -> (u16, u16) {
        self.window
    }

    /// Whether a command runs in the foreground or waits to.
    pub fn is_busy(&self) -> bool {
        !self.prompting || !self.queue.is_empty()
    }

    /// Whether a full-screen program has the keys.
    pub fn is_raw(&self, lab: &Lab) -> bool {
        !self.prompting && lab.machine.is_raw(self.tty)
    }

    /// The commands that were entered, oldest first.
    pub fn history(&self) -> &[String] {
        self.editor.history().lines()
    }

    /// The line that is being written.
    pub fn line(&self) -> String {
        self.editor.line()
    }

    /// Keys of the learner.
    pub fn keys(&mut self, lab: &mut Lab, bytes: &[u8]) -> Vec<u8> {
        if !self.prompting {
            if bytes.contains(&3) && !lab.machine.is_raw(self.tty) {
                // Ctrl-C gives up what waits, too.
                self.queue.clear();
                self.editor.drop_waiting();
            }
            lab.machine.type_keys(self.tty, bytes);
            lab.touch();
            return self.settle(lab);
        }
        let Some(shell) = self.shell else { return Vec::new() };
        let out = self.editor.feed(bytes, &mut LabCompleter { lab, shell });
        self.after(lab, out)
    }

    /// Pasted text.
    pub fn paste(&mut self, lab: &mut Lab, text: &str) -> Vec<u8> {
        if self.prompting {
            let Some(shell) = self.shell else { return Vec::new() };
            let out = self.editor.paste(text, &mut LabCompleter { lab, shell });
            return self.after(lab, out);
        }
        let text = keys::clean_paste(text);
        let bytes =
            if self.scrollback.is_bracketed() { format!("\x1b[200~{text}\x1b[201~") } else { text.replace('\n', "\r") };
        lab.machine.type_keys(self.tty, bytes.as_bytes());
        lab.touch();
        self.settle(lab)
    }

    /// Types a command at the prompt and runs it; while another runs, it waits. False when a full-screen program has
    /// the terminal, or too many wait.
    pub fn command(&mut self, lab: &mut Lab, line: &str) -> Option<Vec<u8>> {
        if self.is_raw(lab) || self.queue.len() >= QUEUE {
            return None;
        }
        self.queue.push_back(line.to_owned());
        Some(self.settle(lab))
    }

    /// The window has another size.
    pub fn resize(&mut self, lab: &mut Lab, columns: u16, rows: u16) -> Vec<u8> {
        let (columns, rows) = (columns.clamp(1, 1_000), rows.clamp(1, 1_000));
        if self.window == (columns, rows) {
            return Vec::new();
        }
        self.window = (columns, rows);
        lab.machine.resize(self.tty, columns, rows);
        lab.touch();
        let redrawn = self.editor.resize(columns);
        let mut out = Vec::new();
        if self.prompting {
            self.scrollback.push(&redrawn);
            out = redrawn;
        }
        out.extend(self.settle(lab));
        out
    }

    /// Runs what can be run at this instant: output is taken, a shell that waits gets its prompt, waiting lines
    /// and commands are entered.
    pub fn settle(&mut self, lab: &mut Lab) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..TURNS {
            lab.settle(super::INSTANT_BUDGET);
            self.take_output(lab, &mut out);
            if self.prompting && self.queue.is_empty() {
                break;
            }
            let Some(shell) = self.shell else {
                self.start_shell(lab);
                continue;
            };
            if lab.machine.exit_status(shell).is_some() {
                lab.machine.forget(shell);
                self.print(b"logout\n", &mut out);
                self.start_shell(lab);
                continue;
            }
            if !self.prompting && !lab.machine.wants_line(shell) {
                break;
            }
            self.turn(lab, shell, &mut out);
        }
        out
    }

    /// One prompt, or one waiting command.
    fn turn(&mut self, lab: &mut Lab, shell: Pid, out: &mut Vec<u8>) {
        if !self.furnished {
            self.furnished = true;
            lab.machine.enter_line(shell, "[ -f ~/.bashrc ] && . ~/.bashrc");
            if let Some(running) = lab.machine.shell_mut(shell) {
                running.set_history(self.editor.history().lines().to_vec());
            }
            lab.touch();
            return;
        }
        let step = if !self.prompting {
            self.prompting = true;
            let partial = self.scrollback.partial();
            let prompt = lab.machine.prompt(shell);
            self.editor.start_behind(&partial, &prompt, &mut LabCompleter { lab, shell })
        } else if !self.lines.is_empty() {
            // A command of the lesson does not continue what was left half written.
            self.editor.feed(b"\x03", &mut LabCompleter { lab, shell })
        } else if let Some(command) = self.queue.pop_front() {
            self.editor.submit(&command, &mut LabCompleter { lab, shell })
        } else {
            return;
        };
        self.push(&step.bytes, out);
        self.finish(lab, step.done);
    }

    fn after(&mut self, lab: &mut Lab, step: Output) -> Vec<u8> {
        let mut out = Vec::new();
        self.push(&step.bytes, &mut out);
        self.finish(lab, step.done);
        out.extend(self.settle(lab));
        out
    }

    /// Does what a finished line asks for.
    fn finish(&mut self, lab: &mut Lab, done: Option<Done>) {
        let (Some(done), Some(shell)) = (done, self.shell) else { return };
        self.prompting = false;
        self.scrollback.forget_partial();
        lab.touch();
        match done {
            Done::Interrupt => {
                lab.machine.abandon_line(shell);
                self.lines.clear();
            }
            Done::Eof if self.lines.is_empty() => self.enter(lab, shell, "exit"),
            Done::Eof => {
                lab.machine.abandon_line(shell);
                self.lines.clear();
            }
            Done::Line(line) => {
                if !self.lines.is_empty() {
                    self.lines.push('\n');
                }
                self.lines.push_str(&line);
                self.enter(lab, shell, &line);
            }
        }
    }

    fn enter(&mut self, lab: &mut Lab, shell: Pid, line: &str) {
        match lab.machine.enter_line(shell, line) {
            LineState::More => {}
            LineState::Running | LineState::Ended => {
                let command = std::mem::take(&mut self.lines);
                self.editor.remember(&command);
            }
        }
    }

    fn take_output(&mut self, lab: &mut Lab, out: &mut Vec<u8>) {
        for chunk in lab.machine.take_terminal_output(self.tty) {
            if self.prompting {
                // A job in the background writes: its text goes above a fresh prompt.
                self.push(b"\r\x1b[J", out);
                self.print(&chunk.bytes, out);
                if !chunk.bytes.ends_with(b"\n") {
                    self.push(b"\r\n", out);
                }
                let line = self.editor.redraw();
                self.push(&line, out);
            } else {
                self.print(&chunk.bytes, out);
            }
        }
    }

    fn print(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend(self.scrollback.print(bytes));
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.scrollback.push(bytes);
        out.extend_from_slice(bytes);
    }
}
