//! `-k` and `kubectl kustomize`: resources of a directory, with a prefix, labels and a namespace of their own.
//!
//! Models the part of sigs.k8s.io/kustomize 5.8 that small exercises use: resources, namePrefix, nameSuffix, namespace,
//! commonLabels, labels, commonAnnotations, images, replicas. Refuses generators, patches and remote bases.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::program::Context;
use crate::text::yaml::{documents, from_yaml};

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The documents of a kustomization.
///
/// # Errors
/// A directory without one, or what it names is missing.
pub fn build(cx: &mut Context<'_>, directory: &str) -> Result<Vec<Value>, Failure> {
    build_at(cx, directory.trim_end_matches('/'), 0)
}

fn build_at(cx: &mut Context<'_>, directory: &str, depth: usize) -> Result<Vec<Value>, Failure> {
    let directory = if directory.is_empty() { "." } else { directory };
    let file = NAMES.iter().map(|name| format!("{directory}/{name}")).find(|path| cx.system.read_file(path).is_ok());
    let Some(file) = file else {
        let cwd = cx.system.cwd();
        let absolute = match directory {
            "." => cwd,
            path if path.starts_with('/') => path.to_owned(),
            path => format!("{cwd}/{}", path.trim_start_matches("./")),
        };
        return Err(Failure::msg(format!(
            "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{absolute}'"
        )));
    };
    let bytes = cx.system.read_file(&file).unwrap_or_default();
    let rules = from_yaml(&String::from_utf8_lossy(&bytes))
        .map_err(|why| Failure::msg(format!("invalid Kustomization: {why}")))?;
    let list = |name: &str| rules.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut objects = Vec::new();
    for resource in list("resources").iter().chain(&list("bases")).filter_map(Value::as_str) {
        let path = format!("{directory}/{resource}");
        let info = cx.system.file_info(&path).map_err(|_| {
            Failure::msg(format!("accumulating resources: accumulation err='accumulating resources from '{resource}': evalsymlink failure on '{path}' : lstat {path}: no such file or directory'"))
        })?;
        if info.is_dir {
            if depth > 16 {
                return Err(Failure::msg("cycle detected among kustomizations"));
            }
            objects.extend(build_at(cx, &path, depth + 1)?);
            continue;
        }
        let bytes = cx.system.read_file(&path).unwrap_or_default();
        for document in documents(&bytes) {
            objects.push(document.map_err(|why| Failure::msg(format!("{path}: {why}")))?);
        }
    }
    for name in ["commonLabels"] {
        if rules.get(name).is_some() {
            cx.out.err_line("# Warning: 'commonLabels' is deprecated. Please use 'labels' instead. Run 'kustomize edit fix' to update your Kustomization automatically.");
        }
    }
    for object in &mut objects {
        change(object, &rules);
    }
    Ok(objects)
}

fn change(object: &mut Value, rules: &Value) {
    let text = |name: &str| rules.get(name).and_then(Value::as_str).unwrap_or("");
    if let Some(name) = object.pointer_mut("/metadata/name")
        && let Some(old) = name.as_str()
    {
        *name = Value::String(format!("{}{old}{}", text("namePrefix"), text("nameSuffix")));
    }
    if !text("namespace").is_empty() {
        set(object, &["metadata"], "namespace", Value::String(text("namespace").to_owned()));
    }
    if let Some(labels) = rules.get("commonLabels").and_then(Value::as_object) {
        add_labels(object, labels, true, true);
    }
    for entry in rules.get("labels").and_then(Value::as_array).into_iter().flatten() {
        if let Some(labels) = entry.get("pairs").and_then(Value::as_object) {
            let on = |name: &str| entry.get(name).and_then(Value::as_bool).unwrap_or(false);
            add_labels(object, labels, on("includeSelectors"), on("includeSelectors") || on("includeTemplates"));
        }
    }
    for (key, value) in rules.get("commonAnnotations").and_then(Value::as_object).into_iter().flatten() {
        set(object, &["metadata", "annotations"], key, value.clone());
    }
    for image in rules.get("images").and_then(Value::as_array).into_iter().flatten() {
        rename_images(object, image);
    }
    for entry in rules.get("replicas").and_then(Value::as_array).into_iter().flatten() {
        if entry.get("name") == object.pointer("/metadata/name")
            && let Some(count) = entry.get("count")
        {
            set(object, &["spec"], "replicas", count.clone());
        }
    }
}

fn add_labels(object: &mut Value, labels: &Map<String, Value>, selectors: bool, templates: bool) {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or("").to_owned();
    for (key, value) in labels {
        set(object, &["metadata", "labels"], key, value.clone());
        if templates {
            match kind.as_str() {
                "CronJob" => {
                    set(object, &["spec", "jobTemplate", "metadata", "labels"], key, value.clone());
                    set(object, &["spec", "jobTemplate", "spec", "template", "metadata", "labels"], key, value.clone());
                }
                _ if object.pointer("/spec/template").is_some() => {
                    set(object, &["spec", "template", "metadata", "labels"], key, value.clone());
                }
                _ => {}
            }
        }
        if selectors {
            match kind.as_str() {
                "Service" if object.pointer("/spec/selector").is_some() => {
                    set(object, &["spec", "selector"], key, value.clone())
                }
                "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" => {
                    set(object, &["spec", "selector", "matchLabels"], key, value.clone());
                }
                _ => {}
            }
        }
    }
}

/// Sets a field below a path whose objects are made when they are missing.
fn set(object: &mut Value, path: &[&str], key: &str, value: Value) {
    let mut slot = object;
    for part in path {
        let Some(fields) = slot.as_object_mut() else { return };
        slot = fields.entry((*part).to_owned()).or_insert_with(|| Value::Object(Map::new()));
        if slot.is_null() {
            *slot = Value::Object(Map::new());
        }
    }
    if let Some(fields) = slot.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

fn rename_images(value: &mut Value, rule: &Value) {
    match value {
        Value::Object(fields) => {
            let of = |name: &str| rule.get(name).and_then(Value::as_str);
            if let Some(Value::String(image)) = fields.get_mut("image") {
                let (name, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).unwrap_or((image, ""));
                if Some(name) == of("name") {
                    let new = of("newName").unwrap_or(name);
                    let tag = of("newTag").unwrap_or(tag);
                    *image = match of("digest") {
                        Some(digest) => format!("{new}@{digest}"),
                        None if tag.is_empty() => new.to_owned(),
                        None => format!("{new}:{tag}"),
                    };
                }
            }
            fields.values_mut().for_each(|inner| rename_images(inner, rule));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| rename_images(inner, rule)),
        _ => {}
    }
}
