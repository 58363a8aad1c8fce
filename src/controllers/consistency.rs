//! Keeps a controller from believing a cache that has not seen the controller's own last write.
//!
//! Models Kubernetes 1.36 pkg/controller/util/consistency.

use std::collections::BTreeMap;

use super::Context;
use crate::apimachinery::{ObjectKey, Reason, Status};

/// For each key the store's revision after the last write for it.
#[derive(Clone, Debug, Default)]
pub struct Consistency {
    wrote_at: BTreeMap<ObjectKey, u64>,
}

impl Consistency {
    /// Whether the caches may be believed about this key.
    ///
    /// # Errors
    /// A conflict, so that the key comes back after its back-off.
    pub fn ensure_ready(&mut self, key: &ObjectKey, context: &Context<'_>) -> Result<(), Status> {
        match self.wrote_at.get(key) {
            Some(revision) if context.caches.revision() < *revision => {
                Err(Status::other(Reason::Conflict, "the cache has not seen the last write yet"))
            }
            Some(_) => {
                self.wrote_at.remove(key);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Remembers that something may just have been written for this key.
    pub fn wrote(&mut self, key: &ObjectKey, context: &mut Context<'_>) {
        let revision = context.client.server().store().revision();
        if revision > context.caches.revision() {
            self.wrote_at.insert(key.clone(), revision);
        }
    }

    /// Forgets a key.
    pub fn clear(&mut self, key: &ObjectKey) {
        self.wrote_at.remove(key);
    }
}
