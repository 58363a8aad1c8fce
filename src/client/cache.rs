//! What a component knows of the cluster: objects pulled from the server's log, indexed by controller.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/cache (shared informers): a cache may lag behind the
//! server, and after a gap in the log it lists again and reports the differences.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::apimachinery::{Kind, Object, ResourceName, downcast, meta};
use crate::apiserver::ApiServer;
use crate::storage::ChangeKind;

/// A change that a cache has taken in. `old` is what the cache held before, `new` what it holds now.
#[derive(Clone, Debug)]
pub struct Delta {
    /// Such as `pods`.
    pub resource: ResourceName,
    /// The object before; `None` when it is new.
    pub old: Option<Arc<dyn Object>>,
    /// The object now; `None` when it is gone.
    pub new: Option<Arc<dyn Object>>,
}

impl Delta {
    /// The object now, or its last state when it is gone.
    pub fn object(&self) -> Option<&Arc<dyn Object>> {
        self.new.as_ref().or(self.old.as_ref())
    }
}

type Key = (Arc<str>, Arc<str>);
type Names = BTreeMap<Arc<str>, Arc<dyn Object>>;

/// The objects of one resource.
#[derive(Clone, Debug)]
pub struct Cache {
    resource: ResourceName,
    revision: u64,
    /// By namespace and name.
    objects: BTreeMap<Arc<str>, Names>,
    by_controller: BTreeMap<Arc<str>, BTreeSet<Key>>,
}

impl Cache {
    /// An empty cache that has seen nothing yet.
    pub fn new(resource: &str) -> Self {
        Self { resource: resource.into(), revision: 0, objects: BTreeMap::new(), by_controller: BTreeMap::new() }
    }

    /// Takes in what has changed since the last pull.
    pub fn pull(&mut self, server: &ApiServer) -> Vec<Delta> {
        let revision = server.store().revision();
        if revision == self.revision {
            return Vec::new();
        }
        let deltas = match server.store().since(&self.resource, self.revision) {
            Ok(changes) => {
                let changes: Vec<_> =
                    changes.map(|change| (change.kind == ChangeKind::Deleted, Arc::clone(&change.object))).collect();
                changes.into_iter().map(|(gone, object)| self.apply(object, gone)).collect()
            }
            Err(_) => self.relist(server),
        };
        self.revision = revision;
        deltas
    }

    fn apply(&mut self, object: Arc<dyn Object>, gone: bool) -> Delta {
        let (namespace, name) = (meta::namespace(object.meta()), meta::name(object.meta()));
        let held = self.objects.get_mut(namespace).and_then(|names| names.get_mut(name));
        let old = match held {
            Some(held) if !gone => Some(std::mem::replace(held, Arc::clone(&object))),
            Some(_) => self.forget(namespace, name),
            None => {
                if !gone {
                    let names = self.objects.entry(namespace.into()).or_default();
                    names.insert(name.into(), Arc::clone(&object));
                }
                None
            }
        };
        let (before, after) = (old.as_ref().map(controller_uid), (!gone).then(|| controller_uid(&object)));
        if before != after {
            let key: Key = (namespace.into(), name.into());
            if let Some(uid) = before
                && let Some(keys) = self.by_controller.get_mut(uid)
            {
                keys.remove(&key);
                if keys.is_empty() {
                    self.by_controller.remove(uid);
                }
            }
            if let Some(uid) = after {
                self.by_controller.entry(uid.into()).or_default().insert(key);
            }
        }
        let old = if gone { Some(object.clone()) } else { old };
        Delta { resource: Arc::clone(&self.resource), old, new: (!gone).then_some(object) }
    }

    fn forget(&mut self, namespace: &str, name: &str) -> Option<Arc<dyn Object>> {
        let names = self.objects.get_mut(namespace)?;
        let gone = names.remove(name);
        if names.is_empty() {
            self.objects.remove(namespace);
        }
        gone
    }

    fn object(&self, namespace: &str, name: &str) -> Option<&Arc<dyn Object>> {
        self.objects.get(namespace)?.get(name)
    }

    fn orphans_in<'a, T: Kind>(&'a self, namespace: &str) -> impl Iterator<Item = Arc<T>> + use<'a, T> {
        let from: Key = (namespace.into(), "".into());
        let keys = self.by_controller.get("").map(|keys| keys.range(from.clone()..));
        let keys = keys.into_iter().flatten().take_while(move |key| key.0 == from.0);
        keys.filter_map(|key| self.object(&key.0, &key.1)).filter_map(downcast)
    }

    fn relist(&mut self, server: &ApiServer) -> Vec<Delta> {
        let present: Vec<Arc<dyn Object>> = server.store().list(&self.resource, None).cloned().collect();
        let place = |object: &Arc<dyn Object>| -> Key {
            (meta::namespace(object.meta()).into(), meta::name(object.meta()).into())
        };
        let names: BTreeSet<Key> = present.iter().map(place).collect();
        let held = self.objects.values().flat_map(BTreeMap::values);
        let gone: Vec<Arc<dyn Object>> = held.filter(|object| !names.contains(&place(object))).cloned().collect();
        let mut deltas: Vec<Delta> = gone.into_iter().map(|object| self.apply(object, true)).collect();
        for object in present {
            let held = self.object(meta::namespace(object.meta()), meta::name(object.meta()));
            if held.is_none_or(|held| held.meta().resource_version != object.meta().resource_version) {
                deltas.push(self.apply(object, false));
            }
        }
        deltas
    }

    /// One object.
    pub fn get<T: Kind>(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.object(namespace, name).and_then(downcast)
    }

    /// All objects, by namespace and name.
    pub fn list<T: Kind>(&self) -> impl Iterator<Item = Arc<T>> + '_ {
        self.objects.values().flat_map(BTreeMap::values).filter_map(downcast)
    }

    /// The objects of a namespace, by name.
    pub fn in_namespace<'a, T: Kind>(&'a self, namespace: &str) -> impl Iterator<Item = Arc<T>> + use<'a, T> {
        self.objects.get(namespace).into_iter().flat_map(BTreeMap::values).filter_map(downcast)
    }

    /// The objects whose controller has this uid, by name.
    pub fn controlled_by<'a, T: Kind>(&'a self, uid: &str) -> impl Iterator<Item = Arc<T>> + use<'a, T> {
        let keys = self.by_controller.get(uid);
        keys.into_iter().flatten().filter_map(|key| self.object(&key.0, &key.1)).filter_map(downcast)
    }

    /// How many objects are held.
    pub fn len(&self) -> usize {
        self.objects.values().map(BTreeMap::len).sum()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// The uid of an object's controller, empty when it has none.
fn controller_uid(object: &Arc<dyn Object>) -> &str {
    meta::controller_of(object.meta()).map(|owner| owner.uid.as_str()).unwrap_or_default()
}

/// The caches of several resources, shared by the controllers of one process.
#[derive(Clone, Debug, Default)]
pub struct Caches {
    caches: BTreeMap<ResourceName, Cache>,
    revision: u64,
}

impl Caches {
    /// Caches of these resources, empty so far.
    pub fn new(resources: impl IntoIterator<Item = &'static str>) -> Self {
        let caches = resources.into_iter().map(|name| (ResourceName::from(name), Cache::new(name))).collect();
        Self { caches, revision: 0 }
    }

    /// Watches one more resource, from now on.
    pub fn add(&mut self, resource: &'static str) {
        self.caches.entry(resource.into()).or_insert_with(|| Cache::new(resource));
    }

    /// Whether the server has changed since the last pull.
    pub fn is_behind(&self, server: &ApiServer) -> bool {
        self.revision != server.store().revision()
    }

    /// The revision of the store that the caches have taken in.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Takes in what has changed, resource by resource.
    pub fn pull(&mut self, server: &ApiServer) -> Vec<Delta> {
        self.revision = server.store().revision();
        self.caches.values_mut().flat_map(|cache| cache.pull(server)).collect()
    }

    /// One object; `None` also when the kind is not watched.
    pub fn get<T: Kind>(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.caches.get(T::RESOURCE)?.get(namespace, name)
    }

    /// All objects of a kind.
    pub fn list<T: Kind>(&self) -> impl Iterator<Item = Arc<T>> + '_ {
        self.caches.get(T::RESOURCE).into_iter().flat_map(Cache::list)
    }

    /// The objects of a kind in a namespace.
    pub fn in_namespace<'a, T: Kind>(&'a self, namespace: &'a str) -> impl Iterator<Item = Arc<T>> + 'a {
        self.caches.get(T::RESOURCE).into_iter().flat_map(move |cache| cache.in_namespace(namespace))
    }

    /// The objects of a kind whose controller has this uid.
    pub fn controlled_by<'a, T: Kind>(&'a self, uid: &str) -> impl Iterator<Item = Arc<T>> + use<'a, T> {
        let uid = uid.to_owned();
        self.caches.get(T::RESOURCE).into_iter().flat_map(move |cache| cache.controlled_by(&uid))
    }

    /// The objects of a kind in a namespace that have no controller, by name.
    pub fn orphans_in<'a, T: Kind>(&'a self, namespace: &str) -> impl Iterator<Item = Arc<T>> + use<'a, T> {
        let namespace = namespace.to_owned();
        self.caches.get(T::RESOURCE).into_iter().flat_map(move |cache| cache.orphans_in(&namespace))
    }

    /// One object of any kind, by its resource (`jobs.batch`).
    pub fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<&Arc<dyn Object>> {
        self.caches.get(resource)?.object(namespace, name)
    }

    /// The objects of any kind in a namespace, by name.
    pub fn objects_in<'a>(
        &'a self,
        resource: &str,
        namespace: &str,
    ) -> impl Iterator<Item = &'a Arc<dyn Object>> + use<'a> {
        let objects = self.caches.get(resource).and_then(|cache| cache.objects.get(namespace));
        objects.into_iter().flat_map(BTreeMap::values)
    }
}
