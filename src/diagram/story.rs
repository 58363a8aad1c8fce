//! The picture in words: the growing list beside it, and the same for those who cannot see it.

use std::fmt::Write;

use super::fold::Diagram;
use super::model::{Depot, Picture, Token, Transition};
use crate::sim::Time;
use crate::text::words::Words;

impl Transition {
    /// The whole line: `3.1 s  kubelet  hello-job-x7k2p Running → Succeeded, exit 0`; seconds count from `start`.
    pub fn line(&self, start: Time) -> String {
        format!("{:.1} s  {}  {}", self.at.since(start).as_secs_f64(), self.who.name(), self.text)
    }
}

impl Diagram {
    /// The story as lines, oldest first.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in self.story() {
            let _ = writeln!(text, "{}", line.line(self.start()));
        }
        text
    }
}

impl Picture {
    /// The picture as sentences, one a line: every depot, then its Pods.
    pub fn text(&self, words: &Words) -> String {
        let mut text = String::new();
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "{hint}");
        }
        let depots = self.depots.iter().map(Some).chain([None]);
        for depot in depots {
            let uid = depot.map(|depot| depot.uid.clone());
            let mine = |given: &Option<String>| match &uid {
                Some(_) => *given == uid,
                None => given.as_ref().is_none_or(|given| self.depots.iter().all(|depot| depot.uid != *given)),
            };
            if let Some(depot) = depot {
                let _ = writeln!(text, "{}", self.depot_sentence(words, depot));
            }
            for token in self.tokens.iter().filter(|token| mine(&token.depot)) {
                let _ = writeln!(text, "{}", self.token_sentence(words, token));
            }
            for group in self.groups.iter().filter(|group| mine(&group.depot)) {
                let _ = writeln!(text, "  {} Pods: {}", group.count, group.station.name());
            }
        }
        text
    }

    fn depot_sentence(&self, words: &Words, depot: &Depot) -> String {
        let mut text = format!("{} {}: {}", depot.kind.name(), depot.name, depot.count(words));
        if depot.kind == super::model::DepotKind::Job {
            let _ = write!(text, ", {}", depot.active_and_failed(words));
        }
        if let Some(condition) = &depot.condition {
            let _ = write!(text, ", {}", condition.kind);
            if !condition.reason.is_empty() {
                let _ = write!(text, " ({})", condition.reason);
            }
        }
        if let Some(wait) = &depot.back_off {
            text.push_str(&words.tell("lab.nextPodIn", &[("n", &seconds_up(wait.left(self.now)).to_string())]));
        }
        if depot.terminating {
            text.push_str(", Terminating");
        }
        text
    }

    fn token_sentence(&self, words: &Words, token: &Token) -> String {
        let mut text = format!("  Pod {}: {}", token.name, token.station.name());
        let told = token.reason.is_empty() || token.reason == token.station.name();
        if !told {
            let _ = write!(text, ", {}", token.reason);
        }
        if let Some(code) = token.exit_code {
            let _ = write!(text, ", exit {code}");
        }
        if token.restarts > 0 {
            text.push_str(&match token.restarts {
                1 => words.say("lab.oneRestart"),
                more => words.tell("lab.restarts", &[("n", &more.to_string())]),
            });
        }
        if let Some(wait) = &token.back_off {
            text.push_str(&words.tell("lab.nextTryIn", &[("n", &seconds_up(wait.left(self.now)).to_string())]));
        }
        if token.terminating {
            text.push_str(", Terminating");
        }
        if token.logs {
            text.push_str(&words.say("lab.hasLogs"));
        }
        text
    }
}

/// Whole seconds, rounded up: a countdown shows 1 until it is over.
fn seconds_up(left: std::time::Duration) -> u64 {
    u64::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX)
}
