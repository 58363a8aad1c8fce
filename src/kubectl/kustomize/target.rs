//! What the kustomization of a directory makes: what it names is gathered, made and changed, in kustomize's order.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/target/kusttarget.go.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::config::Config;
use super::file::{self, FILES, lost, texts};
use super::merge::Definitions;
use super::origin::{self, Origin};
use super::{Item, cleaned, generate, missing_directory, odd_keys, patch, plugins, replacements, transform, vars};
use crate::kubectl::failure::Failure;
use crate::kubectl::program::Context;
use crate::text::go_number::quote;
use crate::text::yaml::{documents_of_kustomize, from_yaml, to_yaml};

/// What kustomizations have made so far.
#[derive(Clone, Debug, Default)]
pub struct Accumulated {
    pub items: Vec<Item>,
    pub vars: Vec<vars::Var>,
    pub config: Config,
    /// Keys of labels and annotations that YAML does not read as text.
    pub odd: BTreeSet<String>,
    /// The schema of `openapi`; the first one counts.
    pub schema: Option<Arc<Definitions>>,
    /// Whether a version of the built-in schema has been asked for.
    fixed: bool,
}

/// Where a kustomization stands.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its directory.
    pub directory: String,
    /// The directories of those that led here, and its own.
    visited: Vec<String>,
    /// The way here from the first one; `None` when nobody asks where objects are from.
    way: Option<String>,
    /// The name of its file.
    name: String,
}

impl Place {
    /// The place that everything starts from.
    pub fn first(cx: &Context<'_>, directory: &str, told: bool) -> Place {
        let visited = vec![directory.to_owned()];
        Place { directory: directory.to_owned(), visited, way: told.then(String::new), name: name_of(cx, directory) }
    }

    /// The place of a kustomization that this one names.
    ///
    /// # Errors
    /// No directory, or one that is being read already.
    fn enter(&self, cx: &Context<'_>, named: &str) -> Result<Place, Failure> {
        if named.is_empty() {
            return Err(Failure::msg("new root cannot be empty"));
        }
        if let Some(git) = file::unreachable(named) {
            return Err(Failure::msg(git));
        }
        if named.starts_with('/') {
            return Err(Failure::msg(format!("new root '{named}' cannot be absolute")));
        }
        let directory = cleaned(&format!("{}/{named}", self.directory));
        let Ok(info) = cx.system.file_info(&directory) else {
            return Err(missing_directory(&directory, &lost(cx, &directory)));
        };
        if !info.is_dir {
            return Err(Failure::msg(format!("must build at directory: '{directory}': file is not directory")));
        }
        let holds =
            |root: &&String| **root == directory || root.starts_with(&format!("{}/", directory.trim_end_matches('/')));
        if let Some(root) = self.visited.iter().rev().find(holds) {
            return Err(Failure::msg(format!(
                "cycle detected: candidate root '{directory}' contains visited root '{root}'"
            )));
        }
        let visited = self.visited.iter().cloned().chain([directory.clone()]).collect();
        let name = name_of(cx, &directory);
        Ok(Place { visited, way: self.way.as_ref().map(|_| self.told(named)), name, directory })
    }

    /// The way to a file from the first place.
    fn told(&self, named: &str) -> String {
        let mut parts: Vec<&str> = Vec::new();
        let way = self.way.as_deref().unwrap_or_default();
        for part in way.split('/').chain(named.split('/')) {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        parts.join("/")
    }

    /// The kustomization's own file, from the first place.
    pub fn file(&self) -> String {
        self.told(&self.name)
    }

    /// Whether objects tell where they are from.
    pub fn is_told(&self) -> bool {
        self.way.is_some()
    }
}

fn name_of(cx: &Context<'_>, directory: &str) -> String {
    let is = |name: &&&str| cx.system.read_file(&format!("{directory}/{name}")).is_ok();
    FILES.iter().find(is).copied().unwrap_or(FILES[0]).to_owned()
}

/// What is wrong with how a built-in plugin is told what to do.
pub fn unfit(kind: &str, config: &Value, why: &str) -> Failure {
    Failure::msg(format!("trouble configuring builtin {kind} with config: `\n{}`: {why}", to_yaml(config)))
}

/// Adds what a kustomization makes; a component changes what is there already, too.
///
/// # Errors
/// What kustomize says of what goes wrong.
pub fn accumulate(cx: &mut Context<'_>, at: &Place, rules: &Value, whole: &mut Accumulated) -> Result<(), Failure> {
    let is_component = rules.get("kind").and_then(Value::as_str) == Some("Component");
    let mut own = if is_component {
        std::mem::take(whole)
    } else {
        Accumulated { schema: whole.schema.take(), fixed: whole.fixed, ..Accumulated::default() }
    };
    for resource in texts(rules, "resources").iter().chain(&texts(rules, "bases")) {
        add_resource(cx, at, resource, &mut own)
            .map_err(|failure| Failure::msg(format!("accumulating resources: {}", failure.text())))?;
    }
    configure(cx, at, rules, &mut own.config)?;
    generate::run(cx, at, rules, &mut own.items)?;
    plugins::generators(cx, at, rules, &mut own.items)?;
    for component in texts(rules, "components") {
        add_component(cx, at, &component, &mut own)
            .map_err(|failure| Failure::msg(format!("accumulating components: {}", failure.text())))?;
    }
    notice_odd_keys(rules, &mut own.odd);
    change(cx, at, rules, &mut own, &unfit)?;
    let all = if at.is_told() { origin::transformers(at, rules) } else { Vec::new() };
    for by in all {
        own.items.iter_mut().for_each(|item| item.origin.changed(&by));
    }
    plugins::transformers(cx, at, rules, &mut own)?;
    plugins::validators(cx, at, rules, &mut own)?;
    vars::add(&mut own.vars, rules, &mut own.items)?;
    for item in own.items {
        add(&mut whole.items, item).map_err(Failure::msg)?;
    }
    vars::merge(&mut whole.vars, own.vars).map_err(Failure::msg)?;
    whole.config.merge(own.config);
    whole.odd.append(&mut own.odd);
    (whole.schema, whole.fixed) = (own.schema, own.fixed);
    Ok(())
}

/// Changes objects as the fields of a kustomization say. All of them are read before the first one is carried out.
///
/// # Errors
/// A field that says nothing sensible, which `unfit` tells, or does not fit the objects.
pub fn change(
    cx: &Context<'_>,
    at: &Place,
    rules: &Value,
    own: &mut Accumulated,
    unfit: &dyn Fn(&str, &Value, &str) -> Failure,
) -> Result<(), Failure> {
    let patches = patch::read(cx, at, rules, unfit)?;
    let replaced = replacements::read(cx, at, rules, unfit)?;
    patches.merge(own.schema.as_deref(), &mut own.items)?;
    transform::names(rules, &own.config, &mut own.items)?;
    patches.step(&mut own.items)?;
    transform::images_and_replicas(rules, &own.config, &mut own.items)?;
    replacements::run(&replaced, &mut own.items)
}

fn notice_odd_keys(rules: &Value, odd: &mut BTreeSet<String>) {
    let labels = rules.get("labels").and_then(Value::as_array).into_iter().flatten();
    let generators = ["configMapGenerator", "secretGenerator"];
    let lists = generators.iter().filter_map(|name| rules.get(*name)?.as_array());
    let options = lists.flatten().filter_map(|entry| entry.get("options")).chain(rules.get("generatorOptions"));
    let of_options = options.flat_map(|options| [options.get("labels"), options.get("annotations")]);
    let all = labels.map(|entry| entry.get("pairs")).chain(of_options);
    for pairs in all.chain([rules.get("commonLabels"), rules.get("commonAnnotations")]).flatten() {
        pairs.as_object().into_iter().for_each(|pairs| odd_keys::collect(pairs, odd));
    }
}

/// Reads the schema that a kustomization asks for; of several the first one counts.
///
/// # Errors
/// A schema that is not there, or both one's own and a version.
pub fn read_schema(cx: &Context<'_>, at: &Place, rules: &Value, whole: &mut Accumulated) -> Result<(), Failure> {
    let asked = |name: &str| rules.pointer(&format!("/openapi/{name}")).and_then(Value::as_str);
    let bytes = asked("path").map(|path| file::load(cx, &at.directory, path).map_err(Failure::msg)).transpose()?;
    if whole.schema.is_some() || whole.fixed {
        return Ok(());
    }
    match (bytes, asked("version")) {
        (Some(_), Some(_)) => Err(Failure::msg("builtin version and custom schema provided, cannot use both")),
        (Some(bytes), None) => {
            let told = |why: String| Failure::msg(format!("invalid schema file: {why}"));
            let schema = from_yaml(&String::from_utf8_lossy(&bytes)).map_err(told)?;
            if !schema.is_object() {
                return Err(told("it holds no definitions".to_owned()));
            }
            whole.schema = Some(Arc::new(Definitions(schema)));
            Ok(())
        }
        (None, None | Some("")) => Ok(()),
        (None, Some("v1.21.2")) => {
            whole.fixed = true;
            Ok(())
        }
        (None, Some(_)) => Err(Failure::msg("the specified OpenAPI version is not built in")),
    }
}

/// Reads `configurations` and `crds`.
fn configure(cx: &Context<'_>, at: &Place, rules: &Value, config: &mut Config) -> Result<(), Failure> {
    for name in texts(rules, "configurations") {
        let bytes = file::load(cx, &at.directory, &name).map_err(Failure::msg)?;
        config.read(&String::from_utf8_lossy(&bytes)).map_err(Failure::msg)?;
    }
    let crds = texts(rules, "crds");
    for name in &crds {
        let told = |why: String| Failure::msg(format!("loading CRDs [{}]: {why}", crds.join(" ")));
        let bytes = file::load(cx, &at.directory, name).map_err(told)?;
        config
            .read_crds(&String::from_utf8_lossy(&bytes))
            .map_err(|why| told(format!("unable to parse open API definition from '{name}': {why}")))?;
    }
    Ok(())
}

fn add_component(cx: &mut Context<'_>, at: &Place, named: &str, whole: &mut Accumulated) -> Result<(), Failure> {
    let inner =
        at.enter(cx, named).map_err(|failure| Failure::msg(format!("loader.New {}", quote(&failure.text()))))?;
    add_directory(cx, &inner, whole, true)
        .map_err(|failure| Failure::msg(format!("accumulateDirectory: {}", quote(&failure.text()))))
}

/// Adds what another kustomization makes.
fn add_directory(cx: &mut Context<'_>, at: &Place, whole: &mut Accumulated, component: bool) -> Result<(), Failure> {
    let path = &at.directory;
    let rules = file::rules(cx, path)
        .map_err(|failure| Failure::msg(format!("couldn't make target for path '{path}': {}", failure.text())))?;
    read_schema(cx, at, &rules, whole)?;
    let kind = rules.get("kind").and_then(Value::as_str).unwrap_or("Kustomization");
    if component && kind != "Component" {
        return Err(Failure::msg(format!("expected kind 'Component' for path '{path}' but got '{kind}'")));
    }
    if !component && kind == "Component" {
        return Err(Failure::msg(format!("expected kind != 'Component' for path '{path}'")));
    }
    let recursed = |what: &str, why: &str| Failure::msg(format!("recursed {what} path '{path}': {why}"));
    if component {
        return accumulate(cx, at, &rules, whole).map_err(|failure| recursed("accumulation of", &failure.text()));
    }
    let mut more = Accumulated { schema: whole.schema.take(), fixed: whole.fixed, ..Accumulated::default() };
    accumulate(cx, at, &rules, &mut more).map_err(|failure| recursed("accumulation of", &failure.text()))?;
    for item in more.items {
        add(&mut whole.items, item).map_err(|why| recursed("merging from", &why))?;
    }
    vars::merge(&mut whole.vars, more.vars).map_err(|why| recursed("merging from", &why))?;
    whole.config.merge(more.config);
    whole.odd.append(&mut more.odd);
    (whole.schema, whole.fixed) = (more.schema, more.fixed);
    Ok(())
}

/// Adds what a resource names: a file with objects, or the directory of another kustomization.
///
/// # Errors
/// What is wrong with it as a file, and as a directory.
pub fn add_resource(cx: &mut Context<'_>, at: &Place, resource: &str, whole: &mut Accumulated) -> Result<(), Failure> {
    let told = |why: &str, next: &str| Failure::msg(format!("accumulation err='{why}': {next}"));
    let from = |why: &str| format!("accumulating resources from '{resource}': {why}");
    let as_file = match file::load(cx, &at.directory, resource) {
        Ok(bytes) => match objects(&bytes, resource) {
            Ok(found) => {
                let mut merging = None;
                for mut item in found {
                    if at.is_told() {
                        item.origin = Origin::of_file(&at.told(resource));
                    }
                    merging = merging.or_else(|| add(&mut whole.items, item).err());
                }
                match merging {
                    None => return Ok(()),
                    Some(why) => format!("merging resources from '{resource}': {why}"),
                }
            }
            Err(Unread::Malformed(why)) => return Err(Failure::msg(from(&why))),
            Err(Unread::Unfit(why)) => from(&why),
        },
        Err(why) => from(&why),
    };
    if let Some(git) = file::bare_git(resource) {
        cx.out.err_line(&super::klog('I', cx.system.now(), "log.go:244", git));
    }
    let inner = at.enter(cx, resource).map_err(|failure| told(&as_file, &failure.text()))?;
    add_directory(cx, &inner, whole, false).map_err(|failure| told(&as_file, &failure.text()))
}

/// Why a file gives no objects.
enum Unread {
    /// It is no YAML.
    Malformed(String),
    /// What it holds are no objects, or the same one twice.
    Unfit(String),
}

/// The objects of a file; those of lists one by one.
fn objects(bytes: &[u8], file: &str) -> Result<Vec<Item>, Unread> {
    let mut found = Vec::new();
    for document in documents_of_kustomize(bytes) {
        let document = document.map_err(|why| {
            let why = why.replace("error converting YAML to JSON: ", "");
            Unread::Malformed(format!("MalformedYAMLError: {why} in File: {file}"))
        })?;
        for object in flat(document) {
            add(&mut found, valid(object).map_err(Unread::Unfit)?).map_err(Unread::Unfit)?;
        }
    }
    Ok(found)
}

/// What a list holds, or the object itself.
pub fn flat(document: Value) -> Vec<Value> {
    let is_list = document.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match document.get("items") {
        Some(Value::Array(items)) if is_list => items.clone(),
        Some(_) if is_list => Vec::new(),
        _ if document.is_null() || document == json!({}) => Vec::new(),
        _ => vec![document],
    }
}

/// An object with a kind and a name.
///
/// # Errors
/// What it lacks.
pub fn valid(object: Value) -> Result<Item, String> {
    let item = Item::new(object);
    let lacks = match (item.kind().as_str(), item.text("/metadata/name").as_str()) {
        ("", _) => "kind",
        (_, "") => "metadata.name",
        _ => return Ok(item),
    };
    if ["apiVersion", "kind", "metadata"].iter().all(|name| item.object.get(*name).is_none()) {
        return Err("missing Resource metadata".to_owned());
    }
    Err(format!(
        "missing {lacks} in object {{{{{} {}}} {{{{{} {}}} map[] map[]}}}}",
        item.text("/apiVersion"),
        item.kind(),
        item.text("/metadata/name"),
        item.text("/metadata/namespace"),
    ))
}

/// Adds an object; two may not have the same kind, name and namespace.
///
/// # Errors
/// There is one already.
pub fn add(items: &mut Vec<Item>, item: Item) -> Result<(), String> {
    if items.iter().any(|known| known.is_same(&item)) {
        return Err(format!("may not add resource with an already registered id: {}", item.id()));
    }
    items.push(item);
    Ok(())
}
