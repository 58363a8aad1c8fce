//! The application without a screen: a cluster, the learner's machine and its terminal, a clock, snapshots, the
//! story and the lesson's steps behind one door: [`Action`] in, [`Changes`] out.
//!
//! Draws nothing, stores nothing, reads no clock: whoever shows it brings the real time that passed and keeps the
//! text that `save` gives. A playground is a value; two that were given the same actions at the same instants of
//! virtual time are the same.
//!
//! ```ignore
//! let mut playground = Playground::new(Config::default());
//! let changes = playground.act(Action::RunCommand("kubectl get jobs".into()));
//! terminal.write(&changes.terminal);
//! loop { let changes = playground.advance(frame, has_time); draw(playground.picture(12)); }
//! ```

mod action;
pub mod bench;
mod changes;
mod clock;
mod completion;
mod kept;
mod lab;
mod machine;
mod play;
mod remote;
mod saved;
mod scrollback;
mod session;
mod snapshots;
mod terminal;
mod world;

pub use crate::text::words::Words;
pub use action::{Action, Speed};
pub use changes::Changes;
pub use clock::Clock;
pub use lab::{Lab, Moved};
pub use play::Playground;
pub use saved::RestoreError;
#[cfg(not(target_arch = "wasm32"))]
pub use session::Login;
pub use session::{Line, Outcome, Session};

use std::time::Duration;

use crate::cluster::PresentImages;
use crate::lesson;
use crate::sim::Time;

/// Pieces of work that one instant may take in one go.
const INSTANT_BUDGET: u64 = 2_000;

/// What a playground is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The seed of everything random in it.
    pub seed: u64,
    /// The instant at which its time starts.
    pub start: Time,
    /// Columns of the terminal.
    pub columns: u16,
    /// Rows of the terminal.
    pub rows: u16,
    /// Files under the home directory at the start: name and text.
    pub files: Vec<(String, String)>,
    /// Images that the nodes have already.
    pub present_images: PresentImages,
    /// Images that exist here besides those of the list: name and the script that its containers run.
    pub scripts: Vec<(String, String)>,
    /// How many nodes there are besides that of the control plane.
    pub workers: u8,
    /// Manifests that are applied before the learner comes: name and text.
    pub manifests: Vec<(String, String)>,
    /// Commands that are run after that.
    pub setup: Vec<String>,
    /// What passes then before the learner comes.
    pub settle: Duration,
    /// The lesson's steps.
    pub steps: Vec<lesson::Step>,
    /// How fast time runs at first.
    pub speed: Speed,
    /// In which words the story is told.
    pub words: Words,
}

impl Config {
    /// The playground of a lesson.
    pub fn for_lesson(lesson: &lesson::Lesson) -> Self {
        let pair = |file: &lesson::File| (file.name.clone(), file.content.clone());
        Self {
            seed: lesson.seed,
            present_images: PresentImages::Listed(lesson.images.clone()),
            scripts: lesson.scripts.iter().map(pair).collect(),
            workers: lesson.workers,
            files: lesson.home.iter().map(pair).collect(),
            manifests: lesson.manifests.iter().map(pair).collect(),
            setup: lesson.setup.clone(),
            settle: Duration::from_secs(lesson.settle.into()),
            steps: lesson.steps.clone(),
            speed: Speed::from_factor(lesson.speed).unwrap_or_default(),
            ..Self::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            start: crate::cluster::Config::default().start,
            columns: 80,
            rows: 24,
            files: Vec::new(),
            present_images: PresentImages::default(),
            scripts: Vec::new(),
            workers: 1,
            manifests: Vec::new(),
            setup: Vec::new(),
            settle: Duration::ZERO,
            steps: Vec::new(),
            speed: Speed::X1,
            words: Words::default(),
        }
    }
}

/// A mark on the timeline: an instant that can be returned to exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Time,
    /// The command that was about to run, for marks that a command made.
    pub command: Option<String>,
}

/// A step of the lesson as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepState {
    /// The step's id in the lesson.
    pub id: String,
    /// When it was first seen done; once ticked it stays ticked.
    pub done_at: Option<Time>,
}
