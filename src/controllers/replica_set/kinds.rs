//! The two kinds that keep so many Pods of a template running, as one.

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{
    PodTemplateSpec, ReplicationController, ReplicationControllerCondition, ReplicationControllerStatus,
};

use crate::apimachinery::Kind;
use crate::apimachinery::labels::{Requirement, Selector};

/// What the controller asks of either kind.
pub trait Replicated: Kind {
    /// The controller's name.
    const CONTROLLER: &'static str;
    /// The user that it speaks as.
    const USER: &'static str;

    /// Whose Pods these are.
    fn selector(&self) -> Option<Selector>;
    /// How many there are to be.
    fn replicas(&self) -> i32;
    /// How long one must be ready to count, in seconds.
    fn min_ready_seconds(&self) -> i32;
    /// What they are made from.
    fn template(&self) -> Option<&PodTemplateSpec>;
    /// The conditions in the status.
    fn conditions(&self) -> Vec<ReplicaSetCondition>;
    /// Sets the status.
    fn set_status(&mut self, status: ReplicaSetStatus);
}

impl Replicated for ReplicaSet {
    const CONTROLLER: &'static str = "replicaset-controller";
    const USER: &'static str = "system:serviceaccount:kube-system:replicaset-controller";

    fn selector(&self) -> Option<Selector> {
        Selector::from_label_selector(self.spec.as_ref().map(|spec| &spec.selector))
    }

    fn replicas(&self) -> i32 {
        self.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
    }

    fn min_ready_seconds(&self) -> i32 {
        self.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0)
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec.as_ref()?.template.as_ref()
    }

    fn conditions(&self) -> Vec<ReplicaSetCondition> {
        self.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default()
    }

    fn set_status(&mut self, status: ReplicaSetStatus) {
        self.status = Some(status);
    }
}

impl Replicated for ReplicationController {
    const CONTROLLER: &'static str = "replication-controller";
    const USER: &'static str = "system:serviceaccount:kube-system:replication-controller";

    fn selector(&self) -> Option<Selector> {
        let labels = self.spec.as_ref()?.selector.as_ref()?;
        let one = |(key, value): (&String, &String)| Requirement::In(key.clone(), vec![value.clone()]);
        Some(Selector { requirements: labels.iter().map(one).collect() })
    }

    fn replicas(&self) -> i32 {
        self.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
    }

    fn min_ready_seconds(&self) -> i32 {
        self.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0)
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec.as_ref()?.template.as_ref()
    }

    fn conditions(&self) -> Vec<ReplicaSetCondition> {
        let held = self.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
        let same = |held: ReplicationControllerCondition| ReplicaSetCondition {
            type_: held.type_,
            status: held.status,
            reason: held.reason,
            message: held.message,
            last_transition_time: held.last_transition_time,
        };
        held.into_iter().map(same).collect()
    }

    fn set_status(&mut self, status: ReplicaSetStatus) {
        let same = |held: ReplicaSetCondition| ReplicationControllerCondition {
            type_: held.type_,
            status: held.status,
            reason: held.reason,
            message: held.message,
            last_transition_time: held.last_transition_time,
        };
        self.status = Some(ReplicationControllerStatus {
            replicas: status.replicas,
            fully_labeled_replicas: status.fully_labeled_replicas,
            ready_replicas: status.ready_replicas,
            available_replicas: status.available_replicas,
            observed_generation: status.observed_generation,
            conditions: status.conditions.map(|held| held.into_iter().map(same).collect()),
        });
    }
}
