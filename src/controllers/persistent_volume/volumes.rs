//! One look at a volume: free, bound, or without its claim, and what becomes of it then.
//!
//! Models Kubernetes 1.36 pkg/controller/volume/persistentvolume/pv_controller.go (syncVolume, reclaimVolume).

use std::sync::Arc;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};

use super::{PROVISIONED_BY, claim_key};
use crate::api::volumes as rules;
use crate::apimachinery::{Status, meta};
use crate::apiserver::DeleteOptions;
use crate::client::EventType;
use crate::controllers::Context;
use crate::controllers::pod_control::ignore_not_found;

/// Brings a volume's phase up to date, and gives back what is no longer claimed.
pub fn sync(volume: &Arc<PersistentVolume>, context: &mut Context<'_>) -> Result<(), Status> {
    let held = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
    let uid = held.and_then(|held| held.uid.clone()).unwrap_or_default();
    let (Some(key), false) = (claim_key(volume), uid.is_empty()) else {
        return set_phase(volume, "Available", context);
    };
    let claim = context.client.get::<PersistentVolumeClaim>(&key.namespace, &key.name).ok();
    let Some(claim) = claim.filter(|claim| meta::uid(&claim.metadata) == uid) else {
        return release(volume, context);
    };
    let name = rules::volume_of(&claim);
    if name == meta::name(&volume.metadata) {
        return set_phase(volume, "Bound", context);
    }
    if name.is_empty() {
        context.queue.add_at(key, context.now);
        return Ok(());
    }
    // The claim has another volume.
    let own = meta::annotation(&volume.metadata, PROVISIONED_BY).is_some();
    if own && policy(volume) == "Delete" { release(volume, context) } else { unbind(volume, context) }
}

fn policy(volume: &PersistentVolume) -> &str {
    let policy = volume.spec.as_ref().and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
    policy.unwrap_or("Retain")
}

fn phase(volume: &PersistentVolume) -> &str {
    volume.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

fn release(volume: &Arc<PersistentVolume>, context: &mut Context<'_>) -> Result<(), Status> {
    if !matches!(phase(volume), "Released" | "Failed") {
        return set_phase(volume, "Released", context);
    }
    let host_path = volume.spec.as_ref().and_then(|spec| spec.host_path.as_ref());
    let fail = match policy(volume) {
        // Whoever has made a volume deletes it; one that was made by hand has nobody, but for directories below /tmp.
        "Delete" if meta::annotation(&volume.metadata, PROVISIONED_BY).is_none() => {
            let name = meta::name(&volume.metadata);
            let why = match host_path {
                None => format!(
                    "error getting deleter volume plugin for volume \"{name}\": no deletable volume plugin matched"
                ),
                Some(source) if is_below_tmp(&source.path) => {
                    let options = DeleteOptions::default();
                    return context.client.delete::<PersistentVolume>("", name, &options).or_else(ignore_not_found);
                }
                Some(source) => {
                    format!("host_path deleter only supports /tmp/.+ but received provided {}", source.path)
                }
            };
            ("VolumeFailedDelete", why)
        }
        "Recycle" => ("VolumeFailedRecycle", "No recycler plugin found for the volume!".to_owned()),
        _ => return Ok(()),
    };
    if phase(volume) == "Failed" {
        return Ok(());
    }
    let mut changed = PersistentVolume::clone(volume);
    let status = changed.status.get_or_insert_default();
    status.phase = Some("Failed".to_owned());
    status.message = Some(fail.1.clone());
    status.last_phase_transition_time = Some(meta::time(context.now));
    context.client.update_status(changed)?;
    context.events.event(&mut context.client, &**volume, EventType::Warning, fail.0, &fail.1);
    Ok(())
}

/// As upstream's pattern has it: anywhere in the path, with something behind.
fn is_below_tmp(path: &str) -> bool {
    path.split_once("/tmp/").is_some_and(|(_, rest)| !rest.is_empty())
}

fn unbind(volume: &Arc<PersistentVolume>, context: &mut Context<'_>) -> Result<(), Status> {
    let mut changed = PersistentVolume::clone(volume);
    let by_controller = meta::annotation(&changed.metadata, rules::BOUND_BY_CONTROLLER).is_some();
    let spec = changed.spec.get_or_insert_default();
    if by_controller {
        spec.claim_ref = None;
        if let Some(annotations) = changed.metadata.annotations.as_mut() {
            annotations.remove(rules::BOUND_BY_CONTROLLER);
        }
    } else if let Some(held) = spec.claim_ref.as_mut() {
        held.uid = None;
    }
    let changed = context.client.update(changed)?;
    set_phase(&changed, "Available", context)
}

/// Sets the phase when it is another.
pub fn set_phase(volume: &Arc<PersistentVolume>, to: &str, context: &mut Context<'_>) -> Result<(), Status> {
    if phase(volume) == to {
        return Ok(());
    }
    let mut changed = PersistentVolume::clone(volume);
    let status = changed.status.get_or_insert_default();
    status.phase = Some(to.to_owned());
    status.message = None;
    status.last_phase_transition_time = Some(meta::time(context.now));
    context.client.update_status(changed).map(|_| ())
}
