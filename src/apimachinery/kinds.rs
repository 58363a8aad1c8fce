//! Which types of `k8s-openapi` are kept by the server, and under which resource.

use k8s_openapi::api::{
    apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch, coordination::v1 as coordination,
    core::v1 as core, discovery::v1 as discovery, networking::v1 as networking, policy::v1 as policy, rbac::v1 as rbac,
    scheduling::v1 as scheduling, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;

use super::Kind;

macro_rules! kinds {
    ($($type:ty => $resource:literal, $namespaced:literal;)*) => {
        $(impl Kind for $type {
            const RESOURCE: &'static str = $resource;
            const NAMESPACED: bool = $namespaced;
        })*
    };
}

kinds! {
    core::Pod => "pods", true;
    core::Namespace => "namespaces", false;
    core::Node => "nodes", false;
    core::Event => "events", true;
    core::Service => "services", true;
    core::Endpoints => "endpoints", true;
    core::ConfigMap => "configmaps", true;
    core::Secret => "secrets", true;
    core::ServiceAccount => "serviceaccounts", true;
    core::PersistentVolume => "persistentvolumes", false;
    core::PersistentVolumeClaim => "persistentvolumeclaims", true;
    core::ResourceQuota => "resourcequotas", true;
    core::LimitRange => "limitranges", true;
    core::ReplicationController => "replicationcontrollers", true;
    core::PodTemplate => "podtemplates", true;
    apps::Deployment => "deployments.apps", true;
    apps::ReplicaSet => "replicasets.apps", true;
    apps::DaemonSet => "daemonsets.apps", true;
    apps::StatefulSet => "statefulsets.apps", true;
    apps::ControllerRevision => "controllerrevisions.apps", true;
    batch::Job => "jobs.batch", true;
    batch::CronJob => "cronjobs.batch", true;
    discovery::EndpointSlice => "endpointslices.discovery.k8s.io", true;
    networking::Ingress => "ingresses.networking.k8s.io", true;
    networking::IngressClass => "ingressclasses.networking.k8s.io", false;
    networking::NetworkPolicy => "networkpolicies.networking.k8s.io", true;
    autoscaling::HorizontalPodAutoscaler => "horizontalpodautoscalers.autoscaling", true;
    policy::PodDisruptionBudget => "poddisruptionbudgets.policy", true;
    scheduling::PriorityClass => "priorityclasses.scheduling.k8s.io", false;
    storage::StorageClass => "storageclasses.storage.k8s.io", false;
    coordination::Lease => "leases.coordination.k8s.io", true;
    rbac::Role => "roles.rbac.authorization.k8s.io", true;
    rbac::RoleBinding => "rolebindings.rbac.authorization.k8s.io", true;
    rbac::ClusterRole => "clusterroles.rbac.authorization.k8s.io", false;
    rbac::ClusterRoleBinding => "clusterrolebindings.rbac.authorization.k8s.io", false;
    apiextensions::CustomResourceDefinition => "customresourcedefinitions.apiextensions.k8s.io", false;
}
