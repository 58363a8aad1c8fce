//! Folds watch events into the state of the picture, one by one. Reads no cluster; two diagrams that were given the
//! same events at the same instants are equal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::depot::{cron_job_depot, daemon_set_depot, deployment_depot, job_depot, replica_set_depot};
use super::model::{BackOff, Depot, DepotKind, EventNote, Reference, Token, Tone, Transition, Who};
use super::picture::letters;
use super::station::{Reading, station};
use super::who;
use crate::sim::Time;
use crate::text::words::Words;

/// What to watch, owners before what they own: collection paths over all namespaces.
pub const WATCHED: &[&str] = &[
    "/apis/batch/v1/cronjobs",
    "/apis/batch/v1/jobs",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/apps/v1/daemonsets",
    "/api/v1/pods",
    "/api/v1/events",
];

/// How many lines of the story are kept.
const STORY_LIMIT: usize = 2_000;
/// How far back an Event looks for the line that it tells of.
const EVENT_REACH: usize = 64;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new, or new to the watch.
    Added,
    /// It changed.
    Modified,
    /// It is gone; the object is its last state.
    Deleted,
}

/// An object that the picture knows.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// A token.
    Pod(&'a Pod),
    /// A depot that ends.
    Job(&'a Job),
    /// A depot that makes Jobs.
    CronJob(&'a CronJob),
    /// A depot that refills.
    Deployment(&'a Deployment),
    /// A depot, or a step between a Deployment and its Pods.
    ReplicaSet(&'a ReplicaSet),
    /// A depot that refills per node.
    DaemonSet(&'a DaemonSet),
    /// A note to the line it tells of.
    Event(&'a Event),
}

/// The state of the picture and the story so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagram {
    start: Time,
    pub(super) words: Words,
    pub(super) pods: BTreeMap<String, PodEntry>,
    pub(super) depots: BTreeMap<String, DepotEntry>,
    story: VecDeque<Arc<Transition>>,
    next_number: u64,
    next_order: u64,
    version: u64,
}

/// A token and what only the fold needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PodEntry {
    pub(super) token: Token,
    pub(super) order: u64,
    /// The lane within its depot.
    pub(super) slot: usize,
    reading: Reading,
    unschedulable: String,
    /// When its container last ended, as it was seen.
    ended_at: Option<Time>,
    pull_failures: u32,
}

/// A depot and what only the fold needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DepotEntry {
    pub(super) depot: Depot,
    pub(super) order: u64,
    /// The uid of the controlling owner.
    pub(super) owner: Option<String>,
    generation: i64,
    slots: BTreeSet<usize>,
    /// Failures of a Job's Pods since its last success, and when the last one came.
    failures: u32,
    last_failure: Option<Time>,
}

impl Diagram {
    /// An empty picture whose story counts seconds from `start`.
    pub fn new(start: Time) -> Self {
        Self { start, ..Self::default() }
    }

    /// The same, told in these words.
    pub fn in_words(self, words: Words) -> Self {
        Self { words, ..self }
    }

    /// The words in which it is told.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The instant from which the story counts.
    pub fn start(&self) -> Time {
        self.start
    }

    /// Rises with every change: the same number, the same picture (countdowns aside).
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The story, oldest line first; at most 2,000 lines are kept.
    pub fn story(&self) -> impl DoubleEndedIterator<Item = &Transition> + ExactSizeIterator {
        self.story.iter().map(Arc::as_ref)
    }

    /// Takes in one watch event in JSON: `{"type":"ADDED","object":{...}}`. Kinds that the picture does not know,
    /// bookmarks and errors change nothing.
    pub fn observe_json(&mut self, at: Time, event: &Value) {
        let change = match event.get("type").and_then(Value::as_str) {
            Some("ADDED") => Change::Added,
            Some("MODIFIED") => Change::Modified,
            Some("DELETED") => Change::Deleted,
            _ => return,
        };
        let Some(object) = event.get("object") else { return };
        macro_rules! take {
            ($kind:ident) => {
                if let Ok(object) = crate::apimachinery::decode(object.clone()) {
                    self.observe(at, change, Object::$kind(&object));
                }
            };
        }
        match object.get("kind").and_then(Value::as_str) {
            Some("Pod") => take!(Pod),
            Some("Job") => take!(Job),
            Some("CronJob") => take!(CronJob),
            Some("Deployment") => take!(Deployment),
            Some("ReplicaSet") => take!(ReplicaSet),
            Some("DaemonSet") => take!(DaemonSet),
            Some("Event") => take!(Event),
            _ => {}
        }
    }

    /// Takes in one change of an object, seen at `at`. Namespaces of the system (`kube-*`) are not shown.
    pub fn observe(&mut self, at: Time, change: Change, object: Object<'_>) {
        let meta = match object {
            Object::Pod(pod) => &pod.metadata,
            Object::Job(job) => &job.metadata,
            Object::CronJob(cron) => &cron.metadata,
            Object::Deployment(deployment) => &deployment.metadata,
            Object::ReplicaSet(set) => &set.metadata,
            Object::DaemonSet(set) => &set.metadata,
            Object::Event(event) => &event.metadata,
        };
        if meta.namespace.as_deref().is_some_and(|namespace| namespace.starts_with("kube-")) {
            return;
        }
        self.version += 1;
        match object {
            Object::Pod(pod) if change == Change::Deleted => self.remove_pod(at, pod),
            Object::Pod(pod) => self.see_pod(at, pod),
            Object::Event(event) => self.see_event(at, change, event),
            Object::Job(job) => self.see_depot(at, change, meta, job_depot(job)),
            Object::CronJob(cron) => self.see_depot(at, change, meta, cron_job_depot(cron)),
            Object::Deployment(deployment) => self.see_depot(at, change, meta, deployment_depot(deployment)),
            Object::ReplicaSet(set) => self.see_depot(at, change, meta, replica_set_depot(set)),
            Object::DaemonSet(set) => self.see_depot(at, change, meta, daemon_set_depot(set)),
        }
    }

    /// The uid of the depot that stands in the picture for this owner: the Deployment for its ReplicaSet.
    pub(super) fn root_of(&self, owner: &str) -> Option<String> {
        let entry = self.depots.get(owner)?;
        if entry.depot.kind == DepotKind::ReplicaSet
            && let Some(above) = &entry.owner
            && self.depots.contains_key(above)
        {
            return Some(above.clone());
        }
        Some(owner.to_owned())
    }

    fn see_pod(&mut self, at: Time, pod: &Pod) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        match self.pods.remove(&uid) {
            None => self.add_pod(at, pod, uid),
            Some(entry) => {
                let entry = self.move_pod(at, pod, entry);
                self.pods.insert(uid, entry);
            }
        }
    }

    fn add_pod(&mut self, at: Time, pod: &Pod, uid: String) {
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

    fn move_pod(&mut self, at: Time, pod: &Pod, mut entry: PodEntry) -> PodEntry {
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

    fn remove_pod(&mut self, at: Time, pod: &Pod) {
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
    fn remover(&self, token: &Token) -> Who {
        match token.depot.as_ref().map(|depot| self.depots.get(depot)) {
            Some(None) => who::GARBAGE_COLLECTOR,
            Some(Some(entry)) if entry.depot.terminating => who::GARBAGE_COLLECTOR,
            _ => who::KUBECTL,
        }
    }

    /// Remembers ends and failed pulls, from which back-offs count.
    fn note_end(&mut self, at: Time, entry: &mut PodEntry, before: Option<&Reading>, now: &Reading) {
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

    fn see_depot(&mut self, at: Time, change: Change, meta: &ObjectMeta, mut depot: Depot) {
        let uid = depot.uid.clone();
        let subject = reference(depot.kind.name(), meta);
        let title = format!("{} {}", depot.kind.name(), depot.name);
        let owner = who::controlling_owner(meta);
        let controller = who::controller_of(depot.kind.name()).unwrap_or(who::KUBECTL);
        let quiet = depot.kind == DepotKind::ReplicaSet && owner.is_some();
        let before = self.depots.remove(&uid);
        if change == Change::Deleted {
            let Some(before) = before else { return };
            let remover = match owner.and_then(|owner| who::controller_of(&owner.kind)) {
                Some(_) if owner.is_some_and(|owner| !self.depots.contains_key(&owner.uid)) => who::GARBAGE_COLLECTOR,
                Some(controller) => controller,
                None => who::KUBECTL,
            };
            if !quiet {
                let from = before.depot.count(&self.words);
                let text = self.words.tell("lab.deleted", &[("name", &title)]);
                self.tell(at, remover, subject, &from, "", text, Tone::Terminating);
            }
            return;
        }
        let generation = meta.generation.unwrap_or(0);
        let mut entry = match before {
            None => {
                if !quiet {
                    let text = self.words.tell("lab.made", &[("name", &title)]);
                    let to = depot.count(&self.words);
                    self.tell(at, who::creator(meta), subject, "", &to, text, depot.tone());
                }
                let order = self.order();
                let owner = owner.map(|owner| owner.uid.clone());
                let slots = BTreeSet::new();
                DepotEntry { depot: depot.clone(), order, owner, generation, slots, failures: 0, last_failure: None }
            }
            Some(before) => {
                if !quiet {
                    self.tell_depot(at, &before, &depot, generation, &subject, &controller);
                }
                before
            }
        };
        entry.generation = generation;
        depot.back_off = None;
        entry.depot = depot;
        self.depots.insert(uid, entry);
    }

    /// The lines for what changed at a depot.
    fn tell_depot(
        &mut self,
        at: Time,
        before: &DepotEntry,
        now: &Depot,
        generation: i64,
        subject: &Reference,
        controller: &Who,
    ) {
        let old = &before.depot;
        let title = format!("{} {}", now.kind.name(), now.name);
        let words = self.words.clone();
        let (from, to) = (old.count(&words), now.count(&words));
        let mut tell = |who: &Who, text: String, tone: Tone| {
            self.tell(at, who.clone(), subject.clone(), &from, &to, text, tone);
        };
        if now.terminating && !old.terminating {
            tell(&who::KUBECTL, format!("{title} → Terminating"), Tone::Terminating);
        } else if generation > before.generation && before.generation > 0 && !now.terminating {
            let text = match (old.wanted, now.wanted) {
                (Some(old), Some(new)) if old != new => {
                    let values = [("name", title.as_str()), ("old", &old.to_string()), ("new", &new.to_string())];
                    words.tell("lab.scaled", &values)
                }
                _ => words.tell("lab.changed", &[("name", &title)]),
            };
            tell(&who::KUBECTL, text, now.tone());
        }
        if now.kind == DepotKind::Job {
            if now.failed > old.failed {
                let values = [("name", title.as_str()), ("n", &now.failed.to_string())];
                tell(controller, words.tell("lab.countsFailed", &values), Tone::Failed);
            }
            if now.done > old.done {
                let (n, of) = (now.done.to_string(), now.wanted.map(|wanted| wanted.to_string()));
                let text = match &of {
                    Some(of) => words.tell("lab.countsOf", &[("name", &title), ("n", &n), ("of", of)]),
                    None => words.tell("lab.countsSucceeded", &[("name", &title), ("n", &n)]),
                };
                tell(controller, text, Tone::Succeeded);
            }
        } else if now.kind != DepotKind::CronJob && now.done != old.done {
            tell(controller, format!("{title} {from} → {to}"), now.tone());
        }
        if now.condition != old.condition {
            let text = match &now.condition {
                Some(condition) if condition.reason.is_empty() => format!("{title} → {}", condition.kind),
                Some(condition) => format!("{title} → {}, {}", condition.kind, condition.reason),
                None => words.tell("lab.resumed", &[("name", &title)]),
            };
            tell(controller, text, now.tone());
        }
    }

    fn see_event(&mut self, at: Time, change: Change, event: &Event) {
        if change != Change::Added {
            return;
        }
        let source = event.source.as_ref().and_then(|source| source.component.clone());
        let reporter = event.reporting_component.clone().filter(|name| !name.is_empty()).or(source);
        let reporter = who::who(&reporter.unwrap_or_default());
        let note = EventNote {
            name: event.metadata.name.clone().unwrap_or_default(),
            kind: event.type_.clone().unwrap_or_default(),
            reason: event.reason.clone().unwrap_or_default(),
            message: event.message.clone().unwrap_or_default(),
        };
        if let Some(pod) = note.message.strip_prefix("Deleted pod: ") {
            self.correct_remover(pod, &reporter);
        }
        let object = &event.involved_object;
        if note.kind == "Warning" && !told_by_status(&note.reason) {
            let name = object.name.clone().unwrap_or_default();
            let subject = Reference {
                kind: object.kind.clone().unwrap_or_default(),
                namespace: object.namespace.clone().unwrap_or_default(),
                uid: object.uid.clone().unwrap_or_default(),
                name,
            };
            let text = format!("{} {}: {}", subject.name, note.reason, note.message);
            self.tell(at, reporter, subject, "", "", text, Tone::Failed);
        }
        let uid = object.uid.as_deref().unwrap_or_default();
        let line = self.story.iter_mut().rev().take(EVENT_REACH).find(|line| line.subject.uid == uid);
        if let Some(line) = line {
            Arc::make_mut(line).events.push(note);
        }
    }

    /// A controller says that it deleted this Pod: it, not a person, sent it to Terminating.
    fn correct_remover(&mut self, pod: &str, who: &Who) {
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

    #[expect(clippy::too_many_arguments, reason = "the fields of one line, in its order")]
    fn tell(&mut self, at: Time, who: Who, subject: Reference, from: &str, to: &str, text: String, tone: Tone) {
        let number = self.next_number;
        self.next_number += 1;
        let (from, to, events) = (from.to_owned(), to.to_owned(), Vec::new());
        self.story.push_back(Arc::new(Transition { number, at, who, subject, from, to, text, tone, events }));
        if self.story.len() > STORY_LIMIT {
            self.story.pop_front();
        }
    }

    fn order(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order
    }

    /// The lowest free lane of a depot; of Pods without one, when `depot` is none.
    fn take_slot(&mut self, depot: Option<&str>) -> usize {
        let lowest = |taken: &BTreeSet<usize>| (0..).find(|slot| !taken.contains(slot)).unwrap_or_default();
        match depot.and_then(|depot| self.depots.get_mut(depot)) {
            Some(entry) => {
                let slot = lowest(&entry.slots);
                entry.slots.insert(slot);
                slot
            }
            None => {
                let free = self.pods.values().filter(|entry| entry.token.depot.is_none());
                lowest(&free.map(|entry| entry.slot).collect())
            }
        }
    }
}

impl Reading {
    /// The tone of a Pod that is over, whether or not it is also being deleted.
    fn tone_of_end(&self) -> Option<Tone> {
        use super::model::Station;
        match self.station {
            Station::Succeeded => Some(Tone::Succeeded),
            Station::Failed => Some(Tone::Failed),
            _ => None,
        }
    }
}

impl PodEntry {
    /// Takes over what the object says now.
    fn take(&mut self, pod: &Pod, reading: Reading) {
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

impl DepotEntry {
    /// The wait before a Job makes its next Pod, as its controller reckons it: 10 s, doubled with every failure in
    /// a row, 10 min at most, counted from the last failure.
    pub(super) fn job_back_off(&self, now: Time, alive: usize) -> Option<BackOff> {
        let since = self.last_failure?;
        let ended = self.depot.condition.is_some() || self.depot.terminating;
        if self.depot.kind != DepotKind::Job || ended || alive > 0 || self.failures == 0 {
            return None;
        }
        let until = since + doubled(Duration::from_secs(10), self.failures, Duration::from_secs(600));
        (until > now).then_some(BackOff { since, until })
    }
}

/// `first` for the first failure, twice as much for every further one, `most` at most.
fn doubled(first: Duration, failures: u32, most: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.checked_mul(factor).unwrap_or(most).min(most)
}

/// The duration in `back-off 1m20s restarting failed container=...`.
fn back_off_in(message: &str) -> Option<Duration> {
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

/// Reasons of warnings that the objects' own states already tell.
fn told_by_status(reason: &str) -> bool {
    matches!(
        reason,
        "BackOff" | "Failed" | "FailedScheduling" | "BackoffLimitExceeded" | "DeadlineExceeded" | "PodFailurePolicy"
    )
}

/// Why the scheduler found no node; empty when it has not said so.
fn unschedulable(pod: &Pod) -> String {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions
        .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
        .find_map(|condition| condition.message.clone())
        .unwrap_or_default()
}

fn move_text(words: &Words, name: &str, before: &Reading, now: &Reading) -> String {
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
fn ending(reading: &Reading) -> String {
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

fn reference(kind: &str, meta: &ObjectMeta) -> Reference {
    Reference {
        kind: kind.to_owned(),
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
