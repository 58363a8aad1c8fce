//! A cordoned node takes no new Pods, unless they tolerate it.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/plugins/nodeunschedulable.

use k8s_openapi::api::core::v1::{Node, Taint};

use super::{NodeInfo, Refusal, Wanted, taint_toleration, unresolvable};

pub fn refuse(wanted: &Wanted, node: &Node, _: &NodeInfo) -> Option<Refusal> {
    if node.spec.as_ref().and_then(|spec| spec.unschedulable) != Some(true) {
        return None;
    }
    let taint = Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    };
    let tolerated = wanted.spec.tolerations.iter().flatten().any(|given| taint_toleration::tolerates(given, &taint));
    (!tolerated).then(|| unresolvable("node(s) were unschedulable"))
}
