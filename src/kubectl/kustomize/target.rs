//! What the kustomization of a directory makes: what it names is gathered, made and changed, in kustomize's order.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/target/kusttarget.go.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::accumulated::Accumulated;
use super::config::Config;
use super::file::{self, texts};
use super::item::Item;
use super::merge::Definitions;
use super::objects::{add, flat, valid};
use super::origin::{self, Origin};
use super::place::Place;
use super::{change, generate, odd_keys, plugins, vars};
use crate::kubectl::failure::Failure;
use crate::kubectl::program::Context;
use crate::kubectl::writing::klog;
use crate::text::go_number::quote;
use crate::text::yaml::{documents_of_kustomize, from_yaml};

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
    let made = documents(cx, at, rules, "generators")
        .map_err(|failure| Failure::msg(format!("loading generator plugins: {}", failure.text())))?;
    plugins::generators(cx, at, &made, &mut own.items)?;
    for component in texts(rules, "components") {
        add_component(cx, at, &component, &mut own)
            .map_err(|failure| Failure::msg(format!("accumulating components: {}", failure.text())))?;
    }
    notice_odd_keys(rules, &mut own.odd);
    change::change(cx, at, rules, &mut own, &generate::unfit)?;
    let all = if at.is_told() { origin::transformers(at, rules) } else { Vec::new() };
    for by in all {
        own.items.iter_mut().for_each(|item| item.origin.changed(&by));
    }
    let more = documents(cx, at, rules, "transformers")?;
    plugins::transformers(cx, at, &more, &mut own)?;
    let checks = documents(cx, at, rules, "validators")?;
    plugins::validators(cx, at, &checks, &mut own)?;
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

/// The plugins that a list of the kustomization stands for: written there, or of files.
fn documents(cx: &mut Context<'_>, at: &Place, rules: &Value, list: &str) -> Result<Vec<Item>, Failure> {
    let mut whole = Accumulated::default();
    let mut named = Vec::new();
    for entry in texts(rules, list) {
        match from_yaml(&entry).map(valid) {
            Ok(Ok(mut item)) => {
                if at.is_told() {
                    item.origin = Origin::of_file(&at.file());
                }
                whole.items.push(item);
            }
            _ => named.push(entry),
        }
    }
    for entry in named {
        add_resource(cx, at, &entry, &mut whole)?;
    }
    Ok(whole.items)
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
        cx.out.err_line(&klog('I', cx.system.now(), "log.go:244", git));
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
