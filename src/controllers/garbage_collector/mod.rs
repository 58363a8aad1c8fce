//! The garbage collector: deletes what has lost all its owners, keeps owners until their dependents are gone when that
//! is asked for, and sets dependents free when it is asked for that.
//!
//! Refuses to touch an object whose owners' kinds it does not know.
//! Models Kubernetes 1.36 pkg/controller/garbagecollector/garbagecollector.go.

mod graph;

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use self::graph::{FOREGROUND, Graph, Node, ORPHAN};
use super::pod_control::ignore_not_found;
use super::{Context, Controller};
use crate::api;
use crate::apimachinery::{ObjectKey, Reason, Status, meta};
use crate::apiserver::{ApiServer, DeleteOptions, Precondition, Propagation};
use crate::client::{Caches, Delta, EventRecorder, EventType, WorkQueue};
use crate::sim::{Seed, Time};

/// See the module.
#[derive(Clone, Debug)]
pub struct GarbageCollector {
    graph: Graph,
    events: EventRecorder,
    /// Objects of which an owner in another namespace has been told.
    told: BTreeSet<String>,
}

/// A new garbage collector.
pub fn new(_: Seed) -> Box<dyn Controller> {
    let events = EventRecorder::new("garbage-collector-controller", "");
    Box::new(GarbageCollector { graph: Graph::default(), events, told: BTreeSet::new() })
}

/// What has become of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// It is there, and stays for all that is known.
    Solid,
    /// It is gone, or another object has its name.
    Dangling,
    /// It is being deleted and waits for its dependents.
    Waiting,
}

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbage-collector-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:generic-garbage-collector"
    }

    fn watches(&self) -> Vec<&'static str> {
        // Events own nothing and have no owners, and there are many of them.
        api::KINDS.iter().map(|kind| kind.info().resource).filter(|resource| *resource != "events").collect()
    }

    fn watches_custom_resources(&self) -> bool {
        true
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        let affected = match (&delta.new, &delta.old) {
            (Some(object), _) => self.graph.put(&**object),
            (None, Some(object)) => self.graph.remove(&**object),
            (None, None) => return,
        };
        for key in affected {
            queue.add_at(key, now);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        self.tell_of_strangers(key, context);
        let Some(node) = self.graph.at(key) else { return Ok(()) };
        if node.deleting && node.orphan {
            return self.set_dependents_free(node, context);
        }
        if node.deletes_dependents() {
            return self.wait_for_dependents(node, context);
        }
        if node.deleting || node.owners.is_empty() {
            return Ok(());
        }
        self.collect(node, context)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

impl GarbageCollector {
    fn owner_state(&self, node: &Node, owner: &OwnerReference, server: &ApiServer) -> Owner {
        if !server.serves(&owner.api_version, &owner.kind) || owner.kind == "Event" {
            return Owner::Solid;
        }
        if node.key.namespace.is_empty() && server.is_namespaced(&owner.api_version, &owner.kind) {
            // Nobody can look such an owner up: the object is left alone.
            return Owner::Solid;
        }
        match self.graph.node(&owner.uid) {
            // An owner in another namespace is none, and neither is one of another name.
            Some(held) if is_stranger(held, node) || *held.key.name != *owner.name => Owner::Dangling,
            Some(held) if held.deletes_dependents() => Owner::Waiting,
            Some(_) => Owner::Solid,
            None => Owner::Dangling,
        }
    }

    /// Warns of an owner that is in another namespace, once an object.
    fn tell_of_strangers(&mut self, key: &ObjectKey, context: &mut Context<'_>) {
        let Some(node) = self.graph.at(key).filter(|node| !node.owners.is_empty()) else { return };
        let held = |owner: &&OwnerReference| self.graph.node(&owner.uid).is_some_and(|held| is_stranger(held, node));
        let Some(owner) = node.owners.iter().find(held) else { return };
        if !self.told.insert(node.uid.to_string()) {
            return;
        }
        let namespace = &key.namespace;
        let message = format!(
            "ownerRef [{}/{}, namespace: {namespace}, name: {}, uid: {}] does not exist in namespace {namespace:?}",
            owner.api_version, owner.kind, owner.name, owner.uid
        );
        if let Some(object) = context.caches.object(&key.resource, namespace, &key.name).cloned() {
            let reason = "OwnerRefInvalidNamespace";
            self.events.event(&mut context.client, &*object, EventType::Warning, reason, &message);
        }
    }

    /// Deletes an object that has no owner left, or takes the lost owners off its list.
    fn collect(&self, node: &Node, context: &mut Context<'_>) -> Result<(), Status> {
        let server: &ApiServer = context.client.server();
        let states: Vec<(&OwnerReference, Owner)> =
            node.owners.iter().map(|owner| (owner, self.owner_state(node, owner, server))).collect();
        let any = |state| states.iter().any(|(_, held)| *held == state);
        if any(Owner::Solid) {
            let lost: BTreeSet<&str> = states
                .iter()
                .filter(|(_, state)| *state != Owner::Solid)
                .map(|(owner, _)| owner.uid.as_str())
                .collect();
            if lost.is_empty() {
                return Ok(());
            }
            return change_meta(context, node, |meta| drop_owners(meta, |owner| lost.contains(owner.uid.as_str())));
        }
        let has_dependents = self.graph.dependents(&node.uid).next().is_some();
        let propagation = if any(Owner::Waiting) && has_dependents {
            if self.graph.dependents(&node.uid).any(Node::deletes_dependents) {
                // Two that wait for one another: this one's owners need not wait for it.
                change_meta(context, node, |meta| {
                    for owner in meta.owner_references.iter_mut().flatten() {
                        owner.block_owner_deletion = Some(false);
                    }
                })?;
            }
            Propagation::Foreground
        } else if node.orphan {
            Propagation::Orphan
        } else if node.foreground {
            Propagation::Foreground
        } else {
            Propagation::Background
        };
        let options = DeleteOptions {
            propagation: Some(propagation),
            precondition: Precondition { uid: Some(node.uid.to_string()), resource_version: None },
            ..DeleteOptions::default()
        };
        let deleted =
            context.client.delete_by_resource(&node.key.resource, &node.key.namespace, &node.key.name, &options);
        deleted.or_else(|error| if error.reason == Reason::Conflict { Ok(()) } else { ignore_not_found(error) })
    }

    /// Lets an object go once nothing blocks it any more.
    fn wait_for_dependents(&self, node: &Node, context: &mut Context<'_>) -> Result<(), Status> {
        let blocks = |dependent: &&Node| {
            dependent.owners.iter().any(|owner| *owner.uid == *node.uid && owner.block_owner_deletion == Some(true))
        };
        let blocking: Vec<&Node> = self.graph.dependents(&node.uid).filter(blocks).collect();
        if blocking.is_empty() {
            return change_meta(context, node, |meta| {
                meta::remove_finalizer(meta, FOREGROUND);
            });
        }
        for dependent in blocking.iter().filter(|dependent| !dependent.deleting) {
            context.queue.add_at(dependent.key.clone(), context.now);
        }
        Ok(())
    }

    /// Takes the object off its dependents' lists of owners, then lets it go.
    fn set_dependents_free(&self, node: &Node, context: &mut Context<'_>) -> Result<(), Status> {
        for dependent in self.graph.dependents(&node.uid) {
            change_meta(context, dependent, |meta| drop_owners(meta, |owner| *owner.uid == *node.uid))?;
        }
        change_meta(context, node, |meta| {
            meta::remove_finalizer(meta, ORPHAN);
        })
    }
}

/// Whether an owner is in a namespace that is not its dependent's.
fn is_stranger(owner: &Node, dependent: &Node) -> bool {
    !owner.key.namespace.is_empty() && owner.key.namespace != dependent.key.namespace
}

fn drop_owners(meta: &mut ObjectMeta, drops: impl Fn(&OwnerReference) -> bool) {
    if let Some(owners) = meta.owner_references.as_mut() {
        owners.retain(|owner| !drops(owner));
        if owners.is_empty() {
            meta.owner_references = None;
        }
    }
}

/// Changes the metadata of an object as the caches hold it. That it is gone meanwhile is no failure.
fn change_meta(context: &mut Context<'_>, node: &Node, change: impl FnOnce(&mut ObjectMeta)) -> Result<(), Status> {
    let key = &node.key;
    let Some(held) = context.caches.object(&key.resource, &key.namespace, &key.name) else { return Ok(()) };
    if meta::uid(held.meta()) != &*node.uid {
        return Ok(());
    }
    let mut object = held.clone_object();
    change(object.meta_mut());
    if object.meta() == held.meta() {
        return Ok(());
    }
    context.client.update_any(object).map(|_| ()).or_else(ignore_not_found)
}
