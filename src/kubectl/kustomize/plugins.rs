//! `generators` and `transformers`: the built-in ones, configured by documents of their own. Each is made into the part
//! of a kustomization that does the same. Refuses all others, as kustomize does unless they are allowed.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/builtins and api/internal/plugins/loader.

use serde_json::{Map, Value, json};

use super::config::Config;
use super::file::texts;
use super::{Accumulated, Item, add_resource, generate, patch, replacements, transform};
use crate::kubectl::failure::Failure;
use crate::kubectl::print::str_at;
use crate::kubectl::program::Context;
use crate::text::yaml::from_yaml;

/// The documents that a list of the kustomization stands for: written there, or of files.
fn documents(
    cx: &mut Context<'_>,
    directory: &str,
    rules: &Value,
    list: &str,
    visited: &[String],
) -> Result<Vec<Value>, Failure> {
    let mut whole = Accumulated::default();
    let mut found = Vec::new();
    for entry in texts(rules, list) {
        match from_yaml(&entry) {
            Ok(document @ Value::Object(_)) => found.push(document),
            _ => add_resource(cx, directory, &entry, &mut whole, visited).map_err(|failure| {
                // What is accumulated is named by whoever asks for it.
                let text = failure.text();
                Failure::msg(text.strip_prefix("accumulating resources: ").unwrap_or(&text))
            })?,
        }
    }
    found.extend(whole.items.into_iter().map(|item| item.object));
    Ok(found)
}

/// The field of a kustomization that does what a plugin does, with its value.
fn as_rules(plugin: &Value) -> Result<Value, Failure> {
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
    if str_at(plugin, "/apiVersion") != "builtin" {
        return Err(Failure::msg(format!("external plugins disabled; unable to load external plugin '{kind}'")));
    }
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
        "LabelTransformer" | "AnnotationsTransformer" => ("", Value::Null),
        _ => return Err(Failure::msg(format!("unable to load builtin {kind}.builtin.[noGrp]"))),
    };
    Ok(Value::Object(Map::from_iter([(field.to_owned(), value)])))
}

/// Adds what the generators of a kustomization's `generators` make.
///
/// # Errors
/// A generator that is not built in, or goes wrong.
pub fn generators(
    cx: &mut Context<'_>,
    directory: &str,
    rules: &Value,
    items: &mut Vec<Item>,
    visited: &[String],
) -> Result<(), Failure> {
    let named = |failure: Failure| Failure::msg(format!("loading generator plugins: {}", failure.text()));
    for plugin in documents(cx, directory, rules, "generators", visited).map_err(named)? {
        let rules = as_rules(&plugin).map_err(named)?;
        generate::run(cx, directory, &rules, items)?;
    }
    Ok(())
}

/// Changes objects as the transformers of a kustomization's `transformers` do.
///
/// # Errors
/// A transformer that is not built in, or goes wrong.
pub fn transformers(
    cx: &mut Context<'_>,
    directory: &str,
    rules: &Value,
    items: &mut Vec<Item>,
    visited: &[String],
) -> Result<(), Failure> {
    let plugins = documents(cx, directory, rules, "transformers", visited)?;
    let all: Vec<Value> = plugins.iter().map(as_rules).collect::<Result<_, _>>()?;
    for (plugin, rules) in plugins.iter().zip(all) {
        for (kind, field) in [("LabelTransformer", "labels"), ("AnnotationsTransformer", "annotations")] {
            if let (true, Some(pairs)) = (str_at(plugin, "/kind") == kind, plugin.get(field).and_then(Value::as_object))
            {
                let specs = plugin.get("fieldSpecs").and_then(Value::as_array).into_iter().flatten();
                for spec in specs {
                    items.iter_mut().for_each(|item| transform::named_field(item, spec, pairs));
                }
            }
        }
        patch::run(cx, directory, &rules, items)?;
        transform::run(&rules, &Config::default(), items)?;
        replacements::run(cx, directory, &rules, items)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_plugin_does_what_a_field_of_a_kustomization_does() {
        let plugin =
            |kind: &str| json!({"apiVersion": "builtin", "kind": kind, "metadata": {"name": "t"}, "prefix": "x-"});
        assert_eq!(as_rules(&plugin("PrefixTransformer")).unwrap(), json!({"namePrefix": "x-"}));
        assert_eq!(
            as_rules(&plugin("ConfigMapGenerator")).unwrap(),
            json!({"configMapGenerator": [{"name": "t", "prefix": "x-"}]})
        );
        let other = json!({"apiVersion": "x/v1", "kind": "Bar"});
        assert_eq!(
            as_rules(&other).unwrap_err().text(),
            "external plugins disabled; unable to load external plugin 'Bar'"
        );
    }
}
