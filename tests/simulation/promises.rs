//! What has to hold whatever happens to Jobs and Pods. Each promise finds its own words for what is broken.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::{Job, JobSpec, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use tabernetes::apimachinery::{Kind, Object, ObjectKey, downcast};
use tabernetes::cluster::Cluster;
use tabernetes::sim::Time;
use tabernetes::storage::ChangeKind;

use crate::owners::Owners;

const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// So long after a change of a Job's spec its controller may still act by the old one: a refused write is tried again
/// after 1, 2 and 4 seconds.
const REACTION: Duration = Duration::from_secs(15);
/// The longest wait of the Job controller after an error (`MaxJobApiBackOff`).
const RETRY: Duration = Duration::from_secs(60);

/// A cluster, as far as promises look at it.
pub trait Seen {
    /// The present instant.
    fn now(&self) -> Time;
    /// All objects of a kind in the namespace `default`.
    fn all<T: Kind>(&self) -> impl Iterator<Item = Arc<T>>;
    /// Whether a controller will look at this object by itself.
    fn awaits(&self, key: &ObjectKey) -> bool;
    /// Whether somebody will go on with this Pod by himself.
    fn awaits_pod(&self, pod: &Pod) -> bool;
}

impl Seen for Cluster {
    fn now(&self) -> Time {
        self.now()
    }
    fn all<T: Kind>(&self) -> impl Iterator<Item = Arc<T>> {
        self.server().list(Some("default"))
    }
    fn awaits(&self, key: &ObjectKey) -> bool {
        self.awaits(key)
    }
    fn awaits_pod(&self, pod: &Pod) -> bool {
        self.awaits_pod(pod)
    }
}

/// One write: what happened, what was there before, and what came of it.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    pub kind: ChangeKind,
    pub before: Option<&'a Arc<dyn Object>>,
    pub after: &'a Arc<dyn Object>,
}

/// What is found broken.
#[derive(Clone, Debug, Default)]
pub struct Broken(Vec<String>);

impl Broken {
    /// Notes `what` unless it `holds`.
    pub fn unless(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }
}

/// What was seen so far, as far as promises speak of it.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    /// Of each Job, by uid, how many Pods were ever made.
    made: BTreeMap<String, i32>,
    /// Of each Job, by uid, for which indexes a Pod has succeeded.
    succeeded: BTreeSet<(String, u32)>,
    /// Of each Job by name: it may have this parallelism up to this instant, though its spec says less by now.
    wider: BTreeMap<String, (i32, Time)>,
    /// Of each Job by name: up to this instant its status may stand still, for the server refuses it.
    refused: BTreeMap<String, Time>,
    /// Until when the controllers stand still.
    stalled: Time,
    owners: Owners,
    broken: Broken,
}

impl Promises {
    /// What is broken since the last call.
    pub fn take_broken(&mut self) -> Vec<String> {
        std::mem::take(&mut self.broken.0)
    }

    fn hold(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.broken.unless(holds, what);
    }

    /// Controllers that stand still act by what they saw last.
    pub fn stalled(&mut self, until: Time) {
        self.stalled = self.stalled.max(until);
        for (_, end) in self.wider.values_mut() {
            *end = (*end).max(until + REACTION);
        }
        self.owners.stalled(until + REACTION);
    }

    /// Of one write. `seen` stands at the moment after all writes that were seen together.
    pub fn of_write(&mut self, write: Write<'_>, seen: &impl Seen) {
        if let Some(pod) = downcast::<Pod>(write.after) {
            match (write.kind, write.before.and_then(downcast::<Pod>)) {
                (ChangeKind::Added, _) => self.of_new_pod(&pod, seen),
                (ChangeKind::Modified, Some(before)) => self.of_pod_change(&before, &pod),
                _ => {}
            }
        } else if let Some(job) = downcast::<Job>(write.after)
            && write.kind == ChangeKind::Modified
            && let Some(before) = write.before.and_then(downcast::<Job>)
        {
            self.of_job_change(&before, &job, seen);
        }
        let reacted = seen.now().max(self.stalled) + REACTION;
        self.owners.of_write(write, seen, reacted, &mut self.broken);
    }

    fn of_new_pod(&mut self, pod: &Pod, seen: &impl Seen) {
        let Some(job) = seen.all::<Job>().find(|job| belongs(pod, &**job)) else { return };
        let (name, pod_name) = (name_of(&job), pod.metadata.name.clone().unwrap_or_default());
        *self.made.entry(job.metadata.uid.clone().unwrap_or_default()).or_insert(0) += 1;
        let (spec, status) = parts(&job);
        for end in ["SuccessCriteriaMet", "FailureTarget", "Complete", "Failed"] {
            self.hold(!is(&status, end), || format!("{name}: {pod_name} was made after {end}"));
        }
        let rests = spec.suspend == Some(true) && is(&status, "Suspended");
        self.hold(!rests, || format!("{name}: {pod_name} was made while the Job rests"));
        let pods: Vec<_> = seen.all::<Pod>().filter(|pod| belongs(&**pod, &*job)).collect();
        // A work queue is empty once a Pod has succeeded; those that run may end, but none is added.
        self.hold(!is_empty_queue(&spec, &status), || format!("{name}: {pod_name} was made after the queue was empty"));
        let running = pods.iter().filter(|pod| !is_over(pod)).count();
        let leaving = pods.iter().filter(|pod| !is_over(pod) && pod.metadata.deletion_timestamp.is_some()).count();
        let replaced_late = spec.pod_replacement_policy.as_deref() == Some("Failed");
        let active = to_i32(if replaced_late { running } else { running - leaving });
        let may = self.allowed(&name, &spec, seen.now());
        self.hold(active <= may, || format!("{name}: {active} Pods with {pod_name}, {may} may be"));
        if let Some(index) = index_of(pod) {
            let taken = |text: Option<&str>| indexes(text.unwrap_or("")).contains(&index);
            let over = taken(status.completed_indexes.as_deref()) || taken(status.failed_indexes.as_deref());
            self.hold(!over, || format!("{name}: {pod_name} was made for the index {index}, which is over"));
            let same = pods.iter().filter(|other| is_active(other) && index_of(other) == Some(index)).count();
            self.hold(same == 1, || format!("{name}: {same} Pods run for the index {index}"));
        }
    }

    fn allowed(&self, name: &str, spec: &JobSpec, now: Time) -> i32 {
        let parallelism = spec.parallelism.unwrap_or(1);
        match self.wider.get(name) {
            Some((wider, until)) if now <= *until => parallelism.max(*wider),
            _ => parallelism,
        }
    }

    fn of_pod_change(&mut self, before: &Pod, after: &Pod) {
        let name = after.metadata.name.clone().unwrap_or_default();
        let (was, now) = (phase(before).to_owned(), phase(after).to_owned());
        self.hold(!is_over(before) || was == now, || format!("pod {name}: the final phase {was} became {now}"));
        self.hold(was != "Running" || now != "Pending", || format!("pod {name} went back from Running to Pending"));
        if let (Some(index), "Succeeded") = (index_of(after), now.as_str()) {
            let owners = after.metadata.owner_references.iter().flatten();
            self.succeeded.extend(owners.map(|owner| (owner.uid.clone(), index)));
        }
        let node = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
        let (was, now) = (node(before), node(after));
        self.hold(was.is_empty() || was == now, || format!("pod {name} moved from {was} to {now}"));
    }

    fn of_job_change(&mut self, before: &Job, after: &Job, seen: &impl Seen) {
        let name = name_of(after);
        let ((old_spec, old), (spec, new)) = (parts(before), parts(after));
        if old_spec.parallelism != spec.parallelism {
            let wider = old_spec.parallelism.max(spec.parallelism).unwrap_or(1);
            self.wider.insert(name.clone(), (wider, seen.now().max(self.stalled) + REACTION));
        }
        for (count, was, is) in [("succeeded", old.succeeded, new.succeeded), ("failed", old.failed, new.failed)] {
            self.hold(is.unwrap_or(0) >= was.unwrap_or(0), || format!("{name}: {count} went from {was:?} to {is:?}"));
        }
        for kind in ["Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"] {
            self.hold(!is(&old, kind) || is(&new, kind), || format!("{name}: {kind} is no longer true"));
        }
        self.hold(old.completion_time.is_none() || old.completion_time == new.completion_time, || {
            format!("{name}: completionTime went from {:?} to {:?}", old.completion_time, new.completion_time)
        });
        if spec.completion_mode.as_deref() == Some("Indexed") {
            let of = |text: &Option<String>| indexes(text.as_deref().unwrap_or(""));
            let (was, now) = (of(&old.completed_indexes), of(&new.completed_indexes));
            let uid = after.metadata.uid.clone().unwrap_or_default();
            let lost = was.iter().find(|index| !now.contains(index));
            self.hold(lost.is_none(), || format!("{name}: the index {lost:?} is no longer completed"));
            let unearned = now.iter().find(|index| !self.succeeded.contains(&(uid.clone(), **index)));
            self.hold(unearned.is_none(), || format!("{name}: no Pod has succeeded for the index {unearned:?}"));
            let all = to_i32(now.len() + of(&new.failed_indexes).len()) >= spec.completions.unwrap_or(0);
            let complete = is(&new, "Complete") && !is(&old, "Complete") && spec.success_policy.is_none();
            self.hold(!complete || all, || format!("{name}: complete with the indexes {:?}", new.completed_indexes));
        }
        let was_over = is(&old, "Complete") || is(&old, "Failed");
        self.hold(!was_over || old == new, || format!("{name}: changed after its end: {old:?} -> {new:?}"));
        let uncounted = new.uncounted_terminated_pods.clone().unwrap_or_default();
        let succeeded = new.succeeded.unwrap_or(0) + to_i32(uncounted.succeeded.map_or(0, |list| list.len()));
        let counted = succeeded + new.failed.unwrap_or(0) + to_i32(uncounted.failed.map_or(0, |list| list.len()));
        let made = self.made.get(after.metadata.uid.as_deref().unwrap_or("")).copied().unwrap_or(0);
        self.hold(counted <= made, || format!("{name}: {counted} Pods are counted of {made}"));
        let enough = succeeded >= spec.completions.unwrap_or(1) || spec.success_policy.is_some();
        self.hold(enough || is(&old, "SuccessCriteriaMet") || !is(&new, "SuccessCriteriaMet"), || {
            format!("{name}: the criteria are met with {succeeded} of {:?}", spec.completions)
        });
        if !was_over && (is(&new, "Complete") || is(&new, "Failed")) {
            let left = seen.all::<Pod>().find(|pod| belongs(&**pod, after) && has_finalizer(pod));
            self.hold(left.is_none(), || format!("{name}: over, and {left:?} is not counted"));
        }
    }

    /// Of all that stands at one moment.
    pub fn of_moment(&mut self, seen: &impl Seen) {
        for job in seen.all::<Job>() {
            self.of_job(&job, seen);
        }
    }

    /// Of a moment when everybody has seen everything: what is not over has somebody who will wake it.
    pub fn of_rest(&mut self, seen: &impl Seen) {
        let pods: Vec<_> = seen.all::<Pod>().collect();
        for pod in pods.iter().filter(|pod| !is_over(pod) || pod.metadata.deletion_timestamp.is_some()) {
            let held = is_over(pod) && has_finalizer(pod);
            let woken = held || seen.awaits_pod(pod);
            self.hold(woken, || format!("{:?} is {}, and nobody will look at it", pod.metadata.name, phase(pod)));
        }
        for job in seen.all::<Job>() {
            let (spec, status) = parts(&job);
            let over = is(&status, "Complete") || is(&status, "Failed");
            let mut own = pods.iter().filter(|pod| belongs(&***pod, &*job));
            // A person has to resume it, or to scale it up.
            let rests = spec.suspend == Some(true) || spec.parallelism == Some(0);
            let woken = rests || seen.awaits(&ObjectKey::of(&*job)) || own.any(|pod| !is_over(pod));
            self.hold(over || woken, || format!("{}: is not over, and nobody will look at it", name_of(&job)));
        }
        self.owners.of_rest(seen, &mut self.broken);
    }

    fn of_job(&mut self, job: &Job, seen: &impl Seen) {
        let name = name_of(job);
        let (spec, status) = parts(job);
        let active = status.active.unwrap_or(0);
        let may = self.allowed(&name, &spec, seen.now());
        // Of a work queue that is empty the Pods that run are left to end, though parallelism may be less by now.
        // And the server refuses a status with more ready Pods than active ones: as upstream's controller reports none as
        // active while the next ones wait for a back-off, the status stands still for as long as one of the others is
        // ready, and until the controller tries again.
        let running: Vec<_> = seen.all::<Pod>().filter(|pod| belongs(&**pod, job) && is_active(pod)).collect();
        if to_i32(running.len()) < may && running.iter().any(|pod| is_ready(pod)) {
            self.refused.insert(name.clone(), seen.now() + RETRY);
        }
        let refused = self.refused.get(&name).is_some_and(|until| seen.now() <= *until);
        self.hold(active <= may || is_empty_queue(&spec, &status) || refused, || {
            format!("{name}: {active} active, {may} may be")
        });
        // While new Pods wait for a back-off, the real controller reports none as active, yet those that are ready.
        let ready = status.ready.unwrap_or(0);
        self.hold(active == 0 || ready <= active, || format!("{name}: {ready} ready of {active} active"));
        let succeeded = status.succeeded.unwrap_or(0);
        self.hold(spec.completions.is_none_or(|completions| succeeded <= completions), || {
            format!("{name}: {succeeded} succeeded of {:?}", spec.completions)
        });
        for (one, other) in
            [("Complete", "Failed"), ("SuccessCriteriaMet", "FailureTarget"), ("Complete", "FailureTarget")]
        {
            self.hold(!is(&status, one) || !is(&status, other), || format!("{name}: {one} and {other}"));
        }
        for (end, before) in [("Complete", "SuccessCriteriaMet"), ("Failed", "FailureTarget")] {
            self.hold(!is(&status, end) || is(&status, before), || format!("{name}: {end} without {before}"));
        }
        let complete = is(&status, "Complete");
        self.hold(complete == status.completion_time.is_some(), || {
            format!("{name}: Complete is {complete} with completionTime {:?}", status.completion_time)
        });
        let over = complete || is(&status, "Failed");
        let left = active + status.terminating.unwrap_or(0);
        self.hold(!over || left == 0, || format!("{name}: over with {left} Pods active or on their way out"));
        self.hold(!is(&status, "Suspended") || active == 0, || format!("{name}: suspended with {active} active"));
        if spec.completion_mode.as_deref() == Some("Indexed") {
            let completed = indexes(status.completed_indexes.as_deref().unwrap_or(""));
            self.hold(to_i32(completed.len()) == succeeded, || {
                format!("{name}: {succeeded} succeeded, indexes {:?}", status.completed_indexes)
            });
            let failed = indexes(status.failed_indexes.as_deref().unwrap_or(""));
            self.hold(!completed.iter().any(|index| failed.contains(index)), || {
                format!("{name}: both done {:?} and failed {:?}", status.completed_indexes, status.failed_indexes)
            });
        }
    }

    /// Of the time when nothing more happens.
    pub fn of_the_end(&mut self, seen: &impl Seen) {
        let jobs: Vec<_> = seen.all::<Job>().collect();
        for job in &jobs {
            let name = name_of(job);
            let (_, status) = parts(job);
            let over = is(&status, "Complete") || is(&status, "Failed");
            self.hold(over, || format!("{name} never ended: {status:?}"));
            let uncounted = status.uncounted_terminated_pods.clone().unwrap_or_default();
            let none = uncounted.failed.is_none_or(|list| list.is_empty())
                && uncounted.succeeded.is_none_or(|list| list.is_empty());
            self.hold(none, || format!("{name} has ended with Pods that were not counted"));
        }
        for pod in seen.all::<Pod>() {
            let name = pod.metadata.name.clone().unwrap_or_default();
            let runs_on = self.owners.keeps(&pod);
            self.hold(runs_on || is_over(&pod) && pod.metadata.deletion_timestamp.is_none(), || {
                let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
                format!(
                    "pod {name} is left on {node:?}, {}, deleted {:?}",
                    phase(&pod),
                    pod.metadata.deletion_timestamp
                )
            });
            self.hold(!has_finalizer(&pod), || format!("pod {name} still has the Job controller's finalizer"));
            self.hold(runs_on || jobs.iter().any(|job| belongs(&*pod, &**job)), || {
                format!("pod {name} has outlived its Job")
            });
        }
        self.owners.of_the_end(seen, &mut self.broken);
    }
}

/// Whether the Job is a work queue that a Pod has found empty.
fn is_empty_queue(spec: &JobSpec, status: &JobStatus) -> bool {
    let uncounted = status.uncounted_terminated_pods.as_ref().and_then(|uncounted| uncounted.succeeded.as_ref());
    spec.completions.is_none() && (status.succeeded.unwrap_or(0) > 0 || uncounted.is_some_and(|list| !list.is_empty()))
}

pub fn parts(job: &Job) -> (JobSpec, JobStatus) {
    (job.spec.clone().unwrap_or_default(), job.status.clone().unwrap_or_default())
}

pub fn name_of(job: &Job) -> String {
    job.metadata.name.clone().unwrap_or_default()
}

pub fn to_i32(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Whether a condition is true.
pub fn is(status: &JobStatus, kind: &str) -> bool {
    status.conditions.iter().flatten().any(|one| one.type_ == kind && one.status == "True")
}

/// Whether `owner` is among the owners of `object`.
pub fn belongs(object: &dyn Object, owner: &dyn Object) -> bool {
    let owners = object.meta().owner_references.iter().flatten();
    owners.into_iter().any(|one| Some(&one.uid) == owner.meta().uid.as_ref())
}

pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("")
}

pub fn is_over(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

fn is_active(pod: &Pod) -> bool {
    !is_over(pod) && pod.metadata.deletion_timestamp.is_none()
}

fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn has_finalizer(pod: &Pod) -> bool {
    pod.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
}

fn index_of(pod: &Pod) -> Option<u32> {
    pod.metadata.annotations.as_ref()?.get(INDEX)?.parse().ok()
}

/// `0,2-4` is 0, 2, 3, 4.
fn indexes(text: &str) -> Vec<u32> {
    let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX - 1);
    let ranges = text.split(',').filter(|range| !range.is_empty()).map(|range| match range.split_once('-') {
        Some((first, last)) => number(first)..=number(last),
        None => number(range)..=number(range),
    });
    ranges.flatten().collect()
}
