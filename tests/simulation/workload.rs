//! What is done to the cluster: Jobs of every kind, CronJobs, Deployments and StatefulSets, a person who deletes, suspends and scales at bad moments, and
//! machines that stand still or are lost.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tabernetes::cluster::{Cluster, Component};
use tabernetes::text::http::{Body, Method, Request};

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
const CRON_JOBS: &str = "/apis/batch/v1/namespaces/default/cronjobs";
const APPS: &str = "/apis/apps/v1/namespaces/default";
const PODS: &str = "/api/v1/namespaces/default/pods";
/// The place of the second worker among the nodes, and its name.
const LOST: (usize, &str) = (2, "node02");

/// One thing that is done.
#[derive(Clone, Debug)]
pub enum Act {
    /// A Job is made.
    Create(Value),
    /// Something else is made, under this path.
    CreateIn(String, Value),
    /// What stands at this path is changed.
    Change(String, Value),
    /// A Job is suspended or resumed.
    Suspend(String, bool),
    /// Some Pod is deleted, with this grace if any.
    DeletePod(Option<u64>),
    /// A Job is deleted, its Pods with it.
    DeleteJob(String),
    /// A Job is told to run so many Pods at once; an Indexed one of that many indexes grows with it.
    Scale(String, u64),
    /// Somebody writes to some Job what does not concern its controller.
    Touch,
    /// A component stands still for so long.
    Stall(Component, Duration),
    /// A node's object is deleted.
    DeleteNode(&'static str),
}

/// All that is done in one simulation, and when. Every Job ends up resumed.
pub fn acts(rng: &mut Rng) -> Vec<(Duration, Act)> {
    let mut acts = Vec::new();
    for index in 0..rng.u64(1..=3) {
        let name = format!("job-{index}");
        let made = Duration::from_millis(10_000 + rng.u64(0..8_000));
        let later = |rng: &mut Rng, most: u64| made + Duration::from_millis(rng.u64(1..most));
        acts.push((made, Act::Create(job(&name, rng))));
        for _ in 0..rng.u64(0..3) {
            acts.push((later(rng, 30_000), Act::Suspend(name.clone(), true)));
            acts.push((later(rng, 30_000), Act::Suspend(name.clone(), false)));
        }
        acts.push((made + Duration::from_secs(60), Act::Suspend(name.clone(), false)));
        for _ in 0..rng.u64(0..3) {
            let at = later(rng, 60_000);
            acts.push((at, Act::Scale(name.clone(), rng.u64(0..6))));
        }
        // At last something has to go on.
        acts.push((made + Duration::from_secs(61), Act::Scale(name.clone(), rng.u64(1..5))));
        if rng.u64(0..6) == 0 {
            acts.push((later(rng, 60_000), Act::DeleteJob(name)));
        }
    }
    if rng.u64(0..3) == 0 {
        cron_job_acts(rng, &mut acts);
    }
    if rng.u64(0..3) == 0 {
        replica_acts("deployments", rng, &mut acts);
    }
    if rng.u64(0..3) == 0 {
        replica_acts("statefulsets", rng, &mut acts);
    }
    for _ in 0..rng.u64(0..3) {
        let component = match rng.u64(0..4) {
            0 => Component::Scheduler,
            1 => Component::Controllers,
            _ => Component::Kubelet(rng.usize(1..=2)),
        };
        let at = Duration::from_millis(10_000 + rng.u64(0..60_000));
        acts.push((at, Act::Stall(component, Duration::from_millis(rng.u64(1..20_000)))));
    }
    if rng.u64(0..4) == 0 {
        let at = Duration::from_millis(10_000 + rng.u64(0..60_000));
        acts.push((at, Act::Stall(Component::Kubelet(LOST.0), Duration::from_secs(24 * 3_600))));
        acts.push((at + Duration::from_millis(rng.u64(1..5_000)), Act::DeleteNode(LOST.1)));
    }
    for _ in 0..rng.u64(0..5) {
        let grace = [None, Some(0), Some(1), Some(5)][rng.usize(0..4)];
        acts.push((Duration::from_millis(10_000 + rng.u64(0..40_000)), Act::DeletePod(grace)));
    }
    acts
}

/// A CronJob that is suspended for good after some minutes, so that all comes to an end.
fn cron_job_acts(rng: &mut Rng, acts: &mut Vec<(Duration, Act)>) {
    let made = Duration::from_millis(10_000 + rng.u64(0..20_000));
    let mut template = job("template", rng);
    template["spec"]["suspend"] = json!(false);
    template["spec"]["activeDeadlineSeconds"] = json!(5 + rng.u64(0..150));
    let spec = json!({
        "schedule": format!("*/{} * * * *", rng.u64(1..4)),
        "concurrencyPolicy": *rng.choice(&["Allow", "Forbid", "Replace"]).unwrap(),
        "successfulJobsHistoryLimit": rng.u64(0..4),
        "failedJobsHistoryLimit": rng.u64(0..3),
        "jobTemplate": {"spec": template["spec"]},
    });
    let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cron"}, "spec": spec});
    acts.push((made, Act::CreateIn(CRON_JOBS.to_owned(), cron)));
    let suspend = |suspend: bool| Act::Change(format!("{CRON_JOBS}/cron"), json!({"spec": {"suspend": suspend}}));
    for _ in 0..rng.u64(0..2) {
        acts.push((made + Duration::from_millis(rng.u64(1..200_000)), suspend(true)));
        acts.push((made + Duration::from_millis(rng.u64(1..250_000)), suspend(false)));
    }
    acts.push((made + Duration::from_secs(300 + rng.u64(0..300)), suspend(true)));
}

/// A Deployment or StatefulSet that is scaled, and told to run something else.
fn replica_acts(resource: &str, rng: &mut Rng, acts: &mut Vec<(Duration, Act)>) {
    let made = Duration::from_millis(10_000 + rng.u64(0..10_000));
    let template = |version: u64| {
        json!({"metadata": {"labels": {"app": resource}}, "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "c", "image": "busybox:1.36", "command": ["sleep", "1000000"],
                "env": [{"name": "VERSION", "value": version.to_string()}]}]
        }})
    };
    let mut spec = json!({
        "replicas": rng.u64(0..5), "selector": {"matchLabels": {"app": resource}}, "template": template(1),
    });
    let kind = if resource == "deployments" {
        spec["strategy"] = if rng.u64(0..3) == 0 {
            json!({"type": "Recreate"})
        } else {
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": rng.u64(0..3), "maxUnavailable": 1}})
        };
        "Deployment"
    } else {
        spec["serviceName"] = json!("web");
        spec["podManagementPolicy"] = json!(if rng.bool() { "Parallel" } else { "OrderedReady" });
        "StatefulSet"
    };
    let path = format!("{APPS}/{resource}");
    let object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": spec});
    acts.push((made, Act::CreateIn(path.clone(), object)));
    for version in 2..2 + rng.u64(0..3) {
        let at = made + Duration::from_millis(rng.u64(1..60_000));
        acts.push((at, Act::Change(format!("{path}/web"), json!({"spec": {"template": template(version)}}))));
    }
    for _ in 0..rng.u64(0..3) {
        let at = made + Duration::from_millis(rng.u64(1..60_000));
        acts.push((at, Act::Change(format!("{path}/web"), json!({"spec": {"replicas": rng.u64(0..5)}}))));
    }
}

/// A program: good, bad, slow, or good and bad by the Pod's name.
fn script(rng: &mut Rng) -> String {
    let wait = rng.u64(0..9);
    let end = match rng.u64(0..6) {
        0 => "exit 1",
        1 => "case $HOSTNAME in *[2-9b-g]) exit 1;; esac",
        2 => "case $HOSTNAME in *[2-9b-k]) exit 42;; esac",
        3 => "case $HOSTNAME in *[x-z]) exit 3;; esac",
        _ => "exit 0",
    };
    format!("sleep {wait}; {end}")
}

fn job(name: &str, rng: &mut Rng) -> Value {
    let never = rng.bool();
    let indexed = rng.bool();
    let mut spec = json!({
        "backoffLimit": rng.u64(0..5),
        "parallelism": rng.u64(1..5),
        "suspend": rng.u64(0..8) == 0,
        "template": {"spec": {
            "restartPolicy": if never { "Never" } else { "OnFailure" },
            "terminationGracePeriodSeconds": *rng.choice(&[0, 2, 30]).unwrap(),
            "containers": [{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", script(rng)]}]
        }}
    });
    let completions = rng.u64(1..7);
    if indexed || rng.u64(0..4) > 0 {
        spec["completions"] = json!(completions);
    }
    if indexed {
        spec["completionMode"] = json!("Indexed");
        if never && rng.bool() {
            spec["backoffLimitPerIndex"] = json!(rng.u64(0..3));
            spec["backoffLimit"] = json!(100);
            if rng.bool() {
                spec["maxFailedIndexes"] = json!(rng.u64(0..=completions));
            }
        }
        if rng.u64(0..3) == 0 {
            spec["successPolicy"] = json!({"rules": [{"succeededCount": rng.u64(1..=completions)}]});
        }
    }
    if never && rng.bool() {
        let action =
            |action: &str, code: u64| json!({"action": action, "onExitCodes": {"operator": "In", "values": [code]}});
        spec["podFailurePolicy"] = json!({"rules": [
            action("Ignore", 42), action("FailJob", 3),
            {"action": "Count", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]});
    }
    // Failures that are ignored may go on for ever.
    if spec.get("podFailurePolicy").is_some() || rng.bool() {
        spec["activeDeadlineSeconds"] = json!(5 + rng.u64(0..600));
    }
    if rng.u64(0..3) == 0 {
        spec["podReplacementPolicy"] = json!("Failed");
    }
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec})
}

impl Act {
    /// Does it. A Job that is gone or over refuses some of it, which is fine.
    pub fn apply(&self, cluster: &mut Cluster, rng: &mut Rng) {
        match self {
            Act::Create(job) => {
                let (status, answer) = ask(cluster, Method::Post, JOBS, job);
                assert_eq!(status, 201, "{job}\n{answer}");
            }
            Act::CreateIn(path, object) => {
                let (status, answer) = ask(cluster, Method::Post, path, object);
                assert_eq!(status, 201, "{object}\n{answer}");
            }
            Act::Change(path, change) => {
                let (status, answer) = ask(cluster, Method::Patch, path, change);
                assert_eq!(status, 200, "{change}\n{answer}");
            }
            Act::Suspend(name, suspend) => {
                let change = json!({"spec": {"suspend": suspend}});
                let (status, answer) = ask(cluster, Method::Patch, &format!("{JOBS}/{name}"), &change);
                assert!([200, 404].contains(&status), "{status} {answer}");
            }
            Act::DeletePod(grace) => {
                let (_, list) = ask(cluster, Method::Get, PODS, &Value::Null);
                let pods = list["items"].as_array().cloned().unwrap_or_default();
                let Some(pod) = rng.choice(&pods) else { return };
                let name = pod["metadata"]["name"].as_str().unwrap_or_default();
                let options = grace.map_or(json!({}), |seconds| json!({"gracePeriodSeconds": seconds}));
                let (status, answer) = ask(cluster, Method::Delete, &format!("{PODS}/{name}"), &options);
                assert!([200, 202].contains(&status), "{status} {answer}");
            }
            Act::Scale(name, to) => {
                let (_, job) = ask(cluster, Method::Get, &format!("{JOBS}/{name}"), &Value::Null);
                let spec = &job["spec"];
                let grows = spec["completionMode"] == "Indexed"
                    && spec["completions"] == spec["parallelism"]
                    && spec["completions"].as_u64().is_some_and(|completions| completions <= *to)
                    && spec.get("successPolicy").is_none()
                    && spec.get("maxFailedIndexes").is_none();
                let mut change = json!({"spec": {"parallelism": to}});
                if grows {
                    change["spec"]["completions"] = json!(to);
                }
                let (status, answer) = ask(cluster, Method::Patch, &format!("{JOBS}/{name}"), &change);
                assert!([200, 404].contains(&status), "{status} {answer}");
            }
            Act::Touch => {
                let (_, list) = ask(cluster, Method::Get, JOBS, &Value::Null);
                let jobs = list["items"].as_array().cloned().unwrap_or_default();
                let Some(job) = rng.choice(&jobs) else { return };
                let name = job["metadata"]["name"].as_str().unwrap_or_default();
                let change = json!({"metadata": {"annotations": {"touched": rng.u32(..).to_string()}}});
                let (status, answer) = ask(cluster, Method::Patch, &format!("{JOBS}/{name}"), &change);
                assert_eq!(status, 200, "{answer}");
            }
            Act::DeleteNode(name) => {
                let (status, answer) = ask(cluster, Method::Delete, &format!("/api/v1/nodes/{name}"), &json!({}));
                assert_eq!(status, 200, "{answer}");
            }
            Act::Stall(..) => {}
            Act::DeleteJob(name) => {
                let options = json!({"propagationPolicy": "Background"});
                let (status, answer) = ask(cluster, Method::Delete, &format!("{JOBS}/{name}"), &options);
                assert!([200, 404].contains(&status), "{status} {answer}");
            }
        }
    }
}

fn ask(cluster: &mut Cluster, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let media = if method == Method::Patch { "application/merge-patch+json" } else { "application/json" };
    let mut request = Request::new(method, path).with_header("Content-Type", media);
    if !body.is_null() {
        request = request.with_body(body.to_string());
    }
    let response = cluster.handle(&request);
    let Body::Bytes(bytes) = &response.body else { panic!("{path} answered with a stream") };
    (response.status, serde_json::from_slice(bytes).unwrap_or_default())
}
