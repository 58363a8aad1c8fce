//! `pods/eviction`: deletes a Pod unless a disruption budget forbids it.
//!
//! Models Kubernetes 1.36 pkg/registry/core/pod/storage/eviction.go.

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Cause, Reason, Status, meta};
use crate::apiserver::body;
use crate::apiserver::call::Call;
use crate::apiserver::endpoints::delete_options_of;
use crate::apiserver::route::Target;
use crate::text::http::Response;

/// Evicts the Pod that the path names.
pub(super) fn create(call: &mut Call<'_>, target: &Target) -> Result<Response, Status> {
    let asked = if call.request.body.is_empty() { Value::Null } else { body::read(call.request, "Eviction")?.0 };
    if asked.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default() != target.name {
        return Err(Status::bad_request("name in URL does not match name in Eviction object"));
    }
    let dry_run = body::dry_run(call.request, "CreateOptions")?;
    let options = delete_options_of(asked.get("deleteOptions").unwrap_or(&Value::Null), |_| None, dry_run)?;
    let (namespace, name) = (target.namespace(), target.name.as_str());
    let pod = call.server.get::<Pod>(namespace, name)?;
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    if !matches!(phase, "Succeeded" | "Failed" | "Pending") && !meta::is_deleting(&pod.metadata) {
        spend_budget(call, namespace, &pod, dry_run)?;
    }
    if !dry_run {
        mark(call, &pod)?;
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
    let status = budget.status.clone().unwrap_or_default();
    let (desired, healthy) = (status.desired_healthy.unwrap_or(0), status.current_healthy.unwrap_or(0));
    if !is_ready(pod) {
        // A Pod that does not work is not what a budget guards, as long as enough others do.
        let policy = budget.spec.as_ref().and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
        if policy == Some("AlwaysAllow") || (healthy >= desired && desired > 0) {
            return Ok(());
        }
    }
    check(budget)?;
    if !dry_run {
        let mut budget = PodDisruptionBudget::clone(budget);
        let status = budget.status.get_or_insert_default();
        status.disruptions_allowed = status.disruptions_allowed.map(|allowed| allowed - 1);
        let now = meta::time(call.server.now());
        if status.disruptions_allowed == Some(0) {
            let held = status.conditions.iter_mut().flatten();
            for condition in held.filter(|held| held.type_ == "DisruptionAllowed" && held.status == "True") {
                condition.status = "False".to_owned();
                condition.reason = "InsufficientPods".to_owned();
                condition.last_transition_time = now.clone();
            }
        }
        status.disrupted_pods.get_or_insert_default().insert(meta::name(&pod.metadata).to_owned(), now);
        call.server.update_status(call.caller, budget)?;
    }
    Ok(())
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|held| held.type_ == "Ready" && held.status == "True")
}

/// Whether the budget allows one more disruption.
fn check(budget: &PodDisruptionBudget) -> Result<(), Status> {
    let name = meta::name(&budget.metadata);
    let status = budget.status.clone().unwrap_or_default();
    let refuse = |message: String, wait: u32| {
        let text = "Cannot evict pod as it would violate the pod's disruption budget.";
        let mut refused = Status::other(Reason::TooManyRequests, text);
        refused.retry_after_seconds = wait;
        refused.causes.push(Cause { reason: "DisruptionBudget".to_owned(), message, field: String::new() });
        Err(refused)
    };
    if status.observed_generation.unwrap_or(0) < budget.metadata.generation.unwrap_or(0) {
        return refuse(format!("The disruption budget {name} is still being processed by the server."), 10);
    }
    if status.disruptions_allowed.unwrap_or(0) > 0 {
        return Ok(());
    }
    let mut conditions = status.conditions.iter().flatten();
    let told = conditions.find(|held| held.type_ == "DisruptionAllowed" && held.status == "False");
    let told = told.filter(|held| !held.message.is_empty());
    let (desired, healthy) = (status.desired_healthy.unwrap_or(0), status.current_healthy.unwrap_or(0));
    let why = match told {
        Some(held) if held.reason == "SyncFailed" => {
            format!("does not allow evicting pods currently because it failed sync: {}", held.message)
        }
        _ if healthy <= desired => format!("needs {desired} healthy pods and has {healthy} currently"),
        Some(held) => format!("does not allow evicting pods currently ({}): {}", held.reason, held.message),
        None => "does not allow evicting pods currently".to_owned(),
    };
    refuse(format!("The disruption budget {name} {why}"), 0)
}

/// Notes on the Pod who ends it.
fn mark(call: &mut Call<'_>, pod: &Pod) -> Result<(), Status> {
    let mut changed = pod.clone();
    let conditions = changed.status.get_or_insert_default().conditions.get_or_insert_default();
    conditions.retain(|held| held.type_ != "DisruptionTarget");
    conditions.push(PodCondition {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
        reason: Some("EvictionByEvictionAPI".to_owned()),
        message: Some("Eviction API: evicting".to_owned()),
        last_transition_time: Some(meta::time(call.server.now())),
        observed_generation: pod.metadata.generation,
        ..PodCondition::default()
    });
    call.server.update_status(call.caller, changed).map(|_| ())
}
