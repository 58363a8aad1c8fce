//! `generators`, `transformers` and `validators`: the built-in ones, configured by documents of their own. Each is made into the part
//! of a kustomization that does the same. Refuses all others, as kustomize does unless they are allowed.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/builtins and api/internal/plugins/loader.

use serde_json::{Map, Value, json};

use super::accumulated::Accumulated;
use super::change::change;
use super::field_at::set_at;
use super::file::texts;
use super::item::Item;
use super::origin::{Origin, by};
use super::place::Place;
use super::selector::Selector;
use super::{generate, transform};
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, str_at};
use crate::kubectl::program::Context;
use crate::text::yaml::to_yaml;

/// Whether a plugin is built in and told enough.
fn check(plugin: &Item, makes: bool) -> Result<(), Failure> {
    let (kind, id) = (plugin.kind(), plugin.id());
    if plugin.text("/apiVersion") != "builtin" {
        return Err(Failure::msg(format!("external plugins disabled; unable to load external plugin '{kind}'")));
    }
    let generators = ["ConfigMapGenerator", "SecretGenerator", "HelmChartInflationGenerator", "IAMPolicyGenerator"];
    let is_generator = generators.contains(&kind.as_str());
    if !is_generator && !TRANSFORMERS.contains(&kind.as_str()) {
        return Err(Failure::msg(format!("unable to load builtin {kind}.builtin.[noGrp]")));
    }
    let unfit = |why: &str| Err(Failure::msg(format!("plugin {id} fails configuration: {why}")));
    let subjects = plugin.text("/setRoleBindingSubjects");
    match kind.as_str() {
        "HelmChartInflationGenerator" => return unfit("must specify --enable-helm"),
        "IAMPolicyGenerator" if makes => return unfit("it is not available on this machine"),
        "PrefixTransformer" | "SuffixTransformer" if plugin.object.get("fieldSpecs").is_none() => {
            return unfit("fieldSpecs is not expected to be nil");
        }
        "NamespaceTransformer" if !["", "defaultOnly", "none", "allServiceAccounts"].contains(&subjects.as_str()) => {
            return unfit(&format!(
                "invalid value \"{subjects}\" for setRoleBindingSubjects: must be one of \"defaultOnly\", \"none\" or \"allServiceAccounts\""
            ));
        }
        _ => {}
    }
    match (is_generator, makes) {
        (false, true) => Err(Failure::msg(format!("plugin {id} not a generator"))),
        (true, false) => Err(Failure::msg(format!("plugin {id} not a transformer"))),
        _ => Ok(()),
    }
}

/// The transformers that are built in.
const TRANSFORMERS: &[&str] = &[
    "AnnotationsTransformer",
    "HashTransformer",
    "ImageTagTransformer",
    "LabelTransformer",
    "NamespaceTransformer",
    "PatchJson6902Transformer",
    "PatchStrategicMergeTransformer",
    "PatchTransformer",
    "PrefixTransformer",
    "ReplacementTransformer",
    "ReplicaCountTransformer",
    "SuffixTransformer",
    "ValueAddTransformer",
];

/// The field of a kustomization that does what a plugin does, with its value.
fn as_rules(plugin: &Value) -> Value {
    let kind = str_at(plugin, "/kind");
    let own = |name: &str| plugin.get(name).cloned().unwrap_or(Value::Null);
    let bare = || {
        let mut fields = plugin.as_object().cloned().unwrap_or_default();
        for name in ["apiVersion", "kind"] {
            fields.remove(name);
        }
        fields
    };
    let generator = || {
        let mut fields = bare();
        let metadata = fields.remove("metadata").unwrap_or_default();
        if let Some(namespace) = metadata.get("namespace") {
            fields.entry("namespace").or_insert_with(|| namespace.clone());
        }
        if let Some(name) = metadata.get("name") {
            fields.entry("name").or_insert_with(|| name.clone());
        }
        json!([fields])
    };
    let (field, value) = match kind {
        "PrefixTransformer" => ("namePrefix", own("prefix")),
        "SuffixTransformer" => ("nameSuffix", own("suffix")),
        "NamespaceTransformer" => ("namespace", json!(str_at(plugin, "/metadata/namespace"))),
        "ImageTagTransformer" => ("images", json!([own("imageTag")])),
        "ReplicaCountTransformer" => ("replicas", json!([own("replica")])),
        "PatchTransformer" => ("patches", json!([bare()])),
        "PatchStrategicMergeTransformer" => {
            let mut all = texts(plugin, "paths");
            all.extend(own("patches").as_str().map(str::to_owned));
            ("patchesStrategicMerge", json!(all))
        }
        "PatchJson6902Transformer" => {
            let mut fields = bare();
            if let Some(operations) = fields.remove("jsonOp") {
                fields.insert("patch".to_owned(), operations);
            }
            ("patchesJson6902", json!([fields]))
        }
        "ReplacementTransformer" => ("replacements", own("replacements")),
        "ConfigMapGenerator" => ("configMapGenerator", generator()),
        "SecretGenerator" => ("secretGenerator", generator()),
        // What the others do is no field of a kustomization.
        _ => return json!({}),
    };
    Value::Object(Map::from_iter([(field.to_owned(), value)]))
}

/// Adds what the generators of a kustomization's `generators` make.
///
/// # Errors
/// A generator that is not built in, or goes wrong.
pub fn generators(cx: &Context<'_>, at: &Place, plugins: &[Item], items: &mut Vec<Item>) -> Result<(), Failure> {
    let named = |failure: Failure| Failure::msg(format!("loading generator plugins: {}", failure.text()));
    for plugin in plugins {
        check(plugin, true)
            .map_err(|failure| named(Failure::msg(format!("failed to load generator: {}", failure.text()))))?;
    }
    for plugin in plugins {
        let before = items.len();
        generate::run(cx, at, &as_rules(&plugin.object), items)?;
        for item in items.iter_mut().skip(before).filter(|_| at.is_told()) {
            item.origin = Origin::made(by(plugin.origin.file(), &plugin.object));
        }
    }
    Ok(())
}

/// Changes objects as the transformers of a kustomization's `transformers` do.
///
/// # Errors
/// A transformer that is not built in, or goes wrong.
pub fn transformers(cx: &Context<'_>, at: &Place, plugins: &[Item], own: &mut Accumulated) -> Result<(), Failure> {
    plugins.iter().try_for_each(|plugin| check(plugin, false))?;
    for plugin in plugins {
        transform(cx, at, plugin, own)?;
        let by = by(plugin.origin.file(), &plugin.object);
        own.items.iter_mut().filter(|_| at.is_told()).for_each(|item| item.origin.changed(&by));
    }
    Ok(())
}

/// Runs the transformers of `validators`, which may change nothing.
///
/// # Errors
/// One that is not built in, finds something wrong or changes an object.
pub fn validators(cx: &Context<'_>, at: &Place, plugins: &[Item], own: &mut Accumulated) -> Result<(), Failure> {
    plugins.iter().try_for_each(|plugin| check(plugin, false))?;
    for plugin in plugins {
        let before = own.items.clone();
        transform(cx, at, plugin, own)?;
        let told = |why: String| Err(Failure::msg(format!("validator shouldn't modify the resource map: {why}")));
        for was in &before {
            let Some(now) = own.items.iter().find(|now| now.is_same(was)) else {
                return told(format!("id in self missing from other; id: {}", was.id()));
            };
            if was.object != now.object {
                let (was, now) = (to_yaml(&was.object), to_yaml(&now.object));
                return told(format!("---  self:\n{was}\n--- other:\n{now}\n"));
            }
        }
    }
    Ok(())
}

/// Writes the value of a `ValueAddTransformer` into the fields that it names.
fn add_values(plugin: &Value, items: &mut [Item]) -> Result<(), String> {
    let value = plugin.get("value").cloned().unwrap_or_default();
    for target in list_at(plugin, "/targets") {
        let selector = Selector::read(target.get("selector").unwrap_or(&Value::Null))?;
        let path = str_at(target, "/fieldPath");
        for item in items.iter_mut().filter(|item| selector.fits(item)) {
            set_at(&mut item.object, path.trim_matches('/'), true, &value);
        }
    }
    Ok(())
}

fn transform(cx: &Context<'_>, at: &Place, plugin: &Item, own: &mut Accumulated) -> Result<(), Failure> {
    for (kind, field) in [("LabelTransformer", "labels"), ("AnnotationsTransformer", "annotations")] {
        if let (true, Some(pairs)) = (plugin.kind() == kind, plugin.object.get(field).and_then(Value::as_object)) {
            for spec in list_at(&plugin.object, "/fieldSpecs") {
                own.items.iter_mut().for_each(|item| transform::named_field(item, spec, pairs));
            }
        }
    }
    if plugin.kind() == "ValueAddTransformer" {
        add_values(&plugin.object, &mut own.items).map_err(Failure::msg)?;
    }
    let unfit =
        |_: &str, _: &Value, why: &str| Failure::msg(format!("plugin {} fails configuration: {why}", plugin.id()));
    let config = std::mem::take(&mut own.config);
    let changed = change(cx, at, &as_rules(&plugin.object), own, &unfit);
    own.config = config;
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_plugin_does_what_a_field_of_a_kustomization_does() {
        let plugin =
            |kind: &str| json!({"apiVersion": "builtin", "kind": kind, "metadata": {"name": "t"}, "prefix": "x-"});
        assert_eq!(as_rules(&plugin("PrefixTransformer")), json!({"namePrefix": "x-"}));
        assert_eq!(
            as_rules(&plugin("ConfigMapGenerator")),
            json!({"configMapGenerator": [{"name": "t", "prefix": "x-"}]})
        );
        let other = json!({"apiVersion": "x/v1", "kind": "Bar"});
        assert_eq!(
            check(&Item::new(other), false).unwrap_err().text(),
            "external plugins disabled; unable to load external plugin 'Bar'"
        );
    }
}
