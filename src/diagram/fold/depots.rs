//! What Pods come from: Jobs, Deployments and their like.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Change, Diagram, doubled, reference};
use crate::diagram::model::{BackOff, Depot, DepotKind, Reference, Tone, Who};
use crate::diagram::who;
use crate::sim::Time;

impl Diagram {
    pub(super) fn see_depot(&mut self, at: Time, change: Change, meta: &ObjectMeta, mut depot: Depot) {
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
    pub(super) fn tell_depot(
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
}

/// A depot and what only the fold needs.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::diagram) struct DepotEntry {
    pub(in crate::diagram) depot: Depot,
    pub(in crate::diagram) order: u64,
    /// The uid of the controlling owner.
    pub(in crate::diagram) owner: Option<String>,
    pub(super) generation: i64,
    pub(super) slots: BTreeSet<usize>,
    /// Failures of a Job's Pods since its last success, and when the last one came.
    pub(super) failures: u32,
    pub(super) last_failure: Option<Time>,
}

impl DepotEntry {
    /// The wait before a Job makes its next Pod, as its controller reckons it: 10 s, doubled with every failure in
    /// a row, 10 min at most, counted from the last failure.
    pub(in crate::diagram) fn job_back_off(&self, now: Time, alive: usize) -> Option<BackOff> {
        let since = self.last_failure?;
        let ended = self.depot.condition.is_some() || self.depot.terminating;
        if self.depot.kind != DepotKind::Job || ended || alive > 0 || self.failures == 0 {
            return None;
        }
        let until = since + doubled(Duration::from_secs(10), self.failures, Duration::from_secs(600));
        (until > now).then_some(BackOff { since, until })
    }
}
