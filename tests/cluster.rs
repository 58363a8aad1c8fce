//! The whole control plane on virtual time, through the typed door: what Pods and Jobs come to, and that the same
//! seed always comes to the same.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at once, in its helpers too"
)]

#[path = "cluster/answers.rs"]
mod answers;
#[path = "cluster/owners.rs"]
mod owners;
#[path = "cluster/pods.rs"]
mod pods;
#[path = "cluster/terminal.rs"]
mod terminal;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use std::time::Duration;
use tabernetes::apimachinery::Object as _;
use tabernetes::apiserver::Caller;
use tabernetes::cluster::{Addon, Cluster, Config, NodeConfig};
use tabernetes::text::http::{Body, Method, Request};

fn job(name: &str, script: &str) -> Job {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "default"},
        "spec": {"backoffLimit": 2, "template": {"spec": {"restartPolicy": "Never", "containers": [
            {"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", script]}]}}}
    }))
    .unwrap()
}

fn run(script: &str, seconds: u64) -> Cluster {
    let mut cluster = Cluster::new(&Config::default());
    let caller = Caller::component("test");
    cluster.server_mut().create(&caller, job("hello", script)).unwrap();
    let end = cluster.now() + Duration::from_secs(seconds);
    let advanced = cluster.advance_to(end, 100_000);
    assert_eq!(advanced.spinning, None);
    cluster
}

#[test]
fn a_job_runs_to_its_end() {
    let cluster = run("echo hello && sleep 2", 20);
    let job = cluster.server().get::<Job>("default", "hello").unwrap();
    let status = job.status.clone().unwrap();
    let pods: Vec<_> = cluster.server().list::<Pod>(Some("default")).collect();
    assert_eq!(status.succeeded, Some(1), "{status:?} {pods:#?}");
    let conditions: Vec<_> = status.conditions.unwrap().into_iter().map(|c| c.type_).collect();
    assert_eq!(conditions, ["SuccessCriteriaMet", "Complete"]);
}

#[test]
fn the_same_seed_makes_the_same_history() {
    let log = |cluster: &Cluster| {
        let store = cluster.server().store();
        let mut lines = Vec::new();
        for resource in store.resources() {
            for change in store.since(resource, 0).unwrap() {
                lines.push(format!("{} {:?} {}", change.revision, change.kind, change.object.to_json()));
            }
        }
        lines
    };
    let (a, b) = (run("exit 3", 60), run("exit 3", 60));
    assert_eq!(log(&a), log(&b));
    assert!(log(&a).len() > 30);
}

/// Objects of one kind, as JSON.
fn all<T: tabernetes::apimachinery::Kind>(cluster: &Cluster, namespace: Option<&str>) -> Vec<serde_json::Value> {
    cluster.server().list::<T>(namespace).map(|object| object.to_json()).collect()
}

fn advance(cluster: &mut Cluster, seconds: u64) {
    let end = cluster.now() + Duration::from_secs(seconds);
    assert_eq!(cluster.advance_to(end, 200_000).spinning, None);
}

fn events(cluster: &Cluster, reason: &str) -> Vec<String> {
    let events = all::<k8s_openapi::api::core::v1::Event>(cluster, None);
    let meant = events.iter().filter(|event| event["reason"] == reason);
    meant.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_node_that_goes_away_loses_its_pods_after_five_minutes() {
    let mut config = Config::default();
    config.nodes.push(NodeConfig::worker(2));
    let mut cluster = Cluster::new(&config);
    let template = serde_json::json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}});
    let web: Deployment = serde_json::from_value(serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}}))
    .unwrap();
    cluster.server_mut().create(&Caller::component("test"), web).unwrap();
    advance(&mut cluster, 30);
    let on = |cluster: &Cluster, node: &str| -> Vec<serde_json::Value> {
        let pods = all::<Pod>(cluster, Some("default"));
        pods.into_iter().filter(|pod| pod["spec"]["nodeName"] == node).collect()
    };
    assert_eq!((on(&cluster, "node01").len(), on(&cluster, "node02").len()), (1, 1), "spread over the nodes");
    assert!(cluster.stop_node("node01"));
    assert!(!cluster.stop_node("nosuch"));
    advance(&mut cluster, 40);
    assert!(events(&cluster, "NodeNotReady").is_empty(), "it may be silent for a while");
    advance(&mut cluster, 25);
    let told = events(&cluster, "NodeNotReady");
    assert!(told.contains(&"Node node01 status is now: NodeNotReady".to_owned()), "{told:?}");
    assert!(told.contains(&"Node is not ready".to_owned()), "{told:?}");
    let node = cluster.server().get::<Node>("", "node01").unwrap().to_json();
    let taints: Vec<&str> =
        node["spec"]["taints"].as_array().unwrap().iter().map(|t| t["effect"].as_str().unwrap()).collect();
    assert_eq!(taints, ["NoSchedule", "NoExecute"]);
    advance(&mut cluster, 310);
    let left = on(&cluster, "node01");
    assert!(left[0]["metadata"]["deletionTimestamp"].is_string(), "asked to go, but nobody is there to do it");
    assert_eq!(on(&cluster, "node02").len(), 2);
    assert!(cluster.start_node("node01"));
    advance(&mut cluster, 60);
    assert!(on(&cluster, "node01").is_empty());
    assert!(events(&cluster, "NodeReady").contains(&"Node node01 status is now: NodeReady".to_owned()));
    let node = cluster.server().get::<Node>("", "node01").unwrap().to_json();
    assert!(node["spec"]["taints"].is_null(), "{node}");
}

#[test]
fn usage_is_measured_while_a_metrics_server_is_installed() {
    let read = |cluster: &mut Cluster, path: &str| {
        let request = tabernetes::text::http::Request::new(tabernetes::text::http::Method::Get, path);
        let answer = cluster.handle(&request);
        let tabernetes::text::http::Body::Bytes(bytes) = answer.body else { panic!("no body") };
        (answer.status, serde_json::from_slice::<serde_json::Value>(&bytes).unwrap_or_default())
    };
    let mut bare = Cluster::new(&Config::default());
    assert_eq!(read(&mut bare, "/apis/metrics.k8s.io/v1beta1/nodes").0, 404);
    let mut cluster = Cluster::new(&Config { addons: vec![Addon::MetricsServer], ..Config::default() });
    cluster.server_mut().create(&Caller::component("test"), job("busy", "while true; do :; done")).unwrap();
    advance(&mut cluster, 90);
    let (status, nodes) = read(&mut cluster, "/apis/metrics.k8s.io/v1beta1/nodes");
    assert_eq!((status, nodes["items"].as_array().unwrap().len()), (200, 2));
    let (_, pods) = read(&mut cluster, "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods");
    let cpu = pods["items"][0]["containers"][0]["usage"]["cpu"].as_str().unwrap_or_default().trim_end_matches('n');
    let cpu: u64 = cpu.parse().unwrap_or(0);
    assert!(cpu > 500_000_000, "a loop keeps a processor busy: {pods} {:?}", all::<Pod>(&cluster, Some("default")));
    let (_, groups) = read(&mut cluster, "/apis");
    assert!(groups["groups"].as_array().unwrap().iter().any(|group| group["name"] == "metrics.k8s.io"));
    let (_, none) = read(&mut cluster, "/apis/metrics.k8s.io/v1beta1/pods");
    assert!(none["items"].as_array().unwrap().len() > 3);
}

#[test]
fn dns_runs_on_the_machine_that_was_there_first() {
    let mut cluster = Cluster::new(&Config::default());
    advance(&mut cluster, 60);
    let pods = all::<Pod>(&cluster, Some("kube-system"));
    let dns: Vec<&str> = pods
        .iter()
        .filter(|pod| pod["metadata"]["labels"]["k8s-app"] == "kube-dns")
        .map(|pod| pod["spec"]["nodeName"].as_str().unwrap())
        .collect();
    assert_eq!(dns, ["controlplane", "controlplane"]);
}

#[test]
fn a_stateful_set_gets_volumes_that_outlive_its_pods() {
    let mut cluster = Cluster::new(&Config { addons: vec![Addon::LocalPathStorage], ..Config::default() });
    let caller = Caller::component("test");
    let set: StatefulSet = serde_json::from_value(serde_json::json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "default"},
        "spec": {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [
                {"name": "c", "image": "busybox:1.36", "command": ["sleep", "3600"],
                 "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}}]}}))
    .unwrap();
    cluster.server_mut().create(&caller, set).unwrap();
    advance(&mut cluster, 60);
    let pods = all::<Pod>(&cluster, Some("default"));
    let phases: Vec<&str> = pods.iter().map(|pod| pod["status"]["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["Running", "Running"], "{pods:?} {:?}", events(&cluster, "FailedScheduling"));
    let volumes = all::<PersistentVolume>(&cluster, None);
    assert_eq!(volumes.len(), 2);
    assert!(volumes.iter().all(|volume| volume["status"]["phase"] == "Bound"));
}

#[test]
fn what_is_written_to_a_node_outlives_the_pod() {
    let mut cluster = Cluster::new(&Config::default());
    let caller = Caller::component("test");
    for (name, script) in [("writes", "echo hello > /data/a"), ("reads", "grep hello /data/a")] {
        let pod: Pod = serde_json::from_value(serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {"restartPolicy": "Never",
                "containers": [{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", script],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
                "volumes": [{"name": "data", "hostPath": {"path": "/mnt/data"}}]}
        }))
        .unwrap();
        cluster.server_mut().create(&caller, pod).unwrap();
        advance(&mut cluster, 20);
        let pod = cluster.server().get::<Pod>("default", name).unwrap().to_json();
        assert_eq!(pod["status"]["phase"], "Succeeded", "{name}: {pod}");
        let options = tabernetes::apiserver::DeleteOptions::default();
        cluster.server_mut().delete_object(&caller, "pods", "default", name, &options).unwrap();
        advance(&mut cluster, 5);
    }
}

fn ask(cluster: &mut Cluster, method: Method, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
    let request = Request::new(method, path).with_header("Content-Type", "application/json");
    let response = cluster.handle(&request.with_body(if body.is_null() { String::new() } else { body.to_string() }));
    let Body::Bytes(bytes) = response.body else { panic!("a stream") };
    (response.status, serde_json::from_slice(&bytes).unwrap())
}

#[test]
fn what_belongs_to_a_custom_resource_goes_with_it_and_custom_resources_go_with_their_owners() {
    let mut cluster = Cluster::new(&Config::default());
    let definition = serde_json::json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]},
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(ask(&mut cluster, Method::Post, definitions, &definition).0, 201);
    let (widgets, maps) = ("/apis/example.com/v1/namespaces/default/widgets", "/api/v1/namespaces/default/configmaps");
    let object = |version: &str, kind: &str, name: &str, owner: Option<&serde_json::Value>| {
        let owners: Vec<serde_json::Value> = owner
            .iter()
            .map(|of| {
                let meta = &of["metadata"];
                serde_json::json!({"apiVersion": of["apiVersion"], "kind": of["kind"], "name": meta["name"], "uid": meta["uid"]})
            })
            .collect();
        let metadata = serde_json::json!({"name": name, "ownerReferences": owners});
        serde_json::json!({"apiVersion": version, "kind": kind, "metadata": metadata})
    };
    let (code, first) = ask(&mut cluster, Method::Post, widgets, &object("example.com/v1", "Widget", "first", None));
    assert_eq!(code, 201, "{first}");
    let (code, map) = ask(&mut cluster, Method::Post, maps, &object("v1", "ConfigMap", "of-first", Some(&first)));
    assert_eq!(code, 201, "{map}");
    let last = object("example.com/v1", "Widget", "of-map", Some(&map));
    assert_eq!(ask(&mut cluster, Method::Post, widgets, &last).0, 201);
    advance(&mut cluster, 5);
    for path in [format!("{maps}/of-first"), format!("{widgets}/of-map")] {
        assert_eq!(ask(&mut cluster, Method::Get, &path, &serde_json::Value::Null).0, 200, "{path} went too early");
    }
    assert_eq!(ask(&mut cluster, Method::Delete, &format!("{widgets}/first"), &serde_json::Value::Null).0, 200);
    advance(&mut cluster, 5);
    for path in [format!("{maps}/of-first"), format!("{widgets}/of-map")] {
        assert_eq!(ask(&mut cluster, Method::Get, &path, &serde_json::Value::Null).0, 404, "{path} is still there");
    }
}

#[test]
fn the_installer_leaves_its_settings_where_they_are_looked_for() {
    let mut cluster = Cluster::new(&Config::default());
    let mut keys = |namespace: &str, name: &str| {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
        let map = ask(&mut cluster, Method::Get, &path, &serde_json::Value::Null).1;
        map["data"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys("kube-public", "cluster-info"), ["kubeconfig"]);
    assert_eq!(keys("kube-system", "kubeadm-config"), ["ClusterConfiguration"]);
    assert_eq!(keys("kube-system", "kubelet-config"), ["kubelet"]);
    assert_eq!(keys("kube-system", "extension-apiserver-authentication").len(), 6);
}
