//! Who owns whom, kept from the changes of every kind. A change costs as much as the object has owners and dependents.
//!
//! Models Kubernetes 1.36 pkg/controller/garbagecollector/graph.go and graph_builder.go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::apimachinery::{Object, ObjectKey, meta};

/// The finalizer of an object that goes after its dependents.
pub const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an object that leaves its dependents behind.
pub const ORPHAN: &str = "orphan";

type Uid = Arc<str>;

/// An object as the collector sees it.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it is.
    pub key: ObjectKey,
    /// Its uid.
    pub uid: Uid,
    /// What it lives for.
    pub owners: Vec<OwnerReference>,
    /// Whether its deletion has been asked for.
    pub deleting: bool,
    /// Whether it waits for its dependents to go.
    pub foreground: bool,
    /// Whether it waits for its dependents to be released.
    pub orphan: bool,
}

impl Node {
    fn of(object: &dyn Object) -> Self {
        let meta = object.meta();
        Self {
            key: ObjectKey::of(object),
            uid: meta::uid(meta).into(),
            owners: meta.owner_references.clone().unwrap_or_default(),
            deleting: meta::is_deleting(meta),
            foreground: meta::has_finalizer(meta, FOREGROUND),
            orphan: meta::has_finalizer(meta, ORPHAN),
        }
    }

    /// Whether the object says no more than what is known of it.
    fn tells(&self, object: &dyn Object) -> bool {
        let meta = object.meta();
        self.key.resource.as_ref() == object.resource()
            && self.key.namespace.as_ref() == meta::namespace(meta)
            && self.key.name.as_ref() == meta::name(meta)
            && self.owners.as_slice() == meta.owner_references.as_deref().unwrap_or_default()
            && self.deleting == meta::is_deleting(meta)
            && self.foreground == meta::has_finalizer(meta, FOREGROUND)
            && self.orphan == meta::has_finalizer(meta, ORPHAN)
    }

    /// Whether it is being deleted and waits for its dependents to go first.
    pub fn deletes_dependents(&self) -> bool {
        self.deleting && self.foreground
    }
}

/// The graph.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: BTreeMap<Uid, Node>,
    by_key: BTreeMap<ObjectKey, Uid>,
    dependents: BTreeMap<Uid, BTreeSet<Uid>>,
}

impl Graph {
    /// The object at this place.
    pub fn at(&self, key: &ObjectKey) -> Option<&Node> {
        self.nodes.get(self.by_key.get(key)?)
    }

    /// The object with this uid.
    pub fn node(&self, uid: &str) -> Option<&Node> {
        self.nodes.get(uid)
    }

    /// The objects that name this uid as an owner.
    pub fn dependents(&self, uid: &str) -> impl Iterator<Item = &Node> {
        self.dependents.get(uid).into_iter().flatten().filter_map(|uid| self.nodes.get(uid))
    }

    /// Takes in an object; gives back what has to be looked at.
    pub fn put(&mut self, object: &dyn Object) -> Vec<ObjectKey> {
        let old = self.nodes.get(meta::uid(object.meta()));
        if old.is_some_and(|old| old.tells(object)) {
            return Vec::new();
        }
        let (node, old) = (Node::of(object), old.cloned());
        let mut affected = Vec::new();
        // Another object has had this name: the log has skipped its end.
        if let Some(uid) = self.by_key.get(&node.key).filter(|uid| **uid != node.uid).cloned() {
            affected.extend(self.forget(&uid));
        }
        let old_owners: BTreeSet<String> = owner_uids(old.as_ref());
        let new_owners: BTreeSet<String> = owner_uids(Some(&node));
        for owner in new_owners.difference(&old_owners) {
            self.dependents.entry(owner.as_str().into()).or_default().insert(Arc::clone(&node.uid));
        }
        for owner in old_owners.difference(&new_owners) {
            self.unlink(owner, &node.uid);
        }
        // An owner that waits for this object may have been set free by the change.
        for owner in &old_owners {
            affected.extend(self.waiting_owner(owner));
        }
        let wakes_dependents = node.deletes_dependents() && !old.as_ref().is_some_and(Node::deletes_dependents);
        if wakes_dependents {
            affected.extend(self.dependents(&node.uid).map(|dependent| dependent.key.clone()));
        }
        let has_work = !node.owners.is_empty() || (node.deleting && (node.foreground || node.orphan));
        if has_work {
            affected.push(node.key.clone());
        }
        self.by_key.insert(node.key.clone(), Arc::clone(&node.uid));
        self.nodes.insert(Arc::clone(&node.uid), node);
        affected
    }

    /// Takes an object out; gives back what has to be looked at.
    pub fn remove(&mut self, object: &dyn Object) -> Vec<ObjectKey> {
        self.forget(meta::uid(object.meta()))
    }

    fn forget(&mut self, uid: &str) -> Vec<ObjectKey> {
        let Some(node) = self.nodes.remove(uid) else { return Vec::new() };
        if self.by_key.get(&node.key).is_some_and(|held| **held == *uid) {
            self.by_key.remove(&node.key);
        }
        let mut affected: Vec<ObjectKey> = self.dependents(uid).map(|dependent| dependent.key.clone()).collect();
        for owner in &node.owners {
            self.unlink(&owner.uid, &node.uid);
            affected.extend(self.waiting_owner(&owner.uid));
        }
        affected
    }

    fn waiting_owner(&self, uid: &str) -> Option<ObjectKey> {
        self.nodes.get(uid).filter(|owner| owner.deletes_dependents()).map(|owner| owner.key.clone())
    }

    fn unlink(&mut self, owner: &str, dependent: &Uid) {
        if let Some(dependents) = self.dependents.get_mut(owner) {
            dependents.remove(dependent);
            if dependents.is_empty() {
                self.dependents.remove(owner);
            }
        }
    }
}

fn owner_uids(node: Option<&Node>) -> BTreeSet<String> {
    node.into_iter().flat_map(|node| node.owners.iter().map(|owner| owner.uid.clone())).collect()
}
