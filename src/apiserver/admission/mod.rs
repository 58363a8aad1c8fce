//! Admission: what the server adds to objects and refuses beyond their own rules. One file a plugin, two lists: what
//! changes objects comes before validation, what only judges them after it.
//!
//! Models Kubernetes 1.36 pkg/kubeapiserver/options/plugins.go (order of the plugins).

mod default_storage_class;
mod default_toleration_seconds;
mod limit_ranger;
mod namespace_lifecycle;
mod persistent_volume_claim_resize;
mod pod_resize;
mod pod_security;
mod priority;
mod resource_quota;
mod runtime_class;
mod service_account;
mod storage_object_in_use_protection;
mod taint_nodes_by_condition;
mod validating_admission_policy;

use crate::api::KindInfo;
use crate::apimachinery::{Object, Status, meta};
use crate::sim::Time;
use crate::storage::Store;

pub(super) use namespace_lifecycle::may_delete;

/// A write that plugins look at.
pub(super) struct Attributes<'a> {
    /// What is stored.
    pub store: &'a Store,
    /// For generated names.
    pub names: &'a mut fastrand::Rng,
    /// The kind.
    pub info: &'a KindInfo,
    /// The part of the object that is written: empty for all of it, or `resize`.
    pub subresource: &'a str,
    /// The object before the change; `None` when it is new.
    pub old: Option<&'a dyn Object>,
    /// The instant of the write.
    pub now: Time,
    /// What the server warns of.
    pub warnings: &'a mut Vec<String>,
    /// Objects that are to be written along with this one: quotas with what it uses.
    pub along: Vec<Box<dyn Object>>,
}

impl Attributes<'_> {
    /// The refusal of a plugin, in the server's words; an object without a name goes by the base of its name.
    fn forbidden(&self, object: &dyn Object, why: &str) -> Status {
        let meta = object.meta();
        let name = match meta::name(meta) {
            "" => meta.generate_name.as_deref().filter(|base| !base.is_empty()).unwrap_or("Unknown"),
            name => name,
        };
        Status::forbidden(self.info.resource, name, why)
    }
}

/// A plugin that changes the object or refuses it.
type Mutating = fn(&mut Attributes<'_>, &mut dyn Object) -> Result<(), Status>;
/// A plugin that only refuses.
type Validating = fn(&mut Attributes<'_>, &dyn Object) -> Result<(), Status>;

/// The plugins that run before validation, in their order.
static MUTATING: &[Mutating] = &[
    namespace_lifecycle::admit,
    limit_ranger::admit,
    service_account::admit,
    taint_nodes_by_condition::admit,
    priority::admit,
    default_toleration_seconds::admit,
    default_storage_class::admit,
    storage_object_in_use_protection::admit,
    runtime_class::admit,
];

/// The plugins that run after validation, in their order.
static VALIDATING: &[Validating] = &[
    limit_ranger::validate,
    pod_security::validate,
    priority::validate,
    persistent_volume_claim_resize::validate,
    validating_admission_policy::validate,
    resource_quota::validate,
];

/// Those of them that look at a Pod whose resources are changed in place.
static RESIZING: &[Validating] = &[limit_ranger::validate, pod_resize::validate, resource_quota::validate];

/// Runs what comes before validation.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    MUTATING.iter().try_for_each(|plugin| plugin(attributes, object))
}

/// Runs what comes after validation.
pub(super) fn validate(attributes: &mut Attributes<'_>, object: &dyn Object) -> Result<(), Status> {
    let plugins = if attributes.subresource == "resize" { RESIZING } else { VALIDATING };
    plugins.iter().try_for_each(|plugin| plugin(attributes, object))
}
