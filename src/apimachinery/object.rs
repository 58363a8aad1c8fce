//! The one trait behind which every object is held, and the typed view that controllers use.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

/// The plural with its group, as error texts write it: `jobs.batch`, `pods`.
pub type ResourceName = Arc<str>;

/// A Kubernetes object of any kind.
///
/// `Debug` is not asked of the types themselves: printing every field of every kind would cost the page more than
/// anybody gains from it.
pub trait Object: Any + Send + Sync {
    /// Its metadata.
    fn meta(&self) -> &ObjectMeta;
    /// Its metadata, to change.
    fn meta_mut(&mut self) -> &mut ObjectMeta;
    /// Its `apiVersion`, such as `batch/v1`.
    fn api_version(&self) -> &str;
    /// Its `kind`, such as `Job`.
    fn kind(&self) -> &str;
    /// The resource that it is kept under.
    fn resource(&self) -> &str;
    /// The object as JSON, `apiVersion` and `kind` included.
    fn to_json(&self) -> Value;
    /// A copy to change.
    fn clone_object(&self) -> Box<dyn Object>;
    /// Whether both are of one type and equal in every field.
    fn equals(&self, other: &dyn Object) -> bool;
    /// For downcasts.
    fn as_any(&self) -> &dyn Any;
    /// For downcasts.
    fn as_any_mut(&mut self) -> &mut dyn Any;
    /// For downcasts that keep the object shared.
    fn into_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// For downcasts that keep the object owned.
    fn into_any_box(self: Box<Self>) -> Box<dyn Any + Send + Sync>;
}

/// A kind known at compile time: a type of `k8s-openapi` that the server keeps.
pub trait Kind:
    Object
    + Clone
    + Default
    + PartialEq
    + serde::Serialize
    + serde::de::DeserializeOwned
    + k8s_openapi::Resource
    + k8s_openapi::Metadata<Ty = ObjectMeta>
{
    /// The resource: plural and group, such as `jobs.batch`.
    const RESOURCE: &'static str;
    /// Whether its objects live in namespaces.
    const NAMESPACED: bool;
}

impl<T: Kind> Object for T {
    fn meta(&self) -> &ObjectMeta {
        self.metadata()
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.metadata_mut()
    }
    fn api_version(&self) -> &str {
        T::API_VERSION
    }
    fn kind(&self) -> &str {
        T::KIND
    }
    fn resource(&self) -> &str {
        T::RESOURCE
    }
    fn to_json(&self) -> Value {
        // Serialising a k8s-openapi type into a value cannot fail: no map has keys other than strings.
        serde_json::to_value(self).unwrap_or_default()
    }
    fn clone_object(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<T>() == Some(self)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
    fn into_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
    fn into_any_box(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        self
    }
}

impl fmt::Debug for dyn Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", ObjectKey::of(self))
    }
}

/// The same object with its type, when it is of that type.
pub fn downcast<T: Kind>(object: &Arc<dyn Object>) -> Option<Arc<T>> {
    Arc::clone(object).into_any_arc().downcast::<T>().ok()
}

/// Names one object: resource, namespace (empty for cluster-scoped kinds) and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Such as `jobs.batch`.
    pub resource: ResourceName,
    /// Empty for cluster-scoped kinds.
    pub namespace: Arc<str>,
    /// The object's name.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// A key from its parts.
    pub fn new(resource: &str, namespace: &str, name: &str) -> Self {
        Self { resource: resource.into(), namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object.
    pub fn of(object: &dyn Object) -> Self {
        let meta = object.meta();
        Self::new(
            object.resource(),
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        )
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.resource, self.namespace, self.name)
    }
}
