//! What the views read: plain values behind signals. Filled by `core` alone.

use leptos::prelude::*;

use crate::diagram::{Picture, Reference, Transition};
use crate::playground::{Mark, Playground, Speed};
use crate::sim::Time;

/// The clock as the controls show it; instants are seconds since the learner came.
#[derive(Clone, Debug, PartialEq)]
pub struct ClockFace {
    pub running: bool,
    pub speed: Speed,
    pub now: f64,
    pub end: f64,
}

/// A step of the lesson with its words.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLine {
    pub id: String,
    pub text: String,
    pub done: bool,
}

/// What the inspector shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Chosen {
    /// A line of the story, by its number.
    Line(u64),
    /// An object of the picture.
    Object(Reference),
}

/// Every signal of a session.
#[derive(Clone, Copy)]
pub struct Signals {
    pub picture: RwSignal<Picture>,
    pub story: RwSignal<Vec<Transition>>,
    pub clock: RwSignal<ClockFace>,
    pub marks: RwSignal<Vec<Mark>>,
    pub steps: RwSignal<Vec<StepLine>>,
    pub chosen: RwSignal<Option<Chosen>>,
    /// The room for the drawing, in CSS pixels.
    pub width: RwSignal<f64>,
    /// Where the seconds of the story count from.
    pub start: Time,
}

/// Lanes of the picture before tokens gather in groups.
pub const LANES: usize = 8;
/// Lines of the story that are in the page; older ones are still told by `kubectl get events`.
const STORY: usize = 80;

impl Signals {
    /// Signals that show this playground.
    pub fn new(playground: &Playground) -> Self {
        Self {
            picture: RwSignal::new(playground.picture(LANES)),
            story: RwSignal::new(story(playground)),
            clock: RwSignal::new(face(playground)),
            marks: RwSignal::new(playground.timeline()),
            steps: RwSignal::new(Vec::new()),
            chosen: RwSignal::new(None),
            width: RwSignal::new(560.0),
            start: playground.start(),
        }
    }
}

/// The clock of this playground.
pub fn face(playground: &Playground) -> ClockFace {
    let since = |time: Time| time.since(playground.start()).as_secs_f64();
    let clock = playground.clock();
    ClockFace { running: clock.running, speed: clock.speed, now: since(playground.now()), end: since(playground.end()) }
}

/// The latest lines of the story, oldest first.
pub fn story(playground: &Playground) -> Vec<Transition> {
    let story = playground.diagram().story();
    let skipped = story.len().saturating_sub(STORY);
    story.skip(skipped).cloned().collect()
}
