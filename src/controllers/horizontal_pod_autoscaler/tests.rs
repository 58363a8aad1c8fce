//! Autoscalers over a Deployment whose usage the test brings. Case names are upstream's where there are such.

use serde_json::{Value, json};

use super::*;
use crate::apiserver::{PodUsage, Usage};
use crate::controllers::pod_control;
use crate::controllers::tests::World;
use k8s_openapi::api::apps::v1::Deployment;

fn world(replicas: i32, request: Option<&str>, metrics: Value) -> World {
    let mut world = World::new();
    world.create("apiregistration.k8s.io/v1", "APIService", json!({
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100},
    }));
    let requests = request.map_or(json!({}), |cpu| json!({"requests": {"cpu": cpu, "memory": "100Mi"}}));
    let template = json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "nginx", "resources": requests}]}});
    world.create(
        "apps/v1",
        "Deployment",
        json!({"metadata": {"name": "web"}, "spec": {"replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}}, "template": template}}),
    );
    world.create(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        json!({"metadata": {"name": "web"}, "spec": {
        "minReplicas": 1, "maxReplicas": 6, "metrics": metrics,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}),
    );
    world.advance(1.0);
    world.phase_all("Running", None);
    world
}

fn cpu(percent: i32) -> Value {
    json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}])
}

/// A load that the running Pods share, with what each has used so far.
#[derive(Default)]
struct Load {
    used: BTreeMap<String, u64>,
}

impl Load {
    /// Lets time pass under a load of so many thousandths of a processor and so many MiB.
    fn run(&mut self, world: &mut World, seconds: u64, milli: u64, mebibytes: u64) {
        for _ in 0..seconds / 15 {
            let pods = world.active();
            let share = pods.len().max(1) as u64;
            let mut usage = Vec::new();
            for pod in &pods {
                let name = meta::name(&pod.metadata).to_owned();
                let cpu = self.used.entry(name.clone()).or_insert(0);
                *cpu += 15 * 1_000_000 * milli / share;
                let used = Usage { cpu: *cpu, memory: (mebibytes << 20) / share };
                usage.push(PodUsage {
                    namespace: "default".to_owned(),
                    name,
                    containers: [("c".to_owned(), used)].into(),
                });
            }
            world.server.take_usage("node01", Usage::default(), usage);
            world.advance(15.0);
            for pod in world.active().iter().filter(|pod| pod_control::phase(pod) != "Running") {
                world.phase(pod, "Running", None);
            }
        }
    }
}

impl World {
    fn wanted(&self) -> i32 {
        self.get::<Deployment>("web").spec.as_ref().unwrap().replicas.unwrap()
    }

    fn condition(&self, kind: &str) -> (String, String, String) {
        let status = self.get::<HorizontalPodAutoscaler>("web").to_json()["status"].clone();
        let held = status["conditions"].as_array().unwrap().iter().find(|held| held["type"] == kind).unwrap().clone();
        let text = |key: &str| held[key].as_str().unwrap().to_owned();
        (text("status"), text("reason"), text("message"))
    }
}

#[test]
fn what_is_used_decides_how_many_there_are() {
    let memory = json!([{"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "50Mi"}}}]);
    let value = json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "100m"}}}]);
    for (name, metrics, replicas, milli, expected) in [
        ("TestScaleUp", cpu(30), 3, 150, 5),
        ("TestTolerance", cpu(50), 3, 156, 3),
        ("TestScaleUpCapped", cpu(10), 3, 600, 6),
        ("TestScaleUp by value", value, 2, 300, 3),
        ("memory by value", memory, 2, 10, 3),
    ] {
        let mut world = world(replicas, Some("100m"), metrics);
        Load::default().run(&mut world, 180, milli, 140);
        assert_eq!(world.wanted(), expected, "{name}");
    }
    let (mut world, mut load) = (world(5, Some("100m"), cpu(50)), Load::default());
    load.run(&mut world, 120, 50, 1);
    assert_eq!((world.wanted(), world.condition("AbleToScale").1.as_str()), (5, "ScaleDownStabilized"));
    load.run(&mut world, 360, 50, 1);
    assert_eq!(world.wanted(), 1, "TestScaleDown");
    let told = world.events_of("HorizontalPodAutoscaler");
    let shrunk = "SuccessfulRescale New size: 1; reason: All metrics below target".to_owned();
    assert!(told.contains(&shrunk), "{told:?}");
    let status = world.get::<HorizontalPodAutoscaler>("web").to_json()["status"].clone();
    assert_eq!(
        status["currentMetrics"][0]["resource"]["current"],
        json!({"averageUtilization": 50, "averageValue": "50m"})
    );
}

#[test]
fn what_cannot_be_known_is_told() {
    let mut world = world(2, None, cpu(50));
    Load::default().run(&mut world, 60, 10, 1);
    let (status, reason, message) = world.condition("ScalingActive");
    assert_eq!((status.as_str(), reason.as_str()), ("False", "FailedGetResourceMetric"), "TestMissingRequests");
    assert!(message.starts_with("the HPA was unable to compute the replica count: failed to get cpu utilization: missing request for cpu in container c of Pod web-"), "{message}");

    let mut alone = World::new();
    alone.create(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        json!({"metadata": {"name": "web"}, "spec": {"maxReplicas": 3,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}),
    );
    alone.advance(16.0);
    assert_eq!(alone.events_of("HorizontalPodAutoscaler"), ["FailedGetScale deployments.apps \"web\" not found"]);
}

#[test]
fn without_a_metrics_server_the_number_stays() {
    let mut world = world(2, Some("100m"), cpu(50));
    let admin = world.admin.clone();
    let options = crate::apiserver::DeleteOptions::default();
    world
        .server
        .delete_object(&admin, "apiservices.apiregistration.k8s.io", "", "v1beta1.metrics.k8s.io", &options)
        .unwrap();
    world.advance(16.0);
    let why = "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource \
               metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)";
    assert_eq!(
        world.events_of("HorizontalPodAutoscaler"),
        [
            format!("FailedGetResourceMetric {why}"),
            format!(
                "FailedComputeMetricsReplicas invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {why}"
            ),
        ]
    );
    assert_eq!(world.wanted(), 2);
}
