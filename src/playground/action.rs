//! What the person does, or the page for them: the closed list that is recorded, saved and replayed.
//! Decides nothing; `Playground::act` does.

use std::time::Duration;

use crate::sim::Time;

/// Something that was done to the playground.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Bytes as the terminal sends them for keys (xterm's sequences); may end within a UTF-8 character.
    Key(Vec<u8>),
    /// Text from the clipboard, typed as if the person had pasted it.
    Paste(String),
    /// A command of the lesson: typed visibly at the prompt and run. While a command runs it waits for its turn.
    RunCommand(String),
    /// A file of the lesson: pasted into an open editor, else written under the home directory (and said so).
    InsertFile {
        /// Its name, relative to the home directory.
        name: String,
        /// Its text.
        content: String,
    },
    /// The window has this many columns and rows.
    Resize {
        /// Columns, at least 1.
        columns: u16,
        /// Rows, at least 1.
        rows: u16,
    },
    /// Time stands still until `Resume`.
    Pause,
    /// Time runs again.
    Resume,
    /// How fast time runs.
    SetSpeed(Speed),
    /// On to the next event, even while time stands still.
    Step,
    /// On by this much virtual time, as fast as the next calls of `advance` can work it through; `Pause` ends it.
    Skip(Duration),
    /// Back to this instant; what came later is kept for one `Undo`.
    Rewind(Time),
    /// Back to before the last command, or, straight after a `Rewind` or `Reset`, to before that.
    Undo,
    /// A fresh cluster, machine and story from the same seed.
    Reset,
}

/// How many virtual seconds pass in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speed {
    /// As on a real cluster.
    #[default]
    X1,
    /// For Pods that take their time.
    X10,
    /// For schedules and back-offs.
    X60,
}

impl Speed {
    /// Every speed, slowest first.
    pub const ALL: [Speed; 3] = [Speed::X1, Speed::X10, Speed::X60];

    /// The factor: 1, 10 or 60.
    pub const fn factor(self) -> u32 {
        match self {
            Speed::X1 => 1,
            Speed::X10 => 10,
            Speed::X60 => 60,
        }
    }

    /// The speed of this factor.
    pub fn from_factor(factor: u32) -> Option<Speed> {
        Speed::ALL.into_iter().find(|speed| speed.factor() == factor)
    }
}
