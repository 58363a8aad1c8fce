//! What the checks of a lesson see of an object that the cluster keeps. Copies nothing before it is looked into.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::apimachinery::Object;
use crate::lesson::Item;

/// An object of the cluster, for a lesson's checks.
pub struct Kept(pub Arc<dyn Object>);

impl Item for Kept {
    fn name(&self) -> &str {
        self.0.meta().name.as_deref().unwrap_or_default()
    }
    fn namespace(&self) -> &str {
        self.0.meta().namespace.as_deref().unwrap_or_default()
    }
    fn label(&self, key: &str) -> Option<&str> {
        self.0.meta().labels.as_ref()?.get(key).map(String::as_str)
    }
    fn owners(&self) -> Vec<(&str, &str)> {
        let owners = self.0.meta().owner_references.iter().flatten();
        owners.map(|owner| (owner.kind.as_str(), owner.name.as_str())).collect()
    }
    fn json(&self) -> Cow<'_, Value> {
        Cow::Owned(self.0.to_json())
    }
}
