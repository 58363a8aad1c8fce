//! Who owns which field, from outside.

use super::*;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment(replicas: i64) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}},
    }})
}

fn apply(server: &mut Server, manager: &str, object: &Value, force: bool) -> (u16, Value) {
    let request = Request::new(Method::Patch, format!("{DEPLOYMENTS}/web"))
        .with_header("Content-Type", "application/apply-patch+yaml")
        .with_query("fieldManager", manager)
        .with_query("force", force.to_string())
        .with_body(object.to_string());
    let (status, value, _) = server.send(&request);
    (status, value)
}

fn entry(object: &Value, manager: &str, subresource: &str) -> Value {
    let mut entries = object["metadata"]["managedFields"].as_array().unwrap().iter();
    let is = |one: &&Value| one["manager"] == manager && one["subresource"].as_str().unwrap_or_default() == subresource;
    entries.find(is).cloned().unwrap_or_default()
}

#[test]
fn a_create_owns_what_was_sent_and_defaulted_but_not_what_admission_added() {
    let mut server = Server::new();
    let request =
        Request::new(Method::Post, PODS).with_query("fieldManager", "kubectl-run").with_body(pod("a").to_string());
    let (_, created, _) = server.send(&request);
    let own = entry(&created, "kubectl-run", "");
    assert_eq!(own["operation"], "Update");
    assert_eq!(own["apiVersion"], "v1");
    let spec = &own["fieldsV1"]["f:spec"];
    assert_eq!(spec["f:enableServiceLinks"], json!({}));
    assert_eq!(spec["f:containers"]["k:{\"name\":\"c\"}"]["."], json!({}));
    assert_eq!((&spec["f:tolerations"], &spec["f:serviceAccountName"]), (&Value::Null, &Value::Null));
}

#[test]
fn scale_and_status_are_owned_by_their_doors() {
    let mut server = Server::new();
    server.post(DEPLOYMENTS, deployment(1));
    let (_, _, _) = server.patch(&format!("{DEPLOYMENTS}/web/scale"), "merge-patch", json!({"spec": {"replicas": 3}}));
    let (_, mut held) = server.get(&format!("{DEPLOYMENTS}/web"));
    let scaled = entry(&held, "kubectl", "scale");
    assert_eq!(scaled["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    assert_eq!(scaled["time"], Value::Null);
    assert_eq!(entry(&held, "kubectl", "")["fieldsV1"]["f:spec"]["f:replicas"], Value::Null);
    held["status"] = json!({"replicas": 3, "conditions": [{"type": "Available", "status": "True"}]});
    let (_, after) = server.put(&format!("{DEPLOYMENTS}/web/status"), &held);
    let fields = &entry(&after, "kubectl", "status")["fieldsV1"]["f:status"];
    assert_eq!(fields["f:replicas"], json!({}));
    assert_eq!(fields["f:conditions"]["k:{\"type\":\"Available\"}"]["."], json!({}));
}

#[test]
fn an_apply_conflicts_with_who_changed_the_field_and_can_be_forced() {
    let mut server = Server::new();
    let (status, _) = apply(&mut server, "kubectl", &deployment(1), false);
    assert_eq!(status, 201);
    let path = format!("{DEPLOYMENTS}/web");
    server.patch(&path, "merge-patch", json!({"spec": {"replicas": 5}}));
    let (status, refused) = apply(&mut server, "other", &deployment(2), false);
    assert_eq!(status, 409);
    assert_eq!(
        refused["message"],
        "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.replicas"
    );
    assert_eq!(refused["details"]["causes"][0]["reason"], "FieldManagerConflict");
    assert_eq!(refused["details"]["causes"][0]["field"], ".spec.replicas");
    let (status, forced) = apply(&mut server, "other", &deployment(2), true);
    assert_eq!((status, &forced["spec"]["replicas"]), (200, &json!(2)));
    let same = apply(&mut server, "other", &deployment(2), false).1;
    assert_eq!(same["metadata"]["resourceVersion"], forced["metadata"]["resourceVersion"], "nothing has changed");
}

#[test]
fn a_field_that_is_applied_no_more_goes() {
    let mut server = Server::new();
    let mut first = deployment(1);
    first["metadata"]["labels"] = json!({"a": "1", "b": "2"});
    apply(&mut server, "kubectl", &first, false);
    first["metadata"]["labels"] = json!({"b": "2"});
    let (_, after) = apply(&mut server, "kubectl", &first, false);
    assert_eq!(after["metadata"]["labels"], json!({"b": "2"}));
}

#[test]
fn what_does_not_fit_the_schema_is_not_applied() {
    let mut server = Server::new();
    let mut wrong = deployment(1);
    wrong["spec"]["foo"] = json!(1);
    wrong["metadata"]["namespace"] = json!("default");
    let (status, refused) = apply(&mut server, "kubectl", &wrong, false);
    assert_eq!(status, 500);
    assert_eq!(
        refused["message"],
        "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.foo: field not declared \
         in schema"
    );
    wrong = deployment(1);
    wrong["kind"] = json!("ReplicaSet");
    let (status, refused) = apply(&mut server, "kubectl", &wrong, false);
    assert_eq!((status, &refused["message"]), (400, &json!("invalid object type: apps/v1, Kind=ReplicaSet")));
}

#[test]
fn a_client_can_hand_fields_over_and_reset_them() {
    let mut server = Server::new();
    let (_, created) = server.post(DEPLOYMENTS, deployment(1));
    let mut entries = created["metadata"]["managedFields"].clone();
    entries[0]["manager"] = json!("somebody");
    entries[0]["operation"] = json!("Apply");
    let path = format!("{DEPLOYMENTS}/web");
    let patch = json!([{"op": "replace", "path": "/metadata/managedFields", "value": entries}]);
    let (_, after, _) = server.patch(&path, "json-patch", patch);
    assert_eq!(after["metadata"]["managedFields"].as_array().unwrap().len(), 1);
    assert_eq!(entry(&after, "somebody", "")["operation"], "Apply");
    let (_, reset, _) = server.patch(&path, "merge-patch", json!({"metadata": {"managedFields": []}}));
    assert_eq!(reset["metadata"]["managedFields"], Value::Null);
}

#[test]
fn the_name_of_a_manager_has_bounds() {
    let mut server = Server::new();
    let request = Request::new(Method::Post, PODS).with_body(pod("a").to_string());
    let (status, refused, _) = server.send(&request.clone().with_query("fieldManager", "x".repeat(129)));
    assert_eq!(status, 422);
    assert!(refused["message"].as_str().unwrap().contains("fieldManager: Too long"), "{refused}");
    let (_, created, _) = server.send(&request.with_header("User-Agent", "curl/8.5.0"));
    assert_eq!(entry(&created, "curl", "")["operation"], "Update");
}

#[test]
fn many_writes_keep_the_same_owners_as_each_one_worked_out_at_once() {
    let (mut asked, mut silent) = (Server::new(), Server::new());
    for server in [&mut asked, &mut silent] {
        server.post(PODS, pod("a"));
    }
    for round in 0..200 {
        let label = format!("l{}", round % 7);
        let patch = json!({"metadata": {"labels": {label: round.to_string()}}});
        for server in [&mut asked, &mut silent] {
            let request = Request::new(Method::Patch, format!("{PODS}/a"))
                .with_header("Content-Type", "application/merge-patch+json")
                .with_query("fieldManager", format!("m{}", round % 3))
                .with_header("Accept", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
                .with_body(patch.to_string());
            server.send(&request);
        }
        asked.get(&format!("{PODS}/a"));
    }
    let (one, other) = (asked.get(&format!("{PODS}/a")).1, silent.get(&format!("{PODS}/a")).1);
    assert_eq!(one["metadata"]["managedFields"], other["metadata"]["managedFields"]);
}
