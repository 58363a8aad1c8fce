//! The tables of `backoff_utils_test.go`, `indexed_job_utils_test.go`, `pod_failure_policy_test.go`,
//! `success_policy_test.go` and of the small functions of `job_controller_test.go`, with the names of their cases.
//!
//! Not here: cases whose gate is "disabled", as it cannot be any more; "... with expected finalizer removal ..." and
//! "with expected removed finalizers" (see `tables.rs`); `tracking_utils_test.go`, which tests those expectations and
//! metrics.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::{JobCondition, PodFailurePolicy, SuccessPolicy};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::super::backoff::{self, BackoffRecord};
use super::super::conditions;
use super::super::index;
use super::super::intervals::Intervals;
use super::super::plan::Step;
use super::super::pod_failure_policy::match_pod_failure_policy;
use super::super::pods::{completion_index, finished_time, index_failure_count};
use super::super::success_policy::match_success_policy;
use super::super::sync::Sync;
use super::rig::{self, fields, now, pod};
use crate::controllers::pod_control::phase;
use crate::sim::Time;

fn pods(words: &str) -> Vec<Arc<Pod>> {
    rig::pods(words).into_iter().map(Arc::new).collect()
}

fn all(text: &str) -> Intervals {
    Intervals::parse(text, i64::MAX)
}

/// Name, rules (none at all when empty), Pod, action, message.
const FAILURE_POLICIES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "unknown action for rule matching by exit codes - skip rule with unknown action",
        "[{action: UnknownAction, onExitCodes: {operator: In, values: [1, 2]}}, {action: FailJob, onExitCodes: {operator: In, values: [2, 3]}}]",
        "Failed/c:main-container=2",
        "FailJob",
        "Container main-container for pod default/mypod-0 failed with exit code 2 matching FailJob rule at index 1",
    ),
    (
        "unknown action for rule matching by pod conditions - skip rule with unknown action",
        "[{action: UnkonwnAction, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}, {action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]",
        "Failed/if:DisruptionTarget=True",
        "Ignore",
        "",
    ),
    (
        "unknown operator - rule with unknown action is skipped for onExitCodes",
        "[{action: Ignore, onExitCodes: {operator: UnknownOperator, values: [1, 2]}}, {action: FailJob, onExitCodes: {operator: In, values: [2, 3]}}]",
        "Failed/c:main-container=2",
        "FailJob",
        "Container main-container for pod default/mypod-0 failed with exit code 2 matching FailJob rule at index 1",
    ),
    ("no policy rules", "", "Failed/c:=2", "-", ""),
    (
        "ignore rule matched for exit codes",
        "[{action: Ignore, onExitCodes: {operator: In, values: [1, 2, 3]}}]",
        "Failed/c:=2",
        "Ignore",
        "",
    ),
    (
        "ignore rule matched on negative exit codes - needed for Windows support",
        "[{action: Ignore, onExitCodes: {operator: In, values: [-1073741676, -1073741510]}}]",
        "Failed/c:=-1073741510",
        "Ignore",
        "",
    ),
    (
        "FailJob rule matched for exit codes",
        "[{action: FailJob, onExitCodes: {operator: In, values: [1, 2, 3]}}]",
        "Failed/c:main-container=2",
        "FailJob",
        "Container main-container for pod default/mypod-0 failed with exit code 2 matching FailJob rule at index 0",
    ),
    (
        "successful containers are skipped by the rules",
        "[{action: FailJob, onExitCodes: {operator: NotIn, values: [111]}}]",
        "Failed/i:init-container=0/c:main-container=111/c:suppport-container=0",
        "-",
        "",
    ),
    (
        "FailIndex rule matched for exit codes; JobBackoffLimitPerIndex enabled",
        "[{action: FailIndex, onExitCodes: {operator: In, values: [1, 2, 3]}}]",
        "Failed/c:=2",
        "FailIndex",
        "",
    ),
    (
        "pod failure policy with NotIn operator and value 0",
        "[{action: FailJob, onExitCodes: {operator: NotIn, values: [0]}}]",
        "Failed/c:main-container=1/c:suppport-container=0",
        "FailJob",
        "Container main-container for pod default/mypod-0 failed with exit code 1 matching FailJob rule at index 0",
    ),
    (
        "second jobfail rule matched for exit codes",
        "[{action: Count, onExitCodes: {operator: In, values: [1, 2, 3]}}, {action: FailJob, onExitCodes: {operator: In, values: [4, 5, 6]}}]",
        "Failed/c:main-container=6",
        "FailJob",
        "Container main-container for pod default/mypod-0 failed with exit code 6 matching FailJob rule at index 1",
    ),
    (
        "count rule matched for exit codes",
        "[{action: Count, onExitCodes: {operator: In, values: [1, 2, 3]}}]",
        "Failed/c:foo=runs/c:bar=2",
        "Count",
        "",
    ),
    (
        "FailIndex rule matched for pod conditions; JobBackoffLimitPerIndex enabled",
        "[{action: FailIndex, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]",
        "Failed/if:DisruptionTarget=True",
        "FailIndex",
        "",
    ),
    (
        "ignore rule matched for pod conditions",
        "[{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]",
        "Failed/if:DisruptionTarget=True",
        "Ignore",
        "",
    ),
    (
        "ignore rule matches by the status=False",
        "[{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'False'}]}]",
        "Failed/if:DisruptionTarget=False",
        "Ignore",
        "",
    ),
    (
        "ignore rule matches by the status=Unknown",
        "[{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: Unknown}]}]",
        "Failed/if:DisruptionTarget=Unknown",
        "Ignore",
        "",
    ),
    (
        "ignore rule does not match when status for pattern is False, but actual True",
        "[{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'False'}]}]",
        "Failed/if:DisruptionTarget=True",
        "-",
        "",
    ),
    (
        "ignore rule does not match when status for pattern is True, but actual False",
        "[{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]",
        "Failed/if:DisruptionTarget=False",
        "-",
        "",
    ),
    (
        "default - do not match condition with status=False",
        "[{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]",
        "Failed/if:DisruptionTarget=False",
        "-",
        "",
    ),
    (
        "job fail rule matched for pod conditions",
        "[{action: FailJob, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]",
        "Failed/if:DisruptionTarget=True",
        "FailJob",
        "Pod default/mypod-0 has condition DisruptionTarget matching FailJob rule at index 0",
    ),
    (
        "count rule matched for pod conditions",
        "[{action: Count, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]",
        "Failed/if:DisruptionTarget=True",
        "Count",
        "",
    ),
    (
        "no rule matched",
        "[{action: Count, onExitCodes: {operator: NotIn, values: [8]}}, {action: Ignore, onExitCodes: {operator: In, values: [1, 2, 3]}}, {action: FailJob, onExitCodes: {operator: NotIn, values: [5, 6, 7]}}, {action: Count, onPodConditions: [{type: ResourceLimitExceeded, status: 'True'}]}, {action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]",
        "Failed/c:=32",
        "Count",
        "",
    ),
];

#[test]
fn match_pod_failure_policy_table() {
    for (name, rules, word, action, message) in FAILURE_POLICIES {
        let policy: Option<PodFailurePolicy> =
            (!rules.is_empty()).then(|| serde_json::from_value(json!(fields(&format!("rules: {rules}")))).unwrap());
        let verdict = match_pod_failure_policy(policy.as_ref(), &pod(word, 0));
        assert_eq!(verdict.fail_job.as_deref().unwrap_or(""), *message, "{name}");
        let shown = verdict.action.map_or("-".to_owned(), |action| format!("{action:?}"));
        assert_eq!((shown.as_str(), verdict.counts), (*action, *action != "Ignore"), "{name}");
    }
}

/// Name, indexes that have succeeded of ten, rules (none at all when empty), the rule that is met.
const SUCCESS_POLICIES: &[(&str, &str, &str, &str)] = &[
    ("successPolicy is null", "0", "", ""),
    ("any rules are nothing", "0", "[]", ""),
    ("rules.succeededIndexes is invalid format", "0", "[{succeededIndexes: invalid-form}]", ""),
    (
        "rules.succeededIndexes is specified; succeededIndexes matched rules",
        "0-2,4-7",
        "[{succeededIndexes: '0-2'}]",
        "0",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules",
        "0-2",
        "[{succeededIndexes: '3'}]",
        "",
    ),
    ("rules.succeededCount is specified; succeededIndexes matched rules", "0-2", "[{succeededCount: 2}]", "0"),
    ("rules.succeededCount is specified; succeededIndexes didn't match rules", "0-2", "[{succeededCount: 4}]", ""),
    (
        "multiple rules; rules.succeededIndexes is specified; succeededIndexes met one of rules",
        "0-2,4-7",
        "[{succeededIndexes: '9'}, {succeededIndexes: '4,6'}]",
        "1",
    ),
    (
        "multiple rules; rules.succeededIndexes is specified; succeededIndexes met all rules",
        "0-2,4-7",
        "[{succeededIndexes: '0,1'}, {succeededIndexes: '5'}]",
        "0",
    ),
    (
        "rules.succeededIndexes and rules.succeededCount are specified; succeededIndexes met all rules",
        "0-2,4-7",
        "[{succeededIndexes: '3-6', succeededCount: 2}]",
        "0",
    ),
    (
        "rules.succeededIndexes and rules.succeededCount are specified; succeededIndexes didn't match rules",
        "0-2,6-7",
        "[{succeededIndexes: '3-6', succeededCount: 2}]",
        "",
    ),
    ("rules.succeededIndexes is specified; succeededIndexes are nothing", "", "[{succeededCount: 4}]", ""),
    (
        "rules.succeededIndexes is specified; succeededIndexes matched rules; rules is proper subset of succeededIndexes",
        "1-5,6-9",
        "[{succeededIndexes: '2-4,6-8'}]",
        "0",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes matched rules; rules equals succeededIndexes",
        "2-4,6-9",
        "[{succeededIndexes: '2-4,6-9'}]",
        "0",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes matched rules; rules is subset of succeededIndexes",
        "2-5,7-15",
        "[{succeededIndexes: '2-4,8-12'}]",
        "0",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules; rules is an empty set",
        "1-3",
        "[{succeededIndexes: ''}]",
        "",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules; succeededIndexes is an empty set",
        "",
        "[{succeededIndexes: ''}]",
        "",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules; rules and succeededIndexes are empty set",
        "",
        "[{succeededIndexes: ''}]",
        "",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules; all elements of rules.succeededIndexes aren't included in succeededIndexes",
        "1-3,5-7",
        "[{succeededIndexes: '10-12,14-16'}]",
        "",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules; rules overlaps succeededIndexes at first",
        "2-4,6-8",
        "[{succeededIndexes: '1-3,5-7'}]",
        "",
    ),
    (
        "rules.succeededIndexes and rules.succeededCount are specified; succeededIndexes matched rules; rules overlaps succeededIndexes at first",
        "2-4,6-8",
        "[{succeededIndexes: '1-3,5-7', succeededCount: 4}]",
        "0",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules; rules overlaps succeededIndexes at last",
        "1-3,5-7",
        "[{succeededIndexes: '2-4,6-9'}]",
        "",
    ),
    (
        "rules.succeededIndexes and rules.succeededCount are specified; succeededIndexes matched rules; rules overlaps succeededIndexes at last",
        "1-3,5-7",
        "[{succeededIndexes: '2-4,6-9', succeededCount: 4}]",
        "0",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules; rules completely overlaps succeededIndexes",
        "1-3,7-8",
        "[{succeededIndexes: '0-4,6-9'}]",
        "",
    ),
    (
        "rules.succeededIndexes and rules.succeededCount are specified; succeededIndexes matched rules; rules completely overlaps succeededIndexes",
        "1-3,7-8",
        "[{succeededIndexes: '0-4,6-9', succeededCount: 5}]",
        "0",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules; rules overlaps multiple succeededIndexes at last",
        "1-3,5-9",
        "[{succeededIndexes: '0-6,8-9'}]",
        "",
    ),
    (
        "rules.succeededIndexes and rules.succeededCount are specified; succeededIndexes matched rules; rules overlaps multiple succeededIndexes at last",
        "1-3,5-9",
        "[{succeededIndexes: '0-6,8-9', succeededCount: 7}]",
        "0",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules; rules overlaps succeededIndexes at first, and rules equals succeededIndexes at last",
        "1-5,7-10",
        "[{succeededIndexes: '0-5,7-9'}]",
        "",
    ),
    (
        "rules.succeededIndexes and rules.succeededCount are specified; succeededIndexes matched rules; rules overlaps succeededIndexes at first, and rules equals succeededIndexes at last",
        "1-5,7-10",
        "[{succeededIndexes: '0-5,7-9', succeededCount: 8}]",
        "0",
    ),
    (
        "rules.succeededIndexes is specified; succeededIndexes didn't match rules; the first rules overlaps succeededIndexes at first",
        "1-10",
        "[{succeededIndexes: '0-3,6-9'}]",
        "",
    ),
    (
        "rules.succeededIndexes and rules.succeededCount are specified; succeededIndexes matched rules; the first rules overlaps succeededIndexes at first",
        "1-10",
        "[{succeededIndexes: '0-3,6-9', succeededCount: 7}]",
        "0",
    ),
];

#[test]
fn match_success_policy_table() {
    for (name, succeeded, rules, met) in SUCCESS_POLICIES {
        let policy: Option<SuccessPolicy> =
            (!rules.is_empty()).then(|| serde_json::from_value(json!(fields(&format!("rules: {rules}")))).unwrap());
        let message = match_success_policy(policy.as_ref(), 10, &all(succeeded));
        let wanted = (!met.is_empty()).then(|| format!("Matched rules at index {met}"));
        assert_eq!(message, wanted, "{name}");
    }
}

#[test]
fn new_backoff_record() {
    // Seconds before now at which Pods have succeeded and failed; upstream's are milliseconds.
    for (name, before, succeeded, failed, count, last) in [
        ("Empty backoff store and one new failure", 0, &[][..], &[0][..], 1, true),
        ("Empty backoff store and two new failures", 0, &[], &[0, 1], 2, true),
        ("Empty backoff store, two failures followed by success", 0, &[0], &[2, 1], 0, false),
        ("Empty backoff store, two failures, one success and two more failures", 0, &[2], &[0, 4, 3, 1], 2, true),
        ("Backoff store having failure count 2 and one new failure", 2, &[], &[0], 3, true),
        ("Empty backoff store with success and failure at same timestamp", 0, &[0], &[0], 0, false),
        ("Empty backoff store with no success/failure", 0, &[], &[], 0, false),
        ("Empty backoff store with one success", 0, &[0], &[], 0, false),
    ] {
        let ended = |before: &[i64]| -> Vec<Arc<Pod>> {
            before.iter().map(|seconds| Arc::new(pod(&format!("Failed/c:c=1@-{seconds}"), 0))).collect()
        };
        let record = BackoffRecord { failures_after_last_success: before, last_failure: None };
        let wanted = BackoffRecord { failures_after_last_success: count, last_failure: last.then(now) };
        assert_eq!(record.after(&ended(succeeded), &ended(failed)), wanted, "{name}");
    }
}

#[test]
fn get_finished_time() {
    for (name, word, seconds) in [
        ("Pod with multiple containers and all containers terminated", "Failed/c:a=0@-1/c:b=0@0/c:c=0@-2", 0),
        (
            "Pod with multiple containers; two containers in terminated state and one in running state; fallback to deletionTimestamp",
            "Failed/c:a=0@-1/c:b=runs/c:c=0@-2/gone=@-7",
            -7,
        ),
        ("fallback to deletionTimestamp", "Failed/c:a=runs/gone=@0", 0),
        ("fallback to deletionTimestamp, decremented by grace period", "Failed/c:a=runs/gone=@0/grace=30", -30),
        (
            "fallback to PodReady.LastTransitionTime when status of the condition is False",
            "Failed/c:a=0/if:Ready=False@-4",
            -4,
        ),
        (
            "skip fallback to PodReady.LastTransitionTime when status of the condition is True",
            "Failed/c:a=0/if:Ready=True@-30/gone=@0",
            0,
        ),
        ("fallback to creationTimestamp", "Failed/c:a=0/made=@-9", -9),
        ("Pod with sidecar container and all containers terminated", "Failed/c:a=0@-1/sidecar:s=0@0", 0),
    ] {
        let at: Time =
            serde_json::from_value::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>(rig::stamp(seconds))
                .map(|time| Time::from(time.0))
                .unwrap();
        assert_eq!(finished_time(&pod(word, 0)), at, "{name}");
    }
}

#[test]
fn get_remaining_backoff_time() {
    // Upstream's first wait here is 5 s and its longest 700 s, where the controller's are 10 s and 600 s.
    for (name, failures, after, wanted) in [
        ("no failures", 0, 0, 0),
        ("one failure; current time and failure time are same", 1, 0, 10),
        ("one failure; current time == 1 second + failure time", 1, 1, 9),
        ("one failure; current time == expected backoff time", 1, 10, 0),
        ("one failure; current time == expected backoff time + 1 Second", 1, 11, 0),
        ("three failures; current time and failure time are same", 3, 0, 40),
        ("eight failures; current time and failure time are same; backoff not exceeding maxBackoff", 6, 0, 320),
        ("nine failures; current time and failure time are same; backoff exceeding maxBackoff", 7, 0, 600),
        ("far beyond", i32::MAX, 0, 600),
    ] {
        let record = BackoffRecord { failures_after_last_success: failures, last_failure: Some(now()) };
        assert_eq!(record.remaining(now() + Duration::from_secs(after)).as_secs(), wanted, "{name}");
    }
    for (name, word, wanted) in [
        ("no failures", "", 0),
        ("two prev failures; current time and failure time are same", "Failed/fails=2/gone=@0", 40),
        (
            "one prev failure counted and one ignored; current time and failure time are same",
            "Failed/fails=1/ignored=1/gone=@0",
            40,
        ),
    ] {
        let last = (!word.is_empty()).then(|| pod(word, 0));
        assert_eq!(backoff::remaining_for_index(last.as_ref(), now()).as_secs(), wanted, "{name}");
    }
}

/// Name, what was recorded, completions, Pods, what was recorded within the completions, what has succeeded.
const SUCCEEDED_INDEXES: &[(&str, &str, i32, &str, &str, &str)] = &[
    ("one index", "", 2, "Succeeded/ix=1", "", "1"),
    ("two separate", "", 11, "Failed/ix=2 Succeeded/ix=5 Succeeded/ix=5 Failed/ix=10 Succeeded/ix=10", "", "5,10"),
    (
        "two intervals",
        "",
        8,
        "Running/ix=0 Pending/ix=1 Succeeded/ix=2 Succeeded/ix=3 Succeeded/ix=5 Succeeded/ix=6 Succeeded/ix=7",
        "",
        "2-3,5-7",
    ),
    (
        "one index and one interval",
        "",
        6,
        "Succeeded/ix=0 Failed/ix=1 Succeeded/ix=2 Succeeded/ix=3 Succeeded/ix=4 Succeeded/ix=5 Succeeded Succeeded/ix=-2",
        "",
        "0,2-5",
    ),
    (
        "out of range",
        "",
        5,
        "Succeeded/ix=0 Succeeded/ix=1 Succeeded/ix=2 Failed/ix=3 Succeeded/ix=4 Succeeded/ix=5 Succeeded Succeeded/ix=-2",
        "",
        "0-2,4",
    ),
    ("prev interval out of range", "0-5,8-10", 8, "", "0-5", "0-5"),
    ("prev interval partially out of range", "0-5,8-10", 10, "", "0-5,8-9", "0-5,8-9"),
    (
        "prev and new separate",
        "0,4,5,10-12",
        13,
        "Succeeded/ix=2 Succeeded/ix=7 Succeeded/ix=8",
        "0,4-5,10-12",
        "0,2,4-5,7-8,10-12",
    ),
    ("prev between new", "3,4,6", 9, "Succeeded/ix=2 Succeeded/ix=7 Succeeded/ix=8", "3-4,6", "2-4,6-8"),
    ("new between prev", "2,7,8", 9, "Succeeded/ix=3 Succeeded/ix=4 Succeeded/ix=6", "2,7-8", "2-4,6-8"),
    ("new within prev", "2-7", 10, "Succeeded/ix=0 Succeeded/ix=3 Succeeded/ix=5 Succeeded/ix=9", "2-7", "0,2-7,9"),
    ("corrupted interval", "0,1-foo,bar", 4, "Succeeded/ix=3", "0", "0,3"),
];

#[test]
fn calculate_succeeded_indexes() {
    for (name, recorded, completions, words, before, wanted) in SUCCEEDED_INDEXES {
        let job = rig::job(&format!(
            "completionMode: Indexed, completions: {completions}, status: {{completedIndexes: '{recorded}'}}"
        ));
        let (previous, succeeded) = index::succeeded_indexes(&job, &pods(words));
        assert_eq!((previous, succeeded), (all(before), all(wanted)), "{name}");
    }
}

#[test]
fn calculate_failed_indexes() {
    let fail_index = "podFailurePolicy: {rules: [{action: FailIndex, onExitCodes: {operator: In, values: [3]}}]}";
    for (name, spec, words, wanted) in [
        // TestIsIndexFailed
        (
            "failed pod exceeding backoffLimitPerIndex, when backoffLimitPerIndex=0",
            "backoffLimitPerIndex: 0",
            "Failed/ix=0/fails=0",
            "0",
        ),
        (
            "failed pod exceeding backoffLimitPerIndex, when backoffLimitPerIndex=1",
            "backoffLimitPerIndex: 1",
            "Failed/ix=1/fails=1",
            "1",
        ),
        (
            "matching FailIndex pod failure policy",
            &format!("backoffLimitPerIndex: 1, {fail_index}"),
            "Failed/ix=0/fails=0/c:=3",
            "0",
        ),
        // TestCalculateFailedIndexes
        ("one new index failed", "backoffLimitPerIndex: 1", "Failed/ix=0/fails=0 Failed/ix=1/fails=1", "1"),
        ("pod without finalizer is ignored", "backoffLimitPerIndex: 0", "Failed/ix=0/fails=0/free", ""),
        ("pod outside completions is ignored", "backoffLimitPerIndex: 0", "Failed/ix=3/fails=0/free", ""),
        (
            "extend the failed indexes",
            "backoffLimitPerIndex: 0, status: {failedIndexes: '0'}",
            "Failed/ix=1/fails=0",
            "0,1",
        ),
        (
            "prev failed indexes empty",
            "backoffLimitPerIndex: 0, status: {failedIndexes: ''}",
            "Failed/ix=1/fails=0",
            "1",
        ),
        (
            "prev failed indexes outside the completions",
            "backoffLimitPerIndex: 0, status: {failedIndexes: '9'}",
            "Failed/ix=1/fails=0",
            "1",
        ),
    ] {
        let job = rig::job(&format!("completionMode: Indexed, completions: 2, {spec}"));
        assert_eq!(index::failed_indexes(&job, &pods(words)).to_string(), wanted, "{name}");
    }
}

#[test]
fn get_pods_with_delayed_deletion_per_index() {
    for (name, completions, limit, words, wanted) in [
        (
            "failed pods are kept corresponding to non-failed indexes are kept",
            3,
            1,
            "Failed/ix=0/uid=a/fails=0 Failed/ix=1/uid=b/fails=1 Failed/ix=2/uid=c/fails=0",
            "a c",
        ),
        (
            "failed pod without finalizer; the pod's deletion is not delayed as it already started",
            2,
            0,
            "Failed/ix=0/uid=a/fails=0/free",
            "",
        ),
        (
            "failed pod with index outside of completions; the pod's deletion is not delayed",
            2,
            0,
            "Failed/ix=4/uid=a/fails=0",
            "",
        ),
        (
            "failed pod for active index; the pod's deletion is not delayed as it is already replaced",
            2,
            1,
            "Failed/ix=0/uid=a1/fails=0 Running/ix=0/uid=a2/fails=1",
            "",
        ),
        (
            "failed pod for succeeded index; the pod's deletion is not delayed as it is already replaced",
            2,
            1,
            "Failed/ix=0/uid=a1/fails=0 Succeeded/ix=0/uid=a2/fails=1",
            "",
        ),
        (
            "multiple failed pods for index with different failure count; only the pod with highest failure count is kept",
            2,
            4,
            "Failed/ix=0/uid=a1/fails=0 Failed/ix=0/uid=a3/fails=2 Failed/ix=0/uid=a2/fails=1",
            "a3",
        ),
        (
            "multiple failed pods for index with different finish times; only the last failed pod is kept",
            2,
            4,
            "Failed/ix=0/uid=a1/fails=1/gone=@-1 Failed/ix=0/uid=a3/fails=1/gone=@0 Failed/ix=0/uid=a2/fails=1/gone=@-2",
            "a3",
        ),
    ] {
        let job =
            rig::job(&format!("completionMode: Indexed, completions: {completions}, backoffLimitPerIndex: {limit}"));
        let sync = Sync::gather(job, pods(words), BackoffRecord::default(), now());
        let kept: Vec<&str> = sync.delayed.values().filter_map(|pod| pod.metadata.uid.as_deref()).collect();
        assert_eq!(kept.join(" "), wanted, "{name}");
    }
}

#[test]
fn get_new_index_failure_count_value() {
    let ignore =
        "podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}";
    for (name, spec, word, wanted) in [
        ("first pod created", "", "", (0, 0)),
        ("failed pod being replaced with 0 index failure count", "", "Failed/ix=0/fails=0", (1, 0)),
        ("failed pod being replaced with >0 index failure count", "", "Failed/ix=0/fails=3", (4, 0)),
        (
            "failed pod being replaced, matching the ignore rule",
            ignore,
            "Failed/ix=3/fails=3/if:DisruptionTarget=True",
            (3, 1),
        ),
    ] {
        let replaced = (!word.is_empty()).then(|| pod(word, 0));
        assert_eq!(index::new_failure_counts(&rig::job(spec), replaced.as_ref()), wanted, "{name}");
    }
    for (name, word, wanted) in [
        ("no annotation", "Failed", 0),
        ("valid value", "Failed/fails=2", 2),
        ("valid maxint32 value", "Failed/fails=2147483647", i32::MAX),
        ("too large value", "Failed/fails=2147483648", 0),
        ("negative value", "Failed/fails=-1", 0),
        ("invalid int value", "Failed/fails=xyz", 0),
    ] {
        assert_eq!(index_failure_count(&pod(word, 0)), wanted, "{name}");
    }
}

#[test]
fn intervals_have_index() {
    for (name, intervals, index, wanted) in [
        ("empty", "", 4, false),
        ("before all", "2-4,5-7", 1, false),
        ("after all", "2-4,6-8", 9, false),
        ("in between", "2-4,6-8", 5, false),
        ("in first", "2-4,6-8", 2, true),
        ("in second", "2-4,6-8", 8, true),
    ] {
        assert_eq!(all(intervals).has(index), wanted, "{name}");
    }
    let set = Intervals::parse("2-5,8,9", 20);
    assert_eq!((set.to_string(), set.total()), ("2-5,8,9".to_owned(), 6), "two neighbours are written as two");
}

/// Name, active Pods, succeeded and failed indexes, how many, completions, the indexes.
type PendingCase = (&'static str, &'static str, &'static str, &'static str, usize, i32, &'static [i64]);

const PENDING: &[PendingCase] = &[
    ("cnt greater than completions", "", "", "", 5, 3, &[0, 1, 2]),
    ("cnt less than completions", "", "", "", 2, 5, &[0, 1]),
    ("first pods active", "Running/ix=0 Pending/ix=1", "", "", 3, 10, &[2, 3, 4]),
    ("last pods active or succeeded", "Pending/ix=6", "4-5", "", 6, 6, &[0, 1, 2, 3]),
    ("mixed", "Pending/ix=3 Running/ix=5 Pending/ix=8 Running Running/ix=-3", "2-4,9", "", 5, 20, &[0, 1, 6, 7, 10]),
    ("with failed indexes", "Pending/ix=3 Pending/ix=9", "1,5,9", "2,6-7", 5, 20, &[0, 4, 8, 10, 11]),
];

#[test]
fn first_pending_indexes() {
    for (name, active, succeeded, failed, count, completions, wanted) in PENDING {
        let sync = Sync {
            job: rig::job(&format!("completionMode: Indexed, completions: {completions}")),
            active_pods: pods(active),
            succeeded_indexes: all(succeeded),
            failed_indexes: (!failed.is_empty()).then(|| all(failed)),
            ..Sync::default()
        };
        assert_eq!(index::first_pending_indexes(&sync, *count), *wanted, "{name}");
    }
}

/// Name, Pods, those to remove, those that are left.
const DUPLICATES: &[(&str, &str, &str, &str)] = &[
    (
        "all unique",
        "Pending Pending/ix=2 Running/ix=5 Running/ix=6",
        "Pending Running/ix=6",
        "Pending/ix=2 Running/ix=5",
    ),
    (
        "all with index",
        "Pending/ix=5 Running/ix=0 Pending/ix=3 Running/ix=0 Running/ix=3 Pending/ix=0 Running/ix=6 Pending/ix=6",
        "Pending/ix=0 Running/ix=0 Pending/ix=3 Running/ix=6 Pending/ix=6",
        "Running/ix=0 Running/ix=3 Pending/ix=5",
    ),
    (
        "mixed",
        "Pending Running/ix=invalid Running/ix=-2 Pending/ix=0 Pending/ix=1 Pending/ix=1 Running/ix=1",
        "Pending Running/ix=invalid Running/ix=-2 Pending/ix=1 Pending/ix=1",
        "Pending/ix=0 Running/ix=1",
    ),
];

#[test]
fn append_duplicated_index_pods_for_removal() {
    for (name, words, remove, left) in DUPLICATES {
        let shown = |pods: &[Arc<Pod>]| -> Vec<(Option<i64>, String)> {
            pods.iter().map(|pod| (completion_index(pod), phase(pod).to_owned())).collect()
        };
        let (removed, kept) = index::split_duplicates(&pods(words), 6);
        let sorted = |mut list: Vec<(Option<i64>, String)>| {
            list.sort();
            list
        };
        assert_eq!(sorted(shown(&removed)), sorted(shown(&pods(remove))), "{name}: removed");
        assert_eq!(shown(&kept), shown(&pods(left)), "{name}: left");
    }
}

#[test]
fn pod_generate_name_with_index() {
    let cut = "hhhhhooooohhhhhooooohhhhhooooohhhhhooooohhhhhooooohhhhh-1-";
    for (name, job, wanted) in [
        ("short job name", "indexed-job".to_owned(), "indexed-job-1-"),
        ("job name exceeds MaxGeneneratedNameLength", "hhhhhooooo".repeat(7), cut),
        (
            "job name with index suffix exceeds MaxGeneratedNameLength",
            format!("{}hhhhhoo", "hhhhhooooo".repeat(5)),
            cut,
        ),
    ] {
        assert_eq!(index::generate_name(&job, 1), wanted, "{name}");
    }
}

#[test]
fn get_new_finished_pods() {
    for (name, status, words, succeeded, failed) in [
        (
            "some counted",
            "succeeded: 2, failed: 1",
            "Succeeded/uid=a/free Succeeded/uid=b Succeeded/uid=c Failed/uid=d/free Failed/uid=e Running/uid=f/free",
            4,
            2,
        ),
        (
            "some uncounted",
            "succeeded: 1, failed: 1, uncountedTerminatedPods: {succeeded: [a, c], failed: [e, f]}",
            "Succeeded/uid=a/free Succeeded/uid=b/free Succeeded/uid=c Succeeded/uid=d Failed/uid=e/free Failed/uid=f Failed/uid=g",
            4,
            4,
        ),
        (
            "deleted pods",
            "succeeded: 1, failed: 1",
            "Succeeded/uid=a/gone Failed/uid=b/gone Running/uid=c/gone Pending/uid=d/gone Running/uid=e/gone/free Pending/uid=f/gone/free",
            2,
            4,
        ),
    ] {
        let job = rig::job(&format!("completions: 9, status: {{{status}}}"));
        let sync = Sync::gather(job, pods(words), BackoffRecord::default(), now());
        assert_eq!((sync.succeeded, sync.failed), (succeeded, failed), "{name}");
    }
}

#[test]
fn ensure_job_conditions() {
    let made = |list: &[(bool, &str)]| -> Vec<JobCondition> {
        list.iter().map(|(status, reason)| conditions::new("Suspended", *status, reason, "", now())).collect()
    };
    for (name, held, (status, reason), wanted, changed) in [
        ("append true condition", &[][..], (true, "foo"), &[(true, "foo")][..], true),
        ("append false condition", &[], (false, "foo"), &[], false),
        ("update true condition reason", &[(true, "foo")], (true, "bar"), &[(true, "bar")], true),
        ("update true condition status", &[(true, "foo")], (false, "foo"), &[(false, "foo")], true),
        ("update false condition status", &[(false, "foo")], (true, "foo"), &[(true, "foo")], true),
        ("condition already exists", &[(true, "foo")], (true, "foo"), &[(true, "foo")], false),
    ] {
        let mut list = made(held);
        let result = conditions::ensure(&mut list, conditions::new("Suspended", status, reason, "", now()));
        assert_eq!((list, result), (made(wanted), changed), "{name}");
    }
}

#[test]
fn get_pod_creation_info_for_independent_indexes() {
    for (name, indexes, delayed, wanted) in [
        ("simple index creation", "1,3", "", Step::CreateIndexes(vec![1, 3])),
        ("subset of indexes can be recreated now", "1,3", "Failed/ix=1/fails=0/gone=@0", Step::CreateIndexes(vec![3])),
        (
            "subset of indexes can be recreated now as the pods failed long time ago",
            "1,3",
            "Failed/ix=1/fails=0/gone=@0 Failed/ix=3/fails=0/gone=@-10",
            Step::CreateIndexes(vec![3]),
        ),
        (
            "no indexes can be recreated now, need to wait default pod failure backoff",
            "1,2,3",
            "Failed/ix=1/fails=1/gone=@0 Failed/ix=2/fails=0/gone=@0 Failed/ix=3/fails=2/gone=@0",
            Step::Wait(Duration::from_secs(10)),
        ),
        (
            "no indexes can be recreated now, need to wait but 1s already passed",
            "1,2,3",
            "Failed/ix=1/fails=1/gone=@-1 Failed/ix=2/fails=0/gone=@-1 Failed/ix=3/fails=2/gone=@-1",
            Step::Wait(Duration::from_secs(9)),
        ),
    ] {
        // The other indexes have succeeded, so that these are the pending ones.
        let wanted_indexes: BTreeSet<i64> = indexes.split(',').map(|index| index.parse().unwrap()).collect();
        let sync = Sync {
            job: rig::job("completionMode: Indexed, completions: 4, parallelism: 4, backoffLimitPerIndex: 9"),
            succeeded: 4 - i32::try_from(wanted_indexes.len()).unwrap(),
            succeeded_indexes: Intervals::default().with((0..4).filter(|index| !wanted_indexes.contains(index))),
            failed_indexes: Some(Intervals::default()),
            delayed: pods(delayed).into_iter().map(|pod| (completion_index(&pod).unwrap(), pod)).collect(),
            ..Sync::default()
        };
        assert_eq!(sync.step(now()), wanted, "{name}");
    }
}
