//! Folds watch events into the state of the picture, one by one. Reads no cluster; two diagrams that were given the
//! same events at the same instants are equal.

mod depots;
mod pods;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::depot::{cron_job_depot, daemon_set_depot, deployment_depot, job_depot, replica_set_depot};
use super::model::{DepotKind, EventNote, Reference, Tone, Transition, Who};
use super::station::Reading;
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

/// `first` for the first failure, twice as much for every further one, `most` at most.
fn doubled(first: Duration, failures: u32, most: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.checked_mul(factor).unwrap_or(most).min(most)
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

pub(super) use self::depots::DepotEntry;
pub(super) use self::pods::PodEntry;
use self::pods::told_by_status;
