//! Pods stay five minutes on a node that is not ready or not reachable, unless they say otherwise.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/defaulttolerationseconds/admission.go.

use k8s_openapi::api::core::v1::{Pod, Toleration};

use super::Attributes;
use crate::apimachinery::{Object, Status};

/// Adds the two tolerations to Pods that have none for these taints.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    if attributes.old.is_some() {
        return Ok(());
    }
    let Some(pod) = object.as_any_mut().downcast_mut::<Pod>() else { return Ok(()) };
    let tolerations = &mut pod.spec.get_or_insert_default().tolerations;
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = tolerations.iter().flatten().any(|held| {
            let same_key = held.key.as_deref().unwrap_or_default();
            (same_key == key || same_key.is_empty())
                && matches!(held.effect.as_deref().unwrap_or_default(), "NoExecute" | "")
        });
        if !tolerated {
            tolerations.get_or_insert_default().push(Toleration {
                key: Some(key.to_owned()),
                operator: Some("Exists".to_owned()),
                effect: Some("NoExecute".to_owned()),
                toleration_seconds: Some(300),
                ..Toleration::default()
            });
        }
    }
    Ok(())
}
