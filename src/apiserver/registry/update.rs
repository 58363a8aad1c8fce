//! Replacing an object or a part of it: see `Store.Update` upstream for the order of the steps.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Write, as_written, identity};
use crate::api::{KindOps, certificate_signing_request};
use crate::apimachinery::managed_fields::{Managed, Origin};
use crate::apimachinery::{Object, Status, field, meta};
use crate::apiserver::subresources::{ephemeral_containers, resize};
use crate::apiserver::{ApiServer, Caller, deletion, managed_fields, metadata, node_leases};
use crate::sim::Time;
use crate::storage::Stored;

impl ApiServer {
    /// Replaces an object; see `Store.Update` upstream for the order of the steps.
    pub(in crate::apiserver) fn update_with(
        &mut self,
        caller: &Caller,
        mut object: Box<dyn Object>,
        subresource: &str,
        write: Write<'_>,
    ) -> Result<Stored, Status> {
        let ops = self.kind_of(&*object)?;
        let ops = &*ops;
        let info = ops.info();
        let name = meta::name(object.meta()).to_owned();
        let namespace = meta::namespace(object.meta()).to_owned();
        let Some(stored) = self.store.stored(info.resource, &namespace, &name).cloned() else {
            return Err(Status::not_found(info.resource, &name));
        };
        let old = Arc::clone(&stored.object);
        identity::check(info, object.meta(), old.meta(), &write)?;
        ops.set_defaults(&mut *object);
        if write.document.is_some() {
            node_leases::keep_renewed(&mut *object, &*old);
        }
        let given = managed_fields::given(object.meta().managed_fields.as_ref()).filter(|_| subresource.is_empty());
        keep_metadata(object.meta_mut(), old.meta());
        metadata::forget_twins(object.meta_mut(), write.warnings);
        let warnings = write.warnings;
        if subresource.is_empty() {
            self.admit(ops, &mut *object, Some(&*old), warnings)?;
            self.may_grant(caller, &*object, Some(&*old))?;
            self.fill(ops, &mut *object, Some(&*old))?;
        }
        let now = self.now();
        let mut errors = prepare_update(ops, &mut object, &*old, subresource, now);
        #[cfg(test)]
        if self.trusts_statuses && subresource == "status" {
            errors.clear();
        }
        if !errors.is_empty() {
            as_written(&mut errors, write.document.as_ref());
            return Err(Status::invalid(&info.qualified_kind(), &name, &errors));
        }
        let mut along = Vec::new();
        if subresource.is_empty() {
            warnings.extend(ops.warnings(&*object, Some(&*old)));
        }
        if matches!(subresource, "" | "resize") {
            along = self.check(ops, &*object, Some(&*old), subresource, warnings)?;
        }
        if deletion::is_finished(&*object) && !write.dry_run {
            // The update took away what the deletion was waiting for.
            self.store.remove(info.resource, &namespace, &name, &caller.user);
            self.after_removal(info.resource);
            let by = managed_fields::writer(caller, subresource, self.now);
            let origin = write.managed.map_or_else(|| managed_fields::updated(ops, &stored, by), Origin::known);
            return Ok(Stored { object: Arc::from(object), origin });
        }
        ops.set_defaults(&mut *object);
        let same = object.equals(&*old) || (write.document.is_some() && ops.encode(&*object) == ops.encode(&*old));
        let by = managed_fields::writer(caller, subresource, self.now);
        let managed = write.managed.or_else(|| {
            // A client may give fields to other owners; what it changes is its own on top of that.
            let given = given.filter(|managed| *managed != *managed_fields::managed(ops, &stored))?;
            Some(managed_fields::after(ops, &given, &ops.encode(&*old), &ops.encode(&*object), &by))
        });
        let unchanged =
            |managed: &Managed| managed.without_times() == managed_fields::managed(ops, &stored).without_times();
        if same && managed.as_ref().is_none_or(unchanged) {
            return Ok(stored);
        }
        let origin = managed.map_or_else(|| managed_fields::updated(ops, &stored, by), Origin::known);
        if write.dry_run {
            return Ok(Stored { object: Arc::from(object), origin });
        }
        self.put_along(along);
        let stored = self.store.put(object, origin, &caller.user);
        Ok(if subresource.is_empty() { self.follow_definition(stored) } else { stored })
    }
}

/// Keeps what the update of this subresource does not change; what is wrong with the rest.
fn prepare_update(
    ops: &dyn KindOps,
    object: &mut Box<dyn Object>,
    old: &dyn Object,
    subresource: &str,
    now: Time,
) -> Vec<field::Error> {
    let info = ops.info();
    let mut errors = Vec::new();
    match subresource {
        "status" => {
            ops.prepare_for_status_update(&mut **object, old);
            keep_for_status(object.meta_mut(), old.meta());
            errors.extend(metadata::validate_update(info, object.meta(), old.meta()));
            errors.extend(ops.validate_status_update(&**object, old));
        }
        "finalize" => {
            *object = finalize(&**object, old);
            errors.extend(metadata::of_namespace(&**object));
        }
        "resize" => (*object, errors) = resize::resized(&**object, old),
        "approval" => (*object, errors) = certificate_signing_request::decided(&**object, old, now),
        "ephemeralcontainers" => (*object, errors) = ephemeral_containers::added(&**object, old),
        _ => {
            ops.prepare_for_update(&mut **object, old);
            errors.extend(metadata::validate_update(info, object.meta(), old.meta()));
            errors.extend(ops.validate_update(&**object, old));
        }
    }
    errors
}

/// What no update changes.
fn keep_metadata(new: &mut ObjectMeta, old: &ObjectMeta) {
    if meta::uid(new).is_empty() {
        new.uid.clone_from(&old.uid);
    }
    new.creation_timestamp.clone_from(&old.creation_timestamp);
    if old.deletion_timestamp.is_some() {
        new.deletion_timestamp.clone_from(&old.deletion_timestamp);
    }
    new.deletion_grace_period_seconds = new.deletion_grace_period_seconds.or(old.deletion_grace_period_seconds);
    new.resource_version.clone_from(&old.resource_version);
    new.generation = old.generation;
    new.managed_fields = None;
    new.self_link = None;
}

/// What no update of a status changes.
fn keep_for_status(new: &mut ObjectMeta, old: &ObjectMeta) {
    new.generation = old.generation;
}

/// `namespaces/finalize` changes the spec's finalizers and nothing else.
fn finalize(new: &dyn Object, old: &dyn Object) -> Box<dyn Object> {
    let mut kept = old.clone_object();
    if let (Some(new), Some(kept)) =
        (new.as_any().downcast_ref::<Namespace>(), kept.as_any_mut().downcast_mut::<Namespace>())
    {
        kept.spec.get_or_insert_default().finalizers =
            new.spec.as_ref().and_then(|spec| spec.finalizers.clone()).filter(|finalizers| !finalizers.is_empty());
    }
    kept
}
