//! Volumes.
//!
//! Models Kubernetes 1.36 pkg/apis/core/validation/validation.go (`ValidateVolumes` and what it calls). The
//! disks of cloud providers and storage systems are judged elsewhere (`disks`).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, KeyToPath, PersistentVolumeClaimTemplate, ProjectedVolumeSource, Volume,
};

use serde_json::json;

use super::container::Volumes;
use super::env;
use super::paths::{descending, no_backsteps};
use crate::api::validate::{self, Errors, required};
use crate::api::{claim_spec, disks};
use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::quantity::Quantity;

/// What a path of the node may be.
pub const HOST_PATH_TYPES: &[&str] =
    &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
/// The fields of a Pod that a file may show.
const FIELDS: &[&str] =
    &["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// `ValidateVolumes`: the volumes without a fault, by name. A claim for a volume is named after `pod`, when there is one.
pub fn volumes<'a>(errors: &mut Errors, path: &Path, volumes: &'a [Volume], pod: Option<&str>) -> Volumes<'a> {
    let claims = |claim: &str| {
        let made = |volume: &&Volume| volume.ephemeral.is_some();
        pod.is_some_and(|pod| volumes.iter().filter(made).any(|volume| claim == format!("{pod}-{}", volume.name)))
    };
    let mut known: Volumes = BTreeMap::new();
    for (index, volume) in volumes.iter().enumerate() {
        let path = path.index(index);
        let before = errors.len();
        source(errors, &path, volume, pod);
        let name = volume.name.as_str();
        if name.is_empty() {
            errors.push(Error::required(&path.child("name"), ""));
        } else {
            validate::each(errors, &path.child("name"), name, content::dns1123_label(name));
        }
        if known.contains_key(name) {
            errors.push(Error::duplicate(&path.child("name"), name));
        }
        if errors.len() == before {
            known.insert(name, volume);
        }
        if let Some(claim) = volume.persistent_volume_claim.as_ref().filter(|claim| claims(&claim.claim_name)) {
            let why = "must not reference a PVC that gets created for an ephemeral volume";
            errors.push(Error::invalid(
                &path.child("persistentVolumeClaim").child("claimName"),
                &claim.claim_name,
                why,
            ));
        }
    }
    known
}

/// `validateVolumeSource`: one source, and only one.
fn source(errors: &mut Errors, path: &Path, volume: &Volume, pod: Option<&str>) {
    // In upstream's order, which decides which of two sources is one too many.
    let sources = [
        ("emptyDir", volume.empty_dir.is_some()),
        ("hostPath", volume.host_path.is_some()),
        ("gitRepo", volume.git_repo.is_some()),
        ("gcePersistentDisk", volume.gce_persistent_disk.is_some()),
        ("awsElasticBlockStore", volume.aws_elastic_block_store.is_some()),
        ("secret", volume.secret.is_some()),
        ("nfs", volume.nfs.is_some()),
        ("iscsi", volume.iscsi.is_some()),
        ("glusterfs", volume.glusterfs.is_some()),
        ("flocker", volume.flocker.is_some()),
        ("persistentVolumeClaim", volume.persistent_volume_claim.is_some()),
        ("rbd", volume.rbd.is_some()),
        ("cinder", volume.cinder.is_some()),
        ("cephFS", volume.cephfs.is_some()),
        ("quobyte", volume.quobyte.is_some()),
        ("downwarAPI", volume.downward_api.is_some()),
        ("fc", volume.fc.is_some()),
        ("flexVolume", volume.flex_volume.is_some()),
        ("configMap", volume.config_map.is_some()),
        ("azureFile", volume.azure_file.is_some()),
        ("vsphereVolume", volume.vsphere_volume.is_some()),
        ("photonPersistentDisk", volume.photon_persistent_disk.is_some()),
        ("portworxVolume", volume.portworx_volume.is_some()),
        ("azureDisk", volume.azure_disk.is_some()),
        ("storageos", volume.storageos.is_some()),
        ("projected", volume.projected.is_some()),
        ("scaleIO", volume.scale_io.is_some()),
        ("csi", volume.csi.is_some()),
        ("ephemeral", volume.ephemeral.is_some()),
        ("image", volume.image.is_some()),
    ];
    let mut given = sources.into_iter().filter(|(_, given)| *given).map(|(name, _)| name);
    match given.next() {
        None => errors.push(Error::required(path, "must specify a volume type")),
        Some(name) => first(errors, path, volume, name, pod),
    }
    for name in given {
        errors.push(Error::forbidden(&path.child(name), "may not specify more than 1 volume type"));
    }
}

/// The rules of the volume's kind.
fn first(errors: &mut Errors, path: &Path, volume: &Volume, kind: &str, pod: Option<&str>) {
    let at = path.child(if kind == "downwarAPI" { "downwardAPI" } else { kind });
    // As errors say it; the field is in small letters.
    let field = if kind == "cephFS" { "cephfs" } else { kind };
    if disks::is_disk(field) {
        disks::validate(errors, path, field, (&json!(volume), &volume.name), false);
    } else if let Some(found) = &volume.empty_dir {
        let limit = found.size_limit.as_ref().and_then(|limit| Quantity::parse(&limit.0).ok());
        if limit.is_some_and(|limit| limit < Quantity::zero()) {
            errors.push(Error::forbidden(&at.child("sizeLimit"), "SizeLimit field must be a valid resource quantity"));
        }
    } else if let Some(found) = &volume.host_path {
        if found.path.is_empty() {
            errors.push(Error::required(&at.child("path"), ""));
            return;
        }
        no_backsteps(errors, &at.child("path"), &found.path);
        validate::supported(errors, &at.child("type"), found.type_.as_deref(), HOST_PATH_TYPES);
    } else if let Some(found) = &volume.git_repo {
        required(errors, &at.child("repository"), &found.repository);
        descending(errors, &at.child("directory"), found.directory.as_deref().unwrap_or_default());
    } else if let Some(found) = &volume.secret {
        required(errors, &at.child("secretName"), found.secret_name.as_deref().unwrap_or_default());
        mode(errors, &at.child("defaultMode"), found.default_mode);
        items(errors, &at.child("items"), found.items.as_deref().unwrap_or_default());
    } else if let Some(found) = &volume.nfs {
        required(errors, &at.child("server"), &found.server);
        required(errors, &at.child("path"), &found.path);
        if !found.path.starts_with('/') {
            errors.push(Error::invalid(&at.child("path"), &found.path, "must be an absolute path"));
        }
    } else if let Some(found) = &volume.persistent_volume_claim {
        required(errors, &at.child("claimName"), &found.claim_name);
    } else if let Some(found) = &volume.downward_api {
        mode(errors, &at.child("defaultMode"), found.default_mode);
        for item in found.items.iter().flatten() {
            file(errors, &at, item);
        }
    } else if let Some(found) = &volume.config_map {
        required(errors, &at.child("name"), &found.name);
        mode(errors, &at.child("defaultMode"), found.default_mode);
        items(errors, &at.child("items"), found.items.as_deref().unwrap_or_default());
    } else if let Some(found) = &volume.projected {
        mode(errors, &at.child("defaultMode"), found.default_mode);
        projected(errors, &at, found);
    } else if let Some(found) = &volume.csi {
        driver_name(errors, &at.child("driver"), &found.driver);
        if let Some(secret) = &found.node_publish_secret_ref {
            if secret.name.is_empty() {
                errors.push(Error::required(&at.child("nodePublishSecretRef").child("name"), ""));
            } else {
                let wrong = content::dns1123_subdomain(&secret.name);
                validate::each(errors, &at.child("name"), &secret.name, wrong);
            }
        }
    } else if let Some(found) = &volume.ephemeral {
        claim_template(errors, &at.child("volumeClaimTemplate"), found.volume_claim_template.as_ref());
        if let Some(pod) = pod.filter(|pod| !pod.is_empty() && !volume.name.is_empty()) {
            let claim = format!("{pod}-{}", volume.name);
            for why in content::dns1123_subdomain(&claim) {
                errors.push(Error::invalid(&path.child("name"), &volume.name, format!("PVC name {claim:?}: {why}")));
            }
        }
    } else if let Some(found) = &volume.image {
        // A template may leave open what its Pods are given.
        if pod.is_some() {
            required(errors, &at.child("reference"), found.reference.as_deref().unwrap_or_default());
        }
        let policies = &["Always", "IfNotPresent", "Never"];
        validate::choice(errors, &at.child("pullPolicy"), found.pull_policy.as_deref(), policies);
    }
}

/// `ValidatePersistentVolumeClaimTemplate`
fn claim_template(errors: &mut Errors, path: &Path, template: Option<&PersistentVolumeClaimTemplate>) {
    let Some(template) = template else {
        errors.push(Error::required(path, ""));
        return;
    };
    if let Some(meta) = &template.metadata {
        let path = path.child("metadata");
        validate::annotations(errors, &path.child("annotations"), meta.annotations.as_ref());
        validate::labels(errors, &path.child("labels"), meta.labels.as_ref());
        // All of metadata but what is copied to the claim.
        let fields = [
            ("name", meta.name.is_some()),
            ("generateName", meta.generate_name.is_some()),
            ("namespace", meta.namespace.is_some()),
            ("selfLink", meta.self_link.is_some()),
            ("uID", meta.uid.is_some()),
            ("resourceVersion", meta.resource_version.is_some()),
            ("generation", meta.generation.is_some()),
            ("creationTimestamp", meta.creation_timestamp.is_some()),
            ("deletionTimestamp", meta.deletion_timestamp.is_some()),
            ("deletionGracePeriodSeconds", meta.deletion_grace_period_seconds.is_some()),
            ("ownerReferences", meta.owner_references.is_some()),
            ("finalizers", meta.finalizers.is_some()),
            ("managedFields", meta.managed_fields.is_some()),
        ];
        for (field, set) in fields {
            if set {
                errors.push(Error::forbidden(&path.child(field), "cannot be set"));
            }
        }
    }
    claim_spec::validate(errors, &path.child("spec"), &template.spec);
}

/// `ValidateCSIDriverName`
pub fn driver_name(errors: &mut Errors, path: &Path, name: &str) {
    if name.is_empty() {
        errors.push(Error::required(path, ""));
        return;
    }
    if name.len() > 63 {
        errors.push(Error::too_long(path, 63));
    }
    validate::each(errors, path, name, content::dns1123_subdomain(&name.to_lowercase()));
}

fn mode(errors: &mut Errors, path: &Path, mode: Option<i32>) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        let why = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(Error::invalid(path, mode, why));
    }
}

/// `ValidateLocalNonReservedPath`
fn reserved(errors: &mut Errors, path: &Path, text: &str) {
    descending(errors, path, text);
    if text.starts_with("..") && !text.starts_with("../") {
        errors.push(Error::invalid(path, text, "must not start with '..'"));
    }
}

/// `validateKeyToPath`
fn items(errors: &mut Errors, path: &Path, items: &[KeyToPath]) {
    for (index, item) in items.iter().enumerate() {
        let path = path.index(index);
        required(errors, &path.child("key"), &item.key);
        required(errors, &path.child("path"), &item.path);
        reserved(errors, &path.child("path"), &item.path);
        mode(errors, &path.child("mode"), item.mode);
    }
}

/// `validateDownwardAPIVolumeFile`, whose paths leave out which of the files it is.
fn file(errors: &mut Errors, path: &Path, file: &DownwardAPIVolumeFile) {
    required(errors, &path.child("path"), &file.path);
    reserved(errors, &path.child("path"), &file.path);
    if let Some(reference) = &file.field_ref {
        env::field(errors, &path.child("fieldRef"), reference, FIELDS);
        if file.resource_field_ref.is_some() {
            let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
            errors.push(Error::invalid(path, "resource", why));
        }
    } else if let Some(reference) = &file.resource_field_ref {
        env::resource(errors, &path.child("resourceFieldRef"), reference, true);
    } else {
        errors.push(Error::required(path, "one of fieldRef and resourceFieldRef is required"));
    }
    mode(errors, &path.child("mode"), file.mode);
}

/// `validateProjectionSources`
fn projected(errors: &mut Errors, path: &Path, given: &ProjectedVolumeSource) {
    let mut taken = BTreeSet::new();
    let mut take = |errors: &mut Errors, file: &str, shown: &str| {
        if !file.is_empty() && !taken.insert(file.to_owned()) {
            errors.push(Error::invalid(path, shown, "conflicting duplicate paths"));
        }
    };
    for (index, source) in given.sources.iter().flatten().enumerate() {
        let at = path.child("sources").index(index);
        let keyed = [
            ("secret", source.secret.as_ref().map(|found| (&found.name, found.items.as_deref()))),
            ("configMap", source.config_map.as_ref().map(|found| (&found.name, found.items.as_deref()))),
        ];
        for (field, found) in keyed {
            let Some((name, list)) = found else { continue };
            let at = at.child(field);
            required(errors, &at.child("name"), name);
            items(errors, &at.child("items"), list.unwrap_or_default());
            for item in list.unwrap_or_default() {
                take(errors, &item.path, name);
            }
        }
        for item in source.downward_api.iter().flat_map(|found| found.items.iter().flatten()) {
            file(errors, &at.child("downwardAPI"), item);
            take(errors, &item.path, &item.path);
        }
        if let Some(token) = &source.service_account_token {
            let (seconds, at) = (token.expiration_seconds.unwrap_or(0), at.child("serviceAccountToken"));
            let at = at.child("expirationSeconds");
            if seconds < 600 {
                errors.push(Error::invalid(&at, seconds, "may not specify a duration less than 10 minutes"));
            }
            if seconds > 1 << 32 {
                errors.push(Error::invalid(&at, seconds, "may not specify a duration larger than 2^32 seconds"));
            }
            required(errors, &path.child("path"), &token.path);
            reserved(errors, &path.child("path"), &token.path);
        }
        let kinds = [
            source.secret.is_some(),
            source.config_map.is_some(),
            source.downward_api.is_some(),
            source.service_account_token.is_some(),
            source.cluster_trust_bundle.is_some(),
            source.pod_certificate.is_some(),
        ];
        if kinds.into_iter().filter(|given| *given).count() > 1 {
            errors.push(Error::forbidden(&at, "may not specify more than 1 volume type per source"));
        }
    }
}
