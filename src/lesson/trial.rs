//! What lessons ask of a cluster: its objects, and a copy on which commands may be tried.

use std::borrow::Cow;

use serde_json::Value;

/// Whoever knows the objects of a cluster.
pub trait Objects {
    /// The objects of a resource such as `jobs`: those of one namespace, or all of them.
    fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Box<dyn Item>>;
    /// The instant, in virtual seconds since a fixed one.
    fn seconds(&self) -> f64;
    /// A copy of everything to try something on.
    fn copy(&self) -> Box<dyn Trial>;
}

/// An object of a list. What tells it apart from others is at hand; all of it is written out only when a check looks
/// into it, for a cluster may have thousands.
pub trait Item: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;
    /// Its namespace; empty for none.
    fn namespace(&self) -> &str;
    /// The value of a label.
    fn label(&self, key: &str) -> Option<&str>;
    /// Kind and name of its owners.
    fn owners(&self) -> Vec<(&str, &str)>;
    /// All of it.
    fn json(&self) -> Cow<'_, Value>;
}

impl Item for Value {
    fn name(&self) -> &str {
        self.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
    }
    fn namespace(&self) -> &str {
        self.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default()
    }
    fn label(&self, key: &str) -> Option<&str> {
        self.pointer("/metadata/labels")?.get(key)?.as_str()
    }
    fn owners(&self) -> Vec<(&str, &str)> {
        fn text<'a>(owner: &'a Value, field: &str) -> &'a str {
            owner.get(field).and_then(Value::as_str).unwrap_or_default()
        }
        let owners = self.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        owners.into_iter().flatten().map(|owner| (text(owner, "kind"), text(owner, "name"))).collect()
    }
    fn json(&self) -> Cow<'_, Value> {
        Cow::Borrowed(self)
    }
}

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
    /// Both, in the order in which a terminal shows them.
    pub printed: String,
    /// Its exit code.
    pub exit: i32,
}

/// A cluster and a learner's machine that may be used up.
pub trait Trial: Objects {
    /// Types a line into the shell and runs it to its end; after `limit` virtual seconds it is interrupted.
    fn run(&mut self, line: &str, limit: f64) -> Outcome;
    /// Lets virtual seconds pass.
    fn advance(&mut self, seconds: f64);
}
