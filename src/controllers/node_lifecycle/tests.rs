//! What is told of nodes that come and go, and upstream's tables (`node_lifecycle_controller_test.go`), with the names of
//! their cases.

use serde_json::{Value, json};

use super::*;
use crate::apiserver::DeleteOptions;
use crate::controllers::tests::World;

#[test]
fn a_node_that_is_gone_is_removed_at_the_next_look() {
    let mut world = World::new();
    // Nodes that are there when the controller starts are not told of.
    world.create("v1", "Node", json!({"metadata": {"name": "node00"}}));
    world.advance(2.0);
    world.create("v1", "Node", json!({"metadata": {"name": "node01"}}));
    world.advance(1.0);
    let uid = meta::uid(&world.server.get::<Node>("", "node01").unwrap().metadata).to_owned();
    let admin = world.admin.clone();
    world.server.delete_object(&admin, Node::RESOURCE, "", "node01", &DeleteOptions::default()).unwrap();
    let registered = "RegisteredNode Node node01 event: Registered Node node01 in Controller".to_owned();
    world.advance(1.0);
    assert_eq!(world.events_of("Node"), std::slice::from_ref(&registered));
    world.advance(2.0);
    let removed = "RemovingNode Node node01 event: Removing Node node01 from Controller".to_owned();
    assert_eq!(world.events_of("Node"), [registered, removed]);
    let events = world.all::<k8s_openapi::api::core::v1::Event>();
    assert!(events.iter().all(|event| event.involved_object.uid.as_ref() == Some(&uid)));
}

/// A node with these labels and conditions.
fn node(labels: Value, conditions: &[(&str, &str)]) -> Node {
    let conditions: Vec<Value> =
        conditions.iter().map(|(kind, status)| json!({"type": kind, "status": status})).collect();
    let node = json!({"metadata": {"name": "node0", "labels": labels}, "status": {"conditions": conditions}});
    serde_json::from_value(node).unwrap()
}

#[test]
fn test_taints_node_by_condition() {
    let taint = |key: &'static str, effect: &'static str| (key, effect);
    for (name, conditions, expected) in [
        (
            "NetworkUnavailable is true",
            vec![("Ready", "True"), ("NetworkUnavailable", "True")],
            vec![taint("node.kubernetes.io/network-unavailable", "NoSchedule")],
        ),
        (
            "Ready is false",
            vec![("Ready", "False")],
            vec![
                taint("node.kubernetes.io/not-ready", "NoSchedule"),
                taint("node.kubernetes.io/not-ready", "NoExecute"),
            ],
        ),
        (
            "Ready is unknown",
            vec![("Ready", "Unknown")],
            vec![
                taint("node.kubernetes.io/unreachable", "NoSchedule"),
                taint("node.kubernetes.io/unreachable", "NoExecute"),
            ],
        ),
        (
            "a node under pressure",
            vec![("Ready", "True"), ("MemoryPressure", "True"), ("DiskPressure", "True"), ("PIDPressure", "True")],
            vec![
                taint("node.kubernetes.io/memory-pressure", "NoSchedule"),
                taint("node.kubernetes.io/disk-pressure", "NoSchedule"),
                taint("node.kubernetes.io/pid-pressure", "NoSchedule"),
            ],
        ),
    ] {
        assert_eq!(wanted_taints(&node(json!({}), &conditions)), expected, "{name}");
    }
}

#[test]
fn test_swap_unreachable_not_ready_taints() {
    let mut world = World::new();
    let mut unreachable = node(json!({}), &[("Ready", "Unknown")]);
    unreachable.status.as_mut().unwrap().conditions.as_mut().unwrap()[0].last_transition_time = None;
    world.server.store_as_is(Box::new(unreachable));
    world.advance(1.0);
    let taints = |world: &World| -> Vec<(String, String)> {
        let node = world.server.get::<Node>("", "node0").unwrap();
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
        taints.into_iter().map(|taint| (taint.key.replace("node.kubernetes.io/", ""), taint.effect)).collect()
    };
    let both = |key: &str| ["NoSchedule", "NoExecute"].map(|effect| (key.to_owned(), effect.to_owned())).to_vec();
    assert_eq!(taints(&world), both("unreachable"));
    let mut changed = Node::clone(&world.server.get::<Node>("", "node0").unwrap());
    changed.status = node(json!({}), &[("Ready", "False")]).status;
    world.server.store_as_is(Box::new(changed));
    world.advance(1.0);
    assert_eq!(taints(&world), both("not-ready"));
    let mut changed = Node::clone(&world.server.get::<Node>("", "node0").unwrap());
    changed.status = node(json!({}), &[("Ready", "True")]).status;
    world.server.store_as_is(Box::new(changed));
    world.advance(1.0);
    assert_eq!(taints(&world), []);
}

#[test]
fn test_reconcile_node_labels() {
    let stable = json!({"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"});
    let all = json!({"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64"});
    let other = json!({"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "windows",
        "beta.kubernetes.io/arch": "arm"});
    let region = json!({"topology.kubernetes.io/region": "region1"});
    for (name, labels, expected) in [
        ("No-op if node has no labels", Value::Null, Value::Null),
        ("No-op if no target labels present", region.clone(), region),
        ("Create OS/arch beta labels when they don't exist", stable, all.clone()),
        ("Reconcile OS/arch beta labels to match stable labels", other, all),
    ] {
        let mut node = node(labels, &[]);
        reconcile_labels(&mut node);
        assert_eq!(json!(node.metadata.labels), expected, "{name}");
    }
}
