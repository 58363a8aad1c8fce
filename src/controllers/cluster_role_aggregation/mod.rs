//! The cluster role aggregation controller: a role that selects others by label holds all their rules.
//!
//! Models Kubernetes 1.36 pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go.

use k8s_openapi::api::rbac::v1::ClusterRole;

use super::pod_control::ignore_not_found;
use super::{Context, Controller};
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Kind, ObjectKey, Status, meta};
use crate::client::{Caches, Delta, WorkQueue};
use crate::sim::{Seed, Time};

/// See the module.
#[derive(Clone, Debug)]
pub struct ClusterRoleAggregationController;

/// A new cluster role aggregation controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(ClusterRoleAggregationController)
}

impl Controller for ClusterRoleAggregationController {
    fn name(&self) -> &'static str {
        "clusterrole-aggregation-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:clusterrole-aggregation-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![ClusterRole::RESOURCE]
    }

    fn observe(&mut self, _: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        for role in caches.list::<ClusterRole>().filter(|role| role.aggregation_rule.is_some()) {
            queue.add_at(ObjectKey::of(&*role), now);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Some(role) = context.caches.get::<ClusterRole>("", &key.name) else { return Ok(()) };
        let Some(wanted) = &role.aggregation_rule else { return Ok(()) };
        let mut rules = Vec::new();
        for selector in wanted.cluster_role_selectors.iter().flatten() {
            let Some(selector) = Selector::from_label_selector(Some(selector)) else { return Ok(()) };
            for other in context.caches.list::<ClusterRole>() {
                if meta::name(&other.metadata) == &*key.name || !selector.matches(other.metadata.labels.as_ref()) {
                    continue;
                }
                for rule in other.rules.iter().flatten() {
                    if !rules.contains(rule) {
                        rules.push(rule.clone());
                    }
                }
            }
        }
        if role.rules.as_deref().unwrap_or_default() == rules {
            return Ok(());
        }
        let changed = ClusterRole { rules: Some(rules), ..ClusterRole::clone(&role) };
        context.client.update(changed).map(|_| ()).or_else(ignore_not_found)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}
