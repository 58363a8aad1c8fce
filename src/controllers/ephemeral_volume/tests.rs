//! The cases of upstream's `controller_test.go` (`TestSyncHandler`), by their names, on a whole world.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Value, json};

use crate::apimachinery::{Kind, meta};
use crate::apiserver::DeleteOptions;
use crate::controllers::tests::World;

fn pod(ephemeral: bool) -> Value {
    let template = json!({"metadata": {"labels": {"of": "pod"}}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let volume = if ephemeral {
        json!({"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}})
    } else {
        json!({"name": "scratch", "emptyDir": {}})
    };
    json!({"metadata": {"name": "web"}, "spec": {"nodeName": "node01", "volumes": [volume],
        "containers": [{"name": "c", "image": "busybox"}]}})
}

fn claim(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
}

fn claims(world: &World) -> Vec<String> {
    let text = |claim: &PersistentVolumeClaim| {
        let owner = meta::controller_of(&claim.metadata).map_or("nobody", |owner| &owner.kind);
        format!("{} of {owner}", meta::name(&claim.metadata))
    };
    world.all::<PersistentVolumeClaim>().iter().map(|claim| text(claim)).collect()
}

#[test]
fn a_pod_gets_the_claims_that_its_volumes_ask_for() {
    for (name, ephemeral, other, expected) in [
        ("create", true, None, vec!["web-scratch of Pod"]),
        ("no-volumes", false, None, vec![]),
        ("create-with-other-PVC", true, Some("other"), vec!["other of nobody", "web-scratch of Pod"]),
        ("wrong-PVC-owner", true, Some("web-scratch"), vec!["web-scratch of nobody"]),
    ] {
        let mut world = World::new();
        if let Some(other) = other {
            world.create("v1", "PersistentVolumeClaim", claim(other));
        }
        world.create("v1", "Pod", pod(ephemeral));
        world.advance(1.0);
        assert_eq!(claims(&world), expected, "{name}");
        let refused = "FailedBinding ephemeral volume scratch: PVC default/web-scratch was not created for pod \
            default/web (pod is not owner)";
        let told = world.events_of("Pod").contains(&refused.to_owned());
        assert_eq!(told, name == "wrong-PVC-owner", "{name}: {:?}", world.events_of("Pod"));
    }
}

#[test]
fn a_claim_goes_with_its_pod_and_comes_back_while_that_stands() {
    let mut world = World::new();
    world.create("v1", "Pod", pod(true));
    world.advance(1.0);
    let made = world.get::<PersistentVolumeClaim>("web-scratch");
    assert_eq!(made.metadata.labels.as_ref().unwrap()["of"], "pod");
    // Nobody protects it: as if the controller that does were late.
    let mut free = PersistentVolumeClaim::clone(&made);
    free.metadata.finalizers = None;
    let admin = world.admin.clone();
    world.server.update(&admin, free).unwrap();
    let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    let resource = PersistentVolumeClaim::RESOURCE;
    world.server.delete_object(&admin, resource, "default", "web-scratch", &options).unwrap();
    world.advance(1.0);
    let again = world.get::<PersistentVolumeClaim>("web-scratch");
    assert_ne!(again.metadata.uid, made.metadata.uid);
    world.server.delete_object(&admin, "pods", "default", "web", &options).unwrap();
    world.advance(5.0);
    assert!(claims(&world).is_empty(), "{:?}", claims(&world));
}
