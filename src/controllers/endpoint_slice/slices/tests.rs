//! Upstream's tables of endpoints and labels (`endpointslice/utils_test.go`), with the names of their cases.
//!
//! Not here: addresses of IPv6, which no Pod has; hints, which no Service is given.

use serde_json::{Value, json};

use super::*;

fn service(name: &str, spec: Value, labels: Value) -> Service {
    serde_json::from_value(json!({"metadata": {"name": name, "namespace": "test", "labels": labels}, "spec": spec}))
        .unwrap()
}

#[test]
fn test_pod_to_endpoint() {
    let plain = service("foo", json!({"clusterIP": "10.96.0.9"}), Value::Null);
    let unready = service("publishnotready", json!({"publishNotReadyAddresses": true}), Value::Null);
    // Whether the Pod is ready and leaves, its host name, the node's zone; whether it is ready, serves, leaves.
    for (name, service, is_ready, leaves, hostname, zone, expected) in [
        ("Ready pod", &plain, true, false, None, None, (true, true, false)),
        ("Ready pod + publishNotReadyAddresses", &unready, true, false, None, None, (true, true, false)),
        ("Unready pod", &plain, false, false, None, None, (false, false, false)),
        ("Unready pod + publishNotReadyAddresses", &unready, false, false, None, None, (true, false, false)),
        ("Ready pod + node labels", &plain, true, false, None, Some("us-central1-a"), (true, true, false)),
        (
            "Ready pod + hostname",
            &plain,
            true,
            false,
            Some("example-hostname"),
            Some("us-central1-a"),
            (true, true, false),
        ),
        ("Ready terminating pod", &plain, true, true, None, None, (false, true, true)),
        ("Not ready terminating pod", &plain, false, true, None, None, (false, false, true)),
    ] {
        let ready = if is_ready { "True" } else { "False" };
        let pod = json!({
            "metadata": {"name": "pod1", "namespace": "test", "uid": "uid1", "deletionTimestamp": leaves.then_some("2020-01-01T00:00:00Z")},
            "spec": {"nodeName": "node-1", "containers": [], "hostname": hostname, "subdomain": hostname.map(|_| "foo")},
            "status": {"podIP": "1.2.3.5", "podIPs": [{"ip": "1.2.3.5"}], "conditions": [{"type": "Ready", "status": ready}]},
        });
        let got = endpoint_of(&serde_json::from_value(pod).unwrap(), service, zone.map(str::to_owned));
        let (ready, serving, terminating) = expected;
        let mut wanted = json!({
            "addresses": ["1.2.3.5"], "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
            "nodeName": "node-1", "targetRef": {"kind": "Pod", "namespace": "test", "name": "pod1", "uid": "uid1"},
        });
        for (field, value) in [("hostname", hostname), ("zone", zone)] {
            if let Some(value) = value {
                wanted[field] = json!(value);
            }
        }
        assert_eq!(serde_json::to_value(got).unwrap(), wanted, "{name}");
    }
}

#[test]
fn test_set_endpoint_slice_labels() {
    let headless = json!({"clusterIP": "None"});
    let normal = json!({"clusterIP": "10.96.0.9"});
    let own = |more: Value| {
        let mut labels = json!({"kubernetes.io/service-name": "foo", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"});
        for (key, value) in more.as_object().unwrap() {
            labels[key] = value.clone();
        }
        labels
    };
    for (name, spec, labels, expected) in [
        ("Service without labels and empty endpoint slice", normal.clone(), Value::Null, own(json!({}))),
        (
            "Service with labels and empty endpoint slice",
            normal.clone(),
            json!({"foo": "bar"}),
            own(json!({"foo": "bar"})),
        ),
        (
            "Headless Service with labels and empty endpoint slice",
            headless,
            json!({"foo": "bar"}),
            own(json!({"foo": "bar", "service.kubernetes.io/headless": ""})),
        ),
        (
            "Non Headless Service with Headless label and empty endpoint slice",
            normal.clone(),
            json!({"foo": "bar", "service.kubernetes.io/headless": ""}),
            own(json!({"foo": "bar"})),
        ),
        (
            "Service with reserved labels",
            normal,
            json!({"kubernetes.io/service-name": "other", "endpointslice.kubernetes.io/managed-by": "me"}),
            own(json!({})),
        ),
    ] {
        assert_eq!(json!(labels_of(&service("foo", spec, labels))), expected, "{name}");
    }
}
