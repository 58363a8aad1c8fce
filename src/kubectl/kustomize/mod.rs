//! `-k` and `kubectl kustomize`: what a directory with a kustomization makes.
//!
//! Resources, bases and components; generators; patches; namespace, names, labels, annotations, replicas, images; names
//! that other objects refer to follow. Replacements, variables, configurations. Refuses remote bases, Helm, plugins
//! that are not built in and schemas of one's own (`openapi`), and says so.
//! Models sigs.k8s.io/kustomize 5.8 api/internal/target/kusttarget.go.

mod config;
mod file;
mod generate;
mod names;
mod patch;
mod plugins;
mod replacements;
mod transform;
mod vars;

use config::Config;
use file::{FILES, lost, texts};
use serde_json::Value;

use super::failure::Failure;
use super::program::Context;
use super::writing::klog;
use crate::text::go_number::quote;
use crate::text::yaml::{documents_of_kustomize, from_yaml};

/// An object on its way through the transformers.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// The object.
    pub object: Value,
    /// The names and namespaces it has had, the first one first.
    pub was: Vec<(String, String)>,
    /// The kinds it has had.
    kinds: Vec<String>,
    /// Whether its name ends in a hash of its content.
    pub hashed: bool,
}

impl Item {
    fn new(object: Value) -> Item {
        let mut item = Item { object, ..Item::default() };
        item.was.push((item.text("/metadata/name"), item.text("/metadata/namespace")));
        item.kinds.push(item.kind());
        item
    }

    /// Whether it is or was of that kind.
    fn was_kind(&self, kind: &str) -> bool {
        self.kind() == kind || self.kinds.iter().any(|known| known == kind)
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
    if directory.is_empty() {
        return Err(Failure::msg("must build at directory: directory path cannot be empty"));
    }
    if let Some(git) = file::unreachable(directory) {
        return Err(Failure::msg(git));
    }
    let root = absolute(cx, directory);
    match cx.system.file_info(&root) {
        Err(_) => return Err(missing_directory(directory, &lost(cx, &root))),
        Ok(info) if !info.is_dir => {
            return Err(Failure::msg(format!("must build at directory: '{directory}': file is not directory")));
        }
        Ok(_) => {}
    }
    let mut whole = Accumulated::default();
    accumulate(cx, &root, &mut whole, &[])?;
    let Accumulated { mut items, vars, config } = whole;
    for item in items.iter_mut().filter(|item| item.hashed) {
        let hash = super::content_hash::generator_hash(&item.object);
        let name = format!("{}-{hash}", item.text("/metadata/name"));
        item.rename(name);
    }
    names::follow(&mut items, &config);
    let unused = vars::resolve(&vars, &config, &mut items)?;
    if !unused.is_empty() {
        let text = format!("well-defined vars that were never replaced: {}", unused.join(","));
        let line = klog('I', cx.system.now(), "log.go:244", &text);
        cx.out.err_line(&line);
    }
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

/// What kustomizations have made so far.
#[derive(Clone, Debug, Default)]
struct Accumulated {
    items: Vec<Item>,
    vars: Vec<vars::Var>,
    config: Config,
}

/// Adds what the kustomization of a directory makes; a component changes what is there already, too.
fn accumulate(
    cx: &mut Context<'_>,
    directory: &str,
    whole: &mut Accumulated,
    visited: &[String],
) -> Result<(), Failure> {
    let holds =
        |root: &&String| *root == directory || root.starts_with(&format!("{}/", directory.trim_end_matches('/')));
    if let Some(root) = visited.iter().rev().find(holds) {
        return Err(Failure::msg(format!(
            "cycle detected: candidate root '{directory}' contains visited root '{root}'"
        )));
    }
    if cx.system.file_info(directory).is_err() {
        return Err(missing_directory(directory, &lost(cx, directory)));
    }
    let visited: Vec<String> = visited.iter().cloned().chain([directory.to_owned()]).collect();
    let rules = file::rules(cx, directory)?;
    let is_component = rules.get("kind").and_then(Value::as_str) == Some("Component");
    let mut own = if is_component { std::mem::take(whole) } else { Accumulated::default() };
    for resource in texts(&rules, "resources").iter().chain(&texts(&rules, "bases")) {
        add_resource(cx, directory, resource, &mut own, &visited)?;
    }
    configure(cx, directory, &rules, &mut own.config)?;
    generate::run(cx, directory, &rules, &mut own.items)?;
    plugins::generators(cx, directory, &rules, &mut own.items, &visited)?;
    for component in texts(&rules, "components") {
        let path = absolute(cx, &format!("{directory}/{component}"));
        if cx.system.file_info(&path).is_err() {
            let why = missing_directory(&path, &lost(cx, &path)).text();
            return Err(Failure::msg(format!("accumulating components: loader.New \"{why}\"")));
        }
        accumulate_kind(cx, &path, &mut own, &visited, true).map_err(|failure| {
            let why = failure.text();
            let words = if why.starts_with("expected kind") {
                String::new()
            } else {
                format!("recursed accumulation of path '{path}': ")
            };
            Failure::msg(format!("accumulating components: accumulateDirectory: {}", quote(&(words + &why))))
        })?;
    }
    vars::add(&mut own.vars, &rules, &own.items)?;
    patch::run(cx, directory, &rules, &mut own.items)?;
    transform::run(&rules, &own.config, &mut own.items)?;
    plugins::transformers(cx, directory, &rules, &mut own.items, &visited)?;
    replacements::run(cx, directory, &rules, &mut own.items)?;
    let before = whole.items.len();
    whole.items.extend(own.items);
    whole.vars.extend(own.vars.into_iter().map(|var| var.moved(before)));
    whole.config.merge(own.config);
    Ok(())
}

/// The same, of a kustomization that is a component, or of one that is none.
fn accumulate_kind(
    cx: &mut Context<'_>,
    directory: &str,
    whole: &mut Accumulated,
    visited: &[String],
    component: bool,
) -> Result<(), Failure> {
    let bytes = FILES.iter().find_map(|name| cx.system.read_file(&format!("{directory}/{name}")).ok());
    if let Some(rules) = bytes.and_then(|bytes| from_yaml(&String::from_utf8_lossy(&bytes)).ok()) {
        let kind = rules.get("kind").and_then(Value::as_str).unwrap_or("Kustomization");
        if component && kind != "Component" {
            return Err(Failure::msg(format!("expected kind 'Component' for path '{directory}' but got '{kind}'")));
        }
        if !component && kind == "Component" {
            return Err(Failure::msg(format!("expected kind != 'Component' for path '{directory}'")));
        }
    }
    accumulate(cx, directory, whole, visited)
}

/// Reads `configurations`, `crds` and the place of a schema.
fn configure(cx: &Context<'_>, directory: &str, rules: &Value, config: &mut Config) -> Result<(), Failure> {
    for name in texts(rules, "configurations") {
        let bytes = file::load(cx, directory, &name).map_err(Failure::msg)?;
        config.read(&String::from_utf8_lossy(&bytes)).map_err(Failure::msg)?;
    }
    let crds = texts(rules, "crds");
    for name in &crds {
        let told = |why: String| Failure::msg(format!("loading CRDs [{}]: {why}", crds.join(" ")));
        let bytes = file::load(cx, directory, name).map_err(told)?;
        config.read_crds(&String::from_utf8_lossy(&bytes)).map_err(told)?;
    }
    let schema = |name: &str| rules.pointer(&format!("/openapi/{name}")).and_then(Value::as_str).unwrap_or("");
    if !schema("path").is_empty() {
        file::load(cx, directory, schema("path")).map_err(Failure::msg)?;
        return Err(Failure::msg("invalid Kustomization: openapi is not available on this machine"));
    }
    match schema("version") {
        "" | "v1.21.2" => Ok(()),
        _ => Err(Failure::msg("the specified OpenAPI version is not built in")),
    }
}

/// Whether a kustomization was refused as a whole.
fn is_refused(why: &str) -> bool {
    ["kustomization.yaml is empty", "invalid Kustomization", "unable to find one of"]
        .iter()
        .any(|words| why.starts_with(words))
}

/// What is wrong with the YAML of a resource.
fn malformed(file: &str, why: &str) -> Failure {
    let why = why.replace("error converting YAML to JSON: ", "");
    Failure::msg(format!(
        "accumulating resources: accumulating resources from '{file}': MalformedYAMLError: {why} in File: {file}"
    ))
}

fn add_resource(
    cx: &mut Context<'_>,
    directory: &str,
    resource: &str,
    whole: &mut Accumulated,
    visited: &[String],
) -> Result<(), Failure> {
    let told = |why: String| {
        Failure::msg(format!(
            "accumulating resources: accumulation err='accumulating resources from '{resource}': {why}"
        ))
    };
    if resource.starts_with("https://") || resource.starts_with("http://") {
        let host = resource.split('/').nth(2).unwrap_or_default();
        let lookup = format!("Get \"{resource}\": dial tcp: lookup {host} on 10.96.0.10:53: no such host");
        return Err(match file::unreachable(resource) {
            Some(git) => told(format!("{lookup}': {git}")),
            None => told(lookup),
        });
    }
    let path = absolute(cx, &format!("{directory}/{resource}"));
    let is_dir = cx.system.file_info(&path).map(|info| info.is_dir);
    let no_root = format!("must build at directory: '{path}': file is not directory");
    match is_dir {
        Err(_) => {
            let lost = lost(cx, &path);
            let way = format!("evalsymlink failure on '{path}' : lstat {lost}: no such file or directory");
            let next = file::unreachable(resource).unwrap_or_else(|| missing_directory(&path, &lost).text());
            Err(told(format!("{way}': {next}")))
        }
        Ok(true) => {
            let mut more = Accumulated::default();
            let file = format!("'{path}' must resolve to a file': ");
            accumulate_kind(cx, &path, &mut more, visited, false).map_err(|failure| {
                let why = failure.text();
                // What a target is refused for before anything of it is read.
                let words = match () {
                    () if why.starts_with("cycle detected") || why.starts_with("expected kind") => String::new(),
                    () if is_refused(&why) => format!("couldn't make target for path '{path}': "),
                    () => format!("recursed accumulation of path '{path}': "),
                };
                told(format!("{file}{words}{why}"))
            })?;
            let merging =
                |failure: Failure| told(format!("{file}recursed merging from path '{path}': {}", failure.text()));
            let before = whole.items.len();
            for item in more.items {
                add(&mut whole.items, item).map_err(merging)?;
            }
            whole.vars.extend(more.vars.into_iter().map(|var| var.moved(before)));
            whole.config.merge(more.config);
            Ok(())
        }
        Ok(false) => {
            let bytes = file::load(cx, directory, resource).map_err(|why| told(format!("{why}': {no_root}")))?;
            for document in documents_of_kustomize(&bytes) {
                let document = document.map_err(|why| malformed(resource, &why))?;
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
                        let why = format!(
                            "missing {what} in object {{{{{} {}}} {{{{{} {}}} map[] map[]}}}}",
                            item.text("/apiVersion"),
                            item.kind(),
                            item.text("/metadata/name"),
                            item.text("/metadata/namespace"),
                        );
                        let nothing =
                            ["apiVersion", "kind", "metadata"].iter().all(|name| item.object.get(*name).is_none());
                        let why = if nothing { "missing Resource metadata".to_owned() } else { why };
                        return Err(told(format!("{why}': {no_root}")));
                    }
                    add(&mut whole.items, item).map_err(|failure| {
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
