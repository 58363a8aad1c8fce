//! `-k` and `kubectl kustomize`: what a directory with a kustomization makes.
//!
//! Resources, bases and components; generators; patches; namespace, names, labels, annotations, replicas, images; names
//! that other objects refer to follow. Replacements. Refuses remote bases, Helm, plugins and `vars`, and says so.
//! Models sigs.k8s.io/kustomize 5.8 api/internal/target/kusttarget.go.

mod generate;
mod names;
mod patch;
mod replacements;
mod transform;

use serde_json::{Map, Value};

use super::builder::go_word;
use super::failure::Failure;
use super::program::Context;
use crate::text::go_number::quote;
use crate::text::yaml::{documents, from_yaml, to_yaml};

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
    "crds",
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
    "replacements",
    "replicas",
    "resources",
    "secretGenerator",
    "sortOptions",
];

/// Fields that kustomize has and this does not.
const ABSENT: &[&str] = &[
    "configurations",
    "generators",
    "helmChartInflationGenerator",
    "helmCharts",
    "helmGlobals",
    "openapi",
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
    ("imageTags", "images"),
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
    let root = absolute(cx, directory);
    match cx.system.file_info(&root) {
        Err(_) => {
            // The first part of the way that is not there is what is looked for in vain.
            let parts = || {
                directory.split('/').scan(String::new(), |path, part| {
                    path.push_str(part);
                    path.push('/');
                    Some(path.trim_end_matches('/').to_owned())
                })
            };
            let lost = parts().map(|path| absolute(cx, &path)).find(|path| cx.system.file_info(path).is_err());
            return Err(missing_directory(directory, &lost.unwrap_or_else(|| root.clone())));
        }
        Ok(info) if !info.is_dir => {
            return Err(Failure::msg(format!("must build at directory: '{directory}': file is not directory")));
        }
        Ok(_) => {}
    }
    let mut items = Vec::new();
    accumulate(cx, &root, &mut items, &[])?;
    for item in items.iter_mut().filter(|item| item.hashed) {
        let hash = super::content_hash::generator_hash(&item.object);
        let name = format!("{}-{hash}", item.text("/metadata/name"));
        item.rename(name);
    }
    names::follow(&mut items);
    let order = own_order(cx, &root);
    let of = |path: &str| order.pointer(path).and_then(Value::as_str).unwrap_or("legacy");
    match of("/order") {
        "fifo" => {}
        "legacy" => {
            let kinds = |name: &str, usual: &[&str]| match order.pointer(&format!("/legacySortOptions/{name}")) {
                Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => usual.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>(),
            };
            // Who names one of the lists has both of them.
            let named = order.get("legacySortOptions").is_some();
            let (first, last) = if named { (&[][..], &[][..]) } else { (FIRST, LAST) };
            let (first, last) = (kinds("orderFirst", first), kinds("orderLast", last));
            items.sort_by_cached_key(|item| legacy_order(item, &first, &last));
        }
        _ => return Err(Failure::msg("the field 'sortOptions.order' must be one of [fifo, legacy]")),
    }
    let local = |item: &Item| {
        let annotations = item.object.pointer("/metadata/annotations");
        annotations.and_then(|all| all.get("config.kubernetes.io/local-config")).is_some_and(|value| value == "true")
    };
    Ok(items.into_iter().filter(|item| !local(item)).map(|item| item.object).collect())
}

/// The order that the kustomization itself asks for.
fn own_order(cx: &Context<'_>, root: &str) -> Value {
    let bytes = FILES.iter().find_map(|name| cx.system.read_file(&format!("{root}/{name}")).ok()).unwrap_or_default();
    let rules = from_yaml(&String::from_utf8_lossy(&bytes)).unwrap_or_default();
    rules.get("sortOptions").cloned().unwrap_or_default()
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
fn legacy_order(item: &Item, first: &[String], last: &[String]) -> (usize, String, String) {
    let kind = item.kind();
    let rank = first
        .iter()
        .position(|known| *known == kind)
        .or_else(|| last.iter().position(|known| *known == kind).map(|at| first.len() + 1 + at))
        .unwrap_or(first.len());
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

fn missing_directory(path: &str, lost: &str) -> Failure {
    Failure::msg(format!(
        "must build at directory: not a valid directory: evalsymlink failure on '{path}' : lstat {lost}: no such file or directory"
    ))
}

/// Adds what the kustomization of a directory makes; a component changes what is there already, too.
fn accumulate(cx: &mut Context<'_>, directory: &str, items: &mut Vec<Item>, visited: &[String]) -> Result<(), Failure> {
    let holds =
        |root: &&String| *root == directory || root.starts_with(&format!("{}/", directory.trim_end_matches('/')));
    if let Some(root) = visited.iter().find(holds) {
        return Err(Failure::msg(format!(
            "cycle detected: candidate root '{directory}' contains visited root '{root}'"
        )));
    }
    if cx.system.file_info(directory).is_err() {
        return Err(missing_directory(directory, directory));
    }
    let visited: Vec<String> = visited.iter().cloned().chain([directory.to_owned()]).collect();
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
        add_resource(cx, directory, resource, &mut own, &visited)?;
    }
    generate::run(cx, directory, &rules, &mut own)?;
    for component in texts(&rules, "components") {
        let path = absolute(cx, &format!("{directory}/{component}"));
        if cx.system.file_info(&path).is_err() {
            let why = missing_directory(&path, &path).text();
            return Err(Failure::msg(format!("accumulating components: loader.New \"{why}\"")));
        }
        accumulate(cx, &path, &mut own, &visited).map_err(|failure| {
            let why = format!("recursed accumulation of path '{path}': {}", failure.text());
            Failure::msg(format!("accumulating components: accumulateDirectory: {}", quote(&why)))
        })?;
    }
    patch::run(cx, directory, &rules, &mut own)?;
    transform::run(&rules, &mut own)?;
    replacements::run(cx, directory, &rules, &mut own)?;
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
    let known = |name: &&str| FIELDS.contains(name) || ABSENT.contains(name) || *name == "imageTags";
    if let Some(name) = fields.keys().map(String::as_str).find(|name| !known(name)) {
        return Err(Failure::msg(format!("invalid Kustomization: json: unknown field \"{name}\"")));
    }
    let texts = ["apiVersion", "kind", "namePrefix", "nameSuffix", "namespace"];
    if let Some((name, value)) =
        fields.iter().find(|(name, value)| texts.contains(&name.as_str()) && !value.is_string() && !value.is_null())
    {
        let what = go_word(value);
        return Err(Failure::msg(format!(
            "invalid Kustomization: json: cannot unmarshal {what} into Go struct field Kustomization.{name} of type string"
        )));
    }
    for (old, new) in OLD {
        if fields.contains_key(*old) {
            cx.out.err_line(&format!("# Warning: '{old}' is deprecated. Please use '{new}' instead. Run 'kustomize edit fix' to update your Kustomization automatically."));
        }
    }
    let nothing = |value: &Value| matches!(value, Value::Null) || value == &Value::Array(Vec::new());
    let says = |(name, value): (&String, &Value)| {
        !["apiVersion", "kind", "imageTags"].contains(&name.as_str()) && !nothing(value)
    };
    if !fields.iter().any(says) {
        return Err(Failure::msg("kustomization.yaml is empty"));
    }
    refuse(cx, file, fields)?;
    Ok(rules)
}

/// Says of what is not here, in kustomize's words where it has some: files that are missing, Helm and plugins that have
/// to be allowed.
fn refuse(cx: &Context<'_>, file: &str, fields: &Map<String, Value>) -> Result<(), Failure> {
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    let list = |name: &str| fields.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let missing = |name: &str| {
        let path = absolute(cx, &format!("{directory}/{name}"));
        let lost = format!("evalsymlink failure on '{path}' : lstat {path}: no such file or directory");
        cx.system.file_info(&path).is_err().then_some((path, lost))
    };
    for name in ["helmCharts", "helmChartInflationGenerator"] {
        if let Some(chart) = list(name).first() {
            let mut chart = chart.clone();
            if let Some(chart) = chart.as_object_mut()
                && let Some(old) = chart.remove("chartName")
            {
                chart.insert("name".to_owned(), old);
            }
            return Err(Failure::msg(format!(
                "trouble configuring builtin HelmChartInflationGenerator with config: `\n{}`: must specify --enable-helm",
                to_yaml(&chart)
            )));
        }
    }
    for (name, words) in [("generators", "loading generator plugins: "), ("transformers", ""), ("validators", "")] {
        for plugin in list(name).iter().filter_map(Value::as_str) {
            if let Some((path, lost)) = missing(plugin) {
                return Err(Failure::msg(format!(
                    "{words}accumulation err='accumulating resources from '{plugin}': {lost}': {}",
                    missing_directory(&path, &path).text()
                )));
            }
        }
    }
    for name in list("crds").iter().filter_map(Value::as_str) {
        if let Some((_, lost)) = missing(name) {
            return Err(Failure::msg(format!("loading CRDs [{}]: {lost}", joined(list("crds")))));
        }
    }
    for name in list("configurations").iter().filter_map(Value::as_str) {
        if let Some((_, lost)) = missing(name) {
            return Err(Failure::msg(lost));
        }
    }
    let here = |(name, value): &(&String, &Value)| {
        ABSENT.contains(&name.as_str()) && !value.is_null() && **value != Value::Array(Vec::new())
    };
    match fields.iter().find(here) {
        Some((name, _)) => Err(Failure::msg(format!("invalid Kustomization: {name} is not available on this machine"))),
        None => Ok(()),
    }
}

fn joined(list: &[Value]) -> String {
    list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

fn texts(rules: &Value, name: &str) -> Vec<String> {
    let list = rules.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether a kustomization was refused as a whole.
fn is_refused(why: &str) -> bool {
    ["kustomization.yaml is empty", "invalid Kustomization", "unable to find one of"]
        .iter()
        .any(|words| why.starts_with(words))
}

/// A base on another machine: this one reaches no other.
fn unreachable(url: &str, host: &str) -> Failure {
    let lookup = format!("Get \"{url}\": dial tcp: lookup {host} on 10.96.0.10:53: no such host");
    let git = format!("failed to run '/usr/bin/git fetch --depth=1 {url} HEAD'");
    Failure::msg(format!(
        "accumulating resources: accumulation err='accumulating resources from '{url}': {lookup}': {git}: fatal: unable to access '{url}/': Could not resolve host: {host}\n: exit status 128"
    ))
}

fn add_resource(
    cx: &mut Context<'_>,
    directory: &str,
    resource: &str,
    items: &mut Vec<Item>,
    visited: &[String],
) -> Result<(), Failure> {
    if let Some(rest) = resource.strip_prefix("https://").or_else(|| resource.strip_prefix("http://")) {
        return Err(unreachable(resource, rest.split('/').next().unwrap_or(rest)));
    }
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
            missing_directory(&path, &path).text()
        ))),
        Ok(true) => {
            let mut more = Vec::new();
            let file = format!("'{path}' must resolve to a file': ");
            accumulate(cx, &path, &mut more, visited).map_err(|failure| {
                let why = failure.text();
                // What a target is refused for before anything of it is read.
                let words = match () {
                    () if why.starts_with("cycle detected") => String::new(),
                    () if is_refused(&why) => format!("couldn't make target for path '{path}': "),
                    () => format!("recursed accumulation of path '{path}': "),
                };
                told(format!("{file}{words}{why}"))
            })?;
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
                    add(items, item).map_err(|failure| {
                        let why = failure.text();
                        let err = format!("accumulation err='merging resources from '{resource}': {why}'");
                        Failure::msg(format!("accumulating resources: {err}: {no_root}"))
                    })?;
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
