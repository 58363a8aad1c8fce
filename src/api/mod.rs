//! The kinds: one folder each, with its defaults, validation, strategy and columns. `KINDS` is the one list.
//!
//! Refuses to store anything and to know HTTP: every rule here is a pure function of objects.

mod strategy;

pub use strategy::{Cell, Column, KindInfo, KindOps, Strategy, ops};

/// Every kind that the server keeps, in the order in which discovery lists groups and `kubectl api-resources` reads
/// them. To add a kind: a folder with an `impl Strategy` and a line here.
pub static KINDS: &[&dyn KindOps] = &[];

/// The kind kept under `resource` (`jobs.batch`).
pub fn by_resource(resource: &str) -> Option<&'static dyn KindOps> {
    KINDS.iter().copied().find(|kind| kind.info().resource == resource)
}

/// The kind of this `apiVersion` and `kind`.
pub fn by_kind(api_version: &str, kind: &str) -> Option<&'static dyn KindOps> {
    KINDS.iter().copied().find(|known| known.info().api_version() == api_version && known.info().kind == kind)
}
