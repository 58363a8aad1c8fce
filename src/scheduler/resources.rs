//! What a Pod asks of a node: the larger of its init containers and the sum of the others.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/component-helpers/resource/helpers.go (PodRequests).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::apimachinery::quantity;

/// What a container without a request counts for when nodes are scored: 100 millicores.
pub const DEFAULT_MILLI_CPU: i64 = 100;
/// What a container without a request counts for when nodes are scored: 200 MiB.
pub const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// Amounts by resource name: CPU in millicores, all else in whole units (bytes, pieces).
pub type Amounts = BTreeMap<String, i64>;

/// A quantity as an amount.
pub fn amount(name: &str, quantity: &Quantity) -> i64 {
    let parsed = quantity::Quantity::parse(&quantity.0).unwrap_or_else(|_| quantity::Quantity::zero());
    if name == "cpu" { parsed.milli_value() } else { parsed.value() }
}

/// A list of quantities as amounts.
pub fn amounts(quantities: Option<&BTreeMap<String, Quantity>>) -> Amounts {
    quantities.into_iter().flatten().map(|(name, quantity)| (name.clone(), amount(name, quantity))).collect()
}

/// What the Pod requests.
pub fn requests(pod: &Pod) -> Amounts {
    total(pod, |container| amounts(container.resources.as_ref().and_then(|resources| resources.requests.as_ref())))
}

/// What the Pod counts for when nodes are scored: containers without requests count with a default.
pub fn requests_for_scoring(pod: &Pod) -> (i64, i64) {
    let all = total(pod, |container| {
        let mut asked = amounts(container.resources.as_ref().and_then(|resources| resources.requests.as_ref()));
        asked.entry("cpu".to_owned()).or_insert(DEFAULT_MILLI_CPU);
        asked.entry("memory".to_owned()).or_insert(DEFAULT_MEMORY);
        asked
    });
    (all.get("cpu").copied().unwrap_or(0), all.get("memory").copied().unwrap_or(0))
}

fn total(pod: &Pod, of: impl Fn(&Container) -> Amounts) -> Amounts {
    let Some(spec) = pod.spec.as_ref() else { return Amounts::new() };
    let mut sum = Amounts::new();
    for container in &spec.containers {
        add(&mut sum, &of(container));
    }
    // A sidecar (an init container that always restarts) runs beside all that come after it.
    let mut sidecars = Amounts::new();
    let mut largest = Amounts::new();
    for container in spec.init_containers.iter().flatten() {
        let asked = of(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sum, &asked);
            add(&mut sidecars, &asked);
            raise(&mut largest, &sidecars);
        } else {
            let mut beside = sidecars.clone();
            add(&mut beside, &asked);
            raise(&mut largest, &beside);
        }
    }
    raise(&mut sum, &largest);
    add(&mut sum, &amounts(spec.overhead.as_ref()));
    sum
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, value) in more {
        let held = sum.entry(name.clone()).or_insert(0);
        *held = held.saturating_add(*value);
    }
}

fn raise(sum: &mut Amounts, least: &Amounts) {
    for (name, value) in least {
        let held = sum.entry(name.clone()).or_insert(0);
        *held = (*held).max(*value);
    }
}
