//! What a step tries on a copy of the cluster: "delete the Pod: is there another one within ten seconds?". The reader's
//! own cluster is never touched.

use serde::{Deserialize, Serialize};

use super::check::{Check, Look, Objects};

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
    /// Both, in the order in which a terminal shows them.
    pub printed: String,
    /// Its exit code.
    pub exit: i32,
}

/// A cluster and a learner's machine that may be used up.
pub trait Trial: Objects {
    /// Types a line into the shell and runs it to its end; after `limit` virtual seconds it is interrupted.
    fn run(&mut self, line: &str, limit: f64) -> Outcome;
    /// Lets virtual seconds pass.
    fn advance(&mut self, seconds: f64);
}

/// A command, and how the cluster has to look afterwards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The command.
    pub run: String,
    /// The exit code it has to end with; without one it does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Virtual seconds that are waited after it.
    pub seconds: f64,
    /// Whether the checks have to hold at the end of that time; otherwise at some moment within it.
    #[serde(default)]
    pub at_end: bool,
    /// How the cluster has to look: all of them.
    pub checks: Vec<Check>,
}

/// A command on the copy that does not end is interrupted after so many virtual seconds.
const PATIENCE: f64 = 60.0;
/// How often the checks are looked at.
const INTERVAL: f64 = 0.5;

impl Attempt {
    /// Tries it on a copy of this cluster.
    pub fn succeeds(&self, objects: &dyn Objects) -> bool {
        let mut trial = objects.copy();
        let ended = trial.run(&self.run, PATIENCE).exit;
        if self.exit.is_some_and(|wanted| wanted != ended) {
            return false;
        }
        if self.at_end {
            trial.advance(self.seconds);
            return self.hold(&*trial);
        }
        let mut waited = 0.0;
        loop {
            if self.hold(&*trial) {
                return true;
            }
            if waited >= self.seconds {
                return false;
            }
            trial.advance(INTERVAL);
            waited += INTERVAL;
        }
    }

    fn hold(&self, trial: &dyn Trial) -> bool {
        let mut look = Look::new(trial);
        self.checks.iter().all(|check| check.evaluate(&mut look).passed)
    }
}
