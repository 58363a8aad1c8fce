//! What an object counts for in a ResourceQuota: the one computation, for the controller that keeps the status and for
//! admission.
//!
//! Pure; refuses to decide whether a request is let in.
//! Models Kubernetes 1.36 pkg/quota/v1/evaluator/core and staging/src/k8s.io/apiserver/pkg/quota/v1.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Container, PersistentVolumeClaim, Pod, PodAffinityTerm, ResourceQuota, ScopedResourceSelectorRequirement, Service,
    WeightedPodAffinityTerm,
};

use super::pod::qos_class;
use super::pod_resources::{self, Amounts, amounts};
use super::resource_names::is_native;
use crate::apimachinery::labels::{Labels, Requirement, Selector};
use crate::apimachinery::quantity::{Format, Quantity};
use crate::apimachinery::{Object, meta};
use crate::sim::Time;

/// What joins a storage class and a resource: `fast.storageclass.storage.k8s.io/requests.storage`.
const BY_CLASS: &str = ".storageclass.storage.k8s.io/";
/// The resources that a Pod counts for, besides its number and huge pages and extended resources.
const OF_PODS: [&str; 10] = [
    "pods",
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];
/// What every container must name when a quota limits it.
const REQUIRED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// Whether the quota's resource `name` (`pods`, `count/jobs.batch`) is about objects of the kind kept under `resource`.
pub fn is_about(resource: &str, name: &str) -> bool {
    if name.strip_prefix("count/") == Some(resource) {
        return true;
    }
    match resource {
        "pods" => OF_PODS.contains(&name) || is_huge_pages(name) || is_extended(name),
        "services" => matches!(name, "services" | "services.nodeports" | "services.loadbalancers"),
        "persistentvolumeclaims" => {
            let own = |name: &str| matches!(name, "persistentvolumeclaims" | "requests.storage");
            own(name) || name.split_once(BY_CLASS).is_some_and(|(_, rest)| own(rest))
        }
        "configmaps" | "secrets" | "replicationcontrollers" | "resourcequotas" => name == resource,
        _ => false,
    }
}

/// Whether the quota counts this object: it limits something about its kind, and all its scopes match.
pub fn matches(quota: &ResourceQuota, object: &dyn Object) -> bool {
    let hard = quota.status.as_ref().and_then(|status| status.hard.as_ref());
    let about = hard.into_iter().flatten().any(|(name, _)| is_about(object.resource(), name));
    about && scopes(quota).iter().all(|scope| matches_scope(scope, object))
}

/// What one object counts for at the instant `now`.
pub fn usage(object: &dyn Object, now: Time) -> Amounts {
    let resource = object.resource();
    let one = Quantity::new(1, Format::DecimalSi);
    let mut used = Amounts::from([(format!("count/{resource}"), one)]);
    let any = object.as_any();
    if let Some(pod) = any.downcast_ref::<Pod>() {
        if is_charged(pod, now) {
            used.extend(of_amounts(&pod_resources::requests(pod), &pod_resources::limits(pod)));
        }
    } else if let Some(service) = any.downcast_ref::<Service>() {
        used.extend(of_service(service));
    } else if let Some(claim) = any.downcast_ref::<PersistentVolumeClaim>() {
        used.extend(of_claim(claim));
    } else if is_about(resource, resource) {
        used.insert(resource.to_owned(), one);
    }
    used
}

/// What the objects of a namespace count for together in a quota: an amount for each resource that it limits and that
/// can be counted. `objects` gives the objects kept under a resource.
pub fn total<'a, I: Iterator<Item = &'a dyn Object>>(
    quota: &ResourceQuota,
    resources: impl IntoIterator<Item = &'static str>,
    objects: impl Fn(&'static str) -> I,
    now: Time,
) -> Amounts {
    let hard = quota.spec.as_ref().and_then(|spec| spec.hard.clone()).unwrap_or_default();
    let scopes = scopes(quota);
    let mut total = Amounts::new();
    for resource in resources {
        let counted: Vec<&String> = hard.keys().filter(|name| is_about(resource, name)).collect();
        if counted.is_empty() {
            continue;
        }
        for name in &counted {
            total.entry((*name).clone()).or_insert(Quantity::zero());
        }
        for object in objects(resource).filter(|object| scopes.iter().all(|scope| matches_scope(scope, *object))) {
            let mut used = usage(object, now);
            used.retain(|name, _| hard.contains_key(name));
            pod_resources::add(&mut total, &used);
        }
    }
    total
}

/// What the containers of a Pod must name and do not, as the server words it; nothing when all is there. `required`
/// are the resources that the quotas limit.
pub fn missing(pod: &Pod, required: &BTreeSet<String>) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    if pod_resources::has_pod_level(spec) {
        return None;
    }
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let look = |container: &Container| {
        let resources = container.resources.clone().unwrap_or_default();
        let named = of_amounts(&amounts(resources.requests.as_ref()), &amounts(resources.limits.as_ref()));
        REQUIRED.into_iter().filter(|name| required.contains(*name) && !named.contains_key(*name)).collect::<Vec<_>>()
    };
    for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
        for name in look(container) {
            missing.entry(name).or_default().insert(&container.name);
        }
    }
    let texts: Vec<String> = missing
        .into_iter()
        .map(|(name, containers)| format!("{name} for: {}", containers.into_iter().collect::<Vec<_>>().join(",")))
        .collect();
    (!texts.is_empty()).then(|| format!("must specify {}", texts.join("; ")))
}

/// Whether a Pod still counts with what it requests: not once it has ended, nor when its end is overdue.
pub fn is_charged(pod: &Pod, now: Time) -> bool {
    if matches!(pod.status.as_ref().and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed")) {
        return false;
    }
    let Some((at, grace)) = pod.metadata.deletion_timestamp.as_ref().zip(pod.metadata.deletion_grace_period_seconds)
    else {
        return true;
    };
    now <= Time::from(at.0) + Duration::from_secs(u64::try_from(grace).unwrap_or(0))
}

/// Whether a Pod is of the scope `Terminating`: it has a deadline.
pub fn is_terminating(pod: &Pod) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.active_deadline_seconds).is_some_and(|seconds| seconds >= 0)
}

/// The quota's scopes and its scope selector as one list.
pub fn scopes(quota: &ResourceQuota) -> Vec<ScopedResourceSelectorRequirement> {
    let Some(spec) = quota.spec.as_ref() else { return Vec::new() };
    let exists = |scope: &String| ScopedResourceSelectorRequirement {
        scope_name: scope.clone(),
        operator: "Exists".to_owned(),
        values: None,
    };
    let plain = spec.scopes.iter().flatten().map(exists);
    let selected = spec.scope_selector.iter().flat_map(|selector| selector.match_expressions.iter().flatten().cloned());
    plain.chain(selected).collect()
}

/// Whether an object is of a scope. Only Pods and claims ever are.
pub fn matches_scope(scope: &ScopedResourceSelectorRequirement, object: &dyn Object) -> bool {
    let any = object.as_any();
    if let Some(claim) = any.downcast_ref::<PersistentVolumeClaim>() {
        let asked = claim.spec.as_ref().and_then(|spec| spec.volume_attributes_class_name.clone());
        let held = claim.status.as_ref().and_then(|status| status.current_volume_attributes_class_name.clone());
        let classes: BTreeSet<String> = asked.into_iter().chain(held).filter(|name| !name.is_empty()).collect();
        return scope.scope_name == "VolumeAttributesClass" && matches_values(scope, &classes);
    }
    let Some(pod) = any.downcast_ref::<Pod>() else { return false };
    let Some(spec) = pod.spec.as_ref() else { return false };
    let best_effort = || qos_class(spec) == "BestEffort";
    match scope.scope_name.as_str() {
        "Terminating" => is_terminating(pod),
        "NotTerminating" => !is_terminating(pod),
        "BestEffort" => best_effort(),
        "NotBestEffort" => !best_effort(),
        "PriorityClass" => {
            let name = spec.priority_class_name.clone().filter(|name| !name.is_empty());
            matches_values(scope, &name.into_iter().collect())
        }
        "CrossNamespacePodAffinity" => reaches_across(pod),
        _ => false,
    }
}

fn matches_values(scope: &ScopedResourceSelectorRequirement, held: &BTreeSet<String>) -> bool {
    let (key, values) = (scope.scope_name.clone(), scope.values.clone().unwrap_or_default());
    let requirement = match scope.operator.as_str() {
        "In" => Requirement::In(key, values),
        "NotIn" => Requirement::NotIn(key, values),
        "Exists" => Requirement::Exists(key),
        "DoesNotExist" => Requirement::DoesNotExist(key),
        _ => return false,
    };
    let selector = Selector { requirements: vec![requirement] };
    if held.is_empty() {
        return selector.matches(None);
    }
    held.iter().any(|name| selector.matches(Some(&Labels::from([(scope.scope_name.clone(), name.clone())]))))
}

/// Whether the Pod's affinity looks at Pods of other namespaces.
fn reaches_across(pod: &Pod) -> bool {
    let across =
        |term: &PodAffinityTerm| term.namespaces.iter().flatten().next().is_some() || term.namespace_selector.is_some();
    let weighted = |term: &WeightedPodAffinityTerm| across(&term.pod_affinity_term);
    let Some(affinity) = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref()) else { return false };
    affinity.pod_affinity.as_ref().is_some_and(|affinity| {
        affinity.required_during_scheduling_ignored_during_execution.iter().flatten().any(across)
            || affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten().any(weighted)
    }) || affinity.pod_anti_affinity.as_ref().is_some_and(|affinity| {
        affinity.required_during_scheduling_ignored_during_execution.iter().flatten().any(across)
            || affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten().any(weighted)
    })
}

/// Requests and limits under the names that quotas have for them.
fn of_amounts(requests: &Amounts, limits: &Amounts) -> Amounts {
    let mut used = Amounts::from([("pods".to_owned(), Quantity::new(1, Format::DecimalSi))]);
    for (name, amount) in requests {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-") {
            used.insert(name.clone(), *amount);
            used.insert(format!("requests.{name}"), *amount);
        } else if !is_native(name) {
            used.insert(format!("requests.{name}"), *amount);
        }
    }
    for (name, amount) in
        limits.iter().filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage"))
    {
        used.insert(format!("limits.{name}"), *amount);
    }
    used
}

fn of_service(service: &Service) -> Amounts {
    let count = |count: usize| Quantity::new(i64::try_from(count).unwrap_or(i64::MAX), Format::DecimalSi);
    let spec = service.spec.clone().unwrap_or_default();
    let ports = spec.ports.as_deref().unwrap_or_default();
    let (node_ports, balancers) = match spec.type_.as_deref() {
        Some("NodePort") => (ports.len(), 0),
        Some("LoadBalancer") if spec.allocate_load_balancer_node_ports == Some(false) => {
            (ports.iter().filter(|port| port.node_port.is_some_and(|port| port != 0)).count(), 1)
        }
        Some("LoadBalancer") => (ports.len(), 1),
        _ => (0, 0),
    };
    Amounts::from([
        ("services".to_owned(), count(1)),
        ("services.nodeports".to_owned(), count(node_ports)),
        ("services.loadbalancers".to_owned(), count(balancers)),
    ])
}

fn of_claim(claim: &PersistentVolumeClaim) -> Amounts {
    let one = Quantity::new(1, Format::DecimalSi);
    let mut used = Amounts::from([("persistentvolumeclaims".to_owned(), one)]);
    let Some(spec) = claim.spec.as_ref() else { return used };
    let old = meta::annotation(&claim.metadata, "volume.beta.kubernetes.io/storage-class");
    let class = old.map(str::to_owned).or_else(|| spec.storage_class_name.clone()).filter(|class| !class.is_empty());
    let asked = amounts(spec.resources.as_ref().and_then(|resources| resources.requests.as_ref()));
    let held = amounts(claim.status.as_ref().and_then(|status| status.allocated_resources.as_ref()));
    let storage = asked.get("storage").map(|asked| held.get("storage").map_or(*asked, |held| (*asked).max(*held)));
    let whole = |amount: Quantity| match amount.format() {
        _ if amount.milli_value() % 1000 == 0 => amount,
        format => Quantity::new(amount.value(), format),
    };
    if let Some(storage) = storage.map(whole) {
        used.insert("requests.storage".to_owned(), storage);
    }
    if let Some(class) = class {
        let own: Vec<(String, Quantity)> =
            used.iter().map(|(name, amount)| (format!("{class}{BY_CLASS}{name}"), *amount)).collect();
        used.extend(own);
    }
    used
}

fn is_huge_pages(name: &str) -> bool {
    name.starts_with("hugepages-") || name.starts_with("requests.hugepages-")
}

/// Whether this is `requests.` and the name of a resource that Kubernetes does not know itself.
fn is_extended(name: &str) -> bool {
    name.starts_with("requests.") && name.contains('/') && !is_native(name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::apimachinery::decode;

    fn usage_of<T: crate::apimachinery::Kind>(spec: Value) -> BTreeMap<String, String> {
        let object: T =
            decode(json!({"apiVersion": T::API_VERSION, "kind": T::KIND, "metadata": {}, "spec": spec})).unwrap();
        usage(&object, Time::default()).into_iter().map(|(name, amount)| (name, amount.to_string())).collect()
    }

    fn expected(value: Value) -> BTreeMap<String, String> {
        serde_json::from_value(value).unwrap()
    }

    /// The cases of upstream's TestPodEvaluatorUsage.
    #[test]
    fn pod_evaluator_usage() {
        let of = |resources: Value| json!({"containers": [{"name": "c", "resources": resources}]});
        let init =
            |resources: Value| json!({"containers": [], "initContainers": [{"name": "i", "resources": resources}]});
        let cases = [
            (
                "init container CPU",
                init(json!({"requests": {"cpu": "1m"}, "limits": {"cpu": "2m"}})),
                json!({"requests.cpu": "1m", "limits.cpu": "2m", "pods": "1", "count/pods": "1", "cpu": "1m"}),
            ),
            (
                "init container MEM",
                init(json!({"requests": {"memory": "1m"}, "limits": {"memory": "2m"}})),
                json!({"requests.memory": "1m", "limits.memory": "2m", "pods": "1", "count/pods": "1", "memory": "1m"}),
            ),
            (
                "init container hugepages",
                init(json!({"requests": {"hugepages-2Mi": "100Mi"}})),
                json!({"hugepages-2Mi": "100Mi", "requests.hugepages-2Mi": "100Mi", "pods": "1", "count/pods": "1"}),
            ),
            (
                "init container extended resources",
                init(json!({"requests": {"example.com/dongle": "3"}, "limits": {"example.com/dongle": "3"}})),
                json!({"requests.example.com/dongle": "3", "pods": "1", "count/pods": "1"}),
            ),
            (
                "container CPU",
                of(json!({"requests": {"cpu": "1m"}, "limits": {"cpu": "2m"}})),
                json!({"requests.cpu": "1m", "limits.cpu": "2m", "pods": "1", "count/pods": "1", "cpu": "1m"}),
            ),
            (
                "init container maximums override sum of containers",
                json!({"initContainers": [
                    {"name": "a", "resources": {"requests": {"cpu": "4", "memory": "100M"}, "limits": {"cpu": "8", "memory": "200M"}}},
                    {"name": "b", "resources": {"requests": {"cpu": "1", "memory": "50M"}, "limits": {"cpu": "2", "memory": "100M"}}}],
                    "containers": [
                    {"name": "c", "resources": {"requests": {"cpu": "1", "memory": "50M"}, "limits": {"cpu": "2", "memory": "100M"}}},
                    {"name": "d", "resources": {"requests": {"cpu": "2", "memory": "25M"}, "limits": {"cpu": "5", "memory": "50M"}}}]}),
                json!({"requests.cpu": "4", "limits.cpu": "8", "requests.memory": "100M", "limits.memory": "200M",
                    "pods": "1", "count/pods": "1", "cpu": "4", "memory": "100M"}),
            ),
        ];
        for (name, spec, wanted) in cases {
            assert_eq!(usage_of::<Pod>(spec), expected(wanted), "{name}");
        }
    }

    /// The cases of upstream's TestServiceEvaluatorUsage.
    #[test]
    fn service_evaluator_usage() {
        for (name, spec, node_ports, balancers) in [
            ("loadbalancer", json!({"type": "LoadBalancer"}), "0", "1"),
            ("loadbalancer_ports", json!({"type": "LoadBalancer", "ports": [{"port": 27443}]}), "1", "1"),
            ("clusterip", json!({"type": "ClusterIP"}), "0", "0"),
            ("nodeports", json!({"type": "NodePort", "ports": [{"port": 27443}]}), "1", "0"),
            ("multi-nodeports", json!({"type": "NodePort", "ports": [{"port": 27443}, {"port": 27444}]}), "2", "0"),
        ] {
            let wanted = expected(json!({"services": "1", "count/services": "1", "services.nodeports": node_ports,
                "services.loadbalancers": balancers}));
            assert_eq!(usage_of::<Service>(spec), wanted, "{name}");
        }
    }

    /// The cases of upstream's TestPersistentVolumeClaimEvaluatorUsage.
    #[test]
    fn persistent_volume_claim_evaluator_usage() {
        let asked = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}});
        let wanted =
            json!({"requests.storage": "10Gi", "persistentvolumeclaims": "1", "count/persistentvolumeclaims": "1"});
        assert_eq!(usage_of::<PersistentVolumeClaim>(asked.clone()), expected(wanted.clone()), "pvc-usage");
        let (mut gold, mut by_class) = (asked, wanted);
        gold["storageClassName"] = json!("gold");
        by_class["gold.storageclass.storage.k8s.io/requests.storage"] = json!("10Gi");
        by_class["gold.storageclass.storage.k8s.io/persistentvolumeclaims"] = json!("1");
        assert_eq!(usage_of::<PersistentVolumeClaim>(gold), expected(by_class), "pvc-usage-by-class");
    }

    #[test]
    fn containers_must_name_what_a_quota_limits() {
        let pod: Pod = decode(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": [
            {"name": "b", "resources": {"requests": {"cpu": "1"}}}, {"name": "a"}]}}))
        .unwrap();
        let required = ["requests.cpu", "limits.cpu", "pods"].map(str::to_owned).into();
        assert_eq!(missing(&pod, &required).unwrap(), "must specify limits.cpu for: a,b; requests.cpu for: a");
        assert_eq!(missing(&pod, &["pods".to_owned()].into()), None);
    }
}
