//! Tells who made a change from what changed: Kubernetes' components each write their own fields.
//! Guesses nothing that a later Event can correct; see `fold`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::model::Who;

/// Binds Pods to nodes.
pub const SCHEDULER: Who = Who::new("scheduler");
/// Writes the status of Pods.
pub const KUBELET: Who = Who::new("kubelet");
/// Removes what its owner left behind.
pub const GARBAGE_COLLECTOR: Who = Who::new("garbage-collector");
/// The person at the terminal.
pub const KUBECTL: Who = Who::new("kubectl");

/// The controller of a kind, by the name of its Events.
pub fn controller_of(kind: &str) -> Option<Who> {
    Some(Who::new(match kind {
        "Job" => "job-controller",
        "CronJob" => "cronjob-controller",
        "Deployment" => "deployment-controller",
        "ReplicaSet" => "replicaset-controller",
        "DaemonSet" => "daemonset-controller",
        "StatefulSet" => "statefulset-controller",
        "ReplicationController" => "replication-controller",
        _ => return None,
    }))
}

/// The owner that controls the object.
pub fn controlling_owner(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// Who created the object: the controller of its owner, else the first field manager, else kubectl.
pub fn creator(meta: &ObjectMeta) -> Who {
    if let Some(who) = controlling_owner(meta).and_then(|owner| controller_of(&owner.kind)) {
        return who;
    }
    let manager = meta.managed_fields.iter().flatten().find_map(|entry| entry.manager.as_deref());
    manager.map_or(KUBECTL, |manager| who(short(manager)))
}

/// The one of that name, as the story writes it.
pub fn who(name: &str) -> Who {
    match name {
        "default-scheduler" | "kube-scheduler" => SCHEDULER,
        "kubelet" => KUBELET,
        "generic-garbage-collector" => GARBAGE_COLLECTOR,
        "kubectl" => KUBECTL,
        other => controller_name(other).unwrap_or_else(|| Who(other.to_owned().into())),
    }
}

/// Known spellings of controllers in Events and field managers.
fn controller_name(name: &str) -> Option<Who> {
    let kind = match name {
        "job-controller" => "Job",
        "cronjob-controller" | "cron-job-controller" => "CronJob",
        "deployment-controller" => "Deployment",
        "replicaset-controller" | "replica-set-controller" => "ReplicaSet",
        "daemonset-controller" | "daemon-set-controller" => "DaemonSet",
        _ => return None,
    };
    controller_of(kind)
}

/// `kubectl-client-side-apply` and `kubectl-create` are kubectl.
fn short(manager: &str) -> &str {
    if manager.starts_with("kubectl") { "kubectl" } else { manager }
}
