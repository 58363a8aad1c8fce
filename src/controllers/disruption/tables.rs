//! Upstream's own cases (`disruption_test.go`), under their names: one sync of a budget over what is in the store.
//!
//! A Pod is a word: its name, then what there is to say of it: its owner (`rs`, `rc`, `sts`, `other`), `unready`,
//! `leaving`. All are labelled as the budget selects. What comes of it: allowed disruptions, healthy Pods, wanted healthy
//! ones, expected ones.
//!
//! Not here: `TestScaleResource`, for no custom kind is asked for its scale; the finders' own tests, whose kinds are all in
//! `budgets_count_what_the_owners_want`.

use serde_json::{Value, json};

use super::*;
use crate::apimachinery::Object;
use crate::apiserver::{ApiServer, Caller};
use crate::client::{Client, EventRecorder};
use crate::controllers::Controller;

fn now() -> Time {
    Time::from_seconds(1_700_000_000)
}

struct Rig {
    server: ApiServer,
    caches: Caches,
    events: EventRecorder,
}

impl Rig {
    fn new(spec: Value, status: Value) -> Self {
        let mut spec = spec;
        if spec["selector"].is_null() {
            spec["selector"] = json!({"matchLabels": {"foo": "bar"}});
        }
        let mut server = ApiServer::new(Seed::new(1), now());
        server.trust_statuses();
        let budget =
            json!({"metadata": {"name": "b", "namespace": "default", "uid": "b"}, "spec": spec, "status": status});
        server.store_as_is(Box::new(serde_json::from_value::<PodDisruptionBudget>(budget).unwrap()));
        let owners =
            [ReplicaSet::RESOURCE, StatefulSet::RESOURCE, ReplicationController::RESOURCE, Deployment::RESOURCE];
        let watched: Vec<&str> = DisruptionController.watches().into_iter().chain(owners).collect();
        Self { server, caches: Caches::new(watched), events: EventRecorder::new("controllermanager", "") }
    }

    /// Puts a workload of so many Pods there, under the name that Pods know it by.
    fn owner(&mut self, owner: &str, replicas: i32) {
        let metadata = json!({"name": owner, "namespace": "default", "uid": owner});
        let object = json!({"metadata": metadata, "spec": {"replicas": replicas, "selector": {}, "serviceName": "", "template": {}}});
        let object: Box<dyn Object> = match owner {
            "rs" => Box::new(serde_json::from_value::<ReplicaSet>(object).unwrap()),
            "sts" => Box::new(serde_json::from_value::<StatefulSet>(object).unwrap()),
            _ => {
                let object = json!({"metadata": object["metadata"], "spec": {"replicas": replicas}});
                Box::new(serde_json::from_value::<ReplicationController>(object).unwrap())
            }
        };
        self.server.store_as_is(object);
    }

    fn pods(&mut self, words: &str) {
        for word in words.split_whitespace() {
            let mut parts = word.split('/');
            let name = parts.next().unwrap();
            let mut metadata = json!({"name": name, "namespace": "default", "uid": name, "labels": {"foo": "bar"}, "finalizers": ["example.com/kept"]});
            let mut ready = "True";
            for part in parts {
                let (version, kind) = match part {
                    "rs" => ("apps/v1", "ReplicaSet"),
                    "sts" => ("apps/v1", "StatefulSet"),
                    "rc" => ("v1", "ReplicationController"),
                    _ => ("apps.test.io/v1", "TestWorkload"),
                };
                match part {
                    "unready" => ready = "False",
                    "leaving" => metadata["deletionTimestamp"] = json!(now().timestamp().to_string()),
                    owner => {
                        metadata["ownerReferences"] = json!([{"apiVersion": version, "kind": kind, "name": owner, "uid": owner, "controller": true}]);
                    }
                }
            }
            let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]});
            let pod = json!({"metadata": metadata, "spec": {"containers": []}, "status": status});
            self.server.store_as_is(Box::new(serde_json::from_value::<Pod>(pod).unwrap()));
        }
    }

    /// One sync of what has this key; the reasons of the Events that it made.
    fn sync(&mut self, resource: &'static str, name: &str, at: Time) -> Vec<String> {
        self.server.set_now(at);
        self.caches.pull(&self.server);
        let caller = Caller::component("system:serviceaccount:kube-system:disruption-controller");
        let mut queue = WorkQueue::default();
        let mut context = Context {
            client: Client::new(&mut self.server, &caller),
            caches: &self.caches,
            queue: &mut queue,
            events: &mut self.events,
            now: at,
        };
        DisruptionController.reconcile(&ObjectKey::new(resource, "default", name), &mut context).unwrap();
        let events = self.server.list::<k8s_openapi::api::core::v1::Event>(Some("default"));
        events.filter_map(|event| event.reason.clone()).collect()
    }

    fn counts(&mut self) -> [i32; 4] {
        self.sync(PodDisruptionBudget::RESOURCE, "b", now());
        let status = self.budget().status.clone().unwrap_or_default();
        [status.disruptions_allowed, status.current_healthy, status.desired_healthy, status.expected_pods]
            .map(|count| count.unwrap_or(0))
    }

    fn budget(&self) -> Arc<PodDisruptionBudget> {
        self.server.get::<PodDisruptionBudget>("default", "b").unwrap()
    }
}

#[test]
fn counts_go_with_what_is_added() {
    /// The budget, then each thing that comes, and the counts that follow.
    type Case = (&'static str, Value, &'static [(&'static str, [i32; 4])]);
    let three = || json!({"minAvailable": 3});
    let cases: [Case; 9] = [
        ("TestNoSelector", json!({"minAvailable": 3, "selector": {}}), &[("", [0, 0, 3, 0]), ("p", [0, 1, 3, 1])]),
        (
            "TestUnavailable",
            three(),
            &[
                ("p0", [0, 1, 3, 1]),
                ("p1", [0, 2, 3, 2]),
                ("p2", [0, 3, 3, 3]),
                ("p3", [1, 4, 3, 4]),
                ("p0/unready", [0, 3, 3, 4]),
            ],
        ),
        ("TestIntegerMaxUnavailable", json!({"maxUnavailable": 1}), &[("", [0, 0, 0, 0]), ("naked", [0, 1, 0, 0])]),
        (
            "TestIntegerMaxUnavailableWithScaling",
            json!({"maxUnavailable": 2}),
            &[("rs:7 pod/rs", [0, 1, 5, 7]), ("rs:5", [0, 1, 3, 5])],
        ),
        (
            "TestPercentageMaxUnavailableWithScaling",
            json!({"maxUnavailable": "30%"}),
            &[("rs:7 pod/rs", [0, 1, 4, 7]), ("rs:3", [0, 1, 2, 3])],
        ),
        ("TestReplicaSet", json!({"minAvailable": "20%"}), &[("rs:10 pod/rs", [0, 1, 2, 10])]),
        (
            "TestReplicationController",
            json!({"minAvailable": "67%"}),
            &[("rc:3 p0/rc", [0, 1, 3, 3]), ("p1/rc p2/rc", [0, 3, 3, 3])],
        ),
        (
            "TestStatefulSetController",
            json!({"minAvailable": "67%"}),
            &[("sts:3 p0/sts p1/sts", [0, 2, 3, 3]), ("p2/sts", [0, 3, 3, 3])],
        ),
        (
            "TestMultipleControllers",
            json!({"minAvailable": "1%"}),
            &[("p0 p1", [0, 2, 0, 0]), ("rc:1 p0/rc p1/rc", [1, 2, 1, 1])],
        ),
    ];
    for (name, spec, steps) in cases {
        let mut rig = Rig::new(spec, Value::Null);
        for (words, expected) in steps {
            for word in words.split_whitespace() {
                match word.split_once(':') {
                    Some((owner, replicas)) => rig.owner(owner, replicas.parse().unwrap()),
                    None => rig.pods(word),
                }
            }
            assert_eq!(rig.counts(), *expected, "{name}: {words}");
        }
    }
}

#[test]
fn what_cannot_be_counted_is_told() {
    for (name, word, reason) in [
        ("TestNakedPod", "naked", "UnmanagedPods"),
        ("TestUnsupportedControllerPod", "naked/other", "CalculateExpectedPodCountFailed"),
        ("TestStatusForUnmanagedPod", "unmanaged", "UnmanagedPods"),
    ] {
        let mut rig = Rig::new(json!({"minAvailable": "28%"}), Value::Null);
        assert_eq!(rig.counts()[0], 0, "{name}");
        rig.pods(word);
        let told = rig.sync(PodDisruptionBudget::RESOURCE, "b", now());
        assert!(told.iter().any(|told| told == reason), "{name}: {told:?}");
        let status = rig.budget().status.clone().unwrap_or_default();
        assert_eq!(status.disruptions_allowed, Some(0), "{name}");
        let failed = status.conditions.iter().flatten().any(|held| held.reason == "SyncFailed");
        assert_eq!(failed, reason == "CalculateExpectedPodCountFailed", "{name}");
    }
}

#[test]
fn test_update_disrupted_pods() {
    let at = |seconds: u64| Time::from_seconds(now().as_seconds() - seconds).timestamp().to_string();
    let granted = json!({"p1": at(0), "p2": at(180), "p3": at(60), "notthere": at(0)});
    let status = json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0, "disruptedPods": granted});
    let mut rig = Rig::new(json!({"minAvailable": 1}), status);
    rig.pods("p1/leaving p2 p3");
    assert_eq!(rig.counts(), [0, 1, 1, 3]);
    let kept = rig.budget().status.clone().unwrap_or_default().disrupted_pods.unwrap_or_default();
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["p3"]);
}

#[test]
fn test_invalid_selectors() {
    for (name, selector) in [
        ("illegal value key", json!({"matchLabels": {"k8s.io/too/many/slashes": "value"}})),
        ("illegal operator", json!({"matchExpressions": [{"key": "foo", "operator": "illegal", "values": ["bar"]}]})),
    ] {
        let mut rig = Rig::new(json!({"minAvailable": 3, "selector": selector}), Value::Null);
        rig.pods("p0 p1");
        let counts = rig.counts();
        assert_eq!([counts[0], counts[1], counts[3]], [0, 0, 0], "{name}");
    }
}

#[test]
fn test_stale_pod_disruption() {
    let (over, before) = (121, 119);
    for (name, held, leaving, passed, expected) in [
        ("stale pod disruption", Some("True"), false, over, Some("False")),
        ("pod disruption in progress", Some("True"), false, before, Some("True")),
        ("pod disruption actuated", Some("True"), true, over, Some("True")),
        ("no pod disruption", None, true, over, None),
        ("pod disruption cleared", Some("False"), true, over, Some("False")),
    ] {
        let mut rig = Rig::new(json!({"minAvailable": 1}), Value::Null);
        rig.pods(if leaving { "foo/leaving" } else { "foo" });
        let mut pod = Pod::clone(&rig.server.get::<Pod>("default", "foo").unwrap());
        let conditions: Vec<Value> = held
            .iter()
            .map(|status| json!({"type": "DisruptionTarget", "status": status, "lastTransitionTime": now().timestamp().to_string()}))
            .collect();
        pod.status.as_mut().unwrap().conditions = Some(serde_json::from_value(json!(conditions)).unwrap());
        rig.server.store_as_is(Box::new(pod));
        rig.sync(Pod::RESOURCE, "foo", now() + std::time::Duration::from_secs(passed));
        let pod = rig.server.get::<Pod>("default", "foo").unwrap();
        let got = pod_control::condition(&pod, "DisruptionTarget").map(|held| held.status.as_str());
        assert_eq!(got, expected, "{name}");
    }
}

#[test]
fn test_keep_existing_pdb_condition_during_sync() {
    let held = json!([{"type": "ExistingTestCondition", "status": "True", "message": "This is a test condition",
        "reason": "Test", "lastTransitionTime": now().timestamp().to_string()}]);
    let status = json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0, "conditions": held});
    let mut rig = Rig::new(json!({"minAvailable": 3, "selector": {}}), status);
    assert_eq!(rig.counts(), [0, 0, 3, 0]);
    let conditions = rig.budget().status.clone().unwrap_or_default().conditions.unwrap_or_default();
    let kinds: Vec<&str> = conditions.iter().map(|held| held.type_.as_str()).collect();
    assert_eq!(kinds, ["ExistingTestCondition", "DisruptionAllowed"]);
}

#[test]
fn test_pdb_not_exist() {
    let mut rig = Rig::new(json!({"minAvailable": 3}), Value::Null);
    rig.sync(PodDisruptionBudget::RESOURCE, "notExist", now());
}
