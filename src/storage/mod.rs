//! The revisioned store with etcd's semantics: one revision for all, a bounded log of changes per resource that
//! readers pull from. Knows nothing about kinds and validates nothing.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use crate::apimachinery::managed_fields::Origin;
use crate::apimachinery::{Object, ObjectKey, ResourceName};

/// How many changes a resource's log keeps; a reader that is further behind has to list again.
const LOG_LIMIT: usize = 16_384;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It was replaced by a newer version.
    Modified,
    /// It is gone.
    Deleted,
}

/// One entry of the log.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision that the change made.
    pub revision: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The object after the change; for a deletion its last state, with the revision of the deletion.
    pub object: Arc<dyn Object>,
    /// How that state came to be.
    pub origin: Arc<Origin>,
    /// The object before the change.
    pub previous: Option<Arc<dyn Object>>,
    /// How that one had come to be.
    pub previous_origin: Option<Arc<Origin>>,
    /// Who asked for it: the user or component name.
    pub by: Arc<str>,
}

/// An object as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The object.
    pub object: Arc<dyn Object>,
    /// How this version of it came to be.
    pub origin: Arc<Origin>,
}

/// A reader asked for a revision that the log no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOld {
    /// The oldest revision that can still be asked for.
    pub oldest: u64,
}

type Names = BTreeMap<Arc<str>, Stored>;

#[derive(Clone, Debug, Default)]
struct Bucket {
    objects: BTreeMap<Arc<str>, Names>,
    count: usize,
    log: VecDeque<Change>,
    /// Changes up to this revision have left the log.
    dropped: u64,
}

/// The store. A clone shares every bucket until one of the two writes to it.
#[derive(Clone, Debug, Default)]
pub struct Store {
    revision: u64,
    buckets: BTreeMap<ResourceName, Arc<Bucket>>,
}

impl Store {
    /// The revision of the last write.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// One object. `namespace` is empty for cluster-scoped objects.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<&Arc<dyn Object>> {
        self.stored(resource, namespace, name).map(|stored| &stored.object)
    }

    /// One object with its origin.
    pub fn stored(&self, resource: &str, namespace: &str, name: &str) -> Option<&Stored> {
        self.buckets.get(resource)?.objects.get(namespace)?.get(name)
    }

    /// The objects of a resource, by namespace and name; of one namespace when it is given.
    pub fn list<'a>(
        &'a self,
        resource: &str,
        namespace: Option<&str>,
    ) -> Box<dyn Iterator<Item = &'a Arc<dyn Object>> + 'a> {
        let Some(bucket) = self.buckets.get(resource) else { return Box::new(std::iter::empty()) };
        let object = |stored: &'a Stored| &stored.object;
        match namespace {
            Some(namespace) => {
                Box::new(bucket.objects.get(namespace).into_iter().flat_map(BTreeMap::values).map(object))
            }
            None => Box::new(bucket.objects.values().flat_map(BTreeMap::values).map(object)),
        }
    }

    /// As [`Store::list`], with origins, beginning after the object of this namespace and name.
    pub fn list_after<'a>(
        &'a self,
        resource: &str,
        namespace: Option<&str>,
        after: Option<(&str, &str)>,
    ) -> Box<dyn Iterator<Item = &'a Stored> + 'a> {
        let Some(bucket) = self.buckets.get(resource) else { return Box::new(std::iter::empty()) };
        let Some((in_namespace, name)) = after else {
            return match namespace {
                Some(namespace) => Box::new(bucket.objects.get(namespace).into_iter().flat_map(BTreeMap::values)),
                None => Box::new(bucket.objects.values().flat_map(BTreeMap::values)),
            };
        };
        let beyond = (Bound::Excluded(name), Bound::Unbounded);
        let same = bucket.objects.get(in_namespace).into_iter();
        let rest = same.flat_map(move |names| names.range::<str, _>(beyond)).map(|(_, stored)| stored);
        let rest: Vec<&Stored> = rest.collect();
        if namespace.is_some() {
            return Box::new(rest.into_iter());
        }
        let later = bucket.objects.range::<str, _>((Bound::Excluded(in_namespace), Bound::Unbounded));
        Box::new(rest.into_iter().chain(later.flat_map(|(_, names)| names.values())))
    }

    /// How many objects a resource has.
    pub fn count(&self, resource: &str) -> usize {
        self.buckets.get(resource).map_or(0, |bucket| bucket.count)
    }

    /// The resources that have ever been written to.
    pub fn resources(&self) -> impl Iterator<Item = &ResourceName> {
        self.buckets.keys()
    }

    /// Creates or replaces an object and stamps its `resourceVersion`. Returns what is stored.
    pub fn put(&mut self, mut object: Box<dyn Object>, origin: Arc<Origin>, by: &Arc<str>) -> Stored {
        self.revision += 1;
        object.meta_mut().resource_version = Some(self.revision.to_string());
        let stored = Stored { object: Arc::from(object), origin };
        let key = ObjectKey::of(&*stored.object);
        let bucket = Arc::make_mut(self.buckets.entry(key.resource).or_default());
        let previous = bucket.objects.entry(key.namespace).or_default().insert(key.name, stored.clone());
        let (previous, previous_origin) = previous.map(|previous| (previous.object, previous.origin)).unzip();
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        if previous.is_none() {
            bucket.count += 1;
        }
        let revision = self.revision;
        let Stored { object, origin } = stored.clone();
        bucket.append(Change { revision, kind, object, origin, previous, previous_origin, by: Arc::clone(by) });
        stored
    }

    /// Removes an object; the log gets its last state with the revision of the deletion.
    pub fn remove(&mut self, resource: &str, namespace: &str, name: &str, by: &Arc<str>) -> Option<Stored> {
        let bucket = Arc::make_mut(self.buckets.get_mut(resource)?);
        let names = bucket.objects.get_mut(namespace)?;
        let previous = names.remove(name)?;
        if names.is_empty() {
            bucket.objects.remove(namespace);
        }
        bucket.count -= 1;
        self.revision += 1;
        let mut last = previous.object.clone_object();
        last.meta_mut().resource_version = Some(self.revision.to_string());
        let (object, origin): (Arc<dyn Object>, _) = (Arc::from(last), previous.origin);
        let revision = self.revision;
        bucket.append(Change {
            revision,
            kind: ChangeKind::Deleted,
            object: Arc::clone(&object),
            origin: Arc::clone(&origin),
            previous: Some(previous.object),
            previous_origin: Some(Arc::clone(&origin)),
            by: Arc::clone(by),
        });
        Some(Stored { object, origin })
    }

    /// What a resource held at a revision, by namespace and name; of one namespace when it is given.
    ///
    /// # Errors
    /// [`TooOld`] when the log does not reach back so far.
    pub fn list_at(&self, resource: &str, namespace: Option<&str>, revision: u64) -> Result<Vec<Stored>, TooOld> {
        let key = |object: &dyn Object| {
            let meta = object.meta();
            (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
        };
        let mut held: BTreeMap<(String, String), Stored> =
            self.list_after(resource, namespace, None).map(|stored| (key(&*stored.object), stored.clone())).collect();
        // Back through the changes since then, the last one first.
        let changes: Vec<&Change> = self.since(resource, revision)?.collect();
        for change in changes.into_iter().rev() {
            let key = key(&*change.object);
            if namespace.is_some_and(|namespace| key.0 != namespace) {
                continue;
            }
            match (&change.previous, &change.previous_origin) {
                (Some(object), Some(origin)) => {
                    held.insert(key, Stored { object: Arc::clone(object), origin: Arc::clone(origin) });
                }
                _ => drop(held.remove(&key)),
            }
        }
        Ok(held.into_values().collect())
    }

    /// Forgets every change so far (etcd's compaction): a reader that has not seen them has to list again.
    pub fn compact(&mut self) {
        for bucket in self.buckets.values_mut() {
            Arc::make_mut(bucket).forget(self.revision);
        }
    }

    /// The changes of a resource after `revision`, oldest first.
    ///
    /// # Errors
    /// [`TooOld`] when some of them have left the log.
    pub fn since(&self, resource: &str, revision: u64) -> Result<impl Iterator<Item = &Change> + use<'_>, TooOld> {
        let bucket = self.buckets.get(resource);
        if let Some(bucket) = bucket
            && revision < bucket.dropped
        {
            return Err(TooOld { oldest: bucket.dropped });
        }
        let log = bucket.map(|bucket| {
            let from = bucket.log.partition_point(|change| change.revision <= revision);
            bucket.log.range(from..)
        });
        Ok(log.into_iter().flatten())
    }
}

impl Bucket {
    fn forget(&mut self, revision: u64) {
        self.log.clear();
        self.dropped = revision;
    }

    fn append(&mut self, change: Change) {
        if self.log.len() >= LOG_LIMIT
            && let Some(oldest) = self.log.pop_front()
        {
            self.dropped = oldest.revision;
        }
        self.log.push_back(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn config_map(name: &str) -> Box<dyn Object> {
        let mut object = ConfigMap::default();
        object.metadata.namespace = Some("default".to_owned());
        object.metadata.name = Some(name.to_owned());
        Box::new(object)
    }

    #[test]
    fn every_write_has_a_revision_of_its_own() {
        let (mut store, by) = (Store::default(), Arc::from("test"));
        store.put(config_map("a"), Origin::nobody(), &by);
        store.put(config_map("a"), Origin::nobody(), &by);
        store.remove("configmaps", "default", "a", &by);
        let log: Vec<_> = store.since("configmaps", 0).unwrap().map(|c| (c.revision, c.kind)).collect();
        assert_eq!(log, [(1, ChangeKind::Added), (2, ChangeKind::Modified), (3, ChangeKind::Deleted)]);
        assert_eq!(store.list("configmaps", None).count(), 0);
    }

    #[test]
    fn after_a_compaction_only_a_reader_that_is_up_to_date_goes_on() {
        let (mut store, by) = (Store::default(), Arc::from("test"));
        store.put(config_map("a"), Origin::nobody(), &by);
        store.put(config_map("b"), Origin::nobody(), &by);
        store.compact();
        assert_eq!(store.since("configmaps", 1).err(), Some(TooOld { oldest: 2 }));
        assert_eq!(store.since("configmaps", 2).unwrap().count(), 0);
        assert_eq!(store.list("configmaps", None).count(), 2);
    }

    #[test]
    fn a_reader_that_is_too_far_behind_is_told() {
        let (mut store, by) = (Store::default(), Arc::from("test"));
        for _ in 0..LOG_LIMIT + 2 {
            store.put(config_map("a"), Origin::nobody(), &by);
        }
        assert_eq!(store.since("configmaps", 1).err(), Some(TooOld { oldest: 2 }));
        assert_eq!(store.since("configmaps", 2).unwrap().count(), LOG_LIMIT);
    }

    #[test]
    fn the_past_can_be_listed() {
        let (mut store, by) = (Store::default(), Arc::from("test"));
        store.put(config_map("a"), Origin::nobody(), &by);
        store.put(config_map("b"), Origin::nobody(), &by);
        store.put(config_map("a"), Origin::nobody(), &by);
        store.remove("configmaps", "default", "b", &by);
        let at = |revision| -> Vec<(String, String)> {
            let listed = store.list_at("configmaps", Some("default"), revision).unwrap();
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            listed
                .iter()
                .map(|one| (text(&one.object.meta().name), text(&one.object.meta().resource_version)))
                .collect()
        };
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(at(1), [pair("a", "1")]);
        assert_eq!(at(2), [pair("a", "1"), pair("b", "2")]);
        assert_eq!(at(3), [pair("a", "3"), pair("b", "2")]);
        assert_eq!(at(4), [pair("a", "3")]);
    }

    #[test]
    fn a_clone_goes_its_own_way() {
        let (mut store, by) = (Store::default(), Arc::from("test"));
        store.put(config_map("a"), Origin::nobody(), &by);
        let kept = store.clone();
        store.put(config_map("b"), Origin::nobody(), &by);
        assert_eq!(kept.count("configmaps"), 1);
        assert_eq!(store.count("configmaps"), 2);
    }
}
