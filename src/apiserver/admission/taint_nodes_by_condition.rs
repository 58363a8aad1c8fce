//! New nodes are not ready, and tainted so.
//!
//! Models Kubernetes 1.36 plugin/pkg/admission/nodetaint/admission.go.

use k8s_openapi::api::core::v1::{Node, Taint};

use super::Attributes;
use crate::apimachinery::{Object, Status};

/// Puts `node.kubernetes.io/not-ready:NoSchedule` on new nodes.
pub(super) fn admit(attributes: &mut Attributes<'_>, object: &mut dyn Object) -> Result<(), Status> {
    if attributes.old.is_some() {
        return Ok(());
    }
    let Some(node) = object.as_any_mut().downcast_mut::<Node>() else { return Ok(()) };
    let taints = node.spec.get_or_insert_default().taints.get_or_insert_default();
    let key = "node.kubernetes.io/not-ready";
    if !taints.iter().any(|taint| taint.key == key && taint.effect == "NoSchedule") {
        taints.push(Taint { key: key.to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() });
    }
    Ok(())
}
