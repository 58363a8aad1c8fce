//! The middle of a session: the playground, its host, and the way of every change into bytes, signals and calls.
//!
//! No borrow of the playground is held while the page is called, which may call back.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use leptos::prelude::*;
use serde::Serialize;

use super::host::Host;
use super::signals::{LANES, Signals, StepLine, face, story};
use crate::playground::{Action, Changes, Playground};
use crate::sim::Time;

/// What a frame gives to the cluster, in milliseconds of real time; the rest is for drawing.
const WORK: f64 = 8.0;
/// The same while a skip is on its way: nobody looks at each frame of it.
const SKIP_WORK: f64 = 24.0;
/// Clock and countdowns are drawn anew this often, in milliseconds of real time.
const REDRAW: f64 = 100.0;
/// The furthest that a step back goes.
const STEP_BACK: Duration = Duration::from_secs(5);
/// Frames that one component may use up entirely before the person is told.
const SPINNING: u32 = 90;

/// One session's heart.
pub struct Core {
    playground: RefCell<Playground>,
    host: Host,
    texts: Vec<String>,
    signals: Signals,
    since_redraw: Cell<f64>,
    /// Whether the story may have lines that are not shown yet.
    untold: Cell<bool>,
    scrubbed: Cell<Option<Time>>,
    spinning: Cell<u32>,
}

#[derive(Serialize)]
struct StepNote {
    id: String,
    done: bool,
}

impl Core {
    /// Around this playground; `texts` are the words of its steps.
    pub fn new(playground: Playground, host: Host, texts: Vec<String>) -> Self {
        let signals = Signals::new(&playground);
        let core = Self {
            playground: RefCell::new(playground),
            host,
            texts,
            signals,
            since_redraw: Cell::new(0.0),
            untold: Cell::new(false),
            scrubbed: Cell::new(None),
            spinning: Cell::new(0),
        };
        core.show_steps();
        core
    }

    /// What the views read.
    pub fn signals(&self) -> Signals {
        self.signals
    }

    /// Reads something off the playground.
    pub fn read<T>(&self, look: impl FnOnce(&Playground) -> T) -> T {
        look(&self.playground.borrow())
    }

    /// Brings the texts of `kubectl explain`.
    pub fn set_prose(&self, text: &str) -> Result<(), String> {
        self.playground.borrow_mut().set_prose(text)
    }

    /// Does what the person asks for.
    pub fn act(&self, action: Action) {
        let clock = matches!(action, Action::Rewind(_) | Action::Undo | Action::Reset);
        let changes = self.playground.borrow_mut().act(action);
        self.show(changes);
        if clock {
            self.show_steps();
        }
        self.host.changed();
    }

    /// Lets so many milliseconds of real time pass.
    pub fn frame(&self, milliseconds: f64) {
        if let Some(to) = self.scrubbed.take() {
            self.act(Action::Rewind(to));
        }
        let real = Duration::from_secs_f64(milliseconds.clamp(0.0, 1_000.0) / 1_000.0);
        let until = self.host.clock() + if self.read(Playground::is_skipping) { SKIP_WORK } else { WORK };
        let changes = self.playground.borrow_mut().advance(real, || self.host.clock() < until);
        let kept = !changes.terminal.is_empty() || changes.picture || !changes.ticked.is_empty();
        self.notice_spinning(&changes);
        self.show(changes);
        if kept {
            self.host.changed();
        }
        let since = self.since_redraw.get() + milliseconds;
        self.since_redraw.set(since);
        if since >= REDRAW {
            self.since_redraw.set(0.0);
            self.show_clock();
            self.show_story();
        }
    }

    /// Goes to this instant with the next frame: a dragged bar asks more often than it can be drawn.
    pub fn scrub(&self, seconds: f64) {
        let to = self.signals.start + Duration::from_secs_f64(seconds.max(0.0));
        self.scrubbed.set(Some(to));
    }

    /// Back to the mark before this instant, or by a few seconds when nothing was done for longer.
    pub fn step_back(&self) {
        let (now, marks) = self.read(|playground| (playground.now(), playground.timeline()));
        let before = marks.iter().rev().map(|mark| mark.at).find(|at| now.since(*at) > Duration::from_millis(150));
        let start = self.signals.start;
        let near = start + now.since(start).saturating_sub(STEP_BACK);
        self.act(Action::Rewind(before.map_or(near, |before| before.max(near))));
    }

    /// All of the terminal, for one that was just opened.
    pub fn show_terminal(&self) {
        let screen = self.read(Playground::screen);
        self.host.terminal(&screen, true);
    }

    fn show(&self, changes: Changes) {
        if changes.terminal_reset || !changes.terminal.is_empty() {
            self.host.terminal(&changes.terminal, changes.terminal_reset);
        }
        if changes.picture {
            self.signals.picture.set(self.read(|playground| playground.picture(LANES)));
            self.untold.set(true);
        }
        if changes.timeline {
            self.signals.marks.set(self.read(Playground::timeline));
        }
        if changes.clock || changes.terminal_reset {
            self.show_clock();
        }
        if !changes.ticked.is_empty() {
            self.show_steps();
        }
        if let Some(notice) = &changes.notice {
            self.host.notice(notice);
        }
    }

    fn show_clock(&self) {
        let face = self.read(face);
        if self.signals.clock.with_untracked(|shown| *shown != face) {
            self.signals.clock.set(face);
        }
        let counts_down = self.signals.picture.with_untracked(|picture| {
            picture.depots.iter().any(|depot| depot.back_off.is_some())
                || picture.tokens.iter().any(|token| token.back_off.is_some())
        });
        if counts_down {
            self.signals.picture.set(self.read(|playground| playground.picture(LANES)));
        }
    }

    /// The list grows with the countdowns, not with every frame: a thousand Pods would make rows faster than they
    /// can be read.
    fn show_story(&self) {
        if self.untold.take() {
            let story = self.read(story);
            if self.signals.story.with_untracked(|shown| *shown != story) {
                self.signals.story.set(story);
            }
        }
    }

    fn show_steps(&self) {
        let steps = self.read(Playground::steps);
        let lines = steps.iter().zip(&self.texts).map(|(step, text)| StepLine {
            id: step.id.clone(),
            text: text.clone(),
            done: step.done_at.is_some(),
        });
        self.signals.steps.set(lines.collect());
        let notes = steps.into_iter().map(|step| StepNote { done: step.done_at.is_some(), id: step.id });
        let json = serde_json::to_string(&notes.collect::<Vec<_>>()).unwrap_or_default();
        self.host.steps(&json);
    }

    fn notice_spinning(&self, changes: &Changes) {
        let Some(name) = &changes.spinning else { return self.spinning.set(0) };
        self.spinning.set(self.spinning.get() + 1);
        if self.spinning.get().is_multiple_of(SPINNING) {
            let notice = self.read(|playground| playground.diagram().words().tell("lab.busy", &[("name", name)]));
            self.host.notice(&notice);
        }
    }
}
