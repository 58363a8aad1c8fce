//! What a whole Pod asks for and may use: the sum of its containers, unless an init container needs more.
//!
//! Pure; the one place for this sum: scheduler, quotas and the kubelet ask here.
//! Models Kubernetes 1.36 staging/src/k8s.io/component-helpers/resource/helpers.go (PodRequests, PodLimits).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use crate::apimachinery::quantity::Quantity;

/// Amounts by the name of the resource: `cpu`, `memory`, `example.com/gpu`.
pub type Amounts = BTreeMap<String, Quantity>;

/// Reads a list of quantities; what is no quantity counts as nothing.
pub fn amounts(list: Option<&BTreeMap<String, Text>>) -> Amounts {
    let read = |text: &Text| Quantity::parse(&text.0).unwrap_or_else(|_| Quantity::zero());
    list.into_iter().flatten().map(|(name, text)| (name.clone(), read(text))).collect()
}

/// Writes amounts as a list of quantities.
pub fn texts(amounts: &Amounts) -> BTreeMap<String, Text> {
    amounts.iter().map(|(name, amount)| (name.clone(), Text(amount.to_string()))).collect()
}

/// What the Pod requests.
pub fn requests(pod: &Pod) -> Amounts {
    requests_with(pod, &Amounts::new())
}

/// What the Pod requests when each container counts with `least` for what it does not name.
pub fn requests_with(pod: &Pod, least: &Amounts) -> Amounts {
    let Some(spec) = pod.spec.as_ref() else { return Amounts::new() };
    let mut sum = total(spec, |container| {
        let mut asked = amounts(container.resources.as_ref().and_then(|resources| resources.requests.as_ref()));
        if let Some(status) = status_of(pod, &container.name) {
            // A resize counts from the moment it is asked for until the node has carried it out.
            let held = status.resources.as_ref().and_then(|resources| resources.requests.as_ref());
            raise(&mut asked, &amounts(held));
            raise(&mut asked, &amounts(status.allocated_resources.as_ref()));
        }
        for (name, amount) in least {
            asked.entry(name.clone()).or_insert(*amount);
        }
        asked
    });
    let of_pod = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    sum.extend(amounts(of_pod).into_iter().filter(|(name, _)| is_pod_level(name)));
    add(&mut sum, &amounts(spec.overhead.as_ref()));
    sum
}

/// What the Pod may use.
pub fn limits(pod: &Pod) -> Amounts {
    let Some(spec) = pod.spec.as_ref() else { return Amounts::new() };
    let mut sum = total(spec, |container| {
        let mut most = amounts(container.resources.as_ref().and_then(|resources| resources.limits.as_ref()));
        if let Some(resources) = status_of(pod, &container.name).and_then(|status| status.resources.as_ref()) {
            raise(&mut most, &amounts(resources.limits.as_ref()));
        }
        most
    });
    let of_pod = spec.resources.as_ref().and_then(|resources| resources.limits.as_ref());
    sum.extend(amounts(of_pod).into_iter().filter(|(name, _)| is_pod_level(name)));
    for (name, more) in amounts(spec.overhead.as_ref()) {
        if let Some(held) = sum.get_mut(&name).filter(|held| !held.is_zero()) {
            *held = held.plus(&more);
        }
    }
    sum
}

/// Whether amounts are set for the Pod as a whole.
pub fn has_pod_level(spec: &PodSpec) -> bool {
    let named = |list: Option<&BTreeMap<String, Text>>| list.into_iter().flatten().any(|(name, _)| is_pod_level(name));
    let set = |resources: &ResourceRequirements| named(resources.requests.as_ref()) || named(resources.limits.as_ref());
    spec.resources.as_ref().is_some_and(set)
}

/// Adds every amount to the sum.
pub fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        match sum.get_mut(name) {
            Some(held) => *held = held.plus(amount),
            None => {
                sum.insert(name.clone(), *amount);
            }
        }
    }
}

/// Whether a Pod as a whole can be given the resource (`IsSupportedPodLevelResource`).
pub fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

fn status_of<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let all = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
    all.into_iter().find(|status| status.name == container)
}

fn total(spec: &PodSpec, of: impl Fn(&Container) -> Amounts) -> Amounts {
    let mut sum = Amounts::new();
    for container in &spec.containers {
        add(&mut sum, &of(container));
    }
    // A sidecar (an init container that always restarts) runs beside all that come after it.
    let (mut sidecars, mut largest) = (Amounts::new(), Amounts::new());
    for container in spec.init_containers.iter().flatten() {
        let asked = of(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sum, &asked);
            add(&mut sidecars, &asked);
            raise(&mut largest, &sidecars);
        } else {
            let mut beside = asked;
            add(&mut beside, &sidecars);
            raise(&mut largest, &beside);
        }
    }
    raise(&mut sum, &largest);
    sum
}

fn raise(sum: &mut Amounts, least: &Amounts) {
    for (name, amount) in least {
        let held = sum.entry(name.clone()).or_insert(*amount);
        *held = (*held).max(*amount);
    }
}
