//! The namespace controller: empties a namespace whose deletion was asked for, Pods first, then lets it go.
//!
//! Models Kubernetes 1.36 pkg/controller/namespace/deletion/{namespaced_resources_deleter,status_condition_utils}.go.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, NamespaceCondition, Pod};

use super::pod_control::{ignore_not_found, is_pod_terminal};
use super::{Context, Controller};
use crate::api;
use crate::apimachinery::{Kind, ObjectKey, Reason, Status, meta};
use crate::apiserver::{DeleteOptions, Propagation};
use crate::client::{Caches, Delta, WorkQueue};
use crate::sim::{Seed, Time};

/// The finalizer of the namespace's spec that this controller takes away.
const FINALIZER: &str = "kubernetes";
/// How long to wait after a deletion is noticed, so that writers see it too.
const GRACE: Duration = Duration::from_secs(5);
/// How many seconds an object that waits for a finalizer is given.
const FINALIZER_ESTIMATE: u64 = 15;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct NamespaceController;

/// A new namespace controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(NamespaceController)
}

impl Controller for NamespaceController {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:namespace-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Namespace::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        if let Some(namespace) = delta.new.as_ref().filter(|namespace| meta::is_deleting(namespace.meta())) {
            queue.add_at(ObjectKey::of(&**namespace), now + GRACE);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Ok(namespace) = context.client.get::<Namespace>("", &key.name) else { return Ok(()) };
        if !meta::is_deleting(&namespace.metadata) || !has_finalizer(&namespace) {
            return Ok(());
        }
        let left = empty(&key.name, &namespace, context)?;
        let conditions = Left::conditions(&left, context.now);
        let changed = write_conditions(&namespace, conditions, context)?;
        if !left.counts.is_empty() {
            if left.estimate == 0 {
                return Err(Status::internal("unexpected items still remain in the namespace"));
            }
            context.queue.add_at(key.clone(), context.now + Duration::from_secs(left.estimate / 2 + 1));
            return Ok(());
        }
        let mut changed = changed;
        let spec = changed.spec.get_or_insert_default();
        spec.finalizers.get_or_insert_default().retain(|finalizer| finalizer != FINALIZER);
        context.client.update_subresource(Box::new(changed), "finalize").map(|_| ()).or_else(ignore_not_found)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

fn has_finalizer(namespace: &Namespace) -> bool {
    let spec = namespace.spec.as_ref();
    spec.and_then(|spec| spec.finalizers.as_ref()).is_some_and(|held| held.iter().any(|one| one == FINALIZER))
}

/// What a round has left.
#[derive(Debug, Default)]
struct Left {
    /// How many objects of a resource.
    counts: BTreeMap<&'static str, usize>,
    /// How many objects wait for a finalizer.
    finalizers: BTreeMap<String, usize>,
    /// After how many seconds all of it should be gone.
    estimate: u64,
    /// Pods are left, so nobody has looked at the rest: the conditions, which tell of both, tell of neither.
    only_pods: bool,
}

/// Deletes what is in the namespace: Pods, and once they are gone the rest.
fn empty(namespace: &str, object: &Namespace, context: &mut Context<'_>) -> Result<Left, Status> {
    let mut left = Left { estimate: pods_estimate(namespace, object, context), ..Left::default() };
    empty_resource(Pod::RESOURCE, namespace, context, &mut left)?;
    if !left.counts.is_empty() {
        left.only_pods = true;
        return Ok(left);
    }
    left.estimate = 0;
    let known = api::KINDS.iter().map(|kind| kind.info()).map(|info| (info.resource, info.namespaced));
    let custom = context.client.server().custom_resources();
    for (resource, namespaced) in known.chain(custom) {
        if namespaced && resource != Pod::RESOURCE {
            empty_resource(resource, namespace, context, &mut left)?;
        }
    }
    Ok(left)
}

/// The longest grace period of the Pods that run, unless so much time has passed already.
fn pods_estimate(namespace: &str, object: &Namespace, context: &Context<'_>) -> u64 {
    let pods = context.client.list::<Pod>(Some(namespace));
    let running = pods.iter().filter(|pod| !is_pod_terminal(pod));
    let graces = running.filter_map(|pod| pod.spec.as_ref()?.termination_grace_period_seconds);
    let longest = u64::try_from(graces.max().unwrap_or(0)).unwrap_or(0);
    let since = object.metadata.deletion_timestamp.as_ref().map(|time| Time::from(time.0)).unwrap_or_default();
    if context.now.since(since).as_secs() >= longest { 0 } else { longest }
}

fn empty_resource(
    resource: &'static str,
    namespace: &str,
    context: &mut Context<'_>,
    left: &mut Left,
) -> Result<(), Status> {
    let names = context.client.names(resource, namespace);
    let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
    for name in names {
        let deleted = context.client.delete_by_resource(resource, namespace, &name, &options);
        deleted.or_else(|error| if error.reason == Reason::Conflict { Ok(()) } else { ignore_not_found(error) })?;
    }
    for name in context.client.names(resource, namespace) {
        *left.counts.entry(resource).or_default() += 1;
        let held = context.client.finalizers(resource, namespace, &name);
        if !held.is_empty() && left.estimate == 0 {
            left.estimate = FINALIZER_ESTIMATE;
        }
        for finalizer in held {
            *left.finalizers.entry(finalizer).or_default() += 1;
        }
    }
    Ok(())
}

impl Left {
    fn conditions(&self, now: Time) -> Vec<NamespaceCondition> {
        let condition = |kind: &str, bad: bool, reason: &str, message: String| NamespaceCondition {
            type_: kind.to_owned(),
            status: if bad { "True" } else { "False" }.to_owned(),
            last_transition_time: Some(meta::time(now)),
            reason: Some(reason.to_owned()),
            message: Some(message),
        };
        let good = |kind, reason, message: &str| condition(kind, false, reason, message.to_owned());
        let mut list = vec![
            good("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
            good(
                "NamespaceDeletionGroupVersionParsingFailure",
                "ParsedGroupVersions",
                "All legacy kube types successfully parsed",
            ),
            good(
                "NamespaceDeletionContentFailure",
                "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization",
            ),
        ];
        list.push(if self.counts.is_empty() || self.only_pods {
            good("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed")
        } else {
            let parts: Vec<String> = self
                .counts
                .iter()
                .map(|(resource, count)| format!("{} has {count} resource instances", dotted(resource)))
                .collect();
            let message = format!("Some resources are remaining: {}", parts.join(", "));
            condition("NamespaceContentRemaining", true, "SomeResourcesRemain", message)
        });
        list.push(if self.finalizers.is_empty() || self.only_pods {
            good("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished")
        } else {
            let parts: Vec<String> =
                self.finalizers.iter().map(|(name, count)| format!("{name} in {count} resource instances")).collect();
            let message = format!("Some content in the namespace has finalizers remaining: {}", parts.join(", "));
            condition("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain", message)
        });
        list
    }
}

/// `pods.` for the core group, `jobs.batch` for others, as the messages have it.
fn dotted(resource: &str) -> String {
    if resource.contains('.') { resource.to_owned() } else { format!("{resource}.") }
}

fn write_conditions(
    namespace: &Namespace,
    new: Vec<NamespaceCondition>,
    context: &mut Context<'_>,
) -> Result<Namespace, Status> {
    let mut changed = namespace.clone();
    merge(changed.status.get_or_insert_default().conditions.get_or_insert_default(), new);
    if changed == *namespace {
        return Ok(changed);
    }
    Ok(Namespace::clone(&*context.client.update_status(changed)?))
}

/// Brings conditions up to date where they stand; those of others are left alone.
fn merge(held: &mut Vec<NamespaceCondition>, new: Vec<NamespaceCondition>) {
    for condition in new {
        match held.iter_mut().find(|held| held.type_ == condition.type_) {
            Some(held) => {
                let since = held.last_transition_time.take().filter(|_| held.status == condition.status);
                let last_transition_time = since.or(condition.last_transition_time);
                *held = NamespaceCondition { last_transition_time, ..condition };
            }
            None => held.push(condition),
        }
    }
}

#[cfg(test)]
mod tests;
