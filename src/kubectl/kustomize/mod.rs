//! `-k` and `kubectl kustomize`: what a directory with a kustomization makes.
//!
//! Resources, bases and components; generators; patches; namespace, names, labels, annotations, replicas, images; names
//! that other objects refer to follow. Replacements, variables, configurations, schemas of one's own. Refuses remote
//! bases, Helm and plugins that are not built in, and says so.
//! Models sigs.k8s.io/kustomize 5.8 api/krusty/kustomizer.go.

mod accumulated;
mod change;
mod config;
mod field_at;
mod fields;
mod file;
mod generate;
mod item;
mod merge;
mod names;
mod objects;
mod odd_keys;
mod order;
mod origin;
mod patch;
mod place;
mod plugins;
mod replacements;
mod selector;
mod target;
mod transform;
mod vars;

use accumulated::Accumulated;
use file::{lost, missing_directory, texts};
use item::Item;
use place::Place;
use serde_json::Value;

use super::failure::Failure;
use super::program::Context;
use super::writing::klog;
use crate::shell::vfs::lexical;

/// The documents of a kustomization.
///
/// # Errors
/// A directory without one, or what it names is missing or wrong.
pub fn build(cx: &mut Context<'_>, directory: &str) -> Result<Vec<Value>, Failure> {
    if directory.is_empty() {
        return Err(Failure::msg("must build at directory: directory path cannot be empty"));
    }
    if let Some(git) = file::unreachable(directory) {
        return Err(Failure::msg(git));
    }
    let root = lexical(&cx.system.cwd(), directory);
    match cx.system.file_info(&root) {
        Err(_) => return Err(missing_directory(directory, &lost(cx, &root))),
        Ok(info) if !info.is_dir => {
            return Err(Failure::msg(format!("must build at directory: '{directory}': file is not directory")));
        }
        Ok(_) => {}
    }
    let rules = file::rules(cx, &root)?;
    let asked = texts(&rules, "buildMetadata");
    let place = Place::first(cx, &root, !asked.is_empty());
    let mut whole = Accumulated::default();
    target::read_schema(cx, &place, &rules, &mut whole)?;
    target::accumulate(cx, &place, &rules, &mut whole)?;
    let Accumulated { mut items, vars, config, odd, .. } = whole;
    for item in items.iter_mut().filter(|item| item.hashed) {
        let hash = super::content_hash::generator_hash(&item.object);
        let name = format!("{}-{hash}", item.text("/metadata/name"));
        item.rename(name);
    }
    names::follow(&mut items, &config);
    let resolved = vars::resolve(&vars, &config, &mut items)?;
    for line in resolved {
        let line = klog('I', cx.system.now(), "log.go:244", &line);
        cx.out.err_line(&line);
    }
    order::sort(rules.get("sortOptions").unwrap_or(&Value::Null), &mut items).map_err(Failure::msg)?;
    let local = |item: &Item| {
        let annotations = item.object.pointer("/metadata/annotations");
        annotations.and_then(|all| all.get("config.kubernetes.io/local-config")).is_some_and(|value| value == "true")
    };
    items.retain(|item| !local(item));
    let asks = |word: &str| asked.iter().any(|one| one == word);
    for item in &mut items {
        if asks("managedByLabel") {
            item.mark("labels", "app.kubernetes.io/managed-by", "kustomize-(devel)");
        }
        item.origin.tell(&mut item.object, asks("originAnnotations"), asks("transformerAnnotations"));
        annotations_are_texts(&mut item.object);
        odd_keys::check(&item.object, &odd).map_err(Failure::msg)?;
    }
    Ok(items.into_iter().map(|item| item.object).collect())
}

/// What stands in an annotation without being a text becomes one.
fn annotations_are_texts(object: &mut Value) {
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    for value in annotations.into_iter().flat_map(|all| all.values_mut()) {
        if matches!(value, Value::Number(_) | Value::Bool(_)) {
            *value = Value::String(value.to_string());
        }
    }
}
