//! `-k` and `kubectl kustomize`: what a directory with a kustomization makes.
//!
//! Resources, bases and components; generators; patches; namespace, names, labels, annotations, replicas, images; names
//! that other objects refer to follow. Refuses remote bases, Helm, plugins, `vars` and `replacements`, and says so.
//! Models sigs.k8s.io/kustomize 5.8 api/internal/target/kusttarget.go.

mod generate;
mod names;
mod patch;
mod transform;

use serde_json::Value;

use super::failure::Failure;
use super::program::Context;
use crate::text::yaml::{documents, from_yaml};

const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The fields of a kustomization that are understood here.
const FIELDS: &[&str] = &[
    "apiVersion",
    "bases",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "components",
    "configMapGenerator",
    "generatorOptions",
    "images",
    "kind",
    "labels",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replicas",
    "resources",
    "secretGenerator",
    "sortOptions",
];

/// Fields that kustomize has and this does not.
const ABSENT: &[&str] = &[
    "configurations",
    "crds",
    "generators",
    "helmChartInflationGenerator",
    "helmCharts",
    "helmGlobals",
    "openapi",
    "replacements",
    "transformers",
    "validators",
    "vars",
];

/// Fields that are told to be old, and what takes their place.
const OLD: &[(&str, &str)] = &[
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
];

/// An object on its way through the transformers.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// The object.
    pub object: Value,
    /// The names and namespaces it has had, the first one first.
    pub was: Vec<(String, String)>,
    /// Whether its name ends in a hash of its content.
    pub hashed: bool,
}

impl Item {
    fn new(object: Value) -> Item {
        let mut item = Item { object, ..Item::default() };
        item.was.push((item.text("/metadata/name"), item.text("/metadata/namespace")));
        item
    }

    fn text(&self, path: &str) -> String {
        self.object.pointer(path).and_then(Value::as_str).unwrap_or("").to_owned()
    }

    fn kind(&self) -> String {
        self.text("/kind")
    }

    /// Whether it has or had that name (and namespace, when one is given).
    fn is_called(&self, name: &str, namespace: &str) -> bool {
        let now = (self.text("/metadata/name"), self.text("/metadata/namespace"));
        self.was
            .iter()
            .chain([&now])
            .any(|(known, own)| known == name && (namespace.is_empty() || own.is_empty() || own == namespace))
    }

    /// Gives it another name and remembers the one it had.
    fn rename(&mut self, name: String) {
        self.was.push((self.text("/metadata/name"), self.text("/metadata/namespace")));
        if let Some(slot) = self.object.pointer_mut("/metadata/name") {
            *slot = Value::String(name);
        }
    }
}

/// The documents of a kustomization.
///
/// # Errors
/// A directory without one, or what it names is missing or wrong.
pub fn build(cx: &mut Context<'_>, directory: &str) -> Result<Vec<Value>, Failure> {
    if directory.starts_with("http://") || directory.starts_with("https://") || directory.starts_with("github.com/") {
        return Err(Failure::msg(format!("{directory}: this machine reaches no other network: copy the base here")));
    }
    let mut items = Vec::new();
    accumulate(cx, &absolute(cx, directory), &mut items, 0)?;
    for item in items.iter_mut().filter(|item| item.hashed) {
        let hash = super::content_hash::generator_hash(&item.object);
        let name = format!("{}-{hash}", item.text("/metadata/name"));
        item.rename(name);
    }
    names::follow(&mut items);
    if rules_order(cx, directory) != Some("fifo".to_owned()) {
        items.sort_by_cached_key(legacy_order);
    }
    let local = |item: &Item| {
        let annotations = item.object.pointer("/metadata/annotations");
        annotations.and_then(|all| all.get("config.kubernetes.io/local-config")).is_some_and(|value| value == "true")
    };
    Ok(items.into_iter().filter(|item| !local(item)).map(|item| item.object).collect())
}

/// The order that the kustomization itself asks for.
fn rules_order(cx: &Context<'_>, directory: &str) -> Option<String> {
    let root = absolute(cx, directory);
    let bytes = FILES.iter().find_map(|name| cx.system.read_file(&format!("{root}/{name}")).ok())?;
    let rules = from_yaml(&String::from_utf8_lossy(&bytes)).ok()?;
    rules.pointer("/sortOptions/order").and_then(Value::as_str).map(str::to_owned)
}

/// Kinds that come first, in this order, and those that come last.
const FIRST: &[&str] = &[
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// What the output is sorted by.
fn legacy_order(item: &Item) -> (usize, String, String) {
    let kind = item.kind();
    let rank = FIRST
        .iter()
        .position(|known| *known == kind)
        .or_else(|| LAST.iter().position(|known| *known == kind).map(|at| FIRST.len() + 1 + at))
        .unwrap_or(FIRST.len());
    let version = item.text("/apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("~G", &version));
    let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    let namespace = or(item.text("/metadata/namespace"), "~X");
    (rank, format!("{group}_{version}_{kind}"), format!("{namespace}|{}", item.text("/metadata/name")))
}

/// A path of this machine from its root, without `.` and `..`.
fn absolute(cx: &Context<'_>, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", cx.system.cwd()) };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn missing_directory(path: &str) -> Failure {
    Failure::msg(format!(
        "must build at directory: not a valid directory: evalsymlink failure on '{path}' : lstat {path}: no such file or directory"
    ))
}

/// Adds what the kustomization of a directory makes; a component changes what is there already, too.
fn accumulate(cx: &mut Context<'_>, directory: &str, items: &mut Vec<Item>, depth: usize) -> Result<(), Failure> {
    if depth > 16 {
        return Err(Failure::msg(format!("cycle detected: candidate root '{directory}' contains visited root")));
    }
    if cx.system.file_info(directory).is_err() {
        return Err(missing_directory(directory));
    }
    let file = FILES.iter().map(|name| format!("{directory}/{name}")).find(|path| cx.system.read_file(path).is_ok());
    let Some(file) = file else {
        return Err(Failure::msg(format!(
            "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{directory}'"
        )));
    };
    let rules = rules(cx, &file)?;
    let is_component = rules.get("kind").and_then(Value::as_str) == Some("Component");
    let mut own = if is_component { std::mem::take(items) } else { Vec::new() };
    for resource in texts(&rules, "resources").iter().chain(&texts(&rules, "bases")) {
        add_resource(cx, directory, resource, &mut own, depth)?;
    }
    generate::run(cx, directory, &rules, &mut own)?;
    for component in texts(&rules, "components") {
        accumulate(cx, &absolute(cx, &format!("{directory}/{component}")), &mut own, depth + 1)?;
    }
    patch::run(cx, directory, &rules, &mut own)?;
    transform::run(&rules, &mut own)?;
    items.extend(own);
    Ok(())
}

/// The kustomization in a file, with a word about what is old or not known.
fn rules(cx: &mut Context<'_>, file: &str) -> Result<Value, Failure> {
    let bytes = cx.system.read_file(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.trim().is_empty() {
        return Err(Failure::msg("kustomization.yaml is empty"));
    }
    let rules = from_yaml(&text).map_err(|why| {
        let why = why.replace("error converting YAML to JSON: yaml: ", "yaml: ");
        Failure::msg(format!("invalid Kustomization: {why}"))
    })?;
    let Some(fields) = rules.as_object() else {
        return Err(Failure::msg(
            "invalid Kustomization: json: cannot unmarshal into Go value of type types.Kustomization",
        ));
    };
    if let Some(name) = fields.keys().find(|name| ABSENT.contains(&name.as_str())) {
        return Err(Failure::msg(format!("invalid Kustomization: {name} is not available on this machine")));
    }
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(Failure::msg(format!("invalid Kustomization: json: unknown field \"{name}\"")));
    }
    for (old, new) in OLD {
        if fields.contains_key(*old) {
            cx.out.err_line(&format!("# Warning: '{old}' is deprecated. Please use '{new}' instead. Run 'kustomize edit fix' to update your Kustomization automatically."));
        }
    }
    Ok(rules)
}

fn texts(rules: &Value, name: &str) -> Vec<String> {
    let list = rules.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn add_resource(
    cx: &mut Context<'_>,
    directory: &str,
    resource: &str,
    items: &mut Vec<Item>,
    depth: usize,
) -> Result<(), Failure> {
    let path = absolute(cx, &format!("{directory}/{resource}"));
    let is_dir = cx.system.file_info(&path).map(|info| info.is_dir);
    let told = |why: String| {
        Failure::msg(format!(
            "accumulating resources: accumulation err='accumulating resources from '{resource}': {why}"
        ))
    };
    let no_root = format!("must build at directory: '{path}': file is not directory");
    match is_dir {
        Err(_) => Err(told(format!(
            "evalsymlink failure on '{path}' : lstat {path}: no such file or directory': {}",
            missing_directory(&path).text()
        ))),
        Ok(true) => {
            let mut more = Vec::new();
            let file = format!("'{path}' must resolve to a file': ");
            accumulate(cx, &path, &mut more, depth + 1)
                .map_err(|failure| told(format!("{file}recursed accumulation of path '{path}': {}", failure.text())))?;
            for item in more {
                add(items, item).map_err(|failure| {
                    told(format!("{file}recursed merging from path '{path}': {}", failure.text()))
                })?;
            }
            Ok(())
        }
        Ok(false) => {
            let bytes = cx.system.read_file(&path).unwrap_or_default();
            for document in documents(&bytes) {
                let document = document
                    .map_err(|why| told(format!("MalformedYAMLError: {why} in File: {resource}': {no_root}")))?;
                let list = document.get("items").and_then(Value::as_array).cloned();
                let objects = match list {
                    Some(list) if document.get("kind").and_then(Value::as_str) == Some("List") => list,
                    _ if document.is_null() => Vec::new(),
                    _ => vec![document],
                };
                for object in objects {
                    let item = Item::new(object);
                    if item.kind().is_empty() || item.text("/metadata/name").is_empty() {
                        let what = if item.kind().is_empty() { "kind" } else { "metadata.name" };
                        return Err(told(format!(
                            "missing {what} in object {{{{{} {}}} {{{{{} {}}} map[] map[]}}}}': {no_root}",
                            item.text("/apiVersion"),
                            item.kind(),
                            item.text("/metadata/name"),
                            item.text("/metadata/namespace"),
                        )));
                    }
                    add(items, item)
                        .map_err(|failure| told(format!("merging resources: {}': {no_root}", failure.text())))?;
                }
            }
            Ok(())
        }
    }
}

/// Adds an object; two may not have the same kind, name and namespace.
fn add(items: &mut Vec<Item>, item: Item) -> Result<(), Failure> {
    let id = |item: &Item| {
        (
            item.text("/apiVersion").rsplit_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default(),
            item.kind(),
            item.text("/metadata/name"),
            item.text("/metadata/namespace"),
        )
    };
    if items.iter().any(|known| id(known) == id(&item)) {
        let version = item.text("/apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("[noGrp]", &version));
        let namespace = item.text("/metadata/namespace");
        let namespace = if namespace.is_empty() { "[noNs]".to_owned() } else { namespace };
        return Err(Failure::msg(format!(
            "may not add resource with an already registered id: {}.{version}.{group}/{}.{namespace}",
            item.kind(),
            item.text("/metadata/name"),
        )));
    }
    items.push(item);
    Ok(())
}
