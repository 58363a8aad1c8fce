//! The typed registry: create and update with defaults, admission, strategy, validation and the rules of metadata.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go.

mod create;
mod identity;
mod update;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use serde_json::Value;

use super::{ApiServer, Caller, admission, escalation, service_ip};
use crate::api::{KindOps, KindRef};
use crate::apimachinery::managed_fields::{Managed, Origin};
use crate::apimachinery::{Kind, Object, ObjectKey, Status, downcast, field};

/// How to write, beyond the object.
pub(super) struct Write<'a> {
    /// Do everything but the write.
    pub dry_run: bool,
    /// What the server warns of.
    pub warnings: &'a mut Vec<String>,
    /// The JSON that the object was read from, if it was: there, what is absent and what is empty are the same.
    pub document: Option<Value>,
    /// Whether it is what a patch has made: then a version or uid in it is a change like any other.
    pub patched: bool,
    /// Who owns its fields afterwards, when that has been worked out; else the writer owns what it changes.
    pub managed: Option<Managed>,
}

impl ApiServer {
    /// One object.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn get<T: Kind>(&self, namespace: &str, name: &str) -> Result<Arc<T>, Status> {
        self.store
            .get(T::RESOURCE, namespace, name)
            .and_then(downcast)
            .ok_or_else(|| Status::not_found(T::RESOURCE, name))
    }

    /// The objects of a kind, of one namespace when it is given, by namespace and name.
    pub fn list<'a, T: Kind>(&'a self, namespace: Option<&str>) -> impl Iterator<Item = Arc<T>> + use<'a, T> {
        self.store.list(T::RESOURCE, namespace).filter_map(downcast)
    }

    /// Creates an object.
    ///
    /// # Errors
    /// What admission, validation and the store say.
    pub fn create<T: Kind>(&mut self, caller: &Caller, object: T) -> Result<Arc<T>, Status> {
        let stored = self.create_object(caller, Box::new(object), false)?;
        downcast(&stored).ok_or_else(|| Status::internal("the stored object is of another type"))
    }

    /// Replaces an object; its status stays.
    ///
    /// # Errors
    /// What admission, validation and the store say; `Conflict` when `resourceVersion` is set and old.
    pub fn update<T: Kind>(&mut self, caller: &Caller, object: T) -> Result<Arc<T>, Status> {
        let stored = self.update_object(caller, Box::new(object), "", false)?;
        downcast(&stored).ok_or_else(|| Status::internal("the stored object is of another type"))
    }

    /// Replaces an object's status; the rest stays.
    ///
    /// # Errors
    /// As for [`ApiServer::update`].
    pub fn update_status<T: Kind>(&mut self, caller: &Caller, object: T) -> Result<Arc<T>, Status> {
        let stored = self.update_object(caller, Box::new(object), "status", false)?;
        downcast(&stored).ok_or_else(|| Status::internal("the stored object is of another type"))
    }

    /// Creates an object of any kind.
    ///
    /// # Errors
    /// As for [`ApiServer::create`].
    pub fn create_object(
        &mut self,
        caller: &Caller,
        object: Box<dyn Object>,
        dry_run: bool,
    ) -> Result<Arc<dyn Object>, Status> {
        let write = Write { dry_run, warnings: &mut Vec::new(), document: None, patched: false, managed: None };
        self.create_with(caller, object, write).map(|stored| stored.object)
    }

    /// Replaces an object of any kind; `subresource` is empty, `status`, `finalize`...
    ///
    /// # Errors
    /// As for [`ApiServer::update`].
    pub fn update_object(
        &mut self,
        caller: &Caller,
        object: Box<dyn Object>,
        subresource: &str,
        dry_run: bool,
    ) -> Result<Arc<dyn Object>, Status> {
        let write = Write { dry_run, warnings: &mut Vec::new(), document: None, patched: false, managed: None };
        self.update_with(caller, object, subresource, write).map(|stored| stored.object)
    }

    /// What a kind gets from the server's own pools.
    fn fill(&mut self, ops: &dyn KindOps, object: &mut dyn Object, old: Option<&dyn Object>) -> Result<(), Status> {
        if ops.info().resource == "services"
            && let Some(service) = object.as_any_mut().downcast_mut::<Service>()
        {
            let old = old.and_then(|old| old.as_any().downcast_ref::<Service>());
            service_ip::allocate(&self.store, &mut self.names, service, old)?;
        }
        Ok(())
    }

    fn kind_of(&self, object: &dyn Object) -> Result<KindRef, Status> {
        self.kind(object.resource()).ok_or_else(Status::unknown_path)
    }

    /// Runs the admission plugins that may change the object.
    fn admit(
        &mut self,
        ops: &dyn KindOps,
        object: &mut dyn Object,
        old: Option<&dyn Object>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Status> {
        if !self.admission {
            return Ok(());
        }
        admission::admit(&mut self.attributes(ops, old, warnings), object)
    }

    /// Runs the admission plugins that only judge; what they want written along with the object.
    fn check(
        &mut self,
        ops: &dyn KindOps,
        object: &dyn Object,
        old: Option<&dyn Object>,
        subresource: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Box<dyn Object>>, Status> {
        if !self.admission {
            return Ok(Vec::new());
        }
        let attributes = self.attributes(ops, old, warnings);
        let mut attributes = admission::Attributes { subresource, ..attributes };
        admission::validate(&mut attributes, object)?;
        Ok(attributes.along)
    }

    fn attributes<'a>(
        &'a mut self,
        ops: &'a dyn KindOps,
        old: Option<&'a dyn Object>,
        warnings: &'a mut Vec<String>,
    ) -> admission::Attributes<'a> {
        admission::Attributes {
            store: &self.store,
            names: &mut self.names,
            info: ops.info(),
            subresource: "",
            old,
            now: self.now,
            warnings,
            along: Vec::new(),
        }
    }

    /// Writes what admission wants written, in the server's own name.
    fn put_along(&mut self, objects: Vec<Box<dyn Object>>) {
        let by: Arc<str> = "system:apiserver".into();
        for object in objects {
            let key = ObjectKey::of(&*object);
            // Nobody owns what the server counts for itself.
            let held = self.store.stored(&key.resource, &key.namespace, &key.name);
            let origin = held.map_or_else(Origin::nobody, |held| Arc::clone(&held.origin));
            self.store.put(object, origin, &by);
        }
    }

    /// Nobody grants what they may not do themselves.
    fn may_grant(&self, caller: &Caller, object: &dyn Object, old: Option<&dyn Object>) -> Result<(), Status> {
        if self.admission { escalation::check(self, caller, object, old) } else { Ok(()) }
    }
}

fn as_written(errors: &mut [field::Error], document: Option<&Value>) {
    if let Some(document) = document {
        errors.iter_mut().for_each(|error| error.as_written(document));
    }
}
