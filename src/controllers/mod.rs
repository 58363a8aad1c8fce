//! The controllers: each takes a key, reads its caches, plans, and asks the server. `CONTROLLERS` is the one list.
//!
//! A controller never touches storage, another controller or a clock; its only memory is what upstream's has.

mod cluster_role_aggregation;
mod consistency;
mod cron_job;
mod daemon_set;
mod deployment;
mod disruption;
mod endpoint_slice;
mod ephemeral_volume;
mod garbage_collector;
mod horizontal_pod_autoscaler;
mod job;
mod manager;
mod namespace;
mod node_lifecycle;
mod persistent_volume;
mod pod_control;
mod pod_garbage_collector;
mod pod_template;
mod replica_set;
mod resource_quota;
mod service_account;
mod stateful_set;
mod taint_eviction;
#[cfg(test)]
mod tests;
mod ttl_after_finished;
mod volume_expand;
mod volume_protection;

use std::fmt::Debug;
use std::time::Duration;

pub use manager::ControllerManager;
pub use service_account::certificate;

use crate::apimachinery::{ObjectKey, Status};
use crate::client::{Caches, Client, Delta, EventRecorder, WorkQueue};
use crate::sim::{Seed, Time};

/// Makes a controller from the cluster's seed.
pub type NewController = fn(Seed) -> Box<dyn Controller>;

/// Every controller of the cluster, in the order in which they look at a change. To add one: a folder and a line.
pub static CONTROLLERS: &[NewController] = &[
    garbage_collector::new,
    job::new,
    cron_job::new,
    ttl_after_finished::new,
    replica_set::new,
    replica_set::new_replication_controller,
    deployment::new,
    daemon_set::new,
    stateful_set::new,
    endpoint_slice::new,
    endpoint_slice::new_endpoints,
    namespace::new,
    service_account::new,
    service_account::new_root_ca_publisher,
    pod_garbage_collector::new,
    resource_quota::new,
    disruption::new,
    horizontal_pod_autoscaler::new,
    persistent_volume::new,
    persistent_volume::new_provisioner,
    volume_protection::new,
    ephemeral_volume::new,
    volume_expand::new,
    node_lifecycle::new,
    taint_eviction::new,
    cluster_role_aggregation::new,
];

/// A control loop.
pub trait Controller: Send + Sync {
    /// Its name, as upstream's events and field managers show it: `job-controller`.
    fn name(&self) -> &'static str;

    /// The user that it speaks as, such as `system:serviceaccount:kube-system:job-controller`.
    fn user(&self) -> &'static str;

    /// The resources whose changes it wants: `pods`, `jobs.batch`.
    fn watches(&self) -> Vec<&'static str>;

    /// Whether it wants the changes of custom resources too, whatever they are.
    fn watches_custom_resources(&self) -> bool {
        false
    }

    /// How long a failed key waits at first and at most.
    fn backoff(&self) -> (Duration, Duration) {
        (Duration::from_millis(5), Duration::from_secs(1000))
    }

    /// Looks at a change that the caches have taken in and queues the keys that it concerns.
    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time);

    /// Brings the object of a key closer to what is wanted. `Ok` ends the key's back-off.
    ///
    /// # Errors
    /// A `Status` that makes the manager try again after a back-off.
    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status>;

    /// A copy that goes on from the same point.
    fn clone_box(&self) -> Box<dyn Controller>;
}

/// Its name alone: the state of all of them would be shipped with the page.
impl std::fmt::Debug for dyn Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Controller")
    }
}

impl Clone for Box<dyn Controller> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// What a controller may use while it reconciles.
#[derive(Debug)]
pub struct Context<'a> {
    /// Writes, and reads that must not be stale.
    pub client: Client<'a>,
    /// What the controllers have seen so far.
    pub caches: &'a Caches,
    /// For keys to look at again later.
    pub queue: &'a mut WorkQueue,
    /// Records Events in the controller's name.
    pub events: &'a mut EventRecorder,
    /// The present instant.
    pub now: Time,
}
