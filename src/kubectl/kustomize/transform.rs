//! What a kustomization does to every object: namespace, name prefix and suffix, labels, annotations, replicas, images.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/builtins and konfig/builtinpluginconsts.

use serde_json::{Map, Value};

use super::Item;
use super::config::{Config, set_at};
use super::names::{at, pod_spec};
use crate::kubectl::failure::Failure;

/// Kinds without a namespace.
const CLUSTER: &[&str] = &[
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "FlowSchema",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
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

/// Changes every object as the kustomization says, in kustomize's order.
pub fn run(rules: &Value, config: &Config, items: &mut [Item]) -> Result<(), Failure> {
    let text = |name: &str| rules.get(name).and_then(Value::as_str).unwrap_or("");
    for item in items.iter_mut() {
        namespace(item, text("namespace"));
        if !text("namespace").is_empty() {
            for (path, make) in config.places("namespace", item) {
                set_at(&mut item.object, &path, make, &Value::String(text("namespace").to_owned()));
            }
        }
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
                    (true, _) => &["commonLabels"],
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
    replicas(rules, config, items)?;
    let list = |name: &str| rules.get(name).and_then(Value::as_array).into_iter().flatten();
    for rule in list("images").chain(list("imageTags")) {
        for item in items.iter_mut() {
            images(&mut item.object, rule);
            for path in config.paths("images", item) {
                at(&mut item.object, &path, &mut |value| {
                    if let Value::String(image) = value {
                        *image = renamed(image, rule);
                    }
                });
            }
        }
    }
    Ok(())
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
    if CLUSTER.contains(&kind.as_str()) {
        return;
    }
    item.was.push((item.text("/metadata/name"), item.text("/metadata/namespace")));
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

/// Changes the images of all containers, wherever they stand.
fn images(value: &mut Value, rule: &Value) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields.iter_mut() {
                if matches!(key.as_str(), "containers" | "initContainers") {
                    for container in inner.as_array_mut().into_iter().flatten() {
                        if let Some(Value::String(image)) = container.get_mut("image") {
                            *image = renamed(image, rule);
                        }
                    }
                }
                images(inner, rule);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| images(inner, rule)),
        _ => {}
    }
}

fn renamed(image: &str, rule: &Value) -> String {
    let of = |name: &str| rule.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (rest, digest) = image.split_once('@').map_or((image, ""), |(rest, digest)| (rest, digest));
    let (name, tag) = rest.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).unwrap_or((rest, ""));
    if Some(name) != of("name") {
        return image.to_owned();
    }
    let new = of("newName").unwrap_or(name);
    // A suffix is put on by both of the transformers that look at containers.
    let (tag, digest) = match (of("newTag"), of("digest"), of("tagSuffix")) {
        (Some(tag), digest, _) => (tag.to_owned(), digest.unwrap_or("")),
        (None, Some(digest), _) => (String::new(), digest),
        (None, None, Some(suffix)) => (format!("{tag}{suffix}{suffix}"), ""),
        (None, None, None) => (tag.to_owned(), digest),
    };
    let tag = if tag.is_empty() { tag } else { format!(":{tag}") };
    let digest = if digest.is_empty() { String::new() } else { format!("@{digest}") };
    format!("{new}{tag}{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_image_changes_its_name_tag_or_digest() {
        let rule = |rule: Value, image: &str| renamed(image, &rule);
        assert_eq!(rule(json!({"name": "nginx", "newTag": "1.28"}), "nginx:1.27"), "nginx:1.28");
        assert_eq!(rule(json!({"name": "nginx", "newName": "r:5000/n"}), "nginx"), "r:5000/n");
        assert_eq!(rule(json!({"name": "nginx", "digest": "sha256:1"}), "nginx:1"), "nginx@sha256:1");
        assert_eq!(rule(json!({"name": "nginx", "digest": "sha256:1", "newTag": "2"}), "nginx:1"), "nginx:2@sha256:1");
        assert_eq!(rule(json!({"name": "other", "newTag": "2"}), "nginx:1"), "nginx:1");
    }
}
