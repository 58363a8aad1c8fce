//! Upstream's tables of conditions and progress (`progress_test.go`, `util/deployment_util_test.go`), with the names of
//! its cases.
//!
//! A Deployment's counts are a word of four numbers: all Pods, new ones, ready ones, available ones.

use serde_json::{Value, json};

use super::*;

/// 2017-02-15 18:49:00.
const MINUTE: u64 = 1_487_184_540;

fn at(seconds: u64) -> Time {
    Time::from_seconds(MINUTE + seconds)
}

fn status(counts: [i32; 4], conditions: Value) -> Value {
    let [all, new, ready, available] = counts;
    json!({"replicas": all, "updatedReplicas": new, "readyReplicas": ready, "availableReplicas": available,
        "conditions": conditions})
}

fn deployment(wanted: i32, deadline: Option<i32>, status: Value) -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": "progress-test"},
        "spec": {"replicas": wanted, "progressDeadlineSeconds": deadline, "strategy": {"type": "Recreate"},
            "selector": {}, "template": {}},
        "status": status,
    }))
    .unwrap()
}

fn replica_set(name: &str, [wanted, actual, available]: [i32; 3], terminating: Value) -> Arc<ReplicaSet> {
    let set = json!({
        "metadata": {"name": name, "uid": name},
        "spec": {"replicas": wanted, "selector": {}},
        "status": {"replicas": actual, "availableReplicas": available, "terminatingReplicas": terminating[0],
            "observedGeneration": terminating[1]},
    });
    Arc::new(serde_json::from_value(set).unwrap())
}

fn held(status: &str, reason: &str, updated: Option<u64>) -> Value {
    let time = updated.map(|seconds| at(seconds).timestamp().to_string());
    json!([{"type": "Progressing", "status": status, "reason": reason, "lastUpdateTime": time, "lastTransitionTime": time}])
}

#[test]
fn test_get_replica_count_for_replica_sets() {
    // Size, Pods, available ones; Pods that end, and whether the controller has seen the set.
    let one = replica_set("rs1", [1, 2, 0], json!([3, 1]));
    let two = replica_set("rs2", [2, 3, 0], json!([1, null]));
    let unsynced = replica_set("rs3", [3, 0, 0], json!([null, null]));
    let dropped = replica_set("rs4", [1, 1, 0], json!([null, 1]));
    let cases = [
        ("scaling down rs1", vec![&one], (1, 2, Some(3))),
        ("scaling down rs1 and rs2", vec![&one, &two], (3, 5, Some(4))),
        ("scaling up rs3", vec![&unsynced], (3, 0, Some(0))),
        ("scaling down rs1 and rs2 and scaling up rs3", vec![&one, &two, &unsynced], (6, 5, Some(4))),
        ("invalid/unknown terminating status for rs4", vec![&dropped], (1, 1, None)),
        (
            "invalid/unknown terminating status for rs4 with rs1, rs2 and rs3",
            vec![&one, &two, &unsynced, &dropped],
            (7, 6, None),
        ),
    ];
    for (name, sets, expected) in cases {
        let sets: Vec<Arc<ReplicaSet>> = sets.into_iter().cloned().collect();
        let status = calculate(&deployment(1, None, Value::Null), &sets, None, at(0));
        let counts = (total_size(&sets), status.replicas.unwrap_or(0), status.terminating_replicas);
        assert_eq!(counts, expected, "{name}");
    }
}

#[test]
fn test_set_condition_and_test_remove_condition() {
    let condition = |kind: &str, status: &str, reason: &str| new_condition(kind, status, reason, "", at(0));
    let kinds = |status: &DeploymentStatus| -> Vec<String> {
        let all = status.conditions.iter().flatten();
        all.map(|held| format!("{} {} {}", held.type_, held.status, reason_of(held))).collect()
    };
    let progressing = condition("Progressing", "False", "ForSomeReason");
    let available = condition("Available", "True", "AwesomeController");
    let mut status = DeploymentStatus::default();
    set(&mut status, available.clone());
    assert_eq!(kinds(&status), ["Available True AwesomeController"], "set for the first time");
    let mut status = DeploymentStatus { conditions: Some(vec![progressing.clone()]), ..Default::default() };
    set(&mut status, available);
    assert_eq!(kinds(&status), ["Progressing False ForSomeReason", "Available True AwesomeController"], "simple set");
    remove(&mut status, "ReplicaFailure");
    assert_eq!(kinds(&status).len(), 2, "doesn't remove anything");
    let mut status = DeploymentStatus { conditions: Some(vec![progressing]), ..Default::default() };
    set(&mut status, condition("Progressing", "True", "BecauseItIs"));
    assert_eq!(kinds(&status), ["Progressing True BecauseItIs"], "overwrite");
    remove(&mut status, "Progressing");
    assert_eq!(status, DeploymentStatus::default(), "simple remove");
    remove(&mut status, "Progressing");
    assert_eq!(status, DeploymentStatus::default(), "remove from empty status");
}

#[test]
fn test_deployment_complete() {
    let cases = [
        ("not complete: min but not all pods become available", 5, [5, 5, 0, 4], false),
        ("not complete: min availability is not honored", 5, [5, 5, 0, 3], false),
        ("complete", 5, [5, 5, 0, 5], true),
        ("not complete: all pods are available but not updated", 5, [5, 4, 0, 5], false),
        ("not complete: still running old pods", 1, [2, 1, 0, 1], false),
        ("not complete: one replica deployment never comes up", 1, [1, 1, 0, 0], false),
    ];
    for (name, wanted, counts, expected) in cases {
        let deployment = deployment(wanted, None, status(counts, Value::Null));
        assert_eq!(is_complete(&deployment, deployment.status.as_ref()), expected, "{name}");
    }
}

#[test]
fn test_deployment_progressing() {
    let cases = [
        ("progressing: updated pods", [10, 4, 4, 4], [10, 6, 4, 4], true),
        ("not progressing", [10, 4, 4, 4], [10, 4, 4, 4], false),
        ("progressing: old pods removed", [10, 4, 6, 6], [8, 4, 6, 6], true),
        ("not progressing: less new pods", [10, 7, 3, 3], [10, 6, 3, 3], false),
        ("progressing: less overall but more new pods", [10, 4, 7, 7], [8, 8, 5, 5], true),
        ("progressing: more ready pods", [10, 10, 9, 8], [10, 10, 10, 8], true),
        ("progressing: more available pods", [10, 10, 10, 9], [10, 10, 10, 10], true),
    ];
    let read = |counts| serde_json::from_value::<DeploymentStatus>(status(counts, Value::Null)).unwrap();
    for (name, old, new, expected) in cases {
        assert_eq!(is_progressing(&read(old), &read(new)), expected, "{name}");
    }
}

#[test]
fn test_deployment_timed_out() {
    let cases = [
        ("nil progressDeadlineSeconds specified - no timeout", "", None, 9, false),
        ("infinite progressDeadlineSeconds specified - no timeout", "", Some(i32::MAX), 9, false),
        ("progressDeadlineSeconds: 10s, now - started => 00:01:20 - 00:01:09 => 11s", "", Some(10), 9, true),
        ("progressDeadlineSeconds: 10s, now - started => 00:01:20 - 00:01:11 => 9s", "", Some(10), 11, false),
        ("previous status was a complete deployment", NEW_AVAILABLE, Some(10), 0, false),
    ];
    for (name, reason, seconds, from, expected) in cases {
        let deployment = deployment(1, seconds, status([0; 4], held("True", reason, Some(from))));
        let timed_out = deadline(&deployment)
            .is_some_and(|deadline| has_timed_out(deployment.status.as_ref().unwrap(), deadline, at(20)));
        assert_eq!(timed_out, expected, "{name}");
    }
}

#[test]
fn test_requeue_stuck_deployment() {
    let stuck = || held("True", "", Some(0));
    let failed = held("False", TIMED_OUT, None);
    let cases = [
        ("nil progressDeadlineSeconds specified", None, 4, [3, 3, 0, 2], Value::Null, 0.0, None),
        ("infinite progressDeadlineSeconds specified", Some(i32::MAX), 4, [3, 3, 0, 2], Value::Null, 0.0, None),
        ("no progressing condition found", Some(60), 4, [3, 3, 0, 2], Value::Null, 0.0, None),
        ("complete deployment does not need to be requeued", Some(60), 3, [3, 3, 0, 3], Value::Null, 0.0, None),
        ("already failed deployment does not need to be requeued", Some(60), 3, [3, 3, 0, 0], failed, 0.0, None),
        ("stuck deployment - 30s", Some(60), 3, [3, 3, 0, 1], stuck(), 30.0, Some(30)),
        ("stuck deployment - 1s", Some(60), 3, [3, 3, 0, 1], stuck(), 59.0, Some(1)),
        ("failed deployment - less than a second => now", Some(60), 3, [3, 3, 0, 1], stuck(), 59.001, Some(0)),
        ("failed deployment - now", Some(60), 3, [3, 3, 0, 1], stuck(), 60.0, Some(0)),
        ("failed deployment - 1s after deadline", Some(60), 3, [3, 3, 0, 1], stuck(), 61.0, Some(0)),
        ("failed deployment - 60s after deadline", Some(60), 3, [3, 3, 0, 1], stuck(), 120.0, Some(0)),
    ];
    for (name, deadline, wanted, counts, conditions, now, expected) in cases {
        let deployment = deployment(wanted, deadline, status(counts, conditions));
        let now = at(0) + Duration::from_secs_f64(now);
        let next = next_progress_check(&deployment, deployment.status.as_ref().unwrap(), now);
        // A second is added, as upstream adds one to what it waits for.
        let waits = next.map(|next| (next.since(now) - Duration::from_secs(1)).as_secs());
        assert_eq!(waits, expected, "{name}");
    }
}

#[test]
fn test_sync_rollout_status() {
    let failed = || held("False", TIMED_OUT, None);
    let available = || held("True", NEW_AVAILABLE, Some(0));
    let updated = || held("True", "ReplicaSetUpdated", Some(0));
    let none = || Value::Null;
    let more = ("bar", [0, 1, 1]);
    let (grows, whole) = (("foo", [3, 2, 2]), ("foo", [3, 3, 3]));
    // Deadline, size, counts, condition; other sets, the new one; status and reason, and whether the times stay.
    let cases = [
        (
            "General: remove Progressing condition and do not estimate progress if deployment has no Progress Deadline",
            (None, 3, [2, 2, 0, 2], updated()),
            (vec![more], Some(grows)),
            None,
        ),
        (
            "General: do not estimate progress of deployment with only one active ReplicaSet",
            (Some(60), 3, [3, 3, 0, 3], available()),
            (vec![], Some(("bar", [3, 3, 3]))),
            Some(("True", NEW_AVAILABLE, true)),
        ),
        (
            "DeploymentProgressing: dont update lastTransitionTime if deployment already has Progressing=True",
            (Some(60), 3, [2, 2, 0, 2], updated()),
            (vec![more], Some(grows)),
            Some(("True", "ReplicaSetUpdated", true)),
        ),
        (
            "DeploymentProgressing: update everything if deployment has Progressing=False",
            (Some(60), 3, [2, 2, 0, 2], failed()),
            (vec![more], Some(grows)),
            Some(("True", "ReplicaSetUpdated", false)),
        ),
        (
            "DeploymentProgressing: create Progressing condition if it does not exist",
            (Some(60), 3, [2, 2, 0, 2], none()),
            (vec![more], Some(grows)),
            Some(("True", "ReplicaSetUpdated", false)),
        ),
        (
            "DeploymentComplete: dont update lastTransitionTime if deployment already has Progressing=True",
            (Some(60), 3, [3, 3, 0, 3], updated()),
            (vec![], Some(whole)),
            Some(("True", NEW_AVAILABLE, true)),
        ),
        (
            "DeploymentComplete: update everything if deployment has Progressing=False",
            (Some(60), 3, [3, 3, 0, 3], failed()),
            (vec![], Some(whole)),
            Some(("True", NEW_AVAILABLE, false)),
        ),
        (
            "DeploymentComplete: create Progressing condition if it does not exist",
            (Some(60), 3, [3, 3, 0, 3], none()),
            (vec![], Some(whole)),
            Some(("True", NEW_AVAILABLE, false)),
        ),
        (
            "DeploymentComplete: defend against NPE when newRS=nil",
            (Some(60), 0, [3, 3, 0, 3], updated()),
            (vec![("foo", [0, 0, 0])], None),
            Some(("True", NEW_AVAILABLE, true)),
        ),
        (
            "DeploymentTimedOut: update status if rollout exceeds Progress Deadline",
            (Some(60), 3, [2, 2, 0, 2], updated()),
            (vec![], Some(grows)),
            Some(("False", TIMED_OUT, false)),
        ),
        (
            "DeploymentTimedOut: do not update status if deployment has existing timedOut condition",
            (Some(60), 3, [2, 2, 0, 2], failed()),
            (vec![], Some(grows)),
            Some(("False", TIMED_OUT, true)),
        ),
    ];
    for (name, (deadline, wanted, counts, conditions), (others, new), expected) in cases {
        let before = conditions[0]["lastTransitionTime"].clone();
        let deployment = deployment(wanted, deadline, status(counts, conditions));
        let made = |(name, counts): (&str, [i32; 3])| replica_set(name, counts, json!([0, 1]));
        let new = new.map(made);
        let mut all: Vec<Arc<ReplicaSet>> = others.into_iter().map(made).collect();
        all.extend(new.clone());
        let status = of_rollout(&deployment, &all, new.as_ref(), at(600));
        let got = find(&status, PROGRESSING).map(|held| {
            let time = serde_json::to_value(&held.last_transition_time).unwrap();
            (held.status.as_str(), reason_of(held), time == before)
        });
        assert_eq!(got, expected, "{name}");
    }
}
