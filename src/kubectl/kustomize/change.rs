//! What the fields of a kustomization change: patches, names, labels, numbers, images, replacements, in kustomize's order.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/target/kusttarget_configplugin.go.

use serde_json::Value;

use super::accumulated::Accumulated;
use super::place::Place;
use super::{patch, replacements, transform};
use crate::kubectl::failure::Failure;
use crate::kubectl::program::Context;

/// Changes objects as the fields of a kustomization say. All of them are read before the first one is carried out.
///
/// # Errors
/// A field that says nothing sensible, which `unfit` tells, or does not fit the objects.
pub fn change(
    cx: &Context<'_>,
    at: &Place,
    rules: &Value,
    own: &mut Accumulated,
    unfit: &dyn Fn(&str, &Value, &str) -> Failure,
) -> Result<(), Failure> {
    let patches = patch::read(cx, at, rules, unfit)?;
    let replaced = replacements::read(cx, at, rules, unfit)?;
    patches.merge(own.schema.as_deref(), &mut own.items)?;
    transform::names(rules, &own.config, &mut own.items)?;
    patches.step(&mut own.items)?;
    transform::images_and_replicas(rules, &own.config, &mut own.items)?;
    replacements::run(&replaced, &mut own.items)
}
