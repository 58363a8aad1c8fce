//! What is told of Pods that a taint drives away, or would have; and upstream's tables (`taint_eviction_test.go`), with the
//! names of their cases.

use std::sync::Arc;

use k8s_openapi::api::core::v1::NodeSpec;
use serde_json::json;

use super::*;
use crate::controllers::pod_control::condition;
use crate::controllers::tests::World;

/// A node on fire with a Pod that bears it for twenty seconds.
fn world() -> World {
    let mut world = World::new();
    world.create("v1", "Node", json!({"metadata": {"name": "node01"}}));
    let tolerations = json!([{"key": "fire", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 20}]);
    let spec = json!({"nodeName": "node01", "tolerations": tolerations,
        "containers": [{"name": "c", "image": "busybox"}]});
    world.create("v1", "Pod", json!({"metadata": {"name": "web"}, "spec": spec}));
    taint(&mut world, true);
    world.advance(10.0);
    assert_eq!(told(&world), [""; 0]);
    world
}

fn taint(world: &mut World, on: bool) {
    let mut node = Node::clone(&world.server.get("", "node01").unwrap());
    let taints = if on { json!([{"key": "fire", "effect": "NoExecute"}]) } else { json!([]) };
    node.spec = Some(serde_json::from_value::<NodeSpec>(json!({"taints": taints})).unwrap());
    let admin = world.admin.clone();
    world.server.update(&admin, node).unwrap();
}

fn told(world: &World) -> Vec<String> {
    let mut events = world.events_of("Pod");
    events.retain(|event| event.starts_with("TaintManagerEviction"));
    events
}

const CANCELLED: &str = "TaintManagerEviction Cancelling deletion of Pod default/web";

#[test]
fn a_pod_whose_time_is_over_is_marked() {
    let mut world = world();
    world.advance(15.0);
    assert_eq!(told(&world), ["TaintManagerEviction Marking for deletion Pod default/web"]);
    // Upstream knows the Pod by its name alone: `describe`, which asks by uid, does not show it.
    let events = world.all::<k8s_openapi::api::core::v1::Event>();
    let marked = events.iter().find(|event| event.reason.as_deref() == Some("TaintManagerEviction")).unwrap();
    assert_eq!((&marked.involved_object.uid, marked.involved_object.name.as_deref()), (&None, Some("web")));
}

#[test]
fn a_taint_that_is_taken_away_cancels_the_deletion() {
    let mut world = world();
    taint(&mut world, false);
    world.advance(15.0);
    assert_eq!(told(&world), [CANCELLED]);
}

#[test]
fn a_pod_that_goes_before_its_time_cancels_its_deletion() {
    let mut world = world();
    let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    let admin = world.admin.clone();
    world.server.delete_object(&admin, "pods", "default", "web", &options).unwrap();
    world.advance(15.0);
    assert_eq!(told(&world), [CANCELLED]);
}

/// `NoExecute` taints of upstream's tables, by their numbers.
fn numbered(taints: &[u8]) -> serde_json::Value {
    let all = taints.iter().map(
        |number| json!({"key": format!("testTaint{number}"), "value": format!("test{number}"), "effect": "NoExecute"}),
    );
    json!(all.collect::<Vec<_>>())
}

/// Tolerations of them: `1:100` for so many seconds, `1` for ever.
fn tolerated(words: &str) -> serde_json::Value {
    let one = |word: &str| {
        let (number, seconds) = word.split_once(':').unwrap_or((word, ""));
        json!({"key": format!("testTaint{number}"), "operator": "Exists", "effect": "NoExecute",
            "tolerationSeconds": seconds.parse::<i64>().ok()})
    };
    json!(words.split_whitespace().map(one).collect::<Vec<_>>())
}

fn node(world: &mut World, taints: &[u8]) {
    world.create("v1", "Node", json!({"metadata": {"name": "node1"}, "spec": {"taints": numbered(taints)}}));
}

fn pod(world: &mut World, name: &str, node: &str, tolerations: &str) {
    let mut spec = json!({"tolerations": tolerated(tolerations), "containers": [{"name": "c", "image": "busybox"}]});
    if !node.is_empty() {
        spec["nodeName"] = json!(node);
    }
    world.create("v1", "Pod", json!({"metadata": {"name": name}, "spec": spec}));
}

fn retaint(world: &mut World, taints: &[u8]) {
    let mut node = Node::clone(&world.server.get("", "node1").unwrap());
    node.spec = Some(serde_json::from_value(json!({"taints": numbered(taints)})).unwrap());
    let admin = world.admin.clone();
    world.server.update(&admin, node).unwrap();
}

/// The Pods whose deletion was asked for, each with its condition.
fn evicted(world: &World) -> Vec<String> {
    let gone = |pod: &Arc<Pod>| {
        let told = condition(pod, "DisruptionTarget")
            .is_some_and(|held| held.reason.as_deref() == Some("DeletionByTaintManager"));
        assert_eq!(told, meta::is_deleting(&pod.metadata), "patched and deleted, or neither");
        told
    };
    let pods = world.all::<Pod>();
    let mut names: Vec<String> =
        pods.iter().filter(|pod| gone(pod)).map(|pod| meta::name(&pod.metadata).to_owned()).collect();
    names.sort();
    names
}

#[test]
fn test_create_pod() {
    let cases: [(&str, &str, &[u8], &str, bool); 6] = [
        ("not scheduled - ignore", "", &[1], "", false),
        ("scheduled on untainted Node", "node1", &[], "", false),
        ("schedule on tainted Node", "node1", &[1], "", true),
        ("schedule on tainted Node with finite toleration", "node1", &[1], "1:100", false),
        ("schedule on tainted Node with infinite toleration", "node1", &[1], "1", false),
        ("schedule on tainted Node with infinite invalid toleration", "node1", &[1], "2", true),
    ];
    for (name, on, taints, tolerations, expected) in cases {
        let mut world = World::new();
        node(&mut world, taints);
        pod(&mut world, "pod1", on, tolerations);
        world.advance(1.0);
        assert_eq!(!evicted(&world).is_empty(), expected, "{name}");
    }
}

#[test]
fn test_update_pod() {
    // What is tolerated at first and then; who is gone a moment after the change, and after three seconds.
    for (name, before, after, at_once, later) in [
        ("removing toleration", "1:100", "", true, true),
        ("lengthening toleration shouldn't work", "1:2", "1:100", false, true),
    ] {
        let mut world = World::new();
        node(&mut world, &[1]);
        pod(&mut world, "pod1", "node1", before);
        world.advance(0.5);
        assert_eq!(evicted(&world), [""; 0], "{name}");
        // The server lets tolerations only be added; upstream's test changes the cache.
        let mut pod = Pod::clone(&world.get("pod1"));
        pod.spec.as_mut().unwrap().tolerations = Some(serde_json::from_value(tolerated(after)).unwrap());
        world.server.store_as_is(Box::new(pod));
        world.advance(0.5);
        assert_eq!(!evicted(&world).is_empty(), at_once, "{name}");
        world.advance(3.0);
        assert_eq!(!evicted(&world).is_empty(), later, "{name}");
    }
}

#[test]
fn test_update_node() {
    /// Taints before and after, what the Pod tolerates, and whether it is gone two seconds later.
    type Case = (&'static str, &'static [u8], &'static [u8], &'static str, bool);
    let cases: [Case; 5] = [
        ("Added taint, expect node patched and deleted", &[], &[1], "", true),
        ("Added tolerated taint", &[], &[1], "1:100", false),
        ("Only one added taint tolerated", &[], &[1, 2], "1:100", true),
        ("Taint removed", &[1], &[], "1:1", false),
        ("Pod with multiple tolerations are evicted when first one runs out", &[], &[1, 2], "1:1 2:100", true),
    ];
    for (name, before, after, tolerations, expected) in cases {
        let mut world = World::new();
        node(&mut world, before);
        pod(&mut world, "pod1", "node1", tolerations);
        world.advance(0.5);
        retaint(&mut world, after);
        world.advance(2.0);
        assert_eq!(!evicted(&world).is_empty(), expected, "{name}");
    }
}

#[test]
fn test_update_node_with_multiple_taints() {
    let mut world = World::new();
    node(&mut world, &[]);
    pod(&mut world, "pod1", "node1", "1 2:6");
    // Untainted, tolerated for ever, for a time, for ever again.
    for (taints, told_so_far) in [(&[][..], 0), (&[1], 0), (&[1, 2], 0), (&[1], 1)] {
        retaint(&mut world, taints);
        world.advance(2.0);
        assert_eq!(told(&world), vec![CANCELLED.replace("web", "pod1"); told_so_far], "{taints:?}");
    }
    world.advance(10.0);
    assert_eq!(evicted(&world), [""; 0]);
}

#[test]
fn test_update_node_with_multiple_pods() {
    /// The taints, and who is gone at once and who a second later.
    type Case = (&'static str, &'static [u8], &'static [&'static str], &'static [&'static str]);
    let cases: [Case; 2] = [
        ("Pods with different toleration times are evicted appropriately", &[1], &["pod1"], &["pod1", "pod2"]),
        (
            "Evict all pods not matching all taints instantly",
            &[1, 2],
            &["pod1", "pod2", "pod3"],
            &["pod1", "pod2", "pod3"],
        ),
    ];
    for (name, taints, at_once, in_a_second) in cases {
        let mut world = World::new();
        node(&mut world, &[]);
        for (name, tolerations) in [("pod1", ""), ("pod2", "1:1"), ("pod3", "1")] {
            pod(&mut world, name, "node1", tolerations);
        }
        retaint(&mut world, taints);
        world.advance(0.5);
        assert_eq!(evicted(&world), at_once, "{name}");
        world.advance(1.0);
        assert_eq!(evicted(&world), in_a_second, "{name}");
    }
}

#[test]
fn test_get_min_toleration_time() {
    let cases: [(&[u8], &str, Option<u64>); 5] = [
        (&[1], "", Some(0)),
        (&[1], "1", None),
        (&[1, 2], "1:1 2:2", Some(1)),
        (&[1, 2], "1:1 2", Some(1)),
        (&[1, 2], "1 2:1", Some(1)),
    ];
    for (taints, tolerations, expected) in cases {
        let spec = json!({"tolerations": tolerated(tolerations), "containers": []});
        let pod: Pod = serde_json::from_value(json!({"spec": spec})).unwrap();
        let taints: Vec<Taint> = serde_json::from_value(numbered(taints)).unwrap();
        assert_eq!(tolerated_for(&pod, &taints).map(|wait| wait.as_secs()), expected, "{tolerations}");
    }
}
