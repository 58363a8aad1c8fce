//! Claims and volumes from the first look to the end of both.

use serde_json::{Value, json};

use crate::apimachinery::meta;
use crate::apiserver::DeleteOptions;
use crate::controllers::tests::World;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};

fn volume(name: &str, size: &str, class: &str, policy: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"],
        "storageClassName": class, "persistentVolumeReclaimPolicy": policy, "hostPath": {"path": "/data"}}})
}

fn claim(name: &str, size: &str, class: Option<&str>) -> Value {
    json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class,
        "resources": {"requests": {"storage": size}}}})
}

fn class(name: &str, mode: &str, provisioner: &str, default: bool) -> Value {
    json!({"metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": default.to_string()}},
        "provisioner": provisioner, "volumeBindingMode": mode})
}

impl World {
    fn phase_of(&self, volume: &str) -> String {
        let held = self.server.get::<PersistentVolume>("", volume);
        held.ok().and_then(|held| held.status.as_ref()?.phase.clone()).unwrap_or_default()
    }

    fn claim_phase(&self, name: &str) -> (String, String) {
        let held = self.get::<PersistentVolumeClaim>(name);
        let phase = held.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
        (phase, crate::api::volumes::volume_of(&held).to_owned())
    }

    fn remove<T: crate::apimachinery::Kind>(&mut self, namespace: &str, name: &str) {
        let now = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
        let admin = self.admin.clone();
        self.server.delete_object(&admin, T::RESOURCE, namespace, name, &now).unwrap();
    }
}

#[test]
fn a_claim_gets_the_smallest_volume_that_will_do() {
    for (name, volumes, asked, expected) in [
        ("1-1 - successful bind", vec![("v", "1Gi", "")], ("1Gi", ""), "v"),
        (
            "1-3 - bind to the smallest volume",
            vec![("small", "1Gi", ""), ("right", "2Gi", ""), ("big", "9Gi", "")],
            ("2Gi", ""),
            "right",
        ),
        ("1-4 - unbound claim, all volumes too small", vec![("v", "1Gi", "")], ("2Gi", ""), ""),
        ("13-1 - binding to class", vec![("v", "1Gi", ""), ("gold", "5Gi", "gold")], ("1Gi", "gold"), "gold"),
    ] {
        let mut world = World::new();
        for (name, size, class) in volumes {
            world.create("v1", "PersistentVolume", volume(name, size, class, "Retain"));
        }
        world.advance(1.0);
        world.create("v1", "PersistentVolumeClaim", claim("c", asked.0, Some(asked.1)));
        world.advance(1.0);
        let phase = if expected.is_empty() { "Pending" } else { "Bound" };
        assert_eq!(world.claim_phase("c"), (phase.to_owned(), expected.to_owned()), "{name}");
        if !expected.is_empty() {
            assert_eq!(world.phase_of(expected), "Bound", "{name}");
        }
    }
}

#[test]
fn what_becomes_of_a_volume_is_its_policys_to_say() {
    for (policy, expected) in [("Retain", "Released"), ("Delete", "Failed")] {
        let mut world = World::new();
        world.create("v1", "PersistentVolume", volume("v", "1Gi", "", policy));
        world.advance(1.0);
        world.create("v1", "PersistentVolumeClaim", claim("c", "1Gi", Some("")));
        world.advance(1.0);
        world.remove::<PersistentVolumeClaim>("default", "c");
        world.advance(1.0);
        assert_eq!(world.phase_of("v"), expected, "{policy}");
    }
    let mut world = World::new();
    let mut below_tmp = volume("v", "1Gi", "", "Delete");
    below_tmp["spec"]["hostPath"]["path"] = json!("/tmp/v");
    world.create("v1", "PersistentVolume", below_tmp);
    world.advance(1.0);
    world.create("v1", "PersistentVolumeClaim", claim("c", "1Gi", Some("")));
    world.advance(1.0);
    world.remove::<PersistentVolumeClaim>("default", "c");
    world.advance(1.0);
    assert!(world.server.get::<PersistentVolume>("", "v").is_err(), "a directory below /tmp goes with its volume");
    let mut world = World::new();
    world.create("v1", "PersistentVolume", volume("v", "1Gi", "", "Retain"));
    world.advance(1.0);
    world.create("v1", "PersistentVolumeClaim", claim("c", "1Gi", Some("")));
    world.advance(1.0);
    let mut held = PersistentVolume::clone(&world.server.get("", "v").unwrap());
    held.metadata.finalizers = None;
    let admin = world.admin.clone();
    world.server.update(&admin, held).unwrap();
    world.remove::<PersistentVolume>("", "v");
    world.advance(1.0);
    assert_eq!(world.claim_phase("c").0, "Lost");
    let told = world.events_of("PersistentVolumeClaim");
    assert_eq!(told, ["ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!"]);
}

#[test]
fn a_provisioner_makes_a_volume_when_the_node_is_known_and_removes_it_with_its_claim() {
    let mut world = World::new();
    let admin = world.admin.clone();
    world.create("v1", "Node", json!({"metadata": {"name": "node01"}}));
    world.create("v1", "PersistentVolumeClaim", claim("c", "1Gi", None));
    world.advance(1.0);
    let none = "FailedBinding no persistent volumes available for this claim and no storage class is set";
    assert_eq!(world.events_of("PersistentVolumeClaim"), [none]);
    let local = class("local-path", "WaitForFirstConsumer", "rancher.io/local-path", true);
    world.create("storage.k8s.io/v1", "StorageClass", local);
    world.advance(16.0);
    assert_eq!(
        world.get::<PersistentVolumeClaim>("c").spec.as_ref().unwrap().storage_class_name.as_deref(),
        Some("local-path")
    );
    let told = world.events_of("PersistentVolumeClaim");
    assert_eq!(told[1], "WaitForFirstConsumer waiting for first consumer to be created before binding");
    let mut held = PersistentVolumeClaim::clone(&world.get("c"));
    let annotations = held.metadata.annotations.get_or_insert_default();
    annotations.insert(crate::api::volumes::SELECTED_NODE.to_owned(), "node01".to_owned());
    world.server.update(&admin, held).unwrap();
    world.advance(1.0);
    assert_eq!(world.claim_phase("c").0, "Pending", "it takes its time");
    world.advance(3.0);
    let (phase, name) = world.claim_phase("c");
    assert_eq!((phase.as_str(), world.phase_of(&name).as_str()), ("Bound", "Bound"));
    let held = world.server.get::<PersistentVolume>("", &name).unwrap().clone();
    assert!(held.spec.as_ref().unwrap().node_affinity.is_some());
    let told = world.events_of("PersistentVolumeClaim");
    let external = "ExternalProvisioning Waiting for a volume to be created either by the external provisioner \
                    'rancher.io/local-path' or manually by the system administrator.";
    for expected in [
        external,
        "Provisioning External provisioner is provisioning volume for claim \"default/c\"",
        &format!("ProvisioningSucceeded Successfully provisioned volume {name}"),
    ] {
        assert!(told.iter().any(|event| event.starts_with(expected)), "{expected}: {told:?}");
    }
    world.remove::<PersistentVolumeClaim>("default", "c");
    world.advance(5.0);
    assert_eq!(world.phase_of(&name), "", "the volume goes with its claim");
}

#[test]
fn a_claim_in_use_stays_until_its_pod_is_gone() {
    let mut world = World::new();
    let admin = world.admin.clone();
    let mut kept = claim("c", "1Gi", Some(""));
    kept["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    world.create("v1", "PersistentVolumeClaim", kept);
    world.create("v1", "Node", json!({"metadata": {"name": "node01"}}));
    world.create(
        "v1",
        "Pod",
        json!({"metadata": {"name": "p"}, "spec": {"nodeName": "node01",
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
        "containers": [{"name": "c", "image": "busybox"}]}}),
    );
    world.advance(1.0);
    let now = DeleteOptions::default();
    world.server.delete_object(&admin, "persistentvolumeclaims", "default", "c", &now).unwrap();
    world.advance(1.0);
    assert!(meta::is_deleting(&world.get::<PersistentVolumeClaim>("c").metadata));
    world.remove::<Pod>("default", "p");
    world.advance(1.0);
    assert!(world.server.get::<PersistentVolumeClaim>("default", "c").is_err());
}

#[test]
fn a_claim_that_grows_waits_for_somebody_who_expands_its_volume() {
    let mut world = World::new();
    let mut growing = class("big", "Immediate", "kubernetes.io/no-provisioner", false);
    growing["allowVolumeExpansion"] = json!(true);
    world.create("storage.k8s.io/v1", "StorageClass", growing);
    world.create("v1", "PersistentVolume", volume("v", "1Gi", "big", "Retain"));
    world.create("v1", "PersistentVolumeClaim", claim("mine", "1Gi", Some("big")));
    world.advance(30.0);
    assert_eq!(world.claim_phase("mine"), ("Bound".to_owned(), "v".to_owned()));
    let told = "ExternalExpanding waiting for an external controller to expand this PVC".to_owned();
    assert!(!world.events_of("PersistentVolumeClaim").contains(&told));
    let mut larger = PersistentVolumeClaim::clone(&world.get("mine"));
    larger.spec.as_mut().unwrap().resources =
        Some(serde_json::from_value(json!({"requests": {"storage": "2Gi"}})).unwrap());
    let admin = world.admin.clone();
    world.server.update(&admin, larger).unwrap();
    world.advance(1.0);
    assert!(world.events_of("PersistentVolumeClaim").contains(&told));
}
