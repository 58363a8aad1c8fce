use super::*;
use crate::diagram::BackOff;
use crate::diagram::Station;
use serde_json::json;

fn at(tenths: u64) -> Time {
    Time::from_micros(tenths * 100_000)
}

fn job(status: Value) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "hello-job", "namespace": "default", "uid": "j1", "generation": 1,
                     "managedFields": [{"manager": "kubectl-client-side-apply"}]},
        "spec": {"completions": 1, "parallelism": 1, "template": {}}, "status": status})
}

fn pod(name: &str, node: Option<&str>, status: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": format!("uid-{name}"), "ownerReferences": [
            {"apiVersion": "batch/v1", "kind": "Job", "name": "hello-job", "uid": "j1", "controller": true}]},
        "spec": {"containers": [], "nodeName": node}, "status": status})
}

fn container(state: Value, last: Value, restarts: i32) -> Value {
    json!([{"name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
            "state": state, "lastState": last}])
}

fn see(diagram: &mut Diagram, tenths: u64, change: &str, object: Value) {
    diagram.observe_json(at(tenths), &json!({"type": change, "object": object}));
}

fn ride(diagram: &mut Diagram, name: &str, from: u64, code: i32) {
    let phase = if code == 0 { "Succeeded" } else { "Failed" };
    let reason = if code == 0 { "Completed" } else { "Error" };
    see(diagram, from, "ADDED", pod(name, None, json!({"phase": "Pending"})));
    see(diagram, from, "MODIFIED", pod(name, Some("node01"), json!({"phase": "Pending"})));
    let creating = container(json!({"waiting": {"reason": "ContainerCreating"}}), json!({}), 0);
    see(
        diagram,
        from + 1,
        "MODIFIED",
        pod(name, Some("node01"), json!({"phase": "Pending", "containerStatuses": creating})),
    );
    let running = container(json!({"running": {}}), json!({}), 0);
    see(
        diagram,
        from + 11,
        "MODIFIED",
        pod(name, Some("node01"), json!({"phase": "Running", "containerStatuses": running})),
    );
    let ended = container(json!({"terminated": {"exitCode": code, "reason": reason}}), json!({}), 0);
    see(diagram, from + 31, "MODIFIED", pod(name, Some("node01"), json!({"phase": phase, "containerStatuses": ended})));
}

#[test]
fn a_job_from_its_creation_to_complete_is_told_line_by_line() {
    let mut diagram = Diagram::new(at(0));
    see(&mut diagram, 0, "ADDED", job(json!({})));
    ride(&mut diagram, "hello-job-x7k2p", 0, 0);
    see(
        &mut diagram,
        32,
        "MODIFIED",
        job(
            json!({"succeeded": 1, "conditions": [{"type": "Complete", "status": "True", "reason": "CompletionsReached"}]}),
        ),
    );
    assert_eq!(
        diagram.text(),
        "0.0 s  kubectl  Job hello-job created\n\
         0.0 s  job-controller  hello-job-x7k2p created\n\
         0.0 s  scheduler  hello-job-x7k2p bound to node01\n\
         0.1 s  kubelet  hello-job-x7k2p Pending → ContainerCreating\n\
         1.1 s  kubelet  hello-job-x7k2p ContainerCreating → Running\n\
         3.1 s  kubelet  hello-job-x7k2p Running → Succeeded, exit 0\n\
         3.2 s  job-controller  Job hello-job counts 1 of 1 succeeded\n\
         3.2 s  job-controller  Job hello-job → Complete, CompletionsReached\n"
    );
    let picture = diagram.picture(at(40), 8);
    assert_eq!(
        picture.text(&Words::default()),
        "Job hello-job: 1/1, 0 active, 0 failed, Complete (CompletionsReached)\n  \
         Pod hello-job-x7k2p: Succeeded, exit 0, has logs\n"
    );
}

#[test]
fn a_failed_attempt_starts_the_jobs_countdown_and_the_next_one_doubles_it() {
    let mut diagram = Diagram::new(at(0));
    see(&mut diagram, 0, "ADDED", job(json!({})));
    ride(&mut diagram, "hello-job-aaaaa", 0, 1);
    let wait = |diagram: &Diagram, now: u64| diagram.picture(at(now), 8).depots[0].back_off.map(|wait| wait.until);
    assert_eq!(wait(&diagram, 40), Some(at(131)));
    assert_eq!(wait(&diagram, 131), None);
    ride(&mut diagram, "hello-job-bbbbb", 131, 1);
    assert_eq!(wait(&diagram, 170), Some(at(131 + 31 + 200)));
    see(
        &mut diagram,
        171,
        "MODIFIED",
        job(
            json!({"failed": 2, "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}),
        ),
    );
    assert_eq!(wait(&diagram, 172), None, "a Job that has ended waits for nothing");
}

#[test]
fn a_crash_loop_shows_its_restarts_and_the_seconds_left() {
    let mut diagram = Diagram::new(at(0));
    let ended = json!({"terminated": {"exitCode": 1, "reason": "Error"}});
    let status =
        |state: Value, last: Value, n: i32| json!({"phase": "Running", "containerStatuses": container(state, last, n)});
    let running = json!({"running": {}});
    let looping = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=c pod=p"}});
    let steps = [
        (0, status(running.clone(), json!({}), 0)),
        (20, status(ended.clone(), json!({}), 0)),
        (30, status(looping, ended.clone(), 0)),
        (120, status(running, ended, 1)),
    ];
    see(&mut diagram, 0, "ADDED", pod("p-aaaaa", Some("node01"), steps[0].1.clone()));
    for (when, status) in &steps[1..3] {
        see(&mut diagram, *when, "MODIFIED", pod("p-aaaaa", Some("node01"), status.clone()));
    }
    let token = diagram.picture(at(31), 8).tokens[0].clone();
    assert_eq!(token.back_off, Some(BackOff { since: at(20), until: at(120) }));
    assert_eq!((token.station, token.reason.as_str()), (Station::Running, "CrashLoopBackOff"));
    see(&mut diagram, steps[3].0, "MODIFIED", pod("p-aaaaa", Some("node01"), steps[3].1.clone()));
    let story: Vec<String> = diagram.story().map(|line| line.text.clone()).collect();
    assert_eq!(
        story[1..],
        [
            "p-aaaaa Running → Error, exit 1",
            "p-aaaaa Error → CrashLoopBackOff",
            "p-aaaaa CrashLoopBackOff → Running, restart 1"
        ]
    );
}

#[test]
fn a_pod_that_its_deleted_owner_left_behind_is_taken_by_the_garbage_collector() {
    let mut diagram = Diagram::new(at(0));
    see(&mut diagram, 0, "ADDED", job(json!({})));
    ride(&mut diagram, "hello-job-x7k2p", 0, 0);
    see(&mut diagram, 50, "DELETED", job(json!({})));
    see(&mut diagram, 51, "DELETED", pod("hello-job-x7k2p", Some("node01"), json!({"phase": "Succeeded"})));
    let last: Vec<(String, String)> =
        diagram.story().rev().take(2).map(|line| (line.who.name().to_owned(), line.text.clone())).collect();
    assert_eq!(last[0], ("garbage-collector".to_owned(), "hello-job-x7k2p gone".to_owned()));
    assert_eq!(last[1], ("kubectl".to_owned(), "Job hello-job deleted".to_owned()));
    assert!(diagram.picture(at(60), 8).hint.is_some());
}

#[test]
fn an_event_is_pinned_to_its_line_and_corrects_who_deleted_a_pod() {
    let mut diagram = Diagram::new(at(0));
    see(&mut diagram, 0, "ADDED", job(json!({})));
    see(&mut diagram, 0, "ADDED", pod("hello-job-x7k2p", None, json!({"phase": "Pending"})));
    let mut going = pod("hello-job-x7k2p", None, json!({"phase": "Pending"}));
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    see(&mut diagram, 10, "MODIFIED", going);
    assert_eq!(diagram.story().last().unwrap().who.name(), "kubectl");
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e1", "namespace": "default"},
        "involvedObject": {"kind": "Job", "name": "hello-job", "namespace": "default", "uid": "j1"},
        "reason": "SuccessfulDelete", "message": "Deleted pod: hello-job-x7k2p", "type": "Normal",
        "source": {"component": "job-controller"}});
    see(&mut diagram, 10, "ADDED", event);
    assert_eq!(diagram.story().last().unwrap().who.name(), "job-controller");
    assert_eq!(diagram.story().next().unwrap().events[0].reason, "SuccessfulDelete");
}

#[test]
fn more_pods_than_lanes_gather_into_counted_groups() {
    let mut diagram = Diagram::new(at(0));
    see(&mut diagram, 0, "ADDED", job(json!({})));
    for number in 0..50 {
        let phase = if number < 30 { "Succeeded" } else { "Pending" };
        see(&mut diagram, 0, "ADDED", pod(&format!("hello-job-{number:05}"), None, json!({"phase": phase})));
    }
    let picture = diagram.picture(at(1), 12);
    let counts: Vec<(Station, usize)> = picture.groups.iter().map(|group| (group.station, group.count)).collect();
    assert_eq!(counts, [(Station::Pending, 20), (Station::Succeeded, 30)]);
    assert!(picture.tokens.is_empty() && picture.lanes <= 12);
    assert_eq!(diagram.picture(at(1), 50).tokens.len(), 50);
}

#[test]
fn a_deployment_stands_for_its_replica_sets() {
    let mut diagram = Diagram::new(at(0));
    let meta = |name: &str, uid: &str, owner: Value| json!({"name": name, "namespace": "default", "uid": uid, "ownerReferences": owner});
    let owner = |kind: &str, uid: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": "x", "uid": uid, "controller": true}]);
    see(
        &mut diagram,
        0,
        "ADDED",
        json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": meta("web", "d", json!([])), "spec": {"replicas": 2, "selector": {}, "template": {}}}),
    );
    see(
        &mut diagram,
        0,
        "ADDED",
        json!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": meta("web-1", "r", owner("Deployment", "d")), "spec": {"replicas": 2, "selector": {}}}),
    );
    see(
        &mut diagram,
        0,
        "ADDED",
        json!({"kind": "Pod", "apiVersion": "v1", "metadata": meta("web-1-abcde", "p", owner("ReplicaSet", "r")), "status": {"phase": "Pending"}}),
    );
    let picture = diagram.picture(at(1), 8);
    assert_eq!(picture.depots.iter().map(|depot| depot.name.as_str()).collect::<Vec<_>>(), ["web"]);
    assert_eq!(picture.tokens[0].depot.as_deref(), Some("d"));
    assert_eq!(diagram.story().last().unwrap().who.name(), "replicaset-controller");
}

#[test]
fn a_lane_stays_with_its_token_and_is_given_again_when_it_is_free() {
    let mut diagram = Diagram::new(at(0));
    see(&mut diagram, 0, "ADDED", job(json!({})));
    for name in ["p-aaaaa", "p-bbbbb"] {
        see(&mut diagram, 0, "ADDED", pod(name, None, json!({"phase": "Pending"})));
    }
    see(&mut diagram, 1, "DELETED", pod("p-aaaaa", None, json!({"phase": "Pending"})));
    let lane = |diagram: &Diagram, name: &str| {
        diagram.picture(at(2), 8).tokens.iter().find(|token| token.name == name).map(|token| token.lane)
    };
    assert_eq!(lane(&diagram, "p-bbbbb"), Some(1));
    see(&mut diagram, 2, "ADDED", pod("p-ccccc", None, json!({"phase": "Pending"})));
    assert_eq!(lane(&diagram, "p-ccccc"), Some(0));
}

#[test]
fn whatever_a_watch_sends_is_taken_without_a_word() {
    let mut diagram = Diagram::new(at(0));
    for odd in [
        json!(null),
        json!({}),
        json!({"type": "ADDED"}),
        json!({"type": "ERROR", "object": {"kind": "Status"}}),
        json!({"type": "ADDED", "object": {"kind": "Pod", "spec": 3}}),
    ] {
        diagram.observe_json(at(0), &odd);
    }
    assert_eq!(diagram.story().len(), 0);
}
