//! Resolves a Pod's priority class to a number.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/priority/admission.go.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use super::Attributes;
use crate::apimachinery::{Object, Status, meta};
use crate::storage::Store;

/// There is one default, and no other.
pub(super) fn validate(attributes: &mut Attributes<'_>, object: &dyn Object) -> Result<(), Status> {
    let class = object.as_any().downcast_ref::<PriorityClass>();
    if class.and_then(|class| class.global_default) != Some(true) {
        return Ok(());
    }
    let held = default_class(attributes.store).and_then(|held| held.metadata.name.as_deref());
    let Some(held) = held.filter(|held| attributes.old.is_none() || *held != meta::name(object.meta())) else {
        return Ok(());
    };
    let why = format!("PriorityClass {held} is already marked as default. Only one default can exist");
    Err(attributes.forbidden(object, &why))
}

/// Of several the one of the lowest value (`getDefaultPriorityClass`).
fn default_class(store: &Store) -> Option<&PriorityClass> {
    let classes = store.list("priorityclasses.scheduling.k8s.io", None);
    let classes = classes.filter_map(|object| object.as_any().downcast_ref::<PriorityClass>());
    classes.filter(|class| class.global_default == Some(true)).min_by_key(|class| class.value)
}

/// Sets `priority` and `preemptionPolicy` of new Pods.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    let Some(pod) = object.as_any_mut().downcast_mut::<Pod>() else { return Ok(()) };
    let spec = pod.spec.get_or_insert_default();
    if let Some(old) = attributes.old.and_then(|old| old.as_any().downcast_ref::<Pod>()?.spec.as_ref()) {
        // What an update leaves out stays.
        spec.priority = spec.priority.or(old.priority);
        if spec.preemption_policy.is_none() {
            spec.preemption_policy.clone_from(&old.preemption_policy);
        }
        return Ok(());
    }
    let name = spec.priority_class_name.clone().unwrap_or_default();
    let class = match name.as_str() {
        "" => default_class(attributes.store),
        name => {
            let found = attributes.store.get("priorityclasses.scheduling.k8s.io", "", name);
            let Some(class) = found.and_then(|object| object.as_any().downcast_ref::<PriorityClass>()) else {
                let why = format!("no PriorityClass with name {name} was found");
                return Err(attributes.forbidden(object, &why));
            };
            Some(class)
        }
    };
    let computed = class.and_then(|class| class.value).unwrap_or(0);
    let policy = class.map_or_else(
        || "PreemptLowerPriority".to_owned(),
        |class| class.preemption_policy.clone().unwrap_or_else(|| "PreemptLowerPriority".to_owned()),
    );
    if let Some(given) = spec.priority.filter(|given| *given != computed) {
        let why = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {computed} from the given PriorityClass name"
        );
        return Err(attributes.forbidden(object, &why));
    }
    if let Some(given) = spec.preemption_policy.clone().filter(|given| *given != policy) {
        let why = format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission \
             controller computed {policy} from the given PriorityClass name"
        );
        return Err(attributes.forbidden(object, &why));
    }
    if let Some(class) = class {
        spec.priority_class_name.clone_from(&class.metadata.name);
    }
    spec.priority = Some(computed);
    spec.preemption_policy = Some(policy);
    Ok(())
}
