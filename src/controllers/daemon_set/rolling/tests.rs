//! Upstream's tables of rolling updates and of the nodes that daemons belong on (`update_test.go`,
//! `daemon_controller_test.go`), with the names of their cases, step by step.
//!
//! A node is a word: the Pods on it, `old` or `new`, with `!` behind one that is not available, `+` between two, and
//! `off` for a node that wants none any more. `5*old` are five such nodes, `-` has no Pod.

use serde_json::{Value, json};

use super::*;

fn now() -> Time {
    Time::from_seconds(1_700_000_000)
}

fn set(surge: i32, unavailable: i32) -> DaemonSet {
    let rolling = json!({"maxSurge": surge, "maxUnavailable": unavailable});
    serde_json::from_value(json!({
        "metadata": {"name": "foo", "namespace": "default", "uid": "set-uid"},
        "spec": {"selector": {}, "template": {"spec": {"containers": []}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}},
    }))
    .unwrap()
}

fn pod(word: &str, node: &str) -> Arc<Pod> {
    let ready = if word.ends_with('!') { "False" } else { "True" };
    let pod = json!({
        "metadata": {"name": format!("{word}-{node}"), "labels": {"controller-revision-hash": word.trim_end_matches('!')}},
        "spec": {"nodeName": node, "containers": []},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2020-01-01T00:00:00Z"}]},
    });
    Arc::new(serde_json::from_value(pod).unwrap())
}

/// How many Pods are made and how many deleted on these nodes.
fn step(surge: i32, unavailable: i32, words: &str) -> (usize, usize) {
    let (mut nodes, mut on_nodes) = (Vec::new(), OnNodes::new());
    for word in words.split_whitespace() {
        let (count, word) = word.split_once('*').map_or((1, word), |(count, word)| (count.parse().unwrap(), word));
        for _ in 0..count {
            let name = format!("node-{:03}", nodes.len());
            let (word, off) = word.strip_suffix("off").map_or((word, false), |word| (word.trim_end_matches('/'), true));
            let taints = if off { json!([{"key": "control-plane", "effect": "NoSchedule"}]) } else { Value::Null };
            let node = json!({"metadata": {"name": name}, "spec": {"taints": taints}});
            nodes.push(Arc::new(serde_json::from_value::<Node>(node).unwrap()));
            if word != "-" {
                on_nodes.insert(name.clone(), word.split('+').map(|word| pod(word, &name)).collect());
            }
        }
    }
    let changes = changes(&set(surge, unavailable), &PodSpec::default(), &nodes, &on_nodes, "new", now());
    (changes.create_on.len(), changes.delete.len())
}

#[test]
fn updates_go_by_upstreams_steps() {
    for (name, surge, unavailable, words, expected) in [
        ("TestDaemonSetUpdatesPods", 0, 2, "5*old", (0, 2)),
        ("TestDaemonSetUpdatesPods", 0, 2, "2*- 3*old", (0, 0)),
        ("TestDaemonSetUpdatesPods", 0, 2, "2*new 3*old", (0, 2)),
        ("TestDaemonSetUpdatesPods", 0, 2, "4*new old", (0, 1)),
        ("TestDaemonSetUpdatesPods", 0, 2, "5*new", (0, 0)),
        ("TestDaemonSetUpdatesPodsWithMaxSurge", 2, 0, "5*old", (2, 0)),
        ("TestDaemonSetUpdatesPodsWithMaxSurge", 2, 0, "2*old+new! 3*old", (0, 0)),
        ("TestDaemonSetUpdatesPodsWithMaxSurge", 2, 0, "2*old+new 3*old", (2, 2)),
        ("TestDaemonSetUpdatesPodsWithMaxSurge", 2, 0, "4*new old+new", (0, 1)),
        ("TestDaemonSetUpdatesPodsNotMatchTainstWithMaxSurge", 1, 0, "old/off 4*old", (1, 1)),
        ("TestDaemonSetUpdatesPodsNotMatchTainstWithMaxSurge", 1, 0, "-/off old+new! 3*old", (0, 0)),
        ("TestDaemonSetUpdatesPodsNotMatchTainstWithMaxSurge", 1, 0, "-/off old+new 3*old", (1, 1)),
        ("TestDaemonSetUpdatesPodsNotMatchTainstWithMaxSurge: it works nowhere else", 1, 0, "old/off old!", (1, 0)),
        ("TestDaemonSetUpdatesPodsNotMatchTainstWithMaxSurge: it does not work", 1, 0, "old!/off old", (1, 1)),
        ("TestDaemonSetUpdatesWhenNewPodIsNotReady", 0, 3, "5*old", (0, 3)),
        ("TestDaemonSetUpdatesWhenNewPodIsNotReady", 0, 3, "3*new! 2*old", (0, 0)),
        ("TestDaemonSetUpdatesSomeOldPodsNotReady", 0, 2, "2*old! 3*old", (0, 2)),
        ("TestDaemonSetUpdatesSomeOldPodsNotReady", 0, 2, "2*new! 3*old", (0, 0)),
        ("TestDaemonSetUpdatesSaveOldHealthyPods", 0, 10, "20*old", (0, 10)),
        ("TestDaemonSetUpdatesSaveOldHealthyPods", 0, 4, "10*old! 10*old", (0, 10)),
        ("TestDaemonSetUpdatesSaveOldHealthyPods", 0, 0, "10*old! 10*old", (0, 10)),
        ("TestDaemonSetUpdatesSaveOldHealthyPods", 0, 11, "10*old! 10*old", (0, 11)),
        ("TestDaemonSetUpdatesAllOldNotReadyPodsAndNewNotReadyPods", 0, 10, "10*old 2*old! 88*new!", (0, 2)),
        ("TestDaemonSetUpdatesAllOldNotReadyPodsAndNewNotReadyPods", 0, 10, "10*old 90*new!", (0, 0)),
        ("TestDaemonSetUpdatesAllOldPodsNotReady", 0, 3, "5*old!", (0, 5)),
        ("TestDaemonSetUpdatesAllOldPodsNotReadyMaxSurge", 3, 0, "5*old!", (5, 0)),
        ("TestDaemonSetUpdatesAllOldPodsNotReadyMaxSurge", 3, 0, "5*old!+new", (0, 5)),
        ("TestDaemonSetUpdatesAllOldPodsNotReadyMaxSurge", 3, 0, "5*old", (3, 0)),
        ("TestDaemonSetUpdatesAllOldPodsNotReadyMaxSurge", 3, 0, "3*old+new! old! old", (1, 0)),
        ("TestDaemonSetUpdatesAllOldPodsNotReadyMaxSurge", 3, 0, "3*old+new old!+new! old", (1, 3)),
        ("TestDaemonSetUpdatesNoTemplateChanged", 0, 3, "5*new", (0, 0)),
    ] {
        assert_eq!(step(surge, unavailable, words), expected, "{name}: {words}");
    }
}

#[test]
fn test_node_should_run_daemon_pod() {
    let affinity = |value: &str| {
        json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "type", "operator": "In", "values": [value]}]}]}}})
    };
    let tolerated = json!([{"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}]);
    // The Pod's spec, the node's taints, and whether one is made and one may stay.
    for (name, spec, taints, expected) in [
        ("ShouldRunDaemonPod", json!({}), json!([]), (true, true)),
        (
            "InsufficientResourceError",
            json!({"containers": [{"name": "c", "resources": {"requests": {"memory": "200M"}}}]}),
            json!([]),
            (true, true),
        ),
        ("ErrPodNotMatchHostName", json!({"nodeName": "other-node"}), json!([]), (false, false)),
        (
            "ErrPodNotFitsHostPorts",
            json!({"containers": [{"name": "c", "ports": [{"containerPort": 666, "hostPort": 666}]}]}),
            json!([]),
            (true, true),
        ),
        ("ErrNodeSelectorNotMatch", json!({"nodeSelector": {"type": "test"}}), json!([]), (false, false)),
        ("ShouldRunDaemonPod", json!({"nodeSelector": {"type": "production"}}), json!([]), (true, true)),
        ("ErrPodAffinityNotMatch", json!({"affinity": affinity("test")}), json!([]), (false, false)),
        ("ShouldRunDaemonPod", json!({"affinity": affinity("production")}), json!([]), (true, true)),
        (
            "ShouldRunDaemonPodOnUnschedulableNode",
            json!({"tolerations": tolerated}),
            json!([{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]),
            (true, true),
        ),
        (
            "TestTaintedNodeDaemonDoesNotLaunchIntolerantPod",
            json!({}),
            json!([{"key": "a", "effect": "NoSchedule"}]),
            (false, true),
        ),
        (
            "TestNodeDaemonLaunchesToleratePod",
            json!({"tolerations": [{"operator": "Exists"}]}),
            json!([{"key": "a", "effect": "NoSchedule"}]),
            (true, true),
        ),
        ("no execution", json!({}), json!([{"key": "a", "effect": "NoExecute"}]), (false, false)),
        (
            "a preference is none of a daemon's",
            json!({}),
            json!([{"key": "a", "effect": "PreferNoSchedule"}]),
            (true, true),
        ),
    ] {
        let mut spec = spec;
        if spec["containers"].is_null() {
            spec["containers"] = json!([]);
        }
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        let node =
            json!({"metadata": {"name": "test-node", "labels": {"type": "production"}}, "spec": {"taints": taints}});
        let node: Node = serde_json::from_value(node).unwrap();
        assert_eq!(node_fit::should_run(&spec, &node), expected, "{name}");
    }
}
