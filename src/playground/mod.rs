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
//! loop { let changes = playground.advance(frame); draw(playground.picture(12)); }
//! ```

mod action;
mod changes;
mod clock;

pub use action::{Action, Speed};
pub use changes::Changes;
pub use clock::Clock;

use crate::sim::Time;

/// What a playground is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Images that every node has already, beside those of the system.
    pub present_images: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            start: Time::from_seconds(1_767_261_600),
            columns: 80,
            rows: 24,
            files: Vec::new(),
            present_images: Vec::new(),
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

// The type itself lands with the machine and the cluster that it is made of. Its face, for those who draw it:
//
//   Playground::new(Config) -> Playground
//   act(&mut self, Action) -> Changes                      a person's doing
//   advance(&mut self, real: Duration) -> Changes          a frame: bounded work, catches up later
//   now(), start() -> Time;  clock() -> Clock
//   diagram() -> &Diagram;  picture(max_lanes) -> Picture
//   timeline() -> Vec<Mark>                                for the scrub bar
//   steps() -> &[StepState]
//   screen() -> Vec<u8>                                    all of the terminal, for one that was just opened
//   is_busy() -> bool                                      a command runs in the foreground
//   inspect(&Reference) -> Option<String>                  an object as YAML
//   save() -> String;  Playground::restore(&str) -> Result<Playground, RestoreError>
