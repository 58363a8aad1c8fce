//! What is told of Pods that a taint drives away, or would have.

use k8s_openapi::api::core::v1::{Node, NodeSpec};
use serde_json::json;

use crate::apiserver::DeleteOptions;
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
