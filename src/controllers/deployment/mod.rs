//! The Deployment controller: moves Pods from old ReplicaSets to the one with the wanted template.
//!
//! Models Kubernetes 1.36 pkg/controller/deployment/deployment_controller.go.

mod replica_sets;
mod rollout;
mod status;

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;

use self::rollout::Rollout;
use super::consistency::Consistency;
use super::pod_control;
use super::{Context, Controller};
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Kind, ObjectKey, Status, downcast, meta};
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::sim::{Seed, Time};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct DeploymentController {
    consistency: Consistency,
}

/// A new Deployment controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(DeploymentController::default())
}

impl Controller for DeploymentController {
    fn name(&self) -> &'static str {
        "deployment-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:deployment-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Deployment::RESOURCE, ReplicaSet::RESOURCE, Pod::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        match &*delta.resource {
            Deployment::RESOURCE => {
                if let Some(object) = delta.object() {
                    queue.add_at(ObjectKey::of(&**object), now);
                }
            }
            ReplicaSet::RESOURCE => {
                pod_control::queue_owners::<Deployment>(delta, caches, queue, now, selector_of);
            }
            _ => observe_pod(delta, caches, queue, now),
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        self.consistency.ensure_ready(key, context)?;
        let Some(deployment) = context.caches.get::<Deployment>(&key.namespace, &key.name) else { return Ok(()) };
        let result = sync(&deployment, context);
        self.consistency.wrote(key, context);
        result
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

/// The end of the last Pod lets a `Recreate` go on.
fn observe_pod(delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
    let Some(pod) = delta.object().filter(|_| delta.new.is_none()).and_then(downcast::<Pod>) else { return };
    let set = pod_control::controlling::<ReplicaSet>(caches, &pod.metadata);
    let deployment = set.and_then(|set| pod_control::controlling::<Deployment>(caches, &set.metadata));
    let Some(deployment) = deployment.filter(|deployment| rollout::is_recreate(deployment)) else { return };
    let mut sets = caches.controlled_by::<ReplicaSet>(meta::uid(&deployment.metadata));
    if !sets.any(|set| caches.controlled_by::<Pod>(meta::uid(&set.metadata)).next().is_some()) {
        queue.add_at(ObjectKey::of(&*deployment), now);
    }
}

fn selector_of(deployment: &Deployment) -> Option<Selector> {
    Selector::from_label_selector(deployment.spec.as_ref().map(|spec| &spec.selector))
}

fn sync(deployment: &Arc<Deployment>, context: &mut Context<'_>) -> Result<(), Status> {
    let selector = selector_of(deployment);
    if selector.as_ref().is_some_and(|selector| selector.requirements.is_empty()) {
        let message = "This deployment is selecting all pods. A non-empty selector is required.";
        context.events.event(&mut context.client, &**deployment, EventType::Warning, "SelectingAll", message);
        return Ok(());
    }
    let mut sets = pod_control::claim::<Deployment, ReplicaSet>(context, &**deployment, selector.as_ref(), "")?;
    sets.sort_by(|one, two| replica_sets::oldest_first(one, two));
    Rollout::new(Deployment::clone(deployment), sets, context).run()
}
