//! `configMapGenerator`, `secretGenerator` and `generatorOptions`.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/generators and api/resmap (behaviors).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::field_at::set_at;
use super::file::{load, texts};
use super::item::Item;
use super::objects::add;
use super::origin::{self, Origin};
use super::place::Place;
use crate::kubectl::failure::Failure;
use crate::kubectl::program::Context;
use crate::text::go_number::quote;
use crate::text::yaml::to_yaml;

/// Adds what the generators make.
///
/// # Errors
/// A generator that is told too little, reads what is not there, or makes what is there already. Helm, which has to be
/// allowed.
pub fn run(cx: &Context<'_>, at: &Place, rules: &Value, items: &mut Vec<Item>) -> Result<(), Failure> {
    let of = |name: &str| rules.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let by = |kind: &str| origin::by(&at.file(), &json!({"apiVersion": "builtin", "kind": kind}));
    refuse_helm(rules, of("helmCharts"), of("helmChartInflationGenerator"))?;
    for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for entry in of(field) {
            let entry = with_options(entry, rules.get("generatorOptions"));
            let origin = if at.is_told() { Origin::made(by(&format!("{kind}Generator"))) } else { Origin::default() };
            one(cx, at, &entry, kind, origin, items)?;
        }
    }
    Ok(())
}

/// What is wrong with how a built-in plugin is told what to do.
pub fn unfit(kind: &str, config: &Value, why: &str) -> Failure {
    Failure::msg(format!("trouble configuring builtin {kind} with config: `\n{}`: {why}", to_yaml(config)))
}

/// A generator with the options that all of them have. Its own labels and annotations come first.
fn with_options(entry: &Value, all: Option<&Value>) -> Value {
    let mut entry = entry.clone();
    let (Some(all), Some(fields)) = (all.and_then(Value::as_object), entry.as_object_mut()) else { return entry };
    let options = fields.entry("options").or_insert_with(|| json!({}));
    if options.is_null() {
        *options = json!({});
    }
    let Some(options) = options.as_object_mut() else { return entry };
    for (name, value) in all {
        match (options.get_mut(name).and_then(Value::as_object_mut), value) {
            (Some(own), Value::Object(pairs)) => {
                for (key, value) in pairs {
                    own.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
            (None, Value::Bool(false)) => {}
            (_, value) => drop(options.insert(name.clone(), value.clone())),
        }
    }
    entry
}

/// Says of Helm that it has to be allowed, in kustomize's words.
fn refuse_helm(rules: &Value, charts: &[Value], old: &[Value]) -> Result<(), Failure> {
    let mut all = charts.to_vec();
    let new_names = [
        ("chartName", "name"),
        ("chartVersion", "version"),
        ("chartRepoUrl", "repo"),
        ("values", "valuesFile"),
        ("valuesLocal", "valuesInline"),
        ("valuesMerge", "valuesMerge"),
        ("releaseName", "releaseName"),
        ("releaseNamespace", "namespace"),
    ];
    for chart in old {
        let pairs = new_names.iter().filter_map(|(old, new)| Some(((*new).to_owned(), chart.get(*old)?.clone())));
        all.push(Value::Object(pairs.collect()));
    }
    let Some(chart) = all.first_mut().and_then(Value::as_object_mut) else { return Ok(()) };
    let globals = rules.get("helmGlobals").and_then(Value::as_object).cloned().unwrap_or_default();
    chart.extend(globals);
    if let Some(namespace) = rules.get("namespace").filter(|given| given.as_str().is_some_and(|text| !text.is_empty()))
    {
        chart.entry("namespace").or_insert_with(|| namespace.clone());
    }
    chart.retain(|_, value| !value.is_null() && *value != json!("") && *value != json!(false));
    Err(unfit("HelmChartInflationGenerator", &Value::Object(chart.clone()), "must specify --enable-helm"))
}

fn one(
    cx: &Context<'_>,
    at: &Place,
    entry: &Value,
    kind: &str,
    origin: Origin,
    items: &mut Vec<Item>,
) -> Result<(), Failure> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or("");
    if text("name").is_empty() {
        return Err(Failure::msg("a configmap must have a name"));
    }
    let data = gather(cx, &at.directory, entry)?;
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
            Ok(text) => drop(plain.insert(key, Value::String(encoded(text.as_bytes())))),
            Err(error) => {
                let list = if kind == "ConfigMap" { &mut binary } else { &mut plain };
                list.insert(key, Value::String(encoded(error.as_bytes())));
            }
        }
    }
    let is_on = |name: &str| entry.pointer(&format!("/options/{name}")).and_then(Value::as_bool) == Some(true);
    if let Some(fields) = object.as_object_mut() {
        if kind == "Secret" {
            fields.insert("type".to_owned(), json!(if text("type").is_empty() { "Opaque" } else { text("type") }));
        }
        for (name, list) in [("data", plain), ("binaryData", binary)] {
            if !list.is_empty() {
                fields.insert(name.to_owned(), Value::Object(list));
            }
        }
        if is_on("immutable") {
            fields.insert("immutable".to_owned(), json!(true));
        }
    }
    for name in ["labels", "annotations"] {
        let pairs = entry
            .pointer(&format!("/options/{name}"))
            .filter(|pairs| pairs.as_object().is_some_and(|map| !map.is_empty()));
        if let (Some(pairs), Some(metadata)) = (pairs, object.pointer_mut("/metadata").and_then(Value::as_object_mut)) {
            metadata.insert(name.to_owned(), pairs.clone());
        }
    }
    let item = Item { hashed: !is_on("disableNameSuffixHash"), origin, ..Item::new(object) };
    absorb(items, item, text("behavior")).map_err(|why| {
        Failure::msg(format!("merging from generator &{{{kind}Generator {} <nil>}}: {why}", text("name")))
    })
}

/// The text that bytes are encoded to, in lines when it is long.
fn encoded(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    if text.len() < LINE {
        return text;
    }
    let lines = text.as_bytes().chunks(LINE).map(|line| String::from_utf8_lossy(line).into_owned() + "\n");
    lines.collect()
}

/// Letters in a line of what is encoded.
const LINE: usize = 70;

/// Adds what a generator has made, or merges it into what is there, as its behavior says. What is made now comes first.
fn absorb(items: &mut Vec<Item>, mut item: Item, behavior: &str) -> Result<(), String> {
    let id = format!(
        "id resid.ResId{{Gvk:resid.Gvk{{Group:\"\", Version:\"v1\", Kind:\"{}\", isClusterScoped:false}}, Name:{}, Namespace:{}}}",
        item.kind(),
        quote(&item.text("/metadata/name")),
        quote(&item.text("/metadata/namespace")),
    );
    let known = items.iter_mut().find(|known| known.is_meant_by(&item));
    let known = match (behavior, known) {
        ("merge" | "replace", None) => return Err(format!("{id} does not exist; cannot merge or replace")),
        (_, None) => return add(items, item),
        ("merge" | "replace", Some(known)) => known,
        (behavior, Some(_)) => {
            let behavior = if behavior == "create" { behavior } else { "unspecified" };
            return Err(format!("{id} exists; can not use behavior: '{behavior}', behavior must be merge or replace"));
        }
    };
    let lists: &[&str] = match behavior {
        "merge" => &["/metadata/labels", "/metadata/annotations", "/data", "/binaryData"],
        _ => &["/metadata/labels", "/metadata/annotations"],
    };
    for path in lists {
        let Some(Value::Object(mut pairs)) = known.object.pointer(path).cloned() else { continue };
        pairs.extend(item.object.pointer(path).and_then(Value::as_object).cloned().unwrap_or_default());
        set_at(&mut item.object, path.trim_start_matches('/'), true, &Value::Object(pairs));
    }
    for name in ["name", "namespace"] {
        if let Some(value) = known.object.pointer(&format!("/metadata/{name}")).cloned() {
            set_at(&mut item.object, &format!("metadata/{name}"), true, &value);
        }
    }
    known.object = item.object;
    known.hashed &= item.hashed;
    Ok(())
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
        let bytes = read(&file, &file, "env source files")?;
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Ok(line) = std::str::from_utf8(line) else {
                let shown: Vec<String> = line.iter().map(u8::to_string).collect();
                let (bytes, text) = (shown.join(" "), String::from_utf8_lossy(line));
                return Err(Failure::msg(format!(
                    "loading KV pairs: env source files: [{file}]: line [{bytes}] has invalid utf8 bytes : {text}"
                )));
            };
            let line = if number == 0 { line.trim_start_matches('\u{feff}') } else { line };
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            data.push((key.to_owned(), value.as_bytes().to_vec()));
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
