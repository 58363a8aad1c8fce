//! Creating an object: see `Store.Create` upstream for the order of the steps.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go.

use std::sync::Arc;

use super::{Write, as_written};
use crate::api::certificate_signing_request;
use crate::apimachinery::managed_fields::Origin;
use crate::apimachinery::{Object, Reason, Status, meta, names};
use crate::apiserver::{ApiServer, Caller, managed_fields, metadata};
use crate::storage::Stored;

/// How often a generated name that is taken is drawn anew.
const NAME_ATTEMPTS: usize = 8;

impl ApiServer {
    /// Creates an object; see `Store.Create` upstream for the order of the steps.
    pub(in crate::apiserver) fn create_with(
        &mut self,
        caller: &Caller,
        mut object: Box<dyn Object>,
        write: Write<'_>,
    ) -> Result<Stored, Status> {
        let ops = self.kind_of(&*object)?;
        let ops = &*ops;
        let info = ops.info();
        if !object.meta().resource_version.as_deref().unwrap_or_default().is_empty() {
            let text = "resourceVersion should not be set on objects to be created";
            return Err(Status::other(Reason::Unknown, text));
        }
        ops.set_defaults(&mut *object);
        object.meta_mut().managed_fields = None;
        metadata::forget_twins(object.meta_mut(), write.warnings);
        let origin = match write.managed {
            Some(managed) => Origin::known(managed),
            None => {
                let by = managed_fields::writer(caller, "", self.now);
                // Without a status there is nothing that admission or the strategy would change: Events, most of all.
                let written = info.has_status.then(|| Arc::from(object.clone_object()));
                Origin::created(written, by)
            }
        };
        let warnings = write.warnings;
        self.admit(ops, &mut *object, None, warnings)?;
        self.may_grant(caller, &*object, None)?;
        let (uid, now) = (names::uid(&mut self.uids), meta::time(self.now()));
        let meta = object.meta_mut();
        meta.uid = Some(uid);
        meta.creation_timestamp = Some(now);
        meta.deletion_timestamp = None;
        meta.deletion_grace_period_seconds = None;
        let generated = self.generate_name(info.resource, &mut *object);
        self.fill(ops, &mut *object, None)?;
        ops.prepare_for_create(&mut *object);
        if info.resource == certificate_signing_request::RESOURCE {
            certificate_signing_request::ask(&mut *object, &caller.user, &caller.groups);
        }
        let mut errors = metadata::validate(info, object.meta());
        errors.extend(ops.validate(&*object));
        let name = meta::name(object.meta()).to_owned();
        if !errors.is_empty() {
            as_written(&mut errors, write.document.as_ref());
            return Err(Status::invalid(&info.qualified_kind(), &name, &errors));
        }
        warnings.extend(ops.warnings(&*object, None));
        let along = self.check(ops, &*object, None, "", warnings)?;
        if self.store.get(info.resource, meta::namespace(object.meta()), &name).is_some() {
            let mut status = Status::already_exists(info.resource, &name);
            if generated {
                status.message.push_str(", the server was not able to generate a unique name for the object");
            }
            return Err(status);
        }
        // What is read from storage is defaulted again, and what is answered has been read from storage.
        ops.set_defaults(&mut *object);
        if write.dry_run {
            return Ok(Stored { object: Arc::from(object), origin });
        }
        self.put_along(along);
        let stored = self.store.put(object, origin, &caller.user);
        Ok(self.follow_definition(stored))
    }

    /// Draws a name when the object has only the base of one; tells whether it did.
    fn generate_name(&mut self, resource: &str, object: &mut dyn Object) -> bool {
        let meta = object.meta_mut();
        if !meta::name(meta).is_empty() {
            return false;
        }
        let Some(base) = meta.generate_name.clone().filter(|base| !base.is_empty()) else { return false };
        let namespace = meta::namespace(meta).to_owned();
        let mut name = names::generate(&mut self.names, &base);
        for _ in 1..NAME_ATTEMPTS {
            if self.store.get(resource, &namespace, &name).is_none() {
                break;
            }
            name = names::generate(&mut self.names, &base);
        }
        object.meta_mut().name = Some(name);
        true
    }
}
