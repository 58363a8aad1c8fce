//! One sync of a Deployment: make the new ReplicaSet, scale the ReplicaSets, clean up old ones, write the status.
//!
//! Models Kubernetes 1.36 pkg/controller/deployment/{sync,rolling,recreate}.go.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::replica_sets::{
    self as sets, DESIRED_REPLICAS, REVISION, available, max_surge, max_unavailable, size, spec_of, total_available,
    total_size, wanted,
};
use super::status;
use crate::apimachinery::{Reason, Status, meta};
use crate::apiserver::DeleteOptions;
use crate::client::EventType;
use crate::controllers::Context;
use crate::controllers::pod_control::{ignore_not_found, is_namespace_terminating, is_pod_terminal};
use crate::controllers::pod_template::{self, POD_TEMPLATE_HASH, equal_ignoring_hash};

/// What one sync works with.
pub struct Rollout<'a, 'b> {
    /// A copy to change.
    pub deployment: Deployment,
    /// All its ReplicaSets, in the order of creation.
    pub sets: Vec<Arc<ReplicaSet>>,
    /// The way to the server.
    pub context: &'a mut Context<'b>,
}

/// Whether old Pods go before new ones come.
pub fn is_recreate(deployment: &Deployment) -> bool {
    !sets::is_rolling(deployment)
}

type Sets = Vec<Arc<ReplicaSet>>;

fn active(sets: &[Arc<ReplicaSet>]) -> Sets {
    sets.iter().filter(|set| size(set) > 0).cloned().collect()
}

fn with(old: &[Arc<ReplicaSet>], new: Option<&Arc<ReplicaSet>>) -> Sets {
    old.iter().chain(new).cloned().collect()
}

impl<'a, 'b> Rollout<'a, 'b> {
    /// A sync of this Deployment.
    pub fn new(deployment: Deployment, sets: Sets, context: &'a mut Context<'b>) -> Self {
        Self { deployment, sets, context }
    }

    /// Does what is due.
    ///
    /// # Errors
    /// The server's answer to a write.
    pub fn run(mut self) -> Result<(), Status> {
        if meta::is_deleting(&self.deployment.metadata) {
            let (new, old) = self.new_and_old(false)?;
            return self.write_status(&with(&old, new.as_ref()), new.as_ref());
        }
        if status::set_paused_condition(&mut self.deployment, self.context.now) {
            self.context.client.update_status(self.deployment.clone())?;
        }
        if spec_of(&self.deployment).paused == Some(true) || self.is_scaling()? {
            return self.sync_scale();
        }
        if is_recreate(&self.deployment) { self.recreate() } else { self.roll() }
    }

    fn is_scaling(&mut self) -> Result<bool, Status> {
        let (new, old) = self.new_and_old(false)?;
        let wanted = wanted(&self.deployment);
        let noted = |set: &Arc<ReplicaSet>| sets::count_annotation(set, DESIRED_REPLICAS);
        Ok(active(&with(&old, new.as_ref())).iter().filter_map(noted).any(|desired| desired != wanted))
    }

    fn sync_scale(&mut self) -> Result<(), Status> {
        let (new, old) = self.new_and_old(false)?;
        self.scale(new.as_ref(), &old)?;
        if spec_of(&self.deployment).paused == Some(true) {
            self.clean_up(&old)?;
        }
        self.write_status(&with(&old, new.as_ref()), new.as_ref())
    }

    fn write_status(&mut self, all: &[Arc<ReplicaSet>], new: Option<&Arc<ReplicaSet>>) -> Result<(), Status> {
        let status = status::calculate(&self.deployment, all, new, self.context.now);
        if self.deployment.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let mut changed = self.deployment.clone();
        changed.status = Some(status);
        self.context.client.update_status(changed).map(|_| ())
    }

    fn write_rollout_status(&mut self, all: &[Arc<ReplicaSet>], new: Option<&Arc<ReplicaSet>>) -> Result<(), Status> {
        let now = self.context.now;
        let status = status::of_rollout(&self.deployment, all, new, now);
        if self.deployment.status.as_ref() == Some(&status) {
            if let Some(at) = status::next_progress_check(&self.deployment, &status, now) {
                self.context.queue.add_at(crate::apimachinery::ObjectKey::of(&self.deployment), at);
            }
            return Ok(());
        }
        let mut changed = self.deployment.clone();
        changed.status = Some(status);
        self.context.client.update_status(changed).map(|_| ())
    }

    /// The ReplicaSet with the wanted template, made when `create` says so, and the others.
    fn new_and_old(&mut self, create: bool) -> Result<(Option<Arc<ReplicaSet>>, Sets), Status> {
        let existing = sets::find_new(&self.deployment, &self.sets);
        let is_new = |set: &Arc<ReplicaSet>| existing.as_ref().is_some_and(|new| new.metadata.uid == set.metadata.uid);
        let old: Sets = self.sets.iter().filter(|set| !is_new(set)).cloned().collect();
        let revision = old.iter().map(|set| sets::revision(set)).max().unwrap_or(0) + 1;
        let new = match existing {
            Some(set) => Some(self.take_over(&set, revision)?),
            None if create => Some(self.create(&old, revision)?),
            None => None,
        };
        Ok((new, old))
    }

    fn set_revision(&mut self, revision: &str) -> bool {
        let annotations = self.deployment.metadata.annotations.get_or_insert_default();
        annotations.insert(REVISION.to_owned(), revision.to_owned()).as_deref() != Some(revision)
    }

    /// Brings an existing ReplicaSet's annotations up to date.
    fn take_over(&mut self, set: &Arc<ReplicaSet>, revision: i64) -> Result<Arc<ReplicaSet>, Status> {
        let mut changed = ReplicaSet::clone(set);
        let annotated = sets::set_new_annotations(&self.deployment, &mut changed, revision, true);
        let wanted = spec_of(&self.deployment).min_ready_seconds;
        let spec = changed.spec.get_or_insert_default();
        let slower = spec.min_ready_seconds.unwrap_or(0) != wanted.unwrap_or(0);
        if annotated || slower {
            spec.min_ready_seconds = wanted;
            let stored = self.context.client.update(changed)?;
            self.replace(&stored);
            return Ok(stored);
        }
        let own = meta::annotation(&changed.metadata, REVISION).unwrap_or_default().to_owned();
        let mut needs_update = self.set_revision(&own);
        let message = format!("Found new replica set \"{}\"", meta::name(&set.metadata));
        needs_update |=
            status::note_progress_once(&mut self.deployment, "FoundNewReplicaSet", &message, self.context.now);
        if needs_update {
            self.context.client.update_status(self.deployment.clone())?;
        }
        Ok(Arc::clone(set))
    }

    fn replace(&mut self, stored: &Arc<ReplicaSet>) {
        for set in &mut self.sets {
            if set.metadata.uid == stored.metadata.uid {
                *set = Arc::clone(stored);
            }
        }
    }

    fn build(&self, old: &[Arc<ReplicaSet>], revision: i64) -> ReplicaSet {
        let spec = spec_of(&self.deployment);
        let collisions = self.deployment.status.as_ref().and_then(|status| status.collision_count);
        let hash = pod_template::hash(&spec.template, collisions);
        let mut template = spec.template.clone();
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.insert(POD_TEMPLATE_HASH.to_owned(), hash.clone());
        let labels = labels.clone();
        let mut selector = spec.selector.clone();
        selector.match_labels.get_or_insert_default().insert(POD_TEMPLATE_HASH.to_owned(), hash.clone());
        let name: String = meta::name(&self.deployment.metadata).chars().take(252 - hash.len()).collect();
        let mut set = ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!("{name}-{hash}")),
                namespace: self.deployment.metadata.namespace.clone(),
                labels: Some(labels),
                owner_references: Some(vec![meta::new_controller_ref(&self.deployment)]),
                ..ObjectMeta::default()
            },
            spec: Some(ReplicaSetSpec {
                replicas: Some(sets::new_size(&self.deployment, old, 0)),
                min_ready_seconds: spec.min_ready_seconds,
                selector,
                template: Some(template),
            }),
            ..ReplicaSet::default()
        };
        sets::set_new_annotations(&self.deployment, &mut set, revision, false);
        set
    }

    fn create(&mut self, old: &[Arc<ReplicaSet>], revision: i64) -> Result<Arc<ReplicaSet>, Status> {
        let set = self.build(old, revision);
        let (name, replicas) = (meta::name(&set.metadata).to_owned(), size(&set));
        let now = self.context.now;
        let (created, is_ours) = match self.context.client.create(set) {
            Ok(created) => (created, true),
            Err(error) if error.reason == Reason::AlreadyExists => (self.existing_or_collision(&name, error)?, false),
            Err(error) => {
                if !is_namespace_terminating(&error) {
                    let message = format!("Failed to create new replica set \"{name}\": {error}");
                    if status::note_progress(&mut self.deployment, false, "ReplicaSetCreateError", &message, now) {
                        // The failure to create is the one that counts.
                        let _ = self.context.client.update_status(self.deployment.clone());
                    }
                    self.event(EventType::Warning, "ReplicaSetCreateError", &message);
                }
                return Err(error);
            }
        };
        if is_ours && replicas > 0 {
            let message = format!("Scaled up replica set {name} from 0 to {replicas}");
            self.event(EventType::Normal, "ScalingReplicaSet", &message);
        }
        self.sets.push(Arc::clone(&created));
        let mut needs_update = self.set_revision(&revision.to_string());
        if is_ours {
            let message = format!("Created new replica set \"{name}\"");
            needs_update |= status::note_progress(&mut self.deployment, true, "NewReplicaSetCreated", &message, now);
        }
        if needs_update {
            self.context.client.update_status(self.deployment.clone())?;
        }
        Ok(created)
    }

    /// The ReplicaSet that has the name already, when it is ours and the same; else the hash changes for the next try.
    fn existing_or_collision(&mut self, name: &str, error: Status) -> Result<Arc<ReplicaSet>, Status> {
        let held = self.context.client.get::<ReplicaSet>(meta::namespace(&self.deployment.metadata), name)?;
        let ours = meta::is_controlled_by(&held.metadata, meta::uid(&self.deployment.metadata));
        let template = held.spec.as_ref().and_then(|spec| spec.template.as_ref());
        if ours && template.is_some_and(|held| equal_ignoring_hash(held, &spec_of(&self.deployment).template)) {
            return Ok(held);
        }
        let status = self.deployment.status.get_or_insert_default();
        status.collision_count = Some(status.collision_count.unwrap_or(0).saturating_add(1));
        self.context.client.update_status(self.deployment.clone())?;
        Err(error)
    }

    fn event(&mut self, kind: EventType, reason: &str, message: &str) {
        self.context.events.event(&mut self.context.client, &self.deployment, kind, reason, message);
    }

    /// Changes the size of a ReplicaSet. Says whether it did.
    fn resize(&mut self, set: &Arc<ReplicaSet>, to: i32) -> Result<bool, Status> {
        let from = size(set);
        if from == to && !sets::size_annotations_differ(set, &self.deployment) {
            return Ok(false);
        }
        let mut changed = ReplicaSet::clone(set);
        changed.spec.get_or_insert_default().replicas = Some(to);
        sets::set_size_annotations(&mut changed, &self.deployment);
        self.context.client.update(changed)?;
        if from == to {
            return Ok(false);
        }
        let way = if from < to { "up" } else { "down" };
        let message = format!("Scaled {way} replica set {} from {from} to {to}", meta::name(&set.metadata));
        self.event(EventType::Normal, "ScalingReplicaSet", &message);
        Ok(true)
    }

    fn resize_if_other(&mut self, set: &Arc<ReplicaSet>, to: i32) -> Result<bool, Status> {
        if size(set) == to { Ok(false) } else { self.resize(set, to) }
    }

    /// Spreads a change of the Deployment's size over the ReplicaSets.
    fn scale(&mut self, new: Option<&Arc<ReplicaSet>>, old: &[Arc<ReplicaSet>]) -> Result<(), Status> {
        let live = active(&with(old, new));
        let only = match live.as_slice() {
            [] => new.or(old.last()),
            [one] => Some(one),
            _ => None,
        };
        if let Some(only) = only {
            self.resize_if_other(only, wanted(&self.deployment))?;
            return Ok(());
        }
        if sets::is_saturated(&self.deployment, new.map(AsRef::as_ref)) {
            for set in active(old) {
                self.resize_if_other(&set, 0)?;
            }
            return Ok(());
        }
        if sets::is_rolling(&self.deployment) && !live.is_empty() {
            self.scale_in_proportion(live)?;
        }
        Ok(())
    }

    fn scale_in_proportion(&mut self, mut live: Sets) -> Result<(), Status> {
        let wanted = wanted(&self.deployment);
        let allowed = if wanted > 0 { wanted + max_surge(&self.deployment) } else { 0 };
        let to_add = allowed - total_size(&live);
        // The largest first; among equals the newest when growing, the oldest when shrinking.
        live.sort_by(|one, two| {
            let age = sets::oldest_first(one, two);
            size(two).cmp(&size(one)).then(if to_add > 0 { age.reverse() } else { age })
        });
        let mut added = 0;
        let mut sizes = Vec::with_capacity(live.len());
        for set in &live {
            let part = sets::proportion(set, &self.deployment, to_add, added);
            added += part;
            sizes.push(size(set) + part);
        }
        if let Some(first) = sizes.first_mut().filter(|_| to_add != 0) {
            *first = (*first + to_add - added).max(0);
        }
        for (set, size) in live.iter().zip(sizes) {
            self.resize(set, size)?;
        }
        Ok(())
    }

    fn clean_up(&mut self, old: &[Arc<ReplicaSet>]) -> Result<(), Status> {
        let Some(limit) = spec_of(&self.deployment).revision_history_limit.filter(|limit| *limit != i32::MAX) else {
            return Ok(());
        };
        let mut left: Sets = old.iter().filter(|set| sets::is_alive(set)).cloned().collect();
        let surplus = left.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        left.sort_by(|one, two| {
            sets::revision(one).cmp(&sets::revision(two)).then_with(|| sets::oldest_first(one, two))
        });
        for set in left.iter().take(surplus) {
            let observed = set.status.as_ref().and_then(|status| status.observed_generation).unwrap_or(0);
            if sets::actual(set) != 0 || size(set) != 0 || set.metadata.generation.unwrap_or(0) > observed {
                continue;
            }
            let (namespace, name) = (meta::namespace(&set.metadata), meta::name(&set.metadata));
            let deleted = self.context.client.delete::<ReplicaSet>(namespace, name, &DeleteOptions::default());
            deleted.or_else(ignore_not_found)?;
        }
        Ok(())
    }

    fn roll(&mut self) -> Result<(), Status> {
        let (new, old) = self.new_and_old(true)?;
        let Some(new) = new else { return Ok(()) };
        let all = with(&old, Some(&new));
        if self.grow_new(&all, &new)? || self.shrink_old(&all, &old, &new)? {
            return self.write_rollout_status(&all, Some(&new));
        }
        if status::is_complete(&self.deployment, self.deployment.status.as_ref()) {
            self.clean_up(&old)?;
        }
        self.write_rollout_status(&all, Some(&new))
    }

    fn grow_new(&mut self, all: &[Arc<ReplicaSet>], new: &Arc<ReplicaSet>) -> Result<bool, Status> {
        let (now, wanted) = (size(new), wanted(&self.deployment));
        match now.cmp(&wanted) {
            std::cmp::Ordering::Equal => Ok(false),
            std::cmp::Ordering::Greater => self.resize_if_other(new, wanted),
            std::cmp::Ordering::Less => self.resize_if_other(new, sets::new_size(&self.deployment, all, now)),
        }
    }

    fn shrink_old(
        &mut self,
        all: &[Arc<ReplicaSet>],
        old: &[Arc<ReplicaSet>],
        new: &Arc<ReplicaSet>,
    ) -> Result<bool, Status> {
        let mut old = active(old);
        if old.is_empty() {
            return Ok(false);
        }
        let min_available = wanted(&self.deployment) - max_unavailable(&self.deployment);
        let most = total_size(all) - min_available - (size(new) - available(new));
        if most <= 0 {
            return Ok(false);
        }
        let cleaned = self.drop_unhealthy(&mut old, most)?;
        let dropped = self.drop_available(&old, new, min_available)?;
        Ok(cleaned + dropped > 0)
    }

    /// First goes what does not work anyway.
    fn drop_unhealthy(&mut self, old: &mut Sets, most: i32) -> Result<i32, Status> {
        let mut dropped = 0;
        for set in old.iter_mut() {
            let unhealthy = size(set) - available(set);
            if dropped >= most || unhealthy <= 0 {
                continue;
            }
            let step = unhealthy.min(most - dropped);
            let to = size(set) - step;
            self.resize_if_other(set, to)?;
            dropped += step;
            let mut changed = ReplicaSet::clone(set);
            changed.spec.get_or_insert_default().replicas = Some(to);
            *set = Arc::new(changed);
        }
        Ok(dropped)
    }

    fn drop_available(&mut self, old: &[Arc<ReplicaSet>], new: &Arc<ReplicaSet>, min: i32) -> Result<i32, Status> {
        let spare = total_available(&with(old, Some(new))) - min;
        let mut dropped = 0;
        for set in old {
            if dropped >= spare || size(set) == 0 {
                continue;
            }
            let step = size(set).min(spare - dropped);
            // A copy whose size was changed a moment ago has an old version; the server has the last word.
            let fresh =
                self.context.client.get::<ReplicaSet>(meta::namespace(&set.metadata), meta::name(&set.metadata))?;
            self.resize_if_other(&fresh, size(set) - step)?;
            dropped += step;
        }
        Ok(dropped)
    }

    fn recreate(&mut self) -> Result<(), Status> {
        let (mut new, mut old) = self.new_and_old(false)?;
        let mut shrunk = false;
        for set in active(&old) {
            shrunk |= self.resize_if_other(&set, 0)?;
        }
        if shrunk || self.old_pods_run(new.as_ref(), &old) {
            return self.write_rollout_status(&with(&old, new.as_ref()), new.as_ref());
        }
        if new.is_none() {
            (new, old) = self.new_and_old(true)?;
        }
        if let Some(new) = &new {
            self.resize_if_other(new, wanted(&self.deployment))?;
        }
        if status::is_complete(&self.deployment, self.deployment.status.as_ref()) {
            self.clean_up(&old)?;
        }
        self.write_rollout_status(&with(&old, new.as_ref()), new.as_ref())
    }

    fn old_pods_run(&self, new: Option<&Arc<ReplicaSet>>, old: &[Arc<ReplicaSet>]) -> bool {
        if old.iter().map(|set| sets::actual(set)).sum::<i32>() > 0 {
            return true;
        }
        let caches = self.context.caches;
        let others = self.sets.iter().filter(|set| new.is_none_or(|new| new.metadata.uid != set.metadata.uid));
        others
            .into_iter()
            .any(|set| caches.controlled_by::<Pod>(meta::uid(&set.metadata)).any(|pod| !is_pod_terminal(&pod)))
    }
}

#[cfg(test)]
mod tests;
