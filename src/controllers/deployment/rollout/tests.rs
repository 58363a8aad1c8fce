//! Upstream's tables of what a sync does to ReplicaSets (`sync_test.go`, `rolling_test.go`, `recreate_test.go`), with the
//! names of its cases; where it gives none, the numbers are the name.
//!
//! ReplicaSets are words, the new one first (`-` when there is none), then the old ones, each an hour older than the one
//! before: `foo-v2=8/available=6/pods=8/revision=2/desired=10`. A size without more is all of it.
//!
//! Not here: "failed rs update", whose update fails only in the test's own eyes.

use serde_json::{Value, json};

use super::*;
use crate::api::Strategy;
use crate::apiserver::{ApiServer, Caller};
use crate::client::{Caches, Client, EventRecorder, WorkQueue};
use crate::controllers::Controller;
use crate::controllers::deployment::DeploymentController;
use crate::sim::{Seed, Time};

fn now() -> Time {
    Time::from_seconds(1_463_709_600)
}

fn deployment(spec: Value) -> Deployment {
    let mut spec = spec;
    spec["selector"] = json!({"matchLabels": {"foo": "bar"}});
    let labels =
        if spec["another"].is_null() { json!({"foo": "bar"}) } else { json!({"foo": "bar", "another": "label"}) };
    spec["template"] =
        json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "foo/bar"}]}});
    let name = spec["name"].as_str().unwrap_or("foo").to_owned();
    for field in ["another", "name"] {
        spec.as_object_mut().unwrap().remove(field);
    }
    let metadata = json!({"name": name, "namespace": "default", "uid": "deployment-uid"});
    let mut deployment: Deployment = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
    let strategy = deployment.spec.as_ref().unwrap().strategy.clone();
    deployment.set_defaults();
    // What a table leaves out is nothing there, not the server's quarter.
    deployment.spec.as_mut().unwrap().strategy = strategy;
    deployment
}

fn rolling(replicas: i32, surge: Value, unavailable: Value) -> Deployment {
    let strategy =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}});
    deployment(json!({"replicas": replicas, "strategy": strategy}))
}

/// Reads a ReplicaSet, which is the one with this number.
fn replica_set(word: &str, number: u64, noted: &Value) -> ReplicaSet {
    let mut parts = word.split('/');
    let (name, size) = parts.next().and_then(|part| part.split_once('=')).unwrap();
    let mut annotations = noted.clone();
    let mut status = json!({"replicas": 0});
    let mut metadata = json!({
        "name": name, "namespace": "default", "uid": format!("uid-{name}"), "labels": {"foo": "bar"},
        "creationTimestamp": Time::from_seconds(now().as_seconds() - 3600 * number).timestamp().to_string(),
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "foo", "uid": "deployment-uid", "controller": true}],
    });
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key {
            "available" => status["availableReplicas"] = json!(value.parse::<i32>().unwrap()),
            "pods" => status["replicas"] = json!(value.parse::<i32>().unwrap()),
            "revision" => annotations[REVISION] = json!(value),
            "leaving" => {
                metadata["deletionTimestamp"] = json!(now().timestamp().to_string());
                metadata["finalizers"] = json!(["example.com/kept"]);
            }
            _ => panic!("{word}: what is {key}?"),
        }
    }
    metadata["annotations"] = annotations;
    let spec = json!({
        "replicas": size.parse::<i32>().unwrap(), "selector": {"matchLabels": {"foo": "bar"}},
        "template": {"metadata": {"labels": {"foo": "bar"}}, "spec": {"containers": [{"name": "c", "image": "foo/bar"}]}},
    });
    let mut set: ReplicaSet =
        serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap();
    set.set_defaults();
    set
}

/// A server with ReplicaSets and Pods.
struct Rig {
    server: ApiServer,
    new: Option<String>,
    old: Vec<String>,
}

impl Rig {
    fn new(words: &str, noted: &Value) -> Self {
        let mut server = ApiServer::new(Seed::new(1), now());
        server.trust_statuses();
        let mut names = Vec::new();
        for (number, word) in (0..).zip(words.split_whitespace()) {
            if word == "-" {
                names.push(None);
                continue;
            }
            let set = replica_set(word, number, noted);
            names.push(set.metadata.name.clone());
            server.store_as_is(Box::new(set));
        }
        let mut names = names.into_iter();
        let new = names.next().flatten();
        Self { server, new, old: names.flatten().collect() }
    }

    fn set(&self, name: &str) -> Arc<ReplicaSet> {
        self.server.get::<ReplicaSet>("default", name).unwrap()
    }

    /// Does one thing with the sets: the new one, and the old ones from the oldest.
    fn with<R>(
        &mut self,
        deployment: &Deployment,
        act: impl FnOnce(&mut Rollout<'_, '_>, Option<Arc<ReplicaSet>>, Sets) -> R,
    ) -> R {
        let new = self.new.as_ref().map(|name| self.set(name));
        let mut old: Sets = self.old.iter().map(|name| self.set(name)).collect();
        old.sort_by(|one, two| sets::oldest_first(one, two));
        let mut all = with(&old, new.as_ref());
        all.sort_by(|one, two| sets::oldest_first(one, two));
        let mut caches = Caches::new(DeploymentController::default().watches());
        caches.pull(&self.server);
        let caller = Caller::component("system:serviceaccount:kube-system:deployment-controller");
        let (mut queue, mut events) = (WorkQueue::default(), EventRecorder::new("deployment-controller", ""));
        let mut context = Context {
            client: Client::new(&mut self.server, &caller),
            caches: &caches,
            queue: &mut queue,
            events: &mut events,
            now: now(),
        };
        act(&mut Rollout::new(deployment.clone(), all, &mut context), new, old)
    }

    /// The sizes, in the order of the words.
    fn sizes(&self) -> Vec<i32> {
        self.new.iter().chain(&self.old).map(|name| size(&self.set(name))).collect()
    }
}

#[test]
fn test_scale() {
    let nothing = || Value::Null;
    let plain = |replicas: i32| (replicas, nothing(), nothing());
    // Name; size, surge and unavailable before and after; the sets; their sizes.
    let cases = [
        ("normal scaling event: 10 -> 12", plain(10), plain(12), "foo-v1=10", vec![12]),
        ("normal scaling event: 10 -> 5", plain(10), plain(5), "foo-v1=10", vec![5]),
        ("proportional scaling: 5 -> 10", plain(5), plain(10), "foo-v2=2 foo-v1=3", vec![4, 6]),
        ("proportional scaling: 5 -> 3", plain(5), plain(3), "foo-v2=2 foo-v1=3", vec![1, 2]),
        ("proportional scaling: 9 -> 4", plain(9), plain(4), "foo-v2=8 foo-v1=1", vec![4, 0]),
        ("proportional scaling: 7 -> 10", plain(7), plain(10), "foo-v3=2 foo-v2=3 foo-v1=2", vec![3, 4, 3]),
        ("proportional scaling: 13 -> 8", plain(13), plain(8), "foo-v3=2 foo-v2=8 foo-v1=3", vec![1, 5, 2]),
        ("leftover distribution: 3 -> 4", plain(3), plain(4), "foo-v3=1 foo-v2=1 foo-v1=1", vec![2, 1, 1]),
        ("leftover distribution: 3 -> 2", plain(3), plain(2), "foo-v3=1 foo-v2=1 foo-v1=1", vec![1, 1, 0]),
        ("proportional scaling (no new rs): 4 -> 5", plain(4), plain(5), "- foo-v2=2 foo-v1=2", vec![3, 2]),
        ("proportional scaling: 6 -> 0", plain(6), plain(0), "foo-v3=3 foo-v2=2 foo-v1=1", vec![0, 0, 0]),
        ("proportional scaling: 0 -> 6", plain(6), plain(6), "foo-v3=0 foo-v2=0 foo-v1=0", vec![6, 0, 0]),
        (
            "deployment with surge pods",
            (10, json!(2), nothing()),
            (20, json!(2), nothing()),
            "foo-v2=6 foo-v1=6",
            vec![11, 11],
        ),
        (
            "change both surge and size",
            (10, json!(3), nothing()),
            (50, json!(6), nothing()),
            "foo-v2=5 foo-v1=8",
            vec![22, 34],
        ),
        ("change both size and template", plain(10), plain(14), "- foo-v2=7 foo-v1=3", vec![10, 4]),
        (
            "saturated but broken new replica set does not affect old pods",
            (2, json!(1), json!(1)),
            (2, json!(1), json!(1)),
            "foo-v2=2/available=0 foo-v1=1/available=1",
            vec![2, 1],
        ),
    ];
    for (name, before, after, words, expected) in cases {
        let before = rolling(before.0, before.1, before.2);
        let most = wanted(&before) + max_surge(&before);
        let noted = json!({DESIRED_REPLICAS: wanted(&before).to_string(), sets::MAX_REPLICAS: most.to_string()});
        let mut rig = Rig::new(words, &noted);
        let after = rolling(after.0, after.1, after.2);
        rig.with(&after, |rollout, new, old| rollout.scale(new.as_ref(), &old)).unwrap();
        assert_eq!(rig.sizes(), expected, "{name}");
    }
}

#[test]
fn test_deployment_controller_reconcile_new_replica_set() {
    // Wanted, surge, size of the old set, of the new one, and what becomes of it.
    for (wanted, surge, old, new, expected) in [
        (10, 0, 10, 0, None),
        (10, 2, 10, 0, Some(2)),
        (10, 2, 5, 0, Some(7)),
        (10, 2, 10, 2, None),
        (10, 2, 2, 11, Some(10)),
    ] {
        let mut rig = Rig::new(&format!("foo-v2={new} foo-v1={old}"), &json!({}));
        let deployment = rolling(wanted, json!(surge), json!(0));
        let scaled =
            rig.with(&deployment, |rollout, new, old| rollout.grow_new(&with(&old, new.as_ref()), &new.unwrap()));
        assert_eq!(scaled.unwrap(), expected.is_some(), "{wanted} {surge} {old} {new}");
        assert_eq!(rig.sizes(), [expected.unwrap_or(new), old]);
    }
}

#[test]
fn test_deployment_controller_reconcile_old_replica_sets() {
    // Wanted, unavailable, old set and its available Pods, new set, and what becomes of the old one.
    for (wanted, unavailable, (old, ready), new, expected) in [
        (10, 0, (10, 10), 0, 10),
        (10, 2, (10, 10), 0, 8),
        (10, 2, (10, 8), 0, 8),
        (10, 2, (10, 9), 0, 8),
        (10, 2, (8, 8), 2, 8),
    ] {
        let mut rig = Rig::new(&format!("foo-new={new}/available=0 foo-old={old}/available={ready}"), &json!({}));
        // Without a surge and with nothing that may be missing one may be, else nothing would move.
        let least = if unavailable == 0 { 9 } else { expected };
        let deployment = rolling(wanted, json!(0), json!(unavailable));
        let scaled = rig
            .with(&deployment, |rollout, new, old| rollout.shrink_old(&with(&old, new.as_ref()), &old, &new.unwrap()));
        assert_eq!(rig.sizes(), [new, least], "{wanted} {unavailable} {old} {ready}");
        assert_eq!(scaled.unwrap(), least != old, "{wanted} {unavailable} {old} {ready}");
    }
}

#[test]
fn test_deployment_controller_cleanup_unhealthy_replicas() {
    for (ready, most, expected) in [(8, 1, 1), (8, 3, 2), (8, 0, 0), (10, 3, 0)] {
        let mut rig = Rig::new(&format!("- foo-v2=10/available={ready}"), &json!({}));
        let deployment = rolling(10, json!(2), json!(2));
        let dropped = rig.with(&deployment, |rollout, _, mut old| rollout.drop_unhealthy(&mut old, most));
        assert_eq!((dropped.unwrap(), rig.sizes()), (expected, vec![10 - expected]), "{ready} {most}");
    }
}

#[test]
fn test_deployment_controller_scale_down_old_replica_sets_for_rolling_update() {
    // What may be missing, available Pods, size, and what becomes of it.
    for (unavailable, ready, old, expected) in
        [(0, 10, 10, 9), (2, 10, 10, 8), (2, 8, 10, 10), (2, 10, 0, 0), (2, 1, 10, 10)]
    {
        let mut rig = Rig::new(&format!("foo-v3=0 foo-v2={old}/available={ready}"), &json!({}));
        let deployment = rolling(10, json!(0), json!(unavailable));
        let min = 10 - max_unavailable(&deployment);
        let dropped = rig.with(&deployment, |rollout, new, old| rollout.drop_available(&old, &new.unwrap(), min));
        assert_eq!((dropped.unwrap(), rig.sizes()[1]), (old - expected, expected), "{unavailable} {ready} {old}");
    }
}

#[test]
fn test_scale_down_old_replica_sets() {
    let mut rig = Rig::new("- foo-0=3/pods=3", &json!({}));
    let deployment = deployment(json!({"replicas": 3, "strategy": {"type": "Recreate"}, "another": true}));
    rig.server.store_as_is(Box::new(deployment.clone()));
    rig.with(&deployment, |rollout, _, _| rollout.recreate()).unwrap();
    assert_eq!(rig.sizes(), [0]);
    // And no new one as long as old Pods run.
    assert_eq!(rig.server.list::<ReplicaSet>(None).count(), 1);
}

#[test]
fn test_old_pods_running() {
    let cases = [
        ("no old RSs", "-", "", false),
        ("old RSs with running pods", "- foo-0=0 foo-1=0", "foo-0=Running foo-1=Running", true),
        ("old RSs without pods but with non-zero status replicas", "- rs-1=0/pods=1", "", true),
        ("old RSs without pods or non-zero status replicas", "- rs-1=0", "", false),
        (
            "old RSs with zero status replicas but pods in terminal state are present",
            "- rs-1=0",
            "rs-1=Failed rs-1=Succeeded",
            false,
        ),
        ("old RSs with zero status replicas but pod in unknown phase present", "- rs-1=0", "rs-1=Unknown", true),
        ("old RSs with zero status replicas with pending pod present", "- rs-1=0", "rs-1=Pending", true),
        ("old RSs with zero status replicas with running pod present", "- rs-1=0", "rs-1=Running", true),
        (
            "old RSs with zero status replicas but pods in terminal state and pending are present",
            "- rs-1=0 rs-2=0 rs-3=0",
            "rs-1=Failed rs-1=Succeeded rs-3=Pending",
            true,
        ),
        // The new set's own Pods are none of old.
        ("new RS with running pods", "rs-2=1/pods=1 rs-1=0", "rs-2=Running", false),
    ];
    for (name, words, pods, expected) in cases {
        let mut rig = Rig::new(words, &json!({}));
        for (number, word) in pods.split_whitespace().enumerate() {
            let (owner, phase) = word.split_once('=').unwrap();
            let pod: Pod = serde_json::from_value(json!({
                "metadata": {"name": format!("pod-{number}"), "namespace": "default", "uid": number.to_string(), "ownerReferences":
                    [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": format!("uid-{owner}"), "controller": true}]},
                "spec": {"containers": []}, "status": {"phase": phase},
            }))
            .unwrap();
            rig.server.store_as_is(Box::new(pod));
        }
        let deployment = deployment(json!({"replicas": 1, "strategy": {"type": "Recreate"}}));
        let running = rig.with(&deployment, |rollout, new, old| rollout.old_pods_run(new.as_ref(), &old));
        assert_eq!(running, expected, "{name}");
    }
}

/// Cleans up; the names of the sets that went.
fn cleaned(limit: i32, words: &str) -> Vec<String> {
    let mut rig = Rig::new(words, &json!({}));
    let deployment =
        deployment(json!({"replicas": 1, "revisionHistoryLimit": limit, "strategy": {"type": "Recreate"}}));
    rig.with(&deployment, |rollout, _, old| rollout.clean_up(&old)).unwrap();
    let gone = |name: &&String| rig.server.get::<ReplicaSet>("default", name).is_err();
    rig.old.iter().filter(gone).cloned().collect()
}

#[test]
fn test_deployment_controller_cleanup_deployment() {
    for (limit, words, expected) in [
        (1, "- foo-1=0 foo-2=0 foo-3=0", 2),
        // Only what has no Pods and wants none.
        (0, "- foo-1=0 foo-2=0/pods=1 foo-3=1 foo-4=1/pods=1", 1),
        (0, "- foo-1=0 foo-2=0", 2),
        (0, "- foo-1=1/pods=1 foo-2=1/pods=1", 0),
        (0, "- foo-1=0/leaving", 0),
        (i32::MAX, "- foo-1=0 foo-2=0 foo-3=0", 0),
    ] {
        assert_eq!(cleaned(limit, words).len(), expected, "{limit} {words}");
    }
}

#[test]
fn test_deployment_controller_cleanup_deployment_order() {
    // From the newest to the oldest.
    for (limit, words, expected) in [
        (1, "- foo-2=0/revision=2 foo-1=0/revision=1", vec!["foo-1"]),
        (1, "- foo-2=0/revision=1 foo-1=0/revision=2", vec!["foo-2"]),
        (1, "- foo-2=0 foo-1=0/revision=1", vec!["foo-2"]),
        (1, "- foo-2=0/revision=2 foo-1=0", vec!["foo-1"]),
        (1, "- foo-3=0/revision=3 foo-2=0/revision=2 foo-1=1/pods=1/revision=1", vec!["foo-2"]),
        (1, "- foo-3=0/revision=3 foo-2=1/pods=1/revision=2 foo-1=1/pods=1/revision=1", vec![]),
        (2, "- foo-4=0/revision=2 foo-3=0/revision=4 foo-2=0/revision=1 foo-1=0/revision=3", vec!["foo-4", "foo-2"]),
    ] {
        assert_eq!(cleaned(limit, words), expected, "{limit} {words}");
    }
}

#[test]
fn test_deployment_controller_generate_replica_set_name() {
    let long = |count: usize| "a".repeat(count);
    for (name, given, expected) in [
        ("short name", "my-deployment".to_owned(), "my-deployment".to_owned()),
        ("very long name truncated", long(250), long(242)),
        ("very long name not truncated", long(242), long(242)),
    ] {
        let mut rig = Rig::new("-", &json!({}));
        let deployment = deployment(json!({"replicas": 1, "name": given, "strategy": {"type": "Recreate"}}));
        let set = rig.with(&deployment, |rollout, _, old| rollout.build(&old, 1));
        let full = set.metadata.name.clone().unwrap();
        let (portion, hash) = full.rsplit_once('-').unwrap();
        // Upstream counts on hashes of ten letters; ours, as its own, may be shorter by one or two.
        let room = 252 - hash.len();
        assert_eq!(portion, if given.len() > room { long(room) } else { expected }, "{name}");
        assert!(full.len() <= 253, "{name}");
    }
}
