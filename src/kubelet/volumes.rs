//! What a container's mounts hold.
//!
//! Models Kubernetes 1.36 pkg/kubelet/kubelet_pods.go (makeMounts) and pkg/volume/{configmap,secret,downwardapi,projected}.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    ConfigMap, DownwardAPIVolumeFile, KeyToPath, PersistentVolume, PersistentVolumeClaim, Pod, Secret, Volume,
    VolumeMount,
};

use super::container_config::{Refused, Surroundings, config_error};
use super::environment::{expand_with, field_value, resource_value};
use crate::apimachinery::{Kind, meta};
use crate::client::Client;
use crate::cri::Mount;

/// A mount with the files that its volume holds. `env` is the container's environment.
///
/// # Errors
/// [`Refused`] when the part of the volume cannot be named.
pub fn mount(
    pod: &Pod,
    mount: &VolumeMount,
    env: &BTreeMap<&str, &str>,
    around: &Surroundings<'_>,
    client: &Client<'_>,
) -> Result<Mount, Refused> {
    let volume = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten()).find(|held| held.name == mount.name);
    let files = volume.map(|volume| files(pod, volume, around, client)).unwrap_or_default();
    let generated = volume.is_some_and(is_generated);
    let claim = volume.and_then(|volume| volume.persistent_volume_claim.as_ref());
    Ok(Mount {
        path: mount.mount_path.clone(),
        volume: mount.name.clone(),
        sub_path: sub_path(mount, env)?,
        host_path: volume.and_then(|volume| host_path(pod, volume, client)).unwrap_or_default(),
        read_only: mount.read_only == Some(true)
            || generated
            || claim.is_some_and(|claim| claim.read_only == Some(true)),
        files,
    })
}

/// The part of a volume that is mounted: as it is written, or with the container's variables in it.
fn sub_path(mount: &VolumeMount, env: &BTreeMap<&str, &str>) -> Result<String, Refused> {
    let plain = mount.sub_path.clone().unwrap_or_default();
    let Some(written) = mount.sub_path_expr.as_deref().filter(|written| !written.is_empty()) else { return Ok(plain) };
    let mut missing = BTreeSet::new();
    let path = expand_with(written, |name| match env.get(name) {
        Some(value) if !value.is_empty() => Some((*value).to_owned()),
        _ => {
            missing.insert(name.to_owned());
            Some(String::new())
        }
    });
    if !missing.is_empty() {
        let names = missing.into_iter().collect::<Vec<_>>().join(", ");
        return Err(config_error(format!("missing value for {names}")));
    }
    if path.starts_with('/') {
        return Err(config_error(format!("error SubPath `{path}` must not be an absolute path")));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(config_error(format!("unable to provision SubPath `{path}`: must not contain '..'")));
    }
    Ok(path)
}

/// The directory of the node that a volume means, by itself or by the claim that it names.
fn host_path(pod: &Pod, volume: &Volume, client: &Client<'_>) -> Option<String> {
    if let Some(source) = &volume.host_path {
        return Some(source.path.clone());
    }
    let name = match (&volume.persistent_volume_claim, &volume.ephemeral) {
        (Some(source), _) => source.claim_name.clone(),
        (None, Some(_)) => format!("{}-{}", meta::name(&pod.metadata), volume.name),
        (None, None) => return None,
    };
    let claim = client.get::<PersistentVolumeClaim>(meta::namespace(&pod.metadata), &name).ok()?;
    let bound = client.get::<PersistentVolume>("", claim.spec.as_ref()?.volume_name.as_deref()?).ok()?;
    let spec = bound.spec.as_ref()?;
    let path = spec.host_path.as_ref().map(|source| &source.path);
    path.or_else(|| spec.local.as_ref().map(|source| &source.path)).cloned()
}

/// Whether a volume's files come from this ConfigMap or Secret of the Pod's namespace.
fn holds(volume: &Volume, kind: &str, name: &str) -> bool {
    let config_map = |source: Option<&String>| kind == ConfigMap::RESOURCE && source.is_some_and(|held| held == name);
    let secret = |source: Option<&String>| kind == Secret::RESOURCE && source.is_some_and(|held| held == name);
    config_map(volume.config_map.as_ref().map(|source| &source.name))
        || secret(volume.secret.as_ref().and_then(|source| source.secret_name.as_ref()))
        || volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten()).any(|source| {
            config_map(source.config_map.as_ref().map(|source| &source.name))
                || secret(source.secret.as_ref().map(|source| &source.name))
        })
}

/// Whether a Pod mounts this ConfigMap or Secret.
pub fn mounts(pod: &Pod, kind: &str, name: &str) -> bool {
    pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten()).any(|volume| holds(volume, kind, name))
}

/// The files of every volume that the kubelet fills, by the volume's name.
pub fn generated(pod: &Pod, around: &Surroundings<'_>, client: &Client<'_>) -> Vec<(String, Files)> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes
        .filter(|volume| is_generated(volume))
        .map(|volume| (volume.name.clone(), files(pod, volume, around, client)))
        .collect()
}

fn is_generated(volume: &Volume) -> bool {
    volume.config_map.is_some()
        || volume.secret.is_some()
        || volume.projected.is_some()
        || volume.downward_api.is_some()
}

type Files = Vec<(String, Vec<u8>, u32)>;

fn files(pod: &Pod, volume: &Volume, around: &Surroundings<'_>, client: &Client<'_>) -> Files {
    let namespace = meta::namespace(&pod.metadata);
    let config_map = |name: &str, items: Option<&Vec<KeyToPath>>, mode: Option<i32>| {
        let Ok(found) = client.get::<ConfigMap>(namespace, name) else { return Files::new() };
        let mut data: BTreeMap<String, Vec<u8>> =
            found.data.iter().flatten().map(|(key, value)| (key.clone(), value.clone().into_bytes())).collect();
        data.extend(found.binary_data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())));
        pick(data, items, mode)
    };
    let secret = |name: &str, items: Option<&Vec<KeyToPath>>, mode: Option<i32>| {
        let Ok(found) = client.get::<Secret>(namespace, name) else { return Files::new() };
        pick(found.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())).collect(), items, mode)
    };
    if let Some(source) = &volume.config_map {
        return config_map(&source.name, source.items.as_ref(), source.default_mode);
    }
    if let Some(source) = &volume.secret {
        return secret(source.secret_name.as_deref().unwrap_or_default(), source.items.as_ref(), source.default_mode);
    }
    if let Some(source) = &volume.downward_api {
        return downward(pod, source.items.as_deref().unwrap_or_default(), around, client);
    }
    let Some(projected) = &volume.projected else { return Files::new() };
    let mut all = Files::new();
    for source in projected.sources.iter().flatten() {
        if let Some(source) = &source.config_map {
            all.extend(config_map(&source.name, source.items.as_ref(), projected.default_mode));
        }
        if let Some(source) = &source.secret {
            all.extend(secret(&source.name, source.items.as_ref(), projected.default_mode));
        }
        if let Some(source) = &source.downward_api {
            all.extend(downward(pod, source.items.as_deref().unwrap_or_default(), around, client));
        }
        if let Some(source) = &source.service_account_token {
            let audience = source.audience.as_deref().filter(|audience| !audience.is_empty());
            let token = client.pod_token(pod, audience, source.expiration_seconds.unwrap_or(3600));
            let mode = u32::try_from(projected.default_mode.unwrap_or(0o644)).unwrap_or(0o644);
            all.push((source.path.clone(), token.unwrap_or_default().into_bytes(), mode));
        }
    }
    all
}

fn pick(data: BTreeMap<String, Vec<u8>>, items: Option<&Vec<KeyToPath>>, mode: Option<i32>) -> Files {
    let mode = |own: Option<i32>| u32::try_from(own.or(mode).unwrap_or(0o644)).unwrap_or(0o644);
    match items {
        None => data.into_iter().map(|(key, value)| (key, value, mode(None))).collect(),
        Some(items) => items
            .iter()
            .filter_map(|item| Some((item.path.clone(), data.get(&item.key)?.clone(), mode(item.mode))))
            .collect(),
    }
}

fn downward(pod: &Pod, items: &[DownwardAPIVolumeFile], around: &Surroundings<'_>, client: &Client<'_>) -> Files {
    let content = |item: &DownwardAPIVolumeFile| {
        if let Some(field) = &item.field_ref {
            return field_value(pod, &field.field_path, around);
        }
        item.resource_field_ref.as_ref().map_or_else(String::new, |field| {
            let divisor = field.divisor.as_ref().map(|quantity| quantity.0.as_str()).unwrap_or_default();
            let container = field.container_name.as_deref().unwrap_or_default();
            resource_value(pod, (container, &field.resource, divisor), around.node, client)
        })
    };
    items.iter().map(|item| (item.path.clone(), content(item).into_bytes(), 0o644)).collect()
}
