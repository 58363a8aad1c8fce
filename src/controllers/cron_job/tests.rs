//! The CronJob controller against upstream's tests (`cronjob_controllerv2_test.go`, `utils_test.go`): the same cases
//! under the same names. Instants are seconds from ten o'clock.
//!
//! Not here: "prev ran but done, is time, create job failed, A", "prev ran but done, is time, job not present in CJ
//! active status, create job failed, A" and "this ran but done, time drifted back, F", which assert nothing about the
//! name that is taken (`job_already_exists` does); "do nothing if the namespace is terminating" (see
//! `controllers/tests.rs`); of `TestControllerV2UpdateCronJob` "spec.timeZone not changed" and "changed" where the
//! schedule is empty. "set lastsuccessfultime if successfulJobHistoryLimit is zero" is a whole sync here, in which the
//! surplus Job goes first.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use serde_json::{Value, json};

use super::schedule::{NoInstant, Timetable, next_run_after, run_due};
use super::{CronJobController, first_look};
use crate::api::Strategy;
use crate::apimachinery::{Kind, Object, ObjectKey, Status, meta};
use crate::apiserver::{ApiServer, Caller, DeleteOptions, Propagation};
use crate::client::{Caches, Client, EventRecorder, WorkQueue};
use crate::controllers::{Context, Controller};
use crate::sim::{Seed, Time};
use crate::text::yaml::from_yaml;

/// 2016-05-19T10:00:00Z.
const TOP_OF_THE_HOUR: f64 = 1_463_652_000.0;

fn at(seconds: f64) -> Time {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "after 1970")]
    Time::from_micros(((TOP_OF_THE_HOUR + seconds) * 1e6).round() as u64)
}

fn stamp(seconds: f64) -> Value {
    json!(meta::time(at(seconds)))
}

fn cron_job(spec: &str, made: f64, last: Option<f64>) -> CronJob {
    let mut spec: Value = from_yaml(&format!("{{{spec}}}")).unwrap();
    spec["jobTemplate"] = json!({
        "metadata": {"labels": {"a": "b"}, "annotations": {"x": "y"}},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "foo/bar"}], "restartPolicy": "Never"}}},
    });
    let mut cron_job: CronJob = serde_json::from_value(json!({
        "metadata": {"name": "mycronjob", "namespace": "snazzycats", "uid": "1a2b3c", "creationTimestamp": stamp(made)},
        "spec": spec,
        "status": {"lastScheduleTime": last.map(stamp)},
    }))
    .unwrap();
    let limit = cron_job.spec.successful_jobs_history_limit;
    cron_job.set_defaults();
    cron_job.spec.successful_jobs_history_limit = limit;
    cron_job
}

fn job_of(cron_job: &CronJob, name: &str, made: f64, done: bool) -> Job {
    let mut status = json!({});
    if done {
        status = json!({
            "startTime": stamp(made), "completionTime": stamp(made + 10.0),
            "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": stamp(made + 10.0)}],
        });
    }
    let mut job: Job = serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "snazzycats", "uid": "1234", "creationTimestamp": stamp(made)},
        "spec": cron_job.spec.job_template.spec,
        "status": status,
    }))
    .unwrap();
    job.metadata.owner_references = Some(vec![meta::new_controller_ref(cron_job)]);
    job
}

fn reference(job: &Job) -> ObjectReference {
    ObjectReference {
        name: job.metadata.name.clone(),
        namespace: job.metadata.namespace.clone(),
        uid: job.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

/// A server, what the caches have seen of it, and the controller.
struct Rig {
    server: ApiServer,
    caches: Caches,
    queue: WorkQueue,
    start: u64,
    now: Time,
}

impl Rig {
    fn new(now: f64, objects: Vec<Box<dyn Object>>) -> Self {
        let mut server = ApiServer::new(Seed::new(1), at(now));
        for object in objects {
            server.store_as_is(object);
        }
        let mut caches = Caches::new([CronJob::RESOURCE, Job::RESOURCE]);
        caches.pull(&server);
        let start = server.store().revision();
        Self { server, caches, queue: WorkQueue::default(), start, now: at(now) }
    }

    fn sync(&mut self) -> Result<(), Status> {
        let (mut controller, mut events) = (CronJobController::default(), EventRecorder::new("cronjob-controller", ""));
        let mut caller = Caller::component(controller.user());
        caller.manager = "kube-controller-manager".into();
        let mut context = Context {
            client: Client::new(&mut self.server, &caller),
            caches: &self.caches,
            queue: &mut self.queue,
            events: &mut events,
            now: self.now,
        };
        controller.reconcile(&ObjectKey::new(CronJob::RESOURCE, "snazzycats", "mycronjob"), &mut context)
    }

    fn cron_job(&self) -> Arc<CronJob> {
        self.server.get::<CronJob>("snazzycats", "mycronjob").unwrap()
    }

    fn active(&self) -> usize {
        self.cron_job().status.as_ref().and_then(|status| status.active.as_ref()).map_or(0, Vec::len)
    }

    /// `reason message` of every Event.
    fn events(&self) -> Vec<String> {
        let events = self.server.list::<Event>(Some("snazzycats"));
        events
            .map(|event| format!("{} {}", event.reason.as_deref().unwrap(), event.message.as_deref().unwrap()))
            .collect()
    }

    fn warnings(&self) -> usize {
        let events = self.server.list::<Event>(Some("snazzycats"));
        events.filter(|event| event.type_.as_deref() == Some("Warning")).count()
    }

    fn written(&self, resource: &str, kind: crate::storage::ChangeKind) -> usize {
        self.server.store().since(resource, self.start).unwrap().filter(|change| change.kind == kind).count()
    }
}

#[test]
fn by_job_start_time() {
    let job = |(name, start): (&str, Option<f64>)| -> Job {
        serde_json::from_value(json!({"metadata": {"name": name}, "status": {"startTime": start.map(stamp)}})).unwrap()
    };
    for (name, input, expected) in [
        ("both have nil start times", [("b", None), ("a", None)], "a b"),
        ("only the first has a nil start time", [("a", None), ("b", Some(0.0))], "b a"),
        ("only the second has a nil start time", [("a", Some(0.0)), ("b", None)], "a b"),
        ("both have non-nil, equal start time", [("b", Some(0.0)), ("a", Some(0.0))], "a b"),
        ("both have non-nil, different start time", [("a", Some(9.0)), ("b", Some(0.0))], "b a"),
    ] {
        let mut jobs = input.map(job);
        jobs.sort_by(super::by_start_time);
        let names: Vec<&str> = jobs.iter().map(|job| meta::name(&job.metadata)).collect();
        assert_eq!(names.join(" "), expected, "{name}");
    }
}

#[test]
fn get_jobs_to_be_reconciled() {
    let job = |name: &str, namespace: &str, owner: &str| -> Box<dyn Object> {
        let owners =
            json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": owner, "uid": "", "controller": true}]);
        let owners = if owner.is_empty() { json!([]) } else { owners };
        let meta = json!({"name": name, "namespace": namespace, "uid": name, "labels": {"key": "different-value"},
            "ownerReferences": owners});
        Box::new(serde_json::from_value::<Job>(json!({"metadata": meta, "spec": {"template": {}}})).unwrap())
    };
    let mine = "mycronjob";
    for (name, jobs, expected) in [
        (
            "test getting jobs in namespace without controller reference",
            [("foo", "snazzycats", ""), ("foo1", "snazzycats", "")],
            vec![],
        ),
        (
            "test getting jobs in namespace with a controller reference",
            [("foo", "snazzycats", ""), ("foo1", "snazzycats", mine)],
            vec!["foo1"],
        ),
        ("test getting jobs in other namespaces", [("foo", "bar-ns", ""), ("foo1", "bar-ns", mine)], vec![]),
        (
            "test getting jobs whose labels do not match job template",
            [("foo-fooer-owner-ref", "snazzycats", mine), ("foo-other-owner-ref", "snazzycats", "another-cronjob")],
            vec!["foo-fooer-owner-ref"],
        ),
    ] {
        let jobs = jobs.into_iter().map(|(name, namespace, owner)| job(name, namespace, owner)).collect();
        let world = Rig::new(0.0, jobs);
        let found = super::jobs_of(&cron_job("schedule: \"* * * * *\"", 0.0, None), &world.caches);
        let names: Vec<&str> = found.iter().map(|job| meta::name(&job.metadata)).collect();
        assert_eq!(names, expected, "{name}");
    }
}

/// Name, the spec, the circumstances, what is done. A Job of before `runs` or is `done`, made at its instant; it is
/// `listed` in the status that the cache shows, or only in the `fresh` one; the cache has not seen it (`unseen`), or
/// it has gone since (`lost`).
const SYNC: &[(&str, &str, &str, &str)] = &[
    (
        "never ran, not valid schedule, A",
        "schedule: 'obvious error schedule', concurrencyPolicy: Allow",
        "made=-60 now=-60",
        "warns; active 0",
    ),
    (
        "never ran, not valid schedule, F",
        "schedule: 'obvious error schedule', concurrencyPolicy: Forbid",
        "made=-60 now=-60",
        "warns; active 0",
    ),
    (
        "never ran, not valid schedule, R",
        "schedule: 'obvious error schedule', concurrencyPolicy: Forbid",
        "made=-60 now=-60",
        "warns; active 0",
    ),
    (
        "never ran, not valid time zone",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, timeZone: 'bad timezone'",
        "made=-60 now=-60",
        "warns; active 0",
    ),
    (
        "never ran, not time, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow",
        "made=-60 now=-60",
        "in 60.1; active 0",
    ),
    (
        "never ran, not time, F",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid",
        "made=-60 now=-60",
        "in 60.1; active 0",
    ),
    (
        "never ran, not time, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace",
        "made=-60 now=-60",
        "in 60.1; active 0",
    ),
    (
        "never ran, not time in zone",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, timeZone: 'America/New_York'",
        "made=-60 now=-60",
        "in 60.1; active 0",
    ),
    (
        "never ran, is time, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow",
        "made=-60 now=60",
        "create; in 3540.1; active 1",
    ),
    (
        "never ran, is time, F",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid",
        "made=-60 now=60",
        "create; in 3540.1; active 1",
    ),
    (
        "never ran, is time, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace",
        "made=-60 now=60",
        "create; in 3540.1; active 1",
    ),
    (
        "never ran, is time in zone, but time zone disabled",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, timeZone: 'America/New_York'",
        "made=-60 now=60",
        "create; in 3540.1; active 1",
    ),
    (
        "never ran, is time in zone",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, timeZone: 'America/New_York'",
        "made=-60 now=60",
        "create; in 3540.1; active 1",
    ),
    (
        "never ran, is time in zone, but TZ is also set in schedule",
        "schedule: 'TZ=UTC 0 * * * ?', concurrencyPolicy: Allow, timeZone: 'America/New_York'",
        "made=-60 now=60",
        "create; warns; in 3540.1; active 1",
    ),
    (
        "never ran, is time, suspended",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, suspend: true",
        "made=-60 now=60",
        "active 0",
    ),
    (
        "never ran, is time, past deadline",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 10",
        "made=-60 now=720",
        "in 2880.1; active 0",
    ),
    (
        "never ran, is time, not past deadline",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 1000000",
        "made=-60 now=60",
        "create; in 3540.1; active 1",
    ),
    (
        "prev ran but done, not time, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow",
        "made=-3660 now=-60 last=-3540 job=done@-3540 listed",
        "completed; in 60.1; active 0",
    ),
    (
        "prev ran but done, not time, F",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid",
        "made=-3660 now=-60 last=-3540 job=done@-3540 listed",
        "completed; in 60.1; active 0",
    ),
    (
        "prev ran but done, not time, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace",
        "made=-3660 now=-60 last=-3540 job=done@-3540 listed",
        "completed; in 60.1; active 0",
    ),
    (
        "prev ran but done, is time, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow",
        "made=-3660 now=60 last=-3540 job=done@-3540 listed",
        "create; completed; in 3540.1; active 1",
    ),
    (
        "prev ran but done, is time, F",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid",
        "made=-3660 now=60 last=-3540 job=done@-3540 listed",
        "create; completed; in 3540.1; active 1",
    ),
    (
        "prev ran but done, is time, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace",
        "made=-3660 now=60 last=-3540 job=done@-3540 listed",
        "create; completed; in 3540.1; active 1",
    ),
    (
        "prev ran but done, is time, suspended",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, suspend: true",
        "made=-3660 now=60 last=-3540 job=done@-3540 listed",
        "completed; active 0",
    ),
    (
        "prev ran but done, is time, past deadline",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 10",
        "made=-3660 now=60 last=-3540 job=done@-3540 listed",
        "completed; in 3540.1; active 0",
    ),
    (
        "prev ran but done, is time, not past deadline",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 1000000",
        "made=-3660 now=60 last=-3540 job=done@-3540 listed",
        "create; completed; in 3540.1; active 1",
    ),
    (
        "still active, not time, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow",
        "made=-3660 now=-60 last=-3540 job=runs@-3540 listed",
        "in 60.1; active 1",
    ),
    (
        "still active, not time, F",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid",
        "made=-3660 now=-60 last=-3540 job=runs@-3540 listed",
        "in 60.1; active 1",
    ),
    (
        "still active, not time, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace",
        "made=-3660 now=-60 last=-3540 job=runs@-3540 listed",
        "in 60.1; active 1",
    ),
    (
        "still active, is time, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow",
        "made=-3660 now=60 last=-3540 job=runs@-3540 listed",
        "create; in 3540.1; active 2",
    ),
    (
        "still active, is time, F",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid",
        "made=-3660 now=60 last=-3540 job=runs@-3540 listed",
        "in 3540.1; active 1",
    ),
    (
        "still active, is time, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace",
        "made=-3660 now=60 last=-3540 job=runs@-3540 listed",
        "create; delete; in 3540.1; active 1",
    ),
    (
        "still active, is time, get job failed, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace",
        "made=-3660 now=60 last=-3540 job=runs@-3540 listed lost",
        "warns; fails; active 1",
    ),
    (
        "still active, is time, suspended",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, suspend: true",
        "made=-3660 now=60 last=-3540 job=runs@-3540 listed",
        "active 1",
    ),
    (
        "still active, is time, past deadline",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 10",
        "made=-3660 now=60 last=-3540 job=runs@-3540 listed",
        "in 3540.1; active 1",
    ),
    (
        "still active, is time, not past deadline",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 1000000",
        "made=-3660 now=60 last=-3540 job=runs@-3540 listed",
        "create; in 3540.1; active 2",
    ),
    (
        "prev ran but done, long overdue, not past deadline, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 1000000",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; warns; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, not past deadline, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace, startingDeadlineSeconds: 1000000",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; warns; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, not past deadline, F",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid, startingDeadlineSeconds: 1000000",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; warns; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, no deadline, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; warns; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, no deadline, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; warns; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, no deadline, F",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; warns; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, past medium deadline, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 7200",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, past short deadline, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 10",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, past medium deadline, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace, startingDeadlineSeconds: 7200",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, past short deadline, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace, startingDeadlineSeconds: 10",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, past medium deadline, F",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid, startingDeadlineSeconds: 7200",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; in 3600.1; active 1",
    ),
    (
        "prev ran but done, long overdue, past short deadline, F",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid, startingDeadlineSeconds: 10",
        "made=-3660 now=604800 last=-3540 job=done@-3540 listed",
        "create; completed; in 3600.1; active 1",
    ),
    (
        "this started but went missing, not past deadline, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 1000000",
        "made=-3660 now=60.1 last=-3540 job=runs@0.1 listed unseen",
        "in 3540; active 1",
    ),
    (
        "this started but went missing, not past deadline, f",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid, startingDeadlineSeconds: 1000000",
        "made=-3660 now=60.1 last=-3540 job=runs@0.1 listed unseen",
        "in 3540; active 1",
    ),
    (
        "this started but went missing, not past deadline, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace, startingDeadlineSeconds: 1000000",
        "made=-3660 now=60.1 last=-3540 job=runs@0.1 listed unseen",
        "in 3540; active 1",
    ),
    (
        "this started but is not present in cronjob active list, not past deadline, A",
        "schedule: '0 * * * ?', concurrencyPolicy: Allow, startingDeadlineSeconds: 1000000",
        "made=-3660 now=60.1 last=-3540 job=runs@0.1 fresh",
        "in 3540; active 1",
    ),
    (
        "this started but is not present in cronjob active list, not past deadline, f",
        "schedule: '0 * * * ?', concurrencyPolicy: Forbid, startingDeadlineSeconds: 1000000",
        "made=-3660 now=60.1 last=-3540 job=runs@0.1 fresh",
        "in 3540; active 1",
    ),
    (
        "this started but is not present in cronjob active list, not past deadline, R",
        "schedule: '0 * * * ?', concurrencyPolicy: Replace, startingDeadlineSeconds: 1000000",
        "made=-3660 now=60.1 last=-3540 job=runs@0.1 fresh",
        "in 3540; active 1",
    ),
    (
        "with @every schedule, never ran, not time",
        "schedule: '@every 1h', concurrencyPolicy: Allow",
        "made=-60 now=0",
        "in 3540.1; active 0",
    ),
    (
        "with @every schedule, never ran, is time",
        "schedule: '@every 1h', concurrencyPolicy: Allow",
        "made=-3660 now=-60",
        "create; in 3600.1; active 1",
    ),
    (
        "with @every schedule, never ran, is time, past deadline",
        "schedule: '@every 1h', concurrencyPolicy: Allow, startingDeadlineSeconds: 10",
        "made=-3660 now=-49",
        "in 3589.1; active 0",
    ),
    (
        "with @every schedule, never ran, is time, not past deadline",
        "schedule: '@every 1h', concurrencyPolicy: Allow, startingDeadlineSeconds: 1000000",
        "made=-3660 now=-51",
        "create; in 3591.1; active 1",
    ),
    (
        "with @every schedule, prev ran but done, not time",
        "schedule: '@every 1h', concurrencyPolicy: Allow",
        "made=-3660 now=0 last=-60 job=done@-3660 listed",
        "completed; in 3540.1; active 0",
    ),
    (
        "with @every schedule, prev ran but done, is time",
        "schedule: '@every 1h', concurrencyPolicy: Allow",
        "made=-3660 now=3600 last=-60 job=done@-3660 listed",
        "create; completed; in 3540.1; active 1",
    ),
    (
        "with @every schedule, prev ran but done, is time, past deadline",
        "schedule: '@every 1h', concurrencyPolicy: Allow, startingDeadlineSeconds: 10",
        "made=-3660 now=3551 last=-60 job=done@-3660 listed",
        "completed; in 3589.1; active 0",
    ),
    (
        "with @every schedule, still active, not time",
        "schedule: '@every 1h', concurrencyPolicy: Allow",
        "made=-3660 now=0 last=-60 job=runs@-60 listed",
        "in 3540.1; active 1",
    ),
    (
        "with @every schedule, still active, is time",
        "schedule: '@every 1h', concurrencyPolicy: Allow",
        "made=-3660 now=60 last=-3660 job=runs@-3660 listed",
        "create; in 3480.1; active 2",
    ),
    (
        "with @every schedule, still active, is time, past deadline",
        "schedule: '@every 1h', concurrencyPolicy: Allow, startingDeadlineSeconds: 10",
        "made=-3660 now=3551 last=-60 job=runs@-60 listed",
        "in 3589.1; active 1",
    ),
    (
        "with @every schedule, still active, is time, not past deadline",
        "schedule: '@every 1h', concurrencyPolicy: Allow, startingDeadlineSeconds: 1000000",
        "made=-3660 now=3549 last=-60 job=runs@-60 listed",
        "create; in 3591.1; active 2",
    ),
    (
        "with @every schedule, prev ran but done, long overdue, no deadline",
        "schedule: '@every 1h', concurrencyPolicy: Allow",
        "made=-3540 now=604800 last=60 job=done@-3540 listed",
        "create; completed; warns; in 60.1; active 1",
    ),
    (
        "with @every schedule, prev ran but done, long overdue, past deadline",
        "schedule: '@every 1h', concurrencyPolicy: Allow, startingDeadlineSeconds: 10",
        "made=-3540 now=604871 last=60 job=done@-3540 listed",
        "completed; in 3589.1; active 0",
    ),
    (
        "set lastsuccessfultime if successfulJobHistoryLimit is zero",
        "schedule: '0 * * * ?', successfulJobsHistoryLimit: 0",
        "made=-3660 now=-3000 last=-3540 job=done@0 listed",
        "delete; active 0",
    ),
    (
        "set lastsuccessfultime if successfulJobHistoryLimit is ten",
        "schedule: '0 * * * ?', successfulJobsHistoryLimit: 10",
        "made=-3660 now=-3000 last=-3540 job=done@0 listed",
        "completed; active 0",
    ),
    (
        "set lastsuccessfultime if successfulJobHistoryLimit is nil",
        "schedule: '0 * * * ?'",
        "made=-3660 now=-3000 last=-3540 job=done@0 listed",
        "completed; active 0",
    ),
];

#[test]
fn controller_v2_sync_cron_job() {
    use crate::storage::ChangeKind::{Added, Deleted};
    for (name, spec, circumstances, wanted) in SYNC {
        let value = |key: &str| circumstances.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        let number = |key: &str| value(key).map(|text| text.parse::<f64>().unwrap());
        let is = |word: &str| circumstances.split(' ').any(|held| held == word);
        let now = number("now").unwrap();
        let mut seen = cron_job(spec, number("made").unwrap(), number("last"));
        let job = value("job").map(|text| {
            let (state, made) = text.split_once('@').unwrap();
            let made: f64 = made.parse().unwrap();
            (job_of(&seen, &format!("mycronjob-{}", at(made).as_seconds() / 60), made, state == "done"), state)
        });
        let mut fresh = seen.clone();
        let mut objects: Vec<Box<dyn Object>> = Vec::new();
        if let Some((job, _)) = &job {
            let active = Some(vec![reference(job)]);
            if is("listed") {
                seen.status.get_or_insert_default().active.clone_from(&active);
            }
            if is("listed") || is("fresh") {
                fresh.status.get_or_insert_default().active = active;
            }
            if !is("unseen") {
                objects.push(Box::new(job.clone()));
            }
        }
        objects.push(Box::new(seen));
        let mut rig = Rig::new(now, objects);
        if is("fresh") {
            rig.server.store_as_is(Box::new(fresh));
        }
        if is("unseen") {
            rig.server.store_as_is(Box::new(job.as_ref().unwrap().0.clone()));
        }
        if is("lost") {
            let caller = Caller::component("somebody");
            let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
            let name = meta::name(&job.as_ref().unwrap().0.metadata);
            Client::new(&mut rig.server, &caller).delete::<Job>("snazzycats", name, &options).unwrap();
        }
        rig.start = rig.server.store().revision();
        let fails = rig.sync().is_err();
        let mut got = Vec::new();
        let events = rig.events();
        let happened = |reason: &str| events.iter().any(|event| event.starts_with(reason));
        for (word, holds) in [
            ("create", rig.written(Job::RESOURCE, Added) > 0),
            ("delete", rig.written(Job::RESOURCE, Deleted) > 0),
            ("completed", happened("SawCompletedJob")),
            ("warns", rig.warnings() > 0),
            ("fails", fails),
        ] {
            got.extend(holds.then(|| word.to_owned()));
        }
        let due = rig.queue.next_due().map(|due| due.since(at(now)).as_secs_f64());
        if wanted.contains("in ") {
            got.push(format!("in {}", due.unwrap_or(-1.0)));
        }
        got.push(format!("active {}", rig.active()));
        assert_eq!(got.join("; "), *wanted, "{name}: {events:?}");
        if let Some((job, "done")) = &job {
            let status = rig.cron_job().status.clone().unwrap();
            assert_eq!(status.last_successful_time, job.status.as_ref().unwrap().completion_time, "{name}");
        }
        assert!(rig.warnings() <= 1, "{name}: {events:?}");
        for made in rig.server.list::<Job>(Some("snazzycats")).filter(|job| job.metadata.uid.as_deref() != Some("1234"))
        {
            let owner = meta::controller_of(&made.metadata).unwrap();
            let owner = (owner.api_version.as_str(), owner.kind.as_str(), owner.name.as_str(), owner.uid.as_str());
            assert_eq!(owner, ("batch/v1", "CronJob", "mycronjob", "1a2b3c"), "{name}");
        }
    }
}

#[test]
fn get_job_from_template2() {
    for (name, zone, wanted) in [
        ("UTC timezone and one annotation", "timeZone: UTC, ", "2016-05-19T10:00:00Z"),
        ("nil timezone and one annotation", "", "2016-05-19T10:00:00Z"),
        ("correct timezone and multiple annotation", "timeZone: Europe/Rome, ", "2016-05-19T12:00:00+02:00"),
    ] {
        let mut rig = Rig::new(1.0, vec![Box::new(cron_job(&format!("{zone}schedule: '0 * * * ?'"), -60.0, None))]);
        rig.sync().unwrap();
        let job = rig.server.get::<Job>("snazzycats", "mycronjob-24394200").unwrap();
        let annotations = job.metadata.annotations.clone().unwrap();
        assert_eq!(annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"], wanted, "{name}");
        assert_eq!((annotations["x"].as_str(), job.metadata.labels.as_ref().unwrap()["a"].as_str()), ("y", "b"));
        let status = rig.cron_job().status.clone().unwrap();
        assert_eq!(status.last_schedule_time, Some(meta::time(at(0.0))), "{name}");
        assert_eq!(rig.events(), ["SuccessfulCreate Created job mycronjob-24394200"], "{name}");
    }
}

/// `TestControllerV2JobAlreadyExistsButNotInActiveStatus` and `...ButDifferentOwner`.
#[test]
fn job_already_exists() {
    for (name, own, active) in [("but not in active status", true, 1), ("but different owner", false, 0)] {
        let cron_job = cron_job("schedule: '0 * * * ?'", -60.0, None);
        let mut held = job_of(&cron_job, "mycronjob-24394200", 0.0, false);
        if !own {
            held.metadata.owner_references = None;
        }
        let mut rig = Rig::new(60.0, vec![Box::new(cron_job)]);
        rig.server.store_as_is(Box::new(held));
        rig.sync().unwrap();
        assert_eq!((rig.active(), rig.events().len()), (active, 0), "{name}");
    }
}

#[test]
fn controller_v2_cleanup_finished_jobs() {
    for (name, limit, made, wanted) in [
        (
            "jobs are still deleted when a cronjob can't create jobs due to jobs quota being reached (avoiding a deadlock)",
            1,
            &[("finished-job-started-hour-ago", -3660.0), ("finished-job-started-minute-ago", -60.0)][..],
            &["finished-job-started-minute-ago"][..],
        ),
        (
            "jobs are not deleted if history limit not reached",
            2,
            &[("finished-job-started-hour-ago", -3660.0)],
            &["finished-job-started-hour-ago"],
        ),
        // TestByJobStartTime: by their start, then by their name.
        ("same start time, compare names", 1, &[("b", -60.0), ("a", -60.0)], &["b"]),
        ("by start time", 2, &[("a", -60.0), ("b", -90.0), ("c", -80.0)], &["a", "c"]),
    ] {
        let cron_job = cron_job(
            &format!("schedule: '0 * * * ?', suspend: true, successfulJobsHistoryLimit: {limit}"),
            -9000.0,
            None,
        );
        let mut objects: Vec<Box<dyn Object>> = Vec::new();
        for (number, (name, made)) in made.iter().enumerate() {
            let mut job = job_of(&cron_job, name, *made, true);
            job.metadata.uid = Some(number.to_string());
            objects.push(Box::new(job));
        }
        objects.push(Box::new(cron_job));
        let mut rig = Rig::new(60.0, objects);
        rig.sync().unwrap();
        let left: Vec<String> =
            rig.server.list::<Job>(Some("snazzycats")).filter_map(|job| job.metadata.name.clone()).collect();
        assert_eq!(left, wanted, "{name}");
    }
}

#[test]
fn controller_v2_update_cron_job() {
    for (name, old, new, wanted) in [
        ("spec.template changed", "schedule: '0 * * * ?'", "schedule: '0 * * * ?', suspend: false", 0.0),
        ("spec.schedule changed", "schedule: '30 * * * *'", "schedule: '*/1 * * * *'", 1.1),
        (
            "spec.schedule with @every changed - cadence decrease",
            "schedule: '@every 1m'",
            "schedule: '@every 3m'",
            121.1,
        ),
        ("spec.schedule with @every changed - cadence increase", "schedule: '@every 3m'", "schedule: '@every 1m'", 1.1),
        ("spec.timeZone changed", "schedule: '0 * * * ?', timeZone: America/New_York", "schedule: '0 * * * ?'", 1.1),
    ] {
        let (old, new) = (cron_job(old, -3660.0, Some(-60.0)), cron_job(new, -3660.0, Some(-60.0)));
        let due = first_look(Some(&old), Some(&new), at(-1.0));
        assert_eq!(due, at(wanted - 1.0), "{name}");
    }
}

#[test]
fn most_recent_schedule_time() {
    let hours = "schedule: '0 * * * *'";
    let day = "schedule: '30 6-16/4 * * 1-5'";
    let noon = "schedule: '30 10,11,12 * * 1-5'";
    let fives = "schedule: '*/5 * * * *'";
    for (name, spec, made, last, now, wanted, many) in [
        ("now before next schedule", hours, 0.0, None, 30.0, Ok(None), false),
        ("now just after next schedule", hours, 0.0, None, 3660.0, Ok(Some(3600.0)), false),
        ("missed 5 schedules", hours, 10.0, None, 18_060.0, Ok(Some(18_000.0)), false),
        ("complex schedule", day, 0.0, Some(1800.0), 88_260.0, Ok(Some(88_200.0)), false),
        ("another complex schedule", noon, 0.0, Some(1800.0), 109_800.0, Ok(None), false),
        (
            "complex schedule with longer diff between executions",
            day,
            0.0,
            Some(1800.0),
            347_460.0,
            Ok(Some(347_400.0)),
            false,
        ),
        ("complex schedule with shorter diff between executions", day, 0.0, None, 88_260.0, Ok(Some(88_200.0)), false),
        // Upstream looks without the deadline of 10 s that this case has.
        ("@every schedule", "schedule: '@every 1h'", -3540.0, Some(60.0), 604_800.0, Ok(Some(601_260.0)), true),
        ("rogue cronjob", "schedule: '59 23 31 2 *'", 10.0, None, 3600.0, Err(NoInstant), false),
        ("earliestTime being CreationTimestamp and LastScheduleTime", hours, 0.0, Some(0.0), 30.0, Ok(None), false),
        ("earliestTime being LastScheduleTime", fives, 0.0, Some(1800.0), 1860.0, Ok(None), false),
        (
            "earliestTime being LastScheduleTime (within StartingDeadlineSeconds)",
            "schedule: '*/5 * * * *', startingDeadlineSeconds: 60",
            0.0,
            Some(1800.0),
            1860.0,
            Ok(None),
            false,
        ),
        (
            "earliestTime being LastScheduleTime (outside StartingDeadlineSeconds)",
            "schedule: '*/5 * * * *', startingDeadlineSeconds: 60",
            0.0,
            Some(1800.0),
            1920.0,
            Ok(None),
            false,
        ),
        // TestNextScheduleTime
        ("no known start times, and none needed yet", hours, -600.0, None, -420.0, Ok(None), false),
        ("no known start times, and one needed", hours, -600.0, None, 2.0, Ok(Some(0.0)), false),
        ("known LastScheduleTime, no start needed", hours, -600.0, Some(0.0), 120.0, Ok(None), false),
        ("known LastScheduleTime, a start needed", hours, -600.0, Some(0.0), 3900.0, Ok(Some(3600.0)), false),
        ("known LastScheduleTime, two starts needed", hours, -7200.0, Some(-3600.0), 3900.0, Ok(Some(3600.0)), false),
        (
            "now is way way ahead of last start time, and there is no deadline",
            hours,
            -7200.0,
            Some(-3600.0),
            867_600.0,
            Ok(Some(867_600.0)),
            true,
        ),
        (
            "now is way way ahead of last start time, but there is a short deadline",
            "schedule: '0 * * * *', startingDeadlineSeconds: 7200",
            -7200.0,
            Some(-3600.0),
            867_600.0,
            Ok(Some(867_600.0)),
            false,
        ),
    ] {
        let cron_job = cron_job(spec, made, last);
        let due = run_due(&cron_job, &Timetable::of(&cron_job).unwrap(), at(now));
        assert_eq!(due.map(|due| (due.at, due.too_many_missed)), wanted.map(|run| (run.map(at), many)), "{name}");
    }
}

#[test]
fn next_schedule_time_duration() {
    for (name, schedule, last, now, wanted) in [
        ("complex schedule skipping weekend", "30 6-16/4 * * 1-5", Some(1800.0), 88_260.0, 14_340.0),
        ("another complex schedule skipping weekend", "30 10,11,12 * * 1-5", Some(1800.0), 109_800.0, 237_600.0),
        ("once a week cronjob, missed two runs", "0 12 * * 4", Some(7200.0), 1_647_000.0, 174_600.0),
        ("no previous run of a cronjob", "0 12 * * 5", None, 21_600.0, 72_000.0),
    ] {
        let cron_job = cron_job(&format!("schedule: '{schedule}'"), 0.0, last);
        let next = next_run_after(&cron_job, &Timetable::of(&cron_job).unwrap(), at(now));
        assert_eq!(next, at(now + wanted), "{name}");
    }
}
