//! The typed registry: create and update with defaults, admission, strategy, validation and the rules of metadata.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Binding, Namespace, Pod, PodCondition, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::subresources::{ephemeral_containers, resize};
use super::{ApiServer, Caller, admission, deletion, escalation, managed_fields, metadata, service_ip};
use crate::api::{KindInfo, KindOps, KindRef, certificate_signing_request};
use crate::apimachinery::managed_fields::{Managed, Origin};
use crate::apimachinery::{Kind, Object, ObjectKey, Reason, Status, downcast, field, meta, names};
use crate::sim::Time;
use crate::storage::Stored;

/// How often a generated name that is taken is drawn anew.
const NAME_ATTEMPTS: usize = 8;

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

    /// Creates an object; see `Store.Create` upstream for the order of the steps.
    pub(super) fn create_with(
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
        let along = self.check(ops, &*object, None, warnings)?;
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

    /// Replaces an object; see `Store.Update` upstream for the order of the steps.
    pub(super) fn update_with(
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
        check_identity(info, object.meta(), old.meta(), &write)?;
        ops.set_defaults(&mut *object);
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
            along = self.check(ops, &*object, Some(&*old), warnings)?;
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
        let stored = self.store.stored("pods", namespace, name).ok_or_else(|| Status::not_found("pods", name))?;
        let origin = Arc::clone(&stored.origin);
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
        let status = pod.status.get_or_insert_default();
        status.nominated_node_name = None;
        let conditions = status.conditions.get_or_insert_default();
        conditions.retain(|held| held.type_ != condition.type_);
        conditions.push(condition);
        // A binding is not of the Pod's own fields: nobody owns what it sets.
        let stored = self.store.put(Box::new(pod), origin, &caller.user);
        downcast(&stored.object).ok_or_else(|| Status::internal("the stored object is of another type"))
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
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Box<dyn Object>>, Status> {
        if !self.admission {
            return Ok(Vec::new());
        }
        let mut attributes = self.attributes(ops, old, warnings);
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

fn as_written(errors: &mut [field::Error], document: Option<&Value>) {
    if let Some(document) = document {
        errors.iter_mut().for_each(|error| error.as_written(document));
    }
}

/// The groups of whose kinds an update must say from which version it was made (`AllowUnconditionalUpdate`).
const CONDITIONAL: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "policy",
];
/// Kinds of other groups of which the same is true.
const CONDITIONAL_KINDS: &[&str] = &["CSIDriver", "CSINode", "CSIStorageCapacity", "VolumeAttachment"];

/// The conflict of an update made from an old version or of another object of the same name.
fn check_identity(info: &KindInfo, new: &ObjectMeta, old: &ObjectMeta, write: &Write<'_>) -> Result<(), Status> {
    let (resource, name) = (info.resource, meta::name(old));
    let given = new.resource_version.as_deref().unwrap_or_default();
    if given.is_empty() && write.document.is_some() && !write.patched {
        let known = crate::api::by_resource(resource).is_some();
        if !known || CONDITIONAL.contains(&info.group) || CONDITIONAL_KINDS.contains(&info.kind) {
            let path = field::Path::new("metadata").child("resourceVersion");
            let error = field::Error::invalid(&path, 0, "must be specified for an update");
            return Err(Status::invalid(resource, name, &[error]));
        }
    }
    if !given.is_empty() && Some(given) != old.resource_version.as_deref() {
        if given.parse::<u64>().is_err() {
            let why = format!("strconv.ParseUint: parsing {given:?}: invalid syntax");
            return Err(Status::other(Reason::Unknown, why));
        }
        return Err(Status::modified(resource, name));
    }
    let (given, held) = (meta::uid(new), meta::uid(old));
    if !given.is_empty() && given != held && !write.patched {
        let key = format!("/registry/{}", stored_at(info, meta::namespace(old), name));
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
             failed: UID in precondition: {given}, UID in object meta: {held}"
        );
        return Err(Status::conflict(resource, name, &why));
    }
    Ok(())
}

/// Where etcd keeps an object, below the prefix of all.
fn stored_at(info: &KindInfo, namespace: &str, name: &str) -> String {
    let folder = match info.resource {
        "nodes" => "minions".to_owned(),
        "services" => "services/specs".to_owned(),
        "endpoints" => "services/endpoints".to_owned(),
        "ingresses.networking.k8s.io" => "ingress".to_owned(),
        _ if matches!(info.group, "apiextensions.k8s.io" | "apiregistration.k8s.io")
            || crate::api::by_resource(info.resource).is_none() =>
        {
            format!("{}/{}", info.group, info.plural())
        }
        _ => info.plural().to_owned(),
    };
    if namespace.is_empty() { format!("{folder}/{name}") } else { format!("{folder}/{namespace}/{name}") }
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
