//! The history of a StatefulSet's templates, kept as ControllerRevisions.
//!
//! Models Kubernetes 1.36 pkg/controller/statefulset/stateful_set_control.go (getStatefulSetRevisions).

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use serde_json::{Value, json};

use super::identity;
use super::spec_of;
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Reason, Status, meta};
use crate::apiserver::DeleteOptions;
use crate::controllers::pod_control::{self, ignore_not_found};
use crate::controllers::{Context, pod_template};

/// A revision: its name and its template.
#[derive(Clone, Debug)]
pub struct Revision {
    /// The ControllerRevision's name; Pods carry it as a label.
    pub name: String,
    /// The template that it keeps.
    pub template: PodTemplateSpec,
}

impl Revision {
    fn of(revision: &ControllerRevision) -> Self {
        let template = revision.data.as_ref().and_then(|data| data.0.pointer("/spec/template").cloned());
        let template = template.and_then(|template| crate::apimachinery::decode(template).ok()).unwrap_or_default();
        Self { name: meta::name(&revision.metadata).to_owned(), template }
    }
}

/// The revision that the set comes from, the one that it goes to, and all that there are.
pub struct Revisions {
    /// What the set comes from.
    pub current: Revision,
    /// What the set goes to: its present template.
    pub update: Revision,
    all: Vec<Arc<ControllerRevision>>,
}

/// Reads the history and adds the present template to it.
///
/// # Errors
/// The server's answer to a write.
pub fn sync_history(
    set: &Arc<StatefulSet>,
    selector: Option<&Selector>,
    context: &mut Context<'_>,
) -> Result<Revisions, Status> {
    let mut all = pod_control::claim::<StatefulSet, ControllerRevision>(context, &**set, selector, "")?;
    all.sort_by_key(|revision| revision.revision);
    let mut template = serde_json::to_value(&spec_of(set).template).unwrap_or_default();
    if let Some(fields) = template.as_object_mut() {
        fields.insert("$patch".to_owned(), json!("replace"));
    }
    let data = json!({"spec": {"template": template}});
    let last = all.last().map_or(0, |revision| revision.revision);
    let same = |revision: &&Arc<ControllerRevision>| revision.data.as_ref().is_some_and(|held| held.0 == data);
    let update = match all.iter().rev().find(same).cloned() {
        Some(held) if held.revision == last => held,
        Some(held) => {
            let mut changed = ControllerRevision::clone(&held);
            changed.revision = last + 1;
            context.client.update(changed)?
        }
        None => create(set, data, last + 1, context)?,
    };
    let current = set.status.as_ref().and_then(|status| status.current_revision.as_ref());
    let current = all.iter().find(|revision| revision.metadata.name.as_ref() == current);
    let current = current.unwrap_or(&update);
    Ok(Revisions { current: Revision::of(current), update: Revision::of(&update), all: all.clone() })
}

fn create(
    set: &Arc<StatefulSet>,
    data: Value,
    number: i64,
    context: &mut Context<'_>,
) -> Result<Arc<ControllerRevision>, Status> {
    let collisions = set.status.as_ref().and_then(|status| status.collision_count);
    let mut collisions = collisions.unwrap_or(0);
    loop {
        let hash = pod_template::hash(&spec_of(set).template, Some(collisions));
        let name = format!("{}-{hash}", meta::name(&set.metadata));
        let mut labels =
            spec_of(set).template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
        labels.insert("controller.kubernetes.io/hash".to_owned(), hash);
        let revision = ControllerRevision {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: set.metadata.namespace.clone(),
                labels: Some(labels),
                annotations: set.metadata.annotations.clone(),
                owner_references: Some(vec![meta::new_controller_ref(&**set)]),
                ..ObjectMeta::default()
            },
            data: Some(RawExtension(data.clone())),
            revision: number,
        };
        match context.client.create(revision) {
            Err(error) if error.reason == Reason::AlreadyExists && collisions < 100 => {
                let held = context.client.get::<ControllerRevision>(meta::namespace(&set.metadata), &name)?;
                let ours = meta::is_controlled_by(&held.metadata, meta::uid(&set.metadata));
                if ours && held.data.as_ref().is_some_and(|held| held.0 == data) {
                    return Ok(held);
                }
                collisions += 1;
            }
            result => return result,
        }
    }
}

/// Drops the oldest revisions beyond the limit that nothing uses.
///
/// # Errors
/// The server's answer to a deletion.
pub fn truncate(
    set: &StatefulSet,
    revisions: &Revisions,
    pods: &[Arc<Pod>],
    context: &mut Context<'_>,
) -> Result<(), Status> {
    let is_live = |revision: &Arc<ControllerRevision>| {
        let name = meta::name(&revision.metadata);
        name == revisions.current.name
            || name == revisions.update.name
            || pods.iter().any(|pod| identity::revision(pod) == name)
    };
    let idle: Vec<&Arc<ControllerRevision>> = revisions.all.iter().filter(|revision| !is_live(revision)).collect();
    let limit = usize::try_from(spec_of(set).revision_history_limit.unwrap_or(10)).unwrap_or(0);
    for revision in idle.iter().take(idle.len().saturating_sub(limit)) {
        let (namespace, name) = (meta::namespace(&revision.metadata), meta::name(&revision.metadata));
        let deleted = context.client.delete::<ControllerRevision>(namespace, name, &DeleteOptions::default());
        deleted.or_else(ignore_not_found)?;
    }
    Ok(())
}
