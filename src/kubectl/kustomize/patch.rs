//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/builtins/PatchTransformer.go.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Item;
use super::file::load;
use crate::apimachinery::facts::facts;
use crate::apimachinery::patch::{json_patch, merge_patch, strategic_merge};
use crate::kubectl::failure::Failure;
use crate::kubectl::program::Context;
use crate::text::go_number::quote;
use crate::text::yaml::{documents_of_kustomize as documents, to_yaml};

/// Applies every patch.
pub fn run(cx: &Context<'_>, directory: &str, rules: &Value, items: &mut Vec<Item>) -> Result<(), Failure> {
    let list = |name: &str| rules.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    for entry in list("patchesStrategicMerge") {
        let Some(text) = entry.as_str() else { continue };
        let inline = text.contains('\n') || text.trim_start().starts_with('{');
        let text = if inline {
            text.to_owned()
        } else {
            let bytes = load(cx, directory, text).map_err(|why| {
                let config = to_yaml(&json!({"paths": list("patchesStrategicMerge")}));
                Failure::msg(format!(
                    "trouble configuring builtin PatchStrategicMergeTransformer with config: `\n{config}`: {why}"
                ))
            })?;
            String::from_utf8_lossy(&bytes).into_owned()
        };
        for document in documents(text.as_bytes()) {
            let unreadable = |why| Failure::msg(format!("unable to parse SM or JSON patch from [{text}]: {why}"));
            let words = "no resource matches strategic merge patch ";
            apply(&document.map_err(unreadable)?, &Value::Null, items).map_err(|failure| {
                let text = failure.text();
                // This transformer names the object once less.
                let told = text.strip_prefix(words).and_then(|rest| rest.split_once(": "));
                told.map_or_else(|| failure.clone(), |(_, told)| Failure::msg(told))
            })?;
        }
    }
    // All are read before the first one is applied.
    let mut ready = Vec::new();
    for entry in list("patches") {
        let documents = configured(cx, directory, &entry).map_err(|failure| {
            let config = to_yaml(&entry);
            Failure::msg(format!(
                "trouble configuring builtin PatchTransformer with config: `\n{config}`: {}",
                failure.text()
            ))
        })?;
        ready.push((documents, entry));
    }
    for (documents, entry) in ready {
        for patch in documents {
            apply(&patch, &entry, items)?;
        }
    }
    for entry in list("patchesJson6902") {
        for patch in configured(cx, directory, &entry)? {
            apply(&patch, &entry, items).map_err(|failure| Failure::msg(of_older_library(&failure.text())))?;
        }
    }
    Ok(())
}

/// The documents of a patch.
fn configured(cx: &Context<'_>, directory: &str, entry: &Value) -> Result<Vec<Value>, Failure> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or("").trim();
    let config = to_yaml(entry);
    let (content, source) = match (text("patch"), text("path")) {
        ("", "") => return Err(Failure::msg(format!("must specify one of patch and path in\n{config}"))),
        ("", path) => (read(cx, directory, path)?, format!("[path: {}]", quote(path))),
        (patch, "") => (patch.to_owned(), format!("[patch: {}]", quote(patch))),
        _ => return Err(Failure::msg(format!("patch and path can't be set at the same time\n{config}"))),
    };
    let unreadable = || Failure::msg(format!("unable to parse SM or JSON patch from {source}"));
    // What looks like JSON has to be JSON.
    if content.trim_start().starts_with('[') && serde_json::from_str::<Value>(&content).is_err() {
        return Err(unreadable());
    }
    let mut all = Vec::new();
    for document in documents(content.as_bytes()) {
        match document.map_err(|_| unreadable())? {
            Value::Null => {}
            // That is found out only when it is applied.
            Value::Array(_) if entry.get("target").is_none_or(Value::is_null) => {
                all.push(Value::String(format!("must specify a target for JSON patch {source}")));
            }
            patch @ (Value::Array(_) | Value::Object(_)) => all.push(patch),
            _ => return Err(unreadable()),
        }
    }
    Ok(all)
}

fn read(cx: &Context<'_>, directory: &str, file: &str) -> Result<String, Failure> {
    let bytes = load(cx, directory, file)
        .map_err(|why| Failure::msg(format!("failed to get the patch file from path({file}): {why}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The words of the library that `patchesJson6902` uses still.
fn of_older_library(text: &str) -> String {
    let missing = text.strip_prefix("remove operation does not apply: doc is missing key: ");
    match missing.and_then(|rest| rest.strip_suffix(": missing value")) {
        Some(path) => {
            let key = path.rsplit('/').next().unwrap_or(path);
            format!("error in remove for path: '{path}': Unable to remove nonexistent key: {key}: missing value")
        }
        None => text.to_owned(),
    }
}

/// Applies one document. `entry` says what it is for; nothing for one that names its object itself.
fn apply(patch: &Value, entry: &Value, items: &mut Vec<Item>) -> Result<(), Failure> {
    let target = entry.get("target").unwrap_or(&Value::Null);
    match patch {
        Value::Array(_) => {
            for item in items.iter_mut().filter(|item| fits(item, target)) {
                item.object = json_patch(&item.object, patch).map_err(Failure::msg)?;
                without_empty_annotations(&mut item.object);
            }
            Ok(())
        }
        Value::String(why) => Err(Failure::msg(why)),
        _ => strategic(patch, target, entry.get("options").unwrap_or(&Value::Null), items),
    }
}

/// Annotations that are all gone are no map without entries.
fn without_empty_annotations(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && metadata.get("annotations").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty)
    {
        metadata.remove("annotations");
    }
}

fn strategic(patch: &Value, target: &Value, options: &Value, items: &mut Vec<Item>) -> Result<(), Failure> {
    let text = |path: &str| patch.pointer(path).and_then(Value::as_str).unwrap_or("");
    let (kind, name, namespace) = (text("/kind"), text("/metadata/name"), text("/metadata/namespace"));
    let group = |version: &str| version.rsplit_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default();
    let meant = |item: &Item| {
        if !target.is_null() {
            return fits(item, target);
        }
        item.kind() == kind
            && group(&item.text("/apiVersion")) == group(text("/apiVersion"))
            && item.is_called(name, namespace)
    };
    let found: Vec<bool> = items.iter().map(meant).collect();
    if target.is_null() && !found.contains(&true) {
        let version = text("/apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("[noGrp]", version));
        let namespace = if namespace.is_empty() { "[noNs]" } else { namespace };
        return Err(Failure::msg(format!(
            "no resource matches strategic merge patch \"{kind}.{version}.{group}/{name}.{namespace}\": no matches for Id {kind}.{version}.{group}/{name}.{namespace}; failed to find unique target for patch {kind}.{version}.{group}/{name}.{namespace}"
        )));
    }
    let delete = text("/$patch") == "delete";
    let mut position = 0;
    items.retain_mut(|item| {
        let hit = found.get(position).copied().unwrap_or(false);
        position += 1;
        if !hit {
            return true;
        }
        if delete {
            return false;
        }
        // What names the object stays as it is: a patch with a target may carry any name.
        let mut patch = patch.clone();
        if let Some(fields) = patch.as_object_mut() {
            fields.remove("apiVersion");
            fields.remove("kind");
        }
        if let Some(metadata) = patch.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("name");
            metadata.remove("namespace");
        }
        let known = facts().of_kind(&item.text("/apiVersion"), &item.kind());
        let before = item.object.clone();
        item.object = match known {
            Some(_) => strategic_merge(facts(), known, before.clone(), &patch)
                .unwrap_or_else(|_| merge_patch(before.clone(), &patch)),
            None => merge_patch(before.clone(), &patch),
        };
        prepend(&before, &mut item.object);
        without_empty_annotations(&mut item.object);
        let allows = |name: &str| options.get(name).and_then(Value::as_bool).unwrap_or(false);
        if allows("allowKindChange")
            && let Some(fields) = item.object.as_object_mut()
        {
            fields.insert("kind".to_owned(), Value::String(kind.to_owned()));
        }
        if allows("allowNameChange") && !name.is_empty() {
            item.rename(name.to_owned());
        }
        true
    });
    Ok(())
}

/// Puts the elements that a merge added to lists of objects in front, as kustomize does.
fn prepend(before: &Value, after: &mut Value) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, after) in after.iter_mut() {
                before.get(key).into_iter().for_each(|before| prepend(before, after));
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            before.iter().zip(after.iter_mut()).for_each(|(before, after)| prepend(before, after));
            let kept = before
                .iter()
                .zip(after.iter())
                .all(|(one, other)| one.is_object() && one.get("name") == other.get("name"));
            if kept && after.len() > before.len() && !before.is_empty() {
                after.rotate_left(before.len());
            }
        }
        _ => {}
    }
}

/// Whether a target's words (regular expressions for names, selectors for labels) fit an object.
pub fn fits(item: &Item, target: &Value) -> bool {
    let text = |name: &str| target.get(name).and_then(Value::as_str).unwrap_or("");
    let version = item.text("/apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let whole = |pattern: &str, value: &str| {
        pattern.is_empty()
            || regex_lite::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(value))
    };
    let names = item.was.iter().map(|(name, _)| name.clone()).chain([item.text("/metadata/name")]);
    whole(text("group"), group)
        && whole(text("version"), version)
        && whole(text("kind"), &item.kind())
        && whole(text("namespace"), &item.text("/metadata/namespace"))
        && names.into_iter().any(|name| whole(text("name"), &name))
        && selected(item, target)
}

/// Whether the labels and annotations of an object are those that a target selects.
pub fn selected(item: &Item, target: &Value) -> bool {
    let fits = |selector: &str, path: &str| {
        let selector = target.get(selector).and_then(Value::as_str).unwrap_or("");
        let values: BTreeMap<String, String> = item
            .object
            .pointer(path)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or("").to_owned()))
            .collect();
        selector.is_empty()
            || crate::apimachinery::labels::parse(selector).is_ok_and(|selector| selector.matches(Some(&values)))
    };
    fits("labelSelector", "/metadata/labels") && fits("annotationSelector", "/metadata/annotations")
}
