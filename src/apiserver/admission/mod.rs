//! Admission: what the server adds to objects and refuses beyond their own rules. One file a plugin, one list.
//!
//! Models Kubernetes 1.36 pkg/kubeapiserver/options/plugins.go (order of the plugins).

mod default_toleration_seconds;
mod namespace_lifecycle;
mod priority;
mod service_account;
mod taint_nodes_by_condition;

use crate::api::KindInfo;
use crate::apimachinery::{Object, Status};
use crate::storage::Store;

pub(super) use namespace_lifecycle::may_delete;

/// A write that plugins look at.
pub(super) struct Attributes<'a> {
    /// What is stored.
    pub store: &'a Store,
    /// For generated names.
    pub names: &'a mut fastrand::Rng,
    /// The kind.
    pub info: &'static KindInfo,
    /// The object before the change; `None` when it is new.
    pub old: Option<&'a dyn Object>,
}

/// A plugin: changes the object or refuses it.
type Plugin = fn(&mut Attributes<'_>, &mut dyn Object) -> Result<(), Status>;

/// Every plugin in the order in which they run.
static PLUGINS: &[Plugin] = &[
    namespace_lifecycle::admit,
    service_account::admit,
    taint_nodes_by_condition::admit,
    priority::admit,
    default_toleration_seconds::admit,
];

/// Runs every plugin.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    PLUGINS.iter().try_for_each(|plugin| plugin(attributes, object))
}
