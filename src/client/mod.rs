//! How components of the control plane speak to the API server: a typed client, caches fed by cursors, a workqueue
//! and the event recorder. Reads for reaction come from [`Cache`], writes go through [`Client`].

mod cache;
mod event_correlation;
mod event_series;
mod events;
mod watch;
mod workqueue;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Binding, Pod};

pub use cache::{Cache, Caches, Delta};
pub use event_series::{Note, SeriesRecorder};
pub use events::{EventRecorder, EventType};
pub use watch::{Pulled, Watch};
pub use workqueue::WorkQueue;

use crate::apimachinery::{Kind, Object, Status, meta};
use crate::apiserver::{ApiServer, Caller, DeleteOptions};
use crate::sim::Time;

/// What a component did when it was given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// One piece of work; there may be more at this instant.
    Done,
    /// Nothing to do before this instant, unless the cluster changes.
    Idle(Option<Time>),
}

/// The API server, seen by one component.
#[derive(Debug)]
pub struct Client<'a> {
    server: &'a mut ApiServer,
    caller: &'a Caller,
}

impl<'a> Client<'a> {
    /// A client that speaks as `caller`.
    pub fn new(server: &'a mut ApiServer, caller: &'a Caller) -> Self {
        Self { server, caller }
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        self.server.now()
    }

    /// Who speaks.
    pub fn caller(&self) -> &Caller {
        self.caller
    }

    /// A token of a Pod's service account, for a volume of the Pod. `None` when there is no such account.
    pub fn pod_token(&self, pod: &Pod, audience: Option<&str>, seconds: i64) -> Option<String> {
        self.server.pod_token(pod, audience, seconds)
    }

    /// One object, read from the server itself. `namespace` is empty for cluster-scoped kinds.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn get<T: Kind>(&self, namespace: &str, name: &str) -> Result<Arc<T>, Status> {
        self.server.get(namespace, name)
    }

    /// The objects of a kind, read from the server itself.
    pub fn list<T: Kind>(&self, namespace: Option<&str>) -> Vec<Arc<T>> {
        self.server.list(namespace).collect()
    }

    /// Creates an object.
    ///
    /// # Errors
    /// The server's answer.
    pub fn create<T: Kind>(&mut self, object: T) -> Result<Arc<T>, Status> {
        self.server.create(self.caller, object)
    }

    /// Replaces an object; its status stays.
    ///
    /// # Errors
    /// The server's answer.
    pub fn update<T: Kind>(&mut self, object: T) -> Result<Arc<T>, Status> {
        self.server.update(self.caller, object)
    }

    /// Replaces an object's status; the rest stays.
    ///
    /// # Errors
    /// The server's answer.
    pub fn update_status<T: Kind>(&mut self, object: T) -> Result<Arc<T>, Status> {
        self.server.update_status(self.caller, object)
    }

    /// Replaces an object of any kind; its status stays.
    ///
    /// # Errors
    /// The server's answer.
    pub fn update_any(&mut self, object: Box<dyn Object>) -> Result<Arc<dyn Object>, Status> {
        self.server.update_object(self.caller, object, "", false)
    }

    /// Changes what a subresource such as `finalize` may change of an object of any kind.
    ///
    /// # Errors
    /// The server's answer.
    pub fn update_subresource(
        &mut self,
        object: Box<dyn Object>,
        subresource: &str,
    ) -> Result<Arc<dyn Object>, Status> {
        self.server.update_object(self.caller, object, subresource, false)
    }

    /// The names of the objects of any kind in a namespace, read from the server itself.
    pub fn names(&self, resource: &str, namespace: &str) -> Vec<String> {
        let objects = self.server.store().list(resource, Some(namespace));
        objects.map(|object| meta::name(object.meta()).to_owned()).collect()
    }

    /// The finalizers of an object of any kind, read from the server itself; none when it is gone.
    pub fn finalizers(&self, resource: &str, namespace: &str, name: &str) -> Vec<String> {
        let object = self.server.store().get(resource, namespace, name);
        object.and_then(|object| object.meta().finalizers.clone()).unwrap_or_default()
    }

    /// Asks for an object's end.
    ///
    /// # Errors
    /// The server's answer.
    pub fn delete<T: Kind>(&mut self, namespace: &str, name: &str, options: &DeleteOptions) -> Result<(), Status> {
        self.server.delete_object(self.caller, T::RESOURCE, namespace, name, options).map(|_| ())
    }

    /// Asks for the end of an object named by its resource (`jobs.batch`), as the garbage collector does.
    ///
    /// # Errors
    /// The server's answer.
    pub fn delete_by_resource(
        &mut self,
        resource: &str,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<(), Status> {
        self.server.delete_object(self.caller, resource, namespace, name, options).map(|_| ())
    }

    /// Binds a Pod to a node (`pods/binding`).
    ///
    /// # Errors
    /// The server's answer.
    pub fn bind(&mut self, binding: &Binding) -> Result<(), Status> {
        let (namespace, name) = (
            binding.metadata.namespace.as_deref().unwrap_or_default(),
            binding.metadata.name.as_deref().unwrap_or_default(),
        );
        self.server.bind(self.caller, namespace, name, binding).map(|_| ())
    }

    /// The server itself, for what has no typed call yet.
    pub fn server(&mut self) -> &mut ApiServer {
        self.server
    }
}

/// The Pod's `spec.nodeName`, empty before it is bound.
pub fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default()
}
