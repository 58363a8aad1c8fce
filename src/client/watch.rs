//! A cursor over one resource's changes, for a component that keeps what it needs by itself and so has to find out by
//! itself, after a gap, what is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Delta;
use crate::apimachinery::{Object, ResourceName, meta};
use crate::apiserver::ApiServer;
use crate::storage::ChangeKind;

/// The cursor.
#[derive(Clone, Debug)]
pub struct Watch {
    resource: ResourceName,
    revision: u64,
}

/// What a [`Watch`] brings.
#[derive(Clone, Debug, Default)]
pub struct Pulled {
    /// The changes.
    pub deltas: Vec<Delta>,
    /// There was a gap in the log: the deltas are all that is present, and what is not among them is gone.
    pub listed: bool,
}

impl Watch {
    /// A cursor at the beginning of time.
    pub fn new(resource: &str) -> Self {
        Self { resource: resource.into(), revision: 0 }
    }

    /// Whether all that the server has was pulled.
    pub fn is_up_to_date(&self, server: &ApiServer) -> bool {
        self.revision == server.store().revision()
    }

    /// The changes since the last pull. After a gap in the server's log every present object is given as new.
    pub fn pull(&mut self, server: &ApiServer) -> Pulled {
        self.pull_where(server, |_| true)
    }

    /// As [`Watch::pull`], of the objects that are `wanted`, which none ceases to be while it is there.
    pub fn pull_where(&mut self, server: &ApiServer, wanted: impl Fn(&dyn Object) -> bool) -> Pulled {
        let revision = server.store().revision();
        if revision == self.revision {
            return Pulled::default();
        }
        let resource = &self.resource;
        let delta = |old: Option<Arc<dyn Object>>, new| Delta { resource: Arc::clone(resource), old, new };
        let pulled = match server.store().since(resource, self.revision) {
            Ok(changes) => {
                // Only the newest state of each object matters, but a new object of an old name is another one.
                let mut newest: BTreeMap<&str, usize> = BTreeMap::new();
                let mut deltas: Vec<Delta> = Vec::new();
                for change in changes.filter(|change| wanted(&*change.object)) {
                    let object = Arc::clone(&change.object);
                    let made = match change.kind {
                        ChangeKind::Deleted => delta(Some(object), None),
                        _ => delta(change.previous.clone(), Some(object)),
                    };
                    let uid = meta::uid(change.object.meta());
                    match newest.get(uid).and_then(|index| deltas.get_mut(*index)) {
                        Some(earlier) => *earlier = Delta { old: earlier.old.clone().or(made.old.clone()), ..made },
                        None => {
                            newest.insert(uid, deltas.len());
                            deltas.push(made);
                        }
                    }
                }
                Pulled { deltas, listed: false }
            }
            Err(_) => {
                let present = server.store().list(resource, None).filter(|object| wanted(&***object));
                let present = present.map(|object| delta(None, Some(Arc::clone(object))));
                Pulled { deltas: present.collect(), listed: true }
            }
        };
        self.revision = revision;
        pulled
    }
}
