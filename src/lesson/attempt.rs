//! What a step tries on a copy of the cluster: "delete the Pod: is there another one within ten seconds?". The reader's
//! own cluster is never touched.

use serde::{Deserialize, Serialize};

use super::check::{Check, Look, Wrong};
use super::trial::{Objects, Trial};

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
    /// What a reader is told for whom it does not come out well, if no check says it better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A command on the copy that does not end is interrupted after so many virtual seconds.
const PATIENCE: f64 = 60.0;
/// How often the checks are looked at.
const INTERVAL: f64 = 0.5;

impl Attempt {
    /// Tries it on a copy of this cluster.
    pub fn succeeds(&self, objects: &dyn Objects) -> bool {
        self.wrong(objects).is_none()
    }

    /// Tries it on a copy of this cluster, and says what does not come out well; `None` when all does.
    pub fn wrong(&self, objects: &dyn Objects) -> Option<Wrong> {
        let mut trial = objects.copy();
        let ended = trial.run(&self.run, PATIENCE).exit;
        if self.exit.is_some_and(|wanted| wanted != ended) {
            return Some(self.told());
        }
        let mut waited = if self.at_end { self.seconds } else { 0.0 };
        trial.advance(waited);
        while !self.hold(&*trial) {
            if waited >= self.seconds {
                let mut look = Look::new(&*trial);
                let told = |wrong: &Wrong| matches!(wrong, Wrong::Told { .. });
                let first = self.checks.iter().find_map(|check| check.wrong(&mut look));
                return Some(first.filter(told).unwrap_or_else(|| self.told()));
            }
            trial.advance(INTERVAL);
            waited += INTERVAL;
        }
        None
    }

    fn told(&self) -> Wrong {
        match &self.hint {
            Some(text) => Wrong::Told { text: text.clone() },
            None => Wrong::Attempt { command: self.run.clone() },
        }
    }

    fn hold(&self, trial: &dyn Trial) -> bool {
        let mut look = Look::new(trial);
        self.checks.iter().all(|check| check.evaluate(&mut look).passed)
    }
}
