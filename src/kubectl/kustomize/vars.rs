//! `vars`: `$(NAME)` in the fields of objects is replaced by a field of an object.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/filters/refvar and api/internal/accumulator/resaccumulator.go.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::config::Config;
use super::names::{at, pod_spec};
use super::{Item, replacements};
use crate::kubectl::failure::Failure;
use crate::kubectl::print::str_at;

/// Where variables are looked for in the spec of Pods.
const IN_PODS: &[&str] = &[
    "containers/args",
    "containers/command",
    "containers/env/value",
    "containers/volumeMounts/mountPath",
    "initContainers/args",
    "initContainers/command",
    "initContainers/env/value",
    "initContainers/volumeMounts/mountPath",
    "volumes/nfs/server",
];

/// Where they are looked for elsewhere: the kind (empty for all) and the field.
const ELSEWHERE: &[(&str, &str)] = &[
    ("Deployment", "spec/template/metadata/annotations"),
    ("Ingress", "spec/rules/host"),
    ("Ingress", "spec/tls/hosts"),
    ("Ingress", "spec/tls/secretName"),
    ("Service", "spec/ports/port"),
    ("Service", "spec/ports/targetPort"),
    ("PersistentVolume", "spec/nfs/server"),
    ("", "metadata/labels"),
    ("", "metadata/annotations"),
];

/// A variable, and the object it is of.
#[derive(Clone, Debug)]
pub struct Var {
    rule: Value,
    /// The place of its object in the list, when it was there as the variable was read.
    object: Option<usize>,
}

impl Var {
    /// The same variable where so many objects stand before its own.
    pub fn moved(self, before: usize) -> Var {
        Var { object: self.object.map(|index| index + before), ..self }
    }

    fn name(&self) -> &str {
        str_at(&self.rule, "/name")
    }

    fn path(&self) -> &str {
        match str_at(&self.rule, "/fieldref/fieldpath") {
            "" => "metadata.name",
            path => path,
        }
    }

    /// As Go prints it.
    fn title(&self) -> String {
        let of = |path: &str| str_at(&self.rule, path);
        let version = of("/objref/apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        let kind = format!("{}.{}.{}", of("/objref/kind"), or(version, "[noVer]"), or(group, "[noGrp]"));
        format!("{{{} {kind} {{{}}}}}", self.name(), self.path())
    }
}

/// Adds the variables of a kustomization to those of its bases.
///
/// # Errors
/// A name that is taken.
pub fn add(known: &mut Vec<Var>, rules: &Value, items: &[Item]) -> Result<(), Failure> {
    let list = rules.get("vars").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut more: Vec<Var> = Vec::new();
    for rule in list {
        let of = |path: &str| str_at(rule, path);
        let (kind, name, namespace) = (of("/objref/kind"), of("/objref/name"), of("/objref/namespace"));
        let meant = |item: &Item| item.was_kind(kind) && item.is_called(name, namespace);
        let var = Var { rule: rule.clone(), object: items.iter().position(meant) };
        if known.iter().chain(&more).any(|one| one.name() == var.name()) {
            let all: Vec<String> = list
                .iter()
                .map(|rule| {
                    format!("{{{} {}.[noVer].[noGrp] {{}}}}", str_at(rule, "/name"), str_at(rule, "/objref/kind"))
                })
                .collect();
            let name = var.name();
            return Err(Failure::msg(format!("merging vars [{}]: var '{name}' already encountered", all.join(" "))));
        }
        more.push(var);
    }
    known.extend(more);
    Ok(())
}

/// Puts the values in the place of the variables; gives the names that were nowhere.
///
/// # Errors
/// A variable without an object or a field.
pub fn resolve(vars: &[Var], config: &Config, items: &mut [Item]) -> Result<Vec<String>, Failure> {
    let mut values = BTreeMap::new();
    for var in vars {
        let title = var.title();
        let item = var.object.and_then(|index| items.get(index)).ok_or_else(|| {
            Failure::msg(format!("var '{title}' cannot be mapped to a field in the set of known resources"))
        })?;
        let value = replacements::field(&item.object, var.path()).ok_or_else(|| {
            Failure::msg(format!("field specified in var '{title}' not found in corresponding resource"))
        })?;
        values.insert(var.name().to_owned(), value);
    }
    let mut used = BTreeSet::new();
    for item in items.iter_mut() {
        let kind = item.kind();
        let base = pod_spec(&kind);
        let mut paths: Vec<String> = Vec::new();
        if !base.is_empty() {
            paths.extend(IN_PODS.iter().map(|path| format!("{base}/{path}")));
        }
        let fits = |of: &str| of.is_empty() || of == kind;
        paths.extend(ELSEWHERE.iter().filter(|(of, _)| fits(of)).map(|(_, path)| (*path).to_owned()));
        paths.extend(config.paths("varReference", item));
        for path in paths {
            at(&mut item.object, &path, &mut |value| match value {
                Value::Object(fields) => fields.values_mut().for_each(|value| replace(value, &values, &mut used)),
                value => replace(value, &values, &mut used),
            });
        }
    }
    Ok(vars.iter().map(|var| var.name().to_owned()).filter(|name| !used.contains(name)).collect())
}

/// Replaces what stands in a text; a text that is a variable and nothing else becomes its value, of whatever type.
fn replace(value: &mut Value, values: &BTreeMap<String, Value>, used: &mut BTreeSet<String>) {
    let Value::String(text) = value else { return };
    let (mut out, mut rest) = (String::new(), text.as_str());
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(more) = after.strip_prefix('$') {
            out.push('$');
            rest = more;
            continue;
        }
        let Some((name, more)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) else {
            out.push('$');
            rest = after;
            continue;
        };
        match values.get(name).filter(|found| !found.is_object() && !found.is_array()) {
            None => out.push_str(&format!("$({name})")),
            Some(found) => {
                used.insert(name.to_owned());
                if *text == format!("$({name})") {
                    *value = found.clone();
                    return;
                }
                out.push_str(&found.as_str().map_or_else(|| found.to_string(), str::to_owned));
            }
        }
        rest = more;
    }
    out.push_str(rest);
    *value = json!(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_a_variable_takes_its_type() {
        let values = BTreeMap::from([("N".to_owned(), json!(3)), ("S".to_owned(), json!("web"))]);
        let replaced = |text: &str| {
            let mut value = json!(text);
            replace(&mut value, &values, &mut BTreeSet::new());
            value
        };
        assert_eq!(replaced("$(N)"), json!(3));
        assert_eq!(replaced("http://$(S):$(N)/$(X)"), json!("http://web:3/$(X)"));
        assert_eq!(replaced("$$(S) costs $5"), json!("$(S) costs $5"));
    }
}
