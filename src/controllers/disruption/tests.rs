//! Budgets over Pods of several owners. Case names are upstream's where there are such.

use serde_json::{Value, json};

use super::*;
use crate::apimachinery::Object;
use crate::apiserver::NoNodes;
use crate::controllers::tests::World;
use crate::text::http::{Body, Method, Request};

fn body_of(body: &Body) -> Value {
    let Body::Bytes(bytes) = body else { return Value::Null };
    serde_json::from_slice(bytes).unwrap_or_default()
}

fn budget(world: &mut World, spec: Value) {
    let mut spec = spec;
    spec["selector"] = json!({"matchLabels": {"app": "web"}});
    world.create("policy/v1", "PodDisruptionBudget", json!({"metadata": {"name": "b"}, "spec": spec}));
}

fn set(version: &str, kind: &str, replicas: i32) -> (String, String, Value) {
    let mut spec = json!({"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}}});
    if kind == "ReplicationController" {
        spec["selector"] = json!({"app": "web"});
    }
    (version.to_owned(), kind.to_owned(), json!({"metadata": {"name": "web"}, "spec": spec}))
}

/// Allowed disruptions, healthy, wanted healthy, expected.
fn counts(world: &World) -> [i64; 4] {
    let status = world.get::<PodDisruptionBudget>("b").to_json()["status"].clone();
    ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"]
        .map(|name| status[name].as_i64().unwrap())
}

#[test]
fn budgets_count_what_the_owners_want() {
    let cases = [
        ("TestReplicaSet", set("apps/v1", "ReplicaSet", 10), json!({"minAvailable": "20%"}), [8, 10, 2, 10]),
        (
            "TestReplicationController",
            set("v1", "ReplicationController", 3),
            json!({"minAvailable": "67%"}),
            [0, 3, 3, 3],
        ),
        ("TestStatefulSetController", set("apps/v1", "Deployment", 4), json!({"maxUnavailable": "30%"}), [2, 4, 2, 4]),
        ("TestIntegerMaxUnavailable", set("apps/v1", "Deployment", 2), json!({"maxUnavailable": 1}), [1, 2, 1, 2]),
        ("TestUnavailable", set("apps/v1", "Deployment", 3), json!({"minAvailable": 3}), [0, 3, 3, 3]),
        ("more than there are", set("apps/v1", "Deployment", 1), json!({"minAvailable": 3}), [0, 1, 3, 1]),
    ];
    for (name, (version, kind, object), spec, expected) in cases {
        let mut world = World::new();
        world.create(&version, &kind, object);
        budget(&mut world, spec);
        world.advance(1.0);
        world.phase_all("Running", None);
        world.advance(1.0);
        assert_eq!(counts(&world), expected, "{name}");
        let status = world.get::<PodDisruptionBudget>("b").to_json()["status"].clone();
        let reason = if expected[0] > 0 { "SufficientPods" } else { "InsufficientPods" };
        assert_eq!(status["conditions"][0]["reason"], reason, "{name}");
    }
}

#[test]
fn pods_whose_number_nobody_knows() {
    let mut world = World::new();
    budget(&mut world, json!({"maxUnavailable": 1}));
    world.advance(1.0);
    assert_eq!(world.events_of("PodDisruptionBudget"), ["NoPods No matching pods found"]);
    let pod = json!({"metadata": {"name": "p", "labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}});
    world.create("v1", "Pod", pod);
    world.advance(1.0);
    let told = world.events_of("PodDisruptionBudget");
    assert!(
        told[1].starts_with(
            "UnmanagedPods Pods selected by this PodDisruptionBudget (selector: \
             &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{},}) were"
        ),
        "TestNakedPod: {told:?}"
    );
    let mut world = World::new();
    budget(&mut world, json!({"maxUnavailable": 1}));
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}});
    world.create("batch/v1", "Job", json!({"metadata": {"name": "j"}, "spec": {"template": template}}));
    world.advance(1.0);
    let condition = world.get::<PodDisruptionBudget>("b").to_json()["status"]["conditions"][0].clone();
    assert_eq!(condition["reason"], "SyncFailed");
    assert_eq!(condition["message"], "jobs.batch does not implement the scale subresource");
}

#[test]
fn evictions_stop_where_the_budget_ends() {
    let mut world = World::new();
    world.create("v1", "Node", json!({"metadata": {"name": "node01"}}));
    let (version, kind, mut object) = set("apps/v1", "Deployment", 2);
    // On a node Pods take their time to go.
    object["spec"]["template"]["spec"]["nodeName"] = json!("node01");
    world.create(&version, &kind, object);
    budget(&mut world, json!({"minAvailable": 1}));
    world.advance(1.0);
    world.phase_all("Running", None);
    world.advance(1.0);
    let evict = |world: &mut World, name: &str| {
        let path = format!("/api/v1/namespaces/default/pods/{name}/eviction");
        let body =
            json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "default"}});
        let mut request = Request::new(Method::Post, path);
        request.body = body.to_string().into_bytes();
        let admin = world.admin.clone();
        let answer = world.server.handle(&admin, &request, &mut NoNodes);
        (answer.status, body_of(&answer.body))
    };
    let names: Vec<String> = world.active().iter().map(|pod| meta::name(&pod.metadata).to_owned()).collect();
    assert_eq!(evict(&mut world, &names[0]).0, 201);
    // At once, before the controller has looked again.
    let (code, answer) = evict(&mut world, &names[1]);
    assert_eq!(
        (code, answer["message"].as_str()),
        (429, Some("Cannot evict pod as it would violate the pod's disruption budget."))
    );
    let cause = answer["details"]["causes"][0]["message"].clone();
    assert_eq!(cause, "The disruption budget b does not allow evicting pods currently");
    world.advance(1.0);
    let (code, answer) = evict(&mut world, &names[1]);
    let cause = answer["details"]["causes"][0]["message"].clone();
    assert_eq!((code, cause), (429, json!("The disruption budget b needs 1 healthy pods and has 1 currently")));
    let gone = world.get::<Pod>(&names[0]).to_json()["status"]["conditions"].clone();
    assert!(gone.as_array().unwrap().iter().any(|held| held["reason"] == "EvictionByEvictionAPI"), "{gone}");
}
