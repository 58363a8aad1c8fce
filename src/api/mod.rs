//! The kinds: one folder each, with its defaults, validation, strategy and columns. `KINDS` is the one list.
//!
//! Refuses to store anything and to know HTTP: every rule here is a pure function of objects.

use k8s_openapi::api::{
    apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch, coordination::v1 as coordination,
    core::v1 as core, discovery::v1 as discovery, networking::v1 as networking, policy::v1 as policy, rbac::v1 as rbac,
    scheduling::v1 as scheduling, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;

pub mod api_service;
mod cells;
pub mod certificate_signing_request;
mod claim_spec;
mod cluster_role;
mod cluster_role_binding;
mod config_map;
mod controller_revision;
pub mod cron_job;
pub mod custom;
mod custom_resource_definition;
mod daemon_set;
mod deployment;
mod disks;
mod endpoint_slice;
mod endpoints;
mod event;
mod generation;
mod horizontal_pod_autoscaler;
mod ingress;
mod ingress_class;
mod internal;
mod job;
mod job_spec;
mod lease;
mod limit_range;
mod namespace;
mod network_policy;
mod node;
pub mod node_fit;
mod omitted;
mod other_version;
mod persistent_volume;
mod persistent_volume_claim;
mod plain;
mod plain_tables;
pub mod pod;
mod pod_disruption_budget;
pub mod pod_resources;
mod pod_spec;
mod pod_template;
mod priority_class;
pub mod quota;
mod replica_set;
mod replicas;
mod replication_controller;
mod resource_names;
mod resource_quota;
mod role;
mod role_binding;
mod secret;
pub mod service;
mod service_account;
mod stateful_set;
mod status;
mod storage_class;
mod strategy;
mod subjects;
mod validate;
pub mod validating_admission_policy;
pub mod volumes;

pub use strategy::{Cell, Column, KindInfo, KindOps, KindRef, Strategy, ops};

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
    &certificate_signing_request::CERTIFICATE_SIGNING_REQUEST,
    &plain_tables::IPADDRESS,
    &plain::SERVICE_CIDR,
    &plain_tables::CSI_DRIVER,
    &plain::CSINODE,
    &plain_tables::CSISTORAGE_CAPACITY,
    &plain_tables::VOLUME_ATTACHMENT,
    &plain::VOLUME_ATTRIBUTES_CLASS,
    &plain_tables::MUTATING_ADMISSION_POLICY,
    &plain_tables::MUTATING_ADMISSION_POLICY_BINDING,
    &plain::MUTATING_WEBHOOK_CONFIGURATION,
    &validating_admission_policy::VALIDATING_ADMISSION_POLICY,
    &plain_tables::VALIDATING_ADMISSION_POLICY_BINDING,
    &plain::VALIDATING_WEBHOOK_CONFIGURATION,
    &api_service::API_SERVICE,
    &plain::RUNTIME_CLASS,
    &plain::DEVICE_CLASS,
    &plain_tables::RESOURCE_CLAIM,
    &plain::RESOURCE_CLAIM_TEMPLATE,
    &plain::RESOURCE_SLICE,
    &plain_tables::FLOW_SCHEMA,
    &plain::PRIORITY_LEVEL_CONFIGURATION,
];

/// What is served in a second version beside the one in `KINDS`.
pub static OTHER_VERSIONS: &[&dyn KindOps] = &[&other_version::HORIZONTAL_POD_AUTOSCALER_V1, &other_version::EVENT_V1];

/// Everything that has a path: [`KINDS`] and [`OTHER_VERSIONS`].
pub fn served() -> impl Iterator<Item = &'static dyn KindOps> {
    KINDS.iter().chain(OTHER_VERSIONS).copied()
}

/// The kind kept under `resource` (`jobs.batch`).
pub fn by_resource(resource: &str) -> Option<&'static dyn KindOps> {
    KINDS.iter().copied().find(|kind| kind.info().resource == resource)
}

/// The kind of this `apiVersion` and `kind`.
pub fn by_kind(api_version: &str, kind: &str) -> Option<&'static dyn KindOps> {
    served().find(|known| known.info().api_version() == api_version && known.info().kind == kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::apimachinery::Object;
    use crate::sim::Time;

    /// An object of the kind with little in it, and with containers and the like where the schema has them.
    fn samples(kind: &dyn KindOps) -> Vec<Box<dyn Object>> {
        let info = kind.info();
        let head = json!({"apiVersion": info.api_version(), "kind": info.kind, "metadata": {"name": "a"}});
        let mut full = head.clone();
        let template = json!({"metadata": {"labels": {"app": "a"}}, "spec": {
            "containers": [{"name": "c", "image": "nginx", "ports": [{"containerPort": 80}],
                "resources": {"limits": {"cpu": "0.5"}},
                "livenessProbe": {"httpGet": {"port": 80}}, "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}],
            "volumes": [{"name": "e"}, {"name": "s", "secret": {"secretName": "s"}}, {"name": "c", "configMap": {"name": "c"}}]}});
        full["spec"] = match info.kind {
            "Pod" => template["spec"].clone(),
            "CronJob" => json!({"schedule": "@daily", "jobTemplate": {"spec": {"template": template}}}),
            "Service" => json!({"ports": [{"port": 80}], "selector": {"app": "a"}}),
            "NetworkPolicy" => json!({"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]}),
            _ => json!({"template": template, "selector": {"matchLabels": {"app": "a"}}}),
        };
        if info.kind == "ReplicationController" {
            full["spec"]["selector"] = json!({"app": "a"});
        }
        [head, full].into_iter().filter_map(|json| kind.decode(json).ok()).collect()
    }

    /// Whether the kind is kept without being known.
    fn is_plain(kind: &dyn KindOps) -> bool {
        let info = kind.info();
        let object = kind.decode(json!({"apiVersion": info.api_version(), "kind": info.kind, "metadata": {}}));
        object.is_ok_and(|object| object.as_any().is::<plain::PlainObject>())
    }

    #[test]
    fn every_kind_has_names_of_its_own() {
        let mut seen = BTreeSet::new();
        for kind in KINDS {
            let info = kind.info();
            assert!(seen.insert(info.resource.to_owned()), "{} twice", info.resource);
            for short in info.short_names {
                assert!(seen.insert((*short).to_owned()), "{short} twice");
            }
            assert_eq!(info.singular, info.kind.to_lowercase());
            let suffix = if info.group.is_empty() { String::new() } else { format!(".{}", info.group) };
            assert_eq!(info.resource, format!("{}{suffix}", info.plural()));
            let known = crate::apimachinery::facts::facts().of_kind(&info.api_version(), info.kind).is_some();
            assert!(known || is_plain(*kind), "{}", info.kind);
        }
    }

    #[test]
    fn every_table_names_its_objects_and_nearly_every_one_shows_their_age() {
        // Upstream shows the time of creation, or nothing, for these.
        let ageless = [
            "Event",
            "LimitRange",
            "PodTemplate",
            "Role",
            "ClusterRole",
            "CustomResourceDefinition",
            "CSIStorageCapacity",
            "IPAddress",
        ];
        for kind in KINDS {
            let (info, columns) = (kind.info(), kind.columns());
            let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
            let formats = columns.iter().filter(|column| column.format == "name").count();
            // Upstream calls the attacher a name too.
            assert_eq!(formats, if info.kind == "VolumeAttachment" { 2 } else { 1 }, "{}", info.kind);
            assert!(names[0] == "Name" || info.kind == "Event", "{}", info.kind);
            let shows_age = !ageless.contains(&info.kind);
            assert_eq!(names.contains(&"Age"), shows_age, "{}", info.kind);
            assert!(columns.iter().all(|column| column.description.ends_with('.')), "{}", info.kind);
        }
    }

    #[test]
    fn every_row_has_a_cell_for_each_column() {
        for kind in KINDS {
            for object in samples(*kind) {
                assert_eq!(
                    kind.row(&*object, Time::from_seconds(1)).len(),
                    kind.columns().len(),
                    "{}",
                    kind.info().kind
                );
            }
        }
    }

    #[test]
    fn defaults_applied_twice_are_defaults_applied_once() {
        for kind in KINDS {
            for mut object in samples(*kind) {
                kind.set_defaults(&mut *object);
                let once = kind.encode(&*object);
                kind.set_defaults(&mut *object);
                assert_eq!(kind.encode(&*object), once, "{}", kind.info().kind);
            }
        }
    }

    #[test]
    fn what_is_stored_needs_no_defaults() {
        for kind in KINDS {
            for mut object in samples(*kind) {
                object.meta_mut().uid = Some("u".to_owned());
                kind.set_defaults(&mut *object);
                kind.prepare_for_create(&mut *object);
                let stored = kind.encode(&*object);
                kind.set_defaults(&mut *object);
                assert_eq!(kind.encode(&*object), stored, "{}", kind.info().kind);
            }
        }
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        for kind in KINDS.iter().filter(|kind| !is_plain(**kind)) {
            for mut object in samples(*kind) {
                kind.set_defaults(&mut *object);
                kind.prepare_for_create(&mut *object);
                let json = kind.encode(&*object);
                let again = kind.decode(json.clone()).unwrap_or_else(|e| panic!("{}: {e}", kind.info().kind));
                assert_eq!(kind.encode(&*again), json);
                let found = crate::apimachinery::facts::facts()
                    .decode(&kind.info().api_version(), kind.info().kind, &json)
                    .unwrap_or_default();
                assert_eq!(found, Default::default(), "{} {json}", kind.info().kind);
            }
        }
    }

    #[test]
    fn an_update_that_changes_nothing_keeps_the_generation() {
        for kind in KINDS {
            for mut object in samples(*kind) {
                kind.set_defaults(&mut *object);
                kind.prepare_for_create(&mut *object);
                let mut new = object.clone_object();
                kind.prepare_for_update(&mut *new, &*object);
                assert!(new.equals(&*object), "{}: {}", kind.info().kind, new.to_json());
            }
        }
    }
}
