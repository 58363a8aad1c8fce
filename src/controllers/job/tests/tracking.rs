//! Counting ended Pods and letting them go: `TestTrackJobStatusAndRemoveFinalizers`.
//!
//! Not here: "expecting removed finalizers", for there are no such expectations (see `tables.rs`), and the two cases
//! with "JobPodReplacementPolicy and JobManagedBy disabled", whose gates are locked on.

use std::sync::Arc;

use super::super::conditions;
use super::super::index;
use super::super::pods::has_tracking_finalizer;
use super::super::spec::{has_backoff_limit_per_index, is_indexed};
use super::super::sync::Sync;
use super::rig::{self, Rig, now, pods, shown};
use crate::apimachinery::Object;
use crate::controllers::pod_control::{is_pod_active, is_pod_terminating};

/// The case's name, the Job, its Pods, what else is so (the condition that ends the Job, `flush`: the status has to be
/// written, `stale`: somebody has written the Job since), how many Pods are let go, the statuses that are written.
type Track = (&'static str, &'static str, &'static str, &'static str, usize, &'static [&'static str]);

/// `TestTrackJobStatusAndRemoveFinalizers`.
const TRACK: &[Track] = &[
    ("no updates", "", "", "", 0, &[]),
    ("new active", "status: {active: 1}", "", "flush", 0, &["active 1"]),
    (
        "track finished pods",
        "",
        "Succeeded/uid=a Failed/uid=b Succeeded/uid=c/gone Failed/uid=d/gone Pending/uid=e/gone Pending Running",
        "",
        5,
        &["waiting a,c/b,d,e", "succeeded 2; failed 3"],
    ),
    (
        "past and new finished pods",
        "status: {active: 1, succeeded: 2, failed: 3, uncountedTerminatedPods: {succeeded: [a, e], failed: [b, f]}}",
        "Succeeded/uid=e/free Failed/free Pending/free Succeeded/uid=a Failed/uid=b Succeeded/uid=c Failed/uid=d",
        "",
        4,
        &["active 1; succeeded 3; failed 4; waiting a,c/b,d", "active 1; succeeded 5; failed 6"],
    ),
    (
        "succeeding job by JobSuccessPolicy",
        "",
        "Succeeded/uid=a Failed/uid=b Pending/uid=c",
        "finished=SuccessCriteriaMet",
        3,
        &["waiting a/b | SuccessCriteriaMet", "succeeded 1; failed 1 | SuccessCriteriaMet | Complete"],
    ),
    (
        "completing job",
        "",
        "Succeeded/uid=a Failed/uid=b",
        "finished=Complete",
        2,
        &["waiting a/b", "succeeded 1; failed 1 | Complete"],
    ),
    (
        "failing job",
        "",
        "Succeeded/uid=a Failed/uid=b Running/uid=c",
        "finished=Failed",
        3,
        &["waiting a/b,c", "succeeded 1; failed 2 | Failed"],
    ),
    (
        "deleted job",
        "status: {active: 1}, deleting: true",
        "Succeeded/uid=a Failed/uid=b Running",
        "",
        3,
        &["active 1; waiting a/b", "active 1; succeeded 1; failed 1"],
    ),
    ("status update error", "", "Succeeded/uid=a Failed/uid=b", "stale", 0, &[]),
    ("pod patch errors", "refused: true", "Succeeded/uid=a Failed/uid=b", "", 0, &["waiting a/b"]),
    (
        "pod patch errors with partial success",
        "status: {uncountedTerminatedPods: {succeeded: [a], failed: [b]}}, refused: true",
        "Succeeded/uid=a/free Succeeded/uid=c Failed/uid=d",
        "",
        0,
        &["succeeded 1; failed 1; waiting c/d"],
    ),
    (
        "indexed job new successful pods",
        "completionMode: Indexed, completions: 6, status: {active: 1}",
        "Succeeded/ix=1 Succeeded/ix=3 Succeeded/ix=3 Running/ix=5 Succeeded",
        "",
        4,
        &["active 1; succeeded 2; done 1,3"],
    ),
    (
        "indexed job prev successful pods outside current completions index range with no new succeeded pods",
        "completionMode: Indexed, completions: 2, parallelism: 2, status: {active: 2, succeeded: 1, completedIndexes: '3'}",
        "Running/ix=0 Running/ix=1",
        "",
        0,
        &["active 2"],
    ),
    (
        "indexed job prev successful pods outside current completions index range with new succeeded pods in range",
        "completionMode: Indexed, completions: 2, parallelism: 2, status: {active: 2, succeeded: 1, completedIndexes: '3'}",
        "Running/ix=0 Succeeded/ix=1",
        "",
        1,
        &["active 2; succeeded 1; done 1"],
    ),
    (
        "indexed job new failed pods",
        "completionMode: Indexed, completions: 6, status: {active: 1}",
        "Failed/ix=1/uid=a Failed/ix=3/uid=b Failed/ix=3/uid=c Running/ix=5/uid=d Failed",
        "",
        4,
        &["active 1; waiting /a,b,c", "active 1; failed 3"],
    ),
    (
        "indexed job past and new pods",
        "completionMode: Indexed, completions: 7, status: {failed: 2, succeeded: 5, completedIndexes: '0-2,4,6,7'}",
        "Succeeded/ix=0/free Failed/ix=1/free Succeeded/ix=1 Succeeded/ix=3 Failed/ix=2/uid=a Failed/ix=5/uid=b",
        "",
        4,
        &["succeeded 6; failed 2; done 0-4,6; waiting /a,b", "succeeded 6; failed 4; done 0-4,6"],
    ),
    (
        "too many finished",
        "status: {uncountedTerminatedPods: {failed: [a, b]}}",
        "500*Succeeded Failed/uid=b",
        "",
        499,
        &["failed 1; waiting MANY/b", "succeeded 499; failed 1; waiting /b"],
    ),
    (
        "too many indexed finished",
        "completionMode: Indexed, completions: 501",
        "INDEXES",
        "",
        500,
        &["succeeded 500; done 0-499"],
    ),
    (
        "pod flips from failed to succeeded",
        "completions: 2, parallelism: 2, status: {uncountedTerminatedPods: {failed: [a, b]}}",
        "Failed/uid=a Succeeded/uid=b",
        "finished=Failed",
        2,
        &["failed 2 | Failed"],
    ),
    (
        "pod is terminal; JobFailed condition is set",
        "completions: 1, parallelism: 1, status: {uncountedTerminatedPods: {failed: [a]}}",
        "Failed/uid=a",
        "finished=Failed",
        1,
        &["failed 1 | Failed"],
    ),
    (
        "pod is terminating; counted as failed, but the JobFailed condition is delayed; JobPodReplacementPolicy enabled",
        "completions: 1, parallelism: 1, status: {uncountedTerminatedPods: {failed: [a]}, conditions: [{type: FailureTarget, status: 'True', reason: '', message: ''}]}",
        "Running/uid=a/gone/free",
        "finished=Failed",
        0,
        &["failed 1 | FailureTarget"],
    ),
    (
        "pod is terminating; counted as failed, but the JobFailed condition is delayed; JobManagedBy enabled",
        "completions: 1, parallelism: 1, status: {uncountedTerminatedPods: {failed: [a]}, conditions: [{type: FailureTarget, status: 'True', reason: '', message: ''}]}",
        "Running/uid=a/gone/free",
        "finished=Failed",
        0,
        &["failed 1 | FailureTarget"],
    ),
    (
        "pod is terminating; JobSuccessCriteriaMet, but JobComplete condition is delayed; JobPodReplacementPolicy enabled",
        "completions: 1, parallelism: 1, status: {uncountedTerminatedPods: {failed: [a], succeeded: [b]}, conditions: [{type: SuccessCriteriaMet, status: 'True', reason: '', message: ''}]}",
        "Running/uid=a/gone/free",
        "finished=Complete",
        0,
        &["succeeded 1; failed 1 | SuccessCriteriaMet"],
    ),
    (
        "pod is terminating; JobSuccessCriteriaMet, but JobComplete condition is delayed; JobManagedBy enabled",
        "completions: 1, parallelism: 1, status: {uncountedTerminatedPods: {failed: [a], succeeded: [b]}, conditions: [{type: SuccessCriteriaMet, status: 'True', reason: '', message: ''}]}",
        "Running/uid=a/gone/free",
        "finished=Complete",
        0,
        &["succeeded 1; failed 1 | SuccessCriteriaMet"],
    ),
    (
        "indexed job with a failed pod with delayed finalizer removal; the pod is not counted",
        "completionMode: Indexed, completions: 6, backoffLimitPerIndex: 1",
        "Failed/ix=1/uid=a/fails=0",
        "",
        0,
        &[""],
    ),
    (
        "indexed job with a failed pod which is recreated by a running pod; the pod is counted",
        "completionMode: Indexed, completions: 6, backoffLimitPerIndex: 1, status: {active: 1}",
        "Failed/ix=1/uid=a1/fails=0 Running/ix=1/uid=a2/fails=1",
        "",
        1,
        &["active 1; waiting /a1", "active 1; failed 1"],
    ),
    (
        "indexed job with a failed pod for a failed index; the pod is counted",
        "completionMode: Indexed, completions: 6, backoffLimitPerIndex: 1",
        "Failed/ix=1/uid=a/fails=1",
        "",
        1,
        &["lost 1; waiting /a", "failed 1; lost 1"],
    ),
];

#[test]
fn track_job_status_and_remove_finalizers() {
    let many: Vec<String> = (0..499).map(|number| number.to_string()).collect();
    let indexed: Vec<String> = (0..501).map(|index| format!("Succeeded/ix={index}")).collect();
    for (name, text, words, how, released, wanted) in TRACK {
        let pods = pods(&words.replace("INDEXES", &indexed.join(" ")));
        let mut rig = Rig::new(text, pods.clone());
        let mut job = rig::job(text);
        let status = job.status.get_or_insert_default();
        let uncounted = status.uncounted_terminated_pods.clone().unwrap_or_default();
        let pods: Vec<_> = pods.into_iter().map(Arc::new).collect();
        let mut sync = Sync {
            uncounted_succeeded: uncounted.succeeded.into_iter().flatten().collect(),
            uncounted_failed: uncounted.failed.into_iter().flatten().collect(),
            active_pods: pods.iter().filter(|pod| is_pod_active(pod)).cloned().collect(),
            terminating: i32::try_from(pods.iter().filter(|pod| is_pod_terminating(pod)).count()).unwrap(),
            pods: pods.clone(),
            job: rig::Job::clone(&rig.job()),
            ..Sync::default()
        };
        for word in how.split_whitespace() {
            match word.strip_prefix("finished=") {
                Some(kind) => sync.finished = Some(conditions::new(kind, true, "", "", now())),
                None if word == "stale" => rig.server.store_as_is(rig.job().clone_object()),
                None => {}
            }
        }
        if is_indexed(&sync.job) {
            sync.succeeded_indexes = index::succeeded_indexes(&sync.job, &[]).0;
            if has_backoff_limit_per_index(&sync.job) {
                sync.failed_indexes = Some(index::failed_indexes(&sync.job, &pods));
                sync.delayed = index::pods_with_delayed_deletion(&sync);
            }
        }
        let before = rig.statuses().len();
        let fails = how.contains("stale") || text.contains("refused");
        let result =
            rig.with(|controller, key, context| controller.write_status(key, sync, how.contains("flush"), context));
        assert_eq!(result.is_err(), fails, "{name}: {result:?}");
        let written: Vec<String> =
            rig.statuses().iter().skip(before).map(|status| shown(status).replace(&many.join(","), "MANY")).collect();
        assert_eq!(written, *wanted, "{name}");
        assert_eq!(rig.released(), *released, "{name}: Pods let go");
    }
    assert!(has_tracking_finalizer(&rig::pod("Failed", 0)));
    assert!(!has_tracking_finalizer(&rig::pod("Failed/free", 0)));
}
