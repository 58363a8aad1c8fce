//! `configMapGenerator`, `secretGenerator` and `generatorOptions`.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/generators and api/resmap (behaviors).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::file::{load, texts};
use super::{Item, add};
use crate::kubectl::failure::Failure;
use crate::kubectl::program::Context;
use crate::text::go_number::quote;

/// Adds what the generators make.
pub fn run(cx: &Context<'_>, directory: &str, rules: &Value, items: &mut Vec<Item>) -> Result<(), Failure> {
    for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for entry in rules.get(field).and_then(Value::as_array).into_iter().flatten() {
            one(cx, directory, rules, entry, kind, items)?;
        }
    }
    Ok(())
}

fn one(
    cx: &Context<'_>,
    directory: &str,
    rules: &Value,
    entry: &Value,
    kind: &str,
    items: &mut Vec<Item>,
) -> Result<(), Failure> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or("");
    if text("name").is_empty() {
        return Err(Failure::msg(format!("a {} must have a name", kind.to_lowercase())));
    }
    let data = gather(cx, directory, entry)?;
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": text("name")}});
    if let (false, Some(metadata)) =
        (text("namespace").is_empty(), object.pointer_mut("/metadata").and_then(Value::as_object_mut))
    {
        metadata.insert("namespace".to_owned(), json!(text("namespace")));
    }
    let (mut plain, mut binary) = (Map::new(), Map::new());
    for (key, bytes) in data {
        match String::from_utf8(bytes) {
            Ok(text) if kind == "ConfigMap" => drop(plain.insert(key, Value::String(text))),
            Ok(text) => drop(plain.insert(key, Value::String(STANDARD.encode(text)))),
            Err(error) => {
                let list = if kind == "ConfigMap" { &mut binary } else { &mut plain };
                list.insert(key, Value::String(STANDARD.encode(error.into_bytes())));
            }
        }
    }
    let options = |name: &str| {
        let own = entry.get("options").and_then(|options| options.get(name));
        own.or_else(|| rules.get("generatorOptions").and_then(|options| options.get(name)))
    };
    if let Some(fields) = object.as_object_mut() {
        if kind == "Secret" {
            fields.insert("type".to_owned(), json!(if text("type").is_empty() { "Opaque" } else { text("type") }));
        }
        for (name, list) in [("data", plain), ("binaryData", binary)] {
            if !list.is_empty() {
                fields.insert(name.to_owned(), Value::Object(list));
            }
        }
        if options("immutable").and_then(Value::as_bool) == Some(true) {
            fields.insert("immutable".to_owned(), json!(true));
        }
    }
    for name in ["labels", "annotations"] {
        let of = |list: Option<&Value>| list.and_then(|list| list.get(name)).and_then(Value::as_object).cloned();
        let mut all = of(rules.get("generatorOptions")).unwrap_or_default();
        all.extend(of(entry.get("options")).unwrap_or_default());
        if let (false, Some(metadata)) =
            (all.is_empty(), object.pointer_mut("/metadata").and_then(Value::as_object_mut))
        {
            metadata.insert(name.to_owned(), Value::Object(all));
        }
    }
    let off = options("disableNameSuffixHash").and_then(Value::as_bool).unwrap_or(false);
    let item = Item { hashed: !off, ..Item::new(object) };
    let known = items.iter_mut().find(|one| one.kind() == kind && one.is_called(text("name"), text("namespace")));
    match (text("behavior"), known) {
        ("merge", Some(known)) => merge(known, &item),
        ("replace", Some(known)) => {
            let metadata = known.object.get("metadata").cloned().unwrap_or_default();
            known.object = item.object;
            if let Some(fields) = known.object.as_object_mut() {
                fields.insert("metadata".to_owned(), metadata);
            }
        }
        ("merge" | "replace", None) => {
            return Err(Failure::msg(format!(
                "merging from generator &{{0xc000010000 <nil>}}: id resid.ResId{{Gvk:resid.Gvk{{Group:\"\", Version:\"v1\", Kind:\"{kind}\", isClusterScoped:false}}, Name:\"{}\", Namespace:\"{}\"}} does not exist; cannot merge or replace",
                text("name"),
                text("namespace")
            )));
        }
        (behavior, Some(_)) => {
            let behavior = if behavior == "create" { behavior } else { "unspecified" };
            return Err(Failure::msg(format!(
                "merging from generator &{{0xc000010000 <nil>}}: id resid.ResId{{Gvk:resid.Gvk{{Group:\"\", Version:\"v1\", Kind:\"{kind}\", isClusterScoped:false}}, Name:\"{}\", Namespace:\"{}\"}} exists; can not use behavior: '{behavior}', behavior must be merge or replace",
                text("name"),
                text("namespace")
            )));
        }
        _ => add(items, item)?,
    }
    Ok(())
}

/// Adds keys, labels and annotations to what a base made.
fn merge(known: &mut Item, more: &Item) {
    for path in ["data", "binaryData"] {
        let Some(new) = more.object.get(path).and_then(Value::as_object) else { continue };
        if let Some(fields) = known.object.as_object_mut()
            && let Some(list) = fields.entry(path).or_insert_with(|| json!({})).as_object_mut()
        {
            list.extend(new.clone());
        }
    }
    for name in ["labels", "annotations"] {
        let Some(new) = more.object.pointer(&format!("/metadata/{name}")).and_then(Value::as_object) else { continue };
        if let Some(metadata) = known.object.pointer_mut("/metadata").and_then(Value::as_object_mut)
            && let Some(list) = metadata.entry(name).or_insert_with(|| json!({})).as_object_mut()
        {
            list.extend(new.clone());
        }
    }
}

/// The keys and contents of a generator.
fn gather(cx: &Context<'_>, directory: &str, entry: &Value) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut data: Vec<(String, Vec<u8>)> = Vec::new();
    let read = |file: &str, source: &str, what: &str| {
        load(cx, directory, file).map_err(|why| Failure::msg(format!("loading KV pairs: {what}: [{source}]: {why}")))
    };
    let mut envs = texts(entry, "envs");
    envs.extend(entry.get("env").and_then(Value::as_str).map(str::to_owned));
    for file in envs {
        for line in String::from_utf8_lossy(&read(&file, &file, "env source files")?).lines() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = match line.split_once('=') {
                Some((key, value)) => (key, value.to_owned()),
                None => (line, cx.system.env(line).unwrap_or_default()),
            };
            data.push((key.to_owned(), value.into_bytes()));
        }
    }
    for literal in texts(entry, "literals") {
        let Some((key, value)) = literal.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Failure::msg(format!(
                "loading KV pairs: literal sources [{literal}]: invalid literal source {literal}, expected key=value"
            )));
        };
        let quoted = ['"', '\''].iter().find_map(|mark| value.strip_prefix(*mark)?.strip_suffix(*mark));
        data.push((key.to_owned(), quoted.unwrap_or(value).as_bytes().to_vec()));
    }
    for file in texts(entry, "files") {
        let separators = file.matches('=').count();
        let why = if separators == 1 && file.starts_with('=') {
            let path = file.trim_start_matches('=');
            format!("missing key name for file path {} in source {}", quote(path), quote(&file))
        } else if separators == 1 && file.ends_with('=') {
            let key = file.trim_end_matches('=');
            format!("missing file path for key name {} in source {}", quote(key), quote(&file))
        } else if separators > 1 {
            format!("source {} key name or file path contains '='", quote(&file))
        } else {
            String::new()
        };
        if !why.is_empty() {
            return Err(Failure::msg(format!("loading KV pairs: file sources: [{file}]: {why}")));
        }
        let (key, path) = file
            .split_once('=')
            .map_or_else(|| (file.rsplit('/').next().unwrap_or(&file), file.as_str()), |(key, path)| (key, path));
        data.push((key.to_owned(), read(path, &file, "file sources")?));
    }
    let mut keys = std::collections::BTreeSet::new();
    match data.iter().find(|(key, _)| !keys.insert(key.clone())) {
        Some((key, _)) => Err(Failure::msg(format!(
            "configmap {} illegally repeats the key `{key}`",
            entry.get("name").and_then(Value::as_str).unwrap_or("")
        ))),
        None => Ok(data),
    }
}
