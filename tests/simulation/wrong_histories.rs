//! Every promise can be broken: to each a history that breaks it and nothing else, and one that keeps all of them.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use tabernetes::apimachinery::{Kind, Object, ObjectKey, downcast};
use tabernetes::sim::Time;
use tabernetes::storage::ChangeKind;

use crate::promises::{Promises, Seen, Write};

/// A cluster as it is told.
#[derive(Default)]
struct Told {
    objects: Vec<Arc<dyn Object>>,
    awaited: bool,
    now: Time,
    promises: Promises,
}

impl Seen for Told {
    fn now(&self) -> Time {
        self.now
    }
    fn all<T: Kind>(&self) -> impl Iterator<Item = Arc<T>> {
        self.objects.iter().filter_map(downcast)
    }
    fn awaits(&self, _: &ObjectKey) -> bool {
        self.awaited
    }
    fn awaits_pod(&self, _: &Pod) -> bool {
        self.awaited
    }
}

impl Told {
    /// Writes an object: makes it, or changes it.
    fn write(&mut self, object: &Value) -> &mut Self {
        let after = typed(object);
        let same = |one: &&mut Arc<dyn Object>| one.meta().name == after.meta().name && one.kind() == after.kind();
        let before = self.objects.iter_mut().find(same).map(|held| std::mem::replace(held, Arc::clone(&after)));
        let kind = if before.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        if before.is_none() {
            self.objects.push(Arc::clone(&after));
        }
        let mut promises = std::mem::take(&mut self.promises);
        promises.of_write(Write { kind, before: before.as_ref(), after: &after }, self);
        promises.of_moment(self);
        self.promises = promises;
        self
    }

    fn pass(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    fn rest(&mut self) -> &mut Self {
        let mut promises = std::mem::take(&mut self.promises);
        promises.of_rest(self);
        self.promises = promises;
        self
    }

    fn end(&mut self) -> &mut Self {
        let mut promises = std::mem::take(&mut self.promises);
        promises.of_the_end(self);
        self.promises = promises;
        self
    }

    /// What is broken has to be told by one sentence that has these words in it.
    #[track_caller]
    fn breaks(&mut self, words: &str) {
        let broken = self.promises.take_broken();
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert!(broken[0].contains(words), "{broken:?}");
    }
}

fn typed(object: &Value) -> Arc<dyn Object> {
    fn read<T: Kind>(object: &Value) -> Arc<dyn Object> {
        Arc::new(serde_json::from_value::<T>(object.clone()).unwrap())
    }
    match object["kind"].as_str().unwrap() {
        "Pod" => read::<Pod>(object),
        "CronJob" => read::<CronJob>(object),
        "Deployment" => read::<Deployment>(object),
        "ReplicaSet" => read::<ReplicaSet>(object),
        "StatefulSet" => read::<StatefulSet>(object),
        _ => read::<Job>(object),
    }
}

fn job(spec: Value, status: Value) -> Value {
    let mut spec = spec;
    spec["template"] = json!({});
    json!({"apiVersion": "batch/v1", "kind": "Job", "spec": spec, "status": status,
        "metadata": {"name": "j", "namespace": "default", "uid": "j"}})
}

/// A Job of one Pod at a time and three in all.
fn three(status: Value) -> Value {
    job(json!({"parallelism": 1, "completions": 3}), status)
}

fn indexed(status: Value) -> Value {
    job(json!({"parallelism": 3, "completions": 3, "completionMode": "Indexed"}), status)
}

fn conditions(kinds: &[&str]) -> Value {
    kinds.iter().map(|kind| json!({"type": kind, "status": "True"})).collect()
}

fn complete(succeeded: u32) -> Value {
    json!({"conditions": conditions(&["SuccessCriteriaMet", "Complete"]), "succeeded": succeeded,
        "completionTime": "2026-01-01T00:00:00Z"})
}

fn owned(kind: &str, name: &str, owner: &str, more: Value) -> Value {
    let version = if kind == "Pod" { "v1" } else { "apps/v1" };
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "default",
        "uid": name, "ownerReferences": [
            {"apiVersion": "v1", "kind": if owner == "j" { "Job" } else { "Other" }, "name": owner, "uid": owner,
             "controller": true}]}});
    for (field, value) in more.as_object().unwrap() {
        match value.as_object() {
            Some(fields) if field == "metadata" => {
                fields.iter().for_each(|(field, value)| object["metadata"][field] = value.clone());
            }
            _ => object[field] = value.clone(),
        }
    }
    object
}

fn pod(name: &str, phase: &str) -> Value {
    owned("Pod", name, "j", json!({"spec": {"containers": []}, "status": {"phase": phase}}))
}

fn pod_of(name: &str, index: u32, phase: &str) -> Value {
    let mut pod = pod(name, phase);
    pod["metadata"]["annotations"] = json!({"batch.kubernetes.io/job-completion-index": index.to_string()});
    pod
}

fn told() -> Told {
    Told { awaited: true, ..Told::default() }
}

#[test]
fn an_ordinary_history_breaks_nothing() {
    let mut told = told();
    told.write(&indexed(json!({})));
    for index in 0..3 {
        told.write(&pod_of(&format!("p{index}"), index, "Pending"));
    }
    told.write(&indexed(json!({"active": 3}))).rest();
    for index in 0..3 {
        told.write(&pod_of(&format!("p{index}"), index, "Running"));
        told.write(&pod_of(&format!("p{index}"), index, "Succeeded"));
    }
    let mut end = complete(3);
    end["completedIndexes"] = json!("0-2");
    told.write(&indexed(end)).rest().end();
    assert_eq!(told.promises.take_broken(), [""; 0]);
}

#[test]
fn never_more_than_parallelism_are_active() {
    told().write(&three(json!({"active": 2}))).breaks("2 active, 1 may be");
    told().write(&three(json!({}))).write(&pod("a", "Pending")).write(&pod("b", "Pending")).breaks("2 Pods with b");
}

#[test]
fn a_job_that_is_scaled_down_has_fifteen_seconds() {
    let (two, one) = (json!({"parallelism": 2}), json!({"parallelism": 1}));
    let mut told = told();
    told.write(&job(two, json!({"active": 2}))).write(&job(one.clone(), json!({"active": 2}))).pass(15);
    told.write(&job(one.clone(), json!({"active": 2, "ready": 1})));
    assert_eq!(told.promises.take_broken(), [""; 0]);
    told.pass(1).write(&job(one, json!({"active": 2}))).breaks("2 active, 1 may be");
}

#[test]
fn an_empty_work_queue_may_keep_its_pods_but_gets_no_more() {
    let (two, one) = (json!({"parallelism": 2}), json!({"parallelism": 1}));
    let mut told = told();
    told.write(&job(two.clone(), json!({}))).write(&pod("a", "Pending")).write(&pod("b", "Pending"));
    told.write(&job(two, json!({"active": 1, "succeeded": 1}))).pass(60);
    told.write(&job(one.clone(), json!({"active": 2, "succeeded": 1}))).pass(60);
    told.write(&job(one, json!({"active": 2, "ready": 1, "succeeded": 1})));
    assert_eq!(told.promises.take_broken(), [""; 0]);
    told.write(&pod("a", "Succeeded")).write(&pod("b", "Succeeded"));
    told.write(&pod("c", "Pending")).breaks("after the queue was empty");
}

#[test]
fn succeeded_and_failed_never_shrink() {
    for count in ["succeeded", "failed"] {
        let mut told = told();
        told.write(&three(json!({}))).write(&pod("a", "Succeeded")).write(&three(json!({count: 1})));
        told.write(&three(json!({}))).breaks(&format!("{count} went from Some(1) to None"));
    }
}

#[test]
fn a_pod_is_counted_once() {
    let mut told = told();
    told.write(&three(json!({}))).write(&pod("a", "Failed")).write(&three(json!({"failed": 1})));
    told.write(&three(json!({"failed": 1, "uncountedTerminatedPods": {"failed": ["a"]}})))
        .breaks("2 Pods are counted of 1");
}

#[test]
fn a_terminal_phase_is_final() {
    for (from, to, words) in [
        ("Succeeded", "Running", "the final phase Succeeded became Running"),
        ("Failed", "Succeeded", "the final phase Failed became Succeeded"),
        ("Running", "Pending", "went back from Running to Pending"),
    ] {
        told().write(&pod("a", from)).write(&pod("a", to)).breaks(words);
    }
}

#[test]
fn a_pod_stays_on_its_node() {
    let on = |node: &str| owned("Pod", "a", "j", json!({"spec": {"containers": [], "nodeName": node}}));
    told().write(&on("node01")).write(&on("node02")).breaks("moved from node01 to node02");
}

#[test]
fn the_end_of_a_job_is_final() {
    let end = |message: &str| {
        let mut conditions = conditions(&["FailureTarget", "Failed"]);
        conditions[1]["message"] = json!(message);
        three(json!({"conditions": conditions}))
    };
    told().write(&end("one")).write(&end("other")).breaks("changed after its end");
    let mut told = told();
    told.write(&three(json!({"conditions": conditions(&["FailureTarget"])})));
    told.write(&three(json!({}))).breaks("FailureTarget is no longer true");
    let mut told = Told { awaited: true, ..Told::default() };
    told.write(&three(json!({"conditions": conditions(&["FailureTarget"])})));
    told.write(&pod("a", "Pending")).breaks("a was made after FailureTarget");
}

#[test]
fn no_finalizer_is_left_after_the_end() {
    let held = |phase: &str| {
        let mut pod = pod("a", phase);
        pod["metadata"]["finalizers"] = json!(["batch.kubernetes.io/job-tracking"]);
        pod
    };
    let failed = three(json!({"conditions": conditions(&["FailureTarget", "Failed"])}));
    told().write(&three(json!({}))).write(&held("Failed")).write(&failed).breaks("over, and Some");
    let mut late = told();
    late.write(&three(json!({}))).write(&pod("a", "Failed")).write(&failed).write(&held("Failed"));
    late.end().breaks("still has the Job controller's finalizer");
}

#[test]
fn every_index_succeeds_once() {
    let done = |text: &str, succeeded: u32| indexed(json!({"completedIndexes": text, "succeeded": succeeded}));
    let begun = || {
        let mut told = told();
        told.write(&indexed(json!({}))).write(&pod_of("a", 1, "Pending")).write(&pod_of("a", 1, "Succeeded"));
        told
    };
    begun().write(&done("2", 1)).breaks("no Pod has succeeded for the index Some(2)");
    begun().write(&done("1", 1)).write(&pod_of("b", 1, "Pending")).breaks("made for the index 1, which is over");
    begun().write(&pod_of("b", 2, "Pending")).write(&pod_of("c", 2, "Pending")).breaks("2 Pods run for the index 2");
    begun().write(&pod_of("b", 2, "Pending")).write(&done("1", 2)).breaks("2 succeeded, indexes Some(\"1\")");
    let both = indexed(json!({"completedIndexes": "1", "failedIndexes": "1", "succeeded": 1}));
    begun().write(&both).breaks("both done");
    let mut lost = begun();
    lost.write(&pod_of("b", 2, "Pending")).write(&pod_of("b", 2, "Succeeded"));
    lost.write(&done("1", 1)).write(&done("2", 1)).breaks("the index Some(1) is no longer completed");
}

#[test]
fn a_complete_indexed_job_has_every_index() {
    let mut told = told();
    told.write(&indexed(json!({}))).write(&pod_of("a", 0, "Pending")).write(&pod_of("a", 0, "Succeeded"));
    let mut end = complete(1);
    end["completedIndexes"] = json!("0");
    // That the criteria are met without a success of each is told as well.
    told.write(&indexed(end));
    let broken = told.promises.take_broken();
    assert!(broken.iter().any(|one| one.contains("complete with the indexes Some(\"0\")")), "{broken:?}");
    assert!(broken.iter().any(|one| one.contains("the criteria are met with 1 of Some(3)")), "{broken:?}");
}

#[test]
fn conditions_never_contradict() {
    let with = |kinds: &[&str]| three(json!({"conditions": conditions(kinds)}));
    told().write(&with(&["SuccessCriteriaMet", "FailureTarget"])).breaks("SuccessCriteriaMet and FailureTarget");
    told().write(&with(&["Failed"])).breaks("Failed without FailureTarget");
    told().write(&with(&["SuccessCriteriaMet", "Complete"])).breaks("Complete is true with completionTime None");
    let mut both = with(&["SuccessCriteriaMet", "Complete", "Failed", "FailureTarget"]);
    both["status"]["completionTime"] = json!("2026-01-01T00:00:00Z");
    let mut told_both = told();
    told_both.write(&both);
    assert_eq!(told_both.promises.take_broken().len(), 3);
    let mut rests = with(&["Suspended"]);
    rests["status"]["active"] = json!(1);
    told().write(&rests).breaks("suspended with 1 active");
    let mut over = with(&["FailureTarget", "Failed"]);
    over["status"]["terminating"] = json!(1);
    told().write(&over).breaks("over with 1 Pods");
    let mut rests = with(&["Suspended"]);
    rests["spec"]["suspend"] = json!(true);
    told().write(&rests).write(&pod("a", "Pending")).breaks("made while the Job rests");
}

#[test]
fn what_is_not_finished_has_somebody_who_will_wake_it() {
    let asleep = || Told::default();
    asleep().write(&three(json!({}))).rest().breaks("j: is not over, and nobody will look at it");
    asleep().write(&pod("a", "Pending")).rest().breaks("\"a\") is Pending, and nobody will look at it");
    let mut running = asleep();
    running.write(&three(json!({}))).write(&pod("a", "Running")).rest().breaks("is Running, and nobody");
    let mut rests = three(json!({}));
    rests["spec"]["suspend"] = json!(true);
    let mut over = three(json!({"conditions": conditions(&["FailureTarget", "Failed"])}));
    over["metadata"]["name"] = json!("over");
    let mut quiet = asleep();
    quiet.write(&rests).write(&over).rest();
    assert_eq!(quiet.promises.take_broken(), [""; 0]);
    asleep().write(&cron_job("Allow", false, "2026-01-01T00:00:00Z")).rest().breaks("nobody will look at it");
}

#[test]
fn at_the_end_everything_is_over() {
    told().write(&three(json!({}))).end().breaks("j never ended");
    let over = three(json!({"conditions": conditions(&["FailureTarget", "Failed"])}));
    let mut left = told();
    left.write(&three(json!({})))
        .write(&pod("a", "Running"))
        .write(&over)
        .end()
        .breaks("pod a is left on None, Running");
    let mut alone = told();
    alone.write(&pod("a", "Failed")).end().breaks("has outlived its Job");
}

fn cron_job(policy: &str, suspend: bool, last: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c", "namespace": "default", "uid": "c"},
        "spec": {"schedule": "* * * * *", "concurrencyPolicy": policy, "suspend": suspend,
            "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 1, "jobTemplate": {}},
        "status": {"lastScheduleTime": last}})
}

fn job_of_cron(name: &str, status: Value) -> Value {
    let mut job = owned("Job", name, "c", json!({"spec": {"template": {}}, "status": status}));
    job["apiVersion"] = json!("batch/v1");
    job
}

#[test]
fn a_cron_job_keeps_to_its_policy_its_minutes_and_its_limits() {
    let (one, two) = ("2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z");
    told().write(&cron_job("Forbid", false, two)).write(&cron_job("Forbid", false, one)).breaks("went back");
    let mut beside = told();
    beside.write(&cron_job("Forbid", false, one)).write(&job_of_cron("c-1", json!({})));
    beside.write(&job_of_cron("c-2", json!({}))).breaks("beside another");
    let mut twice = told();
    twice.write(&cron_job("Allow", false, one)).write(&job_of_cron("c-1", json!({})));
    twice.objects.pop();
    twice.write(&job_of_cron("c-1", json!({}))).breaks("c-1 was made twice");
    let mut rests = told();
    rests.write(&cron_job("Allow", false, one)).write(&cron_job("Allow", true, one)).pass(20);
    rests.write(&job_of_cron("c-1", json!({}))).breaks("while c is suspended");
    let mut many = told();
    many.write(&cron_job("Allow", false, one));
    let failed = json!({"conditions": conditions(&["FailureTarget", "Failed"])});
    many.write(&job_of_cron("c-1", failed.clone())).write(&job_of_cron("c-2", failed));
    many.end().breaks("c keeps 2 Jobs that are Failed, 1 may be");
    let mut active = cron_job("Allow", false, one);
    active["status"]["active"] = json!([{"name": "c-1"}]);
    told().write(&active).end().breaks("still has");
}

fn deployment(replicas: u32, status: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "status": status,
        "metadata": {"name": "d", "namespace": "default", "uid": "d", "generation": 1},
        "spec": {"replicas": replicas, "selector": {}, "template": {}, "strategy": {"rollingUpdate": {"maxSurge": 1}}}})
}

#[test]
fn a_deployment_has_no_more_than_it_may_and_is_rolled_out_at_the_end() {
    let set = |name: &str, replicas: u32| {
        owned("ReplicaSet", name, "d", json!({"spec": {"replicas": replicas, "selector": {}}}))
    };
    let mut many = told();
    many.write(&deployment(2, json!({}))).write(&set("a", 2)).write(&set("b", 1));
    many.write(&set("b", 2)).breaks("d: its ReplicaSets want 4 Pods, 3 may be");
    let short = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 1});
    told().write(&deployment(2, short)).end().breaks("d is not rolled out");
}

#[test]
fn a_stateful_set_goes_in_order_and_is_whole_at_the_end() {
    let set = |ready: u32| {
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "s", "namespace": "default", "uid": "s"},
            "spec": {"replicas": 1, "selector": {}, "serviceName": "s", "template": {}},
            "status": {"replicas": 1, "readyReplicas": ready, "availableReplicas": 1, "updatedReplicas": 1}})
    };
    let member =
        |name: &str| owned("Pod", name, "s", json!({"spec": {"containers": []}, "status": {"phase": "Running"}}));
    let mut early = told();
    early.write(&set(1)).write(&member("s-0")).write(&member("s-1")).breaks("s-1 was made before the Pod 0 was ready");
    told().write(&set(0)).write(&member("s-0")).end().breaks("s is not whole");
    let mut gap = told();
    gap.write(&set(1)).end().breaks("s has the Pods {} of 1");
}
