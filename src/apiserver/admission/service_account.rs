//! Gives Pods a service account and mounts its token.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/serviceaccount/admission.go.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, Container, DownwardAPIProjection, DownwardAPIVolumeFile, KeyToPath, ObjectFieldSelector, Pod,
    PodSpec, ProjectedVolumeSource, ServiceAccount, ServiceAccountTokenProjection, Volume, VolumeMount,
    VolumeProjection,
};

use super::Attributes;
use crate::apimachinery::{Object, Status, meta, names};

/// Where every container finds the token.
const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// An hour and a little: what the kubelet asks for and renews in time.
const TOKEN_SECONDS: i64 = 3607;

/// Fills in the default account and adds the volume with token, certificate and namespace.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    if attributes.old.is_some() {
        return Ok(());
    }
    let Some(pod) = object.as_any_mut().downcast_mut::<Pod>() else { return Ok(()) };
    let annotations = pod.metadata.annotations.as_ref();
    if annotations.is_some_and(|held| held.contains_key("kubernetes.io/config.mirror")) {
        return Ok(());
    }
    let namespace = meta::namespace(&pod.metadata).to_owned();
    let spec = pod.spec.get_or_insert_default();
    let given = [&spec.service_account_name, &spec.service_account].into_iter().flatten().find(|name| !name.is_empty());
    let name = given.cloned().unwrap_or_else(|| "default".to_owned());
    spec.service_account_name = Some(name.clone());
    spec.service_account = Some(name.clone());
    let found = attributes.store.get("serviceaccounts", &namespace, &name);
    let Some(account) = found.and_then(|object| object.as_any().downcast_ref::<ServiceAccount>()) else {
        let why = format!("error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found");
        return Err(attributes.forbidden(object, &why));
    };
    let mounts = spec.automount_service_account_token.or(account.automount_service_account_token).unwrap_or(true);
    if mounts {
        mount_token(spec, attributes.names);
    }
    if spec.image_pull_secrets.as_ref().is_none_or(Vec::is_empty) {
        spec.image_pull_secrets.clone_from(&account.image_pull_secrets);
    }
    Ok(())
}

fn mount_token(spec: &mut PodSpec, rng: &mut fastrand::Rng) {
    let held = spec.volumes.iter().flatten().find(|volume| volume.name.starts_with("kube-api-access-"));
    let existing = held.map(|volume| volume.name.clone());
    let volume = match &existing {
        Some(name) => name.clone(),
        None => format!("kube-api-access-{}", names::suffix(rng, 5)),
    };
    let containers: &mut Vec<Container> = &mut spec.containers;
    let mut needed = false;
    for container in spec.init_containers.iter_mut().flatten().chain(containers) {
        let mounts = container.volume_mounts.get_or_insert_default();
        if mounts.iter().any(|mount| mount.mount_path == MOUNT_PATH) {
            continue;
        }
        needed = true;
        mounts.push(VolumeMount {
            name: volume.clone(),
            mount_path: MOUNT_PATH.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        });
    }
    if needed && existing.is_none() {
        spec.volumes.get_or_insert_default().push(token_volume(volume));
    }
}

fn token_volume(name: String) -> Volume {
    let token = ServiceAccountTokenProjection {
        path: "token".to_owned(),
        expiration_seconds: Some(TOKEN_SECONDS),
        ..ServiceAccountTokenProjection::default()
    };
    let certificate = ConfigMapProjection {
        name: "kube-root-ca.crt".to_owned(),
        items: Some(vec![KeyToPath { key: "ca.crt".to_owned(), path: "ca.crt".to_owned(), mode: None }]),
        optional: None,
    };
    let namespace = DownwardAPIProjection {
        items: Some(vec![DownwardAPIVolumeFile {
            path: "namespace".to_owned(),
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: "metadata.namespace".to_owned(),
            }),
            ..DownwardAPIVolumeFile::default()
        }]),
    };
    let sources = vec![
        VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() },
        VolumeProjection { config_map: Some(certificate), ..VolumeProjection::default() },
        VolumeProjection { downward_api: Some(namespace), ..VolumeProjection::default() },
    ];
    Volume {
        name,
        projected: Some(ProjectedVolumeSource { default_mode: Some(0o644), sources: Some(sources) }),
        ..Volume::default()
    }
}
