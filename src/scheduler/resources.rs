//! What a Pod asks of a node, in whole numbers.
//!
//! Models Kubernetes 1.36 pkg/scheduler/framework/types.go (Resource, calculateResource).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use crate::api::pod_resources;
use crate::apimachinery::quantity::{Format, Quantity};

/// What a container without a request counts for when nodes are scored: 100 millicores.
pub const DEFAULT_MILLI_CPU: i64 = 100;
/// What a container without a request counts for when nodes are scored: 200 MiB.
pub const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// Amounts by resource name: CPU in millicores, all else in whole units (bytes, pieces).
pub type Amounts = BTreeMap<String, i64>;

fn whole(amounts: pod_resources::Amounts) -> Amounts {
    let number = |name: &str, amount: Quantity| if name == "cpu" { amount.milli_value() } else { amount.value() };
    amounts
        .into_iter()
        .map(|(name, amount)| (number(&name, amount), name))
        .map(|(number, name)| (name, number))
        .collect()
}

/// A list of quantities as amounts.
pub fn amounts(quantities: Option<&BTreeMap<String, Text>>) -> Amounts {
    whole(pod_resources::amounts(quantities))
}

/// What the Pod requests.
pub fn requests(pod: &Pod) -> Amounts {
    whole(pod_resources::requests(pod))
}

/// What the Pod counts for when nodes are scored, in millicores and bytes: containers without requests count with a
/// default.
pub fn requests_for_scoring(pod: &Pod) -> (i64, i64) {
    let least = pod_resources::Amounts::from([
        ("cpu".to_owned(), Quantity::from_milli(DEFAULT_MILLI_CPU, Format::DecimalSi)),
        ("memory".to_owned(), Quantity::new(DEFAULT_MEMORY, Format::BinarySi)),
    ]);
    let all = whole(pod_resources::requests_with(pod, &least));
    (all.get("cpu").copied().unwrap_or(0), all.get("memory").copied().unwrap_or(0))
}
