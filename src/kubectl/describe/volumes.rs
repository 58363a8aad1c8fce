//! Volumes of Pods and templates.

use serde_json::{Map, Value};

use super::Describer;
use super::parts::{LONGEST, shown};
use crate::kubectl::print::{list_at, map_at, str_at};

/// A field of a source: its title, its path, what stands there when it is missing.
type Part = (&'static str, &'static str, &'static str);

/// What is said of a kind of volume, and its fields.
type Source = (&'static str, &'static str, &'static [Part]);

/// The one list of sources whose fields are simply told, in the order in which upstream looks for them.
const SOURCES: &[Source] = &[
    (
        "hostPath",
        "HostPath (bare host directory volume)",
        &[("Path", "/path", ""), ("HostPathType", "/type", "<none>")],
    ),
    (
        "emptyDir",
        "EmptyDir (a temporary directory that shares a pod's lifetime)",
        &[("Medium", "/medium", ""), ("SizeLimit", "/sizeLimit", "<unset>")],
    ),
    (
        "gcePersistentDisk",
        "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
        &[("PDName", "/pdName", ""), FS_TYPE, ("Partition", "/partition", "0"), READ_ONLY],
    ),
    (
        "awsElasticBlockStore",
        "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
        &[("VolumeID", "/volumeID", ""), FS_TYPE, ("Partition", "/partition", "0"), READ_ONLY],
    ),
    (
        "gitRepo",
        "GitRepo (a volume that is pulled from git when the pod is created)",
        &[("Repository", "/repository", ""), ("Revision", "/revision", "")],
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
        &[("Server", "/server", ""), ("Path", "/path", ""), READ_ONLY],
    ),
    (
        "iscsi",
        "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
        &[
            ("TargetPortal", "/targetPortal", ""),
            ("IQN", "/iqn", ""),
            ("Lun", "/lun", "0"),
            ("ISCSIInterface", "/iscsiInterface", ""),
            FS_TYPE,
            READ_ONLY,
            ("Portals", "/portals", "[]"),
            ("DiscoveryCHAPAuth", "/chapAuthDiscovery", "false"),
            ("SessionCHAPAuth", "/chapAuthSession", "false"),
            SECRET,
            ("InitiatorName", "/initiatorName", "<none>"),
        ],
    ),
    (
        "glusterfs",
        "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
        &[("EndpointsName", "/endpoints", ""), ("Path", "/path", ""), READ_ONLY],
    ),
    (
        "persistentVolumeClaim",
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        &[("ClaimName", "/claimName", ""), READ_ONLY],
    ),
    (
        "rbd",
        "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)",
        &[
            ("CephMonitors", "/monitors", "[]"),
            ("RBDImage", "/image", ""),
            FS_TYPE,
            ("RBDPool", "/pool", ""),
            ("RadosUser", "/user", ""),
            ("Keyring", "/keyring", ""),
            SECRET,
            READ_ONLY,
        ],
    ),
    (
        "quobyte",
        "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
        &[("Registry", "/registry", ""), ("Volume", "/volume", ""), READ_ONLY],
    ),
    (
        "azureDisk",
        "AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)",
        &[
            ("DiskName", "/diskName", ""),
            ("DiskURI", "/diskURI", ""),
            ("Kind", "/kind", ""),
            FS_TYPE,
            ("CachingMode", "/cachingMode", ""),
            READ_ONLY,
        ],
    ),
    (
        "vsphereVolume",
        "vSphereVolume (a Persistent Disk resource in vSphere)",
        &[("VolumePath", "/volumePath", ""), FS_TYPE, ("StoragePolicyName", "/storagePolicyName", "")],
    ),
    (
        "cinder",
        "Cinder (a Persistent Disk resource in OpenStack)",
        &[("VolumeID", "/volumeID", ""), FS_TYPE, READ_ONLY, SECRET],
    ),
    (
        "photonPersistentDisk",
        "PhotonPersistentDisk (a Persistent Disk resource in photon platform)",
        &[("PdID", "/pdID", ""), FS_TYPE],
    ),
    ("portworxVolume", "PortworxVolume (a Portworx Volume resource)", &[("VolumeID", "/volumeID", "")]),
    (
        "scaleIO",
        "ScaleIO (a persistent volume backed by a block device in ScaleIO)",
        &[
            ("Gateway", "/gateway", ""),
            ("System", "/system", ""),
            ("Protection Domain", "/protectionDomain", ""),
            ("Storage Pool", "/storagePool", ""),
            ("Storage Mode", "/storageMode", ""),
            ("VolumeName", "/volumeName", ""),
            FS_TYPE,
            READ_ONLY,
        ],
    ),
    ("local", "LocalVolume (a persistent volume backed by local storage on a node)", &[("Path", "/path", "")]),
    (
        "cephfs",
        "CephFS (a CephFS mount on the host that shares a pod's lifetime)",
        &[
            ("Monitors", "/monitors", "[]"),
            ("Path", "/path", ""),
            ("User", "/user", ""),
            ("SecretFile", "/secretFile", ""),
            SECRET,
            READ_ONLY,
        ],
    ),
    (
        "storageos",
        "StorageOS (a StorageOS Persistent Disk resource)",
        &[("VolumeName", "/volumeName", ""), ("VolumeNamespace", "/volumeNamespace", ""), FS_TYPE, READ_ONLY],
    ),
    (
        "fc",
        "FC (a Fibre Channel disk)",
        &[("TargetWWNs", "/targetWWNs", ""), ("LUN", "/lun", "<none>"), FS_TYPE, READ_ONLY],
    ),
    (
        "azureFile",
        "AzureFile (an Azure File Service mount on the host and bind mount to the pod)",
        &[
            ("SecretName", "/secretName", ""),
            ("SecretNamespace", "/secretNamespace", ABSENT),
            ("ShareName", "/shareName", ""),
            READ_ONLY,
        ],
    ),
    (
        "flexVolume",
        "FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)",
        &[("Driver", "/driver", ""), FS_TYPE, SECRET, READ_ONLY, ("Options", "/options", "map[]")],
    ),
    (
        "flocker",
        "Flocker (a Flocker volume mounted by the Flocker agent)",
        &[("DatasetName", "/datasetName", ""), ("DatasetUUID", "/datasetUUID", "")],
    ),
    (
        "csi",
        "CSI (a Container Storage Interface (CSI) volume source)",
        &[("Driver", "/driver", ""), FS_TYPE, ("VolumeHandle", "/volumeHandle", ABSENT), READ_ONLY],
    ),
    (
        "image",
        "Image (a container image or OCI artifact)",
        &[("Reference", "/reference", ""), ("PullPolicy", "/pullPolicy", "")],
    ),
];

/// A field that is not shown when it is missing.
const ABSENT: &str = "\0";

const FS_TYPE: Part = ("FSType", "/fsType", "");
const READ_ONLY: Part = ("ReadOnly", "/readOnly", "false");
const SECRET: Part = ("SecretRef", "/secretRef", "nil");

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
                let value = match source.pointer(path) {
                    Some(Value::Array(names)) if *field == "fc" => {
                        names.iter().map(shown).collect::<Vec<_>>().join(", ")
                    }
                    Some(Value::Object(fields)) if *path == SECRET.1 => reference(fields),
                    Some(value) => shown(value),
                    None if *missing == ABSENT => continue,
                    None => (*missing).to_owned(),
                };
                // Upstream forgot a colon.
                let colon = if *title == "ISCSIInterface" { "" } else { ":" };
                self.w.line(2, &format!("{title}{colon}\t{value}"));
            }
            if *field == "csi" {
                self.attributes(map_at(source, "/volumeAttributes"));
            }
            return;
        }
        if let Some(ephemeral) = volume.get("ephemeral") {
            self.w.line(
                2,
                "Type:\tEphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)",
            );
            if let Some(template) = ephemeral.get("volumeClaimTemplate") {
                self.claim(template, false, 2);
            }
        } else if let Some(projected) = volume.get("projected") {
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

    fn attributes(&mut self, attributes: Option<&Map<String, Value>>) {
        let lines: Vec<String> =
            attributes.into_iter().flatten().map(|(key, value)| format!("{key}={}", shown(value))).collect();
        if lines.is_empty() {
            self.w.line(2, "VolumeAttributes:\t<none>");
        }
        for (index, line) in lines.iter().enumerate() {
            // The columns of the further lines begin with a level of their own, twice.
            let (level, head) = if index == 0 { (2, "VolumeAttributes:") } else { (2, "") };
            let cut = line.char_indices().find(|(at, c)| at + c.len_utf8() > LONGEST).map(|(at, _)| at);
            let text = match cut.and_then(|at| line.get(..at)) {
                Some(part) => format!("{part}..."),
                None => line.clone(),
            };
            let space = if index == 0 { "" } else { "    " };
            self.w.line(level, &format!("{head}\t{space}{text}"));
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

/// A reference to a secret, as Go prints such a type.
fn reference(fields: &Map<String, Value>) -> String {
    let part = |name: &str| fields.get(name).map(shown);
    match part("namespace") {
        Some(namespace) => {
            format!("&SecretReference{{Name:{},Namespace:{namespace},}}", part("name").unwrap_or_default())
        }
        None => format!("&LocalObjectReference{{Name:{},}}", part("name").unwrap_or_default()),
    }
}
