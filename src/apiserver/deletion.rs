//! Deletion: preconditions, graceful deletion of Pods, finalizers by propagation policy, namespaces in two steps.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go (Delete),
//! registry/rest/delete.go, pkg/registry/core/pod/strategy.go (CheckGracefulDelete),
//! pkg/registry/core/namespace/storage/storage.go.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time as MetaTime};

use super::{ApiServer, Caller, admission};
use crate::apimachinery::managed_fields::Origin;
use crate::apimachinery::{Object, Status, meta};
use crate::sim::Time;
use crate::storage::Stored;

/// The finalizer that keeps an owner until its dependents are released.
pub(super) const ORPHAN: &str = "orphan";
/// The finalizer that keeps an owner until its dependents are gone.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// What becomes of the objects that an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after their owner.
    Background,
    /// They are deleted before their owner.
    Foreground,
    /// They stay.
    Orphan,
}

/// What must hold for a deletion to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// The object has this uid.
    pub uid: Option<String>,
    /// The object has this version.
    pub resource_version: Option<String>,
}

/// How to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Seconds until the end is forced; `None` for the kind's default.
    pub grace_period_seconds: Option<i64>,
    /// What becomes of dependents; `None` for the kind's default.
    pub propagation: Option<Propagation>,
    /// What must hold.
    pub precondition: Precondition,
    /// Do everything but the write.
    pub dry_run: bool,
}

/// What came of a deletion.
#[derive(Clone, Debug)]
pub(super) enum Deleted {
    /// It is gone; its last state.
    Gone(Stored),
    /// It waits for finalizers or its grace period.
    Waiting(Stored),
}

enum Grace {
    /// Nothing graceful about it.
    None,
    /// A graceful deletion is under way and this request does not shorten it.
    Pending,
    /// Wait so many seconds.
    Wait(i64),
}

impl ApiServer {
    /// Asks for an object's end. `Ok(None)`: it is gone; `Ok(Some(_))`: it waits for finalizers or its grace period.
    ///
    /// # Errors
    /// `NotFound`, or `Conflict` when a precondition does not hold.
    pub fn delete_object(
        &mut self,
        caller: &Caller,
        resource: &str,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Option<Arc<dyn Object>>, Status> {
        match self.delete_warning(caller, resource, namespace, name, options, &mut Vec::new())? {
            Deleted::Gone(_) => Ok(None),
            Deleted::Waiting(stored) => Ok(Some(stored.object)),
        }
    }

    /// As [`ApiServer::delete_object`], with what the server warns of.
    pub(super) fn delete_warning(
        &mut self,
        caller: &Caller,
        resource: &str,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Deleted, Status> {
        let ops = self.kind(resource).ok_or_else(Status::unknown_path)?;
        let stored = self
            .store()
            .stored(resource, namespace, name)
            .cloned()
            .ok_or_else(|| Status::not_found(ops.info().resource, name))?;
        let (old, origin) = (Arc::clone(&stored.object), Arc::clone(&stored.origin));
        if self.admission {
            admission::may_delete(ops.info(), name)?;
        }
        preconditions(&ops.info().qualified_kind(), name, old.meta(), &options.precondition)?;
        if orphans_by_default(resource) && options.propagation.is_none() {
            let text = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to \
                        remove them or set propagationPolicy=Orphan to suppress this warning";
            warnings.push(text.to_owned());
        }
        if resource == "namespaces"
            && let Some(namespace) = old.as_any().downcast_ref::<Namespace>()
            && let Some(waiting) = self.delete_namespace(caller, namespace, &origin, options)
        {
            return Ok(Deleted::Waiting(waiting));
        }
        let mut object = old.clone_object();
        if !options.dry_run {
            self.empty_definition(caller, &mut *object);
        }
        let grace = self.grace(&mut *object, options);
        if matches!(grace, Grace::Pending) {
            return Ok(Deleted::Waiting(stored));
        }
        update_finalizers(object.meta_mut(), resource, options.propagation);
        let finalizers = object.meta().finalizers.iter().flatten().next().is_some();
        if matches!(grace, Grace::None) && finalizers {
            mark(object.meta_mut(), self.now());
        }
        if options.dry_run {
            let last = Stored { object: Arc::from(object), origin };
            let waits = finalizers || matches!(grace, Grace::Wait(seconds) if seconds > 0);
            return Ok(if waits { Deleted::Waiting(last) } else { Deleted::Gone(last) });
        }
        // A graceful deletion is seen as a change first, even when there is no time to wait for.
        let changed = !object.equals(&*old);
        let last = if changed { self.store.put(object, origin, &caller.user) } else { stored };
        if finalizers || matches!(grace, Grace::Wait(seconds) if seconds > 0) {
            return Ok(Deleted::Waiting(last));
        }
        let gone = self.store.remove(resource, namespace, name, &caller.user).unwrap_or(last);
        self.after_removal(resource);
        Ok(Deleted::Gone(gone))
    }

    /// Pods alone are deleted gracefully.
    fn grace(&self, object: &mut dyn Object, options: &DeleteOptions) -> Grace {
        let Some(pod) = object.as_any_mut().downcast_mut::<Pod>() else { return Grace::None };
        let meta = &mut pod.metadata;
        if let Some(deadline) = meta.deletion_timestamp.clone() {
            let Some(held) = meta.deletion_grace_period_seconds.filter(|held| *held != 0) else { return Grace::None };
            // A deletion that is under way can only be made shorter.
            return match options.grace_period_seconds {
                Some(wanted) if wanted < held => {
                    let wanted = wanted.max(0);
                    let earlier = deadline.0 - Duration::from_secs((held - wanted).unsigned_abs());
                    meta.deletion_timestamp = Some(MetaTime(earlier));
                    meta.deletion_grace_period_seconds = Some(wanted);
                    Grace::Wait(wanted)
                }
                _ => Grace::Pending,
            };
        }
        let spec = pod.spec.get_or_insert_default();
        let mut period = options.grace_period_seconds.or(spec.termination_grace_period_seconds).unwrap_or(0);
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
        if spec.node_name.as_deref().unwrap_or_default().is_empty() || matches!(phase, "Succeeded" | "Failed") {
            period = 0;
        }
        if period < 0 {
            period = 1;
        }
        let end = self.now() + Duration::from_secs(period.unsigned_abs());
        pod.metadata.deletion_timestamp = Some(meta::time(end));
        pod.metadata.deletion_grace_period_seconds = Some(period);
        raise_generation(&mut pod.metadata);
        Grace::Wait(period)
    }

    /// The first deletion of a namespace only marks it; it goes when its content and finalizers are gone.
    fn delete_namespace(
        &mut self,
        caller: &Caller,
        old: &Namespace,
        origin: &Arc<Origin>,
        options: &DeleteOptions,
    ) -> Option<Stored> {
        let stored = |namespace| Stored { object: Arc::new(namespace), origin: Arc::clone(origin) };
        let mut namespace = old.clone();
        if namespace.metadata.deletion_timestamp.is_none() {
            namespace.metadata.deletion_timestamp = Some(meta::time(self.now()));
            namespace.status.get_or_insert_default().phase = Some("Terminating".to_owned());
            update_finalizers(&mut namespace.metadata, "namespaces", options.propagation);
            if options.dry_run {
                return Some(stored(namespace));
            }
            let kept = !is_finished(&namespace);
            let stored = self.store.put(Box::new(namespace), Arc::clone(origin), &caller.user);
            return kept.then_some(stored);
        }
        (!is_finished(&namespace)).then(|| stored(namespace))
    }
}

/// Whether an object whose deletion was asked for has nothing left to wait for.
pub(super) fn is_finished(object: &dyn Object) -> bool {
    let meta = object.meta();
    let finalized = match object.as_any().downcast_ref::<Namespace>() {
        Some(namespace) => namespace
            .spec
            .as_ref()
            .and_then(|spec| spec.finalizers.as_ref())
            .is_none_or(|finalizers| finalizers.is_empty()),
        None => true,
    };
    finalized
        && meta::is_deleting(meta)
        && meta.finalizers.iter().flatten().next().is_none()
        && meta.deletion_grace_period_seconds.unwrap_or(0) == 0
}

/// Upstream speaks of the kind here, where it means the resource.
fn preconditions(kind: &str, name: &str, held: &ObjectMeta, wanted: &Precondition) -> Result<(), Status> {
    if let Some(uid) = &wanted.uid
        && held.uid.as_ref() != Some(uid)
    {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been \
             deleted and then recreated",
            meta::uid(held)
        );
        return Err(Status::conflict(kind, name, &why));
    }
    if let Some(version) = &wanted.resource_version
        && held.resource_version.as_ref() != Some(version)
    {
        let have = held.resource_version.as_deref().unwrap_or_default();
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({have}). \
             The object might have been modified"
        );
        return Err(Status::conflict(kind, name, &why));
    }
    Ok(())
}

/// The kinds whose dependents stay unless the client says otherwise: an old promise of their first version.
fn orphans_by_default(resource: &str) -> bool {
    matches!(resource, "jobs.batch" | "replicationcontrollers")
}

fn update_finalizers(meta: &mut ObjectMeta, resource: &str, propagation: Option<Propagation>) {
    // Events are not looked at by the garbage collector.
    if resource == "events" {
        return;
    }
    let has = |finalizer: &str| meta::has_finalizer(meta, finalizer);
    let (orphan, foreground) = match propagation {
        Some(Propagation::Orphan) => (true, false),
        Some(Propagation::Foreground) => (false, true),
        Some(Propagation::Background) => (false, false),
        None if has(ORPHAN) => (true, false),
        None if has(FOREGROUND) => (false, true),
        None => (orphans_by_default(resource), false),
    };
    if has(ORPHAN) == orphan && has(FOREGROUND) == foreground {
        return;
    }
    let mut finalizers = meta.finalizers.take().unwrap_or_default();
    finalizers.retain(|held| held != ORPHAN && held != FOREGROUND);
    if orphan {
        finalizers.push(ORPHAN.to_owned());
    }
    if foreground {
        finalizers.push(FOREGROUND.to_owned());
    }
    meta.finalizers = (!finalizers.is_empty()).then_some(finalizers);
}

fn mark(meta: &mut ObjectMeta, now: Time) {
    if meta.deletion_timestamp.is_none() {
        raise_generation(meta);
        meta.deletion_timestamp = Some(meta::time(now));
    }
    meta.deletion_grace_period_seconds = Some(0);
}

fn raise_generation(meta: &mut ObjectMeta) {
    if let Some(generation) = meta.generation.filter(|generation| *generation > 0) {
        meta.generation = Some(generation + 1);
    }
}
