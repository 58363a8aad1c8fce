//! The revisioned store with etcd's semantics: one revision for all, a bounded log of changes per resource that
//! readers pull from. Knows nothing about kinds and validates nothing.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

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
    /// The object before the change.
    pub previous: Option<Arc<dyn Object>>,
    /// Who asked for it: the user or component name.
    pub by: Arc<str>,
}

/// A reader asked for a revision that the log no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOld {
    /// The oldest revision that can still be asked for.
    pub oldest: u64,
}

type Names = BTreeMap<Arc<str>, Arc<dyn Object>>;

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
        self.buckets.get(resource)?.objects.get(namespace)?.get(name)
    }

    /// The objects of a resource, by namespace and name; of one namespace when it is given.
    pub fn list<'a>(
        &'a self,
        resource: &str,
        namespace: Option<&str>,
    ) -> Box<dyn Iterator<Item = &'a Arc<dyn Object>> + 'a> {
        let Some(bucket) = self.buckets.get(resource) else { return Box::new(std::iter::empty()) };
        match namespace {
            Some(namespace) => Box::new(bucket.objects.get(namespace).into_iter().flat_map(BTreeMap::values)),
            None => Box::new(bucket.objects.values().flat_map(BTreeMap::values)),
        }
    }

    /// As [`Store::list`], beginning after the object of this namespace and name.
    pub fn list_after<'a>(
        &'a self,
        resource: &str,
        namespace: Option<&str>,
        after: Option<(&str, &str)>,
    ) -> Box<dyn Iterator<Item = &'a Arc<dyn Object>> + 'a> {
        let Some((in_namespace, name)) = after else { return self.list(resource, namespace) };
        let Some(bucket) = self.buckets.get(resource) else { return Box::new(std::iter::empty()) };
        let beyond = (Bound::Excluded(name), Bound::Unbounded);
        let same = bucket.objects.get(in_namespace).into_iter();
        let rest = same.flat_map(move |names| names.range::<str, _>(beyond)).map(|(_, object)| object);
        let rest: Vec<&Arc<dyn Object>> = rest.collect();
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
    pub fn put(&mut self, mut object: Box<dyn Object>, by: &Arc<str>) -> Arc<dyn Object> {
        self.revision += 1;
        object.meta_mut().resource_version = Some(self.revision.to_string());
        let stored: Arc<dyn Object> = Arc::from(object);
        let key = ObjectKey::of(&*stored);
        let bucket = Arc::make_mut(self.buckets.entry(key.resource).or_default());
        let previous = bucket.objects.entry(key.namespace).or_default().insert(key.name, Arc::clone(&stored));
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        if previous.is_none() {
            bucket.count += 1;
        }
        let revision = self.revision;
        bucket.append(Change { revision, kind, object: Arc::clone(&stored), previous, by: Arc::clone(by) });
        stored
    }

    /// Removes an object; the log gets its last state with the revision of the deletion.
    pub fn remove(&mut self, resource: &str, namespace: &str, name: &str, by: &Arc<str>) -> Option<Arc<dyn Object>> {
        let bucket = Arc::make_mut(self.buckets.get_mut(resource)?);
        let names = bucket.objects.get_mut(namespace)?;
        let previous = names.remove(name)?;
        if names.is_empty() {
            bucket.objects.remove(namespace);
        }
        bucket.count -= 1;
        self.revision += 1;
        let mut last = previous.clone_object();
        last.meta_mut().resource_version = Some(self.revision.to_string());
        let object: Arc<dyn Object> = Arc::from(last);
        let revision = self.revision;
        bucket.append(Change {
            revision,
            kind: ChangeKind::Deleted,
            object: Arc::clone(&object),
            previous: Some(previous),
            by: Arc::clone(by),
        });
        Some(object)
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
        store.put(config_map("a"), &by);
        store.put(config_map("a"), &by);
        store.remove("configmaps", "default", "a", &by);
        let log: Vec<_> = store.since("configmaps", 0).unwrap().map(|c| (c.revision, c.kind)).collect();
        assert_eq!(log, [(1, ChangeKind::Added), (2, ChangeKind::Modified), (3, ChangeKind::Deleted)]);
        assert_eq!(store.list("configmaps", None).count(), 0);
    }

    #[test]
    fn a_reader_that_is_too_far_behind_is_told() {
        let (mut store, by) = (Store::default(), Arc::from("test"));
        for _ in 0..LOG_LIMIT + 2 {
            store.put(config_map("a"), &by);
        }
        assert_eq!(store.since("configmaps", 1).err(), Some(TooOld { oldest: 2 }));
        assert_eq!(store.since("configmaps", 2).unwrap().count(), LOG_LIMIT);
    }

    #[test]
    fn a_clone_goes_its_own_way() {
        let (mut store, by) = (Store::default(), Arc::from("test"));
        store.put(config_map("a"), &by);
        let kept = store.clone();
        store.put(config_map("b"), &by);
        assert_eq!(kept.count("configmaps"), 1);
        assert_eq!(store.count("configmaps"), 2);
    }
}
