//! Owners that are none: in another namespace, of another name, of a kind that the object cannot have.

use serde_json::{Value, json};
use std::time::Duration;
use tabernetes::cluster::{Cluster, Config};
use tabernetes::text::http::{Body, Method, Request};

fn ask(cluster: &mut Cluster, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let mut request = Request::new(method, path);
    if !body.is_null() {
        request = request.with_body(body.to_string());
    }
    let answer = cluster.handle(&request);
    let Body::Bytes(bytes) = answer.body else { panic!("a stream") };
    (answer.status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[test]
fn what_an_owner_elsewhere_owns_is_collected_and_told_of_and_what_has_no_namespace_is_left_alone() {
    let mut cluster = Cluster::new(&Config::default());
    let maps = |namespace: &str| format!("/api/v1/namespaces/{namespace}/configmaps");
    for name in ["one", "two"] {
        ask(&mut cluster, Method::Post, "/api/v1/namespaces", &json!({"metadata": {"name": name}}));
    }
    let (_, owner) = ask(&mut cluster, Method::Post, &maps("one"), &json!({"metadata": {"name": "owner"}}));
    let uid = owner["metadata"]["uid"].as_str().unwrap().to_owned();
    let owned = |name: &str, owner: &str, kind: &str| {
        let owners = json!([{"apiVersion": "v1", "kind": kind, "name": owner, "uid": uid}]);
        json!({"metadata": {"name": name, "ownerReferences": owners}})
    };
    for (namespace, name, owner, kind) in [
        ("two", "cross", "owner", "ConfigMap"),
        ("one", "kept", "owner", "ConfigMap"),
        ("one", "misnamed", "other", "ConfigMap"),
        ("one", "unknown", "owner", "Nothing"),
    ] {
        assert_eq!(ask(&mut cluster, Method::Post, &maps(namespace), &owned(name, owner, kind)).0, 201);
    }
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    ask(&mut cluster, Method::Post, roles, &owned("wide", "owner", "ConfigMap"));
    let end = cluster.now() + Duration::from_secs(30);
    assert_eq!(cluster.advance_to(end, 100_000).spinning, None);
    let mut code = |path: String| ask(&mut cluster, Method::Get, &path, &Value::Null).0;
    assert_eq!(code(format!("{}/cross", maps("two"))), 404, "its owner is in another namespace");
    assert_eq!(code(format!("{}/misnamed", maps("one"))), 404, "its owner has another name");
    assert_eq!(code(format!("{}/kept", maps("one"))), 200);
    assert_eq!(code(format!("{}/unknown", maps("one"))), 200, "nobody knows what owns it");
    assert_eq!(code(format!("{roles}/wide")), 200, "nobody can look for its owner");
    let (_, events) = ask(&mut cluster, Method::Get, "/api/v1/events", &Value::Null);
    let told: Vec<&Value> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["reason"] == "OwnerRefInvalidNamespace")
        .map(|event| &event["message"])
        .collect();
    let message = |namespace: &str| {
        json!(format!(
            "ownerRef [v1/ConfigMap, namespace: {namespace}, name: owner, uid: {uid}] does not exist in namespace \
             \"{namespace}\""
        ))
    };
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&&message("two")) && told.contains(&&message("")), "{told:?}");
}
