//! `-k` and `kubectl kustomize`: what a directory with a kustomization makes.
//!
//! Resources, bases and components; generators; patches; namespace, names, labels, annotations, replicas, images; names
//! that other objects refer to follow. Replacements, variables, configurations, schemas of one's own. Refuses remote
//! bases, Helm and plugins that are not built in, and says so.
//! Models sigs.k8s.io/kustomize 5.8 api/krusty/kustomizer.go.

mod config;
mod fields;
mod file;
mod generate;
mod merge;
mod names;
mod odd_keys;
mod order;
mod origin;
mod patch;
mod plugins;
mod replacements;
mod selector;
mod target;
mod transform;
mod vars;

use file::{lost, texts};
use serde_json::{Value, json};
use target::{Accumulated, Place};

use super::failure::Failure;
use super::program::Context;
use super::writing::klog;

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
    /// Where it is from, and what has changed it.
    pub origin: origin::Origin,
    /// The variables that take their value from it.
    pub vars: Vec<String>,
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

    /// Whether it has or had that name (and namespace, when one is given and it has one itself).
    fn is_called(&self, name: &str, namespace: &str) -> bool {
        let now = (self.text("/metadata/name"), self.text("/metadata/namespace"));
        self.was
            .iter()
            .chain([&now])
            .any(|(known, own)| known == name && (namespace.is_empty() || own.is_empty() || own == namespace))
    }

    /// Its group and version.
    fn group_version(&self) -> (String, String) {
        let version = self.text("/apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        (group.to_owned(), version.to_owned())
    }

    /// The namespace that it counts as being in.
    fn effective(&self, namespace: &str) -> String {
        match namespace {
            _ if transform::CLUSTER.contains(&self.kind().as_str()) => "_non_namespaceable_".to_owned(),
            "" => "default".to_owned(),
            namespace => namespace.to_owned(),
        }
    }

    /// What kustomize calls it: `Kind.version.group/name.namespace`.
    fn id(&self) -> String {
        let (group, version) = self.group_version();
        let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
        format!(
            "{}.{}.{}/{}.{}",
            or(self.kind(), "[noKind]"),
            or(version, "[noVer]"),
            or(group, "[noGrp]"),
            or(self.text("/metadata/name"), "[noName]"),
            or(self.text("/metadata/namespace"), "[noNs]")
        )
    }

    /// Whether the other one means this one by its version, kind, name and namespace: those of now, or earlier ones.
    fn is_meant_by(&self, other: &Item) -> bool {
        let (name, namespace) = (other.text("/metadata/name"), other.effective(&other.text("/metadata/namespace")));
        let now = (self.text("/metadata/name"), self.text("/metadata/namespace"));
        self.group_version() == other.group_version()
            && self.was_kind(&other.kind())
            && self.was.iter().chain([&now]).any(|(known, own)| *known == name && self.effective(own) == namespace)
    }

    /// Whether both have the same version, kind, name and namespace now.
    fn is_same(&self, other: &Item) -> bool {
        let now = |item: &Item| {
            (
                item.group_version(),
                item.kind(),
                item.text("/metadata/name"),
                item.effective(&item.text("/metadata/namespace")),
            )
        };
        now(self) == now(other)
    }

    /// Adds a label or an annotation.
    fn mark(&mut self, list: &str, key: &str, value: &str) {
        if let Some(metadata) = self.object.get_mut("metadata").and_then(Value::as_object_mut)
            && let Some(list) = metadata.entry(list).or_insert_with(|| json!({})).as_object_mut()
        {
            list.insert(key.to_owned(), json!(value));
        }
    }

    /// Remembers how it is called now.
    fn remember(&mut self) {
        self.was.push((self.text("/metadata/name"), self.text("/metadata/namespace")));
        self.kinds.push(self.kind());
    }

    /// Gives it another name and remembers the one it had.
    fn rename(&mut self, name: String) {
        self.remember();
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

/// A path of this machine from its root, without `.` and `..`.
fn absolute(cx: &Context<'_>, path: &str) -> String {
    cleaned(&if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", cx.system.cwd()) })
}

/// A path from the root, without `.` and `..`.
fn cleaned(whole: &str) -> String {
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
