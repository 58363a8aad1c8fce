//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/builtins/PatchTransformer.go, PatchStrategicMergeTransformer.go and
//! PatchJson6902Transformer.go.

use serde_json::{Map, Value, json};

use super::file::{load, texts};
use super::item::Item;
use super::merge::{Definitions, merged};
use super::objects::{flat, valid};
use super::place::Place;
use super::selector::Selector;
use crate::apimachinery::patch::json_patch;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::str_at;
use crate::kubectl::program::Context;
use crate::text::go_number::quote;
use crate::text::go_value::json_word;
use crate::text::yaml::{documents_of_kustomize as documents, from_yaml, to_yaml};

/// The patches of a kustomization, read.
#[derive(Debug, Default)]
pub struct Patches {
    /// Those of `patchesStrategicMerge`.
    merges: Vec<Item>,
    /// Those of `patches`.
    patches: Vec<Patch>,
    /// Those of `patchesJson6902`: the target and the operations.
    steps: Vec<(Value, Value)>,
}

/// One of `patches`.
#[derive(Debug)]
struct Patch {
    target: Value,
    options: Value,
    content: Content,
    /// Where it is from, for what is said of it.
    source: String,
}

#[derive(Debug)]
enum Content {
    /// Objects to merge.
    Objects(Vec<Item>),
    /// The operations of a JSON patch.
    Operations(Value),
}

/// Reads all patches.
///
/// # Errors
/// What is no patch, told by `unfit`.
pub fn read(
    cx: &Context<'_>,
    at: &Place,
    rules: &Value,
    unfit: &dyn Fn(&str, &Value, &str) -> Failure,
) -> Result<Patches, Failure> {
    let list = |name: &str| rules.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut all = Patches::default();
    let merges = texts(rules, "patchesStrategicMerge");
    for entry in &merges {
        all.merges.extend(
            merge_of(cx, at, entry)
                .map_err(|why| unfit("PatchStrategicMergeTransformer", &json!({"paths": merges}), &why))?,
        );
    }
    for entry in list("patches") {
        let entry = without_empty(entry);
        all.patches.push(patch_of(cx, at, &entry).map_err(|why| unfit("PatchTransformer", &entry, &why))?);
    }
    for entry in list("patchesJson6902") {
        let mut entry = without_empty(entry);
        if let Some(fields) = entry.as_object_mut()
            && let Some(patch) = fields.remove("patch")
        {
            fields.insert("jsonOp".to_owned(), patch);
        }
        let operations = steps_of(cx, at, &entry).map_err(|why| unfit("PatchJson6902Transformer", &entry, &why))?;
        all.steps.push((entry.get("target").cloned().unwrap_or_default(), operations));
    }
    Ok(all)
}

/// A patch without fields that say nothing.
fn without_empty(entry: &Value) -> Value {
    let says = |value: &Value| !value.is_null() && value != "";
    let fields = entry.as_object().into_iter().flatten().filter(|(_, value)| says(value));
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// What is merged: written there, or in a file.
fn merge_of(cx: &Context<'_>, at: &Place, entry: &str) -> Result<Vec<Item>, String> {
    if let Ok(found) = objects(entry) {
        return Ok(found);
    }
    let bytes = load(cx, &at.directory, entry)?;
    objects(&String::from_utf8_lossy(&bytes)).map_err(|why| match why.strip_prefix("error converting YAML to JSON: ") {
        Some(why) => format!("MalformedYAMLError: {why} in File: {entry}"),
        None => why,
    })
}

/// The objects of a text, each with a kind and a name.
fn objects(text: &str) -> Result<Vec<Item>, String> {
    let mut found = Vec::new();
    for document in documents(text.as_bytes()) {
        for object in flat(document?) {
            found.push(valid(object)?);
        }
    }
    Ok(found)
}

fn patch_of(cx: &Context<'_>, at: &Place, entry: &Value) -> Result<Patch, String> {
    let config = to_yaml(entry);
    let (content, source) = match (str_at(entry, "/patch").trim(), str_at(entry, "/path")) {
        ("", "") => return Err(format!("must specify one of patch and path in\n{config}")),
        ("", path) => {
            let bytes = load(cx, &at.directory, path)
                .map_err(|why| format!("failed to get the patch file from path({path}): {why}"))?;
            (String::from_utf8_lossy(&bytes).into_owned(), format!("[path: {}]", quote(path)))
        }
        (patch, "") => (patch.to_owned(), format!("[patch: {}]", quote(patch))),
        _ => return Err(format!("patch and path can't be set at the same time\n{config}")),
    };
    let of = |name: &str| entry.get(name).cloned().unwrap_or_default();
    let content = match (objects(&content), operations(&content)) {
        (Ok(found), _) => Content::Objects(found),
        (Err(_), Ok(operations)) => Content::Operations(operations),
        (Err(_), Err(_)) => return Err(format!("unable to parse SM or JSON patch from {source}")),
    };
    Ok(Patch { target: of("target"), options: of("options"), content, source })
}

/// The operations of a JSON patch. What does not look like JSON is YAML.
fn operations(text: &str) -> Result<Value, String> {
    let value = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|_| "unexpected end of JSON input".to_owned())?
    } else {
        from_yaml(text)?
    };
    match &value {
        Value::Array(items) if items.iter().all(Value::is_object) => Ok(value),
        Value::Array(_) => Err("json: cannot unmarshal into Go value of type jsonpatch.Operation".to_owned()),
        other => {
            let what = json_word(other);
            Err(format!("json: cannot unmarshal {what} into Go value of type jsonpatch.Patch"))
        }
    }
}

/// The operations of `patchesJson6902`.
fn steps_of(cx: &Context<'_>, at: &Place, entry: &Value) -> Result<Value, String> {
    let (path, written) = (str_at(entry, "/path"), str_at(entry, "/jsonOp"));
    if str_at(entry, "/target/name").is_empty() {
        return Err("must specify the target name".to_owned());
    }
    let text = match (path, written) {
        ("", "") => return Err("empty file path and empty jsonOp".to_owned()),
        ("", written) => written.to_owned(),
        (path, "") => {
            let bytes = load(cx, &at.directory, path)?;
            if bytes.is_empty() {
                return Err(format!("patch file '{path}' empty seems to be empty"));
            }
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => return Err("must specify a file path or jsonOp, not both".to_owned()),
    };
    let shown = if text.starts_with('[') { text.clone() } else { crate::text::go_json::to_compact(&from_yaml(&text)?) };
    let found = operations(&text).map_err(|why| format!("decoding {shown}: {why}"))?;
    if found.as_array().is_some_and(Vec::is_empty) {
        return Err(format!("patch appears to be empty; file={path}, JsonOp={shown}"));
    }
    Ok(found)
}

impl Patches {
    /// Carries out `patchesStrategicMerge` and `patches`.
    ///
    /// # Errors
    /// A patch that is for nothing, or does not fit.
    pub fn merge(&self, schema: Option<&Definitions>, items: &mut Vec<Item>) -> Result<(), Failure> {
        for patch in &self.merges {
            let at = the_one(patch, items).map_err(Failure::msg)?;
            merge_into(patch, &Value::Null, &[at], schema, items)?;
        }
        for patch in &self.patches {
            match &patch.content {
                Content::Operations(operations) => {
                    if patch.target.is_null() {
                        let why = format!("must specify a target for JSON patch {}", patch.source);
                        return Err(Failure::msg(why));
                    }
                    let selector = Selector::read(&patch.target).map_err(Failure::msg)?;
                    for item in items.iter_mut().filter(|item| selector.fits(item)) {
                        item.remember();
                        // What kustomize remembers of an object stands in its annotations: they are there.
                        changed(item, operations, true)?;
                    }
                }
                Content::Objects(patches) if !patch.target.is_null() => {
                    let found = match patches.as_slice() {
                        [] => continue,
                        [one] => one,
                        _ => {
                            return Err(Failure::msg(format!(
                                "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: {}",
                                patch.source
                            )));
                        }
                    };
                    let selector = Selector::read(&patch.target).map_err(|why| {
                        let target = quote(&shown(&patch.target));
                        Failure::msg(format!("unable to find patch target {target} in `resources`: {why}"))
                    })?;
                    let fits = items.iter().enumerate().filter(|(_, item)| selector.fits(item));
                    let all: Vec<usize> = fits.map(|(at, _)| at).collect();
                    merge_into(found, &patch.options, &all, schema, items)?;
                }
                Content::Objects(patches) => {
                    for one in patches {
                        let at = the_one(one, items).map_err(|why| {
                            let id = quote(&one.id());
                            Failure::msg(format!("no resource matches strategic merge patch {id}: {why}"))
                        })?;
                        merge_into(one, &patch.options, &[at], schema, items)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Carries out `patchesJson6902`.
    ///
    /// # Errors
    /// An operation that does not fit.
    pub fn step(&self, items: &mut [Item]) -> Result<(), Failure> {
        for (target, operations) in &self.steps {
            let selector = Selector::read(target).map_err(Failure::msg)?;
            for item in items.iter_mut().filter(|item| selector.fits(item)) {
                let marked = item.was.len() > 1 || item.hashed;
                changed(item, operations, marked)?;
            }
        }
        Ok(())
    }
}

/// A target as Go prints it.
fn shown(target: &Value) -> String {
    let of = |name: &str, none: &str| match str_at(target, &format!("/{name}")) {
        "" => none.to_owned(),
        text => text.to_owned(),
    };
    format!(
        "{}.{}.{}/{}.{}:a={}:l={}",
        of("kind", "[noKind]"),
        of("version", "[noVer]"),
        of("group", "[noGrp]"),
        of("name", "[noName]"),
        of("namespace", "[noNs]"),
        of("annotationSelector", ""),
        of("labelSelector", "")
    )
}

/// Changes an object by a JSON patch; `marked` says whether it has annotations of kustomize's own meanwhile.
fn changed(item: &mut Item, operations: &Value, marked: bool) -> Result<(), Failure> {
    let mut object = item.object.clone();
    if marked && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.entry("annotations").or_insert_with(|| json!({}));
    }
    item.object = json_patch(&object, operations).map_err(Failure::msg)?;
    without_empty_annotations(&mut item.object);
    Ok(())
}

/// Annotations that are all gone are no map without entries.
fn without_empty_annotations(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && metadata.get("annotations").and_then(Value::as_object).is_some_and(Map::is_empty)
    {
        metadata.remove("annotations");
    }
}

/// The place of the object that a patch names.
fn the_one(patch: &Item, items: &[Item]) -> Result<usize, String> {
    let found = items.iter().enumerate().filter(|(_, item)| item.is_meant_by(patch));
    let found: Vec<usize> = found.map(|(at, _)| at).collect();
    let id = patch.id();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(format!("no matches for Id {id}; failed to find unique target for patch {id}")),
        _ => Err(format!("multiple matches for Id {id}; failed to find unique target for patch {id}")),
    }
}

/// Merges a patch into the objects at these places; what nothing is left of goes.
fn merge_into(
    patch: &Item,
    options: &Value,
    places: &[usize],
    schema: Option<&Definitions>,
    items: &mut Vec<Item>,
) -> Result<(), Failure> {
    let allows = |name: &str| options.get(name).and_then(Value::as_bool).unwrap_or(false);
    let (renames, turns) = (allows("allowNameChange"), allows("allowKindChange"));
    let mut gone = Vec::new();
    for at in places {
        let Some(item) = items.get_mut(*at) else { continue };
        // What names the object stays as it is: a patch with a target may carry any name.
        let mut change = patch.object.clone();
        if let Some(fields) = change.as_object_mut() {
            fields.remove("apiVersion");
            fields.remove("kind");
        }
        if let Some(metadata) = change.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("name");
            metadata.remove("namespace");
        }
        match merged(item.object.clone(), &change, schema).map_err(Failure::msg)? {
            Some(object) => item.object = object,
            None => gone.push(*at),
        }
        without_empty_annotations(&mut item.object);
        if renames || turns {
            item.remember();
        }
        if let (true, Some(fields)) = (turns, item.object.as_object_mut()) {
            fields.insert("kind".to_owned(), json!(patch.kind()));
        }
        if let (true, Some(slot)) = (renames, item.object.pointer_mut("/metadata/name")) {
            *slot = json!(patch.text("/metadata/name"));
        }
    }
    let mut at = 0;
    items.retain(|_| {
        at += 1;
        !gone.contains(&(at - 1))
    });
    Ok(())
}
