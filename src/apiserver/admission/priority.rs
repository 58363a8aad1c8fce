//! Resolves a Pod's priority class to a number.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/priority/admission.go.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use super::Attributes;
use crate::apimachinery::{Object, Status, meta};

/// Sets `priority` and `preemptionPolicy` of new Pods.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    if attributes.old.is_some() {
        return Ok(());
    }
    let Some(pod) = object.as_any_mut().downcast_mut::<Pod>() else { return Ok(()) };
    let name = meta::name(&pod.metadata).to_owned();
    let spec = pod.spec.get_or_insert_default();
    let class_name = spec.priority_class_name.clone().unwrap_or_default();
    let class = if class_name.is_empty() {
        let mut classes = attributes.store.list("priorityclasses.scheduling.k8s.io", None);
        classes.find_map(|object| {
            object.as_any().downcast_ref::<PriorityClass>().filter(|class| class.global_default == Some(true))
        })
    } else {
        let found = attributes.store.get("priorityclasses.scheduling.k8s.io", "", &class_name);
        let class = found.and_then(|object| object.as_any().downcast_ref::<PriorityClass>());
        if class.is_none() {
            let why = format!("no PriorityClass with name {class_name} was found");
            return Err(Status::forbidden("pods", &name, &why));
        }
        class
    };
    let (priority, policy) =
        class.map_or((0, None), |class| (class.value.unwrap_or(0), class.preemption_policy.clone()));
    if let Some(class) = class {
        spec.priority_class_name.clone_from(&class.metadata.name);
    }
    if spec.priority.is_some_and(|given| given != priority) {
        let why = format!(
            "the integer value of priority ({}) must not be provided in pod spec; priority admission controller \
             computed {priority} from the given PriorityClass name",
            spec.priority.unwrap_or(0)
        );
        return Err(Status::forbidden("pods", &name, &why));
    }
    spec.priority = Some(priority);
    let policy = policy.unwrap_or_else(|| "PreemptLowerPriority".to_owned());
    spec.preemption_policy.get_or_insert(policy);
    Ok(())
}
