//! The whole control plane on virtual time, through the typed door: what Pods and Jobs come to, and that the same
//! seed always comes to the same.
#![allow(clippy::unwrap_used, reason = "a test stops at once, in its helpers too")]

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use std::time::Duration;
use tabernetes::apiserver::Caller;
use tabernetes::cluster::{Cluster, Config};

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
