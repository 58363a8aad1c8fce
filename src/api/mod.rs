//! The kinds: one folder each, with its defaults, validation, strategy and columns. `KINDS` is the one list.
//!
//! Refuses to store anything and to know HTTP: every rule here is a pure function of objects.

use k8s_openapi::api::{apps::v1 as apps, batch::v1 as batch, core::v1 as core};

mod cells;
mod config_map;
mod daemon_set;
mod deployment;
mod event;
mod job;
mod namespace;
mod node;
mod pod;
mod pod_spec;
mod replica_set;
mod service_account;
mod strategy;

pub use strategy::{Cell, Column, KindInfo, KindOps, Strategy, ops};

/// Every kind that the server keeps, in the order in which discovery lists groups and `kubectl api-resources` reads
/// them. To add a kind: a folder with an `impl Strategy` and a line here.
pub static KINDS: &[&dyn KindOps] = &[
    &ops::<core::ConfigMap>(),
    &ops::<core::Event>(),
    &ops::<core::Namespace>(),
    &ops::<core::Node>(),
    &ops::<core::Pod>(),
    &ops::<core::ServiceAccount>(),
    &ops::<apps::DaemonSet>(),
    &ops::<apps::Deployment>(),
    &ops::<apps::ReplicaSet>(),
    &ops::<batch::Job>(),
];

/// The kind kept under `resource` (`jobs.batch`).
pub fn by_resource(resource: &str) -> Option<&'static dyn KindOps> {
    KINDS.iter().copied().find(|kind| kind.info().resource == resource)
}

/// The kind of this `apiVersion` and `kind`.
pub fn by_kind(api_version: &str, kind: &str) -> Option<&'static dyn KindOps> {
    KINDS.iter().copied().find(|known| known.info().api_version() == api_version && known.info().kind == kind)
}
