//! How a version of an object came to be. From it the owners of its fields are worked out when somebody asks:
//! clusters write thousands of statuses whose owners nobody ever looks at.

use std::sync::{Arc, OnceLock};

use super::Managed;
use crate::apimachinery::Object;

/// How many versions may wait to be worked out; the next one is worked out at once.
const LONGEST: u16 = 64;

/// Who wrote a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The field manager.
    pub manager: Arc<str>,
    /// Such as `status`; empty for the object itself.
    pub subresource: Arc<str>,
    /// The instant in seconds since 1970; `None` when the write leaves no instant.
    pub time: Option<i64>,
}

/// How a version of an object came to be.
#[derive(Debug)]
pub struct Origin {
    /// What was written, when it is not what is stored: admission and the like add fields that nobody owns.
    written: Option<Arc<dyn Object>>,
    /// The version before, and its origin.
    before: Option<(Arc<dyn Object>, Arc<Origin>)>,
    /// Who wrote it; `None` when the owners stay what they were.
    by: Option<Writer>,
    depth: u16,
    known: OnceLock<Arc<Managed>>,
}

impl Origin {
    /// Of an object that is new. `written` is what the client sent, with defaults; `None` when that is what is stored.
    pub fn created(written: Option<Arc<dyn Object>>, by: Writer) -> Arc<Self> {
        Arc::new(Self { written, before: None, by: Some(by), depth: 1, known: OnceLock::new() })
    }

    /// Of a version that `by` made of another.
    pub fn updated(before: (Arc<dyn Object>, Arc<Origin>), by: Writer) -> Arc<Self> {
        // What is known needs nothing older.
        let before = match before.1.known.get() {
            Some(managed) => (before.0, Self::shared(Arc::clone(managed))),
            None => before,
        };
        let depth = before.1.depth + 1;
        Arc::new(Self { written: None, before: Some(before), by: Some(by), depth, known: OnceLock::new() })
    }

    /// Of a version whose owners are known.
    pub fn known(managed: Managed) -> Arc<Self> {
        Self::shared(Arc::new(managed))
    }

    fn shared(managed: Arc<Managed>) -> Arc<Self> {
        let known = OnceLock::from(managed);
        Arc::new(Self { written: None, before: None, by: None, depth: 0, known })
    }

    /// Of a version that nobody is known to have written.
    pub fn nobody() -> Arc<Self> {
        Self::known(Managed::default())
    }

    /// Whether so many versions wait that this one has to be worked out.
    pub fn is_due(&self) -> bool {
        self.known.get().is_none() && self.depth >= LONGEST
    }

    /// The owners of a version. `step` works one out: from the owners of the version before, that version (none when
    /// the object is new), what was written, and by whom.
    pub fn managed(
        self: &Arc<Self>,
        object: &Arc<dyn Object>,
        mut step: impl FnMut(&Managed, Option<&Arc<dyn Object>>, &Arc<dyn Object>, &Writer) -> Managed,
    ) -> Arc<Managed> {
        // From here back to the last version whose owners are known, then forward again.
        let mut waiting = Vec::new();
        let (mut origin, mut version) = (self, object);
        while origin.known.get().is_none() {
            waiting.push((origin, version));
            let Some((earlier, its)) = &origin.before else { break };
            (origin, version) = (its, earlier);
        }
        let mut managed = origin.known.get().cloned().unwrap_or_default();
        while let Some((origin, version)) = waiting.pop() {
            if let Some(by) = &origin.by {
                let before = origin.before.as_ref().map(|(before, _)| before);
                let written = origin.written.as_ref().unwrap_or(version);
                managed = Arc::new(step(&managed, before, written, by));
            }
            managed = Arc::clone(origin.known.get_or_init(|| managed));
        }
        managed
    }
}
