//! Pods that use more local storage than they may are evicted: each emptyDir has its limit, and each container's own
//! files have theirs. Looked at every ten seconds, and only in Pods that have such limits.
//!
//! Models Kubernetes 1.36 pkg/kubelet/eviction/eviction_manager.go (localStorageEviction).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::Kubelet;
use super::worker::Worker;
use crate::apimachinery::quantity::Quantity;
use crate::apiserver::ApiServer;
use crate::client::EventType;
use crate::sim::Time;

/// How often usage is looked at.
const PERIOD: Duration = Duration::from_secs(10);
/// The reason of an evicted Pod.
pub const EVICTED: &str = "Evicted";

/// A limit of local storage, as written and in bytes.
type Limit = (String, u64);

fn limit(quantity: &str) -> Option<Limit> {
    let bytes = u64::try_from(Quantity::parse(quantity).ok()?.value()).ok().filter(|bytes| *bytes > 0)?;
    Some((quantity.to_owned(), bytes))
}

fn of_volumes(pod: &Pod) -> Vec<(String, Limit)> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let limited = volumes.filter_map(|volume| {
        let size = volume.empty_dir.as_ref()?.size_limit.as_ref()?;
        Some((volume.name.clone(), limit(&size.0)?))
    });
    limited.collect()
}

fn of_container(container: &Container) -> Option<Limit> {
    let limits = container.resources.as_ref()?.limits.as_ref()?;
    limit(&limits.get("ephemeral-storage")?.0)
}

impl Kubelet {
    /// The first look at a Pod's storage, when any of it has a limit.
    pub(super) fn first_look(pod: &Pod, now: Time) -> Option<Time> {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let limited = !of_volumes(pod).is_empty() || containers.filter_map(of_container).next().is_some();
        limited.then(|| now + PERIOD)
    }

    /// Evicts a Pod that uses too much; whether it is.
    pub(super) fn check_storage(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) -> bool {
        if worker.storage_check.is_none_or(|at| at > now) {
            return false;
        }
        worker.storage_check = None;
        let Some(sandbox) = worker.sandbox.clone().filter(|_| worker.sandbox_ready && worker.failure.is_none()) else {
            return false;
        };
        let pod = Arc::clone(&worker.pod);
        let volume = of_volumes(&pod).into_iter().find_map(|(name, (written, most))| {
            let over = self.runtime.volume_bytes(&sandbox.id, &name) > most;
            over.then(|| format!("Usage of EmptyDir volume \"{name}\" exceeds the limit \"{written}\". "))
        });
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let container = || {
            containers.filter_map(|container| Some((&container.name, of_container(container)?))).find_map(
                |(name, (written, most))| {
                    let id = worker.records.get(name)?.current.as_ref()?;
                    let over = self.runtime.own_bytes(id) > most;
                    over.then(|| format!("Container {name} exceeded its local ephemeral storage limit \"{written}\". "))
                },
            )
        };
        let Some(text) = volume.or_else(container) else {
            worker.storage_check = Some(now + PERIOD);
            return false;
        };
        self.record(server, &pod, "", EventType::Warning, EVICTED, &text);
        worker.failure = Some((EVICTED.to_owned(), text));
        true
    }
}
