//! `metrics.k8s.io/v1beta1`: what nodes and Pods use, measured by the kubelets.
//!
//! Served while there is an APIService of that name, as on a cluster with a metrics server; whoever owns the kubelets
//! brings their totals once in [`WINDOW`]. Keeps the last two totals of each container and nothing on disk.
//! Models sigs.k8s.io/metrics-server v0.8 pkg/storage and k8s.io/metrics pkg/apis/metrics/v1beta1.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

use super::call::Call;
use super::{ApiServer, route};
use crate::apimachinery::labels::{self, Selector};
use crate::apimachinery::quantity::{Format, Quantity};
use crate::apimachinery::{Status, meta};
use crate::sim::Time;
use crate::text::http::{Body, Method, Response};

/// The object whose presence turns the group on.
const SERVICE: &str = "v1beta1.metrics.k8s.io";
/// The group.
pub(super) const GROUP: &str = "metrics.k8s.io";
/// Its version.
pub(super) const VERSION: &str = "v1beta1";
/// How often usage is measured.
pub const WINDOW: Duration = Duration::from_secs(15);

/// What something has used since it started, and holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time in billionths of a second.
    pub cpu: u64,
    /// Memory in bytes.
    pub memory: u64,
}

/// What a Pod's containers have used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodUsage {
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod's name.
    pub name: String,
    /// By the container's name.
    pub containers: BTreeMap<String, Usage>,
}

#[derive(Clone, Debug)]
struct Sample {
    at: Time,
    pod: PodUsage,
    /// Billionths of a processor for each container, once there have been two totals.
    rates: BTreeMap<String, u64>,
}

/// The measurements.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pods: BTreeMap<(String, String), Sample>,
    /// Processor time of the node itself, its machinery, and memory: billionths of a processor, bytes.
    nodes: BTreeMap<String, (Time, Usage)>,
}

/// What a Pod uses, as an autoscaler asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodMetrics {
    /// The Pod's name.
    pub name: String,
    /// When it was measured.
    pub at: Time,
    /// For each container thousandths of a processor and bytes.
    pub containers: BTreeMap<String, (i64, i64)>,
}

impl ApiServer {
    /// Whether somebody wants usage to be measured.
    pub fn measures_usage(&self) -> bool {
        self.store.get("apiservices.apiregistration.k8s.io", "", SERVICE).is_some()
    }

    /// Takes in the totals of a node's Pods, and what the node itself uses: `own` is a rate, not a total.
    pub fn take_usage(&mut self, node: &str, own: Usage, pods: Vec<PodUsage>) {
        let (now, mut sum) = (self.now, own);
        for pod in pods {
            let key = (pod.namespace.clone(), pod.name.clone());
            let before = self.metrics.pods.get(&key);
            let rate = |(name, usage): (&String, &Usage)| {
                let before = before?;
                let (old, elapsed) = (before.pod.containers.get(name)?, now.since(before.at).as_nanos());
                let used = u128::from(usage.cpu.saturating_sub(old.cpu)) * 1_000_000_000;
                Some((name.clone(), u64::try_from(used.checked_div(elapsed)?).unwrap_or(u64::MAX)))
            };
            let rates: BTreeMap<String, u64> = pod.containers.iter().filter_map(rate).collect();
            sum.cpu += rates.values().sum::<u64>();
            sum.memory += pod.containers.values().map(|usage| usage.memory).sum::<u64>();
            self.metrics.pods.insert(key, Sample { at: now, pod, rates });
        }
        self.metrics.nodes.insert(node.to_owned(), (now, sum));
        // What was not measured twice in a row is gone.
        self.metrics.pods.retain(|_, sample| now.since(sample.at) < WINDOW * 2);
    }

    /// What the Pods of a namespace that a selector means use; `None` when nobody measures.
    pub fn pod_metrics(&self, namespace: &str, selector: &Selector) -> Option<Vec<PodMetrics>> {
        if !self.measures_usage() {
            return None;
        }
        let complete = |sample: &&Sample| sample.rates.len() == sample.pod.containers.len();
        let from = (namespace.to_owned(), String::new());
        let own = self.metrics.pods.range(from..).take_while(|((held, _), _)| held == namespace);
        let meant = own.map(|(_, sample)| sample).filter(complete).filter(|sample| {
            let pod = self.get::<Pod>(namespace, &sample.pod.name);
            pod.is_ok_and(|pod| selector.matches(pod.metadata.labels.as_ref()))
        });
        let metrics = |sample: &Sample| PodMetrics {
            name: sample.pod.name.clone(),
            at: sample.at,
            containers: sample
                .pod
                .containers
                .iter()
                .map(|(name, usage)| {
                    let rate = sample.rates.get(name).copied().unwrap_or(0);
                    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
                    (name.clone(), (number(rate.div_ceil(1_000_000)), number(usage.memory)))
                })
                .collect(),
        };
        Some(meant.map(metrics).collect())
    }

    fn node_json(&self, name: &str) -> Option<Value> {
        let (at, usage) = self.metrics.nodes.get(name)?;
        let node = self.get::<Node>("", name).ok()?;
        let metadata = json!({"name": name, "creationTimestamp": self.now_text(), "labels": node.metadata.labels});
        Some(self.measured("NodeMetrics", metadata, *at, json!({"usage": usage_json(usage.cpu, usage.memory)})))
    }

    fn pod_json(&self, sample: &Sample) -> Option<Value> {
        if sample.rates.len() < sample.pod.containers.len() {
            return None;
        }
        let (namespace, name) = (&sample.pod.namespace, &sample.pod.name);
        let pod = self.get::<Pod>(namespace, name).ok()?;
        let metadata = json!({"name": name, "namespace": namespace, "creationTimestamp": self.now_text(),
            "labels": pod.metadata.labels});
        let one = |(name, usage): (&String, &Usage)| {
            let rate = sample.rates.get(name).copied().unwrap_or(0);
            json!({"name": name, "usage": usage_json(rate, usage.memory)})
        };
        let containers: Vec<Value> = sample.pod.containers.iter().map(one).collect();
        Some(self.measured("PodMetrics", metadata, sample.at, json!({"containers": containers})))
    }

    fn now_text(&self) -> Value {
        json!(meta::time(self.now))
    }

    fn measured(&self, kind: &str, metadata: Value, at: Time, more: Value) -> Value {
        let mut value = json!({"kind": kind, "apiVersion": format!("{GROUP}/{VERSION}"), "metadata": metadata,
            "timestamp": meta::time(at), "window": "15s"});
        if let (Some(map), Value::Object(more)) = (value.as_object_mut(), more) {
            map.extend(more);
        }
        value
    }
}

fn usage_json(rate: u64, memory: u64) -> Value {
    let cpu = if rate == 0 { "0".to_owned() } else { format!("{rate}n") };
    let bytes = i64::try_from(memory.div_ceil(1024) * 1024).unwrap_or(i64::MAX);
    json!({"cpu": cpu, "memory": Quantity::new(bytes, Format::BinarySi).to_string()})
}

/// The group's resources: name, kind, whether they are in namespaces.
const RESOURCES: [(&str, &str, bool); 2] = [("nodes", "NodeMetrics", false), ("pods", "PodMetrics", true)];

fn group_json(alone: bool) -> Value {
    let version = json!({"groupVersion": format!("{GROUP}/{VERSION}"), "version": VERSION});
    let mut group = json!({"name": GROUP, "versions": [version], "preferredVersion": version});
    if let Some(map) = group.as_object_mut().filter(|_| alone) {
        map.insert("kind".to_owned(), json!("APIGroup"));
        map.insert("apiVersion".to_owned(), json!("v1"));
    }
    group
}

/// Adds the group to the answer about all groups, while it is served.
pub(super) fn announce(call: &Call<'_>, mut response: Response) -> Response {
    if call.request.path.trim_end_matches('/') != "/apis" || !call.server.measures_usage() {
        return response;
    }
    let Body::Bytes(bytes) = &response.body else { return response };
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else { return response };
    if let Some(groups) = value.get_mut("groups").and_then(Value::as_array_mut) {
        groups.push(group_json(false));
    }
    if let Some(items) = value.get_mut("items").and_then(Value::as_array_mut) {
        let resources = RESOURCES.map(|(name, kind, namespaced)| {
            let scope = if namespaced { "Namespaced" } else { "Cluster" };
            json!({"resource": name, "responseKind": {"group": GROUP, "version": VERSION, "kind": kind},
                "scope": scope, "singularResource": "", "verbs": ["get", "list"]})
        });
        items.push(json!({"metadata": {"name": GROUP, "creationTimestamp": null},
            "versions": [{"version": VERSION, "resources": resources, "freshness": "Current"}]}));
    }
    response.body = Body::Bytes(value.to_string().into_bytes());
    response
}

/// Answers what lies below the group's path; `None` when it is another path or the group is not served.
pub(super) fn answer(call: &Call<'_>) -> Result<Option<Response>, Status> {
    let path = call.request.path.trim_end_matches('/');
    let (group, version, rest) = match route::group_version(path) {
        Some(parts) => parts,
        None => (path.trim_start_matches("/apis/"), "", Vec::new()),
    };
    if group != GROUP || !matches!(version, "" | VERSION) || !call.server.measures_usage() {
        return Ok(None);
    }
    if call.request.method != Method::Get {
        return Err(Status::method_not_allowed());
    }
    let selector = match call.request.query("labelSelector") {
        Some(text) => labels::parse(text).map_err(Status::bad_request)?,
        None => Selector::default(),
    };
    let server = &*call.server;
    let pods = |namespace: Option<&str>| -> Vec<Value> {
        let held = server.metrics.pods.iter().filter(|((of, _), _)| namespace.is_none_or(|wanted| wanted == of));
        let labelled = held.filter(|((namespace, name), _)| {
            server.get::<Pod>(namespace, name).is_ok_and(|pod| selector.matches(pod.metadata.labels.as_ref()))
        });
        labelled.filter_map(|(_, sample)| server.pod_json(sample)).collect()
    };
    let list = |kind: &str, items: Vec<Value>| json!({"kind": kind, "apiVersion": format!("{GROUP}/{VERSION}"), "metadata": {}, "items": items});
    let value = match rest.as_slice() {
        [] if version.is_empty() => group_json(true),
        [] => json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{GROUP}/{VERSION}"),
            "resources": RESOURCES.map(|(name, kind, namespaced)| json!({"name": name, "singularName": "",
                "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]}))}),
        ["nodes"] => {
            let nodes = server.list::<Node>(None).filter(|node| selector.matches(node.metadata.labels.as_ref()));
            list("NodeMetricsList", nodes.filter_map(|node| server.node_json(meta::name(&node.metadata))).collect())
        }
        ["nodes", name] => {
            server.node_json(name).ok_or_else(|| Status::not_found("nodemetrics.metrics.k8s.io", name))?
        }
        ["pods"] => list("PodMetricsList", pods(None)),
        ["namespaces", namespace, "pods"] => list("PodMetricsList", pods(Some(namespace))),
        ["namespaces", namespace, "pods", name] => {
            let held = server.metrics.pods.get(&((*namespace).to_owned(), (*name).to_owned()));
            let found = held.and_then(|sample| server.pod_json(sample));
            let text = format!("{namespace}/{name}");
            found.ok_or_else(|| Status::not_found("podmetrics.metrics.k8s.io", &text))?
        }
        _ => return Err(Status::unknown_path()),
    };
    Ok(Some(call.json(200, &value)))
}
