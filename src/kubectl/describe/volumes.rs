//! Volumes of Pods and templates.

use serde_json::Value;

use super::Describer;
use super::parts::shown;
use crate::kubectl::print::{list_at, str_at};

/// What is said of a kind of volume, and its fields: title, path, text when it is missing.
type Source = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

const SOURCES: &[Source] = &[
    ("hostPath", "HostPath (bare host directory volume)", &[("Path", "/path", ""), ("HostPathType", "/type", "")]),
    (
        "emptyDir",
        "EmptyDir (a temporary directory that shares a pod's lifetime)",
        &[("Medium", "/medium", ""), ("SizeLimit", "/sizeLimit", "<unset>")],
    ),
    (
        "secret",
        "Secret (a volume populated by a Secret)",
        &[("SecretName", "/secretName", ""), ("Optional", "/optional", "false")],
    ),
    (
        "configMap",
        "ConfigMap (a volume populated by a ConfigMap)",
        &[("Name", "/name", ""), ("Optional", "/optional", "false")],
    ),
    (
        "nfs",
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        &[("Server", "/server", ""), ("Path", "/path", ""), ("ReadOnly", "/readOnly", "false")],
    ),
    (
        "persistentVolumeClaim",
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        &[("ClaimName", "/claimName", ""), ("ReadOnly", "/readOnly", "false")],
    ),
    ("local", "LocalVolume (a persistent volume backed by local storage on a node)", &[("Path", "/path", "")]),
    (
        "csi",
        "CSI (a Container Storage Interface (CSI) volume source)",
        &[("Driver", "/driver", ""), ("FSType", "/fsType", ""), ("ReadOnly", "/readOnly", "false")],
    ),
    (
        "image",
        "Image (a container image or OCI artifact)",
        &[("Reference", "/reference", ""), ("PullPolicy", "/pullPolicy", "")],
    ),
];

impl Describer<'_, '_> {
    /// The volumes of a Pod (`space` empty) or template (two spaces).
    pub fn volumes(&mut self, volumes: &[Value], space: &str) {
        if volumes.is_empty() {
            self.w.line(0, &format!("{space}Volumes:\t<none>"));
            return;
        }
        self.w.line(0, &format!("{space}Volumes:"));
        let indent = if space.is_empty() { "" } else { " " };
        for volume in volumes {
            self.w.line(1, &format!("{indent}{}:", str_at(volume, "/name")));
            self.volume_source(volume);
        }
    }

    /// Where a volume's content comes from.
    pub fn volume_source(&mut self, volume: &Value) {
        for (field, what, parts) in SOURCES {
            let Some(source) = volume.get(*field) else { continue };
            self.w.line(2, &format!("Type:\t{what}"));
            for (title, path, missing) in *parts {
                let value = source.pointer(path).map_or_else(|| (*missing).to_owned(), shown);
                self.w.line(2, &format!("{title}:\t{value}"));
            }
            return;
        }
        if let Some(projected) = volume.get("projected") {
            self.w.line(2, "Type:\tProjected (a volume that contains injected data from multiple sources)");
            for source in list_at(projected, "/sources") {
                self.projection(source);
            }
        } else if let Some(api) = volume.get("downwardAPI") {
            self.w.line(2, "Type:\tDownwardAPI (a volume populated by information about the pod)\n    Items:");
            for item in list_at(api, "/items") {
                let from = match str_at(item, "/fieldRef/fieldPath") {
                    "" => str_at(item, "/resourceFieldRef/resource"),
                    field => field,
                };
                self.w.line(3, &format!("{from} -> {}", str_at(item, "/path")));
            }
        } else {
            self.w.line(1, "<unknown>");
        }
    }

    fn projection(&mut self, source: &Value) {
        let optional = |source: &Value| source.get("optional").and_then(Value::as_bool).unwrap_or(false);
        if let Some(secret) = source.get("secret") {
            self.w.line(2, &format!("SecretName:\t{}\n    Optional:\t{}", str_at(secret, "/name"), optional(secret)));
        } else if source.get("downwardAPI").is_some() {
            self.w.line(2, "DownwardAPI:\ttrue");
        } else if let Some(map) = source.get("configMap") {
            self.w.line(2, &format!("ConfigMapName:\t{}\n    Optional:\t{}", str_at(map, "/name"), optional(map)));
        } else if let Some(token) = source.get("serviceAccountToken") {
            let seconds = token.get("expirationSeconds").and_then(Value::as_i64).unwrap_or(3600);
            self.w.line(2, &format!("TokenExpirationSeconds:\t{seconds}"));
        }
    }
}
