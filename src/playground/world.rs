//! Everything of a playground that time changes: one value that is cloned to keep a moment. Knows no real time, no
//! snapshots and no lesson text.

use super::action::Action;
use super::changes::Changes;
use super::lab::{Lab, Moved};
use super::machine::{HOME, caller};
use super::terminal::Terminal;
use super::{Config, Session};
use crate::shell::vfs;
use crate::sim::Time;

/// Machine, cluster and terminal, and how much of the log has been done.
#[derive(Clone, Debug)]
pub struct World {
    /// Machine and cluster.
    pub lab: Lab,
    /// The learner's terminal.
    pub terminal: Terminal,
    /// How many entries of the log have been applied.
    pub applied: usize,
}

impl World {
    /// A fresh world: the cluster has come up, the lesson's manifests are applied, the prompt stands.
    pub fn new(config: &Config) -> Self {
        let mut lab = Session::with_config(config).into_lab();
        let mut terminal = Terminal::new(&mut lab, config.columns, config.rows);
        terminal.settle(&mut lab);
        Self { lab, terminal, applied: 0 }
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        self.lab.now()
    }

    /// Moves time to `target` event by event, so that whatever waits for the end of a command follows at its instant.
    pub fn advance_to(&mut self, target: Time, budget: u64, out: &mut Vec<u8>) -> Moved {
        let mut total = Moved::default();
        loop {
            let next = self.lab.next_due().unwrap_or(target).min(target);
            let moved = self.lab.advance_to(next, budget.saturating_sub(total.events).max(1));
            total.events += moved.events;
            out.extend(self.terminal.settle(&mut self.lab));
            let more = self.lab.next_due().is_some_and(|due| due <= target);
            if moved.spinning.is_some() || (more && total.events >= budget) {
                return Moved { short: true, spinning: moved.spinning, ..total };
            }
            if !more {
                if self.now() < target {
                    self.lab.advance_to(target, budget);
                }
                return total;
            }
        }
    }

    /// Does what the learner did.
    pub fn apply(&mut self, action: &Action) -> Changes {
        let mut changes = Changes::default();
        let lab = &mut self.lab;
        match action {
            Action::Key(bytes) => changes.terminal = self.terminal.keys(lab, bytes),
            Action::Paste(text) => changes.terminal = self.terminal.paste(lab, text),
            Action::RunCommand(line) => match self.terminal.command(lab, line) {
                Some(bytes) => changes.terminal = bytes,
                None => {
                    changes.notice = Some(lab.diagram().words().say("lab.editorOpen"));
                }
            },
            Action::InsertFile { name, content } if self.terminal.is_raw(lab) => {
                changes.terminal = self.terminal.paste(lab, content);
                changes.notice = Some(lab.diagram().words().tell("lab.inEditor", &[("name", name)]));
            }
            Action::InsertFile { name, content } => changes.notice = Some(self.write(name, content)),
            Action::Resize { columns, rows } => changes.terminal = self.terminal.resize(lab, *columns, *rows),
            Action::Pause
            | Action::Resume
            | Action::SetSpeed(_)
            | Action::Step
            | Action::Skip(_)
            | Action::Rewind(_)
            | Action::Undo
            | Action::Reset => {}
        }
        changes
    }

    fn write(&mut self, name: &str, content: &str) -> String {
        let words = self.lab.diagram().words().clone();
        let learner = vfs::Caller { now: self.lab.now(), ..caller() };
        let files = self.lab.machine.vfs_mut();
        if let Some((dir, _)) = name.rsplit_once('/') {
            let _ = files.make_dir(HOME, dir, true, learner);
        }
        let same = files.read_file(HOME, name).is_ok_and(|held| held.as_slice() == content.as_bytes());
        let there = files.find(HOME, name, true).is_ok();
        match files.write_file(HOME, name, content.as_bytes(), learner) {
            Ok(()) if same => words.tell("lab.fileSame", &[("name", name)]),
            Ok(()) if there => words.tell("lab.fileReplaced", &[("name", name)]),
            Ok(()) => words.tell("lab.fileWritten", &[("name", name)]),
            Err(errno) => words.tell("lab.fileRefused", &[("name", name), ("why", errno.message())]),
        }
    }
}
