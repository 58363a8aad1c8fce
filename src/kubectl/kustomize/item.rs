//! An object on its way through a kustomization, with what it was called before.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/resource/resource.go.

use serde_json::{Value, json};

use super::origin::Origin;

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

/// An object on its way through the transformers.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// The object.
    pub object: Value,
    /// The names and namespaces it has had, the first one first.
    pub was: Vec<(String, String)>,
    /// The kinds it has had.
    pub kinds: Vec<String>,
    /// Whether its name ends in a hash of its content.
    pub hashed: bool,
    /// Where it is from, and what has changed it.
    pub origin: Origin,
    /// The variables that take their value from it.
    pub vars: Vec<String>,
}

impl Item {
    /// An object as it was read.
    pub fn new(object: Value) -> Item {
        let mut item = Item { object, ..Item::default() };
        item.was.push((item.text("/metadata/name"), item.text("/metadata/namespace")));
        item.kinds.push(item.kind());
        item
    }

    /// Whether it is or was of that kind.
    pub fn was_kind(&self, kind: &str) -> bool {
        self.kind() == kind || self.kinds.iter().any(|known| known == kind)
    }

    /// The text of a field; empty when there is none.
    pub fn text(&self, path: &str) -> String {
        self.object.pointer(path).and_then(Value::as_str).unwrap_or("").to_owned()
    }

    /// Its kind.
    pub fn kind(&self) -> String {
        self.text("/kind")
    }

    /// Whether it has or had that name (and namespace, when one is given and it has one itself).
    pub fn is_called(&self, name: &str, namespace: &str) -> bool {
        let now = (self.text("/metadata/name"), self.text("/metadata/namespace"));
        self.was
            .iter()
            .chain([&now])
            .any(|(known, own)| known == name && (namespace.is_empty() || own.is_empty() || own == namespace))
    }

    /// Its group and version.
    pub fn group_version(&self) -> (String, String) {
        let version = self.text("/apiVersion");
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        (group.to_owned(), version.to_owned())
    }

    /// Whether its kind has no namespace.
    pub fn is_of_cluster(&self) -> bool {
        CLUSTER.contains(&self.kind().as_str())
    }

    /// The namespace that it counts as being in.
    pub fn effective(&self, namespace: &str) -> String {
        match namespace {
            _ if self.is_of_cluster() => "_non_namespaceable_".to_owned(),
            "" => "default".to_owned(),
            namespace => namespace.to_owned(),
        }
    }

    /// What kustomize calls it: `Kind.version.group/name.namespace`.
    pub fn id(&self) -> String {
        let (group, version) = self.group_version();
        let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
        format!(
            "{}.{}.{}/{}.{}",
            or(self.kind(), "[noKind]"),
            or(version, "[noVer]"),
            or(group, "[noGrp]"),
            or(self.text("/metadata/name"), "[noName]"),
            or(self.text("/metadata/namespace"), "[noNs]")
        )
    }

    /// Whether the other one means this one by its version, kind, name and namespace: those of now, or earlier ones.
    pub fn is_meant_by(&self, other: &Item) -> bool {
        let (name, namespace) = (other.text("/metadata/name"), other.effective(&other.text("/metadata/namespace")));
        let now = (self.text("/metadata/name"), self.text("/metadata/namespace"));
        self.group_version() == other.group_version()
            && self.was_kind(&other.kind())
            && self.was.iter().chain([&now]).any(|(known, own)| *known == name && self.effective(own) == namespace)
    }

    /// Whether both have the same version, kind, name and namespace now.
    pub fn is_same(&self, other: &Item) -> bool {
        let now = |item: &Item| {
            (
                item.group_version(),
                item.kind(),
                item.text("/metadata/name"),
                item.effective(&item.text("/metadata/namespace")),
            )
        };
        now(self) == now(other)
    }

    /// Adds a label or an annotation.
    pub fn mark(&mut self, list: &str, key: &str, value: &str) {
        if let Some(metadata) = self.object.get_mut("metadata").and_then(Value::as_object_mut)
            && let Some(list) = metadata.entry(list).or_insert_with(|| json!({})).as_object_mut()
        {
            list.insert(key.to_owned(), json!(value));
        }
    }

    /// Remembers how it is called now.
    pub fn remember(&mut self) {
        self.was.push((self.text("/metadata/name"), self.text("/metadata/namespace")));
        self.kinds.push(self.kind());
    }

    /// Gives it another name and remembers the one it had.
    pub fn rename(&mut self, name: String) {
        self.remember();
        if let Some(slot) = self.object.pointer_mut("/metadata/name") {
            *slot = Value::String(name);
        }
    }
}
