//! One sync of a StatefulSet: at most one step at a time, unless its Pods are managed in parallel.
//!
//! Models Kubernetes 1.36 pkg/controller/statefulset/stateful_set_control.go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use super::claims;
use super::identity::{self, ordinal};
use super::revision::{self, Revisions};
use super::{first_ordinal, is_deleting, spec_of, wanted};
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Object, Reason, Status, meta};
use crate::apiserver::DeleteOptions;
use crate::client::EventType;
use crate::controllers::Context;
use crate::controllers::pod_control::{
    self, available_in, ignore_not_found, is_pod_available, is_pod_ready, is_pod_terminal, phase,
};

/// What one sync works with.
struct Sync<'a, 'b> {
    set: Arc<StatefulSet>,
    revisions: Revisions,
    pods: BTreeMap<usize, Arc<Pod>>,
    monotonic: bool,
    context: &'a mut Context<'b>,
}

/// Brings the set one step closer; gives the time after which to look again.
///
/// # Errors
/// The server's answer to a write.
pub fn sync(
    set: &Arc<StatefulSet>,
    selector: Option<&Selector>,
    context: &mut Context<'_>,
) -> Result<Option<Duration>, Status> {
    let revisions = revision::sync_history(set, selector, context)?;
    let claimed = pod_control::claim::<StatefulSet, Pod>(context, &**set, selector, "")?;
    let pods = claimed.iter().filter_map(|pod| Some((ordinal(set, pod)?, Arc::clone(pod)))).collect();
    let monotonic = spec_of(set).pod_management_policy.as_deref() != Some("Parallel");
    let mut sync = Sync { set: Arc::clone(set), revisions, pods, monotonic, context };
    let result = if is_deleting(set) { Ok(()) } else { sync.step() };
    sync.write_status()?;
    let wait = sync.pods.values().filter_map(|pod| available_in(pod, min_ready(set), sync.context.now));
    let wait = wait.filter(|wait| !wait.is_zero()).min();
    revision::truncate(set, &sync.revisions, &claimed, sync.context)?;
    result.map(|()| wait)
}

fn min_ready(set: &StatefulSet) -> i32 {
    spec_of(set).min_ready_seconds.unwrap_or(0)
}

impl Sync<'_, '_> {
    fn range(&self) -> std::ops::Range<usize> {
        let first = first_ordinal(&self.set);
        first..first + wanted(&self.set)
    }

    fn is_available(&self, pod: &Pod) -> bool {
        is_pod_available(pod, min_ready(&self.set), self.context.now) && !meta::is_deleting(&pod.metadata)
    }

    fn step(&mut self) -> Result<(), Status> {
        for number in self.range() {
            if self.tend(number)? {
                return Ok(());
            }
        }
        if self.remove_surplus()? {
            return Ok(());
        }
        self.roll()
    }

    /// Makes the Pod of a number or replaces an ended one. `true`: the others have to wait.
    fn tend(&mut self, number: usize) -> Result<bool, Status> {
        let Some(pod) = self.pods.get(&number).cloned() else {
            self.create(number)?;
            return Ok(self.monotonic);
        };
        if is_pod_terminal(&pod) {
            if !meta::is_deleting(&pod.metadata) {
                self.delete(&pod)?;
            }
            return Ok(self.monotonic);
        }
        if phase(&pod) == "Pending" {
            self.create_claims(number, meta::name(&pod.metadata))?;
        }
        if self.monotonic && !self.is_available(&pod) {
            return Ok(true);
        }
        if !identity::matches(&pod) {
            self.restore_identity(&pod, number)?;
        }
        let set = Arc::clone(&self.set);
        claims::sync(&set, &pod, number, true, self.context)?;
        Ok(false)
    }

    fn create(&mut self, number: usize) -> Result<(), Status> {
        let current = self.set.status.as_ref().and_then(|status| status.current_replicas).unwrap_or(0);
        let rolling = spec_of(&self.set).update_strategy.as_ref();
        let is_rolling = rolling.and_then(|strategy| strategy.type_.as_deref()) != Some("OnDelete");
        let partition = rolling.and_then(|strategy| strategy.rolling_update.as_ref()).map(|rolling| rolling.partition);
        let old = usize::try_from(partition.map_or(current, |partition| partition.unwrap_or(0))).unwrap_or(0);
        let is_old = is_rolling && number < first_ordinal(&self.set) + old;
        let revision = if is_old { &self.revisions.current } else { &self.revisions.update };
        let pod = identity::new_pod(&self.set, &revision.template, &revision.name, number);
        let name = meta::name(&pod.metadata).to_owned();
        self.create_claims(number, &name)?;
        let created = self.context.client.create(pod);
        if let Err(error) = &created
            && error.reason == Reason::AlreadyExists
        {
            return created.map(|_| ());
        }
        self.record("Create", &name, created.as_ref().err());
        self.pods.insert(number, created?);
        Ok(())
    }

    /// Makes the claims of a Pod that are not there.
    fn create_claims(&mut self, number: usize, pod: &str) -> Result<(), Status> {
        for (_, mut claim) in identity::claims(&self.set, number) {
            claim.metadata.owner_references = claims::owner_of_new(&self.set).map(|owner| vec![owner]);
            self.create_claim(claim, pod)?;
        }
        Ok(())
    }

    /// Gives a Pod the labels back that say which of the set it is.
    fn restore_identity(&mut self, pod: &Pod, number: usize) -> Result<(), Status> {
        let mut changed = pod.clone();
        identity::label(&mut changed, number);
        let updated = self.context.client.update(changed);
        self.record("Update", meta::name(&pod.metadata), updated.as_ref().err());
        updated.map(|_| ()).or_else(ignore_not_found)
    }

    fn create_claim(&mut self, claim: PersistentVolumeClaim, pod: &str) -> Result<(), Status> {
        let name = meta::name(&claim.metadata).to_owned();
        let set = meta::name(&self.set.metadata).to_owned();
        if self.context.client.get::<PersistentVolumeClaim>(meta::namespace(&claim.metadata), &name).is_ok() {
            return Ok(());
        }
        match self.context.client.create(claim) {
            Ok(_) => {
                let message = format!("Create Claim {name} Pod {pod} in StatefulSet {set} success");
                self.event(EventType::Normal, "SuccessfulCreate", &message);
                Ok(())
            }
            Err(error) => {
                let message = format!("Create Claim {name} for Pod {pod} in StatefulSet {set} failed error: {error}");
                self.event(EventType::Warning, "FailedCreate", &message);
                Err(error)
            }
        }
    }

    fn delete(&mut self, pod: &Pod) -> Result<(), Status> {
        let (namespace, name) = (meta::namespace(&pod.metadata), meta::name(&pod.metadata));
        let deleted = self.context.client.delete::<Pod>(namespace, name, &DeleteOptions::default());
        self.record("Delete", name, deleted.as_ref().err());
        deleted.or_else(ignore_not_found)
    }

    fn record(&mut self, verb: &str, pod: &str, error: Option<&Status>) {
        let head = format!("{verb} Pod {pod} in StatefulSet {}", meta::name(&self.set.metadata));
        match error {
            None => self.event(EventType::Normal, &format!("Successful{verb}"), &format!("{head} successful")),
            Some(error) => {
                self.event(EventType::Warning, &format!("Failed{verb}"), &format!("{head} failed error: {error}"));
            }
        }
    }

    fn event(&mut self, kind: EventType, reason: &str, message: &str) {
        let about: &dyn Object = &*self.set;
        self.context.events.event(&mut self.context.client, about, kind, reason, message);
    }

    /// Removes the Pods beyond the wanted number, the last first. `true`: a rollout has to wait.
    fn remove_surplus(&mut self) -> Result<bool, Status> {
        let range = self.range();
        let beyond = self.pods.iter().rev().filter(|(number, _)| !range.contains(number));
        let surplus: Vec<(usize, Arc<Pod>)> = beyond.map(|(number, pod)| (*number, Arc::clone(pod))).collect();
        let set = Arc::clone(&self.set);
        for (number, pod) in &surplus {
            claims::sync(&set, pod, *number, false, self.context)?;
        }
        let unavailable = self.pods.values().find(|pod| !self.is_available(pod)).cloned();
        for (_, pod) in surplus {
            if meta::is_deleting(&pod.metadata) {
                if self.monotonic {
                    return Ok(true);
                }
                continue;
            }
            let blocked = unavailable.as_ref().is_some_and(|held| held.metadata.uid != pod.metadata.uid);
            if self.monotonic && blocked {
                return Ok(true);
            }
            self.delete(&pod)?;
            if self.monotonic {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Replaces Pods of the old revision, the last first, one at a time.
    fn roll(&mut self) -> Result<(), Status> {
        let strategy = spec_of(&self.set).update_strategy.as_ref();
        if strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("OnDelete") {
            return Ok(());
        }
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let partition = rolling.and_then(|rolling| rolling.partition).unwrap_or(0);
        let first = first_ordinal(&self.set) + usize::try_from(partition).unwrap_or(0);
        for number in self.range().rev().filter(|number| *number >= first) {
            let Some(pod) = self.pods.get(&number).cloned() else { continue };
            if identity::revision(&pod) != self.revisions.update.name && !meta::is_deleting(&pod.metadata) {
                return self.delete(&pod);
            }
            if !self.is_available(&pod) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn write_status(&mut self) -> Result<(), Status> {
        let set = Arc::clone(&self.set);
        let old = set.status.clone().unwrap_or_default();
        let pods: Vec<&Arc<Pod>> = self.pods.values().collect();
        let count =
            |test: &dyn Fn(&Pod) -> bool| i32::try_from(pods.iter().filter(|pod| test(pod)).count()).unwrap_or(0);
        let some = |number: i32| Some(number).filter(|number| *number != 0);
        let of = |name: &str| count(&|pod| identity::revision(pod) == name && !meta::is_deleting(&pod.metadata));
        let update = of(&self.revisions.update.name);
        let mut status = StatefulSetStatus {
            observed_generation: set.metadata.generation,
            replicas: count(&|_| true),
            ready_replicas: some(count(&|pod| is_pod_ready(pod))),
            available_replicas: Some(count(&|pod| self.is_available(pod))),
            current_replicas: some(of(&self.revisions.current.name)),
            updated_replicas: some(update),
            current_revision: Some(self.revisions.current.name.clone()),
            update_revision: Some(self.revisions.update.name.clone()),
            collision_count: Some(old.collision_count.unwrap_or(0)),
            conditions: old.conditions,
        };
        // A rollout is over when every Pod is new and ready.
        let all_new = update == status.replicas && status.ready_replicas.unwrap_or(0) == status.replicas;
        if all_new && usize::try_from(status.replicas).unwrap_or(0) == wanted(&set) {
            status.current_revision.clone_from(&status.update_revision);
            status.current_replicas = status.updated_replicas;
        }
        if set.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let mut changed = StatefulSet::clone(&set);
        changed.status = Some(status);
        self.context.client.update_status(changed).map(|_| ())
    }
}
