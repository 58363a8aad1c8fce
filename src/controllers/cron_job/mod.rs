//! The CronJob controller: makes a Job at each instant of a schedule and keeps a few finished ones.
//!
//! Models Kubernetes 1.36 pkg/controller/cronjob/{cronjob_controllerv2,utils}.go.

mod schedule;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, CronJobStatus, Job};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time as MetaTime};

use self::schedule::{Timetable, next_run_after, run_due};
use super::consistency::Consistency;
use super::pod_control::{self, is_namespace_terminating};
use super::{Context, Controller};
use crate::api::cron_job::time_zone::{self, Zone};
use crate::apimachinery::{Kind, Object, ObjectKey, Reason, Status, downcast, meta};
use crate::apiserver::{DeleteOptions, Propagation};
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::sim::{Seed, Time};

/// The annotation with the instant that a Job stands for.
const SCHEDULED_AT: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// How long after a run's instant it is looked at, so that no clock is too early.
const SCHEDULE_DELTA: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct CronJobController {
    consistency: Consistency,
}

/// A new CronJob controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(CronJobController::default())
}

impl Controller for CronJobController {
    fn name(&self) -> &'static str {
        "cronjob-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:cronjob-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![CronJob::RESOURCE, Job::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        if &*delta.resource == Job::RESOURCE {
            pod_control::queue_owners::<CronJob>(delta, caches, queue, now, |_| None);
        } else if let Some(object) = delta.object() {
            let (old, new) = (delta.old.as_ref().and_then(downcast), delta.new.as_ref().and_then(downcast::<CronJob>));
            queue.add_at(ObjectKey::of(&**object), first_look(old.as_deref(), new.as_deref(), now));
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        self.consistency.ensure_ready(key, context)?;
        let Some(cron_job) = context.caches.get::<CronJob>(&key.namespace, &key.name) else { return Ok(()) };
        let result = Sync::new(&cron_job, context).run();
        if let Ok(Some(at)) = &result {
            context.queue.add_at(key.clone(), *at);
        }
        self.consistency.wrote(key, context);
        result.map(|_| ())
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

/// A new schedule starts from now: what the old one has missed is not made up for.
fn first_look(old: Option<&CronJob>, new: Option<&CronJob>, now: Time) -> Time {
    let (Some(old), Some(new)) = (old, new) else { return now };
    if spec_of(old).schedule == spec_of(new).schedule && spec_of(old).time_zone == spec_of(new).time_zone {
        return now;
    }
    match Timetable::of(new) {
        Ok(timetable) => next_run_after(new, &timetable, now) + SCHEDULE_DELTA,
        Err(_) => now,
    }
}

fn spec_of(cron_job: &CronJob) -> &CronJobSpec {
    &cron_job.spec
}

/// The Jobs whose controller has the CronJob's name: as upstream, also those that an earlier one of its name has left.
fn jobs_of(cron_job: &CronJob, caches: &Caches) -> Vec<Arc<Job>> {
    let name = meta::name(&cron_job.metadata);
    let jobs = caches.in_namespace::<Job>(meta::namespace(&cron_job.metadata));
    jobs.filter(|job| meta::controller_of(&job.metadata).is_some_and(|owner| owner.name == name)).collect()
}

/// How a Job has ended: the type of the condition that says so.
fn end_of(job: &Job) -> Option<&str> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let end =
        conditions.iter().find(|held| matches!(held.type_.as_str(), "Complete" | "Failed") && held.status == "True");
    end.map(|condition| condition.type_.as_str())
}

/// The Job that began first comes first, one that has not begun last, and of two alike the first by name.
fn by_start_time(one: &Job, other: &Job) -> Ordering {
    let start = |job: &Job| job.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0);
    let key = |job| (start(job).is_none(), start(job));
    key(one).cmp(&key(other)).then_with(|| one.metadata.name.cmp(&other.metadata.name))
}

/// Whether the status has a Job among the active ones.
fn lists(cron_job: &CronJob, uid: &str) -> bool {
    let active = cron_job.status.iter().flat_map(|status| status.active.iter().flatten());
    active.into_iter().any(|job| job.uid.as_deref() == Some(uid))
}

/// One look at a CronJob.
struct Sync<'a, 'b> {
    cron_job: CronJob,
    before: Arc<CronJob>,
    context: &'a mut Context<'b>,
}

impl<'a, 'b> Sync<'a, 'b> {
    fn new(cron_job: &Arc<CronJob>, context: &'a mut Context<'b>) -> Self {
        Self { cron_job: CronJob::clone(cron_job), before: Arc::clone(cron_job), context }
    }

    /// Does what is due; gives the instant of the next look.
    fn run(mut self) -> Result<Option<Time>, Status> {
        let jobs = jobs_of(&self.cron_job, self.context.caches);
        self.clean_up(&jobs);
        let result = self.sync(&jobs);
        if self.cron_job.status != self.before.status {
            self.context.client.update_status(self.cron_job)?;
        }
        result
    }

    fn event(&mut self, kind: EventType, reason: &str, message: &str) {
        self.context.events.event(&mut self.context.client, &*self.before, kind, reason, message);
    }

    fn status(&mut self) -> &mut CronJobStatus {
        self.cron_job.status.get_or_insert_default()
    }

    fn is_active(&self, uid: &str) -> bool {
        lists(&self.cron_job, uid)
    }

    fn drop_active(&mut self, uid: &str) {
        let Some(status) = self.cron_job.status.as_mut() else { return };
        if let Some(active) = status.active.as_mut() {
            active.retain(|job| job.uid.as_deref() != Some(uid));
            if active.is_empty() {
                status.active = None;
            }
        }
    }

    fn sync(&mut self, jobs: &[Arc<Job>]) -> Result<Option<Time>, Status> {
        self.note_ends(jobs)?;
        self.note_missing(jobs)?;
        if meta::is_deleting(&self.cron_job.metadata) {
            return Ok(None);
        }
        let before = Arc::clone(&self.before);
        let spec = spec_of(&before);
        if let Some(zone) = spec.time_zone.as_deref().filter(|zone| !time_zone::is_known(zone)) {
            let message = format!("invalid timeZone: {zone:?}: unknown time zone {zone}");
            self.event(EventType::Warning, "UnknownTimeZone", &message);
            return Ok(None);
        }
        if spec.suspend == Some(true) {
            return Ok(None);
        }
        if spec.schedule.contains("TZ") {
            let message = format!(
                "CRON_TZ or TZ used in schedule {:?} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details",
                spec.schedule
            );
            self.event(EventType::Warning, "UnsupportedSchedule", &message);
        }
        let timetable = match Timetable::of(&self.cron_job) {
            Ok(timetable) => timetable,
            Err(why) => {
                let message = format!("unparseable schedule: {:?} : {why}", spec.schedule);
                self.event(EventType::Warning, "UnparseableSchedule", &message);
                return Ok(None);
            }
        };
        let now = self.context.now;
        let Ok(due) = run_due(&self.cron_job, &timetable, now) else {
            let why = "time difference between two schedules is less than 1 second";
            let message = format!("invalid schedule: {} : {why}", spec.schedule);
            self.event(EventType::Warning, "InvalidSchedule", &message);
            return Ok(None);
        };
        if due.too_many_missed {
            let message =
                "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            self.event(EventType::Warning, "TooManyMissedTimes", message);
        }
        if let Some(at) = due.at {
            self.start(at, now)?;
        }
        Ok(Some(next_run_after(&self.cron_job, &timetable, now) + SCHEDULE_DELTA))
    }

    /// Takes finished Jobs off the list of active ones.
    fn note_ends(&mut self, jobs: &[Arc<Job>]) -> Result<(), Status> {
        for job in jobs {
            let (uid, name) = (meta::uid(&job.metadata), meta::name(&job.metadata));
            let Some(end) = end_of(job) else {
                if !self.is_active(uid) && !self.refresh(uid)? {
                    let message = format!("Saw a job that the controller did not create or forgot: {name}");
                    self.event(EventType::Warning, "UnexpectedJob", &message);
                }
                continue;
            };
            if self.is_active(uid) {
                self.drop_active(uid);
                let message = format!("Saw completed job: {name}, condition: {end}");
                self.event(EventType::Normal, "SawCompletedJob", &message);
            }
            if end == "Complete" {
                let at = job.status.as_ref().and_then(|status| status.completion_time.clone());
                let status = self.status();
                let seconds = |time: &Option<MetaTime>| time.as_ref().map(|time| time.0);
                if seconds(&at) > seconds(&status.last_successful_time) {
                    status.last_successful_time = at;
                }
            }
        }
        Ok(())
    }

    /// Goes on from the CronJob as the server has it by now, when that one has the Job among the active ones.
    fn refresh(&mut self, uid: &str) -> Result<bool, Status> {
        let (namespace, name) = (meta::namespace(&self.before.metadata), meta::name(&self.before.metadata));
        let fresh = self.context.client.get::<CronJob>(namespace, name)?;
        let knows = lists(&fresh, uid);
        if knows {
            self.cron_job = CronJob::clone(&fresh);
        }
        Ok(knows)
    }

    /// Takes Jobs that are gone off the list of active ones.
    fn note_missing(&mut self, jobs: &[Arc<Job>]) -> Result<(), Status> {
        let active = self.cron_job.status.iter().flat_map(|status| status.active.iter().flatten());
        let known = |uid: &str| jobs.iter().any(|job| meta::uid(&job.metadata) == uid);
        let missing: Vec<ObjectReference> =
            active.filter(|job| !known(job.uid.as_deref().unwrap_or_default())).cloned().collect();
        for job in missing {
            let name = job.name.clone().unwrap_or_default();
            match self.context.client.get::<Job>(job.namespace.as_deref().unwrap_or_default(), &name) {
                Ok(_) => {}
                Err(error) if error.reason == Reason::NotFound => {
                    self.event(EventType::Normal, "MissingJob", &format!("Active job went missing: {name}"));
                    self.drop_active(job.uid.as_deref().unwrap_or_default());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Starts the run of the instant `at`, unless something speaks against it.
    fn start(&mut self, at: Time, now: Time) -> Result<(), Status> {
        let spec = spec_of(&self.cron_job);
        if let Some(deadline) = spec.starting_deadline_seconds
            && at + Duration::from_secs(u64::try_from(deadline).unwrap_or(0)) < now
        {
            let when = at.timestamp().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
            self.event(EventType::Warning, "MissSchedule", &format!("Missed scheduled time to start a job: {when}"));
            return Ok(());
        }
        let name = format!("{}-{}", meta::name(&self.cron_job.metadata), at.as_seconds() / 60);
        let policy = spec.concurrency_policy.clone().unwrap_or_default();
        let status = self.cron_job.status.clone().unwrap_or_default();
        let active = status.active.unwrap_or_default();
        let last = status.last_schedule_time.map(|time| Time::from(time.0));
        if last == Some(at) || active.iter().any(|job| job.name.as_deref() == Some(name.as_str())) {
            return Ok(());
        }
        if policy == "Forbid" && !active.is_empty() {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            self.event(EventType::Normal, "JobAlreadyActive", message);
            return Ok(());
        }
        if policy == "Replace" {
            self.replace(&active)?;
        }
        let Some(job) = self.create(&name, at)? else { return Ok(()) };
        let reference = ObjectReference {
            api_version: Some(job.api_version().to_owned()),
            kind: Some(job.kind().to_owned()),
            name: job.metadata.name.clone(),
            namespace: job.metadata.namespace.clone(),
            uid: job.metadata.uid.clone(),
            resource_version: job.metadata.resource_version.clone(),
            ..ObjectReference::default()
        };
        let status = self.status();
        status.active.get_or_insert_default().push(reference);
        status.last_schedule_time = Some(meta::time(at));
        Ok(())
    }

    fn replace(&mut self, active: &[ObjectReference]) -> Result<(), Status> {
        for job in active {
            let (namespace, name) = (job.namespace.clone().unwrap_or_default(), job.name.clone().unwrap_or_default());
            let held = self.context.client.get::<Job>(&namespace, &name);
            let job = held.inspect_err(|error| {
                let message = format!("Get job: {error}");
                self.context.events.event(
                    &mut self.context.client,
                    &*self.before,
                    EventType::Warning,
                    "FailedGet",
                    &message,
                );
            })?;
            self.delete(&job)?;
        }
        Ok(())
    }

    fn delete(&mut self, job: &Job) -> Result<(), Status> {
        let (namespace, name) = (meta::namespace(&job.metadata), meta::name(&job.metadata));
        let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
        if let Err(error) = self.context.client.delete::<Job>(namespace, name, &options) {
            self.event(EventType::Warning, "FailedDelete", &format!("Deleted job: {error}"));
            return Err(error);
        }
        self.drop_active(meta::uid(&job.metadata));
        self.event(EventType::Normal, "SuccessfulDelete", &format!("Deleted job {name}"));
        Ok(())
    }

    /// The Job of this run; `None` when another holds its name.
    fn create(&mut self, name: &str, at: Time) -> Result<Option<Arc<Job>>, Status> {
        let template = &spec_of(&self.cron_job).job_template;
        let from = template.metadata.clone().unwrap_or_default();
        let mut annotations = from.annotations.unwrap_or_default();
        let zone = spec_of(&self.cron_job).time_zone.as_deref().and_then(Zone::find).unwrap_or_default();
        annotations.insert(SCHEDULED_AT.to_owned(), zone.rfc3339(at));
        let job = Job {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: self.cron_job.metadata.namespace.clone(),
                labels: from.labels,
                annotations: Some(annotations),
                owner_references: Some(vec![meta::new_controller_ref(&self.cron_job)]),
                ..ObjectMeta::default()
            },
            spec: template.spec.clone(),
            ..Job::default()
        };
        match self.context.client.create(job) {
            Ok(job) => {
                self.event(EventType::Normal, "SuccessfulCreate", &format!("Created job {name}"));
                Ok(Some(job))
            }
            Err(error) if error.reason == Reason::AlreadyExists => {
                let held = self.context.client.get::<Job>(meta::namespace(&self.cron_job.metadata), name)?;
                let ours = meta::is_controlled_by(&held.metadata, meta::uid(&self.cron_job.metadata));
                Ok(Some(held).filter(|held| ours && !self.is_active(meta::uid(&held.metadata))))
            }
            Err(error) => {
                if !is_namespace_terminating(&error) {
                    self.event(EventType::Warning, "FailedCreate", &format!("Error creating job: {error}"));
                }
                Err(error)
            }
        }
    }

    /// Deletes the oldest finished Jobs beyond the limits of history.
    fn clean_up(&mut self, jobs: &[Arc<Job>]) {
        let spec = spec_of(&self.cron_job);
        let limits = [("Complete", spec.successful_jobs_history_limit), ("Failed", spec.failed_jobs_history_limit)];
        for (end, limit) in limits {
            let Some(limit) = limit else { continue };
            let mut ended: Vec<&Arc<Job>> = jobs.iter().filter(|job| end_of(job) == Some(end)).collect();
            let surplus = ended.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
            ended.sort_by(|one, other| by_start_time(one, other));
            for job in ended.into_iter().take(surplus).filter(|job| !meta::is_deleting(&job.metadata)) {
                // The failure is told by an event; the next look tries again.
                let _ = self.delete(job);
            }
        }
    }
}
