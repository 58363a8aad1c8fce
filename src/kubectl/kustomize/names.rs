//! Names that other objects refer to: when an object gets another name, those that name it follow.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/konfig/builtinpluginconsts/namereference.go.

use serde_json::Value;

use super::config::Config;
use super::field_at::at;
use super::item::Item;

/// What a Pod's spec refers to: the kind, and where its name stands.
const IN_PODS: &[(&str, &str)] = &[
    ("ConfigMap", "volumes/configMap/name"),
    ("ConfigMap", "containers/env/valueFrom/configMapKeyRef/name"),
    ("ConfigMap", "initContainers/env/valueFrom/configMapKeyRef/name"),
    ("ConfigMap", "containers/envFrom/configMapRef/name"),
    ("ConfigMap", "initContainers/envFrom/configMapRef/name"),
    ("ConfigMap", "volumes/projected/sources/configMap/name"),
    ("Secret", "volumes/secret/secretName"),
    ("Secret", "containers/env/valueFrom/secretKeyRef/name"),
    ("Secret", "initContainers/env/valueFrom/secretKeyRef/name"),
    ("Secret", "containers/envFrom/secretRef/name"),
    ("Secret", "initContainers/envFrom/secretRef/name"),
    ("Secret", "imagePullSecrets/name"),
    ("Secret", "volumes/projected/sources/secret/name"),
    ("ServiceAccount", "serviceAccountName"),
    ("PersistentVolumeClaim", "volumes/persistentVolumeClaim/claimName"),
    ("PriorityClass", "priorityClassName"),
];

/// What other objects refer to: the kind, who refers to it, and where its name stands.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("Deployment", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("ReplicaSet", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("StatefulSet", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("ReplicationController", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("ConfigMap", "Role", "rules/resourceNames"),
    ("ConfigMap", "ClusterRole", "rules/resourceNames"),
    ("Secret", "Role", "rules/resourceNames"),
    ("Secret", "ClusterRole", "rules/resourceNames"),
    ("Secret", "Ingress", "spec/tls/secretName"),
    ("Secret", "ServiceAccount", "imagePullSecrets/name"),
    ("Service", "StatefulSet", "spec/serviceName"),
    ("Service", "Ingress", "spec/rules/http/paths/backend/service/name"),
    ("Service", "Ingress", "spec/defaultBackend/service/name"),
    ("Service", "APIService", "spec/service/name"),
    ("Role", "RoleBinding", "roleRef/name"),
    ("ClusterRole", "RoleBinding", "roleRef/name"),
    ("ClusterRole", "ClusterRoleBinding", "roleRef/name"),
    ("PersistentVolume", "PersistentVolumeClaim", "spec/volumeName"),
    ("StorageClass", "PersistentVolume", "spec/storageClassName"),
    ("StorageClass", "PersistentVolumeClaim", "spec/storageClassName"),
    ("StorageClass", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
    ("IngressClass", "Ingress", "spec/ingressClassName"),
];

/// Where the spec of a kind's Pods stands.
pub fn pod_spec(kind: &str) -> &'static str {
    match kind {
        "Pod" => "spec",
        "PodTemplate" => "template/spec",
        "CronJob" => "spec/jobTemplate/spec/template/spec",
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "Job" | "ReplicationController" => {
            "spec/template/spec"
        }
        _ => "",
    }
}

/// Changes every reference to what its object is called now.
pub fn follow(items: &mut [Item], config: &Config) {
    let known = items.to_vec();
    for item in items.iter_mut() {
        let (kind, namespace) = (item.kind(), item.text("/metadata/namespace"));
        let base = pod_spec(&kind);
        let pods = IN_PODS.iter().filter(|_| !base.is_empty()).map(|(of, path)| (*of, format!("{base}/{path}")));
        let own = ELSEWHERE.iter().filter(|(_, by, _)| *by == kind).map(|(of, _, path)| (*of, (*path).to_owned()));
        let configured = config.references(item);
        let configured = configured.iter().map(|(of, path)| (of.as_str(), path.clone()));
        for (of, path) in pods.chain(own).chain(configured).collect::<Vec<_>>() {
            let kind_of = match of {
                "Role" | "ClusterRole" if item.text("/roleRef/kind") != of => continue,
                "Deployment" | "ReplicaSet" | "StatefulSet" | "ReplicationController"
                    if item.text("/spec/scaleTargetRef/kind") != of =>
                {
                    continue;
                }
                of => of,
            };
            at(&mut item.object, &path, &mut |value| {
                let found = value
                    .as_str()
                    .and_then(|name| known.iter().find(|one| one.was_kind(kind_of) && one.is_called(name, &namespace)));
                if let Some(found) = found {
                    *value = Value::String(found.text("/metadata/name"));
                }
            });
        }
        match kind.as_str() {
            "RoleBinding" | "ClusterRoleBinding" => {
                at(&mut item.object, "subjects", &mut |subject| follow_subject(subject, &known));
            }
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
                at(&mut item.object, "webhooks/clientConfig/service", &mut |service| {
                    follow_whole(service, "Service", &known);
                });
            }
            _ => {}
        }
    }
}

/// A service account that a binding names.
fn follow_subject(subject: &mut Value, known: &[Item]) {
    if subject.get("kind").and_then(Value::as_str) == Some("ServiceAccount") {
        follow_whole(subject, "ServiceAccount", known);
    }
}

/// An object that is named with its namespace.
fn follow_whole(reference: &mut Value, kind: &str, known: &[Item]) {
    let text = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let (name, namespace) = (text("name"), text("namespace"));
    let space = if namespace.is_empty() { "default" } else { &namespace };
    let meant = |one: &&Item| {
        let now = (one.text("/metadata/name"), one.text("/metadata/namespace"));
        let mut names = one.was.iter().chain([&now]);
        one.kind() == kind && names.any(|(known, own)| *known == name && one.effective(own) == space)
    };
    let found = known.iter().find(meant);
    if let (Some(found), Some(fields)) = (found, reference.as_object_mut()) {
        fields.insert("name".to_owned(), Value::String(found.text("/metadata/name")));
        let namespace = found.text("/metadata/namespace");
        if !namespace.is_empty() {
            fields.insert("namespace".to_owned(), Value::String(namespace));
        }
    }
}
