//! From the choice of a node to the Pod's binding: the claims that waited for the choice come first.
//!
//! Models Kubernetes 1.36 pkg/scheduler/schedule_one.go (bindingCycle) and plugins/volumebinding/binder.go
//! (AssumePodVolumes, BindPodVolumes).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Binding as BindingObject, ObjectReference, PersistentVolume, PersistentVolumeClaim, Pod,
};

use super::filters::{Volumes, claim_names};
use super::reasons::Plugin;
use super::{Failure, Scheduler};
use crate::api::volumes;
use crate::apimachinery::{Kind, Object, ObjectKey, Status, meta};
use crate::apiserver::ApiServer;
use crate::client::{Client, EventType, Note};
use crate::sim::Time;

/// How long a Pod's volumes may take.
const BIND_TIMEOUT: Duration = Duration::from_secs(600);

/// A Pod that has a node and waits for its volumes.
#[derive(Clone, Debug)]
pub struct Binding {
    pod: Arc<Pod>,
    node: Arc<str>,
    /// When the wait is given up.
    pub deadline: Time,
}

impl Scheduler {
    /// Gives the Pod its node: at once, or when what has to be done about its claims has been done.
    pub(super) fn place(
        &mut self,
        server: &mut ApiServer,
        key: ObjectKey,
        pod: &Arc<Pod>,
        node: &Arc<str>,
        todo: &Volumes,
    ) {
        // Assume the Pod before its change comes back, so that the next one is weighed against it.
        self.nodes.entry(Arc::clone(node)).or_default().add_pod(Arc::clone(pod));
        self.assumed.insert(meta::uid(&pod.metadata).to_owned(), Arc::clone(node));
        if todo.bind.is_empty() && todo.provision.is_empty() {
            return self.bind(server, &key, pod, node);
        }
        let mut client = Client::new(server, &self.caller);
        if let Err(error) = prepare(&mut client, node, todo) {
            return self.give_up(server, &key, pod, node, &error.to_string());
        }
        if let Ok(stored) = client.get::<Pod>(&key.namespace, &key.name) {
            let mut changed = Pod::clone(&stored);
            changed.status.get_or_insert_default().nominated_node_name = Some(node.to_string());
            let _ = client.update_status(changed);
        }
        self.queue.forget(&key);
        let deadline = client.now() + BIND_TIMEOUT;
        self.binding.insert(key, Binding { pod: Arc::clone(pod), node: Arc::clone(node), deadline });
    }

    /// Goes on with one Pod whose volumes are bound, or whose time is up; says whether there was one.
    pub(super) fn finish_binding(&mut self, server: &mut ApiServer, now: Time) -> bool {
        let claim = |namespace: &str, name: &str| self.caches.get::<PersistentVolumeClaim>(namespace, name);
        let is_bound = |pod: &Pod| {
            claim_names(pod).all(|name| {
                claim(meta::namespace(&pod.metadata), &name).is_some_and(|claim| volumes::is_fully_bound(&claim))
            })
        };
        // A provisioner that fails takes its node away from the claim.
        let failed = |pod: &Pod, node: &str| {
            claim_names(pod).find(|name| {
                claim(meta::namespace(&pod.metadata), name).is_none_or(|claim| {
                    volumes::volume_of(&claim).is_empty()
                        && meta::annotation(&claim.metadata, volumes::SELECTED_NODE).is_some_and(|held| held != node)
                })
            })
        };
        let gone = |key: &ObjectKey| self.caches.get::<Pod>(&key.namespace, &key.name).is_none();
        let next = self.binding.iter().find(|(key, binding)| {
            gone(key)
                || is_bound(&binding.pod)
                || binding.deadline <= now
                || failed(&binding.pod, &binding.node).is_some()
        });
        let Some((key, binding)) = next.map(|(key, binding)| (key.clone(), binding.clone())) else { return false };
        let (bound, failed, gone) = (is_bound(&binding.pod), failed(&binding.pod, &binding.node), gone(&key));
        self.binding.remove(&key);
        if gone {
            return true;
        }
        if bound {
            self.bind(server, &key, &binding.pod, &binding.node);
        } else {
            let why = match failed {
                Some(name) => format!("provisioning failed for PVC \"{name}\""),
                None => "binding volumes: context deadline exceeded".to_owned(),
            };
            self.queue.add(key.clone(), Arc::clone(&binding.pod));
            self.queue.pop(now);
            self.give_up(server, &key, &binding.pod, &binding.node, &why);
        }
        true
    }

    fn bind(&mut self, server: &mut ApiServer, key: &ObjectKey, pod: &Arc<Pod>, node: &Arc<str>) {
        let mut binding = BindingObject::default();
        binding.metadata.namespace = pod.metadata.namespace.clone();
        binding.metadata.name = pod.metadata.name.clone();
        binding.metadata.uid = pod.metadata.uid.clone();
        binding.target = ObjectReference {
            kind: Some("Node".to_owned()),
            name: Some(node.to_string()),
            ..ObjectReference::default()
        };
        let mut client = Client::new(server, &self.caller);
        if client.bind(&binding).is_err() {
            // The Pod has gone or is bound: the next change tells.
            self.unassume(pod, node);
            return self.queue.forget(key);
        }
        self.nominated.set(pod, "");
        let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
        let note = Note { kind: EventType::Normal, reason: "Scheduled", action: "Binding", message: &message };
        self.events.event(&mut client, &**pod, None, note);
        self.queue.placed(key);
    }

    fn unassume(&mut self, pod: &Arc<Pod>, node: &str) {
        self.assumed.remove(meta::uid(&pod.metadata));
        if let Some(info) = self.nodes.get_mut(node) {
            info.remove_pod(pod);
        }
    }

    fn give_up(&mut self, server: &mut ApiServer, key: &ObjectKey, pod: &Arc<Pod>, node: &str, why: &str) {
        self.unassume(pod, node);
        let failure = Failure {
            message: format!("running PreBind plugin \"VolumeBinding\": {why}"),
            refused_by: [Plugin::VolumeBinding].into(),
            room: None,
        };
        self.fail(server, key, pod, failure);
    }
}

/// Binds volumes to claims, and tells provisioners the node.
fn prepare(client: &mut Client<'_>, node: &str, todo: &Volumes) -> Result<(), Status> {
    for (volume, claim) in &todo.bind {
        let mut volume = PersistentVolume::clone(volume);
        volume.spec.get_or_insert_default().claim_ref = Some(ObjectReference {
            api_version: Some(claim.api_version().to_owned()),
            kind: Some(claim.kind().to_owned()),
            name: claim.metadata.name.clone(),
            namespace: claim.metadata.namespace.clone(),
            uid: claim.metadata.uid.clone(),
            resource_version: claim.metadata.resource_version.clone(),
            field_path: None,
        });
        annotate(&mut volume, volumes::BOUND_BY_CONTROLLER, "yes");
        client.update(volume)?;
    }
    for claim in &todo.provision {
        let mut claim = PersistentVolumeClaim::clone(claim);
        annotate(&mut claim, volumes::SELECTED_NODE, node);
        client.update(claim)?;
    }
    Ok(())
}

fn annotate<T: Kind>(object: &mut T, key: &str, value: &str) {
    object.meta_mut().annotations.get_or_insert_default().insert(key.to_owned(), value.to_owned());
}
