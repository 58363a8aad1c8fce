//! What every controller of Pods does alike: make one from a template, delete one, adopt or release one, and the
//! order in which superfluous ones go.
//!
//! Refuses to decide how many Pods there should be.
//! Models Kubernetes 1.36 pkg/controller/controller_utils.go and controller_ref_manager.go.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::Context;
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Kind, Object, ObjectKey, Reason, Status, meta};
use crate::apiserver::DeleteOptions;
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::sim::Time;

/// `status.phase`, empty before the server has set it.
pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

/// Whether the Pod has ended.
pub fn is_pod_terminal(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether the Pod runs or may still run.
pub fn is_pod_active(pod: &Pod) -> bool {
    !is_pod_terminal(pod) && !meta::is_deleting(&pod.metadata)
}

/// Whether the Pod is being deleted and has not ended.
pub fn is_pod_terminating(pod: &Pod) -> bool {
    !is_pod_terminal(pod) && meta::is_deleting(&pod.metadata)
}

/// The condition of a type.
pub fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
}

/// Whether the Pod is ready.
pub fn is_pod_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready.status == "True")
}

/// Whether the Pod has been ready for at least so many seconds.
pub fn is_pod_available(pod: &Pod, min_ready_seconds: i32, now: Time) -> bool {
    available_in(pod, min_ready_seconds, now).is_some_and(|wait| wait.is_zero())
}

/// How long a ready Pod still has to be ready before it counts as available; `None` when it is not ready.
pub fn available_in(pod: &Pod, min_ready_seconds: i32, now: Time) -> Option<Duration> {
    let ready = condition(pod, "Ready").filter(|ready| ready.status == "True")?;
    let wanted = Duration::from_secs(u64::try_from(min_ready_seconds).unwrap_or(0));
    if wanted.is_zero() {
        return Some(wanted);
    }
    let since = Time::from(ready.last_transition_time.as_ref()?.0);
    Some(wanted.saturating_sub(now.since(since)))
}

/// The object of type `T` that controls this one, when it is still the same.
pub fn controlling<T: Kind>(caches: &Caches, of: &ObjectMeta) -> Option<Arc<T>> {
    let owner = meta::controller_of(of).filter(|owner| owner.kind == T::KIND)?;
    let namespace = if T::NAMESPACED { meta::namespace(of) } else { "" };
    let held = caches.get::<T>(namespace, &owner.name)?;
    (meta::uid(held.meta()) == owner.uid).then_some(held)
}

/// Queues the owner, past and present, of a Pod or another child; a child without one wakes who may adopt it.
pub fn queue_owners<T: Kind>(
    delta: &Delta,
    caches: &Caches,
    queue: &mut WorkQueue,
    at: Time,
    selector: impl Fn(&T) -> Option<Selector>,
) {
    let Some(object) = delta.object() else { return };
    let owner = meta::controller_of(object.meta());
    if let Some(old) = &delta.old
        && meta::controller_of(old.meta()) != owner
        && let Some(held) = controlling::<T>(caches, old.meta())
    {
        queue.add_at(ObjectKey::of(&*held), at);
    }
    if owner.is_some() {
        if let Some(held) = controlling::<T>(caches, object.meta()) {
            queue.add_at(ObjectKey::of(&*held), at);
        }
        return;
    }
    let Some(new) = &delta.new else { return };
    let moved = delta
        .old
        .as_ref()
        .is_none_or(|old| old.meta().labels != new.meta().labels || meta::controller_of(old.meta()).is_some());
    if moved && !meta::is_deleting(new.meta()) && new.meta().labels.is_some() {
        for held in caches.in_namespace::<T>(meta::namespace(new.meta())) {
            if selector(&held).is_some_and(|selector| selector.matches(new.meta().labels.as_ref())) {
                queue.add_at(ObjectKey::of(&*held), at);
            }
        }
    }
}

/// The order in which superfluous Pods go, the first first: unassigned, pending, not ready, ready for the shortest
/// time, restarted most often, youngest.
pub fn active_order(one: &Pod, two: &Pod) -> Ordering {
    let created = |pod: &Pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    by_life(one, two)
        .then_with(|| recent_first(ready_since(one), ready_since(two)))
        .then_with(|| restarts(two).cmp(&restarts(one)))
        .then_with(|| recent_first(created(one), created(two)))
}

/// Unassigned before assigned, pending before unknown before running, unready before ready.
pub fn by_life(one: &Pod, two: &Pod) -> Ordering {
    let life = |pod: &Pod| match phase(pod) {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    };
    let assigned = |pod: &Pod| !crate::client::node_of(pod).is_empty();
    let rank = |pod: &Pod| (assigned(pod), life(pod), is_pod_ready(pod));
    rank(one).cmp(&rank(two))
}

/// An instant that is absent first, then later ones before earlier ones.
pub fn recent_first(one: Option<jiff::Timestamp>, two: Option<jiff::Timestamp>) -> Ordering {
    match (one, two) {
        (Some(one), Some(two)) => two.cmp(&one),
        (one, two) => one.cmp(&two),
    }
}

/// Since when the Pod has been ready; `None` when it is not, or does not say.
pub fn ready_since(pod: &Pod) -> Option<jiff::Timestamp> {
    condition(pod, "Ready").filter(|ready| ready.status == "True")?.last_transition_time.as_ref().map(|time| time.0)
}

/// How often the container that was restarted most has been, and the sidecar that was.
pub fn restarts(pod: &Pod) -> (i32, i32) {
    let most = |statuses: &mut dyn Iterator<Item = &ContainerStatus>| {
        statuses.map(|status| status.restart_count).max().unwrap_or(0)
    };
    let init = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let sidecars: Vec<&str> =
        init.filter(|one| one.restart_policy.as_deref() == Some("Always")).map(|one| one.name.as_str()).collect();
    let status = pod.status.as_ref();
    let regular = status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let init = status.iter().flat_map(|status| status.init_container_statuses.iter().flatten());
    (
        most(&mut regular.into_iter()),
        most(&mut init.into_iter().filter(|status| sidecars.contains(&status.name.as_str()))),
    )
}

/// The Pod that a controller makes from its template. An empty `generate_name` stands for the owner's name and a dash.
pub fn pod_from_template<T: Kind>(owner: &T, template: &PodTemplateSpec, generate_name: &str) -> Pod {
    let from = template.metadata.clone().unwrap_or_default();
    let name =
        if generate_name.is_empty() { format!("{}-", meta::name(owner.meta())) } else { generate_name.to_owned() };
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(name),
            namespace: owner.meta().namespace.clone(),
            labels: from.labels,
            annotations: from.annotations,
            finalizers: from.finalizers,
            owner_references: Some(vec![meta::new_controller_ref(owner)]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        ..Pod::default()
    }
}

/// Creates a Pod and records that, or the failure, about its owner.
///
/// # Errors
/// The server's answer.
pub fn create_pod(context: &mut Context<'_>, owner: &dyn Object, pod: Pod) -> Result<Arc<Pod>, Status> {
    match context.client.create(pod) {
        Ok(pod) => {
            let message = format!("Created pod: {}", meta::name(&pod.metadata));
            context.events.event(&mut context.client, owner, EventType::Normal, "SuccessfulCreate", &message);
            Ok(pod)
        }
        Err(error) => {
            // Nobody wants to hear that a namespace on its way out takes nothing in.
            if !is_namespace_terminating(&error) {
                let message = format!("Error creating: {error}");
                context.events.event(&mut context.client, owner, EventType::Warning, "FailedCreate", &message);
            }
            Err(error)
        }
    }
}

/// Creates `count` Pods in batches that double, so that a lasting refusal costs few requests. Gives back how many were
/// created and the first failure.
pub fn create_pods(
    context: &mut Context<'_>,
    owner: &dyn Object,
    count: usize,
    mut pod: impl FnMut(usize) -> Pod,
) -> (usize, Option<Status>) {
    let (mut created, mut failure, mut batch, mut next) = (0, None, 1, 0);
    while next < count && failure.is_none() {
        let end = count.min(next + batch);
        for position in next..end {
            match create_pod(context, owner, pod(position)) {
                Ok(_) => created += 1,
                // Everything else will be refused as well; the namespace takes the owner along.
                Err(error) if is_namespace_terminating(&error) => created += 1,
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        next = end;
        batch *= 2;
    }
    (created, failure)
}

/// Whether the server refused because the namespace is being deleted.
pub fn is_namespace_terminating(error: &Status) -> bool {
    error.causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// Deletes a Pod and records that, or the failure, about its owner.
///
/// # Errors
/// The server's answer, `NotFound` too.
pub fn delete_pod(context: &mut Context<'_>, owner: &dyn Object, pod: &Pod) -> Result<(), Status> {
    let (namespace, name) = (meta::namespace(&pod.metadata), meta::name(&pod.metadata));
    match context.client.delete::<Pod>(namespace, name, &DeleteOptions::default()) {
        Ok(()) => {
            let message = format!("Deleted pod: {name}");
            context.events.event(&mut context.client, owner, EventType::Normal, "SuccessfulDelete", &message);
            Ok(())
        }
        Err(error) => {
            if error.reason != Reason::NotFound {
                let message = format!("Error deleting: {error}");
                context.events.event(&mut context.client, owner, EventType::Warning, "FailedDelete", &message);
            }
            Err(error)
        }
    }
}

/// Changes the metadata of an object as it is on the server now, when it still is the one with this uid.
///
/// # Errors
/// The server's answer; `NotFound` also when another object has taken the name.
pub fn patch_meta<T: Kind>(
    context: &mut Context<'_>,
    seen: &T,
    change: impl FnOnce(&mut ObjectMeta),
) -> Result<Arc<T>, Status> {
    let (namespace, name) = (meta::namespace(seen.meta()), meta::name(seen.meta()));
    let fresh = context.client.get::<T>(namespace, name)?;
    if fresh.meta().uid != seen.meta().uid {
        return Err(Status::not_found(T::RESOURCE, name));
    }
    let mut object = T::clone(&fresh);
    change(object.meta_mut());
    if object == *fresh {
        return Ok(fresh);
    }
    context.client.update(object)
}

/// The objects that `owner` controls, after adopting orphans that its selector matches and releasing those that it no
/// longer matches. `finalizer` is put on what is adopted and taken from what is released; it may be empty.
///
/// # Errors
/// The server's answer to an adoption or a release.
pub fn claim<O: Kind, T: Kind>(
    context: &mut Context<'_>,
    owner: &O,
    selector: Option<&Selector>,
    finalizer: &str,
) -> Result<Vec<Arc<T>>, Status> {
    let caches = context.caches;
    let (uid, namespace) = (meta::uid(owner.meta()), meta::namespace(owner.meta()));
    let leaving = meta::is_deleting(owner.meta());
    let mut claimed = Vec::new();
    let mut foreign = Vec::new();
    for object in caches.controlled_by::<T>(uid) {
        if selector.is_some_and(|selector| selector.matches(object.meta().labels.as_ref())) {
            claimed.push(object);
        } else if !leaving {
            foreign.push(object);
        }
    }
    for object in foreign {
        let released = patch_meta(context, &*object, |meta| release(meta, uid, finalizer));
        released.map(|_| ()).or_else(ignore_not_found)?;
    }
    if leaving {
        return Ok(claimed);
    }
    let orphans: Vec<Arc<T>> = caches
        .orphans_in::<T>(namespace)
        .filter(|object| {
            !meta::is_deleting(object.meta())
                && selector.is_some_and(|selector| selector.matches(object.meta().labels.as_ref()))
        })
        .collect();
    for object in orphans {
        // The owner may have been asked to go since the cache has seen it.
        let fresh = context.client.get::<O>(namespace, meta::name(owner.meta()))?;
        if meta::is_deleting(fresh.meta()) || fresh.meta().uid != owner.meta().uid {
            break;
        }
        match patch_meta(context, &*object, |meta| adopt(meta, meta::new_controller_ref(owner), finalizer)) {
            Ok(adopted) => claimed.push(adopted),
            Err(error) => ignore_not_found(error)?,
        }
    }
    Ok(claimed)
}

/// Nothing, when the failure is that the object is gone.
///
/// # Errors
/// Any other failure.
pub fn ignore_not_found(error: Status) -> Result<(), Status> {
    if error.reason == Reason::NotFound { Ok(()) } else { Err(error) }
}

fn adopt(meta: &mut ObjectMeta, owner: OwnerReference, finalizer: &str) {
    let owners = meta.owner_references.get_or_insert_default();
    owners.retain(|held| held.uid != owner.uid);
    owners.push(owner);
    if !finalizer.is_empty() && !meta::has_finalizer(meta, finalizer) {
        meta.finalizers.get_or_insert_default().push(finalizer.to_owned());
    }
}

fn release(meta: &mut ObjectMeta, uid: &str, finalizer: &str) {
    if let Some(owners) = meta.owner_references.as_mut() {
        owners.retain(|owner| owner.uid != uid);
        if owners.is_empty() {
            meta.owner_references = None;
        }
    }
    meta::remove_finalizer(meta, finalizer);
}
