//! Upstream's tables of the pure parts (`util/deployment_util_test.go`), with the names of its cases.
//!
//! Not here: "oops" and "urg" of `TestResolveFenceposts`, which validation keeps out of a Deployment.

use serde_json::{Value, json};

use super::*;

/// A Deployment with these fields of its spec in JSON.
fn deployment(spec: Value) -> Deployment {
    let mut spec = spec;
    spec["selector"] = json!({"matchLabels": {"name": "nginx"}});
    if spec["template"].is_null() {
        spec["template"] = json!({"metadata": {"labels": {"name": "nginx"}}, "spec": {"containers": [{"name": "nginx", "image": "nginx"}]}});
    }
    serde_json::from_value(json!({"metadata": {"name": "nginx"}, "spec": spec})).unwrap()
}

fn rolling(replicas: i32, surge: Value, unavailable: Value) -> Deployment {
    let strategy =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}});
    deployment(json!({"replicas": replicas, "strategy": strategy}))
}

fn set(name: &str, replicas: i32, annotations: Value) -> ReplicaSet {
    serde_json::from_value(json!({
        "metadata": {"name": name, "uid": name, "annotations": annotations},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"name": "nginx"}}},
    }))
    .unwrap()
}

#[test]
fn test_find_new_replica_set() {
    let template = |container: &str, hash: &str| {
        json!({"metadata": {"labels": {"name": "nginx", "pod-template-hash": hash}},
            "spec": {"containers": [{"name": container, "image": "nginx"}]}})
    };
    let made = |name: &str, minute: u32, container: &str| -> Arc<ReplicaSet> {
        let set = json!({
            "metadata": {"name": name, "uid": name, "creationTimestamp": format!("2016-05-20T02:0{minute}:00Z")},
            "spec": {"replicas": 1, "selector": {}, "template": template(container, name)},
        });
        Arc::new(serde_json::from_value(set).unwrap())
    };
    let (new, newer, old) =
        (made("hash", 2, "nginx"), made("different-hash", 1, "nginx"), made("old", 0, "nginx-old-1"));
    let cases = [
        (
            "Get new ReplicaSet with the same template as Deployment spec but different pod-template-hash value",
            vec![&new, &old],
            Some("hash"),
        ),
        (
            "Get the oldest new ReplicaSet when there are more than one ReplicaSet with the same template",
            vec![&new, &old, &newer],
            Some("different-hash"),
        ),
        ("Get nil new ReplicaSet", vec![&old], None),
    ];
    let wanted = deployment(json!({"replicas": 1}));
    for (name, sets, expected) in cases {
        let mut sets: Vec<Arc<ReplicaSet>> = sets.into_iter().cloned().collect();
        sets.sort_by(|one, two| oldest_first(one, two));
        let found = find_new(&wanted, &sets);
        assert_eq!(found.as_ref().and_then(|set| set.metadata.name.as_deref()), expected, "{name}");
    }
}

#[test]
fn test_resolve_fenceposts() {
    let cases = [
        (json!("0%"), json!("0%"), 0, (0, 1)),
        (json!("39%"), json!("39%"), 10, (4, 3)),
        (Value::Null, json!("39%"), 10, (0, 3)),
        (json!("39%"), Value::Null, 10, (4, 0)),
        (Value::Null, Value::Null, 10, (0, 1)),
    ];
    for (number, (surge, unavailable, wanted, expected)) in cases.into_iter().enumerate() {
        assert_eq!(fenceposts(&rolling(wanted, surge, unavailable)), expected, "{number}");
    }
}

#[test]
fn test_new_rs_new_replicas() {
    let cases = [
        ("can not scale up - to newRSReplicas", "RollingUpdate", 1, 5, 1, 5),
        ("scale up - to depReplicas", "RollingUpdate", 6, 2, 10, 6),
        ("recreate - to depReplicas", "Recreate", 3, 1, 1, 3),
    ];
    for (name, strategy, wanted, current, surge, expected) in cases {
        let mut deployment = rolling(wanted, json!(surge), json!(1));
        deployment.spec.as_mut().unwrap().strategy.as_mut().unwrap().type_ = Some(strategy.to_owned());
        assert_eq!(new_size(&deployment, &[Arc::new(set("rs5", 5, Value::Null))], current), expected, "{name}");
    }
}

#[test]
fn test_max_unavailable_and_test_min_available() {
    let recreate = || deployment(json!({"replicas": 10, "strategy": {"type": "Recreate"}}));
    let cases = [
        ("maxUnavailable less than replicas", rolling(10, json!(1), json!(5)), 5),
        ("maxUnavailable equal replicas", rolling(10, json!(1), json!(10)), 10),
        ("maxUnavailable greater than replicas", rolling(5, json!(1), json!(10)), 5),
        ("maxUnavailable with replicas is 0", rolling(0, json!(1), json!(10)), 0),
        ("maxUnavailable with Recreate deployment strategy", recreate(), 0),
        ("maxUnavailable less than replicas with percents", rolling(10, json!(1), json!("50%")), 5),
        ("replicas greater than maxUnavailable with percents", rolling(10, json!(1), json!("60%")), 6),
        ("maxUnavailable equal replicas with percents", rolling(10, json!(1), json!("100%")), 10),
        ("maxUnavailable greater than replicas with percents", rolling(5, json!(1), json!("100%")), 5),
    ];
    for (name, deployment, expected) in cases {
        assert_eq!(max_unavailable(&deployment), expected, "{name}");
    }
}

#[test]
fn test_get_non_negative_int32_from_annotation() {
    let cases = [
        ("invalid empty", json!({}), None),
        ("invalid", json!({"test": "invalid", "foo": "2"}), None),
        ("invalid negative ", json!({"test": "-1", "foo": "2"}), None),
        ("valid zero", json!({"test": "0", "foo": "2"}), Some(0)),
        ("valid", json!({"test": "13", "foo": "2"}), Some(13)),
        ("valid max", json!({"test": "2147483647", "foo": "2"}), Some(i32::MAX)),
        ("invalid max out of range", json!({"test": "2147483648", "foo": "2"}), None),
        ("invalid max out of range 2", json!({"test": "18446744073709551616", "foo": "2"}), None),
    ];
    for (name, annotations, expected) in cases {
        assert_eq!(count_annotation(&set("foo", 1, annotations), "test"), expected, "{name}");
    }
}

#[test]
fn test_annotation_utils() {
    let mut wanted = deployment(json!({"replicas": 1}));
    wanted.metadata.annotations = Some([(REVISION.to_owned(), "1".to_owned())].into());
    let mut set = set("foo", 1, Value::Null);
    let annotation = |set: &ReplicaSet, key: &str| annotation(&set.metadata, key).map(str::to_owned);
    // SetNewReplicaSetAnnotations. Upstream's history is cut to 5 letters, ours keeps what 2000 hold.
    let mut history = String::new();
    for next in 11..=20 {
        if next > 11 {
            history = longer_history(&history, &(next - 1).to_string());
        }
        assert!(set_new_annotations(&wanted, &mut set, next, true));
        assert_eq!(annotation(&set, REVISION), Some(next.to_string()));
        assert_eq!(annotation(&set, REVISION_HISTORY), Some(history.clone()).filter(|text| !text.is_empty()), "{next}");
    }
    assert_eq!(history, "11,12,13,14,15,16,17,18,19");
    // SetReplicasAnnotations
    let ten = rolling(10, json!(1), json!(0));
    assert!(set_size_annotations(&mut set, &ten));
    assert!(!set_size_annotations(&mut set, &ten));
    assert_eq!(
        (annotation(&set, DESIRED_REPLICAS), annotation(&set, MAX_REPLICAS)),
        (Some("10".to_owned()), Some("11".to_owned()))
    );
    // IsSaturated
    assert!(!is_saturated(&wanted, Some(&set)));
    set.metadata.annotations.as_mut().unwrap().insert(DESIRED_REPLICAS.to_owned(), "1".to_owned());
    set.status.get_or_insert_default().available_replicas = Some(1);
    assert!(is_saturated(&wanted, Some(&set)));
}

#[test]
fn test_replicas_annotations_need_update() {
    let cases = [
        ("test Annotations nil", Value::Null, true),
        ("test desiredReplicas update", json!({DESIRED_REPLICAS: "8", MAX_REPLICAS: "20"}), true),
        ("test maxReplicas update", json!({DESIRED_REPLICAS: "10", MAX_REPLICAS: "16"}), true),
        ("test needn't update", json!({DESIRED_REPLICAS: "10", MAX_REPLICAS: "20"}), false),
    ];
    for (name, annotations, expected) in cases {
        let differ = size_annotations_differ(&set("hello", 1, annotations), &rolling(10, json!(10), json!(0)));
        assert_eq!(differ, expected, "{name}");
    }
}

#[test]
fn test_get_replica_set_fraction() {
    let removed = "unsynced deployment does not scale when max-replicas annotation is missing (removed by a 3rd party)";
    let zero =
        "unsynced deployment does not scale when max-replicas annotation is incorrectly set to 0 (by a 3rd party)";
    let up = "scale up by 1/5 should increase RS replicas by 1/5";
    let none = Value::Null;
    let most = |text: &str| json!({MAX_REPLICAS: text});
    let cases = [
        ("empty deployment always scales to 0".to_owned(), (0, 0, 0), 10, none.clone(), -10),
        (removed.to_owned(), (10, 0, 0), 5, none.clone(), 0),
        (zero.to_owned(), (10, 0, 0), 5, most("0"), 0),
        (format!("{up} when max-replicas annotation is missing (removed by a 3rd party)"), (120, 100, 0), 50, none, 10),
        (
            format!("{up} when max-replicas annotation is incorrectly set to 0 (by a 3rd party)"),
            (120, 100, 0),
            50,
            most("0"),
            10,
        ),
        (up.to_owned(), (120, 0, 0), 50, most("100"), 10),
        (
            "scale up with maxSurge by 1/5 should increase RS replicas approximately by 1/5".to_owned(),
            (120, 0, 10),
            50,
            most("110"),
            9,
        ),
        ("scale down by 1/6 should decrease RS replicas by 1/6".to_owned(), (10, 0, 0), 6, most("12"), -1),
        (
            "scale down with maxSurge by 1/6 should decrease RS replicas approximately by 1/6".to_owned(),
            (100, 0, 10),
            50,
            most("130"),
            -8,
        ),
    ];
    for (name, (wanted, held, surge), replicas, annotations, expected) in cases {
        let mut deployment = rolling(wanted, json!(surge), json!(1));
        deployment.status.get_or_insert_default().replicas = Some(held);
        assert_eq!(fraction(&set("nginx", replicas, annotations), &deployment), expected, "{name}");
    }
}
