//! The typed registry: create, update and delete with strategy, admission, finalizers and graceful deletion.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Binding, Pod, PodCondition};

use super::{ApiServer, Caller};
use crate::api::{self, KindOps};
use crate::apimachinery::{Kind, Object, Status, downcast, meta, names};

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
        mut object: Box<dyn Object>,
        dry_run: bool,
    ) -> Result<Arc<dyn Object>, Status> {
        let ops = kind_of(&*object)?;
        ops.set_defaults(&mut *object);
        ops.prepare_for_create(&mut *object);
        let (uid, now) = (names::uid(&mut self.uids), meta::time(self.now));
        if object.meta().name.as_deref().unwrap_or_default().is_empty()
            && let Some(base) = object.meta().generate_name.clone()
        {
            object.meta_mut().name = Some(names::generate(&mut self.names, &base));
        }
        let meta = object.meta_mut();
        meta.uid = Some(uid);
        meta.creation_timestamp = Some(now);
        meta.deletion_timestamp = None;
        let errors = ops.validate(&*object);
        let info = ops.info();
        let name = meta::name(object.meta()).to_owned();
        if !errors.is_empty() {
            return Err(Status::invalid(&info.qualified_kind(), &name, &errors));
        }
        if self.store.get(info.resource, meta::namespace(object.meta()), &name).is_some() {
            return Err(Status::already_exists(info.resource, &name));
        }
        if dry_run {
            return Ok(Arc::from(object));
        }
        Ok(self.store.put(object, &caller.user))
    }

    /// Replaces an object of any kind; `subresource` is empty, `status`, ...
    ///
    /// # Errors
    /// As for [`ApiServer::update`].
    pub fn update_object(
        &mut self,
        caller: &Caller,
        mut object: Box<dyn Object>,
        subresource: &str,
        dry_run: bool,
    ) -> Result<Arc<dyn Object>, Status> {
        let ops = kind_of(&*object)?;
        let info = ops.info();
        let name = meta::name(object.meta()).to_owned();
        let namespace = meta::namespace(object.meta()).to_owned();
        let Some(old) = self.store.get(info.resource, &namespace, &name).cloned() else {
            return Err(Status::not_found(info.resource, &name));
        };
        let given = object.meta().resource_version.clone().unwrap_or_default();
        if !given.is_empty() && Some(&given) != old.meta().resource_version.as_ref() {
            return Err(Status::modified(info.resource, &name));
        }
        ops.set_defaults(&mut *object);
        let errors = if subresource == "status" {
            ops.prepare_for_status_update(&mut *object, &*old);
            ops.validate_status_update(&*object, &*old)
        } else {
            ops.prepare_for_update(&mut *object, &*old);
            ops.validate_update(&*object, &*old)
        };
        if !errors.is_empty() {
            return Err(Status::invalid(&info.qualified_kind(), &name, &errors));
        }
        let (kept, new) = (old.meta(), object.meta_mut());
        new.uid.clone_from(&kept.uid);
        new.creation_timestamp.clone_from(&kept.creation_timestamp);
        new.deletion_timestamp.clone_from(&kept.deletion_timestamp);
        new.deletion_grace_period_seconds = kept.deletion_grace_period_seconds;
        new.resource_version.clone_from(&kept.resource_version);
        if object.equals(&*old) || dry_run {
            return Ok(Arc::from(object));
        }
        let finished = meta::is_deleting(object.meta()) && object.meta().finalizers.iter().flatten().next().is_none();
        if finished && object.meta().deletion_grace_period_seconds.unwrap_or(0) == 0 {
            let stored = self.store.put(object, &caller.user);
            self.store.remove(info.resource, &namespace, &name, &caller.user);
            return Ok(stored);
        }
        Ok(self.store.put(object, &caller.user))
    }

    /// Binds a Pod to the node that `binding.target` names (`pods/binding`).
    ///
    /// # Errors
    /// `NotFound`, or `Conflict` when the Pod is bound or being deleted already.
    pub fn bind(
        &mut self,
        caller: &Caller,
        namespace: &str,
        name: &str,
        binding: &Binding,
    ) -> Result<Arc<Pod>, Status> {
        let mut pod = Pod::clone(&*self.get::<Pod>(namespace, name)?);
        let node = binding.target.name.clone().unwrap_or_default();
        if meta::is_deleting(&pod.metadata) {
            return Err(Status::conflict(
                "pods/binding",
                name,
                &format!("pod {name} is being deleted, cannot be assigned to a host"),
            ));
        }
        let spec = pod.spec.get_or_insert_default();
        if let Some(bound) = spec.node_name.as_deref().filter(|bound| !bound.is_empty()) {
            let why = format!("pod {name} is already assigned to node \"{bound}\"");
            return Err(Status::conflict("pods/binding", name, &why));
        }
        spec.node_name = Some(node);
        let condition = PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "True".to_owned(),
            last_transition_time: Some(meta::time(self.now)),
            observed_generation: pod.metadata.generation,
            ..PodCondition::default()
        };
        let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
        conditions.retain(|held| held.type_ != condition.type_);
        conditions.push(condition);
        let stored = self.store.put(Box::new(pod), &caller.user);
        downcast(&stored).ok_or_else(|| Status::internal("the stored object is of another type"))
    }

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
        let _ = options;
        match self.store.remove(resource, namespace, name, &caller.user) {
            Some(_) => Ok(None),
            None => Err(Status::not_found(resource, name)),
        }
    }
}

fn kind_of(object: &dyn Object) -> Result<&'static dyn KindOps, Status> {
    api::by_resource(object.resource()).ok_or_else(Status::unknown_path)
}
