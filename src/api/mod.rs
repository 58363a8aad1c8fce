//! The kinds: one folder each, with its defaults, validation, strategy and columns. `KINDS` is the one list.
//!
//! Refuses to store anything and to know HTTP: every rule here is a pure function of objects.

use k8s_openapi::api::{
    apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch, coordination::v1 as coordination,
    core::v1 as core, discovery::v1 as discovery, networking::v1 as networking, policy::v1 as policy, rbac::v1 as rbac,
    scheduling::v1 as scheduling, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;

mod cells;
mod cluster_role;
mod cluster_role_binding;
mod config_map;
mod controller_revision;
mod cron_job;
mod custom_resource_definition;
mod daemon_set;
mod deployment;
mod endpoint_slice;
mod endpoints;
mod event;
mod generation;
mod horizontal_pod_autoscaler;
mod ingress;
mod ingress_class;
mod job;
mod lease;
mod limit_range;
mod namespace;
mod network_policy;
mod node;
mod persistent_volume;
mod persistent_volume_claim;
mod pod;
mod pod_disruption_budget;
mod pod_spec;
mod pod_template;
mod priority_class;
mod replica_set;
mod replication_controller;
mod resource_quota;
mod role;
mod role_binding;
mod secret;
mod service;
mod service_account;
mod stateful_set;
mod storage_class;
mod strategy;
mod subjects;


pub use strategy::{Cell, Column, KindInfo, KindOps, Strategy, ops};

/// Every kind that the server keeps, in the order in which discovery lists groups and `kubectl api-resources` reads
/// them. To add a kind: a folder with an `impl Strategy` and a line here.
pub static KINDS: &[&dyn KindOps] = &[
    &ops::<core::ConfigMap>(),
    &ops::<core::Endpoints>(),
    &ops::<core::Event>(),
    &ops::<core::LimitRange>(),
    &ops::<core::Namespace>(),
    &ops::<core::Node>(),
    &ops::<core::PersistentVolumeClaim>(),
    &ops::<core::PersistentVolume>(),
    &ops::<core::Pod>(),
    &ops::<core::PodTemplate>(),
    &ops::<core::ReplicationController>(),
    &ops::<core::ResourceQuota>(),
    &ops::<core::Secret>(),
    &ops::<core::ServiceAccount>(),
    &ops::<core::Service>(),
    &ops::<apps::ControllerRevision>(),
    &ops::<apps::DaemonSet>(),
    &ops::<apps::Deployment>(),
    &ops::<apps::ReplicaSet>(),
    &ops::<apps::StatefulSet>(),
    &ops::<autoscaling::HorizontalPodAutoscaler>(),
    &ops::<batch::CronJob>(),
    &ops::<batch::Job>(),
    &ops::<networking::IngressClass>(),
    &ops::<networking::Ingress>(),
    &ops::<networking::NetworkPolicy>(),
    &ops::<policy::PodDisruptionBudget>(),
    &ops::<rbac::ClusterRoleBinding>(),
    &ops::<rbac::ClusterRole>(),
    &ops::<rbac::RoleBinding>(),
    &ops::<rbac::Role>(),
    &ops::<storage::StorageClass>(),
    &ops::<apiextensions::CustomResourceDefinition>(),
    &ops::<scheduling::PriorityClass>(),
    &ops::<coordination::Lease>(),
    &ops::<discovery::EndpointSlice>(),
];

/// The kind kept under `resource` (`jobs.batch`).
pub fn by_resource(resource: &str) -> Option<&'static dyn KindOps> {
    KINDS.iter().copied().find(|kind| kind.info().resource == resource)
}

/// The kind of this `apiVersion` and `kind`.
pub fn by_kind(api_version: &str, kind: &str) -> Option<&'static dyn KindOps> {
    KINDS.iter().copied().find(|known| known.info().api_version() == api_version && known.info().kind == kind)
}
