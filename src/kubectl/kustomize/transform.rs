//! What a kustomization does to every object: namespace, name prefix and suffix, labels, annotations, replicas, images.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/builtins and konfig/builtinpluginconsts.

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::config::Config;
use super::field_at::{at, set_at};
use super::item::Item;
use super::names::pod_spec;
use crate::kubectl::failure::Failure;

/// Where kinds without a namespace name the one of a Service, and whether it is made.
const SERVICES: &[(&str, &str, bool)] = &[
    ("APIService", "spec/service/namespace", true),
    ("CustomResourceDefinition", "spec/conversion/webhook/clientConfig/service/namespace", false),
];

/// Selectors that labels go into: who has them, where, and whether they are made.
const SELECTORS: &[(&str, &str, bool)] = &[
    ("Service", "spec/selector", true),
    ("ReplicationController", "spec/selector", true),
    ("Deployment", "spec/selector/matchLabels", true),
    ("ReplicaSet", "spec/selector/matchLabels", true),
    ("DaemonSet", "spec/selector/matchLabels", true),
    ("StatefulSet", "spec/selector/matchLabels", true),
    ("Job", "spec/selector/matchLabels", false),
    ("CronJob", "spec/jobTemplate/spec/selector/matchLabels", false),
    ("PodDisruptionBudget", "spec/selector/matchLabels", false),
    ("NetworkPolicy", "spec/podSelector/matchLabels", false),
    ("NetworkPolicy", "spec/ingress/from/podSelector/matchLabels", false),
    ("NetworkPolicy", "spec/egress/to/podSelector/matchLabels", false),
];

/// Selectors inside of the Pod templates of Deployments and StatefulSets.
const AFFINITIES: &[&str] = &[
    "affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "topologySpreadConstraints/labelSelector/matchLabels",
];

/// Changes namespace, name, labels and annotations of every object.
///
/// # Errors
/// Two objects that are the same one in the new namespace.
pub fn names(rules: &Value, config: &Config, items: &mut [Item]) -> Result<(), Failure> {
    let text = |name: &str| rules.get(name).and_then(Value::as_str).unwrap_or("");
    if !text("namespace").is_empty() {
        into_namespace(text("namespace"), config, items)?;
    }
    for item in items.iter_mut() {
        let skipped = ["CustomResourceDefinition", "APIService", "Namespace"].contains(&item.kind().as_str());
        let same_name = text("namePrefix").is_empty() && text("nameSuffix").is_empty();
        if !same_name && !skipped {
            let name = format!("{}{}{}", text("namePrefix"), item.text("/metadata/name"), text("nameSuffix"));
            item.rename(name);
        }
        affixes(item, config, text("namePrefix"), text("nameSuffix"));
        for entry in rules.get("labels").and_then(Value::as_array).into_iter().flatten() {
            let on = |name: &str| entry.get(name).and_then(Value::as_bool).unwrap_or(false);
            if let Some(pairs) = entry.get("pairs").and_then(Value::as_object) {
                labels(item, pairs, on("includeSelectors"), on("includeSelectors") || on("includeTemplates"));
                let more: &[&str] = match (on("includeSelectors"), on("includeTemplates")) {
                    (true, _) => &["labels", "commonLabels"],
                    (false, true) => &["labels", "templateLabels"],
                    (false, false) => &["labels"],
                };
                configured(item, config, more, pairs);
                for field in entry.get("fields").and_then(Value::as_array).into_iter().flatten() {
                    named_field(item, field, pairs);
                }
            }
        }
        if let Some(pairs) = rules.get("commonLabels").and_then(Value::as_object) {
            labels(item, pairs, true, true);
            configured(item, config, &["commonLabels"], pairs);
        }
        if let Some(pairs) = rules.get("commonAnnotations").and_then(Value::as_object) {
            put(&mut item.object, "metadata/annotations", true, pairs);
            for template in templates(&item.kind()) {
                put(&mut item.object, &format!("{template}/annotations"), true, pairs);
            }
            configured(item, config, &["commonAnnotations"], pairs);
        }
    }
    Ok(())
}

/// Changes how many Pods objects have and which images they run.
///
/// # Errors
/// A number for an object that is not there.
pub fn images_and_replicas(rules: &Value, config: &Config, items: &mut [Item]) -> Result<(), Failure> {
    replicas(rules, config, items)?;
    let list = |name: &str| rules.get(name).and_then(Value::as_array).into_iter().flatten();
    for rule in list("images").chain(list("imageTags")) {
        let Ok(image) = Image::read(rule) else { continue };
        for item in items.iter_mut().filter(|item| item.kind() != "CustomResourceDefinition") {
            image.change_containers(&mut item.object);
            let configured = config.paths("images", item);
            for path in IMAGES.iter().copied().chain(configured.iter().map(String::as_str)) {
                at(&mut item.object, path, &mut |value| image.change(value));
            }
        }
    }
    Ok(())
}

/// Where images stand beside those of containers, which are found wherever they are. Those of containers are looked at
/// twice.
const IMAGES: &[&str] = &[
    "spec/containers/image",
    "spec/initContainers/image",
    "spec/volumes/image/reference",
    "spec/template/spec/containers/image",
    "spec/template/spec/initContainers/image",
    "spec/template/spec/volumes/image/reference",
];

/// Puts every object into a namespace.
fn into_namespace(name: &str, config: &Config, items: &mut [Item]) -> Result<(), Failure> {
    for index in 0..items.len() {
        if let Some(item) = items.get_mut(index) {
            namespace(item, name);
            for (path, make) in config.places("namespace", item) {
                set_at(&mut item.object, &path, make, &Value::String(name.to_owned()));
            }
        }
        let Some(item) = items.get(index) else { continue };
        let same: Vec<String> = items.iter().filter(|one| one.is_same(item)).map(with_memory).collect();
        if same.len() > 1 {
            return Err(Failure::msg(format!("namespace transformation produces ID conflict: [{}]", same.join(" "))));
        }
    }
    Ok(())
}

/// An object with the annotations in which kustomize remembers what it was called.
fn with_memory(item: &Item) -> String {
    let mut item = item.clone();
    let default = |space: &String| if space.is_empty() { "default".to_owned() } else { space.clone() };
    let was = item.was.iter().skip(1);
    let names: Vec<String> = was.clone().map(|(name, _)| name.clone()).collect();
    let spaces: Vec<String> = was.map(|(_, space)| default(space)).collect();
    let kinds = item.kinds.iter().skip(1).cloned().collect::<Vec<_>>();
    for (key, values) in [("previousKinds", kinds), ("previousNames", names), ("previousNamespaces", spaces)] {
        if !values.is_empty() {
            item.mark("annotations", &format!("internal.config.kubernetes.io/{key}"), &values.join(","));
        }
    }
    crate::text::go_json::to_compact(&item.object)
}

/// Labels or annotations of fields that a configuration names.
fn configured(item: &mut Item, config: &Config, lists: &[&str], pairs: &Map<String, Value>) {
    for (path, make) in lists.iter().flat_map(|list| config.places(list, item)).collect::<Vec<_>>() {
        put(&mut item.object, &path, make, pairs);
    }
}

/// Prefixes and suffixes of fields other than the name, as a configuration says.
fn affixes(item: &mut Item, config: &Config, prefix: &str, suffix: &str) {
    for (list, before, after) in [("namePrefix", prefix, ""), ("nameSuffix", "", suffix)] {
        let wanted = !(before.is_empty() && after.is_empty());
        for (path, make) in config.places(list, item).into_iter().filter(|(path, _)| path != "metadata/name") {
            if make && wanted && item.text(&format!("/{path}")).is_empty() {
                set_at(&mut item.object, &path, true, &Value::String(String::new()));
            }
            at(&mut item.object, &path, &mut |value| {
                if let Value::String(text) = value {
                    *text = format!("{before}{text}{after}");
                }
            });
        }
    }
}

fn namespace(item: &mut Item, namespace: &str) {
    if namespace.is_empty() {
        return;
    }
    let kind = item.kind();
    if kind == "Namespace" {
        if item.text("/metadata/name") != namespace {
            item.rename(namespace.to_owned());
        }
        return;
    }
    if matches!(kind.as_str(), "RoleBinding" | "ClusterRoleBinding") {
        // Only the account that every namespace has; others follow their own object.
        at(&mut item.object, "subjects", &mut |subject| {
            let is = |field: &str, value: &str| subject.get(field).and_then(Value::as_str) == Some(value);
            if is("kind", "ServiceAccount") && is("name", "default") {
                set(subject, "namespace", namespace);
            }
        });
    }
    for (of, path, make) in SERVICES {
        if *of == kind {
            set_at(&mut item.object, path, *make, &Value::String(namespace.to_owned()));
        }
    }
    item.remember();
    if item.is_of_cluster() {
        return;
    }
    if let Some(metadata) = item.object.get_mut("metadata") {
        set(metadata, "namespace", namespace);
    }
}

fn set(object: &mut Value, field: &str, text: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), Value::String(text.to_owned()));
    }
}

/// Where the metadata of a kind's templates stands.
fn templates(kind: &str) -> &'static [&'static str] {
    match kind {
        "CronJob" => &["spec/jobTemplate/metadata", "spec/jobTemplate/spec/template/metadata"],
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "Job" | "ReplicationController" => {
            &["spec/template/metadata"]
        }
        _ => &[],
    }
}

fn labels(item: &mut Item, pairs: &Map<String, Value>, selectors: bool, with_templates: bool) {
    let kind = item.kind();
    put(&mut item.object, "metadata/labels", true, pairs);
    for template in templates(&kind).iter().filter(|_| with_templates) {
        put(&mut item.object, &format!("{template}/labels"), true, pairs);
    }
    if with_templates && kind == "StatefulSet" {
        at(&mut item.object, "spec/volumeClaimTemplates", &mut |claim| put(claim, "metadata/labels", true, pairs));
    }
    if !selectors {
        return;
    }
    for (_, path, make) in SELECTORS.iter().filter(|(of, _, _)| *of == kind) {
        put(&mut item.object, path, *make, pairs);
    }
    if matches!(kind.as_str(), "Deployment" | "StatefulSet") {
        for path in AFFINITIES {
            put(&mut item.object, &format!("{}/{path}", pod_spec(&kind)), false, pairs);
        }
    }
}

/// Labels of a field that the kustomization names itself, for objects of some kind.
pub fn named_field(item: &mut Item, field: &Value, pairs: &Map<String, Value>) {
    let text = |name: &str| field.get(name).and_then(Value::as_str).unwrap_or("");
    let version = item.text("/apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let is = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
    if is(text("kind"), &item.kind()) && is(text("group"), group) && is(text("version"), version) {
        let make = field.get("create").and_then(Value::as_bool).unwrap_or(false);
        put(&mut item.object, text("path"), make, pairs);
    }
}

/// Adds pairs to the map at a path; with `make`, objects on the way are made.
fn put(object: &mut Value, path: &str, make: bool, pairs: &Map<String, Value>) {
    if make {
        let mut slot = &mut *object;
        for part in path.split('/') {
            let Some(fields) = slot.as_object_mut() else { break };
            slot = fields.entry(part).or_insert_with(|| Value::Object(Map::new()));
            if slot.is_null() {
                *slot = Value::Object(Map::new());
            }
        }
    }
    at(object, path, &mut |map| {
        if let Some(map) = map.as_object_mut() {
            map.extend(pairs.clone());
        }
    });
}

fn replicas(rules: &Value, config: &Config, items: &mut [Item]) -> Result<(), Failure> {
    for entry in rules.get("replicas").and_then(Value::as_array).into_iter().flatten() {
        let name = entry.get("name").and_then(Value::as_str).unwrap_or("");
        let count = entry.get("count").cloned().unwrap_or_else(|| 0.into());
        let scaled = ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"];
        let mut found = false;
        for item in items.iter_mut().filter(|item| item.is_called(name, "")) {
            for (path, make) in config.places("replicas", item) {
                found = true;
                set_at(&mut item.object, &path, make, &count);
            }
            if !scaled.contains(&item.kind().as_str()) {
                continue;
            }
            found = true;
            if let Some(spec) = item.object.get_mut("spec").and_then(Value::as_object_mut) {
                spec.insert("replicas".to_owned(), count.clone());
            }
        }
        if !found {
            return Err(Failure::msg(format!(
                "resource with name {name} does not match a config with the following GVK [Deployment.[noVer].[noGrp] StatefulSet.[noVer].[noGrp] ReplicaSet.[noVer].[noGrp] ReplicationController.[noVer].[noGrp]]"
            )));
        }
    }
    Ok(())
}

/// A rule for images.
struct Image<'a> {
    rule: &'a Value,
    meant: Regex,
}

impl<'a> Image<'a> {
    /// Reads a rule; the name in it is an expression.
    fn read(rule: &'a Value) -> Result<Image<'a>, regex_lite::Error> {
        let name = rule.get("name").and_then(Value::as_str).unwrap_or("");
        let meant = Regex::new(&format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$"))?;
        Ok(Image { rule, meant })
    }

    /// Changes the images of all containers, wherever they stand.
    fn change_containers(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (key, inner) in fields.iter_mut() {
                    self.change_containers(inner);
                    if matches!(key.as_str(), "containers" | "initContainers") {
                        for container in inner.as_array_mut().into_iter().flatten() {
                            container.get_mut("image").into_iter().for_each(|image| self.change(image));
                        }
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|inner| self.change_containers(inner)),
            _ => {}
        }
    }

    fn change(&self, value: &mut Value) {
        if let Value::String(image) = value {
            *image = self.changed(image);
        }
    }

    fn changed(&self, image: &str) -> String {
        if !self.meant.is_match(image) {
            return image.to_owned();
        }
        let of = |name: &str| self.rule.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (rest, digest) = image.split_once('@').unwrap_or((image, ""));
        // A colon before the first slash belongs to the place of the registry.
        let host = rest.find('/').filter(|at| *at > 0).unwrap_or(0);
        let colon = rest.get(host..).and_then(|rest| rest.find(':')).map(|at| host + at);
        let (name, tag) = colon.and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?))).unwrap_or((rest, ""));
        let new = of("newName").unwrap_or(name);
        let (tag, digest) = match (of("newTag"), of("digest"), of("tagSuffix")) {
            (Some(tag), digest, _) => (tag.to_owned(), digest.unwrap_or("")),
            (None, Some(digest), _) => (String::new(), digest),
            (None, None, Some(suffix)) => (format!("{tag}{suffix}"), ""),
            (None, None, None) => (tag.to_owned(), digest),
        };
        let tag = if tag.is_empty() { tag } else { format!(":{tag}") };
        let digest = if digest.is_empty() { String::new() } else { format!("@{digest}") };
        format!("{new}{tag}{digest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_image_changes_its_name_tag_or_digest() {
        let rule = |rule: Value, image: &str| Image::read(&rule).unwrap().changed(image);
        assert_eq!(rule(json!({"name": "nginx", "newTag": "1.28"}), "nginx:1.27"), "nginx:1.28");
        assert_eq!(rule(json!({"name": "nginx", "newName": "r:5000/n"}), "nginx"), "r:5000/n");
        assert_eq!(rule(json!({"name": "nginx", "digest": "sha256:1"}), "nginx:1"), "nginx@sha256:1");
        assert_eq!(rule(json!({"name": "nginx", "digest": "sha256:1", "newTag": "2"}), "nginx:1"), "nginx:2@sha256:1");
        assert_eq!(rule(json!({"name": "other", "newTag": "2"}), "nginx:1"), "nginx:1");
    }
}
