//! `kubectl apply --prune`: deletes what apply made before and the files no longer hold.
//!
//! Sets with a parent object are `applyset`'s. Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/apply/prune.go.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kubectl::apply::prunable;
use crate::kubectl::discovery::Resource;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::str_at;
use crate::kubectl::program::Context;
use crate::kubectl::writing::DryRun;
use crate::text::http::{Method, Request};

/// Deletes every object that apply made, that is of one of the kinds, and that was not applied now.
///
/// # Errors
/// The server's.
pub fn prune(
    cx: &mut Context<'_>,
    allowed: &[Resource],
    applied: &BTreeSet<String>,
    namespaces: &BTreeSet<String>,
    dry_run: DryRun,
) -> Result<Vec<(Resource, Value)>, Failure> {
    let mut gone = Vec::new();
    prunable(cx, allowed, applied, namespaces, &mut |cx, kind, namespace, object| {
        delete(cx, kind, namespace, str_at(&object, "/metadata/name"), dry_run)?;
        gone.push((kind.clone(), object));
        Ok(())
    })?;
    Ok(gone)
}

/// Deletes an object as the flags of `apply` say.
///
/// # Errors
/// The server's.
pub fn delete(
    cx: &mut Context<'_>,
    kind: &Resource,
    namespace: &str,
    name: &str,
    dry_run: DryRun,
) -> Result<(), Failure> {
    if dry_run == DryRun::Client {
        return Ok(());
    }
    let flags = cx.session.flags.clone();
    let policy = match flags.text("cascade") {
        "orphan" | "false" => "Orphan",
        "foreground" => "Foreground",
        _ => "Background",
    };
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
    if let Some(fields) = options.as_object_mut() {
        if flags.number("grace-period") >= 0 {
            fields.insert("gracePeriodSeconds".to_owned(), json!(flags.number("grace-period")));
        }
        if dry_run == DryRun::Server {
            fields.insert("dryRun".to_owned(), json!(["All"]));
        }
    }
    let request = Request::new(Method::Delete, kind.item(namespace, name))
        .with_header("Accept", "application/json")
        .with_header("Content-Type", "application/json")
        .with_body(options.to_string());
    cx.json(request).map(|_| ())
}
