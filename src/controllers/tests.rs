//! Whole flows: a server and the controllers without nodes; the test plays the kubelet.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    ConfigMap, Endpoints, Event, PersistentVolumeClaim, Pod, ReplicationController, ResourceQuota, ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as MetaTime;
use serde_json::{Value, json};

use super::*;
use crate::api;
use crate::apimachinery::{Kind, Object, meta};
use crate::apiserver::{ApiServer, Caller, DeleteOptions, Propagation};
use crate::client::Worked;

/// A cluster without nodes.
pub(super) struct World {
    pub(super) server: ApiServer,
    manager: ControllerManager,
    pub(super) admin: Caller,
    pub(super) now: Time,
    work: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let now = Time::from_seconds(1_700_000_000);
        let mut world = Self {
            server: ApiServer::new(Seed::new(1), now),
            manager: ControllerManager::new(Seed::new(1)),
            admin: Caller::component("kubernetes-admin"),
            now,
            work: 0,
        };
        world.create("v1", "Namespace", json!({"metadata": {"name": "default"}}));
        world.create("v1", "ServiceAccount", json!({"metadata": {"name": "default", "namespace": "default"}}));
        world.advance(0.0);
        world
    }

    pub(super) fn create(&mut self, version: &str, kind: &str, mut object: Value) {
        object["apiVersion"] = json!(version);
        object["kind"] = json!(kind);
        let ops = api::by_kind(version, kind).unwrap();
        if ops.info().namespaced {
            object["metadata"]["namespace"] = json!("default");
        }
        let object = ops.decode(object).unwrap();
        self.server.create_object(&self.admin, object, false).unwrap();
    }

    pub(super) fn job(&mut self, name: &str, spec: Value) {
        let mut spec = spec;
        let restart = if spec["restart"].is_null() { json!("Never") } else { spec["restart"].take() };
        spec.as_object_mut().unwrap().remove("restart");
        spec["template"] =
            json!({"spec": {"containers": [{"name": "c", "image": "busybox"}], "restartPolicy": restart}});
        self.create("batch/v1", "Job", json!({"metadata": {"name": name}, "spec": spec}));
    }

    pub(super) fn advance(&mut self, seconds: f64) {
        let target = self.now + Duration::from_secs_f64(seconds);
        loop {
            self.server.set_now(self.now);
            self.manager.observe(&self.server);
            match self.manager.work(&mut self.server) {
                Worked::Done => self.work += 1,
                Worked::Idle(Some(next)) if next <= target => self.now = next.max(self.now),
                Worked::Idle(_) => break,
            }
            assert!(self.work < 200_000, "{:?} spins", self.manager.busiest());
        }
        self.now = target;
        self.server.set_now(target);
    }

    pub(super) fn get<T: Kind>(&self, name: &str) -> Arc<T> {
        self.server.get::<T>("default", name).unwrap()
    }

    pub(super) fn all<T: Kind>(&self) -> Vec<Arc<T>> {
        self.server.list::<T>(Some("default")).collect()
    }

    pub(super) fn active(&self) -> Vec<Arc<Pod>> {
        self.all::<Pod>().into_iter().filter(|pod| pod_control::is_pod_active(pod)).collect()
    }

    /// Plays the kubelet: the Pod is now in this phase.
    pub(super) fn phase(&mut self, pod: &Pod, phase: &str, exit_code: Option<i32>) {
        let mut pod = Pod::clone(&self.server.get::<Pod>("default", meta::name(&pod.metadata)).unwrap());
        let now = json!(MetaTime(self.now.timestamp_seconds()));
        let ready = if phase == "Running" { "True" } else { "False" };
        let state = match exit_code {
            Some(code) => json!({"terminated": {"exitCode": code, "finishedAt": now}}),
            None => json!({"running": {"startedAt": now}}),
        };
        let status = json!({
            "phase": phase, "startTime": now,
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": now}],
            "podIP": pod.metadata.uid.as_deref().map(|uid| format!("10.244.1.{}", 2 + u8::from_str_radix(&uid[..2], 16).unwrap() / 2)),
            "containerStatuses": [{"name": "c", "image": "busybox", "imageID": "", "ready": ready == "True",
                "restartCount": 0, "state": state}],
        });
        pod.status = Some(serde_json::from_value(status).unwrap());
        self.server.update_status(&self.admin, pod).unwrap();
    }

    pub(super) fn phase_all(&mut self, phase: &str, exit_code: Option<i32>) {
        for pod in self.active() {
            self.phase(&pod, phase, exit_code);
        }
    }

    pub(super) fn events_of(&self, kind: &str) -> Vec<String> {
        let mut events = self.all::<Event>();
        events.retain(|event| event.involved_object.kind.as_deref() == Some(kind));
        events.sort_by_key(|event| {
            event.metadata.resource_version.clone().map(|version| version.parse::<u64>().unwrap())
        });
        events
            .iter()
            .map(|event| format!("{} {}", event.reason.as_deref().unwrap(), event.message.as_deref().unwrap()))
            .collect()
    }

    /// Every state that a watch of the Jobs would have shown since `revision`: conditions, then the counters.
    fn job_states(&self, revision: u64) -> Vec<String> {
        let changes = self.server.store().since("jobs.batch", revision).unwrap();
        changes
            .map(|change| {
                let status = change.object.to_json()["status"].clone();
                let conditions: Vec<String> = status["conditions"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|condition| condition["status"] == "True")
                    .map(|condition| condition["type"].as_str().unwrap().to_owned())
                    .collect();
                let number = |key: &str| status[key].as_i64().map_or("-".to_owned(), |number| number.to_string());
                format!(
                    "[{}] active {} ready {} succeeded {} failed {}",
                    conditions.join(" "),
                    number("active"),
                    number("ready"),
                    number("succeeded"),
                    number("failed")
                )
            })
            .collect()
    }
}

#[test]
fn every_controller_has_a_name_of_its_own_and_watches_kinds_that_exist() {
    let controllers: Vec<_> = CONTROLLERS.iter().map(|make| make(Seed::new(1))).collect();
    let names: BTreeSet<&str> = controllers.iter().map(|controller| controller.name()).collect();
    assert_eq!(names.len(), controllers.len());
    for controller in &controllers {
        for resource in controller.watches() {
            assert!(api::by_resource(resource).is_some(), "{} watches {resource}", controller.name());
        }
    }
}

#[test]
fn a_job_is_written_as_often_and_in_the_order_that_a_real_cluster_writes_it() {
    let mut world = World::new();
    let start = world.server.store().revision();
    world.job("hello", json!({}));
    world.advance(0.5);
    world.phase_all("Running", None);
    world.advance(2.5);
    world.phase_all("Succeeded", Some(0));
    world.advance(5.0);
    assert_eq!(
        world.job_states(start),
        [
            "[] active - ready - succeeded - failed -",
            "[] active 1 ready 0 succeeded - failed -",
            "[] active 1 ready 1 succeeded - failed -",
            "[SuccessCriteriaMet] active - ready 0 succeeded - failed -",
            "[SuccessCriteriaMet Complete] active - ready 0 succeeded 1 failed -",
        ]
    );
    let events = world.events_of("Job");
    assert!(events[0].starts_with("SuccessfulCreate Created pod: hello-"), "{events:?}");
    assert_eq!(events[1], "Completed Job completed");
    let job = world.get::<Job>("hello").to_json();
    assert_eq!(job["status"]["conditions"][1]["message"], "Reached expected number of succeeded pods");
    assert_eq!(job["status"]["uncountedTerminatedPods"], json!({}));
    assert!(world.all::<Pod>()[0].metadata.finalizers.is_none());
}

#[test]
fn a_failing_job_waits_longer_each_time_and_gives_up_after_its_limit() {
    let mut world = World::new();
    let start = world.now;
    world.job("fail", json!({"backoffLimit": 2}));
    let mut created = Vec::new();
    for _ in 0..600 {
        world.advance(0.1);
        for pod in world.active() {
            created.push(world.now.since(start).as_secs());
            world.phase(&pod, "Failed", Some(3));
        }
    }
    assert_eq!(created, [0, 10, 30], "created after so many seconds");
    let job = world.get::<Job>("fail").to_json();
    let types: Vec<&str> =
        job["status"]["conditions"].as_array().unwrap().iter().map(|c| c["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["FailureTarget", "Failed"]);
    assert_eq!(job["status"]["failed"], 3);
    assert_eq!(
        world.events_of("Job").last().unwrap(),
        "BackoffLimitExceeded Job has reached the specified backoff limit"
    );
}

#[test]
fn an_indexed_job_gives_each_pod_its_index_and_records_what_succeeded() {
    let mut world = World::new();
    world.job("ix", json!({"completions": 3, "parallelism": 2, "completionMode": "Indexed"}));
    world.advance(0.1);
    let first: Vec<String> = world.active().iter().map(|pod| meta::name(&pod.metadata)[..5].to_owned()).collect();
    assert_eq!(first, ["ix-0-", "ix-1-"]);
    let pod = world.active()[0].to_json();
    assert_eq!(pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"], "0");
    assert_eq!(pod["spec"]["hostname"], "ix-0");
    assert_eq!(pod["spec"]["containers"][0]["env"][0]["name"], "JOB_COMPLETION_INDEX");
    for _ in 0..10 {
        world.advance(1.0);
        world.phase_all("Succeeded", Some(0));
    }
    let job = world.get::<Job>("ix").to_json();
    assert_eq!((&job["status"]["completedIndexes"], &job["status"]["succeeded"]), (&json!("0-2"), &json!(3)));
}

#[test]
fn a_suspended_job_has_no_pods_and_starts_when_it_is_resumed() {
    let mut world = World::new();
    world.job("s", json!({"suspend": true, "parallelism": 2, "completions": 4}));
    world.advance(3.0);
    assert!(world.all::<Pod>().is_empty());
    let job = world.get::<Job>("s");
    assert!(job.status.as_ref().unwrap().start_time.is_none());
    assert_eq!(world.events_of("Job"), ["Suspended Job suspended"]);
    let mut job = Job::clone(&job);
    job.spec.as_mut().unwrap().suspend = Some(false);
    world.server.update(&world.admin.clone(), job).unwrap();
    world.advance(0.1);
    assert_eq!(world.active().len(), 2);
    let status = world.get::<Job>("s").to_json()["status"].clone();
    assert_eq!(status["conditions"][0]["status"], "False");
    assert_eq!(status["conditions"][0]["reason"], "JobResumed");
    assert!(world.events_of("Job").contains(&"Resumed Job resumed".to_owned()));
}

#[test]
fn a_deadline_deletes_the_pods_and_fails_the_job_once_they_are_gone() {
    let mut world = World::new();
    world.job("slow", json!({"activeDeadlineSeconds": 5}));
    world.advance(0.5);
    world.phase_all("Running", None);
    world.advance(20.0);
    let job = world.get::<Job>("slow").to_json();
    assert_eq!(job["status"]["conditions"][0]["type"], "FailureTarget");
    assert_eq!(job["status"]["conditions"][0]["reason"], "DeadlineExceeded");
    assert!(world.events_of("Job")[1].starts_with("SuccessfulDelete Deleted pod: slow-"));
}

#[test]
fn a_thousand_pods_cost_syncs_by_the_second_not_by_the_pod() {
    let mut world = World::new();
    world.job("big", json!({"completions": 1000, "parallelism": 1000}));
    world.advance(4.0);
    assert_eq!(world.active().len(), 1000);
    let before = world.work;
    world.phase_all("Succeeded", Some(0));
    world.advance(10.0);
    assert!(world.work - before < 2200, "{}", world.work - before);
    assert_eq!(world.get::<Job>("big").status.as_ref().unwrap().succeeded, Some(1000));
    assert!(world.get::<Job>("big").status.as_ref().unwrap().completion_time.is_some());
}

#[test]
fn a_settled_cluster_is_left_alone() {
    let mut world = World::new();
    world.job("hello", json!({}));
    world.create("apps/v1", "Deployment", web(2));
    node(&mut world, "node01", false);
    world.create("apps/v1", "DaemonSet", agent("a:1"));
    world.create(
        "v1",
        "Service",
        json!({"metadata": {"name": "web"}, "spec": {
        "clusterIP": "10.96.0.10", "selector": {"app": "web"}, "ports": [{"port": 80}]}}),
    );
    for _ in 0..20 {
        world.advance(1.0);
        for pod in world.active() {
            let job = meta::controller_of(&pod.metadata).is_some_and(|owner| owner.kind == "Job");
            world.phase(&pod, if job { "Succeeded" } else { "Running" }, job.then_some(0));
        }
    }
    world.advance(60.0);
    let revision = world.server.store().revision();
    world.manager = ControllerManager::new(Seed::new(1));
    world.advance(30.0);
    let changes: Vec<String> = api::KINDS
        .iter()
        .flat_map(|kind| world.server.store().since(kind.info().resource, revision).unwrap())
        .map(|change| format!("{} {}", change.by, meta::name(change.object.meta())))
        .collect();
    assert!(changes.is_empty(), "{changes:?}");
}

fn web(replicas: i32) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}},
    }})
}

#[test]
fn a_deployment_makes_a_replica_set_and_becomes_available() {
    let mut world = World::new();
    world.create("apps/v1", "Deployment", web(2));
    world.advance(1.0);
    world.phase_all("Running", None);
    world.advance(1.0);
    let set = world.all::<ReplicaSet>()[0].clone();
    let name = meta::name(&set.metadata).to_owned();
    assert_eq!(world.events_of("Deployment"), [format!("ScalingReplicaSet Scaled up replica set {name} from 0 to 2")]);
    let deployment = world.get::<Deployment>("web").to_json();
    assert_eq!(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
    let reasons: Vec<&str> =
        deployment["status"]["conditions"].as_array().unwrap().iter().map(|c| c["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["MinimumReplicasAvailable", "NewReplicaSetAvailable"]);
    assert_eq!(deployment["status"]["updatedReplicas"], 2);
}

#[test]
fn a_new_image_rolls_out_step_by_step() {
    let mut world = World::new();
    world.create("apps/v1", "Deployment", web(3));
    world.advance(1.0);
    world.phase_all("Running", None);
    world.advance(1.0);
    let mut deployment = Deployment::clone(&world.get::<Deployment>("web"));
    deployment.spec.as_mut().unwrap().template.spec.as_mut().unwrap().containers[0].image = Some("nginx:2".to_owned());
    world.server.update(&world.admin.clone(), deployment).unwrap();
    for _ in 0..10 {
        world.advance(1.0);
        assert!(world.active().len() <= 4, "one more than wanted at most");
        world.phase_all("Running", None);
    }
    let images: Vec<String> =
        world.active().iter().map(|pod| pod.spec.as_ref().unwrap().containers[0].image.clone().unwrap()).collect();
    assert_eq!(images, ["nginx:2"; 3]);
    let events = world.events_of("Deployment");
    let steps: Vec<&str> = events.iter().map(|event| &event[event.find(" from ").unwrap()..]).collect();
    assert_eq!(
        steps,
        [
            " from 0 to 3",
            " from 0 to 1",
            " from 3 to 2",
            " from 1 to 2",
            " from 2 to 1",
            " from 2 to 3",
            " from 1 to 0"
        ]
    );
}

#[test]
fn what_a_deleted_owner_leaves_is_collected() {
    let mut world = World::new();
    world.job("hello", json!({}));
    world.advance(1.0);
    let admin = world.admin.clone();
    world.server.delete_object(&admin, "jobs.batch", "default", "hello", &background()).unwrap();
    world.advance(5.0);
    assert!(world.active().is_empty(), "its Pods were asked to go");
    assert!(world.all::<Pod>().iter().all(|pod| pod.metadata.finalizers.is_none()), "nothing holds them");
}

fn background() -> DeleteOptions {
    DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() }
}

fn node(world: &mut World, name: &str, taint: bool) {
    let taints = if taint {
        json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}])
    } else {
        json!([])
    };
    world.create("v1", "Node", json!({"metadata": {"name": name}, "spec": {"taints": taints}}));
}

fn agent(image: &str) -> Value {
    json!({"metadata": {"name": "agent"}, "spec": {
        "selector": {"matchLabels": {"app": "agent"}},
        "template": {"metadata": {"labels": {"app": "agent"}},
            "spec": {"containers": [{"name": "c", "image": image}]}},
    }})
}

#[test]
fn a_daemon_set_runs_on_every_node_that_it_tolerates_and_is_replaced_node_by_node() {
    let mut world = World::new();
    node(&mut world, "controlplane", true);
    node(&mut world, "node01", false);
    node(&mut world, "node02", false);
    world.create("apps/v1", "DaemonSet", agent("a:1"));
    world.advance(1.0);
    assert_eq!(world.active().len(), 2);
    world.phase_all("Running", None);
    world.advance(1.0);
    let set = world.get::<DaemonSet>("agent");
    let status = set.status.as_ref().unwrap();
    assert_eq!((status.desired_number_scheduled, status.number_ready, status.number_available), (2, 2, Some(2)));
    let mut set = DaemonSet::clone(&set);
    set.spec.as_mut().unwrap().template.spec.as_mut().unwrap().containers[0].image = Some("a:2".to_owned());
    world.server.update(&world.admin.clone(), set).unwrap();
    for _ in 0..6 {
        world.advance(1.0);
        let admin = world.admin.clone();
        for pod in world.all::<Pod>().iter().filter(|pod| meta::is_deleting(&pod.metadata)) {
            let now = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
            world.server.delete_object(&admin, "pods", "default", meta::name(&pod.metadata), &now).unwrap();
        }
        world.phase_all("Running", None);
    }
    let images: Vec<String> =
        world.active().iter().map(|pod| pod.spec.as_ref().unwrap().containers[0].image.clone().unwrap()).collect();
    assert_eq!(images, ["a:2", "a:2"]);
    assert_eq!(world.all::<ControllerRevision>().len(), 2);
}

#[test]
fn a_finished_job_goes_when_its_time_is_up() {
    let mut world = World::new();
    world.job("hello", json!({"ttlSecondsAfterFinished": 10}));
    world.advance(1.0);
    world.phase_all("Succeeded", Some(0));
    world.advance(9.0);
    assert_eq!(world.all::<Job>().len(), 1);
    world.advance(5.0);
    assert!(world.all::<Job>().is_empty());
}

#[test]
fn every_namespace_gets_an_account_and_a_certificate() {
    let mut world = World::new();
    world.create("v1", "Namespace", json!({"metadata": {"name": "dev"}}));
    world.advance(0.1);
    assert!(world.server.get::<ServiceAccount>("dev", "default").is_ok());
    let map = world.server.get::<ConfigMap>("dev", "kube-root-ca.crt").unwrap();
    assert!(map.data.as_ref().unwrap()["ca.crt"].starts_with("-----BEGIN CERTIFICATE-----\n"));
}

#[test]
fn a_service_finds_its_ready_pods() {
    let mut world = World::new();
    world.create("apps/v1", "Deployment", web(2));
    world.create(
        "v1",
        "Service",
        json!({"metadata": {"name": "web"}, "spec": {
        "clusterIP": "10.96.0.10", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}),
    );
    world.advance(1.0);
    let slice = world.all::<EndpointSlice>()[0].to_json();
    assert_eq!(slice["endpoints"], json!([]), "one empty slice before there are Pods");
    world.phase_all("Running", None);
    world.advance(1.0);
    let slices = world.all::<EndpointSlice>();
    assert_eq!(slices.len(), 1);
    let slice = slices[0].to_json();
    assert_eq!(slice["endpoints"].as_array().unwrap().len(), 2);
    assert_eq!(slice["endpoints"][0]["conditions"]["ready"], true);
    assert_eq!(slice["ports"][0]["port"], 8080);
    assert_eq!(slice["metadata"]["labels"]["kubernetes.io/service-name"], "web");
    let endpoints = world.get::<Endpoints>("web").to_json();
    assert_eq!(endpoints["subsets"][0]["addresses"].as_array().unwrap().len(), 2);
    assert_eq!(endpoints["subsets"][0]["ports"][0]["port"], 8080);
}

fn cron(schedule: &str, policy: &str) -> Value {
    json!({"metadata": {"name": "c"}, "spec": {"schedule": schedule, "concurrencyPolicy": policy,
        "successfulJobsHistoryLimit": 2,
        "jobTemplate": {"spec": {"template": {"spec": {
            "containers": [{"name": "c", "image": "busybox"}], "restartPolicy": "Never"}}}}}})
}

#[test]
fn a_cron_job_makes_a_job_every_minute_and_keeps_the_last_ones() {
    let mut world = World::new();
    world.create("batch/v1", "CronJob", cron("* * * * *", "Allow"));
    for _ in 0..60 * 5 {
        world.advance(1.0);
        world.phase_all("Succeeded", Some(0));
    }
    // 1_700_000_000 is 20 s into a minute: five whole minutes have begun since.
    let names: Vec<String> = world.all::<Job>().iter().map(|job| meta::name(&job.metadata).to_owned()).collect();
    let minute = 1_700_000_000 / 60;
    assert_eq!(names, [format!("c-{}", minute + 4), format!("c-{}", minute + 5)]);
    let job = world.all::<Job>()[0].to_json();
    assert_eq!(
        job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"],
        "2023-11-14T22:17:00Z"
    );
    let events = world.events_of("CronJob");
    assert_eq!(events[0], format!("SuccessfulCreate Created job c-{}", minute + 1));
    assert_eq!(events[1], format!("SawCompletedJob Saw completed job: c-{}, condition: Complete", minute + 1));
    assert!(events.contains(&format!("SuccessfulDelete Deleted job c-{}", minute + 1)), "{events:?}");
    let status = world.get::<CronJob>("c").to_json()["status"].clone();
    assert_eq!(status["lastScheduleTime"], "2023-11-14T22:18:00Z");
    assert!(status["active"].is_null());
}

#[test]
fn what_a_running_job_means_for_the_next_run_is_the_policys_to_say() {
    for (policy, jobs, reason) in
        [("Allow", 3, "SuccessfulCreate"), ("Forbid", 1, "JobAlreadyActive"), ("Replace", 1, "SuccessfulDelete")]
    {
        let mut world = World::new();
        world.create("batch/v1", "CronJob", cron("* * * * *", policy));
        world.advance(170.0);
        assert_eq!(world.all::<Job>().len(), jobs, "{policy}");
        assert!(world.events_of("CronJob").iter().any(|event| event.starts_with(reason)), "{policy}");
    }
}

fn store(replicas: i32, image: &str) -> Value {
    json!({"metadata": {"name": "db"}, "spec": {
        "replicas": replicas, "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}}}],
        "template": {"metadata": {"labels": {"app": "db"}},
            "spec": {"containers": [{"name": "c", "image": image}]}},
    }})
}

impl World {
    /// Plays the kubelet: what is being deleted goes, what is new runs.
    pub(super) fn settle_pods(&mut self) {
        let admin = self.admin.clone();
        for pod in self.all::<Pod>().iter().filter(|pod| meta::is_deleting(&pod.metadata)) {
            let now = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
            self.server.delete_object(&admin, "pods", "default", meta::name(&pod.metadata), &now).unwrap();
        }
        self.phase_all("Running", None);
    }
}

#[test]
fn a_stateful_set_goes_up_in_order_and_is_renewed_from_the_end() {
    let mut world = World::new();
    world.create("apps/v1", "StatefulSet", store(3, "db:1"));
    world.advance(1.0);
    assert_eq!(world.all::<Pod>().len(), 1, "the second waits for the first");
    for _ in 0..4 {
        world.settle_pods();
        world.advance(1.0);
    }
    let names: Vec<String> = world.all::<Pod>().iter().map(|pod| meta::name(&pod.metadata).to_owned()).collect();
    assert_eq!(names, ["db-0", "db-1", "db-2"]);
    assert_eq!(world.all::<PersistentVolumeClaim>()[0].metadata.name.as_deref(), Some("data-db-0"));
    let pod = world.get::<Pod>("db-1").to_json();
    assert_eq!(pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"], "data-db-1");
    assert_eq!(pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"], "1");
    assert_eq!(
        world.events_of("StatefulSet")[0],
        "SuccessfulCreate Create Claim data-db-0 Pod db-0 in StatefulSet db success"
    );
    assert_eq!(world.events_of("StatefulSet")[1], "SuccessfulCreate Create Pod db-0 in StatefulSet db successful");
    let mut set = StatefulSet::clone(&world.get::<StatefulSet>("db"));
    assert_eq!(set.status.as_ref().unwrap().ready_replicas, Some(3));
    set.spec.as_mut().unwrap().template.spec.as_mut().unwrap().containers[0].image = Some("db:2".to_owned());
    world.server.update(&world.admin.clone(), set).unwrap();
    for _ in 0..12 {
        world.advance(1.0);
        world.settle_pods();
    }
    world.advance(1.0);
    let events = world.events_of("StatefulSet");
    let gone: Vec<&String> = events.iter().filter(|event| event.starts_with("SuccessfulDelete")).collect();
    assert_eq!(
        gone,
        ["db-2", "db-1", "db-0"]
            .map(|name| format!("SuccessfulDelete Delete Pod {name} in StatefulSet db successful"))
            .iter()
            .collect::<Vec<_>>()
    );
    let status = world.get::<StatefulSet>("db").to_json()["status"].clone();
    assert_eq!((&status["updatedReplicas"], &status["currentRevision"]), (&json!(3), &status["updateRevision"]));
}

#[test]
fn a_stateful_set_restores_what_makes_its_pods_what_they_are() {
    let mut world = World::new();
    world.create("apps/v1", "StatefulSet", store(1, "db:1"));
    world.advance(1.0);
    // The claim of a Pod that waits is made again.
    let admin = world.admin.clone();
    let mut claim = PersistentVolumeClaim::clone(&world.get("data-db-0"));
    let first = claim.metadata.uid.clone();
    claim.metadata.finalizers = None;
    world.server.store_as_is(Box::new(claim));
    let options = crate::apiserver::DeleteOptions::default();
    world.server.delete_object(&admin, "persistentvolumeclaims", "default", "data-db-0", &options).unwrap();
    let mut pod = Pod::clone(&world.get("db-0"));
    pod.metadata.labels.as_mut().unwrap().insert("touched".to_owned(), "yes".to_owned());
    world.server.update(&admin, pod).unwrap();
    world.advance(1.0);
    assert_ne!(world.get::<PersistentVolumeClaim>("data-db-0").metadata.uid, first);
    // And so are the labels of one that runs.
    world.settle_pods();
    world.advance(1.0);
    let mut pod = Pod::clone(&world.get("db-0"));
    pod.metadata.labels.as_mut().unwrap().retain(|label, _| !label.ends_with("/pod-name"));
    world.server.update(&admin, pod).unwrap();
    world.advance(1.0);
    let labels = world.get::<Pod>("db-0").metadata.labels.clone().unwrap();
    assert_eq!(labels["statefulset.kubernetes.io/pod-name"], "db-0");
    let told = world.events_of("StatefulSet");
    assert!(told.iter().any(|told| told.starts_with("SuccessfulUpdate ")), "{told:?}");
}

#[test]
fn a_taint_drives_away_the_pods_that_do_not_tolerate_it() {
    let mut world = World::new();
    node(&mut world, "node01", false);
    let tolerations = json!([{"key": "fire", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 20}]);
    for (name, tolerations) in [("shy", json!([])), ("bold", tolerations)] {
        world.create(
            "v1",
            "Pod",
            json!({"metadata": {"name": name}, "spec": {"nodeName": "node01",
            "tolerations": tolerations, "containers": [{"name": "c", "image": "busybox"}]}}),
        );
    }
    world.advance(1.0);
    world.phase_all("Running", None);
    let mut held = k8s_openapi::api::core::v1::Node::clone(&world.server.get("", "node01").unwrap());
    held.spec = Some(
        serde_json::from_value(json!({"unschedulable": true,
        "taints": [{"key": "fire", "effect": "NoExecute"}]}))
        .unwrap(),
    );
    world.server.update(&world.admin.clone(), held).unwrap();
    world.advance(10.0);
    let left: Vec<String> = world.active().iter().map(|pod| meta::name(&pod.metadata).to_owned()).collect();
    assert_eq!(left, ["bold"]);
    world.advance(15.0);
    assert!(world.active().is_empty());
    assert!(world.events_of("Pod").contains(&"TaintManagerEviction Marking for deletion Pod default/shy".to_owned()));
    let node = world.server.get::<k8s_openapi::api::core::v1::Node>("", "node01").unwrap().to_json();
    let keys: Vec<&str> =
        node["spec"]["taints"].as_array().unwrap().iter().map(|t| t["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["fire", "node.kubernetes.io/unschedulable"]);
}

#[test]
fn a_deleted_namespace_is_emptied_and_goes() {
    let mut world = World::new();
    world.create("v1", "Namespace", json!({"metadata": {"name": "dev"}}));
    world.advance(1.0);
    let admin = world.admin.clone();
    world.server.delete_object(&admin, "namespaces", "", "dev", &background()).unwrap();
    assert!(world.server.get::<k8s_openapi::api::core::v1::Namespace>("", "dev").is_ok(), "it is emptied first");
    world.advance(10.0);
    assert!(world.server.get::<k8s_openapi::api::core::v1::Namespace>("", "dev").is_err());
    assert!(world.server.list::<ConfigMap>(Some("dev")).next().is_none());
}

#[test]
fn a_foreground_deletion_waits_for_the_pods_and_an_orphaning_one_leaves_them() {
    for (propagation, job_stays, pods) in [(Propagation::Foreground, true, 0), (Propagation::Orphan, false, 1)] {
        let mut world = World::new();
        node(&mut world, "node01", false);
        world.job("hello", json!({"parallelism": 1}));
        world.advance(1.0);
        world.phase_all("Running", None);
        let admin = world.admin.clone();
        let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
        let waits = world.server.delete_object(&admin, "jobs.batch", "default", "hello", &options).unwrap().is_some();
        assert!(waits, "a finalizer holds it");
        world.advance(2.0);
        assert_eq!(world.server.get::<Job>("default", "hello").is_ok(), job_stays && !world.all::<Pod>().is_empty());
        assert_eq!(world.active().len(), pods);
        if pods == 1 {
            assert!(world.all::<Pod>()[0].metadata.owner_references.is_none());
            assert!(world.all::<Pod>()[0].metadata.finalizers.is_none());
        }
    }
}

#[test]
fn a_quota_tells_what_is_used_and_gives_back_what_has_ended() {
    let mut world = World::new();
    let hard = json!({"pods": "5", "requests.cpu": "1", "count/jobs.batch": "3", "configmaps": "4"});
    world.create("v1", "ResourceQuota", json!({"metadata": {"name": "q"}, "spec": {"hard": hard}}));
    world.create(
        "v1",
        "Pod",
        json!({"metadata": {"name": "a"}, "spec": {"containers": [
        {"name": "c", "image": "busybox", "resources": {"requests": {"cpu": "250m"}}}]}}),
    );
    world.advance(1.0);
    let used = |world: &World| world.get::<ResourceQuota>("q").to_json()["status"]["used"].clone();
    // The ConfigMap is the certificate that every namespace has.
    assert_eq!(used(&world), json!({"pods": "1", "requests.cpu": "250m", "count/jobs.batch": "0", "configmaps": "1"}));
    assert_eq!(world.get::<ResourceQuota>("q").to_json()["status"]["hard"], hard);
    world.phase_all("Succeeded", Some(0));
    world.advance(1.0);
    assert_eq!(used(&world)["pods"], "0");
    assert_eq!(used(&world)["requests.cpu"], "0");
}

#[test]
fn a_replication_controller_keeps_its_pods_as_a_replica_set_does() {
    let mut world = World::new();
    let template =
        json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}});
    let spec = json!({"replicas": 2, "selector": {"app": "web"}, "template": template});
    world.create("v1", "ReplicationController", json!({"metadata": {"name": "web"}, "spec": spec}));
    world.advance(1.0);
    world.phase_all("Running", None);
    world.advance(1.0);
    let status = world.get::<ReplicationController>("web").to_json()["status"].clone();
    assert_eq!(
        status,
        json!({"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "observedGeneration": 1})
    );
    assert!(world.events_of("ReplicationController")[0].starts_with("SuccessfulCreate Created pod: web-"));
}

#[test]
fn claims_go_with_the_set_or_the_pod_when_the_policy_says_so() {
    let mut world = World::new();
    let mut set = store(2, "db:1");
    set["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({"whenDeleted": "Delete", "whenScaled": "Delete"});
    world.create("apps/v1", "StatefulSet", set);
    for _ in 0..4 {
        world.advance(1.0);
        world.settle_pods();
    }
    let owners = |world: &World, claim: &str| -> Vec<String> {
        let held = world.get::<PersistentVolumeClaim>(claim);
        held.metadata.owner_references.iter().flatten().map(|owner| format!("{} {}", owner.kind, owner.name)).collect()
    };
    assert_eq!(owners(&world, "data-db-0"), ["StatefulSet db"]);
    let mut set = StatefulSet::clone(&world.get("db"));
    set.spec.as_mut().unwrap().replicas = Some(1);
    world.server.update(&world.admin.clone(), set).unwrap();
    world.advance(1.0);
    assert_eq!(owners(&world, "data-db-0"), ["StatefulSet db"]);
    world.settle_pods();
    world.advance(2.0);
    assert!(world.server.get::<PersistentVolumeClaim>("default", "data-db-1").is_err(), "it goes with its Pod");
}

#[test]
fn a_surging_daemon_set_starts_the_new_pod_before_the_old_one_goes() {
    let mut world = World::new();
    node(&mut world, "node01", false);
    node(&mut world, "node02", false);
    let mut set = agent("a:1");
    set["spec"]["updateStrategy"] =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    world.create("apps/v1", "DaemonSet", set);
    world.advance(1.0);
    world.phase_all("Running", None);
    world.advance(1.0);
    let mut set = DaemonSet::clone(&world.get("agent"));
    set.spec.as_mut().unwrap().template.spec.as_mut().unwrap().containers[0].image = Some("a:2".to_owned());
    world.server.update(&world.admin.clone(), set).unwrap();
    world.advance(1.0);
    assert_eq!(world.active().len(), 3, "one more than there are nodes");
    for _ in 0..6 {
        world.settle_pods();
        world.advance(1.0);
    }
    let images: Vec<String> =
        world.active().iter().map(|pod| pod.spec.as_ref().unwrap().containers[0].image.clone().unwrap()).collect();
    assert_eq!(images, ["a:2", "a:2"]);
}
