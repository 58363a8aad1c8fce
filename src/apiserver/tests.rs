//! The server from outside: requests in, answers out.

mod admission_policies;
mod custom_resources;
mod managed_fields;
mod paging;
mod reference;

use serde_json::{Value, json};

use super::{ApiServer, Caller, NoNodes};
use crate::sim::{Seed, Time};
use crate::text::http::{Body, Method, Request, Response, StreamRead};

struct Server(ApiServer);

impl Server {
    fn new() -> Self {
        let mut server = Self(ApiServer::new(Seed::new(1), Time::from_seconds(1_700_000_000)));
        server.post("/api/v1/namespaces", json!({"metadata": {"name": "default"}}));
        server.post("/api/v1/namespaces/default/serviceaccounts", json!({"metadata": {"name": "default"}}));
        server.0.enable_admission();
        server
    }

    fn send(&mut self, request: &Request) -> (u16, Value, Response) {
        let response = self.0.handle(&Caller::admin(), request, &mut NoNodes);
        let value = match &response.body {
            Body::Bytes(bytes) => serde_json::from_slice(bytes).unwrap_or(Value::Null),
            Body::Stream(_) => Value::Null,
        };
        (response.status, value, response)
    }

    fn get(&mut self, path: &str) -> (u16, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut request = Request::new(Method::Get, path);
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            request = request.with_query(name, value);
        }
        let (status, value, _) = self.send(&request);
        (status, value)
    }

    fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        let (status, value, _) = self.send(&Request::new(Method::Post, path).with_body(body.to_string()));
        (status, value)
    }

    fn put(&mut self, path: &str, body: &Value) -> (u16, Value) {
        let (status, value, _) = self.send(&Request::new(Method::Put, path).with_body(body.to_string()));
        (status, value)
    }

    fn patch(&mut self, path: &str, form: &str, body: Value) -> (u16, Value, Response) {
        let media = format!("application/{form}+json");
        let request = Request::new(Method::Patch, path).with_header("Content-Type", media).with_body(body.to_string());
        self.send(&request)
    }

    fn delete(&mut self, path: &str, options: Value) -> (u16, Value) {
        let (status, value, _) = self.send(&Request::new(Method::Delete, path).with_body(options.to_string()));
        (status, value)
    }

    fn watch(&mut self, path: &str) -> crate::text::http::StreamId {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut request = Request::new(Method::Get, path).with_query("watch", "1");
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            request = request.with_query(name, value);
        }
        match self.send(&request).2.body {
            Body::Stream(id) => id,
            Body::Bytes(bytes) => panic!("{}", String::from_utf8_lossy(&bytes)),
        }
    }

    fn events(&mut self, id: crate::text::http::StreamId) -> Vec<Value> {
        match self.0.read_stream(id, &mut NoNodes) {
            StreamRead::Data(bytes) => {
                String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
            }
            _ => Vec::new(),
        }
    }
}

const PODS: &str = "/api/v1/namespaces/default/pods";
const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}})
}

fn job(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"template": {"spec": {
        "containers": [{"name": "c", "image": "busybox"}], "restartPolicy": "Never",
    }}}})
}

#[test]
fn a_created_object_is_read_listed_and_shown_as_a_table() {
    let mut server = Server::new();
    let (status, created) = server.post(PODS, pod("a"));
    assert_eq!(status, 201, "{created}");
    assert_eq!(created["kind"], "Pod");
    assert_eq!(server.get(&format!("{PODS}/a")).1, created);
    let (_, list) = server.get(PODS);
    assert_eq!((list["kind"].as_str(), list["items"].as_array().unwrap().len()), (Some("PodList"), 1));
    let request = Request::new(Method::Get, PODS).with_header("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    let (_, table, _) = server.send(&request);
    assert_eq!(table["rows"][0]["cells"][0], "a");
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(table["columnDefinitions"][0]["name"], "Name");
}

#[test]
fn admission_gives_a_pod_its_account_token_priority_and_tolerations() {
    let mut server = Server::new();
    let (_, created) = server.post(PODS, pod("a"));
    let spec = &created["spec"];
    assert_eq!(spec["serviceAccountName"], "default");
    assert_eq!(spec["priority"], 0);
    assert_eq!(spec["tolerations"][0]["tolerationSeconds"], 300);
    let name = spec["volumes"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("kube-api-access-") && name.len() == 21, "{name}");
    assert_eq!(spec["containers"][0]["volumeMounts"][0]["name"], name);
    let (_, refused) = server.post("/api/v1/namespaces/nosuch/pods", pod("a"));
    assert_eq!(refused["message"], "namespaces \"nosuch\" not found");
}

#[test]
fn unknown_fields_are_refused_warned_of_or_dropped() {
    let mut server = Server::new();
    let mut body = job("t");
    body["spec"]["completion"] = json!(3);
    let request = |how: &str| {
        Request::new(Method::Post, JOBS)
            .with_query("fieldValidation", how)
            .with_query("dryRun", "All")
            .with_body(body.to_string())
    };
    let (status, refused, _) = server.send(&request("Strict"));
    assert_eq!(status, 400);
    assert_eq!(
        refused["message"],
        "Job in version \"v1\" cannot be handled as a Job: strict decoding error: unknown field \"spec.completion\""
    );
    let (status, _, response) = server.send(&request("Warn"));
    assert_eq!((status, response.header("Warning")), (201, Some("299 - \"unknown field \\\"spec.completion\\\"\"")));
    let (status, _, response) = server.send(&request("Ignore"));
    assert_eq!((status, response.header("Warning")), (201, None));
    assert_eq!(server.get(&format!("{JOBS}/t")).0, 404, "a dry run writes nothing");
}

#[test]
fn an_update_from_an_old_version_conflicts_and_one_without_change_writes_nothing() {
    let mut server = Server::new();
    let (_, first) = server.post(JOBS, job("t"));
    let path = format!("{JOBS}/t");
    let (status, same) = server.put(&path, &first);
    assert_eq!((status, &same["metadata"]["resourceVersion"]), (200, &first["metadata"]["resourceVersion"]));
    let (status, _, _) = server.patch(&path, "merge-patch", json!({"spec": {"parallelism": 2}}));
    assert_eq!(status, 200);
    let (status, conflict) = server.put(&path, &first);
    assert_eq!((status, conflict["reason"].as_str()), (409, Some("Conflict")));
}

#[test]
fn patches_of_every_form_change_what_they_name() {
    let mut server = Server::new();
    server.post(JOBS, job("t"));
    let path = format!("{JOBS}/t");
    let (status, one, _) = server.patch(&path, "strategic-merge-patch", json!({"spec": {"suspend": true}}));
    assert_eq!((status, &one["spec"]["suspend"]), (200, &json!(true)));
    let operations = json!([{"op": "replace", "path": "/spec/suspend", "value": false}]);
    let (status, two, _) = server.patch(&path, "json-patch", operations);
    assert_eq!((status, &two["spec"]["suspend"]), (200, &json!(false)));
    let (status, refused, _) = server.patch(&path, "json-patch", json!([{"op": "remove", "path": "/spec/nosuch"}]));
    assert_eq!((status, refused["reason"].as_str()), (422, Some("Invalid")));
    let (_, refused, _) = server.patch(&path, "merge-patch", json!({"metadata": {"name": "other"}}));
    assert_eq!(refused["message"], "the name of the object (other) does not match the name on the URL (t)");
    let (_, refused, _) = server.patch(&path, "strategic-merge-patch", json!({"spec": {"parallelism": "x"}}));
    assert_eq!(
        refused["message"],
        " \"\" is invalid: patch: Invalid value: \"map[spec:map[parallelism:x]]\": unrecognized type: int32"
    );
}

#[test]
fn a_pod_without_a_node_goes_at_once_and_a_bound_one_in_its_grace_period() {
    let mut server = Server::new();
    server.post(PODS, pod("a"));
    server.post(PODS, pod("b"));
    let (status, gone) = server.delete(&format!("{PODS}/a"), json!({}));
    assert_eq!((status, gone["metadata"]["name"].as_str()), (200, Some("a")));
    assert_eq!(server.get(&format!("{PODS}/a")).0, 404);
    server.post(
        &format!("{PODS}/b/binding"),
        json!({"metadata": {"name": "b"}, "target": {"kind": "Node", "name": "n"}}),
    );
    let (_, waiting) = server.delete(&format!("{PODS}/b"), json!({}));
    assert_eq!(waiting["metadata"]["deletionGracePeriodSeconds"], 30);
    let version = server.get(&format!("{PODS}/b")).1["metadata"]["resourceVersion"].clone();
    server.delete(&format!("{PODS}/b"), json!({"gracePeriodSeconds": 60}));
    assert_eq!(server.get(&format!("{PODS}/b")).1["metadata"]["resourceVersion"], version, "it only gets shorter");
    server.delete(&format!("{PODS}/b"), json!({"gracePeriodSeconds": 0}));
    assert_eq!(server.get(&format!("{PODS}/b")).0, 404);
}

#[test]
fn finalizers_hold_an_object_until_they_are_taken_away() {
    let mut server = Server::new();
    server.post(JOBS, job("t"));
    let path = format!("{JOBS}/t");
    let (_, waiting) = server.delete(&path, json!({"propagationPolicy": "Foreground"}));
    assert_eq!(waiting["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    assert_eq!(waiting["metadata"]["deletionGracePeriodSeconds"], 0);
    let (status, _, _) = server.patch(&path, "merge-patch", json!({"metadata": {"finalizers": null}}));
    assert_eq!(status, 200);
    assert_eq!(server.get(&path).0, 404);
}

#[test]
fn a_job_deleted_without_a_policy_leaves_its_pods_and_warns() {
    let mut server = Server::new();
    server.post(JOBS, job("t"));
    let (_, waiting, response) = server.send(&Request::new(Method::Delete, format!("{JOBS}/t")));
    assert_eq!(waiting["metadata"]["finalizers"], json!(["orphan"]));
    assert!(response.header("Warning").unwrap().contains("child pods are preserved by default"));
    server.post(JOBS, job("u"));
    let (_, gone) = server.delete(&format!("{JOBS}/u"), json!({"propagationPolicy": "Background"}));
    assert_eq!((gone["status"].as_str(), gone["details"]["kind"].as_str()), (Some("Success"), Some("jobs")));
}

#[test]
fn preconditions_guard_a_deletion() {
    let mut server = Server::new();
    server.post(PODS, pod("a"));
    let (status, refused) = server.delete(&format!("{PODS}/a"), json!({"preconditions": {"uid": "x"}}));
    assert_eq!((status, refused["reason"].as_str()), (409, Some("Conflict")));
}

#[test]
fn a_watch_tells_what_comes_after_its_version() {
    let mut server = Server::new();
    let (_, first) = server.post(PODS, pod("a"));
    let version = first["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let id = server.watch(&format!("{PODS}?resourceVersion={version}"));
    assert!(server.events(id).is_empty());
    server.post(PODS, pod("b"));
    server.delete(&format!("{PODS}/a"), json!({}));
    let seen: Vec<(String, String)> = server
        .events(id)
        .iter()
        .map(|event| {
            let name = event["object"]["metadata"]["name"].as_str().unwrap().to_owned();
            (event["type"].as_str().unwrap().to_owned(), name)
        })
        .collect();
    let words = [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "a")];
    assert_eq!(seen, words.map(|(kind, name)| (kind.to_owned(), name.to_owned())));
    server.0.close_stream(id, &mut NoNodes);
    assert_eq!(server.0.open_streams(), 0);
}

#[test]
fn an_object_that_ceases_to_match_is_gone_for_the_watch() {
    let mut server = Server::new();
    let mut labelled = pod("a");
    labelled["metadata"]["labels"] = json!({"app": "x"});
    server.post(PODS, labelled);
    let id = server.watch(&format!("{PODS}?labelSelector=app=x"));
    assert_eq!(server.events(id)[0]["type"], "ADDED");
    server.patch(&format!("{PODS}/a"), "merge-patch", json!({"metadata": {"labels": {"app": "y"}}}));
    assert_eq!(server.events(id)[0]["type"], "DELETED");
}

#[test]
fn initial_events_end_with_a_bookmark() {
    let mut server = Server::new();
    server.post(PODS, pod("a"));
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let id = server.watch(&format!("{PODS}?{query}"));
    let events = server.events(id);
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["type"], "BOOKMARK");
    assert_eq!(events[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

#[test]
fn a_watch_from_a_version_that_has_left_the_log_ends_with_410() {
    let mut server = Server::new();
    server.post(PODS, pod("a"));
    let (by, object) = ("test".into(), server.0.store.get("pods", "default", "a").cloned().unwrap());
    for _ in 0..17_000 {
        server.0.store.put(object.clone_object(), crate::apimachinery::managed_fields::Origin::nobody(), &by);
    }
    let id = server.watch(&format!("{PODS}?resourceVersion=5"));
    let events = server.events(id);
    assert_eq!((events[0]["type"].as_str(), &events[0]["object"]["code"]), (Some("ERROR"), &json!(410)));
}

#[test]
fn pages_follow_one_another() {
    let mut server = Server::new();
    for name in ["a", "b", "c", "d", "e"] {
        server.post(PODS, pod(name));
    }
    let (_, first) = server.get(&format!("{PODS}?limit=2"));
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    let (_, second) = server.get(&format!("{PODS}?limit=9&continue={token}"));
    let names: Vec<&str> =
        second["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["c", "d", "e"]);
}

#[test]
fn selectors_that_cannot_be_are_refused() {
    let mut server = Server::new();
    assert_eq!(server.get(&format!("{PODS}?fieldSelector=foo=bar")).1["message"], "field label not supported: foo");
    assert_eq!(
        server.get(&format!("{JOBS}?fieldSelector=status.phase=Running")).1["message"],
        "field label \"status.phase\" not supported for Job"
    );
    assert_eq!(
        server.get(&format!("{PODS}?labelSelector=a=b=c")).1["message"],
        "found '=', expected: ',' or 'end of string'"
    );
}

#[test]
fn discovery_names_every_kind() {
    let mut server = Server::new();
    let (_, batch) = server.get("/apis/batch/v1");
    let jobs = batch["resources"].as_array().unwrap().iter().find(|one| one["name"] == "jobs").unwrap().clone();
    assert_eq!(jobs["storageVersionHash"], "mudhfqk/qZY=");
    assert_eq!(server.get("/apis/nosuch").0, 404);
    let request = Request::new(Method::Get, "/apis")
        .with_header("Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json");
    let (_, aggregated, response) = server.send(&request);
    assert_eq!(aggregated["kind"], "APIGroupDiscoveryList");
    assert!(response.header("Content-Type").unwrap().contains("as=APIGroupDiscoveryList"));
    let (_, index) = server.get("/openapi/v3");
    for path in index["paths"].as_object().unwrap().keys() {
        let (status, document) = server.get(&format!("/openapi/v3/{path}"));
        assert_eq!(status, 200);
        references_resolve(&document, &document["components"]["schemas"]);
    }
}

fn references_resolve(value: &Value, schemas: &Value) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(Value::as_str) {
                let name = name.strip_prefix("#/components/schemas/").unwrap();
                assert!(schemas.get(name).is_some(), "{name}");
            }
            map.values().for_each(|inner| references_resolve(inner, schemas));
        }
        Value::Array(items) => items.iter().for_each(|inner| references_resolve(inner, schemas)),
        _ => {}
    }
}

#[test]
fn no_request_panics() {
    let mut server = Server::new();
    server.post(PODS, pod("a"));
    let bodies = ["", "{", "null", "[]", "1", "{\"kind\":1}", "{\"metadata\":[]}", "{\"spec\":{\"containers\":{}}}"];
    let paths = [
        "",
        "/",
        "//",
        "/api//pods",
        "/api/v1/namespaces//pods",
        PODS,
        "/api/v1/namespaces/default/pods/a",
        "/api/v1/namespaces/default/pods/a/exec",
        "/api/v1/namespaces/default/pods/a/scale",
        "/api/v1/pods/a",
        "/apis/batch/v1/jobs/x/y/z",
        "/api/v1/namespaces/default/bindings",
        "/openapi/v3/x",
    ];
    for path in paths {
        for body in bodies {
            for method in [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete] {
                for media in [
                    "application/json",
                    "application/yaml",
                    "application/json-patch+json",
                    "application/strategic-merge-patch+json",
                    "application/apply-patch+yaml",
                    "x",
                ] {
                    let request = Request::new(method, path).with_header("Content-Type", media).with_body(body);
                    let (status, _, _) = server.send(&request);
                    assert!((100..600).contains(&status));
                }
            }
        }
    }
}

#[test]
fn a_service_account_may_do_what_its_role_says() {
    let mut server = Server::new();
    let bot = "system:serviceaccount:default:bot";
    let ask = |server: &mut Server, verb: &str| {
        let review = json!({"spec": {"resourceAttributes": {
            "verb": verb, "group": "batch", "resource": "jobs", "namespace": "default",
        }}});
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let review = json!({"spec": {"user": bot, "resourceAttributes": review["spec"]["resourceAttributes"]}});
        server.post(&path.replace("selfsubject", "subject"), review).1["status"]["allowed"].clone()
    };
    assert_eq!(ask(&mut server, "get"), false);
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let rules = json!([{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]}]);
    server.post(&format!("{rbac}/roles"), json!({"metadata": {"name": "r"}, "rules": rules}));
    let subjects = json!([{"kind": "ServiceAccount", "name": "bot", "namespace": "default"}]);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"});
    let binding = json!({"metadata": {"name": "rb"}, "roleRef": role, "subjects": subjects});
    assert_eq!(server.post(&format!("{rbac}/rolebindings"), binding).0, 201);
    assert_eq!(ask(&mut server, "get"), true);
    let request = Request::new(Method::Get, JOBS).with_header("Impersonate-User", bot);
    let (status, refused, _) = server.send(&request);
    assert_eq!(status, 403);
    assert_eq!(
        refused["message"],
        format!(
            "jobs.batch is forbidden: User \"{bot}\" cannot list resource \"jobs\" in API group \"batch\" in the \
             namespace \"default\""
        )
    );
    let (_, token) = server.post("/api/v1/namespaces/default/serviceaccounts/default/token", json!({}));
    assert!(token["status"]["token"].as_str().unwrap().starts_with("eyJhbGciOi"));
}
