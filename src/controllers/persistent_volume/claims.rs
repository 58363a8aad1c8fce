//! One look at a claim: it is bound, gets a volume, asks a provisioner for one, or waits.
//!
//! Models Kubernetes 1.36 pkg/controller/volume/persistentvolume/pv_controller.go (syncClaim, bind, provisionClaim).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    ObjectReference, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus, Pod,
};
use k8s_openapi::api::storage::v1::StorageClass;

use super::volumes::set_phase;
use super::{RESYNC, annotate};
use crate::api::volumes as rules;
use crate::apimachinery::{Object, ObjectKey, Status, meta};
use crate::client::{EventType, node_of};
use crate::controllers::Context;
use crate::controllers::pod_control::is_pod_terminal;
use crate::sim::Time;

/// On a class: claims that name none get this one.
const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
/// On a claim: who is to make its volume, in two generations of the annotation.
const PROVISIONER: [&str; 2] =
    ["volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner"];

/// A claim is new for so long, counted from the second in which it was made.
const NEW: Duration = Duration::from_secs(1);

/// Brings a claim closer to a volume.
pub fn sync(claim: &Arc<PersistentVolumeClaim>, context: &mut Context<'_>) -> Result<(), Status> {
    if meta::annotation(&claim.metadata, rules::BIND_COMPLETED).is_some() {
        return sync_bound(claim, context);
    }
    context.queue.add_at(ObjectKey::of(&**claim), context.now + RESYNC);
    if rules::volume_of(claim).is_empty() { sync_unbound(claim, context) } else { sync_prebound(claim, context) }
}

fn class_of(claim: &PersistentVolumeClaim, context: &Context<'_>) -> Option<Arc<StorageClass>> {
    let name = rules::class_of(claim);
    if name.is_empty() { None } else { context.client.get::<StorageClass>("", name).ok() }
}

fn sync_unbound(claim: &Arc<PersistentVolumeClaim>, context: &mut Context<'_>) -> Result<(), Status> {
    let class = class_of(claim, context);
    let delayed =
        class.as_ref().is_some_and(|class| class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"));
    if let Some(volume) = best_match(claim, delayed, context) {
        return bind(&volume, claim, context);
    }
    if assign_default_class(claim, context)? {
        return Ok(());
    }
    let selected = meta::annotation(&claim.metadata, rules::SELECTED_NODE).is_some();
    if delayed && !selected {
        let (reason, message) = why_waiting(claim, context);
        context.events.event(&mut context.client, &**claim, EventType::Normal, reason, &message);
    } else if !rules::class_of(claim).is_empty() {
        return provision(claim, class, context);
    } else {
        let message = "no persistent volumes available for this claim and no storage class is set";
        context.events.event(&mut context.client, &**claim, EventType::Normal, "FailedBinding", message);
    }
    set_status(claim, "Pending", None, context)
}

/// Volumes that offer no more ways of access than needed come first.
fn best_match(claim: &PersistentVolumeClaim, delayed: bool, context: &Context<'_>) -> Option<Arc<PersistentVolume>> {
    let mut offering: Vec<Arc<PersistentVolume>> = context.client.list(None);
    offering.retain(|volume| rules::offers_access(claim, volume));
    let modes = |volume: &PersistentVolume| {
        volume.spec.as_ref().and_then(|spec| spec.access_modes.as_ref()).map_or(0, Vec::len)
    };
    offering.sort_by_key(|volume| modes(volume));
    let groups = offering.chunk_by(|one, two| modes(one) == modes(two));
    groups.into_iter().find_map(|group| rules::find_matching(claim, group, None, delayed))
}

/// A claim that names no class, not even an empty one, gets the default class once there is one.
fn assign_default_class(claim: &Arc<PersistentVolumeClaim>, context: &mut Context<'_>) -> Result<bool, Status> {
    let named = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_ref()).is_some();
    if named || meta::annotation(&claim.metadata, rules::BETA_CLASS).is_some() {
        return Ok(false);
    }
    let mut defaults: Vec<Arc<StorageClass>> = context.client.list(None);
    defaults.retain(|class| meta::annotation(&class.metadata, IS_DEFAULT) == Some("true"));
    // The youngest counts.
    let created = |class: &StorageClass| class.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let Some(class) = defaults.into_iter().max_by_key(|class| created(class)) else { return Ok(false) };
    let mut changed = PersistentVolumeClaim::clone(claim);
    changed.spec.get_or_insert_default().storage_class_name = class.metadata.name.clone();
    context.client.update(changed)?;
    Ok(true)
}

fn why_waiting(claim: &PersistentVolumeClaim, context: &Context<'_>) -> (&'static str, String) {
    let uses = |pod: &Pod| {
        pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten()).any(|volume| {
            volume
                .persistent_volume_claim
                .as_ref()
                .is_some_and(|source| Some(&source.claim_name) == claim.metadata.name.as_ref())
        })
    };
    // A new claim is looked at before whoever made it has made its Pod as well.
    let created = claim.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let is_new = created.is_some_and(|created| context.now.since(Time::from(created)) < NEW);
    let older = |pod: &Pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0) < created;
    let pods = context.caches.in_namespace::<Pod>(meta::namespace(&claim.metadata));
    let pods = pods.filter(|pod| node_of(pod).is_empty() && !is_pod_terminal(pod) && uses(pod));
    let waiting = pods.filter(|pod| !is_new || older(pod));
    let names: Vec<String> = waiting.map(|pod| meta::name(&pod.metadata).to_owned()).collect();
    match names.as_slice() {
        [] => ("WaitForFirstConsumer", "waiting for first consumer to be created before binding".to_owned()),
        [name] => ("WaitForPodScheduled", format!("waiting for pod {name} to be scheduled")),
        names => ("WaitForPodScheduled", format!("waiting for pods {} to be scheduled", names.join(","))),
    }
}

fn provision(
    claim: &Arc<PersistentVolumeClaim>,
    class: Option<Arc<StorageClass>>,
    context: &mut Context<'_>,
) -> Result<(), Status> {
    let name = rules::class_of(claim);
    let failure = match &class {
        None => Some(format!("storageclass.storage.k8s.io \"{name}\" not found")),
        Some(class) if class.provisioner.starts_with("kubernetes.io/") => Some("no volume plugin matched".to_owned()),
        Some(_) => None,
    };
    let (Some(class), None) = (class, &failure) else {
        let message = failure.unwrap_or_default();
        context.events.event(&mut context.client, &**claim, EventType::Warning, "ProvisioningFailed", &message);
        return Ok(());
    };
    let provisioner = class.provisioner.clone();
    let mut changed = PersistentVolumeClaim::clone(claim);
    let mut is_new = false;
    for key in PROVISIONER {
        is_new |= annotate(&mut changed, key, &provisioner);
    }
    if is_new {
        context.client.update(changed)?;
    }
    let message = format!(
        "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the \
         system administrator. If volume creation is delayed, please verify that the provisioner is running and \
         correctly registered."
    );
    context.events.event(&mut context.client, &**claim, EventType::Normal, "ExternalProvisioning", &message);
    Ok(())
}

/// A claim that names its volume, or was given one of which it does not know yet.
fn sync_prebound(claim: &Arc<PersistentVolumeClaim>, context: &mut Context<'_>) -> Result<(), Status> {
    let name = rules::volume_of(claim).to_owned();
    let Ok(volume) = context.client.get::<PersistentVolume>("", &name) else {
        return set_status(claim, "Pending", None, context);
    };
    let free = volume.spec.as_ref().is_none_or(|spec| spec.claim_ref.is_none());
    if rules::is_bound_to(&volume, claim) {
        return bind(&volume, claim, context);
    }
    let (reason, message) = match mismatch(&volume, claim).filter(|_| free) {
        None if free => return bind(&volume, claim, context),
        Some(why) => ("VolumeMismatch", format!("Cannot bind to requested volume \"{name}\": {why}")),
        None => ("FailedBinding", format!("volume \"{name}\" already bound to a different claim.")),
    };
    context.events.event(&mut context.client, &**claim, EventType::Warning, reason, &message);
    set_status(claim, "Pending", None, context)
}

fn mismatch(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Option<String> {
    let mode = |mode: Option<&String>| mode.map_or("Filesystem", String::as_str).to_owned();
    let (of, wanted) = (volume.spec.clone().unwrap_or_default(), claim.spec.clone().unwrap_or_default());
    if meta::is_deleting(&volume.metadata) {
        return Some(format!("the volume is marked for deletion \"{}\"", meta::name(&volume.metadata)));
    }
    let why = if rules::capacity(volume).value() < rules::requested_storage(claim).value() {
        "requested PV is too small"
    } else if rules::class_of_volume(volume) != rules::class_of(claim) {
        "storageClassName does not match"
    } else if of.volume_attributes_class_name != wanted.volume_attributes_class_name {
        "volumeAttributesClassName does not match"
    } else if mode(of.volume_mode.as_ref()) != mode(wanted.volume_mode.as_ref()) {
        "incompatible volumeMode"
    } else if !rules::offers_access(claim, volume) {
        "incompatible accessMode"
    } else {
        return None;
    };
    Some(why.to_owned())
}

fn sync_bound(claim: &Arc<PersistentVolumeClaim>, context: &mut Context<'_>) -> Result<(), Status> {
    let name = rules::volume_of(claim).to_owned();
    let volume = context.client.get::<PersistentVolume>("", &name).ok();
    let lost = match &volume {
        None if name.is_empty() => {
            ("ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!")
        }
        None => ("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!"),
        Some(volume) => {
            let kept = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
            if kept.is_none_or(|kept| kept.uid == claim.metadata.uid) {
                return bind(volume, claim, context);
            }
            ("ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly")
        }
    };
    if claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Lost") {
        return Ok(());
    }
    set_status(claim, "Lost", None, context)?;
    context.events.event(&mut context.client, &**claim, EventType::Warning, lost.0, lost.1);
    Ok(())
}

/// The four writes of a binding; what is done already is left alone.
fn bind(
    volume: &Arc<PersistentVolume>,
    claim: &Arc<PersistentVolumeClaim>,
    context: &mut Context<'_>,
) -> Result<(), Status> {
    let mut kept = PersistentVolume::clone(volume);
    let spec = kept.spec.get_or_insert_default();
    let fresh = spec.claim_ref.is_none();
    if spec.claim_ref.as_ref().is_none_or(|held| held.uid != claim.metadata.uid) {
        spec.claim_ref = Some(ObjectReference {
            api_version: Some(claim.api_version().to_owned()),
            kind: Some(claim.kind().to_owned()),
            name: claim.metadata.name.clone(),
            namespace: claim.metadata.namespace.clone(),
            uid: claim.metadata.uid.clone(),
            resource_version: claim.metadata.resource_version.clone(),
            field_path: None,
        });
    }
    if fresh {
        annotate(&mut kept, rules::BOUND_BY_CONTROLLER, "yes");
    }
    let volume = if kept == **volume { Arc::clone(volume) } else { context.client.update(kept)? };
    set_phase(&volume, "Bound", context)?;
    let mut bound = PersistentVolumeClaim::clone(claim);
    if rules::volume_of(claim) != meta::name(&volume.metadata) {
        bound.spec.get_or_insert_default().volume_name = volume.metadata.name.clone();
        annotate(&mut bound, rules::BOUND_BY_CONTROLLER, "yes");
    }
    annotate(&mut bound, rules::BIND_COMPLETED, "yes");
    let claim = if bound == **claim { Arc::clone(claim) } else { context.client.update(bound)? };
    set_status(&claim, "Bound", Some(&volume), context)
}

fn set_status(
    claim: &Arc<PersistentVolumeClaim>,
    phase: &str,
    volume: Option<&PersistentVolume>,
    context: &mut Context<'_>,
) -> Result<(), Status> {
    let mut changed = PersistentVolumeClaim::clone(claim);
    let status: &mut PersistentVolumeClaimStatus = changed.status.get_or_insert_default();
    let was_bound = status.phase.as_deref() == Some(phase);
    status.phase = Some(phase.to_owned());
    let spec = volume.and_then(|volume| volume.spec.as_ref());
    status.access_modes = spec.and_then(|spec| spec.access_modes.clone());
    match spec {
        None => status.capacity = None,
        Some(spec) if !was_bound => status.capacity.clone_from(&spec.capacity),
        Some(_) => {}
    }
    if changed == **claim {
        return Ok(());
    }
    context.client.update_status(changed).map(|_| ())
}
