//! The Job controller: runs Pods until enough of them have succeeded or too many have failed.
//!
//! Gathers from the caches, lets `plan` decide, acts through the client. Refuses Jobs that another controller manages.
//! Models Kubernetes 1.36 pkg/controller/job/job_controller.go.

mod backoff;
mod conditions;
mod index;
mod intervals;
mod plan;
mod pod_failure_policy;
mod pods;
mod spec;
mod success_policy;
mod sync;
#[cfg(test)]
mod tests;
mod tracking;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};

use self::backoff::BackoffRecord;
use self::conditions::COMPLETE;
use self::plan::{Outcome, Step};
use self::pods::{TRACKING_FINALIZER, has_tracking_finalizer};
use self::spec::{is_indexed, spec_of};
use self::sync::{Sync, to_i32};
use super::consistency::Consistency;
use super::pod_control::{self, ignore_not_found, is_pod_ready};
use super::{Context, Controller};
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Kind, ObjectKey, Status, downcast, meta};
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::sim::{Seed, Time};

/// Changes of Pods and of the status are looked at once in this time.
const SYNC_BATCH: Duration = Duration::from_secs(1);
/// The `managedBy` of Jobs that this controller looks after.
const CONTROLLER_NAME: &str = "kubernetes.io/job-controller";

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct JobController {
    backoff: BTreeMap<ObjectKey, BackoffRecord>,
    consistency: Consistency,
}

/// A new Job controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(JobController::default())
}

impl Controller for JobController {
    fn name(&self) -> &'static str {
        "job-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:job-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Job::RESOURCE, Pod::RESOURCE]
    }

    fn backoff(&self) -> (Duration, Duration) {
        (Duration::from_secs(1), Duration::from_secs(60))
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        if &*delta.resource == Job::RESOURCE {
            self.observe_job(delta, caches, queue, now);
        } else {
            observe_pod(delta, caches, queue, now);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        if &*key.resource == Pod::RESOURCE {
            return sync_orphan(key, context);
        }
        self.consistency.ensure_ready(key, context)?;
        let Some(job) = context.caches.get::<Job>(&key.namespace, &key.name) else {
            self.forget(key);
            return Ok(());
        };
        if is_managed_elsewhere(&job) {
            return Ok(());
        }
        if conditions::is_finished(&job) {
            self.forget(key);
            return Ok(());
        }
        let result = self.sync(key, &job, context);
        self.consistency.wrote(key, context);
        result
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

fn is_managed_elsewhere(job: &Job) -> bool {
    spec_of(job).managed_by.as_deref().is_some_and(|name| name != CONTROLLER_NAME)
}

fn observe_pod(delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
    let old: Option<Arc<Pod>> = delta.old.as_ref().and_then(downcast);
    let new: Option<Arc<Pod>> = delta.new.as_ref().and_then(downcast);
    let Some(pod) = new.as_ref().or(old.as_ref()) else { return };
    let later = now + SYNC_BATCH;
    let (owner, old_owner) = (meta::controller_of(&pod.metadata), old.as_ref().map(|old| &old.metadata));
    if let Some(old_meta) = old_owner
        && meta::controller_of(old_meta) != owner
        && let Some(job) = old.as_ref().and_then(|old| pod_control::controlling::<Job>(caches, &old.metadata))
    {
        queue.add_at(ObjectKey::of(&*job), later);
    }
    if owner.is_some() {
        match pod_control::controlling::<Job>(caches, &pod.metadata) {
            Some(job) if !conditions::is_finished(&job) => queue.add_at(ObjectKey::of(&*job), later),
            // Nobody will count this Pod any more: let it go.
            job => {
                if has_tracking_finalizer(pod)
                    && (job.is_some() || (meta::is_deleting(&pod.metadata) && is_owned_by_job(pod)))
                {
                    queue.add_at(ObjectKey::of(&**pod), now);
                }
            }
        }
        return;
    }
    if has_tracking_finalizer(pod) {
        queue.add_at(ObjectKey::of(&**pod), now);
    }
    let moved = old
        .as_ref()
        .is_none_or(|old| old.metadata.labels != pod.metadata.labels || meta::controller_of(&old.metadata).is_some());
    if new.is_some() && moved && !meta::is_deleting(&pod.metadata) {
        for job in caches.in_namespace::<Job>(meta::namespace(&pod.metadata)) {
            if selector_of(&job).is_some_and(|selector| selector.matches(pod.metadata.labels.as_ref())) {
                queue.add_at(ObjectKey::of(&*job), later);
            }
        }
    }
}

fn is_owned_by_job(pod: &Pod) -> bool {
    meta::controller_of(&pod.metadata).is_some_and(|owner| owner.kind == "Job" && owner.api_version == "batch/v1")
}

fn selector_of(job: &Job) -> Option<Selector> {
    Selector::from_label_selector(spec_of(job).selector.as_ref())
}

/// Takes the tracking finalizer from a Pod that no running Job will count.
fn sync_orphan(key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
    let Some(pod) = context.caches.get::<Pod>(&key.namespace, &key.name) else { return Ok(()) };
    if meta::controller_of(&pod.metadata).is_some() {
        if !is_owned_by_job(&pod) {
            return Ok(());
        }
        if let Some(job) = pod_control::controlling::<Job>(context.caches, &pod.metadata)
            && (is_managed_elsewhere(&job) || !conditions::is_finished(&job))
        {
            return Ok(());
        }
    }
    remove_tracking_finalizer(context, &pod).or_else(ignore_not_found)
}

fn remove_tracking_finalizer(context: &mut Context<'_>, pod: &Pod) -> Result<(), Status> {
    if !has_tracking_finalizer(pod) {
        return Ok(());
    }
    pod_control::patch_meta(context, pod, |meta| {
        meta::remove_finalizer(meta, TRACKING_FINALIZER);
    })
    .map(|_| ())
}

impl JobController {
    fn forget(&mut self, key: &ObjectKey) {
        self.backoff.remove(key);
        self.consistency.clear(key);
    }

    fn observe_job(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        let old: Option<Arc<Job>> = delta.old.as_ref().and_then(downcast);
        let new: Option<Arc<Job>> = delta.new.as_ref().and_then(downcast);
        let Some(job) = new.as_ref().or(old.as_ref()) else { return };
        let key = ObjectKey::of(&**job);
        let ended = new.is_none() || conditions::is_finished(job);
        if ended {
            // A Pod with the finalizer left over would never go.
            let left = caches.controlled_by::<Pod>(meta::uid(&job.metadata));
            for pod in left.filter(|pod| has_tracking_finalizer(pod)) {
                queue.add_at(ObjectKey::of(&*pod), now);
            }
        }
        if new.is_none() {
            self.forget(&key);
        } else if conditions::is_finished(job) && old.is_some() {
            return;
        }
        let same_spec = old.is_some()
            && new
                .is_some_and(|new| old.as_ref().is_some_and(|old| old.metadata.generation == new.metadata.generation));
        if same_spec {
            queue.add_at(key, now + SYNC_BATCH);
        } else {
            queue.add(key, now);
        }
    }

    fn sync(&mut self, key: &ObjectKey, job: &Arc<Job>, context: &mut Context<'_>) -> Result<(), Status> {
        let now = context.now;
        if !matches!(spec_of(job).completion_mode.as_deref(), None | Some("NonIndexed" | "Indexed")) {
            let message = "Skipped Job sync because completion mode is unknown";
            context.events.event(&mut context.client, &**job, EventType::Warning, "UnknownCompletionMode", message);
            return Ok(());
        }
        let selector = selector_of(job);
        let pods = pod_control::claim::<Job, Pod>(context, &**job, selector.as_ref(), TRACKING_FINALIZER)?;
        let backoff = self.backoff.get(key).copied().unwrap_or_default();
        let mut sync = Sync::gather(Job::clone(job), pods, backoff, now);
        if sync.finished.is_none()
            && let Some(left) = sync.until_deadline(now)
        {
            context.queue.add_at(key.clone(), now + left);
        }
        let step = sync.step(now);
        let (outcome, failure) = act(&sync, &step, key, job, context);
        let (changed, note) = sync.settle(&step, outcome, now);
        if let Some(note) = note {
            context.events.event(&mut context.client, &**job, EventType::Normal, note.reason, note.message);
        }
        self.write_status(key, sync, changed, context)?;
        failure.map_or(Ok(()), Err)
    }

    /// Writes the status, takes the finalizers of counted Pods, and writes the status again when that changed it.
    fn write_status(
        &mut self,
        key: &ObjectKey,
        mut sync: Sync,
        changed: bool,
        context: &mut Context<'_>,
    ) -> Result<(), Status> {
        let now = context.now;
        let mut tracking = tracking::track(&mut sync, changed, now);
        if tracking.needs_flush {
            sync.job = Job::clone(&*context.client.update_status(sync.job)?);
            self.backoff.insert(key.clone(), sync.backoff);
        }
        let mut failure = None;
        for pod in &tracking.remove_finalizer {
            match remove_tracking_finalizer(context, pod).or_else(ignore_not_found) {
                Ok(()) => {
                    tracking.with_finalizer.remove(meta::uid(&pod.metadata));
                }
                Err(error) => failure = Some(error),
            }
        }
        let status = sync.job.status.get_or_insert_default();
        let mut flush = tracking::count_without_finalizer(status, &tracking.with_finalizer);
        if let Some(error) = failure {
            if flush {
                context.client.update_status(sync.job)?;
            }
            return Err(error);
        }
        let finished = !tracking.reached_max && tracking::enact_finished(&mut sync, now);
        flush |= finished;
        if flush {
            let job = context.client.update_status(sync.job)?;
            if finished && let Some(condition) = sync.finished {
                record_finished(context, &job, &condition);
            }
        }
        Ok(())
    }
}

fn record_finished(context: &mut Context<'_>, job: &Job, condition: &k8s_openapi::api::batch::v1::JobCondition) {
    let mut event = |kind, reason: &str, message: &str| {
        context.events.event(&mut context.client, job, kind, reason, message);
    };
    if condition.type_ != COMPLETE {
        let (reason, message) = (condition.reason.as_deref(), condition.message.as_deref());
        event(EventType::Warning, reason.unwrap_or_default(), message.unwrap_or_default());
        return;
    }
    let succeeded = job.status.as_ref().and_then(|status| status.succeeded).unwrap_or(0);
    if spec_of(job).completions.is_some_and(|completions| succeeded > completions) {
        let message = "Too many succeeded pods running after completion count reached";
        event(EventType::Warning, "TooManySucceededPods", message);
    }
    event(EventType::Normal, "Completed", "Job completed");
}

/// Carries out a step. The failure, if any, makes the Job come back after a back-off.
fn act(
    sync: &Sync,
    step: &Step,
    key: &ObjectKey,
    job: &Arc<Job>,
    context: &mut Context<'_>,
) -> (Outcome, Option<Status>) {
    match step {
        Step::Keep => (Outcome::default(), None),
        Step::Wait(time) => {
            context.queue.add_at(key.clone(), context.now + (*time).max(SYNC_BATCH));
            (Outcome::default(), None)
        }
        Step::End(pods) => delete(pods, job, context, false),
        Step::Delete(pods) => delete(pods, job, context, true),
        Step::Create(count) => create(vec![None; *count], sync, job, context),
        Step::CreateIndexes(indexes) => create(indexes.iter().copied().map(Some).collect(), sync, job, context),
    }
}

fn delete(pods: &[Arc<Pod>], job: &Arc<Job>, context: &mut Context<'_>, uncounted: bool) -> (Outcome, Option<Status>) {
    let (mut outcome, mut failure) = (Outcome::default(), None);
    for pod in pods {
        let released = if uncounted { remove_tracking_finalizer(context, pod) } else { Ok(()) };
        match released.and_then(|()| pod_control::delete_pod(context, &**job, pod)).or_else(ignore_not_found) {
            Ok(()) => {
                outcome.deleted += 1;
                outcome.deleted_ready += i32::from(is_pod_ready(pod));
            }
            Err(error) => failure = Some(error),
        }
    }
    (outcome, failure)
}

fn create(
    indexes: Vec<Option<i64>>,
    sync: &Sync,
    job: &Arc<Job>,
    context: &mut Context<'_>,
) -> (Outcome, Option<Status>) {
    let mut template = spec_of(job).template.clone();
    if is_indexed(job) {
        index::add_env(&mut template);
    }
    let finalizers = template.metadata.get_or_insert_default().finalizers.get_or_insert_default();
    if !finalizers.iter().any(|finalizer| finalizer == TRACKING_FINALIZER) {
        finalizers.push(TRACKING_FINALIZER.to_owned());
    }
    let (created, failure) = pod_control::create_pods(context, &**job, indexes.len(), |position| {
        new_pod(job, &template, indexes.get(position).copied().flatten(), sync)
    });
    (Outcome { created: to_i32(created), ..Outcome::default() }, failure)
}

fn new_pod(job: &Job, template: &PodTemplateSpec, index: Option<i64>, sync: &Sync) -> Pod {
    let Some(index) = index else { return pod_control::pod_from_template(job, template, "") };
    let mut template = template.clone();
    index::stamp(&mut template, job, index, sync.delayed.get(&index).map(AsRef::as_ref));
    let generate_name = index::generate_name(meta::name(&job.metadata), index);
    pod_control::pod_from_template(job, &template, &generate_name)
}
