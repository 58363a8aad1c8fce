//! The claims of a Pod: they must exist and be bound, or be such that the choice of the node binds them.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/volumebinding.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    Node, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec, TopologySelectorTerm, Volume,
};
use k8s_openapi::api::storage::v1::StorageClass;

use super::{NodeInfo, Plugin, PreRefusal, Refusal, Snapshot, Wanted};
use crate::api::volumes;
use crate::apimachinery::meta;
use crate::client::Caches;

/// What has to be done about claims once a node is chosen.
#[derive(Clone, Debug, Default)]
pub struct Volumes {
    /// Volumes to bind to claims.
    pub bind: Vec<(Arc<PersistentVolume>, Arc<PersistentVolumeClaim>)>,
    /// Claims to make volumes for.
    pub provision: Vec<Arc<PersistentVolumeClaim>>,
}

/// The Pod's claims.
#[derive(Clone, Debug, Default)]
pub struct State {
    bound: Vec<Arc<PersistentVolumeClaim>>,
    /// Those that wait for the Pod's node.
    delayed: Vec<Arc<PersistentVolumeClaim>>,
}

/// The claim of a volume, and whether it is made for the Pod alone.
fn claim_name(pod: &Pod, volume: &Volume) -> Option<(String, bool)> {
    if let Some(source) = &volume.persistent_volume_claim {
        return Some((source.claim_name.clone(), false));
    }
    volume.ephemeral.as_ref().map(|_| (format!("{}-{}", meta::name(&pod.metadata), volume.name), true))
}

/// The names of the Pod's claims.
pub fn claim_names(pod: &Pod) -> impl Iterator<Item = String> + '_ {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.filter_map(|volume| claim_name(pod, volume)).map(|(name, _)| name)
}

impl State {
    /// Finds the claims.
    ///
    /// # Errors
    /// A claim is missing, lost, going, or not bound although it should be.
    pub fn of(pod: &Pod, spec: &PodSpec, caches: &Caches) -> Result<Self, PreRefusal> {
        let mut state = State::default();
        let refuse = |message| Err(PreRefusal { plugin: Plugin::VolumeBinding, message });
        let mut unbound = false;
        for (name, own) in spec.volumes.iter().flatten().filter_map(|volume| claim_name(pod, volume)) {
            let Some(claim) = caches.get::<PersistentVolumeClaim>(meta::namespace(&pod.metadata), &name) else {
                if own {
                    let claim = format!("persistentvolumeclaim \"{name}\"");
                    return refuse(format!("waiting for ephemeral volume controller to create the {claim}"));
                }
                let message = format!("persistentvolumeclaim \"{name}\" not found");
                return Err(PreRefusal { plugin: Plugin::VolumeRestrictions, message });
            };
            let volume = volumes::volume_of(&claim);
            if claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Lost") {
                let why =
                    format!("persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \"{volume}\"");
                return refuse(why);
            }
            if meta::is_deleting(&claim.metadata) {
                return refuse(format!("persistentvolumeclaim \"{name}\" is being deleted"));
            }
            if own && !meta::is_controlled_by(&claim.metadata, meta::uid(&pod.metadata)) {
                let place = format!("{}/{name}", meta::namespace(&claim.metadata));
                return refuse(format!(
                    "PVC {place} was not created for pod {}/{} (pod is not owner)",
                    meta::namespace(&pod.metadata),
                    meta::name(&pod.metadata)
                ));
            }
            if volumes::is_fully_bound(&claim) {
                state.bound.push(claim);
            } else if volume.is_empty() && is_delayed(&claim, caches) {
                state.delayed.push(claim);
            } else {
                unbound = true;
            }
        }
        if unbound {
            return refuse("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
        // The smallest claim chooses first.
        state.delayed.sort_by_key(|claim| volumes::requested_storage(claim));
        Ok(state)
    }

    /// What a node means for the claims.
    ///
    /// # Errors
    /// Why they keep the Pod off the node.
    pub fn on(&self, node: &Node, caches: &Caches) -> Result<Volumes, Vec<String>> {
        let mut reasons: Vec<&str> = Vec::new();
        let held = |claim: &PersistentVolumeClaim| caches.get::<PersistentVolume>("", volumes::volume_of(claim));
        match self
            .bound
            .iter()
            .map(|claim| held(claim))
            .find(|held| held.as_ref().is_none_or(|volume| !volumes::is_on_node(volume, node)))
        {
            Some(None) => reasons.push("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"),
            Some(Some(_)) => reasons.push("node(s) didn't match PersistentVolume's node affinity"),
            None => {}
        }
        let mut todo = Volumes::default();
        for claim in &self.delayed {
            let selected = meta::annotation(&claim.metadata, volumes::SELECTED_NODE);
            let free = || {
                let taken = |volume: &PersistentVolume| {
                    todo.bind.iter().any(|(other, _)| other.metadata.name == volume.metadata.name)
                };
                let all: Vec<_> = caches.list::<PersistentVolume>().filter(|volume| !taken(volume)).collect();
                volumes::find_matching(claim, &all, Some(node), true)
            };
            match selected {
                Some(selected) if selected == meta::name(&node.metadata) => todo.provision.push(Arc::clone(claim)),
                None => match free() {
                    Some(volume) => todo.bind.push((volume, Arc::clone(claim))),
                    None if can_provision(claim, node, caches) => todo.provision.push(Arc::clone(claim)),
                    None => reasons.push("node(s) didn't find available persistent volumes to bind"),
                },
                Some(_) => reasons.push("node(s) didn't find available persistent volumes to bind"),
            }
        }
        if reasons.is_empty() {
            return Ok(todo);
        }
        reasons.dedup();
        // A node that does not match comes before one without a volume, one without its volume last.
        reasons.sort_by_key(|reason| reason.starts_with("node(s) unavailable"));
        Err(reasons.into_iter().map(str::to_owned).collect())
    }
}

fn class(claim: &PersistentVolumeClaim, caches: &Caches) -> Option<Arc<StorageClass>> {
    Some(volumes::class_of(claim)).filter(|name| !name.is_empty()).and_then(|name| caches.get::<StorageClass>("", name))
}

/// Whether the claim is bound only once the node of its first Pod is known.
fn is_delayed(claim: &PersistentVolumeClaim, caches: &Caches) -> bool {
    class(claim, caches).is_some_and(|class| class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"))
}

fn can_provision(claim: &PersistentVolumeClaim, node: &Node, caches: &Caches) -> bool {
    let Some(class) = class(claim, caches) else { return false };
    if class.provisioner.is_empty() || class.provisioner == volumes::NO_PROVISIONER {
        return false;
    }
    let terms = class.allowed_topologies.as_deref().unwrap_or_default();
    let held = |key: &str| node.metadata.labels.as_ref().and_then(|labels| labels.get(key));
    let matches = |term: &TopologySelectorTerm| {
        let mut rules = term.match_label_expressions.iter().flatten();
        rules.all(|rule| held(&rule.key).is_some_and(|value| rule.values.contains(value)))
    };
    terms.is_empty() || terms.iter().any(matches)
}

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo, snapshot: &Snapshot<'_>) -> Option<Refusal> {
    let state = &wanted.volumes;
    if state.bound.is_empty() && state.delayed.is_empty() {
        return None;
    }
    let reasons = state.on(node, snapshot.caches).err()?;
    Some(Refusal { plugin: Plugin::VolumeBinding, reasons, resolvable: false })
}
