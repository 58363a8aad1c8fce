//! The disruption controller: how many of a budget's Pods are healthy, and how many may be evicted now.
//!
//! Refuses to evict or to forbid it: the eviction subresource reads the status that is kept here.
//! Models Kubernetes 1.36 pkg/controller/disruption/disruption.go.

#[cfg(test)]
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, ReplicationController};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, OwnerReference, Time as MetaTime};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::pod_control::{self, ignore_not_found, is_pod_ready, is_pod_terminal};
use super::pod_template::scaled;
use super::{Context, Controller};
use crate::api;
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Kind, ObjectKey, Reason, Status, downcast, meta};
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::sim::{Seed, Time};

/// A Pod whose eviction was granted is believed to go for so long.
const DELETION_TIMEOUT: Duration = Duration::from_secs(2 * 60);
/// A Pod that was to be disrupted and is still there is no longer marked so after this.
const STALE: Duration = Duration::from_secs(2 * 60);

/// See the module.
#[derive(Clone, Debug)]
pub struct DisruptionController;

/// A new disruption controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(DisruptionController)
}

impl Controller for DisruptionController {
    fn name(&self) -> &'static str {
        "controllermanager"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:disruption-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![PodDisruptionBudget::RESOURCE, Pod::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        let Some(object) = delta.object() else { return };
        if &*delta.resource == PodDisruptionBudget::RESOURCE {
            queue.add_at(ObjectKey::of(&**object), now);
            return;
        }
        let namespace = meta::namespace(object.meta());
        for budget in caches.in_namespace::<PodDisruptionBudget>(namespace) {
            if selector_of(&budget).is_some_and(|selector| selector.matches(object.meta().labels.as_ref())) {
                queue.add_at(ObjectKey::of(&*budget), now);
                break;
            }
        }
        if let Some(pod) = delta.new.as_ref().and_then(downcast::<Pod>)
            && let Some(since) = stale_since(&pod)
        {
            queue.add_at(ObjectKey::of(&*pod), since + STALE);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        if &*key.resource == Pod::RESOURCE {
            return clear_stale(key, context);
        }
        let Some(budget) = context.caches.get::<PodDisruptionBudget>(&key.namespace, &key.name) else { return Ok(()) };
        match sync(&budget, context) {
            Err(error) if error.reason != Reason::Conflict => fail_safe(&budget, &error.message, context),
            result => result,
        }
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

fn selector_of(budget: &PodDisruptionBudget) -> Option<Selector> {
    Selector::from_label_selector(budget.spec.as_ref().and_then(|spec| spec.selector.as_ref()))
}

fn sync(budget: &Arc<PodDisruptionBudget>, context: &mut Context<'_>) -> Result<(), Status> {
    let selector = selector_of(budget);
    let pods: Vec<Arc<Pod>> = context
        .caches
        .in_namespace::<Pod>(meta::namespace(&budget.metadata))
        .filter(|pod| selector.as_ref().is_some_and(|selector| selector.matches(pod.metadata.labels.as_ref())))
        .collect();
    if pods.is_empty() {
        context.events.event(&mut context.client, &**budget, EventType::Normal, "NoPods", "No matching pods found");
    }
    let expected = expected(budget, &pods, context.caches).inspect_err(|error| {
        let message = format!("Failed to calculate the number of expected pods: {}", error.message);
        let reason = "CalculateExpectedPodCountFailed";
        context.events.event(&mut context.client, &**budget, EventType::Warning, reason, &message);
    })?;
    if expected.has_unmanaged {
        let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref()).map(go_text).unwrap_or_default();
        let message = format!(
            "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, \
             the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account \
             for these pods please set \".spec.minAvailable\" field of the PDB to an integer value."
        );
        context.events.event(&mut context.client, &**budget, EventType::Warning, "UnmanagedPods", &message);
    }
    let (disrupted, recheck) = disrupted(budget, &pods, context);
    let healthy = pods.iter().filter(|pod| {
        let going = disrupted.contains_key(meta::name(&pod.metadata));
        !meta::is_deleting(&pod.metadata) && !going && is_pod_ready(pod)
    });
    let healthy = i32::try_from(healthy.count()).unwrap_or(i32::MAX);
    if let Some(at) = recheck {
        context.queue.add_at(ObjectKey::of(&**budget), at);
    }
    write_status(budget, healthy, &expected, disrupted, context)
}

/// How many Pods there should be, and how many of them healthy.
struct Expected {
    pods: i32,
    healthy: i32,
    /// Whether some have no controller that says how many they should be.
    has_unmanaged: bool,
}

fn expected(budget: &PodDisruptionBudget, pods: &[Arc<Pod>], caches: &Caches) -> Result<Expected, Status> {
    let spec = budget.spec.clone().unwrap_or_default();
    if let Some(most) = &spec.max_unavailable {
        let (pods, has_unmanaged) = expected_scale(pods, caches)?;
        let healthy = (pods - scaled(Some(most), pods, true)).max(0);
        return Ok(Expected { pods, healthy, has_unmanaged });
    }
    match &spec.min_available {
        Some(IntOrString::Int(least)) => {
            let pods = i32::try_from(pods.len()).unwrap_or(i32::MAX);
            Ok(Expected { pods, healthy: *least, has_unmanaged: false })
        }
        Some(least) => {
            let (pods, has_unmanaged) = expected_scale(pods, caches)?;
            Ok(Expected { pods, healthy: scaled(Some(least), pods, true), has_unmanaged })
        }
        None => Ok(Expected { pods: 0, healthy: 0, has_unmanaged: false }),
    }
}

/// The sum of what the Pods' controllers want, and whether some Pods have none.
fn expected_scale(pods: &[Arc<Pod>], caches: &Caches) -> Result<(i32, bool), Status> {
    let (mut scales, mut has_unmanaged) = (BTreeMap::new(), false);
    let mut known: BTreeMap<&str, ()> = BTreeMap::new();
    for pod in pods {
        let Some(owner) = meta::controller_of(&pod.metadata) else {
            has_unmanaged = true;
            continue;
        };
        if known.insert(&owner.uid, ()).is_some() {
            continue;
        }
        let (uid, scale) = scale_of(pod, owner, caches)?.ok_or_else(|| {
            Status::other(
                Reason::InternalError,
                format!("found no controllers for pod \"{}\"", meta::name(&pod.metadata)),
            )
        })?;
        scales.insert(uid, scale);
    }
    Ok((scales.values().sum(), has_unmanaged))
}

/// Who decides how many Pods there are, and how many that are.
fn scale_of(pod: &Pod, owner: &OwnerReference, caches: &Caches) -> Result<Option<(String, i32)>, Status> {
    let found = |meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta, replicas: Option<i32>| {
        Ok(Some((meta::uid(meta).to_owned(), replicas.unwrap_or(1))))
    };
    match owner.kind.as_str() {
        "ReplicaSet" => {
            let Some(set) = pod_control::controlling::<ReplicaSet>(caches, &pod.metadata) else { return Ok(None) };
            match pod_control::controlling::<Deployment>(caches, &set.metadata) {
                Some(held) => found(&held.metadata, held.spec.as_ref().and_then(|spec| spec.replicas)),
                None => found(&set.metadata, set.spec.as_ref().and_then(|spec| spec.replicas)),
            }
        }
        "StatefulSet" => match pod_control::controlling::<StatefulSet>(caches, &pod.metadata) {
            Some(held) => found(&held.metadata, held.spec.as_ref().and_then(|spec| spec.replicas)),
            None => Ok(None),
        },
        "ReplicationController" => match pod_control::controlling::<ReplicationController>(caches, &pod.metadata) {
            Some(held) => found(&held.metadata, held.spec.as_ref().and_then(|spec| spec.replicas)),
            None => Ok(None),
        },
        kind => Err(Status::other(
            Reason::InternalError,
            match api::by_kind(&owner.api_version, kind) {
                Some(ops) => format!("{} does not implement the scale subresource", ops.info().resource),
                None => format!("no matches for kind \"{kind}\" in version \"{}\"", owner.api_version),
            },
        )),
    }
}

/// The Pods whose eviction was granted and that are not on their way yet, and when the first of these is given up.
fn disrupted(
    budget: &PodDisruptionBudget,
    pods: &[Arc<Pod>],
    context: &mut Context<'_>,
) -> (BTreeMap<String, MetaTime>, Option<Time>) {
    let granted = budget.status.as_ref().and_then(|status| status.disrupted_pods.clone()).unwrap_or_default();
    let (mut kept, mut recheck) = (BTreeMap::new(), None);
    for pod in pods.iter().filter(|pod| !meta::is_deleting(&pod.metadata)) {
        let name = meta::name(&pod.metadata);
        let Some(at) = granted.get(name) else { continue };
        let expected = Time::from(at.0) + DELETION_TIMEOUT;
        if expected < context.now {
            let namespace = meta::namespace(&budget.metadata);
            // Upstream names the namespace twice.
            let message = format!("Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't");
            context.events.event(&mut context.client, &**pod, EventType::Warning, "NotDeleted", &message);
        } else {
            recheck = Some(recheck.map_or(expected, |earlier: Time| earlier.min(expected)));
            kept.insert(name.to_owned(), at.clone());
        }
    }
    (kept, recheck)
}

fn write_status(
    budget: &Arc<PodDisruptionBudget>,
    healthy: i32,
    expected: &Expected,
    disrupted: BTreeMap<String, MetaTime>,
    context: &mut Context<'_>,
) -> Result<(), Status> {
    let spare = healthy - expected.healthy;
    let allowed = if expected.pods <= 0 { 0 } else { spare.max(0) };
    let old = budget.status.clone().unwrap_or_default();
    let (status, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let condition = (status, reason, "");
    let mut new = PodDisruptionBudgetStatus {
        current_healthy: Some(healthy),
        desired_healthy: Some(expected.healthy),
        expected_pods: Some(expected.pods),
        disruptions_allowed: Some(allowed),
        disrupted_pods: (!disrupted.is_empty()).then_some(disrupted),
        observed_generation: budget.metadata.generation,
        conditions: old.conditions.clone(),
    };
    set_condition(&mut new, condition, budget.metadata.generation, context.now);
    if new == old {
        return Ok(());
    }
    let mut changed = PodDisruptionBudget::clone(budget);
    changed.status = Some(new);
    context.client.update_status(changed).map(|_| ()).or_else(ignore_not_found)
}

/// Nothing may be evicted while it is not known how many Pods there should be.
fn fail_safe(budget: &Arc<PodDisruptionBudget>, why: &str, context: &mut Context<'_>) -> Result<(), Status> {
    let mut changed = PodDisruptionBudget::clone(budget);
    let status = changed.status.get_or_insert_default();
    status.disruptions_allowed = Some(0);
    let seen = status.observed_generation;
    set_condition(status, ("False", "SyncFailed", why), seen, context.now);
    if changed == **budget {
        return Ok(());
    }
    context.client.update_status(changed).map(|_| ()).or_else(ignore_not_found)
}

/// Sets `DisruptionAllowed`: status, reason, message.
fn set_condition(status: &mut PodDisruptionBudgetStatus, to: (&str, &str, &str), generation: Option<i64>, now: Time) {
    let conditions = status.conditions.get_or_insert_default();
    let mut condition = Condition {
        type_: "DisruptionAllowed".to_owned(),
        status: to.0.to_owned(),
        reason: to.1.to_owned(),
        message: to.2.to_owned(),
        observed_generation: generation,
        last_transition_time: meta::time(now),
    };
    match conditions.iter_mut().find(|held| held.type_ == condition.type_) {
        Some(held) => {
            if held.status == condition.status {
                condition.last_transition_time = held.last_transition_time.clone();
            }
            *held = condition;
        }
        None => conditions.push(condition),
    }
}

/// A selector as Go prints it.
fn go_text(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten();
    let labels: String = labels.map(|(key, value)| format!("{key}: {value},")).collect();
    let rules = selector.match_expressions.iter().flatten().map(|rule| {
        let values = rule.values.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        format!("LabelSelectorRequirement{{Key:{},Operator:{},Values:[{values}],}},", rule.key, rule.operator)
    });
    let rules: String = rules.collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{rules}}},}}"
    )
}

/// Since when a Pod that is to be disrupted has not been deleted.
fn stale_since(pod: &Pod) -> Option<Time> {
    if meta::is_deleting(&pod.metadata) || is_pod_terminal(pod) {
        return None;
    }
    let condition = pod_control::condition(pod, "DisruptionTarget").filter(|held| held.status == "True")?;
    condition.last_transition_time.as_ref().map(|time| Time::from(time.0))
}

fn clear_stale(key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
    let Some(pod) = context.caches.get::<Pod>(&key.namespace, &key.name) else { return Ok(()) };
    let Some(since) = stale_since(&pod) else { return Ok(()) };
    if since + STALE > context.now {
        context.queue.add_at(key.clone(), since + STALE);
        return Ok(());
    }
    let mut changed = Pod::clone(&pod);
    let conditions = changed.status.get_or_insert_default().conditions.get_or_insert_default();
    for held in conditions.iter_mut().filter(|held| held.type_ == "DisruptionTarget") {
        held.status = "False".to_owned();
        (held.reason, held.message) = (None, None);
        held.last_transition_time = Some(meta::time(context.now));
    }
    context.client.update_status(changed).map(|_| ()).or_else(ignore_not_found)
}
