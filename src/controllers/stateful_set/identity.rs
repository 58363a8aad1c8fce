//! What makes a Pod of a StatefulSet the one with its number: name, labels, host name, claims.
//!
//! Pure. Models Kubernetes 1.36 pkg/controller/statefulset/stateful_set_utils.go.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, PodTemplateSpec, Volume,
};

use super::spec_of;
use crate::apimachinery::meta;
use crate::controllers::pod_control;

/// The label with a Pod's revision.
pub const REVISION: &str = "controller-revision-hash";
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// The number at the end of a Pod's name, when the rest is the set's.
pub fn ordinal(set: &StatefulSet, pod: &Pod) -> Option<usize> {
    let (parent, number) = meta::name(&pod.metadata).rsplit_once('-')?;
    if parent != meta::name(&set.metadata) {
        return None;
    }
    number.parse().ok()
}

/// The Pod's revision.
pub fn revision(pod: &Pod) -> &str {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get(REVISION)).map_or("", String::as_str)
}

/// Whether the Pod says by its label which one it is.
pub fn matches(pod: &Pod) -> bool {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get(POD_NAME)) == pod.metadata.name.as_ref()
}

/// Sets the labels that say which one the Pod is.
pub fn label(pod: &mut Pod, ordinal: usize) {
    let name = meta::name(&pod.metadata).to_owned();
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(POD_NAME.to_owned(), name);
    labels.insert(POD_INDEX.to_owned(), ordinal.to_string());
}

/// The Pod with this number, of a template of this revision.
pub fn new_pod(set: &StatefulSet, template: &PodTemplateSpec, revision: &str, ordinal: usize) -> Pod {
    let mut pod = pod_control::pod_from_template(set, template, "");
    let name = format!("{}-{ordinal}", meta::name(&set.metadata));
    pod.metadata.generate_name = None;
    pod.metadata.name = Some(name.clone());
    label(&mut pod, ordinal);
    pod.metadata.labels.get_or_insert_default().insert(REVISION.to_owned(), revision.to_owned());
    let spec = pod.spec.get_or_insert_default();
    spec.hostname = Some(name);
    spec.subdomain = spec_of(set).service_name.clone().filter(|name| !name.is_empty());
    let claims = claims(set, ordinal);
    if !claims.is_empty() {
        let held = spec.volumes.take().unwrap_or_default();
        let mut volumes: Vec<Volume> = claims
            .iter()
            .map(|(volume, claim)| Volume {
                name: volume.clone(),
                persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                    claim_name: meta::name(&claim.metadata).to_owned(),
                    ..PersistentVolumeClaimVolumeSource::default()
                }),
                ..Volume::default()
            })
            .collect();
        volumes.extend(held.into_iter().filter(|volume| !claims.iter().any(|(name, _)| *name == volume.name)));
        spec.volumes = Some(volumes);
    }
    pod
}

/// The claims of the Pod with this number, by the volume's name.
pub fn claims(set: &StatefulSet, ordinal: usize) -> Vec<(String, PersistentVolumeClaim)> {
    let templates = spec_of(set).volume_claim_templates.iter().flatten();
    templates
        .map(|template| {
            let mut claim = template.clone();
            let volume = meta::name(&template.metadata).to_owned();
            claim.metadata.name = Some(format!("{volume}-{}-{ordinal}", meta::name(&set.metadata)));
            claim.metadata.namespace.clone_from(&set.metadata.namespace);
            let selector = spec_of(set).selector.match_labels.clone().unwrap_or_default();
            claim.metadata.labels.get_or_insert_default().extend(selector);
            claim.status = None;
            (volume, claim)
        })
        .collect()
}
