//! What upstream tests step by step (`job_controller_test.go`): which change wakes whom and when, adoption, orphans,
//! deadlines, failures of the server. Names are upstream's, in Rust's spelling.
//!
//! Not here: `TestFinalizersRemovedExpectations` and `TestSyncJobExpectations` as they stand (there are no expectations;
//! `finalizers_removed_expectations` holds what they are for), `TestSyncJobPodSchedulingGroup` and
//! `job_scheduling_manager_test.go` (`WorkloadWithJob` is off by default).

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::rig::{self, Rig, job, now, pod, pods, shown, shown_conditions, stamp};
use crate::apimachinery::{Kind, ObjectKey, meta};
use crate::controllers::pod_control;
use crate::sim::Time;

const SECOND: Duration = Duration::from_secs(1);

/// What is queued: `job` or the Pod's name, and after how many milliseconds it is due.
fn queued(rig: &mut Rig) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    while let Some(due) = rig.queue.next_due() {
        let key = rig.queue.pop_due(due).unwrap();
        let name = if &*key.resource == Pod::RESOURCE { key.name.to_string() } else { "job".to_owned() };
        all.push((name, u64::try_from(due.since(now()).as_millis()).unwrap()));
    }
    all
}

fn owned(owner: serde_json::Value) -> Pod {
    let mut pod = pod("Failed", 0);
    pod.metadata.owner_references = (!owner.is_null()).then(|| vec![serde_json::from_value(owner).unwrap()]);
    pod
}

#[test]
fn past_deadline_job_finished() {
    for (name, started) in [
        ("New job created without start time being set", ""),
        ("New job created with start time being set", ", started: 0"),
    ] {
        let mut rig = Rig::new(&format!("parallelism: 1, completions: 1, activeDeadlineSeconds: 1{started}"), []);
        rig.sync().unwrap();
        assert!(queued(&mut rig).contains(&("job".to_owned(), 1000)), "{name}");
        rig.now = now() + SECOND;
        rig.observe();
        rig.sync().unwrap();
        let conditions = shown_conditions(rig.job().status.as_ref().unwrap());
        assert!(conditions.starts_with(" | FailureTarget DeadlineExceeded"), "{name}: {conditions}");
    }
}

#[test]
fn single_job_failed_condition() {
    let held = "conditions: [{type: Failed, status: 'False', reason: DeadlineExceeded}]";
    let mut rig = Rig::new(
        &format!("parallelism: 1, completions: 1, activeDeadlineSeconds: 10, started: 15, status: {{{held}}}"),
        [],
    );
    rig.sync().unwrap();
    assert_eq!(rig.events("SuccessfulDelete"), 0);
    assert_eq!(
        shown_conditions(rig.job().status.as_ref().unwrap()),
        " | Failed DeadlineExceeded | FailureTarget DeadlineExceeded"
    );
}

#[test]
fn sync_job_complete() {
    let status = "status: {conditions: [{type: Complete, status: 'True'}]}";
    let mut rig = Rig::new(&format!("parallelism: 1, completions: 1, {status}"), []);
    rig.sync().unwrap();
    assert_eq!(rig.statuses(), []);
    assert!(rig::is_over(&rig.job()));
}

#[test]
fn sync_job_deleted() {
    let mut rig = Rig::new("parallelism: 2, completions: 2", []);
    let key = ObjectKey::new("jobs.batch", "default", "another");
    rig.with(|controller, _, context| crate::controllers::Controller::reconcile(controller, &key, context)).unwrap();
    assert!(rig.made().is_empty() && rig.statuses().is_empty());
}

#[test]
fn sync_job_when_managed_by() {
    for (name, managed_by, wanted) in [
        (
            "job with custom value of managedBy; feature enabled; the status is unchanged",
            rig::FOREIGN,
            "active 1; ready 1",
        ),
        (
            "job with well known value of the managedBy; feature enabled; the status is updated",
            "kubernetes.io/job-controller",
            "active 2",
        ),
        ("job without the managedBy; feature enabled; the status is updated", "", "active 2"),
    ] {
        let field = if managed_by.is_empty() { String::new() } else { format!("managedBy: {managed_by}, ") };
        let text = format!("{field}parallelism: 2, completions: 2, status: {{active: 1, ready: 1}}");
        let mut rig = Rig::new(&text, []);
        rig.sync().unwrap();
        assert_eq!(shown(rig.job().status.as_ref().unwrap()), wanted, "{name}");
        assert_eq!(rig.made().is_empty(), managed_by == rig::FOREIGN, "{name}");
    }
    assert!(rig::is_own("kubernetes.io/job-controller") && !rig::is_own(rig::FOREIGN));
}

#[test]
fn sync_job_update_requeue() {
    for (name, stale) in [("no error", false), ("conflict error", true)] {
        let mut rig = Rig::new("parallelism: 2, completions: 2", []);
        if stale {
            rig.server.store_as_is(Box::new(job("parallelism: 2, completions: 2")));
        }
        // What the manager does with the answer, a retry after a back-off, is `WorkQueue`'s to test.
        assert_eq!(rig.sync().is_err(), stale, "{name}");
    }
}

#[test]
fn update_job_requeue() {
    for (name, change, wanted) in [("spec update", "generation", 0), ("status update", "status", 1000)] {
        let mut rig = Rig::new("parallelism: 1, completions: 1, completionMode: Indexed", []);
        let mut changed = rig::Job::clone(&rig.job());
        if change == "generation" {
            changed.metadata.generation = Some(7);
        } else {
            changed.status.get_or_insert_default().start_time = Some(meta::time(now()));
        }
        rig.server.store_as_is(Box::new(changed));
        rig.observe();
        assert_eq!(queued(&mut rig), [("job".to_owned(), wanted)], "{name}");
    }
}

#[test]
fn a_change_of_the_spec_does_not_put_off_what_was_to_be_looked_at() {
    let mut rig = Rig::new("parallelism: 1, completions: 1", [pod("Running", 0)]);
    rig.server.store_as_is(Box::new(pod("Succeeded", 0)));
    rig.observe();
    let mut changed = rig::Job::clone(&rig.job());
    changed.metadata.generation = Some(7);
    rig.server.store_as_is(Box::new(changed));
    rig.now = now() + Duration::from_millis(300);
    rig.observe();
    assert_eq!(queued(&mut rig), [("job".to_owned(), 300), ("job".to_owned(), 1000)]);
}

#[test]
fn get_pods_for_job() {
    let uid = json!({"apiVersion": "batch/v1", "kind": "Job", "name": "foobar", "uid": "job-uid", "controller": true});
    let other =
        json!({"apiVersion": "batch/v1", "kind": "Job", "name": "other", "uid": "other-uid", "controller": true});
    let made = |name: &str, owner: &serde_json::Value, labels: bool, finalizer: bool| {
        let mut pod = pod(if finalizer { "Running" } else { "Running/free" }, 0);
        pod.metadata.name = Some(name.to_owned());
        pod.metadata.uid = Some(name.to_owned());
        pod.metadata.owner_references =
            (!owner.is_null()).then(|| vec![serde_json::from_value(owner.clone()).unwrap()]);
        pod.metadata.labels = labels.then(|| [("foo".to_owned(), "bar".to_owned())].into());
        pod
    };
    let none = serde_json::Value::Null;
    for (name, deleting, held, claimed, with_finalizer) in [
        (
            "only matching",
            "",
            vec![
                made("pod1", &uid, true, true),
                made("pod2", &other, true, false),
                made("pod3", &none, false, false),
                made("pod4", &uid, true, false),
            ],
            "pod1 pod4",
            "pod1",
        ),
        (
            "adopt",
            "",
            vec![made("pod1", &uid, true, false), made("pod2", &none, true, false), made("pod3", &other, true, false)],
            "pod1 pod2",
            "pod2",
        ),
        (
            "no adopt when deleting",
            "deleting: true",
            vec![made("pod1", &uid, true, false), made("pod2", &none, true, false)],
            "pod1",
            "",
        ),
        (
            "no adopt when deleting race",
            "race",
            vec![made("pod1", &uid, true, false), made("pod2", &none, true, false)],
            "pod1",
            "",
        ),
        ("release", "", vec![made("pod1", &uid, true, false), made("pod2", &uid, false, false)], "pod1", ""),
    ] {
        let mut rig = Rig::new(if deleting == "race" { "" } else { deleting }, held);
        if deleting == "race" {
            rig.server.store_as_is(Box::new(job("deleting: true")));
        }
        let found = rig.with(|_, _, context| {
            let job = context.caches.get::<rig::Job>("default", "foobar").unwrap();
            let selector = super::super::selector_of(&job);
            pod_control::claim::<rig::Job, Pod>(context, &job, selector.as_ref(), "batch.kubernetes.io/job-tracking")
        });
        let found = found.unwrap();
        let names = |keeps: &dyn Fn(&Pod) -> bool| -> String {
            let names: Vec<&str> = found.iter().filter(|pod| keeps(pod)).map(|pod| meta::name(&pod.metadata)).collect();
            names.join(" ")
        };
        assert_eq!(names(&|_| true), claimed, "{name}");
        assert_eq!(names(&super::super::pods::has_tracking_finalizer), with_finalizer, "{name}: finalizers");
        if name == "release" {
            assert_eq!(rig.pod("pod2").metadata.owner_references, None, "{name}");
        }
    }
}

#[test]
fn add_update_and_delete_pod() {
    let running = || pod("Running", 0);
    let orphan = |finalizer: bool| {
        let mut pod = pod(if finalizer { "Running" } else { "Running/free" }, 0);
        pod.metadata.owner_references = None;
        pod
    };
    let stranger = |labels: bool| {
        let mut pod = orphan(false);
        pod.metadata.labels = labels.then(|| [("foo".to_owned(), "bar".to_owned())].into());
        pod
    };
    let job = || ("job".to_owned(), 1000);
    let mine = || ("mypod-0".to_owned(), 0);
    for (name, before, after, wanted) in [
        ("TestAddPod", None, Some(running()), vec![job()]),
        ("TestAddPodOrphan", None, Some(stranger(true)), vec![job()]),
        ("TestAddPodOrphan: no match", None, Some(stranger(false)), vec![]),
        ("TestUpdatePod", Some(running()), Some(pod("Succeeded", 0)), vec![job()]),
        ("TestUpdatePodOrphanWithNewLabels", Some(stranger(false)), Some(stranger(true)), vec![job()]),
        ("TestUpdatePodRelease", Some(running()), Some(stranger(true)), vec![job()]),
        ("TestUpdatePodRelease: with the finalizer", Some(running()), Some(orphan(true)), vec![mine(), job()]),
        ("TestDeletePod", Some(running()), None, vec![job()]),
        ("TestDeletePodOrphan", Some(stranger(true)), None, vec![]),
        ("TestJobBackoff: failure with pod updates batching", Some(running()), Some(pod("Failed", 0)), vec![job()]),
    ] {
        let mut rig = Rig::new("parallelism: 1, completions: 1", before);
        match after {
            Some(pod) => rig.server.store_as_is(Box::new(pod)),
            None => rig.remove_pod("mypod-0"),
        }
        rig.observe();
        assert_eq!(queued(&mut rig), wanted, "{name}");
    }
}

#[test]
fn sync_orphan_pod() {
    let controlled = |version: &str, kind: &str, name: &str| json!({"apiVersion": version, "kind": kind, "name": name, "uid": "job-uid", "controller": true, "blockOwnerDeletion": true});
    let owned_by =
        |version: &str, name: &str| json!({"apiVersion": version, "kind": "Job", "name": name, "uid": "job-uid"});
    let finished = "status: {conditions: [{type: Complete, status: 'True'}]}";
    for (name, owner, job, removed) in [
        ("controlled_by_existing_running_job", controlled("batch/v1", "Job", "foobar"), "", false),
        ("controlled_by_existing_finished_job", controlled("batch/v1", "Job", "foobar"), finished, true),
        ("controlled_by_non_existing_job", controlled("batch/v1", "Job", "j"), "", true),
        ("controlled_by_cronjob", controlled("batch/v1", "CronJob", "cj"), "", false),
        ("not_controlled", json!(null), "", true),
        ("controlled_by_custom_crd", controlled("example/v1", "Job", "job"), "", false),
        ("owned_by_existing_running_job", owned_by("batch/v1", "foobar"), "", true),
        ("owned_by_custom_crd", owned_by("example/v1", "job"), "", true),
        // TestSyncOrphanPod's `orphan_pods_by_label_selector` goes by the Job's Pods here, see `observe_job`.
        (
            "controlled by a finished Job that another controller manages",
            controlled("batch/v1", "Job", "foobar"),
            "managedBy: example.com/other, status: {conditions: [{type: Complete, status: 'True'}]}",
            false,
        ),
    ] {
        let mut rig = Rig::new(job, [owned(owner)]);
        rig.sync_pod("mypod-0").unwrap();
        assert_eq!(rig.released() == 1, removed, "{name}");
    }
}

/// `TestFinalizerCleanup`: what a Job leaves behind is let go, whether it is deleted or has ended.
#[test]
fn finalizer_cleanup() {
    for (name, managed_by, wanted) in [
        ("Job with no external controller", "", 1),
        ("Job with an external controller", "managedBy: example.com/other, ", 0),
    ] {
        let finished = format!("{managed_by}status: {{conditions: [{{type: Complete, status: 'True'}}]}}");
        let mut rig = Rig::new(managed_by, [pod("Succeeded", 0)]);
        rig.server.store_as_is(Box::new(job(&finished)));
        rig.observe();
        assert!(queued(&mut rig).contains(&("mypod-0".to_owned(), 0)), "{name}");
        rig.sync_pod("mypod-0").unwrap();
        assert_eq!(rig.released(), wanted, "{name}");
    }
}

#[test]
fn finalizers_removed_expectations() {
    // A failed Pod is counted once, even when the cache still shows it with its finalizer.
    let mut rig = Rig::new("parallelism: 2, completions: 2", pods("2*Succeeded 2*Failed"));
    rig.sync().unwrap();
    let before = rig.statuses().len();
    assert!(rig.sync().is_err(), "the caches have not seen what was written");
    assert_eq!(rig.statuses().len(), before);
    rig.observe();
    rig.sync().unwrap();
    let status = rig.job().status.clone().unwrap();
    assert_eq!((status.succeeded, status.failed), (Some(2), Some(2)));
}

/// "limited pods": what is refused once is not asked for over and over.
#[test]
fn creation_starts_slowly_and_stops_at_a_refusal() {
    let mut rig = Rig::new("parallelism: 100, completions: 200", []);
    let mut asked = 0;
    let (made, failure) = rig.with(|_, _, context| {
        let job = context.caches.get::<rig::Job>("default", "foobar").unwrap();
        let template = job.spec.as_ref().unwrap().template.clone();
        pod_control::create_pods(context, &*job, 100, |position| {
            asked += 1;
            let mut pod = pod_control::pod_from_template(&*job, &template, "");
            if position >= 10 {
                pod.spec = None;
            }
            pod
        })
    });
    // 1, 2, 4 and 8 at a time: five of the last are refused.
    assert_eq!((made, asked), (10, 15));
    assert!(failure.is_some());
    assert_eq!((rig.events("SuccessfulCreate"), rig.events("FailedCreate")), (10, 5));
}

#[test]
fn a_refused_creation_is_told_and_tried_again() {
    let mut rig = Rig::new("parallelism: 1, completions: 1, refused: true", []);
    assert!(rig.sync().is_err());
    assert_eq!((rig.events("FailedCreate"), rig.made().len()), (1, 0));
    assert_eq!(rig.job().status.as_ref().unwrap().start_time, Some(meta::time(now())));
    assert_eq!(stamp(0), json!(Time::from(meta::time(now()).0).timestamp().to_string()));
}
