//! `pods/eviction`: deletes a Pod unless a disruption budget forbids it.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/storage/eviction.go.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Cause, Reason, Status, meta};
use crate::apiserver::body;
use crate::apiserver::endpoints::{Call, delete_options_of};
use crate::apiserver::route::Target;
use crate::text::http::Response;

/// Evicts the Pod that the path names.
pub(super) fn create(call: &mut Call<'_>, target: &Target) -> Result<Response, Status> {
    let asked = if call.request.body.is_empty() { Value::Null } else { body::read(call.request, "Eviction")?.0 };
    let dry_run = body::dry_run(call.request, "CreateOptions")?;
    let options = delete_options_of(asked.get("deleteOptions").unwrap_or(&Value::Null), |_| None, dry_run)?;
    let (namespace, name) = (target.namespace(), target.name.as_str());
    let pod = call.server.get::<Pod>(namespace, name)?;
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    if !matches!(phase, "Succeeded" | "Failed" | "Pending") && !meta::is_deleting(&pod.metadata) {
        spend_budget(call, namespace, &pod, dry_run)?;
    }
    call.server.delete_object(call.caller, "pods", namespace, name, &options)?;
    Ok(call.json(201, &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})))
}

fn spend_budget(call: &mut Call<'_>, namespace: &str, pod: &Pod, dry_run: bool) -> Result<(), Status> {
    let budgets: Vec<_> = call
        .server
        .list::<PodDisruptionBudget>(Some(namespace))
        .filter(|budget| {
            let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            Selector::from_label_selector(selector)
                .is_some_and(|selector| selector.matches(pod.metadata.labels.as_ref()))
        })
        .collect();
    let budget = match budgets.as_slice() {
        [] => return Ok(()),
        [one] => one,
        _ => {
            return Err(Status::internal(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            ));
        }
    };
    let name = meta::name(&budget.metadata);
    let status = budget.status.clone().unwrap_or_default();
    if status.disruptions_allowed.unwrap_or(0) <= 0 {
        let text = "Cannot evict pod as it would violate the pod's disruption budget.";
        let mut refused = Status::other(Reason::TooManyRequests, text);
        let (desired, healthy) = (status.desired_healthy.unwrap_or(0), status.current_healthy.unwrap_or(0));
        refused.causes.push(Cause {
            reason: "DisruptionBudget".to_owned(),
            message: format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"),
            field: String::new(),
        });
        return Err(refused);
    }
    if !dry_run {
        let mut budget = PodDisruptionBudget::clone(budget);
        let status = budget.status.get_or_insert_default();
        status.disruptions_allowed = status.disruptions_allowed.map(|allowed| allowed - 1);
        let at = meta::time(call.server.now());
        status.disrupted_pods.get_or_insert_default().insert(meta::name(&pod.metadata).to_owned(), at);
        call.server.update_status(call.caller, budget)?;
    }
    Ok(())
}
