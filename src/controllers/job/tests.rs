//! The Job controller's rules as tables, with the names that upstream's tests give the cases.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::{Job, PodFailurePolicy, SuccessPolicy};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::backoff::{BackoffRecord, finished_time};
use super::index::{self, Intervals};
use super::plan::{Outcome, Step, Sync};
use super::pod_failure_policy::{Action, match_pod_failure_policy};
use super::success_policy::match_success_policy;
use super::tracking;
use crate::controllers::pod_control::{is_pod_ready, phase};
use crate::sim::Time;

fn now() -> Time {
    Time::from_seconds(1_700_000_000)
}

fn stamp(at: Time) -> String {
    at.timestamp().to_string()
}

fn pod(number: usize, phase: &str, index: Option<&str>, more: Value) -> Arc<Pod> {
    let mut pod = json!({
        "metadata": {"name": format!("p{number}"), "namespace": "default", "uid": format!("u{number}"),
            "finalizers": ["batch.kubernetes.io/job-tracking"], "creationTimestamp": stamp(now())},
        "status": {"phase": phase},
    });
    if let Some(index) = index {
        pod["metadata"]["annotations"] = json!({"batch.kubernetes.io/job-completion-index": index});
    }
    for (key, fields) in more.as_object().into_iter().flatten() {
        for (field, value) in fields.as_object().unwrap() {
            pod[key][field] = value.clone();
        }
    }
    Arc::new(serde_json::from_value(pod).unwrap())
}

/// A Job, its Pods, and what one sync makes of them.
#[derive(Clone, Default)]
struct Case {
    name: &'static str,
    spec: Value,
    status: Value,
    deleting: bool,
    backoff: BackoffRecord,
    pending: usize,
    active: usize,
    ready: usize,
    succeeded: usize,
    failed: usize,
    terminating: usize,
    indexed: &'static [(&'static str, &'static str)],
    created: usize,
    created_indexes: &'static [i64],
    deleted: usize,
    want_active: i32,
    want_ready: i32,
    want_succeeded: i32,
    want_failed: i32,
    want_terminating: i32,
    want_indexes: &'static str,
    want_conditions: &'static [&'static str],
}

impl Case {
    fn pods(&self) -> Vec<Arc<Pod>> {
        let mut pods = Vec::new();
        let mut add = |count: usize, phase: &str, more: Value| {
            for _ in 0..count {
                pods.push(pod(pods.len(), phase, None, more.clone()));
            }
        };
        let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        add(self.pending, "Pending", json!({}));
        add(self.ready, "Running", ready);
        add(self.active - self.ready, "Running", json!({}));
        add(self.succeeded, "Succeeded", json!({}));
        add(self.failed, "Failed", json!({}));
        add(self.terminating, "Running", json!({"metadata": {"deletionTimestamp": stamp(now())}}));
        for (index, phase) in self.indexed {
            pods.push(pod(pods.len(), phase, Some(index), json!({})));
        }
        pods
    }

    fn job(&self) -> Job {
        let mut spec = json!({"parallelism": 2, "completions": 5, "backoffLimit": 6, "template": {}});
        for (key, value) in self.spec.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        let mut job = json!({"metadata": {"name": "foobar", "namespace": "default"}, "spec": spec});
        if !self.status.is_null() {
            job["status"] = self.status.clone();
        }
        if self.deleting {
            job["metadata"]["deletionTimestamp"] = json!(stamp(now()));
        }
        serde_json::from_value(job).unwrap()
    }

    fn run(&self) {
        let name = self.name;
        let mut sync = Sync::gather(self.job(), self.pods(), self.backoff, now());
        let step = sync.step(now());
        let mut outcome = Outcome::default();
        let mut indexes: Vec<i64> = Vec::new();
        match &step {
            Step::Keep | Step::Wait(_) => {}
            Step::End(pods) | Step::Delete(pods) => {
                outcome.deleted = i32::try_from(pods.len()).unwrap();
                outcome.deleted_ready = i32::try_from(pods.iter().filter(|pod| is_pod_ready(pod)).count()).unwrap();
            }
            Step::Create(count) => outcome.created = i32::try_from(*count).unwrap(),
            Step::CreateIndexes(list) => {
                indexes.clone_from(list);
                outcome.created = i32::try_from(list.len()).unwrap();
            }
        }
        assert_eq!(outcome.created, i32::try_from(self.created).unwrap(), "{name}: created");
        assert_eq!(outcome.deleted, i32::try_from(self.deleted).unwrap(), "{name}: deleted");
        assert_eq!(indexes, self.created_indexes, "{name}: created indexes");
        let (changed, _) = sync.settle(&step, outcome, now());
        tracking::track(&mut sync, changed, now());
        let status = sync.job.status.as_mut().unwrap();
        tracking::count_without_finalizer(status, &BTreeSet::new());
        tracking::enact_finished(&mut sync, now());
        let status = sync.job.status.unwrap();
        let conditions: Vec<String> = status
            .conditions
            .iter()
            .flatten()
            .map(|held| if held.status == "True" { held.type_.clone() } else { format!("!{}", held.type_) })
            .collect();
        assert_eq!(conditions, self.want_conditions, "{name}: conditions");
        let number = |number: Option<i32>| number.unwrap_or(0);
        assert_eq!(number(status.active), self.want_active, "{name}: active");
        assert_eq!(number(status.ready), self.want_ready, "{name}: ready");
        assert_eq!(number(status.succeeded), self.want_succeeded, "{name}: succeeded");
        assert_eq!(number(status.failed), self.want_failed, "{name}: failed");
        assert_eq!(number(status.terminating), self.want_terminating, "{name}: terminating");
        assert_eq!(status.completed_indexes.unwrap_or_default(), self.want_indexes, "{name}: indexes");
    }
}

fn case(name: &'static str) -> Case {
    Case { name, ..Case::default() }
}

#[test]
fn sync_job() {
    let none = || json!({"completions": null});
    for case in [
        Case { created: 2, want_active: 2, ..case("job start") },
        Case { spec: none(), created: 2, want_active: 2, ..case("WQ job start") },
        Case { pending: 2, want_active: 2, ..case("pending pods") },
        Case {
            spec: json!({"parallelism": 3}),
            active: 3,
            ready: 2,
            want_active: 3,
            want_ready: 2,
            ..case("correct # of pods")
        },
        Case { active: 1, succeeded: 1, created: 1, want_active: 2, want_succeeded: 1, ..case("too few active pods") },
        Case {
            spec: json!({"parallelism": 1, "completions": null, "podReplacementPolicy": "Failed"}),
            active: 1,
            failed: 1,
            terminating: 1,
            want_active: 1,
            want_failed: 1,
            want_terminating: 1,
            ..case("WQ job: recreate pods when failed")
        },
        Case {
            spec: json!({"parallelism": 1, "completions": null, "podReplacementPolicy": "TerminatingOrFailed"}),
            active: 1,
            failed: 1,
            terminating: 1,
            want_active: 1,
            want_failed: 2,
            want_terminating: 1,
            ..case("WQ job: recreate pods when terminating or failed")
        },
        Case {
            spec: json!({"parallelism": 1, "completions": 1, "podReplacementPolicy": "Failed"}),
            active: 2,
            terminating: 4,
            deleted: 1,
            want_active: 1,
            want_terminating: 5,
            ..case("more terminating pods than parallelism")
        },
        Case {
            spec: json!({"parallelism": 1, "completions": 1}),
            backoff: BackoffRecord { failures_after_last_success: 1, last_failure: Some(now()) },
            ..case("too few active pods and active back-off")
        },
        Case {
            spec: json!({"parallelism": 1, "completions": 1}),
            backoff: BackoffRecord { failures_after_last_success: 0, last_failure: Some(now()) },
            created: 1,
            want_active: 1,
            ..case("too few active pods and no back-offs")
        },
        Case { spec: none(), active: 1, created: 1, want_active: 2, ..case("too few active pods with a dynamic job") },
        Case {
            active: 3,
            ready: 3,
            deleted: 1,
            want_active: 2,
            want_ready: 2,
            want_terminating: 1,
            ..case("count ready pods when too many active pods")
        },
        Case {
            status: json!({"active": 1, "failed": 1, "startTime": stamp(now())}),
            spec: json!({"parallelism": 1, "completions": 1}),
            active: 1,
            want_active: 1,
            want_failed: 1,
            ..case("no new pod; possible finalizer update of failed pod")
        },
        Case {
            succeeded: 5,
            want_succeeded: 5,
            want_conditions: &["SuccessCriteriaMet", "Complete"],
            ..case("job finish")
        },
        Case { spec: none(), active: 1, succeeded: 1, want_active: 1, want_succeeded: 1, ..case("WQ job finishing") },
        Case {
            spec: none(),
            succeeded: 1,
            failed: 1,
            want_succeeded: 1,
            want_failed: 1,
            want_conditions: &["SuccessCriteriaMet", "Complete"],
            ..case("WQ job all finished despite one failure")
        },
        Case {
            active: 10,
            deleted: 8,
            want_active: 2,
            want_terminating: 8,
            ..case("more active pods than parallelism")
        },
        Case {
            spec: json!({"parallelism": 3, "completions": 4}),
            active: 3,
            succeeded: 2,
            deleted: 1,
            want_active: 2,
            want_succeeded: 2,
            want_terminating: 1,
            ..case("more active pods than remaining completions")
        },
        Case {
            deleting: true,
            pending: 1,
            active: 1,
            succeeded: 1,
            want_active: 2,
            want_succeeded: 1,
            ..case("deleting job")
        },
        Case {
            spec: json!({"backoffLimit": 0}),
            deleting: true,
            failed: 1,
            want_failed: 1,
            want_conditions: &["FailureTarget", "Failed"],
            ..case("too many job failures")
        },
    ] {
        case.run();
    }
}

#[test]
fn sync_indexed_job() {
    let spec = |mut more: Value| {
        more["completionMode"] = json!("Indexed");
        more
    };
    for case in [
        Case {
            spec: spec(json!({})),
            created: 2,
            created_indexes: &[0, 1],
            want_active: 2,
            ..case("indexed job start")
        },
        Case {
            spec: spec(json!({"podReplacementPolicy": "Failed"})),
            terminating: 1,
            created: 1,
            created_indexes: &[0],
            want_active: 1,
            want_terminating: 1,
            ..case("indexed job with some pods deleted, podReplacementPolicy Failed")
        },
        Case {
            spec: spec(json!({"completions": 3})),
            indexed: &[("0", "Succeeded"), ("1", "Failed"), ("1", "Succeeded"), ("2", "Succeeded")],
            want_succeeded: 3,
            want_failed: 1,
            want_indexes: "0-2",
            want_conditions: &["SuccessCriteriaMet", "Complete"],
            ..case("indexed job completed")
        },
        Case {
            spec: spec(json!({"completions": 3, "backoffLimit": 0})),
            indexed: &[("0", "Succeeded"), ("1", "Failed"), ("2", "Running")],
            deleted: 1,
            want_succeeded: 1,
            want_failed: 2,
            want_terminating: 1,
            want_indexes: "0",
            want_conditions: &["FailureTarget"],
            ..case("count terminating pods when indexed job fails and PodReplacementPolicy enabled")
        },
        Case {
            spec: spec(json!({"completions": 3})),
            indexed: &[("0", "Succeeded"), ("1", "Succeeded"), ("1", "Succeeded")],
            created: 1,
            created_indexes: &[2],
            want_active: 1,
            want_succeeded: 2,
            want_indexes: "0,1",
            ..case("indexed job repeated completed index")
        },
        Case {
            spec: spec(json!({"parallelism": 8, "completions": 20})),
            indexed: &[
                ("0", "Running"),
                ("2", "Succeeded"),
                ("3", "Pending"),
                ("4", "Succeeded"),
                ("5", "Succeeded"),
                ("7", "Succeeded"),
                ("8", "Succeeded"),
                ("9", "Succeeded"),
            ],
            created: 6,
            created_indexes: &[1, 6, 10, 11, 12, 13],
            want_active: 8,
            want_succeeded: 6,
            want_indexes: "2,4,5,7-9",
            ..case("indexed job some running and completed pods")
        },
        Case {
            spec: spec(json!({})),
            active: 1,
            succeeded: 1,
            failed: 1,
            indexed: &[
                ("invalid", "Running"),
                ("invalid", "Succeeded"),
                ("invalid", "Failed"),
                ("invalid", "Pending"),
                ("0", "Succeeded"),
                ("1", "Running"),
                ("2", "Running"),
            ],
            deleted: 3,
            want_active: 2,
            want_succeeded: 1,
            want_terminating: 3,
            want_indexes: "0",
            ..case("indexed job some pods without index")
        },
        Case {
            spec: spec(json!({"parallelism": 5})),
            succeeded: 1,
            failed: 1,
            indexed: &[
                ("invalid", "Running"),
                ("0", "Succeeded"),
                ("1", "Running"),
                ("2", "Running"),
                ("2", "Pending"),
            ],
            deleted: 2,
            want_active: 2,
            want_succeeded: 1,
            want_terminating: 2,
            want_indexes: "0",
            ..case("indexed job repeated indexes")
        },
        Case {
            spec: spec(json!({})),
            indexed: &[("0", "Succeeded"), ("5", "Running"), ("6", "Succeeded"), ("7", "Pending"), ("8", "Failed")],
            deleted: 2,
            want_succeeded: 1,
            want_terminating: 2,
            want_indexes: "0",
            ..case("indexed job with indexes outside of range")
        },
    ] {
        case.run();
    }
}

#[test]
fn sync_suspended_job() {
    let suspended = json!({"suspend": true, "completions": 4});
    for case in [
        Case {
            spec: suspended.clone(),
            active: 2,
            ready: 2,
            deleted: 2,
            want_terminating: 2,
            want_conditions: &["Suspended"],
            ..case("suspending a job with satisfied expectations")
        },
        Case {
            spec: json!({"completions": 4}),
            status: json!({"conditions": [{"type": "Suspended", "status": "True"}]}),
            created: 2,
            want_active: 2,
            want_conditions: &["!Suspended"],
            ..case("resuming a suspended job")
        },
        Case { spec: suspended, deleting: true, active: 2, want_active: 2, ..case("suspending a deleted job") },
        Case {
            status: json!({"conditions": [{"type": "FailureTarget", "status": "False"}], "startTime": stamp(now())}),
            spec: json!({"parallelism": 1}),
            active: 1,
            want_active: 1,
            want_conditions: &["!FailureTarget"],
            ..case("FailureTarget=False condition added manually is ignored")
        },
    ] {
        case.run();
    }
}

#[test]
fn sync_job_with_failures_per_index() {
    let spec = |more: Value| {
        let mut spec = json!({"completionMode": "Indexed", "backoffLimitPerIndex": 1, "completions": 2,
            "backoffLimit": i32::MAX});
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        spec
    };
    let failed_twice = json!({"metadata": {"annotations": {"batch.kubernetes.io/job-completion-index": "1",
        "batch.kubernetes.io/job-index-failure-count": "1"}}});
    let job = |more| Case { spec: spec(more), ..Case::default() }.job();
    let pods = vec![pod(0, "Running", Some("0"), json!({})), pod(1, "Failed", Some("1"), failed_twice)];
    let mut sync = Sync::gather(job(json!({})), pods.clone(), BackoffRecord::default(), now());
    assert_eq!(sync.failed_indexes.as_ref().unwrap().to_string(), "1");
    assert_eq!(sync.step(now()), Step::Keep, "an index that has failed is not tried again");
    sync.settle(&Step::Keep, Outcome::default(), now());
    tracking::track(&mut sync, false, now());
    assert_eq!(sync.job.status.unwrap().failed_indexes.as_deref(), Some("1"));
    let sync = Sync::gather(job(json!({"maxFailedIndexes": 0})), pods, BackoffRecord::default(), now());
    assert_eq!(sync.finished.unwrap().reason.as_deref(), Some("MaxFailedIndexesExceeded"));
    // A first failure waits for its successor, which takes over the count after the back-off.
    let pods = vec![pod(0, "Running", Some("0"), json!({})), pod(1, "Failed", Some("1"), json!({}))];
    let mut sync = Sync::gather(job(json!({})), pods, BackoffRecord::default(), now());
    assert_eq!(sync.step(now()), Step::Wait(Duration::from_secs(10)));
    assert_eq!(sync.step(now() + Duration::from_secs(10)), Step::CreateIndexes(vec![1]));
    assert_eq!(index::new_failure_counts(&sync.job, sync.delayed.get(&1).map(AsRef::as_ref)), (1, 0));
    assert!(tracking::track(&mut sync, false, now()).remove_finalizer.is_empty());
}

#[test]
fn match_pod_failure_policy_cases() {
    let failed = |code: i32, kind: &str, status: &str| {
        pod(
            0,
            "Failed",
            None,
            json!({"status": {
                "conditions": [{"type": kind, "status": status}],
                "containerStatuses": [
                    {"name": "sidecar", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                        "state": {"terminated": {"exitCode": 0}}},
                    {"name": "main-container", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                        "state": {"terminated": {"exitCode": code}}}],
            }}),
        )
    };
    let codes = |action: &str, operator: &str, values: Value| json!({"action": action, "onExitCodes": {"operator": operator, "values": values}});
    let condition = |action: &str, status: Value| json!({"action": action, "onPodConditions": [{"type": "DisruptionTarget", "status": status}]});
    let in_12 = |action| codes(action, "In", json!([1, 2, 3]));
    let exit = "Container main-container for pod default/p0 failed with exit code 2 matching FailJob rule at index";
    let disrupted = failed(2, "DisruptionTarget", "True");
    for (name, rules, message, counts, action) in [
        (
            "unknown action for rule matching by exit codes - skip rule with unknown action",
            json!([in_12("UnknownAction"), in_12("Ignore")]),
            None,
            false,
            Some(Action::Ignore),
        ),
        (
            "unknown operator - rule with unknown action is skipped for onExitCodes",
            json!([codes("FailJob", "UnknownOperator", json!([2]))]),
            None,
            true,
            None,
        ),
        ("no policy rules", json!([]), None, true, None),
        ("ignore rule matched for exit codes", json!([in_12("Ignore")]), None, false, Some(Action::Ignore)),
        (
            "FailJob rule matched for exit codes",
            json!([in_12("FailJob")]),
            Some(format!("{exit} 0")),
            true,
            Some(Action::FailJob),
        ),
        (
            "successful containers are skipped by the rules",
            json!([codes("Ignore", "NotIn", json!([2]))]),
            None,
            true,
            None,
        ),
        ("FailIndex rule matched for exit codes", json!([in_12("FailIndex")]), None, true, Some(Action::FailIndex)),
        (
            "second jobfail rule matched for exit codes",
            json!([codes("FailJob", "In", json!([4])), in_12("FailJob")]),
            Some(format!("{exit} 1")),
            true,
            Some(Action::FailJob),
        ),
        ("count rule matched for exit codes", json!([in_12("Count")]), None, true, Some(Action::Count)),
        (
            "ignore rule matched for pod conditions",
            json!([condition("Ignore", json!("True"))]),
            None,
            false,
            Some(Action::Ignore),
        ),
        (
            "ignore rule does not match when status for pattern is False, but actual True",
            json!([condition("Ignore", json!("False"))]),
            None,
            true,
            None,
        ),
        (
            "job fail rule matched for pod conditions",
            json!([condition("FailJob", json!("True"))]),
            Some("Pod default/p0 has condition DisruptionTarget matching FailJob rule at index 0".to_owned()),
            true,
            Some(Action::FailJob),
        ),
        ("no rule matched", json!([codes("FailJob", "NotIn", json!([2]))]), None, true, None),
    ] {
        let policy: PodFailurePolicy = serde_json::from_value(json!({"rules": rules})).unwrap();
        let verdict = match_pod_failure_policy(Some(&policy), &disrupted);
        assert_eq!((verdict.fail_job, verdict.counts, verdict.action), (message, counts, action), "{name}");
    }
}

#[test]
fn match_success_policy_cases() {
    for (name, succeeded, rules, wanted) in [
        ("any rules are nothing", "0", json!([]), None),
        ("rules.succeededIndexes is invalid format", "0", json!([{"succeededIndexes": "invalid-form"}]), None),
        (
            "rules.succeededIndexes is specified; succeededIndexes matched rules",
            "0-2,4-7",
            json!([{"succeededIndexes": "0-2"}]),
            Some(0),
        ),
        (
            "rules.succeededIndexes is specified; succeededIndexes didn't match rules",
            "0-2",
            json!([{"succeededIndexes": "3"}]),
            None,
        ),
        (
            "rules.succeededCount is specified; succeededIndexes matched rules",
            "0-2",
            json!([{"succeededCount": 2}]),
            Some(0),
        ),
        (
            "rules.succeededCount is specified; succeededIndexes didn't match rules",
            "0-2",
            json!([{"succeededCount": 4}]),
            None,
        ),
        (
            "multiple rules; rules.succeededIndexes is specified; succeededIndexes met one of rules",
            "0-2,4-7",
            json!([{"succeededIndexes": "9"}, {"succeededIndexes": "4,6"}]),
            Some(1),
        ),
        (
            "rules.succeededIndexes and rules.succeededCount are specified; succeededIndexes met all rules",
            "0-2,4-7",
            json!([{"succeededIndexes": "3-6", "succeededCount": 2}]),
            Some(0),
        ),
        (
            "rules.succeededIndexes and rules.succeededCount are specified; succeededIndexes didn't match rules",
            "0-2,6,7",
            json!([{"succeededIndexes": "3-6", "succeededCount": 2}]),
            None,
        ),
        ("rules is proper subset of succeededIndexes", "1-9", json!([{"succeededIndexes": "2-4,6-8"}]), Some(0)),
        ("rules is an empty set", "1-3", json!([{"succeededIndexes": ""}]), None),
        ("rules overlaps succeededIndexes at first", "2-4,6-8", json!([{"succeededIndexes": "1-3,5-7"}]), None),
    ] {
        let policy: SuccessPolicy = serde_json::from_value(json!({"rules": rules})).unwrap();
        let met = match_success_policy(Some(&policy), 10, &Intervals::parse(succeeded, 10));
        assert_eq!(met, wanted.map(|rule: i32| format!("Matched rules at index {rule}")), "{name}");
    }
}

#[test]
fn indexes_are_read_merged_and_written() {
    for (name, before, completions, new, wanted) in [
        ("one index", "", 5, vec![1], "1"),
        ("two separate", "", 6, vec![2, 5], "2,5"),
        ("two ordered, consecutive", "", 6, vec![2, 3], "2,3"),
        ("some previous", "2-5,9", 20, vec![3, 4, 8], "2-5,8,9"),
        ("last index out of range", "1-9", 6, vec![], "1-5"),
        ("first index out of range", "2,8-9", 6, vec![], "2"),
        ("corrupted interval", "0,1-foo,bar", 6, vec![], "0"),
        ("joined", "0-2,4-5", 20, vec![3, 6], "0-6"),
    ] {
        assert_eq!(Intervals::parse(before, completions).with(new).to_string(), wanted, "{name}");
    }
    let set = Intervals::parse("2-4,9", 20);
    assert_eq!((set.total(), set.has(3), set.has(5), set.has(9)), (4, true, false, true));
}

#[test]
fn first_pending_indexes_cases() {
    for (name, active, succeeded, failed, count, completions, wanted) in [
        ("cnt greater than completions", vec![], "", None, 5, 3, vec![0, 1, 2]),
        ("cnt less than completions", vec![], "", None, 2, 5, vec![0, 1]),
        ("first pods active", vec!["0", "1"], "", None, 3, 10, vec![2, 3, 4]),
        ("last pods active or succeeded", vec!["6"], "4,5", None, 6, 6, vec![0, 1, 2, 3]),
        ("mixed", vec!["3", "5", "8", "-3"], "2-4,9", None, 5, 20, vec![0, 1, 6, 7, 10]),
        ("with failed indexes", vec!["3", "9"], "1,5,9", Some("2,6,7"), 5, 20, vec![0, 4, 8, 10, 11]),
    ] {
        let sync = Sync {
            job: Case { spec: json!({"completions": completions}), ..Case::default() }.job(),
            active_pods: active.iter().map(|index| pod(0, "Running", Some(index), json!({}))).collect(),
            succeeded_indexes: Intervals::parse(succeeded, 100),
            failed_indexes: failed.map(|failed| Intervals::parse(failed, 100)),
            ..Sync::default()
        };
        assert_eq!(index::first_pending_indexes(&sync, count), wanted, "{name}");
    }
}

#[test]
fn split_duplicates_cases() {
    let pods: Vec<Arc<Pod>> = [
        ("5", "Pending"),
        ("0", "Running"),
        ("3", "Pending"),
        ("0", "Running"),
        ("3", "Running"),
        ("0", "Pending"),
        ("6", "Running"),
        ("6", "Pending"),
    ]
    .iter()
    .enumerate()
    .map(|(number, (index, phase))| pod(number, phase, Some(index), json!({})))
    .collect();
    let shown = |pods: &[Arc<Pod>]| -> Vec<String> {
        pods.iter().map(|pod| format!("{} {}", index::completion_index(pod).unwrap(), phase(pod))).collect()
    };
    let (remove, left) = index::split_duplicates(&pods, 6);
    assert_eq!(shown(&remove), ["0 Pending", "0 Running", "3 Pending", "6 Running", "6 Pending"], "all with index");
    assert_eq!(shown(&left), ["0 Running", "3 Running", "5 Pending"], "all with index");
}

#[test]
fn a_generated_name_keeps_its_index() {
    let long = "hhhhhooooo".repeat(7);
    assert_eq!(index::generate_name("indexed-job", 1), "indexed-job-1-");
    assert_eq!(index::generate_name(&long, 1), "hhhhhooooohhhhhooooohhhhhooooohhhhhooooohhhhhooooohhhhh-1-");
}

#[test]
fn new_backoff_record_cases() {
    let ended = |phase: &str, before: &[u64]| -> Vec<Arc<Pod>> {
        let at = |seconds: u64| stamp(Time::from_seconds(now().as_seconds() - seconds));
        let status = |seconds| {
            json!({"status": {"containerStatuses": [{"name": "c", "image": "", "imageID": "",
            "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 1, "finishedAt": at(seconds)}}}]}})
        };
        before.iter().map(|seconds| pod(0, phase, None, status(*seconds))).collect()
    };
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
        let record = BackoffRecord { failures_after_last_success: before, last_failure: None };
        let record = record.after(&ended("Succeeded", succeeded), &ended("Failed", failed));
        let wanted = BackoffRecord { failures_after_last_success: count, last_failure: last.then(now) };
        assert_eq!(record, wanted, "{name}");
    }
}

#[test]
fn the_wait_doubles_up_to_ten_minutes() {
    let wait = |failures, after| {
        let record = BackoffRecord { failures_after_last_success: failures, last_failure: Some(now()) };
        record.remaining(now() + Duration::from_secs(after)).as_secs()
    };
    assert_eq!([wait(0, 0), wait(1, 0), wait(2, 0), wait(3, 5), wait(7, 0), wait(99, 0)], [0, 10, 20, 35, 600, 600]);
    assert_eq!(wait(1, 11), 0);
}

#[test]
fn a_pod_has_ended_when_its_last_container_has() {
    let at = |seconds: u64| stamp(Time::from_seconds(seconds));
    let container = |seconds: u64| {
        json!({"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 1, "finishedAt": at(seconds)}}})
    };
    let unready = json!([{"type": "Ready", "status": "False", "lastTransitionTime": at(50)}]);
    let deleted = json!({"metadata": {"deletionTimestamp": at(100), "deletionGracePeriodSeconds": 30}});
    for (name, more, wanted) in [
        (
            "pod with multiple containers and all containers terminated",
            json!({"status": {"containerStatuses": [container(10), container(20)], "conditions": unready}}),
            20,
        ),
        ("pod with Ready=False condition", json!({"status": {"conditions": unready}}), 50),
        ("pod with deletionTimestamp", deleted, 70),
        ("pod without a container status or a condition", json!({}), now().as_seconds()),
    ] {
        assert_eq!(finished_time(&pod(0, "Failed", None, more)).as_seconds(), wanted, "{name}");
    }
}
