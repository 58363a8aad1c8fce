//! What is told of nodes that come and go.

use k8s_openapi::api::core::v1::Node;
use serde_json::json;

use crate::apimachinery::{Kind, meta};
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
