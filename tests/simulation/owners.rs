//! What has to hold whatever happens to CronJobs, Deployments and StatefulSets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, CronJobStatus, Job};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tabernetes::apimachinery::{Object, ObjectKey, downcast};
use tabernetes::sim::Time;
use tabernetes::storage::ChangeKind;

use crate::promises::{Broken, Seen, Write, belongs, is, is_over, parts};

/// What was seen so far of those who own others.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    /// The names of all Jobs that a CronJob has ever made.
    made: BTreeSet<String>,
    /// What a Deployment may have up to an instant, though its spec says less by now.
    wider: BTreeMap<String, (i32, Time)>,
    /// Since when a CronJob rests; its controller may have begun to make a Job before.
    suspended: BTreeMap<String, Time>,
}

impl Owners {
    /// Controllers that stand still act by what they saw last.
    pub fn stalled(&mut self, reacted: Time) {
        for (_, end) in self.wider.values_mut() {
            *end = (*end).max(reacted);
        }
        for end in self.suspended.values_mut() {
            *end = (*end).max(reacted);
        }
    }

    /// Of one write; by `reacted` the controllers will have seen it.
    pub fn of_write(&mut self, write: Write<'_>, seen: &impl Seen, reacted: Time, broken: &mut Broken) {
        match (write.kind, write.after.kind()) {
            (ChangeKind::Added, "Job") => self.of_new_job(write.after, seen, broken),
            (ChangeKind::Added, "Pod") => of_new_pod(write.after, seen, broken),
            (ChangeKind::Modified, "CronJob") => self.of_cron_job_change(write, reacted, broken),
            (ChangeKind::Modified, "Deployment") => {
                let before = write.before.and_then(downcast::<Deployment>).map_or(0, |before| most(&before));
                let after = downcast::<Deployment>(write.after).map_or(0, |after| most(&after));
                let name = name(&**write.after);
                let wider = self.wider.get(&name).map_or(0, |(wider, _)| *wider);
                if before != after {
                    self.wider.insert(name, (before.max(after).max(wider), reacted));
                }
            }
            (ChangeKind::Added | ChangeKind::Modified, "ReplicaSet") => self.of_replica_set(write.after, seen, broken),
            _ => {}
        }
    }

    fn of_new_job(&mut self, job: &Arc<dyn Object>, seen: &impl Seen, broken: &mut Broken) {
        let Some(cron) = seen.all::<CronJob>().find(|cron| belongs(&**job, &**cron)) else { return };
        let (cron_name, job_name) = (name(&*cron), name(&**job));
        let new = self.made.insert(job_name.clone());
        broken.unless(new, || format!("{job_name} was made twice"));
        let spec = cron.spec.clone();
        let rests = self.suspended.get(&cron_name).is_some_and(|until| *until < seen.now());
        broken.unless(spec.suspend != Some(true) || !rests, || {
            format!("{job_name} was made while {cron_name} is suspended")
        });
        let others = seen.all::<Job>().filter(|other| belongs(&**other, &*cron) && name(&**other) != job_name);
        let mut running = others.filter(|other| is_unfinished(other) && other.metadata.deletion_timestamp.is_none());
        let alone = spec.concurrency_policy.as_deref() == Some("Allow") || running.next().is_none();
        broken.unless(alone, || format!("{job_name} was made beside another, which {cron_name} does not allow"));
    }

    fn of_cron_job_change(&mut self, write: Write<'_>, reacted: Time, broken: &mut Broken) {
        let (Some(before), Some(after)) =
            (write.before.and_then(downcast::<CronJob>), downcast::<CronJob>(write.after))
        else {
            return;
        };
        let (name, rests) = (name(&*after), |cron: &CronJob| cron.spec.suspend);
        if rests(&before) != rests(&after) {
            self.suspended.insert(name.clone(), reacted);
        }
        let last = |cron: &CronJob| cron.status.as_ref().and_then(|status| status.last_schedule_time.clone());
        let (was, now) = (last(&before), last(&after));
        broken.unless(was.as_ref().is_none_or(|was| now.as_ref().is_some_and(|now| now.0 >= was.0)), || {
            format!("{name}: lastScheduleTime went back from {was:?} to {now:?}")
        });
    }

    fn of_replica_set(&mut self, set: &Arc<dyn Object>, seen: &impl Seen, broken: &mut Broken) {
        let Some(owner) = seen.all::<Deployment>().find(|one| belongs(&**set, &**one)) else { return };
        let owned = seen.all::<ReplicaSet>().filter(|one| belongs(&**one, &*owner));
        let replicas: i32 = owned.filter_map(|set| set.spec.as_ref().and_then(|spec| spec.replicas)).sum();
        let name = name(&*owner);
        let may = match self.wider.get(&name) {
            Some((wider, until)) if seen.now() <= *until => most(&owner).max(*wider),
            _ => most(&owner),
        };
        broken.unless(replicas <= may, || format!("{name}: its ReplicaSets want {replicas} Pods, {may} may be"));
    }

    /// Of a moment when everybody has seen everything.
    pub fn of_rest(&self, seen: &impl Seen, broken: &mut Broken) {
        for cron in seen.all::<CronJob>() {
            let rests = cron.spec.suspend == Some(true);
            let woken = rests || seen.awaits(&ObjectKey::of(&*cron));
            broken.unless(woken, || format!("{} is not suspended, and nobody will look at it", name(&*cron)));
        }
    }

    /// Whether a Pod is meant to run for ever.
    pub fn keeps(&self, pod: &Pod) -> bool {
        pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind != "Job")
            && !is_over(pod)
            && pod.metadata.deletion_timestamp.is_none()
    }

    /// Of the time when nothing more happens.
    pub fn of_the_end(&self, seen: &impl Seen, broken: &mut Broken) {
        for cron in seen.all::<CronJob>() {
            of_cron_job_at_the_end(&cron, seen, broken);
        }
        for owner in seen.all::<Deployment>() {
            let want = owner.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            let status = owner.status.clone().unwrap_or_default();
            let counts = [status.replicas, status.updated_replicas, status.ready_replicas, status.available_replicas];
            let seen_all = status.observed_generation == owner.metadata.generation;
            let whole = seen_all && counts.iter().all(|count| count.unwrap_or(0) == want);
            broken.unless(whole, || format!("{} is not rolled out, {want} wanted: {status:?}", name(&*owner)));
        }
        for owner in seen.all::<StatefulSet>() {
            let want = owner.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            let status = owner.status.clone().unwrap_or_default();
            let counts =
                [Some(status.replicas), status.ready_replicas, status.available_replicas, status.updated_replicas];
            let whole = counts.iter().all(|count| count.unwrap_or(0) == want);
            broken.unless(whole, || format!("{} is not whole, {want} wanted: {status:?}", name(&*owner)));
            let own = seen.all::<Pod>().filter(|pod| belongs(&**pod, &*owner)).filter_map(|pod| ordinal(&*pod));
            let ordinals: BTreeSet<i32> = own.collect();
            broken.unless(ordinals.iter().copied().eq(0..want), || {
                format!("{} has the Pods {ordinals:?} of {want}", name(&*owner))
            });
        }
    }
}

fn of_cron_job_at_the_end(cron: &CronJob, seen: &impl Seen, broken: &mut Broken) {
    let (name, spec) = (name(cron), cron.spec.clone());
    let CronJobStatus { active, .. } = cron.status.clone().unwrap_or_default();
    let active = active.unwrap_or_default();
    broken.unless(active.is_empty(), || format!("{name} still has {active:?} as active"));
    let own: Vec<_> = seen.all::<Job>().filter(|job| belongs(&**job, cron)).collect();
    let ended = |end: &str| own.iter().filter(|job| is(&parts(job).1, end)).count();
    for (end, limit) in [("Complete", spec.successful_jobs_history_limit), ("Failed", spec.failed_jobs_history_limit)] {
        let (kept, limit) = (ended(end), usize::try_from(limit.unwrap_or(0)).unwrap_or(0));
        broken.unless(kept <= limit, || format!("{name} keeps {kept} Jobs that are {end}, {limit} may be"));
    }
}

/// A StatefulSet that goes in order makes a Pod when those before it are there and ready.
fn of_new_pod(pod: &Arc<dyn Object>, seen: &impl Seen, broken: &mut Broken) {
    let Some(owner) = seen.all::<StatefulSet>().find(|one| belongs(&**pod, &**one)) else { return };
    let policy = owner.spec.as_ref().and_then(|spec| spec.pod_management_policy.clone());
    let Some(ordinal_of_pod) = ordinal(&**pod).filter(|_| policy.as_deref() != Some("Parallel")) else { return };
    let own: Vec<_> = seen.all::<Pod>().filter(|other| belongs(&**other, &*owner)).collect();
    for before in 0..ordinal_of_pod {
        let ready = own.iter().any(|other| ordinal(&**other) == Some(before) && is_ready(other));
        broken.unless(ready, || format!("{} was made before the Pod {before} was ready", name(&**pod)));
    }
}

fn name(object: &dyn Object) -> String {
    object.meta().name.clone().unwrap_or_default()
}

fn ordinal(pod: &dyn Object) -> Option<i32> {
    pod.meta().name.as_deref()?.rsplit_once('-')?.1.parse().ok()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().filter_map(|status| status.conditions.as_ref()).flatten();
    conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == "True")
}

fn is_unfinished(job: &Job) -> bool {
    let (_, status) = parts(job);
    !is(&status, "Complete") && !is(&status, "Failed")
}

/// How many Pods a Deployment may have: its replicas and those above them while it rolls.
fn most(owner: &Deployment) -> i32 {
    let spec = owner.spec.clone().unwrap_or_default();
    let replicas = spec.replicas.unwrap_or(1);
    let strategy = spec.strategy.unwrap_or_default();
    if strategy.type_.as_deref() == Some("Recreate") {
        return replicas;
    }
    match strategy.rolling_update.and_then(|rolling| rolling.max_surge) {
        Some(IntOrString::Int(surge)) => replicas + surge,
        // A quarter, rounded up.
        _ => replicas + (replicas + 3) / 4,
    }
}
