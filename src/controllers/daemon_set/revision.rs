//! The history of a DaemonSet's templates, kept as ControllerRevisions.
//!
//! Models Kubernetes 1.36 pkg/controller/daemon/update.go (constructHistory, snapshot, cleanupHistory).

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use serde_json::{Value, json};

use super::{REVISION_HASH, spec_of};
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Reason, Status, meta};
use crate::apiserver::DeleteOptions;
use crate::controllers::pod_control::{self, ignore_not_found};
use crate::controllers::{Context, pod_template};

/// The template as the revision keeps it: a patch that puts it back.
fn patch(set: &DaemonSet) -> Value {
    let mut template = serde_json::to_value(&spec_of(set).template).unwrap_or_default();
    if let Some(fields) = template.as_object_mut() {
        fields.insert("$patch".to_owned(), json!("replace"));
    }
    json!({"spec": {"template": template}})
}

fn hash_of(revision: &ControllerRevision) -> String {
    let label = revision.metadata.labels.as_ref().and_then(|labels| labels.get(REVISION_HASH));
    label.cloned().unwrap_or_else(|| meta::name(&revision.metadata).to_owned())
}

/// Makes sure that the present template has a revision, with the highest number, and gives the revision's hash.
pub fn sync_history(
    set: &Arc<DaemonSet>,
    selector: Option<&Selector>,
    context: &mut Context<'_>,
) -> Result<String, Status> {
    let all = pod_control::claim::<DaemonSet, ControllerRevision>(context, &**set, selector, "")?;
    let patch = patch(set);
    let same = |revision: &ControllerRevision| revision.data.as_ref().is_some_and(|data| data.0 == patch);
    let (current, old): (Vec<_>, Vec<_>) = all.into_iter().partition(|revision| same(revision));
    let number = old.iter().map(|revision| revision.revision).max().unwrap_or(0) + 1;
    let newest = current.into_iter().max_by_key(|revision| revision.revision);
    let Some(held) = newest else { return snapshot(set, patch, number, context) };
    let hash = hash_of(&held);
    if held.revision < number {
        let mut changed = ControllerRevision::clone(&held);
        changed.revision = number;
        context.client.update(changed)?;
    }
    clean_up(set, old, context)?;
    Ok(hash)
}

fn snapshot(set: &Arc<DaemonSet>, patch: Value, number: i64, context: &mut Context<'_>) -> Result<String, Status> {
    let template = &spec_of(set).template;
    let collisions = set.status.as_ref().and_then(|status| status.collision_count);
    let hash = pod_template::hash(template, collisions);
    let mut labels = template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
    labels.insert(REVISION_HASH.to_owned(), hash.clone());
    let name = format!("{}-{hash}", meta::name(&set.metadata));
    let revision = ControllerRevision {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: set.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: set.metadata.annotations.clone(),
            owner_references: Some(vec![meta::new_controller_ref(&**set)]),
            ..ObjectMeta::default()
        },
        data: Some(RawExtension(patch.clone())),
        revision: number,
    };
    let Err(error) = context.client.create(revision) else { return Ok(hash) };
    if error.reason != Reason::AlreadyExists {
        return Err(error);
    }
    let held = context.client.get::<ControllerRevision>(meta::namespace(&set.metadata), &name)?;
    if held.data.as_ref().is_some_and(|data| data.0 == patch) {
        return Ok(hash);
    }
    let mut changed = DaemonSet::clone(set);
    let status = changed.status.get_or_insert_default();
    status.collision_count = Some(status.collision_count.unwrap_or(0).saturating_add(1));
    context.client.update_status(changed)?;
    Err(error)
}

/// Drops the oldest revisions beyond the limit that no Pod has any more.
fn clean_up(set: &DaemonSet, mut old: Vec<Arc<ControllerRevision>>, context: &mut Context<'_>) -> Result<(), Status> {
    let limit = usize::try_from(spec_of(set).revision_history_limit.unwrap_or(10)).unwrap_or(0);
    let surplus = old.len().saturating_sub(limit);
    if surplus == 0 {
        return Ok(());
    }
    let caches = context.caches;
    let is_live = |revision: &ControllerRevision| {
        let hash = hash_of(revision);
        caches.controlled_by::<Pod>(meta::uid(&set.metadata)).any(|pod| super::is_updated(&pod, &hash))
    };
    old.sort_by_key(|revision| revision.revision);
    for revision in old.iter().filter(|revision| !is_live(revision)).take(surplus) {
        let (namespace, name) = (meta::namespace(&revision.metadata), meta::name(&revision.metadata));
        let deleted = context.client.delete::<ControllerRevision>(namespace, name, &DeleteOptions::default());
        deleted.or_else(ignore_not_found)?;
    }
    Ok(())
}
