//! What `kubectl describe` prints: one object and its surroundings, for people. A file per family of kinds.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/describe/describe.go.

mod autoscaler;
mod certificate;
mod containers;
mod events;
mod generic;
mod network;
mod network_policy;
mod node;
mod parts;
mod plain;
mod pod;
mod storage;
mod volumes;
mod workloads;

pub use parts::age;
pub use workloads::pod_template_with_tabs;

use serde_json::Value;

use super::builder::Target;
use super::failure::Failure;
use super::program::Context;
use crate::text::table::Description;

/// A description in the making.
pub(crate) struct Describer<'a, 'b> {
    /// To ask the server for surroundings.
    pub cx: &'a mut Context<'b>,
    /// The text.
    pub w: Description,
    /// Whether events are shown.
    pub show_events: bool,
}

type Describe = fn(&mut Describer<'_, '_>, &Value) -> Result<(), Failure>;

/// The one list of kinds with a description of their own.
const DESCRIBERS: &[(&str, &str, Describe)] = &[
    ("", "Pod", pod::pod),
    ("", "Node", node::node),
    ("", "Namespace", plain::namespace),
    ("", "Service", network::service),
    ("", "Endpoints", network::endpoints),
    ("", "ConfigMap", plain::config_map),
    ("", "Secret", plain::secret),
    ("", "ServiceAccount", plain::service_account),
    ("", "ResourceQuota", plain::quota),
    ("", "LimitRange", plain::limit_range),
    ("", "PersistentVolume", storage::persistent_volume),
    ("", "PersistentVolumeClaim", storage::persistent_volume_claim),
    ("", "ReplicationController", workloads::replication_controller),
    ("apps", "Deployment", workloads::deployment),
    ("apps", "ReplicaSet", workloads::replica_set),
    ("apps", "DaemonSet", workloads::daemon_set),
    ("apps", "StatefulSet", workloads::stateful_set),
    ("autoscaling", "HorizontalPodAutoscaler", autoscaler::autoscaler),
    ("batch", "Job", workloads::job),
    ("batch", "CronJob", workloads::cron_job),
    ("certificates.k8s.io", "CertificateSigningRequest", certificate::signing_request),
    ("discovery.k8s.io", "EndpointSlice", network::endpoint_slice),
    ("networking.k8s.io", "Ingress", network::ingress),
    ("networking.k8s.io", "IngressClass", network::ingress_class),
    ("networking.k8s.io", "IPAddress", network::ip_address),
    ("networking.k8s.io", "NetworkPolicy", network_policy::network_policy),
    ("networking.k8s.io", "ServiceCIDR", network::service_range),
    ("policy", "PodDisruptionBudget", plain::disruption_budget),
    ("rbac.authorization.k8s.io", "ClusterRole", plain::role),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", plain::role_binding),
    ("rbac.authorization.k8s.io", "Role", plain::role),
    ("rbac.authorization.k8s.io", "RoleBinding", plain::role_binding),
    ("scheduling.k8s.io", "PriorityClass", plain::priority_class),
    ("storage.k8s.io", "CSINode", storage::csi_node),
    ("storage.k8s.io", "StorageClass", storage::storage_class),
    ("storage.k8s.io", "VolumeAttributesClass", storage::attributes_class),
];

/// The description of an object.
///
/// # Errors
/// The server's, when surroundings cannot be had.
pub fn describe(cx: &mut Context<'_>, target: &Target, show_events: bool) -> Result<String, Failure> {
    let mut object = target.object.clone().unwrap_or_default();
    // Whatever version is named, an autoscaler is described as that of the second one.
    if target.resource.kind == "HorizontalPodAutoscaler" && target.resource.version != "v2" {
        let Target { namespace, name, .. } = target;
        object = cx.get(&format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{name}"))?;
    }
    let own =
        DESCRIBERS.iter().find(|(group, kind, _)| *group == target.resource.group && *kind == target.resource.kind);
    let mut describer = Describer { cx, w: Description::new(), show_events };
    match own {
        Some((_, _, describe)) => describe(&mut describer, &object)?,
        None => generic::generic(&mut describer, &object)?,
    }
    Ok(describer.w.finish())
}
