//! Pods in the picture: seen, moved, ended, gone.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::{Diagram, EVENT_REACH, doubled, reference};
use crate::diagram::model::{BackOff, Token, Tone, Who};
use crate::diagram::picture::letters;
use crate::diagram::station::{Reading, station};
use crate::diagram::who;
use crate::sim::Time;
use crate::text::words::Words;

impl Diagram {
    pub(super) fn see_pod(&mut self, at: Time, pod: &Pod) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        match self.pods.remove(&uid) {
            None => self.add_pod(at, pod, uid),
            Some(entry) => {
                let entry = self.move_pod(at, pod, entry);
                self.pods.insert(uid, entry);
            }
        }
    }

    pub(super) fn add_pod(&mut self, at: Time, pod: &Pod, uid: String) {
        let reading = station(pod);
        let creator = who::creator(&pod.metadata);
        let owner = who::controlling_owner(&pod.metadata).map(|owner| owner.uid.clone());
        let depot = owner.and_then(|owner| self.root_of(&owner));
        let slot = self.take_slot(depot.as_deref());
        let name = pod.metadata.name.clone().unwrap_or_default();
        let text = if reading.label() == "Pending" {
            self.words.tell("lab.podCreated", &[("name", &name)])
        } else {
            format!("{name} {}{}", reading.label(), ending(&reading))
        };
        let subject = reference("Pod", &pod.metadata);
        self.tell(at, creator.clone(), subject, "", reading.label(), text, reading.tone);
        let mut entry = PodEntry {
            token: Token {
                uid: uid.clone(),
                namespace: pod.metadata.namespace.clone().unwrap_or_default(),
                letters: letters(&name),
                name,
                lane: slot,
                station: reading.station,
                tone: reading.tone,
                reason: String::new(),
                restarts: 0,
                exit_code: None,
                back_off: None,
                logs: false,
                terminating: false,
                ready: false,
                node: None,
                depot,
                moved_at: at,
                moved_by: creator,
            },
            order: self.order(),
            slot,
            reading: reading.clone(),
            unschedulable: String::new(),
            ended_at: None,
            pull_failures: 0,
        };
        self.note_end(at, &mut entry, None, &reading);
        entry.take(pod, reading);
        self.pods.insert(uid, entry);
    }

    pub(super) fn move_pod(&mut self, at: Time, pod: &Pod, mut entry: PodEntry) -> PodEntry {
        let reading = station(pod);
        let before = entry.reading.clone();
        let subject = reference("Pod", &pod.metadata);
        let name = entry.token.name.clone();
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).filter(|node| !node.is_empty());
        let mut moved_by = None;
        if let (None, Some(node)) = (&entry.token.node, &node) {
            let text = self.words.tell("lab.bound", &[("name", &name), ("node", node)]);
            self.tell(at, who::SCHEDULER, subject.clone(), before.label(), before.label(), text, reading.tone);
            moved_by = Some(who::SCHEDULER);
        }
        let reason = unschedulable(pod);
        if reason != entry.unschedulable {
            if !reason.is_empty() {
                let text = self.words.tell("lab.unplaced", &[("name", &name), ("why", &reason)]);
                self.tell(at, who::SCHEDULER, subject.clone(), before.label(), before.label(), text, Tone::Waiting);
            }
            entry.unschedulable = reason;
        }
        if reading.terminating && !before.terminating {
            let remover = self.remover(&entry.token);
            let text = format!("{name} {} → Terminating", before.label());
            self.tell(at, remover.clone(), subject.clone(), before.label(), "Terminating", text, Tone::Terminating);
            moved_by = Some(remover);
        } else if reading.label() != before.label() || reading.restarts > before.restarts {
            let text = move_text(&self.words, &name, &before, &reading);
            self.tell(at, who::KUBELET, subject, before.label(), reading.label(), text, reading.tone);
            moved_by = Some(who::KUBELET);
        }
        if let Some(who) = moved_by {
            entry.token.moved_at = at;
            entry.token.moved_by = who;
        }
        self.note_end(at, &mut entry, Some(&before), &reading);
        entry.take(pod, reading);
        entry
    }

    pub(super) fn remove_pod(&mut self, at: Time, pod: &Pod) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let Some(entry) = self.pods.remove(&uid) else { return };
        if let Some(depot) = entry.token.depot.as_ref().and_then(|depot| self.depots.get_mut(depot)) {
            depot.slots.remove(&entry.slot);
        }
        let remover = if entry.reading.terminating { who::KUBELET } else { self.remover(&entry.token) };
        let from = entry.reading.label().to_owned();
        let text = self.words.tell("lab.gone", &[("name", &entry.token.name)]);
        self.tell(at, remover, reference("Pod", &pod.metadata), &from, "", text, Tone::Terminating);
    }

    /// Who takes a Pod away, as far as its owner tells; the Event of a controller may correct it.
    pub(super) fn remover(&self, token: &Token) -> Who {
        match token.depot.as_ref().map(|depot| self.depots.get(depot)) {
            Some(None) => who::GARBAGE_COLLECTOR,
            Some(Some(entry)) if entry.depot.terminating => who::GARBAGE_COLLECTOR,
            _ => who::KUBECTL,
        }
    }

    /// Remembers ends and failed pulls, from which back-offs count.
    pub(super) fn note_end(&mut self, at: Time, entry: &mut PodEntry, before: Option<&Reading>, now: &Reading) {
        let was = before.map_or("", |before| before.label());
        if now.label() != was {
            match now.reason.as_str() {
                "CrashLoopBackOff" if was == "Running" || entry.ended_at.is_none() => entry.ended_at = Some(at),
                "ErrImagePull" => {
                    entry.pull_failures += 1;
                    entry.ended_at = Some(at);
                }
                "ImagePullBackOff" | "CrashLoopBackOff" | "" => {}
                _ => entry.ended_at = Some(at),
            }
        }
        let finished = |reading: &Reading| matches!(reading.tone_of_end(), Some(Tone::Succeeded | Tone::Failed));
        if finished(now)
            && !before.is_some_and(finished)
            && let Some(job) = entry.token.depot.as_ref().and_then(|depot| self.depots.get_mut(depot))
        {
            if now.tone_of_end() == Some(Tone::Failed) {
                job.failures += 1;
                job.last_failure = Some(at);
            } else {
                job.failures = 0;
            }
        }
    }

    /// A controller says that it deleted this Pod: it, not a person, sent it to Terminating.
    pub(super) fn correct_remover(&mut self, pod: &str, who: &Who) {
        let mut lines = self.story.iter_mut().rev().take(EVENT_REACH);
        let line = lines.find(|line| line.subject.kind == "Pod" && line.subject.name == pod);
        if let Some(line) = line.filter(|line| line.tone == Tone::Terminating && line.who == who::KUBECTL) {
            Arc::make_mut(line).who = who.clone();
        }
        let token = self.pods.values_mut().map(|entry| &mut entry.token).find(|token| token.name == pod);
        if let Some(token) = token.filter(|token| token.terminating && token.moved_by == who::KUBECTL) {
            token.moved_by = who.clone();
        }
    }
}

/// A token and what only the fold needs.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::diagram) struct PodEntry {
    pub(in crate::diagram) token: Token,
    pub(in crate::diagram) order: u64,
    /// The lane within its depot.
    pub(in crate::diagram) slot: usize,
    pub(super) reading: Reading,
    pub(super) unschedulable: String,
    /// When its container last ended, as it was seen.
    pub(super) ended_at: Option<Time>,
    pub(super) pull_failures: u32,
}

impl PodEntry {
    /// Takes over what the object says now.
    pub(super) fn take(&mut self, pod: &Pod, reading: Reading) {
        self.token.station = reading.station;
        self.token.tone = reading.tone;
        self.token.reason.clone_from(&reading.reason);
        self.token.restarts = reading.restarts;
        self.token.exit_code = reading.exit_code;
        self.token.logs = reading.logs;
        self.token.terminating = reading.terminating;
        self.token.ready = reading.ready;
        self.token.node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).filter(|node| !node.is_empty());
        let wait = match reading.reason.as_str() {
            "CrashLoopBackOff" => back_off_in(&reading.message),
            "ImagePullBackOff" => Some(doubled(Duration::from_secs(10), self.pull_failures, Duration::from_secs(300))),
            _ => None,
        };
        self.token.back_off = match (wait, self.ended_at) {
            (Some(wait), Some(since)) => Some(BackOff { since, until: since + wait }),
            _ => None,
        };
        self.reading = reading;
    }
}

/// Reasons of warnings that the objects' own states already tell.
pub(in crate::diagram) fn told_by_status(reason: &str) -> bool {
    matches!(
        reason,
        "BackOff" | "Failed" | "FailedScheduling" | "BackoffLimitExceeded" | "DeadlineExceeded" | "PodFailurePolicy"
    )
}

/// Why the scheduler found no node; empty when it has not said so.
pub(in crate::diagram) fn unschedulable(pod: &Pod) -> String {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions
        .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .find_map(|condition| condition.message.clone())
        .unwrap_or_default()
}

pub(in crate::diagram) fn move_text(words: &Words, name: &str, before: &Reading, now: &Reading) -> String {
    let mut restart = String::new();
    if now.restarts > before.restarts {
        restart = words.tell("lab.restart", &[("n", &now.restarts.to_string())]);
    }
    if now.label() == before.label() {
        let text = match now.exit_code {
            Some(code) => words.tell("lab.restartedAfter", &[("name", name), ("code", &code.to_string())]),
            None => words.tell("lab.restarted", &[("name", name)]),
        };
        return text + &restart;
    }
    format!("{name} {} → {}{}{restart}", before.label(), now.label(), ending(now))
}

/// `, exit 0` for what has ended, with the reason when it says more.
pub(in crate::diagram) fn ending(reading: &Reading) -> String {
    let mut text = String::new();
    let over = reading.tone_of_end().is_some();
    let between = reading.tone_of_end().is_none() && matches!(reading.reason.as_str(), "Error" | "Completed");
    if let Some(code) = reading.exit_code.filter(|_| over || between) {
        text = format!(", exit {code}");
    }
    if over && !matches!(reading.reason.as_str(), "" | "Error" | "Completed") {
        text = format!("{text}, {}", reading.reason);
    }
    text
}

/// The duration in `back-off 1m20s restarting failed container=...`.
pub(in crate::diagram) fn back_off_in(message: &str) -> Option<Duration> {
    let word = message.strip_prefix("back-off ")?.split(' ').next()?;
    let mut total = 0;
    let mut number = 0_u64;
    for letter in word.chars() {
        match letter {
            '0'..='9' => number = number.saturating_mul(10).saturating_add(u64::from(letter.to_digit(10).unwrap_or(0))),
            'h' | 'm' | 's' => {
                let unit = if letter == 'h' {
                    3_600
                } else if letter == 'm' {
                    60
                } else {
                    1
                };
                total += std::mem::take(&mut number).saturating_mul(unit);
            }
            _ => return None,
        }
    }
    Some(Duration::from_secs(total))
}
