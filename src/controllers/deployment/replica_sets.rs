//! A Deployment's ReplicaSets: which is the new one, their revisions and annotations, and how many Pods each may have.
//!
//! Pure: refuses to write anything.
//! Models Kubernetes 1.36 pkg/controller/deployment/util/deployment_util.go.

use std::cmp::Ordering;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::apimachinery::meta::{self, annotation};
use crate::controllers::pod_template::{equal_ignoring_hash, scaled};

/// The number of the template among all that the Deployment has had.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The numbers that a template had before.
pub const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// How many Pods the Deployment wanted when it last scaled the ReplicaSet.
pub const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// How many Pods the Deployment could have had then.
pub const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// The annotations of a Deployment that its ReplicaSets do not take over.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];
/// How long the history of revisions may be, in characters.
const MAX_HISTORY: usize = 2000;

/// The spec; an empty one for a Deployment without.
pub fn spec_of(deployment: &Deployment) -> &DeploymentSpec {
    static NONE: std::sync::LazyLock<DeploymentSpec> = std::sync::LazyLock::new(DeploymentSpec::default);
    deployment.spec.as_ref().unwrap_or(&NONE)
}

/// How many Pods the Deployment wants.
pub fn wanted(deployment: &Deployment) -> i32 {
    spec_of(deployment).replicas.unwrap_or(1)
}

/// How many Pods the ReplicaSet is to have.
pub fn size(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// How many of its Pods are available.
pub fn available(set: &ReplicaSet) -> i32 {
    set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0)
}

/// How many Pods it has.
pub fn actual(set: &ReplicaSet) -> i32 {
    set.status.as_ref().map_or(0, |status| status.replicas)
}

/// The order of creation, then of names.
pub fn oldest_first(one: &ReplicaSet, two: &ReplicaSet) -> Ordering {
    let created = |set: &ReplicaSet| set.metadata.creation_timestamp.as_ref().map(|time| time.0);
    created(one).cmp(&created(two)).then_with(|| one.metadata.name.cmp(&two.metadata.name))
}

/// The first ReplicaSet with the Deployment's template. `sets` are in the order of creation.
pub fn find_new(deployment: &Deployment, sets: &[Arc<ReplicaSet>]) -> Option<Arc<ReplicaSet>> {
    let template = &spec_of(deployment).template;
    let same = |set: &&Arc<ReplicaSet>| {
        set.spec
            .as_ref()
            .and_then(|spec| spec.template.as_ref())
            .is_some_and(|held| equal_ignoring_hash(held, template))
    };
    sets.iter().find(same).cloned()
}

/// The ReplicaSet's revision; 0 when it has none.
pub fn revision(set: &ReplicaSet) -> i64 {
    annotation(&set.metadata, REVISION).and_then(|revision| revision.parse().ok()).unwrap_or(0)
}

/// A count kept in an annotation.
pub fn count_annotation(set: &ReplicaSet, key: &str) -> Option<i32> {
    annotation(&set.metadata, key)?.parse().ok().filter(|count| *count >= 0)
}

/// Sets an annotation and says whether it was another before.
fn annotate(meta: &mut ObjectMeta, key: &str, value: &str) -> bool {
    let annotations = meta.annotations.get_or_insert_default();
    if annotations.get(key).is_some_and(|held| held == value) {
        return false;
    }
    annotations.insert(key.to_owned(), value.to_owned());
    true
}

/// Notes the Deployment's size on a ReplicaSet.
pub fn set_size_annotations(set: &mut ReplicaSet, deployment: &Deployment) -> bool {
    let most = wanted(deployment) + max_surge(deployment);
    let desired = annotate(&mut set.metadata, DESIRED_REPLICAS, &wanted(deployment).to_string());
    annotate(&mut set.metadata, MAX_REPLICAS, &most.to_string()) || desired
}

/// Whether [`set_size_annotations`] would change anything.
pub fn size_annotations_differ(set: &ReplicaSet, deployment: &Deployment) -> bool {
    let most = wanted(deployment) + max_surge(deployment);
    annotation(&set.metadata, DESIRED_REPLICAS) != Some(wanted(deployment).to_string().as_str())
        || annotation(&set.metadata, MAX_REPLICAS) != Some(most.to_string().as_str())
}

/// Brings the new ReplicaSet's annotations up to date: the Deployment's own, the revision, the history of revisions.
pub fn set_new_annotations(deployment: &Deployment, set: &mut ReplicaSet, revision: i64, exists: bool) -> bool {
    let mut changed = false;
    for (key, value) in deployment.metadata.annotations.iter().flatten() {
        if !NOT_COPIED.contains(&key.as_str()) {
            changed |= annotate(&mut set.metadata, key, value);
        }
    }
    let old = annotation(&set.metadata, REVISION).map(str::to_owned);
    let old_number = match old.as_deref() {
        None | Some("") => 0,
        Some(text) => match text.parse::<i64>() {
            Ok(number) => number,
            Err(_) => return false,
        },
    };
    if old_number < revision {
        changed |= annotate(&mut set.metadata, REVISION, &revision.to_string());
        if let Some(old) = old {
            let history = annotation(&set.metadata, REVISION_HISTORY).unwrap_or_default();
            let history = longer_history(history, &old);
            annotate(&mut set.metadata, REVISION_HISTORY, &history);
        }
    }
    if !exists {
        changed |= set_size_annotations(set, deployment);
    }
    changed
}

fn longer_history(history: &str, revision: &str) -> String {
    if history.is_empty() {
        return revision.to_owned();
    }
    let mut text = format!("{history},{revision}");
    while text.len() > MAX_HISTORY {
        let Some((_, rest)) = text.split_once(',') else { break };
        text = rest.to_owned();
    }
    text
}

/// Whether old and new Pods live side by side during a rollout.
pub fn is_rolling(deployment: &Deployment) -> bool {
    let strategy = spec_of(deployment).strategy.as_ref();
    strategy.and_then(|strategy| strategy.type_.as_deref()).unwrap_or("RollingUpdate") == "RollingUpdate"
}

fn fenceposts(deployment: &Deployment) -> (i32, i32) {
    let rolling = spec_of(deployment).strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let total = wanted(deployment);
    let surge = scaled(rolling.and_then(|rolling| rolling.max_surge.as_ref()), total, true);
    let unavailable = scaled(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), total, false);
    // Both may round to zero; then nothing would ever move.
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

/// How many Pods there may be beyond the wanted ones.
pub fn max_surge(deployment: &Deployment) -> i32 {
    if is_rolling(deployment) { fenceposts(deployment).0 } else { 0 }
}

/// How many of the wanted Pods may be missing.
pub fn max_unavailable(deployment: &Deployment) -> i32 {
    if !is_rolling(deployment) || wanted(deployment) == 0 {
        return 0;
    }
    fenceposts(deployment).1.min(wanted(deployment))
}

/// The size that the new ReplicaSet may have now.
pub fn new_size(deployment: &Deployment, all: &[Arc<ReplicaSet>], current: i32) -> i32 {
    if !is_rolling(deployment) {
        return wanted(deployment);
    }
    let rolling = spec_of(deployment).strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let surge = scaled(rolling.and_then(|rolling| rolling.max_surge.as_ref()), wanted(deployment), true);
    let room = wanted(deployment) + surge - total_size(all);
    if room <= 0 { current } else { current + room.min(wanted(deployment) - current) }
}

/// The sum of the sizes.
pub fn total_size(sets: &[Arc<ReplicaSet>]) -> i32 {
    sets.iter().map(|set| size(set)).sum()
}

/// The sum of available Pods.
pub fn total_available(sets: &[Arc<ReplicaSet>]) -> i32 {
    sets.iter().map(|set| available(set)).sum()
}

/// The ReplicaSet's part of `to_add` Pods, of which `added` are given out already.
pub fn proportion(set: &ReplicaSet, deployment: &Deployment, to_add: i32, added: i32) -> i32 {
    if size(set) == 0 || to_add == 0 || to_add == added {
        return 0;
    }
    let fraction = fraction(set, deployment);
    if to_add > 0 { fraction.min(to_add - added) } else { fraction.max(to_add - added) }
}

fn fraction(set: &ReplicaSet, deployment: &Deployment) -> i32 {
    if wanted(deployment) == 0 {
        return -size(set);
    }
    let most = i64::from(wanted(deployment) + max_surge(deployment));
    let before = count_annotation(set, MAX_REPLICAS)
        .filter(|most| *most != 0)
        .or_else(|| deployment.status.as_ref().and_then(|status| status.replicas).filter(|replicas| *replicas != 0));
    let Some(before) = before.map(i64::from) else { return 0 };
    // Rounded to the nearest, halves away from zero; all three are positive.
    let share = (2 * i64::from(size(set)) * most + before) / (2 * before);
    i32::try_from(share).unwrap_or(i32::MAX) - size(set)
}

/// Whether the new ReplicaSet has all its Pods and was scaled for the Deployment's present size.
pub fn is_saturated(deployment: &Deployment, set: Option<&ReplicaSet>) -> bool {
    set.is_some_and(|set| {
        size(set) == wanted(deployment)
            && count_annotation(set, DESIRED_REPLICAS) == Some(wanted(deployment))
            && available(set) == wanted(deployment)
    })
}

/// Whether the object is being deleted.
pub fn is_alive(set: &ReplicaSet) -> bool {
    !meta::is_deleting(&set.metadata)
}

#[cfg(test)]
mod tests;
