//! Upstream's tables of a ReplicaSet's status and of the Pods that it gives up (`replica_set_utils_test.go`,
//! `replica_set_test.go`, `controller_utils_test.go`), with the names of its cases.
//!
//! A Pod is a word: its name, then what there is to say of it: its phase where it does not run, `node`, `ready` (seconds
//! ago; `ready` alone does not say since when), `made` (the same), `restarts` and `sidecar`, `cost`, `crowd` (the set's Pods
//! on its node), and `partly` when it lacks a label of the template.

use serde_json::{Value, json};

use super::deletion::order;
use super::*;
use crate::apiserver::ApiServer;

const DAY: u64 = 86_400;

fn now() -> Time {
    Time::from_seconds(1_700_000_000)
}

fn ago(seconds: &str) -> Value {
    match seconds.parse::<u64>() {
        Ok(seconds) => json!(Time::from_seconds(now().as_seconds() - seconds).timestamp().to_string()),
        Err(_) => Value::Null,
    }
}

fn set(replicas: i32, min_ready: i32) -> ReplicaSet {
    let labels = json!({"name": "foo", "type": "production"});
    serde_json::from_value(json!({
        "metadata": {"name": "foobar", "namespace": "default", "uid": "set-uid"},
        "spec": {"replicas": replicas, "minReadySeconds": min_ready, "selector": {"matchLabels": {"name": "foo"}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "foo/bar"}]}}},
    }))
    .unwrap()
}

/// Reads a Pod; the second number is its crowd.
fn pod(word: &str, number: usize) -> (Arc<Pod>, usize) {
    let mut parts = word.split('/');
    let name = parts.next().unwrap();
    let mut metadata = json!({
        "name": name, "namespace": "default", "uid": number.to_string(), "labels": {"name": "foo", "type": "production"},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "foobar", "uid": "set-uid", "controller": true}],
    });
    let sidecar = json!([{"name": "sidecar", "restartPolicy": "Always"}]);
    let mut spec = json!({"containers": [], "initContainers": sidecar});
    let mut status = json!({"phase": "Running"});
    let counted = |name: &str, count: &str| json!([{"name": name, "image": "", "imageID": "", "ready": true, "restartCount": count.parse::<i32>().unwrap()}]);
    let mut crowd = 1;
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key {
            "node" => spec["nodeName"] = json!(value),
            "ready" => {
                status["conditions"] = json!([{"type": "Ready", "status": "True", "lastTransitionTime": ago(value)}]);
            }
            "made" => metadata["creationTimestamp"] = ago(value),
            "restarts" => status["containerStatuses"] = counted("c", value),
            "sidecar" => status["initContainerStatuses"] = counted("sidecar", value),
            "cost" => metadata["annotations"] = json!({"controller.kubernetes.io/pod-deletion-cost": value}),
            "crowd" => crowd = value.parse().unwrap(),
            "partly" => metadata["labels"] = json!({"name": "foo"}),
            phase => status["phase"] = json!(phase),
        }
    }
    let pod = json!({"metadata": metadata, "spec": spec, "status": status});
    (Arc::new(serde_json::from_value(pod).unwrap()), crowd)
}

fn pods(words: &str) -> Vec<Arc<Pod>> {
    words.split_whitespace().enumerate().map(|(number, word)| pod(word, number).0).collect()
}

#[test]
fn test_calculate_status() {
    // Size, seconds until a Pod is available, Pods, those that end; all, fully labelled, ready, available, ending.
    let cases = [
        ("1 fully labelled pod", 2, 0, "pod1/ready", 0, [1, 1, 1, 1, 0]),
        ("1 not fully labelled pod", 1, 0, "pod1/ready/partly", 0, [1, 0, 1, 1, 0]),
        (
            "2 fully labelled pods with DeploymentReplicaSetTerminatingReplicas",
            2,
            0,
            "pod1/ready pod2/ready",
            0,
            [2, 2, 2, 2, 0],
        ),
        ("2 not fully labelled pods", 1, 0, "pod1/ready/partly pod2/ready/partly", 0, [2, 0, 2, 2, 0]),
        ("1 fully labelled pod, 1 not fully labelled pod", 1, 0, "pod1/ready/partly pod2/ready", 0, [2, 1, 2, 2, 0]),
        ("1 non-ready pod", 2, 0, "pod1/Pending", 0, [1, 1, 0, 0, 0]),
        ("1 ready but non-available pod", 1, 3600, "pod1/ready=0", 0, [1, 1, 1, 0, 0]),
        ("1 available pod with minReadySeconds", 1, 3600, "pod1/ready=3600", 0, [1, 1, 1, 1, 0]),
        ("1 available pod for a long time with minReadySeconds", 1, 3600, "pod1/ready=7200", 0, [1, 1, 1, 1, 0]),
        (
            "1 fully labelled pods and 2 terminating with DeploymentReplicaSetTerminatingReplicas",
            2,
            0,
            "pod1/ready",
            2,
            [1, 1, 1, 1, 2],
        ),
    ];
    for (name, replicas, min_ready, words, terminating, expected) in cases {
        let status = status_of(&set(replicas, min_ready), &pods(words), terminating, None, now());
        let some = |count: Option<i32>| count.unwrap_or(0);
        let got = [
            status.replicas,
            some(status.fully_labeled_replicas),
            some(status.ready_replicas),
            some(status.available_replicas),
            status.terminating_replicas.unwrap(),
        ];
        assert_eq!(got, expected, "{name}");
    }
}

#[test]
fn test_calculate_status_conditions() {
    let cases = [
        ("manageReplicasErr != nil && failureCond == nil, diff < 0", 2, 1, true, false, Some("FailedCreate")),
        ("manageReplicasErr != nil && failureCond == nil, diff > 0", 2, 3, true, false, Some("FailedDelete")),
        ("manageReplicasErr == nil && failureCond != nil", 10, 1, false, true, None),
        ("manageReplicasErr != nil && failureCond != nil", 10, 1, true, true, Some("")),
        ("manageReplicasErr == nil && failureCond == nil", 2, 1, false, false, None),
    ];
    for (name, replicas, count, failed, held, expected) in cases {
        let mut set = set(replicas, 0);
        if held {
            let status = json!({"replicas": 0, "conditions": [{"type": "ReplicaFailure", "status": "True"}]});
            set.status = Some(serde_json::from_value(status).unwrap());
        }
        let words: Vec<String> = (0..count).map(|number| format!("pod{number}/ready")).collect();
        let failure = failed.then(|| Status::bad_request("fake manageReplicasErr"));
        let status = status_of(&set, &pods(&words.join(" ")), 0, failure.as_ref(), now());
        let conditions = status.conditions.unwrap_or_default();
        let got: Vec<(&str, &str)> = conditions
            .iter()
            .map(|held| (held.reason.as_deref().unwrap_or(""), held.message.as_deref().unwrap_or("")))
            .collect();
        let message = if expected == Some("") { "" } else { "fake manageReplicasErr" };
        assert_eq!(got, expected.map(|reason| (reason, message)).into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn test_get_pods_to_delete() {
    let unscheduled = "unscheduled/Pending";
    let pending = "pending/Pending/node=n";
    let unready = "unready/node=n";
    let (one, two) = ("one/ready/node=n1", "two/ready/node=n2");
    let cases = [
        ("len(pods) = 0 (i.e., diff = 0 too)", vec![], vec![], 0, vec![]),
        ("diff = len(pods)", vec![unready, one], vec![], 2, vec!["unready", "one"]),
        ("diff < len(pods)", vec![one, unready], vec![], 1, vec!["unready"]),
        (
            "various pod phases and conditions, diff = len(pods)",
            vec![one, one, two, unready, pending, unscheduled],
            vec![],
            6,
            vec!["one", "one", "two", "unready", "pending", "unscheduled"],
        ),
        ("scheduled vs unscheduled, diff < len(pods)", vec![pending, unscheduled], vec![], 1, vec!["unscheduled"]),
        ("ready vs not-ready, diff < len(pods)", vec![one, unready, unready], vec![], 2, vec!["unready", "unready"]),
        (
            "ready and colocated with another ready pod vs not colocated, diff < len(pods)",
            vec![one, two],
            vec![two],
            1,
            vec!["two"],
        ),
        ("pending vs running, diff < len(pods)", vec![pending, unready], vec![], 1, vec!["pending"]),
        (
            "various pod phases and conditions, diff < len(pods)",
            vec![one, two, unready, pending, unscheduled],
            vec![],
            3,
            vec!["unscheduled", "pending", "unready"],
        ),
    ];
    for (name, words, related, count, expected) in cases {
        let mut server = ApiServer::new(Seed::new(1), now());
        let own = pods(&words.join(" "));
        for (number, word) in words.iter().chain(&related).enumerate() {
            // Names are told apart in the store alone.
            let mut stored = Pod::clone(&pod(word, number).0);
            stored.metadata.name = Some(format!("stored-{number}"));
            server.store_as_is(Box::new(stored));
        }
        let mut caches = Caches::new(vec![ReplicaSet::RESOURCE, Pod::RESOURCE]);
        caches.pull(&server);
        let gone = pods_to_delete(&set(1, 0), &own, count, &caches, now());
        let names: Vec<&str> = gone.iter().map(|pod| meta::name(&pod.metadata)).collect();
        assert_eq!(names, expected, "{name}");
    }
}

#[test]
fn test_sorting_active_pods() {
    let (now, month) = ("0", (30 * DAY).to_string());
    let sorted = [
        "unscheduled/Pending".to_owned(),
        "scheduledButPending/Pending/node=bar".to_owned(),
        "unknownPhase/Unknown/node=foo".to_owned(),
        "runningButNotReady/node=foo".to_owned(),
        "runningNoLastTransitionTime/node=foo/ready/restarts=3".to_owned(),
        format!("runningWithLastTransitionTime/node=foo/ready={now}/restarts=3"),
        format!("runningLongerTime/node=foo/ready={month}/restarts=3"),
        format!("lowerSidecarContainerRestartCount/node=foo/ready={month}/restarts=2/sidecar=2/made={now}"),
        format!("lowerContainerRestartCount/node=foo/ready={month}/restarts=2/made={now}"),
        format!("oldest/node=foo/ready={month}/restarts=2/made={month}"),
    ];
    for (first, one) in sorted.iter().enumerate() {
        for (second, two) in sorted.iter().enumerate() {
            let got = pod_control::active_order(&pod(one, 0).0, &pod(two, 0).0);
            assert_eq!(got, first.cmp(&second), "{one} {two}");
        }
    }
}

#[test]
fn test_sorting_active_pods_with_ranks() {
    let hours = |count: u64| count * 3600;
    let (unscheduled, pending, unknown) = ("a/Pending", "b/Pending/node=n", "c/Unknown/node=n");
    let (unready, unsaid, fresh) = ("d/node=n", "e/node=n/ready", "f/node=n/ready=0/made=0");
    let month = 30 * DAY;
    let old = format!("g/node=n/ready={month}/made={month}");
    let restarted = "h/node=n/ready=0/made=0/restarts=9001";
    let all_restarted = "h/node=n/ready=0/made=0/restarts=9001/sidecar=9001";
    let made_then = format!("i/node=n/ready=0/made={month}");
    let (cheap, dear) = (format!("{made_then}/cost=10"), format!("{made_then}/cost=100"));
    let ready = |count: u64| format!("j/ready={}/made={month}", hours(count));
    let compare = |one: &str, two: &str| {
        let ((one, crowd), (two, other)) = (pod(one, 1), pod(two, 1));
        order((&one, crowd), (&two, other), now())
    };
    // Of like ages, and of one uid: none goes first.
    let waits = |count: u64| format!("k/Pending/made={}", hours(count));
    for (one, two) in [
        (unscheduled, unscheduled),
        (pending, pending),
        (unknown, unknown),
        (unready, unready),
        (&made_then, &made_then),
        (fresh, fresh),
        (&old, &old),
        (restarted, restarted),
        (&waits(5), &waits(8)),
        (&ready(5), &ready(8)),
    ] {
        assert_eq!(compare(one, two), std::cmp::Ordering::Equal, "{one} {two}");
    }
    let ranked = |word: &str, crowd: usize| format!("{word}/crowd={crowd}");
    for (lesser, greater) in [
        (ranked(unscheduled, 1), ranked(pending, 2)),
        (ranked(unscheduled, 2), ranked(pending, 1)),
        (ranked(pending, 1), ranked(unknown, 2)),
        (ranked(unknown, 1), ranked(unready, 2)),
        (ranked(unready, 1), ranked(unsaid, 1)),
        (ranked(unsaid, 1), ranked(fresh, 1)),
        (ranked(fresh, 2), ranked(unsaid, 1)),
        (ranked(fresh, 1), ranked(&old, 1)),
        (ranked(fresh, 2), ranked(&old, 1)),
        (ranked(restarted, 1), ranked(fresh, 1)),
        (ranked(all_restarted, 1), ranked(restarted, 1)),
        (ranked(fresh, 2), ranked(restarted, 1)),
        (ranked(fresh, 1), ranked(&made_then, 1)),
        (ranked(&made_then, 2), ranked(fresh, 1)),
        (ranked(&cheap, 2), ranked(&dear, 1)),
        (ranked(&ready(2), 1), ranked(&ready(5), 1)),
    ] {
        assert_eq!(compare(&lesser, &greater), std::cmp::Ordering::Less, "{lesser} {greater}");
        assert_eq!(compare(&greater, &lesser), std::cmp::Ordering::Greater, "{greater} {lesser}");
    }
}
