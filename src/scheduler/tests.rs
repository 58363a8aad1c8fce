//! Placement end to end: a server with nodes and Pods, the scheduler, and what it writes. Case names are upstream's.

use std::time::Duration;

use k8s_openapi::api::core::v1::Event as EventObject;
use serde_json::{Value, json};

use super::*;
use crate::api;
use crate::sim::Time;

struct World {
    server: ApiServer,
    scheduler: Scheduler,
    admin: Caller,
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.iter().for_each(|(key, value)| merge(into.entry(key.clone()).or_insert(Value::Null), value));
        }
        (into, from) => *into = from.clone(),
    }
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            server: ApiServer::new(Seed::new(1), Time::from_seconds(1_700_000_000)),
            scheduler: Scheduler::new(Seed::new(1), "controlplane"),
            admin: Caller::component("kubernetes-admin"),
        };
        for (name, labels) in [("default", json!({"team": "a"})), ("other", json!({"team": "b"}))] {
            world.create("v1", "Namespace", json!({"metadata": {"name": name, "labels": labels}}));
        }
        world
    }

    fn create(&mut self, version: &str, kind: &str, mut object: Value) {
        object["apiVersion"] = json!(version);
        object["kind"] = json!(kind);
        let ops = api::by_kind(version, kind).unwrap();
        if ops.info().namespaced && object["metadata"]["namespace"].is_null() {
            object["metadata"]["namespace"] = json!("default");
        }
        let status = object["status"].clone();
        let made = self.server.create_object(&self.admin, ops.decode(object).unwrap(), false).unwrap();
        if !status.is_null() {
            let mut json = made.to_json();
            json["status"] = status;
            self.server.update_object(&self.admin, ops.decode(json).unwrap(), "status", false).unwrap();
        }
    }

    /// A node with two cores, 4 GiB, ten Pods, in a zone; `more` is merged in.
    fn node(&mut self, name: &str, zone: &str, more: Value) {
        let room = json!({"cpu": "2", "memory": "4Gi", "ephemeral-storage": "10Gi", "pods": "10"});
        let labels = json!({"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone, "zone": zone});
        let mut node = json!({"metadata": {"name": name, "labels": labels}, "spec": {},
            "status": {"allocatable": room, "capacity": room}});
        merge(&mut node, &more);
        self.create("v1", "Node", node);
    }

    fn pod(&mut self, name: &str, spec: Value) {
        self.labelled(name, json!({}), spec);
    }

    fn labelled(&mut self, name: &str, labels: Value, spec: Value) {
        let mut pod = json!({"metadata": {"name": name, "labels": labels}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}});
        merge(&mut pod["spec"], &spec);
        self.create("v1", "Pod", pod);
    }

    /// Lets the scheduler work until it has nothing to do.
    fn run(&mut self) {
        for _ in 0..10_000 {
            self.scheduler.observe(&self.server);
            if let Worked::Idle(_) = self.scheduler.work(&mut self.server) {
                return;
            }
        }
        panic!("the scheduler spins");
    }

    fn get(&self, name: &str) -> Arc<Pod> {
        self.server.get::<Pod>("default", name).unwrap()
    }

    fn node_of(&self, name: &str) -> String {
        node_of(&self.get(name)).to_owned()
    }

    /// The message of PodScheduled; empty when the Pod has a node.
    fn why(&self, name: &str) -> String {
        let pod = self.get(name);
        let conditions = pod.status.as_ref().unwrap().conditions.clone().unwrap_or_default();
        let held = conditions.into_iter().find(|held| held.type_ == "PodScheduled" && held.status == "False");
        held.and_then(|held| held.message).unwrap_or_default()
    }

    /// Places one Pod and says on which node, or why not, without what preemption adds.
    fn place(&mut self, labels: Value, spec: Value) -> String {
        self.labelled("p", labels, spec);
        self.run();
        let node = self.node_of("p");
        if node.is_empty() { self.why("p").split(". no new claims").next().unwrap().to_owned() } else { node }
    }

    fn events(&self) -> Vec<String> {
        let mut events: Vec<_> = self.server.list::<EventObject>(Some("default")).collect();
        events.sort_by_key(|event| event.metadata.resource_version.as_ref().unwrap().parse::<u64>().unwrap());
        events
            .iter()
            .map(|event| format!("{} {}", event.reason.as_deref().unwrap(), event.message.as_deref().unwrap()))
            .collect()
    }

    fn remove(&mut self, name: &str) {
        let now = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
        self.server.delete_object(&self.admin, "pods", "default", name, &now).unwrap();
    }
}

fn requests(list: Value) -> Value {
    // What cannot be shared out twice needs a limit.
    let mut limits = list.clone();
    limits.as_object_mut().unwrap().retain(|name, _| name.contains('/'));
    json!({"containers": [{"name": "c", "image": "busybox", "resources": {"requests": list, "limits": limits}}]})
}

fn refused(reason: &str) -> String {
    format!("0/1 nodes are available: 1 {reason}")
}

#[test]
fn node_resources_fit() {
    let init =
        |list: Value| json!({"initContainers": [{"name": "i", "image": "busybox", "resources": {"requests": list}}]});
    let with = |mut one: Value, two: Value| {
        merge(&mut one, &two);
        one
    };
    let cases = [
        ("no resources requested always fits", json!({}), "n"),
        (
            "too many resources fails",
            requests(json!({"cpu": "2", "memory": "4Gi"})),
            "Insufficient cpu, 1 Insufficient memory",
        ),
        ("too many resources fails due to init container cpu", init(json!({"cpu": "1500m"})), "Insufficient cpu"),
        (
            "init container fits because it's the max, not sum, of containers and init containers",
            with(requests(json!({"cpu": "900m"})), init(json!({"cpu": "900m"}))),
            "n",
        ),
        ("both resources fit", requests(json!({"cpu": "1", "memory": "1Gi"})), "n"),
        ("one resource memory fits", requests(json!({"cpu": "1500m", "memory": "1Gi"})), "Insufficient cpu"),
        ("one resource cpu fits", requests(json!({"cpu": "500m", "memory": "3500Mi"})), "Insufficient memory"),
        ("equal edge case", requests(json!({"cpu": "1", "memory": "3Gi"})), "n"),
        ("extended resource fits", requests(json!({"example.com/aaa": "5"})), "n"),
        (
            "extended resource capacity enforced",
            requests(json!({"example.com/aaa": "6"})),
            "Insufficient example.com/aaa",
        ),
        (
            "extended resource allocatable enforced for unknown resource",
            requests(json!({"example.com/bbb": "1"})),
            "Insufficient example.com/bbb",
        ),
        (
            "resources + pod overhead fits",
            with(requests(json!({"cpu": "500m"})), json!({"overhead": {"cpu": "500m"}})),
            "n",
        ),
        (
            "requests + overhead does not fit for memory",
            with(requests(json!({"memory": "2Gi"})), json!({"overhead": {"memory": "2Gi"}})),
            "Insufficient memory",
        ),
    ];
    for (name, spec, expected) in cases {
        let mut world = World::new();
        world.node("n", "z", json!({"status": {"allocatable": {"example.com/aaa": "5"}}}));
        world.pod("held", with(requests(json!({"cpu": "1", "memory": "1Gi"})), json!({"nodeName": "n"})));
        let found = world.place(json!({}), spec);
        assert_eq!(found, if expected == "n" { "n".to_owned() } else { refused(expected) }, "{name}");
    }
    let mut world = World::new();
    world.node("n", "z", json!({"status": {"allocatable": {"pods": "1"}}}));
    world.pod("held", json!({"nodeName": "n"}));
    assert_eq!(world.place(json!({}), json!({})), refused("Too many pods"));
}

#[test]
fn node_affinity() {
    let affinity = |terms: Value| json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}});
    let expressions = |list: Value| affinity(json!([{"matchExpressions": list}]));
    let no = "node(s) didn't match Pod's node affinity/selector";
    let cases = [
        ("missing labels", json!({"nodeSelector": {"foo": "bar"}}), no),
        ("same labels", json!({"nodeSelector": {"zone": "z"}}), "n"),
        (
            "Pod with matchExpressions using In operator that matches the existing node",
            expressions(json!([{"key": "zone", "operator": "In", "values": ["y", "z"]}])),
            "n",
        ),
        (
            "Pod with matchExpressions using Gt operator that matches the existing node",
            expressions(json!([{"key": "kernel", "operator": "Gt", "values": ["0204"]}])),
            "n",
        ),
        (
            "Pod with matchExpressions using NotIn operator that matches the existing node",
            expressions(json!([{"key": "mem-type", "operator": "NotIn", "values": ["DDR", "DDR2"]}])),
            "n",
        ),
        (
            "Pod with matchExpressions using Exists operator that matches the existing node",
            expressions(json!([{"key": "kernel", "operator": "Exists"}])),
            "n",
        ),
        (
            "Pod with affinity that don't match node's labels won't schedule onto the node",
            expressions(json!([{"key": "zone", "operator": "In", "values": ["a"]}])),
            no,
        ),
        (
            "Pod with multiple matchExpressions ANDed that doesn't match the existing node",
            expressions(
                json!([{"key": "kernel", "operator": "Exists"}, {"key": "zone", "operator": "NotIn", "values": ["z"]}]),
            ),
            no,
        ),
        (
            "Pod with multiple NodeSelectorTerms ORed in affinity, matches the node's labels and will schedule onto the node",
            affinity(json!([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]},
                {"matchExpressions": [{"key": "kernel", "operator": "Lt", "values": ["300"]}]}])),
            "n",
        ),
        (
            "Pod with matchFields using In operator that matches the existing node",
            affinity(json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}])),
            "n",
        ),
        (
            "Pod with matchFields using In operator that does not match the existing node",
            affinity(json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["m"]}]}])),
            "node(s) didn't satisfy plugin(s) [NodeAffinity]",
        ),
        (
            "Pod with two terms: matchFields does not match, but matchExpressions matches",
            affinity(json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["m"]}]},
                {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}])),
            "n",
        ),
    ];
    for (name, spec, expected) in cases {
        let mut world = World::new();
        world.node("n", "z", json!({"metadata": {"labels": {"kernel": "0206"}}}));
        let found = world.place(json!({}), spec);
        assert_eq!(found, if expected == "n" { "n".to_owned() } else { refused(expected) }, "{name}");
    }
    let mut world = World::new();
    world.node("n", "z", json!({}));
    let two = json!([{"key": "metadata.name", "operator": "In", "values": ["a"]}, {"key": "metadata.name", "operator": "In", "values": ["b"]}]);
    let found = world.place(json!({}), affinity(json!([{"matchFields": two}])));
    assert_eq!(
        found, "0/1 nodes are available: pod affinity terms conflict. not found",
        "Pod with two conflicting mach field requirements"
    );
}

#[test]
fn taints_ports_and_cordons() {
    let taint = json!({"spec": {"taints": [{"key": "dedicated", "value": "user1", "effect": "NoSchedule"}]}});
    let tolerate = |value: &str, effect: &str| json!({"tolerations": [{"key": "dedicated", "operator": "Equal", "value": value, "effect": effect}]});
    let port = |port: Value| json!({"containers": [{"name": "c", "image": "busybox", "ports": [port]}]});
    let (no, taken) =
        ("node(s) had untolerated taint(s)", "node(s) didn't have free ports for the requested pod ports");
    let cases = [
        (
            "A pod having no tolerations can't be scheduled onto a node with nonempty taints",
            taint.clone(),
            json!({}),
            no,
        ),
        (
            "A pod which can be scheduled on a dedicated node assigned to user1 with effect NoSchedule",
            taint.clone(),
            tolerate("user1", "NoSchedule"),
            "n",
        ),
        (
            "A pod which can't be scheduled on a dedicated node assigned to user2 with effect NoSchedule",
            taint.clone(),
            tolerate("user2", "NoSchedule"),
            no,
        ),
        (
            "A pod has a toleration that keys and values match the taint on the node, but (non-empty) effect doesn't match, ",
            taint,
            tolerate("user1", "NoExecute"),
            no,
        ),
        (
            "only taints and tolerations that have effect PreferNoSchedule are checked by taints-tolerations priority function",
            json!({"spec": {"taints": [{"key": "dedicated", "effect": "PreferNoSchedule"}]}}),
            json!({}),
            "n",
        ),
        ("node is unschedulable", json!({"spec": {"unschedulable": true}}), json!({}), "node(s) were unschedulable"),
        ("other port", json!({}), port(json!({"containerPort": 80, "hostPort": 8080})), "n"),
        ("same tcp port", json!({}), port(json!({"containerPort": 80, "hostPort": 80})), taken),
        ("different protocol", json!({}), port(json!({"containerPort": 80, "hostPort": 80, "protocol": "UDP"})), "n"),
        (
            "TCP hostPort conflict due to 0.0.0.0 hostIP",
            json!({}),
            port(json!({"containerPort": 80, "hostPort": 80, "hostIP": "0.0.0.0"})),
            taken,
        ),
        (
            "different host ip",
            json!({}),
            port(json!({"containerPort": 80, "hostPort": 80, "hostIP": "127.0.0.2"})),
            "n",
        ),
    ];
    for (name, node, spec, expected) in cases {
        let mut world = World::new();
        world.node("n", "z", node);
        let mut held = port(json!({"containerPort": 80, "hostPort": 80, "hostIP": "127.0.0.1"}));
        held["nodeName"] = json!("n");
        world.pod("held", held);
        let found = world.place(json!({}), spec);
        assert_eq!(found, if expected == "n" { "n".to_owned() } else { refused(expected) }, "{name}");
    }
}

/// One term about Pods with `app`, within zones.
fn term(app: &str, more: Value) -> Value {
    let mut term = json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": app}}});
    merge(&mut term, &more);
    term
}

fn near(term: Value) -> Value {
    json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

fn far(term: Value) -> Value {
    json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

#[test]
fn inter_pod_affinity() {
    let db = || json!({"app": "db"});
    let other = json!({"namespaces": ["other"]});
    let all = json!({"namespaceSelector": {}});
    let team = |team: &str| json!({"namespaceSelector": {"matchLabels": {"team": team}}});
    let (no, anti) = ("0/2 nodes are available: 2 node(s) didn't match pod affinity rules", "b");
    let cases = [
        (
            "satisfies with requiredDuringSchedulingIgnoredDuringExecution in PodAffinity using In operator that matches the existing pod",
            json!({}),
            near(term("db", json!({}))),
            "a",
        ),
        (
            "Does not satisfy the PodAffinity with labelSelector because of diff Namespace",
            json!({}),
            near(term("db", other.clone())),
            no,
        ),
        (
            "Doesn't satisfy the PodAffinity because of unmatching labelSelector with the existing pod",
            json!({}),
            near(term("web", json!({}))),
            no,
        ),
        (
            "pod matches its own Label in PodAffinity and that matches the existing pod Labels",
            db(),
            near(term("db", json!({}))),
            "a",
        ),
        ("affinity with NamespaceSelector", json!({}), near(term("db", team("a"))), "a"),
        ("affinity with non-matching NamespaceSelector", json!({}), near(term("db", team("b"))), no),
        ("anti-affinity with matching NamespaceSelector", json!({}), far(term("db", team("a"))), anti),
        ("anti-affinity with matching all NamespaceSelector", json!({}), far(term("db", all)), anti),
        (
            "satisfies the PodAffinity but doesn't satisfy the PodAntiAffinity with the existing pod",
            json!({}),
            far(term("db", json!({}))),
            anti,
        ),
    ];
    for (name, labels, spec, expected) in cases {
        let mut world = World::new();
        world.node("a", "1", json!({}));
        world.node("b", "2", json!({}));
        world.labelled("held", db(), json!({"nodeName": "a"}));
        assert_eq!(world.place(labels, spec), expected, "{name}");
    }
    // The first of a series that wants to be near itself; on a node without the label it may not go.
    let mut world = World::new();
    world.node("a", "1", json!({}));
    assert_eq!(world.place(db(), near(term("db", json!({})))), "a");
    let mut world = World::new();
    world.node("a", "1", json!({}));
    let lost = term("db", json!({"topologyKey": "rack"}));
    assert_eq!(world.place(db(), near(lost)), refused("node(s) didn't match pod affinity rules"));
    // What runs already may refuse newcomers.
    let mut world = World::new();
    world.node("a", "1", json!({}));
    let mut shy = far(term("web", json!({})));
    shy["nodeName"] = json!("a");
    world.labelled("shy", db(), shy);
    let found = world.place(json!({"app": "web"}), json!({}));
    assert_eq!(found, refused("node(s) didn't satisfy existing pods anti-affinity rules"));
    let mut world = World::new();
    world.node("a", "1", json!({}));
    world.labelled("held", db(), json!({"nodeName": "a"}));
    let found = world.place(db(), far(term("db", json!({}))));
    assert_eq!(found, refused("node(s) didn't match pod anti-affinity rules"));
}

fn spread(more: Value) -> Value {
    let mut constraint = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}});
    merge(&mut constraint, &more);
    json!({"topologySpreadConstraints": [constraint]})
}

#[test]
fn pod_topology_spread() {
    let no = "node(s) didn't match pod topology spread constraints";
    let closed = json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
    // Zone 1 has two of the Pods, zone 2 one, zone 3 (with a taint) none.
    let tainted = format!("0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 {no}");
    let cases = [
        ("normal case with one spreadConstraint", spread(json!({"nodeTaintsPolicy": "Honor"})), "b"),
        ("NodeTaintsPolicy ignored", spread(json!({})), tainted.as_str()),
        ("NodeTaintsPolicy honored", spread(json!({"nodeTaintsPolicy": "Honor"})), "b"),
        ("namespace mismatch doesn't count", spread(json!({"maxSkew": 2})), "b"),
        (
            "global minimum is 0 when fewer than minDomains",
            spread(json!({"nodeTaintsPolicy": "Honor", "minDomains": 3})),
            tainted.as_str(),
        ),
        (
            "normal case with null label selector",
            json!({"topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]}),
            "either",
        ),
        ("soft spreadConstraints should be bypassed", spread(json!({"whenUnsatisfiable": "ScheduleAnyway"})), "b"),
    ];
    for (name, spec, expected) in cases {
        let mut world = World::new();
        world.node("a", "1", json!({}));
        world.node("b", "2", json!({}));
        world.node("c", "3", closed.clone());
        for (pod, node) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
            world.labelled(pod, json!({"app": "web"}), json!({"nodeName": node}));
        }
        let found = world.place(json!({"app": "web"}), spec);
        assert!(
            if expected == "either" { ["a", "b"].contains(&&*found) } else { found == expected },
            "{name}: {found}"
        );
    }
    let mut world = World::new();
    world.node("a", "1", json!({}));
    let found = world.place(json!({"app": "web"}), spread(json!({"topologyKey": "rack"})));
    assert_eq!(found, refused(&format!("{no} (missing required label)")));
}

fn claim(world: &mut World, name: &str, class: &str) {
    world.create(
        "v1",
        "PersistentVolumeClaim",
        json!({"metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": {"requests": {"storage": "1Gi"}}}}),
    );
}

fn using(claim: &str) -> Value {
    json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]})
}

#[test]
fn volume_binding() {
    let mut world = World::new();
    world.node("n", "z", json!({}));
    let found = world.place(json!({}), using("pvc-a"));
    assert_eq!(
        found, "0/1 nodes are available: persistentvolumeclaim \"pvc-a\" not found. not found",
        "PVC does not exist"
    );
    claim(&mut world, "pvc-a", "");
    world.run();
    let unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
    assert_eq!(world.why("p"), unbound, "immediate claims not bound");

    let mut world = World::new();
    world.node("n", "z", json!({}));
    let class = |provisioner: &str| json!({"metadata": {"name": "slow"}, "provisioner": provisioner, "volumeBindingMode": "WaitForFirstConsumer"});
    world.create("storage.k8s.io/v1", "StorageClass", class(api::volumes::NO_PROVISIONER));
    claim(&mut world, "pvc-a", "slow");
    let found = world.place(json!({}), using("pvc-a"));
    assert_eq!(found, refused("node(s) didn't find available persistent volumes to bind"), "unbound claims no matches");

    let mut world = World::new();
    world.node("n", "z", json!({}));
    world.create("storage.k8s.io/v1", "StorageClass", class("example.com/disk"));
    claim(&mut world, "pvc-a", "slow");
    assert_eq!(world.place(json!({}), using("pvc-a")), "", "the Pod waits for its volume");
    assert_eq!(world.get("p").status.as_ref().unwrap().nominated_node_name.as_deref(), Some("n"));
    let held = world.server.get::<PersistentVolumeClaim>("default", "pvc-a").unwrap();
    assert_eq!(meta::annotation(&held.metadata, api::volumes::SELECTED_NODE), Some("n"));
    let mut bound = PersistentVolumeClaim::clone(&held);
    bound.spec.as_mut().unwrap().volume_name = Some("pv".to_owned());
    let done = (api::volumes::BIND_COMPLETED.to_owned(), "yes".to_owned());
    bound.metadata.annotations.as_mut().unwrap().extend([done]);
    world.server.update(&world.admin.clone(), bound).unwrap();
    world.run();
    assert_eq!(world.node_of("p"), "n", "dynamic provisioning");
}

fn priority(value: i32, cpu: &str) -> Value {
    let mut spec = requests(json!({"cpu": cpu}));
    spec["priority"] = json!(value);
    spec
}

fn on(node: &str, mut spec: Value) -> Value {
    spec["nodeName"] = json!(node);
    spec
}

#[test]
fn pod_with_higher_priority_can_be_made_schedulable() {
    let mut world = World::new();
    world.node("a", "1", json!({}));
    world.node("b", "1", json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}));
    world.pod("victim", on("a", priority(0, "2")));
    world.pod("p", priority(100, "1"));
    world.run();
    let why = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s).";
    assert_eq!(world.why("p"), why, "when room is made nothing is said of preemption");
    let pod = world.get("p");
    assert_eq!(pod.status.as_ref().unwrap().nominated_node_name.as_deref(), Some("a"));
    let victim = world.get("victim");
    assert!(meta::is_deleting(&victim.metadata));
    let condition = victim
        .status
        .as_ref()
        .unwrap()
        .conditions
        .as_ref()
        .unwrap()
        .iter()
        .find(|held| held.type_ == "DisruptionTarget")
        .unwrap()
        .clone();
    assert_eq!(
        condition.message.as_deref(),
        Some("default-scheduler: preempting to accommodate a higher priority pod")
    );
    let uid = meta::uid(&pod.metadata);
    assert_eq!(
        world.events(),
        [format!("Preempted Preempted by pod {uid} on node a"), format!("FailedScheduling {why}")]
    );
    // A less important Pod must not take the room.
    world.remove("victim");
    world.pod("late", priority(50, "2"));
    world.run();
    assert_eq!((world.node_of("p").as_str(), world.node_of("late").as_str()), ("a", ""));
    assert_eq!(world.get("p").status.as_ref().unwrap().nominated_node_name, None);
}

#[test]
fn why_room_cannot_be_made() {
    let after = |spec: Value| {
        let mut world = World::new();
        world.node("a", "1", json!({}));
        world.node("b", "1", json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}));
        world.pod("victim", on("a", priority(5, "1")));
        world.pod("rock", on("a", priority(1000, "1")));
        world.pod("p", spec);
        world.run();
        world.why("p").split_once("no new claims to deallocate, preemption: ").unwrap().1.to_owned()
    };
    let mut never = priority(100, "1");
    never["preemptionPolicy"] = json!("Never");
    for (name, spec, expected) in [
        (
            "pod with tied priority is still unschedulable",
            priority(5, "1"),
            "0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
        ),
        (
            "no candidate nodes found, no enough resource after removing low priority pods",
            priority(100, "1500m"),
            "0/2 nodes are available: 1 Insufficient cpu, 1 Preemption is not helpful for scheduling.",
        ),
        (
            "more than the node has",
            priority(100, "3"),
            "0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
        ),
        ("preemptionPolicy Never", never, "not eligible due to preemptionPolicy=Never."),
    ] {
        assert_eq!(after(spec), expected, "{name}");
    }
}

#[test]
fn the_cheapest_victims_go() {
    let started = |world: &mut World, name: &str, seconds: i64| {
        let mut pod = Pod::clone(&world.get(name));
        let at = Time::from_seconds(1_600_000_000 + u64::try_from(seconds).unwrap());
        pod.status.get_or_insert_default().start_time = Some(meta::time(at));
        world.server.update_status(&world.admin.clone(), pod).unwrap();
    };
    let victims = |pods: &[(&str, &str, i32, &str, i64)], guarded: bool, cpu: &str| {
        let mut world = World::new();
        world.node("a", "1", json!({}));
        world.node("b", "1", json!({}));
        for (name, node, value, cpu, at) in pods {
            world.labelled(name, json!({"on": node}), on(node, priority(*value, cpu)));
            started(&mut world, name, *at);
        }
        if guarded {
            world.create(
                "policy/v1",
                "PodDisruptionBudget",
                json!({"metadata": {"name": "g"},
                "spec": {"minAvailable": 1, "selector": {"matchLabels": {"on": "a"}}}}),
            );
        }
        world.pod("p", priority(100, cpu));
        world.run();
        let pods = world.server.list::<Pod>(Some("default")).filter(|pod| meta::is_deleting(&pod.metadata));
        pods.map(|pod| meta::name(&pod.metadata).to_owned()).collect::<Vec<_>>()
    };
    for (name, pods, guarded, expected) in [
        (
            "pod can be made schedulable on minHighestPriority node",
            vec![("a1", "a", 9, "2", 0), ("b1", "b", 5, "2", 0)],
            false,
            vec!["b1"],
        ),
        (
            "medium priority pod is preempted, but lower priority one stays as it is small",
            vec![("a1", "a", 1, "500m", 0), ("a2", "a", 2, "1500m", 0), ("b1", "b", 99, "2", 0)],
            false,
            vec!["a2"],
        ),
        (
            "fewer victims",
            vec![("a1", "a", 5, "1", 0), ("a2", "a", 5, "1", 0), ("b1", "b", 5, "2", 0)],
            false,
            vec!["b1"],
        ),
        (
            "mixed priority pods are preempted, pick later StartTime one when priorities are equal",
            vec![("a1", "a", 5, "2", 0), ("b1", "b", 5, "2", 50)],
            false,
            vec!["b1"],
        ),
        (
            "preemption with violation of the pdb",
            vec![("a1", "a", 1, "2", 0), ("b1", "b", 5, "2", 0)],
            true,
            vec!["b1"],
        ),
    ] {
        assert_eq!(victims(&pods, guarded, "1500m"), expected, "{name}");
    }
}

#[test]
fn an_unplaced_pod_is_tried_again_when_something_helps_it_and_only_then() {
    let mut world = World::new();
    world.node("n", "z", json!({}));
    world.pod("held", on("n", requests(json!({"cpu": "2"}))));
    world.pod("p", requests(json!({"cpu": "1"})));
    world.pod("q", json!({"nodeSelector": {"disk": "ssd"}}));
    world.run();
    let tries = |world: &World| world.events().iter().filter(|event| event.starts_with("Failed")).count();
    assert_eq!(tries(&world), 2);
    world.server.set_now(world.server.now() + Duration::from_secs(5));
    world.create("v1", "ConfigMap", json!({"metadata": {"name": "unrelated"}}));
    world.run();
    assert_eq!(tries(&world), 2);
    world.remove("held");
    world.run();
    assert_eq!((world.node_of("p").as_str(), world.node_of("q").as_str()), ("n", ""));
    let mut node = Node::clone(&world.server.get::<Node>("", "n").unwrap());
    node.metadata.labels.get_or_insert_default().insert("disk".to_owned(), "ssd".to_owned());
    world.server.update(&world.admin.clone(), node).unwrap();
    world.run();
    assert_eq!(world.node_of("q"), "n");
}

#[test]
fn the_better_node_is_chosen() {
    let labels = |more: Value| json!({"metadata": {"labels": more}});
    let prefer = |key: &str, weight: i32| {
        json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": weight, "preference": {"matchExpressions": [{"key": key, "operator": "Exists"}]}}]}}})
    };
    let beside = |weight: i32, kind: &str| {
        json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": weight, "podAffinityTerm": term("db", json!({}))}]}}})
    };
    let soft = json!({"spec": {"taints": [{"key": "k", "effect": "PreferNoSchedule"}]}});
    let cases = [
        ("the more intolerable taints a node has, the lower score it gets.", soft, json!({}), json!({}), "b"),
        (
            "only node1 matches the preferred scheduling requirements of pod",
            labels(json!({"ssd": "yes"})),
            json!({}),
            prefer("ssd", 1),
            "a",
        ),
        (
            "the node with more room",
            json!({}),
            json!({"status": {"allocatable": {"cpu": "1"}}}),
            requests(json!({"cpu": "500m", "memory": "1Gi"})),
            "a",
        ),
        ("preferred affinity to the pod on a", json!({}), json!({}), beside(100, "podAffinity"), "a"),
        ("preferred anti-affinity to the pod on a", json!({}), json!({}), beside(100, "podAntiAffinity"), "b"),
    ];
    for (name, a, b, spec, expected) in cases {
        let mut world = World::new();
        world.node("a", "1", a);
        world.node("b", "2", b);
        world.labelled("held", json!({"app": "db"}), json!({"nodeName": "a"}));
        world.labelled("held2", json!({}), json!({"nodeName": "b"}));
        assert_eq!(world.place(json!({}), spec), expected, "{name}");
    }
}

#[test]
fn a_gated_pod_waits_until_its_gates_are_gone() {
    let mut world = World::new();
    world.node("n", "z", json!({}));
    world.pod("p", json!({"schedulingGates": [{"name": "wait"}]}));
    world.run();
    assert_eq!((world.node_of("p").as_str(), world.scheduler.pending()), ("", 0));
    let mut pod = Pod::clone(&world.get("p"));
    pod.spec.as_mut().unwrap().scheduling_gates = None;
    world.server.update(&world.admin.clone(), pod).unwrap();
    world.run();
    assert_eq!(world.node_of("p"), "n");
}

#[test]
fn without_nodes_there_is_nothing_to_say_of_them() {
    let mut world = World::new();
    assert_eq!(world.place(json!({}), json!({})), "no nodes available to schedule pods");
    world.node("n", "z", json!({}));
    world.run();
    assert_eq!(world.node_of("p"), "n");
}
