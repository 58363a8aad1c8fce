//! The provisioners of practice machines: they make a volume out of a directory of a node.
//!
//! `PROVISIONERS` is the one list; a StorageClass that names one of them has its volumes made. What they tell and how
//! a volume looks is as the programs of these names do it.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::json;

use super::{PROVISIONED_BY, annotate, claim_key};
use crate::api::volumes as rules;
use crate::apimachinery::{Kind, Object, ObjectKey, Status, decode, meta};
use crate::apiserver::DeleteOptions;
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::controllers::pod_control::ignore_not_found;
use crate::controllers::{Context, Controller};
use crate::sim::{Seed, Time};

/// How long it takes to make or remove a directory: a Pod is started for it.
const WORK: Duration = Duration::from_secs(2);
/// How long a failed attempt waits.
const RETRY: Duration = Duration::from_secs(15);

/// Who makes volumes: the name in classes, where the directories are, and whether a volume is tied to its node.
static PROVISIONERS: &[(&str, &str, bool)] = &[
    ("rancher.io/local-path", "/opt/local-path-provisioner", true),
    ("k8s.io/minikube-hostpath", "/tmp/hostpath-provisioner", false),
];

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Provisioner {
    /// What is being made or removed, since when.
    begun: BTreeMap<ObjectKey, Time>,
}

/// A new provisioner.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(Provisioner::default())
}

impl Controller for Provisioner {
    fn name(&self) -> &'static str {
        "rancher.io/local-path"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:local-path-storage:local-path-provisioner-service-account"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![PersistentVolume::RESOURCE, PersistentVolumeClaim::RESOURCE, StorageClass::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        if let Some(object) = delta.object().filter(|object| object.resource() != StorageClass::RESOURCE) {
            queue.add_at(ObjectKey::of(&**object), now);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        if &*key.resource == PersistentVolume::RESOURCE { self.remove(key, context) } else { self.make(key, context) }
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

fn known(name: &str) -> Option<&'static (&'static str, &'static str, bool)> {
    PROVISIONERS.iter().find(|(known, ..)| *known == name)
}

impl Provisioner {
    /// Whether the work on `key` has been going on for long enough; begins it when it has not.
    fn is_done(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> bool {
        let due = *self.begun.entry(key.clone()).or_insert(context.now) + WORK;
        if due > context.now {
            context.queue.add_at(key.clone(), due);
            return false;
        }
        self.begun.remove(key);
        true
    }

    fn make(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Ok(claim) = context.client.get::<PersistentVolumeClaim>(&key.namespace, &key.name) else {
            self.begun.remove(key);
            return Ok(());
        };
        let asked = meta::annotation(&claim.metadata, "volume.kubernetes.io/storage-provisioner");
        let Some((_, root, tied)) = asked.and_then(known) else { return Ok(()) };
        let class = context.client.get::<StorageClass>("", rules::class_of(&claim));
        let (Ok(class), "") = (class, rules::volume_of(&claim)) else { return Ok(()) };
        let name = format!("pvc-{}", meta::uid(&claim.metadata));
        if meta::is_deleting(&claim.metadata) || context.client.get::<PersistentVolume>("", &name).is_ok() {
            return Ok(());
        }
        let node = meta::annotation(&claim.metadata, rules::SELECTED_NODE).map(str::to_owned);
        if !self.begun.contains_key(key) {
            let place = format!("{}/{}", key.namespace, key.name);
            let message = format!("External provisioner is provisioning volume for claim \"{place}\"");
            context.events.event(&mut context.client, &*claim, EventType::Normal, "Provisioning", &message);
        }
        let exists = |node: &String| context.client.get::<Node>("", node).is_ok();
        if *tied && !node.as_ref().is_some_and(exists) {
            let class = rules::class_of(&claim);
            let why = "configuration error, no node was specified";
            let message = format!("failed to provision volume with StorageClass \"{class}\": {why}");
            context.events.event(&mut context.client, &*claim, EventType::Warning, "ProvisioningFailed", &message);
            context.queue.add_at(key.clone(), context.now + RETRY);
            return Ok(());
        }
        if !self.is_done(key, context) {
            return Ok(());
        }
        let volume = volume(&claim, &class, &name, root, node.as_deref().filter(|_| *tied));
        context.client.create(volume)?;
        let message = format!("Successfully provisioned volume {name}");
        context.events.event(&mut context.client, &*claim, EventType::Normal, "ProvisioningSucceeded", &message);
        Ok(())
    }

    /// Removes a volume that it has made and that nobody claims any more.
    fn remove(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Ok(volume) = context.client.get::<PersistentVolume>("", &key.name) else {
            self.begun.remove(key);
            return Ok(());
        };
        let own = meta::annotation(&volume.metadata, PROVISIONED_BY).and_then(known).is_some();
        let spec = volume.spec.clone().unwrap_or_default();
        let released = volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Released");
        let unclaimed = claim_key(&volume)
            .is_none_or(|claim| context.client.get::<PersistentVolumeClaim>(&claim.namespace, &claim.name).is_err());
        let delete = spec.persistent_volume_reclaim_policy.as_deref() == Some("Delete");
        if !own || !released || !unclaimed || !delete || !self.is_done(key, context) {
            return Ok(());
        }
        let options = DeleteOptions::default();
        context.client.delete::<PersistentVolume>("", &key.name, &options).or_else(ignore_not_found)
    }
}

fn volume(
    claim: &PersistentVolumeClaim,
    class: &StorageClass,
    name: &str,
    root: &str,
    node: Option<&str>,
) -> PersistentVolume {
    let spec = claim.spec.clone().unwrap_or_default();
    let (namespace, own) = (meta::namespace(&claim.metadata), meta::name(&claim.metadata));
    let value = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: class.provisioner}},
        "spec": {
            "accessModes": spec.access_modes, "volumeMode": spec.volume_mode,
            "capacity": {"storage": rules::requested_storage(claim).to_string()},
            "claimRef": {
                "apiVersion": claim.api_version(), "kind": claim.kind(), "name": own, "namespace": namespace,
                "uid": claim.metadata.uid, "resourceVersion": claim.metadata.resource_version,
            },
            "hostPath": {"path": format!("{root}/{name}_{namespace}_{own}"), "type": "DirectoryOrCreate"},
            "persistentVolumeReclaimPolicy": class.reclaim_policy,
            "storageClassName": class.metadata.name,
        },
    });
    let mut volume: PersistentVolume = decode(value).unwrap_or_default();
    if let Some(node) = node {
        let rule = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [node]});
        let affinity = json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}});
        volume.spec.get_or_insert_default().node_affinity = decode(affinity).ok();
        annotate(&mut volume, "local.path.provisioner/selected-node", node);
    }
    volume
}
