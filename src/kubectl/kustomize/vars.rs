//! `vars`: `$(NAME)` in the fields of objects is replaced by a field of an object.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/filters/refvar and api/internal/accumulator/resaccumulator.go.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::config::Config;
use super::field_at::at;
use super::item::Item;
use super::names::pod_spec;
use super::replacements;
use crate::kubectl::failure::Failure;
use crate::kubectl::print::str_at;
use crate::text::go_value::{shown, type_name};

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
}

impl Var {
    fn name(&self) -> &str {
        str_at(&self.rule, "/name")
    }

    fn path(&self) -> &str {
        match str_at(&self.rule, "/fieldref/fieldPath") {
            "" => "metadata.name",
            path => path,
        }
    }

    /// As Go prints it before its defaults are set.
    fn written(&self) -> String {
        let of = |path: &str| str_at(&self.rule, path);
        let kind = if of("/objref/kind").is_empty() { "[noKind]" } else { of("/objref/kind") };
        format!("{{{} {kind}.[noVer].[noGrp] {{{}}}}}", self.name(), of("/fieldref/fieldPath"))
    }

    /// As Go prints it.
    fn title(&self) -> String {
        let of = |path: &str| str_at(&self.rule, path);
        let version = of("/objref/apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        let kind = or(of("/objref/kind"), "[noKind]");
        let kind = format!("{kind}.{}.{}", or(version, "[noVer]"), or(group, "[noGrp]"));
        format!("{{{} {kind} {{{}}}}}", self.name(), self.path())
    }
}

/// Adds the variables of a kustomization to those of its bases.
///
/// # Errors
/// A name that is taken, or an object that cannot be told from another.
pub fn add(known: &mut Vec<Var>, rules: &Value, items: &mut [Item]) -> Result<(), Failure> {
    let list = rules.get("vars").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let told = |why: String| {
        let all: Vec<String> = list.iter().map(|rule| Var { rule: rule.clone() }.written()).collect();
        Failure::msg(format!("merging vars [{}]: {why}", all.join(" ")))
    };
    for rule in list {
        let of = |path: &str| str_at(rule, path);
        let wanted = json!({
            "apiVersion": of("/objref/apiVersion"),
            "kind": of("/objref/kind"),
            "metadata": {"name": of("/objref/name"), "namespace": of("/objref/namespace")},
        });
        let (wanted, anywhere) = (Item::new(wanted), of("/objref/namespace").is_empty());
        let meant = |item: &Item| {
            let called = item.is_called(of("/objref/name"), "");
            let same = item.group_version() == wanted.group_version() && item.was_kind(&wanted.kind());
            if anywhere { same && called } else { item.is_meant_by(&wanted) }
        };
        let mut found: Vec<&mut Item> = items.iter_mut().filter(|item| meant(item)).collect();
        let var = Var { rule: rule.clone() };
        if found.len() > 1 {
            let (count, var) = (found.len(), var.written());
            return Err(told(format!("found {count} resId matches for var {var} (unable to disambiguate)")));
        }
        found.iter_mut().for_each(|item| item.vars.push(of("/name").to_owned()));
        merge(known, vec![var]).map_err(told)?;
    }
    Ok(())
}

/// Adds variables of another kustomization.
///
/// # Errors
/// A name that is taken.
pub fn merge(known: &mut Vec<Var>, more: Vec<Var>) -> Result<(), String> {
    for var in more {
        if known.iter().any(|one| one.name() == var.name()) {
            return Err(format!("var '{}' already encountered", var.name()));
        }
        known.push(var);
    }
    Ok(())
}

/// Puts the values in the place of the variables; gives what is told of those that were nowhere, or are no plain values.
///
/// # Errors
/// A variable without an object or a field.
pub fn resolve(vars: &[Var], config: &Config, items: &mut [Item]) -> Result<Vec<String>, Failure> {
    let mut values = BTreeMap::new();
    for var in vars {
        let title = var.title();
        let named = |item: &&Item| !var.name().is_empty() && item.vars.iter().any(|name| name == var.name());
        let item = items.iter().find(named).ok_or_else(|| {
            Failure::msg(format!("var '{title}' cannot be mapped to a field in the set of known resources"))
        })?;
        let value =
            replacements::field(&item.object, &var.path().replace('[', ".").replace(']', "")).ok_or_else(|| {
                Failure::msg(format!("field specified in var '{title}' not found in corresponding resource"))
            })?;
        values.insert(var.name().to_owned(), value);
    }
    let mut used = BTreeSet::new();
    let mut told = Vec::new();
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
                Value::Object(fields) => {
                    fields.values_mut().for_each(|value| replace(value, &values, &mut used, &mut told))
                }
                value => replace(value, &values, &mut used, &mut told),
            });
        }
    }
    let unused: Vec<&str> = vars.iter().map(Var::name).filter(|name| !used.contains(*name)).collect();
    if !unused.is_empty() {
        told.push(format!("well-defined vars that were never replaced: {}", unused.join(",")));
    }
    Ok(told)
}

/// Replaces what stands in a text; a text that is a variable and nothing else becomes its value, of whatever type.
fn replace(value: &mut Value, values: &BTreeMap<String, Value>, used: &mut BTreeSet<String>, told: &mut Vec<String>) {
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
        match values.get(name) {
            Some(found) if found.is_object() || found.is_array() => {
                let (kind, shown) = (type_name(found), shown(found));
                told.push(format!("MakePrimitiveReplacer: bad replacement type={kind} val={shown}"));
                out.push_str(&format!("$({name})"));
            }
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
            replace(&mut value, &values, &mut BTreeSet::new(), &mut Vec::new());
            value
        };
        assert_eq!(replaced("$(N)"), json!(3));
        assert_eq!(replaced("http://$(S):$(N)/$(X)"), json!("http://web:3/$(X)"));
        assert_eq!(replaced("$$(S) costs $5"), json!("$(S) costs $5"));
    }
}
